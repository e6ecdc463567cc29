//! How a run gets its worker: a process of its own, or where the services end with this process, a task of this one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::place::Place;
use super::plan::Plan;
use super::recipe::Limits;
use super::state::{State, now};
use super::steps::{EVALUATIONS, STEPS, reached, short, stuck};
use super::{FROZEN, Frozen, Recipe, Status};
use crate::arguments::id;
use crate::context::{Call, Context};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::files::data::Data;
use crate::work::blocking;

/// Limits that were changed when a run was taken up again.
const LIMITS: &str = "limits.json";

/// What the worker says on its standard error.
pub(crate) const LOG: &str = "worker.log";
/// How long a worker may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked for.
const INTERVAL: Duration = Duration::from_millis(20);

/// Starts a worker in this process.
type Here = fn(Arc<Context>, Place);

/// How the runs of this process get their workers.
#[derive(Default)]
pub(crate) struct Launcher(OnceLock<Here>);

impl Launcher {
    /// Has workers run in this process.
    pub(crate) fn stay_here(&self, start: Here) {
        let _ = self.0.set(start);
    }

    /// Starts the worker of a run, and waits until it is at work. An error says why it is not.
    pub(crate) async fn launch(&self, context: &Arc<Context>, place: &Place) -> Result<(), String> {
        let own = place.clone();
        let said = blocking(move || {
            own.is_to_be_taken_up()?;
            Ok::<_, io::Error>(said(&own).len())
        });
        let said = said.await.map_err(|error| error.to_string())?;
        let said = said.map_err(|error| format!("the run's directory cannot be written: {error}"))?;
        if let Some(start) = self.0.get() {
            start(Arc::clone(context), place.clone());
        } else {
            let place = place.clone();
            let spawned = blocking(move || detach(&place))
                .await
                .map_err(|error| error.to_string())?;
            spawned.map_err(|error| format!("its worker cannot be started: {error}"))?;
        }
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let looked = place.clone();
            let look = blocking(move || {
                let is_up = looked.goes_on() || is_over(&looked);
                is_up
                    .then_some(Ok(()))
                    .or_else(|| refusal(&looked, said).map(Err))
            });
            match look.await.unwrap_or_default() {
                Some(Ok(())) => return Ok(()),
                Some(Err(problem)) => return Err(format!("its worker says: {problem}")),
                None => sleep(INTERVAL).await,
            }
        }
        Err(format!(
            "its worker did not come up: see {}",
            place.path(LOG).display()
        ))
    }
}

/// What workers of a run have said so far. Blocks.
fn said(place: &Place) -> String {
    std::fs::read_to_string(place.path(LOG)).unwrap_or_default()
}

/// What a line of theirs begins with that says why one did not begin.
const REFUSAL: &str = concat!(env!("CARGO_PKG_NAME"), ": ");

/// Why a worker did not begin, in what was said since. Blocks.
fn refusal(place: &Place, since: usize) -> Option<String> {
    let said = said(place);
    let mut lines = said
        .get(since..)?
        .lines()
        .filter_map(|line| line.strip_prefix(REFUSAL));
    lines.next().map(|line| line.trim_end_matches('.').to_owned())
}

/// Says why a worker does not begin, as one in a process of its own does. Blocks.
pub(crate) fn refuse(place: &Place, problem: &str) -> io::Result<()> {
    writeln!(log(place)?, "{REFUSAL}{problem}")
}

fn log(place: &Place) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(place.path(LOG))
}

/// Whether a run came to its end before anybody looked.
fn is_over(place: &Place) -> bool {
    let state = State::read(place).ok().flatten();
    state.is_some_and(|state| state.status.is_final())
}

/// Starts the worker so that nothing ties it to this process: a host that ends this one with all that it started does not
/// find it. The first process starts the second and ends, and the second begins a session of its own.
fn detach(place: &Place) -> io::Result<()> {
    let mut command = worker(place, "--detach")?;
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "{status}, see {}",
            place.path(LOG).display()
        )))
    }
}

/// The second half of [`detach`], in the first process.
pub(crate) fn detached(place: &Place) -> io::Result<()> {
    let mut command = worker(place, "--worker")?;
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt as _;
        /// No console, and no share in the signals of this one.
        const DETACHED_PROCESS: u32 = 0x0000_0008;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
    }
    // Several heaps keep what large batches took, each for itself; the worker does one thing after the other.
    #[cfg(target_env = "gnu")]
    command.env("MALLOC_ARENA_MAX", "1");
    command.spawn().map(drop)
}

/// Begins a session of its own, so that no terminal's end reaches the worker.
pub(crate) fn begin_session() {
    #[cfg(unix)]
    let _ = rustix::process::setsid();
}

/// This program as the worker of a run. Keys are in its environment, never among its arguments.
fn worker(place: &Place, how: &str) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["train", how, place.id()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log(place)?);
    Ok(command)
}

