//! What may stand in a config, and what belongs beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::create::Mode;
use super::retired;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::json::Object;

/// Keys of the trainer's files that belong beside the config, and the members of the body that they become.
const MOVED: [(&str, &str); 4] = [
    ("image_tag", "imageTag"),
    ("gpu_type", "gpuType"),
    ("volume", "volume"),
    ("source_ref", "sourceRef"),
];

/// Keys of the trainer's files that mean something to the official command line only, each with what follows from
/// leaving it out.
const DROPPED: [(&str, &str); 4] = [
    ("env_file", UNREAD),
    ("env_files", UNREAD),
    ("volume_size", "no volume is made or grown for the run"),
    ("type", "nothing reads it now"),
];

const UNREAD: &str = "such files are not read, so their secrets do not reach the run (forward_secrets true sends WANDB_API_KEY and HF_TOKEN of this server's environment; a run takes no others)";

/// Takes out of the config in `body` what does not belong there, as the official client does: some keys become members
/// of the body, whose own word wins, and some are left out or become others. Returns a sentence about each of the
/// latter. `path` is that of the config.
pub(crate) fn hoist(body: &mut Object, path: &Path<'_>) -> Result<Vec<String>, ToolError> {
    let Some(config) = body.get("config") else {
        return Ok(Vec::new());
    };
    let mut config = json::object(config.get())?;
    let mut problems = Problems::default();
    let mut moved = false;
    for (key, member) in MOVED {
        let Some(value) = config.remove(key) else {
            continue;
        };
        moved = true;
        match serde_json::from_str::<String>(value.get()) {
            Ok(text) if text.is_empty() || body.get(member).is_some() => {}
            Ok(_) => body.set(member, value),
            Err(_) => problems.add(&path.key(key), "must be text"),
        }
    }
    if !problems.is_empty() {
        return Err(ToolError::Arguments(problems));
    }
    let mut notes = Vec::new();
    for (key, consequence) in DROPPED {
        if config.remove(key).is_some() {
            notes.push(format!("{key} was left out of the config: {consequence}."));
        }
    }
    retired::convert(&mut config, &mut notes)?;
    if moved || !notes.is_empty() {
        body.set("config", json::raw(json::text(&config)?)?);
    }
    Ok(notes)
}

/// Where a config may ask for Weights & Biases: in the tables of today's trainer, and of an older image's.
const WANDB: [&[&str]; 6] = [
    &["monitors", "wandb"],
    &["orchestrator", "monitors", "wandb"],
    &["trainer", "monitors", "wandb"],
    &["wandb"],
    &["orchestrator", "wandb"],
    &["trainer", "wandb"],
];

/// The table that asks for logging to Weights & Biases with its server, which needs a key.
pub(super) fn wandb(config: &BTreeMap<String, Value>) -> Option<String> {
    let table = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        let inner = rest
            .iter()
            .try_fold(config.get(*first)?, |value, key| value.get(key))?;
        inner
            .as_object()
            .filter(|table| table.get("offline") != Some(&Value::Bool(true)))
    };
    let path = WANDB.into_iter().find(|path| table(path).is_some())?;
    Some(path.join("."))
}

/// The spellings of the secrets of a run, each with the member of the body that carries it.
const SECRETS: [(&str, &str); 6] = [
    ("wandbApiKey", "wandbApiKey"),
    ("wandb_api_key", "wandbApiKey"),
    ("WANDB_API_KEY", "wandbApiKey"),
    ("hfToken", "hfToken"),
    ("hf_token", "hfToken"),
    ("HF_TOKEN", "hfToken"),
];

