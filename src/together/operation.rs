//! What all operations of a session have in common: submitting one, and showing it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::SessionId;
use super::args::{CheckpointArgs, OperationArgs, SmallSubmitArgs, SubmitArgs};
use super::course::{self, Courses, Part};
#[cfg(feature = "text")]
use super::sample::completions;
use super::summary;
use crate::client::IdempotencyKey;
use crate::context::Summary;
use crate::context::{Call, Output, Reply, View};
use crate::error::ToolError;
#[cfg(feature = "text")]
use crate::files::data::COMPLETIONS;
use crate::files::data::{Data, RESULTS, Storing, file_name};
use crate::files::operation_id;
use crate::json::Object;
use crate::json::integer::Integer;
use crate::json::peek;
use crate::spec;
use crate::spec::Spec;
use crate::spec::Status;
use crate::together::payload;
use crate::together::payload::Uploaded;
use crate::wait;
use crate::wait::{Goal, WaitSeconds, Waited};

/// The least time for fetching a result, within what the adapter grants beyond all waits.
const FETCHING: Duration = Duration::from_secs(4);

/// A kind of operation.
pub(crate) struct Kind {
    /// The row that shows one.
    pub show: &'static Spec,
    /// What people call it, such as `forward-backward`; begins the names of its files.
    pub label: &'static str,
    /// Which members of a large body are uploaded; `None`: the service takes the body in no other way than inline.
    pub uploaded: Option<Uploaded>,
    /// What is said of a large result.
    pub summary: Option<fn(&str) -> Option<Object>>,
    /// Its part in the training.
    pub part: Part,
    /// Whether request and result are kept as files, whatever their size: `build-training-batch` reads them.
    pub kept: bool,
}

impl Kind {
    /// One whose body and result are small.
    const fn small(show: &'static Spec, label: &'static str) -> Self {
        Self {
            show,
            label,
            uploaded: None,
            summary: None,
            part: Part::Aside,
            kept: false,
        }
    }

    /// Whether request and result of this call are kept.
    const fn keeps(&self, call: &Call<'_>) -> bool {
        self.kept && call.relay().is_none()
    }

    const fn goal(&self) -> Goal {
        Goal::operation(self.show, self.label)
    }
}

/// Completions of prompts.
pub(crate) const SAMPLE: Kind = Kind {
    uploaded: Some(Uploaded::All),
    summary: Some(summary::sample),
    part: Part::Sampling,
    kept: true,
    ..Kind::small(&spec::GET_SAMPLE_OPERATION, operation_id::SAMPLE)
};

/// Loss and gradients. The flags of a large body stay in the call.
pub(crate) const FORWARD_BACKWARD: Kind = Kind {
    uploaded: Some(Uploaded::Members(&["loss", "samples"])),
    summary: Some(summary::forward_backward),
    part: Part::Gradients,
    ..Kind::small(&spec::GET_FORWARD_BACKWARD_OPERATION, "forward-backward")
};

/// Loss alone.
pub(crate) const FORWARD: Kind = Kind {
    part: Part::Aside,
    ..FORWARD_BACKWARD
};

/// Gradients of the caller's own loss.
pub(crate) const CUSTOM_FORWARD_BACKWARD: Kind = Kind {
    uploaded: Some(Uploaded::Members(&["samples", "gradients"])),
    part: Part::Gradients,
    ..Kind::small(
        &spec::GET_CUSTOM_FORWARD_BACKWARD_OPERATION,
        "custom-forward-backward",
    )
};

/// Applying the gradients.
pub(crate) const OPTIMIZER_STEP: Kind = Kind {
    part: Part::Step,
    ..Kind::small(&spec::GET_OPTIM_STEP_OPERATION, "optimizer-step")
};

/// Publishing the weights.
pub(crate) const WEIGHTS_SYNC: Kind = Kind {
    part: Part::Sync,
    ..Kind::small(&spec::GET_WEIGHTS_SYNC_OPERATION, "weights-sync")
};

