//! Examples that are text, as tokens: what is trained on in them is what the assistant writes.

use std::sync::Arc;

use serde::Serialize;

use super::example::{Answer, Chat, Prompt, Text, UNANSWERED};
use super::request::{BatchArgs, TrainOn};
use crate::context::Call;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, counted};
use crate::text::{self, Conversation, Date, Model, Origin, Today, Turns};
use crate::together::tokenizer::{self, Whose, unwanted};

/// Makes tokens of examples, and remembers what is to be said of all of them.
pub(super) struct Encoder {
    model: Arc<Model>,
    date: Date,
    turns: Turns,
    allows_control: bool,
    /// Those of which the last turn alone is trained on, although all were asked for.
    last_alone: Doubtful,
    /// Those in which a token spans the end of the prompt.
    joined: Doubtful,
    /// Whether some text went through no template.
    has_plain: bool,
}

/// Examples of which something is to be said.
#[derive(Default)]
struct Doubtful {
    count: usize,
    first: String,
}

/// Tokens, and which of them are trained on.
pub(super) struct Encoded {
    pub(super) ids: Vec<i64>,
    pub(super) mask: Vec<bool>,
}

/// Whose tokenizer made them.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Tokenizer(Origin);

impl Encoder {
    /// That of the request, or of its session.
    pub(super) async fn load(call: &Call<'_>, request: &BatchArgs) -> Result<Self, ToolError> {
        let source = tokenizer::source(call, &whose(request)).await?;
        Ok(Self::new(text::load(call, &source).await?, call, request))
    }

    /// The same, if that takes neither a service nor a file.
    pub(super) async fn at_hand(call: &Call<'_>, request: &BatchArgs) -> Option<Self> {
        let source = tokenizer::known(call, &whose(request)).await?;
        Some(Self::new(text::at_hand(call, &source).await?, call, request))
    }

    fn new(model: Arc<Model>, call: &Call<'_>, request: &BatchArgs) -> Self {
        Self {
            model,
            date: call.context.state::<Today>().date(),
            turns: match request.train_on {
                Some(TrainOn::All) => Turns::All,
                Some(TrainOn::Last) | None => Turns::Last,
            },
            allows_control: request.allow_control_tokens == Some(true),
            last_alone: Doubtful::default(),
            joined: Doubtful::default(),
            has_plain: false,
        }
    }

    /// The tokens of an example; `None` if it cannot be used, which is reported by then. Takes time.
    pub(super) fn encode(
        &mut self,
        example: Text,
        at: &Path<'_>,
        problems: &mut Problems,
    ) -> Option<Encoded> {
        let encoded = match example {
            Text::Chat { chat, answer } => self.chat(chat, answer, at, problems)?,
            Text::Plain { completion, .. } if completion.is_empty() => Encoded {
                ids: Vec::new(),
                mask: Vec::new(),
            },
            Text::Plain { prompt, completion } => self.plain(&prompt, &completion, at, problems)?,
            Text::Sampled { prompt, completion } => self.sampled(prompt, completion, at, problems)?,
        };
        let tokens = encoded.ids.len();
        let context = self
            .model
            .context()
            .and_then(|context| usize::try_from(context).ok());
        match context.filter(|context| tokens > *context) {
            Some(context) => {
                problems.add(
                    at,
                    format!("has {tokens} tokens, and the model reads {context}: shorten it or leave it out"),
                );
                None
            }
            None => Some(encoded),
        }
    }

    fn chat(
        &mut self,
        chat: Chat,
        answer: Option<Answer>,
        at: &Path<'_>,
        problems: &mut Problems,
    ) -> Option<Encoded> {
        let name = if answer.is_some() { "prompt" } else { "messages" };
        let conversation = self.conversation(chat, name, answer, at, problems)?;
        let turns = if answer.is_some() { Turns::Last } else { self.turns };
        let masked = match text::assistant_mask(&self.model, &conversation, turns, self.date) {
            Ok(masked) if masked.mask.contains(&true) => masked,
            Ok(_) => {
                problems.add(&at.key(name), UNANSWERED);
                return None;
            }
            Err(problem) => {
                problems.add(&at.key(name), problem);
                return None;
            }
        };
        if masked.last_alone && turns == Turns::All {
            self.last_alone.add(at);
        }
        Some(Encoded::new(&masked.ids, masked.mask))
    }

