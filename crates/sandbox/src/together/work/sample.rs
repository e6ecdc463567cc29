//! `sample`.

use serde::Serialize;

use super::{Output, failure, raw, some};
use crate::digest;
use crate::policy::{Completion, Sampling, StopReason, Token, check_tokens, sample, score_prompt};
use crate::together::body::Sample;
use crate::together::model::{CONTEXT_LENGTH, DEFAULT_MAX_TOKENS};
use crate::together::operation::Code;
use crate::together::session::Policy;
use crate::together::wire::{Integer, Refusal, within};

/// The most tokens that one operation may ask for, over all completions: a few seconds of work.
const MOST_TOKENS: usize = 262_144;
/// The most completions of one prompt, and alternatives of one position.
const MOST_SAMPLES: i64 = 1024;
const MOST_ALTERNATIVES: usize = 20;

#[derive(Serialize)]
struct SampleOutput {
    results: Vec<SampleResult>,
}

#[derive(Serialize)]
struct SampleResult {
    sequences: Vec<Sequence>,
    policy_segments: [Segment; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_logprobs: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topk_prompt_logprobs: Option<Vec<Alternatives>>,
}

#[derive(Serialize)]
struct Sequence {
    tokens: Vec<Token>,
    logprobs: Vec<f32>,
    stop_reason: &'static str,
    prompt_cache_hit_tokens: usize,
}

#[derive(Serialize)]
struct Segment {
    version: u64,
    start_token: u32,
}

#[derive(Default, Serialize)]
struct Alternatives {
    token_ids: Vec<Token>,
    logprobs: Vec<f32>,
}

/// Refuses what is out of range.
pub(super) fn checked(body: Sample) -> Result<Sample, Refusal> {
    some(&body.model_inputs, "model_inputs")?;
    within("num_samples", body.num_samples.unwrap_or(1), 1, MOST_SAMPLES)?;
    within(
        "topk_prompt_logprobs",
        body.topk_prompt_logprobs,
        0,
        MOST_ALTERNATIVES,
    )?;
    if let Some(params) = &body.sampling_params {
        within(
            "sampling_params.max_tokens",
            params.max_tokens.unwrap_or(1),
            1,
            i64::MAX,
        )?;
        within(
            "sampling_params.temperature",
            params.temperature.unwrap_or(1.0),
            0.0,
            f64::MAX,
        )?;
        within(
            "sampling_params.top_p",
            params.top_p.unwrap_or(1.0),
            f64::MIN_POSITIVE,
            1.0,
        )?;
        within("sampling_params.top_k", params.top_k.unwrap_or(-1), -1, i64::MAX)?;
    }
    Ok(body)
}

pub(super) fn run(body: &Sample, policy: &Policy) -> Output {
    let params = body.sampling_params.clone().unwrap_or_default();
    let asked = params.max_tokens.map_or(DEFAULT_MAX_TOKENS, |tokens| {
        usize::try_from(tokens).unwrap_or(usize::MAX)
    });
    let number = usize::try_from(body.num_samples.unwrap_or(1)).unwrap_or(usize::MAX);
    let longest = asked.min(CONTEXT_LENGTH);
    let all = body
        .model_inputs
        .len()
        .saturating_mul(number)
        .saturating_mul(longest);
    if all > MOST_TOKENS {
        let problem = format!("up to {all} tokens are asked for, more than {MOST_TOKENS} in one operation");
        return Err(failure(Code::ResourceExhausted, problem));
    }
    let mut results = Vec::with_capacity(body.model_inputs.len());
    for (index, input) in body.model_inputs.iter().enumerate() {
        let prompt = check_tokens(&input.tokens(), &format!("model_inputs[{index}]"))?;
        if prompt.is_empty() || prompt.len() >= CONTEXT_LENGTH {
            let problem = format!(
                "model_inputs[{index}] has {} tokens; 1 to {} leave room for a completion",
                prompt.len(),
                CONTEXT_LENGTH - 1
            );
            return Err(failure(Code::InvalidInput, problem));
        }
        let sampling = Sampling {
            max_tokens: asked.min(CONTEXT_LENGTH - prompt.len()),
            temperature: params.temperature.unwrap_or(1.0),
            top_p: params.top_p.unwrap_or(1.0),
            // 0 and -1 turn it off.
            top_k: params
                .top_k
                .and_then(|k| usize::try_from(k).ok())
                .filter(|k| *k > 0),
            stop: params.stop.clone(),
        };
        let completions: Vec<Completion> = (0..number)
            .map(|number| {
                let seed = params.seed;
                let seed = seed.map_or_else(|| fastrand::u64(..), |seed| mixed(seed, &prompt, number));
                sample(&policy.model, &prompt, &sampling, seed)
            })
            .collect();
        let scored = body.prompt_logprobs || body.topk_prompt_logprobs > 0;
        let places = if scored {
            score_prompt(&policy.model, &prompt)
        } else {
            Vec::new()
        };
        let mut all = completions
            .iter()
            .flat_map(|drawn| &drawn.logprobs)
            .chain(places.iter().flatten());
        if !all.all(|logprob| logprob.is_finite()) {
            return Err(failure(
                Code::InternalError,
                "the weights are so large that nothing can be computed",
            ));
        }
        // The first completion reads the prompt, the others find it read.
        let read = [0].into_iter().chain(std::iter::repeat(prompt.len()));
        let sequences = completions
            .into_iter()
            .zip(read)
            .map(|(drawn, read)| sequence(drawn, read));
        results.push(SampleResult {
            sequences: sequences.collect(),
            policy_segments: [Segment {
                version: policy.version,
                start_token: 0,
            }],
            prompt_logprobs: body.prompt_logprobs.then(|| prompt_logprobs(&prompt, &places)),
            topk_prompt_logprobs: (body.topk_prompt_logprobs > 0).then(|| {
                let first = [Alternatives::default()].into_iter();
                first
                    .chain(places.iter().map(|place| best(place, body.topk_prompt_logprobs)))
                    .collect()
            }),
        });
    }
    raw(&SampleOutput { results })
}

/// The seed of one completion. The same prompt gets the same ones wherever it stands in the list.
fn mixed(Integer(seed): Integer, prompt: &[Token], number: usize) -> u64 {
    digest((seed, prompt, number))
}

fn sequence(drawn: Completion, prompt_cache_hit_tokens: usize) -> Sequence {
    Sequence {
        logprobs: drawn.logprobs.iter().map(|logprob| single(*logprob)).collect(),
        tokens: drawn.tokens,
        stop_reason: match drawn.stop_reason {
            StopReason::Length => "STOP_REASON_LENGTH",
            StopReason::Stop => "STOP_REASON_STOP",
        },
        prompt_cache_hit_tokens,
    }
}

/// One value for each token of the prompt, the first always 0.
fn prompt_logprobs(prompt: &[Token], places: &[Vec<f64>]) -> Vec<f32> {
    let rest = prompt.iter().skip(1).zip(places);
    let rest = rest.map(|(token, place)| {
        place
            .get(usize::from(*token))
            .map_or(0.0, |logprob| single(*logprob))
    });
    [0.0].into_iter().chain(rest).collect()
}

/// The most likely tokens of a place, best first.
fn best(place: &[f64], number: usize) -> Alternatives {
    let mut order: Vec<(Token, f64)> = (0..).zip(place.iter().copied()).collect();
    order.sort_by(|left, right| right.1.total_cmp(&left.1));
    order.truncate(number);
    Alternatives {
        token_ids: order.iter().map(|(token, _)| *token).collect(),
        logprobs: order.iter().map(|(_, logprob)| single(*logprob)).collect(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the wire has 32-bit floats")]
pub(super) const fn single(value: f64) -> f32 {
    value as f32
}
