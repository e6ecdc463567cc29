//! What a run trains on: it gets GPUs and a session, or takes those that it was given.
//!
//! Creating has no idempotency key. What was there before is written down first, so that after a crash or a lost answer the
//! one that is new can be told from all others.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::is_passing;
use super::{End, Worker};
use crate::context::Reply;
use crate::error::ToolError;
use crate::spec;
use crate::spec::{Spec, Status};
use crate::train::intents::Known;
use crate::train::state::Held;

/// How long GPUs may be waited for, which costs nothing.
const LONGEST_QUEUE: Duration = Duration::from_secs(24 * 3600);
/// How long a call waits: the server's limit is shorter.
const WAIT: u32 = 3600;
/// How long it may take until a list shows what was just made.
const SHOWN: Duration = Duration::from_secs(20);

/// A thing in a list.
#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    base_model: String,
    display_name: Option<String>,
    #[serde(default)]
    status: String,
}

impl Worker {
    /// Gets what the run trains on.
    pub(super) async fn hold(&mut self) -> Result<(), End> {
        let (given_session, given_resource) = {
            let recipe = &self.recipe.value;
            (
                recipe.session_id.as_ref().map(|id| id.trim().to_owned()),
                recipe.model_resources_id.as_ref().map(|id| id.trim().to_owned()),
            )
        };
        if let Some(id) = given_session {
            self.state.session = Some(Held::given(id));
        } else {
            if self.state.resource.is_none() {
                self.state.resource = match given_resource {
                    Some(id) => Some(Held::given(id)),
                    None => Some(self.made_resource().await?),
                };
                self.save().await?;
            }
            self.resource_up().await?;
            if self.state.session.is_none() {
                let resume = self
                    .state
                    .training_checkpoint
                    .as_ref()
                    .map(|saved| saved.id.clone());
                let made = self.made_session("", resume).await?;
                self.state.session = Some(made);
                self.save().await?;
            }
        }
        let session = self.session()?;
        self.session_up(&session).await?;
        self.publish().await?;
        if self.recipe.value.kl() > 0.0 {
            self.hold_reference().await?;
        }
        Ok(())
    }

    /// A session that begins from a checkpoint samples with other weights until they are published.
    async fn publish(&mut self) -> Result<(), End> {
        let resumed = self.state.training_checkpoint.is_some() && self.state.attempt > 0;
        if !resumed || self.recipe.value.method() != crate::train::recipe::Method::Grpo {
            return Ok(());
        }
        let session = self.session()?;
        self.done(
            super::deeds::WEIGHTS_SYNC,
            "sync-first",
            json!({"session_id": session}),
        )
        .await?;
        Ok(())
    }

    /// The model as it was, beside the one that is trained.
    async fn hold_reference(&mut self) -> Result<(), End> {
        if self.state.reference.is_none() {
            if self.state.resource.is_none() {
                let session = json!({"session_id": self.session()?});
                let session = self.called(spec::GET_TRAINING_SESSION.name, &session).await?;
                let id: String = session.member("model_resources_id").ok_or_else(|| {
                    End::Failed(
                        "the session does not say its model resource, on which kl needs another session"
                            .to_owned(),
                    )
                })?;
                self.state.resource = Some(Held::given(id));
            }
            let made = self.made_session("-reference", None).await?;
            self.state.reference = Some(made);
            self.save().await?;
        }
        if let Some(id) = self.state.reference.as_ref().map(|held| held.id.clone()) {
            self.session_up(&id).await?;
        }
        Ok(())
    }

    /// A new model resource.
    async fn made_resource(&mut self) -> Result<Held, End> {
        self.doing("getting GPUs").await?;
        let body = self
            .recipe
            .value
            .resource()
            .ok_or_else(|| End::Failed("the recipe names no base_model".to_owned()))?;
        let base_model = body
            .get("base_model")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let key = format!("{}-resource-{}", self.place.id(), self.state.attempt);
        let list = &spec::LIST_MODEL_RESOURCES;
        let is_new = |listed: &Listed, before: &[String]| {
            let status = Status::RESOURCE.short(&listed.status);
            listed.base_model == base_model
                && !before.contains(&listed.id)
                && !["STOPPING", "STOPPED", "ERROR"].contains(&status)
        };
        let made = self
            .made(
                &key,
                &spec::CREATE_MODEL_RESOURCE,
                list,
                json!({"body": body, "wait_seconds": 0}),
                is_new,
            )
            .await?;
        self.is_maker = true;
        Ok(Held::own(made))
    }

