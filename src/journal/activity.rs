//! The journal in short: what may still bill, what goes on, what was saved, what is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::lines::Unwritten;
use super::names::Names;
use super::rows::Rows;
use super::{History, Outcome, Record};
use crate::error::{after_conflict, after_unknown};
use crate::spec::{Effect, Spec};

mod batches;
pub(super) mod bills;
mod held;
mod own;
mod sessions;

use batches::Batch;
use bills::Bills;
use own::{note, own};
pub(super) use sessions::ends;
use sessions::{Session, sessions};

/// The most of what is done with when nobody says.
const FEW: usize = 3;
/// How much text an answer has when nobody says how many entries are wanted, in bytes.
const SHORT: usize = 7800;
/// The most of what may bill, goes on or is not known, and of the entries, when nobody says.
const MOST: usize = 5;
/// The most ids of what may bill besides.
const MOST_NAMED: usize = 10;

/// The most files that are named because they cannot be read.
const MOST_GAPS: usize = 3;

/// What of the journal is wanted.
pub struct Filter {
    /// Only what concerns this session, beside what bills.
    pub session_id: Option<String>,
    /// How far back, beside what bills.
    pub longest: Duration,
    /// How many entries of each list.
    pub limit: Option<usize>,
}

impl Filter {
    /// How many there are of a list that has `usual` when nobody says.
    fn most(&self, usual: usize) -> usize {
        self.limit.unwrap_or(usual)
    }

    /// The same of what costs money when it is overlooked.
    fn at_least(&self, usual: usize) -> usize {
        self.most(usual).max(usual)
    }
}

/// The journal in short; the newest of everything first.
#[derive(Serialize)]
pub struct Activity {
    may_be_billing: Vec<Bills>,
    /// The ids of older ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more_that_may_bill: Vec<String>,
    sessions: Vec<Session>,
    checkpoints: Vec<Checkpoint>,
    unknown: Vec<Unknown>,
    /// Files of built batches: what was not trained on yet can be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    batches: Vec<Batch>,
    entries: Vec<Record>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    note: String,
}

/// A checkpoint that was seen to be saved.
#[derive(Serialize)]
struct Checkpoint {
    #[serde(rename = "checkpoint_id")]
    id: String,
    session_id: Option<String>,
    tool: String,
    time: String,
}

/// A call whose answer was lost.
#[derive(Serialize)]
struct Unknown {
    time: String,
    tool: String,
    #[serde(flatten)]
    ids: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    next: String,
}

impl Activity {
    /// Makes it of what was read and of what could not be written.
    pub(super) fn new(
        history: &History,
        unwritten: &Unwritten,
        filter: &Filter,
        rows: Rows,
        names: &Names,
    ) -> Self {
        let own = own(history, unwritten);
        let mut records: Vec<&Record> = history.records.iter().chain(&own).collect();
        if !own.is_empty() {
            // Another server may have written meanwhile.
            records.sort_by(|one, other| one.time.cmp(&other.time));
        }
        retain_known(&mut records);
        let (told, more) = history.gaps.split_at(history.gaps.len().min(MOST_GAPS));
        let mut left_out = told.to_vec();
        left_out.extend(tally(
            more.len(),
            ["more file", "more files"],
            "that cannot be read",
        ));
        let counts = [
            (history.others, ["entry", "entries"], "of other base URLs"),
            (history.unreadable, ["line", "lines"], "that cannot be read"),
            (unwritten.lost, NO_WORD, "that could be neither written nor kept"),
        ];
        left_out.extend(
            counts
                .into_iter()
                .filter_map(|(count, what, hint)| tally(count, what, hint)),
        );
        left_out.extend(
            history
                .cut
                .then(|| "what is older than four months or the journal's last 4 MB".to_owned()),
        );
        let since = SystemTime::now().checked_sub(filter.longest);
        let since = humantime::format_rfc3339_millis(since.unwrap_or(SystemTime::UNIX_EPOCH)).to_string();
        let mut bills = bills::bills(&records, &since, names);
        bills.reverse();
        // What is forgotten longest has cost most, so the rest is named too.
        let rest = bills.split_off(bills.len().min(filter.at_least(MOST)));
        let more: Vec<String> = rest.iter().filter_map(Bills::id).take(MOST_NAMED).collect();
        left_out.extend(tally(rest.len() - more.len(), NO_WORD, "that may bill"));
        let of_session = |record: &&Record| {
            let wanted = filter.session_id.as_deref();
            record.time >= since && (wanted.is_none() || record.id("session_id") == wanted)
        };
        let recent: Vec<&Record> = records.iter().copied().filter(of_session).collect();
        let mut activity = Self {
            may_be_billing: bills,
            more_that_may_bill: more,
            sessions: newest(
                sessions(&recent, &records),
                filter.most(MOST),
                ["session", "sessions"],
                "(limit shows more, list-training-sessions all)",
                &mut left_out,
            ),
            checkpoints: newest(
                checkpoints(&recent),
                filter.most(FEW),
                ["checkpoint", "checkpoints"],
                "(limit shows more, list-checkpoints all)",
                &mut left_out,
            ),
            unknown: newest(
                unknown(&recent, rows),
                filter.at_least(MOST),
                NO_WORD,
                "of unknown outcome (limit shows more)",
                &mut left_out,
            ),
            batches: Vec::new(),
            entries: Vec::new(),
            left_out,
            note: note(own.len(), unwritten),
        };
        activity.enter(&recent, filter.limit);
        if recent.is_empty() && activity.may_be_billing.is_empty() {
            activity
                .note
                .push_str(" Nothing was recorded that fits: hours looks further back, and without session_id everything counts.");
        }
        activity
    }

