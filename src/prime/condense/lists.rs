//! Lists that grow with a run or with an account, and the samples of one step.

use serde_json::Value;
use serde_json::value::RawValue;

use super::columns::{choose, narrow};
use super::{BUDGET, SHORT, cut_to_fit, fitting, keep_at, shorten_row, size, with_notes};
use crate::context::Reply;
use crate::json::Object;

/// To how many characters the values of long runs are cut.
const LONGEST_VALUE: usize = 300;
const CUT: &str = "values of over 300 characters were cut in the middle";

/// Lists of steps as ranges; of many ranges, the first few and the newest.
#[must_use]
pub(crate) fn progress(mut reply: Reply) -> Reply {
    const FIRST: usize = 5;
    const NEWEST: usize = 45;
    /// A list of so few is as short as its ranges.
    const FEW: usize = 3;
    let mut notes = Vec::new();
    for member in ["stepsWithSamples", "stepsWithDistributions"] {
        let Some(steps) = reply.member::<Vec<i64>>(member).filter(|steps| steps.len() > FEW) else {
            continue;
        };
        let mut ranges = ranges(&steps);
        let count = ranges.len();
        if count > FIRST + NEWEST {
            ranges.drain(FIRST..count - NEWEST);
            notes.push(format!(
                "{member}: the first {FIRST} and the last {NEWEST} ranges of {count}, of {} steps",
                steps.len()
            ));
        }
        reply = reply.with(member, &ranges);
    }
    with_notes(reply, &notes)
}

/// Steps as ranges: `0-39`, or `0-90 by 10` where they are further apart.
fn ranges(steps: &[i64]) -> Vec<String> {
    let mut ranges = Vec::new();
    let mut rest = steps;
    while let [first, ..] = rest {
        let by = rest.get(1).map_or(1, |next| next.saturating_sub(*first));
        let pairs = rest.iter().zip(rest.iter().skip(1));
        let length = 1 + pairs
            .take_while(|(one, next)| next.saturating_sub(**one) == by)
            .count();
        // Two that are apart are no row.
        let length = if by == 1 || length > 2 { length } else { 1 };
        let (range, after) = rest.split_at(length);
        let last = range.last().unwrap_or(first);
        ranges.push(match (length, by) {
            (1, _) => first.to_string(),
            (_, 1) => format!("{first}-{last}"),
            _ => format!("{first}-{last} by {by}"),
        });
        rest = after;
    }
    ranges
}

/// A page of the checkpoints, the newest first: the service answers all of them at once.
#[must_use]
pub(crate) fn checkpoints(reply: Reply, page: usize, limit: usize) -> Reply {
    let Some(mut rows) = reply.member::<Vec<Object>>("checkpoints") else {
        return reply;
    };
    let count = rows.len();
    if count == 0 {
        return reply;
    }
    let step = |row: &Object| {
        let step = row.get("step").map_or("", RawValue::get);
        step.trim_matches('"').parse::<u64>().unwrap_or(0)
    };
    // Of the same step the one that was listed last.
    rows.reverse();
    rows.sort_by_key(|row| std::cmp::Reverse(step(row)));
    if count <= limit && page == 1 {
        return reply.with("checkpoints", &rows);
    }
    let first = (page - 1).saturating_mul(limit).min(count);
    rows.truncate(first.saturating_add(limit));
    let mut shown = rows.split_off(first);
    if shown.is_empty() {
        let note = format!("page {page} is beyond the last one, {}", count.div_ceil(limit));
        return with_notes(reply.with("checkpoints", &shown), &[note]);
    }
    let last = first + shown.len();
    let mut notes = vec![format!(
        "checkpoints {} to {last} of {count}, the newest first",
        first + 1
    )];
    if last < count {
        notes.push(format!(
            "page {} goes on (limit and status_filter choose)",
            page + 1
        ));
    }
    if shown.iter().map(size).sum::<usize>() > BUDGET {
        for row in &mut shown {
            shorten_row(row, LONGEST_VALUE);
        }
        notes.push(CUT.to_owned());
    }
    with_notes(reply.with("checkpoints", &shown), &notes)
}

/// A page of runs: if it is long, without their configs and what is not known of them, and then with long values cut or
/// fewer runs.
#[must_use]
pub(crate) fn runs(reply: Reply) -> Reply {
    const CONFIGS: [&str; 4] = ["runConfig", "evalConfig", "valConfig", "bufferConfig"];
    if reply.text().len() <= SHORT {
        return reply;
    }
    let Some(mut runs) = reply.member::<Vec<Object>>("runs") else {
        return super::bounded(reply);
    };
    for run in &mut runs {
        let known = |value: &RawValue| value.get() != "null";
        let shown = std::mem::take(run).into_members();
        for (name, value) in shown.filter(|(name, value)| !CONFIGS.contains(&name.as_str()) && known(value)) {
            run.push(name, value);
        }
    }
    let mut notes = vec![
        "the configs of the runs, and members that are null, were left out: prime-intellect-getrun shows one whole"
            .to_owned(),
    ];
    if runs.iter().map(size).sum::<usize>() > BUDGET {
        for run in &mut runs {
            shorten_row(run, LONGEST_VALUE);
        }
        notes.push(CUT.to_owned());
    }
    let fitting = fitting(BUDGET, runs.iter().map(size));
    if fitting.len() < runs.len() {
        notes.push(format!(
            "{} of the {} runs of this page: ask for fewer by limit",
            fitting.len(),
            runs.len()
        ));
        keep_at(&mut runs, &fitting);
    }
    with_notes(reply.with("runs", &runs), &notes)
}

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
            Err(note) => return with_notes(reply.with("samples", &Vec::<Object>::new()), &[note]),
        }
    }
    if samples.iter().map(size).sum::<usize>() <= room {
        let shown = if columns.is_empty() {
            reply
        } else {
            reply.with("samples", &samples)
        };
        return with_notes(shown, &notes);
    }
    let (mut shown, mut longest) = cut_samples(&samples, room);
    let mut kept = fitting(room, shown.iter().map(size));
    if kept.is_empty() {
        // Not one fits, as each has too many members.
        notes.extend(narrow(&mut samples, room / 4));
        (shown, longest) = cut_samples(&samples, room);
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
    with_notes(reply.with("samples", &shown), &notes)
}

fn cut_samples(samples: &[Object], room: usize) -> (Vec<Value>, usize) {
    let values = samples
        .iter()
        .map(|sample| serde_json::to_value(sample).unwrap_or_default());
    let mut values: Vec<Value> = values.collect();
    let longest = cut_to_fit(&mut values, room);
    (values, longest)
}
