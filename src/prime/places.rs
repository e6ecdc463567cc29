//! Where today's trainer has what other trainers keep under flat names.

use std::collections::BTreeMap;

use schemars::Schema;
use serde_json::{Map, Value};

use super::create::Mode;
use crate::arguments::schema::{RENAMED, RETIRED};
use crate::error::problems::{Path, Problems};

/// Names that other trainers have, and their place in a config for RL and in a supervised one, which may have none. A name
/// with dots is the way to a value from the config on.
type Spellings = (
    &'static [&'static str],
    Option<&'static str>,
    Option<&'static str>,
);

const PLACES: &[Spellings] = &[
    (
        &["learning_rate", "lr", "actor_rollout_ref.actor.optim.lr"],
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
            "n",
            "actor_rollout_ref.rollout.n",
        ],
        Some("orchestrator.group_size"),
        None,
    ),
    (
        &[
            "batch_size",
            "train_batch_size",
            "rollout_batch_size",
            "per_device_train_batch_size",
        ],
        Some("orchestrator.batch_size"),
        Some("data.batch_size"),
    ),
    (
        &[
            "max_tokens",
            "max_new_tokens",
            "max_completion_tokens",
            "max_completion_length",
            "max_response_length",
        ],
        Some("orchestrator.train.sampling.max_completion_tokens"),
        None,
    ),
    (
        &["temperature", "actor_rollout_ref.rollout.temperature"],
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
        &[
            "model_name",
            "base_model",
            "model_name_or_path",
            "model_path",
            "model.path",
            "actor_rollout_ref.model.path",
        ],
        Some("model.name"),
        Some("model.name"),
    ),
    (
        &["steps", "num_steps", "total_steps", "total_training_steps"],
        Some("max_steps"),
        Some("max_steps"),
    ),
    (
        &[
            "save_steps",
            "save_freq",
            "save_interval",
            "save_every",
            "checkpoint_interval",
        ],
        Some("ckpt.interval"),
        Some("ckpt.interval"),
    ),
    (
        &["warmup_steps", "num_warmup_steps", "lr_warmup_steps"],
        Some("trainer.scheduler.warmup_steps"),
        Some("scheduler.warmup_steps"),
    ),
    (
        &["max_seq_length", "max_seq_len", "max_length"],
        Some("seq_len"),
        Some("data.seq_len"),
    ),
    (
        &["wandb_project"],
        Some("monitors.wandb.project"),
        Some("monitors.wandb.project"),
    ),
    (&DATASET, None, Some("data.name")),
    (&DATASET_OF_TABLE, None, Some("data.name")),
];

/// The same inside of a table for data.
const DATASET_OF_TABLE: [&str; 6] = [
    "data.path",
    "data.file",
    "data.files",
    "data.train_files",
    "data.train_file",
    "data.dataset_path",
];

/// What no config has a place for, each with what says the same.
const NOWHERE: [(&[&str], &str); 5] = [
    (
        &[
            "deployment.gpu_type",
            "deployment.gpu",
            "deployment.gpus",
            "deployment.gpu_count",
        ],
        "is another name: the type of GPU belongs at body.gpuType, and how many at deployment.num_train_gpus and num_infer_gpus",
    ),
    (
        &[
            "epochs",
            "num_epochs",
            "n_epochs",
            "num_train_epochs",
            "total_epochs",
        ],
        "has no place in a config: max_steps says how long a run is",
    ),
    (
        &["gradient_accumulation_steps"],
        "has no place in a config: batch_size is that of a whole step",
    ),
    (
        &["warmup_ratio", "lr_warmup_ratio"],
        "has no place in a config: scheduler.warmup_steps counts steps",
    ),
    (
        &["report_to"],
        "has no place in a config: a table monitors.wandb asks for Weights & Biases",
    ),
];

/// What others call the data that a supervised run reads. An RL run has environments in its place.
const DATASET: [&str; 4] = ["dataset", "datasets", "dataset_name", "train_dataset"];

/// What to say of a dataset where the rest is RL.
pub(super) const NO_DATASET: &str =
    "is not for RL, whose prompts come from environments: orchestrator.train.source takes the place of it";

/// What else only one of the two kinds has.
const ONLY_RL: [&str; 7] = [
    "reward",
    "rewards",
    "reward_fn",
    "reward_funcs",
    "reward_function",
    "beta",
    "kl_coef",
];
const ONLY_SUPERVISED: [&str; 4] = ["epochs", "num_epochs", "num_train_epochs", "packing"];

/// The kind of run that flat names are meant for, and the name that shows it: what RL alone has says more than a dataset,
/// which others name for both.
pub(super) fn kind<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<(Mode, &'a str)> {
    let only = |rl: bool| {
        move |name: &&str| {
            let own = PLACES.iter().any(|(names, of_rl, supervised)| {
                let here = if rl { supervised } else { of_rl };
                here.is_none() && names.contains(name)
            });
            let others: &[&str] = if rl { &ONLY_RL } else { &ONLY_SUPERVISED };
            own || others.contains(name)
        }
    };
    let of_rl = names.clone().find(only(true)).map(|name| (Mode::Rl, name));
    of_rl.or_else(|| {
        let mut names = names;
        names.find(only(false)).map(|name| (Mode::Sft, name))
    })
}

