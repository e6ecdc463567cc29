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
/// How much room the texts of completions have together, in bytes of JSON.
const MOST_TEXT: usize = 12_000;
/// How much those of prompts have.
const MOST_PROMPT_TEXT: usize = 3_000;

/// What stands in the place of `output` in the summary of a sampling: for each prompt, one entry for each completion in
/// every list.
#[derive(Default, Serialize)]
struct Completions {
    /// What was asked, in short.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<usize>,
    /// The text of each completion, cut to what fits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<String>,
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
    sample_with(text, Vec::new())
}

/// What else is known of the completions of one prompt.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// What was asked, and how many tokens that is.
    pub prompt: Option<(String, usize)>,
    /// The text of each completion.
    pub texts: Vec<String>,
}

/// The same with the text of prompts and completions, as far as there is room.
#[must_use]
pub(crate) fn sample_with(text: &str, shown: Vec<Shown>) -> Option<Object> {
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
    let mut results = sampled?;
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
        lay_over(&mut results, shown);
        to_raw_value(&results)
    };
    let mut output = Object::default();
    output.set("results", results.ok()?);
    operation.set("output", json::raw(json::text(&output).ok()?).ok()?);
    Some(operation)
}

/// Lays texts over what is listed one by one: the longest are cut, so that all together have room.
fn lay_over(results: &mut [Completions], mut shown: Vec<Shown>) {
    let texts = shown.iter_mut().flat_map(|one| &mut one.texts);
    fit(texts.collect(), MOST_TEXT);
    let prompts = shown
        .iter_mut()
        .filter_map(|one| Some(&mut one.prompt.as_mut()?.0));
    fit(prompts.collect(), MOST_PROMPT_TEXT);
    for (result, one) in results.iter_mut().zip(shown) {
        if let Some((prompt, tokens)) = one.prompt {
            result.prompt = Some(prompt);
            result.prompt_tokens = Some(tokens);
        }
        result.texts = one.texts;
    }
}

/// Cuts texts until all together have at most so many bytes of JSON: the longest first, and all of those to one length.
fn fit(texts: Vec<&mut String>, most: usize) {
    let mut lengths: Vec<usize> = texts.iter().map(|text| written(text)).collect();
    lengths.sort_unstable();
    let (mut left, mut longest) = (most, usize::MAX);
    for (index, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - index);
        if *length > share {
            longest = share;
            break;
        }
        left -= length;
    }
    for text in texts {
        if written(text) > longest {
            cut(text, longest);
        }
    }
}

/// How long a text is in JSON.
fn written(text: &str) -> usize {
    text.chars().map(written_char).sum()
}

const fn written_char(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\t' | '\r' => 2,
        c => c.len_utf8(),
    }
}

/// Keeps the beginning of a text, and says how long it was.
fn cut(text: &mut String, longest: usize) {
    let whole = text.chars().count();
    let end = format!("… ({whole} characters)");
    let mut left = longest.saturating_sub(end.len());
    let kept = text
        .char_indices()
        .find(|(_, c)| match left.checked_sub(written_char(*c)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
    // What would not become shorter stays whole.
    if let Some((at, _)) = kept.filter(|(at, _)| at + end.len() < text.len()) {
        text.truncate(at);
        text.push_str(&end);
    }
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
        let reason = self::stop_reason(stop_reason.as_deref());
        completions.token_counts.push(count?);
        completions.stop_reasons.push(reason.to_owned());
        completions.mean_logprobs.push(mean);
    }
    Some(completions)
}

/// Why a completion ended, without what all of the service's words begin with.
pub(super) fn stop_reason(written: Option<&str>) -> &str {
    let reason = written.unwrap_or("unknown");
    reason.strip_prefix("STOP_REASON_").unwrap_or(reason)
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

    #[test]
    fn the_longest_texts_are_cut_first() {
        let fitted = |texts: &[&str], most: usize| -> Vec<String> {
            let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            fit(texts.iter_mut().collect(), most);
            texts
        };
        let long = "é".repeat(100);
        assert_eq!(fitted(&["short", &long], 1000), ["short", &long]);
        let cut = fitted(&["short", &long, "another short one"], 100);
        assert_eq!(cut.first().unwrap(), "short");
        assert_eq!(cut.last().unwrap(), "another short one");
        assert!(cut.get(1).unwrap().ends_with("é… (100 characters)"), "{cut:?}");
        for (texts, most) in [
            (vec![long.as_str(); 7], 300),
            (vec!["\n\"\\"; 9], 40),
            (vec![""; 3], 0),
        ] {
            let all: usize = fitted(&texts, most).iter().map(|text| written(text)).sum();
            assert!(all <= most + 30 * texts.len(), "{all} of {most}");
        }
    }

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
