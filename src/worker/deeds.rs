//! Operations of a run: each is started once, whatever happens on the way, and followed to its end.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::hands::is_refused;
use super::{End, Worker, is_passing};
use crate::context::Reply;
use crate::error::ToolError;
use crate::json::peek;
use crate::spec;
use crate::spec::{Spec, Status};
use crate::train::intents::Known;

/// How long the service, or the way there, may be away.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The wait before something is tried again; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often an operation that the service failed to carry out is started anew.
const MOST_FAILURES: u32 = 3;

/// A kind of operation.
#[derive(Clone, Copy)]
pub(super) struct Deed {
    submit: &'static Spec,
    get: &'static Spec,
    /// What people read that the run is doing.
    pub(super) doing: &'static str,
}

pub(super) const SAMPLE: Deed = Deed {
    submit: &spec::SAMPLE,
    get: &spec::GET_SAMPLE_OPERATION,
    doing: "sampling",
};
pub(super) const FORWARD_BACKWARD: Deed = Deed {
    submit: &spec::FORWARD_BACKWARD_PASS,
    get: &spec::GET_FORWARD_BACKWARD_OPERATION,
    doing: "training",
};
pub(super) const OPTIMIZER_STEP: Deed = Deed {
    submit: &spec::OPTIMIZER_STEP,
    get: &spec::GET_OPTIM_STEP_OPERATION,
    doing: "training",
};
pub(super) const WEIGHTS_SYNC: Deed = Deed {
    submit: &spec::WEIGHTS_SYNC,
    get: &spec::GET_WEIGHTS_SYNC_OPERATION,
    doing: "publishing weights",
};
pub(super) const TRAINING_CHECKPOINT: Deed = Deed {
    submit: &spec::SAVE_TRAINING_CHECKPOINT,
    get: &spec::GET_SAVE_TRAINING_CHECKPOINT_OPERATION,
    doing: "saving",
};
pub(super) const INFERENCE_CHECKPOINT: Deed = Deed {
    submit: &spec::CREATE_INFERENCE_CHECKPOINT,
    get: &spec::GET_INFERENCE_CHECKPOINT_OPERATION,
    doing: "saving",
};

/// How an operation came to its end.
pub(super) enum Done {
    Completed(Reply),
    /// The batch is too large for the trainer.
    TooLarge(String),
}

#[derive(Default, Deserialize)]
struct Wrong {
    code: Option<String>,
    message: Option<String>,
}

impl Worker {
    /// Carries out an operation, once, under the key `what` makes.
    pub(super) async fn done(&mut self, deed: Deed, what: &str, arguments: Value) -> Result<Reply, End> {
        match self.carried_out(deed, what, arguments).await? {
            Done::Completed(reply) => Ok(reply),
            Done::TooLarge(why) => Err(End::Failed(why)),
        }
    }

    /// The same where a batch may be too large.
    pub(super) async fn carried_out(
        &mut self,
        deed: Deed,
        what: &str,
        arguments: Value,
    ) -> Result<Done, End> {
        let key = self.key(what);
        for failure in 0..=MOST_FAILURES {
            let key = match failure {
                0 => key.clone(),
                again => format!("{key}-{again}"),
            };
            self.doing(deed.doing).await?;
            let reply = self.ended(deed, &key, &arguments).await?;
            if is(&reply, "COMPLETED") {
                return Ok(Done::Completed(reply));
            }
            let Wrong { code, message } = reply.member("error").unwrap_or_default();
            let code = code.unwrap_or_default();
            let code = code.trim_start_matches("TRAINING_OPERATION_ERROR_CODE_");
            let told = format!(
                "{} FAILED with {code}: {}",
                deed.submit.name,
                message.unwrap_or_default()
            );
            match code {
                "RESOURCE_EXHAUSTED" => return Ok(Done::TooLarge(told)),
                "NON_FINITE_LOSS" => {
                    return Err(End::Failed(format!(
                        "{told}. Lower learning_rate, and look at the rewards"
                    )));
                }
                "INVALID_INPUT" => return Err(End::Failed(told)),
                "SESSION_NOT_ACTIVE" => {
                    self.is_session_there(&told).await?;
                }
                _ => {}
            }
            tracing::warn!(run = self.place.id(), told, "an operation is started anew");
            if failure == MOST_FAILURES {
                return Err(End::Failed(told));
            }
        }
        Err(End::Failed(format!("{} did not succeed", deed.submit.name)))
    }

