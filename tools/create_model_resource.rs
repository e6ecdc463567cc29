//! `create-model-resource`: GPUs with a base model on them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::json::Body;
use crate::api::together::billing;
use crate::api::together::model_resource::NewModelResource;
use crate::api::{Call, Reply, Request};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct CreateModelResource;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    body: Body<NewModelResource>,
    /// true: only say what it would cost. Default false.
    estimate_only: Option<bool>,
}

impl Handler for CreateModelResource {
    const SPEC: &'static Spec = &spec::CREATE_MODEL_RESOURCE;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let body = args.body.into_text();
        if args.estimate_only == Some(true) {
            let request = Request::new(call, &spec::ESTIMATE_MODEL_RESOURCE_COST).body(body);
            let note = "Only an estimate: nothing was started.";
            return request.send().await.map(|reply| reply.with("note", &note));
        }
        let price = billing::price(call, &body).await;
        let price = price.unwrap_or_else(|| "by the hour (the price is not known)".to_owned());
        let reply = call.request().body(body).send().await?;
        let id = reply
            .member("id")
            .unwrap_or_else(|| "from list-model-resources".to_owned());
        Ok(reply.with(
            "note",
            &format!("Bills {price} from READY until it is stopped or idle for inactive_timeout. Poll get-model-resource until READY. When the work ends, fails or is given up, call stop-model-resource with model_resources_id {id}."),
        ))
    }
}
