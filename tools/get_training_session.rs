//! `get-training-session`: one session with its state, step and checkpoints.

use crate::api::together::args::SessionArgs;
use crate::api::wait::{self, SESSION};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct GetTrainingSession;

impl Handler for GetTrainingSession {
    const SPEC: &'static Spec = &spec::GET_TRAINING_SESSION;
    type Args = SessionArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let waited = wait::shown(call, &SESSION, &[&args.session_id], until).await?;
        Ok(waited.told())
    }
}
