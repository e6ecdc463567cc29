//! A step of GRPO: completions, their rewards, a batch, gradients, and weights that the next completions come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::deeds::{Done, FORWARD_BACKWARD, OPTIMIZER_STEP, SAMPLE, WEIGHTS_SYNC, id_of};
use super::{End, Worker};
use crate::context::Reply;
use crate::redact::clean;
use crate::spec;
use crate::together::numbers::mean_and_deviation;
use crate::train::report::rollouts;
use crate::train::steps::{Commonest, Seconds, Step, mean};
use crate::work::blocking;

/// A body that build-training-batch wrote.
#[derive(Deserialize)]
pub(super) struct Batch {
    path: String,
    tokens: usize,
}

/// What build-training-batch says.
pub(super) struct Built {
    pub(super) batches: Vec<Batch>,
    /// The body that scores the sequences, where the reference needs that first.
    scoring: Option<Batch>,
    trained_tokens: usize,
    note: Option<String>,
}

impl Batch {
    /// Where its body lies.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl Built {
    /// How many tokens are trained on.
    pub(super) const fn trained_tokens(&self) -> usize {
        self.trained_tokens
    }

    pub(super) fn of(reply: &Reply) -> Self {
        Self {
            batches: reply.member("batches").unwrap_or_default(),
            scoring: reply.member("scoring"),
            trained_tokens: reply.member("trained_tokens").unwrap_or_default(),
            note: reply.member("note"),
        }
    }
}

/// What gradients say of a batch.
#[derive(Default)]
pub(super) struct Passed {
    pub(super) loss: Option<f64>,
    pub(super) metrics: BTreeMap<String, f64>,
}

impl Worker {
    pub(super) async fn grpo(&mut self) -> Result<Step, End> {
        let number = self.state.step + 1;
        let session = self.session()?;
        let mut clock = Clock::new();
        let asked = self.asked()?;
        let sampled = self
            .done(SAMPLE, "sample", self.sampling(&session, &asked))
            .await?;
        clock.sampling();
        let operation = id(&sampled)?;
        self.doing("grading").await?;
        let mut step = self.graded(&session, &sampled, &operation, number).await?;
        clock.here();
        let trained = self
            .learn(&session, &operation, number, &mut step, &mut clock)
            .await?;
        step.tokens += u64::try_from(trained).unwrap_or_default();
        step.seconds = clock.seconds;
        self.clean(&sampled).await;
        Ok(step)
    }

    /// Gradients of what was sampled, and the weights that come of them. How many tokens were trained on.
    async fn learn(
        &mut self,
        session: &str,
        operation: &str,
        number: usize,
        step: &mut Step,
        clock: &mut Clock,
    ) -> Result<usize, End> {
        step.learning_rate = self.recipe.value.learning_rate(self.state.step, self.state.steps);
        let rewards = self.place.path(&rollouts(number));
        let arguments = json!({
            "session_id": session,
            "operation_ids": [operation],
            "rewards_path": rewards,
            "loss": self.loss()?,
            "scale_by_deviation": self.recipe.value.scale_by_deviation,
        });
        let built = self.built(arguments.clone()).await?;
        let (arguments, built) = match built.scoring {
            Some(scoring) => {
                let arguments = self.scored(&scoring, arguments).await?;
                let built = self.built(arguments.clone()).await?;
                (arguments, built)
            }
            None => (arguments, built),
        };
        if built.batches.is_empty() {
            step.skipped = built.note.map(|note| super::deeds::first_line(&note).to_owned());
            return Ok(0);
        }
        clock.here();
        let (passed, trained) = self.passed(session, built, arguments).await?;
        step.loss = passed.loss;
        step.metrics = passed.metrics;
        self.stepped(session, step.learning_rate).await?;
        let synced = json!({"session_id": session});
        self.done(WEIGHTS_SYNC, "sync", synced).await?;
        clock.training();
        Ok(trained)
    }

    /// The arguments of sample.
    pub(super) fn sampling(&self, session: &str, asked: &[Value]) -> Value {
        let recipe = &self.recipe.value;
        let sampling = recipe.sampling.clone().unwrap_or_default();
        let step = u64::try_from(self.state.step).unwrap_or_default();
        let mut params = json!({
            "max_tokens": recipe.max_tokens(),
            "temperature": sampling.temperature.unwrap_or(1.0),
            "seed": u64::from(recipe.seed.unwrap_or(0)) * 1_000_003 + step,
        });
        if let Some(params) = params.as_object_mut() {
            let more = [
                ("top_p", sampling.top_p.map(Value::from)),
                ("top_k", sampling.top_k.map(Value::from)),
                ("stop", sampling.stop.map(Value::from)),
            ];
            let more = more
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            params.extend(more);
        }
        json!({
            "session_id": session,
            "prompts": asked,
            "tokenizer": recipe.tokenizer,
            "body": {"num_samples": recipe.group_size(), "sampling_params": params},
        })
    }

