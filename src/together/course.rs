//! What this server has submitted in each session, to notice what goes wrong in silence: the service takes a batch twice, a
//! step without gradients or a sampling from old weights, and that is hardly ever meant. Only a step that surely has nothing to
//! apply is refused for it (`gradients.rs`).

use std::sync::{Mutex, PoisonError};

/// How many sessions are kept in mind, the newest.
const MOST_SESSIONS: usize = 200;
/// How many operations of a session are kept in mind: one that is submitted again under its key is the same.
const MOST_OPERATIONS: usize = 64;

/// By how much the loss of one batch never rises in a training that goes well.
const DIVERGED: f64 = 3.0;
const BACK: &str = "Start again from a checkpoint of before (create-training-session with resume_from_checkpoint_id) with a lower learning rate.";

/// The part that an operation has in the training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Adds gradients.
    Gradients,
    /// Applies them.
    Step,
    /// Publishes the weights.
    Sync,
    /// Uses the published weights.
    Sampling,
    /// Changes nothing about either.
    Aside,
}

/// The sessions of which this server knows something, the newest last.
#[derive(Default)]
pub(crate) struct Courses(Mutex<Vec<(String, Course)>>);

/// An operation that was submitted.
struct Operation {
    id: String,
    part: Part,
    batch: u64,
}

/// What is known of one session.
#[derive(Default)]
struct Course {
    operations: Vec<Operation>,
    /// The batches whose gradients wait for a step, each with its operation.
    waiting: Vec<(u64, String)>,
    /// Whether these are all: the session, or the last step, was made here.
    complete: bool,
    /// Whether the session was made here: in another one some other program may be at work.
    own: bool,
    /// Whether some may wait all the same: the answer to a pass was lost, or a pass or a step failed, and what becomes of
    /// gradients then is not published.
    doubtful: bool,
    steps_since_sync: usize,
    /// The last loss of each batch.
    losses: Vec<(u64, f64)>,
    /// The version of the weights that was published last, as far as that is known.
    version: Option<i64>,
    /// The batches that were built of its own samplings.
    built: Vec<u64>,
}

/// What tells batches apart: a hash that is made for speed, as bodies have megabytes and nobody forges them.
#[must_use]
pub(crate) fn fingerprint(body: &str) -> u64 {
    const MULTIPLIER: u64 = 0x517c_c1b7_2722_0a95;
    let (words, rest) = body.as_bytes().as_chunks();
    let mixed = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    let of_words = words.iter().map(|word| u64::from_le_bytes(*word));
    let of_rest = rest.iter().map(|byte| u64::from(*byte));
    of_words.chain(of_rest).fold(0, mixed)
}

impl Courses {
    fn with<T>(&self, session_id: &str, work: impl FnOnce(&mut Course) -> T) -> T {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = session_id.trim();
        let known = sessions.iter().position(|(known, _)| known == id);
        let mut course = known.map_or_else(Course::default, |at| sessions.remove(at).1);
        if sessions.len() == MOST_SESSIONS {
            sessions.remove(0);
        }
        let done = work(&mut course);
        sessions.push((id.to_owned(), course));
        done
    }

    /// A session was created here.
    pub(crate) fn created(&self, session_id: &str) {
        self.with(session_id, |course| {
            course.complete = true;
            course.own = true;
        });
    }

    /// Batches were built of what was sampled in a session.
    pub(crate) fn built(&self, session_id: &str, batches: &[u64]) {
        self.with(session_id, |course| {
            course.built.extend(batches);
            let excess = course.built.len().saturating_sub(MOST_OPERATIONS);
            course.built.drain(..excess);
        });
    }

