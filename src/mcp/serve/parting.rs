//! What is said when the server ends and leaves something behind that bills.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::context::{Call, Context, Request};
use crate::journal::running::Resource;
use crate::spec::{GET_MODEL_RESOURCE, STOP_MODEL_RESOURCE, Status};
use crate::stderr;

/// How long the service may take to say what is up. Hosts kill what has not ended after two seconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Warns about what this process created and that may still be up, and about what it may have created. Where there is
/// nothing of this, it takes no time.
pub(crate) async fn warn(context: &Arc<Context>) {
    // A sandbox bills nothing, and ends with this process.
    if context.config().sandbox {
        return;
    }
    let created = context.journal().running().all();
    let asked = created.iter().map(|resource| warning(context, resource));
    let mut warnings: Vec<String> = join_all(asked).await.into_iter().flatten().collect();
    // A call that is under way now gets no answer any more.
    let unanswered = context.journal().running().unanswered();
    warnings.extend(unanswered.iter().map(|creation| {
        format!(
            "rl-mcp: warning: the {tool} call of {time} got no answer: it may have started something that bills. Check with {look}, and stop what is not needed.\n",
            tool = creation.tool,
            time = creation.time,
            look = creation.look,
        )
    }));
    if !warnings.is_empty() {
        // No log filter hides what costs money.
        stderr::write(context.redactor().scrub_owned(warnings.concat()));
    }
}

/// The warning about a model resource, unless it has ended.
async fn warning(context: &Arc<Context>, resource: &Resource) -> Option<String> {
    let id = &resource.id;
    let call = Call::new(context, &GET_MODEL_RESOURCE).hurried(PATIENCE);
    let request = Request::new(&call, &GET_MODEL_RESOURCE).path("model_resources_id", id);
    let shown = timeout(PATIENCE, request.send()).await.ok().and_then(Result::ok);
    // The answer was looked at where all are.
    if !context.journal().running().all().contains(resource) {
        return None;
    }
    let status: Option<String> = shown.and_then(|shown| shown.member("status"));
    let price = resource.usd_per_hour.map_or_else(
        || "by the hour".to_owned(),
        |price| format!("{price} USD per hour"),
    );
    let state = match status.as_deref().map(|status| Status::RESOURCE.short(status)) {
        Some("READY") => format!("is READY and bills {price}"),
        Some(status) => format!("is {status} and bills {price} once it is READY"),
        None => format!("may be READY (its state is not known) and then bills {price}"),
    };
    Some(format!(
        "rl-mcp: warning: model resource {id}, created here, {state}. Stop it ({stop} with model_resources_id {id}), or let it go idle, which ends it after its inactive_timeout.\n",
        stop = STOP_MODEL_RESOURCE.name,
    ))
}
