//! `forward-backward-pass`: loss and gradients of a batch.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SubmitArgs;
use crate::together::forward_backward::ForwardBackward;
use crate::together::operation;

pub(crate) struct ForwardBackwardPass;

impl Handler for ForwardBackwardPass {
    const SPEC: &'static Spec = &spec::FORWARD_BACKWARD_PASS;
    type Args = SubmitArgs<ForwardBackward>;

    fn check(args: &Self::Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    fn doubt(args: &Self::Args, problems: &Problems) -> Option<String> {
        args.body.value.doubt(problems.is_empty())
    }

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let kind = args.body.value.kind();
        operation::submit(call, args.into(), kind).await
    }
}
