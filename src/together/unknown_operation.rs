//! An operation that the service does not know: which ones there are.

use crate::context::Call;
use crate::error::Failure;
use crate::error::problems::list;
use crate::files::operation_id::operation_of;
use crate::json::edit;

/// How many operations are named, the newest.
const MOST_NAMED: usize = 5;

/// A refusal of an operation's id, with the operations of its kind that were started in the session.
pub(crate) async fn explained(call: &Call<'_>, raw: &str, mut failure: Box<Failure>) -> Box<Failure> {
    let given = |name| edit::member::<String>(raw, name);
    if let (Some(session_id), Some(id)) = (given("session_id"), given("operation_id"))
        && failure.status() == Some(404)
        && failure.next.is_none()
    {
        let id = operation_of(&id).unwrap_or(&id);
        failure.next = known(call, &session_id, id.trim()).await;
    }
    failure
}

/// Which operations of the kind there are in a session in place of `id`, as far as they were started from here; `None`: this is
/// one of them, or the journal knows nothing of the session.
async fn known(call: &Call<'_>, session_id: &str, id: &str) -> Option<String> {
    let journal = call.context.journal();
    let starts = journal.starting(call.spec)?;
    let started = journal.started(session_id).await;
    if started
        .iter()
        .any(|operation| operation.id.as_deref() == Some(id))
    {
        return None;
    }
    let of_kind = started
        .iter()
        .rev()
        .filter(|operation| operation.tool == starts.name);
    let ids: Vec<&str> = of_kind
        .filter_map(|operation| operation.id.as_deref())
        .take(MOST_NAMED)
        .collect();
    let name = starts.name;
    if !ids.is_empty() {
        let ids = list(ids.into_iter());
        return Some(format!(
            "{name} has started these in session {session_id}, the newest first: {ids}."
        ));
    }
    journal.knows_session(session_id).await.then(|| {
        format!("no {name} was started in session {session_id} from here: call {name}, whose answer has the operation_id.")
    })
}
