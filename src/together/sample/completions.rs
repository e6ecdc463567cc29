//! The text of completions: shown beside their tokens, and kept in a file of JSON lines for scripts.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use crate::context::{Call, Output, Reply, View};
use crate::error::ToolError;
use crate::files::data::{Data, Stored};
use crate::files::{Files, LARGEST_JSON};
use crate::json;
use crate::json::integer::Integer;
use crate::json::walk::{items, members};
use crate::redact::{Redactor, clean};
use crate::text::{self, Model, Origin};
use crate::together::numbers;
use crate::together::operation::{self, SampleFiles};
use crate::together::summary::{self, Shown};
use crate::together::tokenizer::{self, Whose, in_use};
use crate::work::blocking;

use super::Sample;
use super::prompts::{Kept, KeptPrompt};

/// The member of an answer that names the file of JSON lines.
pub(super) const FILE: &str = "completions_file";
/// What is longer than this, in bytes, is not answered whole unless the caller wants it so.
const LONGEST_SEEN: usize = 64 << 10;

/// The completions of a finished sampling as text.
pub(crate) struct Completions {
    prompts: Vec<OfPrompt>,
    tokenizer: Origin,
    /// The file of JSON lines; an error says why there is none.
    file: Option<Result<Stored, String>>,
    /// Whether the prompts were given as text, so that whoever asks has no use for token ids.
    pub(crate) asked_as_text: bool,
}

/// Those of one prompt.
struct OfPrompt {
    /// What was asked, if it was text.
    asked: Option<(String, usize)>,
    texts: Vec<String>,
}

/// One line of the file.
#[derive(Serialize)]
struct Entry<'a> {
    /// The index of the prompt, as in `output.results`.
    result: usize,
    /// The index of the completion, as in `sequences`.
    sequence: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    /// Which line of prompts_path the prompt came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_line: Option<usize>,
    text: &'a str,
    /// How many there are.
    tokens: usize,
    mean_logprob: Option<f64>,
    stop_reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<&'a Map<String, Value>>,
}

/// The completions of an operation that has them, if it is known here what their text is. An error is no failure of the call.
pub(crate) async fn of(
    call: &Call<'_>,
    session_id: &str,
    operation_id: &str,
    reply: &Reply,
) -> Option<Result<Completions, ToolError>> {
    let config = call.context.config();
    let paths = config
        .data
        .as_ref()
        .map(|data| SampleFiles::of(data, session_id, operation_id));
    let kept = match &paths {
        Some(paths) => {
            let (files, paths) = (config.files.clone(), paths.clone());
            blocking(move || kept(&files, &paths)).await.unwrap_or_default()
        }
        None => None,
    };
    let source = match &kept {
        Some(kept) => kept.tokenizer.clone(),
        // Who writes token ids has not asked for text: nothing is requested or downloaded for that.
        None => in_use(call, session_id)?,
    };
    let model = match text::load(call, &source).await {
        Ok(model) => model,
        Err(error) => return Some(Err(error)),
    };
    let work = Work {
        operation: reply.shared_text(),
        files: config.files.clone(),
        data: config.data.clone(),
        redactor: Arc::clone(call.context.redactor()),
        session_id: session_id.to_owned(),
        operation_id: operation_id.to_owned(),
    };
    match blocking(move || work.completions(kept, &model)).await {
        Ok(completions) => completions.map(Ok),
        Err(error) => Some(Err(error)),
    }
}

/// The file of the completions of a finished sampling, which is written if it is not there yet. The inner error says of an
/// operation why there is none.
pub(crate) async fn file_of(
    call: &Call<'_>,
    session_id: &str,
    operation_id: &str,
) -> Result<Result<PathBuf, String>, ToolError> {
    let config = call.context.config();
    let data = config.data.clone().ok_or_else(ToolError::no_data)?;
    let path = data
        .root()
        .join(operation::folder(session_id))
        .join(operation::completions_name(operation_id));
    let paths = SampleFiles::of(&data, session_id, operation_id);
    let (files, looked) = (config.files.clone(), paths.clone());
    let found = path.clone();
    let (is_there, kept, operation) = blocking(move || {
        let is_there = found.is_file();
        let operation = if is_there {
            None
        } else {
            file(&files, &looked.result)
        };
        (is_there, kept(&files, &looked), operation)
    })
    .await?;
    if is_there {
        return Ok(Ok(path));
    }
    let Some(operation) = operation else {
        return Ok(Err(UNSTORED.to_owned()));
    };
    let source = if let Some(kept) = &kept {
        kept.tokenizer.clone()
    } else {
        let whose = Whose {
            session_id: Some(session_id),
            ..Whose::default()
        };
        tokenizer::source(call, &whose).await?
    };
    let model = text::load(call, &source).await?;
    let work = Work {
        operation: Arc::new(operation),
        files: config.files.clone(),
        data: config.data.clone(),
        redactor: Arc::clone(call.context.redactor()),
        session_id: session_id.to_owned(),
        operation_id: operation_id.to_owned(),
    };
    let completions = blocking(move || work.completions(kept, &model)).await?;
    Ok(match completions.and_then(|completions| completions.file) {
        Some(file) => file.map(|stored| stored.path),
        None => Err("its stored result has no completions, or tokens that the session's tokenizer does not know: it has to be COMPLETED, and sampled from this session's model".to_owned()),
    })
}

