//! A run, as the API shows it.

use serde_json::{Map, Value, json};

use super::recipe::Data;
use super::run::{CLUSTER, Record, Run, Status, USER};
use crate::clock::stamp;

impl Run {
    /// The samples of a step.
    pub(super) fn samples(&self, step: u64) -> &[Value] {
        self.records.get(&step).map_or(&[], |record| &record.samples)
    }

    /// The histogram of a step, the newest without one: its bars and the step.
    pub(super) fn distribution(&self, name: &str, step: Option<u64>) -> (Value, Option<u64>) {
        let mut steps = self.records.iter().rev().filter(|(_, record)| record.rolled_out);
        let found = steps.find(|(number, _)| step.is_none_or(|step| step == **number));
        let bins = found.and_then(|(_, record)| record.histograms.iter().find(|(known, _)| *known == name));
        let bins = bins.map_or_else(|| json!([]), |(_, bins)| bins.clone());
        (bins, step.or(found.map(|(number, _)| *number)))
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Value {
        let steps = |holds: fn(&Record) -> bool| {
            let steps = self.records.iter().filter(move |(_, record)| holds(record));
            steps.map(|(step, _)| *step).collect::<Vec<u64>>()
        };
        json!({
            "latestStep": self.records.keys().next_back(),
            "stepsWithSamples": steps(|record| !record.samples.is_empty()),
            "stepsWithDistributions": steps(|record| record.rolled_out),
            "lastUpdatedAt": stamp(self.updated),
        })
    }

    /// The run object. `ahead`: how many runs it waits for.
    pub(super) fn shown(&self, ahead: usize) -> Value {
        let recipe = &*self.recipe;
        let mut run = Map::new();
        let mut set = |name: &str, value: Value| drop(run.insert(name.to_owned(), value));
        set("id", json!(self.id));
        set("name", json!(self.name));
        set("userId", json!(USER));
        set("teamId", json!(self.team));
        set("rftClusterId", Value::Null);
        set("primeClusterId", json!(CLUSTER));
        set("status", json!(self.status.name()));
        set("kind", json!("DEDICATED_FULL_FT"));
        set("baseModel", json!(recipe.model));
        set("loss", json!(recipe.mode.name()));
        set("maxSteps", json!(recipe.max_steps));
        set("seqLen", json!(recipe.seq_len));
        set("learningRate", json!(recipe.optim.lr));
        match &recipe.data {
            Data::Rollouts(rollouts) => {
                set("batchSize", json!(rollouts.asked));
                set("rolloutsPerExample", json!(rollouts.group));
                let longest = rollouts
                    .sources
                    .iter()
                    .filter_map(|source| source.max_tokens)
                    .max();
                set("maxTokens", json!(longest));
            }
            Data::Text { batch, .. } => set("batchSize", json!(batch)),
        }
        let sources = recipe.sources().iter();
        let environments = sources.map(|source| json!({"id": source.taskset, "name": source.name}));
        set("environments", environments.collect());
        set("runConfig", self.config.clone());
        let eval = self
            .config
            .pointer("/orchestrator/eval")
            .or(self.config.get("eval"));
        set("evalConfig", eval.cloned().unwrap_or_default());
        set("valConfig", self.config.get("val").cloned().unwrap_or_default());
        for (name, member) in [
            ("wandbProject", "project"),
            ("wandbEntity", "entity"),
            ("wandbRunName", "name"),
        ] {
            let value = self
                .config
                .pointer("/monitors/wandb")
                .and_then(|wandb| wandb.get(member));
            set(
                name,
                value
                    .filter(|value| value.is_string())
                    .cloned()
                    .unwrap_or_default(),
            );
        }
        set("volumeName", json!(self.volume));
        set("gpuCount", json!(recipe.gpus.all()));
        if self.status == Status::Queued {
            set("runsAhead", json!(ahead));
            let reason = match ahead {
                0 => "scheduling".to_owned(),
                1 => "waiting for GPUs: the cluster trains another run first".to_owned(),
                _ => format!("waiting for GPUs: the cluster trains {ahead} other runs first"),
            };
            set("queueReason", json!(reason));
        }
        if let Some(notice) = recipe.notice() {
            set("notice", json!(notice));
        }
        set("createdAt", json!(stamp(self.created)));
        set("updatedAt", json!(stamp(self.updated)));
        set("startedAt", json!(self.started.map(stamp)));
        set("completedAt", json!(self.completed.map(stamp)));
        if let Some((failure, evidence)) = &self.failure {
            set(
                "errorMessage",
                json!(format!("{} failed: {}", failure.component, failure.message)),
            );
            // The official client shows a confidence only if it is a number.
            let evidence: Vec<&String> = evidence.iter().collect();
            set(
                "failureAnalysis",
                json!({"rootCause": failure.cause, "evidence": evidence, "confidence": 1.0}),
            );
        }
        Value::Object(run)
    }

    /// Its checkpoints, oldest first, with this status if one is given.
    pub(super) fn list_checkpoints(&self, status: Option<&str>) -> Value {
        let chosen = self
            .checkpoints
            .iter()
            .filter(|checkpoint| status.is_none_or(|status| status == checkpoint.status));
        let list = chosen.map(|checkpoint| {
            let place = self.volume.as_deref().unwrap_or("per-run");
            json!({
                "id": format!("ckpt_{}_{}", self.id, checkpoint.step),
                "rftRunId": self.id,
                "step": checkpoint.step,
                "storageUrl": format!("volume://{place}/runs/{}/checkpoints/step_{}", self.id, checkpoint.step),
                "status": checkpoint.status,
                "sizeBytes": (checkpoint.status == "READY").then_some(checkpoint.size),
                "createdAt": stamp(checkpoint.created),
                "uploadedAt": checkpoint.uploaded.map(stamp),
            })
        });
        list.collect()
    }

    /// The servers of its environments.
    pub(super) fn env_servers(&self) -> Value {
        let status = if self.status.terminal() {
            "Succeeded"
        } else {
            "Running"
        };
        let sources = self.recipe.sources().iter().filter(|_| self.pods);
        let servers = sources.map(|source| {
            json!({
                "env_name": source.name,
                "env_index": 0,
                "pod_name": format!("{}-env-{}-0", self.id, source.name),
                "status": status,
            })
        });
        servers.collect()
    }
}
