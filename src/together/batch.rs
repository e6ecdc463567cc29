//! `build-training-batch`: bodies of forward-backward passes, made of what the sample tools left in files.
//!
//! Completions and rewards become samples (`sampled.rs`), and so do examples that somebody wrote (`example.rs`,
//! `supervised.rs`; `encoder.rs` makes tokens of text), samples become tensors
//! (`sample.rs`, `wire.rs`), and bodies become files (`answer.rs`). No token passes through a conversation.

mod answer;
mod argument;
#[cfg(feature = "text")]
mod encoder;
#[cfg(not(feature = "text"))]
#[path = "batch/no_encoder.rs"]
mod encoder;
mod example;
mod graded;
mod groups;
mod labels;
mod reference;
mod request;
mod sample;
mod sampled;
mod stored;
mod supervised;
mod wire;

use std::sync::Arc;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, or_inline};
use crate::files::data::Data;
use crate::files::{Files, LARGEST_JSON};
use crate::json;
use crate::work::blocking;

use answer::Report;
use encoder::Encoder;
pub(crate) use request::BatchArgs;
use sampled::Outcome;
use stored::Store;
use supervised::{Examples, Refused};

/// What all steps share.
struct Job<'a> {
    loss: &'a request::Chosen,
    files: &'a Files,
    data: &'a Data,
}

/// Reports the operations of which nothing is stored here, and the files that cannot be used.
pub(crate) fn look(request: &BatchArgs, files: &Files, data: &Data, problems: &mut Problems) {
    let session_id = request.session_id();
    let store = Store {
        files,
        data,
        session_id,
    };
    for (index, id) in request.operation_ids.iter().flatten().enumerate() {
        if let Some(problem) = store.lacks(id) {
            problems.add(&Path::Root.key("operation_ids").index(index), problem);
        }
    }
    let named = [
        ("rewards_path", &request.rewards_path, "rewards"),
        ("advantages_path", &request.advantages_path, "advantages"),
    ];
    for (name, path, inline) in named {
        let Some(path) = path else { continue };
        let read = files.read_blocking(path, LARGEST_JSON).and_then(|text| {
            if graded::is_lines(&text) {
                return Ok(());
            }
            json::of_file(text).map(drop)
        });
        if let Err(problem) = read {
            problems.add(&Path::Root.key(name), or_inline(&problem, inline));
        }
    }
}

/// What shows of the examples of a call that is refused anyway, without asking a service.
pub(crate) async fn look_at_examples(
    request: &BatchArgs,
    call: &Call<'_>,
    files: Files,
    problems: &mut Problems,
) {
    let Some(examples) = Refused::of(request, problems) else {
        return;
    };
    let mut encoder = Encoder::at_hand(call, request).await;
    let looked = blocking(move || examples.look(&files, encoder.as_mut())).await;
    problems.append(looked.unwrap_or_default());
}

/// What checks the rewards of a call that is refused anyway against what was sampled.
#[must_use]
pub(crate) fn counting(request: &BatchArgs) -> Option<impl FnOnce(&Files, &Data) -> Problems + Send + use<>> {
    let (ids, labels) = (request.operation_ids.clone()?, request.labels()?);
    let (session_id, kind) = (request.session_id().to_owned(), request.kind()?);
    Some(move |files: &Files, data: &Data| {
        let store = Store {
            files,
            data,
            session_id: &session_id,
        };
        let (mut problems, mut unread) = (Problems::default(), Problems::default());
        // What cannot be read is told once that is all that is wrong.
        if let Some(sampling) = store.read("operation_ids", &ids, None, &mut unread) {
            labels.check(&sampling.prompts, kind, &mut problems);
        }
        problems
    })
}

/// What was built.
pub(crate) struct Built {
    /// What the caller hears.
    pub(crate) reply: Reply,
    /// The fingerprints of bodies whose completions are those of the session's policy.
    pub(crate) of_policy: Vec<u64>,
}

/// Builds what the request asks for and stores it.
pub(crate) async fn build(
    request: BatchArgs,
    call: &Call<'_>,
    files: Files,
    data: Arc<Data>,
) -> Result<Built, ToolError> {
    if !request.has_examples() {
        return blocking(move || build_sampled(request, &files, &data)).await?;
    }
    let (mut request, reading) = (request, files.clone());
    let loss = request.take_loss()?;
    let (request, examples) = blocking(move || {
        let examples = supervised::read(&mut request, &reading)?;
        Ok::<_, Problems>((request, examples))
    })
    .await??;
    let encoder = if examples.have_text() {
        Some(Encoder::load(call, &request).await?)
    } else {
        None
    };
    blocking(move || {
        build_supervised(
            &request,
            examples,
            encoder,
            &Job {
                loss: &loss,
                files: &files,
                data: &data,
            },
        )
    })
    .await?
}

fn build_sampled(mut request: BatchArgs, files: &Files, data: &Data) -> Result<Built, ToolError> {
    let loss = &request.take_loss()?;
    let job = Job { loss, files, data };
    let report = match sampled::samples(&job, &mut request)? {
        Outcome::Samples(samples, counts) => Report::of_samples(&job, &request, &samples, counts)?,
        Outcome::Unscored(sequences, counts) => Report::of_scoring(&job, &request, &sequences, counts)?,
    };
    report.into_built()
}

fn build_supervised(
    request: &BatchArgs,
    examples: Examples,
    mut encoder: Option<Encoder>,
    job: &Job<'_>,
) -> Result<Built, ToolError> {
    let (samples, mut counts) = examples.samples(encoder.as_mut())?;
    let kinds = std::mem::take(&mut counts.kinds);
    let report = Report::of_samples(job, request, &samples, counts)?;
    let report = match &encoder {
        Some(encoder) => report.encoded(encoder, kinds, &samples),
        None => report,
    };
    report.into_built()
}
