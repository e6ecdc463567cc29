//! Answers that grow with a run, made to fit: every n-th row, chosen columns, shortened values, the newest part of a
//! list. A `note` in the answer says what was left out and how to see it.

mod columns;
mod lists;
mod metrics;
mod samples;
mod values;

use std::collections::HashSet;

use serde::Serialize;

use crate::api::Reply;

pub use lists::{checkpoints, progress, runs};
pub use metrics::metrics;
pub use samples::samples;
pub use values::bounded;

/// The size of an answer, in bytes of JSON. Hosts warn at about 40,000 characters.
pub const BUDGET: usize = 30_000;

/// What a value takes in the answer, in bytes, with its comma.
pub(super) fn size(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len() + 1)
}

/// Which things of these sizes fit into `room` bytes, the first ones first.
fn fitting(mut room: usize, sizes: impl Iterator<Item = usize>) -> HashSet<usize> {
    let mut kept = HashSet::new();
    for (at, size) in sizes.enumerate() {
        if let Some(left) = room.checked_sub(size) {
            room = left;
            kept.insert(at);
        }
    }
    kept
}

/// Keeps what stands at these places.
fn keep_at<T>(things: &mut Vec<T>, places: &HashSet<usize>) {
    let mut at = 0..;
    things.retain(|_| at.next().is_some_and(|at| places.contains(&at)));
}

/// The beginning of a text of over `longest` characters, and how much more there is; `None` for a shorter one.
pub(super) fn cut(text: &str, longest: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(longest)?;
    let (start, rest) = text.split_at(end);
    Some(format!("{start}… (+{} characters)", rest.chars().count()))
}

fn noted(reply: Reply, notes: &[String]) -> Reply {
    if notes.is_empty() {
        return reply;
    }
    reply.with("note", &notes.join("; "))
}
