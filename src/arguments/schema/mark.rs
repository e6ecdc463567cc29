//! What types say about their schemas beyond the dialect, as transforms that schemars applies. The argument checks
//! read it; no client sees it.

use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::input_schema;

pub(crate) const RETIRED: &str = "x-retired";
pub(crate) const RENAMED: &str = "x-renamed";
pub(crate) const HINT: &str = "x-hint";
pub(crate) const ALIASES: &str = "x-aliases";
pub(crate) const KEEPS_EMPTY: &str = "x-keeps-empty";
pub(crate) const OTHERS: &str = "x-others";
pub(crate) const BELOW: &str = "x-below";
/// Marks a value of which the published schema names only the usual kind, as the dialect has no words for all; its type
/// reads it as it came.
pub(crate) const ANY: &str = "x-any";
/// Marks a list of names, in which no comma is part of one.
pub(crate) const NAMES: &str = "x-names";
/// Marks a value of one of several kinds, told apart by what it begins with, as the dialect has no words for that either.
pub(crate) const EITHER: &str = "x-either";
/// Marks the id of an operation, or a list of such, in whose place the name of its file may stand.
pub(crate) const FILED: &str = "x-filed";
pub(crate) const UNLISTED: &str = "x-unlisted";
/// What a call is made of that should be made in another way.
pub(crate) const INSTEAD: &str = "x-instead";
pub(super) const PLAIN: &str = "x-plain";
pub(super) const BRIEF: &str = "x-brief";

fn texts(pairs: &[(&str, &str)]) -> Value {
    let pairs = pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Value::from(*text)));
    Value::Object(pairs.collect())
}

/// Members that are gone, each with what to say about it.
pub(crate) fn retired(members: &'static [(&'static str, &'static str)]) -> impl FnMut(&mut Schema) {
    |schema| drop(schema.insert(RETIRED.to_owned(), texts(members)))
}

/// Names and values of other versions or services, each with the one that it has here. What is only called otherwise today
/// needs no entry in [`retired`].
pub(crate) fn renamed(names: &'static [(&'static str, &'static str)]) -> impl FnMut(&mut Schema) {
    |schema| drop(schema.insert(RENAMED.to_owned(), texts(names)))
}

/// Other spellings of members, each with the member that it stands for.
pub(crate) fn aliases(members: &'static [(&'static str, &'static str)]) -> impl FnMut(&mut Schema) {
    |schema| drop(schema.insert(ALIASES.to_owned(), texts(members)))
}

/// What somebody writes into the body of a call who should make it in another way.
pub(crate) struct Instead {
    /// Members of the body, or beside it.
    pub names: &'static [&'static str],
    /// The member in which they say nothing new, if it is there.
    pub list: &'static str,
    /// Members of the entries of that list, which may be plain text as well.
    pub entries: &'static [&'static str],
    /// What need not be there then: paths in the arguments.
    pub excuses: &'static [&'static str],
    /// The other way.
    pub way: &'static str,
}

/// Says the other way to make the call, once for all that is written of it.
pub(crate) fn instead(instead: &'static Instead) -> impl FnMut(&mut Schema) {
    |schema| {
        let Instead {
            names,
            list,
            entries,
            excuses,
            way,
        } = instead;
        let mark = json!({"names": names, "list": list, "entries": entries, "excuses": excuses, "way": way});
        drop(schema.insert(INSTEAD.to_owned(), mark));
    }
}

/// How to write an object, for those who wrote something else.
pub(crate) fn hint(text: impl Into<String>) -> impl FnMut(&mut Schema) {
    let text = Value::from(text.into());
    move |schema| drop(schema.insert(HINT.to_owned(), text.clone()))
}

/// The bound that a number stays below, for which not every host has a word; the description says it.
pub(crate) fn below(bound: u32) -> impl FnMut(&mut Schema) {
    move |schema| drop(schema.insert(BELOW.to_owned(), bound.into()))
}

/// What members of other names hold. Converters to the dialects of other vendors refuse a schema for them, so the
/// published one lists names alone.
pub(crate) fn others<T: JsonSchema>(schema: &mut Schema) {
    schema.insert(OTHERS.to_owned(), input_schema::<T>());
}

/// An object in which empty text is a value of its own; elsewhere it counts as absent.
pub(crate) fn keeps_empty(schema: &mut Schema) {
    schema.insert(KEEPS_EMPTY.to_owned(), true.into());
}

/// A list of names or ids, which may also come as one text with commas.
pub(crate) fn names(schema: &mut Schema) {
    schema.insert(NAMES.to_owned(), true.into());
}

/// The id of an operation, or a list of them, in whose place the name of a file that was kept of it counts too.
pub(crate) fn filed(schema: &mut Schema) {
    match schema.get_mut("items").and_then(Value::as_object_mut) {
        Some(items) => drop(items.insert(FILED.to_owned(), true.into())),
        None => drop(schema.insert(FILED.to_owned(), true.into())),
    }
}

/// A member that is accepted but not offered: it tells the service nothing new, and every conversation pays for what is
/// listed.
pub(crate) fn unlisted(schema: &mut Schema) {
    schema.insert(UNLISTED.to_owned(), true.into());
}

/// A member whose name says everything: its description is for readers of the code alone.
pub(crate) fn plain(schema: &mut Schema) {
    schema.insert(PLAIN.to_owned(), true.into());
}

/// A member whose description says in the published schema what its parts are.
pub(crate) fn brief(schema: &mut Schema) {
    schema.insert(BRIEF.to_owned(), true.into());
}

/// A member whose own members were described shortly before: every conversation pays for every description.
pub(crate) fn undescribed(schema: &mut Schema) {
    members(schema).for_each(drop_descriptions);
}

fn members(schema: &mut Schema) -> impl Iterator<Item = &mut Value> {
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    members.into_iter().flat_map(Map::values_mut)
}

/// At any depth. A member may itself be called `description`; then it holds a schema, not text.
fn drop_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            map.values_mut().for_each(drop_descriptions);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_descriptions),
        _ => {}
    }
}
