//! Values in another form than a place wants: a list in place of the object around it, a text in place of the object that it
//! chooses.

use serde_json::{Map, Value};

use super::rule::{Object, Rule, Text};

/// The value in the form that the rule wants, and what to say about its own form.
pub(super) fn another_form(rule: &Rule, value: &Value) -> Option<(Value, String)> {
    match (rule, value) {
        (Rule::Object(object), Value::String(text)) => {
            let (form, is_known, said) = object.of_text(text)?;
            let problem = if is_known {
                // What belongs beside the value is told with it.
                let said = said.map_or_else(String::new, |said| format!(" ({text} {said})"));
                format!("found text, expected an object: write {form}{said}")
            } else {
                format!("found text, expected {}", rule.wanted())
            };
            Some((form, problem))
        }
        (Rule::Object(object), Value::Array(_)) => {
            let form = object.around(value)?;
            Some((form, format!("found a list, expected {}", rule.wanted())))
        }
        (Rule::Array { items, .. }, Value::Object(members)) if !members.is_empty() => {
            let Rule::Object(_) = &**items else { return None };
            let form = if matches!(rule, Rule::Array { hint: Some(_), .. }) {
                ""
            } else {
                ": write [{…}]"
            };
            let problem = format!("found an object, expected {}{form}", rule.wanted());
            Some((Value::Array(vec![value.clone()]), problem))
        }
        (Rule::Array { items, .. }, Value::Array(values)) => {
            let Rule::Object(object) = &**items else {
                return None;
            };
            if values.is_empty() || !values.iter().all(Value::is_number) {
                return None;
            }
            let form = object.around(value)?;
            let problem = format!(
                "found a list of numbers, expected a list, each entry {}",
                items.wanted()
            );
            Some((Value::Array(vec![form]), problem))
        }
        (Rule::Text(text), Value::String(value)) if !value.trim().is_empty() => {
            if text.values.is_empty() || text.wire_form(value).is_some() {
                return None;
            }
            let (own, sentence) = text.successor(value)?;
            Some((own.into(), sentence.to_owned()))
        }
        _ => None,
    }
}

impl Object {
    /// The object that is meant by one text, that of its only required member, whether the text is one of its values, and what
    /// else is to be said of that.
    fn of_text<'a>(&'a self, text: &str) -> Option<(Value, bool, Option<&'a str>)> {
        let mut required = self.members.iter().filter(|member| member.required);
        let (member, None) = (required.next()?, required.next()) else {
            return None;
        };
        let Rule::Text(values) = &member.rule else {
            return None;
        };
        // What is broken JSON says more as it stands.
        if values.values.is_empty() || text.trim().is_empty() || text.trim_start().starts_with(['{', '[']) {
            return None;
        }
        let successor = values.successor(text);
        let own = values.wire_form(text).or(successor.map(|(own, _)| own));
        let said = successor
            .map(|(_, said)| said)
            .filter(|said| said.starts_with("is "));
        let form = Map::from_iter([(member.name.clone(), own.unwrap_or(text).into())]);
        Some((Value::Object(form), own.is_some(), said))
    }

    /// The object that is meant by one of its lists.
    fn around(&self, list: &Value) -> Option<Value> {
        let mut members = Map::new();
        let mut placed = false;
        for member in self.members.iter().filter(|member| member.required) {
            let value = match &member.rule {
                Rule::Array { items, .. } if !placed => {
                    placed = true;
                    match &**items {
                        Rule::Number(_) => list.clone(),
                        Rule::Object(object) => Value::Array(vec![object.around(list)?]),
                        _ => return None,
                    }
                }
                Rule::Object(object) if !placed => {
                    placed = true;
                    object.around(list)?
                }
                // Of several types of numbers the last one takes them all.
                Rule::Text(Text { values, .. }) => values.last()?.clone().into(),
                _ => return None,
            };
            members.insert(member.name.clone(), value);
        }
        placed.then_some(Value::Object(members))
    }
}
