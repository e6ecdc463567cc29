//! What operations do: from a body, through the policy, to an output.

mod keep;
mod optimize;
mod sample;
mod train;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::body::{self, WeightSyncType};
use super::checkpoint::Kind as CheckpointKind;
use super::kept::Finished;
use super::operation::{Code, Failure, Job, Kind, Status};
use super::session::Policy;
use super::wire::{Refusal, parse};
use super::world::{State as Contents, World, fresh_id};
use crate::bounds::Bounds;
use crate::policy::{Loss, Refusal as Problem, Step, Trainer};

/// An output of more bytes of JSON than this is offloaded.
const INLINE_LIMIT: usize = 524_288;

/// An operation's body, once its shape has been checked.
#[derive(Debug)]
pub(super) enum Work {
    Sample(body::Sample),
    Train {
        body: body::ForwardBackward,
        loss: Loss,
    },
    TrainCustom(body::CustomForwardBackward),
    Optimize {
        /// `None`: the defaults of the model resource's optimizer.
        step: Option<Step>,
        /// The longest gradient.
        clip: f64,
    },
    Sync(WeightSyncType),
    Save(CheckpointKind),
}

/// What comes of it.
type Output = Result<Box<RawValue>, Failure>;

impl Work {
    /// Reads a body, and says how many bytes it has with what was uploaded for it.
    pub(super) fn read(kind: Kind, body: &[u8], contents: &mut Contents) -> Result<(Self, usize), Refusal> {
        let Some((payload, whole)) = with_payload(kind, body, contents)? else {
            return Ok((Self::of(kind, body)?, body.len()));
        };
        let work = Self::of(kind, &whole)?;
        contents.payload_is_used(&payload);
        Ok((work, whole.len()))
    }

    fn of(kind: Kind, body: &[u8]) -> Result<Self, Refusal> {
        Ok(match kind {
            Kind::Sample => Self::Sample(sample::checked(parse(body)?)?),
            Kind::ForwardBackward => {
                let body: body::ForwardBackward = parse(body)?;
                let loss = train::loss(&body.loss)?;
                some(&body.samples, "samples")?;
                Self::Train { body, loss }
            }
            Kind::CustomForwardBackward => {
                let body: body::CustomForwardBackward = parse(body)?;
                some(&body.samples, "samples")?;
                Self::TrainCustom(body)
            }
            Kind::OptimStep => {
                let (step, clip) = optimize::step(&parse(body)?)?;
                Self::Optimize { step, clip }
            }
            Kind::WeightsSync => Self::Sync(parse::<body::WeightsSync>(body)?.weight_sync_type),
            Kind::InferenceCheckpoint => Self::Save(CheckpointKind::Inference),
            Kind::TrainingCheckpoint => Self::Save(CheckpointKind::Training),
        })
    }

    /// How many seconds it takes at least.
    const fn seconds(&self) -> f64 {
        match self {
            Self::Sample(_) | Self::Train { .. } | Self::TrainCustom(_) => 2.0,
            Self::Optimize { .. } => 0.5,
            Self::Sync(_) => 1.0,
            Self::Save(_) => 20.0,
        }
    }
}

fn some<T>(list: &[T], param: &str) -> Result<(), Refusal> {
    if list.is_empty() {
        return Err(Refusal::of(param, "must not be empty"));
    }
    Ok(())
}

/// The body with what was uploaded laid over it, where it names a payload.
fn with_payload(kind: Kind, body: &[u8], contents: &Contents) -> Result<Option<(String, Vec<u8>)>, Refusal> {
    if !matches!(
        kind,
        Kind::Sample | Kind::ForwardBackward | Kind::CustomForwardBackward
    ) {
        return Ok(None);
    }
    let mut members: BTreeMap<String, &RawValue> = parse(body)?;
    let Some(id) = members.remove("payload_id") else {
        return Ok(None);
    };
    let id: String = parse(id.get().as_bytes())?;
    if id.is_empty() {
        return Err(Refusal::of("payload_id", "must not be empty"));
    }
    let payload = contents.payload(&id)?;
    let uploaded: BTreeMap<String, &RawValue> = parse(&payload)?;
    members.extend(uploaded);
    let whole = serde_json::to_vec(&members).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(Some((id, whole)))
}

