//! What the README says is true.

use rl_mcp::Toolset;
use rl_mcp::VARIABLES;
use serde_json::{Value, json};

use crate::support::{Server, Upstream, by_default, tools};

const README: &str = include_str!("../../README.md");
const GUIDE: &str = include_str!("../../docs/how-it-works.md");

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Each call of the transcripts is made, and must be answered with what stands there.
#[tokio::test]
async fn the_transcripts_are_what_happens() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let mut calls = 0;
    let blocks = [README, GUIDE]
        .into_iter()
        .flat_map(|text| text.split("```text\n").skip(1));
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
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
    let all = tools(by_default);
    let watching = 4 + tools(|spec| spec.toolset == Some(Toolset::Local));
    let with_the_sandbox: &[usize] = if cfg!(feature = "sandbox") { &[all] } else { &[] };
    assert_eq!(offered, [&[all, watching], with_the_sandbox].concat());
}

#[test]
fn every_linked_file_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    let mut files: Vec<_> = docs.map(|file| file.unwrap().path()).collect();
    files.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)));
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"))
    {
        let text = std::fs::read_to_string(file).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            let target = file.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(
                link.starts_with("https://") || target.exists(),
                "{}: {link}",
                file.display()
            );
        }
    }
}

/// The front page stays one that is read.
#[test]
fn the_readme_stays_short() {
    assert!(README.lines().count() <= 190);
    let long = README.lines().find(|line| line.chars().count() > 140);
    assert_eq!(long, None);
}
