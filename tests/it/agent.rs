//! What an agent does: with a shell ten steps of GRPO in at most sixty calls, and no token through the conversation; without
//! one it teaches eight answers, and reads them.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::generated::hold;
use crate::support::Server;

const GUIDE: &str = include_str!("../../docs/how-it-works.md");
const STEPS: usize = 10;
/// Completions of each prompt.
const GROUP: usize = 8;
/// The longest completion, in tokens, which are bytes.
const ANSWER: u32 = 8;
/// The most calls for everything, from the price to the end of billing.
const MOST_CALLS: usize = 60;

/// A prompt, and which characters it asks for.
type Prompt = (&'static str, fn(char) -> bool);

/// The prompts: each of four classes of characters is asked for in two ways.
const PROMPTS: [Prompt; 8] = [
    ("lower:", |c| c.is_ascii_lowercase()),
    ("upper:", |c| c.is_ascii_uppercase()),
    ("digit:", |c| c.is_ascii_digit()),
    ("punct:", |c| c.is_ascii_punctuation()),
    ("small>", |c| c.is_ascii_lowercase()),
    ("large>", |c| c.is_ascii_uppercase()),
    ("count>", |c| c.is_ascii_digit()),
    ("marks>", |c| c.is_ascii_punctuation()),
];

/// One call as the conversation holds it.
#[derive(Clone)]
pub struct Turn {
    pub tool: &'static str,
    pub arguments: Value,
    pub answer: String,
}

struct Agent {
    server: Server,
    turns: Vec<Turn>,
}

impl Agent {
    async fn call(&mut self, tool: &'static str, arguments: Value) -> Value {
        let outcome = self.server.call(tool, arguments.clone()).await;
        let answer = outcome.json();
        self.turns.push(Turn {
            tool,
            arguments,
            answer: outcome.text,
        });
        assert_eq!(
            answer.get("next").filter(|_| tool != "build-training-batch"),
            None,
            "{tool} has not ended: {answer}"
        );
        answer
    }
}

/// What the agent's own script makes of a stored sampling: a reward for each completion.
fn rewards(file: &str) -> Vec<Vec<f64>> {
    let mut rewards = vec![Vec::new(); PROMPTS.len()];
    for line in fs::read_to_string(file).unwrap().lines() {
        let completion: Value = serde_json::from_str(line).unwrap();
        let prompt = usize::try_from(completion["result"].as_u64().unwrap()).unwrap();
        let (_, wanted) = PROMPTS[prompt];
        let right = completion["text"]
            .as_str()
            .unwrap()
            .chars()
            .filter(|c| wanted(*c));
        rewards[prompt].push(f64::from(u32::try_from(right.count()).unwrap()) / f64::from(ANSWER));
    }
    rewards
}

/// An agent in front of a sandbox of its own, with a running session.
async fn agent() -> (Agent, Value, Value, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_DATA_DIR", data.path())
        .args(["--sandbox", "--sandbox-speed", "600"]);
    let server = Server::initialized(&mut command).await;
    let mut agent = Agent {
        server,
        turns: Vec::new(),
    };
    let body = json!({"base_model": "sandbox/byte-lm", "inactive_timeout": 1800});
    let price = json!({"body": body, "estimate_only": true});
    agent.call("create-model-resource", price).await;
    let resource = agent.call("create-model-resource", json!({"body": body})).await["id"].clone();
    let body = json!({"model_resources_id": resource, "lora_config": {"seed": 1}});
    let session = agent.call("create-training-session", json!({"body": body})).await["id"].clone();
    (agent, resource, session, data)
}

/// The conversation of a whole run, and the mean reward of each step.
pub async fn run() -> (Vec<Turn>, Vec<f64>, TempDir) {
    let (mut agent, resource, session, data) = agent().await;
    let mut means = Vec::new();
    for step in 1..=STEPS {
        means.push(take(&mut agent, &session, step).await);
    }
    let session = json!({"session_id": session});
    agent.call("create-inference-checkpoint", session.clone()).await;
    agent.call("stop-training-session", session).await;
    agent
        .call("stop-model-resource", json!({"model_resources_id": resource}))
        .await;
    (agent.turns, means, data)
}

/// One step, in five calls; returns its mean reward.
async fn take(agent: &mut Agent, session: &Value, step: usize) -> f64 {
    let prompts = PROMPTS.map(|(prompt, _)| prompt);
    let body = json!({
        "num_samples": GROUP,
        "sampling_params": {"max_tokens": ANSWER, "seed": step},
    });
    let sample = json!({"session_id": session, "prompts": prompts, "body": body});
    let sampled = agent.call("sample", sample).await;
    let rewards = rewards(sampled["completions_file"].as_str().unwrap());
    let batch = json!({
        "session_id": session,
        "operation_ids": [sampled["id"]],
        "rewards": rewards,
        "scale_by_deviation": true,
    });
    let batch = agent.call("build-training-batch", batch).await;
    let pass = json!({"session_id": session, "body_path": batch["batches"][0]["path"]});
    agent.call("forward-backward-pass", pass).await;
    let adam = json!({"adam_params": {"learning_rate": 0.01, "weight_decay": 0.0}});
    agent
        .call("optimizer-step", json!({"session_id": session, "body": adam}))
        .await;
    let publish = json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_SYNCHRONOUS"});
    agent
        .call("weights-sync", json!({"session_id": session, "body": publish}))
        .await;
    batch["mean_reward"].as_f64().unwrap()
}

/// Lists of numbers that could be tokens or log-probabilities: none may be in the conversation, but for the rewards.
fn long_lists(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            if items.len() > GROUP && items.iter().all(|item| item.is_number() || item.is_string()) {
                found.push(place.to_owned());
            }
            for item in items {
                long_lists(item, place, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                if ["tokens", "logprobs", "data"].contains(&name.as_str()) && member.is_array() {
                    found.push(format!("{place}.{name}"));
                }
                long_lists(member, &format!("{place}.{name}"), found);
            }
        }
        _ => {}
    }
}