    fn plain(
        &mut self,
        prompt: &str,
        completion: &str,
        at: &Path<'_>,
        problems: &mut Problems,
    ) -> Option<Encoded> {
        self.has_plain = true;
        let completed = text::completion_mask(&self.model, prompt, completion);
        let completed = reported(completed, &at.key("completion"), problems)?;
        if completed.is_joined {
            self.joined.add(at);
        }
        Some(Encoded::new(&completed.ids, completed.mask))
    }

    /// What was sampled is never encoded again.
    fn sampled(
        &mut self,
        prompt: Prompt,
        completion: Vec<i64>,
        at: &Path<'_>,
        problems: &mut Problems,
    ) -> Option<Encoded> {
        let read = match prompt {
            Prompt::Plain(text) => {
                self.has_plain = true;
                let encoded = self.model.tokenizer().encode(&text, false);
                encoded.map(|encoded| encoded.ids)
            }
            Prompt::Chat(chat) => {
                let conversation = self.conversation(chat, "prompt", None, at, problems)?;
                let prompt = self.model.prompt(&conversation, self.date);
                prompt.map(|prompt| prompt.ids)
            }
        };
        let ids = reported(read, &at.key("prompt"), problems)?;
        let mask = vec![false; ids.len()];
        let mut encoded = Encoded::new(&ids, mask);
        encoded.mask.resize(ids.len() + completion.len(), true);
        encoded.ids.extend(completion);
        Some(encoded)
    }

    /// What a chat template gets of the member `name` of an example, unless somebody wrote control tokens into it.
    fn conversation(
        &self,
        chat: Chat,
        name: &str,
        answer: Option<Answer>,
        at: &Path<'_>,
        problems: &mut Problems,
    ) -> Option<Conversation> {
        let conversation = Conversation {
            messages: chat.messages,
            tools: chat.tools,
            template_args: chat.template_args,
        };
        if self.allows_control {
            return Some(conversation);
        }
        let found = text::control_tokens(&self.model, &conversation);
        for found in &found {
            problems.add(&at.key(&place(&found.place, name, answer)), unwanted(found));
        }
        found.is_empty().then_some(conversation)
    }

    /// What is to be said of the examples.
    pub(super) fn notes(&self) -> Vec<String> {
        let said = |doubtful: &Doubtful, what: &str| {
            let Doubtful { count, first } = doubtful;
            (*count > 0).then(|| format!("In {} (first {first}) {what}", counted(*count, "example")))
        };
        let around = self.model.around().unwrap_or_default();
        let around = (self.has_plain && !around.is_empty()).then(|| {
            format!("Text that goes through no chat template is encoded as it stands, without {}, which others put around a text: write it into prompt where the model is used to it.", around.join(" "))
        });
        let notes = [
            said(
                &self.last_alone,
                "the last turn alone is trained on: the chat template writes earlier turns in another way than they are sampled.",
            ),
            said(
                &self.joined,
                "a token spans the end of prompt and the beginning of completion, which the model never sees where it samples: put the space between them at the beginning of completion.",
            ),
            around,
        ];
        notes.into_iter().flatten().collect()
    }

    /// Whose tokenizer it is.
    pub(super) fn tokenizer(&self) -> Tokenizer {
        Tokenizer(self.model.origin().clone())
    }
}

fn whose(request: &BatchArgs) -> Whose<'_> {
    Whose {
        tokenizer: request.tokenizer.as_deref(),
        base_model: request.base_model.as_deref(),
        session_id: Some(request.session_id()),
    }
}

impl Doubtful {
    fn add(&mut self, at: &Path<'_>) {
        if self.count == 0 {
            self.first = at.to_string();
        }
        self.count += 1;
    }
}

impl Encoded {
    fn new(ids: &[u32], mask: Vec<bool>) -> Self {
        Self {
            ids: ids.iter().map(|id| i64::from(*id)).collect(),
            mask,
        }
    }
}

fn reported<T>(outcome: Result<T, String>, at: &Path<'_>, problems: &mut Problems) -> Option<T> {
    outcome
        .map_err(|problem| problems.add(at, format!("cannot be encoded: {problem}")))
        .ok()
}

/// Where the caller finds a place of a conversation, whose messages are those of `name`, or the completion.
fn place(place: &str, name: &str, answer: Option<Answer>) -> String {
    let of_answer = answer.and_then(|answer| {
        let inside = place.strip_prefix(&format!("messages[{}]", answer.index))?;
        Some(if answer.is_text {
            "completion".to_owned()
        } else {
            format!("completion[0]{inside}")
        })
    });
    let of_messages = || {
        place
            .strip_prefix("messages")
            .map(|inside| format!("{name}{inside}"))
    };
    of_answer.or_else(of_messages).unwrap_or_else(|| place.to_owned())
}
