//! What somebody wrote for a model to answer: an entry of a call, or a row of a data set.

use serde_json::{Map, Value};

use super::conversation::{check_content, check_role, take_turns};
use super::{Conversation, Message};
use crate::error::problems::{Path, Problems};

/// Members that others call the variables of a template by.
const TEMPLATE_ARGS: [&str; 3] = ["template_args", "chat_template_kwargs", "template_kwargs"];
/// A variable of the template that is often written beside the others.
const GENERATION_PROMPT: &str = "add_generation_prompt";

/// What is said of a row that asks nothing.
pub const NEEDED: &str =
    "needs messages, such as [{\"role\": \"user\", \"content\": \"…\"}], or prompt, a text as it stands";

/// What is said of a row that is no prompt but the completion of one.
pub const COMPLETION: &str = "is a completion that was sampled (result, sequence, text), and no prompt: name the file of the prompts (for sft, a recipe's completion \"{{row.text}}\" makes it the answer)";

/// What a model is asked.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A text as it stands: it goes through no template.
    Text(String),
    /// A conversation, for the chat template.
    Conversation(Conversation),
}

/// What a model is asked, and what else its row holds.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is asked.
    pub asked: Asked,
    /// Such as the right answer, for those who grade.
    pub others: Map<String, Value>,
}

