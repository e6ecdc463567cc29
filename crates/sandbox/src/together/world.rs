//! What the handlers and the tasks share.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::checkpoint::Checkpoint;
use super::kept::{Finished, Payload};
use super::resource::Resource;
use super::session::Session;
use super::wire::Refusal;
use crate::bounds::Bounds;
use crate::{Clock, Shared};

/// Model resources that have GPUs at once; further ones wait.
const GPU_BLOCKS: usize = 4;
/// The only user.
pub(super) const USER: &str = "user_sandbox";

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) bounds: Bounds,
    /// Where the sandbox listens, without a trailing slash.
    pub(super) origin: String,
    /// One permit for each block of GPUs.
    pub(super) gpus: Semaphore,
    /// Signs URLs.
    secret: RandomState,
    state: Mutex<State>,
}

/// What changes. Lists are in the order of creation.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) resources: Vec<Resource>,
    pub(super) sessions: Vec<Session>,
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Uploaded and offloaded payloads, by id.
    pub(super) payloads: HashMap<String, Payload>,
    /// Finished operations, oldest first.
    pub(super) finished: VecDeque<Finished>,
}

impl World {
    pub(super) fn new(shared: Shared) -> Arc<Self> {
        Arc::new(Self {
            clock: shared.clock,
            bounds: shared.bounds,
            origin: shared.origin,
            gpus: Semaphore::new(GPU_BLOCKS),
            secret: RandomState::new(),
            state: Mutex::default(),
        })
    }

    /// Looks at or changes what there is.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The signature of a text, which nobody else can make.
    pub(super) fn sign(&self, text: &str) -> String {
        format!("{:016x}", self.secret.hash_one(text))
    }
}

impl State {
    pub(super) fn resource(&mut self, id: &str) -> Result<&mut Resource, Refusal> {
        let mut all = self.resources.iter_mut();
        all.find(|resource| resource.id == id)
            .ok_or_else(|| missing("model resource", id))
    }

    pub(super) fn session(&mut self, id: &str) -> Result<&mut Session, Refusal> {
        let mut all = self.sessions.iter_mut();
        all.find(|session| session.id == id)
            .ok_or_else(|| missing("training session", id))
    }

    pub(super) fn checkpoint(&self, id: &str) -> Result<&Checkpoint, Refusal> {
        let mut all = self.checkpoints.iter();
        all.find(|checkpoint| checkpoint.id == id)
            .ok_or_else(|| missing("checkpoint", id))
    }
}

fn missing(what: &str, id: &str) -> Refusal {
    Refusal::not_found(format!("there is no {what} {id}"))
}

/// A fresh id.
pub(super) fn fresh_id() -> String {
    Uuid::new_v4().to_string()
}
