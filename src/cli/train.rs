//! `rl-mcp train`: a run in the foreground, and the worker of one that a server started.

pub(super) mod bar;

use std::fmt::Write as _;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::sync::watch;

use super::sandboxed::{self, Environment};
use crate::config::Config;
use crate::context::{Call, Context};
use crate::error::ToolError;
use crate::error::problems::Path;
use crate::files::Files;
use crate::files::data::{Data, REPORT};
use crate::json::Body;
use crate::redact::Redactor;
use crate::spec;
use crate::stderr;
use crate::tools::ROWS;
use crate::train::plan::plan;
use crate::train::recipe::{self, EXAMPLE_GRPO, EXAMPLE_SFT};
use crate::train::report::curve_line;
use crate::train::steps::{STEPS, Step, alarms, short};
use crate::train::{Frozen, Place, Recipe, State, Status, launch};
use crate::worker;

use bar::Bar;

/// How long each look at an operation waits.
const WAIT: Duration = Duration::from_secs(50);
/// How many threads wait for the disk, or work over large texts: a run does one thing after the other.
const BLOCKING: usize = 1;
/// Exit code of a run that has failed.
pub(super) const FAILED: u8 = 1;
/// Exit code of a run that was stopped by Ctrl-C, as shells have it.
pub(super) const INTERRUPTED: u8 = 130;

#[derive(Args, Clone)]
pub struct Training {
    /// The recipe, JSON or TOML. Paths in it begin at its own directory.
    #[arg(value_name = "RECIPE", required_unless_present_any = ["example", "resume", "worker", "detach"])]
    pub recipe: Option<PathBuf>,
    /// Only check the files and show the plan and its price.
    #[arg(long)]
    pub estimate_only: bool,
    /// Go on with a run that was interrupted, stopped or has failed.
    #[arg(long, value_name = "RUN", conflicts_with = "recipe")]
    pub resume: Option<String>,
    /// The most hours that the run may bill, in place of its recipe's.
    #[arg(long, value_name = "HOURS")]
    pub hours: Option<f64>,
    /// The most that the run may cost, in place of its recipe's.
    #[arg(long, value_name = "USD")]
    pub usd: Option<f64>,
    /// Print a recipe with comments.
    #[arg(long, value_enum, value_name = "METHOD", conflicts_with_all = ["recipe", "resume"])]
    pub example: Option<Example>,
    /// The worker of a run.
    #[arg(long, hide = true)]
    pub worker: Option<String>,
    /// Starts the worker of a run and ends.
    #[arg(long, hide = true)]
    pub detach: Option<String>,
    #[command(flatten)]
    pub sandbox: sandboxed::Options,
}

/// Which recipe is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Example {
    /// Rewards by a grader.
    Grpo,
    /// The answers in the rows.
    Sft,
}

/// What all of it needs.
pub(super) struct Ground {
    pub(super) context: Arc<Context>,
    pub(super) data: Arc<Data>,
    environment: Environment,
}

impl Training {
    /// Runs it to its end.
    pub(crate) fn run(
        &self,
        redactor: Arc<Redactor>,
        outside: sandboxed::Options,
    ) -> Result<ExitCode, String> {
        if let Some(example) = self.example {
            let text = match example {
                Example::Grpo => EXAMPLE_GRPO,
                Example::Sft => EXAMPLE_SFT,
            };
            return io::Write::write_all(&mut io::stdout(), text.as_bytes())
                .map(|()| ExitCode::SUCCESS)
                .map_err(|error| error.to_string());
        }
        if let Some(id) = &self.detach {
            let ground = self.ground(redactor, outside, Vec::new())?;
            let place = Place::find(&ground.data, id).map_err(|problem| format!("{id} {problem}"))?;
            return launch::detached(&place)
                .map(|()| ExitCode::SUCCESS)
                .map_err(|error| error.to_string());
        }
        // Each thread that works keeps memory of its own.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING)
            .build()
            .map_err(|error| format!("cannot start: {error}"))?;
        let (ground, code) = if let Some(id) = &self.worker {
            launch::begin_session();
            let ground = self.ground(redactor, outside, Vec::new())?;
            let place = Place::find(&ground.data, id).map_err(|problem| format!("{id} {problem}"))?;
            let worked = runtime.block_on(worker::work(
                Arc::clone(&ground.context),
                place,
                watch::Sender::default(),
            ));
            (ground, worked.map(|state| code(&state, false)))
        } else {
            self.in_foreground(&runtime, redactor, outside)?
        };
        crate::grade::end_all();
        runtime.shutdown_background();
        ground.context.journal().end();
        code
    }