const UNSTORED: &str = "no result of it is stored for this session: call get-sample-operation with session_id and this id until it is COMPLETED, then this again (FAILED: sample again)";

fn kept(files: &Files, paths: &SampleFiles) -> Option<Kept> {
    serde_json::from_str(&file(files, &paths.prompts)?).ok()
}

/// A file of the data directory, if it is there.
fn file(files: &Files, path: &FilePath) -> Option<String> {
    files
        .read_if_there_blocking(&path.to_string_lossy(), LARGEST_JSON)
        .ok()
        .flatten()
}

/// What it takes to write the completions down.
struct Work {
    operation: Arc<String>,
    files: Files,
    data: Option<Arc<Data>>,
    redactor: Arc<Redactor>,
    session_id: String,
    operation_id: String,
}

impl Work {
    /// `None`: the operation is not as documented.
    fn completions(&self, kept: Option<Kept>, model: &Model) -> Option<Completions> {
        let asked_as_text = kept.is_some();
        let prompts = self.prompts(kept, model);
        let mut lines = String::new();
        let mut all = Vec::new();
        for (result, value) in results(&self.operation)?.enumerate() {
            let prompt = prompts.get(result);
            let mut texts = Vec::new();
            for (sequence, value) in sequences(value)?.enumerate() {
                let line = line(value, model)?;
                let text = self.redactor.scrub_owned(line.text);
                let entry = Entry {
                    result,
                    sequence,
                    prompt: prompt.map(|prompt| prompt.text.as_str()),
                    prompt_line: prompt.and_then(|prompt| prompt.line),
                    text: &text,
                    tokens: line.tokens,
                    mean_logprob: line.mean_logprob,
                    stop_reason: line.stop_reason,
                    row: prompt.map(|prompt| &prompt.row).filter(|row| !row.is_empty()),
                };
                lines.push_str(&json::text(&entry).ok()?);
                lines.push('\n');
                texts.push(text);
            }
            let asked = prompt
                .filter(|_| asked_as_text)
                .map(|prompt| (prompt.asked.clone(), prompt.tokens));
            all.push(OfPrompt { asked, texts });
        }
        let file = self.data.as_ref().map(|data| {
            let folder = operation::folder(&self.session_id);
            let name = operation::completions_name(&self.operation_id);
            let stored = data.store(&folder, &name, lines.as_bytes());
            stored.map_err(|error| error.to_string())
        });
        Some(Completions {
            prompts: all,
            tokenizer: model.origin().clone(),
            file,
            asked_as_text,
        })
    }

    /// The prompts: as they were given, or as the model read them.
    fn prompts(&self, kept: Option<Kept>, model: &Model) -> Vec<KeptPrompt> {
        if let Some(kept) = kept {
            return kept.prompts;
        }
        let read = || {
            let data = self.data.as_ref()?;
            let paths = SampleFiles::of(data, &self.session_id, &self.operation_id);
            let sample: Sample = serde_json::from_str(&file(&self.files, &paths.request)?).ok()?;
            let prompts = sample.prompts().map(|prompt| {
                let ids: Vec<u32> = prompt.tokens().filter_map(|id| u32::try_from(id).ok()).collect();
                Some(KeptPrompt {
                    text: self
                        .redactor
                        .scrub_owned(model.tokenizer().decode(&ids, false).ok()?),
                    asked: String::new(),
                    tokens: ids.len(),
                    line: None,
                    row: Map::new(),
                })
            });
            prompts.collect::<Option<Vec<_>>>()
        };
        read().unwrap_or_default()
    }
}