    /// The loss with its KL term.
    fn loss(&self) -> Result<Value, End> {
        let given = self.recipe.value.loss.as_ref();
        let mut loss: Map<String, Value> = match given {
            Some(loss) => {
                serde_json::from_str(loss.text()).map_err(|error| End::Failed(error.to_string()))?
            }
            None => Map::from_iter([("type".to_owned(), "LOSS_TYPE_GRPO".into())]),
        };
        let kl = self.recipe.value.kl();
        if kl > 0.0 {
            let params = loss.entry("grpo_params").or_insert_with(|| json!({}));
            if let Some(params) = params.as_object_mut() {
                params.insert("beta".to_owned(), kl.into());
            }
        }
        Ok(loss.into())
    }

    pub(super) async fn built(&mut self, mut arguments: Value) -> Result<Built, End> {
        if let (Some(most), Some(arguments)) = (self.state.most_tokens, arguments.as_object_mut()) {
            arguments.insert("max_tokens".to_owned(), most.into());
        }
        let reply = self.called(spec::BUILD_TRAINING_BATCH.name, &arguments).await?;
        Ok(Built::of(&reply))
    }

    /// Has the model as it was score the sequences, and says what the batch is built of then.
    async fn scored(&mut self, scoring: &Batch, mut arguments: Value) -> Result<Value, End> {
        let reference = self
            .state
            .reference
            .as_ref()
            .map(|held| held.id.clone())
            .unwrap_or_default();
        let score = json!({"session_id": reference, "body_path": scoring.path});
        let scored = self.done(SAMPLE, "score", score).await?;
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.insert("reference_operation_ids".to_owned(), json!([id(&scored)?]));
            arguments.insert("reference_session_id".to_owned(), reference.into());
        }
        Ok(arguments)
    }

    /// Gradients of all bodies. One that is too large for the trainer is cut in two, as long as none of its step counts yet.
    pub(super) async fn passed(
        &mut self,
        session: &str,
        mut built: Built,
        arguments: Value,
    ) -> Result<(Passed, usize), End> {
        loop {
            let mut all = Vec::new();
            let mut too_large = None;
            for (index, batch) in built.batches.iter().enumerate() {
                let what = match self.state.most_tokens {
                    Some(most) => format!("pass-{most}-{index}"),
                    None => format!("pass-{index}"),
                };
                let pass = json!({"session_id": session, "body_path": batch.path});
                match self.carried_out(FORWARD_BACKWARD, &what, pass).await? {
                    Done::Completed(reply) => all.push((passed(&reply), batch.tokens)),
                    Done::TooLarge(why) if index > 0 || batch.tokens < 2 => return Err(End::Failed(why)),
                    Done::TooLarge(why) => {
                        too_large = Some((batch.tokens, why));
                        break;
                    }
                }
            }
            let Some((tokens, why)) = too_large else {
                let trained = built.trained_tokens;
                self.remove_batches(built).await;
                return Ok((together(&all), trained));
            };
            let most = tokens / 2;
            if self.state.most_tokens == Some(most) {
                return Err(End::Failed(why));
            }
            self.state.most_tokens = Some(most);
            self.save().await?;
            built = self.built(arguments.clone()).await?;
        }
    }

    pub(super) async fn stepped(&mut self, session: &str, learning_rate: f64) -> Result<(), End> {
        // What a client depends on, it sends: the defaults of the service are disputed.
        let adam = json!({"learning_rate": learning_rate, "weight_decay": 0.0});
        let step = json!({"session_id": session, "body": {"adam_params": adam}});
        self.done(OPTIMIZER_STEP, "step", step).await.map(drop)
    }

    /// Grades a step's completions, unless that was done before: a grader need not say the same twice.
    async fn graded(
        &mut self,
        session: &str,
        sampled: &Reply,
        operation: &str,
        number: usize,
    ) -> Result<Step, End> {
        let name = rollouts(number);
        let (place, own, known) = (self.place.clone(), name.clone(), operation.to_owned());
        let before = blocking(move || {
            let lines = place.lines(&own)?;
            Ok::<_, io::Error>(graded_before(lines, &known))
        })
        .await??;
        let rollouts = if let Some(rollouts) = before {
            rollouts
        } else {
            let rewards = self.rewards(session, operation).await?;
            let completions: PathBuf = sampled
                .member::<String>("completions_file")
                .ok_or_else(|| End::Failed("the completions have no text here".to_owned()))?
                .into();
            let place = self.place.clone();
            blocking(move || {
                let rollouts = joined(&completions, &rewards)?;
                let mut text = String::new();
                for rollout in &rollouts {
                    text.push_str(&serde_json::to_string(rollout)?);
                    text.push('\n');
                }
                place.replace(&name, text.as_bytes())?;
                let _ = fs::remove_file(&rewards);
                Ok::<_, io::Error>(rollouts)
            })
            .await??
        };
        Ok(measured(number, &rollouts))
    }

    /// The file with the rewards of a sampling.
    pub(super) async fn rewards(&mut self, session: &str, operation: &str) -> Result<PathBuf, End> {
        let grader: Option<&RawValue> = self.frozen.grader.as_deref();
        let grader: Value = grader
            .and_then(|grader| serde_json::from_str(grader.get()).ok())
            .unwrap_or_default();
        let arguments = json!({"session_id": session, "operation_ids": [operation], "grader": grader});
        let reply = self.called(spec::GRADE_COMPLETIONS.name, &arguments).await?;
        let file: Option<String> = reply.member("rewards_file");
        file.map(PathBuf::from).ok_or_else(|| {
            let why: Option<String> = reply.member("note");
            End::Failed(why.unwrap_or_else(|| "the rewards could not be stored".to_owned()))
        })
    }

    /// Removes what the tools left of a step: the run keeps its completions itself.
    pub(super) async fn clean(&self, sampled: &Reply) {
        let Some(completions) = sampled.member::<String>("completions_file") else {
            return;
        };
        let Some(stem) = completions.strip_suffix(&format!(".{}", crate::files::data::COMPLETIONS)) else {
            return;
        };
        let files = [
            "json",
            "request.json",
            "prompts.json",
            crate::files::data::COMPLETIONS,
        ];
        self.remove(files.iter().map(|end| format!("{stem}.{end}").into()).collect())
            .await;
    }

    /// Removes the bodies of a step that is over.
    pub(super) async fn remove_batches(&self, built: Built) {
        let batches = built.batches.into_iter().map(|batch| batch.path.into());
        self.remove(batches.collect()).await;
    }

    async fn remove(&self, files: Vec<PathBuf>) {
        let _ = blocking(move || files.iter().for_each(|file| drop(fs::remove_file(file)))).await;
    }
}

