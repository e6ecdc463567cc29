//! The samples of one step.

use serde_json::Value;

use super::columns::{choose, columns_of, some};
use super::{BUDGET, cut, how_many_fit, noted, rows, size};
use crate::api::Reply;
use crate::api::json::Object;

/// To how many characters values are cut, until all samples fit.
const CUTS: [usize; 7] = [8000, 4000, 2000, 1000, 500, 250, 100];

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
    let Ok(Value::Array(whole)) = serde_json::to_value(&chosen) else {
        return reply;
    };
    let mut shown = Vec::new();
    let mut shortest = 0;
    for longest in CUTS {
        shown.clone_from(&whole);
        for sample in &mut shown {
            shorten(sample, longest);
        }
        shortest = longest;
        if shown.iter().map(size).sum::<usize>() <= BUDGET {
            break;
        }
    }
    let count = how_many_fit(BUDGET, shown.iter().map(size));
    if count < shown.len() {
        notes.push(format!("{count} of the {} samples of this page", shown.len()));
        shown.truncate(count);
    }
    if count == 0 {
        notes.push(format!("columns are: {}", some(&columns_of(&chosen))));
    }
    notes.push(format!(
        "values of over {shortest} characters were cut (a smaller limit, or columns, show more of each)"
    ));
    noted(reply.with("samples", &shown), &notes)
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