/// Does a job of a session.
pub(super) async fn run(world: &Arc<World>, session: &str, trainer: &Arc<Mutex<Trainer>>, job: Job) {
    let Job { operation, work } = job;
    let now = world.clock.now();
    let policy = world.with(|contents| begin(contents, session, &operation, now));
    world.clock.wait(work.seconds()).await;
    let output = match (work, policy) {
        (Work::Sync(how), Some(_)) => keep::sync(world, session, trainer, how),
        (Work::Save(kind), Some(_)) => Ok(keep::save(world, session, trainer, kind)),
        (work, Some(policy)) => {
            let trainer = trainer.clone();
            let computed = tokio::task::spawn_blocking(move || compute(work, &policy, &trainer)).await;
            computed.unwrap_or_else(|error| Err(failure(Code::InternalError, error.to_string())))
        }
        (_, None) => Err(failure(Code::InternalError, "the training session is gone")),
    };
    let now = world.clock.now();
    let step = locked(trainer).step_count();
    world.with(|contents| {
        finish(contents, &world.bounds, session, &operation, output);
        if let Ok(found) = contents.session(session) {
            found.step = step;
            let resource = found.model_resources_id.clone();
            if let Ok(resource) = contents.resource(&resource) {
                resource.end(now);
            }
        }
    });
}

fn begin(
    contents: &mut Contents,
    session: &str,
    operation: &str,
    now: std::time::SystemTime,
) -> Option<Policy> {
    let session = contents.session(session).ok()?;
    session.operations.get_mut(operation)?.status = Status::Running;
    let policy = session.policy.clone();
    let resource = session.model_resources_id.clone();
    contents.resource(&resource).ok()?.begin(now);
    Some(policy)
}

fn finish(contents: &mut Contents, bounds: &Bounds, session: &str, operation: &str, output: Output) {
    let bytes = output.as_ref().map_or(0, |output| output.get().len());
    let (output, payload) = match output.map(offloaded) {
        Ok((output, payload)) => (Ok(output), payload),
        Err(error) => (Err(error), None),
    };
    let found = contents.session(session).ok();
    let Some(found) = found.and_then(|session| session.operations.get_mut(operation)) else {
        return;
    };
    match output {
        Ok(output) => {
            found.status = Status::Completed;
            found.output = Some(output);
        }
        Err(error) => {
            found.status = Status::Failed;
            found.error = Some(error);
        }
    }
    let finished = Finished {
        session: session.to_owned(),
        operation: operation.to_owned(),
        payload: payload.as_ref().map(|(id, _)| id.clone()),
        bytes,
    };
    contents.keep_finished(finished, payload, bounds);
}

/// Takes a large output out, as a payload with its id; what is small of it stays inline.
fn offloaded(output: Box<RawValue>) -> (Box<RawValue>, Option<(String, Bytes)>) {
    if output.get().len() <= INLINE_LIMIT {
        return (output, None);
    }
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(output.get()).unwrap_or_default();
    let small = members
        .into_iter()
        .filter(|(_, value)| value.get().len() <= INLINE_LIMIT / 8);
    let mut inline: BTreeMap<&str, Value> = small.map(|(name, value)| (name, json!(value))).collect();
    let id = fresh_id();
    inline.insert("payload_id", json!(id));
    let Ok(inline) = to_raw_value(&inline) else {
        return (output, None);
    };
    (inline, Some((id, String::from(Box::<str>::from(output)).into())))
}

/// Says that a job will not be done.
pub(super) fn give_up(world: &World, session: &str, job: &Job) {
    let error = failure(Code::SessionNotActive, "the training session has stopped");
    world.with(|contents| finish(contents, &world.bounds, session, &job.operation, Err(error)));
}

fn compute(work: Work, policy: &Policy, trainer: &Mutex<Trainer>) -> Output {
    match work {
        Work::Sample(body) => sample::run(&body, policy),
        Work::Train { body, loss } => train::run(&body, &loss, &mut locked(trainer)),
        Work::TrainCustom(body) => train::run_custom(&body, &mut locked(trainer)),
        Work::Optimize { step, clip } => {
            let mut trainer = locked(trainer);
            let step = step.unwrap_or_else(|| optimize::default_step(trainer.optimizer_kind()));
            let count = trainer.optimizer_step(&step, clip)?;
            raw(&json!({"step": count.to_string()}))
        }
        Work::Sync(_) | Work::Save(_) => Err(failure(Code::InternalError, "nothing to compute")),
    }
}

fn raw(output: &impl serde::Serialize) -> Output {
    to_raw_value(output).map_err(|error| failure(Code::InternalError, error.to_string()))
}

fn failure(code: Code, message: impl Into<String>) -> Failure {
    Failure {
        code,
        message: message.into(),
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::InvalidInput(message) => failure(Code::InvalidInput, message),
            Problem::NonFiniteLoss => failure(Code::NonFiniteLoss, "the loss or its gradient is not finite"),
        }
    }
}

fn locked(trainer: &Mutex<Trainer>) -> std::sync::MutexGuard<'_, Trainer> {
    trainer.lock().unwrap_or_else(PoisonError::into_inner)
}
