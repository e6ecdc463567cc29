//! Control tokens in what people wrote: the model would take them for the real ones.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Conversation, Model, Template, Tokenizer};

/// A control token in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlToken {
    /// Where it stands, such as `messages[0].content`.
    pub place: String,
    /// The token.
    pub token: String,
}

/// The control tokens of a model. Some have thousands, which are not looked for one by one.
pub(super) struct Control {
    /// Each, and whether it is a special one.
    tokens: HashMap<String, bool>,
    /// How long they are, in bytes.
    lengths: BTreeSet<usize>,
    /// Whether one begins with a byte.
    begins: [bool; 256],
}

/// Who wrote a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// The assistant, who writes tokens of its own such as `<think>`.
    Assistant,
    Other,
}

/// The control tokens in messages and tools: special tokens, and what else the template writes as one token, but for what
/// the assistant writes itself. A prompt with one reads as if its author had ended a turn, so that whoever sends it is to
/// refuse it, unless that is meant.
#[must_use]
pub fn control_tokens(model: &Model, conversation: &Conversation) -> Vec<ControlToken> {
    let control = model.control();
    let mut found = Vec::new();
    for (index, message) in conversation.messages.iter().enumerate() {
        let is_assistant = message.get("role").is_some_and(|role| role == "assistant");
        let author = if is_assistant {
            Author::Assistant
        } else {
            Author::Other
        };
        for (name, value) in message {
            control.look(value, &format!("messages[{index}].{name}"), author, &mut found);
        }
    }
    for (index, tool) in conversation.tools.iter().flatten().enumerate() {
        for (name, value) in tool {
            control.look(
                value,
                &format!("tools[{index}].{name}"),
                Author::Other,
                &mut found,
            );
        }
    }
    found
}

impl Control {
    pub(super) fn new(tokenizer: &Tokenizer, template: Option<&Template>) -> Self {
        let source = template.map_or("", Template::source);
        let mut control = Self {
            tokens: HashMap::new(),
            lengths: BTreeSet::new(),
            begins: [false; 256],
        };
        for added in tokenizer.added() {
            let of_template = || !added.text.trim().is_empty() && source.contains(&added.text);
            let Some(first) = added.text.bytes().next() else {
                continue;
            };
            if added.is_special || of_template() {
                if let Some(begins) = control.begins.get_mut(usize::from(first)) {
                    *begins = true;
                }
                control.lengths.insert(added.text.len());
                control.tokens.insert(added.text, added.is_special);
            }
        }
        control
    }

    fn look(&self, value: &Value, place: &str, author: Author, found: &mut Vec<ControlToken>) {
        match value {
            Value::String(text) => {
                let tokens = self.inside(text, author).into_iter();
                found.extend(tokens.map(|token| ControlToken {
                    place: place.to_owned(),
                    token: token.to_owned(),
                }));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.look(item, &format!("{place}[{index}]"), author, found);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.look(member, &format!("{place}.{name}"), author, found);
                }
            }
            _ => {}
        }
    }

    /// Those inside of a text, each once.
    fn inside<'a>(&self, text: &'a str, author: Author) -> Vec<&'a str> {
        let mut found: Vec<&str> = Vec::new();
        let begins = |byte: u8| self.begins.get(usize::from(byte)).is_some_and(|begins| *begins);
        for (at, _) in text.bytes().enumerate().filter(|(_, byte)| begins(*byte)) {
            let here = self.lengths.iter().filter_map(|length| text.get(at..at + length));
            let control = here.filter(|piece| {
                let special = self.tokens.get(*piece);
                special.is_some_and(|special| *special || author == Author::Other)
            });
            for token in control {
                if !found.contains(&token) {
                    found.push(token);
                }
            }
        }
        found
    }
}
