//! Samples of prompts and completions that somebody wrote.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Job;
use super::answer::Counts;
use super::argument::given;
use super::request::BatchArgs;
use super::sample::{Sample, Values};
use crate::arguments::schema::{brief, hint};
use crate::error::problems::Problems;
use crate::together::tensor::TOKENS;

// A prompt and what should follow it; a doc comment would be published.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = brief, transform = hint("write {\"prompt\": […], \"completion\": […]} with token ids, from the base model's own tokenizer"))]
pub(super) struct Example {
    #[schemars(required, length(min = 1), inner(range(min = 0)), transform = hint(TOKENS))]
    prompt: Option<Vec<i64>>,
    #[schemars(required, inner(range(min = 0)), transform = hint(TOKENS))]
    completion: Option<Vec<i64>>,
}

/// The samples of the request's examples: each token of a completion has weight 1.
pub(super) fn samples(job: &Job<'_>, request: &mut BatchArgs) -> Result<(Vec<Sample>, Counts), Problems> {
    let mut problems = Problems::default();
    let examples = given(
        ("examples", request.examples.take()),
        ("examples_path", request.examples_path.as_deref()),
        job.files,
        &mut problems,
    );
    let Some(examples) = examples else {
        return Err(problems);
    };
    let mut counts = Counts::default();
    let mut samples = Vec::with_capacity(examples.value.len());
    for (index, example) in examples.value.into_iter().enumerate() {
        let (prompt, completion) = (
            example.prompt.unwrap_or_default(),
            example.completion.unwrap_or_default(),
        );
        if completion.is_empty() {
            counts.left_out(true);
            continue;
        }
        let origin = format!("{}[{index}]", examples.name);
        let weights = Values::Weights(vec![1.0; completion.len()]);
        samples.push(Sample::new(origin, &prompt, &completion, weights));
    }
    Ok((samples, counts))
}
