//! The schema dialect of [`super::schema`] in the form in which it is enforced.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::instead::Instead;
use crate::arguments::schema::{
    ALIASES, ANY, BELOW, EITHER, FILED, HINT, INSTEAD, KEEPS_EMPTY, NAMES, OTHERS, RENAMED, RETIRED,
};
use crate::error::problems::list;

/// What stands between members of which an old name may mean each.
pub(super) const OR: char = '|';

/// What one place in the arguments may hold.
pub(crate) enum Rule {
    /// An object.
    Object(Object),
    /// A list.
    Array {
        /// What each element may be.
        items: Box<Rule>,
        /// How many elements there are at least.
        least: usize,
        /// How to write it, for those who wrote something else.
        hint: Option<String>,
        /// Whether its entries are names, which may also come as one text with commas.
        names: bool,
    },
    /// Text.
    Text(Text),
    /// A number.
    Number(Number),
    /// `true` or `false`.
    Boolean,
    /// A value of one of several kinds.
    Either {
        /// The kinds; the first one that a value may be is the one that it is held to.
        rules: Vec<Rule>,
        /// How to write it, for those who wrote something else.
        hint: Option<String>,
    },
    /// Anything; it is passed on as it came.
    Any,
}

/// An object's members.
pub(crate) struct Object {
    /// The known members.
    pub members: Vec<Member>,
    /// What members of other names may hold; `None`: there are no others.
    pub others: Option<Box<Rule>>,
    /// How to write one, for those who wrote something else.
    pub hint: Option<String>,
    /// Names that earlier versions of the API had, with a sentence that names the successor.
    pub retired: BTreeMap<String, String>,
    /// Those of them that mean a member of today, each with its name; of several, which [`OR`] divides, the first one that may
    /// hold the value. An old name with dots is the way to a value inside of what others nest.
    pub renamed: BTreeMap<String, String>,
    /// Other spellings of members, each with the member's own name.
    pub aliases: BTreeMap<String, String>,
    /// Whether empty text is a value; otherwise it counts as absent.
    pub keeps_empty: bool,
    /// What is written into it by those who should make the call in another way.
    pub instead: Option<Instead>,
}

/// One known member.
pub(crate) struct Member {
    /// Its name.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it counts as an empty object where it is absent, as nothing in it must be there.
    pub implied: bool,
    /// What it may hold.
    pub rule: Rule,
}

/// Text, free or one of several values.
pub(crate) struct Text {
    /// The values, in their long wire form; empty: any text.
    pub values: Vec<String>,
    /// How many characters there are at least and at most.
    pub length: (usize, usize),
    /// Values of earlier versions, with a sentence that names the successor.
    pub retired: BTreeMap<String, String>,
    /// Those of them that mean a value of today.
    pub renamed: BTreeMap<String, String>,
    /// What to write, for those who wrote something else.
    pub hint: Option<String>,
    /// Whether it is the id of an operation, which the name of a file may hold.
    pub filed: bool,
}

/// A number's range.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    /// Whether it must be whole.
    pub whole: bool,
    /// The smallest value, included.
    pub minimum: Option<f64>,
    /// The largest value, included.
    pub maximum: Option<f64>,
    /// The bound that it stays below.
    pub below: Option<f64>,
}

impl Rule {
    /// Whether it is an object with a known member of this name.
    #[must_use]
    pub(crate) fn has_member(&self, name: &str) -> bool {
        matches!(self, Self::Object(object) if object.members.iter().any(|member| member.name == name))
    }

    /// The rule of a member, if it is an object that has it.
    #[must_use]
    pub(crate) fn into_member(self, name: &str) -> Option<Self> {
        let Self::Object(object) = self else { return None };
        let member = object.members.into_iter().find(|member| member.name == name)?;
        Some(member.rule)
    }

