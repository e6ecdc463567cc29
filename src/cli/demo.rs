//! `rl-mcp demo`: the product's main job from end to end, without a key, a GPU or a cost.
//!
//! A file of questions, and a model that can answer none of them. What an agent would do is done: the same calls of the same
//! tools, by name and with JSON, against a sandbox.

mod agent;
mod curve;
mod questions;
mod report;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rl_mcp_sandbox::{Behavior, Options as Sandbox};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::sleep;

use super::sandboxed::Environment;
use super::train::bar::Bar;
use super::train::{FAILED, Ground, INTERRUPTED};
use crate::context::Reply;
use crate::redact::Redactor;
use crate::spec;
use crate::stderr;
use crate::train::report::rollouts;
use crate::train::state::Saved;
use crate::train::steps::{STEPS, Step};
use crate::train::{Launcher, Place, State};
use crate::worker::{self, Hands};
use crate::wrapped;

use agent::{Agent, member};
use questions::{grader, recipe};
use report::Report;

/// How many times faster waits pass, when nobody says. The server looks at an operation after 50 ms, then after 50 more:
/// here most have ended by the first look, while at the sandbox's usual 60 they end just after it.
const SPEED: f64 = 120.0;
/// Steps when nobody says: enough to learn with each seed that was tried.
const STEPS_BY_DEFAULT: u32 = 40;
/// How often the run is looked at.
const INTERVAL: Duration = Duration::from_millis(100);
/// The files of an adapter.
const FILES: [&str; 2] = ["adapter_model.safetensors", "adapter_config.json"];
/// Variables that would lead away from the sandbox: its files are gone with it, it bills nothing, and the demo waits.
const UNSET: [&str; 4] = [
    "RL_MCP_DATA_DIR",
    "RL_MCP_FILE_DIRS",
    "RL_MCP_MAX_PRICE_PER_HOUR",
    "RL_MCP_MAX_WAIT_SECONDS",
];
/// The variable of the wait before a request is tried again.
const RETRY_WAIT: &str = "RL_MCP_RETRY_WAIT";

/// How to run the demo.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Training steps.
    #[arg(long, value_name = "NUMBER", default_value_t = STEPS_BY_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    steps: u32,
    /// Decides on the completions and on the adapter's first weights.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u32,
    /// Print one record for machines in place of the report.
    #[arg(long)]
    json: bool,
    /// Keep the trained adapter in this directory. Nothing is overwritten.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

/// Runs the demo. The exit code is 1 if the model did not learn.
pub(crate) fn demo(
    options: &Options,
    sandbox: Behavior,
    redactor: Arc<Redactor>,
) -> Result<ExitCode, String> {
    sandbox.check()?;
    let began = Instant::now();
    let sandbox = Behavior {
        sandbox_speed: sandbox.sandbox_speed.or(Some(SPEED)),
        ..sandbox
    };
    let ended = ground(options, sandbox, redactor).and_then(|(ground, files)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start: {error}"))?;
        let demo = Demo {
            options,
            questions: files.path().join("sums.jsonl"),
            agent: Agent::new(Hands::new(Arc::clone(&ground.context))),
            ground: &ground,
        };
        let ended = runtime.block_on(demo.run());
        crate::grade::end_all();
        runtime.shutdown_background();
        ground.context.journal().end();
        ended
    });
    let outcome = match ended {
        Ok(Some(outcome)) => outcome,
        Ok(None) => {
            stderr::write("rl-mcp demo: interrupted; nothing is left running\n");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(problem) => {
            stderr::write(wrapped::fit(&format!("rl-mcp demo: {problem}")));
            return Ok(ExitCode::from(FAILED));
        }
    };
    let report = Report {
        options,
        sandbox,
        outcome,
        seconds: began.elapsed().as_secs_f64(),
    };
    match show(&report) {
        // Whoever read the report has seen enough of it.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(ExitCode::from(if report.has_learned() { 0 } else { FAILED })),
    }
}

