//! Prompts: which are offered, what they say, and what completes their arguments.

use std::fs;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Server, latest};

const SKILL: &str = include_str!("../../skills/rl-post-training/SKILL.md");

fn command() -> Command {
    Server::command("http://127.0.0.1:9")
}

fn names(answer: &Value) -> Vec<&str> {
    let prompts = answer["result"]["prompts"].as_array().unwrap();
    prompts
        .iter()
        .map(|prompt| prompt["name"].as_str().unwrap())
        .collect()
}

async fn offered(command: &mut Command) -> Vec<String> {
    let mut server = Server::initialized(command).await;
    let answer = server.request("prompts/list", json!({})).await;
    names(&answer).into_iter().map(str::to_owned).collect()
}

fn text(answer: &Value) -> &str {
    let messages = answer["result"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "{answer}");
    assert_eq!(messages[0]["role"], "user");
    messages[0]["content"]["text"].as_str().unwrap()
}

/// A section as it stands in the skill.
fn section(heading: &str) -> String {
    let (_, rest) = SKILL.split_once(&format!("\n## {heading}\n")).unwrap();
    let body = rest.split("\n## ").next().unwrap();
    format!("## {heading}\n{}", body.trim_end())
}

#[tokio::test]
async fn both_eras_list_the_same_prompts() {
    let all = ["grpo-run", "sft-run", "prime-run", "diagnose", "stop-billing"];
    let mut server = Server::initialized(&mut command()).await;
    let answer = server.request("prompts/list", json!({})).await;
    assert_eq!(names(&answer), all);
    assert_eq!(answer["result"].get("ttlMs"), None);
    for prompt in answer["result"]["prompts"].as_array().unwrap() {
        assert!(prompt["title"].is_string() && prompt["description"].is_string());
        for argument in prompt["arguments"].as_array().into_iter().flatten() {
            assert_eq!(argument["required"], false, "{argument}");
        }
    }
    let mut server = Server::spawn(&mut command());
    let answer = server.request("prompts/list", json!({"_meta": latest()})).await;
    assert_eq!(names(&answer), all);
    assert_eq!(answer["result"]["ttlMs"], 3_600_000);
}

#[tokio::test]
async fn a_prompt_is_the_sections_of_the_skill_with_what_the_user_gives() {
    let mut server = Server::initialized(&mut command()).await;
    let params = json!({"name": "prime-run", "arguments": {"config": "rl.toml", "budget": "  "}});
    let answer = server.request("prompts/get", params).await;
    let said = text(&answer);
    assert!(said.contains("\n- config: rl.toml\n"), "{said}");
    assert!(!said.contains("budget"), "{said}");
    for heading in ["Rules", "Prime run"] {
        assert!(said.contains(&section(heading)), "{heading}: {said}");
    }
    assert!(
        !said.contains("## Which way") && said.contains("# Configs of Prime runs"),
        "{said}"
    );
    let answer = server
        .request("prompts/get", json!({"name": "stop-billing"}))
        .await;
    assert!(text(&answer).contains(&section("Stop what bills")));
    let answer = server.request("prompts/get", json!({"name": "diagnose"})).await;
    assert!(text(&answer).contains("| symptom | figure | cause | next call |"));
    let answer = server.request("prompts/get", json!({"name": "grpo-run"})).await;
    let way = if cfg!(feature = "text") {
        "GRPO run"
    } else {
        "Step by step"
    };
    assert!(text(&answer).contains(&section(way)), "{answer}");
    for name in ["grpo-run", "sft-run", "prime-run", "diagnose", "stop-billing"] {
        let answer = server.request("prompts/get", json!({"name": name})).await;
        // What a command puts into every conversation that uses it.
        assert!(text(&answer).len() < 16_000, "{name}: {}", text(&answer).len());
    }
}

#[tokio::test]
async fn what_a_prompt_does_not_take_is_named() {
    let mut server = Server::initialized(&mut command()).await;
    for (params, words) in [
        (json!({"name": "train"}), "there are: grpo-run, sft-run"),
        (
            json!({"name": "sft-run", "arguments": {"grader": "x"}}),
            "it takes dataset, base_model",
        ),
        (
            json!({"name": "stop-billing", "arguments": {"all": "x"}}),
            "it takes none",
        ),
    ] {
        let answer = server.request("prompts/get", params).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn only_what_the_offered_tools_can_do_is_offered() {
    let together = if cfg!(feature = "text") {
        &["--toolsets", "train"][..]
    } else {
        &["--toolsets", "rl"]
    };
    for (arguments, expected) in [
        (
            &["--toolsets", "runs"][..],
            &["prime-run", "diagnose", "stop-billing"][..],
        ),
        (
            &["--toolsets", "rl"],
            &["grpo-run", "sft-run", "diagnose", "stop-billing"],
        ),
        (&["--read-only"], &["diagnose"]),
        (&["--tools", "get-checkpoint"], &[]),
        (
            &["--tools", "prime-intellect-getrun,prime-intellect-stoprun"],
            &["diagnose", "stop-billing"],
        ),
    ] {
        let mut command = command();
        command.env_remove("RL_MCP_TOOLSETS");
        assert_eq!(offered(command.args(arguments)).await, expected, "{arguments:?}");
    }
    let mut command = command();
    let mut server = Server::initialized(command.env_remove("RL_MCP_TOOLSETS").args(together)).await;
    let answer = server.request("prompts/get", json!({"name": "prime-run"})).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("needs tools that are not offered"), "{message}");
}

#[tokio::test]
async fn a_run_of_this_machine_completes_its_id() {
    let data = tempfile::tempdir().unwrap();
    for run in ["grpo-20261127-1", "grpo-20261127-2", "sft-20261127-1"] {
        fs::create_dir_all(data.path().join("runs").join(run)).unwrap();
    }
    let mut command = command();
    let mut server = Server::initialized(command.env("RL_MCP_DATA_DIR", data.path())).await;
    let mut values = async |prompt: &str, argument: &str, start: &str| {
        let params = json!({"ref": {"type": "ref/prompt", "name": prompt}, "argument": {"name": argument, "value": start}});
        let answer = server.request("completion/complete", params).await;
        let values = answer["result"]["completion"]["values"].as_array().unwrap();
        let values = values.iter().map(|value| value.as_str().unwrap().to_owned());
        let mut values: Vec<String> = values.collect();
        values.sort();
        values
    };
    assert_eq!(values("diagnose", "run_id", "").await.len(), 3);
    assert_eq!(
        values("diagnose", "run_id", "grpo").await,
        ["grpo-20261127-1", "grpo-20261127-2"]
    );
    for (prompt, argument) in [("diagnose", "symptom"), ("stop-billing", "run_id")] {
        assert!(values(prompt, argument, "").await.is_empty());
    }
    let params =
        json!({"ref": {"type": "ref/resource", "uri": "skill://x"}, "argument": {"name": "a", "value": ""}});
    let answer = server.request("completion/complete", params).await;
    assert_eq!(answer["result"]["completion"]["values"], json!([]), "{answer}");
}
