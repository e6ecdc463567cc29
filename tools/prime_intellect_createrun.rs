//! `prime-intellect-createrun`: starts a whole training run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::prime::create;
use crate::prime::create::CreateRun;
use crate::prime::places::beside_body;
use crate::prime::secrets;
use crate::prime::secrets::ForwardSecrets;
use crate::prime::{config, config_file, estimate, started, team};
use crate::spec;
use crate::spec::Spec;
use crate::wait;
use crate::wait::WaitSeconds;

pub(crate) struct PrimeIntellectCreaterun;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = beside_body)]
pub(crate) struct Args {
    body: Body<CreateRun>,
    /// In place of body.config: a local TOML config. Its image_tag, gpu_type, volume and source_ref go into body.
    config_path: Option<String>,
    forward_secrets: Option<ForwardSecrets>,
    /// true: only say what it would cost on demand. Default false.
    estimate_only: Option<bool>,
    wait_seconds: Option<WaitSeconds>,
}

impl Handler for PrimeIntellectCreaterun {
    const SPEC: &'static Spec = &spec::CREATE_RUN;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        let body = Path::Root.key("body");
        let config = body.key("config");
        args.body.value.check(&body, &config, problems);
        match (&args.config_path, args.body.value.has_config()) {
            (None, false) if !problems.mention(&config) => {
                problems.add(
                    &config,
                    format!(
                        "is required: an object (or give config_path). {}",
                        create::configs()
                    ),
                );
            }
            (Some(_), true) => problems.add(
                &Path::Root.key("config_path"),
                "stands in place of body.config: give one of them",
            ),
            _ => {}
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let at = Path::Root.key("body");
        let mut config = at.key("config");
        let mut body = json::object(&args.body.into_text())?;
        if let Some(path) = &args.config_path {
            config = Path::Root.key("config_path");
            let text = call.context.config().files.read(path, LARGEST_CONFIG).await;
            let text = text.map_err(|problem| ToolError::Arguments(Problems::one(&config, problem)))?;
            body.set("config", json::raw(config_file::read(&text, &config)?)?);
        }
        let notes = config::hoist(&mut body, &config)?;
        let run = CreateRun::read(&body)?;
        let mut problems = Problems::default();
        run.check(&at, &config, &mut problems);
        if !problems.is_empty() {
            return Err(ToolError::Arguments(problems));
        }
        if args.estimate_only == Some(true) {
            return estimate::estimate(call, &run, team(run.team(), call), run.gpu_type()).await;
        }
        let implied = [
            ("mode", run.implied_mode().map(str::to_owned)),
            ("name", run.implied_name().map(str::to_owned)),
            ("teamId", team(run.team(), call)),
        ];
        body.remove("teamId");
        for (member, value) in implied {
            if let Some(value) = value {
                body.set(member, json::raw(json::text(&value)?)?);
            }
        }
        let forwarded = secrets::fill(&mut body, args.forward_secrets, call.context)?;
        let unlogged = run.wandb().filter(|_| body.get("wandbApiKey").is_none());
        let unlogged = unlogged.map(|table| {
            format!("Nothing is logged to Weights & Biases, although the config has {table}: no key was sent (body.wandbApiKey, or WANDB_API_KEY by forward_secrets).")
        });
        let sent = call.request().body(json::text(&body)?).send().await;
        let reply = sent.map_err(|error| advised(error, &run))?;
        let reply = started::followed(call, reply, until).await;
        let more = notes.into_iter().chain(unlogged).chain(forwarded.gap());
        Ok(started::noted(forwarded.told(reply), more))
    }
}

/// A refusal with what would be accepted: the platform names what is missing in a config one level at a time.
fn advised(error: ToolError, run: &CreateRun) -> ToolError {
    match error {
        ToolError::Call(mut failure) if matches!(failure.status(), Some(400 | 422)) => {
            let next = "correct what the service names.";
            let names = |member: &str| failure.words().contains(member);
            let elsewhere = !names("config") && BESIDE_CONFIG.into_iter().any(names);
            failure.next = Some(if elsewhere {
                next.to_owned()
            } else {
                format!("{next} {}", run.advice())
            });
            ToolError::Call(failure)
        }
        error => error,
    }
}

/// What a refusal names that is not about the config.
const BESIDE_CONFIG: [&str; 8] = [
    "gpuType",
    "imageTag",
    "volume",
    "teamId",
    "sourceRef",
    "resumeFrom",
    "wandbApiKey",
    "hfToken",
];

/// The largest config file, in bytes.
const LARGEST_CONFIG: u64 = 1 << 20;