/// The sandbox, and the file of questions.
fn ground(
    options: &Options,
    behavior: Behavior,
    redactor: Arc<Redactor>,
) -> Result<(Ground, TempDir), String> {
    let mut directories = Vec::new();
    if let Some(directory) = &options.save {
        directories.push(prepared(directory)?);
    }
    let files = TempDir::with_prefix("rl-mcp-demo-")
        .map_err(|error| format!("there is no place for a file: {error}"))?;
    questions::write(files.path()).map_err(|error| format!("the questions cannot be written: {error}"))?;
    directories.push(files.path().to_owned());
    // That wait passes faster too.
    let retry = format!("{:.4}", 1.0 / behavior.speed().clamp(1.0, 1000.0));
    let sandbox = Sandbox {
        sandbox: true,
        behavior,
    };
    let variable = move |name: &str| match name {
        _ if UNSET.contains(&name) => None,
        RETRY_WAIT => std::env::var(name).ok().or_else(|| Some(retry.clone())),
        _ => std::env::var(name).ok(),
    };
    let ground = Ground::new(Environment::new(sandbox, variable)?, redactor, directories)?;
    ground.context.state::<Launcher>().stay_here(worker::spawn);
    Ok((ground, files))
}

/// Makes the directory for the adapter, where there is none yet, and looks that none is in it. What fails here has cost
/// nothing yet.
fn prepared(directory: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(directory)
        .and_then(|()| dunce::canonicalize(directory))
        .map_err(|error| format!("{} cannot be written: {error}", directory.display()))
        .and_then(|directory| {
            let mut taken = FILES.iter().map(|name| directory.join(name));
            match taken.find(|path| path.symlink_metadata().is_ok()) {
                Some(path) => Err(format!(
                    "{} is there already, and nothing is overwritten: name another directory with --save",
                    path.display()
                )),
                None => Ok(directory),
            }
        })
}

fn show(report: &Report<'_>) -> io::Result<()> {
    let mut out = wrapped::Wrapped::stdout();
    if report.options.json {
        writeln!(out, "{}", report.json())?;
    } else {
        write!(out, "{}", report.text())?;
    }
    out.flush()
}

/// What the demo came to.
struct Outcome {
    usd_per_hour: Value,
    steps: Vec<Step>,
    /// Of the first step and the last: what was answered to each question, the best known first.
    before: Vec<Completion>,
    after: Vec<Completion>,
    checkpoint: Saved,
    adapter: PathBuf,
    bytes: u64,
    calls: Vec<agent::Made>,
}

/// A completion, as it stands in a step's file.
struct Completion {
    prompt: String,
    text: String,
}

struct Demo<'a> {
    options: &'a Options,
    questions: PathBuf,
    agent: Agent,
    ground: &'a Ground,
}

