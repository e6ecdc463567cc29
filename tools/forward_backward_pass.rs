//! `forward-backward-pass`: loss and gradients of a batch.

use crate::api::together::args::SubmitArgs;
use crate::api::together::forward_backward::ForwardBackward;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ForwardBackwardPass;

impl Handler for ForwardBackwardPass {
    const SPEC: &'static Spec = &spec::FORWARD_BACKWARD_PASS;
    type Args = SubmitArgs<ForwardBackward>;

    fn check(args: &Self::Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let (kind, doubt) = (args.body.value.kind(), args.body.value.doubt());
        let answer = operation::submit(call, args, kind).await?;
        Ok(match doubt {
            Some(doubt) => answer.noted(&doubt),
            None => answer,
        })
    }
}
