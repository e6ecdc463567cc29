//! Where today's trainer has what other trainers keep under flat names.

use std::collections::BTreeMap;

use schemars::Schema;
use serde_json::{Map, Value};

use super::create::Mode;
use crate::arguments::schema::{RENAMED, RETIRED};

/// A name that other trainers have, and its place in a config for RL and in a supervised one, which may have none.
type Spellings = (
    &'static [&'static str],
    Option<&'static str>,
    Option<&'static str>,
);

const PLACES: [Spellings; 11] = [
    (
        &["learning_rate", "lr"],
        Some("trainer.optim.lr"),
        Some("optim.lr"),
    ),
    (
        &["weight_decay"],
        Some("trainer.optim.weight_decay"),
        Some("optim.weight_decay"),
    ),
    (
        &["max_grad_norm", "grad_clip_norm"],
        Some("trainer.optim.max_norm"),
        Some("optim.max_norm"),
    ),
    (
        &[
            "num_generations",
            "group_size",
            "rollouts_per_example",
            "num_samples",
        ],
        Some("orchestrator.group_size"),
        None,
    ),
    (
        &["batch_size"],
        Some("orchestrator.batch_size"),
        Some("data.batch_size"),
    ),
    (
        &[
            "max_tokens",
            "max_new_tokens",
            "max_completion_tokens",
            "max_completion_length",
        ],
        Some("orchestrator.train.sampling.max_completion_tokens"),
        None,
    ),
    (
        &["temperature"],
        Some("orchestrator.train.sampling.temperature"),
        None,
    ),
    (
        &["environment", "environments", "envs", "source", "sources"],
        Some("orchestrator.train.source"),
        None,
    ),
    (
        &["sampling", "sampling_params", "sampling_args"],
        Some("orchestrator.train.sampling"),
        None,
    ),
    (
        &["model_name", "base_model"],
        Some("model.name"),
        Some("model.name"),
    ),
    (&["steps", "num_steps"], Some("max_steps"), Some("max_steps")),
];

/// The tables in which such names are looked for; the first one is the config itself.
const TABLES: [&[&str]; 10] = [
    &[],
    &["trainer"],
    &["trainer", "optim"],
    &["optim"],
    &["orchestrator"],
    &["orchestrator", "train"],
    &["sampling"],
    &["orchestrator", "sampling"],
    &["orchestrator", "train", "sampling"],
    &["data"],
];

/// What a config itself holds, by the trainer's own names.
const OWN: [&str; 9] = [
    "max_steps",
    "seq_len",
    "trainer",
    "orchestrator",
    "inference",
    "data",
    "optim",
    "ckpt",
    "deployment",
];

/// Says of names that belong inside the config where that is, for those who wrote them beside it.
pub(crate) fn beside_config(schema: &mut Schema) {
    outside(schema, "config");
}

/// The same for those who wrote them beside the body.
pub(crate) fn beside_body(schema: &mut Schema) {
    outside(schema, "body.config");
}

/// `config` is the way from the object of the schema to the config.
fn outside(schema: &mut Schema, config: &str) {
    let flat = PLACES.iter().flat_map(|(names, rl, supervised)| {
        let place = match (rl, supervised) {
            (Some(rl), Some(other)) if rl != other => {
                format!("body.config.{rl} (of a supervised run body.config.{other})")
            }
            (Some(place), _) | (None, Some(place)) => format!("body.config.{place}"),
            (None, None) => "body.config".to_owned(),
        };
        names.iter().map(move |name| (*name, place.clone()))
    });
    let model = [("model", "body.config.model.name".to_owned())];
    let mut sentences: Map<String, Value> = flat
        .chain(model)
        .map(|(name, place)| (name.to_owned(), format!("belongs at {place}").into()))
        .collect();
    let mut own = Map::new();
    for name in OWN {
        let sentence = format!("belongs inside config: write body.config.{name}");
        sentences.insert(name.to_owned(), sentence.into());
        own.insert(name.to_owned(), format!("{config}.{name}").into());
    }
    schema.insert(RETIRED.to_owned(), sentences.into());
    schema.insert(RENAMED.to_owned(), own.into());
}

/// The paths of values in other places than the trainer's, each with the place where it belongs.
pub(super) fn misplaced(config: &BTreeMap<String, Value>, mode: Mode) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for table in TABLES {
        let has = |name: &str| match table.split_first() {
            None => config.contains_key(name),
            Some((first, rest)) => {
                let inner = config.get(*first);
                let inner = rest.iter().fold(inner, |table, part| table?.get(part));
                inner.is_some_and(|table| table.get(name).is_some())
            }
        };
        for (names, rl, supervised) in PLACES {
            let Some(place) = (if mode == Mode::Rl { rl } else { supervised }) else {
                continue;
            };
            for name in names.iter().filter(|name| has(name)) {
                let path = [table, &[*name]].concat().join(".");
                if path != place && !moves_along(&found, &path, place) {
                    found.push((path, place));
                }
            }
        }
    }
    found
}

/// Whether a value comes to its place by itself when the table around it is moved.
fn moves_along(found: &[(String, &'static str)], path: &str, place: &str) -> bool {
    found.iter().any(|(table, new)| {
        let inside = path.strip_prefix(table.as_str());
        inside.is_some_and(|inside| inside.starts_with('.') && place.strip_prefix(new) == Some(inside))
    })
}
