//! The metrics of a run, one row for each step.

use super::columns::{LeftOut, choose, collapse, main, narrow, some};
use super::{BUDGET, SHORT, keep_at, shorten_row, size, with_notes};
use crate::context::Reply;
use crate::json::Object;

/// To how many characters the values of wide rows are cut.
const LONGEST_VALUE: usize = 200;

/// What of the metrics is wanted.
#[derive(Default)]
pub(crate) struct Wanted {
    /// These columns; none: those that say most.
    pub columns: Vec<String>,
    /// Every n-th row, from the first on.
    pub every: Option<usize>,
    /// As much as one answer holds, and not only what shows how it goes.
    pub detailed: bool,
}

/// Metrics, one row for each step: few columns and as many rows as make a short answer, or what is wanted of them.
#[must_use]
pub(crate) fn metrics(reply: Reply, wanted: &Wanted) -> Reply {
    let Some(mut rows) = reply.member::<Vec<Object>>("metrics") else {
        return super::bounded(reply);
    };
    let mut notes: Vec<String> = collapse(&rows).into_iter().collect();
    let mut is_whole = notes.is_empty();
    let all_columns = wanted.columns.is_empty();
    if !all_columns {
        match choose(&mut rows, &wanted.columns) {
            Ok(note) => notes.extend(note),
            Err(note) => return with_notes(reply.with("metrics", &Vec::<Object>::new()), &[note]),
        }
    }
    let detailed = wanted.detailed || wanted.every.is_some();
    let room = if detailed { BUDGET } else { SHORT };
    is_whole &= all_columns;
    let too_long = |rows: &[Object]| rows.iter().map(size).sum::<usize>() > room;
    if all_columns && !detailed && too_long(&rows) {
        let LeftOut { names, constant } = main(&mut rows);
        if !constant.is_empty() {
            notes.push(format!("the same in every row: {}", constant.join(", ")));
        }
        if !names.is_empty() {
            is_whole = false;
            notes.push(format!(
                "columns left out (columns chooses them, every or limit shows all): {}",
                some(&names)
            ));
        }
    }
    // So that several rows make an answer.
    let widest = room / 10;
    if too_long(&rows) && rows.iter().any(|row| size(row) > widest) {
        is_whole = false;
        for row in &mut rows {
            shorten_row(row, LONGEST_VALUE);
        }
        // Chosen columns stay, however many they are.
        if all_columns {
            notes.extend(narrow(&mut rows, widest));
        }
    }
    let count = rows.len();
    let Some(note) = spaced(&mut rows, wanted.every, room) else {
        return if is_whole && rows.len() == count {
            reply
        } else {
            with_notes(reply.with("metrics", &rows), &notes)
        };
    };
    notes.insert(0, note);
    with_notes(reply.with("metrics", &rows), &notes)
}

/// Keeps every n-th row, where n is `every` or what fits, and the last. Says so, if any is left out.
fn spaced(rows: &mut Vec<Object>, every: Option<usize>, room: usize) -> Option<String> {
    let sizes: Vec<usize> = rows.iter().map(size).collect();
    let (count, last) = (rows.len(), rows.len().saturating_sub(1));
    let Some(every) = every else {
        let every = distance(&sizes, room);
        let kept = (0..count).filter(|at| is_kept(*at, every, last)).collect();
        keep_at(rows, &kept);
        return (every > 1).then(|| {
            format!(
                "{} of {count} rows: one in {every}, from the first on, and the last (every, limit or a range of steps shows more)",
                rows.len()
            )
        });
    };
    let (mut left, mut end) = (room, None);
    let mut kept = std::collections::HashSet::new();
    for at in (0..count).filter(|at| is_kept(*at, every, last)) {
        let size = sizes.get(at).copied().unwrap_or_default();
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            // One row is better than none.
            None if kept.is_empty() => left = 0,
            None => {
                end = Some(at);
                break;
            }
        }
        kept.insert(at);
    }
    let next = end.map(|at| {
        let step = rows.get(at).and_then(|row| row.get("step"));
        let step = step.map(|step| step.get().trim_matches('"'));
        step.unwrap_or("of a later row").to_owned()
    });
    keep_at(rows, &kept);
    match next {
        Some(next) => {
            let spacing = if every > 1 {
                format!(", one in {every}")
            } else {
                String::new()
            };
            Some(format!(
                "{} of {count} rows{spacing}, the first ones: more do not fit one answer; min_step {next} goes on, and fewer columns leave room for more",
                rows.len()
            ))
        }
        None => (every > 1).then(|| {
            format!(
                "{} of {count} rows: one in {every}, from the first on, and the last",
                rows.len()
            )
        }),
    }
}

const fn is_kept(at: usize, every: usize, last: usize) -> bool {
    at.is_multiple_of(every) || at == last
}

/// The smallest distance with which rows of these sizes fit.
fn distance(sizes: &[usize], room: usize) -> usize {
    let last = sizes.len().saturating_sub(1);
    let fits = |every: &usize| {
        // In steps, not over all rows: no more than a logarithm of them more work in all.
        let kept = sizes.iter().step_by(*every).sum::<usize>();
        let last = sizes.last().filter(|_| !last.is_multiple_of(*every));
        kept + last.unwrap_or(&0) <= room
    };
    let every = (sizes.iter().sum::<usize>() / room).max(1);
    (every..=sizes.len().max(every))
        .find(fits)
        .unwrap_or(sizes.len().max(every))
}
