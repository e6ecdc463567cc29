//! What a recipe comes to: checked against its files, priced, and ready to be started.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::recipe::Method;
use super::rows::Rows;
use super::{File, Frozen, Recipe};
use crate::context::Call;
use crate::dataset::Shape;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, counted};
use crate::files::Files;
use crate::files::LARGEST_JSON;
use crate::grade::Grade;
use crate::json::{self, Body};
use crate::redact::clean;
use crate::text::{self, Asked, Date, Model, Today};
use crate::together::grader_argument::GraderArgument;
use crate::together::tokenizer::{self, Whose};
use crate::together::{base_model, billing, models};
use crate::work::blocking;

/// How many rows have their tokens counted for the estimate.
const COUNTED: usize = 200;
/// After how many seconds without an operation what a run made stops by itself, should its worker be gone.
pub(crate) const INACTIVE_TIMEOUT: u32 = 1800;

/// What a recipe comes to.
pub(crate) struct Plan {
    pub(crate) frozen: Frozen,
    pub(crate) usd_per_hour: Option<f64>,
    pub(crate) said: Said,
}

/// What is said of it before anything starts.
#[derive(Serialize)]
pub(crate) struct Said {
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_model: Option<String>,
    rows: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_rows: Option<usize>,
    steps: usize,
    rows_per_step: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_size: Option<usize>,
    learning_rate: f64,
    /// Tokens of a prompt, or for sft of a whole row: the mean, and the most that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_tokens: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_tokens: Option<usize>,
    /// Of the whole run, should every completion be as long as it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_at_most: Option<u64>,
    /// What the model reads of the first row.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_prompt: Option<String>,
    creates: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves_up: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_hour: Option<f64>,
    hours_at_most: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_at_most: Option<f64>,
}

/// For people.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.base_model.as_deref().unwrap_or("a session's model");
        write!(
            f,
            "{} on {model}: {} of {} rows",
            self.method,
            counted(self.steps, "step"),
            self.rows_per_step
        )?;
        if let Some(group) = self.group_size {
            write!(f, " with {group} completions each")?;
        }
        write!(
            f,
            ", learning rate {}\n  {}",
            self.learning_rate,
            counted(self.rows, "row")
        )?;
        if let Some(eval_rows) = self.eval_rows {
            write!(f, ", {eval_rows} held out")?;
        }
        if let (Some(mean), Some(longest)) = (self.mean_tokens, self.longest_tokens) {
            write!(f, "; {mean} tokens on average, {longest} at most")?;
        }
        if !self.creates.is_empty() {
            write!(f, "\n  makes {}, and ends it", self.creates.join(" and "))?;
        }
        if let Some(left) = &self.leaves_up {
            write!(f, "\n  leaves up {left}")?;
        }
        write!(f, "\n  at most {} hours", self.hours_at_most)?;
        if let Some(usd) = self.usd_at_most {
            write!(f, ", {usd} USD")?;
        }
        match self.usd_per_hour {
            Some(usd) => write!(f, " ({usd} USD per hour)"),
            None if self.leaves_up.is_none() => f.write_str(" (the price is not known)"),
            None => Ok(()),
        }
    }
}

/// What the files of a recipe hold.
struct Looked {
    dataset: File,
    eval_dataset: Option<File>,
    mean_tokens: Option<f64>,
    longest_tokens: Option<usize>,
    first_prompt: Option<String>,
}

impl Recipe {
    /// How its rows become prompts.
    pub(crate) fn shape(&self) -> Shape {
        Shape {
            system: self.system.clone(),
            prompt: self.prompt.clone(),
            completion: self.completion.clone(),
        }
    }

    /// The body of the model resource that it makes; `None`: it is given one.
    pub(crate) fn resource(&self) -> Option<Value> {
        let base_model = self.base_model.as_ref()?;
        let replicas = self.num_generator_replicas.unwrap_or(match self.method() {
            Method::Grpo => 1,
            Method::Sft => 0,
        });
        let mut compute = json!({"num_generator_replicas": replicas});
        if let (Some(gpu_type), Some(compute)) = (&self.gpu_type, compute.as_object_mut()) {
            compute.insert("gpu_type".to_owned(), json!(gpu_type));
        }
        Some(json!({
            "base_model": base_model.trim(),
            "compute_config": compute,
            "inactive_timeout": INACTIVE_TIMEOUT,
        }))
    }

