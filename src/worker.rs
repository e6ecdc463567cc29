//! The loop of a training run. Each of its steps is made of the calls that an agent would make, by the same tools.
//!
//! Nothing is submitted before it is written down (`train/intents.rs`), and each step is finished with a line in
//! `steps.jsonl`: a worker that takes a run up again repeats the step that has no line, under the keys of before.

mod deeds;
mod ending;
mod evaluation;
mod grpo;
mod hands;
mod holding;
mod sft;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::context::Context;
use crate::dataset::Shape;
use crate::error::ToolError;
use crate::error::problems::Path;
use crate::json::Body;
use crate::train::intents::Intents;
use crate::train::launch::{self, limits_of};
use crate::train::place::Lock;
use crate::train::recipe::{self, Limits, Method};
use crate::train::rows::{Rows, of_step};
use crate::train::state::{Held, Saved, now};
use crate::train::steps::{EVALUATIONS, Evaluation, STEPS, Step, reached, short, stuck, without_gain};
use crate::train::{FROZEN, File, Frozen, Place, Recipe, State, Status, report};
use crate::work::blocking;

pub(crate) use hands::{Hands, is_passing};

/// What nobody has heard of for longer than this has stopped billing by itself.
const LONGEST_GAP: f64 = 3600.0;

/// Why a run goes no further.
#[derive(Debug)]
enum End {
    /// By a limit that was set, or by request.
    Stopped(String),
    /// Something is wrong.
    Failed(String),
    /// The service lost the session.
    Lost(String),
}

impl End {
    fn into_words(self) -> String {
        match self {
            Self::Stopped(why) | Self::Failed(why) | Self::Lost(why) => why,
        }
    }
}

impl From<ToolError> for End {
    fn from(error: ToolError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("its directory cannot be written: {error}"))
    }
}

/// A run, and what works at it.
struct Worker {
    hands: Hands,
    place: Place,
    recipe: Body<Recipe>,
    frozen: Frozen,
    limits: Limits,
    state: State,
    intents: Intents,
    steps: Vec<Step>,
    evaluations: Vec<Evaluation>,
    rows: Rows,
    eval_rows: Option<Rows>,
    shape: Shape,
    /// Whether this process has got the GPUs, and not one before it.
    is_maker: bool,
    /// Since when what the run made bills, in this process and since it was last counted.
    billed_since: Option<Instant>,
    shown: watch::Sender<State>,
    _lock: Lock,
}

/// Does what is left of a run, and says how it ended. An error says why nothing was done.
pub(crate) async fn work(
    context: Arc<Context>,
    place: Place,
    shown: watch::Sender<State>,
) -> Result<State, String> {
    let made = blocking(move || Worker::new(context, place, shown)).await;
    let mut worker = made.map_err(|error| error.to_string())??;
    let end = worker.run().await;
    worker.end(end).await;
    Ok(worker.state)
}

/// The same in a task of this process.
pub(crate) fn spawn(context: Arc<Context>, place: Place) {
    tokio::spawn(async move {
        let id = place.id().to_owned();
        let worked = work(context, place.clone(), watch::Sender::default()).await;
        if let Err(problem) = worked {
            tracing::warn!(run = id, problem, "a training run did not go on");
            // Whoever launched it looks there.
            let _ = blocking(move || launch::refuse(&place, &problem)).await;
        }
    });
}

impl Worker {
    /// Makes this the run's one worker, with all that its directory holds. Blocks.
    fn new(context: Arc<Context>, place: Place, shown: watch::Sender<State>) -> Result<Self, String> {
        let broken = |error: io::Error| format!("its directory cannot be read: {error}");
        let lock = lock(&place)?;
        let frozen = Frozen::read(&place).map_err(broken)?.ok_or("it has no recipe")?;
        let recipe =
            recipe::read(frozen.recipe.get(), &Path::Root.key(FROZEN)).map_err(|error| error.to_string())?;
        let limits = limits_of(&place, &recipe.value).map_err(broken)?;
        let steps: Vec<Step> = place.lines(STEPS).map_err(broken)?;
        let before = State::read(&place).map_err(broken)?.unwrap_or_default();
        // Since the last word of the worker before this one, the service went on billing.
        let silent = match &before.resource {
            Some(resource) if resource.is_to_end() => silence(&before.updated_at),
            _ => 0.0,
        };
        let state = State {
            status: Status::Starting,
            why: None,
            ended_at: None,
            billed_seconds: before.billed_seconds + silent,
            // A line is written before the state: it says what is done.
            step: steps.len(),
            steps: frozen.steps,
            ..before
        };
        let files = &context.config().files;
        let eval_rows = frozen.eval_dataset.as_ref();
        let mut worker = Self {
            rows: unchanged(files, &frozen.dataset)?,
            eval_rows: eval_rows.map(|file| unchanged(files, file)).transpose()?,
            intents: Intents::read(&place).map_err(broken)?,
            evaluations: place.lines(EVALUATIONS).map_err(broken)?,
            shape: recipe.value.shape(),
            hands: Hands::new(context),
            place,
            recipe,
            frozen,
            limits,
            state,
            steps,
            is_maker: false,
            billed_since: None,
            shown,
            _lock: lock,
        };
        worker.take_up().map_err(End::into_words)?;
        worker.place.is_taken_up().map_err(broken)?;
        Ok(worker)
    }

