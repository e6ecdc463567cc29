//! Names that an object does not know: what to say about them, and which of them are let pass.

use super::Others;
use super::ids::kind_of;
use super::inside::{Deeper, Step, steps};
use super::rule::{Member, OR, Object, Rule};
use crate::error::problems::{Path, list, nearest};

/// What n8n adds to each call, whatever the tool takes.
pub(super) const OF_HOSTS: [&str; 4] = ["toolCallId", "sessionId", "action", "chatInput"];
/// What is in names by which somebody asks for less than the whole call, in letters: such a name is never ignored.
const RESTRAINTS: [&str; 8] = [
    "dryrun",
    "estimate",
    "preview",
    "simulat",
    "validateonly",
    "checkonly",
    "priceonly",
    "costonly",
];
/// The argument that such a name means, where there is one.
const ESTIMATE_ONLY: &str = "estimate_only";
/// How many places are named where a name may belong.
const MOST_HOLDERS: usize = 3;
/// How many names a note lists, and how much of each, in characters.
const MOST_NOTED: usize = 10;
const LONGEST_NAME: usize = 60;

impl Object {
    /// The known member of this name, in whatever spelling.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        let own = self.aliases.get(name).map_or(name, String::as_str);
        self.members.iter().find(|member| member.name == own)
    }

    /// The own name of a member that is right here, and what it may hold.
    pub(super) fn rule_of<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a Rule)> {
        if let Some(member) = self.member(name) {
            return Some((&member.name, &member.rule));
        }
        let others = self.others.as_deref().filter(|_| !self.mistaken(name))?;
        Some((name, others))
    }

    /// Whether a member of this name is right here.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.rule_of(name).is_some()
    }

    /// Whether a name in an object that is open for other names is still a mistake: an old name, or a known
    /// one misspelt.
    #[must_use]
    pub(crate) fn mistaken(&self, name: &str) -> bool {
        self.retired.contains_key(name) || self.members.iter().any(|member| is_near(name, &member.name))
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        // To compare it takes time by its length, and no known name is as long.
        let name = Some(name).filter(|name| name.len() <= LONGEST_NAME)?;
        nearest(name, self.members.iter().map(|member| member.name.as_str()))
    }

    /// The member, or the way to it, that an old name means for a value that follows the rules which `fits` tells.
    fn own_of(&self, old: &str, fits: impl Fn(&Rule) -> bool) -> Option<&str> {
        let mut all = self.renamed.get(old)?.split(OR);
        let fitting = |own: &&str| self.rule_at(&steps(own)).is_some_and(&fits);
        all.clone().find(fitting).or_else(|| all.next())
    }

    /// The same where the value is not known.
    pub(super) fn first_of(&self, old: &str) -> Option<&str> {
        self.renamed.get(old)?.split(OR).next()
    }

    /// What to say about a name that is not known in the object at `path`; `fits` tells which rules its value follows, and
    /// `is_given` which members are there, so that none of them is meant.
    #[must_use]
    pub(crate) fn unknown(
        &self,
        name: &str,
        path: &Path<'_>,
        fits: impl Fn(&Rule) -> bool,
        is_given: impl Fn(&str) -> bool,
    ) -> String {
        if let Some(sentence) = self.retired.get(name) {
            let of_several = self.renamed.get(name).filter(|own| own.contains(OR));
            let own = of_several.and_then(|_| self.own_of(name, fits));
            return own.map_or_else(|| sentence.clone(), |own| format!("is called {own} here"));
        }
        match self.nearest_holders(name).as_slice() {
            [] => {}
            [holder] => {
                let outer = inside(path, holder);
                let nested = nested(path, holder, name);
                return format!("belongs inside {holder}: write {outer}.{name}{nested}");
            }
            several if several.len() <= MOST_HOLDERS => {
                let places: Vec<String> = several
                    .iter()
                    .map(|holder| format!("{}.{name}", inside(path, holder)))
                    .collect();
                return format!("belongs deeper: write {}", places.join(" or "));
            }
            _ => {}
        }
        // One letter apart says more than alike, wherever it is.
        let misspelt = self.members.iter().any(|member| is_near(name, &member.name));
        if let Some(Deeper { holder, said, .. }) = self.deeper(name) {
            return format!("belongs inside {holder}, where it {said}");
        }
        if !misspelt {
            if let Some((old, sentence)) = self.retired.iter().find(|(old, _)| is_near(name, old)) {
                return format!("is not known here; {old} {sentence}");
            }
            if let Some(Deeper { holder, said, .. }) = self.meant_deeper(name) {
                return format!("belongs inside {holder}, where it {said}");
            }
        }
        // Longer calls are not put right.
        if let Some(way) = self.way_of(name) {
            return way.to_owned();
        }
        if is_restraint(name) && self.member(ESTIMATE_ONLY).is_some() {
            return format!("is not known here; did you mean {ESTIMATE_ONLY}? Nothing was started.");
        }
        // What cannot hold the value was not meant.
        let near = self.nearest(name).and_then(|near| self.member(near));
        if let Some(near) = near.filter(|near| fits(&near.rule)) {
            let own = &near.name;
            if !is_given(own) {
                return format!("is not known here; did you mean {own}?");
            }
            // What is there already was not meant by another name, unless that is a slip.
            if is_near(name, own) {
                return format!(
                    "is not known here; did you mean {own}, which is there as well? Then leave this out"
                );
            }
        }
        if let Some(id) = self.id_of_its_kind(name).filter(|id| !is_given(id)) {
            return format!("is called {id} here");
        }
        if let Some(id) = self.id_of_another_kind(name) {
            return format!("is not known here: give {id}, which names {}", kind_of(id));
        }
        self.known()
    }

    /// What to say about a name of which nothing else can be said.
    pub(super) fn known(&self) -> String {
        if self.members.is_empty() {
            return "is not known here, where nothing is: leave it out".to_owned();
        }
        let known = list(self.members.iter().map(|member| member.name.as_str()));
        format!("is not known here; known are: {known}")
    }

    /// The place inside this object where a value under this name belongs, where there is only one; `fits` tells which rules it
    /// follows.
    pub(super) fn place_of(&self, name: &str, fits: impl Fn(&Rule) -> bool) -> Option<Vec<Step>> {
        if let Some(own) = self.own_of(name, &fits) {
            return Some(steps(own));
        }
        if self.retired.contains_key(name) {
            return None;
        }
        match self.nearest_holders(name).as_slice() {
            [] => {}
            [holder] => return Some(steps(&format!("{holder}.{name}"))),
            _ => return None,
        }
        if let Some(Deeper { holder, own, .. }) = self.deeper(name) {
            return Some(steps(&format!("{holder}.{}", own?)));
        }
        if let Some(near) = self.members.iter().find(|member| is_near(name, &member.name)) {
            return Some(steps(&near.name));
        }
        if let Some((old, _)) = self.renamed.iter().find(|(old, _)| is_near(name, old)) {
            return Some(steps(self.own_of(old, &fits)?));
        }
        if let Some(Deeper { holder, own, .. }) = self.meant_deeper(name) {
            return Some(steps(&format!("{holder}.{}", own?)));
        }
        self.id_of_its_kind(name).map(steps)
    }

    /// The place of a value of which there are a few, under a name that is much like this one: which they are is told at once.
    pub(super) fn likely(&self, name: &str) -> Option<Vec<Step>> {
        let near = self.member(self.nearest(name)?)?;
        let is_choice = matches!(&near.rule, Rule::Text(text) if !text.values.is_empty());
        (is_choice && !self.retired.contains_key(name)).then(|| steps(&near.name))
    }

    /// Whether an argument of this name, which the tool does not have, is ignored: hosts add their own to each call, and
    /// no model can mend that. What a model can have meant is an error: a known argument misspelt, unless that is there as
    /// well, one of another tool, or one that belongs deeper. `is_given` tells which arguments are there.
    pub(super) fn ignores(&self, name: &str, is_given: impl Fn(&str) -> bool, others: Others) -> bool {
        let misspelt = self.nearest(name).is_some_and(|near| {
            let required = |known: &str| {
                let mut members = self.members.iter();
                members.any(|member| member.name == known && member.required)
            };
            !is_given(near) && (required(near) || !OF_HOSTS.contains(&name))
        });
        let of_hosts = OF_HOSTS.contains(&name);
        let known = self.retired.contains_key(name)
            || self.way_of(name).is_some()
            || is_restraint(name)
            || others.know(name)
            || others.word_on(name, self).is_some();
        let deeper = || !of_hosts && self.meant_deeper(name).is_some();
        (of_hosts || !others.strict)
            && !misspelt
            && !known
            && self.id_meant(name, is_given).is_none()
            && self.holders(name).is_empty()
            && !deeper()
    }

    /// Whether something can be said about the name that this object or one inside of it knows.
    pub(super) fn has_word_on(&self, name: &str) -> bool {
        let near = |known: &String| is_near(name, known);
        self.retired.keys().any(near)
            || self.members.iter().any(|member| near(&member.name))
            || !self.holders(name).is_empty()
            || self.meant_deeper(name).is_some()
    }

    /// The name that this object may have for `name`, in an object inside of which it stands.
    pub(super) fn own_name<'a>(&'a self, name: &'a str) -> &'a str {
        if is_restraint(name) && self.member(ESTIMATE_ONLY).is_some() {
            return ESTIMATE_ONLY;
        }
        self.first_of(name).unwrap_or(name)
    }
}

