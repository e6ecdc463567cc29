//! What the platform will probably refuse in a config. The config belongs to the trainer's version, so nothing is refused for
//! it here: it is said beside a refusal, and beside an estimate.

use std::collections::BTreeMap;

use serde_json::Value;

use super::create::Mode;
use super::places;
use crate::error::problems::{Path, Problems};

/// How a source of prompts is written.
const SOURCE: &str = r#"{"name": "reverse", "env": {"taskset": {"id": "reverse-text"}}}"#;

/// The doubts about a config that lies at `path`; `volume`: whether the run gets one.
pub(super) fn doubts(
    config: &BTreeMap<String, Value>,
    mode: Mode,
    volume: bool,
    path: &Path<'_>,
) -> Problems {
    let mut doubts = Problems::default();
    let misplaced = places::misplaced(config, mode);
    for (at, place) in &misplaced {
        let form = match places::value_at(config, at) {
            // Others write an environment by its id.
            Some(env) if *place == SOURCES => format!(": write {place} [{}]", source_of(env)),
            _ => String::new(),
        };
        doubts.add(&path.key(at), format!("belongs at {place}{form}"));
    }
    for (at, sentence) in places::nowhere(config) {
        doubts.add(&path.key(&at), sentence);
    }
    for key in unknown(config, mode) {
        // What makes the other kind of run is refused as such.
        let is_of_rl = mode == Mode::Sft && ["trainer", "orchestrator"].contains(&key.as_str());
        if is_of_rl || doubts.are_at(&path.key(&key)) {
            continue;
        }
        let rest = if doubts.mention(&path.key(&key)) {
            ": leave out what else it holds"
        } else {
            ": leave it out"
        };
        let doubt = if mode == Mode::Rl && (places::is_dataset(&key) || key == "data") {
            places::NO_DATASET.to_owned()
        } else {
            format!("is not among the trainer's own keys{rest}")
        };
        doubts.add(&path.key(&key), doubt);
    }
    let is_coming = |wanted: &str| misplaced.iter().any(|(_, place)| *place == wanted);
    match mode {
        Mode::Rl => of_rl(config, is_coming(SOURCES), path, &mut doubts),
        Mode::Sft => of_supervised(config, volume, is_coming("data.name"), path, &mut doubts),
    }
    doubts
}

/// Where sources of prompts are.
const SOURCES: &str = "orchestrator.train.source";

/// The keys of some tables of a config.
type Tables = [(&'static str, &'static str)];

/// What a config may hold, by the trainer's source of August 2026 and an older image.
const RL: &Tables = &[
    (
        "",
        "name max_steps seq_len run env_vars log ckpt resume monitors model tokenizer weight_broadcast rollout_transport deployment inference trainer orchestrator output_dir clean slurm dry_run wandb k8s env",
    ),
    ("ckpt", CHECKPOINTS),
    (
        "deployment",
        "type gpus_per_node num_train_gpus num_infer_gpus num_train_nodes num_infer_nodes num_infer_replicas nodes_per_fsdp_group orchestrator_on_inference",
    ),
    ("trainer.optim", OPTIMIZER),
    ("trainer.scheduler", SCHEDULER),
    (
        "orchestrator.train.sampling",
        "temperature top_p top_k max_completion_tokens extra_body",
    ),
];
const SFT: &Tables = &[
    (
        "",
        "name max_steps data val eval model tokenizer renderer optim scheduler ckpt resume log monitors run output_dir clean deployment inference weight_broadcast env_vars matmul_precision memory_profiler_path gc trace_path dist_timeout_seconds loss_impl heartbeat slurm dry_run wandb k8s env",
    ),
    ("ckpt", CHECKPOINTS),
    (
        "deployment",
        "type gpus_per_node num_gpus num_train_gpus num_infer_gpus num_nodes num_train_nodes num_infer_nodes nodes_per_fsdp_group",
    ),
    ("optim", OPTIMIZER),
    ("scheduler", SCHEDULER),
    (
        "data",
        "type name revision subsets splits probabilities stopping_strategy shuffle seed seq_len batch_size micro_batch_size pack_function num_workers columns loss_mask length input_ids",
    ),
];
const CHECKPOINTS: &str = "output_dir interval keep_last keep_interval";
const OPTIMIZER: &str = "type lr weight_decay max_norm betas1 betas2 mu momentum nesterov";
const SCHEDULER: &str = "type warmup_steps decay_steps min_lr";

