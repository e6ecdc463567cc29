//! The arguments that several tools share.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{ModelResourceId, OperationId, SessionId};
use crate::client::IdempotencyKey;
use crate::context::Output;
use crate::json::Body;
use crate::wait::WaitSeconds;

/// Arguments of tools for one session.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionArgs {
    pub session_id: SessionId,
    pub wait_seconds: Option<WaitSeconds>,
}

/// Arguments of tools for one model resource.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ModelResourceArgs {
    pub model_resources_id: ModelResourceId,
    pub wait_seconds: Option<WaitSeconds>,
}

/// Arguments of tools that show an operation whose result is small.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SmallOperationArgs {
    pub session_id: SessionId,
    pub operation_id: OperationId,
    pub wait_seconds: Option<WaitSeconds>,
}

/// Arguments of tools that show an operation whose result may be large.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct OperationArgs {
    pub session_id: SessionId,
    pub operation_id: OperationId,
    pub output: Option<Output>,
    pub wait_seconds: Option<WaitSeconds>,
}

impl From<SmallOperationArgs> for OperationArgs {
    fn from(args: SmallOperationArgs) -> Self {
        Self {
            session_id: args.session_id,
            operation_id: args.operation_id,
            output: None,
            wait_seconds: args.wait_seconds,
        }
    }
}

/// Arguments of tools that save a checkpoint.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CheckpointArgs {
    pub session_id: SessionId,
    pub wait_seconds: Option<WaitSeconds>,
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Arguments of tools that submit an operation with a body and a small result.
#[derive(Deserialize, JsonSchema)]
#[serde(bound = "B: DeserializeOwned")]
pub(crate) struct SmallSubmitArgs<B> {
    pub session_id: SessionId,
    pub body: Body<B>,
    pub wait_seconds: Option<WaitSeconds>,
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Arguments of tools that submit an operation with a body and perhaps a large result.
#[derive(Deserialize, JsonSchema)]
#[serde(bound = "B: DeserializeOwned")]
pub(crate) struct SubmitArgs<B> {
    pub session_id: SessionId,
    pub body: Body<B>,
    pub output: Option<Output>,
    pub wait_seconds: Option<WaitSeconds>,
    pub idempotency_key: Option<IdempotencyKey>,
}
