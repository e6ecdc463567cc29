//! `custom-forward-backward-pass`: gradients of a loss that the caller computed.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SmallSubmitArgs;
use crate::together::custom::CustomForwardBackward;
use crate::together::operation;

pub(crate) struct CustomForwardBackwardPass;

impl Handler for CustomForwardBackwardPass {
    const SPEC: &'static Spec = &spec::CUSTOM_FORWARD_BACKWARD_PASS;
    type Args = SmallSubmitArgs<CustomForwardBackward>;

    fn check(args: &Self::Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        operation::submit(call, args.into(), &operation::CUSTOM_FORWARD_BACKWARD).await
    }
}
