//! Prompts as text and conversations, made into the token ids that the service takes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use crate::arguments::Written;
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, counted, list, or_inline};
use crate::files::{Files, LARGEST_JSON};
use crate::json::lines::lines;
use crate::json::{self, Object};
use crate::text::{
    self, Asked, COMPLETION, Conversation, Date, Model, Origin, Row, Source, Today, control_tokens,
};
use crate::together::base_model;
use crate::together::models::{self, Models};
use crate::together::sample::{Sample, completions};
use crate::together::tokenizer::{self, Whose, unwanted};
use crate::work::blocking;

/// The longest completion where the body names none.
const USUAL_MAX_TOKENS: u64 = 512;
/// What the names of the sandbox's own models begin with.
const OF_SANDBOX: &str = "sandbox/";
/// How many prompts have their tokens counted one by one.
const MOST_COUNTED: usize = 150;
/// How many prompts are named that end with the assistant's turn.
const MOST_NAMED: usize = 5;

/// What some write into a prompt that holds for all of a call, and its place there.
const OF_BODY: [(&str, &str); 11] = [
    ("n", COUNT),
    ("num_samples", COUNT),
    ("num_generations", COUNT),
    ("num_return_sequences", COUNT),
    ("max_tokens", LONGEST),
    ("max_new_tokens", LONGEST),
    ("max_completion_tokens", LONGEST),
    ("temperature", "body.sampling_params.temperature"),
    ("top_p", "body.sampling_params.top_p"),
    ("top_k", "body.sampling_params.top_k"),
    ("sampling_params", "body.sampling_params"),
];
const COUNT: &str = "body.num_samples";
const LONGEST: &str = "body.sampling_params.max_tokens";

/// What a call says of its prompts.
pub(crate) struct Given {
    /// In the call.
    pub(crate) prompts: Option<Vec<Written>>,
    /// In a file of JSON lines.
    pub(crate) path: Option<String>,
    /// Of which these lines alone are meant.
    pub(crate) lines: Option<Vec<usize>>,
    /// In place of the base model's.
    pub(crate) tokenizer: Option<String>,
    /// Whether control tokens in messages are meant.
    pub(crate) allow_control_tokens: bool,
    /// The longest completion that the body asks for.
    pub(crate) max_tokens: Option<u64>,
}

/// Prompts that are ready to be sent.
pub(crate) struct Prompts {
    /// The body, with their token ids.
    pub(crate) body: String,
    /// What is kept of them beside the request: [`Kept`] as JSON.
    pub(crate) kept: String,
    pub(crate) said: Said,
}

/// What the answer says of them.
pub(crate) struct Said {
    /// How many tokens each has.
    tokens: Vec<usize>,
    tokenizer: Origin,
    /// What ends a completion, unless the caller has said so.
    stop: Option<Vec<String>>,
    note: Option<String>,
}

impl Said {
    pub(crate) fn beside(&self, reply: Reply) -> Reply {
        let is_shown = reply.member::<String>(completions::FILE).is_some();
        let reply = if is_shown {
            // Each result says how long its prompt is.
            reply
        } else if self.tokens.len() > MOST_COUNTED {
            let total: usize = self.tokens.iter().sum();
            let range = (self.tokens.iter().min(), self.tokens.iter().max());
            reply.with(
                "prompt_tokens",
                &json!({"prompts": self.tokens.len(), "least": range.0, "most": range.1, "total": total}),
            )
        } else {
            reply.with("prompt_tokens", &self.tokens)
        };
        let reply = reply.with("tokenizer", &self.tokenizer);
        let reply = match &self.stop {
            Some(stop) => reply.with("stop", stop),
            None => reply,
        };
        match &self.note {
            Some(note) => reply.noted(note),
            None => reply,
        }
    }
}

/// What is kept of the prompts of a sampling, for its completions and for those who grade them.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Kept {
    pub(super) tokenizer: Source,
    pub(super) prompts: Vec<KeptPrompt>,
}

/// One of them.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct KeptPrompt {
    /// As the model reads it.
    pub(super) text: String,
    /// What a person asked: the last message, or the text itself.
    pub(super) asked: String,
    pub(super) tokens: usize,
    /// Which line of its file it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    /// What else its row holds.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) row: Map<String, Value>,
}