    /// The session of whose samplings a batch was built, if it is not this one.
    fn built_elsewhere(&self, session_id: &str, batch: u64) -> Option<String> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut builders = sessions
            .iter()
            .filter(|(_, course)| course.built.contains(&batch));
        let is_own = builders.clone().any(|(known, _)| known == session_id.trim());
        builders
            .next()
            .filter(|_| !is_own)
            .map(|(known, _)| known.clone())
    }

    /// An operation was accepted; `batch` is the fingerprint of its body. What the caller may not have meant.
    #[must_use]
    pub(crate) fn submitted(
        &self,
        session_id: &str,
        part: Part,
        operation_id: &str,
        batch: u64,
    ) -> Option<String> {
        let builder = Some(batch).filter(|_| part == Part::Gradients);
        let builder = builder.and_then(|batch| self.built_elsewhere(session_id, batch));
        let note = self.with(session_id, |course| course.submitted(part, operation_id, batch));
        note.or_else(|| {
            builder.map(|builder| {
                format!("This batch holds completions that session {builder} sampled: unless this session goes on from a checkpoint of that one, they are of another policy. Sample in this session for on-policy training.")
            })
        })
    }

    /// The answer to a pass was lost: it may have added gradients.
    pub(crate) fn lost(&self, session_id: &str) {
        self.with(session_id, |course| course.doubtful = true);
    }

    /// Whether it is certain that this server has left no gradients waiting.
    #[must_use]
    pub(crate) fn has_none_waiting(&self, session_id: &str) -> bool {
        self.with(session_id, |course| {
            course.own && course.complete && !course.doubtful && course.waiting.is_empty()
        })
    }

    /// Whether this server submitted an operation, as far as it remembers.
    #[must_use]
    pub(crate) fn knows(&self, session_id: &str, operation_id: &str) -> bool {
        self.with(session_id, |course| {
            course.operations.iter().any(|known| known.id == operation_id)
        })
    }

    /// An operation was seen to have failed: it changed nothing.
    pub(crate) fn failed(&self, session_id: &str, operation_id: &str) {
        self.with(session_id, |course| {
            let known = course
                .operations
                .iter()
                .position(|known| known.id == operation_id);
            let Some(failed) = known.map(|at| course.operations.remove(at)) else {
                return;
            };
            match failed.part {
                Part::Gradients => {
                    course.waiting.retain(|(_, id)| id != operation_id);
                    course.doubtful = true;
                }
                Part::Step => {
                    course.complete = false;
                    course.doubtful = true;
                    course.steps_since_sync = course.steps_since_sync.saturating_sub(1);
                }
                _ => {}
            }
        });
    }

    /// A pass was seen to have ended with this loss; `None`: it is no longer a number. What that means for the training.
    #[must_use]
    pub(crate) fn passed(&self, session_id: &str, operation_id: &str, loss: Option<f64>) -> Option<String> {
        self.with(session_id, |course| course.passed(operation_id, loss))
    }

    /// The weights of this version were published.
    pub(crate) fn published(&self, session_id: &str, version: i64) {
        self.with(session_id, |course| {
            course.version = course.version.max(Some(version));
        });
    }

    /// What the caller may not have meant by a batch whose completions come from weights of this version.
    #[must_use]
    pub(crate) fn older(&self, session_id: &str, oldest: i64) -> Option<String> {
        let newest = self.with(session_id, |course| course.version)?;
        (oldest < newest).then(|| format!(
            "It holds completions of the weights' version {oldest}, and version {newest} is published: for on-policy training sample again."
        ))
    }
}

impl Course {
    fn passed(&mut self, operation_id: &str, loss: Option<f64>) -> Option<String> {
        let batch = self
            .operations
            .iter()
            .find(|known| known.id == operation_id)?
            .batch;
        let Some(loss) = loss else {
            return Some(format!(
                "The loss is no longer a number: the training has diverged. {BACK}"
            ));
        };
        let before = self.losses.iter().position(|(known, _)| *known == batch);
        let before = before.map(|at| self.losses.remove(at).1);
        if self.losses.len() == MOST_OPERATIONS {
            self.losses.remove(0);
        }
        self.losses.push((batch, loss));
        let before = before.filter(|before| *before > 0.0)?;
        (loss > before * DIVERGED).then(|| {
            format!("The loss of this batch was {before:.4} before and is {loss:.4} now: the training diverges. {BACK}")
        })
    }

