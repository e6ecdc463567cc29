//! Bodies as files, and what the caller hears about them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path as FilePath;

use serde::Serialize;

use super::encoder::{Encoder, Tokenizer};
use super::request::BatchArgs;
use super::sample::{Sample, split};
use super::wire;
use super::{Built, Job};
use crate::context::Reply;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, counted};
use crate::files::data::BATCHES;
use crate::json;
use crate::spec;
use crate::together::course::fingerprint;
use crate::together::forward_backward::ForwardBackward;
use crate::together::losses::LossType;

/// What was counted on the way to the samples.
#[derive(Default)]
pub(super) struct Counts {
    /// How many groups are in the batch, and how many are not.
    pub(super) groups: Option<(usize, usize)>,
    /// Completions that are in no body.
    pub(super) dropped: usize,
    /// Those of them that have no tokens.
    pub(super) empty: usize,
    /// Mean and deviation of all rewards, those of dropped groups included.
    pub(super) rewards: Option<(f64, f64)>,
    pub(super) unusable_tokens: usize,
    pub(super) policy_versions: Option<BTreeSet<i64>>,
    /// The newest version of the weights that scored the reference.
    pub(super) reference_version: Option<i64>,
    /// What examples of each kind come to.
    pub(super) kinds: Kinds,
}

/// What examples come to, by how they were written.
pub(super) type Kinds = BTreeMap<Kind, OfKind>;

/// How an example was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Messages,
    Text,
    TokenIds,
}

/// What examples of one kind come to.
#[derive(Default, Serialize)]
pub(super) struct OfKind {
    examples: usize,
    tokens: usize,
    trained_tokens: usize,
}

impl Counts {
    /// Counts an example.
    pub(super) fn of_kind(&mut self, kind: Kind, sample: &Sample) {
        let counts = self.kinds.entry(kind).or_default();
        counts.examples += 1;
        counts.tokens += sample.input().len();
        counts.trained_tokens += sample.trained();
    }

    /// Counts a completion that is in no body.
    pub(super) const fn left_out(&mut self, empty: bool) {
        self.dropped += 1;
        if empty {
            self.empty += 1;
        }
    }

    /// Why nothing is left to train on, and what to do.
    fn nothing(&self, of_examples: bool) -> String {
        let equal = self.groups.map_or(0, |(_, dropped)| dropped);
        let what = if of_examples { "examples" } else { "completions" };
        // Those of dropped groups were not looked at one by one.
        let others = if equal > 0 { 0 } else { self.dropped - self.empty };
        let reasons = [
            (equal, "group", "of equal rewards"),
            (self.empty, "completion", "without tokens"),
            (others, "completion", "of weight 0 or without usable tokens"),
        ];
        let found = || reasons.iter().filter(|(count, ..)| *count > 0);
        let were = found()
            .next()
            .map_or("was", |(count, ..)| if *count == 1 { "was" } else { "were" });
        let reasons: Vec<String> = found()
            .map(|(count, what, reason)| format!("{} {reason}", counted(*count, what)))
            .collect();
        let next = match (of_examples, equal > 0) {
            (true, _) => "Give each example a completion of one token at least.",
            (false, true) => {
                "Sample again: more completions for each prompt, a higher temperature, or prompts that sometimes succeed and sometimes fail."
            }
            (false, false) => "Sample again, or give other weights.",
        };
        let why = if reasons.is_empty() {
            format!("no {what} came")
        } else {
            format!("there {were} only {}", reasons.join(", "))
        };
        format!("Nothing is left to train on, and no file was written: {why}. {next}")
    }
}

/// The answer.
#[derive(Default, Serialize)]
pub(super) struct Report {
    batches: Vec<Batch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoring: Option<Batch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_groups: Option<usize>,
    samples: usize,
    dropped: usize,
    #[serde(skip_serializing_if = "is_zero")]
    empty_completions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_reward: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reward_deviation: Option<f64>,
    tokens: usize,
    trained_tokens: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    encoded: Option<Encoded>,
    #[serde(skip_serializing_if = "is_zero")]
    unusable_tokens: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_versions: Option<BTreeSet<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
    #[serde(skip)]
    of_policy: Vec<u64>,
}

/// What is said of examples that a tokenizer encoded.
#[derive(Serialize)]
struct Encoded {
    kinds: Kinds,
    longest_sample: usize,
    truncated: usize,
    tokenizer: Tokenizer,
}

/// A body that was stored.
#[derive(Serialize)]
struct Batch {
    path: String,
    samples: usize,
    tokens: usize,
}

