//! Rows with many columns.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{fitting, keep_at, size};
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

/// Of rows wider than `most` bytes, keeps the first columns that fit.
pub(super) fn narrow(rows: &mut [Object], most: usize) -> Option<String> {
    let widest = rows.iter().max_by_key(size).filter(|row| size(row) > most)?;
    let sizes = widest
        .names()
        .map(|name| size(&name) + widest.get(name).map_or("", RawValue::get).len() + 1);
    let places = fitting(most, sizes);
    let mut kept: Vec<String> = widest.names().map(str::to_owned).collect();
    keep_at(&mut kept, &places);
    let mut left_out = columns_of(rows);
    left_out.retain(|name| !kept.contains(name));
    for row in rows {
        row.retain(|name| kept.iter().any(|kept| kept == name));
    }
    Some(format!(
        "{} columns were left out (columns chooses them): {}",
        left_out.len(),
        some(&left_out)
    ))
}

/// Keeps the chosen columns, and those that say which row it is. A column also stands for a group: `reward` for
/// `reward/mean`. Says so when one of them is nowhere; it is an error when none is anywhere.
pub(super) fn choose(rows: &mut [Object], columns: &[String]) -> Result<Option<String>, String> {
    let known = columns_of(rows);
    let stands_for = |column: &str, name: &str| {
        let rest = name.strip_prefix(column);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_known = |column: &&String| known.iter().any(|name| stands_for(column, name));
    let missing: Vec<&str> = columns
        .iter()
        .filter(|column| !is_known(column))
        .map(String::as_str)
        .collect();
    let note = (!missing.is_empty() && !rows.is_empty()).then(|| {
        let missing = list(missing.iter().copied());
        format!("no row has {missing}; there are: {}", some(&known))
    });
    if missing.len() == columns.len()
        && let Some(note) = note
    {
        return Err(note);
    }
    let chosen = |name: &str| columns.iter().any(|column| stands_for(column, name));
    for row in rows {
        row.retain(|name| chosen(name) || matches!(name, "step" | "id") || name.ends_with("_id"));
    }
    Ok(note)
}
