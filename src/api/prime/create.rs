//! The bodies that create and resume a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::secrets;
use crate::api::json::{self, Object};
use crate::error::ToolError;
use crate::problems::{Path, Problems};

/// What the run trains, and where.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("x-aliases" = {"team_id": "teamId"}))]
pub struct CreateRun {
    /// Required unless config_path is given: the trainer's TOML config as an object, key for key. RL needs trainer and orchestrator (usually also model, deployment, inference, max_steps, seq_len); supervised needs data and neither of them. The platform validates the rest.
    config: Option<BTreeMap<String, Value>>,
    /// Default: sft when config has data and neither trainer nor orchestrator, else rl.
    mode: Option<Mode>,
    /// Display name, best one that can be found again. Default: config.name.
    name: Option<String>,
    /// Owning and paying team. Default: that of the configuration, else the key's owner.
    #[serde(rename = "teamId")]
    #[expect(dead_code, reason = "sent as it came")]
    team_id: Option<String>,
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
    #[expect(dead_code, reason = "sent as it came")]
    gpu_type: Option<String>,
    /// Named volume for outputs; supervised runs read their dataset from it.
    #[expect(dead_code, reason = "sent as it came")]
    volume: Option<String>,
    /// Branch, tag or commit of the trainer source; needs granted access.
    #[serde(rename = "sourceRef")]
    #[schemars(length(max = 200))]
    source_ref: Option<String>,
    /// Id of a PAUSED run to continue with this config.
    #[serde(rename = "resumeFrom")]
    #[expect(dead_code, reason = "sent as it came")]
    resume_from: Option<String>,
    /// From the trainer's own validator; usually left out.
    #[serde(rename = "normalizedConfig")]
    #[expect(dead_code, reason = "sent as it came")]
    normalized_config: Option<BTreeMap<String, Value>>,
}

/// The config family.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[expect(missing_docs, reason = "the name says it")]
    Rl,
    /// supervised
    Sft,
}

impl CreateRun {
    /// Reads a body that was put together here.
    pub fn read(body: &Object) -> Result<Self, ToolError> {
        serde_json::from_str(&json::text(body)?)
            .map_err(|error| ToolError::Internal(format!("a body cannot be read again: {error}")))
    }

    /// The mode on the wire that the config implies where the caller names none and it is not the default: the
    /// official client picks it by the same rule.
    #[must_use]
    pub fn implied_mode(&self) -> Option<&'static str> {
        (self.mode.is_none() && self.mode() == Mode::Sft).then_some("sft")
    }

    /// The name that the config gives where the body gives none, as the official client copies it.
    #[must_use]
    pub fn implied_name(&self) -> Option<&str> {
        let name = self.config.as_ref()?.get("name")?.as_str()?;
        (self.name.is_none() && !name.is_empty()).then_some(name)
    }

    fn mode(&self) -> Mode {
        let supervised = self.has("data") && !self.has("trainer") && !self.has("orchestrator");
        self.mode.unwrap_or(if supervised { Mode::Sft } else { Mode::Rl })
    }

    /// Whether the body itself holds the config.
    #[must_use]
    pub const fn has_config(&self) -> bool {
        self.config.is_some()
    }

    fn has(&self, table: &str) -> bool {
        self.config
            .as_ref()
            .is_some_and(|config| config.contains_key(table))
    }

    /// Checks the config's shape. What is in it belongs to the trainer's version, so the platform has the last word.
    pub fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        let at = path.key("config");
        if self.config.as_ref().is_some_and(BTreeMap::is_empty) {
            problems.add(&at, "must not be empty");
        } else if self.config.is_some() {
            let (needed, reason): (&[&str], _) = match self.mode() {
                Mode::Rl => (
                    &["trainer", "orchestrator"],
                    "an RL run (for a supervised one give data instead, and mode sft)",
                ),
                Mode::Sft => (&["data"], "a supervised run"),
            };
            for table in needed.iter().filter(|table| !self.has(table)) {
                problems.add(&at.key(table), format!("is required for {reason}"));
            }
            if self.mode() == Mode::Sft {
                for table in ["trainer", "orchestrator"]
                    .into_iter()
                    .filter(|table| self.has(table))
                {
                    problems.add(&at.key(table), "does not belong to a supervised run");
                }
            }
        }
        for (key, refusal) in REFUSED {
            let value = self.config.as_ref().and_then(|config| config.get(key));
            if let Some(problem) = value.and_then(refusal) {
                problems.add(&at.key(key), problem);
            }
        }
        for secret in secrets::MEMBERS.into_iter().filter(|secret| self.has(secret)) {
            problems.add(
                &at.key(secret),
                format!("is a secret, which a config must not hold: write body.{secret}"),
            );
        }
        if let Some(source_ref) = self
            .source_ref
            .as_deref()
            .filter(|source_ref| !is_source_ref(source_ref))
        {
            let shown: String = source_ref.chars().take(60).collect();
            problems.add(&path.key("sourceRef"), format!("`{shown}` is no branch, tag or commit: letters, digits and . _ / - are allowed, no leading refs/ or pull/"));
        }
    }
}

/// What is wrong with a value, if anything.
type Refusal = fn(&Value) -> Option<&'static str>;

/// What the platform refuses in the config of a hosted run.
const REFUSED: [(&str, Refusal); 4] = [
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
            .then_some("is the old shared-LoRA form, which starts no new runs: environments belong into orchestrator.train.source")
    }),
];

/// What is to be different from the paused run.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(extend("x-retired" = {
    "config": "stays that of the paused run: for another one call prime-intellect-createrun with resumeFrom",
}))]
pub struct ResumeRun {
    #[serde(rename = "gpuType")]
    gpu_type: Option<String>,
    #[serde(rename = "imageTag")]
    image_tag: Option<String>,
    #[serde(rename = "wandbApiKey")]
    wandb_api_key: Option<String>,
    #[serde(rename = "hfToken")]
    hf_token: Option<String>,
}

/// The form of section 3 of the API: `^[0-9A-Za-z][0-9A-Za-z._/-]{0,199}$` and what git itself forbids.
fn is_source_ref(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 200
        && text.chars().all(allowed)
        && !["..", "//", "/."].iter().any(|pair| text.contains(pair))
        && !text.ends_with(['/', '.'])
        && !text.split('/').any(|part| part.strip_suffix(".lock").is_some())
        && !text.starts_with("refs/")
        && !text.starts_with("pull/")
}

#[cfg(test)]
mod tests {
    use super::is_source_ref;

    #[test]
    fn source_refs_follow_the_published_form() {
        for good in ["main", "v0.10.1", "feature/x-1", "0a1b2c3"] {
            assert!(is_source_ref(good), "{good}");
        }
        let long = "a".repeat(201);
        for bad in [
            "",
            "-x",
            "a..b",
            "a//b",
            "a/.b",
            "a/",
            "a.",
            "a.lock/b",
            "refs/heads/main",
            "pull/3",
            "a b",
            &long,
        ] {
            assert!(!is_source_ref(bad), "{bad}");
        }
    }
}
