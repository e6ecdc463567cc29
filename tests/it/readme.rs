//! What the README says is true.

use rl_mcp::config::VARIABLES;
use rl_mcp::tools::ALL;
use serde_json::{Value, json};

use crate::support::{Server, Upstream};

const README: &str = include_str!("../../README.md");

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_tool_table_is_that_of_the_code() {
    let rows: Vec<Vec<&str>> = README
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 6)
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let word = |yes: bool| if yes { "yes" } else { "no" };
    assert_eq!(rows.len(), ALL.len());
    for (row, entry) in rows.iter().zip(ALL) {
        let effect = entry.spec.effect;
        assert_eq!(row[1], format!("`{}`", entry.spec.name));
        let hints = [effect.read_only(), effect.destructive(), effect.idempotent()].map(word);
        assert_eq!(row[3..6], hints, "{}", entry.spec.name);
    }
}

#[test]
fn the_variables_are_those_of_the_code() {
    for variable in VARIABLES {
        let names: Vec<String> = variable
            .name
            .split(", ")
            .map(|name| format!("`{name}`"))
            .collect();
        let row = format!("| {} | {} |", names.join(", "), variable.meaning);
        assert!(README.contains(&row), "{row}");
    }
}

/// Each call of the transcripts is made, and must be answered with what stands there.
#[tokio::test]
async fn the_transcripts_are_what_happens() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let mut calls = 0;
    let blocks = README
        .split("```text\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap());
    for call in blocks.flat_map(|block| block.split("→ ").skip(1)) {
        let (request, expected) = call.split_once("\n← ").unwrap();
        let (tool, arguments) = request.split_once(' ').unwrap();
        let arguments: Value =
            serde_json::from_str(arguments).unwrap_or_else(|error| panic!("{tool}: {error}"));
        let outcome = server.call(tool, arguments).await;
        upstream.requests().await;
        match serde_json::from_str::<Value>(expected) {
            Ok(expected) => assert_eq!(outcome.json(), expected, "{tool}"),
            Err(_) => assert_eq!(outcome.error(), expected.trim_end(), "{tool}"),
        }
        calls += 1;
    }
    assert_eq!(calls, 2);
}

/// Each entry works once the path and the keys are replaced.
#[tokio::test]
async fn the_example_configuration_works() {
    let example: Value = serde_json::from_str(&file("mcp.json.example")).unwrap();
    let entries = example["mcpServers"].as_object().unwrap();
    let snippet = README.split("```json\n").nth(1).unwrap();
    let snippet: Value = serde_json::from_str(snippet.split("```").next().unwrap()).unwrap();
    assert_eq!(snippet["mcpServers"]["rl"], entries["rl"]);
    let mut offered = Vec::new();
    for entry in entries.values() {
        assert!(
            entry["command"].as_str().unwrap().starts_with('/'),
            "desktop programs need absolute paths"
        );
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
        command.env_clear();
        let args = entry["args"].as_array().unwrap().iter();
        let args: Vec<&str> = args.map(|arg| arg.as_str().unwrap()).collect();
        command.args(&args);
        if args.contains(&"--sandbox") && !cfg!(feature = "sandbox") {
            let (code, _, error) = Server::run(&mut command).await;
            assert!(code == 2 && error.contains("--sandbox"), "{error}");
            continue;
        }
        for (name, value) in entry["env"].as_object().unwrap() {
            assert!(VARIABLES.iter().any(|variable| variable.name == name), "{name}");
            command.env(name, value.as_str().unwrap());
        }
        let mut server = Server::initialized(&mut command).await;
        let answer = server.request("tools/list", json!({})).await;
        offered.push(answer["result"]["tools"].as_array().unwrap().len());
    }
    let with_the_sandbox: &[usize] = if cfg!(feature = "sandbox") { &[36] } else { &[] };
    assert_eq!(offered, [&[36, 6], with_the_sandbox].concat());
}

#[test]
fn every_linked_file_is_there() {
    for link in README
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap())
    {
        assert!(link.starts_with("https://") || !file(link).is_empty(), "{link}");
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        assert!(!file(name).is_empty());
    }
}
