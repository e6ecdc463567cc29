//! A prompt and its completion as plain text.

use super::{Encoded, Model};

/// A prompt and its completion as tokens, with those to train on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The tokens.
    pub ids: Vec<u32>,
    /// Whether each is trained on.
    pub mask: Vec<bool>,
    /// Whether a token spans the end of the prompt: a model that samples after this prompt never sees it.
    pub is_joined: bool,
}

/// Encodes a prompt and its completion as they stand, with the end of text behind them, as trl's trainer does. The tokens
/// behind those of the prompt are trained on; one that spans the prompt's end is, too.
pub fn completion_mask(model: &Model, prompt: &str, completion: &str) -> Result<Completed, String> {
    let end = model.end().filter(|end| !completion.ends_with(end));
    let text = [prompt, completion, end.unwrap_or_default()].concat();
    let tokenizer = model.tokenizer();
    let Encoded { ids, offsets } = tokenizer.encode(&text, false)?;
    let before = tokenizer.encode(prompt, false)?.ids;
    let is_joined = !ids.starts_with(&before);
    let mask = if is_joined {
        let token_ends = offsets.iter().map(|token| token.end);
        token_ends.map(|end| end > prompt.len()).collect()
    } else {
        (0..ids.len()).map(|at| at >= before.len()).collect()
    };
    Ok(Completed { ids, mask, is_joined })
}
