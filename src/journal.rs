//! What was done on this machine: one line for each call that changes something, in the data directory.
//!
//! After a crash, or in another conversation, nobody remembers what was started, and some of it bills. A line says what
//! was done to what, and how it ended; never a body, a name or a secret. Several servers write to the same file.

mod activity;
mod file;
mod identity;
mod lines;
mod names;
mod observed;
mod pending;
mod reader;
mod reading;
mod record;
mod rows;
pub(crate) mod running;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::redact::Redactor;
use crate::spec::Spec;

pub(crate) use activity::{Activity, Filter};
pub(crate) use file::probe;
use file::{LONGEST_LINE, Months};
pub(crate) use identity::{Given, Started};
use lines::{Line, Lines};
use names::Names;
pub(crate) use pending::Pending;
use reader::History;
use reading::Readings;
pub use record::{Outcome, Record};
use rows::Rows;
use running::Running;

/// The journal of this machine, as one server writes it.
pub struct Journal {
    directory: Option<PathBuf>,
    /// Hosts and ports of the services as configured; what is about others is left out of what is read.
    hosts: Vec<String>,
    redactor: Arc<Redactor>,
    /// Those of all tools, which its lines are about.
    rows: Rows,
    running: Running,
    names: Names,
    lines: Arc<Lines>,
    readings: Readings,
    /// What was seen of things that are shown again and again, and is written down already.
    seen: Mutex<HashSet<(Outcome, &'static str, String)>>,
}

impl Journal {
    /// The journal in `directory`, about these hosts; `None`: nothing is written anywhere.
    #[must_use]
    pub fn new(
        directory: Option<PathBuf>,
        hosts: Vec<String>,
        redactor: Arc<Redactor>,
        rows: &'static [&'static Spec],
    ) -> Self {
        Self {
            directory,
            hosts,
            redactor,
            rows: Rows(rows),
            running: Running::default(),
            names: Names::default(),
            lines: Lines::new(),
            readings: Readings::default(),
            seen: Mutex::default(),
        }
    }

    /// What this process started and may be up.
    #[must_use]
    pub const fn running(&self) -> &Running {
        &self.running
    }

    /// What things are called, as far as this process has seen it.
    const fn names(&self) -> &Names {
        &self.names
    }

    /// Writes a line, soon: nobody waits for the disk here. [`Self::settled`] says how it went.
    pub(crate) fn write(&self, record: &Record) {
        let Some(directory) = &self.directory else { return };
        let Ok(text) = serde_json::to_string(record) else {
            return;
        };
        let line = Line {
            month: record.month().to_owned(),
            text: self.redactor.scrub(&text).into_owned(),
        };
        if line.text.len() > LONGEST_LINE {
            tracing::warn!(tool = record.tool, "a line of the journal is too long");
            return;
        }
        self.lines.push(line, || {
            let mut months = Months::new(directory.clone());
            move |line: &Line| months.append(line)
        });
    }

    /// Waits until what was done so far is on the disk, but not for long: the answer says why it is not. A crash after that
    /// loses nothing.
    pub async fn settled(&self) -> Option<String> {
        self.lines.settled().await
    }

    /// Gives what is not written yet a last chance, for a moment. Blocks.
    pub fn end(&self) {
        self.lines.end();
    }

    /// Whether this server sees for the first time that something has come to this: `name` is that of its id, since a
    /// mistaken call may ask for one kind of thing by the id of another.
    pub(crate) fn is_new(&self, outcome: Outcome, name: &'static str, id: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert((outcome, name, id.to_owned()))
    }

    /// The journal in short, with what this process could not write; an error says why it cannot be read.
    pub async fn activity(&self, filter: Filter) -> Result<Activity, String> {
        let Some(directory) = &self.directory else {
            return Err("there is no data directory".to_owned());
        };
        // Before the reading: what is written meanwhile is in both, and told once.
        let unwritten = self.lines.unwritten();
        let knows_something = !unwritten.lines.is_empty();
        let instead = |problem: String| {
            let instead = History::without_journal(&problem);
            knows_something.then_some(instead).ok_or(problem)
        };
        let (rows, names) = (self.rows, self.names.clone());
        let work = move |history: &History| Activity::new(history, &unwritten, &filter, rows, &names);
        self.readings.with(directory, &self.hosts, instead, work).await
    }
}

