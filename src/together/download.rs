//! Downloading the files of a checkpoint into a directory.
//!
//! A download is a task of its own. It goes on when the call that began it has to end, even one that was cancelled,
//! since hosts cancel what takes them too long; the same call again joins it.

mod answer;
mod attempt;
mod fetch;
mod file_name;
mod links;
mod part;
mod place;
mod report;
mod writer;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::context::{Call, CallProgress, Context};
use crate::error::ToolError;
use crate::files::directory::Kind;
use crate::together::CheckpointVariant;
use crate::work::blocking;

use fetch::Transfers;
use links::Links;
use place::Destination;

pub(crate) use links::{fitting, list, show_urls};
pub(crate) use report::reply;

/// Files under way at once.
const AT_ONCE: usize = 4;
/// How often a call that waits looks how far the download is.
const TICK: Duration = Duration::from_millis(250);

/// What is downloaded, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// The checkpoint.
    pub checkpoint_id: String,
    /// Which of its files.
    pub variant: CheckpointVariant,
    /// Where they go: an absolute path that is allowed, links resolved.
    pub directory: PathBuf,
}

/// The downloads that are under way, and those of whose end nobody has heard yet.
#[derive(Default)]
pub(crate) struct Downloads(Mutex<HashMap<Wanted, Arc<Job>>>);

/// A download that is under way or has ended.
pub(crate) struct Job {
    started: Instant,
    files: OnceLock<Arc<[File]>>,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// How long a download took, or why it failed.
type Outcome = Result<Duration, ToolError>;

/// A file of the checkpoint, and how far it is.
struct File {
    name: String,
    size: u64,
    done: Arc<AtomicU64>,
}

impl File {
    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Job {
    /// The files; none before the service has named them.
    fn files(&self) -> &[File] {
        self.files.get().map_or(&[], |files| files)
    }

    fn is_listed(&self) -> bool {
        self.files.get().is_some()
    }

    fn progress(&self) -> CallProgress {
        if !self.is_listed() {
            return CallProgress::default();
        }
        let left = self.files().iter().filter(|file| file.done() < file.size).count();
        CallProgress {
            what: Some(match left {
                1 => "downloading 1 file".to_owned(),
                left => format!("downloading {left} files"),
            }),
            bytes: Some((self.bytes_done(), self.bytes_total())),
        }
    }

    fn bytes_done(&self) -> u64 {
        self.files().iter().map(File::done).sum()
    }

    fn bytes_total(&self) -> u64 {
        self.files().iter().map(|file| file.size).sum()
    }
}

/// Begins the download, or joins it, and waits for its end until `until`. Returns how long it took, if it has ended, and
/// what there is of it.
pub(crate) async fn download(
    call: &Call<'_>,
    wanted: &Wanted,
    until: Instant,
) -> Result<(Arc<Job>, Option<Duration>), ToolError> {
    let downloads = call.context.state::<Downloads>();
    loop {
        let job = downloads.join(call.context, wanted);
        let Some(outcome) = wait(call, &job, until).await else {
            return Ok((job, None));
        };
        // Each end is told once; what is asked later is looked at anew.
        downloads.forget(wanted, &job);
        let took = outcome?;
        if is_there(call.context, wanted, &job).await? {
            return Ok((job, Some(took)));
        }
        // It ended while nobody asked, and somebody has cleared up since.
    }
}

/// The end of a download, unless `until` comes first.
async fn wait(call: &Call<'_>, job: &Job, until: Instant) -> Option<Outcome> {
    let mut outcome = job.outcome.clone();
    loop {
        call.report(job.progress());
        let next = until.min(Instant::now() + TICK);
        tokio::select! {
            biased;
            ended = outcome.wait_for(Option::is_some) => return match ended {
                Ok(ended) => ended.clone(),
                // The task ended without a result, so it panicked.
                Err(_) => Some(Err(ToolError::Internal("a download broke off".to_owned()))),
            },
            () = sleep_until(next) => if next == until { return None },
        }
    }
}

async fn is_there(context: &Context, wanted: &Wanted, job: &Job) -> Result<bool, ToolError> {
    let (allowed, path) = (context.config().files.clone(), wanted.directory.clone());
    let files = job.files().iter();
    let files: Vec<_> = files.map(|file| (file.name.clone(), file.size)).collect();
    blocking(move || {
        let look = || -> io::Result<bool> {
            let (directory, missing) = allowed.reach(&path)?;
            let has = |(name, size): &(String, u64)| {
                let there = directory.look(name).ok().flatten();
                there.is_some_and(|there| (there.kind, there.bytes) == (Kind::File, *size))
            };
            Ok(missing.as_os_str().is_empty() && files.iter().all(has))
        };
        look().unwrap_or(false)
    })
    .await
}

impl Downloads {
    fn join(&self, context: &Arc<Context>, wanted: &Wanted) -> Arc<Job> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = jobs.get(wanted) {
            return job.clone();
        }
        let (tell, outcome) = watch::channel(None);
        let job = Arc::new(Job {
            started: Instant::now(),
            files: OnceLock::new(),
            outcome,
        });
        jobs.insert(wanted.clone(), job.clone());
        tokio::spawn(run(context.clone(), wanted.clone(), job.clone(), tell));
        job
    }

    fn forget(&self, wanted: &Wanted, job: &Arc<Job>) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.get(wanted).is_some_and(|known| Arc::ptr_eq(known, job)) {
            jobs.remove(wanted);
        }
    }
}

async fn run(context: Arc<Context>, wanted: Wanted, job: Arc<Job>, tell: watch::Sender<Option<Outcome>>) {
    let ended = everything(&context, &wanted, &job).await;
    let took = job.started.elapsed();
    tracing::info!(
        tool = crate::spec::DOWNLOAD_CHECKPOINT.name,
        bytes = job.bytes_done(),
        of = job.bytes_total(),
        complete = ended.is_ok(),
        ms = took.as_millis(),
        "download"
    );
    tell.send_replace(Some(ended.map(|()| took)));
}

async fn everything(context: &Arc<Context>, wanted: &Wanted, job: &Job) -> Result<(), ToolError> {
    let links = Links::ask(context, wanted).await?;
    let (allowed, claimed, listed) = (
        context.config().files.clone(),
        wanted.clone(),
        links.files().to_vec(),
    );
    let (place, standing) = blocking(move || Destination::claim(&allowed, &claimed, &listed)).await??;
    let files = links.files().iter().zip(&standing).map(|(file, standing)| File {
        name: file.name.clone(),
        size: file.size,
        done: Arc::new(AtomicU64::new(if standing.complete {
            file.size
        } else {
            standing.part
        })),
    });
    let files: Arc<[File]> = files.collect();
    let _ = job.files.set(files.clone());
    let missing = standing
        .iter()
        .enumerate()
        .filter(|(_, standing)| !standing.complete);
    let missing: Vec<usize> = missing.map(|(index, _)| index).collect();
    let transfers = Transfers::new(context, links, place, files);
    futures_util::stream::iter(missing)
        .for_each_concurrent(AT_ONCE, |index| transfers.fetch(index))
        .await;
    transfers.outcome()
}

/// What the caller reads when a download came to its end before it was complete.
fn broken_off(problem: &str, next: &str) -> ToolError {
    ToolError::Here {
        why: format!("The download stopped: {problem}."),
        next: next.to_owned(),
    }
}
