//! What a call comes to.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use crate::arguments::schema::renamed;
use crate::files::data::Storing;
use crate::json::{Object, edit};
use crate::work::is_large;

/// The JSON text of a successful answer, mostly the service's own, and how much of it the caller gets to see.
pub struct Reply {
    /// Shared, since a large one goes to all who wait for it, and into a file.
    text: Arc<String>,
    /// What was added to a large one, which is not copied for that; to another it is added at once.
    added: Object,
    view: View,
}

/// How much of an answer the caller gets to see.
#[derive(Default)]
pub struct View {
    /// What the caller asked for.
    pub output: Output,
    /// Says in short what is in an answer that is too large; `None`: in a general way.
    pub summary: Option<Summary>,
    /// Where the whole answer lies already, or is being written.
    pub stored: Option<Storing>,
    /// A picture beside it, as a PNG file.
    pub image: Option<Vec<u8>>,
}

/// Makes a small object of an answer that is too large for a conversation: enough to decide on the next step. `None` for
/// an answer that is not of the expected kind.
pub(crate) type Summary = Box<dyn FnOnce(&str) -> Option<Object> + Send + Sync>;

/// Default auto.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = renamed(&[("summary", "file"), ("inline", "full")]))]
pub enum Output {
    /// over 32,000 characters as file and summary
    #[default]
    Auto,
    Full,
    /// always so
    File,
}

/// What is seen of a copy is for its own caller to say.
impl Clone for Reply {
    fn clone(&self) -> Self {
        Self {
            text: Arc::clone(&self.text),
            added: self.added.clone(),
            view: View::default(),
        }
    }
}

impl Reply {
    /// An answer with this JSON text.
    #[must_use]
    pub fn new(json: String) -> Self {
        Self {
            text: Arc::new(json),
            added: Object::default(),
            view: View::default(),
        }
    }

    /// The same answer in another form, to which all that was added belongs too.
    #[must_use]
    pub fn with_text(self, json: String) -> Self {
        let text = Arc::new(json);
        Self { text, ..self }
    }

    /// The same answer, seen in another way.
    #[must_use]
    pub fn with_view(self, view: View) -> Self {
        Self { view, ..self }
    }

    /// The JSON text; of a large one without what was added.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, to be kept beside the answer.
    #[must_use]
    pub fn shared_text(&self) -> Arc<String> {
        Arc::clone(&self.text)
    }

    /// A member of the answer, if it is an object that has it and of this type.
    #[must_use]
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        match self.added.get(name) {
            Some(added) => serde_json::from_str(added.get()).ok(),
            None => edit::member(&self.text, name),
        }
    }

    /// The answer with a member more, in the server's own words; an answer that is no object stays as it is, since
    /// nothing that was done may be lost.
    #[must_use]
    pub fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        let is_object = self.text.starts_with('{');
        if is_object && is_large(self.text.len()) && !edit::mentions(&self.text, name) {
            if let Ok(value) = to_raw_value(value) {
                self.added.set(name, value);
            }
        } else {
            edit::set(Arc::make_mut(&mut self.text), name, value);
        }
        self
    }

    /// The answer with a sentence more for the caller.
    #[must_use]
    pub fn noted(self, note: &str) -> Self {
        let note = edit::behind(self.member("note"), note);
        self.with("note", &note)
    }

    /// The JSON text, owned, with all that was added.
    #[must_use]
    pub fn into_text(self) -> String {
        let mut text = Arc::unwrap_or_clone(self.text);
        for (name, value) in self.added.into_members() {
            edit::set(&mut text, &name, &value);
        }
        text
    }

    /// How it is to be seen.
    #[must_use]
    pub fn take_view(&mut self) -> View {
        std::mem::take(&mut self.view)
    }

    /// What was added to a large one.
    #[must_use]
    pub const fn added(&self) -> &Object {
        &self.added
    }
}