    /// The adapter of the session that it makes.
    pub(crate) fn adapter(&self) -> Value {
        let lora = self.lora.clone().unwrap_or_default();
        let seed = lora.seed.or(self.seed).unwrap_or(0);
        let mut adapter =
            json!({"rank": lora.rank.unwrap_or(32), "alpha": lora.alpha.unwrap_or(64), "seed": seed});
        let more = [
            ("dropout", lora.dropout.map(Value::from)),
            ("train_unembed", lora.train_unembed.map(Value::from)),
        ];
        if let Some(adapter) = adapter.as_object_mut() {
            let given = more
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            adapter.extend(given);
        }
        adapter
    }
}

/// Reads the files of a recipe and asks for its price. Nothing is started.
pub(crate) async fn plan(call: &Call<'_>, recipe: &Body<Recipe>) -> Result<Plan, ToolError> {
    let given = &recipe.value;
    let mut problems = Problems::default();
    let argument = GraderArgument {
        grader: given.grader.as_ref(),
        path: given.grader_path.as_deref(),
    };
    let grader = if argument.is_given() {
        argument.read(call, &mut problems).await?
    } else {
        None
    };
    let resource = given.resource();
    let known_model = match (&given.base_model, &given.session_id) {
        (Some(base_model), _) => {
            // So that a model that is not offered is named now, and not when GPUs are asked for.
            let _ = models::offered(call).await;
            if let Some((name, problem)) = unknown_model(call, given) {
                problems.add(&Path::Root.key(name), problem);
            }
            Some(base_model.trim().to_owned())
        }
        (None, Some(session)) => Some(base_model::of_session(call, session).await?),
        (None, None) => match &given.model_resources_id {
            Some(id) => base_model::of_resource(call, id).await?,
            None => None,
        },
    };
    let model = if problems.is_empty() {
        let whose = Whose {
            tokenizer: given.tokenizer.as_deref(),
            base_model: known_model.as_deref(),
            session_id: given.session_id.as_deref(),
        };
        let source = tokenizer::source(call, &whose).await?;
        Some(text::load(call, &source).await?)
    } else {
        None
    };
    let files = call.context.config().files.clone();
    let date = call.context.state::<Today>().date();
    let looking = Looking {
        dataset: given.dataset().to_owned(),
        eval_dataset: given.eval_dataset.clone(),
        shape: given.shape(),
        needs_answer: given.method() == Method::Sft,
        grader,
    };
    let tokenizer = model.as_ref().map(|model| json!(model.origin()));
    let (looked, found) = blocking(move || {
        let mut problems = Problems::default();
        let looked = looking.look(&files, model.as_deref(), date, &mut problems);
        (looked, problems)
    })
    .await?;
    problems.append(found);
    let Some(looked) = looked.filter(|_| problems.is_empty()) else {
        return Err(ToolError::Arguments(problems));
    };
    let usd_per_hour = price(call, resource.as_ref()).await?;
    let limits = given.limits();
    if limits.usd.is_some() && usd_per_hour.is_none() {
        return Err(Problems::one(
            &Path::Root.key("limits").key("usd"),
            "cannot be kept, as the price is not known: leave it out and give limits.hours",
        )
        .into());
    }
    let said = said(given, &looked, known_model, usd_per_hour);
    let grader = grader_text(call, given).await?;
    Ok(Plan {
        frozen: Frozen {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recipe: json::raw(recipe.text().to_owned())?,
            steps: given.steps(looked.dataset.rows),
            dataset: looked.dataset,
            eval_dataset: looked.eval_dataset,
            grader,
            tokenizer,
        },
        usd_per_hour,
        said,
    })
}

/// The argument that names what is not offered, as far as that was listed before, and what to say about it.
pub(crate) fn unknown_model(call: &Call<'_>, recipe: &Recipe) -> Option<(&'static str, String)> {
    let body = recipe.resource()?.to_string();
    let (member, problem) = models::not_offered(call, &body)?;
    // A recipe has no body around them.
    Some((member.rsplit('.').next().unwrap_or(member), problem))
}

