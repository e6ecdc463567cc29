//! What mistaken arguments were meant to be.
//!
//! A value in the wrong place, under another name or in another form is put right, so that the checks can look at it in
//! the same call: an answer that says where a value belongs, and only the next one that it is too large there, costs a turn.
//! All of it is still refused, but for an id whose name differs and whose kind does not.

use serde_json::{Map, Value};

use super::form::another_form;
use super::ids::Stranger;
use super::inside::{Step, steps};
use super::others::Others;
use super::rule::{Object, Rule};
use super::unknown::inside;
use crate::error::problems::{Path, Problems, list};

/// How long arguments may be for this, in bytes: to read them into values takes far longer than to check them.
const LONGEST: usize = 1 << 20;

/// What models write around all arguments.
const WRAPPERS: [&str; 14] = [
    "body",
    "arguments",
    "args",
    "params",
    "parameters",
    "input",
    "config",
    "recipe",
    "hyperparameters",
    "hyper_parameters",
    "training_args",
    "training_config",
    "options",
    "settings",
];

/// Arguments that were put right.
pub(super) struct Meant {
    /// The arguments, as JSON text.
    pub(super) text: String,
    /// What was wrong with them.
    pub(super) problems: Problems,
    /// What was taken as it was meant, as sentences.
    pub(super) taken: Vec<String>,
    pub(super) stranger: Option<Stranger>,
}

/// Puts right what it can of `raw`; `None` if that is nothing.
pub(super) fn meant(rule: &Rule, raw: &str, others: Option<Others>) -> Option<Meant> {
    let mut arguments = serde_json::from_str(Some(raw).filter(|raw| raw.len() <= LONGEST)?).ok()?;
    let mut mending = Mending {
        others,
        problems: Problems::default(),
        taken: Vec::new(),
        stranger: None,
        outward: Vec::new(),
    };
    mending.value(rule, &mut arguments, &Path::Root, &[]);
    let Mending {
        problems,
        taken,
        stranger,
        ..
    } = mending;
    (!problems.is_empty() || !taken.is_empty() || stranger.is_some()).then(|| Meant {
        text: arguments.to_string(),
        problems,
        taken,
        stranger,
    })
}

struct Mending {
    others: Option<Others>,
    problems: Problems,
    taken: Vec<String>,
    stranger: Option<Stranger>,
    /// Members on their way to an object further out: how deep that is, the member's name there, and the value.
    outward: Vec<(usize, String, Value)>,
}

impl Mending {
    /// Mends the value at `path`, which lies inside of the objects `above`.
    fn value(&mut self, rule: &Rule, value: &mut Value, path: &Path<'_>, above: &[&Object]) {
        if let (Rule::Object(_) | Rule::Array { .. }, Value::String(text)) = (rule, &*value)
            && text.trim_start().starts_with(['{', '['])
            && let Ok(inside) = serde_json::from_str(text)
        {
            *value = inside;
        }
        if let Some((form, problem)) = another_form(rule, value) {
            *value = form;
            // How it is written is said of the first one.
            let said = match path {
                Path::Index(_, 1..) => problem.split(": ").next().unwrap_or(&problem),
                _ => &problem,
            };
            self.problems.add(path, said);
        }
        match (rule, value) {
            (Rule::Object(object), Value::Object(members)) => self.object(object, members, path, above),
            (Rule::Array { items, .. }, Value::Array(values)) if !items.is_uniform() => {
                for (index, value) in values.iter_mut().enumerate() {
                    self.value(items, value, &path.index(index), above);
                }
            }
            _ => {}
        }
    }

