//! Readings of the journal for several calls at once: one at a time, shared by all that asked before it began.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::reader::{History, read};
use crate::work::blocking;

/// How long the disk may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is made of readings at once. Each of them lists all that was read.
const AT_ONCE: usize = 2;

/// The readings of a server.
pub(super) struct Readings {
    /// The last one, as long as somebody works with it.
    last: Arc<Mutex<Weak<Reading>>>,
    places: Arc<Semaphore>,
}

struct Reading {
    began: Instant,
    history: History,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            last: Arc::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Readings {
    /// Makes something of the journal as it is now; of `instead`, if it cannot be read and there is such. What it is made
    /// of is freed before another call's turn comes.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        directory: &Path,
        hosts: &[String],
        instead: impl FnOnce(String) -> Result<History, String>,
        work: impl FnOnce(&History) -> T + Send + 'static,
    ) -> Result<T, String> {
        let read = timeout(PATIENCE, self.read(directory, hosts)).await;
        let read = read.unwrap_or_else(|_| Err("the disk takes too long".to_owned()));
        let reading = match read {
            Ok(reading) => reading,
            Err(problem) => Arc::new(Reading {
                began: Instant::now(),
                history: instead(problem)?,
            }),
        };
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        blocking(move || {
            let made = work(&reading.history);
            drop((reading, place));
            made
        })
        .await
        .map_err(|error| error.to_string())
    }

    async fn read(&self, directory: &Path, hosts: &[String]) -> Result<Arc<Reading>, String> {
        let asked = Instant::now();
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some(reading) = last.upgrade().filter(|reading| reading.began >= asked) {
            return Ok(reading);
        }
        let (directory, hosts) = (directory.to_owned(), hosts.to_vec());
        // The lock goes along: a call that is cancelled must not let another reading begin.
        blocking(move || {
            let began = Instant::now();
            let history = read(&directory, &hosts).map_err(|error| error.to_string())?;
            let reading = Arc::new(Reading { began, history });
            *last = Arc::downgrade(&reading);
            Ok(reading)
        })
        .await
        .map_err(|error| error.to_string())?
    }
}
