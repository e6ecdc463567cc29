//! The bodies that create and resume a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::source_ref::is_source_ref;
use super::{TeamId, config, doubts, places};
use crate::arguments::schema::{aliases, hint, plain, renamed, retired, unlisted};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::json::Object;

/// The least config of an RL run that is worth starting.
pub const MINIMAL_RL: &str = r#"{"max_steps":40,"model":{"name":"Qwen/Qwen3-0.6B"},"ckpt":{"interval":10},"trainer":{"optim":{"lr":3e-6}},"orchestrator":{"batch_size":64,"group_size":8,"train":{"source":[{"name":"reverse","env":{"taskset":{"id":"reverse-text"}}}]}},"inference":{}}"#;

/// The least config of a supervised run.
pub const MINIMAL_SFT: &str = r#"{"max_steps":40,"model":{"name":"Qwen/Qwen3-0.6B"},"ckpt":{"interval":10},"optim":{"lr":1e-5},"data":{"type":"fake","batch_size":8}}"#;

/// What to do about a config that is refused: a level more of it is named by each refusal, so this names all.
#[must_use]
pub(crate) fn configs() -> String {
    format!("A whole config, for RL: {MINIMAL_RL}. Supervised: {MINIMAL_SFT} {DATASET}.")
}

/// What tables of RL begin with, in any trainer's config.
const OF_RL: [&str; 8] = [
    "trainer",
    "orchestrator",
    "algorithm",
    "actor",
    "critic",
    "reward",
    "rollout",
    "custom_reward",
];

const DATASET: &str = r#"(to train on a dataset, write "data": {"type": "sft", "name": "datasets/NAME"} and name its volume in body.volume)"#;

/// How to write a config, for those who wrote something else.
fn config_hint() -> String {
    format!("Write the TOML as a JSON object. {}", configs())
}

/// What the run trains, and where.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = aliases(&[
    ("team_id", "teamId"),
    ("gpu_type", "gpuType"),
    ("image_tag", "imageTag"),
]), transform = hint("write {\"config\": {…}}"), transform = places::beside_config)]
#[schemars(transform = plain)]
pub(crate) struct CreateRun {
    /// The trainer's TOML config as an object, unless config_path is given. RL needs trainer and orchestrator, supervised data. {} is answered with a whole one of each.
    #[schemars(transform = hint(config_hint()))]
    config: Option<BTreeMap<String, Value>>,
    /// Default: sft when config has data and nothing of RL, else rl.
    mode: Option<Mode>,
    /// Display name, best one that can be found again. Default: config.name.
    name: Option<String>,
    /// Owning and paying team, or `personal`. Default: that of the configuration, else the key's owner.
    #[serde(rename = "teamId")]
    team_id: Option<TeamId>,
    /// Trainer image tag.
    #[serde(rename = "imageTag")]
    #[expect(dead_code, reason = "sent as it came")]
    image_tag: Option<String>,
    /// Weights & Biases key; forward_secrets keeps it out of the conversation.
    #[serde(rename = "wandbApiKey")]
    #[expect(dead_code, reason = "sent as it came")]
    wandb_api_key: Option<String>,
    /// Token for gated models; likewise.
    #[serde(rename = "hfToken")]
    #[expect(dead_code, reason = "sent as it came")]
    hf_token: Option<String>,
    /// Such as H200_141GB. Default: automatic.
    #[serde(rename = "gpuType")]
    gpu_type: Option<String>,
    /// Named volume for outputs; supervised runs read their dataset from it.
    volume: Option<String>,
    /// Branch, tag or commit of the trainer source; needs granted access.
    #[serde(rename = "sourceRef")]
    #[schemars(length(max = 200))]
    source_ref: Option<String>,
    /// Id of a PAUSED run (prime-intellect-pauserun, toolset runs-more) to continue with this config.
    #[serde(rename = "resumeFrom")]
    resume_from: Option<String>,
    // From the trainer's own validator, which no caller has.
    #[serde(rename = "normalizedConfig")]
    #[schemars(transform = unlisted)]
    #[expect(dead_code, reason = "sent as it came")]
    normalized_config: Option<BTreeMap<String, Value>>,
}

/// The config family.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Rl,
    /// supervised
    Sft,
}

