//! The body of a forward-backward pass, and the rules between its parts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::losses::{LOSS_TYPE, Loss, LossType};
use super::operation::{self, Kind};
use super::tensor::{DType, Either, Float32, Int64, ModelInput, Tensor, Values, check_slots};
use crate::arguments::schema::{Instead, brief, hint, instead, others, plain, renamed, retired};
use crate::error::problems::{Path, Problems, counted};

/// What is written in place of the samples that are made of it.
const BUILT: Instead = Instead {
    names: &[
        "operation_ids",
        "operation_id",
        "rewards",
        "rewards_path",
        "advantages",
        "advantages_path",
        "examples",
        "examples_path",
        "messages",
        "conversations",
    ],
    list: "samples",
    entries: &["messages", "prompt", "completion", "text", "operation_id"],
    excuses: &["body"],
    way: "build-training-batch makes the body of these: call it with them, then this with the path it answers, as body_path",
};

const PARAMS: &str = "belongs inside loss, under the name of the loss: loss: {\"type\": \"LOSS_TYPE_GRPO\", \"grpo_params\": {…}}, for example";

/// The batch and its loss.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("payload_id", "is not for callers: a large body is uploaded by itself"),
    ("loss_fn_config", PARAMS),
    ("loss_params", PARAMS),
    ("loss_type", LOSS_TYPE),
    ("loss_fn", LOSS_TYPE),
]), transform = renamed(&[
    ("loss_type", "loss.type"),
    ("loss_fn", "loss.type"),
    ("data", "samples"),
    ("datums", "samples"),
    ("batch", "samples"),
    ("inputs", "samples"),
]))]
#[schemars(transform = plain, transform = instead(&BUILT))]
pub(crate) struct ForwardBackward {
    /// As build-training-batch writes them: {model_input: {chunks: [{encoded_text: {tokens}}]}, loss_fn_inputs: {target_tokens, logprobs, advantages, weights or mask, each {data, dtype}}}.
    #[schemars(required, length(min = 1), transform = brief)]
    samples: Option<Vec<TrainingSample>>,
    /// {type, and the params object named after it}. type as in build-training-batch: CROSS_ENTROPY (supervised), GRPO (clipped policy gradient), IMPORTANCE_SAMPLING (unclipped), PPO, CISPO (detached ratio as weight), DRO (quadratic penalty, dro_params {beta}), DPPO (dppo_params {delta_low, delta_high}). grpo_params {clip_low_threshold: 0.8, clip_high_threshold: 1.2, bounds of the ratio itself; beta: KL weight, 0; agg_type: FIXED_HORIZON, TOKEN_MEAN or SEQUENCE_MEAN; ratio_type: TOKEN or SEQUENCE (GSPO)}.
    #[schemars(required, transform = brief)]
    loss: Option<Loss>,
    /// Loss and metrics only, no gradients. Default false.
    forward_only: Option<bool>,
    /// Also return log-probabilities per position; slow and large. Default false.
    #[expect(dead_code, reason = "sent as it came")]
    return_loss_fn_outputs: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("loss_inputs", "is called loss_fn_inputs today: one flat map of tensors (target_tokens, weights or mask, logprobs, advantages, reference_logprobs)"),
    ("model_inputs", "is called model_input here: one sample holds one sequence"),
    ("labels", "belongs inside loss_fn_inputs, as target_tokens: the sequence without its first token (weights or mask of 0, no -100, leave a position out)"),
]), transform = renamed(&[
    ("loss_inputs", "loss_fn_inputs"),
    ("labels", "loss_fn_inputs.target_tokens"),
    ("targets", "loss_fn_inputs.target_tokens"),
    ("input_ids", "model_input"),
    ("input", "model_input"),
]), transform = hint("write {\"model_input\": {\"chunks\": [{\"encoded_text\": {\"tokens\": […]}}]}, \"loss_fn_inputs\": {\"target_tokens\": {\"data\": […], \"dtype\": \"int64\"}, …}}, where … is weights for CROSS_ENTROPY, else logprobs and advantages"))]
struct TrainingSample {
    /// Prompt + response without the last token: {"chunks": [{"encoded_text": {"tokens": […]}}]}.
    #[schemars(transform = brief)]
    #[schemars(required)]
    model_input: Option<ModelInput>,
    /// Tensors {"data": […], "dtype": "int64" or "float32"}, each as long as model_input: target_tokens (int64, required), weights (of each position; but for CROSS_ENTROPY 0 or 1) or mask (0 or 1), logprobs (those of the sample operation), advantages, reference_logprobs (for the KL term). Other names are passed on.
    #[schemars(required, transform = brief)]
    loss_fn_inputs: Option<LossFnInputs>,
    /// Mixture-of-experts models: copy it unchanged from the sampled sequence.
    #[expect(dead_code, reason = "sent as it came")]
    routed_experts_key: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("loss_mask", "is called mask today (0/1), or weights"),
    ("response_mask", "is called mask here (0/1)"),
    ("completion_mask", "is called mask here (0/1)"),
    ("action_mask", "is called mask here (0/1)"),
    ("rewards", "does not belong here: turn rewards into advantages (reward minus the group's mean)"),
    ("grpo_inputs", "is gone: put advantages, logprobs and reference_logprobs beside target_tokens"),
]), transform = renamed(&[
    ("loss_mask", "mask"),
    ("response_mask", "mask"),
    ("completion_mask", "mask"),
    ("action_mask", "mask"),
    ("loss_weights", "weights"),
    ("generator_logprobs", "logprobs"),
    ("old_logprobs", "logprobs"),
    ("old_log_probs", "logprobs"),
    ("ref_logprobs", "reference_logprobs"),
    ("ref_log_probs", "reference_logprobs"),
]), transform = others::<Tensor<Either>>)]
struct LossFnInputs {
    /// Prompt + response without the first token.
    #[schemars(required)]
    target_tokens: Option<Tensor<Int64>>,
    /// `CROSS_ENTROPY`: weight of each position; other losses: 0 or 1.
    weights: Option<Tensor<Either>>,
    /// Which positions to train on. Not with weights.
    mask: Option<Tensor<Either>>,
    /// Those of the sample operation.
    logprobs: Option<Tensor<Float32>>,
    /// The completion's advantage at each of its tokens.
    advantages: Option<Tensor<Float32>>,
    /// As logprobs, under the reference policy.
    reference_logprobs: Option<Tensor<Float32>>,
    /// The service forwards tensors of other names to the loss.
    #[serde(flatten)]
    #[schemars(skip)]
    others: BTreeMap<String, Tensor<Either>>,
}

