//! What other tools take: an argument in the wrong call names the right one.

use std::collections::BTreeMap;

use super::rule::{Member, Rule};

/// What the other tools take.
#[derive(Clone, Copy)]
pub(crate) struct Others {
    /// Whether one of them has an argument of this name.
    pub take: fn(&str) -> bool,
    /// The tool that alone takes a member of this name somewhere, and where.
    pub home: fn(&str) -> Option<&'static str>,
    /// What each tool takes as its body.
    pub bodies: fn() -> &'static BTreeMap<&'static str, Rule>,
}

impl Others {
    pub(super) fn know(self, name: &str) -> bool {
        (self.take)(name) || (self.home)(name).is_some()
    }
}

impl Rule {
    /// The numbers inside the parts of this, in every spelling, each with its place.
    pub(crate) fn numbers(&self) -> Vec<(String, String)> {
        let Self::Object(object) = self else {
            return Vec::new();
        };
        let mut level = object.inner("");
        let mut numbers = Vec::new();
        while !level.is_empty() {
            for (at, object) in &level {
                let own = object.members.iter().map(|member| (&member.name, &member.name));
                for (name, own) in own.chain(&object.renamed) {
                    if matches!(
                        object.member(own),
                        Some(Member {
                            rule: Self::Number(_),
                            ..
                        })
                    ) {
                        numbers.push((name.clone(), format!("{at}.{own}")));
                    }
                }
            }
            level = level.iter().flat_map(|(at, object)| object.inner(at)).collect();
        }
        numbers
    }
}
