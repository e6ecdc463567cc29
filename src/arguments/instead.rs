//! Calls that should be made in another way: what they are made of is told that once, and nothing else is missing then.

use serde_json::{Map, Value};

use super::rule::{Object, Rule};
use crate::error::problems::{Path, Problems, list};

/// What is written into an object by those who should make the call in another way.
pub(crate) struct Instead {
    names: Vec<String>,
    list: String,
    entries: Vec<String>,
    excuses: Vec<String>,
    way: String,
}

impl Instead {
    /// Reads the mark of a schema.
    pub(super) fn new(mark: &Value) -> Self {
        let text = |name: &str| mark.get(name).and_then(Value::as_str).unwrap_or_default();
        let texts = |name: &str| {
            let texts = mark.get(name).and_then(Value::as_array).into_iter().flatten();
            texts.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            names: texts("names"),
            list: text("list").to_owned(),
            entries: texts("entries"),
            excuses: texts("excuses"),
            way: text("way").to_owned(),
        }
    }

    /// Whether this is what the list of this object is made of.
    fn means(&self, list: &Value) -> bool {
        let is_text = |value: &Value| matches!(value, Value::String(text) if !text.trim_start().starts_with(['{', '[']));
        let is_entry = |entry: &Value| {
            let has = |name: &String| entry.get(name).is_some_and(|value| !value.is_null());
            is_text(entry) || self.entries.iter().any(has)
        };
        match list {
            Value::Array(entries) => entries.iter().any(is_entry),
            Value::Object(_) => is_entry(list),
            list => is_text(list) && list != "",
        }
    }

    fn report(&self, path: &Path<'_>, problems: &mut Problems) {
        problems.excuse(&self.excuses);
        problems.add(path, &*self.way);
    }
}

impl Object {
    /// The other way to make a call, if a member of this name asks for it: it belongs to this object, or to one of its own.
    pub(super) fn way_of(&self, name: &str) -> Option<&str> {
        let of = |instead: &'_ Option<Instead>| {
            instead
                .as_ref()
                .is_some_and(|it| it.names.iter().any(|own| own == name))
        };
        let inner = self.members.iter().filter_map(|member| match &member.rule {
            Rule::Object(inner) => Some(inner),
            _ => None,
        });
        let mut all = std::iter::once(self).chain(inner);
        let object = all.find(|object| of(&object.instead))?;
        object.instead.as_ref().map(|instead| instead.way.as_str())
    }

    /// Takes out of the members at `path` what the call should not be made of, and says how it should.
    pub(super) fn instead(&self, members: &mut Map<String, Value>, path: &Path<'_>, problems: &mut Problems) {
        if let Some(instead) = &self.instead {
            if let Some(list) = members.get(&instead.list)
                && instead.means(list)
            {
                members.shift_remove(&instead.list);
                instead.report(&path.key(&instead.list), problems);
            }
            self.taken(
                instead,
                members.contains_key(&instead.list),
                members,
                path,
                problems,
            );
        }
        for member in &self.members {
            let Rule::Object(Self {
                instead: Some(instead),
                ..
            }) = &member.rule
            else {
                continue;
            };
            let inner = members.get(&member.name);
            let has_list = inner.is_some_and(|inner| inner.get(&instead.list).is_some());
            self.taken(instead, has_list, members, path, problems);
        }
    }

    fn taken(
        &self,
        instead: &Instead,
        has_list: bool,
        members: &mut Map<String, Value>,
        path: &Path<'_>,
        problems: &mut Problems,
    ) {
        let is_meant = |name: &&String| {
            let is_given = members.get(*name).is_some_and(|value| !value.is_null());
            is_given && !has_list && !self.knows(name)
        };
        let names: Vec<String> = instead.names.iter().filter(is_meant).cloned().collect();
        if names.is_empty() {
            return;
        }
        for name in &names {
            members.shift_remove(name);
        }
        let paths: Vec<String> = names.iter().map(|name| path.key(name).to_string()).collect();
        let paths = list(paths.iter().map(String::as_str));
        instead.report(&Path::Root.key(&paths), problems);
    }
}
