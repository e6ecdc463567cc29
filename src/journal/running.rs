//! What this process started, as long as it may be up: it bills even when nobody uses it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The model resources that may be up, and the calls that may have started something that bills.
#[derive(Default)]
pub struct Running(Mutex<State>);

#[derive(Default)]
struct State {
    resources: Vec<Resource>,
    creations: Vec<Creation>,
    creations_so_far: u64,
}

/// A model resource that may be up.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// What it costs while READY, as far as that is known.
    pub usd_per_hour: Option<f64>,
}

/// A call that starts something that bills, without an answer so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation {
    number: u64,
    pub tool: &'static str,
    /// When it was sent.
    pub time: String,
    /// The tool that shows what came of it.
    pub look: &'static str,
    /// Whether an answer may still come.
    under_way: bool,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One was created.
    pub fn started(&self, id: &str, usd_per_hour: Option<f64>) {
        self.lock().resources.push(Resource {
            id: id.to_owned(),
            usd_per_hour,
        });
    }

    /// One has ended, or is about to.
    pub fn ended(&self, id: &str) {
        self.lock().resources.retain(|resource| resource.id != id);
    }

    /// Those that may be up.
    #[must_use]
    pub fn all(&self) -> Vec<Resource> {
        self.lock().resources.clone()
    }

    /// A call that starts something is about to be sent; its number.
    pub fn creating(&self, tool: &'static str, time: String, look: &'static str) -> u64 {
        let mut state = self.lock();
        state.creations_so_far += 1;
        let number = state.creations_so_far;
        state.creations.push(Creation {
            number,
            tool,
            time,
            look,
            under_way: true,
        });
        number
    }

    /// That call has ended; `known`: with an answer that says what came of it.
    pub fn created(&self, number: u64, known: bool) {
        self.lock().creations.retain_mut(|creation| {
            creation.under_way &= creation.number != number;
            creation.number != number || !known
        });
    }

    /// The caller has seen what there is, with this tool: nothing of before is unknown any more.
    pub fn looked(&self, look: &str) {
        let creations = &mut self.lock().creations;
        creations.retain(|creation| creation.under_way || creation.look != look);
    }

    /// The calls that may have started something.
    #[must_use]
    pub fn unanswered(&self) -> Vec<Creation> {
        self.lock().creations.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_got_no_answer_is_unknown_until_somebody_looks() {
        let running = Running::default();
        let creating = |tool, look| running.creating(tool, String::new(), look);
        let left = || {
            let left = running.unanswered();
            left.iter().map(|creation| creation.tool).collect::<Vec<_>>()
        };
        let (lost, known) = (creating("a", "list-a"), creating("b", "list-b"));
        running.created(known, true);
        running.created(lost, false);
        creating("c", "list-a");
        assert_eq!(left(), ["a", "c"]);
        running.looked("list-b");
        assert_eq!(left(), ["a", "c"]);
        running.looked("list-a");
        assert_eq!(left(), ["c"], "its answer may still come");
    }
}
