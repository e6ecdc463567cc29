//! The base model of a session, or of a model resource.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "text")]
use crate::context::Request;
use crate::context::{Call, Reply};
#[cfg(feature = "text")]
use crate::error::ToolError;
#[cfg(feature = "text")]
use crate::spec::{GET_MODEL_RESOURCE, GET_TRAINING_SESSION};

#[cfg(feature = "text")]
use super::payload::unexpected;

/// The base models of sessions and model resources, by their ids; none ever changes.
#[derive(Default)]
struct Known(Mutex<HashMap<String, String>>);

impl Known {
    fn keep(&self, session_id: String, base_model: String) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(session_id, base_model);
    }
}

/// Keeps in mind what an answer about a session or a model resource shows.
pub(crate) fn learn(call: &Call<'_>, session: &Reply) {
    if let (Some(id), Some(base_model)) = (session.member("id"), session.member("base_model")) {
        call.context.state::<Known>().keep(id, base_model);
    }
}

/// The base model of a session, if an answer has shown it.
#[must_use]
pub(crate) fn known(call: &Call<'_>, session_id: &str) -> Option<String> {
    let known = call.context.state::<Known>();
    let known = known.0.lock().unwrap_or_else(PoisonError::into_inner);
    known.get(session_id.trim()).cloned()
}

/// The base model of a model resource, if the service says it.
#[cfg(feature = "text")]
pub(crate) async fn of_resource(call: &Call<'_>, id: &str) -> Result<Option<String>, ToolError> {
    if let Some(base_model) = known(call, id) {
        return Ok(Some(base_model));
    }
    let resource = Request::new(call, &GET_MODEL_RESOURCE).path("model_resources_id", id);
    let resource = resource.send().await?;
    learn(call, &resource);
    Ok(resource.member("base_model"))
}

/// The base model of a session, asked for once.
#[cfg(feature = "text")]
pub(crate) async fn of_session(call: &Call<'_>, session_id: &str) -> Result<String, ToolError> {
    if let Some(base_model) = known(call, session_id) {
        return Ok(base_model);
    }
    let session = Request::new(call, &GET_TRAINING_SESSION).path("session_id", session_id);
    let session = session.send().await?;
    let base_model = match (
        session.member("base_model"),
        session.member::<String>("model_resources_id"),
    ) {
        (Some(base_model), _) => Some(base_model),
        (None, Some(id)) => {
            let resource = Request::new(call, &GET_MODEL_RESOURCE).path("model_resources_id", &id);
            resource.send().await?.member("base_model")
        }
        (None, None) => None,
    };
    let base_model: String =
        base_model.ok_or_else(|| unexpected(call, &GET_TRAINING_SESSION, "no base model"))?;
    call.context
        .state::<Known>()
        .keep(session_id.to_owned(), base_model.clone());
    Ok(base_model)
}
