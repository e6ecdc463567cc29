//! Lists that grow with a run or with an account.

use serde_json::value::RawValue;

use super::values::cut;
use super::{BUDGET, SHORT, fitting, keep_at, noted, size};
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
    noted(reply, &notes)
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
    if count == 0 || (count <= limit && page == 1) {
        return reply;
    }
    let step = |row: &Object| {
        let step = row.get("step").map_or("", RawValue::get);
        step.trim_matches('"').parse::<u64>().unwrap_or(0)
    };
    // Of the same step the one that was listed last.
    rows.reverse();
    rows.sort_by_key(|row| std::cmp::Reverse(step(row)));
    let first = (page - 1).saturating_mul(limit).min(count);
    rows.truncate(first.saturating_add(limit));
    let mut shown = rows.split_off(first);
    if shown.is_empty() {
        let note = format!("page {page} is beyond the last one, {}", count.div_ceil(limit));
        return noted(reply.with("checkpoints", &shown), &[note]);
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
            cut(row, LONGEST_VALUE);
        }
        notes.push(CUT.to_owned());
    }
    noted(reply.with("checkpoints", &shown), &notes)
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
            cut(run, LONGEST_VALUE);
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
    noted(reply.with("runs", &runs), &notes)
}