    /// What the run has ended is to be made again, from the last checkpoint.
    fn take_up(&mut self) -> Result<(), End> {
        self.place.go_on()?;
        if self.is_complete() {
            return Ok(());
        }
        let is_ended = |held: &Option<Held>| held.as_ref().is_some_and(|held| held.is_own && held.is_ended);
        if is_ended(&self.state.resource) {
            self.state.resource = None;
        }
        if is_ended(&self.state.session)
            || (self.state.resource.is_none()
                && self.state.session.is_some()
                && self.recipe.value.session_id.is_none())
        {
            self.state.attempt += 1;
            self.rewind("its session had been ended")?;
        }
        Ok(())
    }

    /// Trains until there is no step left, or something ends it.
    async fn run(&mut self) -> Result<(), End> {
        if self.is_complete() {
            return Ok(());
        }
        loop {
            match self.train().await {
                Err(End::Lost(why)) => self.begin_anew(&why)?,
                ended => return ended,
            }
        }
    }

    /// Whether nothing is left but to end what it made.
    fn is_complete(&self) -> bool {
        let last = self.state.steps;
        let is_saved = |saved: &Option<Saved>| saved.as_ref().is_some_and(|saved| saved.step == last);
        let is_evaluated =
            self.eval_rows.is_none() || self.evaluations.iter().any(|evaluation| evaluation.step == last);
        self.state.step == last
            && is_saved(&self.state.inference_checkpoint)
            && is_saved(&self.state.training_checkpoint)
            && is_evaluated
    }

    async fn train(&mut self) -> Result<(), End> {
        self.hold().await?;
        self.state.status = Status::Running;
        self.save().await?;
        self.evaluate().await?;
        while self.state.step < self.state.steps {
            self.check_limits()?;
            self.check_gain()?;
            if self.is_asked_to_stop().await {
                return Err(End::Stopped("stop-training was called".to_owned()));
            }
            self.check_rows().await?;
            let step = match self.recipe.value.method() {
                Method::Grpo => self.grpo().await?,
                Method::Sft => self.sft().await?,
            };
            self.finish_step(step).await?;
            self.evaluate().await?;
            if self.state.step.is_multiple_of(self.recipe.value.save_every())
                && self.state.step < self.state.steps
            {
                self.save_training_checkpoint().await?;
            }
        }
        Ok(())
    }

    /// Writes down that a step is done: what comes after a crash begins with the next.
    async fn finish_step(&mut self, mut step: Step) -> Result<(), End> {
        self.count_billed();
        self.state.tokens += step.tokens;
        step.usd = self.state.usd();
        self.state.step = step.step;
        let (place, line) = (self.place.clone(), step.clone());
        blocking(move || place.append(STEPS, &line)).await??;
        self.steps.push(step);
        self.save().await?;
        self.forget_intents().await
    }

    /// What has an operation, or may have one, is of no use once its step has a line.
    async fn forget_intents(&mut self) -> Result<(), End> {
        self.intents = Intents::default();
        let place = self.place.clone();
        blocking(move || Intents::forget(&place))
            .await?
            .map_err(End::from)
    }

    /// Writes the state down, and tells it.
    async fn save(&mut self) -> Result<(), End> {
        self.tell(State::write).await
    }

    /// Says what it is doing, to whoever looks.
    async fn doing(&mut self, what: &str) -> Result<(), End> {
        if self.state.doing.as_deref() == Some(what) {
            return Ok(());
        }
        self.state.doing = Some(what.to_owned());
        self.tell(State::show).await
    }

