//! `prime-intellect-createrun`: starts a whole training run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::json::{self, Body};
use crate::api::prime::CreateRun;
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectCreaterun;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    body: Body<CreateRun>,
}

impl Handler for PrimeIntellectCreaterun {
    const SPEC: &'static Spec = &spec::CREATE_RUN;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        args.body.value.check(&Path::Root.key("body"), problems);
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let run = &args.body.value;
        run.register_secrets(call.api.redactor());
        let implied = [("mode", run.implied_mode()), ("name", run.implied_name())];
        let implied = implied.map(|(member, value)| value.map(|value| (member, json::text(&value))));
        let mut body = json::object(&args.body.into_text())?;
        for (member, value) in implied.into_iter().flatten() {
            body.set(member, json::raw(value?)?);
        }
        let body = json::text(&body)?;
        let reply = call.request().body(body).send().await?;
        // The run's own key: wired into the run by the platform, and of no use to anybody else.
        json::without_secret(&reply, "tokenValue", call.api.redactor())
    }
}
