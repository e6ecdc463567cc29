//! Reading the bodies of requests, within limits of size, time, and memory for all of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Answer, Refusal, error, with};

/// The longest body, in bytes: as long as the longest line on standard input.
pub(super) const LONGEST: usize = 256 << 20;
/// What all bodies under way may take together, in KiB.
const ROOM: u32 = 512 << 10;
/// How long a client may be silent in the middle of a body.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a whole body may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// The body of a request that is refused is read up to this length: a client that is still writing may not see the answer.
const READ_ANYWAY: usize = 1 << 20;
/// How long that may take.
const IMPATIENCE: Duration = Duration::from_secs(5);

/// The room for the bodies under way.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM as usize)))
    }
}

/// The room that one body takes, until this is dropped.
#[derive(Default)]
pub(super) struct Held {
    permit: Option<OwnedSemaphorePermit>,
    kilobytes: usize,
}

impl Room {
    /// Takes room for a body of so many bytes, as soon as there is some.
    async fn hold(&self, held: &mut Held, bytes: usize) -> Result<(), Refusal> {
        let wanted = bytes.div_ceil(1 << 10);
        let more = u32::try_from(wanted.saturating_sub(held.kilobytes)).unwrap_or(ROOM);
        if more == 0 {
            return Ok(());
        }
        let taken = timeout(SILENCE, Arc::clone(&self.0).acquire_many_owned(more)).await;
        let Ok(Ok(permit)) = taken else {
            let busy = error(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Other requests take all the room for bodies. Next: send it again a little later.",
            );
            return Err(with(busy, RETRY_AFTER, HeaderValue::from_static("5")).into());
        };
        held.kilobytes = wanted;
        match &mut held.permit {
            Some(own) => own.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }

    /// Reads a body to its end.
    pub(super) async fn read(&self, mut body: Incoming) -> Result<(Bytes, Held), Refusal> {
        let mut held = Held::default();
        let announced = body.size_hint().exact().unwrap_or(0);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > LONGEST {
            return Err(too_long().into());
        }
        self.hold(&mut held, announced).await?;
        let ends = Instant::now() + PATIENCE;
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        loop {
            let limit = ends.min(Instant::now() + SILENCE);
            let Ok(frame) = timeout_at(limit, body.frame()).await else {
                return Err(error(
                    StatusCode::REQUEST_TIMEOUT,
                    "slow",
                    "The body did not come to its end in time.",
                )
                .into());
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|_| {
                error(
                    StatusCode::BAD_REQUEST,
                    "broken_body",
                    "The body cannot be read to its end.",
                )
            })?;
            let Ok(data) = frame.into_data() else { continue };
            let length = first.len() + rest.len() + data.len();
            if length > LONGEST {
                return Err(too_long().into());
            }
            self.hold(&mut held, length).await?;
            if first.is_empty() {
                // Most bodies come in one piece, which is not copied.
                first = data;
            } else {
                if rest.is_empty() {
                    rest.reserve(announced.saturating_sub(first.len()).min(1 << 20));
                }
                rest.extend_from_slice(&data);
            }
        }
        if rest.is_empty() {
            return Ok((first, held));
        }
        Ok(([&first[..], &rest[..]].concat().into(), held))
    }
}

/// Takes in what is left of a body that nobody wants, if it is short.
pub(super) async fn drain(mut body: Incoming) {
    if body.is_end_stream() || body.size_hint().lower() > READ_ANYWAY as u64 {
        return;
    }
    let reading = async {
        let mut length = 0;
        while let Some(Ok(frame)) = body.frame().await {
            length += frame.data_ref().map_or(0, Bytes::len);
            if length > READ_ANYWAY {
                return;
            }
        }
    };
    let _ = timeout(IMPATIENCE, reading).await;
}

fn too_long() -> Answer {
    let message = format!("The body is longer than {} MiB.", LONGEST >> 20);
    error(StatusCode::PAYLOAD_TOO_LARGE, "too_long", &message)
}