/// What is written of a completion.
struct Written {
    text: String,
    tokens: usize,
    mean_logprob: Option<f64>,
    stop_reason: String,
}

fn line(sequence: &str, model: &Model) -> Option<Written> {
    let (mut ids, mut mean_logprob, mut stop_reason) = (Vec::new(), None, None);
    for (name, value) in members(sequence)? {
        match &*name {
            "tokens" => {
                let tokens: Vec<Integer> = serde_json::from_str(value).ok()?;
                let tokens = tokens.into_iter().map(|Integer(id)| u32::try_from(id).ok());
                ids = tokens.collect::<Option<_>>()?;
            }
            "logprobs" => mean_logprob = numbers::mean_logprob(value)?,
            "stop_reason" => stop_reason = serde_json::from_str::<Option<String>>(value).ok()?,
            _ => {}
        }
    }
    Some(Written {
        // A token that the vocabulary lacks has no text.
        text: model.tokenizer().decode(&ids, true).ok()?,
        tokens: ids.len(),
        mean_logprob,
        stop_reason: summary::stop_reason(stop_reason.as_deref()).to_owned(),
    })
}

/// The results in an operation's text, one for each prompt.
fn results(operation: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, output) = members(operation)?.find(|(name, _)| name == "output")?;
    let (_, results) = members(output)?.find(|(name, _)| name == "results")?;
    items(results)
}

/// The completions in a result.
fn sequences(result: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, sequences) = members(result)?.find(|(name, _)| name == "sequences")?;
    items(sequences)
}

/// An operation with the text of its completions, or why there is none. Who asked in text gets a summary: token ids are
/// no news.
pub(crate) fn shown(reply: Reply, view: View, found: Result<Completions, ToolError>) -> Reply {
    let completions = match found {
        Ok(completions) => completions,
        Err(error) => {
            let note = format!("The completions have no text here: {error}");
            return reply.noted(&note).with_view(view);
        }
    };
    let in_short = completions.asked_as_text && matches!(completions.file, Some(Ok(_)));
    let output = match view.output {
        Output::Auto if in_short => Output::File,
        output => output,
    };
    let is_seen = output == Output::Full || (output == Output::Auto && reply.text().len() < LONGEST_SEEN);
    let whole = is_seen.then(|| completions.beside_tokens(reply.text())).flatten();
    let reply = match whole {
        Some(whole) => reply.with_text(whole),
        None => reply,
    };
    let reply = completions.noted(reply);
    let shown = completions.shown();
    reply.with_view(View {
        output,
        summary: Some(Box::new(move |text| summary::sample_with(text, shown))),
        ..view
    })
}

impl Completions {
    /// What an answer says beside them.
    pub(crate) fn noted(&self, reply: Reply) -> Reply {
        let reply = reply.with("tokenizer", &self.tokenizer);
        match &self.file {
            Some(Ok(stored)) => reply.with(FILE, &stored.path.display().to_string()),
            Some(Err(problem)) => reply.noted(&format!(
                "The file of completions as text could not be written: {problem}."
            )),
            None => reply,
        }
    }

    /// The whole operation, each of its completions with its text.
    pub(crate) fn beside_tokens(&self, operation: &str) -> Option<String> {
        let mut whole = String::with_capacity(operation.len() * 2);
        let mut rest = operation;
        for (result, prompt) in results(operation)?.zip(&self.prompts) {
            for (sequence, text) in sequences(result)?.zip(&prompt.texts) {
                let start = sequence.as_ptr().addr().checked_sub(rest.as_ptr().addr())?;
                let (before, after) = rest.split_at_checked(start)?;
                let inside = after.strip_prefix('{')?;
                whole.push_str(before);
                whole.push_str("{\"text\":");
                whole.push_str(to_raw_value(&clean::text(text)).ok()?.get());
                if !inside.trim_ascii_start().starts_with('}') {
                    whole.push(',');
                }
                rest = inside;
            }
        }
        whole.push_str(rest);
        Some(whole)
    }

    /// What a summary shows of them.
    pub(crate) fn shown(self) -> Vec<Shown> {
        let prompts = self.prompts.into_iter();
        let shown = prompts.map(|prompt| Shown {
            prompt: prompt.asked,
            texts: prompt.texts.iter().map(|text| clean::text(text)).collect(),
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests;
