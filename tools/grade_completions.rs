//! `grade-completions`: rewards, without a script.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
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

    async fn check_files(args: &GradeArgs, call: &Call<'_>, problems: &mut Problems) {
        let ids = Path::Root.key("operation_ids");
        if problems.mention(&ids) {
            return;
        }
        let session = Path::Root.key("session_id");
        let session_is_told = problems.mention(&session);
        let mistaken = call
            .context
            .journal()
            .mistaken(call.spec, args.ids(), false)
            .await;
        match mistaken {
            Some(mistaken) if session_is_told => {
                problems.replace(&session, format!("is required: {mistaken}"));
            }
            Some(mistaken) => problems.add(&ids, format!("are those of sample operations; {mistaken}")),
            None => {}
        }
    }

    async fn call(args: GradeArgs, call: &Call<'_>) -> Result<Reply, ToolError> {
        grading::graded(args, call).await
    }
}
