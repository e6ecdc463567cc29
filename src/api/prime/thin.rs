//! Answers that grow with a run, made to fit: every n-th row, chosen columns, shortened values. A `note` in the answer
//! says what was left out and how to see it.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::Reply;
use crate::api::json::Object;
use crate::problems::list;

/// The size of an answer, in bytes of JSON. Hosts warn at about 40,000 characters.
pub const BUDGET: usize = 30_000;

/// Names a list of columns, so that a row with hundreds of them does not fill the answer by itself.
const MOST_NAMED: usize = 60;

/// The rows of `member`, if the answer has them.
fn rows<T: serde::de::DeserializeOwned>(reply: &Reply, member: &str) -> Option<Vec<T>> {
    reply.member(member)
}

/// What a value takes in the answer, in bytes, with its comma.
pub(super) fn size(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len() + 1)
}

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
    let sizes: Vec<usize> = rows.iter().map(size).collect();
    let every = fitting(&sizes, every.unwrap_or(1));
    if every == 1 && columns.is_empty() {
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
    let every = every.max(1);
    (every..=sizes.len().max(every))
        .find(fits)
        .unwrap_or(sizes.len().max(every))
}

/// Keeps the chosen columns, and those that say which row it is. Says so when one of them is nowhere.
fn choose(rows: &mut [Object], columns: &[String]) -> Option<String> {
    let mut known: Vec<String> = Vec::new();
    for row in &*rows {
        for name in row.names() {
            if !known.iter().any(|other| other == name) {
                known.push(name.to_owned());
            }
        }
    }
    let missing: Vec<&str> = columns
        .iter()
        .filter(|column| !known.contains(column))
        .map(String::as_str)
        .collect();
    let mut kept: Vec<&str> = vec!["step", "id"];
    kept.extend(columns.iter().map(String::as_str));
    for row in rows {
        row.keep(&kept);
    }
    (!missing.is_empty()).then(|| {
        let named = known.iter().take(MOST_NAMED).map(String::as_str);
        let more = known.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!(
            "no row has {}; there are: {}{more}",
            list(missing.into_iter()),
            list(named)
        )
    })
}

/// Samples of one step: the chosen columns, with long values cut until all of them fit, or else fewer samples.
#[must_use]
pub fn samples(reply: Reply, columns: &[String]) -> Reply {
    let Some(mut chosen) = rows::<Object>(&reply, "samples") else {
        return reply;
    };
    let mut notes = Vec::new();
    if !columns.is_empty() {
        notes.extend(choose(&mut chosen, columns));
    }
    if chosen.iter().map(size).sum::<usize>() <= BUDGET {
        let kept = if columns.is_empty() {
            reply
        } else {
            reply.with("samples", &chosen)
        };
        return noted(kept, &notes);
    }
    let Ok(whole) = serde_json::to_value(&chosen) else {
        return reply;
    };
    let whole = match whole {
        Value::Array(samples) => samples,
        _ => Vec::new(),
    };
    let mut shown = Vec::new();
    for longest in [8000, 4000, 2000, 1000, 500, 250, 100] {
        shown.clone_from(&whole);
        for sample in &mut shown {
            shorten(sample, longest);
        }
        if shown.iter().map(size).sum::<usize>() <= BUDGET {
            notes.push(format!(
                "values of over {longest} characters were cut (a smaller limit, or columns, show more of each)"
            ));
            return noted(reply.with("samples", &shown), &notes);
        }
    }
    let mut room = BUDGET;
    let fitting = shown.iter().take_while(|sample| {
        let left = room.checked_sub(size(sample));
        room = left.unwrap_or(0);
        left.is_some()
    });
    let count = fitting.count();
    shown.truncate(count);
    notes.push(format!(
        "{count} of the {} samples of this page, and values of over 100 characters were cut (a smaller limit, or columns, show more)",
        whole.len()
    ));
    noted(reply.with("samples", &shown), &notes)
}

/// The beginning of a text of over `longest` characters, and how much more there is; `None` for a shorter one.
pub(super) fn cut(text: &str, longest: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(longest)?;
    let (start, rest) = text.split_at(end);
    Some(format!("{start}… (+{} characters)", rest.chars().count()))
}

/// Cuts long texts and long lists at any depth.
fn shorten(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) => {
            if let Some(short) = cut(text, longest) {
                *text = short;
            }
        }
        Value::Array(items) => {
            // A number and its comma take about ten characters.
            let most = (longest / 10).max(4);
            let more = items.len().saturating_sub(most);
            if more > 0 && items.iter().all(|item| !item.is_object() && !item.is_array()) {
                items.truncate(most);
                items.push(format!("… (+{more} values)").into());
            }
            for item in items {
                shorten(item, longest);
            }
        }
        Value::Object(members) => members.values_mut().for_each(|member| shorten(member, longest)),
        _ => {}
    }
}

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
    let mut room = BUDGET;
    let fitting = newest.iter().take_while(|(_, _, size)| {
        let left = room.checked_sub(*size);
        room = left.unwrap_or(0);
        left.is_some()
    });
    let kept: Vec<usize> = fitting.map(|(at, _, _)| *at).collect();
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

fn noted(reply: Reply, notes: &[String]) -> Reply {
    if notes.is_empty() {
        return reply;
    }
    reply.with("note", &notes.join("; "))
}
