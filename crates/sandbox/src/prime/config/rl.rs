//! What belongs to the RL family alone.

use super::{bounded, remark_cut};
use crate::prime::fields::Fields;
use crate::prime::recipe::{Data, Rollouts, Source};
use crate::prime::task::Task;

/// The batch without `orchestrator.batch_size`.
const BATCH: u64 = 64;
/// The group without `orchestrator.group_size`, if it divides the batch.
const GROUP: u64 = 8;

/// Reads the orchestrator's part.
pub(super) fn read(config: &Fields<'_>, remarks: &mut Vec<String>) -> Data {
    config.require("trainer");
    config.require("orchestrator");
    let orchestrator = config.table("orchestrator");
    orchestrator.unused("max_off_policy_steps", 0);
    if orchestrator.has("batch_size") && orchestrator.has("token_batch_size") {
        orchestrator.refuse(
            "token_batch_size",
            "Give batch_size or token_batch_size, not both",
        );
    }
    if orchestrator.integer("token_batch_size", 1).is_some() {
        remarks.push(format!(
            "token_batch_size isn't followed: a batch is {BATCH} completions"
        ));
    }
    let asked = orchestrator.integer("batch_size", 1).unwrap_or(BATCH).max(1);
    let fits = if asked.is_multiple_of(GROUP) { GROUP } else { asked };
    let group = orchestrator.integer("group_size", 1).unwrap_or(fits).max(1);
    if !asked.is_multiple_of(group) {
        orchestrator.refuse(
            "batch_size",
            format!("batch_size {asked} isn't a multiple of group_size {group}"),
        );
    }
    let sources = sources(&orchestrator, remarks);
    if config.table("trainer").table("data").has("fake") {
        remarks.push("trainer.data.fake: trains on the built-in text, with no rollouts".to_owned());
        let batch = bounded(asked);
        remark_cut(asked, batch, remarks);
        return Data::Text { batch, path: None };
    }
    if orchestrator.has("eval") {
        remarks.push("orchestrator.eval isn't followed: nothing is evaluated".to_owned());
    }
    let group = bounded(group);
    let batch = bounded(asked) / group * group;
    remark_cut(asked, batch, remarks);
    Data::Rollouts(Rollouts {
        asked,
        batch,
        group,
        sources,
    })
}

/// Reads where prompts come from.
fn sources(orchestrator: &Fields<'_>, remarks: &mut Vec<String>) -> Vec<Source> {
    let train = orchestrator.table("train");
    let common = train.table("sampling");
    let (temperature, longest) = (
        common.number("temperature", 0.0),
        common.integer("max_completion_tokens", 1),
    );
    let mut sources: Vec<Source> = Vec::new();
    for (index, source) in train.tables("source").iter().enumerate() {
        source.require("env");
        let env = source.table("env");
        env.require("taskset");
        let taskset = env.table("taskset");
        taskset.require("id");
        let id = taskset.word("id").unwrap_or_default();
        let own = source.table("sampling");
        let task = Task::of(id).unwrap_or_else(|| {
            let task = Task::LetterClass;
            remarks.push(format!(
                "Environment {id:?} isn't part of the sandbox: {} stands in for it",
                task.id()
            ));
            task
        });
        let name = source
            .word("name")
            .map_or_else(|| format!("env-{index}"), str::to_owned);
        if sources.iter().any(|other| other.name == name) {
            source.refuse("name", "Two sources have the same name");
        }
        source.unused("group_size", 1);
        let max_tokens = own.integer("max_completion_tokens", 1).or(longest);
        remark_cut_completions(&name, task, max_tokens, remarks);
        sources.push(Source {
            name,
            taskset: id.to_owned(),
            task,
            ratio: source.number("ratio", 0.0).unwrap_or(1.0),
            temperature: own.number("temperature", 0.0).or(temperature).unwrap_or(1.0),
            max_tokens,
        });
    }
    if sources.is_empty() {
        orchestrator.require("train");
        train.require("source");
        if train.has("source") {
            train.refuse("source", "List should have at least 1 item");
        }
    }
    sources
}

/// Says so when completions are shorter than asked for.
fn remark_cut_completions(name: &str, task: Task, asked: Option<u64>, remarks: &mut Vec<String>) {
    let longest = task.longest();
    if asked.is_some_and(|asked| usize::try_from(asked).map_or(true, |asked| asked > longest)) {
        remarks.push(format!("Completions of {name} are cut: {longest} tokens at most"));
    }
}
