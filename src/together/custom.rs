//! The body of a custom forward-backward pass: gradients of a loss that the caller computed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::tensor::{Either, Int64, ModelInput, Tensor, Values, check_slots};
use crate::arguments::schema::{hint, others, retired};
use crate::error::problems::{Path, Problems};

/// The batch and the gradients of its loss.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("loss", "does not belong here: the gradients stand for it (or use forward-backward-pass)"),
    ("payload_id", "is not for callers: a large body is uploaded by itself"),
]))]
pub(crate) struct CustomForwardBackward {
    #[schemars(required, length(min = 1))]
    samples: Option<Vec<CustomSample>>,
    /// One for each sample, in the same order.
    #[schemars(required, length(min = 1))]
    gradients: Option<Vec<Gradient>>,
}

#[derive(Deserialize, JsonSchema)]
struct CustomSample {
    #[schemars(required)]
    model_input: Option<ModelInput>,
    /// Other names are passed on.
    #[schemars(required)]
    loss_fn_inputs: Option<LossFnInputs>,
    /// Copy it unchanged from the sampled sequence, if it has one.
    #[expect(dead_code, reason = "sent as it came")]
    routed_experts_key: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = others::<Tensor<Either>>)]
struct LossFnInputs {
    #[schemars(required)]
    target_tokens: Option<Tensor<Int64>>,
    weights: Option<Tensor<Either>>,
    /// 0 or 1; not together with weights.
    mask: Option<Tensor<Either>>,
    /// The service forwards tensors of other names.
    #[serde(flatten)]
    #[schemars(skip)]
    others: BTreeMap<String, Tensor<Either>>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = hint("write {\"data\": […], \"dtype\": \"D_TYPE_FLOAT32\"}"))]
struct Gradient {
    /// d loss / d log-probability, one for each input token.
    #[schemars(required, length(min = 1))]
    data: Option<Vec<f64>>,
    #[expect(dead_code, reason = "sent as it came")]
    dtype: Option<GradientType>,
}

#[derive(Deserialize, JsonSchema)]
enum GradientType {
    #[serde(rename = "D_TYPE_FLOAT32")]
    Float32,
    #[serde(rename = "D_TYPE_BFLOAT16")]
    Bfloat16,
    #[serde(rename = "D_TYPE_INT64")]
    Int64,
}

impl CustomForwardBackward {
    /// Applies the rules that a schema cannot say.
    pub(crate) fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        let at = path.key("samples");
        for (index, sample) in self.samples.iter().flatten().enumerate() {
            sample.check(&at.index(index), problems);
        }
        let (Some(samples), Some(gradients)) = (&self.samples, &self.gradients) else {
            return;
        };
        let at = path.key("gradients");
        if samples.len() != gradients.len() {
            let (given, wanted) = (gradients.len(), samples.len());
            problems.add(
                &at,
                format!("has {given} entries for {wanted} samples; each sample has one"),
            );
        }
        for (index, (sample, gradient)) in samples.iter().zip(gradients).enumerate() {
            let tokens = sample.model_input.as_ref().and_then(ModelInput::count);
            gradient.check(tokens, &at.index(index), problems);
        }
    }
}

impl CustomSample {
    fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        let Some(inputs) = &self.loss_fn_inputs else {
            return;
        };
        let tokens = self.model_input.as_ref().and_then(ModelInput::count);
        let path = path.key("loss_fn_inputs");
        if let Some(targets) = &inputs.target_tokens {
            targets.check(Values::Tokens, tokens, &path.key("target_tokens"), problems);
        }
        if let Some(weights) = &inputs.weights {
            weights.check(Values::Numbers, tokens, &path.key("weights"), problems);
        }
        if let Some(mask) = &inputs.mask {
            mask.check(Values::Selection, tokens, &path.key("mask"), problems);
        }
        for (name, tensor) in &inputs.others {
            tensor.check(Values::Numbers, tokens, &path.key(name), problems);
        }
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

impl Gradient {
    fn check(&self, tokens: Option<usize>, path: &Path<'_>, problems: &mut Problems) {
        let Some(data) = &self.data else {
            return;
        };
        if let Some(tokens) = tokens.filter(|tokens| *tokens != data.len()) {
            let given = data.len();
            problems.add(
                path,
                format!(
                    "has {given} values for {tokens} tokens in model_input; a gradient has one value for each"
                ),
            );
        }
        if let Some(index) = data.iter().position(|value| value.abs() > f64::from(f32::MAX)) {
            problems.add(&path.key("data").index(index), "is beyond what float32 holds");
        }
    }
}
