//! `sample`: completions of prompts, with log-probabilities.

use crate::api::together::args::SubmitArgs;
use crate::api::together::{operation, sample};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct Sample;

impl Handler for Sample {
    const SPEC: &'static Spec = &spec::SAMPLE;
    type Args = SubmitArgs<sample::Sample>;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::submit(call, args, &operation::SAMPLE).await
    }
}
