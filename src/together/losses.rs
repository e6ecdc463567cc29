//! The losses: which parameters and which tensors belong to each.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::arguments::schema::{brief, hint, renamed, retired, unlisted};
use crate::error::problems::{Path, Problems};

/// How the type of a loss is given that others give as text.
pub(crate) const LOSS_TYPE: &str =
    "is a member of loss: write loss: {\"type\": \"LOSS_TYPE_GRPO\"}, for example";

/// Which loss.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[schemars(transform = retired(&[
    ("LOSS_TYPE_UNSPECIFIED", "must not be sent: name a loss"),
    ("LOSS_TYPE_DPO", "is not among this service's losses, and none takes pairs of completions. Either give the preferred completion of each pair reward 1 and the other 0 and use LOSS_TYPE_GRPO, or compute the gradients of DPO yourself and send them with custom-forward-backward-pass (toolset rl-more)"),
    ("LOSS_TYPE_GSPO", "is LOSS_TYPE_GRPO here, with grpo_params.ratio_type GRPO_LOSS_RATIO_TYPE_SEQUENCE"),
    ("LOSS_TYPE_REINFORCE", "must be \"LOSS_TYPE_IMPORTANCE_SAMPLING\", as that value is called here: the same without a clip, with advantages"),
    ("LOSS_TYPE_DAPO", "is LOSS_TYPE_GRPO here, with grpo_params {\"clip_high_threshold\": 1.28, \"agg_type\": \"TOKEN_MEAN\"}"),
    ("LOSS_TYPE_DR_GRPO", "is LOSS_TYPE_GRPO here, with grpo_params {\"agg_type\": \"FIXED_HORIZON\"}"),
]), transform = renamed(&[
    ("LOSS_TYPE_SFT", "LOSS_TYPE_CROSS_ENTROPY"),
    ("LOSS_TYPE_CE", "LOSS_TYPE_CROSS_ENTROPY"),
    ("LOSS_TYPE_NLL", "LOSS_TYPE_CROSS_ENTROPY"),
    ("LOSS_TYPE_GSPO", "LOSS_TYPE_GRPO"),
    ("LOSS_TYPE_DAPO", "LOSS_TYPE_GRPO"),
    ("LOSS_TYPE_DR_GRPO", "LOSS_TYPE_GRPO"),
    ("LOSS_TYPE_REINFORCE", "LOSS_TYPE_IMPORTANCE_SAMPLING"),
    ("LOSS_TYPE_POLICY_GRADIENT", "LOSS_TYPE_IMPORTANCE_SAMPLING"),
]))]
pub(crate) enum LossType {
    /// supervised
    #[serde(rename = "LOSS_TYPE_CROSS_ENTROPY")]
    CrossEntropy,
    /// clipped policy gradient, optional KL term
    #[serde(rename = "LOSS_TYPE_GRPO")]
    Grpo,
    /// unclipped ratio
    #[serde(rename = "LOSS_TYPE_IMPORTANCE_SAMPLING")]
    ImportanceSampling,
    /// clipped ratio
    #[serde(rename = "LOSS_TYPE_PPO")]
    Ppo,
    /// clipped, detached ratio as weight
    #[serde(rename = "LOSS_TYPE_CISPO")]
    Cispo,
    /// quadratic log-ratio penalty
    #[serde(rename = "LOSS_TYPE_DRO")]
    Dro,
    /// trust region in probability space
    #[serde(rename = "LOSS_TYPE_DPPO")]
    Dppo,
}

impl LossType {
    /// The name on the wire.
    #[must_use]
    pub(crate) const fn wire_name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "LOSS_TYPE_CROSS_ENTROPY",
            Self::Grpo => "LOSS_TYPE_GRPO",
            Self::ImportanceSampling => "LOSS_TYPE_IMPORTANCE_SAMPLING",
            Self::Ppo => "LOSS_TYPE_PPO",
            Self::Cispo => "LOSS_TYPE_CISPO",
            Self::Dro => "LOSS_TYPE_DRO",
            Self::Dppo => "LOSS_TYPE_DPPO",
        }
    }

    /// The member that holds its parameters, if it has any.
    const fn params(self) -> Option<&'static str> {
        match self {
            Self::CrossEntropy | Self::ImportanceSampling => None,
            Self::Grpo => Some("grpo_params"),
            Self::Ppo => Some("ppo_params"),
            Self::Cispo => Some("cispo_params"),
            Self::Dro => Some("dro_params"),
            Self::Dppo => Some("dppo_params"),
        }
    }
}

