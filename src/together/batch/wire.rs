//! Bodies as the service takes them.

use serde::ser::{SerializeSeq as _, Serializer};
use serde::{Serialize, ser};
use serde_json::value::RawValue;

use super::sample::{Sample, Values};

/// Whole numbers up to here are written as such; every float below is exact.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The body of a forward-backward pass.
#[derive(Serialize)]
pub(super) struct ForwardBackward<'a> {
    samples: Vec<WireSample<'a>>,
    loss: &'a RawValue,
}

impl<'a> ForwardBackward<'a> {
    pub(super) fn new(samples: &'a [Sample], loss: &'a RawValue) -> Self {
        Self {
            samples: samples.iter().map(WireSample::new).collect(),
            loss,
        }
    }
}

/// The body of a sampling that only scores its prompts.
#[derive(Serialize)]
pub(super) struct Scoring<'a> {
    model_inputs: Vec<ModelInput<'a>>,
    num_samples: u8,
    sampling_params: OneToken,
    prompt_logprobs: bool,
}

/// A sampling makes at least one token.
#[derive(Serialize)]
struct OneToken {
    max_tokens: u8,
}

impl<'a> Scoring<'a> {
    pub(super) fn new(sequences: &'a [Vec<i64>]) -> Self {
        Self {
            model_inputs: sequences.iter().map(|tokens| ModelInput::new(tokens)).collect(),
            num_samples: 1,
            sampling_params: OneToken { max_tokens: 1 },
            prompt_logprobs: true,
        }
    }
}

#[derive(Serialize)]
struct WireSample<'a> {
    model_input: ModelInput<'a>,
    loss_fn_inputs: LossFnInputs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routed_experts_key: Option<&'a str>,
}

#[derive(Serialize)]
struct ModelInput<'a> {
    chunks: [Chunk<'a>; 1],
}

#[derive(Serialize)]
struct Chunk<'a> {
    encoded_text: EncodedText<'a>,
}

#[derive(Serialize)]
struct EncodedText<'a> {
    tokens: &'a [i64],
}

impl<'a> ModelInput<'a> {
    const fn new(tokens: &'a [i64]) -> Self {
        let encoded_text = EncodedText { tokens };
        Self {
            chunks: [Chunk { encoded_text }],
        }
    }
}

#[derive(Serialize)]
struct LossFnInputs<'a> {
    target_tokens: Tensor<&'a [i64]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Tensor<Slots<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Tensor<Slots<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advantages: Option<Tensor<Slots<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_logprobs: Option<Tensor<Slots<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<Tensor<Slots<'a>>>,
}

#[derive(Serialize)]
struct Tensor<D> {
    data: D,
    dtype: &'static str,
}

impl<'a> WireSample<'a> {
    fn new(sample: &'a Sample) -> Self {
        let slots = |values: &'a [f64]| Slots {
            before: sample.slots_before(),
            values,
        };
        let float = |values: &'a [f64]| Tensor {
            data: slots(values),
            dtype: "float32",
        };
        let mut inputs = LossFnInputs {
            target_tokens: Tensor {
                data: sample.targets(),
                dtype: "int64",
            },
            weights: None,
            logprobs: None,
            advantages: None,
            reference_logprobs: None,
            mask: None,
        };
        match &sample.values {
            Values::Weights(weights) => inputs.weights = Some(float(weights)),
            Values::Policy(policy) => {
                inputs.logprobs = Some(float(&policy.logprobs));
                inputs.advantages = Some(float(&policy.advantages));
                inputs.reference_logprobs = policy.reference_logprobs.as_deref().map(float);
                inputs.mask = Some(Tensor {
                    data: slots(&policy.mask),
                    dtype: "int64",
                });
            }
        }
        Self {
            model_input: ModelInput::new(sample.input()),
            loss_fn_inputs: inputs,
            routed_experts_key: sample.routed_experts_key.as_deref(),
        }
    }
}

/// One value for each slot: zeros where tokens of the prompt are predicted, then one for each token of the completion.
struct Slots<'a> {
    before: usize,
    values: &'a [f64],
}

impl Serialize for Slots<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut list = json.serialize_seq(Some(self.before + self.values.len()))?;
        for _ in 0..self.before {
            list.serialize_element(&0)?;
        }
        for value in self.values {
            list.serialize_element(&Number(*value))?;
        }
        list.end()
    }
}

/// A number in its shortest form, so `0` and not `0.0`.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let Self(value) = *self;
        if !value.is_finite() {
            return Err(ser::Error::custom("a number is not finite"));
        }
        if value.fract() == 0.0 && value.abs() < LARGEST_WHOLE {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
            return json.serialize_i64(value as i64);
        }
        json.serialize_f64(value)
    }
}
