//! `optimizer-step`: applies the gathered gradients.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallSubmitArgs;
use crate::together::{gradients, operation, optimizer};

pub(crate) struct OptimizerStep;

impl Handler for OptimizerStep {
    const SPEC: &'static Spec = &spec::OPTIMIZER_STEP;
    type Args = SmallSubmitArgs<optimizer::OptimizerStep>;

    fn check(args: &Self::Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    fn doubt(args: &Self::Args, problems: &Problems) -> Option<String> {
        args.body.value.doubt(problems.is_empty())
    }

    async fn check_files(args: &Self::Args, call: &Call<'_>, problems: &mut Problems) {
        let session = Path::Root.key("session_id");
        // Under a key of the caller's own the service may know the step already.
        if args.idempotency_key.is_none()
            && !problems.mention(&session)
            && let Some(problem) = gradients::missing(call, &args.session_id).await
        {
            problems.add(&session, problem);
        }
    }

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let mut problems = Problems::default();
        Self::check_files(&args, call, &mut problems).await;
        if !problems.is_empty() {
            return Err(ToolError::Arguments(problems));
        }
        operation::submit(call, args.into(), &operation::OPTIMIZER_STEP).await
    }
}
