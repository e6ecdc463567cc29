//! Supervised examples as callers write them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::arguments::schema::{EITHER, HINT, OTHERS, brief, hint, keeps_empty, renamed, retired};
use crate::error::problems::{Path, Problems};
use crate::together::tensor::TOKENS;

type Message = Map<String, Value>;

// What to train on; a doc comment would be published. Data sets have columns of their own, which are nobody's mistake.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(transform = brief, transform = keeps_empty, transform = open,
    transform = hint("write {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}, …]}, or {\"prompt\": …, \"completion\": …} as text or token ids"),
    transform = retired(&[
        ("chosen", PAIR),
        ("rejected", PAIR),
        ("label", "says whether a completion is wanted, and no loss of this service takes that: leave out the examples that are not, and this member"),
        ("conversations", "is called messages here, each with role and content in place of from and value: {\"role\": \"user\", \"content\": \"…\"} for human, assistant for gpt"),
    ]),
    transform = renamed(&[("chat_template_kwargs", "template_args")]))]
pub(super) struct Example {
    #[schemars(length(min = 1))]
    messages: Option<Vec<Message>>,
    prompt: Option<Piece<1>>,
    completion: Option<Piece<0>>,
    tools: Option<Vec<Message>>,
    template_args: Option<Map<String, Value>>,
    pub(super) weight: Option<f64>,
}

const PAIR: &str = "is half of a preference pair, and no loss of this service takes pairs: DPO weighs each by log-probabilities of policy and reference, which are not there when a batch is built. Give the chosen answer as completion, or compute the gradients of DPO yourself and send them with custom-forward-backward-pass (toolset rl-more)";

fn open(schema: &mut Schema) {
    schema.insert(OTHERS.to_owned(), true.into());
}

/// Text, token ids (at least `LEAST`), or messages.
#[derive(Clone)]
pub(super) enum Piece<const LEAST: usize> {
    Text(String),
    Ids(Vec<i64>),
    Messages(Vec<Message>),
}

impl<const LEAST: usize> JsonSchema for Piece<LEAST> {
    fn schema_name() -> Cow<'static, str> {
        format!("Piece{LEAST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            HINT: "text, token ids such as [108, 111], or messages such as [{\"role\": \"user\", \"content\": \"…\"}]",
            EITHER: [
                {"type": "string"},
                {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": LEAST, HINT: TOKENS},
                {"type": "array", "items": {"type": "object"}, "minItems": 1},
            ],
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

impl<'de, const LEAST: usize> Deserialize<'de> for Piece<LEAST> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(json)?;
        let text = raw.get();
        let is_messages = || {
            let inside = text.strip_prefix('[').map(str::trim_start);
            inside.is_some_and(|inside| inside.starts_with('{'))
        };
        let read = if text.starts_with('"') {
            serde_json::from_str(text).map(Self::Text)
        } else if is_messages() {
            serde_json::from_str(text).map(Self::Messages)
        } else {
            serde_json::from_str(text).map(Self::Ids)
        };
        read.map_err(D::Error::custom)
    }
}

/// What is made of an example.
pub(super) enum Form {
    /// It is tokens already.
    Ids { prompt: Vec<i64>, completion: Vec<i64> },
    /// Something has to be encoded.
    Text(Text),
}

/// An example that has to be encoded.
#[cfg_attr(
    not(feature = "text"),
    allow(dead_code, reason = "nothing there can encode them")
)]
pub(super) enum Text {
    /// A conversation. `answer` is the index of its last message where that came as `completion`.
    Chat { chat: Chat, answer: Option<Answer> },
    /// Text as it stands.
    Plain { prompt: String, completion: String },
    /// A prompt as text, and a completion that was sampled.
    Sampled { prompt: Prompt, completion: Vec<i64> },
}

/// Where the last message of a conversation came from.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "text"),
    allow(dead_code, reason = "nothing there can encode them")
)]
pub(super) struct Answer {
    /// How many messages stand before it.
    pub(super) index: usize,
    /// Whether it was text alone.
    pub(super) is_text: bool,
}

/// A prompt that has to be encoded.
#[cfg_attr(
    not(feature = "text"),
    allow(dead_code, reason = "nothing there can encode them")
)]
pub(super) enum Prompt {
    Chat(Chat),
    Plain(String),
}

/// What a chat template gets.
#[cfg_attr(
    not(feature = "text"),
    allow(dead_code, reason = "nothing there can encode them")
)]
pub(super) struct Chat {
    pub(super) messages: Vec<Message>,
    pub(super) tools: Option<Vec<Message>>,
    pub(super) template_args: Map<String, Value>,
}

/// What to say of a conversation in which the assistant says nothing.
pub(super) const UNANSWERED: &str = "have nothing to train on: no turn is the assistant's";

impl Chat {
    /// Whether the assistant says something.
    pub(super) fn is_answered(&self) -> bool {
        let mut messages = self.messages.iter();
        messages.any(|message| message.get("role").is_some_and(|role| role == "assistant"))
    }
}