/// The keys of a config that its trainer has not, by their paths.
fn unknown(config: &BTreeMap<String, Value>, mode: Mode) -> Vec<String> {
    let tables = match mode {
        Mode::Rl => RL,
        Mode::Sft => SFT,
    };
    let in_table = |(table, known): &(&str, &str)| -> Vec<String> {
        let is_known = |key: &str| known.split(' ').any(|known| known == key);
        if table.is_empty() {
            let keys = config.keys().filter(|key| !is_known(key));
            return keys.cloned().collect();
        }
        let keys = places::value_at(config, table).and_then(Value::as_object);
        let keys = keys.into_iter().flat_map(serde_json::Map::keys);
        keys.filter(|key| !is_known(key))
            .map(|key| format!("{table}.{key}"))
            .collect()
    };
    tables.iter().flat_map(in_table).collect()
}

const NO_SOURCE: &str = "is missing, and says where prompts come from: write";

/// `has_source`: whether sources of prompts stand elsewhere, which is said.
fn of_rl(config: &BTreeMap<String, Value>, has_source: bool, outer: &Path<'_>, doubts: &mut Problems) {
    let path = outer.key("orchestrator");
    let Some(orchestrator) = config.get("orchestrator").filter(|table| table.is_object()) else {
        // Whoever makes one is to make it whole.
        if config.contains_key("trainer") && !has_source {
            let train = path.key("train");
            doubts.add(&train.key("source"), format!("{NO_SOURCE} [{SOURCE}]"));
        }
        return;
    };
    let count = |name: &str| orchestrator.get(name).and_then(Value::as_u64);
    if let (Some(batch), Some(group @ 1..)) = (count("batch_size"), count("group_size"))
        && !batch.is_multiple_of(group)
    {
        let above = batch.next_multiple_of(group);
        let near = match above.saturating_sub(group) {
            0 => above.to_string(),
            below => format!("{below} or {above}"),
        };
        doubts.add(
            &path.key("batch_size"),
            format!("is {batch}, no multiple of group_size {group}: write {near}"),
        );
    }
    let has_fake_data = config
        .get("trainer")
        .and_then(|trainer| trainer.get("data")?.get("fake"))
        .is_some();
    if has_fake_data {
        return;
    }
    let train = orchestrator.get("train");
    let path = path.key("train");
    let path = path.key("source");
    match train.and_then(|train| train.get("source")) {
        Some(Value::Array(sources)) => {
            for (index, source) in sources.iter().enumerate() {
                if let Some(doubt) = of_source(source) {
                    doubts.add(&path.index(index), doubt);
                }
            }
            if sources.is_empty() {
                doubts.add(
                    &path,
                    format!("is empty, and says where prompts come from: write [{SOURCE}]"),
                );
            }
        }
        Some(_) => doubts.add(&path, format!("is no list: write [{SOURCE}]")),
        None if older(orchestrator).is_some() => {
            // Under its older name, which some trainers know, it may be right.
            doubts.append(environments(config, outer, false));
        }
        None if has_source => {}
        None => doubts.add(&path, format!("{NO_SOURCE} [{SOURCE}]")),
    }
}

/// Where older configs have their environments, in the orchestrator's table.
fn older(orchestrator: &Value) -> Option<(&'static str, &Value)> {
    let of_train = orchestrator.get("train").and_then(|train| train.get("env"));
    let own = orchestrator.get("env").map(|env| ("env", env));
    of_train.map(|env| ("train.env", env)).or(own)
}

