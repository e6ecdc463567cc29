//! The end of a run: what it learned is saved, and what it made is ended, whatever brought it there.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::deeds::{INFERENCE_CHECKPOINT, TRAINING_CHECKPOINT, first_line};
use super::{End, Worker};
use crate::context::Reply;
use crate::spec;
use crate::train::Status;
use crate::train::state::{Held, Saved, now};

/// How long saving may take at the end of a run that has reached its limit.
const SAVING: Duration = Duration::from_secs(2 * 3600);
/// How long the end of GPUs is waited for, in seconds, once the service has taken the order.
const LOOKED: u32 = 50;
/// How long it is tried to end what the run made.
const ENDING: Duration = Duration::from_secs(1800);

impl Worker {
    /// Ends the run.
    pub(super) async fn end(&mut self, end: Result<(), End>) {
        let (status, why) = match end {
            Ok(()) => (Status::Completed, None),
            Err(End::Stopped(why)) => (Status::Stopped, Some(why)),
            Err(End::Failed(why) | End::Lost(why)) => (Status::Failed, Some(why)),
        };
        self.state.status = Status::Ending;
        self.state.why.clone_from(&why);
        // What cannot be written down must not keep anything up.
        let _ = self.save().await;
        // A limit that is reached is no reason to lose what was learned.
        self.limits = crate::train::recipe::Limits {
            hours: Some(f64::INFINITY),
            ..Default::default()
        };
        let saved = timeout(SAVING, self.save_all()).await;
        let unsaved = match saved {
            Ok(Ok(())) => None,
            Ok(Err(end)) => Some(end.into_words()),
            Err(_) => Some("saving took too long".to_owned()),
        };
        self.let_go().await;
        self.count_billed();
        self.billed_since = None;
        let unsaved =
            unsaved.map(|unsaved| format!("its last weights could not be saved: {}", first_line(&unsaved)));
        let reasons: Vec<String> = why.into_iter().chain(unsaved).collect();
        self.state.why = (!reasons.is_empty()).then(|| reasons.join("; "));
        self.state.doing = None;
        self.state.ended_at = Some(now());
        self.state.status = status;
        let _ = self.save().await;
        self.report().await;
        let place = self.place.clone();
        let _ = crate::work::blocking(move || place.go_on()).await;
    }

    /// Saves for serving and for going on, what there is to save.
    async fn save_all(&mut self) -> Result<(), End> {
        let has_learned =
            self.state.step > 0 && self.state.session.as_ref().is_some_and(|held| !held.is_ended);
        if !has_learned {
            return Ok(());
        }
        let is_saved = |saved: &Option<Saved>, step| saved.as_ref().is_some_and(|saved| saved.step == step);
        if !is_saved(&self.state.inference_checkpoint, self.state.step) {
            let session = self.session()?;
            let reply = self
                .done(INFERENCE_CHECKPOINT, "publish", json!({"session_id": session}))
                .await?;
            self.state.inference_checkpoint = self.saved(&reply);
            self.save().await?;
        }
        if !is_saved(&self.state.training_checkpoint, self.state.step) {
            self.save_training_checkpoint().await?;
        }
        Ok(())
    }

    /// Saves for going on.
    pub(super) async fn save_training_checkpoint(&mut self) -> Result<(), End> {
        let session = self.session()?;
        let reply = self
            .done(TRAINING_CHECKPOINT, "save", json!({"session_id": session}))
            .await?;
        self.state.training_checkpoint = self.saved(&reply);
        self.save().await
    }

    fn saved(&self, reply: &Reply) -> Option<Saved> {
        #[derive(Deserialize)]
        struct Output {
            checkpoint: Checkpoint,
        }
        #[derive(Deserialize)]
        struct Checkpoint {
            id: String,
        }
        let output: Output = reply.member("output")?;
        Some(Saved {
            id: output.checkpoint.id,
            step: self.state.step,
        })
    }

    /// Ends what the run made, sessions before the resource that they are on.
    async fn let_go(&mut self) {
        for held in [self.state.reference.clone(), self.state.session.clone()]
            .into_iter()
            .flatten()
        {
            if held.is_to_end()
                && self
                    .stopped(spec::STOP_TRAINING_SESSION.name, "session_id", &held)
                    .await
            {
                for own in [&mut self.state.reference, &mut self.state.session]
                    .into_iter()
                    .flatten()
                {
                    own.is_ended |= own.id == held.id;
                }
            }
        }
        if let Some(held) = self.state.resource.clone()
            && held.is_to_end()
            && self
                .stopped(spec::STOP_MODEL_RESOURCE.name, "model_resources_id", &held)
                .await
            && let Some(own) = &mut self.state.resource
        {
            own.is_ended = true;
        }
        let _ = self.save().await;
        // With its resource a session ends too: whoever reads the journal is to know.
        for held in [&self.state.reference, &self.state.session].into_iter().flatten() {
            if held.is_ended {
                let shown = json!({"session_id": held.id});
                let _ = self.hands.call(spec::GET_TRAINING_SESSION.name, &shown).await;
            }
        }
    }

    /// Stops something; `false`: it may be up still.
    async fn stopped(&mut self, tool: &'static str, name: &str, held: &Held) -> bool {
        let _ = self.doing("ending what it made").await;
        let arguments = if tool == spec::STOP_MODEL_RESOURCE.name {
            // Sessions of this run that could not be stopped must not hold it up. It bills until its end is seen.
            json!({name: held.id, "force": true, "wait_seconds": LOOKED})
        } else {
            json!({name: held.id, "wait_seconds": 0})
        };
        let (until, mut wait) = (Instant::now() + ENDING, Duration::from_secs(1));
        loop {
            match self.hands.call(tool, &arguments).await {
                Ok(_) => return true,
                Err(error) if Instant::now() > until || !super::is_passing(&error) => {
                    tracing::warn!(run = self.place.id(), tool, %error, "could not be ended");
                    return false;
                }
                Err(_) => sleep(wait).await,
            }
            wait = (wait * 2).min(Duration::from_secs(30));
        }
    }
}
