//! Operations: how they are submitted and shown.

use super::wire::Refusal;
use super::work::Work;
use super::world::{World, fresh_id};
use crate::digest;
use axum::Json as Answer;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::value::RawValue;

/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Sample,
    ForwardBackward,
    CustomForwardBackward,
    OptimStep,
    WeightsSync,
    InferenceCheckpoint,
    TrainingCheckpoint,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Sample,
        Self::ForwardBackward,
        Self::CustomForwardBackward,
        Self::OptimStep,
        Self::WeightsSync,
        Self::InferenceCheckpoint,
        Self::TrainingCheckpoint,
    ];

    /// Its name in a path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::ForwardBackward => "forward-backward",
            Self::CustomForwardBackward => "custom-forward-backward",
            Self::OptimStep => "optim-step",
            Self::WeightsSync => "weights-sync",
            Self::InferenceCheckpoint => "inference-checkpoint",
            Self::TrainingCheckpoint => "training-checkpoint",
        }
    }
}

/// An operation, as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct Operation {
    id: String,
    pub(super) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Failure>,
    #[serde(skip)]
    pub(super) kind: Kind,
    /// What it was submitted under.
    #[serde(skip)]
    pub(super) key: String,
    /// Bytes of its body.
    #[serde(skip)]
    pub(super) size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Status {
    #[serde(rename = "TRAINING_OPERATION_STATUS_PENDING")]
    Pending,
    #[serde(rename = "TRAINING_OPERATION_STATUS_RUNNING")]
    Running,
    #[serde(rename = "TRAINING_OPERATION_STATUS_COMPLETED")]
    Completed,
    #[serde(rename = "TRAINING_OPERATION_STATUS_FAILED")]
    Failed,
}

/// Why an operation has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Code {
    #[serde(rename = "TRAINING_OPERATION_ERROR_CODE_RESOURCE_EXHAUSTED")]
    ResourceExhausted,
    #[serde(rename = "TRAINING_OPERATION_ERROR_CODE_INTERNAL_ERROR")]
    InternalError,
    #[serde(rename = "TRAINING_OPERATION_ERROR_CODE_SESSION_NOT_ACTIVE")]
    SessionNotActive,
    #[serde(rename = "TRAINING_OPERATION_ERROR_CODE_INVALID_INPUT")]
    InvalidInput,
    #[serde(rename = "TRAINING_OPERATION_ERROR_CODE_NON_FINITE_LOSS")]
    NonFiniteLoss,
}

/// What came under an idempotency key.
#[derive(Debug)]
pub(super) struct Submitted {
    body: u64,
    operation: String,
}

/// What a session is to do.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) operation: String,
    pub(super) work: Work,
}

fn shown(operation: &Operation) -> Response {
    Answer(operation).into_response()
}

pub(super) fn submit(
    kind: Kind,
    world: &World,
    id: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Refusal> {
    let key = idempotency_key(headers)?;
    let fingerprint = digest(body);
    world.with(|contents| {
        let session = contents.session(id)?;
        if let Some(before) = session.submitted.get(&(kind, key.clone())) {
            if before.body != fingerprint {
                let problem = "this Idempotency-Key came with another body before";
                let conflict = axum::http::StatusCode::CONFLICT;
                return Err(Refusal::new(conflict, "idempotency_error", problem));
            }
            let operation = session.operations.get(&before.operation).map(shown);
            return operation.ok_or_else(|| Refusal::not_found("the operation is gone"));
        }
        if !session.is_running() {
            return Err(Refusal::bad("the training session is not RUNNING"));
        }
        let resource = session.model_resources_id.clone();
        let replicas = contents
            .resource(&resource)?
            .compute_config
            .num_generator_replicas;
        if replicas == 0 && kind == Kind::Sample {
            return Err(Refusal::bad(
                "the model resource has no generator replicas, so there is nothing to sample from",
            ));
        }
        let (work, size) = Work::read(kind, body, contents)?;
        contents.admit_operation(size, &world.bounds)?;
        let session = contents.session(id)?;
        let operation = Operation {
            id: fresh_id(),
            status: Status::Pending,
            output: None,
            error: None,
            kind,
            key: key.clone(),
            size,
        };
        let submitted = Submitted {
            body: fingerprint,
            operation: operation.id.clone(),
        };
        session.submitted.insert((kind, key), submitted);
        let job = Job {
            operation: operation.id.clone(),
            work,
        };
        // Whoever receives lives as long as the session runs.
        let _ = session.jobs.send(job);
        let answer = shown(&operation);
        session.operations.insert(operation.id.clone(), operation);
        Ok(answer)
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let given = headers.get("idempotency-key").map(|key| key.to_str());
    let Ok(key) = given.unwrap_or(Ok("")) else {
        return Err(Refusal::of("Idempotency-Key", "has characters beyond ASCII"));
    };
    if key.is_empty() {
        return Err(Refusal::of("Idempotency-Key", "this header is required"));
    }
    if key.len() > LONGEST_KEY {
        return Err(Refusal::of(
            "Idempotency-Key",
            format!("is longer than {LONGEST_KEY} characters"),
        ));
    }
    Ok(key.to_owned())
}

pub(super) fn get(kind: Kind, world: &World, session: &str, operation: &str) -> Result<Response, Refusal> {
    world.with(|contents| {
        let operations = &contents.session(session)?.operations;
        let found = operations
            .get(operation)
            .filter(|found| found.kind == kind)
            .map(shown);
        found.ok_or_else(|| Refusal::not_found(format!("there is no {} operation {operation}", kind.path())))
    })
}
