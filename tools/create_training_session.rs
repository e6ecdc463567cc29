//! `create-training-session`: a new session on a model resource.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::journal::Given;
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::base_model;
use crate::together::course::Courses;
use crate::together::models::Models;
use crate::together::session::CreateSession;
use crate::wait;
use crate::wait::SESSION_UP;
use crate::wait::WaitSeconds;

pub(crate) struct CreateTrainingSession;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    body: Body<CreateSession>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for CreateTrainingSession {
    const SPEC: &'static Spec = &spec::CREATE_TRAINING_SESSION;
    type Args = Args;

    fn doubt(args: &Args, _: &Problems) -> Option<String> {
        args.body.value.doubt().map(str::to_owned)
    }

    async fn check_files(args: &Args, call: &Call<'_>, problems: &mut Problems) {
        let session = &args.body.value;
        let body = Path::Root.key("body");
        for (path, id) in session.ids() {
            let Some(id) = id else { continue };
            let journal = call.context.journal();
            let told = journal
                .mistaken(call.spec, vec![Given::new(path, id)], false)
                .await;
            if let Some(told) = told {
                let message = told.strip_prefix(path).unwrap_or(&told);
                problems.add(&Path::Root.key(path), message.trim_start());
            }
        }
        let Some((rank, resource)) = session.rank() else {
            return;
        };
        let most = base_model::known(call, resource)
            .and_then(|base_model| call.context.state::<Models>().max_rank(&base_model));
        if let Some(most) = most.filter(|most| rank > *most) {
            let at = body.key("lora_config");
            problems.add(
                &at.key("rank"),
                format!("is {rank}, and this model takes at most {most}"),
            );
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let (text, session) = args.body.into_parts();
        let mut request = call.request().body(text).named(session.name(), None);
        for (path, id) in session.ids() {
            request = request.id(path, id);
        }
        let reply = request.send().await.map_err(|error| advised(error, &session))?;
        if let Some(id) = reply.member::<String>("id") {
            call.context.state::<Courses>().created(&id);
        }
        base_model::learn(call, &reply);
        let waited = wait::created(call, &SESSION_UP, &[], "id", reply, until).await;
        Ok(waited.into_reply())
    }
}

/// A refusal of one of two ids: the row's advice knows of one.
fn advised(error: ToolError, session: &CreateSession) -> ToolError {
    match error {
        ToolError::Call(mut failure) if failure.status() == Some(404) && session.resumes() => {
            let next = "check model_resources_id (list-model-resources shows those that exist) and resume_from_checkpoint_id (get-training-session shows a session's checkpoints).";
            failure.next.get_or_insert_with(|| next.to_owned());
            ToolError::Call(failure)
        }
        ToolError::Call(mut failure) if matches!(failure.status(), Some(400 | 422)) => {
            let next = |doubt| {
                format!(
                    "correct what the service names. If that is the model resource: sessions can be created only while it is READY, and list-model-resources shows which are. {doubt}"
                )
            };
            failure.next = failure.next.or_else(|| session.doubt().map(next));
            ToolError::Call(failure)
        }
        error => error,
    }
}