    /// Whether an object of just these members may be meant for it: it has them all, and they are all that must be there.
    #[must_use]
    pub(crate) fn takes_all<'a>(&self, names: impl Iterator<Item = &'a str>) -> bool {
        let Self::Object(object) = self else { return false };
        let names: Vec<&str> = names.collect();
        let mut required = object.members.iter().filter(|member| member.required);
        !names.is_empty()
            && names.iter().all(|name| object.member(name).is_some())
            && required.all(|member| names.contains(&member.name.as_str()))
    }

    /// The name that the object which is this member has for one of its own, in whatever spelling.
    #[must_use]
    pub(crate) fn inner_name<'a>(&'a self, member: &str, name: &'a str) -> Option<&'a str> {
        let Self::Object(object) = self else { return None };
        let member = object.members.iter().find(|known| known.name == member)?;
        let Self::Object(inner) = &member.rule else {
            return None;
        };
        let name = inner.aliases.get(name).map_or(name, String::as_str);
        let known = inner.members.iter().find(|known| known.name == name)?;
        Some(&known.name)
    }

    /// Whether it may hold a value of this kind.
    #[must_use]
    pub(crate) fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Object(_) => value.is_object(),
            Self::Array { .. } => value.is_array(),
            Self::Text(_) => value.is_string(),
            Self::Number(_) => value.is_number() || value.is_string(),
            Self::Boolean => value.is_boolean() || value.is_string(),
            Self::Either { rules, .. } => rules.iter().any(|rule| rule.fits(value)),
            Self::Any => true,
        }
    }

    /// The same of JSON text, by what it and its lists begin with. Hosts write values of other kinds as text.
    #[must_use]
    pub(crate) fn may_fit(&self, raw: &str) -> bool {
        let raw = raw.trim_start();
        let begins = |kinds: &[char]| raw.starts_with(kinds) || raw.starts_with('"');
        match self {
            Self::Object(_) => begins(&['{']),
            Self::Array { items, .. } => match raw.strip_prefix('[') {
                // A number in a list of texts would be the id of a token.
                Some(inside) if matches!(**items, Self::Text(_)) => {
                    inside.trim_start().starts_with(['"', ']'])
                }
                Some(inside) => inside.trim_start().starts_with(']') || items.may_fit(inside),
                None => begins(&[]),
            },
            Self::Text(text) => {
                raw.starts_with('"') || (text.values.is_empty() && !raw.starts_with(['[', '{', 't', 'f']))
            }
            Self::Number(_) => begins(&['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']),
            Self::Boolean => begins(&['t', 'f']),
            Self::Either { rules, .. } => rules.iter().any(|rule| rule.may_fit(raw)),
            Self::Any => true,
        }
    }

    /// Whether it is an object of known members, none of which must be there.
    fn may_be_empty(&self) -> bool {
        let Self::Object(object) = self else { return false };
        !object.members.is_empty() && !object.members.iter().any(|member| member.required)
    }

    /// Reads a schema of the plain dialect.
    #[must_use]
    pub(crate) fn new(schema: &Value) -> Self {
        let Value::Object(schema) = schema else {
            return Self::Any;
        };
        if schema.contains_key(ANY) {
            return Self::Any;
        }
        let hint = || schema.get(HINT).and_then(Value::as_str).map(str::to_owned);
        if let Some(Value::Array(rules)) = schema.get(EITHER) {
            return Self::Either {
                rules: rules.iter().map(Self::new).collect(),
                hint: hint(),
            };
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => Self::Object(Object::new(schema)),
            Some("array") => Self::Array {
                items: Box::new(schema.get("items").map_or(Self::Any, Self::new)),
                least: size(schema, "minItems").unwrap_or(0),
                hint: hint(),
                names: schema.contains_key(NAMES),
            },
            Some("string") => Self::Text(Text {
                values: strings(schema.get("enum")),
                length: (
                    size(schema, "minLength").unwrap_or(0),
                    size(schema, "maxLength").unwrap_or(usize::MAX),
                ),
                retired: sentences(schema),
                renamed: renamed(schema),
                hint: schema.get(HINT).and_then(Value::as_str).map(str::to_owned),
                filed: schema.contains_key(FILED),
            }),
            Some(kind @ ("integer" | "number")) => {
                let bound = |name| schema.get(name).and_then(Value::as_f64);
                Self::Number(Number {
                    whole: kind == "integer",
                    minimum: bound("minimum"),
                    maximum: bound("maximum"),
                    below: bound(BELOW),
                })
            }
            Some("boolean") => Self::Boolean,
            _ => Self::Any,
        }
    }

    /// Whether it is a single value, or lists of such: a mistake in one is likely one in all.
    #[must_use]
    pub(crate) fn is_uniform(&self) -> bool {
        match self {
            Self::Array { items, .. } => items.is_uniform(),
            rule => matches!(rule, Self::Text(_) | Self::Number(_) | Self::Boolean),
        }
    }

    /// What is expected and how it is written, for messages.
    #[must_use]
    pub(crate) fn wanted(&self) -> String {
        match self {
            Self::Either { hint: Some(hint), .. } => hint.clone(),
            Self::Object(Object { hint: Some(hint), .. })
            | Self::Array { hint: Some(hint), .. }
            | Self::Text(Text { hint: Some(hint), .. }) => {
                format!("{}: {hint}", self.expected())
            }
            Self::Array { items, .. } => match &**items {
                Self::Array { hint: Some(hint), .. } => format!("a list of lists: {hint}"),
                Self::Text(Text { hint: Some(hint), .. }) => format!("a list of texts: {hint}"),
                _ => self.expected().to_owned(),
            },
            Self::Object(object) if object.members.iter().any(|member| member.required) => {
                format!("an object, at least {}", self.least())
            }
            Self::Text(Text { values, .. }) if !values.is_empty() => {
                format!("one of {}", list(values.iter().map(String::as_str)))
            }
            // What comes next is to be right: 30 for a text that said 30 minutes would be below the least.
            Self::Number(number) => match (number.minimum, number.maximum) {
                (Some(least), Some(most)) => format!("{} from {least} to {most}", self.expected()),
                (Some(least), None) => format!("{} of at least {least}", self.expected()),
                (None, Some(most)) => format!("{} of at most {most}", self.expected()),
                (None, None) => self.expected().to_owned(),
            },
            _ => self.expected().to_owned(),
        }
    }

    /// What must be there, in the form of JSON.
    fn least(&self) -> String {
        match self {
            Self::Object(object) => {
                let required = object.members.iter().filter(|member| member.required);
                let members: Vec<String> = required
                    .map(|Member { name, rule, .. }| format!("\"{name}\": {}", rule.least()))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
            Self::Array { .. } => "[…]".to_owned(),
            Self::Text(_) => "\"…\"".to_owned(),
            Self::Number(_) | Self::Boolean | Self::Either { .. } | Self::Any => "…".to_owned(),
        }
    }

    /// What is expected, in a word or two.
    #[must_use]
    pub(crate) const fn expected(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::Array { .. } => "a list",
            Self::Text(_) => "text",
            Self::Number(Number { whole: true, .. }) => "a whole number",
            Self::Number(_) => "a number",
            Self::Boolean => "true or false",
            Self::Either { .. } => "a value of another kind",
            Self::Any => "a value",
        }
    }
}