    /// A new session, from a checkpoint if there is one.
    async fn made_session(&mut self, kind: &str, resume: Option<String>) -> Result<Held, End> {
        self.doing("starting a session").await?;
        let resource = self
            .state
            .resource
            .as_ref()
            .map(|held| held.id.clone())
            .unwrap_or_default();
        let name = format!("{}{kind}-{}", self.place.id(), self.state.attempt);
        let mut body = json!({"model_resources_id": resource, "display_name": name});
        if let Some(body) = body.as_object_mut() {
            match resume {
                Some(id) => drop(body.insert("resume_from_checkpoint_id".to_owned(), id.into())),
                None => drop(body.insert("lora_config".to_owned(), self.recipe.value.adapter())),
            }
        }
        let list = &spec::LIST_TRAINING_SESSIONS;
        let is_new = |listed: &Listed, _: &[String]| listed.display_name.as_deref() == Some(&*name);
        let key = format!("{}-session{kind}-{}", self.place.id(), self.state.attempt);
        let made = self
            .made(
                &key,
                &spec::CREATE_TRAINING_SESSION,
                list,
                json!({"body": body, "wait_seconds": 0}),
                is_new,
            )
            .await?;
        Ok(Held::own(made))
    }

    /// The id of something that is made once, also where the answer is lost.
    async fn made(
        &mut self,
        key: &str,
        create: &'static Spec,
        list: &'static Spec,
        arguments: Value,
        is_new: impl Fn(&Listed, &[String]) -> bool,
    ) -> Result<String, End> {
        let before = match self.intents.of(key) {
            Some(Known::Is(id)) => return Ok(id.clone()),
            Some(Known::Meant(meant)) => {
                // Perhaps it was sent.
                let before: Vec<String> = serde_json::from_value(meant.clone()).unwrap_or_default();
                if let Some(id) = self.found(list, |listed| is_new(listed, &before)).await? {
                    self.note_made(key, &id).await?;
                    return Ok(id);
                }
                before
            }
            None => {
                let before: Vec<String> = self
                    .listed(list)
                    .await?
                    .into_iter()
                    .map(|listed| listed.id)
                    .collect();
                let (own, tool, meant) = (key.to_owned(), create.name, json!(before));
                self.note(move |intents, place| intents.mean(place, &own, tool, &meant))
                    .await?;
                before
            }
        };
        let begun = Instant::now();
        loop {
            match self.hands.call(create.name, &arguments).await {
                Ok(reply) => {
                    let id: Option<String> = reply.member("id");
                    let id =
                        id.ok_or_else(|| End::Failed(format!("{} was answered without an id", create.name)))?;
                    self.note_made(key, &id).await?;
                    return Ok(id);
                }
                Err(error) => {
                    if let Some(id) = self
                        .found_soon(&error, list, |listed| is_new(listed, &before))
                        .await?
                    {
                        self.note_made(key, &id).await?;
                        return Ok(id);
                    }
                    if !is_passing(&error) || begun.elapsed() > LONGEST_QUEUE {
                        return Err(error.into());
                    }
                    tracing::warn!(run = self.place.id(), tool = create.name, %error, "tried again");
                    sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }

    /// What a call whose answer was lost has made, which a list may not show at once.
    async fn found_soon(
        &mut self,
        error: &ToolError,
        list: &'static Spec,
        is_it: impl Fn(&Listed) -> bool,
    ) -> Result<Option<String>, End> {
        if !may_be_done(error) {
            return Ok(None);
        }
        let until = Instant::now() + SHOWN;
        loop {
            let found = self.found(list, &is_it).await?;
            if found.is_some() || Instant::now() > until {
                return Ok(found);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn found(
        &mut self,
        list: &'static Spec,
        is_it: impl Fn(&Listed) -> bool,
    ) -> Result<Option<String>, End> {
        let found: Vec<Listed> = self.listed(list).await?.into_iter().filter(is_it).collect();
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.id.clone())),
            several => Err(End::Failed(format!(
                "it is not known which of {} this run made before it was interrupted: stop those that nobody uses, and start the run anew",
                crate::error::problems::list(several.iter().map(|listed| listed.id.as_str()))
            ))),
        }
    }

    /// All things of a list, page by page.
    async fn listed(&mut self, list: &'static Spec) -> Result<Vec<Listed>, End> {
        #[derive(Default, Deserialize)]
        struct Meta {
            #[serde(default)]
            has_more: bool,
            next_cursor: Option<String>,
        }
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut page = json!({"limit": 100});
            if let (Some(cursor), Some(page)) = (&after, page.as_object_mut()) {
                page.insert("after".to_owned(), cursor.clone().into());
            }
            let reply = self.called(list.name, &page).await?;
            all.extend(reply.member::<Vec<Listed>>("data").unwrap_or_default());
            let meta: Meta = reply.member("meta").unwrap_or_default();
            match meta
                .next_cursor
                .filter(|cursor| meta.has_more && Some(cursor) != after.as_ref())
            {
                Some(cursor) => after = Some(cursor),
                None => return Ok(all),
            }
        }
    }

    /// Writes down what came of a creation.
    async fn note_made(&mut self, key: &str, id: &str) -> Result<(), End> {
        let (key, id) = (key.to_owned(), id.to_owned());
        self.note(move |intents, place| intents.is(place, &key, &id))
            .await
    }

    /// Waits until the GPUs are there.
    async fn resource_up(&mut self) -> Result<(), End> {
        let Some(held) = self.state.resource.clone() else {
            return Ok(());
        };
        self.doing("waiting for GPUs").await?;
        let shown = json!({"model_resources_id": held.id, "wait_seconds": WAIT});
        let begun = Instant::now();
        loop {
            if self.is_asked_to_stop().await {
                return Err(End::Stopped("stop-training was called".to_owned()));
            }
            let reply = self.called(spec::GET_MODEL_RESOURCE.name, &shown).await?;
            let status = status(&reply);
            match Status::RESOURCE.short(&status) {
                "READY" => break,
                "STOPPING" | "STOPPED" | "ERROR" => {
                    let Some(held) = &mut self.state.resource else {
                        return Ok(());
                    };
                    held.is_ended = true;
                    let why = gone(&reply, "model resource", &held.id, &status);
                    // A worker before this one may have ended it, or it ended by itself when nobody was there.
                    let may_be_made_anew = held.is_own && !self.is_maker;
                    return Err(if may_be_made_anew {
                        End::Lost(why)
                    } else {
                        End::Failed(why)
                    });
                }
                _ if begun.elapsed() > LONGEST_QUEUE => {
                    return Err(End::Failed("no GPUs came free within a day".to_owned()));
                }
                _ => self.breathe().await,
            }
        }
        if held.is_own && self.billed_since.is_none() {
            self.billed_since = Some(Instant::now());
        }
        Ok(())
    }

    /// Waits until a session takes operations.
    async fn session_up(&mut self, id: &str) -> Result<(), End> {
        let shown = json!({"session_id": id, "wait_seconds": WAIT});
        if self.billed_since.is_none() {
            // Of what was given the time counts too: limits.hours means it.
            self.billed_since = Some(Instant::now());
        }
        loop {
            let reply = self.called(spec::GET_TRAINING_SESSION.name, &shown).await?;
            let status = status(&reply);
            match Status::SESSION.short(&status) {
                "RUNNING" => return Ok(()),
                "STOPPING" | "STOPPED" | "ERROR" | "EXPIRED" => {
                    let why = gone(&reply, "training session", id, &status);
                    return Err(End::Lost(why));
                }
                _ => {
                    self.check_limits()?;
                    self.breathe().await;
                }
            }
        }
    }
}

fn status(reply: &Reply) -> String {
    reply.member("status").unwrap_or_default()
}

fn gone(reply: &Reply, what: &str, id: &str, status: &str) -> String {
    #[derive(Deserialize)]
    struct Wrong {
        message: Option<String>,
    }
    let message = reply.member::<Wrong>("error").and_then(|wrong| wrong.message);
    let message = message.map_or_else(String::new, |message| format!(": {message}"));
    format!("{what} {id} is {status}{message}")
}

/// Whether what a failed call asked for may be there all the same.
fn may_be_done(error: &ToolError) -> bool {
    match error {
        ToolError::Call(failure) => failure.outcome_is_unknown(),
        ToolError::Deadline(_) => true,
        ToolError::Noted(error, _) => may_be_done(error),
        _ => false,
    }
}
