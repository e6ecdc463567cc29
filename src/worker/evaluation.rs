//! What held-out rows say: greedy completions by the grader, or the loss of their answers.

use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use super::deeds::{FORWARD_BACKWARD, SAMPLE};
use super::grpo::{Built, id};
use super::sft::per_token;
use super::{End, Worker};
use crate::train::recipe::Method;
use crate::train::steps::{EVALUATIONS, Evaluation, mean};
use crate::work::blocking;

/// How many rows are evaluated, the first of them.
const MOST: usize = 256;

impl Worker {
    /// Evaluates, where that is due after the step that is done.
    pub(super) async fn evaluate(&mut self) -> Result<(), End> {
        let step = self.state.step;
        let is_due = step == self.state.steps || step.is_multiple_of(self.recipe.value.eval_every());
        let is_done = self.evaluations.iter().any(|evaluation| evaluation.step == step);
        if self.eval_rows.is_none() || !is_due || is_done {
            return Ok(());
        }
        let asked = self.eval_asked()?;
        let rows = asked.len();
        let session = self.session()?;
        let (reward, loss) = match self.recipe.value.method() {
            Method::Grpo => (self.eval_reward(&session, asked).await?, None),
            Method::Sft => (None, self.eval_loss(&session, asked).await?),
        };
        let evaluation = Evaluation {
            step,
            reward,
            loss,
            rows,
        };
        let (place, line) = (self.place.clone(), evaluation.clone());
        blocking(move || place.append(EVALUATIONS, &line)).await??;
        self.evaluations.push(evaluation);
        self.forget_intents().await
    }

    fn eval_asked(&mut self) -> Result<Vec<Value>, End> {
        let Some(rows) = &mut self.eval_rows else {
            return Ok(Vec::new());
        };
        (0..rows.len().min(MOST))
            .map(|index| {
                rows.asked(index, &self.shape).map_err(|problem| {
                    End::Failed(format!("eval_dataset, line {} {problem}", rows.line(index)))
                })
            })
            .collect()
    }

    async fn eval_reward(&mut self, session: &str, asked: Vec<Value>) -> Result<Option<f64>, End> {
        #[derive(Deserialize)]
        struct Line {
            reward: f64,
        }
        let recipe = &self.recipe.value;
        let stop = recipe
            .sampling
            .as_ref()
            .and_then(|sampling| sampling.stop.clone());
        let mut params = json!({"max_tokens": recipe.max_tokens(), "temperature": 0, "seed": 0});
        if let (Some(stop), Some(params)) = (stop, params.as_object_mut()) {
            params.insert("stop".to_owned(), stop.into());
        }
        let arguments = json!({
            "session_id": session,
            "prompts": asked,
            "tokenizer": self.recipe.value.tokenizer,
            "body": {"num_samples": 1, "sampling_params": params},
        });
        let sampled = self.done(SAMPLE, "eval", arguments).await?;
        self.doing("evaluating").await?;
        let rewards = self.rewards(session, &id(&sampled)?).await?;
        let rewards = blocking(move || {
            let text = fs::read_to_string(&rewards);
            let _ = fs::remove_file(&rewards);
            text
        })
        .await??;
        let rewards: Vec<f64> = rewards
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok())
            .map(|line| line.reward)
            .collect();
        self.clean(&sampled).await;
        Ok(mean(&rewards))
    }

    async fn eval_loss(&mut self, session: &str, asked: Vec<Value>) -> Result<Option<f64>, End> {
        let arguments = self.examples(session, asked);
        let built: Built = self.built(arguments).await?;
        let (loss, tokens) = self.looked(session, built).await?;
        Ok(loss.map(|loss| per_token(loss, tokens)))
    }

    /// The loss of bodies, from which no gradients are kept.
    async fn looked(&mut self, session: &str, built: Built) -> Result<(Option<f64>, usize), End> {
        #[derive(Deserialize)]
        struct Output {
            loss: f64,
        }
        let mut sum = None;
        for (index, batch) in built.batches.iter().enumerate() {
            let pass =
                json!({"session_id": session, "body_path": batch.path(), "body": {"forward_only": true}});
            let reply = self
                .done(FORWARD_BACKWARD, &format!("eval-{index}"), pass)
                .await?;
            if let Some(output) = reply.member::<Output>("output") {
                sum = Some(sum.unwrap_or(0.0) + output.loss);
            }
        }
        let tokens = built.trained_tokens();
        self.remove_batches(built).await;
        Ok((sum, tokens))
    }
}
