//! What ends a completion.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Conversation, Date, Template, Tokenizer};

/// A token that ends a completion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StopToken {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub text: String,
}

/// The tokens that end a completion: those of `generation_config.json`, the tokenizer's own, and the one that the
/// template puts behind an answer.
pub(super) fn tokens(
    tokenizer: &Tokenizer,
    generation: Option<&Value>,
    special: &BTreeMap<String, String>,
    template: Option<&Template>,
) -> Vec<StopToken> {
    let eos = generation.and_then(|generation| generation.get("eos_token_id"));
    let named = match eos {
        Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_u64).collect(),
        Some(id) => id.as_u64().into_iter().collect(),
        None => Vec::new(),
    };
    let mut ids: Vec<u32> = named
        .into_iter()
        .filter_map(|id| u32::try_from(id).ok())
        .collect();
    ids.extend(special.get("eos_token").and_then(|token| tokenizer.id(token)));
    ids.extend(template.and_then(|template| behind_an_answer(tokenizer, special, template)));
    let mut tokens: Vec<StopToken> = Vec::new();
    for id in ids {
        if let Some(text) = tokenizer.token(id)
            && tokens.iter().all(|known| known.id != id)
        {
            tokens.push(StopToken { id, text });
        }
    }
    tokens
}

/// The token beside the vocabulary that comes right after what the assistant said.
fn behind_an_answer(
    tokenizer: &Tokenizer,
    special: &BTreeMap<String, String>,
    template: &Template,
) -> Option<u32> {
    const ANSWER: &str = "rl-mcp-answer";
    let message = |role: &str, content: &str| {
        [("role", role), ("content", content)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    };
    let conversation = Conversation {
        messages: vec![message("user", "a"), message("assistant", ANSWER)],
        template_args: [("add_generation_prompt".to_owned(), false.into())]
            .into_iter()
            .collect(),
        ..Conversation::default()
    };
    let rendered = template.render(&conversation, special, Date::at(0)).ok()?;
    let (_, behind) = rendered.text.rsplit_once(ANSWER)?;
    let first = *tokenizer.encode(behind, false).ok()?.ids.first()?;
    let added = tokenizer.added();
    added.iter().any(|added| added.id == first).then_some(first)
}
