//! `custom-forward-backward-pass`: gradients of a loss that the caller computed.

use crate::api::together::args::SmallSubmitArgs;
use crate::api::together::custom::CustomForwardBackward;
use crate::api::together::operation;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct CustomForwardBackwardPass;

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