    fn object(
        &mut self,
        object: &Object,
        members: &mut Map<String, Value>,
        path: &Path<'_>,
        above: &[&Object],
    ) {
        object.instead(members, path, &mut self.problems);
        self.nested(object, members, path);
        let unknown: Vec<String> = members
            .iter()
            .filter(|(name, value)| !value.is_null() && !object.knows(name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in unknown {
            for name in self.unwrapped(object, &name, members, path) {
                self.unknown(object, &name, members, path, above);
            }
        }
        let inside = [above, &[object]].concat();
        for (name, value) in members.iter_mut() {
            if let Some((name, rule)) = object.rule_of(name) {
                self.value(rule, value, &path.key(name), &inside);
            }
        }
        let (own, outward) = std::mem::take(&mut self.outward)
            .into_iter()
            .partition(|(depth, ..)| *depth == above.len());
        self.outward = outward;
        for (_, name, mut value) in own {
            if let Some(member) = object.member(&name).filter(|_| is_vacant(members, &name)) {
                self.value(&member.rule, &mut value, &path.key(&name), above);
                members.insert(name, value);
            }
        }
    }

    /// Takes what others nest to where it is here, and leaves out what has no place.
    fn nested(&mut self, object: &Object, members: &mut Map<String, Value>, path: &Path<'_>) {
        let ways = object.renamed.iter().filter_map(|(old, own)| {
            let (outer, rest) = old.split_once('.')?;
            matches!(members.get(outer), Some(Value::Object(_))).then_some((old, outer, rest, own))
        });
        let ways: Vec<(&String, &str, &str, &String)> = ways.collect();
        for (old, outer, rest, own) in &ways {
            let Some(value) = members.get_mut(*outer).and_then(|inner| taken(inner, rest)) else {
                continue;
            };
            self.problems.add(&path.key(old), format!("is called {own} here"));
            put(members, &steps(own), value);
        }
        for (_, outer, ..) in ways {
            let left = members.get(outer).map(leaves).unwrap_or_default();
            if object.member(outer).is_some() || members.shift_remove(outer).is_none() {
                continue;
            }
            if !left.is_empty() {
                let left = list(left.iter().map(String::as_str));
                let problem = format!("holds {left} as well, which has no counterpart here: leave it out");
                self.problems.add(&path.key(outer), problem);
            }
        }
    }

    fn unknown(
        &mut self,
        object: &Object,
        name: &str,
        members: &mut Map<String, Value>,
        path: &Path<'_>,
        above: &[&Object],
    ) {
        if let Some(id) = object.id_meant(name, |name| !is_vacant(members, name)) {
            self.taken.push(format!(
                "{} was taken for {id}, which is its name here.",
                path.key(name)
            ));
            renamed(members, name, id);
            return;
        }
        let others = self.others.filter(|_| matches!(path, Path::Root));
        let is_given = |name: &str| !is_vacant(members, name);
        if others.is_some_and(|others| object.ignores(name, is_given, others)) {
            return;
        }
        let value = members.get(name).cloned().unwrap_or_default();
        let place = object
            .place_of(name, |rule| rule.fits(&value))
            .or_else(|| object.likely(name));
        // An id that has a place of its own is not there in place of another one.
        if let (Path::Root, None, Some(id)) = (path, &place, object.id_of_another_kind(name))
            && let Value::String(value) = &value
            && is_vacant(members, id)
        {
            self.stranger = Some(Stranger {
                argument: id.to_owned(),
                id: value.clone(),
            });
        }
        // A name that is only spelt alike, and whose member cannot hold the value, was not meant.
        let place = place.filter(|place| match place.as_slice() {
            [Step::Member(own)] if !object.renamed.contains_key(name) => object
                .member(own)
                .is_none_or(|member| member.rule.may_fit(&value.to_string())),
            _ => true,
        });
        let Some(place) = place else {
            return self.further_out(name, members, path, above);
        };
        let problem = object
            .choice_at(&place, &value)
            .filter(|_| !place.ends_with(&[Step::Member(name.to_owned())]))
            .map_or_else(
                || {
                    object.unknown(
                        name,
                        path,
                        |rule| rule.fits(&value),
                        |name| !is_vacant(members, name),
                    )
                },
                |(holder, form)| {
                    let last = holder.rsplit('.').next().unwrap_or(&holder);
                    format!("is a member of {holder}: write {last}: {form}")
                },
            );
        if put(members, &place, value) {
            members.shift_remove(name);
            self.problems.add(&path.key(name), problem);
        }
    }

    /// The unknown names that stand for `name`: itself, or those in it, if all arguments were written into one object more,
    /// as models do that know other tools with a body.
    fn unwrapped(
        &mut self,
        object: &Object,
        name: &str,
        members: &mut Map<String, Value>,
        path: &Path<'_>,
    ) -> Vec<String> {
        let itself = || vec![name.to_owned()];
        if !matches!(path, Path::Root) || !WRAPPERS.contains(&name) {
            return itself();
        }
        let inner = match members.get(name) {
            Some(Value::Object(inner)) => inner.clone(),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Object(inner)) => inner,
                _ => return itself(),
            },
            _ => return itself(),
        };
        // An object of this name may be meant.
        if object.has_word_on(name) {
            return itself();
        }
        let is_meant = |(name, value): (&String, &Value)| {
            object.knows(name) || object.place_of(name, |rule| rule.fits(value)).is_some()
        };
        if !inner.iter().any(is_meant) {
            return itself();
        }
        let names = list(inner.keys().map(String::as_str));
        let own_place = if inner.len() == 1 {
            "an argument of its own"
        } else {
            "arguments of their own"
        };
        let problem = format!("does not belong here: write {names} as {own_place}, beside the others");
        self.problems.add(&path.key(name), problem);
        members.shift_remove(name);
        let mut unknown = Vec::new();
        for (name, value) in inner {
            if !is_vacant(members, &name) {
                continue;
            }
            if !object.knows(&name) && !value.is_null() {
                unknown.push(name.clone());
            }
            members.insert(name, value);
        }
        unknown
    }

