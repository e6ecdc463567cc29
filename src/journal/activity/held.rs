//! What training runs hold while their workers are at work: theirs to use and to end.

use std::collections::HashMap;

use super::Activity;

impl Activity {
    /// Says of sessions and model resources whose they are, by id, and offers nobody else's next step with them.
    #[must_use]
    pub fn with_runs(mut self, held: &HashMap<String, String>) -> Self {
        for bills in &mut self.may_be_billing {
            if let Some(run) = bills.id().and_then(|id| held.get(&id)) {
                bills.leave_to(run);
            }
        }
        for session in &mut self.sessions {
            if let Some(run) = held.get(session.id()) {
                session.leave_to(run);
            }
        }
        self
    }
}