/// The calls of one step as a person reads them, with names in the place of ids, paths and times, which are others in
/// every run.
pub fn shown(turns: &[Turn], data: &str) -> String {
    let mut text = String::new();
    let mut names: Vec<(String, String)> = Vec::new();
    for turn in turns {
        let _ = writeln!(text, "→ {} {}\n← {}\n", turn.tool, turn.arguments, turn.answer);
        let answer: Value = serde_json::from_str(&turn.answer).unwrap();
        let name = turn.tool.split('-').next().unwrap_or_default();
        if let Some(id) = answer["id"]
            .as_str()
            .filter(|_| turn.tool != "build-training-batch")
        {
            names.push((id.to_owned(), name.to_owned()));
        }
        if let Some(session) = turn.arguments["session_id"].as_str() {
            names.push((session.to_owned(), "session".to_owned()));
        }
        if let Some(path) = answer["batches"][0]["path"].as_str() {
            names.push((path.to_owned(), "/data/batches/batch.json".to_owned()));
        }
        if let Some(waited) = answer.get("waited_seconds") {
            names.push((
                format!("\"waited_seconds\":{waited}"),
                "\"waited_seconds\":0.1".to_owned(),
            ));
        }
    }
    names.push((data.to_owned(), "/data".to_owned()));
    for (found, name) in names {
        text = text.replace(&found, &name);
    }
    rounded(text.trim_end())
}

/// Long fractions, whose last digits are the processor's, to three decimals.
fn rounded(text: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || ['.', '-', 'e'].contains(&c);
    let mut shown = String::new();
    for part in text.split_inclusive(|c: char| !is_number(c)) {
        let (number, rest) = part.split_at(part.rfind(is_number).map_or(0, |last| last + 1));
        match number.parse::<f64>() {
            Ok(value) if number.len() > 6 && number.contains('.') => {
                shown.push_str(&serde_json::to_string(&((value * 1000.0).round() / 1000.0)).unwrap());
            }
            _ => shown.push_str(number),
        }
        shown.push_str(rest);
    }
    shown.replace("-0.0,", "0.0,")
}

#[tokio::test]
async fn ten_steps_take_sixty_calls_and_no_token_passes_through_the_conversation() {
    let (turns, means, data) = run().await;
    assert!(turns.len() <= MOST_CALLS, "{} calls", turns.len());
    let mut found = Vec::new();
    let mut characters = 0;
    for turn in &turns {
        let answer: Value = serde_json::from_str(&turn.answer).unwrap();
        long_lists(&answer, turn.tool, &mut found);
        long_lists(&turn.arguments, turn.tool, &mut found);
        characters += turn.arguments.to_string().len() + turn.answer.len();
    }
    assert_eq!(found, Vec::<String>::new());
    // A step's completions and tensors alone would be some 100,000 characters.
    assert!(characters < 12_000 * STEPS, "{characters} characters");
    // The last one, in which a person can see what was learned.
    let last = turns.iter().rposition(|turn| turn.tool == "sample").unwrap();
    let step = shown(&turns[last..last + 5], data.path().to_str().unwrap());
    hold(
        "docs/how-it-works.md",
        "a step of GRPO",
        &format!("```console\n{step}\n```\n"),
    );
    let steps: Vec<String> = means.iter().map(|mean| format!("{mean:.2}")).collect();
    let whole = format!(
        "{} calls in all, and the mean rewards of the ten steps are {}",
        turns.len(),
        steps.join(", ")
    );
    assert!(
        GUIDE.replace('\n', " ").contains(&whole),
        "docs/how-it-works.md says something else than: {whole}"
    );
    let (first, last) = (means[0], means[STEPS - 1]);
    assert!(last > first + 0.15, "{means:?}");
}