/// What is wrong with the rows of a recipe that is refused anyway, by the arguments that name them, as far as that shows
/// without a service.
pub(crate) async fn look(call: &Call<'_>, recipe: &Recipe) -> Vec<(&'static str, Problems)> {
    let argument = GraderArgument {
        grader: recipe.grader.as_ref(),
        path: recipe.grader_path.as_deref(),
    };
    // What is wrong with it is reported by then.
    let grader = argument.read(call, &mut Problems::default()).await;
    let looking = Looking {
        dataset: String::new(),
        eval_dataset: None,
        shape: recipe.shape(),
        needs_answer: recipe.method == Some(Method::Sft),
        // One that belongs to no run of this method is told for itself.
        grader: grader
            .ok()
            .flatten()
            .filter(|_| recipe.method != Some(Method::Sft)),
    };
    let named = [
        ("dataset", recipe.dataset.clone()),
        ("eval_dataset", recipe.eval_dataset.clone()),
    ];
    let files = call.context.config().files.clone();
    let looked = blocking(move || {
        let look = |(name, path): (&'static str, Option<String>)| {
            let mut problems = Problems::default();
            let _ = looking.rows(&files, name, &path?, &mut problems);
            Some((name, problems))
        };
        named.into_iter().filter_map(look).collect()
    });
    looked.await.unwrap_or_default()
}

/// The grader as JSON, whatever becomes of its file.
async fn grader_text(call: &Call<'_>, recipe: &Recipe) -> Result<Option<Box<RawValue>>, ToolError> {
    if let Some(grader) = &recipe.grader {
        return Ok(Some(grader.raw().to_owned()));
    }
    let Some(path) = &recipe.grader_path else {
        return Ok(None);
    };
    let text = call.context.config().files.read(path, LARGEST_JSON).await;
    let text = text.and_then(json::of_file);
    text.map(Some)
        .map_err(|problem| Problems::one(&Path::Root.key("grader_path"), problem).into())
}

/// What the resource costs that is made, within the limit of this server.
async fn price(call: &Call<'_>, resource: Option<&Value>) -> Result<Option<f64>, ToolError> {
    let Some(resource) = resource else { return Ok(None) };
    let price = billing::price(call, &resource.to_string()).await;
    if let Some(limit) = call.context.config().max_price_per_hour {
        billing::within_limit(&price, limit)?;
    }
    match price {
        Ok(price) => Ok(price.as_ref().and_then(billing::Price::usd)),
        Err(missing @ ToolError::MissingKey { .. }) => Err(missing),
        // A refusal says what is wrong with the body; all else only that the price is not known.
        Err(ToolError::Call(failure)) if failure.is_refusal() => Err(ToolError::Call(failure)),
        Err(_) => Ok(None),
    }
}

/// What is looked for in the files of a recipe.
struct Looking {
    dataset: String,
    eval_dataset: Option<String>,
    shape: Shape,
    needs_answer: bool,
    grader: Option<Box<dyn Grade>>,
}

impl Looking {
    fn look(
        &self,
        files: &Files,
        model: Option<&Model>,
        date: Date,
        problems: &mut Problems,
    ) -> Option<Looked> {
        let dataset = self.rows(files, "dataset", &self.dataset, problems);
        let eval_dataset = match &self.eval_dataset {
            Some(path) => Some(self.rows(files, "eval_dataset", path, problems)?.0),
            None => None,
        };
        let (dataset, mut rows) = dataset?;
        let lengths: Vec<usize> = match model {
            Some(model) => (0..rows.len().min(COUNTED))
                .filter_map(|index| {
                    let asked = rows.asked(index, &self.shape).ok()?;
                    length(asked, model, date)
                })
                .collect(),
            None => Vec::new(),
        };
        let first = rows.asked(0, &self.shape).ok();
        let first_prompt = first
            .zip(model)
            .and_then(|(asked, model)| prompt(asked, model, date));
        Some(Looked {
            first_prompt,
            dataset,
            eval_dataset,
            mean_tokens: mean(&lengths),
            longest_tokens: lengths.iter().max().copied(),
        })
    }

