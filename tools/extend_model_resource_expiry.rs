//! `extend-model-resource-expiry`: keeps an idle model resource up.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::model_resource::ExtendExpiry;
use crate::together::{ModelResourceId, billing};

pub(crate) struct ExtendModelResourceExpiry;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    model_resources_id: ModelResourceId,
    body: Body<ExtendExpiry>,
}

impl Handler for ExtendModelResourceExpiry {
    const SPEC: &'static Spec = &spec::EXTEND_MODEL_RESOURCE_EXPIRY;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call
            .request()
            .path("model_resources_id", &args.model_resources_id);
        match request.body(args.body.into_text()).send().await {
            Err(ToolError::Call(mut failure)) if failure.is_refusal() => {
                let show = Request::new(call, &spec::GET_MODEL_RESOURCE);
                let shown = show
                    .path("model_resources_id", &args.model_resources_id)
                    .send()
                    .await;
                if shown.is_ok_and(|resource| billing::has_ended(&resource)) {
                    failure.next = Some(ENDED.to_owned());
                }
                Err(ToolError::Call(failure))
            }
            answered => answered,
        }
    }
}

const ENDED: &str = "it has ended for good and bills nothing: create-model-resource makes another one, and create-training-session with resume_from_checkpoint_id goes on from a checkpoint there.";