/// What is taught.
const TAUGHT: [(&str, &str); 8] = [
    ("France", "Paris"),
    ("Japan", "Tokyo"),
    ("Peru", "Lima"),
    ("Norway", "Oslo"),
    ("Egypt", "Cairo"),
    ("Cuba", "Havana"),
    ("Kenya", "Nairobi"),
    ("Spain", "Madrid"),
];
/// How often the batch is trained on.
const PASSES: usize = 40;

#[tokio::test]
async fn eight_answers_are_taught_and_read_as_text() {
    let (mut agent, _, session, data) = agent().await;
    let question = |(country, _): (&str, &str)| format!("{country}? ");
    let prompts = TAUGHT.map(question);
    let body = json!({"sampling_params": {"max_tokens": 10, "temperature": 0}});
    let ask = json!({"session_id": session, "prompts": prompts, "body": body});
    let untaught = agent.call("sample", ask.clone()).await;
    let examples = TAUGHT.map(|pair| json!({"prompt": question(pair), "completion": pair.1}));
    let batch = json!({"session_id": session, "examples": examples});
    let batch = agent.call("build-training-batch", batch).await;
    let pass = batch["next"]["arguments"].clone();
    let adam = json!({"adam_params": {"learning_rate": 0.01, "weight_decay": 0.0}});
    let step = json!({"session_id": session, "body": adam});
    for _ in 0..PASSES {
        agent.call("forward-backward-pass", pass.clone()).await;
        agent.call("optimizer-step", step.clone()).await;
    }
    agent.call("weights-sync", json!({"session_id": session})).await;
    let taught = agent.call("sample", ask).await;
    let texts = |sampled: &Value| -> Vec<String> {
        let results = sampled["output"]["results"].as_array().unwrap().iter();
        results
            .map(|result| result["texts"][0].as_str().unwrap().to_owned())
            .collect()
    };
    let answers = TAUGHT.map(|(_, answer)| answer.to_owned());
    assert_eq!(texts(&taught), answers);
    assert!(
        texts(&untaught)
            .iter()
            .zip(&answers)
            .all(|(text, answer)| text != answer)
    );
    // The first pass stands for all.
    let parts = [
        "build-training-batch",
        "forward-backward-pass",
        "optimizer-step",
        "weights-sync",
    ];
    let first = parts.map(|tool| agent.turns.iter().position(|turn| turn.tool == tool).unwrap());
    let turns: Vec<Turn> = first
        .into_iter()
        .chain([agent.turns.len() - 1])
        .map(|turn| agent.turns[turn].clone())
        .collect();
    let shown = shown(&turns, data.path().to_str().unwrap());
    let shown: Vec<String> = shown.lines().map(folded).collect();
    hold(
        "README.md",
        "eight answers",
        &format!("```console\n{}\n```\n", shown.join("\n")),
    );
}

/// A line of JSON in several, broken behind commas outside of its texts.
fn folded(line: &str) -> String {
    const WIDTH: usize = 120;
    let (mut folded, mut column, mut in_text, mut escaped) = (String::new(), 0, false, false);
    // What may stand in a line: up to a comma outside of texts.
    let mut pieces = vec![String::new()];
    for c in line.chars() {
        pieces.last_mut().unwrap().push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_text,
            '"' => in_text = !in_text,
            ',' if !in_text => pieces.push(String::new()),
            _ => {}
        }
    }
    for piece in pieces {
        let length = piece.chars().count();
        if column > 0 && column + length > WIDTH {
            folded.push_str("\n   ");
            column = 3;
        }
        folded.push_str(&piece);
        column += length;
    }
    folded
}

/// Questions of a kind that a model without a shell is given in a file: which letter is to be written, eight times.
fn questions() -> String {
    (0..200).fold(String::new(), |mut rows, number| {
        let letter = ["A", "B", "C", "D"][number % 4];
        let row = json!({"prompt": format!("{number}: eight times {letter}: "), "answer": letter.repeat(8)});
        let _ = writeln!(rows, "{row}");
        rows
    })
}

/// The most calls from a file of questions to an adapter.
const MOST_CALLS_OF_A_RUN: usize = 15;