    /// Adds entries, the newest first, as many as there is room for.
    fn enter(&mut self, recent: &[&Record], limit: Option<usize>) {
        let mut used = length(self);
        for record in recent.iter().rev().take(limit.unwrap_or(MOST)) {
            let mut entry = (*record).clone();
            entry.host.clear();
            if limit.is_none() && entry.outcome == Outcome::Done {
                // Nobody repeats what was done.
                (entry.status, entry.idempotency_key) = (None, None);
            }
            used += length(&entry);
            if limit.is_none() && used > SHORT {
                break;
            }
            self.entries.push(entry);
        }
        let older = recent.len() - self.entries.len();
        let what = ["older entry", "older entries"];
        self.left_out
            .extend(tally(older, what, "(limit, hours and session_id choose)"));
    }
}

/// Drops what a 404 alone said to have ended, if no call was ever about such a thing: an id that is mistyped, or one of
/// another kind.
fn retain_known(records: &mut Vec<&Record>) {
    let guessed = |record: &Record| record.outcome == Outcome::Ended && record.status == Some(404);
    let sure = records
        .iter()
        .filter(|record| !guessed(record) && record.outcome != Outcome::Refused);
    let known: BTreeSet<(&str, &str)> = sure.flat_map(|record| record.ids()).collect();
    records.retain(|record| !guessed(record) || record.ids().any(|id| known.contains(&id)));
}

/// How long something is as JSON, with the comma after it.
fn length(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len() + 1)
}

/// For what has no word of its own.
const NO_WORD: [&str; 2] = [""; 2];

/// How many there are, of what (one and several, or no word for it), and what to know of them.
fn tally(count: usize, [one, several]: [&str; 2], hint: &str) -> Option<String> {
    let what = if count == 1 { one } else { several };
    let space = if what.is_empty() { "" } else { " " };
    (count > 0).then(|| format!("{count}{space}{what} {hint}"))
}

/// The newest first, and not too many.
fn newest<T>(
    mut list: Vec<T>,
    most: usize,
    what: [&str; 2],
    hint: &str,
    left_out: &mut Vec<String>,
) -> Vec<T> {
    list.reverse();
    left_out.extend(tally(list.len().saturating_sub(most), what, hint));
    list.truncate(most);
    list
}

fn checkpoints(recent: &[&Record]) -> Vec<Checkpoint> {
    let mut known = BTreeSet::new();
    let saved = recent
        .iter()
        .filter(|record| record.outcome == Outcome::Saved)
        .filter_map(|record| {
            let id = record.id("checkpoint_id")?;
            // Each server that looks writes it down.
            known.insert(id).then(|| Checkpoint {
                id: id.to_owned(),
                session_id: record.id("session_id").map(str::to_owned),
                tool: record.tool.clone(),
                time: record.time.clone(),
            })
        });
    saved.collect()
}

/// The calls whose outcome is still not known, each with what to do about it.
fn unknown(recent: &[&Record], rows: Rows) -> Vec<Unknown> {
    let mut found = Vec::new();
    for (at, record) in recent.iter().enumerate() {
        let Some(row) = rows
            .of(&record.tool)
            .filter(|_| record.outcome == Outcome::Unknown)
        else {
            continue;
        };
        let later = || {
            let later = recent.iter().skip(at + 1);
            later.filter(|later| repeats(later, record, row))
        };
        if later().any(|later| later.is_over()) {
            continue;
        }
        // A key that was refused once is refused again.
        let refused = |record: &Record| row.effect == Effect::Submit && record.status == Some(409);
        let next = if refused(record) || later().any(|later| refused(later)) {
            Some(after_conflict(row))
        } else {
            after_unknown(row, record.idempotency_key.as_deref())
        };
        found.push(Unknown {
            time: record.time.clone(),
            tool: record.tool.clone(),
            ids: record.ids.clone(),
            idempotency_key: record.idempotency_key.clone(),
            next: next.map(|(_, next)| next).unwrap_or_default(),
        });
    }
    found
}

/// Whether a later call is the same as an earlier one.
fn repeats(later: &Record, earlier: &Record, row: &Spec) -> bool {
    let same = match &earlier.idempotency_key {
        Some(key) => later.idempotency_key.as_ref() == Some(key),
        None => row.effect.repeatable() && later.ids == earlier.ids,
    };
    same && later.tool == earlier.tool
}
