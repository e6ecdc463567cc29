//! What one step of GRPO costs an agent: turns of the model and tokens through its context, with 8 prompts, 8 completions
//! of each and up to 512 tokens in a completion. Once inline, as a generic bridge from the API to tools does it, and once
//! by reference. Both run against the sandbox through this same server, so that they differ in nothing else.
#![expect(
    clippy::indexing_slicing,
    reason = "of a JSON value: a member that is missing is null"
)]

use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::client::Server;
use crate::relay::{Relay, Traffic};
use crate::sandbox::Sandbox;

const PROMPTS: usize = 8;
const GROUP: usize = 8;
const LONGEST: usize = 512;
/// Tokens of a prompt.
const PROMPT: usize = 64;

/// What a step took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Calls of tools, each a turn of the model.
    turns: usize,
    /// Of arguments and answers together.
    characters: usize,
    tokens: usize,
    upstream: Traffic,
}

/// One step in both ways.
pub(crate) struct Steps {
    inline: Cost,
    by_reference: Cost,
    /// Tokens of all completions together.
    completion_tokens: usize,
}

/// Takes one step in each way.
pub(crate) fn measure(binary: &Path) -> Result<Steps> {
    let sandbox = Sandbox::start(binary, 2000)?;
    let relay = Relay::start(sandbox.url.trim_start_matches("http://").parse()?)?;
    let data = tempfile::tempdir()?;
    let environment = [
        ("TOGETHER_BASE_URL", relay.url()),
        ("TOGETHER_API_KEY", sandbox.key.clone()),
        ("RL_MCP_DATA_DIR", data.path().display().to_string()),
        // The payload store does not lie behind the relay: everything is sent inline, where it is counted.
        ("RL_MCP_INLINE_LIMIT", "100000000".to_owned()),
    ];
    let mut agent = Agent {
        server: Server::with(binary, &environment)?.0,
        relay,
        cost: Cost::default(),
    };
    let session = agent.session()?;
    let (inline, completion_tokens) = agent.step(&session, Agent::inline)?;
    let (by_reference, _) = agent.step(&session, Agent::by_reference)?;
    Ok(Steps {
        inline,
        by_reference,
        completion_tokens,
    })
}

