//! The base models that the service offers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use crate::context::{Call, Reply, Request};
use crate::error::Failure;
use crate::error::problems::{list, nearest};
use crate::json::edit;
use crate::spec::LIST_SUPPORTED_MODELS;

/// How many names are listed.
const MOST_NAMED: usize = 30;

#[derive(Deserialize)]
struct Offered {
    base_model: String,
    #[serde(default)]
    compute_configs: Vec<Compute>,
}

#[derive(Deserialize)]
struct Compute {
    gpu_type: String,
    generator_config: Option<Generator>,
}

#[derive(Deserialize)]
struct Generator {
    context_length: Option<u64>,
}

impl Offered {
    /// How many tokens it reads and writes at most, on whatever GPUs.
    fn context(&self) -> Option<u64> {
        let configs = self.compute_configs.iter();
        let lengths = configs.filter_map(|config| config.generator_config.as_ref()?.context_length);
        lengths.max()
    }
}

/// What a new model resource is asked to be.
#[derive(Deserialize)]
struct Wanted {
    base_model: String,
    compute_config: Option<WantedCompute>,
}

#[derive(Deserialize)]
struct WantedCompute {
    gpu_type: Option<String>,
}

/// The context lengths of models, as far as a list of them was shown.
#[derive(Default)]
pub(crate) struct Contexts(Mutex<HashMap<String, u64>>);

impl Contexts {
    /// Keeps in mind what a list of models shows.
    pub(crate) fn learn(&self, shown: &Reply) {
        let offered: Vec<Offered> = shown.member("data").unwrap_or_default();
        let lengths = offered
            .into_iter()
            .filter_map(|model| Some((model.context()?, model.base_model)));
        let lengths = lengths.map(|(length, model)| (model, length));
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(lengths);
    }

    /// The context length of a model, if it is known.
    #[must_use]
    pub(crate) fn of(&self, base_model: &str) -> Option<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(base_model).copied()
    }
}

/// A refusal of a new model resource; if it asks for what is not offered, with what is.
pub(crate) async fn explained(call: &Call<'_>, raw: &str, mut failure: Box<Failure>) -> Box<Failure> {
    let wanted: Option<Wanted> = edit::member(raw, "body");
    let Some(wanted) =
        wanted.filter(|_| matches!(failure.status(), Some(400 | 404 | 422)) && !failure.perhaps_done)
    else {
        return failure;
    };
    let shown = Request::new(call, &LIST_SUPPORTED_MODELS).send().await;
    let offered: Option<Vec<Offered>> = shown.ok().and_then(|shown| shown.member("data"));
    let missing = offered.and_then(|offered| missing(&offered, &wanted));
    failure.next = missing.or(failure.next);
    failure
}

/// What is wanted and not offered.
fn missing(offered: &[Offered], wanted: &Wanted) -> Option<String> {
    let Some(model) = offered.iter().find(|model| model.base_model == wanted.base_model) else {
        let models = offered.iter().map(|model| model.base_model.as_str()).collect();
        return among("base_model", &wanted.base_model, models);
    };
    let gpu_type = wanted.compute_config.as_ref()?.gpu_type.as_deref()?;
    let types: Vec<&str> = model
        .compute_configs
        .iter()
        .map(|config| config.gpu_type.as_str())
        .collect();
    if types.contains(&gpu_type) {
        return None;
    }
    among("compute_config.gpu_type", gpu_type, types)
}

/// The names that there are in place of one that there is not.
fn among(member: &str, wanted: &str, known: Vec<&str>) -> Option<String> {
    if known.is_empty() {
        return None;
    }
    let near = nearest(wanted, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!(" Did you mean {near}?"));
    let more = match known.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more (list-supported-models)"),
    };
    let known = list(known.into_iter().take(MOST_NAMED));
    Some(format!(
        "body.{member} `{wanted}` is not offered; offered are {known}{more}.{near}"
    ))
}
