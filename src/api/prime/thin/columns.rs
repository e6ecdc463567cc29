//! Rows with many columns.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{BUDGET, how_many_fit, size};
use crate::api::json::Object;
use crate::problems::list;

/// How many columns are named where hundreds could be.
const MOST_NAMED: usize = 60;

/// The columns of all rows, in the order in which they first appear.
pub(super) fn columns_of(rows: &[Object]) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = rows.iter().flat_map(Object::names);
    names
        .filter(|name| seen.insert(*name))
        .map(str::to_owned)
        .collect()
}

/// The first names of a long list.
pub(super) fn some(names: &[String]) -> String {
    let first = list(names.iter().take(MOST_NAMED).map(String::as_str));
    match names.len().saturating_sub(MOST_NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Of rows so wide that only a few would fit, keeps the first columns.
pub(super) fn narrow(rows: &mut [Object]) -> Option<String> {
    const WIDEST: usize = BUDGET / 10;
    let widest = rows.iter().max_by_key(size).filter(|row| size(row) > WIDEST)?;
    let sizes = widest
        .names()
        .map(|name| size(&name) + widest.get(name).map_or("", RawValue::get).len() + 1);
    let count = how_many_fit(WIDEST, sizes);
    let kept: Vec<String> = widest.names().take(count).map(str::to_owned).collect();
    let mut left_out = columns_of(rows);
    left_out.retain(|name| !kept.contains(name));
    keep(rows, &kept);
    Some(format!(
        "{} columns were left out (columns chooses them): {}",
        left_out.len(),
        some(&left_out)
    ))
}

/// Keeps these columns, and those that say which row it is.
fn keep(rows: &mut [Object], columns: &[String]) {
    let names = ["step", "id"].into_iter();
    let kept: Vec<&str> = names.chain(columns.iter().map(String::as_str)).collect();
    for row in rows {
        row.keep(&kept);
    }
}

/// Keeps the chosen columns. Says so when one of them is nowhere.
pub(super) fn choose(rows: &mut [Object], columns: &[String]) -> Option<String> {
    let known = columns_of(rows);
    let missing = columns.iter().filter(|column| !known.contains(column));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    keep(rows, columns);
    (!missing.is_empty()).then(|| {
        format!(
            "no row has {}; there are: {}",
            list(missing.into_iter()),
            some(&known)
        )
    })
}