impl Demo<'_> {
    /// Does all of it. `None`: the user has interrupted it.
    async fn run(mut self) -> Result<Option<Outcome>, String> {
        self.say(&report::heading(self.options));
        let looked = json!({"path": self.questions, "grader": grader()});
        let checked = self.agent.call(&spec::CHECK_DATASET, &looked).await?;
        let rows: u64 = member(&checked, "rows")?;
        self.tell(&spec::CHECK_DATASET, &format!("{rows} rows, nothing wrong"));
        let mut recipe = recipe(&self.questions, self.options.steps, self.options.seed);
        insert(&mut recipe, "estimate_only", true.into());
        let plan = self.agent.call(&spec::START_TRAINING, &recipe).await?;
        let usd_per_hour: Value = member(&plan, "usd_per_hour")?;
        let most: Value = member(&plan, "usd_at_most")?;
        self.tell(
            &spec::START_TRAINING,
            &format!("a plan: {usd_per_hour} USD an hour, {most} at the most (the sandbox bills nothing)"),
        );
        insert(&mut recipe, "estimate_only", false.into());
        let started = self.agent.call(&spec::START_TRAINING, &recipe).await?;
        let run: String = member(&started, "run_id")?;
        self.tell(&spec::START_TRAINING, &format!("{run} is under way"));
        let place = Place::find(&self.ground.data, &run).map_err(|problem| format!("{run} {problem}"))?;
        let Some(ended) = self.followed(&place).await? else {
            return Ok(None);
        };
        let status: String = member(&ended, "status")?;
        if status != "completed" {
            let why: Option<String> = ended.member("why");
            return Err(format!("the run has {status}: {}", why.unwrap_or_default()));
        }
        self.tell(&spec::GET_TRAINING, "completed; GPUs and session are ended");
        let checkpoint: Saved = member(&ended, "inference_checkpoint")?;
        let (adapter, bytes) = self.downloaded(&checkpoint).await?;
        self.tell(
            &spec::DOWNLOAD_CHECKPOINT,
            &format!("{}, {bytes} bytes", FILES.first().unwrap_or(&"")),
        );
        let steps: Vec<Step> = place.lines(STEPS).map_err(|error| error.to_string())?;
        Ok(Some(Outcome {
            usd_per_hour,
            before: answered(&place, 1)?,
            after: answered(&place, steps.len())?,
            steps,
            checkpoint,
            adapter,
            bytes,
            calls: self.agent.made,
        }))
    }

    /// Waits until the run is at rest, and shows how it goes. `None`: the user has interrupted it, and it has ended.
    async fn followed(&mut self, place: &Place) -> Result<Option<Reply>, String> {
        let (shown, seen) = watch::channel(State::default());
        let mut bar = Bar::new(place.clone(), seen);
        let mut is_interrupted = false;
        let arguments = json!({"run_id": place.id(), "wait_seconds": 50});
        let ended = loop {
            let agent = &mut self.agent;
            let looked = tokio::select! {
                looked = agent.call(&spec::GET_TRAINING, &arguments) => looked,
                never = shows(place, &shown, &mut bar) => never,
                signal = tokio::signal::ctrl_c() => {
                    if is_interrupted || signal.is_err() {
                        break None;
                    }
                    is_interrupted = true;
                    stderr::write("Stopping after this step; Ctrl-C again ends it at once.\n");
                    let stop = json!({"run_id": place.id(), "wait_seconds": 0});
                    self.agent.call(&spec::STOP_TRAINING, &stop).await?;
                    continue;
                }
            };
            let looked = looked.inspect_err(|_| bar.clear())?;
            if looked.member::<String>("ended_at").is_some() {
                break (!is_interrupted).then_some(looked);
            }
        };
        bar.clear();
        Ok(ended)
    }

    /// Downloads the adapter: its weights, and how many bytes they have.
    async fn downloaded(&mut self, checkpoint: &Saved) -> Result<(PathBuf, u64), String> {
        let directory = self.options.save.clone();
        let directory = directory.map_or_else(|| Ok("adapter".into()), dunce::canonicalize);
        let directory = directory.map_err(|error| error.to_string())?;
        let mut arguments = json!({
            "id": checkpoint.id,
            "variant": "CHECKPOINT_VARIANT_ADAPTER",
            "directory": directory,
            "wait_seconds": 50,
        });
        loop {
            let reply = self.agent.call(&spec::DOWNLOAD_CHECKPOINT, &arguments).await?;
            if let Some(next) = reply.member::<Map<String, Value>>("next") {
                arguments = next.get("arguments").cloned().unwrap_or_default();
                continue;
            }
            let files: Vec<Value> = member(&reply, "files")?;
            let mut paths = files.iter().filter_map(|file| file.get("path")?.as_str());
            let weights = paths.find(|path| FILES.first().is_some_and(|name| path.ends_with(name)));
            let weights = PathBuf::from(weights.ok_or_else(|| format!("no weights came: {}", reply.text()))?);
            let bytes = fs::metadata(&weights).map_err(|error| error.to_string())?.len();
            return Ok((weights, bytes));
        }
    }

    /// Says what came of a call.
    fn tell(&self, spec: &spec::Spec, what: &str) {
        self.say(&format!("{:<20} {what}", spec.name));
    }

    /// Says something to people.
    fn say(&self, text: &str) {
        if !self.options.json {
            let mut out = wrapped::Wrapped::stdout();
            // Whoever closed the pipe has seen enough; the run goes on to its end, as it has to end what it made.
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        }
    }
}

/// Shows how a run goes, for ever.
async fn shows<T>(place: &Place, shown: &watch::Sender<State>, bar: &mut Bar) -> T {
    loop {
        if let Ok(Some(state)) = State::read(place) {
            shown.send_replace(state);
            bar.turn().await;
        }
        sleep(INTERVAL).await;
    }
}

/// The first completion of each question in a step.
fn answered(place: &Place, step: usize) -> Result<Vec<Completion>, String> {
    let lines: Vec<Map<String, Value>> = place.lines(&rollouts(step)).map_err(|error| error.to_string())?;
    let text =
        |line: &Map<String, Value>, name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut first: Vec<Completion> = Vec::new();
    for line in &lines {
        let (Some(prompt), Some(text)) = (text(line, "prompt"), text(line, "text")) else {
            continue;
        };
        if first.iter().all(|known| known.prompt != prompt) {
            first.push(Completion { prompt, text });
        }
    }
    Ok(first)
}

fn insert(arguments: &mut Value, name: &str, value: Value) {
    if let Some(members) = arguments.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