    async fn tell(&mut self, write: fn(&State, &Place) -> io::Result<()>) -> Result<(), End> {
        self.count_billed();
        self.state.updated_at = now();
        self.shown.send_replace(self.state.clone());
        let (place, state) = (self.place.clone(), self.state.clone());
        blocking(move || write(&state, &place)).await?.map_err(End::from)
    }

    /// Writes down what is about to be submitted, or what came of it.
    async fn note(
        &mut self,
        write: impl FnOnce(&mut Intents, &Place) -> io::Result<()> + Send + 'static,
    ) -> Result<(), End> {
        let (mut intents, place) = (std::mem::take(&mut self.intents), self.place.clone());
        let noted = blocking(move || {
            let written = write(&mut intents, &place);
            (intents, written)
        });
        let (intents, written) = noted.await?;
        self.intents = intents;
        written.map_err(End::from)
    }

    /// Adds the time since it was last counted.
    fn count_billed(&mut self) {
        if let Some(since) = &mut self.billed_since {
            let until = Instant::now();
            self.state.billed_seconds += (until - *since).as_secs_f64();
            *since = until;
        }
    }

    /// Ends the run where it has cost what it may.
    fn check_limits(&mut self) -> Result<(), End> {
        self.count_billed();
        let hours = self.state.billed_seconds / 3600.0;
        let most = self.limits.hours();
        if hours >= most {
            return Err(End::Stopped(format!("limits.hours ({}) are over", short(most))));
        }
        if let (Some(usd), Some(most)) = (self.state.usd(), self.limits.usd)
            && usd >= most
        {
            return Err(End::Stopped(format!("limits.usd ({}) are used up", short(most))));
        }
        Ok(())
    }

