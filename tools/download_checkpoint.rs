//! `download-checkpoint`: the files of a checkpoint, or presigned URLs of them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::renamed;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::download;
use crate::together::download::Wanted;
use crate::together::{CheckpointId, CheckpointVariant};
use crate::wait;
use crate::wait::WaitSeconds;

pub(crate) struct DownloadCheckpoint;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("checkpoint", "id"), ("checkpoint_id", "id"), ("path", "directory"), ("output_dir", "directory"), ("local_dir", "directory")]))]
pub(crate) struct Args {
    /// Id of the inference checkpoint.
    id: CheckpointId,
    /// Which files.
    variant: CheckpointVariant,
    /// Download into this directory, below the data directory (such as checkpoints/NAME) or one that RL_MCP_FILE_DIRS allows.
    directory: Option<String>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for DownloadCheckpoint {
    const SPEC: &'static Spec = &spec::DOWNLOAD_CHECKPOINT;
    type Args = Args;

    async fn check_files(args: &Args, call: &Call<'_>, problems: &mut Problems) {
        if let Some(Err(ToolError::Arguments(more))) = place(args, call).await.map(|place| place.map(drop)) {
            problems.append(more);
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let Some(directory) = place(&args, call).await else {
            let links = download::list(call, &args.id, args.variant).await?;
            // They are what was asked for.
            download::show_urls(call, &links);
            return Ok(download::fitting(links));
        };
        let wanted = Wanted {
            checkpoint_id: args.id.trim().to_owned(),
            variant: args.variant,
            directory: directory?,
        };
        let (job, took) = download::download(call, &wanted, until.unwrap_or(call.started)).await?;
        Ok(download::reply(&wanted, &job, took))
    }
}

/// The directory to download into, if one is named.
async fn place(args: &Args, call: &Call<'_>) -> Option<Result<PathBuf, ToolError>> {
    let place = call
        .context
        .config()
        .files
        .directory(args.directory.as_deref()?)
        .await;
    Some(place.map_err(|problem| Problems::one(&Path::Root.key("directory"), problem).into()))
}