/// A line of the table: what it says, and how to read it off a cost.
type Row = (&'static str, fn(&Cost) -> u64);

pub(crate) fn print(out: &mut impl Write, steps: &Steps) -> Result<()> {
    let Steps {
        inline,
        by_reference,
        completion_tokens,
    } = steps;
    writeln!(
        out,
        "\nOne GRPO step, {PROMPTS} prompts × {GROUP} completions of up to {LONGEST} tokens ({completion_tokens} in all), against the sandbox:\n"
    )?;
    let rows: [Row; 5] = [
        ("turns of the model, one poll for each operation", |cost| {
            cost.turns as u64
        }),
        ("characters of arguments and answers", |cost| {
            cost.characters as u64
        }),
        ("tokens of them, estimated", |cost| cost.tokens as u64),
        ("requests to the service", |cost| cost.upstream.requests),
        ("bytes to and from the service", |cost| cost.upstream.bytes),
    ];
    writeln!(out, "{:<50}{:>12}{:>16}", "", "inline", "by reference")?;
    for (what, figure) in rows {
        writeln!(
            out,
            "{what:<50}{:>12}{:>16}",
            figure(inline),
            figure(by_reference)
        )?;
    }
    Ok(())
}

struct Agent {
    server: Server,
    relay: Relay,
    cost: Cost,
}

impl Agent {
    /// One turn of the model: it writes the arguments and reads the answer.
    fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let asked = arguments.to_string();
        let before = self.relay.traffic();
        let answer = self.server.ask(tool, &asked)?;
        self.cost.upstream += self.relay.traffic().since(before);
        self.cost.turns += 1;
        for text in [&asked, &answer] {
            self.cost.characters += text.len();
            self.cost.tokens += tokens(text);
        }
        Ok(serde_json::from_str(&answer)?)
    }

    /// A session that is RUNNING.
    fn session(&mut self) -> Result<Value> {
        let body = json!({"base_model": "sandbox/byte-lm"});
        let resource = self.call("create-model-resource", &json!({"body": body}))?;
        let body = json!({"model_resources_id": resource["id"]});
        Ok(self.call("create-training-session", &json!({"body": body}))?["id"].clone())
    }

    fn step(
        &mut self,
        session: &Value,
        way: fn(&mut Self, &Value) -> Result<usize>,
    ) -> Result<(Cost, usize)> {
        self.cost = Cost::default();
        let completions = way(self, session)?;
        Ok((self.cost, completions))
    }

    /// As a bridge does it: each operation is submitted and then asked for until it has ended, and everything stands in
    /// the conversation. The model is taken to look at the right moment: once for each operation.
    fn inline(&mut self, session: &Value) -> Result<usize> {
        let sampling = self.operate("sample", "get-sample-operation", session, &prompts())?;
        let (samples, completions) = batch(&sampling)?;
        let body = json!({"samples": samples, "loss": {"type": "LOSS_TYPE_GRPO"}});
        self.operate(
            "forward-backward-pass",
            "get-forward-backward-operation",
            session,
            &body,
        )?;
        self.operate("optimizer-step", "get-optim-step-operation", session, &adam())?;
        self.operate("weights-sync", "get-weights-sync-operation", session, &publish())?;
        Ok(completions)
    }

    fn operate(&mut self, submit: &str, show: &str, session: &Value, body: &Value) -> Result<Value> {
        let arguments = json!({"session_id": session, "body": body, "wait_seconds": 0});
        let mut operation = self.call(submit, &arguments)?;
        let mut arguments =
            json!({"session_id": session, "operation_id": operation["id"], "wait_seconds": 0});
        if matches!(show, "get-sample-operation" | "get-forward-backward-operation") {
            arguments["output"] = json!("full");
        }
        let submitted = self.cost;
        while !ended(&operation)? {
            sleep(Duration::from_millis(20));
            self.cost = submitted;
            operation = self.call(show, &arguments)?;
        }
        Ok(operation)
    }

    /// As this server is made for.
    fn by_reference(&mut self, session: &Value) -> Result<usize> {
        let sample = json!({"session_id": session, "body": prompts()});
        let sampling = self.call("sample", &sample)?;
        let counts = sampling.pointer("/output/results").and_then(Value::as_array);
        let groups = counts.ok_or("the sampling was not summed up")?;
        let completions = groups
            .iter()
            .flat_map(|group| group["token_counts"].as_array().into_iter().flatten());
        let completions = completions.filter_map(Value::as_u64).sum::<u64>();
        let build = json!({"session_id": session, "operation_ids": [sampling["id"]], "rewards": rewards()});
        let batch = self.call("build-training-batch", &build)?;
        let path = batch.pointer("/batches/0/path").ok_or("there is no batch")?;
        let pass = json!({"session_id": session, "body_path": path});
        for (tool, arguments) in [
            ("forward-backward-pass", pass),
            ("optimizer-step", json!({"session_id": session, "body": adam()})),
            ("weights-sync", json!({"session_id": session, "body": publish()})),
        ] {
            let operation = self.call(tool, &arguments)?;
            if !ended(&operation)? {
                return Err(format!("{tool} has not ended: {operation}").into());
            }
        }
        Ok(usize::try_from(completions)?)
    }
}

fn ended(operation: &Value) -> Result<bool> {
    match operation["status"].as_str() {
        Some("TRAINING_OPERATION_STATUS_COMPLETED") => Ok(true),
        Some("TRAINING_OPERATION_STATUS_FAILED") => Err(operation.to_string().into()),
        _ => Ok(false),
    }
}

