//! `check-dataset`: what a file of rows holds, and what is wrong with it, before anything costs.
//!
//! The file is read line by line in constant memory (`rows.rs`): of each row only a hash of its prompt stays, and its length.

mod report;
mod rows;
mod shape;
mod survey;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::context::{Call, CallProgress, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::files::Files;
use crate::grade::Grade;
use crate::json;
use crate::text::{Date, Model};
use crate::work::blocking;

use rows::Rows;
pub(crate) use shape::{Shape, placeholders};
use survey::Survey;

/// How often the progress is told.
const INTERVAL: Duration = Duration::from_millis(250);

/// What is asked of a file.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) eval_path: Option<String>,
    /// What is made of each row before it is looked at.
    pub(crate) shape: Shape,
    pub(crate) grader: Option<Box<dyn Grade>>,
    /// Counts tokens; without it characters are counted.
    pub(crate) model: Option<Arc<Model>>,
    pub(crate) date: Date,
    /// From more tokens on a row is too long; `None`: from more than the model can read.
    pub(crate) max_tokens: Option<u64>,
}

/// What may be used of a call's time for reading; the answer needs some too.
const SHARE: f64 = 0.8;
/// The same for making tokens.
const SHARE_OF_TOKENS: f64 = 0.4;

/// How far the reading is, until when it may take, and whether anybody still waits for it.
#[derive(Clone)]
struct Reading {
    done: Arc<AtomicU64>,
    all: Arc<AtomicU64>,
    ended: CancellationToken,
    /// Whether a file was not read to its end.
    is_cut: Arc<AtomicBool>,
    started: Instant,
    time: Duration,
}

impl Reading {
    fn new(time: Duration) -> Self {
        Self {
            done: Arc::default(),
            all: Arc::default(),
            ended: CancellationToken::new(),
            is_cut: Arc::default(),
            started: Instant::now(),
            time,
        }
    }

    /// Counts bytes.
    fn count(&self, bytes: usize) {
        self.done
            .fetch_add(u64::try_from(bytes).unwrap_or_default(), Ordering::Relaxed);
    }

    /// Keeps in mind that a file is not read to its end.
    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    fn was_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    /// Whether this share of the time is over, or nobody waits any more.
    fn is_over(&self, share: f64) -> bool {
        self.ended.is_cancelled() || self.started.elapsed() > self.time.mul_f64(share)
    }
}

/// Reads the file and says what it holds.
pub(crate) async fn checked(request: Request, call: &Call<'_>) -> Result<Reply, ToolError> {
    let files = call.context.config().files.clone();
    let reading = Reading::new(call.deadline.saturating_duration_since(call.started));
    // A call that is given up ends the reading.
    let _ended = reading.ended.clone().drop_guard();
    let told = reading.clone();
    let work = blocking(move || read(&request, &files, &reading));
    tokio::pin!(work);
    let mut ticks = interval(INTERVAL);
    loop {
        tokio::select! {
            read = &mut work => return json::text(&read??).map(Reply::new),
            _ = ticks.tick() => {
                let bytes = (told.done.load(Ordering::Relaxed), told.all.load(Ordering::Relaxed));
                call.report(CallProgress { what: Some("reading".to_owned()), bytes: Some(bytes) });
            }
        }
    }
}

fn read(request: &Request, files: &Files, reading: &Reading) -> Result<report::Report, ToolError> {
    let open = |name: &str, path: &str| {
        let rows = Rows::open(files, path, reading);
        rows.map_err(|problem| Problems::one(&Path::Root.key(name), problem))
    };
    let of_eval = match &request.eval_path {
        Some(path) => Some(
            survey::prompts(open("eval_path", path)?, &request.shape)
                .map_err(|error| broken("eval_path", &error))?,
        ),
        None => None,
    };
    let mut survey = Survey::new(request, reading, of_eval);
    survey
        .read(open("path", &request.path)?)
        .map_err(|error| broken("path", &error))?;
    let duplicates = survey.duplicated();
    let lines = if duplicates.is_empty() {
        Vec::new()
    } else {
        // Their lines are not known yet: a row leaves only its hash.
        survey::lines_of(&duplicates, open("path", &request.path)?, &request.shape)
            .map_err(|error| broken("path", &error))?
    };
    Ok(survey.report(duplicates.len(), lines))
}

fn broken(name: &str, error: &std::io::Error) -> ToolError {
    let problem = format!("the file cannot be read: {error}");
    ToolError::Arguments(Problems::one(&Path::Root.key(name), problem))
}