/// What to say of environments that stand where older configs have them; `refused`: the platform has refused the config, so
/// that is said even of those that are written as they should be.
pub(super) fn environments(config: &BTreeMap<String, Value>, path: &Path<'_>, refused: bool) -> Problems {
    let mut doubts = Problems::default();
    let orchestrator = config.get("orchestrator");
    let has_source = orchestrator.is_some_and(|table| {
        let train = table.get("train");
        train.is_some_and(|train| train.get("source").is_some())
    });
    let Some((name, env)) = orchestrator.and_then(older).filter(|_| !has_source) else {
        return doubts;
    };
    let is_right = matches!(env, Value::Array(sources) if !sources.is_empty() && sources.iter().all(|source| of_source(source).is_none()));
    if name == "train.env" && is_right && !refused {
        return doubts;
    }
    doubts.add(
        &path.key("orchestrator").key(name),
        format!(
            "is not where environments go today: write orchestrator.train.source: [{}]",
            source_of(env)
        ),
    );
    doubts
}

/// A source of prompts with the environment that was meant.
fn source_of(env: &Value) -> String {
    SOURCE.replace("reverse-text", id_in(env).unwrap_or("reverse-text"))
}

/// The id of an environment, in whatever form it is written.
fn id_in(env: &Value) -> Option<&str> {
    match env {
        Value::String(id) => Some(id),
        Value::Array(entries) => entries.iter().find_map(id_in),
        Value::Object(table) => ["taskset", "env", "id", "name"]
            .into_iter()
            .find_map(|name| id_in(table.get(name)?)),
        _ => None,
    }
}

/// What is wrong with a source of prompts.
fn of_source(source: &Value) -> Option<String> {
    let named = |id: &str| SOURCE.replace("reverse-text", id);
    match source {
        Value::String(id) => Some(format!("is text, and a source is a table: write {}", named(id))),
        Value::Object(source) => match source.get("env") {
            Some(Value::String(id)) => {
                Some(format!("has text as env, which is a table: write {}", named(id)))
            }
            Some(env) => match env.get("taskset") {
                Some(Value::String(id)) => Some(format!(
                    "has text as env.taskset, which is a table: write {}",
                    named(id)
                )),
                Some(taskset) if taskset.get("id").is_some() => None,
                _ => Some(format!("has no env.taskset.id: write {SOURCE}")),
            },
            None => {
                let env = Value::Object(source.clone());
                Some(format!("has no env: write {}", source_of(&env)))
            }
        },
        _ => Some(format!("is no table: write {SOURCE}")),
    }
}

/// How a dataset is named.
const NAMED: &str =
    "write datasets/NAME, which lies on the volume of body.volume, or type \"fake\" in place of it";

/// `has_name`: whether the dataset is named elsewhere, which is said.
fn of_supervised(
    config: &BTreeMap<String, Value>,
    volume: bool,
    has_name: bool,
    path: &Path<'_>,
    doubts: &mut Problems,
) {
    let Some(data) = config.get("data") else { return };
    let path = path.key("data");
    if !data.is_object() {
        doubts.add(
            &path,
            r#"is no table: write {"type": "sft", "name": "datasets/NAME"}, or {"type": "fake"}"#,
        );
        return;
    }
    if data.get("type").and_then(Value::as_str).unwrap_or("sft") != "sft" {
        return;
    }
    let on_volume = |name: &str| {
        ["datasets/", "/volume/datasets/"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    match data.get("name").and_then(Value::as_str) {
        Some(name) if !on_volume(name) => doubts.add(
            &path.key("name"),
            format!("is no dataset of a volume, and none is fetched from elsewhere: {NAMED}"),
        ),
        None if has_name => doubts.add(&path.key("name"), format!("is a dataset of a volume: {NAMED}")),
        None => doubts.add(&path.key("name"), format!("is missing: {NAMED}")),
        Some(_) if !volume => doubts.add(&path.key("name"), "is a dataset, which lies on a volume: name that in body.volume, or write type \"fake\" in place of it"),
        Some(_) => {}
    }
}
