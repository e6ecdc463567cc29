//! `download-checkpoint`: presigned URLs of a checkpoint's files.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::together::{CheckpointId, CheckpointVariant};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct DownloadCheckpoint;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// Id of the inference checkpoint.
    id: CheckpointId,
    /// Which files.
    variant: CheckpointVariant,
}

impl Handler for DownloadCheckpoint {
    const SPEC: &'static Spec = &spec::DOWNLOAD_CHECKPOINT;
    type Args = Args;

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let request = call.request().path("id", &args.id);
        request.query("variant", Some(args.variant)).send().await
    }
}
