//! `prime-intellect-createrun`: starts a whole training run.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::{Call, Reply};
use crate::error::problems::{Path, Problems, or_inline};
use crate::error::{Failure, ToolError};
use crate::json;
use crate::json::{Body, Object};
use crate::mcp::tool::Handler;
use crate::prime::create;
use crate::prime::create::CreateRun;
use crate::prime::places::beside_body;
use crate::prime::secrets;
use crate::prime::secrets::ForwardSecrets;
use crate::prime::{config, config_file, estimate, gpu_types, started, team};
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

    async fn check_files(args: &Args, call: &Call<'_>, problems: &mut Problems) {
        if args.config_path.is_none() || args.body.value.has_config() {
            return;
        }
        let prepared = prepared(args.body.text(), args.config_path.as_deref(), call).await;
        if let Err(ToolError::Arguments(more)) = prepared {
            problems.append(more);
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let until = wait::until(call, args.wait_seconds);
        let file = args.config_path.as_deref();
        let Prepared { mut body, run, notes } = prepared(args.body.text(), file, call).await?;
        let team = team(run.team(), call);
        if args.estimate_only == Some(true) {
            let doubts = run.doubts(&config_place(&Path::Root.key("body"), file));
            return estimate::estimate(call, &run, team, run.gpu_type(), doubts).await;
        }
        let implied = [
            ("mode", run.implied_mode().map(str::to_owned)),
            ("name", run.implied_name().map(str::to_owned)),
            ("teamId", team.clone()),
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
        let (name, kind) = run.called();
        let request = call.request().named(name, Some(kind));
        let reply = match request.body(json::text(&body)?).send().await {
            Err(ToolError::Call(failure)) => return Err(advised(call, failure, &run, team.as_deref()).await),
            sent => sent?,
        };
        let reply = started::followed(call, reply, until).await;
        let more = notes.into_iter().chain(run.unheeded()).chain(unlogged);
        let more = more.chain(forwarded.gap());
        Ok(started::noted(forwarded.told(reply), more))
    }
}

/// A body with its config in place.
struct Prepared {
    body: Object,
    run: CreateRun,
    /// What was changed about the config.
    notes: Vec<String>,
}

/// Puts the config of the file, if there is one, into a body, and checks the whole.
async fn prepared(body: &str, file: Option<&str>, call: &Call<'_>) -> Result<Prepared, ToolError> {
    let at = Path::Root.key("body");
    let config = config_place(&at, file);
    let mut body = json::object(body)?;
    if let Some(path) = file {
        let text = call.context.config().files.read(path, LARGEST_CONFIG).await;
        let text = text.map_err(|problem| Problems::one(&config, or_inline(&problem, "body.config")))?;
        body.set("config", json::raw(config_file::read(&text, &config)?)?);
    }
    let notes = config::hoist(&mut body, &config)?;
    let run = CreateRun::read(&body)?;
    let mut problems = Problems::default();
    run.check(&at, &config, &mut problems);
    if !problems.is_empty() {
        return Err(ToolError::Arguments(problems));
    }
    Ok(Prepared { body, run, notes })
}

/// Where the config came from.
const fn config_place<'a>(body: &'a Path<'a>, file: Option<&str>) -> Path<'a> {
    match file {
        Some(_) => Path::Root.key("config_path"),
        None => body.key("config"),
    }
}

/// A refusal with what would be accepted: the platform names what is missing in a config one level at a time.
async fn advised(
    call: &Call<'_>,
    mut failure: Box<Failure>,
    run: &CreateRun,
    team: Option<&str>,
) -> ToolError {
    if !matches!(failure.status(), Some(400 | 422)) {
        return ToolError::Call(failure);
    }
    let names = |member: &str| failure.words().contains(member);
    let mut next = "correct what the service names.".to_owned();
    if let Some(wanted) = run.gpu_type().filter(|_| names("gpuType"))
        && let Some(problem) = gpu_types::unoffered(call, team, wanted, None).await
    {
        next.push_str(" body.gpuType ");
        next.push_str(&problem);
    }
    if names("config") || !BESIDE_CONFIG.into_iter().any(names) {
        next.push(' ');
        next.push_str(&run.advice());
    }
    failure.next = Some(next);
    ToolError::Call(failure)
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
