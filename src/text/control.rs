//! Control tokens in what people wrote: the model would take them for the real ones.

use serde_json::Value;

use super::{Conversation, Model};

/// A control token in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlToken {
    /// Where it stands, such as `messages[0].content`.
    pub place: String,
    /// The token.
    pub token: String,
}

/// The control tokens in messages and tools: special tokens, and what else the template writes as one token. A prompt with
/// one reads as if its author had ended a turn, so that whoever sends it is to refuse it, unless that is meant.
#[must_use]
pub fn control_tokens(model: &Model, conversation: &Conversation) -> Vec<ControlToken> {
    let source = model.template().map_or("", |template| template.source());
    let of_template = |text: &str| !text.trim().is_empty() && source.contains(text);
    let added = model.tokenizer().added().into_iter();
    let control = added.filter(|added| added.is_special || of_template(&added.text));
    let tokens: Vec<String> = control
        .map(|added| added.text)
        .filter(|text| !text.is_empty())
        .collect();
    let mut found = Vec::new();
    for (index, message) in conversation.messages.iter().enumerate() {
        for (name, value) in message {
            look(value, &format!("messages[{index}].{name}"), &tokens, &mut found);
        }
    }
    for (index, tool) in conversation.tools.iter().flatten().enumerate() {
        for (name, value) in tool {
            look(value, &format!("tools[{index}].{name}"), &tokens, &mut found);
        }
    }
    found
}

fn look(value: &Value, place: &str, tokens: &[String], found: &mut Vec<ControlToken>) {
    match value {
        Value::String(text) => found.extend(tokens.iter().filter(|token| text.contains(token.as_str())).map(
            |token| ControlToken {
                place: place.to_owned(),
                token: token.clone(),
            },
        )),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, &format!("{place}[{index}]"), tokens, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                look(member, &format!("{place}.{name}"), tokens, found);
            }
        }
        _ => {}
    }
}
