//! What an agent does: it calls tools by name, with JSON, and reads what they answer.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;

use crate::context::Reply;
use crate::error::ToolError;
use crate::spec::Spec;
use crate::worker::{Hands, is_passing};

/// How often a call is made again that may succeed then.
const MOST_TRIES: u32 = 12;
/// The wait before that.
const WAIT: Duration = Duration::from_millis(50);

/// A call that was made.
pub(super) struct Made {
    pub(super) tool: &'static str,
    pub(super) seconds: f64,
}

/// Calls tools, and remembers which.
pub(super) struct Agent {
    hands: Hands,
    pub(super) made: Vec<Made>,
}

impl Agent {
    pub(super) const fn new(hands: Hands) -> Self {
        Self {
            hands,
            made: Vec::new(),
        }
    }

    /// Calls a tool of which a further call does no harm, until it answers.
    pub(super) async fn call(&mut self, spec: &'static Spec, arguments: &Value) -> Result<Reply, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.once(spec, arguments).await {
                Ok(reply) => return Ok(reply),
                Err(error) if is_passing(&error) && tries < MOST_TRIES => sleep(WAIT).await,
                Err(error) => return Err(format!("{}: {error}", spec.name)),
            }
        }
    }

    async fn once(&mut self, spec: &'static Spec, arguments: &Value) -> Result<Reply, ToolError> {
        let began = Instant::now();
        let answered = self.hands.call(spec.name, arguments).await;
        self.made.push(Made {
            tool: spec.name,
            seconds: began.elapsed().as_secs_f64(),
        });
        answered
    }
}

/// A member of an answer.
pub(super) fn member<T: DeserializeOwned>(reply: &Reply, name: &str) -> Result<T, String> {
    let missing = || format!("an answer without {name}: {}", reply.text());
    reply.member(name).ok_or_else(missing)
}