/// Whether a loss takes a tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
    Forbidden,
}

impl ForwardBackward {
    /// The kind of operation that it starts.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static Kind {
        if self.forward_only == Some(true) {
            &operation::FORWARD
        } else {
            &operation::FORWARD_BACKWARD
        }
    }

    /// What the caller may not have meant; `whole`: nothing of it was left out because it cannot be used.
    #[must_use]
    pub(crate) fn doubt(&self, whole: bool) -> Option<String> {
        let bounds = self.loss.as_ref().and_then(Loss::doubt);
        let doubts: Vec<String> = bounds
            .into_iter()
            .chain(self.unselected().filter(|_| whole))
            .collect();
        (!doubts.is_empty()).then(|| doubts.join(" "))
    }

    /// What to say of samples that train on their prompts, where cross-entropy would refuse them.
    fn unselected(&self) -> Option<String> {
        let kind = self.loss.as_ref().and_then(Loss::kind)?;
        let inputs = self.samples.iter().flatten();
        let inputs = inputs.filter_map(|sample| sample.loss_fn_inputs.as_ref());
        let count = inputs
            .filter(|inputs| inputs.weights.is_none() && inputs.mask.is_none())
            .count();
        (kind != LossType::CrossEntropy && count > 0).then(|| {
            format!(
                "{} without mask and weights: all positions count, those of the prompt too. A mask of 0 for the prompt and 1 for the completion leaves the prompt out.",
                counted(count, "sample")
            )
        })
    }

    /// Applies the rules that a schema cannot say.
    pub(crate) fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        if let Some(loss) = &self.loss {
            loss.check(&path.key("loss"), problems);
        }
        let samples = path.key("samples");
        for (index, sample) in self.samples.iter().flatten().enumerate() {
            sample.check(self.loss.as_ref(), &samples.index(index), problems);
        }
    }
}

