//! What all operations of a session have in common: submitting one, and showing it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::args::{CheckpointArgs, OperationArgs, SubmitArgs};
use super::course::{self, Courses, Part};
use super::summary;
use crate::client::IdempotencyKey;
use crate::context::Summary;
use crate::context::{Call, Output, Reply, View};
use crate::error::ToolError;
use crate::files::data::{Data, RESULTS, Storing, file_name};
use crate::json::integer::Integer;
use crate::json::peek;
use crate::spec;
use crate::spec::Spec;
use crate::spec::Status;
use crate::together::payload;
use crate::together::payload::Uploaded;
use crate::wait;
use crate::wait::{Goal, Waited};

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
    pub summary: Option<Summary>,
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
    ..Kind::small(&spec::GET_SAMPLE_OPERATION, "sample")
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

/// Submits an operation and waits for its end; of a body over the inline limit, the kind's part is uploaded first.
pub(crate) async fn submit<B>(call: &Call<'_>, args: SubmitArgs<B>, kind: &Kind) -> Result<Reply, ToolError> {
    let until = wait::until(call, args.wait_seconds);
    let key = args.idempotency_key.unwrap_or_else(IdempotencyKey::fresh);
    key.header()?;
    let mut body = args.body.into_text();
    let request = kind.kept.then(|| body.clone());
    let batch = match kind.part {
        Part::Gradients => course::fingerprint(&body),
        _ => 0,
    };
    if let Some(members) = kind.uploaded
        && body.len() > call.context.config().inline_limit
    {
        body = payload::uploaded(call, &args.session_id, body, members, &key).await?;
    }
    let submitted = call.request().path("session_id", &args.session_id).body(body);
    let courses = call.context.state::<Courses>();
    let sent = submitted.idempotency_key(Some(key)).send().await;
    if let (Part::Gradients, Err(ToolError::Call(failure))) = (kind.part, &sent)
        && failure.outcome_is_unknown()
    {
        courses.lost(&args.session_id);
    }
    let reply = sent?;
    let keeping = request.and_then(|request| keep_request(call, &args.session_id, &reply, request));
    let id = reply.member::<String>("id");
    let note = id.and_then(|id| courses.submitted(&args.session_id, kind.part, &id, batch));
    let answer = followed(call, &args.session_id, reply, kind, args.output, until).await;
    if let Some(keeping) = keeping {
        keeping.end_or_warn().await;
    }
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
    Ok(followed(call, &args.session_id, reply, kind, None, until).await)
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
    Ok(presented(call, &args.session_id, waited, kind, args.output))
}

/// Follows an operation that was just started. Whatever becomes of that, its id must not be lost.
async fn followed(
    call: &Call<'_>,
    session_id: &str,
    reply: Reply,
    kind: &Kind,
    output: Option<Output>,
    until: Option<Instant>,
) -> Reply {
    let waited = wait::created(call, &kind.goal(), &[session_id], "id", reply, until).await;
    let waited = match whole(call, session_id, waited.reply()).await {
        Ok(Some(whole)) => waited.map(|_| whole),
        Ok(None) => waited,
        // The get tool fetches again.
        Err(error) => waited.incomplete(call, &error),
    };
    presented(call, session_id, waited, kind, output)
}

/// An operation with the part of its result that lies elsewhere, which the end of a wait leaves some time for.
async fn whole(call: &Call<'_>, session_id: &str, reply: &Reply) -> Result<Option<Reply>, ToolError> {
    payload::merged(&call.with_time(FETCHING), session_id, reply).await
}

/// The answer as the caller gets to see it. A completed operation of a kind that is kept is stored, as the service gave it.
fn presented(
    call: &Call<'_>,
    session_id: &str,
    waited: Waited,
    kind: &Kind,
    output: Option<Output>,
) -> Reply {
    let reply = waited.reply();
    let note = follow_course(call, session_id, reply, kind);
    let completed = if kind.kept { completed(reply) } else { None };
    let stored = match &completed {
        Some(id) => {
            let name = format!("{}-{}.json", kind.label, file_name(id));
            store(call, session_id, name, reply.shared_text())
        }
        None => None,
    };
    let output = output.unwrap_or_default();
    let mut reply = waited.going_on_with(output).into_reply();
    if let Some(note) = note {
        reply = reply.noted(&note);
    }
    // What is under way has no result to store yet.
    let has_result = completed.is_some() || !kind.kept;
    reply.with_view(View {
        output: if has_result { output } else { Output::Auto },
        summary: kind.summary,
        stored,
    })
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

/// Keeps the prompts of a sampling, which its result does not repeat.
fn keep_request(call: &Call<'_>, session_id: &str, reply: &Reply, request: String) -> Option<Storing> {
    let id = reply.member::<String>("id")?;
    let name = format!("{}-{}.request.json", SAMPLE.label, file_name(&id));
    let text = call.context.redactor().scrub_owned(request);
    store(call, session_id, name, Arc::new(text))
}

/// Stores a file of a session, beginning now. Secrets have been taken out of the text: out of an answer when it came in.
fn store(call: &Call<'_>, session_id: &str, name: String, text: Arc<String>) -> Option<Storing> {
    let data = Arc::clone(call.context.config().data.as_ref()?);
    Some(data.keep(folder(session_id), name, text))
}

/// Where the files of a session lie, within the data directory.
fn folder(session_id: &str) -> PathBuf {
    Path::new(RESULTS).join(file_name(session_id.trim()))
}

/// The files of a sampling: its request and its result, which is there once a tool has shown it completed.
#[must_use]
pub(crate) fn sample_files(data: &Data, session_id: &str, operation_id: &str) -> [PathBuf; 2] {
    let name = file_name(operation_id.trim());
    let folder = data.root().join(folder(session_id));
    ["request.json", "json"].map(|extension| folder.join(format!("{}-{name}.{extension}", SAMPLE.label)))
}
