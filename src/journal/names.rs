//! What runs and sessions are called, as far as this process has seen it. Names are kept in memory alone: on the disk they
//! are nobody's business.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::spec::{
    CREATE_TRAINING_SESSION, GET_RUN, GET_TRAINING_SESSION, LIST_RUNS, LIST_TRAINING_SESSIONS, Spec,
    UPDATE_TRAINING_SESSION,
};

/// How many things are kept in mind, the newest.
const MOST: usize = 500;
/// How much of a name is kept, in characters.
const LONGEST: usize = 80;

/// The names, the newest last. What is cloned is the same.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<Vec<Named>>>);

/// One of them.
struct Named {
    /// The name that tools have for its id.
    kind: &'static str,
    id: String,
    called: String,
}

/// The rows whose answers show names.
const SHOWS: [(&Spec, &str); 6] = [
    (&GET_RUN, "run_id"),
    (&LIST_RUNS, "run_id"),
    (&GET_TRAINING_SESSION, "session_id"),
    (&LIST_TRAINING_SESSIONS, "session_id"),
    (&CREATE_TRAINING_SESSION, "session_id"),
    (&UPDATE_TRAINING_SESSION, "session_id"),
];

/// A run or a session, alone or in a list.
#[derive(Deserialize)]
struct Shown {
    id: Option<String>,
    display_name: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    run: Option<Shown>,
    runs: Option<Vec<Shown>>,
    data: Option<Vec<Shown>>,
    #[serde(flatten)]
    own: Shown,
}

impl Names {
    /// Something is called so; what it was called before is forgotten.
    pub(super) fn learn(&self, kind: &'static str, id: &str, called: &str) {
        let called = plain(called);
        if id.is_empty() || called.is_empty() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|named| (named.kind, named.id.as_str()) != (kind, id));
        if all.len() == MOST {
            all.remove(0);
        }
        all.push(Named {
            kind,
            id: id.to_owned(),
            called,
        });
    }

    /// Keeps in mind the names in `answer`, a success of the row `spec`.
    pub(super) fn shown(&self, spec: &Spec, answer: &str) {
        let Some((_, kind)) = SHOWS.iter().find(|(row, _)| row.name == spec.name) else {
            return;
        };
        let Ok(answer) = serde_json::from_str::<Answer>(answer) else {
            return;
        };
        let lists = [answer.runs, answer.data].into_iter().flatten().flatten();
        // Lists have the newest first.
        let mut shown: Vec<Shown> = lists.chain(answer.run).chain([answer.own]).collect();
        shown.reverse();
        for Shown {
            id,
            display_name,
            name,
        } in shown
        {
            if let (Some(id), Some(called)) = (id, display_name.or(name)) {
                self.learn(kind, &id, &called);
            }
        }
    }

    /// What something is called.
    pub(super) fn of(&self, kind: &str, id: &str) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = all.iter().find(|named| named.kind == kind && named.id == id)?;
        Some(named.called.clone())
    }

    /// The ids of those that are called so, the newest first.
    pub(super) fn ids(&self, kind: &str, called: &str) -> Vec<String> {
        let called = plain(called);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = all.iter().rev();
        let named = named.filter(|named| named.kind == kind && named.called == called);
        named.map(|named| named.id.clone()).collect()
    }
}

/// A name without what nobody sees.
fn plain(name: &str) -> String {
    let name = name.trim().chars().filter(|c| !c.is_control());
    name.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_ids_the_newest_first() {
        let names = Names::default();
        let answer = r#"{"runs": [{"id": "r-2", "name": "a"}, {"id": "r-1", "name": "a"}, {"id": "r-0"}]}"#;
        names.shown(&LIST_RUNS, answer);
        assert_eq!(names.ids("run_id", " a "), ["r-2", "r-1"]);
        names.shown(&GET_RUN, r#"{"run": {"id": "r-2", "name": "b"}}"#);
        assert_eq!(names.ids("run_id", "a"), ["r-1"]);
        assert_eq!(names.of("run_id", "r-2").as_deref(), Some("b"));
        names.shown(&GET_TRAINING_SESSION, r#"{"id": "s", "display_name": "a"}"#);
        assert_eq!(names.ids("session_id", "a"), ["s"]);
        for number in 0..MOST {
            names.learn("run_id", &number.to_string(), "c");
        }
        assert_eq!(names.of("session_id", "s"), None, "forgotten");
    }
}