/// Reports what the platform refuses in the config of a hosted run, and secrets.
pub(super) fn check(config: &BTreeMap<String, Value>, mode: Mode, path: &Path<'_>, problems: &mut Problems) {
    if mode == Mode::Rl && lacks_inference(config) {
        problems.add(
            &path.key("deployment.num_infer_gpus"),
            "must be at least 1 in a hosted RL run, unless trainer.data.fake is set",
        );
    }
    for (key, refusal) in REFUSED {
        if let Some(problem) = config.get(key).and_then(refusal) {
            problems.add(&path.key(key), problem);
        }
    }
    for place in NUMBERS {
        let (first, rest) = place.split_once('.').unwrap_or((place, ""));
        let mut inner = rest.split('.').filter(|key| !key.is_empty());
        let value = config
            .get(first)
            .and_then(|value| inner.try_fold(value, |value, key| value.get(key)));
        if let Some(problem) = value.and_then(not_a_number) {
            problems.add(&path.key(place), problem);
        }
    }
    let variables = config.get("env_vars").and_then(Value::as_object);
    let inner = path.key("env_vars");
    for (spelling, member) in SECRETS {
        let problem = || {
            format!(
                "is a secret, which a config must not hold: leave it out and call with forward_secrets true (it must be in the server's environment then), or give body.{member}"
            )
        };
        if config.contains_key(spelling) {
            problems.add(&path.key(spelling), problem());
        }
        if variables.is_some_and(|variables| variables.contains_key(spelling)) {
            problems.add(&inner.key(spelling), problem());
        }
    }
}

/// Whether the run has no GPU to sample on, and prompts to sample for.
fn lacks_inference(config: &BTreeMap<String, Value>) -> bool {
    let of = |table: &str, name: &str| config.get(table).and_then(|table| table.get(name));
    let is_single = of("deployment", "type").is_none_or(|kind| kind == "single_node");
    let has_fake_data = of("trainer", "data").is_some_and(|data| data.get("fake").is_some());
    is_single && !has_fake_data && of("deployment", "num_infer_gpus").and_then(Value::as_u64) == Some(0)
}

/// Where any version of the trainer takes a number and nothing else.
const NUMBERS: [&str; 17] = [
    "max_steps",
    "seq_len",
    "ckpt.interval",
    "optim.lr",
    "optim.weight_decay",
    "optim.max_norm",
    "data.batch_size",
    "trainer.optim.lr",
    "trainer.optim.weight_decay",
    "trainer.optim.max_norm",
    "orchestrator.batch_size",
    "orchestrator.group_size",
    "orchestrator.train.sampling.max_completion_tokens",
    "orchestrator.train.sampling.temperature",
    "deployment.num_train_gpus",
    "deployment.num_infer_gpus",
    "deployment.gpus_per_node",
];

/// What is wrong with a value that stands where a number belongs. An absent one may be written as `null`.
fn not_a_number(value: &Value) -> Option<String> {
    match value {
        Value::Number(_) | Value::Null => None,
        // TOML has no null: the trainer's files write it so.
        Value::String(text) if text.trim().eq_ignore_ascii_case("none") => None,
        Value::String(text) if text.trim().parse::<f64>().is_ok_and(f64::is_finite) => Some(format!(
            "is text, but must be a number: write {} without quotes",
            text.trim()
        )),
        Value::String(_) => Some("is text, but must be a number".to_owned()),
        _ => Some("must be a number".to_owned()),
    }
}

/// What is wrong with a value, if anything.
type Refusal = fn(&Value) -> Option<&'static str>;

/// What the platform refuses in the config of a hosted run.
const REFUSED: [(&str, Refusal); 5] = [
    ("inference", |value| {
        let kind = value
            .get("deployment")
            .and_then(|deployment| deployment.get("type"));
        kind.is_some_and(|kind| kind == "disaggregated")
            .then_some("has deployment.type \"disaggregated\", which is refused for hosted runs")
    }),
    ("k8s", |_| Some("is refused for hosted runs: leave it out")),
    ("clean", |value| {
        (*value == Value::Bool(true)).then_some("must not be true for hosted runs")
    }),
    ("model", |value| {
        value
            .is_string()
            .then_some("is an object today: write {\"name\": \"Qwen/Qwen3-0.6B\"}, for example (the old shared-LoRA form starts no new runs)")
    }),
    ("env", |value| {
        value
            .is_array()
            .then_some("is the old shared-LoRA form, which starts no new runs: environments belong in orchestrator.train.source")
    }),
];