/// The flat names that were written beside the config, or beside the body: problems are reported there.
pub(super) fn beside(body: &Path<'_>, problems: &Problems) -> Vec<String> {
    let members = problems.members_at(&[&Path::Root, body]).into_iter();
    members.map(str::to_owned).collect()
}

/// Says the one place of each flat name beside the config, where both were said.
pub(super) fn settle(mode: Mode, body: &Path<'_>, problems: &mut Problems) {
    for (names, rl, supervised) in PLACES {
        let place = if mode == Mode::Rl { *rl } else { *supervised };
        let message = match place {
            Some(place) => format!("belongs at body.config.{place}"),
            None if *names == DATASET => NO_DATASET.replace("orchestrator", "body.config.orchestrator"),
            None => continue,
        };
        for name in *names {
            problems.reword(&body.key(name), &message);
            problems.reword(&Path::Root.key(name), &message);
        }
    }
}

/// Whether this is a name for a dataset.
pub(super) fn is_dataset(name: &str) -> bool {
    DATASET.contains(&name)
}

/// The tables in which such names are looked for; the first one is the config itself.
const TABLES: [&[&str]; 12] = [
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
    &["ckpt"],
    &["trainer", "ckpt"],
];

/// What others call the type of GPU, and their number.
const GPU_TYPE: [&str; 4] = ["gpu", "gpu_name", "accelerator", "gpu_type"];
const GPUS: [&str; 5] = ["gpus", "gpu_count", "gpuCount", "num_gpus", "n_gpus"];
const GPU_COUNT: &str = "is not known here: the type of GPU belongs at body.gpuType, and how many at body.config.deployment.num_train_gpus (an RL run has num_infer_gpus beside it)";

const VARIABLES: &str = "belongs inside config: write body.config.env_vars, without secrets (forward_secrets true sends WANDB_API_KEY and HF_TOKEN of this server's environment)";

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
        // Ways are looked for in the config alone.
        let plain = names.iter().filter(|name| !name.contains('.'));
        plain.map(move |name| (*name, place.clone()))
    });
    let model = [("model", "body.config.model.name".to_owned())];
    let type_of_gpu = GPU_TYPE.map(|name| (name, "body.gpuType".to_owned()));
    let mut sentences: Map<String, Value> = flat
        .chain(model)
        .chain(type_of_gpu)
        .map(|(name, place)| (name.to_owned(), format!("belongs at {place}").into()))
        .collect();
    sentences.extend(GPUS.map(|name| (name.to_owned(), GPU_COUNT.into())));
    for name in ["env", "env_vars", "environment_variables", "secrets"] {
        sentences.insert(name.to_owned(), VARIABLES.into());
    }
    let mut own = Map::new();
    let body = config.strip_suffix("config").unwrap_or_default();
    own.extend(GPU_TYPE.map(|name| (name.to_owned(), format!("{body}gpuType").into())));
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
    let mut take = |path: String, place: &'static str| {
        if path != place && value_at(config, &path).is_some() && !moves_along(&found, &path, place) {
            found.push((path, place));
        }
    };
    let places = || {
        let of_mode = |(names, rl, supervised): &Spellings| {
            Some((*names, (if mode == Mode::Rl { *rl } else { *supervised })?))
        };
        PLACES.iter().filter_map(of_mode)
    };
    for table in TABLES {
        for (names, place) in places() {
            for name in names.iter().filter(|name| !name.contains('.')) {
                take([table, &[*name]].concat().join("."), place);
            }
        }
    }
    for (names, place) in places() {
        for way in names.iter().filter(|name| name.contains('.')) {
            take((*way).to_owned(), place);
        }
    }
    found
}

/// What no config has a place for, by their paths, each with what to say.
pub(super) fn nowhere(config: &BTreeMap<String, Value>) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for (names, sentence) in NOWHERE {
        let (ways, plain): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains('.'));
        let in_tables = TABLES.iter().flat_map(|table| {
            let path = |name: &&str| [*table, &[*name]].concat().join(".");
            plain.iter().map(path).collect::<Vec<_>>()
        });
        let paths = in_tables.chain(ways.into_iter().map(str::to_owned));
        let there = paths.filter(|path| value_at(config, path).is_some());
        found.extend(there.map(|path| (path, sentence)));
    }
    found
}

/// What lies at a path in the config.
pub(super) fn value_at<'a>(config: &'a BTreeMap<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = config.get(parts.next()?)?;
    parts.try_fold(first, |table, part| table.get(part))
}

/// Whether a value comes to its place by itself when the table around it is moved.
fn moves_along(found: &[(String, &'static str)], path: &str, place: &str) -> bool {
    found.iter().any(|(table, new)| {
        let inside = path.strip_prefix(table.as_str());
        inside.is_some_and(|inside| inside.starts_with('.') && place.strip_prefix(new) == Some(inside))
    })
}