    /// Ends the run where it has reached what it is for, or goes nowhere.
    fn check_gain(&self) -> Result<(), End> {
        let limits = &self.limits;
        if let (Some(wanted), Some(reward)) = (limits.reward, reached(&self.steps, &self.evaluations))
            && reward >= wanted
        {
            return Err(End::Stopped(format!(
                "limits.reward ({}) is reached: {}",
                short(wanted),
                short(reward)
            )));
        }
        if let Some(most) = limits.steps_without_gain {
            let without = without_gain(&self.steps);
            if u32::try_from(without).unwrap_or(u32::MAX) >= most {
                return Err(End::Stopped(format!(
                    "limits.steps_without_gain: the mean of five steps has not risen for {without}"
                )));
            }
        }
        if let Some(stuck) = stuck(&self.steps) {
            return Err(End::Stopped(stuck));
        }
        if let (Some(most), Some(kl)) = (limits.kl, self.steps.last().and_then(Step::kl))
            && kl > most
        {
            return Err(End::Stopped(format!(
                "limits.kl ({}) is passed: {}",
                short(most),
                short(kl)
            )));
        }
        match self.steps.last().and_then(|step| step.loss) {
            Some(loss) if !loss.is_finite() => Err(End::Failed(
                "the loss is not finite: lower learning_rate, and look at the rewards".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    async fn is_asked_to_stop(&self) -> bool {
        let place = self.place.clone();
        blocking(move || place.is_asked_to_stop())
            .await
            .unwrap_or_default()
    }

    /// Ends the run if its rows are no longer those that it began with.
    async fn check_rows(&mut self) -> Result<(), End> {
        let files = self.hands.context().config().files.clone();
        let mut changed = self
            .rows
            .has_changed(&files)
            .map_err(|problem| changed(&self.frozen.dataset, &problem))?;
        if changed {
            let path = self.frozen.dataset.path.clone();
            let read = files.clone();
            let rows = blocking(move || Rows::open(&read, &path)).await?;
            let rows = rows.map_err(|problem| self::changed(&self.frozen.dataset, &problem))?;
            changed = rows.hash != self.frozen.dataset.sha256;
            self.rows = rows;
        }
        if changed {
            return Err(self::changed(&self.frozen.dataset, "it holds something else now"));
        }
        Ok(())
    }

    /// The rows of the step that comes next.
    fn asked(&mut self) -> Result<Vec<serde_json::Value>, End> {
        let recipe = &self.recipe.value;
        let indices = of_step(
            self.rows.len(),
            recipe.rows_per_step(),
            self.state.step,
            recipe.seed.unwrap_or(0),
        );
        let mut asked = Vec::with_capacity(indices.len());
        for index in indices {
            let row = self.rows.asked(index, &self.shape);
            asked.push(row.map_err(|problem| {
                End::Failed(format!(
                    "{}, line {} {problem}",
                    self.frozen.dataset.path,
                    self.rows.line(index)
                ))
            })?);
        }
        Ok(asked)
    }

    /// The key of something that is submitted: the same whoever does it, and however often.
    fn key(&self, what: &str) -> String {
        format!(
            "{}-{}-{}-{what}",
            self.place.id(),
            self.state.attempt,
            self.state.step
        )
    }

    /// The session to train in.
    fn session(&self) -> Result<String, End> {
        let held = self.state.session.as_ref();
        held.map(|held| held.id.clone())
            .ok_or_else(|| End::Failed("it has no training session".to_owned()))
    }

    /// Goes back to the last checkpoint, whose steps the session had that is gone.
    fn begin_anew(&mut self, why: &str) -> Result<(), End> {
        /// A session that is lost again and again is not lost by accident.
        const MOST_ATTEMPTS: u32 = 5;
        if self.recipe.value.session_id.is_some() {
            return Err(End::Failed(format!(
                "the session that it was given is gone: {why}"
            )));
        }
        self.state.attempt += 1;
        if self.state.attempt > MOST_ATTEMPTS {
            return Err(End::Failed(format!(
                "its session was lost again and again: {why}"
            )));
        }
        self.rewind(why)
    }

    /// Forgets all steps after the last checkpoint.
    fn rewind(&mut self, why: &str) -> Result<(), End> {
        let step = self
            .state
            .training_checkpoint
            .as_ref()
            .map_or(0, |saved| saved.step);
        tracing::warn!(
            run = self.place.id(),
            why,
            step,
            "begins anew from the last checkpoint"
        );
        self.state.session = None;
        self.state.reference = None;
        if self
            .state
            .resource
            .as_ref()
            .is_some_and(|held| held.is_own && held.is_ended)
        {
            self.state.resource = None;
        }
        self.state.step = step;
        // They are of the session that is gone.
        self.intents = Intents::default();
        Intents::forget(&self.place)?;
        self.steps.truncate(step);
        self.evaluations.retain(|evaluation| evaluation.step <= step);
        self.place.keep_lines(STEPS, step)?;
        self.place.keep_lines(EVALUATIONS, self.evaluations.len())?;
        Ok(())
    }

    /// Tells a person what came of it. A report that cannot be written is no failure of the run.
    async fn report(&self) {
        let place = self.place.clone();
        if let Ok(Err(error)) = blocking(move || report::write(&place)).await {
            tracing::warn!(%error, "the report cannot be written");
        }
    }
}

/// Makes this the run's one worker. Whoever only looks holds the lock for a moment.
fn lock(place: &Place) -> Result<Lock, String> {
    const TRIES: u32 = 50;
    for _ in 0..TRIES {
        match place.lock() {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(format!("its directory cannot be written: {error}")),
        }
    }
    Err("another worker is at it".to_owned())
}

/// The rows of a file that is as it was when the run began.
fn unchanged(files: &crate::files::Files, file: &File) -> Result<Rows, String> {
    let rows = Rows::open(files, &file.path).map_err(|problem| format!("{}: {problem}", file.path))?;
    if rows.hash == file.sha256 {
        return Ok(rows);
    }
    Err(format!(
        "{} has changed since the run began, so that its steps would not be those that were planned: put the file back as it was, or start a new run",
        file.path
    ))
}

fn changed(file: &File, problem: &str) -> End {
    End::Failed(format!(
        "{} has changed since the run began: {problem}",
        file.path
    ))
}

/// How long nothing has been written since this time, in seconds. A clock that jumps is not believed beyond what can be.
fn silence(since: &str) -> f64 {
    let then = humantime::parse_rfc3339_weak(since).ok();
    let gap = then.and_then(|then| std::time::SystemTime::now().duration_since(then).ok());
    gap.map_or(0.0, |gap| gap.as_secs_f64().min(LONGEST_GAP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_clock_that_jumps_is_not_believed() {
        let at = |time: SystemTime| humantime::format_rfc3339_seconds(time).to_string();
        let now = SystemTime::now();
        assert!((59.0..62.0).contains(&silence(&at(now - Duration::from_secs(60)))));
        // Ahead of now, long ago, and no time at all.
        assert!(silence(&at(now + Duration::from_secs(9999))) <= 0.0);
        assert!((silence("1970-01-01T00:00:00Z") - LONGEST_GAP).abs() < 1.0);
        assert!(silence("") <= 0.0);
    }
}