/// Saving for resuming.
pub(crate) const TRAINING_CHECKPOINT: Kind = Kind::small(
    &spec::GET_SAVE_TRAINING_CHECKPOINT_OPERATION,
    "training checkpoint",
);

/// Saving for serving.
pub(crate) const INFERENCE_CHECKPOINT: Kind =
    Kind::small(&spec::GET_INFERENCE_CHECKPOINT_OPERATION, "inference checkpoint");

/// An operation that is to be submitted.
pub(crate) struct Submission {
    pub session_id: SessionId,
    /// JSON text.
    pub body: String,
    pub output: Option<Output>,
    pub wait_seconds: Option<WaitSeconds>,
    pub idempotency_key: Option<IdempotencyKey>,
    /// What is kept beside the request: the prompts that its token ids were made of.
    pub prompts: Option<String>,
}

impl<B> From<SubmitArgs<B>> for Submission {
    fn from(args: SubmitArgs<B>) -> Self {
        Self {
            session_id: args.session_id,
            body: args.body.into_text(),
            output: args.output,
            wait_seconds: args.wait_seconds,
            idempotency_key: args.idempotency_key,
            prompts: None,
        }
    }
}

impl<B> From<SmallSubmitArgs<B>> for Submission {
    fn from(args: SmallSubmitArgs<B>) -> Self {
        Self {
            session_id: args.session_id,
            body: args.body.into_text(),
            output: None,
            wait_seconds: args.wait_seconds,
            idempotency_key: args.idempotency_key,
            prompts: None,
        }
    }
}

/// Submits an operation and waits for its end; of a body over the inline limit, the kind's part is uploaded first.
pub(crate) async fn submit(call: &Call<'_>, submission: Submission, kind: &Kind) -> Result<Reply, ToolError> {
    let Submission {
        session_id,
        mut body,
        output,
        wait_seconds,
        idempotency_key,
        prompts,
    } = submission;
    let until = wait::until(call, wait_seconds);
    let key = idempotency_key.unwrap_or_else(IdempotencyKey::fresh);
    key.header()?;
    let request = kind.keeps(call).then(|| body.clone());
    let batch = match kind.part {
        Part::Gradients => course::fingerprint(&body),
        _ => 0,
    };
    if let Some(members) = kind.uploaded
        && body.len() > call.context.config().inline_limit
    {
        body = payload::uploaded(call, &session_id, body, members, &key).await?;
    }
    let submitted = call.request().path("session_id", &session_id).body(body);
    let courses = call.context.state::<Courses>();
    let sent = submitted.idempotency_key(Some(key)).send().await;
    if let (Part::Gradients, Err(ToolError::Call(failure))) = (kind.part, &sent)
        && failure.outcome_is_unknown()
    {
        courses.lost(&session_id);
    }
    let reply = sent?;
    let id = reply.member::<String>("id");
    let kept = [("request.json", request), ("prompts.json", prompts)];
    let kept = kept
        .into_iter()
        .filter_map(|(extension, text)| Some((extension, text?)));
    let keeping = match &id {
        Some(id) => kept
            .filter_map(|(extension, text)| keep(call, &session_id, id, extension, text))
            .collect(),
        None => Vec::new(),
    };
    let note = id.and_then(|id| courses.submitted(&session_id, kind.part, &id, batch));
    let answer = followed(call, &session_id, reply, kind, output, until, keeping).await;
    Ok(match note {
        Some(note) => answer.noted(&note),
        None => answer,
    })
}

/// Saves a checkpoint and waits for its end.
pub(crate) async fn save(call: &Call<'_>, args: CheckpointArgs, kind: &Kind) -> Result<Reply, ToolError> {
    let until = wait::until(call, args.wait_seconds);
    let request = call.request().path("session_id", &args.session_id);
    let reply = request.idempotency_key(args.idempotency_key).send().await?;
    Ok(followed(call, &args.session_id, reply, kind, None, until, Vec::new()).await)
}