/// Whether one name is the other but for a letter, two that are swapped, case and the kind of dash.
pub(super) fn is_near(name: &str, known: &str) -> bool {
    let plain = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    name.len().abs_diff(known.len()) <= 1 && strsim::osa_distance(&plain(name), &plain(known)) <= 1
}

/// Whether somebody who writes this name wants less than the whole call.
fn is_restraint(name: &str) -> bool {
    let name = Some(name)
        .filter(|name| name.len() <= LONGEST_NAME)
        .unwrap_or_default();
    let mut letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    letters.make_ascii_lowercase();
    RESTRAINTS.iter().any(|restraint| letters.contains(restraint))
}

/// The same as JSON, of an argument: a path that is taken for a name leads nowhere.
fn nested(path: &Path<'_>, holder: &str, name: &str) -> String {
    if !matches!(path, Path::Root) || holder.contains('[') {
        return String::new();
    }
    let inner = format!("{{\"{name}\": …}}");
    let whole = holder
        .rsplit('.')
        .fold(inner, |inner, outer| format!("{{\"{outer}\": {inner}}}"));
    format!(", as {whole}")
}

/// The path of a part of the object at `path`.
pub(super) fn inside(path: &Path<'_>, holder: &str) -> String {
    match path {
        Path::Root => holder.to_owned(),
        path => format!("{path}.{holder}"),
    }
}

/// The sentence about arguments that were ignored, if there are any.
pub(super) fn note(ignored: &[String]) -> Option<String> {
    let short = |name: &String| name.chars().take(LONGEST_NAME).collect::<String>();
    let shown: Vec<String> = ignored.iter().take(MOST_NOTED).map(short).collect();
    let more = ignored.len().saturating_sub(MOST_NOTED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let names = list(shown.iter().map(String::as_str));
    (!ignored.is_empty())
        .then(|| format!("Ignored, because no tool here has such an argument: {names}{more}."))
}
