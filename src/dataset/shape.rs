//! How rows become what a model is asked, where they do not say it themselves.

use serde_json::{Map, Value, json};

use crate::error::problems::nearest;
use crate::text::take_turns;

/// What is made of each row: of a recipe, or asked of check-dataset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// A system message for each.
    pub(crate) system: Option<String>,
    /// Makes the user's message of a row.
    pub(crate) prompt: Option<String>,
    /// Makes its answer.
    pub(crate) completion: Option<String>,
}

impl Shape {
    /// Whether rows stay as they are.
    pub(crate) const fn is_empty(&self) -> bool {
        self.system.is_none() && self.prompt.is_none() && self.completion.is_none()
    }

    /// What a row asks: an object with `messages` or `prompt` and the row's other members. An error says what is wrong with
    /// it.
    pub(crate) fn of(&self, row: Value) -> Result<Value, String> {
        let mut row = match row {
            Value::Object(row) => row,
            Value::String(text) => Map::from_iter([("prompt".to_owned(), Value::String(text))]),
            _ => return Err("is no object".to_owned()),
        };
        take_turns(&mut row);
        if let Some(template) = &self.completion {
            let answer = filled(template, &row, "completion")?;
            let has_own = row
                .get("completion")
                .is_some_and(|own| *own != Value::String(answer.clone()));
            if has_own {
                return Err(
                    "has a completion of its own, and completion is given as well: leave one of them out"
                        .to_owned(),
                );
            }
            if self.prompt.is_some() || !answered(&mut row, &answer)? {
                row.insert("completion".to_owned(), answer.into());
            }
        }
        if let Some(template) = &self.prompt {
            let asked = filled(template, &row, "prompt")?;
            let has_own = row.contains_key("messages");
            if has_own {
                return Err(
                    "has messages of its own, and prompt is given as well: leave one of them out".to_owned(),
                );
            }
            row.remove("prompt");
            let messages = turns(asked, &mut row);
            row.insert("messages".to_owned(), messages.into());
        }
        if let Some(system) = &self.system {
            let messages = match (row.remove("messages"), row.remove("prompt")) {
                (Some(Value::Array(messages)), _) | (None, Some(Value::Array(messages))) => messages,
                (None, Some(Value::String(text))) => turns(text, &mut row),
                _ => return Err("needs messages or prompt".to_owned()),
            };
            if messages
                .first()
                .is_some_and(|first| first.get("role") == Some(&"system".into()))
            {
                return Err(
                    "has a system message of its own, and system is given as well: leave one of them out"
                        .to_owned(),
                );
            }
            let with_system = std::iter::once(json!({"role": "system", "content": system})).chain(messages);
            row.insert("messages".to_owned(), with_system.collect());
        }
        Ok(Value::Object(row))
    }
}

/// Whether a row has messages, which end with this answer then.
fn answered(row: &mut Map<String, Value>, answer: &str) -> Result<bool, String> {
    let name = ["messages", "prompt"]
        .into_iter()
        .find(|name| row.get(*name).is_some_and(Value::is_array));
    let Some(Value::Array(mut messages)) = name.and_then(|name| row.remove(name)) else {
        return Ok(false);
    };
    let last = messages.last().and_then(|last| last.get("role"));
    if last.is_some_and(|role| role == "assistant") {
        return Err(
            "has an answer of its own, and completion is given as well: leave one of them out".to_owned(),
        );
    }
    messages.push(json!({"role": "assistant", "content": answer}));
    row.insert("messages".to_owned(), messages.into());
    Ok(true)
}

/// A question, and the row's answer if it has one, as messages.
fn turns(question: String, row: &mut Map<String, Value>) -> Vec<Value> {
    let turn = |role: &str, content: Value| json!({"role": role, "content": content});
    let answer = row.remove("completion").map(|answer| turn("assistant", answer));
    std::iter::once(turn("user", question.into()))
        .chain(answer)
        .collect()
}

/// The members of a row that a template names, in order; an error says what is wrong with it.
pub(crate) fn placeholders(template: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or("has {{ without }} behind it")?;
        names.push(member(name)?);
        rest = behind;
    }
    if names.is_empty() {
        return Err(
            "names no member of the rows, such as {{row.question}}: it would be the same for all".to_owned(),
        );
    }
    Ok(names)
}