fn prompts() -> Value {
    let prompt = |number: usize| {
        let tokens: Vec<usize> = (0..PROMPT).map(|at| 32 + (at * 7 + number * 11) % 90).collect();
        json!({"chunks": [{"encoded_text": {"tokens": tokens}}]})
    };
    json!({
        "model_inputs": (0..PROMPTS).map(prompt).collect::<Vec<_>>(),
        "num_samples": GROUP,
        // The untrained model would end most completions early; among its few likeliest tokens the end is seldom.
        "sampling_params": {"max_tokens": LONGEST, "top_k": 16, "seed": 1},
    })
}

fn rewards() -> Vec<Vec<f64>> {
    let reward =
        |prompt: usize, completion: usize| f64::from(u8::from((prompt + completion).is_multiple_of(3)));
    let group = |prompt| (0..GROUP).map(|completion| reward(prompt, completion)).collect();
    (0..PROMPTS).map(group).collect()
}

fn adam() -> Value {
    json!({"adam_params": {"learning_rate": 0.005, "weight_decay": 0.0}})
}

fn publish() -> Value {
    json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_SYNCHRONOUS"})
}

/// What the model has to write for forward-backward-pass, and how many tokens the completions have.
fn batch(sampling: &Value) -> Result<(Vec<Value>, usize)> {
    let body = prompts();
    let (Some(prompts), Some(results)) = (
        body["model_inputs"].as_array(),
        sampling.pointer("/output/results").and_then(Value::as_array),
    ) else {
        return Err("the sampling has no results".into());
    };
    let mut samples = Vec::new();
    let mut completions = 0;
    for ((prompt, result), rewards) in prompts.iter().zip(results).zip(rewards()) {
        let prompt = prompt
            .pointer("/chunks/0/encoded_text/tokens")
            .and_then(Value::as_array);
        let sequences = result["sequences"].as_array().into_iter().flatten();
        let mean = rewards.iter().sum::<f64>() / f64::from(u32::try_from(GROUP)?);
        for (sequence, reward) in sequences.zip(&rewards) {
            let (Some(prompt), Some(tokens), Some(logprobs)) = (
                prompt,
                sequence["tokens"].as_array(),
                sequence["logprobs"].as_array(),
            ) else {
                return Err("a sequence is incomplete".into());
            };
            completions += tokens.len();
            let full: Vec<&Value> = prompt.iter().chain(tokens).collect();
            let (input, targets) = (
                full.split_last().map(|(_, rest)| rest),
                full.split_first().map(|(_, rest)| rest),
            );
            let aligned = |values: Vec<Value>| {
                let mut slots = vec![json!(0); PROMPT - 1];
                slots.extend(values);
                slots
            };
            samples.push(json!({
                "model_input": {"chunks": [{"encoded_text": {"tokens": input}}]},
                "loss_fn_inputs": {
                    "target_tokens": {"data": targets, "dtype": "int64"},
                    "logprobs": {"data": aligned(logprobs.clone()), "dtype": "float32"},
                    "advantages": {"data": aligned(vec![json!(reward - mean); tokens.len()]), "dtype": "float32"},
                    "mask": {"data": aligned(vec![json!(1); tokens.len()]), "dtype": "int64"},
                },
            }));
        }
    }
    Ok((samples, completions))
}

/// About how many tokens a text is for a model: today's tokenizers take up to three digits at once, words of some six
/// letters, and most runs of punctuation whole.
fn tokens(text: &str) -> usize {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Digit,
        Letter,
        Other,
    }
    let kind = |c: char| match c {
        '0'..='9' => Kind::Digit,
        'a'..='z' | 'A'..='Z' => Kind::Letter,
        _ => Kind::Other,
    };
    let (mut count, mut length, mut last) = (0, 0, None);
    for now in text.chars().map(kind) {
        let longest = match now {
            Kind::Digit | Kind::Other => 3,
            Kind::Letter => 6,
        };
        if last == Some(now) && length < longest {
            length += 1;
        } else {
            (count, length, last) = (count + 1, 1, Some(now));
        }
    }
    count
}
