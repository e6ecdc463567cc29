//! `prime-intellect-createrun`: starts a whole training run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::json::{self, Body};
use crate::api::prime::create::CreateRun;
use crate::api::prime::secrets::{self, ForwardSecrets};
use crate::api::prime::{config_file, team};
use crate::api::{Call, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems, list};
use crate::spec::{self, Spec};
use crate::tool::Handler;

/// The tool.
pub struct PrimeIntellectCreaterun;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    body: Body<CreateRun>,
    /// In place of body.config (body may be {} then): path of a local TOML config, in a directory that the user allowed with RL_MCP_FILE_DIRS. Its image_tag, gpu_type, volume and source_ref go into body.
    config_path: Option<String>,
    forward_secrets: Option<ForwardSecrets>,
}

impl Handler for PrimeIntellectCreaterun {
    const SPEC: &'static Spec = &spec::CREATE_RUN;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        let path = Path::Root.key("body");
        args.body.value.check(&path, problems);
        let config = path.key("config");
        match (&args.config_path, args.body.value.has_config()) {
            (None, false) if !problems.mention(&config) => {
                problems.add(&config, "is required: an object (or give config_path)");
            }
            (Some(_), true) => problems.add(
                &Path::Root.key("config_path"),
                "stands in place of body.config: give one of them",
            ),
            _ => {}
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let api = call.api;
        let mut body = json::object(&args.body.into_text())?;
        let mut dropped = Vec::new();
        if let Some(path) = &args.config_path {
            let at = Path::Root.key("config_path");
            let text = api.config().files.read(path, LARGEST_CONFIG).await;
            let text = text.map_err(|problem| ToolError::Arguments(Problems::one(&at, problem)))?;
            dropped = config_file::fill(&mut body, &text, &at)?;
            let mut problems = Problems::default();
            CreateRun::read(&body)?.check(&at, &mut problems);
            if !problems.is_empty() {
                return Err(ToolError::Arguments(problems));
            }
        }
        let forwarded = secrets::fill(&mut body, args.forward_secrets, api)?;
        let run = CreateRun::read(&body)?;
        let implied = [
            ("mode", run.implied_mode().map(str::to_owned)),
            ("name", run.implied_name().map(str::to_owned)),
            ("teamId", team(None, call)),
        ];
        for (member, value) in implied {
            if let Some(value) = value.filter(|_| body.get(member).is_none()) {
                body.set(member, json::raw(json::text(&value)?)?);
            }
        }
        let reply = call.request().body(json::text(&body)?).send().await?;
        let reply = secrets::answer(&reply, &forwarded, api)?;
        Ok(if dropped.is_empty() {
            reply
        } else {
            let dropped = list(dropped.into_iter());
            reply.with(
                "note",
                &format!("not sent from the file, as only the official command line uses it: {dropped}"),
            )
        })
    }
}

/// The largest config file, in bytes.
const LARGEST_CONFIG: u64 = 1 << 20;
