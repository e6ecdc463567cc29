//! Ids under the names of other tools: taken as they are meant where the kind is the same.

use super::rule::{Object, Rule, Text};
use super::unknown::OF_HOSTS;
use crate::spec::ID_KINDS;

/// An id of another kind than the one that is required.
pub(crate) struct Stranger {
    /// The argument that is missing.
    pub argument: String,
    /// The id that was given.
    pub id: String,
}

impl Object {
    /// The id that is required here, not given, and meant by this name: another one for an id of that kind.
    pub(super) fn id_meant(&self, name: &str, is_given: impl Fn(&str) -> bool) -> Option<&str> {
        let mut missing = self.required_ids().filter(|id| !is_given(id));
        let (id, None) = (missing.next()?, missing.next()) else {
            return None;
        };
        (names_id(name) && !OF_HOSTS.contains(&name) && is_of_kind(name, id)).then_some(id)
    }

    /// The id that is required here, in place of one that names something else.
    pub(super) fn id_of_another_kind(&self, name: &str) -> Option<&str> {
        let mut required = self.required_ids().filter(|_| names_id(name) && name != "id");
        required.next().filter(|_| required.next().is_none())
    }

    /// The member for ids of the kind that this name has, or for a list of them.
    pub(super) fn id_of_its_kind(&self, name: &str) -> Option<&str> {
        let singular = |name: &'_ str| name.strip_suffix('s').unwrap_or(name).to_owned();
        let given = Some(singular(name)).filter(|given| names_id(given) && given.len() > "_id".len())?;
        let mut members = self.members.iter().map(|member| member.name.as_str());
        members.find(|member| {
            let own = singular(member);
            names_id(&own) && own != "id" && is_of_kind(&given, &own)
        })
    }

    fn required_ids(&self) -> impl Iterator<Item = &str> {
        let free = |rule: &Rule| matches!(rule, Rule::Text(Text { values, .. }) if values.is_empty());
        let ids = self
            .members
            .iter()
            .filter(move |member| member.required && names_id(&member.name) && free(&member.rule));
        ids.map(|member| member.name.as_str())
    }
}

/// Whether a name is that of an id.
fn names_id(name: &str) -> bool {
    name == "id" || ["_id", "-id", "Id", "ID"].iter().any(|end| name.ends_with(end))
}

/// Whether an id under this name is of the kind that `id` names: one is the other, less words. The id that has no word more
/// is that of a checkpoint.
fn is_of_kind(name: &str, id: &str) -> bool {
    let kind = |name: &str| -> String {
        let mut letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
        letters.make_ascii_lowercase();
        letters.trim_end_matches("id").to_owned()
    };
    let wanted = match id {
        "id" => "checkpoint".to_owned(),
        id => kind(id),
    };
    let given = kind(name);
    wanted.contains(&given) || given.contains(&wanted)
}

/// What an id names, in words.
pub(super) fn kind_of(id: &str) -> &'static str {
    let own = match id {
        "id" => "checkpoint_id",
        id => id,
    };
    let kind = ID_KINDS.iter().find(|(name, _)| *name == own);
    kind.map_or("what is meant", |(_, kind)| kind)
}
