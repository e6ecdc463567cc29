//! Prompts, which hosts show as commands: sections of the skill, with what the user gives beside the command.

use std::fmt::Write as _;
use std::path::Path;

use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

use crate::error::problems::list;
use crate::files::data::RUNS;
use crate::files::directory::Directory;
use crate::files::newest;
use crate::mcp::offer::Offer;
use crate::skill;

/// The section that all of them begin with.
const RULES: &str = "Rules";
/// The argument whose values this machine knows.
const RUN_ID: &str = "run_id";
/// How many values are offered for an argument.
const MOST_VALUES: usize = 20;

/// A prompt.
struct Row {
    name: &'static str,
    title: &'static str,
    /// What is to be done: shown to the user, and the first sentence that the model reads.
    description: &'static str,
    /// How it can be done. The first whose tools are all offered counts.
    ways: &'static [Way],
    /// The file of the skill that has the details.
    details: &'static str,
    arguments: &'static [(&'static str, &'static str)],
}

/// A way to do it.
struct Way {
    tools: &'static [&'static str],
    /// The section of the skill that says how.
    section: &'static str,
}

const STEP_BY_STEP: Way = Way {
    tools: &[
        "create-model-resource",
        "create-training-session",
        "sample",
        "build-training-batch",
        "forward-backward-pass",
        "optimizer-step",
        "weights-sync",
        "stop-model-resource",
    ],
    section: "Step by step",
};

const DATASET: (&str, &str) = ("dataset", "The file of rows, JSON lines");
const BASE_MODEL: (&str, &str) = ("base_model", "The model to train");
const BUDGET: (&str, &str) = ("budget", "The most that it may cost, such as 20 USD");

const ROWS: [Row; 5] = [
    Row {
        name: "grpo-run",
        title: "Train by rewards (GRPO)",
        description: "Train a model by GRPO on a file of prompts, with a grader that gives the rewards.",
        ways: &[
            Way {
                tools: &["start-training", "get-training", "stop-training"],
                section: "GRPO run",
            },
            STEP_BY_STEP,
        ],
        details: "references/rewards.md",
        arguments: &[
            DATASET,
            ("goal", "What a good answer is, in words or as a grader"),
            BASE_MODEL,
            BUDGET,
        ],
    },
    Row {
        name: "sft-run",
        title: "Train on examples (SFT)",
        description: "Train a model on a file of good answers (supervised fine-tuning).",
        ways: &[
            Way {
                tools: &["start-training", "get-training", "stop-training"],
                section: "Supervised run",
            },
            STEP_BY_STEP,
        ],
        details: "references/cost.md",
        arguments: &[DATASET, BASE_MODEL, BUDGET],
    },
    Row {
        name: "prime-run",
        title: "Train on Prime Intellect",
        description: "Start a whole training run on Prime Intellect from a config, and see it to its end.",
        ways: &[Way {
            tools: &[
                "prime-intellect-createrun",
                "prime-intellect-getrun",
                "prime-intellect-stoprun",
            ],
            section: "Prime run",
        }],
        details: "references/prime.md",
        arguments: &[
            (
                "config",
                "The TOML file of the config, or what the run is to learn",
            ),
            BUDGET,
        ],
    },
    Row {
        name: "diagnose",
        title: "Find out why a run goes wrong",
        description: "Find out why a training run does not do what it should, and say what to change. Change nothing before the user has agreed.",
        ways: &[
            diagnosing(&["get-training"]),
            diagnosing(&["prime-intellect-getrun"]),
            diagnosing(&["get-training-session"]),
        ],
        details: "references/diagnosis.md",
        arguments: &[
            (RUN_ID, "The run or session; by default the newest"),
            ("symptom", "What is wrong with it"),
        ],
    },
    Row {
        name: "stop-billing",
        title: "Stop what bills",
        description: "Find all that bills or may bill, show it to the user with its price, and stop what they do not want to keep.",
        ways: &[
            stopping(&["stop-model-resource"]),
            stopping(&["prime-intellect-stoprun"]),
        ],
        details: "references/cost.md",
        arguments: &[],
    },
];

const fn diagnosing(tools: &'static [&'static str]) -> Way {
    Way {
        tools,
        section: "Diagnose",
    }
}

const fn stopping(tools: &'static [&'static str]) -> Way {
    Way {
        tools,
        section: "Stop what bills",
    }
}