    fn rows(&self, files: &Files, name: &str, path: &str, problems: &mut Problems) -> Option<(File, Rows)> {
        let at = Path::Root.key(name);
        let opened = files
            .path_blocking(path)
            .and_then(|found| Ok((found.display().to_string(), Rows::open(files, path)?)));
        let (path, mut rows) = match opened {
            Ok(opened) => opened,
            Err(problem) => {
                problems.add(&at, problem);
                return None;
            }
        };
        if rows.len() == 0 {
            problems.add(&at, "has no rows");
            return None;
        }
        rows.check(
            &self.shape,
            self.grader.as_deref(),
            self.needs_answer,
            &at,
            problems,
        );
        let file = File {
            path,
            sha256: rows.hash.clone(),
            rows: rows.len(),
        };
        Some((file, rows))
    }
}

/// What the model reads of a row, as much as shows its form.
fn prompt(asked: Value, model: &Model, date: Date) -> Option<String> {
    /// In characters.
    const LONGEST: usize = 400;
    let row = text::Row::read(asked, &Path::Root, &mut Problems::default())?;
    let text = match row.asked {
        Asked::Text(text) => text,
        Asked::Conversation(conversation) => model.prompt(&conversation, date).ok()?.text,
    };
    let text = clean::text(&text);
    Some(match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    })
}

/// How many tokens a row has, prompt and answer.
fn length(asked: Value, model: &Model, date: Date) -> Option<usize> {
    let mut problems = Problems::default();
    let row = text::Row::read(asked, &Path::Root, &mut problems)?;
    let own = match &row.asked {
        Asked::Text(text) => model.tokenizer().encode(text, false).ok()?.ids.len(),
        Asked::Conversation(conversation) => model.prompt(conversation, date).ok()?.ids.len(),
    };
    let completion = row.others.get("completion").and_then(Value::as_str);
    let completion = completion.and_then(|text| Some(model.tokenizer().encode(text, false).ok()?.ids.len()));
    Some(own + completion.unwrap_or(0))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 tokens")]
fn mean(lengths: &[usize]) -> Option<f64> {
    let sum: usize = lengths.iter().sum();
    (!lengths.is_empty()).then(|| (sum as f64 / lengths.len() as f64 * 10.0).round() / 10.0)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate of what is far below 2^52"
)]
fn said(recipe: &Recipe, looked: &Looked, base_model: Option<String>, usd_per_hour: Option<f64>) -> Said {
    let steps = recipe.steps(looked.dataset.rows);
    let is_grpo = recipe.method() == Method::Grpo;
    let of_row = looked.mean_tokens.map(|prompt| {
        if is_grpo {
            // Each completion is sampled, and trained on with its prompt.
            (prompt + 2.0 * f64::from(recipe.max_tokens())) * recipe.group_size() as f64
        } else {
            prompt
        }
    });
    let rows = (steps * recipe.rows_per_step()) as f64;
    let limits = recipe.limits();
    let hours = limits.hours();
    let by_hours = usd_per_hour.map(|usd| usd * hours);
    let usd_at_most = match (by_hours, limits.usd) {
        (Some(by_hours), Some(usd)) => Some(by_hours.min(usd)),
        (by_hours, usd) => by_hours.or(usd),
    };
    let mut creates = Vec::new();
    if let Some(model) = &recipe.base_model {
        creates.push(format!("a model resource with {}", model.trim()));
    }
    if recipe.session_id.is_none() {
        creates.push("a training session".to_owned());
    }
    if recipe.kl() > 0.0 {
        creates.push("a session of the model as it was, for the KL term".to_owned());
    }
    let leaves_up = match (&recipe.session_id, &recipe.model_resources_id) {
        (Some(id), _) => Some(format!("training session {} and its model resource", &**id)),
        (None, Some(id)) => Some(format!("model resource {id}")),
        (None, None) => None,
    };
    Said {
        method: recipe.method().name(),
        base_model,
        rows: looked.dataset.rows,
        eval_rows: looked.eval_dataset.as_ref().map(|file| file.rows),
        steps,
        rows_per_step: recipe.rows_per_step(),
        group_size: is_grpo.then(|| recipe.group_size()),
        learning_rate: recipe.learning_rate.unwrap_or(super::recipe::LEARNING_RATE),
        mean_tokens: looked.mean_tokens,
        longest_tokens: looked.longest_tokens,
        tokens_at_most: of_row.map(|tokens| (tokens * rows) as u64),
        first_prompt: looked.first_prompt.clone(),
        creates,
        leaves_up,
        usd_per_hour,
        hours_at_most: hours,
        usd_at_most,
    }
}
