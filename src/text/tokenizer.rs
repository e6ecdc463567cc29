//! A tokenizer, read from a `tokenizer.json`.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A tokenizer. Everything it does takes time.
pub struct Tokenizer(tokenizers::Tokenizer);

/// The tokens of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Their ids.
    pub ids: Vec<u32>,
    /// The bytes of the text that each stands for.
    pub offsets: Vec<Range<usize>>,
}

/// A token beside the vocabulary, such as the end of a turn.
pub(super) struct Added {
    pub(super) id: u32,
    pub(super) text: String,
    pub(super) is_special: bool,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. An error says what is wrong with it.
    pub fn new(json: &str) -> Result<Self, String> {
        let mut tokenizer = guarded(|| {
            json.parse::<tokenizers::Tokenizer>()
                .map_err(|error| error.to_string())
        })?;
        // Whoever trained with these has no say in how long a prompt is here; transformers leaves them out too.
        let _ = tokenizer.with_truncation(None);
        tokenizer.with_padding(None);
        Ok(Self(tokenizer))
    }

    /// The tokens of a text. `special`: with those that the tokenizer puts around each text, such as its beginning.
    pub fn encode(&self, text: &str, special: bool) -> Result<Encoded, String> {
        let encoding = guarded(|| self.0.encode(text, special).map_err(|error| error.to_string()))?;
        Ok(Encoded {
            ids: encoding.get_ids().to_vec(),
            offsets: encoding
                .get_offsets()
                .iter()
                .map(|(start, end)| *start..*end)
                .collect(),
        })
    }

    /// The text of tokens. `skip_special`: without those that are no part of it, such as the end of a turn.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, String> {
        guarded(|| {
            self.0
                .decode(ids, skip_special)
                .map_err(|error| error.to_string())
        })
    }

    /// The id of a token.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        self.0.token_to_id(token)
    }

    /// The text of a token, as the vocabulary has it.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<String> {
        self.0.id_to_token(id)
    }

    /// The tokens beside the vocabulary, in the order of their ids.
    pub(super) fn added(&self) -> Vec<Added> {
        let decoder = self.0.get_added_tokens_decoder();
        let mut added: Vec<Added> = decoder
            .into_iter()
            .map(|(id, token)| Added {
                id,
                text: token.content,
                is_special: token.special,
            })
            .collect();
        added.sort_unstable_by_key(|added| added.id);
        added
    }
}

/// The library takes some things for granted that a file from elsewhere need not keep.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("it contradicts itself, and the tokenizer library gave up".to_owned()))
}
