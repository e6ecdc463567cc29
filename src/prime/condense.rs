//! Answers that grow with a run, made to fit: every n-th row, chosen columns, shortened values, the newest part of a
//! list. A `note` in the answer says what was left out and how to see it.

mod columns;
#[cfg(feature = "text")]
mod drawn;
mod lists;
mod metrics;

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use crate::context::Reply;
use crate::error::ToolError;
use crate::json::Object;
use crate::work;

#[cfg(feature = "text")]
pub(crate) use drawn::drawn;
pub(crate) use lists::{checkpoints, progress, runs, samples};
pub(crate) use metrics::{Wanted, metrics};

/// The size of an answer to who asks for much, in bytes of JSON. Hosts warn at about 40,000 characters.
pub(crate) const BUDGET: usize = 30_000;
/// The size of an answer to who asks how it goes: it is asked often, and all answers stay in the conversation.
pub(crate) const SHORT: usize = BUDGET / 10;

/// Makes an answer fit: a large one where that holds up nobody.
pub(crate) async fn fit(
    reply: Reply,
    work: impl FnOnce(Reply) -> Reply + Send + 'static,
) -> Result<Reply, ToolError> {
    work::over(reply.text().len(), move || work(reply)).await
}

/// What a value takes in the answer, in bytes, with its comma.
pub(super) fn size(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len() + 1)
}

/// Which things of these sizes fit into `room` bytes, the first ones first.
fn fitting(mut room: usize, sizes: impl Iterator<Item = usize>) -> HashSet<usize> {
    let mut kept = HashSet::new();
    for (at, size) in sizes.enumerate() {
        if let Some(left) = room.checked_sub(size) {
            room = left;
            kept.insert(at);
        }
    }
    kept
}

/// Keeps what stands at these places.
fn keep_at<T>(things: &mut Vec<T>, places: &HashSet<usize>) {
    let mut at = 0..;
    things.retain(|_| at.next().is_some_and(|at| places.contains(&at)));
}

/// The beginning of a text of over `longest` characters, and how much more there is; `None` for a shorter one.
pub(super) fn shortened(text: &str, longest: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(longest)?;
    let (start, rest) = text.split_at(end);
    Some(format!("{start}… (+{} characters)", rest.chars().count()))
}

fn with_notes(reply: Reply, notes: &[String]) -> Reply {
    if notes.is_empty() {
        return reply;
    }
    reply.noted(&notes.join("; "))
}

/// To how many characters values are cut, until they fit.
const CUTS: [usize; 7] = [8000, 4000, 2000, 1000, 500, 250, SHORTEST];
const SHORTEST: usize = 100;

/// Cuts the values of all rows alike, as little as lets the rows fit into `room` bytes. Returns to how many characters.
fn cut_to_fit(rows: &mut Vec<Value>, room: usize) -> usize {
    let whole = rows.clone();
    for longest in CUTS {
        rows.clone_from(&whole);
        for row in &mut *rows {
            shorten(row, longest);
        }
        if rows.iter().map(size).sum::<usize>() <= room {
            return longest;
        }
    }
    SHORTEST
}

/// Cuts the values of one row.
fn shorten_row(row: &mut Object, longest: usize) {
    let Ok(mut value) = serde_json::to_value(&*row) else {
        return;
    };
    shorten(&mut value, longest);
    if let Ok(short) = serde_json::from_str(&value.to_string()) {
        *row = short;
    }
}

/// An answer of one thing, with long values cut if it would be too long.
#[must_use]
pub(crate) fn bounded(reply: Reply) -> Reply {
    if reply.text().len() <= BUDGET {
        return reply;
    }
    let Ok(value) = serde_json::from_str::<Value>(reply.text()) else {
        return reply;
    };
    let mut rows = vec![value];
    let longest = cut_to_fit(&mut rows, BUDGET);
    let text = rows.first().map(Value::to_string).unwrap_or_default();
    with_notes(
        Reply::new(text),
        &[format!(
            "values of over {longest} characters were cut in the middle"
        )],
    )
}

/// Cuts long texts and long lists at any depth; their beginnings and ends stay.
fn shorten(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) => {
            if let Some(short) = cut_middle(text, longest) {
                *text = short;
            }
        }
        Value::Array(items) => {
            // A number and its comma take about ten characters; something with members far more.
            let is_plain = items.iter().all(|item| !item.is_object() && !item.is_array());
            let most = (longest / if is_plain { 10 } else { 100 }).max(4);
            let more = items.len().saturating_sub(most);
            if more > 0 {
                let first = most / 2;
                items.splice(first..first + more, [format!("… (+{more} values) …").into()]);
            }
            for item in items {
                shorten(item, longest);
            }
        }
        Value::Object(members) => members.values_mut().for_each(|member| shorten(member, longest)),
        _ => {}
    }
}

/// The two ends of a text of over `longest` characters; `None` for a shorter one.
fn cut_middle(text: &str, longest: usize) -> Option<String> {
    let more = text
        .chars()
        .count()
        .checked_sub(longest)
        .filter(|more| *more > 0)?;
    let start: String = text.chars().take(longest / 2).collect();
    let end: String = text.chars().skip(longest / 2 + more).collect();
    Some(format!("{start} … (+{more} characters) … {end}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::assert_linear;

    fn wide(bytes: usize) -> String {
        let members: Vec<String> = (0..bytes / 16)
            .map(|n| format!("\"m/{n:06}\":{}", n % 10))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// One row after the other, the first of which fits into no answer.
    fn long(bytes: usize) -> String {
        let rows: Vec<String> = (0..bytes / 16).map(|n| format!("{{\"m/a\":{n}}}")).collect();
        let first = format!("{{\"m/a\":\"{}\"}}", "a b ".repeat(BUDGET));
        format!("{first},{}", rows.join(","))
    }

    #[test]
    fn what_a_run_writes_takes_time_in_proportion() {
        let columns: Vec<String> = (0..300).map(|n| format!("m/{n:06}")).collect();
        for (what, chosen) in [
            ("all", Vec::new()),
            ("a group", vec!["m".to_owned()]),
            ("many", columns),
        ] {
            let wanted = Wanted {
                columns: chosen,
                ..Wanted::default()
            };
            let made = |rows: String, name: &str| Reply::new(format!("{{\"{name}\":[{rows}]}}"));
            assert_linear(what, |bytes| {
                drop(metrics(made(wide(bytes), "metrics"), &wanted));
            });
            assert_linear(what, |bytes| {
                drop(samples(made(wide(bytes), "samples"), &wanted.columns, BUDGET));
            });
            assert_linear(what, |bytes| {
                drop(metrics(made(long(bytes), "metrics"), &wanted));
            });
        }
        let steps = |bytes: usize| {
            (0..bytes / 8)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_linear("steps", |bytes| {
            drop(progress(Reply::new(format!(
                "{{\"stepsWithSamples\":[{}]}}",
                steps(bytes)
            ))));
        });
        assert_linear("a name with many slashes", |bytes| {
            let row = format!(
                "{{\"metrics\":[{{\"{}\":1,\"step\":2}}]}}",
                "/a".repeat(bytes / 2)
            );
            let wanted = Wanted {
                columns: vec!["b".to_owned()],
                ..Wanted::default()
            };
            drop(metrics(Reply::new(row), &wanted));
        });
    }
}
