//! The pass over the arguments: what is wrong with them, and their plain form as it is written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Others;
use super::place::Place;
use super::rule::{Member, Object, Rule};
use crate::error::problems::{Path, Problems};

/// The pass so far. It only looks, or it also writes the plain form: arguments that are plain already, as most are,
/// are not written again.
pub(super) struct Reader {
    plain: Option<Vec<u8>>,
    pub(super) changed: bool,
    pub(super) problems: Problems,
    /// Arguments that no tool has.
    pub(super) ignored: Vec<String>,
    /// Whether a member is given twice.
    pub(super) has_twice: bool,
    /// What other tools take; `None` where nothing is ignored.
    others: Option<Others>,
}

impl Reader {
    /// A pass that only looks.
    pub(super) fn looking(others: Option<Others>, problems: Problems) -> Self {
        Self {
            plain: None,
            changed: false,
            problems,
            ignored: Vec::new(),
            has_twice: false,
            others,
        }
    }

    /// A pass that writes the plain form, of about `capacity` bytes.
    pub(super) fn writing(capacity: usize, others: Option<Others>, problems: Problems) -> Self {
        Self {
            plain: Some(Vec::with_capacity(capacity)),
            ..Self::looking(others, problems)
        }
    }

    /// Whether the plain form is another text than what was read, or there are problems.
    pub(super) fn differs(&self) -> bool {
        self.changed || !self.problems.is_empty()
    }

    /// The plain form, if it was written.
    pub(super) fn take_plain(&mut self) -> Vec<u8> {
        self.plain.take().unwrap_or_default()
    }

    pub(super) const fn seed<'a>(&'a mut self, rule: &'a Rule, path: Path<'a>) -> Place<'a> {
        Place {
            reader: self,
            rule,
            path,
        }
    }

    /// Puts an empty value, or the first one of several, where a required argument of the tool is missing, so that the Rust type can be made
    /// and the tool's own rules can be applied to the rest. The call fails all the same.
    pub(super) fn stand_in(&mut self, arguments: &Object, seen: &Seen) {
        for Member { name, rule, .. } in arguments.members.iter().filter(|member| member.required) {
            if seen.get(name).is_some_and(|outcome| outcome.is_written()) {
                continue;
            }
            match rule {
                Rule::Object(_) => {
                    self.name(name);
                    self.push(b"{}");
                }
                Rule::Text(text) => {
                    self.name(name);
                    self.write(text.values.first().map_or("", String::as_str));
                }
                _ => {}
            }
        }
    }

    /// Reports names that the object at `path` does not know, or lets them pass.
    pub(super) fn note_unknown(
        &mut self,
        object: &Object,
        unknown: Vec<(String, &RawValue)>,
        seen: &Seen,
        path: &Path<'_>,
    ) {
        let mut has_listed = false;
        for (name, value) in unknown {
            let others = self.others.filter(|_| matches!(path, Path::Root));
            let is_given = |name: &str| seen.contains_key(name);
            if others.is_some_and(|others| object.ignores(&name, is_given, others)) {
                self.changed = true;
                self.ignored.push(name);
                continue;
            }
            let message = if self.problems.is_full() {
                String::new()
            } else {
                self.home_of(object, &name, path).unwrap_or_else(|| {
                    object.unknown(&name, path, |rule| rule.may_fit(value.get()), is_given)
                })
            };
            // All names are listed once: they are the same for each.
            let lists = message == object.known();
            let message = if lists && has_listed {
                "is not known here either: leave it out".to_owned()
            } else {
                message
            };
            has_listed |= lists;
            self.problems.add(&path.key(&name), message);
        }
    }

    /// What to say about a name of which only another tool has a word.
    fn home_of(&self, object: &Object, name: &str, path: &Path<'_>) -> Option<String> {
        let others = self.others.filter(|_| !object.has_word_on(name))?;
        if let Some(home) = (others.home)(name) {
            return Some(format!("is not known here: it belongs to {home}"));
        }
        // Further in a name means something of the part in which it stands.
        match path {
            Path::Root => others.word_on(name, object),
            // Further in a name means something of the part in which it stands.
            path if path.depth() == 1 => others.wish(name),
            _ => None,
        }
    }

    /// Begins a member of an object.
    pub(super) fn name(&mut self, name: &str) {
        if self.plain.as_ref().is_some_and(|plain| !plain.ends_with(b"{")) {
            self.push(b",");
        }
        self.write(name);
        self.push(b":");
    }

    /// Where the plain form stands, to come back to with [`Reader::drop_from`].
    pub(super) fn position(&self) -> usize {
        self.plain.as_ref().map_or(0, Vec::len)
    }

    /// Takes back what was written since `position`, as it is not part of the plain form.
    pub(super) fn drop_from(&mut self, position: usize) {
        self.changed = true;
        if let Some(plain) = &mut self.plain {
            plain.truncate(position);
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Some(plain) = &mut self.plain {
            plain.extend_from_slice(bytes);
        }
    }

    /// Writes a list of numbers as it was read, without spaces.
    pub(super) fn push_numbers(&mut self, list: &str) {
        if let Some(plain) = &mut self.plain {
            plain.extend(list.bytes().filter(|byte| *byte != b' '));
        }
    }

    /// Writes a value as it was read.
    pub(super) fn write(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        if let Some(plain) = &mut self.plain {
            // Numbers and text always serialize; if they did not, reading the plain form would report the gap.
            let _ = serde_json::to_writer(plain, value);
        }
    }

    /// Writes a value in another form than it was read.
    pub(super) fn write_changed(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        self.changed = true;
        self.write(value);
    }
}

/// The members of an object so far, and what became of each.
pub(super) type Seen = BTreeMap<String, Outcome>;

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is part of the plain form.
    Written,
    /// The same, and it is empty text.
    Empty,
    /// It was empty text where there can be none; nothing was written or noted.
    Blank,
    /// It was `null`; nothing was written.
    Null,
    /// It cannot be used and the problem is noted; nothing was written.
    Unusable,
}

impl Outcome {
    pub(super) const fn is_written(self) -> bool {
        matches!(self, Self::Written | Self::Empty)
    }

    /// Reports that there is nothing where there must be something.
    pub(super) fn absent(self, place: Place<'_>) {
        match self {
            Self::Null => place.unexpected("null"),
            Self::Blank => place.unexpected("empty text"),
            outcome => outcome,
        };
    }
}
