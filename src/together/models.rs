//! The base models that the service offers.

use std::sync::{Arc, Mutex, PoisonError};
#[cfg(feature = "text")]
use std::time::Duration;

use serde::Deserialize;

use crate::context::{Call, Reply, Request};
use crate::error::Failure;
use crate::error::problems::{Path, Problems, list, nearest};
use crate::json::edit;
use crate::spec::LIST_SUPPORTED_MODELS;

/// How many names are listed.
const MOST_NAMED: usize = 30;

/// How long the list may take where a call can do without.
#[cfg(feature = "text")]
const LISTING: Duration = Duration::from_secs(3);

#[derive(Clone, Deserialize)]
struct Offered {
    base_model: String,
    #[serde(default)]
    compute_configs: Vec<Compute>,
    /// Said by a sandbox that runs by itself; nothing else tells its models from those whose names they have.
    #[cfg(feature = "text")]
    sandbox_tokenizer: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Compute {
    gpu_type: Option<String>,
    generator_config: Option<Generator>,
    trainer_config: Option<Trainer>,
}

#[derive(Clone, Deserialize)]
struct Trainer {
    lora: Option<Lora>,
}

#[derive(Clone, Deserialize)]
struct Lora {
    max_rank: Option<i64>,
}

#[derive(Clone, Deserialize)]
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

/// What is known of models, as far as a list of them was shown.
#[derive(Default)]
pub(crate) struct Models(Mutex<Option<Arc<[Offered]>>>);

impl Models {
    /// Keeps in mind what a list of models shows.
    pub(crate) fn learn(&self, shown: &Reply) {
        let offered: Vec<Offered> = shown.member("data").unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(offered.into());
    }

    fn get(&self) -> Option<Arc<[Offered]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, base_model: &str) -> Option<Offered> {
        let offered = self.get()?;
        offered
            .iter()
            .find(|model| model.base_model == base_model)
            .cloned()
    }

    /// How many tokens a model reads and writes in all, prompt and completion, if that is known.
    #[must_use]
    pub(crate) fn context_length(&self, base_model: &str) -> Option<u64> {
        self.of(base_model)?.context()
    }

    /// The largest rank that an adapter of a model can have, on whatever GPUs, if that is known.
    #[must_use]
    pub(crate) fn max_rank(&self, base_model: &str) -> Option<i64> {
        let model = self.of(base_model)?;
        let configs = model.compute_configs.iter();
        let ranks = configs.filter_map(|config| config.trainer_config.as_ref()?.lora.as_ref()?.max_rank);
        ranks.max()
    }

    /// Whether it is a model of a sandbox that runs by itself: its tokens are bytes whatever it is called.
    #[cfg(feature = "text")]
    pub(crate) fn is_bytes(&self, base_model: &str) -> bool {
        let model = self.of(base_model);
        model.is_some_and(|model| model.sandbox_tokenizer.as_deref() == Some("bytes"))
    }
}

/// The models, of which the service is asked once. What it does not say is not known: a call can do without.
#[cfg(feature = "text")]
pub(crate) async fn offered(call: &Call<'_>) -> Arc<Models> {
    let models = call.context.state::<Models>();
    if models.get().is_none() {
        let hurried = call.hurried(LISTING);
        if let Ok(shown) = Request::new(&hurried, &LIST_SUPPORTED_MODELS).send().await {
            models.learn(&shown);
        }
    }
    models
}

/// The names of the models, in words, if they are known.
#[cfg(feature = "text")]
pub(crate) fn named(models: &Models) -> Option<String> {
    let offered = models.get().filter(|offered| !offered.is_empty())?;
    let more = match offered.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more (list-supported-models)"),
    };
    let names = offered.iter().map(|model| model.base_model.as_str());
    Some(format!("offered are {}{more}", list(names.take(MOST_NAMED))))
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
    let missing = missing.map(|(member, problem)| {
        let end = if problem.ends_with('?') { "" } else { "." };
        format!("body.{member} {problem}{end}")
    });
    failure.next = missing.or(failure.next);
    failure
}

/// Reports what a call that is refused anyway asks for and the service does not offer, if a list of that was shown.
pub(crate) fn look(call: &Call<'_>, body: &str, problems: &mut Problems) {
    let Some((member, problem)) = not_offered(call, body) else {
        return;
    };
    let at = Path::Root.key("body");
    let at = at.key(member);
    if !problems.mention(&at) {
        problems.add(&at, problem);
    }
}

/// What a body asks for and the service does not offer, if a list of that was shown: the member, and what is wrong with it.
pub(crate) fn not_offered(call: &Call<'_>, body: &str) -> Option<(&'static str, String)> {
    let offered = call.context.state::<Models>().get()?;
    let wanted: Wanted = serde_json::from_str(body).ok()?;
    missing(&offered, &wanted)
}

/// What is wanted and not offered.
fn missing(offered: &[Offered], wanted: &Wanted) -> Option<(&'static str, String)> {
    let Some(model) = offered.iter().find(|model| model.base_model == wanted.base_model) else {
        let models = offered.iter().map(|model| model.base_model.as_str()).collect();
        return among("base_model", &wanted.base_model, models);
    };
    let gpu_type = wanted.compute_config.as_ref()?.gpu_type.as_deref()?;
    let types: Vec<&str> = model
        .compute_configs
        .iter()
        .filter_map(|config| config.gpu_type.as_deref())
        .collect();
    if types.contains(&gpu_type) {
        return None;
    }
    among("compute_config.gpu_type", gpu_type, types)
}

/// The names that there are in place of one that there is not.
fn among(member: &'static str, wanted: &str, known: Vec<&str>) -> Option<(&'static str, String)> {
    if known.is_empty() {
        return None;
    }
    let near = nearest(wanted, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!(". Did you mean {near}?"));
    let more = match known.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more (list-supported-models)"),
    };
    let known = list(known.into_iter().take(MOST_NAMED));
    let problem = format!("`{wanted}` is not offered; offered are {known}{more}{near}");
    Some((member, problem))
}
