//! Lists that grow with a run or with an account.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{BUDGET, how_many_fit, noted, rows, size};
use crate::api::Reply;
use crate::api::json::Object;

/// Of long lists of steps, the first few and the newest.
#[must_use]
pub fn progress(mut reply: Reply) -> Reply {
    const FIRST: usize = 5;
    const NEWEST: usize = 45;
    let mut notes = Vec::new();
    for member in ["stepsWithSamples", "stepsWithDistributions"] {
        let Some(mut steps) = rows::<Box<RawValue>>(&reply, member) else {
            continue;
        };
        let count = steps.len();
        if count > FIRST + NEWEST {
            steps.drain(FIRST..count - NEWEST);
            reply = reply.with(member, &steps);
            notes.push(format!(
                "{member}: the first {FIRST} and the last {NEWEST} of {count}"
            ));
        }
    }
    noted(reply, &notes)
}

/// The newest checkpoints that fit.
#[must_use]
pub fn checkpoints(reply: Reply) -> Reply {
    let Some(rows) = rows::<Object>(&reply, "checkpoints") else {
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
    newest.sort_by_key(|(at, step, _)| std::cmp::Reverse((*step, *at)));
    let fitting = how_many_fit(BUDGET, newest.iter().map(|(_, _, size)| *size));
    let kept: HashSet<usize> = newest.iter().take(fitting).map(|(at, _, _)| *at).collect();
    let count = rows.len();
    if kept.len() == count {
        return reply;
    }
    let mut index = 0..;
    let mut shown = rows;
    shown.retain(|_| index.next().is_some_and(|at| kept.contains(&at)));
    let note = format!(
        "the {} newest of {count} checkpoints (status_filter narrows the list)",
        shown.len()
    );
    noted(reply.with("checkpoints", &shown), &[note])
}

/// Runs without their configs, when the page is too long with them.
#[must_use]
pub fn runs(reply: Reply) -> Reply {
    const CONFIGS: [&str; 4] = ["runConfig", "evalConfig", "valConfig", "bufferConfig"];
    if reply.text().len() <= BUDGET {
        return reply;
    }
    let Some(mut runs) = rows::<Object>(&reply, "runs") else {
        return reply;
    };
    for run in &mut runs {
        for config in CONFIGS {
            run.remove(config);
        }
    }
    let note = "the configs of the runs were left out: prime-intellect-getrun shows one".to_owned();
    noted(reply.with("runs", &runs), &[note])
}
