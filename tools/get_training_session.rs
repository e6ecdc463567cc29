//! `get-training-session`: one session with its state, step and checkpoints.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SessionArgs;
use crate::together::base_model;
use crate::wait;
use crate::wait::SESSION;

pub(crate) struct GetTrainingSession;

impl Handler for GetTrainingSession {
    const SPEC: &'static Spec = &spec::GET_TRAINING_SESSION;
    type Args = SessionArgs;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let waited = wait::shown(call, &SESSION, &[&args.session_id], until).await?;
        base_model::learn(call, waited.reply());
        Ok(waited.into_reply())
    }
}