/// A row, and where it stands.
struct Placed {
    row: Row,
    place: Place,
}

/// Where a prompt stands: its index in the call, or its line in the file.
#[derive(Clone, Copy)]
enum Place {
    Entry(usize),
    Line(usize),
}

impl Place {
    /// Its line, if it stands in a file.
    fn line(self) -> Option<usize> {
        match self {
            Self::Entry(_) => None,
            Self::Line(number) => Some(number),
        }
    }

    /// Does something with its path.
    fn with<T>(self, then: impl FnOnce(&Path<'_>) -> T) -> T {
        match self {
            Self::Entry(index) => then(&Path::Root.key("prompts").index(index)),
            Self::Line(number) => then(&Path::Root.key("prompts_path").line(number)),
        }
    }
}

impl Given {
    /// Reports what is wrong with the prompts that are written into the call.
    pub(crate) fn check(prompts: Option<&[Written]>, body: &Sample, problems: &mut Problems) {
        for (index, written) in prompts.unwrap_or_default().iter().enumerate() {
            let place = Place::Entry(index);
            let _ = read(written.raw(), place, problems);
            let row: Map<String, Value> = serde_json::from_str(written.raw().get()).unwrap_or_default();
            for (name, own) in OF_BODY {
                // Where the body says it, the row's own is something for graders.
                if row.contains_key(name) && !body.sets(own) {
                    place.with(|path| {
                        problems.add(&path.key(name), format!("is not part of a prompt: write {own}"));
                    });
                }
            }
        }
    }

    /// What is wrong with the prompts of a call that is refused anyway, as far as that shows without asking a service.
    pub(crate) async fn look(self, call: &Call<'_>, session_id: &str) -> Problems {
        let whose = self.whose(session_id);
        let model = match tokenizer::known(call, &whose).await {
            Some(source) => text::at_hand(call, &source).await,
            None => None,
        };
        let context = base_model::known(call, session_id)
            .and_then(|base_model| call.context.state::<Models>().context_length(&base_model));
        let date = call.context.state::<Today>().date();
        let files = call.context.config().files.clone();
        let looked = blocking(move || {
            let mut problems = Problems::default();
            let rows = match self.rows(&files, &mut problems) {
                Ok(rows) => rows,
                Err(unreadable) => return unreadable,
            };
            if let Some(model) = &model {
                let making = self.making(model, date, context);
                for placed in &rows {
                    let _ = making.prompt(placed, &mut problems);
                }
            }
            problems
        });
        looked.await.unwrap_or_default()
    }

    fn whose<'a>(&'a self, session_id: &'a str) -> Whose<'a> {
        Whose {
            tokenizer: self.tokenizer.as_deref(),
            session_id: Some(session_id),
            ..Whose::default()
        }
    }

    /// The prompts, each where it stands. Blocks.
    fn rows(&self, files: &Files, problems: &mut Problems) -> Result<Vec<Placed>, Problems> {
        let Some(path) = &self.path else {
            let written = self.prompts.iter().flatten().enumerate();
            let placed = written.map(|(index, written)| (written.raw(), Place::Entry(index)));
            return Ok(rows(placed, problems));
        };
        let at = Path::Root.key("prompts_path");
        let text = files.read_blocking(path, LARGEST_JSON);
        let text = text.map_err(|problem| Problems::one(&at, or_inline(&problem, "prompts")))?;
        let lines = lines(&text, &at, self.lines.as_deref(), problems);
        for (index, wanted) in self.lines.iter().flatten().enumerate() {
            let is_there = lines.iter().any(|line| line.number == *wanted);
            if !is_there && !problems.mention(&at.line(*wanted)) {
                let at = Path::Root.key("prompt_lines");
                problems.add(
                    &at.index(index),
                    format!("is {wanted}, and the file has no row in that line"),
                );
            }
        }
        let placed = lines.iter().map(|line| (&*line.value, Place::Line(line.number)));
        let rows = rows(placed, problems);
        if rows.first().is_some_and(|placed| placed.row.is_completion()) {
            return Err(Problems::one(
                &at,
                format!("{COMPLETION}; grade-completions takes the operation_id"),
            ));
        }
        Ok(rows)
    }

