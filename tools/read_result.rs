//! `read-result`: a part of a stored result.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::journal::Given;
use crate::mcp::tool::Handler;
use crate::read_result;
use crate::read_result::Query;
use crate::spec;
use crate::spec::Spec;
use crate::work::blocking;

pub(crate) struct ReadResult;

impl Handler for ReadResult {
    const SPEC: &'static Spec = &spec::READ_RESULT;
    type Args = Query;

    async fn check_files(args: &Query, call: &Call<'_>, problems: &mut Problems) {
        if problems.mention(&Path::Root.key("path")) {
            return;
        }
        let (files, args) = (call.context.config().files.clone(), args.clone());
        let read = blocking(move || read_result::read(&args, &files).err()).await;
        if let Ok(Some(ToolError::Arguments(more))) = read {
            problems.append(more);
        }
    }

    async fn call(args: Query, call: &Call<'_>) -> Result<Reply, ToolError> {
        let files = call.context.config().files.clone();
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
    let files = call.context.config().files.clone();
    let wanted = path.to_owned();
    let near = blocking(move || files.near(&wanted)).await.unwrap_or_default();
    if problems.mention(&at) && near.is_empty() && !path.contains(['/', '\\']) {
        let given = vec![Given::new("operation_id", path)];
        let operation = call
            .context
            .journal()
            .mistaken(&spec::GET_SAMPLE_OPERATION, given, false)
            .await;
        // What is no operation has no file.
        if let Some(operation) = operation.filter(|operation| operation.starts_with(path)) {
            problems.replace(
                &at,
                format!("is not a file: {operation} With output file it writes one."),
            );
        }
    }
    ToolError::Arguments(problems)
}
