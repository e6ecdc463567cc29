//! The body of an optimizer step.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::{brief, renamed, retired};
use crate::error::problems::{Path, Problems};

/// Give adam_params, or muon_params on a model resource that was created with Muon.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("learning_rate", "belongs inside adam_params: write body.adam_params.learning_rate (on a Muon resource body.muon_params.learning_rate)"),
    ("lr", "is learning_rate of adam_params: write body.adam_params.learning_rate (on a Muon resource body.muon_params.learning_rate)"),
    ("adamw_params", "is called adam_params today, and holds learning_rate too"),
]), transform = renamed(&[
    ("adamw_params", "adam_params"),
    ("optimizer", "adam_params"),
    ("optimizer_params", "adam_params"),
    ("adam", "adam_params"),
    ("adamw", "adam_params"),
]))]
pub(crate) struct OptimizerStep {
    /// learning_rate (always give it: about 1e-5 to 1e-4 for LoRA), weight_decay (always give it: its default is disputed, 0 or 0.1), beta1 0.9, beta2 0.95, eps 1e-8, grad_clip_norm 1.0 (0 turns clipping off).
    #[schemars(transform = brief)]
    adam_params: Option<AdamParams>,
    /// learning_rate (always give it, such as 0.02), momentum 0.95, newton_schulz_steps 5, weight_decay 0, grad_clip_norm 1.0, adam (for what Muon does not handle).
    #[schemars(transform = brief)]
    muon_params: Option<MuonParams>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("betas", "is written as beta1 and beta2"),
    ("momentum", "is Muon's; Adam has beta1 in its place"),
    ("type", "is said by the member around it: adam_params or muon_params"),
    ("name", "is said by the member around it: adam_params or muon_params"),
]), transform = renamed(&[
    ("lr", "learning_rate"),
    ("max_grad_norm", "grad_clip_norm"),
    ("epsilon", "eps"),
]))]
struct AdamParams {
    /// Always give it: about 1e-5 to 1e-4 for LoRA.
    #[schemars(range(min = 0))]
    learning_rate: Option<f64>,
    /// Default 0.9.
    #[expect(dead_code, reason = "sent as it came")]
    beta1: Option<f64>,
    /// Default 0.95.
    #[expect(dead_code, reason = "sent as it came")]
    beta2: Option<f64>,
    /// Default 1e-8.
    eps: Option<f64>,
    /// Always give it: its default is disputed (0 or 0.1).
    #[expect(dead_code, reason = "sent as it came")]
    weight_decay: Option<f64>,
    /// Default 1.0; 0 turns clipping off.
    #[schemars(range(min = 0))]
    #[expect(dead_code, reason = "sent as it came")]
    grad_clip_norm: Option<f64>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[
    ("lr", "learning_rate"),
    ("max_grad_norm", "grad_clip_norm"),
]))]
struct MuonParams {
    /// Always give it, such as 0.02.
    #[schemars(range(min = 0))]
    learning_rate: Option<f64>,
    /// Default 0.95.
    #[expect(dead_code, reason = "sent as it came")]
    momentum: Option<f64>,
    /// Default 5.
    #[expect(dead_code, reason = "sent as it came")]
    newton_schulz_steps: Option<i64>,
    /// Default 0.
    #[expect(dead_code, reason = "sent as it came")]
    weight_decay: Option<f64>,
    /// Default 1.0; 0 turns clipping off.
    #[schemars(range(min = 0))]
    #[expect(dead_code, reason = "sent as it came")]
    grad_clip_norm: Option<f64>,
    /// For the parameters that Muon does not handle; fields as in adam_params.
    #[schemars(transform = brief)]
    adam: Option<AdamParams>,
}

/// The highest learning rates that anybody means.
const MOST_ADAM: f64 = 0.1;
const MOST_MUON: f64 = 1.0;
/// The largest eps that does not stand in place of the gradients' own size.
const MOST_EPS: f64 = 1e-3;

impl OptimizerStep {
    /// What the caller may not have meant; `whole`: nothing of it was left out because it cannot be used.
    #[must_use]
    pub(crate) fn doubt(&self, whole: bool) -> Option<String> {
        let doubts: Vec<&str> = self
            .doubtful_rate(whole)
            .into_iter()
            .chain(self.doubtful_eps())
            .collect();
        (!doubts.is_empty()).then(|| doubts.join(" "))
    }

    fn doubtful_eps(&self) -> Option<&'static str> {
        let inner = self.muon_params.as_ref().and_then(|params| params.adam.as_ref());
        let eps = self.adam_params.as_ref().or(inner)?.eps?;
        (eps > MOST_EPS).then_some(
            "This eps of Adam is far above what is usual (1e-8): the steps get smaller by it. The clip of a loss is no part of the optimizer: clip_low_threshold and clip_high_threshold of forward-backward-pass.",
        )
    }

    fn doubtful_rate(&self, whole: bool) -> Option<&'static str> {
        let adam = self.adam_params.as_ref().and_then(|params| params.learning_rate);
        let muon = self.muon_params.as_ref().and_then(|params| params.learning_rate);
        let usual = if muon.is_some() { MOST_MUON } else { MOST_ADAM };
        match adam.or(muon) {
            Some(rate) if rate > usual => Some(
                "This learning_rate is far above what is usual (about 1e-5 to 1e-4 with Adam and LoRA, 0.02 with Muon): look whether the loss rises.",
            ),
            None if whole => Some(
                "No learning_rate was given: the service's default is not published and has changed before. Give it with each step.",
            ),
            Some(0.0) => Some("learning_rate 0 changes no weights."),
            _ => None,
        }
    }

    /// Applies the rules that a schema cannot say.
    pub(crate) fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        if self.adam_params.is_some() && self.muon_params.is_some() {
            problems.add(
                path,
                "has both adam_params and muon_params: give the one of the model resource's optimizer",
            );
        }
    }
}
