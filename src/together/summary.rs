//! Large results in short: what is needed to decide on the next step, without tokens and tensors.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::numbers::{self, mean};
use crate::json;
use crate::json::Object;
use crate::json::integer::Integer;
use crate::json::walk::{items, members};

/// The most completions that are listed one by one.
const MOST_COMPLETIONS: usize = 600;
/// The most prompts that are listed one by one.
const MOST_PROMPTS: usize = 150;

/// What stands in the place of `output` in the summary of a sampling: for each prompt, one entry for each completion in
/// every list.
#[derive(Default, Serialize)]
struct Completions {
    token_counts: Vec<usize>,
    stop_reasons: Vec<String>,
    mean_logprobs: Vec<Option<f64>>,
    policy_versions: Vec<Integer>,
}

/// The same of so many completions that a list of them would itself be too long: those of one prompt, or of all.
#[derive(Serialize)]
struct Totals<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    prompts: Option<usize>,
    completions: usize,
    mean_token_count: f64,
    stop_reasons: BTreeMap<&'a str, usize>,
    mean_logprob: Option<f64>,
    policy_versions: BTreeSet<i64>,
}

impl<'a> Totals<'a> {
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

#[derive(Deserialize)]
struct Segment {
    version: Integer,
}

/// Of a sampling: number of tokens, stop reason and mean log-probability of each completion, and which weights made
/// those of each prompt; of very many completions these of each prompt, and of very many prompts of all together.
#[must_use]
pub(crate) fn sample(text: &str) -> Option<Object> {
    let mut operation = Object::default();
    let mut sampled = None;
    for (name, value) in members(text)? {
        let value = if name == "output" {
            sampled = Some(results(value)?);
            // Keeps its place among the others.
            RawValue::NULL.to_owned()
        } else {
            json::raw(value.to_owned()).ok()?
        };
        operation.push(name.into_owned(), value);
    }
    let results = sampled?;
    let count: usize = results.iter().map(|result| result.token_counts.len()).sum();
    let results = if results.len() > MOST_PROMPTS {
        to_raw_value(&Totals {
            prompts: Some(results.len()),
            ..Totals::of(&results)
        })
    } else if count > MOST_COMPLETIONS {
        let each = results.iter().map(slice::from_ref);
        to_raw_value(&each.map(Totals::of).collect::<Vec<_>>())
    } else {
        to_raw_value(&results)
    };
    let mut output = Object::default();
    output.set("results", results.ok()?);
    operation.set("output", json::raw(json::text(&output).ok()?).ok()?);
    Some(operation)
}

/// What is in the member `output` of a sampling.
fn results(output: &str) -> Option<Vec<Completions>> {
    let (_, results) = members(output)?.find(|(name, _)| name == "results")?;
    items(results)?.map(completions).collect()
}

/// The completions of one prompt.
fn completions(result: &str) -> Option<Completions> {
    let mut completions = Completions::default();
    let mut sequences = None;
    for (name, value) in members(result)? {
        match &*name {
            "sequences" => sequences = Some(value),
            "policy_segments" => {
                let segments: Option<Vec<Segment>> = serde_json::from_str(value).ok()?;
                let versions = segments.into_iter().flatten().map(|segment| segment.version);
                completions.policy_versions = versions.collect();
            }
            _ => {}
        }
    }
    for sequence in items(sequences?)? {
        let (mut count, mut mean, mut stop_reason) = (None, None, None::<String>);
        for (name, value) in members(sequence)? {
            match &*name {
                "tokens" => count = Some(numbers::count(value)?),
                "logprobs" => mean = numbers::mean_logprob(value)?,
                "stop_reason" => stop_reason = serde_json::from_str(value).ok()?,
                _ => {}
            }
        }
        let reason = stop_reason.as_deref().unwrap_or("unknown");
        let reason = reason.strip_prefix("STOP_REASON_").unwrap_or(reason);
        completions.token_counts.push(count?);
        completions.stop_reasons.push(reason.to_owned());
        completions.mean_logprobs.push(mean);
    }
    Some(completions)
}

/// Of a forward-backward pass: everything but the tensors.
#[must_use]
pub(crate) fn forward_backward(text: &str) -> Option<Object> {
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