/// Give only the params object named after type (importance sampling has none).
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = hint("write {\"type\": \"LOSS_TYPE_GRPO\"}, for example"))]
pub(crate) struct Loss {
    #[serde(rename = "type")]
    #[schemars(required)]
    kind: Option<LossType>,
    #[schemars(transform = unlisted)]
    cross_entropy_params: Option<CrossEntropyParams>,
    /// clip_low_threshold (bound of the probability ratio itself, no offset; 0.8), clip_high_threshold (1.2), beta (KL weight; 0, above it reference_logprobs are needed), agg_type (FIXED_HORIZON, TOKEN_MEAN, SEQUENCE_MEAN), ratio_type (TOKEN, or SEQUENCE for GSPO).
    #[schemars(transform = brief)]
    grpo_params: Option<GrpoParams>,
    /// clip_low_threshold, clip_high_threshold as in grpo_params.
    #[schemars(transform = brief)]
    ppo_params: Option<PpoParams>,
    /// The same two; defaults 0.0 and 4.0.
    #[schemars(transform = brief)]
    cispo_params: Option<CispoParams>,
    /// beta: penalty weight, such as 0.05. Required for DRO.
    #[schemars(transform = brief)]
    dro_params: Option<DroParams>,
    /// delta_low, delta_high: differences of probability, default 0.15.
    #[schemars(transform = brief)]
    dppo_params: Option<DppoParams>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(extend("properties" = {}))]
struct CrossEntropyParams {}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(transform = offsets, transform = renamed(&[
    ("kl_coef", "beta"),
    ("kl_beta", "beta"),
    ("kl_loss_coef", "beta"),
    ("kl_penalty_coef", "beta"),
]))]
struct GrpoParams {
    /// Lower bound of the probability ratio itself, not an offset. Default 0.8.
    clip_low_threshold: Option<f64>,
    /// Upper bound of the ratio itself. Default 1.2.
    clip_high_threshold: Option<f64>,
    /// KL weight. Default 0; above 0 needs reference_logprobs.
    #[schemars(range(min = 0))]
    beta: Option<f64>,
    agg_type: Option<AggregationType>,
    ratio_type: Option<RatioType>,
}

/// The names that other libraries, and earlier versions, have for the distances of the bounds from 1.
fn offsets(schema: &mut Schema) {
    const BOTH: &str = "is an offset from 1, and here the bounds themselves are given: for 0.2 write clip_low_threshold 0.8 and clip_high_threshold 1.2";
    const LOW: &str = "is an offset from 1; clip_low_threshold is the bound itself: 0.2 becomes 0.8";
    const HIGH: &str = "is an offset from 1; clip_high_threshold is the bound itself: 0.28 becomes 1.28";
    retired(&[
        ("epsilon", BOTH),
        ("eps", BOTH),
        ("eps_clip", BOTH),
        ("clip_eps", BOTH),
        ("clip_epsilon", BOTH),
        ("cliprange", BOTH),
        ("clip_range", BOTH),
        ("clip_ratio", BOTH),
        ("clip_low", LOW),
        ("epsilon_low", LOW),
        ("eps_clip_low", LOW),
        ("clip_ratio_low", LOW),
        ("clip_high", HIGH),
        ("epsilon_high", HIGH),
        ("eps_clip_high", HIGH),
        ("clip_ratio_high", HIGH),
    ])(schema);
}

/// How token losses are summed up. Default FIXED_HORIZON.
#[derive(Deserialize, JsonSchema)]
enum AggregationType {
    #[serde(rename = "GRPO_LOSS_AGGREGATION_TYPE_FIXED_HORIZON")]
    FixedHorizon,
    #[serde(rename = "GRPO_LOSS_AGGREGATION_TYPE_TOKEN_MEAN")]
    TokenMean,
    #[serde(rename = "GRPO_LOSS_AGGREGATION_TYPE_SEQUENCE_MEAN")]
    SequenceMean,
}

/// Ratio for each token (default) or each sequence (GSPO).
#[derive(Deserialize, JsonSchema)]
enum RatioType {
    #[serde(rename = "GRPO_LOSS_RATIO_TYPE_TOKEN")]
    Token,
    #[serde(rename = "GRPO_LOSS_RATIO_TYPE_SEQUENCE")]
    Sequence,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = offsets)]
struct PpoParams {
    clip_low_threshold: Option<f64>,
    clip_high_threshold: Option<f64>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(transform = offsets)]
struct CispoParams {
    clip_low_threshold: Option<f64>,
    clip_high_threshold: Option<f64>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
struct DroParams {
    /// Penalty weight, such as 0.05.
    #[schemars(required)]
    beta: Option<f64>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
struct DppoParams {
    #[schemars(range(min = 0, max = 1))]
    delta_low: Option<f64>,
    #[schemars(range(min = 0, max = 1))]
    delta_high: Option<f64>,
}

/// A lower bound of the ratio that is less is hardly ever meant.
const LEAST_LOWER_BOUND: f64 = 0.5;

/// A bound without what binary fractions add to it.
fn offset(bound: f64) -> f64 {
    (bound * 1e6).round() / 1e6
}

/// The bounds of the ratio, around 1.
#[derive(Clone, Copy)]
struct Bounds {
    low: Option<f64>,
    high: Option<f64>,
}

impl Bounds {
    /// Whether the upper one is an offset from 1, as others write them, so that the lower one is one as well.
    fn are_offsets(self) -> bool {
        self.high.is_some_and(|high| high > 0.0 && high < 1.0)
    }

