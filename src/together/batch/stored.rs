//! Sample operations as the tools left them in files.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path as FilePath;

use serde::{Deserialize, Deserializer};

use super::argument::Given;
use crate::error::problems::{Path, Problems};
use crate::files::data::Data;
use crate::files::{Files, LARGEST_JSON};
use crate::json::integer::Integer;
use crate::spec::Status;
use crate::together::operation::SampleFiles;
use crate::together::sample::Sample;

/// Where the files of a session's operations are.
pub(super) struct Store<'a> {
    pub(super) files: &'a Files,
    pub(super) data: &'a Data,
    pub(super) session_id: &'a str,
}

/// The prompts of several operations, in order.
#[derive(Default)]
pub(super) struct Sampling {
    pub(super) prompts: Vec<Prompt>,
    /// The weights that made the completions.
    pub(super) policy_versions: BTreeSet<i64>,
}

/// A prompt and what was sampled for it.
#[derive(Default)]
pub(super) struct Prompt {
    pub(super) tokens: Vec<i64>,
    pub(super) completions: Vec<Completion>,
    /// Those of the prompt's own tokens, if it was scored.
    pub(super) logprobs: Option<Vec<Option<f64>>>,
    pub(super) place: Origin,
}

/// Where a prompt comes from, for messages.
#[derive(Clone, Default)]
pub(super) struct Origin {
    pub(super) operation: String,
    pub(super) result: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {}, output.results[{}]", self.operation, self.result)
    }
}

#[derive(Deserialize)]
struct Operation {
    status: String,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct Output {
    results: Option<Vec<SampleResult>>,
}

#[derive(Deserialize)]
struct SampleResult {
    sequences: Vec<Completion>,
    policy_segments: Option<Vec<Segment>>,
    prompt_logprobs: Option<Vec<Option<f64>>>,
}

/// A completion.
#[derive(Default, Deserialize)]
pub(super) struct Completion {
    #[serde(deserialize_with = "integers")]
    pub(super) tokens: Vec<i64>,
    pub(super) logprobs: Option<Vec<Option<f64>>>,
    pub(super) routed_experts_key: Option<String>,
}

#[derive(Deserialize)]
struct Segment {
    version: Integer,
}

fn integers<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<i64>, D::Error> {
    let integers = Vec::<Integer>::deserialize(json)?;
    Ok(integers.into_iter().map(|Integer(value)| value).collect())
}

const UNSTORED: &str = "no result of it is stored for this session: call get-sample-operation with session_id and this id until it is COMPLETED, then this again (FAILED: sample again; of another session: references have reference_session_id)";

impl Store<'_> {
    /// Reads these operations, which the argument `name` lists. The prompts of those that another program submitted are
    /// taken from `prompts`, in order. `None` if there are problems.
    pub(super) fn read(
        &self,
        name: &str,
        operation_ids: &[String],
        prompts: Option<&Given<Sample>>,
        problems: &mut Problems,
    ) -> Option<Sampling> {
        let at = Path::Root.key(name);
        let prompts_name = prompts.map(|prompts| prompts.name);
        let mut given = prompts.map(|prompts| prompts.value.prompts());
        let mut read = Some(Sampling::default());
        for (index, operation_id) in operation_ids.iter().enumerate() {
            let operation = self
                .operation(operation_id)
                .and_then(|operation| completed(operation_id, operation));
            let known = self.prompts(operation_id);
            let paired = operation.and_then(|results| {
                let count = results.len();
                let prompts = match (known?, &mut given) {
                    (Some(prompts), _) => prompts,
                    (None, Some(given)) => given.take(count).map(|prompt| prompt.tokens().collect()).collect(),
                    (None, None) => return Err("its prompts are not known here, because it was not submitted by this server (or with another data directory): give prompts_path, a JSON file with the body that was sent to sample".to_owned()),
                };
                pair(operation_id, results, prompts)
            });
            match paired {
                Ok(paired) => {
                    if let Some(read) = &mut read {
                        read.prompts.extend(paired.prompts);
                        read.policy_versions.extend(paired.policy_versions);
                    }
                }
                Err(problem) => {
                    problems.add(&at.index(index), problem);
                    read = None;
                }
            }
        }
        let left = given.map_or(0, Iterator::count);
        if let (Some(name), true) = (prompts_name, left > 0 && read.is_some()) {
            problems.add(
                &Path::Root.key(name),
                format!("holds {left} prompts more than the operations whose prompts are not known here"),
            );
            return None;
        }
        read
    }

    /// What to say of an operation of which no result is stored.
    pub(super) fn lacks(&self, operation_id: &str) -> Option<&'static str> {
        let SampleFiles { result, .. } = self.of(operation_id);
        result.symlink_metadata().is_err().then_some(UNSTORED)
    }

    fn of(&self, operation_id: &str) -> SampleFiles {
        SampleFiles::of(self.data, self.session_id, operation_id)
    }

    fn operation(&self, operation_id: &str) -> Result<Operation, String> {
        let SampleFiles { result, .. } = self.of(operation_id);
        let text = self.text(&result)?.ok_or_else(|| UNSTORED.to_owned())?;
        serde_json::from_str(&text)
            .map_err(|error| format!("its stored result is not as documented: {error}"))
    }

    /// The prompts that were sent; `None` where that is not known.
    fn prompts(&self, operation_id: &str) -> Result<Option<Vec<Vec<i64>>>, String> {
        let SampleFiles { request, .. } = self.of(operation_id);
        let Some(text) = self.text(&request)? else {
            return Ok(None);
        };
        let sample: Sample = serde_json::from_str(&text)
            .map_err(|error| format!("its stored request is not as documented: {error}"))?;
        Ok(Some(
            sample.prompts().map(|prompt| prompt.tokens().collect()).collect(),
        ))
    }

    /// A file of the data directory, if it is there.
    fn text(&self, path: &FilePath) -> Result<Option<String>, String> {
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        self.files
            .read_blocking(&path.to_string_lossy(), LARGEST_JSON)
            .map(Some)
    }
}

/// The results of an operation that has them.
fn completed(operation_id: &str, operation: Operation) -> Result<Vec<SampleResult>, String> {
    let status = Status::OPERATION.short(&operation.status);
    if status == "FAILED" {
        return Err("it FAILED and has no completions: sample again".to_owned());
    }
    let results = operation.output.and_then(|output| output.results);
    results.filter(|_| status == "COMPLETED").ok_or_else(|| {
        format!("its stored result is {status} without completions: call get-sample-operation with operation_id {operation_id} until it is COMPLETED")
    })
}

fn pair(operation_id: &str, results: Vec<SampleResult>, prompts: Vec<Vec<i64>>) -> Result<Sampling, String> {
    if results.len() != prompts.len() {
        let (results, prompts) = (results.len(), prompts.len());
        return Err(format!(
            "it has results of {results} prompts, but {prompts} prompts are known"
        ));
    }
    let mut sampling = Sampling::default();
    for (index, (result, tokens)) in results.into_iter().zip(prompts).enumerate() {
        if tokens.is_empty() {
            return Err(format!("the prompt of output.results[{index}] is empty"));
        }
        let segments = result.policy_segments.into_iter().flatten();
        sampling.policy_versions.extend(segments.map(
            |Segment {
                 version: Integer(version),
             }| version,
        ));
        sampling.prompts.push(Prompt {
            tokens,
            completions: result.sequences,
            logprobs: result.prompt_logprobs,
            place: Origin {
                operation: operation_id.to_owned(),
                result: index,
            },
        });
    }
    Ok(sampling)
}
