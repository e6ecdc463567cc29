//! The text of an object, with a look at one member or with one more. What is large is not read for that.

use std::fmt::Write as _;

use memchr::{memchr, memmem};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Object;

/// A member of the text, if it is an object that has it and of this type.
pub(crate) fn member<T: DeserializeOwned>(text: &str, name: &str) -> Option<T> {
    if !mentions(text, name) {
        return None;
    }
    let object: Object = serde_json::from_str(text).ok()?;
    serde_json::from_str(object.get(name)?.get()).ok()
}

/// Sets a member. A text that is no object stays as it is.
pub(crate) fn set(text: &mut String, name: &str, value: &impl Serialize) {
    let Ok(value) = serde_json::value::to_raw_value(value) else {
        return;
    };
    if text.starts_with('{') && text.ends_with('}') && !mentions(text, name) {
        text.pop();
        let comma = if text.len() > 1 { "," } else { "" };
        let _ = write!(text, "{comma}\"{name}\":{value}}}");
        return;
    }
    if let Ok(mut object) = serde_json::from_str::<Object>(text) {
        object.set(name, value);
        if let Ok(changed) = serde_json::to_string(&object) {
            *text = changed;
        }
    }
}

/// The text with a sentence more in its member `note`.
pub(crate) fn noted(mut text: String, note: &str) -> String {
    let note = behind(member(&text, "note"), note);
    set(&mut text, "note", &note);
    text
}

/// A sentence behind those that stand there already.
pub(crate) fn behind(before: Option<String>, note: &str) -> String {
    before.map_or_else(String::new, |before| before + " ") + note
}

/// Whether there may be a member of this name; to look for it in the text takes far less than to read the text.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    memmem::find(text.as_bytes(), format!("\"{name}\"").as_bytes()).is_some()
        // It could be written with escapes.
        || memchr(b'\\', text.as_bytes()).is_some()
}