#[tokio::test]
async fn a_file_of_questions_becomes_an_adapter_in_few_calls() {
    let data = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("questions.jsonl"), questions()).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_DATA_DIR", data.path())
        .env("RL_MCP_FILE_DIRS", files.path())
        .args(["--sandbox", "--sandbox-speed", "2000"]);
    let mut server = Server::initialized(&mut command).await;
    let mut turns: Vec<Turn> = Vec::new();
    let mut call = async |tool: &'static str, arguments: Value| {
        let outcome = server.call(tool, arguments.clone()).await;
        let answer = outcome.json();
        turns.push(Turn {
            tool,
            arguments,
            answer: outcome.text,
        });
        answer
    };
    let grader = json!({"type": "similarity", "measure": "edit"});
    let check = json!({"path": "questions.jsonl", "grader": grader});
    let checked = call("check-dataset", check).await;
    assert_eq!(checked["note"], "Nothing is wrong with it.");
    let mut recipe = json!({
        "method": "grpo", "base_model": "sandbox/byte-lm", "dataset": "questions.jsonl",
        "grader": grader, "steps": 120, "rows_per_step": 16, "learning_rate": 0.001, "sampling": {"max_tokens": 8},
    });
    recipe["estimate_only"] = true.into();
    call("start-training", recipe.clone()).await;
    recipe.as_object_mut().unwrap().remove("estimate_only");
    let started = call("start-training", recipe).await;
    let run = started["run_id"].clone();
    let mut shown = started;
    while shown.get("ended_at").is_none() {
        let next = json!({"run_id": run, "wait_seconds": 50});
        shown = call("get-training", next).await;
    }
    assert_eq!(shown["status"], "completed", "{shown}");
    let report = call("get-training", json!({"run_id": run, "view": "report"})).await;
    let report = report["report_text"].as_str().unwrap().to_owned();
    assert!(report.contains("completed after 120 of 120 steps"), "{report}");
    let id = shown["inference_checkpoint"]["id"].clone();
    let directory = data.path().join("adapter");
    let arguments = json!({"id": id, "directory": directory, "variant": "CHECKPOINT_VARIANT_ADAPTER"});
    call("download-checkpoint", arguments).await;
    assert!(directory.join("adapter_model.safetensors").is_file());
    // On a machine that is busy the run is looked at more often.
    let looks = turns.iter().filter(|turn| turn.tool == "get-training").count();
    assert!(
        turns.len() - looks + 2 <= MOST_CALLS_OF_A_RUN,
        "{} calls",
        turns.len()
    );
    // It has learned to read the question: who does not is right once in four.
    let last = shown["last_step"]["reward"].as_f64().unwrap();
    assert!(last > 0.4, "{shown}");
    let end = turns
        .iter()
        .rposition(|turn| turn.answer.contains("\"ended_at\"") && !turn.answer.contains("report_text"));
    let turns: Vec<Turn> = [2, end.unwrap()].map(|turn| turns[turn].clone()).to_vec();
    let shown = told(&turns, run.as_str().unwrap(), data.path().to_str().unwrap());
    hold(
        "README.md",
        "a file of questions",
        &format!("```console\n{shown}\n```\n"),
    );
}

/// The turns as README shows them: what differs from run to run has a name.
fn told(turns: &[Turn], run: &str, data: &str) -> String {
    let mut turns = turns.to_vec();
    for turn in &mut turns {
        turn.answer = turn.answer.replace(run, "grpo-1");
        turn.arguments = serde_json::from_str(&turn.arguments.to_string().replace(run, "grpo-1")).unwrap();
        let mut answer: Value = serde_json::from_str(&turn.answer).unwrap();
        let members = answer.as_object_mut().unwrap();
        for (name, value) in [
            ("started_at", json!("2026-11-27T09:00:00Z")),
            ("ended_at", json!("2026-11-27T09:04:00Z")),
            ("usd", json!(3.81)),
            ("report", json!("/data/runs/grpo-1/report.md")),
        ] {
            if let Some(member) = members.get_mut(name) {
                *member = value;
            }
        }
        for (name, id) in [
            ("inference_checkpoint", "checkpoint"),
            ("training_checkpoint", "to-resume"),
        ] {
            if let Some(member) = members.get_mut(name) {
                member["id"] = id.into();
            }
        }
        if let Some(next) = members
            .get_mut("next")
            .filter(|next| next["tool"] == "download-checkpoint")
        {
            next["arguments"]["id"] = "checkpoint".into();
        }
        if let Some(last) = members.get_mut("last_step") {
            last["seconds"] = json!({"sampling": 1.2, "training": 1.0, "here": 0.1});
        }
        turn.answer = answer.to_string();
    }
    let shown = shown(&turns, data)
        .replace("\"get\"", "\"grpo-1\"")
        .replace("/get/", "/grpo-1/");
    let shown: Vec<String> = shown.lines().map(folded).collect();
    shown.join("\n")
}
