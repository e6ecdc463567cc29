//! In place of `encoder.rs` in a build without the cargo feature `text`, which has no tokenizers.

use serde::Serialize;

use super::example::Text;
use super::request::BatchArgs;
use crate::context::Call;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};

/// There is none.
pub(super) enum Encoder {}

/// Tokens, and which of them are trained on.
#[allow(dead_code, reason = "nothing here makes any")]
pub(super) struct Encoded {
    pub(super) ids: Vec<i64>,
    pub(super) mask: Vec<bool>,
}

/// Whose tokenizer made them.
#[allow(dead_code, reason = "nothing here has one")]
#[derive(Serialize)]
pub(super) struct Tokenizer;

impl Encoder {
    #[expect(clippy::unused_async, reason = "that of the other build waits for a download")]
    pub(super) async fn load(_: &Call<'_>, _: &BatchArgs) -> Result<Self, ToolError> {
        Err(ToolError::Here {
            why: "An example is text, and this build of rl-mcp has no tokenizers (cargo feature text)."
                .to_owned(),
            next: "give prompt and completion as token ids, or ask the user for a build with that feature."
                .to_owned(),
        })
    }

    #[expect(clippy::unused_async, reason = "that of the other build may read")]
    pub(super) async fn at_hand(_: &Call<'_>, _: &BatchArgs) -> Option<Self> {
        None
    }

    pub(super) fn encode(&mut self, _: Text, _: &Path<'_>, _: &mut Problems) -> Option<Encoded> {
        match *self {}
    }

    pub(super) fn notes(&self) -> Vec<String> {
        match *self {}
    }

    pub(super) fn tokenizer(&self) -> Tokenizer {
        match *self {}
    }
}