/// Shows an operation with its whole result, at its end if that comes in time.
pub(crate) async fn show(call: &Call<'_>, args: &OperationArgs, kind: &Kind) -> Result<Reply, ToolError> {
    let until = wait::until(call, args.wait_seconds);
    let ids: [&str; 2] = [&args.session_id, &args.operation_id];
    let waited = wait::shown(call, &kind.goal(), &ids, until).await?;
    let waited = match whole(call, &args.session_id, waited.reply()).await? {
        Some(whole) => waited.map(|_| whole),
        None => waited,
    };
    Ok(presented(call, &args.session_id, waited, kind, args.output).await)
}

/// Follows an operation that was just started. Whatever becomes of that, its id must not be lost.
async fn followed(
    call: &Call<'_>,
    session_id: &str,
    reply: Reply,
    kind: &Kind,
    output: Option<Output>,
    until: Option<Instant>,
    keeping: Vec<Storing>,
) -> Reply {
    let waited = wait::created(call, &kind.goal(), &[session_id], "id", reply, until).await;
    let waited = match whole(call, session_id, waited.reply()).await {
        Ok(Some(whole)) => waited.map(|_| whole),
        Ok(None) => waited,
        // The get tool fetches again.
        Err(error) => waited.incomplete(call, &error),
    };
    // What is shown of the result is read from these files too.
    for storing in keeping {
        storing.end_or_warn().await;
    }
    presented(call, session_id, waited, kind, output).await
}

/// An operation with the part of its result that lies elsewhere, which the end of a wait leaves some time for.
async fn whole(call: &Call<'_>, session_id: &str, reply: &Reply) -> Result<Option<Reply>, ToolError> {
    payload::merged(&call.with_time(FETCHING), session_id, reply).await
}

/// The answer as the caller gets to see it. A completed operation of a kind that is kept is stored, as the service gave it.
#[cfg_attr(
    not(feature = "text"),
    expect(clippy::unused_async, reason = "the text of completions takes time")
)]
async fn presented(
    call: &Call<'_>,
    session_id: &str,
    waited: Waited,
    kind: &Kind,
    output: Option<Output>,
) -> Reply {
    let reply = waited.reply();
    let note = follow_course(call, session_id, reply, kind);
    let completed = if kind.keeps(call) { completed(reply) } else { None };
    let stored = match &completed {
        Some(id) => {
            let name = format!("{}-{}.json", kind.label, file_name(id));
            store(call, session_id, name, reply.shared_text())
        }
        None => None,
    };
    #[cfg(feature = "text")]
    let text = match &completed {
        Some(id) => completions::of(&call.with_time(FETCHING), session_id, id, reply).await,
        None => None,
    };
    let output = output.unwrap_or_default();
    let mut reply = waited.going_on_with(output).into_reply();
    if let Some(note) = note {
        reply = reply.noted(&note);
    }
    // What is under way has no result to store yet.
    let has_result = completed.is_some() || !kind.kept;
    let summary = kind.summary;
    let view = View {
        output: if has_result { output } else { Output::Auto },
        summary: summary.map(|summary| -> Summary { Box::new(summary) }),
        stored,
        image: None,
    };
    #[cfg(feature = "text")]
    if let Some(text) = text {
        return completions::shown(reply, view, text);
    }
    reply.with_view(view)
}

/// Keeps in mind what became of an operation, and says what is to be said about that.
fn follow_course(call: &Call<'_>, session_id: &str, reply: &Reply, kind: &Kind) -> Option<String> {
    #[derive(Deserialize)]
    struct Published {
        weights_version: Integer,
    }
    #[derive(Deserialize)]
    struct Passed {
        loss: Box<RawValue>,
    }
    let courses = call.context.state::<Courses>();
    let status = peek::text(reply.text(), "status");
    match (
        status
            .as_deref()
            .and_then(|status| Status::OPERATION.word(status)),
        kind.part,
    ) {
        (Some("FAILED"), _) => {
            if let Some(id) = reply.member::<String>("id") {
                courses.failed(session_id, &id);
            }
        }
        (Some("COMPLETED"), Part::Sync) => {
            if let Some(Published { weights_version }) = reply.member("output") {
                courses.published(session_id, weights_version.0);
            }
        }
        (Some("COMPLETED"), Part::Gradients) => {
            let Passed { loss } = reply.member("output")?;
            let id: String = reply.member("id")?;
            return courses.passed(session_id, &id, serde_json::from_str(loss.get()).ok());
        }
        _ => {}
    }
    None
}

