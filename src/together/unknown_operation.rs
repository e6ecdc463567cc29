//! An operation that the service does not know: which ones there are.

use crate::context::Call;
use crate::error::Failure;
use crate::error::problems::{Path, Problems, list};
use crate::files::operation_id::operation_of;
use crate::journal::Given;
use crate::json::edit;
use crate::spec::SAMPLE;

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
    let name = journal.starting(call.spec)?.name;
    let started = journal.started(session_id).await;
    if started
        .iter()
        .any(|operation| operation.id.as_deref() == Some(id))
    {
        return None;
    }
    if let Some(own) = started_by(call, session_id, name).await {
        return Some(own);
    }
    journal.knows_session(session_id).await.then(|| {
        format!("no {name} was started in session {session_id} from here: call {name}, whose answer has the operation_id.")
    })
}

/// The operations that this tool started in a session.
async fn started_by(call: &Call<'_>, session_id: &str, name: &str) -> Option<String> {
    let started = call.context.journal().started(session_id).await;
    let of_kind = started.iter().rev().filter(|operation| operation.tool == name);
    let ids: Vec<&str> = of_kind
        .filter_map(|operation| operation.id.as_deref())
        .take(MOST_NAMED)
        .collect();
    if ids.is_empty() {
        return None;
    }
    let ids = list(ids.into_iter());
    Some(format!(
        "{name} has started these in session {session_id}, the newest first: {ids}."
    ))
}

/// The problems of a call that takes sample operations, or what is behind them: an id that is none of a sampling of this
/// session.
pub(crate) async fn told(
    call: &Call<'_>,
    mut problems: Problems,
    session_id: &str,
    given: Vec<Given>,
) -> Problems {
    let ids = Path::Root.key("operation_ids");
    if !problems.mention(&ids) {
        return problems;
    }
    let session = || Given::new("session_id", session_id);
    let with_session = given.into_iter().chain([session()]).collect();
    let journal = call.context.journal();
    let mistaken = journal.mistaken(call.spec, with_session, true).await;
    // Of two wrong ids the next call is to have both right.
    let wrong_session = journal.mistaken(call.spec, vec![session()], true).await;
    let at = Path::Root.key("session_id");
    if let Some(wrong) = wrong_session
        && mistaken.as_ref().is_some_and(|mistaken| *mistaken != wrong)
        && !problems.mention(&at)
    {
        let told = ["session_id ", "check session_id: "]
            .iter()
            .find_map(|own| wrong.strip_prefix(own));
        problems.add(&at, told.unwrap_or(&wrong));
    }
    if let Some(mistaken) = mistaken {
        let takes = format!("are those of sample operations of the session; {mistaken}");
        let own = if mistaken.ends_with(&format!("operations of {}.", SAMPLE.name)) {
            started_by(call, session_id, SAMPLE.name).await
        } else {
            None
        };
        problems.replace(&ids, own.map_or(takes.clone(), |own| format!("{takes} {own}")));
    }
    problems
}
