//! The base model of a session, and what the service says of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use crate::context::{Call, Context, Request};
use crate::error::ToolError;
use crate::spec::{GET_MODEL_RESOURCE, GET_TRAINING_SESSION, LIST_SUPPORTED_MODELS};

use super::payload::unexpected;

/// How long the list of models may take: a call can do without it.
const LISTING: Duration = Duration::from_secs(3);

/// The base models of sessions, none of which ever changes, and what is on offer.
#[derive(Default)]
struct Known {
    of_sessions: Mutex<HashMap<String, String>>,
    offered: Mutex<Option<Arc<[Offered]>>>,
}

/// A model on offer.
#[derive(Clone, Debug, Deserialize)]
struct Offered {
    base_model: String,
    #[serde(default)]
    compute_configs: Vec<Compute>,
    /// Said by a sandbox that runs by itself; nothing else tells its models from those whose names they have.
    sandbox_tokenizer: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Compute {
    generator_config: Option<Generator>,
}

#[derive(Clone, Debug, Deserialize)]
struct Generator {
    context_length: Option<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The base model of a session, if it was asked for before.
pub(crate) fn known(context: &Context, session_id: &str) -> Option<String> {
    lock(&context.state::<Known>().of_sessions)
        .get(session_id)
        .cloned()
}

/// The base model of a session, asked for once.
pub(crate) async fn of_session(call: &Call<'_>, session_id: &str) -> Result<String, ToolError> {
    if let Some(base_model) = known(call.context, session_id) {
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
    let known = call.context.state::<Known>();
    lock(&known.of_sessions).insert(session_id.to_owned(), base_model.clone());
    Ok(base_model)
}

/// How many tokens a model reads and writes in all, prompt and completion; `None`: that is not known.
pub(crate) async fn context_length(call: &Call<'_>, base_model: &str) -> Option<u64> {
    let offered = offered(call, base_model).await?;
    let lengths = offered.compute_configs.iter();
    let lengths = lengths.filter_map(|compute| compute.generator_config.as_ref()?.context_length);
    lengths.max()
}

/// Whether it is one of a sandbox that runs by itself: its tokens are bytes whatever it is called.
pub(crate) async fn is_bytes(call: &Call<'_>, base_model: &str) -> bool {
    let offered = offered(call, base_model).await;
    offered.is_some_and(|offered| offered.sandbox_tokenizer.as_deref() == Some("bytes"))
}

/// What the service says of a base model, asked for once.
async fn offered(call: &Call<'_>, base_model: &str) -> Option<Offered> {
    #[derive(Default, Deserialize)]
    struct List {
        data: Vec<Offered>,
    }
    let known = call.context.state::<Known>();
    let listed = lock(&known.offered).clone();
    let listed = match listed {
        Some(listed) => listed,
        None => {
            let hurried = call.hurried(LISTING);
            let list = Request::new(&hurried, &LIST_SUPPORTED_MODELS).send().await.ok()?;
            // Another answer would not be better next time.
            let list: List = serde_json::from_str(list.text()).unwrap_or_default();
            let listed: Arc<[Offered]> = list.data.into();
            *lock(&known.offered) = Some(Arc::clone(&listed));
            listed
        }
    };
    listed
        .iter()
        .find(|offered| offered.base_model == base_model)
        .cloned()
}
