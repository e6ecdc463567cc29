//! `sample`: completions of prompts, with log-probabilities.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SubmitArgs;
use crate::together::{operation, sample};

pub(crate) struct Sample;

impl Handler for Sample {
    const SPEC: &'static Spec = &spec::SAMPLE;
    type Args = SubmitArgs<sample::Sample>;

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::submit(call, args, &operation::SAMPLE).await
    }
}
