//! `read-result`: a part of a stored result.

use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::files::blocking;
use crate::journal::Given;
use crate::problems::{Path, Problems};
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
        let path = args.path().to_owned();
        match blocking(move || read_result::read(&args, &files)).await? {
            Err(ToolError::Arguments(problems)) => Err(told(call, problems, &path).await),
            read => read,
        }
    }
}

/// The problems, or what is behind them: an id in place of a file, of an operation whose result was not stored.
async fn told(call: &Call<'_>, mut problems: Problems, path: &str) -> ToolError {
    let at = Path::Root.key("path");
    let files = call.api.config().files.clone();
    let wanted = path.to_owned();
    let near = blocking(move || files.near(&wanted)).await.unwrap_or_default();
    if problems.mention(&at) && near.is_empty() && !path.contains(['/', '\\']) {
        let given = vec![Given::new("operation_id", path)];
        let operation = call.api.journal().mistaken(call.spec, given).await;
        // What is no operation has no file.
        if let Some(operation) = operation.filter(|operation| operation.starts_with(path)) {
            problems.replace(
                &at,
                format!("is no file: {operation} With output file it writes one."),
            );
        }
    }
    ToolError::Arguments(problems)
}
