//! What is wrong with the arguments of a call: all of it at once, each with its JSON path.

use std::fmt::{self, Write as _};

/// How many problems one answer lists; a batch of a thousand samples repeats its mistakes.
const MOST_LISTED: usize = 40;

/// A place inside the arguments, such as `body.samples[0].loss.type`. Lives on the stack; written out only when
/// there is a problem to report.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The arguments themselves.
    Root,
    /// A member of an object.
    Key(&'a Path<'a>, &'a str),
    /// An element of a list.
    Index(&'a Path<'a>, usize),
    /// A line of the file that an argument names, from 1 on.
    Line(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    /// The member `name` of this place.
    #[must_use]
    pub const fn key(&'a self, name: &'a str) -> Self {
        Self::Key(self, name)
    }

    /// The element `index` of this place.
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    /// The line `number` of the file that this place names.
    #[must_use]
    pub const fn line(&'a self, number: usize) -> Self {
        Self::Line(self, number)
    }

    /// How many objects it lies in.
    #[must_use]
    pub const fn depth(&self) -> usize {
        let (mut path, mut depth) = (self, 0);
        loop {
            match path {
                Self::Root => return depth,
                Self::Key(outer, _) => (path, depth) = (outer, depth + 1),
                Self::Index(outer, _) | Self::Line(outer, _) => path = outer,
            }
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("arguments"),
            Self::Key(Self::Root, name) => f.write_str(name),
            Self::Key(line @ Self::Line(..), name) => write!(f, "{line}: {name}"),
            Self::Key(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Line(parent, number) => write!(f, "{parent}, line {number}"),
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "http", derive(serde::Serialize))]
pub(crate) struct Problem {
    /// The JSON path.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    fn is_inside(&self, place: &str) -> bool {
        is_inside(&self.path, place)
    }
}

/// Whether a path is that of a place, or of something inside of it.
fn is_inside(path: &str, place: &str) -> bool {
    let rest = path.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ',', ':']))
}

/// The problems of one call, in the order in which they were found. Those beyond the first few dozen are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    more: usize,
    /// A place whose members may stand elsewhere, so that none of them is missing.
    open: Option<String>,
    /// Places that the call would not have if it were made as it is told to be, so that nothing is missing there.
    excused: Vec<String>,
}

