//! One call of one tool, and what it comes to.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use memchr::{memchr, memmem};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use super::json::Object;
use super::{Api, Request};
use crate::data::Storing;
use crate::spec::Spec;

/// The JSON text of a successful answer, mostly the service's own, and how much of it the caller gets to see.
#[derive(Debug)]
pub struct Reply {
    /// Shared, since a large one goes to all who wait for it, and into a file.
    text: Arc<String>,
    view: View,
}

/// How much of an answer the caller gets to see.
#[derive(Debug, Default)]
pub struct View {
    /// What the caller asked for.
    pub output: Output,
    /// Says in short what is in an answer that is too large; `None`: in a general way.
    pub summary: Option<Summary>,
    /// Where the whole answer lies already, or is being written.
    pub stored: Option<Storing>,
}

/// Makes a small object of an answer that is too large for a conversation: enough to decide on the next step. `None` for
/// an answer that is not of the expected kind.
pub type Summary = fn(&str) -> Option<Object>;

/// Default auto.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// over 32,000 characters as file and summary
    #[default]
    Auto,
    #[expect(missing_docs, reason = "the name says it")]
    Full,
    /// always so
    File,
}

/// What is seen of a copy is for its own caller to say.
impl Clone for Reply {
    fn clone(&self) -> Self {
        Self {
            text: Arc::clone(&self.text),
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
            view: View::default(),
        }
    }

    /// The same answer, seen in another way.
    #[must_use]
    pub fn seen(self, view: View) -> Self {
        Self { view, ..self }
    }

    /// The JSON text.
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
        if !self.mentions(name) {
            return None;
        }
        let object: Object = serde_json::from_str(&self.text).ok()?;
        serde_json::from_str(object.get(name)?.get()).ok()
    }

    /// Whether there may be a member of this name; to look for it in the text takes far less than to read the text.
    fn mentions(&self, name: &str) -> bool {
        memmem::find(self.text.as_bytes(), format!("\"{name}\"").as_bytes()).is_some()
            // It could be written with escapes.
            || memchr(b'\\', self.text.as_bytes()).is_some()
    }

    /// The answer with a member more, in the server's own words; an answer that is no object stays as it is, since
    /// nothing that was done may be lost.
    #[must_use]
    pub fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        let Ok(value) = serde_json::value::to_raw_value(value) else {
            return self;
        };
        if self.text.starts_with('{') && self.text.ends_with('}') && !self.mentions(name) {
            let text = Arc::make_mut(&mut self.text);
            text.pop();
            let comma = if text.len() > 1 { "," } else { "" };
            let _ = write!(text, "{comma}\"{name}\":{value}}}");
            return self;
        }
        if let Ok(mut object) = serde_json::from_str::<Object>(&self.text) {
            object.set(name, value);
            if let Ok(text) = serde_json::to_string(&object) {
                self.text = Arc::new(text);
            }
        }
        self
    }

    /// The answer with a sentence more for the caller.
    #[must_use]
    pub fn noted(self, note: &str) -> Self {
        let before = self.member::<String>("note");
        let before = before.map_or_else(String::new, |before| before + " ");
        self.with("note", &(before + note))
    }

    /// The JSON text, owned.
    #[must_use]
    pub fn into_text(self) -> String {
        Arc::unwrap_or_clone(self.text)
    }

    /// The JSON text, and how it is to be seen.
    #[must_use]
    pub fn into_parts(self) -> (String, View) {
        (Arc::unwrap_or_clone(self.text), self.view)
    }
}

/// One call of one tool.
#[derive(Clone)]
pub struct Call<'a> {
    /// What all calls share.
    pub api: &'a Arc<Api>,
    /// The tool's row.
    pub spec: &'static Spec,
    /// When it began.
    pub started: Instant,
    /// When its requests must have ended.
    pub deadline: Instant,
    doing: watch::Sender<Doing>,
}

/// What a call is doing, for hosts that asked for progress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doing {
    /// In words, such as `forward-backward running`; `None`: waiting for the service.
    pub what: Option<String>,
    /// How many bytes of how many, where that is what counts.
    pub bytes: Option<(u64, u64)>,
}

impl<'a> Call<'a> {
    /// A call of `spec` that starts now.
    #[must_use]
    pub fn new(api: &'a Arc<Api>, spec: &'static Spec) -> Self {
        let started = Instant::now();
        Self {
            api,
            spec,
            started,
            deadline: started + api.config().call_timeout,
            doing: watch::Sender::default(),
        }
    }

    /// The same call with at most this much time left, for a step that it can do without.
    #[must_use]
    pub fn hurried(&self, limit: Duration) -> Self {
        let deadline = self.deadline.min(Instant::now() + limit);
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The same call with at least this much time left, for a step that its result depends on.
    #[must_use]
    pub fn with_time(&self, least: Duration) -> Self {
        let deadline = self.deadline.max(Instant::now() + least);
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// Says what the call is doing now.
    pub fn report(&self, doing: Doing) {
        self.doing.send_replace(doing);
    }

    /// What the call is doing, as it says.
    #[must_use]
    pub fn doing(&self) -> watch::Receiver<Doing> {
        self.doing.subscribe()
    }

    /// A request by the tool's own row.
    #[must_use]
    pub const fn request(&'a self) -> Request<'a> {
        Request::new(self, self.spec)
    }
}
