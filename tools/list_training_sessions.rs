//! `list-training-sessions`: the caller's sessions, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::together::list::{OfSession, Page, StatusFilter};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct ListTrainingSessions;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// Only sessions of this status, or of several joined by commas: CREATING, RUNNING, STOPPING, STOPPED, ERROR, EXPIRED.
    status: Option<StatusFilter<OfSession>>,
    /// Only those on this model resource.
    model_resources_id: Option<String>,
    /// Only those of this user id, or me.
    created_by: Option<String>,
    #[serde(flatten)]
    page: Page,
}

impl Handler for ListTrainingSessions {
    const SPEC: &'static Spec = &spec::LIST_TRAINING_SESSIONS;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        if let Some(status) = &args.status {
            status.check(&Path::Root.key("status"), problems);
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let status = args.status.map(|status| status.to_string());
        let request = call.request().query("status", status);
        let request = request.query("model_resources_id", args.model_resources_id);
        args.page
            .of(request.query("created_by", args.created_by))
            .send()
            .await
    }
}
