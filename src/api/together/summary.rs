//! Large results in short: what is needed to decide on the next step, without tokens and tensors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::slice;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::numbers::{Count, Mean, mean};
use crate::api::integer::Integer;
use crate::api::json::{self, Object};

/// The most completions that are listed one by one.
const MOST_COMPLETIONS: usize = 600;
/// The most prompts that are listed one by one.
const MOST_PROMPTS: usize = 150;

/// What stands in the place of `output` in the summary of a sampling: for each prompt, one entry for each completion in
/// every list.
#[derive(Serialize)]
struct Completions {
    token_counts: Vec<usize>,
    stop_reasons: Vec<String>,
    mean_logprobs: Vec<Option<f64>>,
    policy_versions: Vec<Integer>,
}

/// The same of so many completions that a list of them would itself be too long: those of one prompt, or of all.
#[derive(Serialize)]
struct Together<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    prompts: Option<usize>,
    completions: usize,
    mean_token_count: f64,
    stop_reasons: BTreeMap<&'a str, usize>,
    mean_logprob: Option<f64>,
    policy_versions: BTreeSet<i64>,
}

impl<'a> Together<'a> {
    fn of(all: &'a [Completions]) -> Self {
        let mut stop_reasons = BTreeMap::new();
        for reason in all.iter().flat_map(|one| &one.stop_reasons) {
            *stop_reasons.entry(reason.as_str()).or_default() += 1;
        }
        let counts = all.iter().flat_map(|one| &one.token_counts);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 tokens")]
        let lengths = counts.clone().map(|count| *count as f64);
        let logprobs = all.iter().flat_map(|one| &one.mean_logprobs);
        let versions = all.iter().flat_map(|one| &one.policy_versions);
        Self {
            prompts: None,
            completions: counts.count(),
            mean_token_count: mean(lengths).unwrap_or_default(),
            stop_reasons,
            mean_logprob: mean(logprobs.flatten().copied()),
            policy_versions: versions.map(|Integer(version)| *version).collect(),
        }
    }
}

/// An operation: its output, read as a sampling, and the other members as they are.
struct Operation {
    others: Object,
    sampled: Sampled,
}

#[derive(Deserialize)]
struct Sampled {
    results: Vec<Sampling>,
}

#[derive(Deserialize)]
struct Sampling {
    sequences: Vec<Sequence>,
    #[serde(default)]
    policy_segments: Option<Vec<Segment>>,
}

#[derive(Deserialize)]
struct Sequence {
    tokens: Count,
    #[serde(default)]
    logprobs: Option<Mean>,
    #[serde(default)]
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Segment {
    version: Integer,
}

/// Of a sampling: number of tokens, stop reason and mean log-probability of each completion, and which weights made
/// those of each prompt; of very many completions these of each prompt, and of very many prompts of all together.
#[must_use]
pub fn sample(text: &str) -> Option<Object> {
    let Operation {
        others: mut operation,
        sampled,
    } = serde_json::from_str(text).ok()?;
    let count: usize = sampled.results.iter().map(|result| result.sequences.len()).sum();
    let results: Vec<Completions> = sampled.results.into_iter().map(completions).collect();
    let results = if results.len() > MOST_PROMPTS {
        to_raw_value(&Together {
            prompts: Some(results.len()),
            ..Together::of(&results)
        })
    } else if count > MOST_COMPLETIONS {
        let each = results.iter().map(slice::from_ref);
        to_raw_value(&each.map(Together::of).collect::<Vec<_>>())
    } else {
        to_raw_value(&results)
    };
    let mut output = Object::default();
    output.set("results", results.ok()?);
    operation.set("output", json::raw(json::text(&output).ok()?).ok()?);
    Some(operation)
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Operation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an operation")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Operation, A::Error> {
                let (mut others, mut sampled) = (Object::default(), None);
                while let Some(name) = map.next_key::<String>()? {
                    if name == "output" {
                        // Keeps its place among the others.
                        others.set(&name, RawValue::NULL.to_owned());
                        sampled = Some(map.next_value()?);
                    } else {
                        others.set(&name, map.next_value()?);
                    }
                }
                let sampled = sampled.ok_or_else(|| A::Error::missing_field("output"))?;
                Ok(Operation { others, sampled })
            }
        }
        json.deserialize_map(Members)
    }
}

