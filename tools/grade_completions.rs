//! `grade-completions`: rewards, without a script.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::Problems;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::grading::{self, GradeArgs};

pub(crate) struct GradeCompletions;

impl Handler for GradeCompletions {
    const SPEC: &'static Spec = &spec::GRADE_COMPLETIONS;
    type Args = GradeArgs;

    fn check(args: &GradeArgs, problems: &mut Problems) {
        args.check(problems);
    }

    async fn call(args: GradeArgs, call: &Call<'_>) -> Result<Reply, ToolError> {
        grading::graded(args, call).await
    }
}
