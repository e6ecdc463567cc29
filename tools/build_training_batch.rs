//! `build-training-batch`: the body of a forward-backward pass, of completions and their rewards.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::Problems;
use crate::journal::Given;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::batch;
use crate::together::batch::{BatchArgs, Built};
use crate::together::course::Courses;
use crate::together::unknown_operation::told;
use crate::work::blocking;

pub(crate) struct BuildTrainingBatch;

impl Handler for BuildTrainingBatch {
    const SPEC: &'static Spec = &spec::BUILD_TRAINING_BATCH;
    type Args = BatchArgs;

    fn check(args: &BatchArgs, problems: &mut Problems) {
        args.check(problems);
    }

    fn doubt(args: &BatchArgs, _: &Problems) -> Option<String> {
        args.doubt()
    }

    async fn check_files(args: &BatchArgs, call: &Call<'_>, problems: &mut Problems) {
        let config = call.context.config();
        batch::look_at_examples(args, call, config.files.clone(), problems).await;
        let Some(data) = config.data.as_ref() else { return };
        let mut unknown = Problems::default();
        batch::look(args, &config.files, data, &mut unknown);
        if unknown.is_empty() {
            if let Some(count) = batch::counting(args) {
                let (files, data) = (config.files.clone(), Arc::clone(data));
                let counted = blocking(move || count(&files, &data)).await;
                problems.append(counted.unwrap_or_default());
            }
            return;
        }
        let given = args.samplings().map(|(name, id)| Given::new(name, id)).collect();
        problems.append(told(call, unknown, args.session_id(), given).await);
    }

    async fn call(args: BatchArgs, call: &Call<'_>) -> Result<Reply, ToolError> {
        let config = call.context.config();
        let data = config
            .data
            .as_ref()
            .map(Arc::clone)
            .ok_or_else(ToolError::no_data)?;
        let files = config.files.clone();
        let session_id = args.session_id().to_owned();
        let given: Vec<Given> = args.samplings().map(|(name, id)| Given::new(name, id)).collect();
        let built = match batch::build(args, call, files, data).await {
            Err(ToolError::Arguments(problems)) => {
                return Err(ToolError::Arguments(
                    told(call, problems, &session_id, given).await,
                ));
            }
            built => built?,
        };
        let Built {
            reply: built,
            of_policy,
        } = built;
        let courses = call.context.state::<Courses>();
        courses.built(&session_id, &of_policy);
        let versions: Option<BTreeSet<i64>> = built.member("policy_versions");
        let oldest = versions.and_then(|versions| versions.first().copied());
        let doubt = oldest.and_then(|oldest| courses.older(&session_id, oldest));
        let ended = call.context.journal().session_has_ended(&session_id).await;
        let ended = ended.then(|| {
            format!("Session {session_id} is STOPPED and trains no more: make a new one with create-training-session (resume_from_checkpoint_id: a checkpoint of this one), and call next with that one's session_id and the same body_path.")
        });
        let doubts = doubt.into_iter().chain(ended);
        Ok(doubts.fold(built, |built, doubt| built.noted(&doubt)))
    }
}