impl Example {
    /// Reports what does not go together.
    pub(super) fn check(&self, at: &Path<'_>, problems: &mut Problems) {
        let missing = |name: &str, problems: &Problems| !problems.mention(&at.key(name));
        match (&self.messages, &self.prompt, &self.completion) {
            (Some(_), None, None) => {}
            (Some(_), ..) => problems.add(
                &at.key("messages"),
                "stand in place of prompt and completion: give either",
            ),
            (None, None, None) if !problems.mention(at) => problems.add(
                at,
                "needs messages, or prompt and completion, each as text or token ids",
            ),
            (None, None, Some(_)) if missing("prompt", problems) => problems.add(
                &at.key("prompt"),
                "is required beside completion: text, token ids or messages",
            ),
            (None, Some(_), None) if missing("completion", problems) => problems.add(
                &at.key("completion"),
                "is required beside prompt: text, token ids, or the assistant's message",
            ),
            (None, Some(prompt), Some(completion)) => {
                if let Some(problem) = mismatch(prompt, completion) {
                    problems.add(&at.key("completion"), problem);
                }
            }
            _ => {}
        }
        let has_chat = self.messages.is_some() || matches!(self.prompt, Some(Piece::Messages(_)));
        // What cannot be used may have been meant for it.
        let has_chat = has_chat || !missing("messages", problems) || !missing("prompt", problems);
        for (name, given) in [
            ("tools", self.tools.is_some()),
            ("template_args", self.template_args.is_some()),
        ] {
            if given && !has_chat {
                problems.add(
                    &at.key(name),
                    "is for the chat template, which takes messages alone",
                );
            }
        }
        for (index, message) in self.messages.iter().flatten().enumerate() {
            #[cfg(feature = "text")]
            crate::text::check_role(message, &at.key("messages").index(index), problems);
            if message
                .get("weight")
                .is_some_and(|weight| weight.as_f64() != Some(1.0))
            {
                problems.add(
                    &at.key("messages").index(index).key("weight"),
                    "single messages have no weight here: give the example one, and train_on says which turns count",
                );
            }
        }
        if self
            .weight
            .is_some_and(|weight| !(weight > 0.0 && weight <= f64::from(f32::MAX)))
        {
            problems.add(
                &at.key("weight"),
                "must be above 0 and within float32: leave out an example that is not to count",
            );
        }
    }

    /// What is made of it; `None` if it is unusable, which is reported by then.
    pub(super) fn into_form(self) -> Option<Form> {
        let chat = |messages| Chat {
            messages,
            tools: self.tools,
            template_args: self.template_args.unwrap_or_default(),
        };
        if let Some(messages) = self.messages {
            let chat = chat(messages);
            return Some(Form::Text(Text::Chat { chat, answer: None }));
        }
        Some(match (self.prompt?, self.completion?) {
            (Piece::Ids(prompt), Piece::Ids(completion)) => Form::Ids { prompt, completion },
            (Piece::Text(prompt), Piece::Text(completion)) => Form::Text(Text::Plain { prompt, completion }),
            (Piece::Text(prompt), Piece::Ids(completion)) => Form::Text(Text::Sampled {
                prompt: Prompt::Plain(prompt),
                completion,
            }),
            (Piece::Messages(prompt), Piece::Ids(completion)) => Form::Text(Text::Sampled {
                prompt: Prompt::Chat(chat(prompt)),
                completion,
            }),
            (Piece::Messages(mut messages), completion) => {
                let (last, is_text) = match completion {
                    Piece::Text(content) => {
                        let message = [("role", "assistant".to_owned()), ("content", content)];
                        let members = message
                            .into_iter()
                            .map(|(name, text)| (name.to_owned(), text.into()));
                        (members.collect(), true)
                    }
                    Piece::Messages(mut answer) => (answer.pop()?, false),
                    Piece::Ids(_) => return None,
                };
                let index = messages.len();
                messages.push(last);
                Form::Text(Text::Chat {
                    chat: chat(messages),
                    answer: Some(Answer { index, is_text }),
                })
            }
            _ => return None,
        })
    }
}

/// Why a completion cannot follow a prompt.
fn mismatch(prompt: &Piece<1>, completion: &Piece<0>) -> Option<&'static str> {
    match (prompt, completion) {
        (_, Piece::Ids(_)) | (Piece::Text(_) | Piece::Messages(_), Piece::Text(_)) => None,
        (Piece::Messages(_), Piece::Messages(answer)) => {
            let is_one =
                matches!(answer.as_slice(), [one] if one.get("role").is_some_and(|role| role == "assistant"));
            (!is_one).then_some(
                "must be one message of the assistant: give longer conversations as messages, with train_on all",
            )
        }
        (Piece::Text(_), Piece::Messages(_)) => {
            Some("is a message, but prompt is text: give both as one or the other")
        }
        (Piece::Ids(_), _) => Some("must be token ids, as prompt is"),
    }
}
