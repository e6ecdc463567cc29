//! Whose tokenizer a call means.

use crate::context::Call;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::text::Source;

use super::base_model;

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
            let source = Source::of_base_model(config, &base_model);
            return Ok(match source {
                Source::Model(_) if base_model::is_bytes(call, &base_model).await => Source::Bytes,
                source => source,
            });
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