    fn in_foreground(
        &self,
        runtime: &tokio::runtime::Runtime,
        redactor: Arc<Redactor>,
        outside: sandboxed::Options,
    ) -> Result<(Ground, Result<ExitCode, String>), String> {
        let directories = self.directories()?;
        let ground = self.ground(redactor, outside, directories)?;
        let place = match &self.resume {
            Some(id) => {
                let place = Place::find(&ground.data, id).map_err(|problem| format!("{id} {problem}"))?;
                // Whoever resumes by hand may read what the run was begun with.
                let more = of_run(&place);
                let ground = if more.is_empty() {
                    ground
                } else {
                    ground.again(more)?
                };
                return Ok(self.followed(runtime, ground, &place));
            }
            None => runtime.block_on(self.planned(&ground))?,
        };
        Ok(match place {
            Some(place) => self.followed(runtime, ground, &place),
            None => (ground, Ok(ExitCode::SUCCESS)),
        })
    }

    /// The run that the recipe asks for; `None`: only its plan was wanted.
    async fn planned(&self, ground: &Ground) -> Result<Option<Place>, String> {
        let recipe = self.read()?;
        let call = Call::new(&ground.context, &spec::START_TRAINING);
        let plan = plan(&call, &recipe).await.map_err(|error| told(&error))?;
        let said = plan.said.to_string();
        if self.estimate_only || recipe.value.estimate_only == Some(true) {
            println_out(&said)?;
            return Ok(None);
        }
        stderr::write(crate::wrapped::fit(&said));
        let place = launch::prepared(Arc::clone(&ground.data), plan).await;
        place.map(Some).map_err(|error| told(&error))
    }

    /// Works at a run and shows how it goes.
    fn followed(
        &self,
        runtime: &tokio::runtime::Runtime,
        ground: Ground,
        place: &Place,
    ) -> (Ground, Result<ExitCode, String>) {
        let limits = [("hours", self.hours), ("usd", self.usd)];
        let limits: serde_json::Map<String, serde_json::Value> = limits
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
            .collect();
        let limits = (!limits.is_empty()).then(|| serde_json::Value::from(limits).to_string());
        let met = match launch::met(place, limits.clone()) {
            Ok(met) if self.resume.is_some() && !met.is_empty() => Some(met.sentences()),
            Ok(_) => None,
            Err(error) => Some(format!("the run's directory cannot be read: {error}")),
        };
        if let Some(met) = met {
            return (ground, Err(met));
        }
        if let Err(error) = launch::with_limits(place, limits) {
            return (
                ground,
                Err(format!("the run's directory cannot be written: {error}")),
            );
        }
        let code = runtime.block_on(async {
            let (shown, seen) = watch::channel(State::default());
            let work = worker::work(Arc::clone(&ground.context), place.clone(), shown);
            tokio::pin!(work);
            let mut bar = Bar::new(place.clone(), seen);
            let mut is_interrupted = false;
            let state = loop {
                tokio::select! {
                    state = &mut work => break state?,
                    () = bar.turn() => {}
                    signal = tokio::signal::ctrl_c() => {
                        signal.map_err(|error| error.to_string())?;
                        if is_interrupted {
                            bar.clear();
                            return Err(format!(
                                "given up at once; what the run made may be up. Go on, or end it in order, with: rl-mcp train --resume {}",
                                place.id()
                            ));
                        }
                        is_interrupted = true;
                        place.ask_to_stop().map_err(|error| error.to_string())?;
                        stderr::write(crate::wrapped::fit("It ends after this step, saves, and ends what it made. Ctrl-C again gives it up at once."));
                    }
                }
            };
            bar.clear();
            println_out(&summary(place, &state))?;
            Ok(code(&state, is_interrupted))
        });
        (ground, code)
    }

    fn ground(
        &self,
        redactor: Arc<Redactor>,
        outside: sandboxed::Options,
        directories: Vec<PathBuf>,
    ) -> Result<Ground, String> {
        let environment = Environment::new(self.sandbox.or(outside), |name| std::env::var(name).ok())?;
        Ground::new(environment, redactor, directories)
    }