/// The calls that come next.
#[derive(Serialize)]
#[serde(untagged)]
enum Next {
    One(NextCall),
    Several(Vec<NextCall>),
}

#[derive(Serialize)]
struct NextCall {
    tool: &'static str,
    arguments: NextArguments,
}

#[derive(Serialize)]
struct NextArguments {
    session_id: String,
    body_path: String,
}

const SEVERAL: &str = "Their gradients add up: make all of these calls, each to its end, before one optimizer-step. They are of about equal size, because a loss that is averaged over a call gives each call the same weight.";
const NO_KL_TERM: &str =
    "reference_operation_ids change nothing: the loss has no KL term, which grpo_params.beta above 0 adds.";
const SCORE: &str = "The KL term needs log-probabilities under the reference policy. Call next, in a session whose weights are the reference's (this one only while its weights still are, otherwise another one); when that is COMPLETED, call build-training-batch again with the same arguments and reference_operation_ids (and reference_session_id, if it was another session).";

/// What to say where the weights of the session are no reference any more.
fn score_elsewhere(version: i64, path: &str) -> String {
    let (create, sample) = (spec::CREATE_TRAINING_SESSION.name, spec::SAMPLE.name);
    format!(
        "The KL term needs log-probabilities under the reference policy, and this session's weights, version {version}, are trained already. Make another session on the same model resource with {create}, and call {sample} with that one's session_id and body_path {path}; when that is COMPLETED, call build-training-batch again with the same arguments, reference_operation_ids, and that session's id as reference_session_id. It can score for all later steps too. (To hold the policy to the weights of now instead, sample here.)"
    )
}

/// What to say of a reference that was scored by weights that had been trained.
fn moved_reference(version: i64) -> String {
    format!(
        "The reference was scored by trained weights, version {version}: the KL term holds the policy to those, and not to the model as it was. For that, score in a session that was not trained yet, and give its id as reference_session_id."
    )
}

impl Report {
    /// The answer, and what is kept in mind of it.
    pub(super) fn into_built(self) -> Result<Built, ToolError> {
        let reply = Reply::new(json::text(&self)?);
        Ok(Built {
            reply,
            of_policy: self.of_policy,
        })
    }

    /// Stores the batch, in as many bodies as the request's limit asks for.
    pub(super) fn of_samples(
        job: &Job<'_>,
        request: &BatchArgs,
        samples: &[Sample],
        counts: Counts,
    ) -> Result<Self, ToolError> {
        let runs = split(samples, request.limit()).map_err(|longest| too_long(samples.get(longest)))?;
        let texts: Result<Vec<String>, ToolError> =
            runs.iter().map(|run| body(job, slice(samples, run))).collect();
        let (texts, id) = (texts?, uuid::Uuid::new_v4());
        let mut batches = Vec::with_capacity(runs.len());
        for (index, (run, text)) in runs.iter().zip(&texts).enumerate() {
            let name = format!("{id}-{}-of-{}.json", index + 1, texts.len());
            let samples = slice(samples, run);
            batches.push(Batch {
                path: store(job, &name, text)?,
                samples: samples.len(),
                tokens: tokens(samples),
            });
        }
        let call = |batch: &Batch| next(&spec::FORWARD_BACKWARD_PASS, &request.session_id, batch);
        let (note, next): (Option<Cow<'_, str>>, _) = match batches.as_slice() {
            [] => (Some(counts.nothing(request.operation_ids.is_none()).into()), None),
            [batch] => (None, Some(Next::One(call(batch)))),
            several => (
                Some(SEVERAL.into()),
                Some(Next::Several(several.iter().map(call).collect())),
            ),
        };
        let unused = request.reference_operation_ids.is_some() && !job.loss.kl_term;
        let moved = counts.reference_version.filter(|version| !unused && *version > 0);
        let notes: Vec<Cow<'_, str>> = note
            .into_iter()
            .chain(unused.then_some(NO_KL_TERM.into()))
            .chain(moved.map(|version| moved_reference(version).into()))
            .collect();
        let is_of_policy = request.operation_ids.is_some() && job.loss.kind != LossType::CrossEntropy;
        let of_policy = texts.iter().filter(|_| is_of_policy);
        let of_policy = of_policy.map(|text| fingerprint(text)).collect();
        Ok(Self {
            of_policy,
            batches,
            samples: samples.len(),
            tokens: tokens(samples),
            trained_tokens: samples.iter().map(Sample::trained).sum(),
            note: (!notes.is_empty()).then(|| notes.join(" ")),
            next,
            ..Self::counted(counts)
        })
    }

