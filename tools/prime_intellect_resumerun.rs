//! `prime-intellect-resumerun`: goes on with a paused run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::RUN_SECRETS;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::list;
use crate::json;
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::prime::create::ResumeRun;
use crate::prime::secrets;
use crate::prime::secrets::ForwardSecrets;
use crate::prime::{RunId, started};
use crate::spec;
use crate::spec::Spec;
use crate::wait;
use crate::wait::WaitSeconds;

pub(crate) struct PrimeIntellectResumerun;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    run_id: RunId,
    /// What is to be different from the paused run.
    body: Option<Body<ResumeRun>>,
    forward_secrets: Option<ForwardSecrets>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for PrimeIntellectResumerun {
    const SPEC: &'static Spec = &spec::RESUME_RUN;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let given = args.body.map_or_else(|| "{}".to_owned(), Body::into_text);
        let mut body = json::object(&given)?;
        let forwarded = secrets::fill(&mut body, args.forward_secrets, call.context)?;
        let bare = RUN_SECRETS.iter().all(|(_, member)| body.get(member).is_none());
        let bare = bare.then(|| {
            "The paused run's secrets do not carry over, and none was sent (body.wandbApiKey and body.hfToken, or forward_secrets)."
                .to_owned()
        });
        let request = call.request().path("run_id", &args.run_id);
        let reply = request.body(json::text(&body)?).send().await?;
        let own: Option<String> = reply.member("runId");
        let mut before = call.context.journal().resumed(&args.run_id).await;
        before.retain(|run| own.as_ref() != Some(run));
        let again = (!before.is_empty()).then(|| {
            let runs = list(before.iter().map(String::as_str));
            format!("It was resumed before, as {runs}: each run that goes on from it bills by itself until it ends.")
        });
        let reply = started::followed(call, reply, until).await;
        let replaced = format!("It is a new run that goes on where {} was paused.", &*args.run_id);
        let more = std::iter::once(replaced)
            .chain(again)
            .chain(bare)
            .chain(forwarded.gap());
        Ok(started::noted(forwarded.told(reply), more))
    }
}
