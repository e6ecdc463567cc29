//! `stop-training-session`: ends a session.

use crate::api::together::args::SessionArgs;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct StopTrainingSession;

impl Handler for StopTrainingSession {
    const SPEC: &'static Spec = &spec::STOP_TRAINING_SESSION;
    type Args = SessionArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        call.request().path("session_id", &args.session_id).send().await
    }
}
