//! A conversation, as a chat template gets it.

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::arguments::schema::{ANY, HINT, OTHERS, RENAMED, UNLISTED};
use crate::error::problems::{Path, Problems};

/// One message: role, content, and what else its template reads.
pub type Message = Map<String, Value>;

/// The names under which a message carries what was thought before it.
const THOUGHTS: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// What a message says where it has no content.
const INSTEAD: [&str; 2] = ["tool_calls", "function_call"];

/// The schema of a list of messages: open, since templates read what they like, but a template gets silence from a name that
/// it does not know.
pub(crate) fn messages_schema(schema: &mut Schema) {
    schema.insert(HINT.to_owned(), r#"[{"role": "user", "content": "…"}]"#.into());
    schema.insert(
        "items".to_owned(),
        json!({
            "type": "object",
            "properties": {"role": {"type": "string"}, "content": {"type": "string", ANY: true, UNLISTED: true}},
            "required": ["role"],
            HINT: r#"write {"role": "user", "content": "…"}"#,
            RENAMED: {"text": "content", "value": "content", "message": "content", "from": "role", "author": "role"},
            OTHERS: {},
        }),
    );
}

/// Reports messages that say nothing.
pub(crate) fn check_messages(messages: &[Message], path: &Path<'_>, problems: &mut Problems) {
    for (index, message) in messages.iter().enumerate() {
        let path = path.index(index);
        if !problems.are_at(&path) {
            check_role(message, &path, problems);
            check_content(message, &path, problems);
        }
    }
}

/// What other data sets call the roles.
const ROLES: [(&str, &str); 6] = [
    ("human", "user"),
    ("gpt", "assistant"),
    ("chatgpt", "assistant"),
    ("bot", "assistant"),
    ("ai", "assistant"),
    ("function_response", "tool"),
];

/// The role that one is called in other data sets.
fn own_role(other: &str) -> Option<&'static str> {
    let known = ROLES.iter().find(|(known, _)| known.eq_ignore_ascii_case(other));
    known.map(|(_, own)| *own)
}

/// Reports a role that no template knows.
pub(crate) fn check_role(message: &Message, path: &Path<'_>, problems: &mut Problems) {
    let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
    if let Some(own) = own_role(role) {
        problems.add(
            &path.key("role"),
            format!("is {role}, which no template knows: write \"{own}\""),
        );
    }
}

/// Gives a row its `messages` that has a conversation in their place as ShareGPT has it, with `from` and `value`.
pub(crate) fn take_turns(row: &mut Map<String, Value>) {
    let has = |name: &str| row.get(name).is_some_and(|value| !value.is_null());
    if has("messages") || has("prompt") {
        return;
    }
    let message = |turn: &Value| {
        let of = |name: &str| turn.get(name).and_then(Value::as_str);
        let (from, value) = (of("from")?, of("value")?);
        Some(json!({"role": own_role(from).unwrap_or(from), "content": value}))
    };
    let found = ["conversations", "conversation"].into_iter().find_map(|name| {
        let turns = row.get(name)?.as_array().filter(|turns| !turns.is_empty())?;
        Some((name, turns.iter().map(message).collect::<Option<Vec<Value>>>()?))
    });
    if let Some((name, messages)) = found {
        row.remove(name);
        row.insert("messages".to_owned(), messages.into());
    }
}

pub(super) fn check_content(message: &Message, path: &Path<'_>, problems: &mut Problems) {
    let at = path.key("content");
    let has = |name: &str| message.get(name).is_some_and(|value| !value.is_null());
    match message.get("content") {
        Some(Value::String(_) | Value::Array(_)) => {}
        None | Some(Value::Null) => {
            if !INSTEAD.iter().chain(&THOUGHTS).any(|name| has(name)) && !problems.mention(&at) {
                problems.add(&at, "is required: the text of the message");
            }
        }
        Some(_) => problems.add(&at, "must be text, or a list of parts"),
    }
}

/// A conversation, and what else its template is to know.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// The messages.
    pub messages: Vec<Message>,
    /// The functions that may be called, as JSON schemas.
    pub tools: Option<Vec<Message>>,
    /// Further variables of the template.
    pub template_args: Map<String, Value>,
}

impl Conversation {
    /// The first messages of it.
    #[must_use]
    pub fn up_to(&self, count: usize) -> Self {
        Self {
            messages: self.messages.iter().take(count).cloned().collect(),
            tools: self.tools.clone(),
            template_args: self.template_args.clone(),
        }
    }

    /// The messages as transformers hands them to a template: without members that are null, and with thoughts under
    /// each name that templates read.
    pub(super) fn plain_messages(&self) -> Vec<Message> {
        self.messages.iter().map(plain).collect()
    }
}

fn plain(message: &Message) -> Message {
    let known = message.iter().filter(|(_, value)| !value.is_null());
    let mut plain: Message = known.map(|(name, value)| (name.clone(), value.clone())).collect();
    let thought = THOUGHTS.iter().find_map(|name| plain.get(*name).cloned());
    if let Some(thought) = thought {
        if !plain.contains_key("thinking") {
            plain.insert("thinking".to_owned(), thought.clone());
        }
        plain.insert("reasoning_content".to_owned(), thought);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn thoughts_have_each_name_and_null_is_absent() {
        let of = |message: Value| Value::from(plain(message.as_object().unwrap()));
        for (message, expected) in [
            (json!({"content": null, "role": "user"}), json!({"role": "user"})),
            (
                json!({"reasoning": "r"}),
                json!({"reasoning": "r", "thinking": "r", "reasoning_content": "r"}),
            ),
            (
                json!({"thinking": "t", "reasoning_content": "r"}),
                json!({"thinking": "t", "reasoning_content": "r"}),
            ),
        ] {
            assert_eq!(of(message), expected);
        }
    }
}
