//! `forward-backward` and `custom-forward-backward`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::sample::single;
use super::{Output, failure, raw};
use crate::policy::{
    Aggregation, Clip, Loss, Pass, Ratio, Refusal as Problem, Sample, Trainer, check_tokens,
};
use crate::together::body::{self, AggregationType, ClipParams, LossType, RatioType, Tensor, TrainingSample};
use crate::together::model::{MAX_BATCH_SIZE, MAX_SEQUENCE_LENGTH};
use crate::together::operation::{Code, Failure};
use crate::together::wire::{Refusal, within};

#[derive(Serialize)]
struct TrainOutput {
    loss: f64,
    metrics: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_fn_outputs: Option<Vec<LossFnOutput>>,
}

#[derive(Serialize)]
struct LossFnOutput {
    tensors: Tensors,
}

#[derive(Serialize)]
struct Tensors {
    logprobs: Floats,
}

#[derive(Serialize)]
struct Floats {
    data: Vec<f32>,
    dtype: &'static str,
    shape: [usize; 1],
}

/// A loss with its parameters; those that are not given have the defaults of the API's documentation.
pub(super) fn loss(wire: &body::Loss) -> Result<Loss, Refusal> {
    let clip = |name: &str, params: Option<ClipParams>, low: f64, high: f64| {
        let params = params.unwrap_or_default();
        bounds(
            name,
            params.clip_low_threshold.unwrap_or(low),
            params.clip_high_threshold.unwrap_or(high),
        )
    };
    Ok(match wire.kind {
        LossType::CrossEntropy => Loss::CrossEntropy,
        LossType::ImportanceSampling => Loss::ImportanceSampling,
        LossType::Grpo => {
            let params = wire.grpo_params.unwrap_or_default();
            let low = params.clip_low_threshold.unwrap_or(0.8);
            let high = params.clip_high_threshold.unwrap_or(1.2);
            Loss::Grpo {
                clip: around_one("grpo_params", bounds("grpo_params", low, high)?)?,
                beta: within("loss.grpo_params.beta", params.beta.unwrap_or(0.0), 0.0, f64::MAX)?,
                aggregation: match params.agg_type {
                    None | Some(AggregationType::FixedHorizon) => Aggregation::FixedHorizon,
                    Some(AggregationType::TokenMean) => Aggregation::TokenMean,
                    Some(AggregationType::SequenceMean) => Aggregation::SequenceMean,
                },
                ratio: match params.ratio_type {
                    None | Some(RatioType::Token) => Ratio::Token,
                    Some(RatioType::Sequence) => Ratio::Sequence,
                },
            }
        }
        LossType::Ppo => Loss::Ppo(around_one(
            "ppo_params",
            clip("ppo_params", wire.ppo_params, 0.8, 1.2)?,
        )?),
        LossType::Cispo => Loss::Cispo(clip("cispo_params", wire.cispo_params, 0.0, 4.0)?),
        LossType::Dro => {
            let params = wire
                .dro_params
                .ok_or_else(|| Refusal::of("loss.dro_params", "is required for this loss"))?;
            Loss::Dro { beta: params.beta }
        }
        LossType::Dppo => {
            let params = wire.dppo_params.unwrap_or_default();
            let delta = |name: &str, value: Option<f64>| {
                within(
                    &format!("loss.dppo_params.{name}"),
                    value.unwrap_or(0.15),
                    0.0,
                    1.0,
                )
            };
            Loss::Dppo {
                low: delta("delta_low", params.delta_low)?,
                high: delta("delta_high", params.delta_high)?,
            }
        }
    })
}

fn bounds(params: &str, low: f64, high: f64) -> Result<Clip, Refusal> {
    if low > high {
        let problem = format!("clip_low_threshold {low} is above clip_high_threshold {high}");
        return Err(Refusal::of(format!("loss.{params}"), problem));
    }
    Ok(Clip { low, high })
}

fn around_one(params: &str, clip: Clip) -> Result<Clip, Refusal> {
    within(&format!("loss.{params}.clip_low_threshold"), clip.low, 0.0, 1.0)?;
    within(
        &format!("loss.{params}.clip_high_threshold"),
        clip.high,
        1.0,
        f64::MAX,
    )?;
    Ok(clip)
}

