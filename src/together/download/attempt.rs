//! One request for what is missing of a file.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, Url};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::answer::{self, RangeAnswer};
use super::fetch::{Transfers, stopped};
use super::part::{Part, Resume};
use super::place::unusable;
use super::{File, blocking, writer};
use crate::client::Outgoing;
use crate::client::retry::Advice;
use crate::client::{connection, path};
use crate::error::{Cause, ToolError};
use crate::spec::{DOWNLOAD_CHECKPOINT, Method};
use crate::together::payload;

/// A store that sends nothing for this long will not go on; nor one that is silent for as long as a call may take.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Why a try did not end with the whole file.
pub(super) enum Fault {
    /// The list of this number has expired.
    Expired { list: u32, status: u16, host: String },
    /// Another try may end differently, if the cause is one that passes.
    Passing {
        cause: Cause,
        host: String,
        advice: Advice,
    },
    /// Another try would end the same.
    Lasting(ToolError),
    /// Another file cannot be had.
    Stopped,
}

impl From<ToolError> for Fault {
    fn from(error: ToolError) -> Self {
        Self::Lasting(error)
    }
}

/// Asks for what is missing and writes what comes.
pub(super) async fn attempt(
    transfers: &Transfers,
    index: usize,
    file: &File,
    part: &Part,
) -> Result<(), Fault> {
    let resume = on(part, Part::resume).await?;
    let (list, url) = transfers.links.url(index).await?;
    let outgoing = outgoing(url, resume.as_ref())?;
    let host = path::host(&outgoing.url);
    let passing = |cause, advice| Fault::Passing {
        cause,
        host: host.clone(),
        advice,
    };
    let silence = LONGEST_SILENCE.min(transfers.context.config().call_timeout);
    let response = tokio::select! {
        () = transfers.stop.cancelled() => return Err(Fault::Stopped),
        response = timeout(silence, transfers.context.client().follow(&outgoing)) => response,
    };
    let response = response
        .unwrap_or(Err(Cause::Timeout(silence)))
        .map_err(|cause| passing(cause, Advice::default()))?;
    let (status, headers) = (response.status(), response.headers());
    let opened = match answer::read(status, headers, file.size, resume.as_ref()) {
        RangeAnswer::Complete => return Ok(()),
        RangeAnswer::Rest => on(part, Part::append).await?,
        RangeAnswer::Whole(validator) => {
            file.done.store(0, Ordering::Relaxed);
            on(part, move |part| part.restart(validator.as_deref())).await?
        }
        RangeAnswer::Stale => {
            let forgotten = on(part, Part::forget).await?;
            forgotten.map_err(|error| unusable(&part.path(), &error))?;
            let cause =
                Cause::Broken("the file has changed there, or the download cannot continue".to_owned());
            return Err(passing(cause, Advice::default()));
        }
        RangeAnswer::Expired => {
            let status = status.as_u16();
            return Err(Fault::Expired { list, status, host });
        }
        RangeAnswer::OtherLength(length) => {
            return Err(stopped(file, &format!("{host} has {length} bytes of it")).into());
        }
        RangeAnswer::Other => {
            let advice = Advice::read(headers, SystemTime::now());
            let cause = Cause::Status {
                status: status.as_u16(),
                message: String::new(),
                wait: advice.wait,
            };
            return Err(passing(cause, advice));
        }
    };
    let opened = opened.map_err(|error| unusable(&part.path(), &error))?;
    let left = file.size - file.done().min(file.size);
    let (sender, pieces) = mpsc::channel(writer::WAITING);
    let (counter, place) = (file.done.clone(), Arc::clone(&transfers.place));
    let writing = blocking(move || {
        // The directory stays locked until the last piece is written, whatever becomes of the download.
        let _place = place;
        writer::write(opened, pieces, &counter)
    });
    let receiving = async {
        tokio::select! {
            () = transfers.stop.cancelled() => Err(Unfinished::Stopped),
            received = receive(response, left, silence, sender) => received,
        }
    };
    let (written, received) = tokio::join!(writing, receiving);
    written?.map_err(|error| unusable(&part.path(), &error))?;
    match received {
        Ok(()) => Ok(()),
        Err(Unfinished::Stopped) => Err(Fault::Stopped),
        Err(Unfinished::Cause(cause)) => Err(passing(cause, Advice::default())),
        Err(Unfinished::TooMuch) => {
            // What came is of another file, even if it is as long now.
            let forgotten = on(part, Part::forget).await?;
            forgotten.map_err(|error| unusable(&part.path(), &error))?;
            Err(stopped(file, &format!("{host} sends more than that")).into())
        }
    }
}

/// Why not all that was missing came.
enum Unfinished {
    Stopped,
    Cause(Cause),
    TooMuch,
}

/// Passes on what comes until all of it is there.
async fn receive(
    mut response: Response,
    mut left: u64,
    silence: Duration,
    sender: mpsc::Sender<Bytes>,
) -> Result<(), Unfinished> {
    loop {
        let piece = match timeout(silence, response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) if left == 0 => return Ok(()),
            Ok(Ok(None)) => return Err(Unfinished::Cause(Cause::Truncated)),
            Ok(Err(error)) => return Err(Unfinished::Cause(connection::cause(&error))),
            Err(_) => return Err(Unfinished::Cause(Cause::Timeout(silence))),
        };
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or(Unfinished::TooMuch)?;
        if sender.send(piece).await.is_err() {
            // The writer has ended, and says why.
            return Err(Unfinished::Stopped);
        }
    }
}

/// A request to a presigned URL for the file from `resume` on.
fn outgoing(url: Url, resume: Option<&Resume>) -> Result<Outgoing, ToolError> {
    let mut outgoing = payload::beside(&DOWNLOAD_CHECKPOINT, Method::Get, url, None);
    let headers = &mut outgoing.headers;
    // Lengths and offsets are those of the file itself.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(Resume { at, validator }) = resume {
        let value = |text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| ToolError::Internal("the version of a file cannot be sent".to_owned()))
        };
        headers.insert(RANGE, value(&format!("bytes={at}-"))?);
        headers.insert(IF_RANGE, value(validator)?);
    }
    Ok(outgoing)
}

/// Does something with an unfinished file where it may wait for the disk.
async fn on<T: Send + 'static>(
    part: &Part,
    work: impl FnOnce(&Part) -> T + Send + 'static,
) -> Result<T, ToolError> {
    let part = part.clone();
    blocking(move || work(&part)).await
}