impl Row {
    /// How it is done with the tools that are offered; `None`: not at all.
    fn way(&self, offer: &Offer) -> Option<&'static Way> {
        let offered = |tool: &&str| offer.entries.iter().any(|entry| entry.spec.name == *tool);
        self.ways.iter().find(|way| way.tools.iter().all(&offered))
    }

    fn prompt(&self) -> Prompt {
        let arguments = self.arguments.iter().map(|(name, description)| {
            PromptArgument::new(*name)
                .with_description(*description)
                .with_required(false)
        });
        let arguments: Vec<PromptArgument> = arguments.collect();
        let arguments = (!arguments.is_empty()).then_some(arguments);
        Prompt::new(self.name, Some(self.description), arguments).with_title(self.title)
    }

    /// What the model reads.
    fn text(&self, way: &Way, given: &[(&str, String)]) -> String {
        let mut text = format!("{}\n", self.description);
        if !given.is_empty() {
            text.push_str("\nThe user gives:\n\n");
            for (name, value) in given {
                let _ = writeln!(text, "- {name}: {value}");
            }
        }
        let sections = [RULES, way.section].into_iter().filter_map(skill::section);
        let details = skill::file(self.details).map(|file| file.text.trim_end());
        for part in sections.chain(details) {
            let _ = write!(text, "\n{part}\n");
        }
        text
    }
}

/// Those for which the tools are offered.
pub(crate) fn all(offer: &Offer) -> Vec<Prompt> {
    let offered = ROWS.iter().filter(|row| row.way(offer).is_some());
    offered.map(Row::prompt).collect()
}

/// One of them, with what the user gives.
pub(crate) fn get(
    offer: &Offer,
    name: &str,
    arguments: Option<&JsonObject>,
) -> Result<GetPromptResult, ErrorData> {
    let (row, way) = find(offer, name)?;
    let known = || row.arguments.iter().map(|(name, _)| *name);
    let mut given = Vec::new();
    for (name, value) in arguments.into_iter().flatten() {
        let Some(name) = known().find(|known| known == name) else {
            let known = match row.arguments {
                [] => "it takes none".to_owned(),
                _ => format!("it takes {}", list(known())),
            };
            let problem = format!("{} has no such argument: {known}", row.name);
            return Err(ErrorData::invalid_params(problem, None));
        };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !value.trim().is_empty() {
            given.push((name, value.trim().to_owned()));
        }
    }
    let text = row.text(way, &given);
    let messages = vec![PromptMessage::new_text(Role::User, text)];
    Ok(GetPromptResult::new(messages).with_description(row.description))
}

fn find(offer: &Offer, name: &str) -> Result<(&'static Row, &'static Way), ErrorData> {
    let row = ROWS.iter().find(|row| row.name == name);
    if let Some((row, way)) = row.and_then(|row| Some((row, row.way(offer)?))) {
        return Ok((row, way));
    }
    let offered = all(offer);
    let offered = match offered.as_slice() {
        [] => "none is offered here".to_owned(),
        offered => {
            let names = list(offered.iter().map(|prompt| prompt.name.as_str()));
            format!("there are: {names}")
        }
    };
    let why = match row {
        Some(row) => format!("the prompt {} needs tools that are not offered here", row.name),
        None => "there is no such prompt".to_owned(),
    };
    Err(ErrorData::invalid_params(format!("{why}; {offered}"), None))
}

/// What an argument may be meant to be, of which `start` is written. Blocks.
pub(crate) fn complete(
    offer: &Offer,
    name: &str,
    argument: &str,
    start: &str,
    data: Option<&Path>,
) -> Result<Vec<String>, ErrorData> {
    let (row, _) = find(offer, name)?;
    let is_known = row.arguments.iter().any(|(known, _)| *known == argument);
    let data = data.filter(|_| is_known && argument == RUN_ID);
    let runs = data.and_then(|data| Directory::open(data).ok()?.find(Path::new(RUNS)).ok());
    let runs = runs.and_then(|runs| newest(&runs).ok()).unwrap_or_default();
    let names = runs.iter().filter_map(|run| run.path.file_name()?.to_str());
    let meant = names.filter(|name| name.starts_with(start.trim()));
    Ok(meant.take(MOST_VALUES).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_and_file_is_part_of_the_skill() {
        assert!(skill::section(RULES).is_some());
        for row in &ROWS {
            assert!(skill::file(row.details).is_some(), "{}", row.name);
            for way in row.ways {
                assert!(
                    skill::section(way.section).is_some(),
                    "{}: {}",
                    row.name,
                    way.section
                );
            }
        }
    }
}