    /// The lower one, if it looks like an offset.
    fn low_offset(self) -> Option<f64> {
        self.low.filter(|low| *low > 0.0 && *low < LEAST_LOWER_BOUND)
    }

    fn check(self, path: &Path<'_>, problems: &mut Problems) {
        let (low_path, high_path) = (path.key("clip_low_threshold"), path.key("clip_high_threshold"));
        if let Some(low) = self.low.filter(|low| *low > 1.0) {
            problems.add(&low_path, format!("is {low}, but must be at most 1"));
        }
        if self.are_offsets()
            && let Some(low) = self.low_offset()
        {
            let own = offset(1.0 - low);
            problems.add(
                &low_path,
                format!("is {low}, which is the bound itself and no offset from 1: for an offset of {low} write {own}"),
            );
        }
        if let Some(high) = self.high.filter(|high| *high < 1.0) {
            let own = offset(1.0 + high);
            let instead = if self.are_offsets() {
                format!(
                    ": it is the bound itself and no offset from 1, so for an offset of {high} write {own}"
                )
            } else {
                String::new()
            };
            problems.add(&high_path, format!("is {high}, but must be at least 1{instead}"));
        }
    }
}

impl Loss {
    /// Which loss; `None` when that itself is missing or wrong.
    #[must_use]
    pub(crate) const fn kind(&self) -> Option<LossType> {
        self.kind
    }

    /// Whether the KL term is on, so that reference log-probabilities are needed.
    #[must_use]
    pub(crate) fn has_kl_term(&self) -> bool {
        self.kind == Some(LossType::Grpo)
            && self
                .grpo_params
                .as_ref()
                .and_then(|params| params.beta)
                .is_some_and(|beta| beta > 0.0)
    }

    /// The bounds around 1, each with the member that holds them.
    fn bounds(&self) -> impl Iterator<Item = (&'static str, Bounds)> {
        let grpo = self.grpo_params.as_ref().map(|params| Bounds {
            low: params.clip_low_threshold,
            high: params.clip_high_threshold,
        });
        let ppo = self.ppo_params.as_ref().map(|params| Bounds {
            low: params.clip_low_threshold,
            high: params.clip_high_threshold,
        });
        let all = [("grpo_params", grpo), ("ppo_params", ppo)];
        all.into_iter()
            .filter_map(|(member, bounds)| Some((member, bounds?)))
    }

    /// What the caller may not have meant: bounds of the ratio that look like offsets from 1, as others write them.
    #[must_use]
    pub(crate) fn doubt(&self) -> Option<String> {
        // Where the upper one shows what is meant, both are refused.
        let low = self
            .bounds()
            .find_map(|(_, bounds)| bounds.low_offset().filter(|_| !bounds.are_offsets()));
        let low = low.map(|low| format!("clip_low_threshold {low} lets the ratio fall to {low}: it is the bound itself, no offset. Where an offset of {low} is meant, write {}.", offset(1.0 - low)));
        let high = self
            .cispo_params
            .as_ref()
            .and_then(|params| params.clip_high_threshold);
        let high = high.filter(|high| *high > 0.0 && *high < 1.0);
        let high = high.map(|high| format!("clip_high_threshold {high} cuts the ratio off at {high}: it is the bound itself, no offset. Where an offset of {high} is meant, write {}.", offset(1.0 + high)));
        low.or(high)
    }

    /// Reports parameters that are missing or belong to another loss.
    pub(crate) fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        for (member, bounds) in self.bounds() {
            bounds.check(&path.key(member), problems);
        }
        let Some(kind) = self.kind else {
            return;
        };
        let of_another = self.cross_entropy_params.is_some() && kind != LossType::CrossEntropy;
        let given = [
            // The service knows this one, in which nothing can stand.
            ("cross_entropy_params", of_another),
            ("grpo_params", self.grpo_params.is_some()),
            ("ppo_params", self.ppo_params.is_some()),
            ("cispo_params", self.cispo_params.is_some()),
            ("dro_params", self.dro_params.is_some()),
            ("dppo_params", self.dppo_params.is_some()),
        ];
        for (name, _) in given
            .iter()
            .filter(|(name, given)| *given && kind.params() != Some(name))
        {
            let own = kind.params().map_or_else(
                || "this loss has no parameters".to_owned(),
                |own| format!("its parameters are {own}"),
            );
            problems.add(
                &path.key(name),
                format!("does not belong to {}: {own}", kind.wire_name()),
            );
        }
        if kind == LossType::Dro && self.dro_params.is_none() {
            problems.add(
                &path.key("dro_params"),
                "is required for LOSS_TYPE_DRO: write {\"beta\": 0.05}, for example",
            );
        }
    }
}
