//! `read-result`: a part of a stored result.

use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::files::blocking;
use crate::read_result::{self, Request};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ReadResult;

impl Handler for ReadResult {
    const SPEC: &'static Spec = &spec::READ_RESULT;
    type Args = Request;

    async fn call(args: Request, call: &Call<'_>) -> Result<Reply, ToolError> {
        let files = call.api.config().files.clone();
        blocking(move || read_result::read(&args, &files)).await?
    }
}