    fn making<'a>(&self, model: &'a Arc<Model>, date: Date, context: Option<u64>) -> Making<'a> {
        Making {
            model,
            date,
            limits: Limits {
                context: context.or_else(|| model.context()),
                max_tokens: self.max_tokens.unwrap_or(USUAL_MAX_TOKENS),
            },
            allow_control_tokens: self.allow_control_tokens,
        }
    }

    /// Makes token ids of them, and the body that has these.
    pub(crate) async fn ready(
        self,
        call: &Call<'_>,
        session_id: &str,
        body: &str,
    ) -> Result<Prompts, ToolError> {
        let source = tokenizer::source(call, &self.whose(session_id)).await?;
        let base_model = base_model::of_session(call, session_id).await.ok();
        let context = match &base_model {
            Some(base_model) => models::offered(call).await.context_length(base_model),
            None => None,
        };
        // The sandbox's own model was trained on nothing, whatever its template is for.
        let is_own = base_model.is_some_and(|base_model| base_model.starts_with(OF_SANDBOX));
        let model = text::load(call, &source).await?;
        let date = call.context.state::<Today>().date();
        let files = call.context.config().files.clone();
        let body = body.to_owned();
        blocking(move || {
            let mut problems = Problems::default();
            let rows = self.rows(&files, &mut problems)?;
            let making = self.making(&model, date, context);
            let prompts: Vec<(KeptPrompt, Vec<u32>)> = rows
                .iter()
                .filter_map(|placed| making.prompt(placed, &mut problems))
                .collect();
            if !problems.is_empty() {
                return Err(problems.into());
            }
            let plain = plain_texts(&rows).filter(|_| model.template().is_some() && !is_own);
            let notes: Vec<String> = answered_already(&rows).into_iter().chain(plain).collect();
            let (kept, ids): (Vec<_>, Vec<_>) = prompts.into_iter().unzip();
            let stop = model.stop().iter().map(|stop| stop.text.clone()).collect();
            let (body, stop) = with_prompts(&body, &ids, stop)?;
            Ok(Prompts {
                body,
                said: Said {
                    tokens: kept.iter().map(|prompt| prompt.tokens).collect(),
                    tokenizer: model.origin().clone(),
                    stop,
                    note: (!notes.is_empty()).then(|| notes.join(" ")),
                },
                kept: json::text(&Kept {
                    tokenizer: source,
                    prompts: kept,
                })?,
            })
        })
        .await?
    }
}

fn rows<'a>(written: impl Iterator<Item = (&'a RawValue, Place)>, problems: &mut Problems) -> Vec<Placed> {
    written
        .filter_map(|(value, place)| {
            Some(Placed {
                row: read(value, place, problems)?,
                place,
            })
        })
        .collect()
}

fn read(value: &RawValue, place: Place, problems: &mut Problems) -> Option<Row> {
    let value = serde_json::from_str(value.get()).unwrap_or_default();
    place.with(|path| Row::read(value, path, problems))
}

/// What a prompt has to keep to.
#[derive(Clone, Copy)]
struct Limits {
    /// What the model can read and write, in tokens, as far as that is known.
    context: Option<u64>,
    /// The longest completion.
    max_tokens: u64,
}

impl Limits {
    /// What to say of a prompt that leaves too little room.
    fn problem(self, tokens: usize) -> Option<String> {
        let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
        let context = self.context?;
        let left = context.saturating_sub(tokens);
        if left >= self.max_tokens {
            return None;
        }
        let takes = format!("has {tokens} tokens, and the model reads and writes {context} in all");
        Some(match left {
            0 => format!("{takes}: shorten it"),
            _ => format!(
                "{takes}: shorten it, or set body.sampling_params.max_tokens ({}) to at most {left}",
                self.max_tokens
            ),
        })
    }
}

/// What all prompts of a call are made with.
struct Making<'a> {
    model: &'a Arc<Model>,
    date: Date,
    limits: Limits,
    allow_control_tokens: bool,
}