    /// Where a person's own recipe may read: beside it, and where they are.
    fn directories(&self) -> Result<Vec<PathBuf>, String> {
        let here =
            std::env::current_dir().map_err(|error| format!("there is no current directory: {error}"))?;
        let beside = self
            .recipe
            .as_deref()
            .and_then(FilePath::parent)
            .map(|parent| here.join(parent));
        Ok(beside.into_iter().chain([here]).collect())
    }

    fn read(&self) -> Result<Body<Recipe>, String> {
        let path = self.recipe.as_deref().unwrap_or_else(|| FilePath::new(""));
        let text = std::fs::read(path)
            .and_then(crate::files::text)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let name = path.display().to_string();
        recipe::read(&text, &Path::Root.key(&name)).map_err(|error| told(&error))
    }
}

impl Ground {
    /// The same ground, with more directories to read from.
    fn again(self, directories: Vec<PathBuf>) -> Result<Self, String> {
        let redactor = Arc::clone(self.context.redactor());
        Self::new(self.environment, redactor, directories)
    }

    /// Reads the configuration; tools may read these directories too.
    pub(super) fn new(
        environment: Environment,
        redactor: Arc<Redactor>,
        mut directories: Vec<PathBuf>,
    ) -> Result<Self, String> {
        let mut config: Config = environment.config().map_err(|error| error.to_string())?;
        let data = config
            .data
            .clone()
            .ok_or("there is no data directory: name one in RL_MCP_DATA_DIR")?;
        // Nobody else waits for this process, whatever a host's calls may take.
        config.max_wait = config.max_wait.max(WAIT);
        directories.extend(config.files.directories().iter().cloned());
        config.files = Files::new(directories, Some(data.root().to_owned()));
        Ok(Self {
            context: Arc::new(Context::new(config, redactor, &ROWS)),
            data,
            environment,
        })
    }
}

/// The directories of the files that a run reads.
fn of_run(place: &Place) -> Vec<PathBuf> {
    let frozen = Frozen::read(place).ok().flatten();
    let files = frozen
        .into_iter()
        .flat_map(|frozen| [Some(frozen.dataset), frozen.eval_dataset]);
    files
        .flatten()
        .filter_map(|file| FilePath::new(&file.path).parent().map(FilePath::to_owned))
        .collect()
}

/// A failure without what a model is told to do next, which is a person's own business.
fn told(error: &ToolError) -> String {
    match error {
        ToolError::Arguments(problems) => format!("nothing was started:{problems}"),
        error => error.to_string(),
    }
}

fn code(state: &State, is_interrupted: bool) -> ExitCode {
    match state.status {
        Status::Failed => ExitCode::from(FAILED),
        Status::Stopped if is_interrupted => ExitCode::from(INTERRUPTED),
        _ => ExitCode::SUCCESS,
    }
}

fn println_out(text: &str) -> Result<(), String> {
    let mut out = crate::wrapped::Wrapped::stdout();
    io::Write::write_all(&mut out, format!("{text}\n").as_bytes()).map_err(|error| error.to_string())
}

/// What came of a run.
fn summary(place: &Place, state: &State) -> String {
    let steps: Vec<Step> = place.lines(STEPS).unwrap_or_default();
    let why = state
        .why
        .as_deref()
        .map_or_else(String::new, |why| format!(": {why}"));
    let mut text = format!(
        "{} {} after {} of {} steps{why}\n",
        place.id(),
        state.status.name(),
        state.step,
        state.steps
    );
    if let Some(line) = curve_line(&steps) {
        let _ = writeln!(text, "  {line}");
    }
    for alarm in alarms(&steps) {
        let _ = writeln!(text, "  {alarm}");
    }
    if let Some(saved) = &state.inference_checkpoint {
        let _ = writeln!(
            text,
            "  inference checkpoint {} (download-checkpoint fetches it)",
            saved.id
        );
    }
    if let Some(saved) = &state.training_checkpoint {
        let _ = writeln!(text, "  training checkpoint {}", saved.id);
    }
    if let Some(usd) = state.usd() {
        let _ = writeln!(text, "  about {} USD", short((usd * 100.0).round() / 100.0));
    }
    for (what, held) in state.left_up() {
        let _ = writeln!(text, "  STILL UP: {what} {}", held.id);
    }
    if matches!(state.status, Status::Stopped | Status::Failed) {
        let _ = writeln!(text, "  go on with: rl-mcp train --resume {}", place.id());
    }
    let _ = write!(text, "  {}", place.path(REPORT).display());
    text
}