impl CreateRun {
    /// Reads a body that was put together here.
    pub(crate) fn read(body: &Object) -> Result<Self, ToolError> {
        serde_json::from_str(&json::text(body)?)
            .map_err(|error| ToolError::Internal(format!("a body cannot be read again: {error}")))
    }

    /// The mode on the wire that the config implies where the caller names none and it is not the default: the
    /// official client picks it by the same rule.
    #[must_use]
    pub(crate) fn implied_mode(&self) -> Option<&'static str> {
        (self.mode.is_none() && self.mode() == Mode::Sft).then_some("sft")
    }

    /// The name that the config gives where the body gives none, as the official client copies it.
    #[must_use]
    pub(crate) fn implied_name(&self) -> Option<&str> {
        let name = self.config.as_ref()?.get("name")?.as_str()?;
        (self.name.is_none() && !name.trim().is_empty()).then_some(name)
    }

    /// What the run is called, and what kind it is, for people.
    #[must_use]
    pub(crate) fn called(&self) -> (Option<&str>, &'static str) {
        let kind = match self.mode() {
            Mode::Rl => "RL",
            Mode::Sft => "SFT",
        };
        (self.name.as_deref().or_else(|| self.implied_name()), kind)
    }

    /// The table of the config that asks for logging to Weights & Biases, which needs a key.
    #[must_use]
    pub(crate) fn wandb(&self) -> Option<String> {
        config::wandb(self.config.as_ref()?)
    }

    /// The GPU type that the body names.
    #[must_use]
    pub(crate) fn gpu_type(&self) -> Option<&str> {
        self.gpu_type.as_deref()
    }

    pub(super) const fn tables(&self) -> Option<&BTreeMap<String, Value>> {
        self.config.as_ref()
    }

    /// What the platform will probably refuse in the config, which lies at `path`.
    #[must_use]
    pub(crate) fn doubts(&self, path: &Path<'_>) -> Problems {
        let volume = self.volume.is_some() || self.resume_from.is_some();
        self.config.as_ref().map_or_else(Problems::default, |tables| {
            doubts::doubts(tables, self.mode(), volume, path)
        })
    }

    /// What to say of a config that the platform took although it has values in other places than today's trainer.
    #[must_use]
    pub(crate) fn unheeded(&self) -> Option<String> {
        let tables = self.config.as_ref()?;
        let misplaced = places::misplaced(tables, self.mode());
        let misplaced: Vec<String> = misplaced
            .into_iter()
            .map(|(path, place)| format!("{path} belongs at {place}"))
            .collect();
        (!misplaced.is_empty()).then(|| {
            format!(
                "Today's trainer has other places for some of the config, and may not heed it: {}.",
                misplaced.join(", ")
            )
        })
    }

    /// What to say about a config that the platform refuses: what is doubtful about it, and a whole one of its mode.
    #[must_use]
    pub(crate) fn advice(&self) -> String {
        let whole = whole(self.mode());
        let mut doubts = self.config.as_ref().map_or_else(Problems::default, |tables| {
            doubts::environments(tables, &Path::Root, true)
        });
        doubts.append(self.doubts(&Path::Root));
        let doubts = doubts.sentences();
        let space = if doubts.is_empty() { "" } else { " " };
        format!("{doubts}{space}A whole config: {whole}.")
    }

    pub(super) fn mode(&self) -> Mode {
        let of_rl = self
            .config
            .iter()
            .flat_map(BTreeMap::keys)
            .any(|table| is_of_rl(table));
        let supervised = match (of_rl, self.has("data")) {
            (true, _) => false,
            (false, true) => true,
            // Neither kind's tables are there, so the call is refused whatever it is.
            (false, false) => matches!(self.flat_kind(&[]), Some((Mode::Sft, _))),
        };
        self.mode.unwrap_or(if supervised { Mode::Sft } else { Mode::Rl })
    }

    /// The kind of run that flat names in the config, and those `beside` it, are meant for, and the name that shows it.
    fn flat_kind<'a>(&'a self, beside: &[&'a str]) -> Option<(Mode, &'a str)> {
        let own = self.config.iter().flat_map(BTreeMap::keys).map(String::as_str);
        places::kind(own.chain(beside.iter().copied()))
    }

    /// The team that the body names.
    #[must_use]
    pub(crate) fn team(&self) -> Option<TeamId> {
        self.team_id.clone()
    }

    /// Whether the body itself holds the config.
    #[must_use]
    pub(crate) const fn has_config(&self) -> bool {
        self.config.is_some()
    }

    fn has(&self, table: &str) -> bool {
        self.config
            .as_ref()
            .is_some_and(|config| config.contains_key(table))
    }

    /// Checks what a schema cannot say; `config` is where the config came from. Of that only the shape is checked: what
    /// is in it belongs to the trainer's version, so the platform has the last word.
    pub(crate) fn check(&self, body: &Path<'_>, config: &Path<'_>, problems: &mut Problems) {
        if let Some(source_ref) = self.source_ref.as_deref().filter(|text| !is_source_ref(text)) {
            let shown: String = source_ref.chars().take(60).collect();
            problems.add(&body.key("sourceRef"), format!("`{shown}` is not a branch, tag or commit: letters, digits and . _ / - are allowed, no leading refs/ or pull/"));
        }
        let beside: Vec<String> = places::beside(body, problems);
        let beside: Vec<&str> = beside.iter().map(String::as_str).collect();
        let flat = self.flat_kind(&beside).filter(|_| self.is_flat());
        let known = self.mode.or(flat.map(|(mode, _)| mode));
        let known = known.or_else(|| (!self.is_flat()).then(|| self.mode()));
        if let Some(mode) = known {
            places::settle(mode, body, problems);
        }
        let Some(tables) = &self.config else {
            return;
        };
        if tables.is_empty() {
            problems.add(config, format!("must not be empty. {}", configs()));
            return;
        }
        let (needed, excluded, kind, other): (&[&str], &[&str], _, _) = match known.unwrap_or(Mode::Rl) {
            Mode::Rl => (
                &["trainer", "orchestrator"],
                &[],
                "an RL run",
                " (for a supervised one give data instead, and mode sft)",
            ),
            Mode::Sft => (
                &["data"],
                &["trainer", "orchestrator"],
                "a supervised run",
                " (for RL give trainer and orchestrator instead)",
            ),
        };
        let shown_by = flat.filter(|(mode, _)| known == Some(*mode));
        let shown_by = shown_by.map_or_else(String::new, |(_, name)| format!(", of which {name} is"));
        for table in needed.iter().filter(|table| !self.has(table)) {
            problems.add(
                &config.key(table),
                format!("is required for {kind}{shown_by}{other}"),
            );
        }
        if !needed.iter().any(|table| self.has(table)) {
            let whole = known.map_or_else(configs, |mode| format!("A whole config: {}.", whole(mode)));
            problems.add(config, format!("has none of these. {whole}"));
        }
        for table in excluded.iter().filter(|table| self.has(table)) {
            problems.add(&config.key(table), "does not belong to a supervised run");
        }
        config::check(tables, self.mode(), config, problems);
        if !problems.is_empty() {
            // The next call is to succeed.
            problems.append(doubts::environments(tables, config, true));
            problems.append(self.doubts(config));
        }
    }

    /// Whether no table says which kind of run it is.
    fn is_flat(&self) -> bool {
        let tables = self.config.iter().flat_map(BTreeMap::keys);
        let mut tables = tables.filter(|table| is_of_rl(table) || *table == "data");
        tables.next().is_none()
    }
}

/// Whether a table belongs to RL, in any trainer's config.
fn is_of_rl(table: &str) -> bool {
    OF_RL.iter().any(|own| table.starts_with(own))
}

/// A whole config of this kind.
fn whole(mode: Mode) -> String {
    match mode {
        Mode::Rl => MINIMAL_RL.to_owned(),
        Mode::Sft => format!("{MINIMAL_SFT} {DATASET}"),
    }
}

const SAME: &str = "stays that of the run, as its config has it; body.gpuType chooses another type of GPU";

/// What is to be different from the paused run.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(transform = retired(&[("gpus", SAME), ("gpu_count", SAME), ("num_gpus", SAME), ("config", "stays that of the run: for another one call prime-intellect-createrun with that config, and with resumeFrom only while this run is PAUSED")]), transform = renamed(&[("gpu", "gpuType"), ("gpu_type", "gpuType")]))]
pub(crate) struct ResumeRun {
    #[serde(rename = "gpuType")]
    gpu_type: Option<String>,
    #[serde(rename = "imageTag")]
    image_tag: Option<String>,
    #[serde(rename = "wandbApiKey")]
    wandb_api_key: Option<String>,
    #[serde(rename = "hfToken")]
    hf_token: Option<String>,
}
