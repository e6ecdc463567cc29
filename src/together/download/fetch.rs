//! One file after the other, until each is there or one cannot be had.

use std::sync::{Arc, OnceLock};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::attempt::{Fault, attempt};
use super::links::Links;
use super::place::Destination;
use super::{File, blocking, broken_off};
use crate::client::retry::{MOST_TRIES, backoff};
use crate::context::Context;
use crate::error::{Cause, ToolError};

/// How often in a row fresh URLs are asked for without getting further.
const MOST_RENEWALS: u32 = 3;

/// What all files of a download share.
pub(super) struct Transfers {
    pub(super) context: Arc<Context>,
    pub(super) links: Links,
    pub(super) place: Arc<Destination>,
    files: Arc<[File]>,
    /// Why one of them could not be had.
    failed: OnceLock<ToolError>,
    /// Ends the others then.
    pub(super) stop: CancellationToken,
}

impl Transfers {
    pub(super) fn new(context: &Arc<Context>, links: Links, place: Destination, files: Arc<[File]>) -> Self {
        Self {
            context: context.clone(),
            links,
            place: Arc::new(place),
            files,
            failed: OnceLock::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Why one of the files could not be had, if so.
    pub(super) fn outcome(self) -> Result<(), ToolError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    /// Fetches a file. If that fails, the others end too, each with what it has.
    pub(super) async fn fetch(&self, index: usize) {
        let Some(file) = self.files.get(index).filter(|_| !self.stop.is_cancelled()) else {
            return;
        };
        if let Err(error) = self.whole(index, file).await {
            // The first failure is what is told.
            let _ = self.failed.set(error);
            self.stop.cancel();
        }
    }

    async fn whole(&self, index: usize, file: &File) -> Result<(), ToolError> {
        let part = self.place.part(&file.name, file.size);
        let (mut tries, mut renewals, mut furthest) = (0, 0, file.done());
        loop {
            let Err(fault) = attempt(self, index, file, &part).await else {
                break;
            };
            // A file that gets further may be interrupted any number of times.
            if file.done() > furthest {
                (tries, renewals, furthest) = (0, 0, file.done());
            }
            match fault {
                Fault::Expired { list, .. } if renewals < MOST_RENEWALS => {
                    renewals += 1;
                    self.links.renew(list).await?;
                }
                Fault::Expired { status, host, .. } => {
                    return Err(stopped(
                        file,
                        &format!("{host} refuses fresh links too, with HTTP {status}"),
                    ));
                }
                Fault::Passing { cause, host, advice } => {
                    tries += 1;
                    tracing::debug!(file = file.name, tries, ?cause, "download interrupted");
                    if !cause.passing() || tries == MOST_TRIES {
                        return Err(stopped(file, &words(&cause, &host)));
                    }
                    let pause = backoff(advice, tries, self.context.config().retry_wait);
                    tokio::select! {
                        () = self.stop.cancelled() => return Ok(()),
                        () = sleep(pause) => {}
                    }
                }
                Fault::Lasting(error) => return Err(error),
                Fault::Stopped => return Ok(()),
            }
        }
        let (place, name, size) = (self.place.clone(), file.name.clone(), file.size);
        blocking(move || place.finish(&name, size, &part)).await?
    }
}

/// What stores say of a refusal may repeat parts of the URL: the status has to do.
fn words(cause: &Cause, host: &str) -> String {
    match cause {
        Cause::Status { status, .. } => format!("{host} answered HTTP {status}"),
        cause => cause.happened(host),
    }
}

pub(super) fn stopped(file: &File, what: &str) -> ToolError {
    broken_off(
        &format!(
            "{} is at {} of {} bytes: {what}",
            file.name,
            file.done(),
            file.size
        ),
        "call again: it goes on where this one stopped. If it stops there again, the store has a fault or a proxy is in the way.",
    )
}
