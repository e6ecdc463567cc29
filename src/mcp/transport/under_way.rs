//! The requests under way: how much room they take, and whose answer is whose.
//!
//! Within the server requests have numbers of their own. So two that a host sends under one id are both answered, and the
//! answer of one that was cancelled is never taken for that of a later one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rmcp::model::{ClientRequest, GetExtensions as _, JsonRpcMessage, JsonRpcRequest, RequestId};
use rmcp::service::{RoleServer, TxJsonRpcMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What all requests under way may take together, in KiB: as much as the longest one.
const ROOM: u32 = 256 << 10;
/// What a request takes at least, in KiB: so there are at most 1,024 of them.
const LEAST: u32 = 256;

/// The room that a request takes until it has ended and its answer is written.
pub(super) struct Slot {
    _room: Option<OwnedSemaphorePermit>,
}

/// The requests of one connection.
pub(super) struct UnderWay {
    room: Arc<Semaphore>,
    requests: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    last: i64,
    by_number: BTreeMap<i64, InFlight>,
}

struct InFlight {
    /// The id that the host gave it.
    id: RequestId,
    /// `None`: it was cancelled, and nobody waits for its answer.
    slot: Option<Arc<Slot>>,
    /// Whether it is still being handled.
    handled: Weak<Slot>,
}

impl UnderWay {
    pub(super) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM as usize)),
            requests: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for a line of `bytes`.
    pub(super) async fn room(&self, bytes: usize) -> Arc<Slot> {
        let size = u32::try_from(bytes >> 10).unwrap_or(ROOM).clamp(LEAST, ROOM);
        // The semaphore is never closed; if it were, requests would go unbounded rather than unanswered.
        let room = Arc::clone(&self.room).acquire_many_owned(size).await.ok();
        Arc::new(Slot { _room: room })
    }

    /// Gives a request its number.
    pub(super) fn enter(&self, request: &mut JsonRpcRequest<ClientRequest>, slot: Arc<Slot>) {
        // Lives as long as the request is being handled.
        request.request.extensions_mut().insert(Arc::clone(&slot));
        let mut requests = self.lock();
        requests.last += 1;
        let number = requests.last;
        let known = InFlight {
            id: std::mem::replace(&mut request.id, RequestId::Number(number)),
            handled: Arc::downgrade(&slot),
            slot: Some(slot),
        };
        requests.by_number.insert(number, known);
    }

    /// Turns the id that a host cancels into the number of the newest such request; `None`: none is under way.
    pub(super) fn cancel(&self, id: &RequestId) -> Option<RequestId> {
        let mut requests = self.lock();
        // No answer comes of those that were cancelled before and have ended.
        requests
            .by_number
            .retain(|_, request| request.slot.is_some() || request.handled.strong_count() > 0);
        let mut newest_first = requests.by_number.iter_mut().rev();
        let (number, request) =
            newest_first.find(|(_, request)| request.slot.is_some() && request.id == *id)?;
        request.slot = None;
        Some(RequestId::Number(*number))
    }

    /// Gives an answer the id of its request back. What is returned is to be kept until the answer is written.
    pub(super) fn leave(&self, message: &mut TxJsonRpcMessage<RoleServer>) -> Option<Arc<Slot>> {
        let id = match message {
            JsonRpcMessage::Response(response) => &mut response.id,
            JsonRpcMessage::Error(error) => error.id.as_mut()?,
            _ => return None,
        };
        let RequestId::Number(number) = id else {
            return None;
        };
        let request = self.lock().by_number.remove(number)?;
        *id = request.id;
        request.slot
    }
}