impl Problems {
    /// Adds a problem.
    pub fn add(&mut self, path: &Path<'_>, message: impl Into<String>) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        self.listed.push(Problem {
            path: path.to_string(),
            message: message.into(),
        });
    }

    /// No problems, and none will be that a member of this place is missing: they may stand where nobody can look.
    #[must_use]
    pub fn with_open(path: &Path<'_>) -> Self {
        Self {
            open: Some(path.to_string()),
            ..Self::default()
        }
    }

    /// Whether this is a member of a place whose members may stand elsewhere, or lies where nothing is missing.
    #[must_use]
    pub fn may_be_elsewhere(&self, path: &Path<'_>) -> bool {
        if self.open.is_none() && self.excused.is_empty() {
            return false;
        }
        let Path::Key(outer, _) = path else { return false };
        let (outer, place) = (outer.to_string(), path.to_string());
        let is_open = self.open.as_ref().is_some_and(|open| *open == outer);
        is_open || self.excused.iter().any(|excused| is_inside(&place, excused))
    }

    /// Nothing is missing at these places, or inside of them: what stands in their stead is reported.
    pub(crate) fn excuse(&mut self, places: &[String]) {
        self.excused.extend_from_slice(places);
    }

    /// These problems, which are known, with the places of `other` where nothing is missing.
    pub(crate) fn excused_as(&self, other: &Self) -> Self {
        let mut problems = self.clone();
        problems.excuse(&other.excused);
        problems
    }

    /// Adds the problems of another list, but for those that are here already.
    pub fn append(&mut self, mut other: Self) {
        other.listed.retain(|problem| !self.listed.contains(problem));
        self.open = self.open.take().or(other.open);
        self.excused.append(&mut other.excused);
        let room = MOST_LISTED.saturating_sub(self.listed.len());
        self.more += other.more + other.listed.len().saturating_sub(room);
        self.listed.extend(other.listed.into_iter().take(room));
    }

    /// Adds the problems of something that was read by itself and stands at `path`.
    #[cfg(feature = "text")]
    pub(crate) fn append_below(&mut self, path: &Path<'_>, mut other: Self) {
        let (root, place) = (Path::Root.to_string(), path.to_string());
        for problem in &mut other.listed {
            problem.path = match problem.path.as_str() {
                own if own == root => place.clone(),
                own if own.starts_with('[') => format!("{place}{own}"),
                own => path.key(own).to_string(),
            };
        }
        self.append(other);
    }

    /// A list with a single problem, for rules that are found broken one at a time.
    #[must_use]
    pub fn one(path: &Path<'_>, message: impl Into<String>) -> Self {
        let mut problems = Self::default();
        problems.add(path, message);
        problems
    }

    /// All that are listed.
    #[cfg(feature = "http")]
    pub(crate) fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// How many more there are.
    #[cfg(feature = "http")]
    pub(crate) const fn more(&self) -> usize {
        self.more
    }

    /// Whether something at this place or inside it is reported already, so that nothing is to be said about its absence.
    #[must_use]
    pub fn mention(&self, path: &Path<'_>) -> bool {
        let place = path.to_string();
        self.may_be_elsewhere(path) || self.listed.iter().any(|problem| problem.is_inside(&place))
    }

    /// Whether something is reported at this very place: then what is there is not what somebody wrote.
    #[must_use]
    pub(crate) fn are_at(&self, path: &Path<'_>) -> bool {
        if self.listed.is_empty() {
            return false;
        }
        let place = path.to_string();
        self.listed.iter().any(|problem| problem.path == place)
    }

    /// The members of these places at which something is reported.
    pub(crate) fn members_at(&self, places: &[&Path<'_>]) -> Vec<&str> {
        let prefixes: Vec<String> = places.iter().map(|place| prefix(place)).collect();
        let member = |problem: &'_ Problem| -> Option<usize> {
            let own = |prefix: &String| {
                let name = problem.path.strip_prefix(prefix.as_str())?;
                (!name.contains(['.', '['])).then_some(prefix.len())
            };
            prefixes.iter().find_map(own)
        };
        let listed = self.listed.iter();
        listed
            .filter_map(|problem| problem.path.get(member(problem)?..))
            .collect()
    }

    /// Says something else of what is reported at this very place, if anything is.
    pub(crate) fn reword(&mut self, path: &Path<'_>, message: &str) {
        let place = path.to_string();
        for problem in self.listed.iter_mut().filter(|problem| problem.path == place) {
            message.clone_into(&mut problem.message);
        }
    }

    /// Reports this in place of all that was reported at a place and inside it: it is what is behind that.
    pub fn replace(&mut self, path: &Path<'_>, message: impl Into<String>) {
        let place = path.to_string();
        self.listed.retain(|problem| !problem.is_inside(&place));
        self.add(path, message);
    }

    /// Whether what is added now is only counted, so that its message need not be made.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.listed.len() >= MOST_LISTED
    }

    /// The problems as sentences, those that are only counted left out.
    #[must_use]
    pub fn sentences(&self) -> String {
        let sentences = self.listed.iter();
        let sentences: Vec<String> = sentences
            .map(|Problem { path, message }| format!("{path} {message}."))
            .collect();
        sentences.join(" ")
    }

    /// Each of them as a sentence without its end; what is wrong with the whole has no subject.
    #[cfg(feature = "text")]
    pub(crate) fn each(&self) -> impl Iterator<Item = String> {
        let root = Path::Root.to_string();
        self.listed.iter().map(move |Problem { path, message }| {
            if *path == root {
                message.clone()
            } else {
                format!("{path} {message}")
            }
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Problem { path, message } in &self.listed {
            write!(f, "\n- {path}: {message}")?;
        }
        if self.more > 0 {
            write!(f, "\n- and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Longer names, in bytes, are nobody's typing mistake, and comparing them takes long.
const LONGEST_NAME: usize = 100;
/// Nor is a name worth a look at more of them than this.
const MOST_COMPARED: usize = 2000;

/// What the paths of the members of a place begin with.
fn prefix(place: &Path<'_>) -> String {
    match place {
        Path::Root => String::new(),
        place => format!("{place}."),
    }
}

/// The known name that an unknown one was probably meant to be.
#[must_use]
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_short = |name: &str| name.len() <= LONGEST_NAME;
    if !is_short(name) {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let name = plain(name);
    known
        .take(MOST_COMPARED)
        .filter(|known| is_short(known))
        .map(|known| (strsim::jaro_winkler(&name, &plain(known)), known))
        .filter(|(similarity, _)| *similarity > 0.82)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// What is wrong with a file that may stand for an argument, and the way without it.
#[must_use]
pub(crate) fn or_inline(problem: &str, member: &str) -> String {
    format!("{problem}. Or write it into the call, as {member}")
}

/// `1 prompt`, `2 prompts`, for messages.
#[must_use]
pub(crate) fn counted(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// Such as `lines 1, 2, 3, 4, 5, … (200 in all)`.
#[cfg(feature = "text")]
#[must_use]
pub(crate) fn numbered(what: &str, numbers: impl ExactSizeIterator<Item = usize>) -> String {
    const MOST_NAMED: usize = 5;
    let count = numbers.len();
    let mut named: Vec<String> = numbers
        .take(MOST_NAMED)
        .map(|number| number.to_string())
        .collect();
    if count > MOST_NAMED {
        named.push(format!("… ({count} in all)"));
    }
    let end = if count == 1 { "" } else { "s" };
    format!("{what}{end} {}", list(named.iter().map(String::as_str)))
}

/// `a, b, c`, for messages.
#[must_use]
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        let _ = write!(text, "{name}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_one_would_write_it() {
        let body = Path::Root.key("body");
        let samples = body.key("samples");
        let sample = samples.index(12);
        assert_eq!(
            sample.key("loss_fn_inputs").to_string(),
            "body.samples[12].loss_fn_inputs"
        );
        assert_eq!(Path::Root.to_string(), "arguments");
    }

    #[test]
    fn a_thousand_problems_stay_readable() {
        let mut problems = Problems::default();
        for index in 0..1000 {
            problems.add(&Path::Root.key("tokens").index(index), "is not an integer");
        }
        let text = problems.to_string();
        assert!(text.ends_with("- and 960 more"), "{text}");
        assert!(text.len() < 10_000);
    }

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["model_inputs", "num_samples", "sampling_params"];
        assert_eq!(nearest("numSamples", known.into_iter()), Some("num_samples"));
        assert_eq!(nearest("model-input", known.into_iter()), Some("model_inputs"));
        assert_eq!(nearest("zebra", known.into_iter()), None);
        // Names that nobody types are not even compared.
        let long = "num_samples".repeat(LONGEST_NAME / 10);
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), None);
        assert_eq!(
            nearest("last", vec!["first"; MOST_COMPARED].into_iter().chain(["last"])),
            None
        );
    }
}