    /// An operation at its end, whichever that is.
    async fn ended(&mut self, deed: Deed, key: &str, arguments: &Value) -> Result<Reply, End> {
        let mut reply = self.started(deed, key, arguments).await?;
        let id = id_of(&reply)
            .ok_or_else(|| End::Failed(format!("{} was answered without an id", deed.submit.name)))?;
        let get = shown(arguments, &id);
        while !is(&reply, "COMPLETED") && !is(&reply, "FAILED") {
            // A hung operation must not bill for ever.
            self.check_limits()?;
            self.breathe().await;
            reply = self.called(deed.get.name, &get).await?;
        }
        Ok(reply)
    }

    /// An operation, started now or before.
    async fn started(&mut self, deed: Deed, key: &str, arguments: &Value) -> Result<Reply, End> {
        let mut arguments = match self.intents.of(key) {
            Some(Known::Is(id)) => {
                let get = shown(arguments, id);
                return self.called(deed.get.name, &get).await;
            }
            // As it was meant: under its key the service takes nothing else.
            Some(Known::Meant(meant)) if is_still_there(meant) => meant.clone(),
            Some(Known::Meant(_)) => arguments.clone(),
            None => {
                let (own, tool, meant) = (key.to_owned(), deed.submit.name, arguments.clone());
                self.note(move |intents, place| intents.mean(place, &own, tool, &meant))
                    .await?;
                arguments.clone()
            }
        };
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.insert("idempotency_key".to_owned(), key.into());
            arguments.insert("wait_seconds".to_owned(), WAIT.into());
        }
        let reply = self.called(deed.submit.name, &arguments).await?;
        if let Some(id) = id_of(&reply) {
            let own = key.to_owned();
            self.note(move |intents, place| intents.is(place, &own, &id))
                .await?;
        }
        Ok(reply)
    }

    /// Waits a moment where calls themselves may not wait.
    pub(super) async fn breathe(&self) {
        if self.hands.context().config().max_wait.is_zero() {
            sleep(FIRST_WAIT).await;
        }
    }

    /// Calls a tool that may be called again, until it answers: the way to the service may be away for a while.
    pub(super) async fn called(&mut self, tool: &'static str, arguments: &Value) -> Result<Reply, End> {
        let (begun, mut wait) = (Instant::now(), FIRST_WAIT);
        loop {
            let error = match self.hands.call(tool, arguments).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if is_refused(&error) && arguments.get("session_id").is_some() {
                self.is_session_there(&error.to_string()).await?;
            }
            if !is_passing(&error) || begun.elapsed() > PATIENCE {
                return Err(error.into());
            }
            tracing::warn!(run = self.place.id(), tool, %error, "tried again");
            self.check_limits()?;
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Whether the session still takes operations. If it is gone, that is why all else fails.
    async fn is_session_there(&mut self, told: &str) -> Result<(), End> {
        let Some(session) = &self.state.session else {
            return Ok(());
        };
        let shown = json!({"session_id": session.id});
        let gone = |why: String| Err(End::Lost(format!("{why} ({})", first_line(told))));
        match self.hands.call(spec::GET_TRAINING_SESSION.name, &shown).await {
            Ok(reply) => {
                let status: String = reply.member("status").unwrap_or_default();
                match Status::SESSION.word(&status) {
                    Some(word @ ("STOPPING" | "STOPPED" | "ERROR" | "EXPIRED")) => {
                        gone(format!("session {} is {word}", session.id))
                    }
                    _ => Ok(()),
                }
            }
            Err(ToolError::Call(failure)) if failure.status() == Some(404) => {
                gone(format!("session {} is not known any more", session.id))
            }
            Err(_) => Ok(()),
        }
    }
}

/// How long a call waits: the server's limit is shorter.
const WAIT: u32 = 3600;

/// What shows the operation that was started with these arguments.
fn shown(arguments: &Value, id: &str) -> Value {
    json!({"session_id": arguments.get("session_id"), "operation_id": id, "wait_seconds": WAIT})
}

/// The status of an operation, which stands before megabytes of results.
fn status_of(reply: &Reply) -> Option<String> {
    peek::text(reply.text(), "status").or_else(|| reply.member("status"))
}

/// The id of an operation.
pub(super) fn id_of(reply: &Reply) -> Option<String> {
    peek::text(reply.text(), "id").or_else(|| reply.member("id"))
}

/// Whether an operation is in this state.
fn is(reply: &Reply, word: &str) -> bool {
    status_of(reply).is_some_and(|status| Status::OPERATION.word(&status) == Some(word))
}

/// Whether the file that a submission named is there still.
fn is_still_there(arguments: &Value) -> bool {
    let path = arguments.get("body_path").and_then(Value::as_str);
    path.is_none_or(|path| std::path::Path::new(path).is_file())
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