    /// A member that one of the objects around this one has.
    fn further_out(
        &mut self,
        name: &str,
        members: &mut Map<String, Value>,
        path: &Path<'_>,
        above: &[&Object],
    ) {
        let Some(value) = members.get(name) else { return };
        let found = above.iter().enumerate().rev().find_map(|(depth, object)| {
            let member = object.member(object.own_name(name))?;
            member.rule.fits(value).then_some((depth, member.name.clone()))
        });
        let Some((depth, own)) = found else { return };
        let (around, beside) = around(path, depth);
        let place = inside(around, &own);
        let problem = if own == name {
            format!("belongs beside {beside}: write {place}")
        } else {
            format!("is called {own} here, and belongs beside {beside}: write {place}")
        };
        self.problems.add(&path.key(name), problem);
        if let Some(value) = members.shift_remove(name) {
            self.outward.push((depth, own, value));
        }
    }
}

/// The object of this depth among those that lead to `path`, and its member on the way.
fn around<'a>(path: &'a Path<'a>, depth: usize) -> (&'a Path<'a>, &'a str) {
    let mut inner = path;
    loop {
        match inner {
            Path::Key(outer, name) if outer.depth() == depth => return (outer, name),
            Path::Key(outer, _) | Path::Index(outer, _) | Path::Line(outer, _) => inner = outer,
            Path::Root => return (inner, ""),
        }
    }
}

/// Takes out what lies at the end of this way, and each object that has nothing else in it.
fn taken(value: &mut Value, way: &str) -> Option<Value> {
    let members = value.as_object_mut()?;
    let Some((name, rest)) = way.split_once('.') else {
        return members.shift_remove(way).filter(|value| !value.is_null());
    };
    let inner = members.get_mut(name)?;
    let found = taken(inner, rest)?;
    if inner.as_object().is_some_and(Map::is_empty) {
        members.shift_remove(name);
    }
    Some(found)
}

/// The ways to all that is no object.
fn leaves(value: &Value) -> Vec<String> {
    let Value::Object(members) = value else {
        return vec![String::new()];
    };
    let inner = members.iter().flat_map(|(name, value)| {
        leaves(value).into_iter().map(move |way| match way.as_str() {
            "" => name.clone(),
            way => format!("{name}.{way}"),
        })
    });
    inner.collect()
}

fn is_vacant(members: &Map<String, Value>, name: &str) -> bool {
    members.get(name).is_none_or(Value::is_null)
}

fn renamed(members: &mut Map<String, Value>, name: &str, own: &str) {
    if let Some(value) = members.shift_remove(name) {
        members.insert(own.to_owned(), value);
    }
}

/// Puts a value where it belongs, unless something is there.
fn put(members: &mut Map<String, Value>, place: &[Step], value: Value) -> bool {
    match place {
        [Step::Member(name)] if is_vacant(members, name) => {
            members.insert(name.clone(), value);
            true
        }
        [Step::Member(name), Step::First, rest @ ..] => {
            let entries = members.entry(name.clone()).or_insert(Value::Null);
            if entries.is_null() {
                *entries = Value::Array(vec![Value::Object(Map::new())]);
            }
            match entries.as_array_mut().map(Vec::as_mut_slice) {
                Some([Value::Object(entry)]) => put(entry, rest, value),
                _ => false,
            }
        }
        [Step::Member(name), rest @ ..] => {
            let inner = members.entry(name.clone()).or_insert(Value::Null);
            if inner.is_null() {
                *inner = Value::Object(Map::new());
            }
            inner.as_object_mut().is_some_and(|inner| put(inner, rest, value))
        }
        _ => false,
    }
}