/// Where the time of a step goes.
pub(super) struct Clock {
    last: Instant,
    pub(super) seconds: Seconds,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            last: Instant::now(),
            seconds: Seconds::default(),
        }
    }

    fn passed(&mut self) -> f64 {
        let now = Instant::now();
        let passed = now.duration_since(std::mem::replace(&mut self.last, now));
        (passed.as_secs_f64() * 1000.0).round() / 1000.0
    }

    pub(super) fn sampling(&mut self) {
        self.seconds.sampling += self.passed();
    }

    pub(super) fn training(&mut self) {
        self.seconds.training += self.passed();
    }

    pub(super) fn here(&mut self) {
        self.seconds.here += self.passed();
    }
}

pub(super) fn id(reply: &Reply) -> Result<String, End> {
    id_of(reply).ok_or_else(|| End::Failed("an operation has no id".to_owned()))
}

/// The completions of a step, if all of them were graded.
fn graded_before(rollouts: Vec<Map<String, Value>>, operation: &str) -> Option<Vec<Map<String, Value>>> {
    let is_its =
        |rollout: &Map<String, Value>| rollout.get("operation_id").and_then(Value::as_str) == Some(operation);
    let all = !rollouts.is_empty() && rollouts.iter().all(is_its);
    all.then_some(rollouts)
}

/// Completions and their rewards, line by line, and whether each counts.
fn joined(completions: &std::path::Path, rewards: &std::path::Path) -> io::Result<Vec<Map<String, Value>>> {
    let lines = |path: &std::path::Path| -> io::Result<Vec<Map<String, Value>>> {
        let text = fs::read_to_string(path)?;
        text.lines()
            .map(|line| serde_json::from_str(line).map_err(io::Error::other))
            .collect()
    };
    let (completions, mut rollouts) = (lines(completions)?, lines(rewards)?);
    for (rollout, completion) in rollouts.iter_mut().zip(completions) {
        for name in ["prompt", "text", "tokens", "stop_reason"] {
            if let Some(value) = completion.get(name) {
                rollout.insert(name.to_owned(), value.clone());
            }
        }
    }
    let equal = equal_groups(&rollouts);
    for rollout in &mut rollouts {
        let is_equal = result(rollout).is_some_and(|result| equal.get(&result) == Some(&true));
        rollout.insert("kept".to_owned(), (!is_equal).into());
        if is_equal {
            rollout.insert(
                "why_not".to_owned(),
                "all completions of the prompt have the same reward".into(),
            );
        }
    }
    Ok(rollouts)
}

fn result(rollout: &Map<String, Value>) -> Option<u64> {
    rollout.get("result").and_then(Value::as_u64)
}

