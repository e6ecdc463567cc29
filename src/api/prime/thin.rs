//! Answers that grow with a run, made to fit: every n-th row, chosen columns, shortened values, the newest part of a
//! list. A `note` in the answer says what was left out and how to see it.

mod columns;
mod lists;
mod metrics;
mod samples;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Reply;

pub use lists::{checkpoints, progress, runs};
pub use metrics::metrics;
pub use samples::samples;

/// The size of an answer, in bytes of JSON. Hosts warn at about 40,000 characters.
pub const BUDGET: usize = 30_000;

/// The rows of `member`, if the answer has them.
fn rows<T: DeserializeOwned>(reply: &Reply, member: &str) -> Option<Vec<T>> {
    reply.member(member)
}

/// What a value takes in the answer, in bytes, with its comma.
pub(super) fn size(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len() + 1)
}

/// How many things of these sizes, from the first on, fit into `room` bytes.
fn how_many_fit(mut room: usize, sizes: impl Iterator<Item = usize>) -> usize {
    let fits = |size: &usize| {
        let left = room.checked_sub(*size);
        room = left.unwrap_or(0);
        left.is_some()
    };
    sizes.take_while(fits).count()
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