/// The id of an operation that has its whole result: neither is it still under way, nor does the result lie elsewhere.
fn completed(reply: &Reply) -> Option<String> {
    let text = reply.text();
    let done = Status::OPERATION.word(&peek::text(text, "status")?) == Some("COMPLETED");
    // What can be seen without reading a million numbers is enough as a rule.
    let says = |part: &str| memmem::find(text.as_bytes(), part.as_bytes()).is_some();
    let is_here = || says("\"results\":[") && (!says("\"payload_id\"") || has_results(text));
    (done && is_here()).then(|| peek::text(text, "id")).flatten()
}

/// Whether an operation has a list of results, and none that lies elsewhere.
fn has_results(operation: &str) -> bool {
    #[derive(Deserialize)]
    struct Operation<'a> {
        #[serde(borrow)]
        output: Output<'a>,
    }
    #[derive(Deserialize)]
    struct Output<'a> {
        #[serde(borrow)]
        results: &'a RawValue,
        #[serde(borrow, default)]
        payload_id: Option<&'a RawValue>,
    }
    let operation = serde_json::from_str::<Operation<'_>>(operation);
    operation.is_ok_and(|Operation { output }| {
        let elsewhere = output.payload_id.map_or("null", RawValue::get);
        output.results.get().starts_with('[') && ["null", "\"\""].contains(&elsewhere)
    })
}

/// Keeps a file beside an operation: the prompts of a sampling, which its result does not repeat.
fn keep(call: &Call<'_>, session_id: &str, id: &str, extension: &str, text: String) -> Option<Storing> {
    let name = format!("{}-{}.{extension}", SAMPLE.label, file_name(id));
    let text = call.context.redactor().scrub_owned(text);
    store(call, session_id, name, Arc::new(text))
}

/// Stores a file of a session, beginning now. Secrets have been taken out of the text: out of an answer when it came in.
fn store(call: &Call<'_>, session_id: &str, name: String, text: Arc<String>) -> Option<Storing> {
    let data = Arc::clone(call.context.config().data.as_ref()?);
    Some(data.keep(folder(session_id), name, text))
}

/// Where the files of a session lie, within the data directory.
pub(super) fn folder(session_id: &str) -> PathBuf {
    Path::new(RESULTS).join(file_name(session_id.trim()))
}

/// The files of a sampling.
#[derive(Clone, Debug)]
pub(crate) struct SampleFiles {
    /// The body that was sent.
    pub request: PathBuf,
    /// The operation with its result.
    pub result: PathBuf,
    /// What the prompts were made of, if they were given as text.
    #[cfg(feature = "text")]
    pub prompts: PathBuf,
}

impl SampleFiles {
    /// Those of an operation, which need not be there.
    #[must_use]
    pub(crate) fn of(data: &Data, session_id: &str, operation_id: &str) -> Self {
        let name = file_name(operation_id.trim());
        let folder = data.root().join(folder(session_id));
        let path = |extension: &str| folder.join(format!("{}-{name}.{extension}", SAMPLE.label));
        Self {
            request: path("request.json"),
            result: path("json"),
            #[cfg(feature = "text")]
            prompts: path("prompts.json"),
        }
    }
}

/// The name of the file that holds a sampling's completions as text, as JSON lines.
#[cfg(feature = "text")]
pub(super) fn completions_name(operation_id: &str) -> String {
    format!(
        "{}-{}.{COMPLETIONS}",
        SAMPLE.label,
        file_name(operation_id.trim())
    )
}