impl Making<'_> {
    /// A prompt as it is kept, and its token ids.
    fn prompt(&self, placed: &Placed, problems: &mut Problems) -> Option<(KeptPrompt, Vec<u32>)> {
        let made = match &placed.row.asked {
            Asked::Text(text) => {
                let encoded = self.model.tokenizer().encode(text, false);
                encoded.map(|encoded| (text.clone(), encoded.ids))
            }
            Asked::Conversation(conversation) => {
                if !self.allow_control_tokens {
                    self.refuse_control_tokens(conversation, placed.place, problems);
                }
                let prompt = self.model.prompt(conversation, self.date);
                prompt.map(|prompt| (prompt.text, prompt.ids))
            }
        };
        let problem = match &made {
            Err(problem) => Some(problem.clone()),
            Ok((_, ids)) if ids.is_empty() => Some("has no tokens".to_owned()),
            Ok((_, ids)) => self.limits.problem(ids.len()),
        };
        if let Some(problem) = problem {
            placed.place.with(|path| problems.add(path, problem));
            return None;
        }
        let (text, ids) = made.ok()?;
        let kept = KeptPrompt {
            asked: asked(&placed.row.asked),
            text,
            tokens: ids.len(),
            line: placed.place.line(),
            row: placed.row.others.clone(),
        };
        Some((kept, ids))
    }

    fn refuse_control_tokens(&self, conversation: &Conversation, place: Place, problems: &mut Problems) {
        for found in control_tokens(self.model, conversation) {
            place.with(|path| {
                problems.add(&path.key(&found.place), unwanted(&found));
            });
        }
    }
}

/// What a person asked, in short.
fn asked(asked: &Asked) -> String {
    match asked {
        Asked::Text(text) => text.clone(),
        Asked::Conversation(conversation) => {
            let content = conversation
                .messages
                .iter()
                .rev()
                .find_map(|message| message.get("content"));
            let content = content.and_then(Value::as_str);
            content.unwrap_or_default().to_owned()
        }
    }
}

/// A note on conversations in which the assistant has answered: the model begins another answer behind that.
fn answered_already(rows: &[Placed]) -> Option<String> {
    let ends = |placed: &&Placed| match &placed.row.asked {
        Asked::Conversation(conversation) => {
            let last = conversation.messages.last();
            last.and_then(|message| message.get("role"))
                .is_some_and(|role| role == "assistant")
        }
        Asked::Text(_) => false,
    };
    let named = rows
        .iter()
        .filter(ends)
        .map(|placed| placed.place.with(|path| path.to_string()));
    let mut named: Vec<String> = named.take(MOST_NAMED + 1).collect();
    if named.is_empty() {
        return None;
    }
    if named.len() > MOST_NAMED {
        named.truncate(MOST_NAMED);
        named.push("others".to_owned());
    }
    let named = list(named.iter().map(String::as_str));
    Some(format!(
        "{named}: the last turn is the assistant's, and the model began another one behind it. Leave that turn out to have it answered anew."
    ))
}

/// A note on texts that go to a model which has learnt to answer in a template.
fn plain_texts(rows: &[Placed]) -> Option<String> {
    let is_text = |placed: &&Placed| matches!(placed.row.asked, Asked::Text(_));
    let count = rows.iter().filter(is_text).count();
    (count > 0).then(|| {
        format!(
            "{} went in without the model's chat template, as a text to continue: for an answer write {{\"messages\": [{{\"role\": \"user\", \"content\": \"…\"}}]}} in place of the text.",
            counted(count, "prompt")
        )
    })
}

/// The body with the prompts in it, and what ends a completion if that was added.
fn with_prompts(
    body: &str,
    prompts: &[Vec<u32>],
    stop: Vec<String>,
) -> Result<(String, Option<Vec<String>>), ToolError> {
    let mut body = json::object(body)?;
    let inputs: Vec<Value> = prompts
        .iter()
        .map(|ids| json!({"chunks": [{"encoded_text": {"tokens": ids}}]}))
        .collect();
    let raw = |value: &Value| to_raw_value(value).map_err(|error| ToolError::Internal(error.to_string()));
    body.set("model_inputs", raw(&inputs.into())?);
    let params = body
        .get("sampling_params")
        .map(RawValue::get)
        .filter(|params| *params != "null");
    let mut params: Object = json::object(params.unwrap_or("{}"))?;
    if stop.is_empty() || params.get("stop").is_some_and(|own| own.get() != "null") {
        return Ok((json::text(&body)?, None));
    }
    params.set("stop", raw(&json!(stop))?);
    body.set("sampling_params", json::raw(json::text(&params)?)?);
    Ok((json::text(&body)?, Some(stop)))
}
