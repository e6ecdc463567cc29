//! What is kept of what has ended, and of what was uploaded.

use std::time::SystemTime;

use axum::http::StatusCode;
use bytes::Bytes;

use super::checkpoint::Checkpoint;
use super::operation::Status;
use super::storage::LIFETIME;
use super::wire::Refusal;
use super::world::State;
use crate::bounds::Bounds;

/// What lies in the object store under an id.
#[derive(Debug)]
pub(super) struct Payload {
    content: Bytes,
    /// `None`: the output of an operation, which stays as long as that.
    upload: Option<Upload>,
}

/// What a client has put there.
#[derive(Clone, Copy, Debug)]
struct Upload {
    at: SystemTime,
    /// An operation has taken it in.
    used: bool,
}

/// A finished operation.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) session: String,
    pub(super) operation: String,
    /// Where its output is, if that is large.
    pub(super) payload: Option<String>,
    /// Bytes of its output.
    pub(super) bytes: usize,
}

impl State {
    /// What was uploaded or offloaded under an id.
    pub(super) fn payload(&self, id: &str) -> Result<Bytes, Refusal> {
        let found = self.payloads.get(id).map(|payload| payload.content.clone());
        found.ok_or_else(|| Refusal::not_found(format!("there is no payload {id}")))
    }

    /// Notes that an upload has done its work.
    pub(super) fn payload_is_used(&mut self, id: &str) {
        if let Some(Payload {
            upload: Some(upload), ..
        }) = self.payloads.get_mut(id)
        {
            upload.used = true;
        }
    }

    /// Keeps an upload. The oldest ones that have done their work, or that nobody has used for so long that their URLs
    /// have expired, make room for it.
    pub(super) fn keep_upload(
        &mut self,
        id: String,
        content: Bytes,
        now: SystemTime,
        bounds: &Bounds,
    ) -> Result<(), Refusal> {
        let uploads = self.payloads.iter().filter(|(other, _)| **other != id);
        let uploads = uploads.filter_map(|(id, payload)| Some((payload.upload?, id, payload.content.len())));
        let mut uploads: Vec<_> = uploads.collect();
        uploads.sort_by_key(|(upload, ..)| upload.at);
        let mut bytes = uploads.iter().map(|(.., size)| size).sum::<usize>() + content.len();
        let mut count = uploads.len() + 1;
        let mut dropped = Vec::new();
        for (upload, id, size) in uploads {
            if count <= bounds.uploads && bytes <= bounds.upload_bytes {
                break;
            }
            if upload.used || upload.at + LIFETIME < now {
                dropped.push(id.clone());
                bytes -= size;
                count -= 1;
            }
        }
        if count > bounds.uploads || bytes > bounds.upload_bytes {
            let full = "the object store is full of payloads that no operation has used yet";
            return Err(Refusal::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "insufficient_storage",
                full,
            ));
        }
        for id in dropped {
            self.payloads.remove(&id);
        }
        let upload = Some(Upload { at: now, used: false });
        self.payloads.insert(id, Payload { content, upload });
        Ok(())
    }

    /// Refuses an operation with a body of `size` bytes when too much waits already.
    pub(super) fn admit_operation(&self, size: usize, bounds: &Bounds) -> Result<(), Refusal> {
        let all = self
            .sessions
            .iter()
            .flat_map(|session| session.operations.values());
        let waiting = all.filter(|operation| operation.status == Status::Pending);
        let (count, bytes) = waiting.fold((0, 0), |(count, bytes), operation| {
            (count + 1, bytes + operation.size)
        });
        // A large one that comes alone is let in.
        if count < bounds.waiting_operations && (count == 0 || bytes + size <= bounds.waiting_bytes) {
            return Ok(());
        }
        let problem = "too many operations wait: let some finish first";
        Err(Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_error",
            problem,
        ))
    }

    /// Refuses a model resource when too many have not ended.
    pub(super) fn admit_resource(&self, bounds: &Bounds) -> Result<(), Refusal> {
        let active = self.resources.iter().filter(|resource| !resource.has_ended());
        if active.count() < bounds.resources {
            return Ok(());
        }
        Err(Refusal::bad(format!(
            "{} model resources have not ended: stop some first",
            bounds.resources
        )))
    }

    /// Keeps a finished operation, with its output where that is large. The oldest ones make room for it; their
    /// idempotency keys go with them.
    pub(super) fn keep_finished(
        &mut self,
        finished: Finished,
        payload: Option<(String, Bytes)>,
        bounds: &Bounds,
    ) {
        if let Some((id, content)) = payload {
            self.payloads.insert(
                id,
                Payload {
                    content,
                    upload: None,
                },
            );
        }
        self.finished.push_back(finished);
        let mut bytes: usize = self.finished.iter().map(|finished| finished.bytes).sum();
        while self.finished.len() > 1
            && (self.finished.len() > bounds.finished_operations || bytes > bounds.output_bytes)
        {
            let Some(oldest) = self.finished.pop_front() else {
                return;
            };
            bytes -= oldest.bytes;
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, finished: &Finished) {
        if let Some(payload) = &finished.payload {
            self.payloads.remove(payload);
        }
        let Ok(session) = self.session(&finished.session) else {
            return;
        };
        if let Some(operation) = session.operations.remove(&finished.operation) {
            session.submitted.remove(&(operation.kind, operation.key));
        }
    }

    /// Keeps a checkpoint. The oldest ones make room for it: whatever was made from them has its own copy.
    pub(super) fn keep_checkpoint(&mut self, checkpoint: Checkpoint, bounds: &Bounds) {
        self.checkpoints.push(checkpoint);
        let surplus = self.checkpoints.len().saturating_sub(bounds.checkpoints);
        self.checkpoints.drain(..surplus);
    }

    /// Drops the oldest model resources and sessions that have ended, where there are too many.
    pub(super) fn drop_surplus(&mut self, bounds: &Bounds) {
        drop_oldest(&mut self.resources, bounds.ended_resources, |resource| {
            resource.has_ended()
        });
        for session in drop_oldest(&mut self.sessions, bounds.ended_sessions, |session| session.over) {
            let (its, others) = self
                .finished
                .drain(..)
                .partition::<Vec<_>, _>(|finished| finished.session == session.id);
            self.finished = others.into();
            for payload in its.into_iter().filter_map(|finished| finished.payload) {
                self.payloads.remove(&payload);
            }
        }
    }
}

/// Takes out the first ones that have ended, beyond `most` of those.
fn drop_oldest<T>(all: &mut Vec<T>, most: usize, ended: impl Fn(&T) -> bool) -> Vec<T> {
    let mut surplus = all.iter().filter(|one| ended(one)).count().saturating_sub(most);
    let gone = all.extract_if(.., |one| {
        let goes = surplus > 0 && ended(one);
        surplus -= usize::from(goes);
        goes
    });
    gone.collect()
}