impl Object {
    fn new(schema: &Map<String, Value>) -> Self {
        let required = strings(schema.get("required"));
        let properties = schema.get("properties").and_then(Value::as_object);
        let members = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                let rule = Rule::new(schema);
                let must_be_there = required.contains(name);
                let implied = must_be_there && rule.may_be_empty();
                Member {
                    name: name.clone(),
                    required: must_be_there && !implied,
                    implied,
                    rule,
                }
            })
            .collect();
        let others = match schema.get(OTHERS) {
            Some(others) => Some(Box::new(Rule::new(others))),
            // An object without listed members is an open one.
            None => properties.is_none().then(|| Box::new(Rule::Any)),
        };
        Self {
            members,
            others,
            hint: schema.get(HINT).and_then(Value::as_str).map(str::to_owned),
            retired: sentences(schema),
            renamed: renamed(schema),
            aliases: texts(schema, ALIASES),
            keeps_empty: schema.contains_key(KEEPS_EMPTY),
            instead: schema.get(INSTEAD).map(Instead::new),
        }
    }
}

impl Number {
    /// What is wrong with `value`, if anything.
    #[must_use]
    pub(crate) fn objection(self, value: f64) -> Option<String> {
        let wrong = self.minimum.is_some_and(|least| value < least)
            || self.maximum.is_some_and(|most| value > most)
            || self.below.is_some_and(|bound| value >= bound);
        wrong.then(|| {
            let bounds = [
                self.minimum.map(|bound| format!("at least {bound}")),
                self.maximum.map(|bound| format!("at most {bound}")),
                self.below.map(|bound| format!("below {bound}")),
            ];
            let bounds: Vec<String> = bounds.into_iter().flatten().collect();
            format!("is {value}, but must be {}", bounds.join(" and "))
        })
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

fn size(schema: &Map<String, Value>, name: &str) -> Option<usize> {
    schema
        .get(name)
        .and_then(Value::as_u64)
        .and_then(|size| usize::try_from(size).ok())
}

/// The names or values of other versions, each with its successor; of a value that is among those of this place.
fn renamed(schema: &Map<String, Value>) -> BTreeMap<String, String> {
    let values = strings(schema.get("enum"));
    let mut renamed = texts(schema, RENAMED);
    renamed.retain(|_, own| values.is_empty() || values.contains(own));
    renamed
}

/// What to say about each name or value of other versions.
fn sentences(schema: &Map<String, Value>) -> BTreeMap<String, String> {
    let are_values = schema.contains_key("enum");
    let mut sentences: BTreeMap<String, String> = renamed(schema)
        .into_iter()
        .map(|(old, own)| {
            let sentence = if are_values {
                format!("must be \"{own}\", as that value is called here")
            } else {
                format!("is called {} here", own.replace(OR, " or "))
            };
            (old, sentence)
        })
        .collect();
    sentences.extend(texts(schema, RETIRED));
    sentences
}

/// A private member that gives a text for each name.
fn texts(schema: &Map<String, Value>, private: &str) -> BTreeMap<String, String> {
    schema
        .get(private)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect()
}
