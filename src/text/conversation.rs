//! A conversation, as a chat template gets it.

use serde_json::{Map, Value};

/// One message: role, content, and what else its template reads.
pub type Message = Map<String, Value>;

/// The names under which a message carries what was thought before it.
const THOUGHTS: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

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
