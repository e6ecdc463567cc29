//! What this process knows and the journal does not.

use std::collections::HashSet;

use crate::journal::lines::Unwritten;
use crate::journal::{History, Record};

/// What this process did and has not written, as far as it was not written meanwhile.
pub(super) fn own(history: &History, unwritten: &Unwritten) -> Vec<Record> {
    let lines = unwritten.lines.iter();
    let mut own: Vec<Record> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    if !own.is_empty() {
        let times: HashSet<String> = own.iter().map(|record| record.time.clone()).collect();
        let written = history.records.iter();
        let written: Vec<&Record> = written.filter(|record| times.contains(&record.time)).collect();
        own.retain(|record| !written.contains(&record));
    }
    own
}

/// What is true of all of it.
const NOTE: &str = "What rl-mcp on this machine did, not what the services say: things end by themselves too. Look before you act.";

/// What whoever reads the answer has to know.
pub(super) fn note(own: usize, unwritten: &Unwritten) -> String {
    match &unwritten.problem {
        Some(problem) if own > 0 => format!(
            "{NOTE} {own} of these could not be written to the journal ({problem}): only this server knows them, as long as it runs."
        ),
        _ => NOTE.to_owned(),
    }
}
