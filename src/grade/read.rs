//! A grader out of its JSON.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind::KINDS;
use super::{Failure, Grade, Score, Subject, combine};
use crate::error::problems::{Path, Problems, list, nearest};
use crate::json;

/// How deep graders may lie in one another.
const DEEPEST: usize = 24;
/// What kinds are called elsewhere.
const OTHERS_SAY: [(&str, &str); 15] = [
    ("text_similarity", "similarity"),
    ("string_check", "string"),
    ("exact_match", "string"),
    ("equals", "string"),
    ("contains", "string"),
    ("includes", "string"),
    ("rouge", "similarity"),
    ("f1", "similarity"),
    ("levenshtein", "similarity"),
    ("numeric", "number"),
    ("multiple_choice", "choice"),
    ("multi", "combine"),
    ("python", "command"),
    ("code", "command"),
    ("script", "command"),
];
/// Members that every kind has.
const TYPE: &str = "type";
const AFTER: &str = "after";
/// The kind that holds others.
const COMBINE: &str = "combine";

/// Makes a grader of what stands at `path`. `None`: it is reported what is wrong.
#[must_use]
pub(crate) fn read(
    raw: &RawValue,
    path: &Path<'_>,
    commands: &Commands,
    problems: &mut Problems,
) -> Option<Box<dyn Grade>> {
    let Ok(mut members) = serde_json::from_str::<json::Object>(raw.get()) else {
        if raw.get().starts_with('[') {
            problems.add(
                path,
                "is a list: write {\"type\": \"combine\", \"parts\": [{\"grader\": {…}, \"weight\": 1}, …]}",
            );
            return None;
        }
        let named = serde_json::from_str::<String>(raw.get()).ok();
        let meant = |name: &String| {
            let own = KINDS.iter().map(|kind| kind.name).find(|kind| kind == name);
            let other = OTHERS_SAY.iter().find(|(other, _)| other == name);
            own.or(other.map(|(_, own)| *own))
        };
        let problem = match named.as_ref().and_then(meant) {
            Some(name) => format!("is no grader: write an object such as {{\"type\": \"{name}\"}}"),
            None => format!(
                "is no grader: write an object such as {{\"type\": \"number\"}}. There are {}",
                kinds()
            ),
        };
        problems.add(path, problem);
        return None;
    };
    if path.depth() > DEEPEST {
        problems.add(path, "lies too deep: graders within graders within graders");
        return None;
    }
    let text = |value: Box<RawValue>| serde_json::from_str::<String>(value.get()).ok();
    let name = if let Some(name) = members.remove(TYPE).and_then(text) {
        name
    } else if let Some((other, name)) = named(&members) {
        members.remove(other);
        problems.add(&path.key(other), "is called type here");
        name
    } else {
        problems.add(&path.key(TYPE), format!("is required: one of {}", kinds()));
        return None;
    };
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let known = KINDS.iter().map(|kind| kind.name);
        let near = OTHERS_SAY
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, own)| *own)
            .or_else(|| nearest(&name, known));
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        problems.add(
            &path.key(TYPE),
            format!("is no grader: {near}There are {}", kinds()),
        );
        return None;
    };
    let after = match members.remove(AFTER) {
        Some(after) if after.get() == "null" => None,
        Some(after) => match serde_json::from_str::<String>(after.get()) {
            Ok(after) if !after.is_empty() => Some(after),
            _ => {
                problems.add(&path.key(AFTER), "is no text, such as \"</think>\"");
                None
            }
        },
        None => None,
    };
    if kind.name == COMBINE {
        combine::mended(&mut members, path, problems);
    }
    let text = json::text(&members).ok()?;
    let grader = kind.read(&text, path, commands, problems)?;
    Some(match after {
        Some(after) => Box::new(After { after, grader }),
        None => grader,
    })
}

/// The kind of a grader that is named under what others call its type.
fn named(members: &json::Object) -> Option<(&'static str, String)> {
    const OTHERS_CALL_IT: [&str; 4] = ["kind", "grader", "grader_type", "name"];
    OTHERS_CALL_IT.iter().find_map(|other| {
        let name: String = serde_json::from_str(members.get(other)?.get()).ok()?;
        let is_kind =
            KINDS.iter().any(|kind| kind.name == name) || OTHERS_SAY.iter().any(|(say, _)| *say == name);
        is_kind.then_some((*other, name))
    })
}

/// All kinds, each with its members.
fn kinds() -> String {
    let kinds = KINDS.iter().map(|kind| {
        let schema = kind.schema();
        let members = schema.get("properties").and_then(Value::as_object);
        let members = list(members.into_iter().flat_map(Map::keys).map(String::as_str));
        format!("{} ({members})", kind.name)
    });
    kinds.collect::<Vec<_>>().join(", ")
}

/// Grades what stands behind the last of a mark; nothing of a completion that has none.
struct After {
    after: String,
    grader: Box<dyn Grade>,
}

impl After {
    /// What stands behind the mark, and whether there is one.
    fn behind<'a>(&self, subject: Subject<'a>) -> (Subject<'a>, bool) {
        let behind = subject
            .text
            .rfind(&self.after)
            .and_then(|at| subject.text.get(at + self.after.len()..));
        let text = behind.unwrap_or_default();
        // How many tokens those are is not known.
        let tokens = None;
        (
            Subject {
                text,
                tokens,
                ..subject
            },
            behind.is_some(),
        )
    }

    fn said(&self, score: Score, has_mark: bool) -> Score {
        if has_mark {
            return score;
        }
        Score {
            why: format!("has no {}; {}", self.after, score.why),
            ..score
        }
    }
}

impl Grade for After {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let (behind, has_mark) = self.behind(*subject);
        Ok(self.said(self.grader.score(&behind)?, has_mark))
    }

    fn score_all(&self, subjects: &[Subject<'_>]) -> Vec<Result<Score, Failure>> {
        let behind: Vec<Subject<'_>> = subjects.iter().map(|subject| self.behind(*subject).0).collect();
        let scores = self.grader.score_all(&behind).into_iter().zip(subjects);
        scores
            .map(|(score, subject)| Ok(self.said(score?, self.behind(*subject).1)))
            .collect()
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        self.grader.look(row)
    }
}
