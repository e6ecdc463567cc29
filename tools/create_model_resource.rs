//! `create-model-resource`: GPUs with a base model on them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::billing::Price;
use crate::together::model_resource::NewModelResource;
use crate::together::{base_model, billing, models};
use crate::wait;
use crate::wait::RESOURCE_UP;
use crate::wait::WaitSeconds;

pub(crate) struct CreateModelResource;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    body: Body<NewModelResource>,
    /// true: only say what it would cost. Default false.
    estimate_only: Option<bool>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for CreateModelResource {
    const SPEC: &'static Spec = &spec::CREATE_MODEL_RESOURCE;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn check_files(args: &Args, call: &Call<'_>, problems: &mut Problems) {
        models::look(call, args.body.text(), problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let body = args.body.into_text();
        if args.estimate_only == Some(true) {
            let request = Request::new(call, &spec::ESTIMATE_MODEL_RESOURCE_COST).body(body);
            let reply = request.send().await?;
            let over = call.context.config().max_price_per_hour;
            let over = over.and_then(|limit| billing::over_limit(&reply, limit));
            let note = "Only an estimate: nothing was started.".to_owned();
            let note = over.map_or_else(|| note.clone(), |over| format!("{note} {over}"));
            return Ok(reply.with("note", &note));
        }
        let price = billing::price(call, &body).await;
        if let Some(limit) = call.context.config().max_price_per_hour {
            billing::within_limit(&price, limit)?;
        }
        let price = price.ok().flatten();
        let usd_per_hour = price.as_ref().and_then(Price::usd);
        let price = price.map_or_else(
            || "by the hour (the price is not known)".to_owned(),
            |price| price.to_string(),
        );
        let request = call.request().body(body).usd_per_hour(usd_per_hour);
        let reply = request.send().await?;
        base_model::learn(call, &reply);
        let waited = wait::created(call, &RESOURCE_UP, &[], "id", reply, until).await;
        let reply = waited.into_reply();
        if billing::has_ended(&reply) {
            return Ok(reply);
        }
        let id = reply
            .member("id")
            .unwrap_or_else(|| "from list-model-resources".to_owned());
        Ok(reply.noted(&format!("Bills {price} from READY until it is stopped or idle for inactive_timeout. When the work ends, fails or is given up, call stop-model-resource with model_resources_id {id}.")))
    }
}
