//! Rows with many columns.

use std::collections::{HashMap, HashSet};

use super::{fitting, size};
use crate::error::problems::list;
use crate::json::Object;

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

/// What tells most about a run, the most telling first, as parts of names.
const TELLING: [&str; 8] = [
    "reward",
    "loss",
    "entropy",
    "kl",
    "grad_norm",
    "len",
    "eval",
    LEARNING_RATE,
];
/// How many columns show how a run goes.
const MAIN: usize = 5;
/// A whole name behind the slashes: as a part it is in many words.
const LEARNING_RATE: &str = "lr";

/// Columns that are not shown.
#[derive(Default)]
pub(super) struct LeftOut {
    pub(super) names: Vec<String>,
    /// Those of them that would tell most if they changed, each with its one value.
    pub(super) constant: Vec<String>,
}

/// Keeps the columns that show how a run goes, and those that say which row it is; returns the others.
pub(super) fn main(rows: &mut [Object]) -> LeftOut {
    let known = columns_of(rows);
    let constants = constants(rows);
    let mut kept = telling(&known, |name| !constants.contains_key(name));
    if kept.is_empty() {
        kept = telling(&known, |_| true);
    }
    if kept.is_empty() {
        let names = known.iter().map(String::as_str).filter(|name| !says_which(name));
        kept.extend(names.take(MAIN));
    }
    let constant: Vec<String> = known
        .iter()
        .filter(|name| !kept.contains(name.as_str()) && TELLING.iter().any(|part| tells(name, part)))
        .filter_map(|name| Some(format!("{name} {}", constants.get(name)?)))
        .collect();
    for row in rows {
        row.retain(|name| kept.contains(name) || says_which(name));
    }
    let left_out = known
        .iter()
        .filter(|name| !kept.contains(name.as_str()) && !says_which(name));
    LeftOut {
        names: left_out.cloned().collect(),
        constant,
    }
}

/// The columns that tell most, of those that count.
fn telling(known: &[String], counts: impl Fn(&str) -> bool) -> HashSet<&str> {
    let mut kept: HashSet<&str> = HashSet::new();
    for part in TELLING {
        let telling = known
            .iter()
            .map(String::as_str)
            .filter(|name| tells(name, part) && counts(name));
        // A mean rather than its bounds, of everything rather than of a part.
        let best = telling.min_by_key(|name| {
            let is_mean = *name == part || name.contains("mean");
            (!is_mean, name.matches('/').count(), name.len())
        });
        if kept.len() < MAIN {
            kept.extend(best);
        }
    }
    kept
}

fn tells(name: &str, part: &str) -> bool {
    if part == LEARNING_RATE {
        name.rsplit('/').next() == Some(part)
    } else {
        name.contains(part)
    }
}

/// From where to where the entropy of a policy falls that has collapsed: from something to nothing.
const ALIVE: f64 = 0.1;
const DEAD: f64 = 0.01;

/// What is to be said of a run whose entropy has fallen to nothing: nothing else shows it, and such a run ends as COMPLETED.
pub(super) fn collapse(rows: &[Object]) -> Option<String> {
    let known = columns_of(rows);
    let entropies = known.iter().filter(|name| name.contains("entropy"));
    let name = entropies.min_by_key(|name| (!name.contains("mean"), name.len()))?;
    let mut values = rows
        .iter()
        .filter_map(|row| serde_json::from_str::<f64>(row.get(name)?.get()).ok());
    let (first, last) = (values.next()?, values.next_back()?);
    (first > ALIVE && last < DEAD).then(|| {
        format!(
            "{name} fell from {first:.2} to {last:.4}: the policy has collapsed onto few texts, mostly from too high a learning rate"
        )
    })
}

/// The columns that have the same value in all rows, of which there are several.
fn constants(rows: &[Object]) -> HashMap<String, String> {
    let [first, rest @ ..] = rows else {
        return HashMap::new();
    };
    let mut constants: HashMap<String, String> = first
        .members()
        .map(|(name, value)| (name.to_owned(), value.get().to_owned()))
        .collect();
    for row in rest {
        let values: HashMap<&str, &str> = row.members().map(|(name, value)| (name, value.get())).collect();
        constants.retain(|name, value| values.get(name.as_str()) == Some(&value.as_str()));
    }
    if rest.is_empty() {
        constants.clear();
    }
    constants
}

/// Whether a column says which row it is.
fn says_which(name: &str) -> bool {
    matches!(name, "step" | "id") || name.ends_with("_id")
}

/// Of rows wider than `most` bytes, keeps the first columns that fit.
pub(super) fn narrow(rows: &mut [Object], most: usize) -> Option<String> {
    let measured = rows.iter().map(|row| (size(row), row));
    let (_, widest) = measured
        .max_by_key(|(size, _)| *size)
        .filter(|(size, _)| *size > most)?;
    let sizes = widest
        .members()
        .map(|(name, value)| size(&name) + value.get().len() + 1);
    let places = fitting(most, sizes);
    let names = widest.names().enumerate();
    let kept: HashSet<String> = names
        .filter(|(place, _)| places.contains(place))
        .map(|(_, name)| name.to_owned())
        .collect();
    let mut left_out = columns_of(rows);
    left_out.retain(|name| !kept.contains(name));
    for row in rows {
        row.retain(|name| kept.contains(name));
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
    // A name that a column has is that column's alone; with a slash at its end it is the group's.
    let is_column: HashSet<&str> = known.iter().map(String::as_str).collect();
    let chosen: HashSet<&str> = columns.iter().map(|name| name.trim_end_matches('/')).collect();
    let grouped: HashSet<&str> = columns
        .iter()
        .filter(|name| name.ends_with('/') || !is_column.contains(name.as_str()))
        .map(|name| name.trim_end_matches('/'))
        .collect();
    let longest = columns.iter().map(String::len).max().unwrap_or(0);
    // What a name belongs to: itself, and what stands before each slash in it.
    let groups = |name: &str| {
        let slashes = name.match_indices('/').map(|(place, _)| place);
        let ends = slashes.take_while(|end| *end <= longest).chain([name.len()]);
        let groups = ends.filter_map(|end| {
            let part = name.get(..end)?;
            let wanted = if part == name { &chosen } else { &grouped };
            wanted.get(part).copied()
        });
        groups.collect::<Vec<&str>>()
    };
    let found: HashSet<&str> = known.iter().flat_map(|name| groups(name)).collect();
    let missing: Vec<&str> = columns
        .iter()
        .map(String::as_str)
        .filter(|column| !found.contains(column.trim_end_matches('/')))
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
    for row in rows {
        row.retain(|name| !groups(name).is_empty() || says_which(name));
    }
    Ok(note)
}