/// The member that a template means by a name: others call a row an item, or leave it out.
fn member(name: &str) -> Result<&str, String> {
    let name = name.trim();
    let member = ["row.", "item."]
        .iter()
        .find_map(|row| name.strip_prefix(row))
        .unwrap_or(name);
    let is_plain = !member.is_empty() && !member.contains(['{', '}', '|', '(', '[', '.', ' ']);
    is_plain.then_some(member).ok_or_else(|| {
        format!("has {{{{{name}}}}}, and knows {{{{row.MEMBER}}}} alone: the members of a row")
    })
}

/// A template with what the row holds. Texts go in as they stand, all else as JSON.
fn filled(template: &str, row: &Map<String, Value>, what: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template;
    for name in placeholders(template)? {
        let (before, after) = rest.split_once("{{").unwrap_or((rest, ""));
        let (_, behind) = after.split_once("}}").unwrap_or((after, ""));
        text.push_str(before);
        match row.get(name) {
            Some(Value::String(value)) => text.push_str(value),
            Some(Value::Null) | None => {
                let near = nearest(name, row.keys().map(String::as_str));
                let near =
                    near.map_or_else(String::new, |near| format!(" (did you mean {{{{row.{near}}}}}?)"));
                return Err(format!("has no {name}, which {what} takes{near}"));
            }
            Some(other) => text.push_str(&other.to_string()),
        }
        rest = behind;
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_what_a_model_is_asked() {
        let shape = |system: Option<&str>, prompt: Option<&str>| Shape {
            system: system.map(str::to_owned),
            prompt: prompt.map(str::to_owned),
            completion: None,
        };
        let answered = Shape {
            completion: Some("{{row.a}}".to_owned()),
            ..shape(None, Some("{{ q }}"))
        };
        let made = answered.of(json!({"q": "x", "a": 4})).unwrap();
        assert_eq!(
            made["messages"],
            json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "4"}])
        );
        let user = |text: &str| json!({"role": "user", "content": text});
        // Messages get the answer as their last one, under whatever name they came.
        let answered = Shape {
            completion: Some("{{row.a}}".to_owned()),
            ..Shape::default()
        };
        let asked = json!([user("x")]);
        for row in [
            json!({"messages": asked, "a": 4}),
            json!({"prompt": asked, "a": 4}),
            json!({"conversations": [{"from": "human", "value": "x"}], "a": 4}),
        ] {
            let expected = json!({"messages": made["messages"], "a": 4});
            assert_eq!(answered.of(row).unwrap(), expected);
        }
        let twice = json!({"messages": made["messages"], "a": 4});
        assert!(
            answered
                .of(twice)
                .unwrap_err()
                .contains("has an answer of its own")
        );
        let system = json!({"role": "system", "content": "s"});
        for (made, row, expected) in [
            (shape(None, None), json!("2+2="), json!({"prompt": "2+2="})),
            (
                shape(None, Some("{{row.q}} = {{ row.n }}?")),
                json!({"q": "x", "n": 4}),
                json!({"q": "x", "n": 4, "messages": [user("x = 4?")]}),
            ),
            (
                shape(Some("s"), None),
                json!({"prompt": "p", "completion": "c"}),
                json!({"messages": [system, user("p"), {"role": "assistant", "content": "c"}]}),
            ),
            (
                shape(Some("s"), Some("{{row.q}}")),
                json!({"q": "x"}),
                json!({"q": "x", "messages": [system, user("x")]}),
            ),
        ] {
            assert_eq!(made.of(row).unwrap(), expected);
        }
        let problem = shape(None, Some("{{row.q}}")).of(json!({"p": 1})).unwrap_err();
        assert!(problem.contains("has no q"), "{problem}");
        for (template, expected) in [
            ("{{row.a.b}}", "knows {{row.MEMBER}} alone"),
            ("{{ q | upper }}", "knows {{row.MEMBER}} alone"),
            ("{{row.q", "without }}"),
            ("q", "names no member"),
        ] {
            assert!(placeholders(template).unwrap_err().contains(expected));
        }
    }
}
