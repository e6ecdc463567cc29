//! The metrics of a run, one row for each step.

use super::columns::{choose, narrow};
use super::values::cut;
use super::{BUDGET, keep_at, noted, size};
use crate::api::Reply;
use crate::api::json::Object;

/// The widest row, so that several of them make an answer.
const WIDEST: usize = BUDGET / 10;
/// To how many characters the values of wider rows are cut.
const LONGEST_VALUE: usize = 200;

/// Metrics, one row for each step: the chosen columns, and one row in n, where n is `every` or what fits.
#[must_use]
pub fn metrics(reply: Reply, columns: &[String], every: Option<usize>) -> Reply {
    let Some(mut rows) = reply.member::<Vec<Object>>("metrics") else {
        return super::bounded(reply);
    };
    let mut notes = Vec::new();
    if !columns.is_empty() {
        match choose(&mut rows, columns) {
            Ok(note) => notes.extend(note),
            Err(note) => return noted(reply.with("metrics", &Vec::<Object>::new()), &[note]),
        }
    }
    let mut is_whole = columns.is_empty();
    if rows.iter().any(|row| size(row) > WIDEST) {
        is_whole = false;
        for row in &mut rows {
            cut(row, LONGEST_VALUE);
        }
        // Chosen columns stay, however many they are.
        if columns.is_empty() {
            notes.extend(narrow(&mut rows, WIDEST));
        }
    }
    let sizes: Vec<usize> = rows.iter().map(size).collect();
    let asked = every.unwrap_or(1);
    let every = distance(&sizes, asked);
    if every == 1 && is_whole {
        return reply;
    }
    let count = rows.len();
    if every > 1 {
        let last = count.saturating_sub(1);
        let kept = (0..count).filter(|at| is_kept(*at, every, last)).collect();
        keep_at(&mut rows, &kept);
        let more = if every > asked {
            " (more do not fit: min_step, max_step or columns make room)"
        } else {
            ""
        };
        notes.push(format!(
            "{} of {count} rows: one in {every}, from the first on, and the last{more}",
            rows.len()
        ));
    }
    noted(reply.with("metrics", &rows), &notes)
}

const fn is_kept(at: usize, every: usize, last: usize) -> bool {
    at.is_multiple_of(every) || at == last
}

/// The smallest distance, at least `every`, with which rows of these sizes fit.
fn distance(sizes: &[usize], every: usize) -> usize {
    let last = sizes.len().saturating_sub(1);
    let fits = |every: &usize| {
        // In steps, not over all rows: no more than a logarithm of them more work in all.
        let kept = sizes.iter().step_by(*every).sum::<usize>();
        let last = sizes.last().filter(|_| !last.is_multiple_of(*every));
        kept + last.unwrap_or(&0) <= BUDGET
    };
    let every = every.max(sizes.iter().sum::<usize>() / BUDGET).max(1);
    (every..=sizes.len().max(every))
        .find(fits)
        .unwrap_or(sizes.len().max(every))
}
