//! What other tools take: an argument in the wrong call names the right one.

use std::collections::BTreeMap;

use super::rule::{Member, Object, Rule};
use super::wishes::{WAIT_SECONDS, waiting, wish};
use crate::spec::{Effect, Service, Spec};

/// What the other tools take.
#[derive(Clone, Copy)]
pub(crate) struct Others {
    /// Whether the call may start what bills, or end something: an argument that it does not know may be a wish not to.
    pub strict: bool,
    /// Whether one of them has an argument of this name.
    pub take: fn(&str) -> bool,
    /// The tool that alone takes a member of this name somewhere, and where.
    pub home: fn(&str) -> Option<&'static str>,
    /// What each tool takes as its body.
    pub bodies: fn() -> &'static BTreeMap<&'static str, Rule>,
    /// The tool that the arguments are for, if it asks Together AI for something: what it does not do, another one does.
    pub asking: Option<&'static Spec>,
}

impl Others {
    /// What the tool of this row makes of them.
    #[must_use]
    pub(crate) fn of(self, spec: &'static Spec) -> Self {
        Self {
            strict: matches!(spec.effect, Effect::Add | Effect::Destroy { .. }),
            // The places of one service mean nothing to the other.
            home: if spec.service == Some(Service::Prime) {
                |_| None
            } else {
                self.home
            },
            asking: Some(spec).filter(|spec| spec.service == Some(Service::Together) && !spec.is_local()),
            ..self
        }
    }

    pub(super) fn know(self, name: &str) -> bool {
        (self.take)(name) || (self.home)(name).is_some() || self.wish(name).is_some()
    }

    /// What to say about a name by which somebody wants what another tool does.
    pub(super) fn wish(self, name: &str) -> Option<String> {
        wish(self.asking?, name)
    }

    /// The same, and of what an argument of these says in another way.
    pub(super) fn word_on(self, name: &str, arguments: &Object) -> Option<String> {
        let waits = arguments.member(WAIT_SECONDS).is_some();
        let waiting = || waiting(name).filter(|_| waits);
        self.wish(name).or_else(waiting)
    }
}

impl Rule {
    /// The numbers inside the parts of this, in every spelling, each with its place.
    pub(crate) fn numbers(&self) -> Vec<(String, String)> {
        let mut numbers = Vec::new();
        for (at, object) in self.parts() {
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
        numbers
    }

    /// The names of other versions and services that a part of this has a word on.
    pub(crate) fn old_names(&self) -> impl Iterator<Item = &str> {
        let parts = self.parts().into_iter();
        parts.flat_map(|(_, object)| object.retired.keys().map(String::as_str))
    }

    /// The objects inside of this, each with its place.
    fn parts(&self) -> Vec<(String, &Object)> {
        let Self::Object(object) = self else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        let mut level = object.inner("");
        while !level.is_empty() {
            let next = level.iter().flat_map(|(at, object)| object.inner(at)).collect();
            parts.append(&mut level);
            level = next;
        }
        parts
    }
}