id!(
    /// From start-training.
    RunId: "the run_id that start-training answered, which list-recent-activity shows as well"
);

impl RunId {
    /// The directory of the run.
    pub(crate) async fn place(&self, call: &Call<'_>) -> Result<Place, ToolError> {
        let data = call
            .context
            .config()
            .data
            .clone()
            .ok_or_else(ToolError::no_data)?;
        let id = self.to_string();
        let found = blocking(move || Place::find(&data, &id)).await?;
        let problem = match found {
            Ok(place) => return Ok(place),
            Err(problem) => problem,
        };
        let what = call.context.journal().what(self).await;
        let problem = match what {
            Some("a run") => format!(
                "{problem}. {} is a run of Prime Intellect, whose tools begin with prime-intellect-",
                &**self
            ),
            Some(what) => format!(
                "{problem}. {} is {what}: list-recent-activity shows the tools for it",
                &**self
            ),
            None => problem,
        };
        Err(Problems::one(&Path::Root.key("run_id"), problem).into())
    }
}

/// The directory of a new run, with all that its worker needs.
pub(crate) async fn prepared(data: Arc<Data>, plan: Plan) -> Result<Place, ToolError> {
    let made = blocking(move || {
        let recipe: Recipe = serde_json::from_str(plan.frozen.recipe.get())?;
        let frozen = serde_json::to_string_pretty(&plan.frozen)?;
        let state = State {
            steps: plan.frozen.steps,
            usd_per_hour: plan.usd_per_hour,
            started_at: now(),
            updated_at: now(),
            ..State::default()
        };
        Place::make(&data, recipe.method().name(), |place| {
            place.replace(FROZEN, frozen.as_bytes())?;
            state.write(place)
        })
    })
    .await?;
    made.map_err(|error| ToolError::Here {
        why: format!("The directory of the run cannot be written: {error}. Nothing was started."),
        next: "ask the user to fix that, then call again.".to_owned(),
    })
}

/// Reports what would end a run at once if it went on, once it had made GPUs: limits that it has met, steps that taught it
/// nothing. Blocks.
pub(crate) fn met(place: &Place, limits: Option<String>) -> io::Result<Problems> {
    let mut problems = Problems::default();
    let frozen = Frozen::read(place)?;
    let recipe = frozen.and_then(|frozen| serde_json::from_str::<Recipe>(frozen.recipe.get()).ok());
    let given: Limits = limits.map_or_else(|| Ok(Limits::default()), |text| serde_json::from_str(&text))?;
    let limits = given.or(&match &recipe {
        Some(recipe) => limits_of(place, recipe)?,
        None => Limits::default(),
    });
    let state = State::read(place)?.unwrap_or_default();
    let at = Path::Root.key("limits");
    let mut look = |name: &str, most: Option<f64>, so_far: Option<f64>| {
        if let (Some(most), Some(so_far)) = (most, so_far)
            && so_far >= most
        {
            let problem = format!(
                "is {}, and the run is at {} already: give a higher one",
                short(most),
                short(so_far)
            );
            problems.add(&at.key(name), problem);
        }
    };
    look("hours", Some(limits.hours()), Some(state.billed_seconds / 3600.0));
    look("usd", limits.usd, state.usd());
    let reward = reached(&place.lines(STEPS)?, &place.lines(EVALUATIONS)?);
    look("reward", limits.reward, reward);
    if let Some(stuck) = stuck(&place.lines(STEPS)?) {
        let problem = format!(
            "cannot go on: {stuck}. It keeps its rows and its grader: start-training begins a new one"
        );
        problems.add(&Path::Root.key("run_id"), problem);
    }
    Ok(problems)
}

/// The limits of a run: those that it was given since, and else its recipe's. Blocks.
pub(crate) fn limits_of(place: &Place, recipe: &Recipe) -> io::Result<Limits> {
    let given: Option<Limits> = place
        .read(LIMITS)?
        .map(|text| serde_json::from_str(&text))
        .transpose()?;
    Ok(given.unwrap_or_default().or(&recipe.limits()))
}

/// Has a run go on that has ended or was interrupted. Blocks.
pub(crate) fn taken_up(place: &Place, limits: Option<String>) -> io::Result<()> {
    with_limits(place, limits)?;
    let state = State::read(place)?.unwrap_or_default();
    let state = State {
        status: Status::Starting,
        why: None,
        ended_at: None,
        ..state
    };
    state.write(place)
}

/// Gives a run new limits, where there are some: what was given before and is not given now stays. Blocks.
pub(crate) fn with_limits(place: &Place, limits: Option<String>) -> io::Result<()> {
    let Some(limits) = limits else { return Ok(()) };
    let mut all: Map<String, Value> = match place.read(LIMITS)? {
        Some(text) => serde_json::from_str(&text)?,
        None => Map::new(),
    };
    all.extend(serde_json::from_str::<Map<String, Value>>(&limits)?);
    place.replace(LIMITS, serde_json::to_string(&all)?.as_bytes())
}
