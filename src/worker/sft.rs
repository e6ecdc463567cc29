//! A step of supervised training: the rows' answers become a batch, gradients and an optimizer step.

use serde_json::{Map, Value, json};

use super::grpo::{Built, Clock};
use super::{End, Worker};
use crate::train::recipe::TrainOn;
use crate::train::steps::Step;

impl Worker {
    pub(super) async fn sft(&mut self) -> Result<Step, End> {
        let session = self.session()?;
        let mut clock = Clock::new();
        let asked = self.asked()?;
        let arguments = self.examples(&session, asked);
        let built: Built = self.built(arguments.clone()).await?;
        clock.here();
        let learning_rate = self.recipe.value.learning_rate(self.state.step, self.state.steps);
        let mut step = Step {
            step: self.state.step + 1,
            learning_rate,
            ..Step::default()
        };
        if built.batches.is_empty() {
            step.skipped = Some("none of the rows has a token to learn".to_owned());
            return Ok(step);
        }
        let (passed, trained) = self.passed(&session, built, arguments).await?;
        self.stepped(&session, learning_rate).await?;
        clock.training();
        step.loss = passed.loss.map(|loss| per_token(loss, trained));
        step.metrics = passed.metrics;
        step.tokens = u64::try_from(trained).unwrap_or_default();
        step.seconds = clock.seconds;
        Ok(step)
    }

    /// The arguments of build-training-batch for some rows.
    pub(super) fn examples(&self, session: &str, asked: Vec<Value>) -> Value {
        let train_on = self.recipe.value.train_on.map(|train_on| match train_on {
            TrainOn::Last => "last",
            TrainOn::All => "all",
        });
        json!({
            "session_id": session,
            "examples": asked.into_iter().map(example).collect::<Vec<_>>(),
            "train_on": train_on,
            "tokenizer": self.recipe.value.tokenizer,
            "loss": {"type": "LOSS_TYPE_CROSS_ENTROPY"},
        })
    }
}

/// A row without the members that are no part of an example.
fn example(row: Value) -> Value {
    const MEMBERS: [&str; 6] = [
        "messages",
        "prompt",
        "completion",
        "tools",
        "template_args",
        "weight",
    ];
    let Value::Object(mut row) = row else { return row };
    let members = MEMBERS.iter().filter_map(|name| row.remove_entry(*name));
    let members: Map<String, Value> = members.collect();
    members.into()
}

/// The cross-entropy of a body is a sum over its trained tokens.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 tokens")]
pub(super) fn per_token(loss: f64, tokens: usize) -> f64 {
    loss / tokens.max(1) as f64
}