    fn submitted(&mut self, part: Part, operation_id: &str, batch: u64) -> Option<String> {
        if self.operations.iter().any(|known| known.id == operation_id) {
            return None;
        }
        if self.operations.len() == MOST_OPERATIONS {
            self.operations.remove(0);
        }
        self.operations.push(Operation {
            id: operation_id.to_owned(),
            part,
            batch,
        });
        match part {
            Part::Gradients => {
                let same = self.waiting.iter().find(|(known, _)| *known == batch);
                let note = same.map(|(_, id)| {
                    format!(
                        "This batch went in before, as {id}, and no optimizer-step came between: its gradients count twice."
                    )
                });
                self.waiting.push((batch, operation_id.to_owned()));
                note
            }
            Part::Step => {
                let nothing = self.complete && self.waiting.is_empty();
                self.waiting.clear();
                self.complete = true;
                self.doubtful = false;
                self.steps_since_sync += 1;
                nothing.then(|| {
                    "No gradients were added here since the last optimizer-step, so this step moves the weights by momentum and weight decay alone: forward-backward-pass comes first.".to_owned()
                })
            }
            Part::Sync => {
                self.steps_since_sync = 0;
                None
            }
            Part::Sampling if self.steps_since_sync > 0 => Some(format!(
                "{} optimizer-step(s) came after the last weights-sync: these completions are of the weights before. For on-policy training call weights-sync first.",
                self.steps_since_sync
            )),
            Part::Sampling | Part::Aside => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part::{Gradients, Sampling, Step, Sync};
    use super::*;

    /// The notes on these operations of a session, in order; each part with its batch.
    fn noted(made_here: bool, operations: &[(Part, u64)]) -> Vec<bool> {
        let courses = Courses::default();
        if made_here {
            courses.created("s");
        }
        let numbered = operations.iter().enumerate();
        numbered
            .map(|(number, (part, batch))| {
                courses
                    .submitted("s", *part, &number.to_string(), *batch)
                    .is_some()
            })
            .collect()
    }

    #[test]
    fn what_an_ordinary_run_does_is_not_noted() {
        let step = [
            (Gradients, 1),
            (Gradients, 2),
            (Step, 0),
            (Sync, 0),
            (Sampling, 0),
        ];
        assert_eq!(noted(true, &[step, step].concat()), [false; 10]);
        // Several epochs over one batch, before the next sampling.
        let epochs = [
            (Gradients, 1),
            (Step, 0),
            (Gradients, 1),
            (Step, 0),
            (Sync, 0),
            (Sampling, 0),
        ];
        assert_eq!(noted(true, &epochs), [false; 6]);
        // Gradients may wait that another process has added.
        assert_eq!(noted(false, &[(Step, 0)]), [false]);
    }

    #[test]
    fn what_is_hardly_meant_is_noted() {
        assert_eq!(noted(true, &[(Step, 0)]), [true]);
        assert_eq!(noted(false, &[(Step, 0), (Step, 0)]), [false, true]);
        assert_eq!(
            noted(false, &[(Gradients, 1), (Gradients, 2), (Gradients, 1)]),
            [false, false, true]
        );
        assert_eq!(
            noted(true, &[(Gradients, 1), (Step, 0), (Sampling, 0)]),
            [false, false, true]
        );
    }

    #[test]
    fn only_what_is_certain_counts_as_no_gradients() {
        let courses = Courses::default();
        let _ = courses.submitted("another's", Step, "a", 0);
        assert!(
            !courses.has_none_waiting("another's"),
            "its maker may have added some"
        );
        let submitted = |part, id: &str| {
            let _ = courses.submitted("s", part, id, 0);
        };
        courses.created("s");
        assert!(courses.has_none_waiting("s"));
        submitted(Part::Aside, "a");
        assert!(courses.has_none_waiting("s") && courses.knows("s", "a"));
        submitted(Gradients, "b");
        assert!(!courses.has_none_waiting("s"));
        submitted(Step, "c");
        assert!(courses.has_none_waiting("s"));
        courses.lost("s");
        assert!(!courses.has_none_waiting("s"));
        submitted(Step, "d");
        submitted(Gradients, "e");
        courses.failed("s", "e");
        assert!(!courses.has_none_waiting("s"), "they may have survived");
    }

    #[test]
    fn a_loss_that_rises_steeply_is_noted() {
        let courses = Courses::default();
        let passed = |id: &str, batch, loss| {
            let _ = courses.submitted("s", Gradients, id, batch);
            courses.passed("s", id, loss).is_some()
        };
        assert!(!passed("a", 1, Some(35.7)));
        assert!(!passed("b", 1, Some(50.0)));
        assert!(!passed("c", 2, Some(900.0)), "another batch");
        assert!(!passed("d", 1, Some(40.0)));
        assert!(passed("e", 1, Some(852.0)));
        assert!(passed("f", 1, None));
        assert!(courses.passed("s", "unknown", None).is_none());
    }

    #[test]
    fn what_failed_or_is_the_same_operation_again_counts_for_nothing() {
        let courses = Courses::default();
        courses.created("s");
        let submitted = |part, id: &str| courses.submitted(" s ", part, id, 7).is_some();
        assert!(!submitted(Gradients, "a") && !submitted(Gradients, "a"));
        courses.failed("s", "a");
        assert!(!submitted(Gradients, "b"));
        courses.failed("s", "b");
        assert!(submitted(Step, "c"));
        courses.failed("s", "c");
        assert!(!submitted(Sampling, "d") && !submitted(Step, "e"));
    }

    #[test]
    fn a_batch_of_another_session_is_noted() {
        let courses = Courses::default();
        let submitted = |session: &str, id: &str, batch| {
            let note = courses.submitted(session, Gradients, id, batch);
            note.is_some_and(|note| note.contains("session a sampled"))
        };
        courses.built("a", &[1, 2]);
        assert!(!submitted("a", "x", 1) && submitted("b", "y", 2) && !submitted("b", "z", 3));
        // The same completions in both.
        courses.built("b", &[1]);
        assert!(!submitted("b", "v", 1));
    }

    #[test]
    fn an_older_version_is_told_from_the_newest_that_was_published() {
        let courses = Courses::default();
        assert_eq!(courses.older("s", 0), None);
        courses.published("s", 2);
        courses.published("s", 1);
        assert!(courses.older("s", 1).is_some());
        assert_eq!(courses.older("s", 2), None);
        for other in 0..MOST_SESSIONS {
            courses.created(&other.to_string());
        }
        assert_eq!(courses.older("s", 1), None, "forgotten");
    }
}
