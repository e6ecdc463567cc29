//! A line of the journal.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// The longest id that is written down, in characters; services use far shorter ones.
const LONGEST_ID: usize = 200;

/// A line of the journal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Record {
    /// When the answer came, or failed to; RFC 3339 in UTC.
    pub time: String,
    /// The tool that was called.
    pub tool: String,
    /// Host and port of the service: that of a test is not the real one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What came in place of an answer, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What it is about and what it made, by the names that the tools have for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, String>,
    /// The key that makes it safe to repeat the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// What kind of run it started: RL or SFT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it costs, as far as that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_hour: Option<f64>,
}

/// What became of a call, or of what it started.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The service says that it did it.
    Done,
    /// Nothing was done.
    Refused,
    /// The answer was lost.
    Unknown,
    /// A checkpoint was seen to be saved.
    Saved,
    /// What was started was seen to have ended.
    Ended,
}

impl Record {
    /// A record of now.
    #[must_use]
    pub fn new(tool: &str, host: &str, outcome: Outcome) -> Self {
        Self {
            time: now(),
            tool: tool.to_owned(),
            host: host.to_owned(),
            outcome,
            status: None,
            cause: None,
            ids: BTreeMap::new(),
            idempotency_key: None,
            kind: None,
            usd_per_hour: None,
        }
    }

    /// Adds an id. What no service would make is not written as it is: it comes from a caller, and lines are short.
    pub fn add_id(&mut self, name: &str, id: &str) {
        self.ids.insert(name.to_owned(), Self::plain_id(id));
    }

    /// An id as it is written down.
    pub(super) fn plain_id(id: &str) -> String {
        let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
        id.trim().chars().take(LONGEST_ID).map(plain).collect()
    }

    /// An id by its name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<&str> {
        self.ids.get(name).map(String::as_str)
    }

    /// All ids, each with its name.
    pub fn ids(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ids.iter().map(|(name, id)| (name.as_str(), id.as_str()))
    }

    /// The month that it belongs to, such as `2026-11`.
    #[must_use]
    pub fn month(&self) -> &str {
        self.time.get(..7).unwrap_or("unknown")
    }

    /// Whether what it was to end is gone: ended now, or unknown to the service.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.outcome, Outcome::Done) || matches!(self.status, Some(404))
    }
}

/// The time as the journal writes it.
pub(super) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