pub(super) fn run(body: &body::ForwardBackward, loss: &Loss, trainer: &mut Trainer) -> Output {
    let samples = samples(&body.samples, *loss == Loss::CrossEntropy)?;
    let pass = Pass {
        forward_only: body.forward_only,
    };
    let outcome = trainer.forward_backward(&samples, loss, pass)?;
    let output = |logprobs: &Vec<f64>| LossFnOutput {
        tensors: Tensors {
            logprobs: Floats {
                data: logprobs.iter().map(|logprob| single(*logprob)).collect(),
                dtype: "float32",
                shape: [logprobs.len()],
            },
        },
    };
    raw(&TrainOutput {
        loss: outcome.loss,
        metrics: outcome.metrics,
        loss_fn_outputs: body
            .return_loss_fn_outputs
            .then(|| outcome.logprobs.iter().map(output).collect()),
    })
}

pub(super) fn run_custom(body: &body::CustomForwardBackward, trainer: &mut Trainer) -> Output {
    let samples = samples(&body.samples, false)?;
    let gradients: Vec<Vec<f64>> = body
        .gradients
        .iter()
        .map(|gradient| gradient.data.clone())
        .collect();
    trainer.custom_backward(&samples, &gradients)?;
    raw(&json!({}))
}

/// The most tokens in a batch: a few seconds of work.
const MOST_TOKENS: usize = 262_144;

/// The batch as the policy takes it.
fn samples(wire: &[TrainingSample], weighted: bool) -> Result<Vec<Sample>, Failure> {
    if wire.len() > MAX_BATCH_SIZE {
        let problem = format!("{} samples are more than {MAX_BATCH_SIZE}", wire.len());
        return Err(failure(Code::ResourceExhausted, problem));
    }
    let samples = wire.iter().enumerate();
    let samples = samples.map(|(index, sample)| read(sample, &format!("samples[{index}]"), weighted));
    let samples = samples.collect::<Result<Vec<Sample>, Failure>>()?;
    let tokens: usize = samples.iter().map(|sample| sample.input.len()).sum();
    if tokens > MOST_TOKENS {
        let problem = format!("{tokens} tokens are more than {MOST_TOKENS} in one batch");
        return Err(failure(Code::ResourceExhausted, problem));
    }
    Ok(samples)
}

fn read(wire: &TrainingSample, place: &str, weighted: bool) -> Result<Sample, Failure> {
    let input = check_tokens(&wire.model_input.tokens(), &format!("{place}.model_input"))?;
    if input.is_empty() || input.len() > MAX_SEQUENCE_LENGTH {
        let problem = format!(
            "{place} has {} tokens; 1 to {MAX_SEQUENCE_LENGTH} are possible",
            input.len()
        );
        return Err(failure(Code::InvalidInput, problem));
    }
    let tensor = |name: &str| -> Result<Option<Vec<f64>>, Problem> {
        let Some(Tensor { data, shape, .. }) = wire.loss_fn_inputs.get(name) else {
            return Ok(None);
        };
        let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
        if shape.as_ref().is_some_and(|shape| *shape != [length]) {
            return Err(Problem::input(format!(
                "{place}: {name} has another shape than [{length}]"
            )));
        }
        Ok(Some(data.clone()))
    };
    let targets = tensor("target_tokens")?;
    let targets = targets.ok_or_else(|| Problem::input(format!("{place}: target_tokens is missing")))?;
    let (weights, mask) = (tensor("weights")?, tensor("mask")?);
    if weights.is_some() && mask.is_some() {
        return Err(Problem::input(format!("{place} has both weights and mask")).into());
    }
    let weights = weights.or(mask);
    let selection = |values: &Vec<f64>| values.iter().all(|value| [0.0, 1.0].contains(value));
    if !weighted && !weights.as_ref().is_none_or(selection) {
        return Err(Problem::input(format!("{place}: weights of this loss are 0 or 1")).into());
    }
    Ok(Sample {
        input,
        targets: check_tokens(&whole(&targets), &format!("{place}.target_tokens"))?,
        weights,
        logprobs: tensor("logprobs")?,
        advantages: tensor("advantages")?,
        reference_logprobs: tensor("reference_logprobs")?,
    })
}

/// Token ids among numbers; what is no whole number becomes one that no vocabulary has.
fn whole(values: &[f64]) -> Vec<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole; what is too large is no token either"
    )]
    let token = |value: &f64| {
        if value.fract() == 0.0 {
            *value as i64
        } else {
            i64::MIN
        }
    };
    values.iter().map(token).collect()
}
