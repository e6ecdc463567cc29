//! Calls that get through, whatever happens on the way.
//!
//! The server repeats by itself what may be repeated. What it gives up on comes back as a failed call that says what to
//! do next, and this is the agent that does it: an operation is repeated under the key that the failure names, a read is
//! simply read again, and whatever cannot be repeated is looked for first. The server also waits inside of its calls for
//! whatever takes its time; a call that comes back sooner is followed by one that shows how far it is.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::host::{Host, pause};
use super::reading::{List, Operation, Progress, Thing, short};

/// How often one thing is tried before the run is given up.
const MOST_TRIES: u32 = 12;
/// The longest that one operation may take.
const LONGEST: Duration = Duration::from_secs(300);

/// A kind of operation.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The tool that submits one.
    submit: &'static str,
    /// The tool that shows one.
    show: &'static str,
    /// Whether the result is wanted in a file.
    to_file: bool,
}

impl Kind {
    const fn new(submit: &'static str, show: &'static str) -> Self {
        Self {
            submit,
            show,
            to_file: false,
        }
    }
}

pub const SAMPLE: Kind = Kind {
    to_file: true,
    ..Kind::new("sample", "get-sample-operation")
};
pub const FORWARD_BACKWARD: Kind = Kind::new("forward-backward-pass", "get-forward-backward-operation");
pub const OPTIMIZER_STEP: Kind = Kind::new("optimizer-step", "get-optim-step-operation");
pub const WEIGHTS_SYNC: Kind = Kind::new("weights-sync", "get-weights-sync-operation");
pub const TRAINING_CHECKPOINT: Kind = Kind::new(
    "save-training-checkpoint",
    "get-save-training-checkpoint-operation",
);
pub const INFERENCE_CHECKPOINT: Kind = Kind::new(
    "create-inference-checkpoint",
    "get-inference-checkpoint-operation",
);

/// What does not give up at once.
impl Host {
    /// Calls a tool of which a further call does no harm, until it answers.
    pub async fn answer<T: DeserializeOwned>(
        &mut self,
        tool: &'static str,
        arguments: &Value,
    ) -> Result<T, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.call(tool, arguments).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.passing() && tries < MOST_TRIES => sleep(pause(tries)).await,
                Err(failure) => return Err(failure.0),
            }
        }
    }

    /// Submits an operation, by what its arguments hold beside the session, and returns it completed.
    pub async fn operate(
        &mut self,
        kind: Kind,
        session: &str,
        mut arguments: Value,
    ) -> Result<Operation, String> {
        let Kind {
            submit,
            show,
            to_file,
        } = kind;
        let began = Instant::now();
        insert(&mut arguments, "session_id", json!(session));
        if to_file {
            insert(&mut arguments, "output", json!("file"));
        }
        let mut operation = self.submit(submit, arguments).await?;
        loop {
            match operation.progress() {
                Progress::Completed => return Ok(operation),
                Progress::Failed(words) => return Err(format!("{submit} failed on the service: {words}")),
                Progress::Underway if began.elapsed() > LONGEST => {
                    return Err(format!("{submit} has not ended after {} s", LONGEST.as_secs()));
                }
                Progress::Underway => {}
            }
            let mut arguments = json!({"session_id": session, "operation_id": operation.id});
            if to_file {
                insert(&mut arguments, "output", json!("file"));
            }
            operation = self.answer(show, &arguments).await?;
        }
    }

    async fn submit(&mut self, tool: &'static str, mut arguments: Value) -> Result<Operation, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.call(tool, &arguments).await {
                Ok(operation) => return Ok(operation),
                Err(failure) => failure,
            };
            let key = failure.idempotency_key().map(str::to_owned);
            if tries == MOST_TRIES || (key.is_none() && !failure.passing()) {
                return Err(failure.0);
            }
            if let Some(key) = key {
                insert(&mut arguments, "idempotency_key", json!(key));
            }
            sleep(pause(tries)).await;
        }
    }

    /// Calls a tool that creates something. When its outcome is not known, looks for `ours` in what `list` shows, goes
    /// on with it if it is there, and creates again only if it is not.
    pub async fn create(
        &mut self,
        (tool, body): (&'static str, &Value),
        (list, filter): (&'static str, &Value),
        ours: impl Fn(&Thing) -> bool,
    ) -> Result<Thing, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.call(tool, &json!({"body": body})).await {
                Ok(thing) => return Ok(thing),
                Err(failure) => failure,
            };
            let things: List<Thing> = self.answer(list, filter).await?;
            if let Some(thing) = things.data.into_iter().find(&ours) {
                return Ok(thing);
            }
            if tries == MOST_TRIES || !failure.passing() {
                return Err(failure.0);
            }
            sleep(pause(tries)).await;
        }
    }

    /// Calls a tool that ends something, until `show` shows it in one of the states `ended`.
    pub async fn stop(
        &mut self,
        (tool, arguments): (&'static str, &Value),
        (show, of): (&'static str, &Value),
        ended: &[&str],
    ) -> Result<Thing, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = self.call::<Value>(tool, arguments).await.err();
            let thing: Thing = self.answer(show, of).await?;
            match failure {
                Some(failure) if !thing.is(ended) => {
                    if tries == MOST_TRIES || !failure.passing() {
                        return Err(failure.0);
                    }
                }
                _ => return Ok(thing),
            }
            sleep(pause(tries)).await;
        }
    }

    /// Follows a model resource or session with `show` until it is in one of the states `wanted`, as long as it is in one
    /// that leads there.
    pub async fn follow(
        &mut self,
        mut thing: Thing,
        (show, of): (&'static str, &Value),
        wanted: &[&str],
        on_the_way: &[&str],
    ) -> Result<(), String> {
        let began = Instant::now();
        loop {
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
            thing = self.answer(show, of).await?;
        }
    }
}

fn insert(arguments: &mut Value, name: &str, value: Value) {
    if let Some(members) = arguments.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
