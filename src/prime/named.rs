//! Runs that were called by their names.

use serde::Deserialize;

use super::team;
use crate::context::{Call, Request};
use crate::error::Failure;
use crate::error::problems::list;
use crate::json::edit;
use crate::spec::LIST_RUNS;

/// How many runs are looked through, the newest.
const MOST: u32 = 100;

#[derive(Deserialize)]
struct Run {
    id: String,
    name: Option<String>,
}

/// A refusal of a call about a run; if its id is the name of a run, with that one's id: models know runs by their names.
pub(crate) async fn explained(call: &Call<'_>, raw: &str, mut failure: Box<Failure>) -> Box<Failure> {
    let run_id: Option<String> = edit::member(raw, "run_id");
    let Some(run_id) =
        run_id.filter(|_| failure.status() == Some(404) && failure.next.is_none() && !failure.perhaps_done)
    else {
        return failure;
    };
    let request = Request::new(call, &LIST_RUNS).query("limit", Some(MOST));
    let shown = request.query("team_id", team(None, call)).send().await;
    let runs: Option<Vec<Run>> = shown.ok().and_then(|shown| shown.member("runs"));
    let runs = runs.unwrap_or_default();
    let named = runs
        .iter()
        .filter(|run| run.name.as_deref() == Some(run_id.trim()));
    let ids = list(named.map(|run| run.id.as_str()));
    if !ids.is_empty() {
        failure.next = Some(format!(
            "run_id is to be the id of a run, and {} is what it is called: its id is {ids}.",
            run_id.trim()
        ));
    }
    failure
}
