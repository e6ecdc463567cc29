//! What all tools together take, for what one of them says about an argument that belongs to another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Entry;
use crate::arguments::Rule;
use crate::arguments::schema::ALIASES;
use crate::spec::{Service, Toolset};

/// The names of all arguments, in every spelling.
pub(crate) fn arguments(tools: &[Entry]) -> BTreeSet<String> {
    let names = |schema: &Value, of: &str| -> Vec<String> {
        let members = schema.get(of).and_then(Value::as_object);
        members
            .into_iter()
            .flat_map(|members| members.keys().cloned())
            .collect()
    };
    let all = tools.iter().map(Entry::schema);
    all.flat_map(|schema| [names(&schema, "properties"), names(&schema, ALIASES)].concat())
        .chain(["body_path".to_owned()])
        .collect()
}

/// The places of numbers in bodies, each with the tool and the path, if no other tool has it. Names of other kinds mean too
/// many things.
pub(crate) fn homes(tools: &[Entry]) -> BTreeMap<String, Option<String>> {
    let mut homes: BTreeMap<String, Option<String>> = BTreeMap::new();
    // A recipe has all of them, for a whole run.
    let stepwise = tools.iter().filter(|entry| {
        entry.spec.service == Some(Service::Together) && entry.spec.toolset != Some(Toolset::Train)
    });
    for entry in stepwise.clone() {
        for (name, place) in Rule::new(&entry.schema()).numbers() {
            let home = format!("{}: {place}", entry.spec.name);
            let known = homes.entry(name).or_insert_with(|| Some(home.clone()));
            if !known.as_ref().is_some_and(|known| is_of(known, entry)) {
                *known = None;
            }
        }
    }
    // Where another tool has a word on the name as well, it means that too.
    for entry in stepwise {
        for name in Rule::new(&entry.schema()).old_names() {
            if let Some(home) = homes.get_mut(name)
                && !home.as_ref().is_some_and(|home| is_of(home, entry))
            {
                *home = None;
            }
        }
    }
    homes
}

/// Whether a place is one of this tool's.
fn is_of(home: &str, entry: &Entry) -> bool {
    home.split_once(':')
        .is_some_and(|(tool, _)| tool == entry.spec.name)
}

/// What the tools take as their bodies, by the tools' names.
pub(crate) fn bodies(tools: &[Entry]) -> BTreeMap<&'static str, Rule> {
    let bodies = tools
        .iter()
        .filter_map(|entry| Some((entry.spec.name, Rule::new(&entry.schema()).into_member("body")?)));
    bodies.collect()
}
