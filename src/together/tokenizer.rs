//! Whose tokenizer a call means.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::context::Call;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::text::{ControlToken, Source};

use super::{base_model, models};

/// What a call says of it, the more particular first.
#[derive(Clone, Copy, Default)]
pub(crate) struct Whose<'a> {
    /// A Hugging Face id, or a directory.
    pub(crate) tokenizer: Option<&'a str>,
    /// As in list-supported-models.
    pub(crate) base_model: Option<&'a str>,
    /// A session, which has a base model.
    pub(crate) session_id: Option<&'a str>,
}

/// The tokenizers of sessions for which text was wanted.
#[derive(Default)]
struct InUse(Mutex<HashMap<String, Source>>);

impl InUse {
    fn keep(&self, session_id: &str, source: &Source) {
        let mut in_use = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.insert(session_id.trim().to_owned(), source.clone());
    }
}

/// What to say of a control token that somebody wrote into a message.
pub(crate) fn unwanted(found: &ControlToken) -> String {
    format!(
        "holds {}, which the model takes for the control token itself: take it out, or give allow_control_tokens true if it is meant",
        found.token
    )
}

/// The tokenizer of a session, if text was wanted for it before. Nothing is requested.
pub(crate) fn in_use(call: &Call<'_>, session_id: &str) -> Option<Source> {
    if call.context.config().sandbox {
        return Some(Source::Bytes);
    }
    let in_use = call.context.state::<InUse>();
    let in_use = in_use.0.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.get(session_id.trim()).cloned()
}

/// Whose tokenizer is meant, as far as that is known without asking a service.
pub(crate) async fn known(call: &Call<'_>, whose: &Whose<'_>) -> Option<Source> {
    let session_id = whose.session_id.unwrap_or_default();
    if whose.tokenizer.is_none() && whose.base_model.is_none() {
        let known = || {
            let base_model = base_model::known(call, session_id)?;
            Some(Source::of_base_model(call.context.config(), &base_model))
        };
        return in_use(call, session_id).or_else(known);
    }
    source(call, whose).await.ok()
}

/// Whose tokenizer is meant.
pub(crate) async fn source(call: &Call<'_>, whose: &Whose<'_>) -> Result<Source, ToolError> {
    let config = call.context.config();
    if let Some(name) = whose.tokenizer {
        return Source::named(config, name.trim()).await;
    }
    // All of the sandbox's models have the same one.
    if config.sandbox {
        return Ok(Source::Bytes);
    }
    let base_model = match (whose.base_model, whose.session_id) {
        (Some(base_model), _) => base_model.trim().to_owned(),
        (None, Some(id)) => {
            let base_model = base_model::of_session(call, id).await?;
            let source = match Source::of_base_model(config, &base_model) {
                Source::Model(_) if models::offered(call).await.is_bytes(&base_model) => Source::Bytes,
                source => source,
            };
            call.context.state::<InUse>().keep(id, &source);
            return Ok(source);
        }
        (None, None) => {
            return Err(ToolError::Arguments(Problems::one(
                &Path::Root.key("base_model"),
                "is required, unless there is session_id or tokenizer: each model has a tokenizer of its own",
            )));
        }
    };
    Ok(Source::of_base_model(config, &base_model))
}
