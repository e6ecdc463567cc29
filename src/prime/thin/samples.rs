//! The samples of one step.

use serde_json::Value;

use super::columns::{choose, narrow};
use super::values::cut_to_fit;
use super::{fitting, keep_at, noted, size};
use crate::context::Reply;
use crate::json::Object;

/// Samples of one step: the chosen columns, with long values cut until all of them fit into `room` bytes, or else fewer
/// samples.
#[must_use]
pub(crate) fn samples(reply: Reply, columns: &[String], room: usize) -> Reply {
    let Some(mut samples) = reply.member::<Vec<Object>>("samples") else {
        return super::bounded(reply);
    };
    let mut notes = Vec::new();
    if !columns.is_empty() {
        match choose(&mut samples, columns) {
            Ok(note) => notes.extend(note),
            Err(note) => return noted(reply.with("samples", &Vec::<Object>::new()), &[note]),
        }
    }
    if samples.iter().map(size).sum::<usize>() <= room {
        let shown = if columns.is_empty() {
            reply
        } else {
            reply.with("samples", &samples)
        };
        return noted(shown, &notes);
    }
    let (mut shown, mut longest) = cut(&samples, room);
    let mut kept = fitting(room, shown.iter().map(size));
    if kept.is_empty() {
        // Not one fits, as each has too many members.
        notes.extend(narrow(&mut samples, room / 4));
        (shown, longest) = cut(&samples, room);
        kept = fitting(room, shown.iter().map(size));
    }
    if kept.len() < shown.len() {
        notes.push(format!(
            "{} of the {} samples of this page",
            kept.len(),
            shown.len()
        ));
        keep_at(&mut shown, &kept);
    }
    notes.push(format!(
        "values of over {longest} characters were cut in the middle (limit and columns choose: the fewer, the more of each)"
    ));
    noted(reply.with("samples", &shown), &notes)
}

fn cut(samples: &[Object], room: usize) -> (Vec<Value>, usize) {
    let values = samples
        .iter()
        .map(|sample| serde_json::to_value(sample).unwrap_or_default());
    let mut values: Vec<Value> = values.collect();
    let longest = cut_to_fit(&mut values, room);
    (values, longest)
}