fn completions(sampling: Sampling) -> Completions {
    let segments = sampling.policy_segments.into_iter().flatten();
    let sequences = &sampling.sequences;
    Completions {
        token_counts: sequences.iter().map(|sequence| sequence.tokens.0).collect(),
        stop_reasons: sequences.iter().map(stop_reason).collect(),
        mean_logprobs: sequences.iter().map(mean_logprob).collect(),
        policy_versions: segments.map(|segment| segment.version).collect(),
    }
}

fn stop_reason(sequence: &Sequence) -> String {
    let reason = sequence.stop_reason.as_deref().unwrap_or("unknown");
    reason.strip_prefix("STOP_REASON_").unwrap_or(reason).to_owned()
}

fn mean_logprob(sequence: &Sequence) -> Option<f64> {
    sequence.logprobs.as_ref()?.0
}

/// Of a forward-backward pass: everything but the tensors.
#[must_use]
pub fn forward_backward(text: &str) -> Option<Object> {
    let mut operation: Object = serde_json::from_str(text).ok()?;
    let mut output: Object = serde_json::from_str(operation.get("output")?.get()).ok()?;
    let tensors = output.remove("loss_fn_outputs")?;
    let samples: Vec<&RawValue> = serde_json::from_str(tensors.get()).ok()?;
    let note = format!("those of {} samples are in the file", samples.len());
    output.set("loss_fn_outputs", to_raw_value(&note).ok()?);
    operation.set("output", json::raw(json::text(&output).ok()?).ok()?);
    Some(operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn summed_up(summary: fn(&str) -> Option<Object>, operation: &Value) -> Option<Value> {
        summary(&operation.to_string()).map(|object| serde_json::to_value(object).unwrap())
    }

    #[test]
    fn a_sampling_is_summed_up_by_prompt_and_completion() {
        let operation = json!({"id": "op", "status": "S", "waited_seconds": 1.5, "output": {"results": [
            {"sequences": [
                {"tokens": [7, "9", 8], "logprobs": [-0.105, -0.916, -9999.0], "stop_reason": "STOP_REASON_STOP"},
                {"tokens": [], "logprobs": [], "stop_reason": "STOP_REASON_LENGTH"},
            ], "policy_segments": [{"version": 3, "start_token": 0}, {"version": "4", "start_token": 1}]},
            {"sequences": [{"tokens": [1], "logprobs": null}]},
        ]}});
        let expected = json!({"id": "op", "status": "S", "waited_seconds": 1.5, "output": {"results": [
            {"token_counts": [3, 0], "stop_reasons": ["STOP", "LENGTH"], "mean_logprobs": [-0.511, null],
             "policy_versions": [3, 4]},
            {"token_counts": [1], "stop_reasons": ["unknown"], "mean_logprobs": [null], "policy_versions": []},
        ]}});
        assert_eq!(summed_up(sample, &operation), Some(expected));
        assert_eq!(summed_up(sample, &json!({"id": "op", "output": {}})), None);
    }

    #[test]
    fn of_very_many_completions_each_prompt_has_one_line() {
        let sequence = json!({"tokens": [1, 2], "logprobs": [-1.0, -2.0], "stop_reason": "STOP_REASON_STOP"});
        let result = json!({"sequences": vec![sequence; 400], "policy_segments": [{"version": 3}]});
        let operation = json!({"id": "op", "output": {"results": [result.clone(), result]}});
        let line = json!({"completions": 400, "mean_token_count": 2.0, "stop_reasons": {"STOP": 400},
            "mean_logprob": -1.5, "policy_versions": [3]});
        let expected = json!({"id": "op", "output": {"results": [line.clone(), line]}});
        assert_eq!(summed_up(sample, &operation), Some(expected));
    }

    #[test]
    fn a_pass_keeps_loss_and_metrics_and_leaves_out_the_tensors() {
        let operation = json!({"id": "op", "output": {
            "loss": 0.25, "metrics": {"m": 1.0}, "loss_fn_outputs": [{"tensors": {}}, {"tensors": {}}],
        }});
        let expected = json!({"id": "op", "output": {
            "loss": 0.25, "metrics": {"m": 1.0}, "loss_fn_outputs": "those of 2 samples are in the file",
        }});
        assert_eq!(summed_up(forward_backward, &operation), Some(expected));
    }
}