impl Journal {
    /// What a mistaken id is that was given in a call by the row `spec`, and what to call instead; `None`: nothing is
    /// known of it. `missing`: nothing has this id.
    pub(crate) async fn mistaken(
        &self,
        spec: &'static Spec,
        given: Vec<Given>,
        missing: bool,
    ) -> Option<String> {
        let directory = self.directory.as_ref()?;
        let (rows, names) = (self.rows, self.names.clone());
        let work = move |history: &History| {
            let mistaken = identity::mistaken(&history.records, spec, &given, rows, missing);
            mistaken.or_else(|| identity::called(&given, &names))
        };
        let read = self.readings.with(directory, &self.hosts, Err, work).await;
        read.ok().flatten()
    }
}

impl Journal {
    /// Whether a session was seen to have ended.
    pub(crate) async fn session_has_ended(&self, session_id: &str) -> bool {
        let Some(directory) = &self.directory else {
            return false;
        };
        let session = Record::plain_id(session_id);
        let work = move |history: &History| identity::session_has_ended(&history.records, &session);
        let read = self.readings.with(directory, &self.hosts, Err, work).await;
        read.unwrap_or_default()
    }

    /// The row that starts the operations which the row `shows` shows.
    pub(crate) fn starting(&self, shows: &Spec) -> Option<&'static Spec> {
        let path = shows.path.strip_suffix("/{operation_id}")?;
        self.rows.find(|row| row.path == path)
    }

    /// What an id names that was seen here, such as a training session.
    #[cfg(feature = "text")]
    pub(crate) async fn what(&self, id: &str) -> Option<&'static str> {
        let directory = self.directory.as_ref()?;
        let id = Record::plain_id(id);
        let work = move |history: &History| identity::what(&history.records, &id);
        let read = self.readings.with(directory, &self.hosts, Err, work).await;
        read.ok().flatten()
    }

    /// Whether something was done in a session, or about it.
    pub(crate) async fn knows_session(&self, session_id: &str) -> bool {
        let Some(directory) = &self.directory else {
            return false;
        };
        let session = Record::plain_id(session_id);
        let work = move |history: &History| {
            let mut records = history.records.iter();
            records.any(|record| {
                record.outcome == Outcome::Done && record.id("session_id") == Some(session.as_str())
            })
        };
        let read = self.readings.with(directory, &self.hosts, Err, work).await;
        read.unwrap_or_default()
    }

    /// The operations that were started in a session, the oldest first.
    pub(crate) async fn started(&self, session_id: &str) -> Vec<Started> {
        let Some(directory) = &self.directory else {
            return Vec::new();
        };
        let session = Record::plain_id(session_id);
        let rows = self.rows;
        let work = move |history: &History| identity::started(&history.records, &session, rows);
        let read = self.readings.with(directory, &self.hosts, Err, work).await;
        read.unwrap_or_default()
    }

    /// The runs that went on from a paused one and were not seen to end.
    pub(crate) async fn resumed(&self, run_id: &str) -> Vec<String> {
        let Some(directory) = &self.directory else {
            return Vec::new();
        };
        let paused = Record::plain_id(run_id);
        let work = move |history: &History| identity::resumed(&history.records, &paused);
        let read = self.readings.with(directory, &self.hosts, Err, work).await;
        read.unwrap_or_default()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.lines.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_ids_make_a_line_that_is_written_whole() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::new(Some(directory.path().to_owned()), Vec::new(), Arc::default(), &[]);
        let mut record = Record::new("get-save-training-checkpoint-operation", "h", Outcome::Unknown);
        let worst = "\"\\\u{1f600}\n".repeat(1000);
        for name in [
            "session_id",
            "operation_id",
            "checkpoint_id",
            "model_resources_id",
        ] {
            record.add_id(name, &worst);
        }
        record.idempotency_key = Some("\"".repeat(255));
        journal.write(&record);
        assert_eq!(journal.settled().await, None);
        let history = reader::read(directory.path(), &["h".to_owned()]).unwrap();
        assert_eq!((history.records.len(), history.unreadable), (1, 0));
    }
}
