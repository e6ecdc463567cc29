//! The tools that an unknown name may mean.
//!
//! What is near by spelling may do the opposite: `cancelrun` is nearer to `createrun`, which bills, than to `stoprun`. So
//! words count first, and only tools that change nothing are named for a mere likeness.

use std::collections::BTreeSet;

use crate::error::problems::nearest;
use crate::mcp::tool::Tools;

/// The longest name of a tool that hosts take, in characters.
const LONGEST: usize = 64;
/// How many tools are named where several may be meant.
const MOST: usize = 4;
/// One letter in so many may be wrong in the name of a tool that changes something.
const LETTERS_PER_MISTAKE: usize = 6;

/// Whole names that other services and libraries have, in letters alone.
const SYNONYMS: [(&str, &[&str]); 7] = [
    (
        "optimizer-step",
        &["optimstep", "step", "optimizer", "optim", "applygradients"],
    ),
    (
        "sample",
        &[
            "generate",
            "generation",
            "complete",
            "completion",
            "completions",
            "rollout",
            "rollouts",
            "inference",
        ],
    ),
    (
        "forward-backward-pass",
        &["forwardbackward", "trainstep", "train", "backward", "forward"],
    ),
    (
        "weights-sync",
        &["sync", "updateweights", "publishweights", "pushweights"],
    ),
    (
        "save-training-checkpoint",
        &["save", "savestate", "savemodel", "saveweights", "checkpoint"],
    ),
    ("create-inference-checkpoint", &["saveinferencecheckpoint"]),
    ("list-recent-activity", &["status"]),
];

/// What names of tools begin with, each with other words for it.
const VERBS: [(&str, &[&str]); 6] = [
    (
        "stop",
        &["cancel", "abort", "kill", "terminate", "halt", "shutdown", "end"],
    ),
    ("delete", &["remove", "destroy"]),
    ("create", &["start", "launch", "submit"]),
    ("get", &["show", "describe", "check", "fetch", "poll"]),
    ("resume", &["continue", "unpause"]),
    ("pause", &["suspend"]),
];

/// The tools that are probably meant, the one that is if there is only one.
pub(crate) fn meant(name: &str, tools: &Tools) -> Vec<&'static str> {
    // Longer ones are no names.
    let name = name.get(..LONGEST).unwrap_or(name);
    let wanted = letters(name);
    if wanted.is_empty() {
        return Vec::new();
    }
    let names = || tools.names();
    let synonym = || {
        SYNONYMS
            .iter()
            .find(|(_, others)| others.contains(&wanted.as_str()))
    };
    let known = synonym()
        .map(|(known, _)| *known)
        .or_else(|| of_the_same_words(name, tools))
        .or_else(|| names().find(|known| letters(known) == wanted));
    if let Some(known) = known {
        return vec![known];
    }
    let found = by_verb(&wanted, tools);
    if !found.is_empty() && found.len() <= MOST {
        return found;
    }
    let near = names()
        .find(|known| is_near(&wanted, &letters(known)))
        .or_else(|| {
            let harmless = tools.entries.iter().filter(|entry| entry.spec.effect.read_only());
            nearest(name, harmless.map(|entry| entry.spec.name))
        });
    near.into_iter().collect()
}

/// The letters of a name, in lower case and without the service's name.
fn letters(name: &str) -> String {
    let mut letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.make_ascii_lowercase();
    let own = ["primeintellect", "prime", "together"]
        .iter()
        .find_map(|service| letters.strip_prefix(service));
    own.map_or_else(|| letters.clone(), str::to_owned)
}

/// The tools that do what the name begins with to what it goes on with; what cannot be deleted can be stopped.
fn by_verb(wanted: &str, tools: &Tools) -> Vec<&'static str> {
    let split = VERBS.iter().find_map(|(verb, others)| {
        let mut words = std::iter::once(verb).chain(others.iter());
        words.find_map(|word| Some((*verb, wanted.strip_prefix(word)?)))
    });
    let status = || Some(("get", wanted.strip_suffix("status")?));
    let Some((verb, object)) = split.or_else(status) else {
        return Vec::new();
    };
    let object = object.trim_end_matches("status").replace("job", "run");
    let with = |verb: &str| -> Vec<&'static str> {
        let mut found: Vec<(bool, &str)> = Vec::new();
        for name in tools.names() {
            let letters = letters(name);
            let Some(own) = letters.strip_prefix(verb) else {
                continue;
            };
            if own == object {
                return vec![name];
            }
            if own.contains(&object) || object.ends_with(own) {
                found.push((own.ends_with(&object), name));
            }
        }
        // An object that the name ends with says more than a part of it.
        let ends = found.iter().any(|(ends, _)| *ends);
        found.retain(|(at_end, _)| *at_end || !ends);
        found.into_iter().map(|(_, name)| name).collect()
    };
    match with(verb) {
        found if found.is_empty() && verb == "delete" => with("stop"),
        found => found,
    }
}

/// The name with the fewest words that has all words of another, in whatever order: `weights-sync` for `sync-weights`. Of
/// several the one that changes nothing.
fn of_the_same_words(name: &str, tools: &Tools) -> Option<&'static str> {
    let words = |name: &str| -> BTreeSet<String> {
        let words = name.split(|c: char| !c.is_ascii_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect()
    };
    let wanted = words(name);
    let has_all = |name: &str| wanted.len() > 1 && wanted.is_subset(&words(name));
    let specs = tools.entries.iter().map(|entry| entry.spec);
    let all = specs.filter(|spec| has_all(spec.name));
    let first = all.min_by_key(|spec| (words(spec.name).len(), !spec.effect.read_only()));
    first.map(|spec| spec.name)
}

/// Whether one is the other but for a typing mistake.
fn is_near(wanted: &str, known: &str) -> bool {
    strsim::levenshtein(wanted, known) <= known.len() / LETTERS_PER_MISTAKE
}
