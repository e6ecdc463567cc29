//! Calls that get through, whatever happens on the way.
//!
//! The server repeats by itself what may be repeated. What it gives up on comes back as a failed call that says what to
//! do next, and this is the agent that does it: an operation is repeated under the key that the failure names, a read is
//! simply read again, and whatever cannot be repeated is looked for first.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::host::{Failure, Host, pause};
use super::reading::{List, Operation, Progress, Thing, short};

/// How often one thing is tried before the run is given up.
const MOST_TRIES: u32 = 12;
/// The longest that one operation may take.
const LONGEST: Duration = Duration::from_secs(300);
/// How often the real service is asked for the state of an operation, in seconds, and for that of a session.
const OPERATION: f64 = 0.5;
const SESSION: f64 = 10.0;

/// A host that does not give up at once.
pub(super) struct Agent {
    pub(super) host: Host,
    /// How many times faster than the real one the service is.
    pub(super) speed: f64,
}

/// A kind of operation: the tool that submits it and the one that shows it.
#[derive(Clone, Copy)]
pub(super) struct Kind(&'static str, &'static str);

pub(super) const SAMPLE: Kind = Kind("sample", "get-sample-operation");
pub(super) const FORWARD_BACKWARD: Kind = Kind("forward-backward-pass", "get-forward-backward-operation");
pub(super) const OPTIMIZER_STEP: Kind = Kind("optimizer-step", "get-optim-step-operation");
pub(super) const WEIGHTS_SYNC: Kind = Kind("weights-sync", "get-weights-sync-operation");
pub(super) const TRAINING_CHECKPOINT: Kind = Kind(
    "save-training-checkpoint",
    "get-save-training-checkpoint-operation",
);
pub(super) const INFERENCE_CHECKPOINT: Kind = Kind(
    "create-inference-checkpoint",
    "get-inference-checkpoint-operation",
);

impl Agent {
    /// Calls a tool that changes nothing, until it answers.
    pub(super) async fn read<T: DeserializeOwned>(
        &mut self,
        tool: &'static str,
        arguments: &Value,
    ) -> Result<T, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.host.call(tool, arguments).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.passing() && tries < MOST_TRIES => sleep(pause(tries)).await,
                Err(failure) => return Err(failure.into_text()),
            }
        }
    }

    /// Submits an operation and waits for its output.
    pub(super) async fn operate<T: DeserializeOwned>(
        &mut self,
        kind: Kind,
        session: &str,
        body: Option<Value>,
    ) -> Result<T, String> {
        let Kind(submit, show) = kind;
        let mut operation = self.submit(submit, session, body).await?;
        let began = Instant::now();
        let mut interval = self.scaled(OPERATION);
        loop {
            let id = operation.id.clone();
            match operation.progress() {
                Progress::Completed(output) => {
                    return serde_json::from_value(output)
                        .map_err(|error| format!("{show}: an unexpected output: {error}"));
                }
                Progress::Failed(words) => return Err(format!("{submit} failed on the service: {words}")),
                Progress::Underway if began.elapsed() > LONGEST => {
                    return Err(format!("{submit} has not ended after {} s", LONGEST.as_secs()));
                }
                Progress::Underway => sleep(interval).await,
            }
            interval = longer(interval);
            let arguments = json!({"session_id": session, "operation_id": id});
            operation = self.read(show, &arguments).await?;
        }
    }

    async fn submit(
        &mut self,
        tool: &'static str,
        session: &str,
        body: Option<Value>,
    ) -> Result<Operation, String> {
        let mut arguments = json!({"session_id": session});
        if let Some(body) = body {
            insert(&mut arguments, "body", body);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.host.call(tool, &arguments).await {
                Ok(operation) => return Ok(operation),
                Err(failure) => failure,
            };
            let key = failure.idempotency_key().map(str::to_owned);
            if tries == MOST_TRIES || (key.is_none() && !failure.passing()) {
                return Err(failure.into_text());
            }
            if let Some(key) = key {
                insert(&mut arguments, "idempotency_key", json!(key));
            }
            sleep(pause(tries)).await;
        }
    }

    /// Calls a tool that creates something. When its outcome is not known, looks for `ours` in what `list` shows, goes
    /// on with it if it is there, and creates again only if it is not.
    pub(super) async fn create(
        &mut self,
        (tool, body): (&'static str, &Value),
        (list, filter): (&'static str, &Value),
        ours: impl Fn(&Thing) -> bool,
    ) -> Result<Thing, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.host.call(tool, &json!({"body": body})).await {
                Ok(thing) => return Ok(thing),
                Err(failure) => failure,
            };
            let Failure::Tool(_) = failure else {
                return Err(failure.into_text());
            };
            let things: List<Thing> = self.read(list, filter).await?;
            if let Some(thing) = things.data.into_iter().find(&ours) {
                return Ok(thing);
            }
            if tries == MOST_TRIES || !failure.passing() {
                return Err(failure.into_text());
            }
            sleep(pause(tries)).await;
        }
    }

    /// Calls a tool that ends something, unless it is in one of the states `ended` already, which `show` tells.
    pub(super) async fn stop(
        &mut self,
        (tool, arguments): (&'static str, &Value),
        (show, of): (&'static str, &Value),
        ended: &[&str],
    ) -> Result<(), String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let Err(failure) = self.host.call::<Value>(tool, arguments).await else {
                return Ok(());
            };
            let Failure::Tool(_) = failure else {
                return Err(failure.into_text());
            };
            let thing: Thing = self.read(show, of).await?;
            if thing.is(ended) {
                return Ok(());
            }
            if tries == MOST_TRIES || !failure.passing() {
                return Err(failure.into_text());
            }
            sleep(pause(tries)).await;
        }
    }

    /// Waits until a model resource or session is in one of the states `wanted`, as long as it is in one that leads there.
    pub(super) async fn wait(
        &mut self,
        show: &'static str,
        of: &Value,
        wanted: &[&str],
        on_the_way: &[&str],
    ) -> Result<(), String> {
        let began = Instant::now();
        let interval = self.scaled(SESSION);
        loop {
            let thing: Thing = self.read(show, of).await?;
            if thing.is(wanted) {
                return Ok(());
            }
            if !thing.is(on_the_way) || began.elapsed() > LONGEST {
                let (status, error) = (short(&thing.status), &thing.error);
                let error = if error.is_null() {
                    String::new()
                } else {
                    format!(": {error}")
                };
                return Err(format!(
                    "{show} shows {status} in place of {}{error}",
                    wanted.join(" or ")
                ));
            }
            sleep(interval).await;
        }
    }

    /// What takes so many seconds on the real service.
    fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds / self.speed).clamp(0.003, seconds))
    }
}

fn insert(arguments: &mut Value, name: &str, value: Value) {
    if let Some(members) = arguments.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// The next interval between two looks at the same operation. What takes long is not looked at more often for it.
fn longer(interval: Duration) -> Duration {
    interval.mul_f64(1.25).min(Duration::from_millis(500))
}
