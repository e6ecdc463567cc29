//! `build-training-batch`: the body of a forward-backward pass, of completions and their rewards.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::{Call, Reply};
use crate::batch::{self, Request};
use crate::error::ToolError;
use crate::files::blocking;
use crate::problems::Problems;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct BuildTrainingBatch;

impl Handler for BuildTrainingBatch {
    const SPEC: &'static Spec = &spec::BUILD_TRAINING_BATCH;
    type Args = Request;

    fn check(args: &Request, problems: &mut Problems) {
        args.check(problems);
    }

    async fn call(args: Request, call: &Call<'_>) -> Result<Reply, ToolError> {
        let config = call.api.config();
        let data = config
            .data
            .as_ref()
            .map(Arc::clone)
            .ok_or_else(ToolError::no_data)?;
        let files = config.files.clone();
        let session_id = args.session_id().to_owned();
        let built = blocking(move || batch::build(args, &files, &data)).await??;
        let versions: Option<BTreeSet<i64>> = built.member("policy_versions");
        let oldest = versions.and_then(|versions| versions.first().copied());
        let doubt = oldest.and_then(|oldest| call.api.courses().older(&session_id, oldest));
        Ok(match doubt {
            Some(doubt) => built.noted(&doubt),
            None => built,
        })
    }
}
