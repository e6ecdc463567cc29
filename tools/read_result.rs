//! `read-result`: a part of a stored result.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::mcp::tool::Handler;
use crate::read_result;
use crate::read_result::Request;
use crate::spec;
use crate::spec::Spec;
use crate::work::blocking;

/// The tool.
pub struct ReadResult;

impl Handler for ReadResult {
    const SPEC: &'static Spec = &spec::READ_RESULT;
    type Args = Request;

    async fn call(args: Request, call: &Call<'_>) -> Result<Reply, ToolError> {
        let files = call.context.config().files.clone();
        blocking(move || read_result::read(&args, &files)).await?
    }
}