    /// Stores the body that scores these sequences.
    pub(super) fn of_scoring(
        job: &Job<'_>,
        request: &BatchArgs,
        sequences: &[Vec<i64>],
        counts: Counts,
    ) -> Result<Self, ToolError> {
        let text = json::text(&wire::Scoring::new(sequences))?;
        let name = format!("{}-scoring.json", uuid::Uuid::new_v4());
        let scoring = Batch {
            path: store(job, &name, &text)?,
            samples: sequences.len(),
            tokens: sequences.iter().map(Vec::len).sum(),
        };
        let session = request.reference_session_id.as_ref();
        let newest = counts.policy_versions.iter().flatten().max().copied();
        // The weights that sampled are not those of the beginning.
        let trained = newest.filter(|version| session.is_none() && *version > 0);
        let session = session.unwrap_or(&request.session_id);
        let next = next(&spec::SAMPLE, session, &scoring);
        Ok(Self {
            note: Some(trained.map_or_else(
                || SCORE.to_owned(),
                |version| score_elsewhere(version, &scoring.path),
            )),
            next: trained.is_none().then_some(Next::One(next)),
            scoring: Some(scoring),
            // Nothing was built yet, so nothing was left out.
            dropped: 0,
            ..Self::counted(counts)
        })
    }

    /// The same of examples that a tokenizer encoded, with what is to be said of them.
    pub(super) fn encoded(self, encoder: &Encoder, kinds: Kinds, samples: &[Sample]) -> Self {
        let notes: Vec<String> = self.note.into_iter().chain(encoder.notes()).collect();
        Self {
            note: (!notes.is_empty()).then(|| notes.join(" ")),
            encoded: Some(Encoded {
                kinds,
                longest_sample: samples
                    .iter()
                    .map(|sample| sample.input().len())
                    .max()
                    .unwrap_or(0),
                // One that is too long is refused.
                truncated: 0,
                tokenizer: encoder.tokenizer(),
            }),
            ..self
        }
    }

    fn counted(counts: Counts) -> Self {
        Self {
            groups: counts.groups.map(|(kept, _)| kept),
            dropped_groups: counts.groups.map(|(_, dropped)| dropped),
            dropped: counts.dropped,
            empty_completions: counts.empty,
            mean_reward: counts.rewards.map(|(mean, _)| mean),
            reward_deviation: counts.rewards.map(|(_, deviation)| deviation),
            unusable_tokens: counts.unusable_tokens,
            policy_versions: counts.policy_versions,
            ..Self::default()
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn slice<'a>(samples: &'a [Sample], run: &Range<usize>) -> &'a [Sample] {
    samples.get(run.clone()).unwrap_or_default()
}

fn tokens(samples: &[Sample]) -> usize {
    samples.iter().map(|sample| sample.input().len()).sum()
}

fn next(tool: &'static spec::Spec, session_id: &str, batch: &Batch) -> NextCall {
    NextCall {
        tool: tool.name,
        arguments: NextArguments {
            session_id: session_id.to_owned(),
            body_path: batch.path.clone(),
        },
    }
}

fn too_long(longest: Option<&Sample>) -> Problems {
    let (origin, tokens) = longest.map_or(("", 0), |sample| (&sample.origin, sample.input().len()));
    Problems::one(
        &Path::Root.key("max_tokens"),
        format!(
            "is less than the longest sample has ({origin}: {tokens} input tokens): give at least {tokens}"
        ),
    )
}

/// The text of a body. The tool that it is for holds it against its rules; while this program is tested, it is held against
/// them here as well, where it shows who built it wrongly.
fn body(job: &Job<'_>, samples: &[Sample]) -> Result<String, ToolError> {
    let text = json::text(&wire::ForwardBackward::new(samples, &job.loss.text))?;
    if !cfg!(debug_assertions) {
        return Ok(text);
    }
    let body: ForwardBackward = serde_json::from_str(&text)
        .map_err(|error| ToolError::Internal(format!("the batch cannot be read: {error}")))?;
    let mut problems = Problems::default();
    body.check(&Path::Root.key("body"), &mut problems);
    if problems.is_empty() {
        Ok(text)
    } else {
        Err(ToolError::Internal(format!("the batch is wrong:{problems}")))
    }
}

fn store(job: &Job<'_>, name: &str, text: &str) -> Result<String, ToolError> {
    let stored = job.data.store(FilePath::new(BATCHES), name, text.as_bytes());
    let stored = stored.map_err(|error| ToolError::Here {
        why: format!("The batch cannot be stored: {error}."),
        next: "ask the user to fix that, then call again.".to_owned(),
    })?;
    Ok(stored.path.display().to_string())
}
