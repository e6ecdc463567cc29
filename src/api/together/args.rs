//! The arguments that several tools share.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{ModelResourceId, OperationId, SessionId};
use crate::api::IdempotencyKey;
use crate::api::json::Body;

/// Of tools that concern one session.
#[derive(Deserialize, JsonSchema)]
pub struct SessionArgs {
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub session_id: SessionId,
}

/// Of tools that concern one model resource.
#[derive(Deserialize, JsonSchema)]
pub struct ModelResourceArgs {
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub model_resources_id: ModelResourceId,
}

/// Of tools that show an operation.
#[derive(Deserialize, JsonSchema)]
pub struct OperationArgs {
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub session_id: SessionId,
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub operation_id: OperationId,
}

/// Of tools that save a checkpoint.
#[derive(Deserialize, JsonSchema)]
pub struct CheckpointArgs {
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub session_id: SessionId,
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Of tools that submit an operation with a body.
#[derive(Deserialize, JsonSchema)]
#[serde(bound = "B: DeserializeOwned")]
pub struct SubmitArgs<B> {
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub session_id: SessionId,
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub body: Body<B>,
    #[expect(missing_docs, reason = "the type's doc is the description")]
    pub idempotency_key: Option<IdempotencyKey>,
}
