//! `render-prompt`: what a model reads of a prompt.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::arguments::schema::{renamed, retired};
use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::text;
use crate::text::{
    Conversation, Date, Message, Model, Origin, Prompt, Today, check_messages, messages_schema,
};
use crate::together::SessionId;
use crate::together::tokenizer::{self, Whose};
use crate::work::blocking;

/// A prompt that takes more than so many percent of what the model can read leaves little for its answer.
const NEARLY_FULL: u64 = 90;

/// Other places of the template's variables.
const OF_TEMPLATE: [&str; 3] = ["add_generation_prompt", "enable_thinking", "chat_template_kwargs"];
const NO_TEMPLATE: &str =
    "is for the template, and text goes through none: leave it out, or give messages in place of text";

/// The tool.
pub(crate) struct RenderPrompt;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "template_args is what others call it")]
#[schemars(transform = retired(&[
    ("add_generation_prompt", "is a variable of the template: write template_args.add_generation_prompt"),
    ("enable_thinking", "is a variable of the template: write template_args.enable_thinking"),
    ("system", "is a message: write it first in messages, as {\"role\": \"system\", \"content\": \"…\"}"),
    ("system_prompt", "is a message: write it first in messages, as {\"role\": \"system\", \"content\": \"…\"}"),
]), transform = renamed(&[
    ("add_generation_prompt", "template_args.add_generation_prompt"),
    ("enable_thinking", "template_args.enable_thinking"),
    ("chat_template_kwargs", "template_args"),
    ("prompt", "text|messages"),
    ("conversation", "messages"),
    ("model", "base_model"),
    ("model_name", "base_model"),
    ("token_ids", "ids"),
    ("tokenize", "ids"),
    ("return_ids", "ids"),
]))]
pub(crate) struct Args {
    /// As it stands: no template, no special tokens added.
    text: Option<String>,
    /// In place of text: [{"role": "user", "content": "…"}, …].
    #[schemars(length(min = 1), transform = messages_schema)]
    messages: Option<Vec<Message>>,
    /// JSON schemas of functions, for the template.
    tools: Option<Vec<Message>>,
    /// Further variables of the template, such as enable_thinking. add_generation_prompt is true by default.
    template_args: Option<Map<String, Value>>,
    /// In place of the base model's: a Hugging Face id, or a directory with tokenizer.json that RL_MCP_FILE_DIRS allows.
    tokenizer: Option<String>,
    /// Whose tokenizer, as in list-supported-models.
    base_model: Option<String>,
    session_id: Option<SessionId>,
    /// Also the token ids.
    ids: Option<bool>,
}

impl Handler for RenderPrompt {
    const SPEC: &'static Spec = &spec::RENDER_PROMPT;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        match (&args.text, &args.messages) {
            (Some(_), Some(_)) => problems.add(&Path::Root.key("text"), "give either text or messages"),
            (None, None) if !problems.mention(&Path::Root.key("messages")) => {
                problems.add(&Path::Root.key("messages"), "is required, unless there is text");
            }
            _ => {}
        }
        if let Some(messages) = &args.messages {
            check_messages(messages, &Path::Root.key("messages"), problems);
        }
        let of_messages = [
            ("tools", args.tools.is_some()),
            ("template_args", args.template_args.is_some()),
        ];
        for (name, given) in of_messages {
            if given && args.text.is_some() {
                // What was meant for it is told once, where it was written.
                let told = OF_TEMPLATE
                    .iter()
                    .filter(|name| problems.are_at(&Path::Root.key(name)));
                let told: Vec<&str> = told.copied().collect();
                if name == "template_args" && !told.is_empty() {
                    for name in told {
                        problems.reword(&Path::Root.key(name), NO_TEMPLATE);
                    }
                    continue;
                }
                problems.add(&Path::Root.key(name), NO_TEMPLATE);
            }
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let whose = Whose {
            tokenizer: args.tokenizer.as_deref(),
            base_model: args.base_model.as_deref(),
            session_id: args.session_id.as_deref(),
        };
        let source = tokenizer::source(call, &whose).await?;
        let model = text::load(call, &source).await?;
        let date = call.context.state::<Today>().date();
        blocking(move || shown(args, &model, date)).await?
    }
}

fn shown(args: Args, model: &Arc<Model>, date: Date) -> Result<Reply, ToolError> {
    let refused = |problem: String| ToolError::Arguments(Problems::one(&Path::Root.key("messages"), problem));
    let (prompt, mut warnings) = if let Some(messages) = args.messages {
        let conversation = Conversation {
            messages,
            tools: args.tools,
            template_args: args.template_args.unwrap_or_default(),
        };
        let prompt = model.prompt(&conversation, date).map_err(refused)?;
        let warnings = doubts(&conversation, model, &prompt, date);
        (prompt, warnings)
    } else {
        let text = args.text.unwrap_or_default();
        let encoded = model.tokenizer().encode(&text, false);
        let encoded = encoded.map_err(|problem| refused(format!("cannot be encoded: {problem}")))?;
        let prompt = Prompt {
            text,
            ids: encoded.ids,
        };
        (prompt, Vec::new())
    };
    let tokens = u64::try_from(prompt.ids.len()).unwrap_or(u64::MAX);
    if let Some(context) = model.context()
        && tokens.saturating_mul(100) > context.saturating_mul(NEARLY_FULL)
    {
        warnings.push(format!(
            "The prompt takes {tokens} of the {context} tokens that the model can read."
        ));
    }
    let answer = Answer {
        text: &prompt.text,
        tokens,
        ids: (args.ids == Some(true)).then_some(prompt.ids.as_slice()),
        stop_tokens: model.stop().iter().map(|stop| stop.text.as_str()).collect(),
        tokenizer: model.origin(),
        warnings,
    };
    Ok(Reply::new(json::text(&answer)?))
}

/// What is answered.
#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<&'a [u32]>,
    stop_tokens: Vec<&'a str>,
    tokenizer: &'a Origin,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What is hardly ever meant.
fn doubts(conversation: &Conversation, model: &Model, prompt: &Prompt, date: Date) -> Vec<String> {
    let mut doubts: Vec<String> = text::control_tokens(model, conversation)
        .into_iter()
        .map(|found| {
            format!(
                "{} holds {}, which the model takes for the control token itself; take it out unless that is meant.",
                found.place, found.token
            )
        })
        .collect();
    let prompted = |prompt: bool| {
        let mut conversation = conversation.clone();
        let args = &mut conversation.template_args;
        args.insert("add_generation_prompt".to_owned(), prompt.into());
        model.rendered(&conversation, date).map(|rendered| rendered.text)
    };
    let asked = conversation.template_args.get("add_generation_prompt");
    if asked.is_none() && prompted(false).is_ok_and(|without| without == prompt.text) {
        doubts.push(
            "The template has no generation prompt: nothing tells the model that it is its turn.".to_owned(),
        );
    }
    if model
        .template()
        .is_some_and(|template| template.source().contains("strftime_now"))
    {
        doubts.push(format!(
            "The template prints the date ({} UTC for as long as this server runs).",
            date.format("%F").unwrap_or_default()
        ));
    }
    doubts
}