impl TrainingSample {
    fn check(&self, loss: Option<&Loss>, path: &Path<'_>, problems: &mut Problems) {
        let Some(inputs) = &self.loss_fn_inputs else {
            return;
        };
        let tokens = self.model_input.as_ref().and_then(ModelInput::count);
        let path = path.key("loss_fn_inputs");
        inputs.check(loss, tokens, &path, problems);
        check_slots(
            self.model_input.as_ref(),
            inputs.target_tokens.as_ref(),
            inputs.weights.as_ref(),
            inputs.mask.as_ref(),
            &path,
            problems,
        );
    }
}

impl LossFnInputs {
    fn check(&self, loss: Option<&Loss>, tokens: Option<usize>, path: &Path<'_>, problems: &mut Problems) {
        let weights = match loss.and_then(Loss::kind) {
            None | Some(LossType::CrossEntropy) => Values::Numbers,
            Some(_) => Values::Selection,
        };
        let mut inputs = Inputs {
            loss,
            tokens,
            path,
            problems,
        };
        // Whether target_tokens is there, the schema says already.
        inputs.check(
            "target_tokens",
            self.target_tokens.as_ref(),
            Values::Tokens,
            Need::Optional,
        );
        inputs.check_by_loss("weights", self.weights.as_ref(), weights);
        inputs.check_by_loss("mask", self.mask.as_ref(), Values::Selection);
        inputs.check_by_loss("logprobs", self.logprobs.as_ref(), Values::LogProbabilities);
        inputs.check_by_loss("advantages", self.advantages.as_ref(), Values::Numbers);
        inputs.check_by_loss(
            "reference_logprobs",
            self.reference_logprobs.as_ref(),
            Values::LogProbabilities,
        );
        for (name, tensor) in &self.others {
            inputs.check(name, Some(tensor), Values::Numbers, Need::Optional);
        }
    }
}

/// The tensors of one sample while they are checked.
struct Inputs<'a> {
    loss: Option<&'a Loss>,
    tokens: Option<usize>,
    path: &'a Path<'a>,
    problems: &'a mut Problems,
}

impl Inputs<'_> {
    fn check_by_loss<D: DType>(&mut self, name: &str, tensor: Option<&Tensor<D>>, values: Values) {
        self.check(name, tensor, values, need(self.loss, name));
    }

    fn check<D: DType>(&mut self, name: &str, tensor: Option<&Tensor<D>>, values: Values, need: Need) {
        let path = self.path.key(name);
        let loss = self
            .loss
            .and_then(Loss::kind)
            .map_or("this loss", LossType::wire_name);
        match (tensor, need) {
            // It may be there and unusable, which is reported then.
            (None, Need::Required) if !self.problems.mention(&path) => {
                self.problems.add(&path, missing(loss, name));
            }
            (Some(_), Need::Forbidden) => self
                .problems
                .add(&path, format!("is not used by {loss}: leave it out")),
            _ => {}
        }
        if let Some(tensor) = tensor {
            tensor.check(values, self.tokens, &path, self.problems);
        }
    }
}

/// Which tensors a loss takes, beside `target_tokens`.
fn need(loss: Option<&Loss>, name: &str) -> Need {
    let Some((loss, kind)) = loss.and_then(|loss| Some((loss, loss.kind()?))) else {
        return Need::Optional;
    };
    match (kind, name) {
        (LossType::CrossEntropy, "weights") => Need::Required,
        // An older document of the service lists mask for cross-entropy too.
        (_, "weights" | "mask") => Need::Optional,
        (LossType::CrossEntropy, _) => Need::Forbidden,
        (_, "logprobs" | "advantages") => Need::Required,
        (LossType::Grpo, _) if loss.has_kl_term() => Need::Required,
        (LossType::Grpo, _) => Need::Optional,
        _ => Need::Forbidden,
    }
}

fn missing(loss: &str, name: &str) -> String {
    match name {
        "reference_logprobs" => "is required while grpo_params.beta is above 0".to_owned(),
        "weights" => format!("is required for {loss} (mask does not stand in for it)"),
        _ => format!("is required for {loss}"),
    }
}
