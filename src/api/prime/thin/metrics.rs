//! The metrics of a run, one row for each step.

use super::columns::{choose, narrow};
use super::{BUDGET, noted, rows, size};
use crate::api::Reply;
use crate::api::json::Object;

/// Metrics, one row for each step: the chosen columns, and every n-th row, where n is `every` or what fits.
#[must_use]
pub fn metrics(reply: Reply, columns: &[String], every: Option<usize>) -> Reply {
    let Some(mut rows) = rows::<Object>(&reply, "metrics") else {
        return reply;
    };
    let mut notes = Vec::new();
    if !columns.is_empty() {
        notes.extend(choose(&mut rows, columns));
    }
    let narrowed = narrow(&mut rows);
    let is_whole = columns.is_empty() && narrowed.is_none();
    notes.extend(narrowed);
    let sizes: Vec<usize> = rows.iter().map(size).collect();
    let every = fitting(&sizes, every.unwrap_or(1));
    if every == 1 && is_whole {
        return reply;
    }
    let count = rows.len();
    if every > 1 {
        let last = count.saturating_sub(1);
        let mut index = 0..;
        rows.retain(|_| index.next().is_some_and(|at| is_kept(at, every, last)));
        notes.push(format!(
            "{} of {count} rows: every {every}th from the first, and the last (min_step, max_step and columns show more)",
            rows.len()
        ));
    }
    noted(reply.with("metrics", &rows), &notes)
}

const fn is_kept(at: usize, every: usize, last: usize) -> bool {
    at.is_multiple_of(every) || at == last
}

/// The smallest distance, at least `every`, with which rows of these sizes fit.
fn fitting(sizes: &[usize], every: usize) -> usize {
    let last = sizes.len().saturating_sub(1);
    let fits = |every: &usize| {
        let kept = sizes
            .iter()
            .enumerate()
            .filter(|(at, _)| is_kept(*at, *every, last));
        kept.map(|(_, size)| size).sum::<usize>() <= BUDGET
    };
    let every = every.max(sizes.iter().sum::<usize>() / BUDGET).max(1);
    (every..=sizes.len().max(every))
        .find(fits)
        .unwrap_or(sizes.len().max(every))
}
