//! Lists that grow with a run or with an account.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::values::cut;
use super::{BUDGET, fitting, keep_at, noted, size};
use crate::api::Reply;
use crate::api::json::Object;

/// To how many characters the values of long runs are cut.
const LONGEST_VALUE: usize = 300;

/// Of long lists of steps, the first few and the newest.
#[must_use]
pub fn progress(mut reply: Reply) -> Reply {
    const FIRST: usize = 5;
    const NEWEST: usize = 45;
    let mut notes = Vec::new();
    for member in ["stepsWithSamples", "stepsWithDistributions"] {
        let Some(mut steps) = reply.member::<Vec<Box<RawValue>>>(member) else {
            continue;
        };
        let count = steps.len();
        if count <= FIRST + NEWEST {
            continue;
        }
        let numbers: Option<Vec<i64>> = steps.iter().map(|step| step.get().parse().ok()).collect();
        let spacing = numbers.as_deref().and_then(even);
        let between = spacing.map_or_else(String::new, |by| format!(", all of them {by} apart"));
        steps.drain(FIRST..count - NEWEST);
        reply = reply.with(member, &steps);
        notes.push(format!(
            "{member}: the first {FIRST} and the last {NEWEST} of {count}{between}"
        ));
    }
    noted(reply, &notes)
}

/// The distance between all neighbours, if it is the same everywhere.
fn even(steps: &[i64]) -> Option<i64> {
    let mut distances = steps.iter().zip(steps.iter().skip(1)).map(|(a, b)| b - a);
    let first = distances.next()?;
    distances.all(|distance| distance == first).then_some(first)
}

/// The newest checkpoints that fit.
#[must_use]
pub fn checkpoints(reply: Reply) -> Reply {
    let Some(rows) = reply.member::<Vec<Object>>("checkpoints") else {
        return reply;
    };
    let step = |row: &Object| {
        let step = row.get("step").map_or("", RawValue::get);
        step.trim_matches('"').parse::<u64>().unwrap_or(0)
    };
    let mut newest: Vec<(usize, u64, usize)> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| (at, step(row), size(row)))
        .collect();
    let count = newest.len();
    newest.sort_by_key(|(at, step, _)| std::cmp::Reverse((*step, *at)));
    let fitting = fitting(BUDGET, newest.iter().map(|(_, _, size)| *size));
    keep_at(&mut newest, &fitting);
    let kept: HashSet<usize> = newest.iter().map(|(at, _, _)| *at).collect();
    if kept.len() == count {
        return reply;
    }
    let mut shown = rows;
    keep_at(&mut shown, &kept);
    let note = format!(
        "the {} newest of {count} checkpoints (status_filter narrows the list)",
        shown.len()
    );
    noted(reply.with("checkpoints", &shown), &[note])
}

/// A page of runs: if it is too long, without their configs, and then with long values cut or fewer runs.
#[must_use]
pub fn runs(reply: Reply) -> Reply {
    const CONFIGS: [&str; 4] = ["runConfig", "evalConfig", "valConfig", "bufferConfig"];
    if reply.text().len() <= BUDGET {
        return reply;
    }
    let Some(mut runs) = reply.member::<Vec<Object>>("runs") else {
        return super::bounded(reply);
    };
    for run in &mut runs {
        run.retain(|name| !CONFIGS.contains(&name));
    }
    let mut notes =
        vec!["the configs of the runs were left out: prime-intellect-getrun shows one".to_owned()];
    if runs.iter().map(size).sum::<usize>() > BUDGET {
        for run in &mut runs {
            cut(run, LONGEST_VALUE);
        }
        notes.push(format!(
            "values of over {LONGEST_VALUE} characters were cut in the middle"
        ));
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
