//! Whether there is anything that an optimizer step could apply.

use super::course::Courses;
use crate::context::Call;
use crate::spec::{CUSTOM_FORWARD_BACKWARD_PASS, FORWARD_BACKWARD_PASS, OPTIMIZER_STEP};

/// The tools that add gradients.
const ADDING: [&str; 2] = [FORWARD_BACKWARD_PASS.name, CUSTOM_FORWARD_BACKWARD_PASS.name];

/// Most of those who call again without a pass believe that a step takes several calls.
const REPEATED: &str = "the last optimizer-step has applied all there were, and the weights are changed. Go on: weights-sync makes sample use them, and forward-backward-pass with the next batch (without forward_only) is what a further step needs";
const FIRST: &str = "no forward-backward-pass was submitted in it (one with forward_only adds none). Call forward-backward-pass first";
const ELSEWHERE: &str = "Only if a program other than this server is known to have added some, an idempotency_key, any new text, lets the step through";

/// What to say of a session that surely has no gradients: it was made by this server, as was all that was done since they were
/// last applied, and none of that added any. Other servers on this machine write into the same journal.
pub(crate) async fn missing(call: &Call<'_>, session_id: &str) -> Option<String> {
    let courses = call.context.state::<Courses>();
    if !courses.has_none_waiting(session_id) {
        return None;
    }
    let started = call.context.journal().started(session_id).await;
    let since = started
        .iter()
        .rev()
        .take_while(|operation| operation.tool != OPTIMIZER_STEP.name);
    let is_foreign = |id: &Option<String>| !id.as_ref().is_some_and(|id| courses.knows(session_id, id));
    let mut adding = since.filter(|operation| ADDING.contains(&operation.tool.as_str()));
    if adding.any(|operation| is_foreign(&operation.id)) {
        return None;
    }
    if call.context.journal().session_has_ended(session_id).await {
        return Some("has ended, and trains no more: make a new session with create-training-session (resume_from_checkpoint_id: a checkpoint of this one), and call forward-backward-pass and this there".to_owned());
    }
    let has_stepped = started
        .iter()
        .any(|operation| operation.tool == OPTIMIZER_STEP.name);
    let next = if has_stepped { REPEATED } else { FIRST };
    Some(format!("has no gradients to apply: {next}. {ELSEWHERE}"))
}
