//! `optimizer-step`: applies the gathered gradients.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallSubmitArgs;
use crate::together::{operation, optimizer};

pub(crate) struct OptimizerStep;

impl Handler for OptimizerStep {
    const SPEC: &'static Spec = &spec::OPTIMIZER_STEP;
    type Args = SmallSubmitArgs<optimizer::OptimizerStep>;

    fn check(args: &Self::Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let doubt = args.body.value.doubt();
        let answer = operation::submit(call, args.into(), &operation::OPTIMIZER_STEP).await?;
        Ok(match doubt {
            Some(doubt) => answer.noted(&doubt),
            None => answer,
        })
    }
}