fn number(rollout: &Map<String, Value>, name: &str) -> Option<f64> {
    rollout.get(name).and_then(Value::as_f64)
}

/// For each prompt, whether its rewards are equal.
fn equal_groups(rollouts: &[Map<String, Value>]) -> BTreeMap<u64, bool> {
    let mut groups: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for rollout in rollouts {
        if let (Some(result), Some(reward)) = (result(rollout), number(rollout, "reward")) {
            groups.entry(result).or_default().push(reward);
        }
    }
    let is_equal =
        |rewards: &Vec<f64>| mean_and_deviation(rewards).is_none_or(|(_, deviation)| deviation == 0.0);
    groups
        .iter()
        .map(|(result, rewards)| (*result, is_equal(rewards)))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 completions")]
fn share(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// What the completions of several prompts say most often.
fn commonest(rollouts: &[Map<String, Value>]) -> Option<Commonest> {
    /// With fewer prompts it may well be right for most.
    const FEWEST_PROMPTS: usize = 4;
    /// In characters.
    const LONGEST: usize = 80;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rollout in rollouts {
        let text = rollout.get("text").and_then(Value::as_str).unwrap_or_default();
        *counts.entry(text.trim()).or_default() += 1;
    }
    let prompts: BTreeSet<u64> = rollouts.iter().filter_map(result).collect();
    let (text, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    if prompts.len() < FEWEST_PROMPTS || count < 2 {
        return None;
    }
    Some(Commonest {
        text: clean::text(&text.chars().take(LONGEST).collect::<String>()),
        share: share(count, rollouts.len())?,
    })
}

/// What the completions of a step say.
fn measured(step: usize, rollouts: &[Map<String, Value>]) -> Step {
    let rewards: Vec<f64> = rollouts
        .iter()
        .filter_map(|rollout| number(rollout, "reward"))
        .collect();
    let tokens: Vec<f64> = rollouts
        .iter()
        .filter_map(|rollout| number(rollout, "tokens"))
        .collect();
    let cut = rollouts
        .iter()
        .filter(|rollout| rollout.get("stop_reason").and_then(Value::as_str) == Some("LENGTH"))
        .count();
    let equal = equal_groups(rollouts);
    let mut parts: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for rollout in rollouts {
        let of_rollout = rollout.get("parts").and_then(Value::as_array);
        for part in of_rollout.into_iter().flatten() {
            let (name, reward) = (part.get("name"), part.get("reward"));
            if let (Some(name), Some(reward)) = (name.and_then(Value::as_str), reward.and_then(Value::as_f64))
            {
                parts.entry(name.to_owned()).or_default().push(reward);
            }
        }
    }
    let (reward, reward_deviation) = mean_and_deviation(&rewards).unzip();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let sampled = tokens.iter().sum::<f64>() as u64;
    Step {
        step,
        reward,
        reward_deviation,
        parts: parts
            .into_iter()
            .filter_map(|(name, rewards)| Some((name, mean(&rewards)?)))
            .collect(),
        equal_groups: share(equal.values().filter(|equal| **equal).count(), equal.len()),
        cut: share(cut, rollouts.len()),
        mean_tokens: mean(&tokens),
        commonest: commonest(rollouts),
        tokens: sampled,
        ..Step::default()
    }
}

fn passed(reply: &Reply) -> Passed {
    #[derive(Default, Deserialize)]
    struct Output {
        loss: Option<f64>,
        #[serde(default)]
        metrics: Map<String, Value>,
    }
    let output: Output = reply.member("output").unwrap_or_default();
    let metrics = output.metrics.into_iter();
    Passed {
        loss: output.loss,
        metrics: metrics
            .filter_map(|(name, value)| {
                // Numbers may come as texts.
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
                Some((name, number))
            })
            .collect(),
    }
}

/// What several bodies say together, each as much as it has tokens; the loss of a step is a mean as well.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 tokens")]
fn together(all: &[(Passed, usize)]) -> Passed {
    let weighed = |value: &dyn Fn(&Passed) -> Option<f64>| -> Option<f64> {
        let mut sum = (0.0, 0.0);
        for (passed, tokens) in all {
            if let Some(value) = value(passed) {
                sum = (sum.0 + value * *tokens as f64, sum.1 + *tokens as f64);
            }
        }
        (sum.1 > 0.0).then(|| sum.0 / sum.1)
    };
    let names = all.iter().flat_map(|(passed, _)| passed.metrics.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    Passed {
        loss: weighed(&|passed| passed.loss),
        metrics: names
            .into_iter()
            .filter_map(|name| {
                Some((
                    name.clone(),
                    weighed(&|passed| passed.metrics.get(name).copied())?,
                ))
            })
            .collect(),
    }
}
