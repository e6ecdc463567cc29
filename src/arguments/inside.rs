//! What lies inside of an object: where a name belongs that stands further out.

use serde_json::Value;

use super::rule::{Object, Rule};
use super::unknown::is_near;

/// A step on the way from an object to one of its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To a member.
    Member(String),
    /// To the first entry of a list.
    First,
}

/// Where a name means something further in.
pub(super) struct Deeper {
    /// The object there.
    pub(super) holder: String,
    /// What is to be said of the name there.
    pub(super) said: String,
    /// The member that is meant, if one is.
    pub(super) own: Option<String>,
}

impl Object {
    /// The object inside that has a sentence for an old name, or one level below a member of nearly this name.
    pub(super) fn meant_deeper(&self, name: &str) -> Option<Deeper> {
        let inner = || self.inner("").into_iter();
        let near_old = || {
            inner().find_map(|(holder, object)| {
                let old = object.retired.keys().find(|old| is_near(name, old))?;
                object.said_of(old, &holder)
            })
        };
        let near = || {
            inner().find_map(|(holder, object)| {
                let mut members = object.members.iter().map(|member| &member.name);
                let near = members.find(|known| is_near(name, known))?;
                Some(Deeper {
                    holder,
                    said: format!("is called {near}"),
                    own: Some(near.clone()),
                })
            })
        };
        self.deeper(name).or_else(near_old).or_else(near)
    }

    /// The object inside, however deep, that has a sentence for this very name.
    pub(super) fn deeper(&self, name: &str) -> Option<Deeper> {
        let mut level = self.inner("");
        while !level.is_empty() {
            let said = |(holder, object): &(String, &Self)| object.said_of(name, holder);
            let mut known = level.iter().filter_map(said);
            if let Some(mut first) = known.next() {
                // Which of those that say the same is meant, the rest of the call decides.
                for other in known.collect::<Vec<_>>() {
                    if first.own.is_some() || other.said != first.said {
                        continue;
                    }
                    first.holder = format!("{} or {}", first.holder, other.holder);
                }
                return Some(first);
            }
            level = level.iter().flat_map(|(at, object)| object.inner(at)).collect();
        }
        None
    }

    /// What this object, which is `holder`, has to say of an old name.
    fn said_of(&self, old: &str, holder: &str) -> Option<Deeper> {
        Some(Deeper {
            holder: holder.to_owned(),
            said: self.retired.get(old)?.clone(),
            own: self.first_of(old).map(str::to_owned),
        })
    }

    /// The places inside this object, such as `body.samples[0]`, that know the name, of those that are least deep.
    pub(super) fn holders(&self, name: &str) -> Vec<String> {
        let mut level: Vec<(String, &Self)> = vec![(String::new(), self)];
        while !level.is_empty() {
            level = level.iter().flat_map(|(at, object)| object.inner(at)).collect();
            let holds = |object: &Self| object.members.iter().any(|member| member.name == name);
            let holders = level.iter().filter(|(_, object)| holds(object));
            let found: Vec<String> = holders.map(|(at, _)| at.clone()).collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// The same; of several none, if something less deep has a word on the name.
    pub(super) fn nearest_holders(&self, name: &str) -> Vec<String> {
        let depth = |place: &str| place.split('.').count();
        let holders = self.holders(name);
        if holders.len() == 1 {
            return holders;
        }
        let word = self.deeper(name).map(|word| depth(&word.holder));
        let is_first = |holder: &String| word.is_none_or(|word| depth(holder) <= word);
        holders.into_iter().filter(is_first).collect()
    }

    /// The rule at this place further in.
    pub(super) fn rule_at(&self, place: &[Step]) -> Option<&Rule> {
        let (first, rest) = place.split_first()?;
        let Step::Member(name) = first else { return None };
        let mut rule = &self.member(name)?.rule;
        for step in rest {
            rule = match (step, rule) {
                (Step::Member(name), Rule::Object(object)) => &object.member(name)?.rule,
                (Step::First, Rule::Array { items, .. }) => items,
                _ => return None,
            };
        }
        Some(rule)
    }

    /// The object at this place further in and how to write it with `value`, if that is one of the values that there are a few of.
    pub(super) fn choice_at(&self, place: &[Step], value: &Value) -> Option<(String, String)> {
        let (Step::Member(leaf), outer) = place.split_last()? else {
            return None;
        };
        let mut object = self;
        let mut holder = Vec::new();
        for step in outer {
            let Step::Member(name) = step else { return None };
            let Rule::Object(inner) = &object.member(name)?.rule else {
                return None;
            };
            object = inner;
            holder.push(name.as_str());
        }
        let Rule::Text(text) = &object.member(leaf)?.rule else {
            return None;
        };
        let own = text.wire_form(value.as_str()?).filter(|_| !holder.is_empty())?;
        Some((holder.join("."), format!("{{\"{leaf}\": \"{own}\"}}")))
    }

    /// The objects that are members of this one, which is at `at`, or entries of a member.
    pub(super) fn inner<'a>(&'a self, at: &str) -> Vec<(String, &'a Self)> {
        let inner = self.members.iter().filter_map(|member| {
            let mut at = match at {
                "" => member.name.clone(),
                outer => format!("{outer}.{}", member.name),
            };
            let mut rule = &member.rule;
            while let Rule::Array { items, .. } = rule {
                at.push_str("[0]");
                rule = items;
            }
            match rule {
                Rule::Object(object) => Some((at, object)),
                _ => None,
            }
        });
        inner.collect()
    }
}

/// The steps of a path such as `chunks[0].encoded_text`.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let steps = path.split('.').flat_map(|part| {
        let name = part.trim_end_matches("[0]");
        let firsts = part.len().saturating_sub(name.len()) / "[0]".len();
        let firsts = std::iter::repeat_with(|| Step::First).take(firsts);
        std::iter::once(Step::Member(name.to_owned())).chain(firsts)
    });
    steps.collect()
}
