//! Long values inside of an answer.

use serde_json::Value;

use super::{BUDGET, noted, size};
use crate::context::Reply;
use crate::json::Object;

/// To how many characters values are cut, until they fit.
const CUTS: [usize; 7] = [8000, 4000, 2000, 1000, 500, 250, SHORTEST];
const SHORTEST: usize = 100;

/// Cuts the values of all rows alike, as little as lets the rows fit into `room` bytes. Returns to how many characters.
pub(super) fn cut_to_fit(rows: &mut Vec<Value>, room: usize) -> usize {
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
pub(super) fn cut(row: &mut Object, longest: usize) {
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
    noted(
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
