//! `build-training-batch`: the body of a forward-backward pass, of completions and their rewards.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::journal::Given;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::batch;
use crate::together::batch::BatchArgs;
use crate::together::course::Courses;
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
        if let ToolError::Arguments(told) = told(call, unknown, args.session_id(), given).await {
            problems.append(told);
        }
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
            Err(ToolError::Arguments(problems)) => return Err(told(call, problems, &session_id, given).await),
            built => built?,
        };
        let versions: Option<BTreeSet<i64>> = built.member("policy_versions");
        let oldest = versions.and_then(|versions| versions.first().copied());
        let doubt = oldest.and_then(|oldest| call.context.state::<Courses>().older(&session_id, oldest));
        let ended = call.context.journal().session_has_ended(&session_id).await;
        let ended = ended.then(|| {
            format!("Session {session_id} is STOPPED and trains no more: make a new one with create-training-session (resume_from_checkpoint_id: a checkpoint of this one), and call next with that one's session_id and the same body_path.")
        });
        let doubts = doubt.into_iter().chain(ended);
        Ok(doubts.fold(built, |built, doubt| built.noted(&doubt)))
    }
}

/// The problems, or what is behind them: an id that is none of a sampling of this session.
async fn told(call: &Call<'_>, mut problems: Problems, session_id: &str, given: Vec<Given>) -> ToolError {
    let ids = Path::Root.key("operation_ids");
    if !problems.mention(&ids) {
        return ToolError::Arguments(problems);
    }
    let session = || Given::new("session_id", session_id);
    let given = given.into_iter().chain([session()]).collect();
    let journal = call.context.journal();
    let mistaken = journal.mistaken(&spec::BUILD_TRAINING_BATCH, given, true).await;
    // Of two wrong ids the next call is to have both right.
    let wrong_session = journal
        .mistaken(&spec::BUILD_TRAINING_BATCH, vec![session()], true)
        .await;
    let at = Path::Root.key("session_id");
    if let Some(wrong) = wrong_session
        && mistaken.as_ref().is_some_and(|mistaken| *mistaken != wrong)
        && !problems.mention(&at)
    {
        let told = ["session_id ", "check session_id: "]
            .iter()
            .find_map(|own| wrong.strip_prefix(own));
        problems.add(&at, told.unwrap_or(&wrong));
    }
    if let Some(mistaken) = mistaken {
        problems.replace(
            &ids,
            format!("are those of sample operations of the session; {mistaken}"),
        );
    }
    ToolError::Arguments(problems)
}