impl Row {
    /// Reads one: a text, or an object with `messages` or `prompt`, which may be messages too. `None`: it is reported what is
    /// wrong.
    #[must_use]
    pub fn read(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Self> {
        let mut others = match value {
            Value::String(text) => {
                return Some(Self {
                    asked: Asked::Text(text).nonempty(path, problems)?,
                    others: Map::new(),
                });
            }
            Value::Object(members) => members,
            _ => {
                problems.add(path, format!("is no prompt: it {NEEDED}"));
                return None;
            }
        };
        take_turns(&mut others);
        let before = problems.clone();
        let given = |others: &mut Map<String, Value>, name: &str| {
            others.remove(name).filter(|value| !value.is_null())
        };
        let (messages, prompt) = (given(&mut others, "messages"), given(&mut others, "prompt"));
        let name = if messages.is_some() { "messages" } else { "prompt" };
        let at = path.key(name);
        let asked = match (messages, prompt) {
            (Some(_), Some(_)) => {
                problems.add(
                    &path.key("prompt"),
                    "stands in place of messages: give one of them",
                );
                None
            }
            (None, None) => {
                problems.add(path, NEEDED);
                None
            }
            (None, Some(Value::String(text))) => Asked::Text(text).nonempty(&at, problems),
            (Some(list), None) | (None, Some(list)) => {
                let messages = messages_of(list, &at, problems);
                messages.map(|messages| {
                    Asked::Conversation(Conversation {
                        messages,
                        ..Conversation::default()
                    })
                })
            }
        };
        let mut asked = asked?;
        if let Asked::Conversation(conversation) = &mut asked {
            if let Some(tools) = given(&mut others, "tools") {
                conversation.tools = objects(tools, &path.key("tools"), problems);
            }
            for name in TEMPLATE_ARGS {
                match given(&mut others, name) {
                    Some(Value::Object(args)) => conversation.template_args.extend(args),
                    Some(_) => problems.add(&path.key(name), "is no object of the template's variables"),
                    None => {}
                }
            }
            if let Some(prompted) = given(&mut others, GENERATION_PROMPT) {
                conversation
                    .template_args
                    .insert(GENERATION_PROMPT.to_owned(), prompted);
            }
        }
        (*problems == before).then_some(Self { asked, others })
    }
}

impl Asked {
    fn nonempty(self, path: &Path<'_>, problems: &mut Problems) -> Option<Self> {
        if matches!(&self, Self::Text(text) if text.is_empty()) {
            problems.add(path, "is empty: a model needs at least one token");
            return None;
        }
        Some(self)
    }
}

impl Row {
    /// Whether it is a line of a sampling's completions, and no prompt.
    #[must_use]
    pub fn is_completion(&self) -> bool {
        let is_count = |name: &str| self.others.get(name).is_some_and(Value::is_u64);
        let has_text = self.others.get("text").is_some_and(Value::is_string);
        is_count("result") && is_count("sequence") && has_text
    }
}

/// The messages of a conversation, each with what a template reads of it.
fn messages_of(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Vec<Message>> {
    let before = problems.clone();
    let messages = objects(value, path, problems)?;
    if messages.is_empty() {
        problems.add(path, "is empty: write at least one message");
    }
    for (index, message) in messages.iter().enumerate() {
        check(message, &path.index(index), problems);
    }
    (*problems == before).then_some(messages)
}

/// Reports what a template would pass over in silence.
fn check(message: &Message, path: &Path<'_>, problems: &mut Problems) {
    const CONTENT: [&str; 4] = ["text", "value", "message", "body"];
    if !message.get("role").is_some_and(Value::is_string) {
        let of = |name: &str| message.get(name).and_then(Value::as_str);
        let role = match of("from") {
            Some("gpt" | "assistant" | "model") => "assistant",
            _ => "user",
        };
        problems.add(
            path,
            format!("needs role, such as {{\"role\": \"{role}\", \"content\": \"…\"}}"),
        );
    }
    let named = CONTENT.iter().find(|name| message.contains_key(**name));
    check_role(message, path, problems);
    match named.filter(|_| !message.contains_key("content")) {
        Some(name) => problems.add(&path.key(name), "is read by no template: it is called content"),
        None => check_content(message, path, problems),
    }
}

fn objects(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Vec<Map<String, Value>>> {
    let Value::Array(items) = value else {
        problems.add(path, "is no list of objects");
        return None;
    };
    let mut objects = Vec::with_capacity(items.len());
    let mut all = true;
    for (index, item) in items.into_iter().enumerate() {
        if let Value::Object(object) = item {
            objects.push(object);
        } else {
            problems.add(&path.index(index), "is no object");
            all = false;
        }
    }
    all.then_some(objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<Row, String> {
        let mut problems = Problems::default();
        let row = Row::read(value, &Path::Root.key("prompts").index(2), &mut problems);
        row.ok_or_else(|| problems.to_string())
    }

    #[test]
    fn texts_messages_and_rows_of_data_sets_are_read() {
        for text in [json!("2+2="), json!({"prompt": "2+2=", "answer": 4})] {
            let row = read(text.clone()).unwrap();
            assert!(matches!(row.asked, Asked::Text(asked) if asked == "2+2="));
            assert_eq!(row.others.get("answer"), text.get("answer"));
        }
        let messages = json!([{"role": "user", "content": "hi"}]);
        for row in [
            json!({"messages": messages, "template_args": {"add_generation_prompt": false}, "n": 1}),
            json!({"prompt": messages, "add_generation_prompt": false, "n": 1}),
            json!({"prompt": messages, "messages": null, "chat_template_kwargs": {"add_generation_prompt": false}, "n": 1}),
        ] {
            let row = read(row).unwrap();
            let Asked::Conversation(conversation) = row.asked else {
                panic!("it is a conversation")
            };
            assert_eq!(json!(conversation.messages), messages);
            assert_eq!(
                json!(conversation.template_args),
                json!({"add_generation_prompt": false})
            );
            assert_eq!(json!(row.others), json!({"n": 1}));
        }
    }

    #[test]
    fn what_is_wrong_is_said_all_at_once() {
        for (value, expected) in [
            (json!(7), "prompts[2]: is no prompt: it needs messages"),
            (json!(""), "prompts[2]: is empty"),
            (json!({"question": "?"}), "prompts[2]: needs messages"),
            (
                json!({"prompt": "a", "messages": []}),
                "prompts[2].prompt: stands in place of messages",
            ),
            (json!({"messages": []}), "prompts[2].messages: is empty"),
            (json!({"messages": "hi"}), "prompts[2].messages: is no list"),
            (
                json!({"messages": ["hi"]}),
                "prompts[2].messages[0]: is no object",
            ),
            (
                json!({"messages": [{"role": "user", "text": "hi"}]}),
                "prompts[2].messages[0].text: is read by no template: it is called content",
            ),
            (
                json!({"messages": [{"role": "user", "content": "hi"}], "tools": "a", "template_args": 1}),
                "prompts[2].tools: is no list",
            ),
        ] {
            let problems = read(value).err().unwrap();
            assert!(problems.contains(expected), "{problems}");
        }
        let both = read(json!({"messages": [{"from": "gpt", "value": "hi"}]}))
            .err()
            .unwrap();
        assert!(
            both.contains("prompts[2].messages[0]: needs role, such as {\"role\": \"assistant\""),
            "{both}"
        );
        assert!(
            both.contains("prompts[2].messages[0].value: is read by no template"),
            "{both}"
        );
    }
}
