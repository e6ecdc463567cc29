//! Which tools are offered: toolsets, keys, single tools, read-only.

use std::collections::BTreeSet;

use rl_mcp::ALL;
use rl_mcp::Toolset;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Server, prime_home};

const NOBODY: &str = "http://127.0.0.1:9";

/// Both keys, and nobody named toolsets.
fn plain() -> Command {
    let mut command = Server::command(NOBODY);
    command.env_remove("RL_MCP_TOOLSETS");
    command
}

async fn offered(command: &mut Command) -> BTreeSet<String> {
    let mut server = Server::initialized(command).await;
    let answer = server.request("tools/list", json!({})).await;
    let tools = answer["result"]["tools"].as_array().unwrap();
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

fn of(toolsets: &[Toolset]) -> BTreeSet<String> {
    ALL.iter()
        .filter(|entry| toolsets.contains(&entry.spec.toolset.unwrap()))
        .map(|entry| entry.spec.name.to_owned())
        .collect()
}

#[tokio::test]
async fn by_default_each_service_has_what_one_run_needs() {
    assert_eq!(offered(&mut plain()).await, of(&Toolset::DEFAULT));
    // As hosts pass on a variable that is not set.
    assert_eq!(
        offered(plain().env("RL_MCP_TOOLSETS", "${RL_MCP_TOOLSETS}")).await,
        of(&Toolset::DEFAULT)
    );
    let mut keyless = plain();
    keyless.env_remove("TOGETHER_API_KEY").env_remove("PRIME_API_KEY");
    assert_eq!(offered(&mut keyless).await, of(&Toolset::DEFAULT));
}

#[tokio::test]
async fn with_one_key_only_its_service_is_offered_unless_toolsets_are_named() {
    for (missing, kept) in [
        ("TOGETHER_API_KEY", &[Toolset::Runs][..]),
        ("PRIME_API_KEY", &[Toolset::Rl, Toolset::Train]),
    ] {
        let mut command = plain();
        command.env_remove(missing);
        assert_eq!(
            offered(&mut command).await,
            of(&[kept, &[Toolset::Local]].concat())
        );
        assert_eq!(
            offered(command.env("RL_MCP_TOOLSETS", "rl,runs")).await,
            of(&Toolset::DEFAULT)
        );
    }
}

#[tokio::test]
async fn a_key_in_the_file_of_the_official_command_line_counts() {
    let home = prime_home(r#"{"api_key": "pit_of_the_file"}"#);
    let mut command = plain();
    command.env_remove("PRIME_API_KEY").env("HOME", home.path());
    assert_eq!(offered(&mut command).await, of(&Toolset::DEFAULT));
}

#[tokio::test]
async fn the_flag_wins_over_the_variable_and_all_is_everything() {
    let mut command = plain();
    command.env("RL_MCP_TOOLSETS", "rl-more, runs-more,");
    assert_eq!(
        offered(&mut command).await,
        of(&[Toolset::RlMore, Toolset::RunsMore, Toolset::Local])
    );
    assert_eq!(
        offered(command.args(["--toolsets", "all"])).await,
        of(&Toolset::ALL)
    );
}

#[tokio::test]
async fn read_only_wins_over_every_choice() {
    let reads = |name: &String| {
        let entry = ALL.iter().find(|entry| entry.spec.name == *name).unwrap();
        entry.spec.effect.read_only()
    };
    for choice in [
        &["--toolsets", "all"][..],
        &["--tools", "sample,get-checkpoint"],
        &[],
    ] {
        let tools = offered(plain().args(choice).arg("--read-only")).await;
        assert!(!tools.is_empty() && tools.iter().all(reads), "{tools:?}");
    }
}

#[tokio::test]
async fn a_named_tool_comes_from_any_toolset_unless_toolsets_are_named_too() {
    let tools = offered(plain().args(["--tools", "get-checkpoint,prime-intellect-getwallet"])).await;
    let named = ["get-checkpoint", "prime-intellect-getwallet"];
    let (local, mut chosen): (Vec<_>, Vec<_>) = tools
        .iter()
        .map(String::as_str)
        .partition(|tool| !named.contains(tool));
    chosen.sort_unstable();
    assert_eq!(chosen, named);
    // What a tool stores can be read, whatever else is offered.
    let local: BTreeSet<String> = local.into_iter().map(str::to_owned).collect();
    assert_eq!(local, of(&[Toolset::Local]));
    let (code, out, error) =
        Server::run(plain().args(["--toolsets", "rl", "--tools", "sample,get-checkpoint"])).await;
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        error.contains("get-checkpoint") && error.contains("rl-more"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_toolset_is_an_error_at_start_that_lists_the_valid_ones() {
    let (code, _, by_flag) = Server::run(plain().args(["--toolsets", "rl,rlmore"])).await;
    assert_eq!(code, 2);
    let (code, _, by_variable) = Server::run(plain().env("RL_MCP_TOOLSETS", "rl,rlmore")).await;
    assert_eq!(code, 2);
    assert!(
        by_variable.starts_with("rl-mcp: RL_MCP_TOOLSETS: "),
        "{by_variable}"
    );
    for error in [by_flag, by_variable] {
        assert!(
            error.contains("unknown toolset `rlmore`")
                && error.contains("rl, train, rl-more, runs, runs-more, local, all"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_tool_that_is_not_offered_says_why() {
    for (arguments, tool, why) in [
        (&[][..], "get-checkpoint", "the toolset rl-more"),
        (&["--read-only"], "sample", "--read-only"),
        (&["--tools", "sample"], "optimizer-step", "--tools"),
    ] {
        let mut server = Server::initialized(plain().args(arguments)).await;
        let call = json!({"name": tool, "arguments": {}});
        let answer = server.request("tools/call", call).await;
        assert_eq!(answer["error"]["code"], -32602);
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(tool) && message.contains(why), "{message}");
    }
}

#[tokio::test]
async fn a_name_that_is_nearly_right_is_put_right_over_all_tools() {
    let mut only_together = plain();
    only_together.env_remove("PRIME_API_KEY");
    for (command, asked, words) in [
        (
            &mut plain(),
            "createrun",
            "did you mean prime-intellect-createrun?",
        ),
        (
            &mut plain(),
            "prime-intellect-getrunusages",
            "did you mean prime-intellect-getrunusage? It is not offered here: it belongs to the toolset runs-more",
        ),
        (&mut plain(), "sync-weights", "did you mean weights-sync?"),
        (
            &mut plain(),
            "save-checkpoint",
            "did you mean save-training-checkpoint?",
        ),
        (&mut plain(), "list_models", "did you mean list-supported-models?"),
        (&mut plain(), "tokenize", "offered are: download-checkpoint"),
        (
            &mut only_together,
            "prime-intellect-createrun",
            "no key for Prime Intellect is configured; the user can set PRIME_API_KEY",
        ),
    ] {
        let mut server = Server::initialized(command).await;
        let call = json!({"name": asked, "arguments": {}});
        let answer = server.request("tools/call", call).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn check_says_which_toolsets_and_why() {
    for (variable, toolsets, words) in [
        (None, None, "Toolsets: rl, train, runs, local (by default"),
        (
            Some("PRIME_API_KEY"),
            None,
            "Toolsets: rl, train, local (because only Together AI has a key",
        ),
        (None, Some("runs-more"), "Toolsets: runs-more, local (as named)"),
    ] {
        let mut command = plain();
        command.arg("check");
        if let Some(variable) = variable {
            command.env_remove(variable);
        }
        if let Some(toolsets) = toolsets {
            command.env("RL_MCP_TOOLSETS", toolsets);
        }
        let (_, out, _) = Server::run(&mut command).await;
        assert!(out.contains(words), "{out}");
    }
}

#[tokio::test]
async fn check_says_when_tools_are_offered_that_cannot_work() {
    let mut command = plain();
    command
        .env_remove("PRIME_API_KEY")
        .env("RL_MCP_TOOLSETS", "rl,runs");
    let (_, out, _) = Server::run(command.arg("check")).await;
    assert!(out.contains("There is no key for Prime Intellect"), "{out}");
    assert!(!out.contains("There is no key for Together AI"), "{out}");
}

/// A host shows the instructions to the model as they are, so they name only services that are offered.
#[tokio::test]
async fn the_instructions_speak_of_what_is_offered() {
    async fn instructions(command: &mut Command) -> String {
        let mut server = Server::spawn(command);
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let answer: Value = server.request("initialize", params).await;
        answer["result"]["instructions"].as_str().unwrap().to_owned()
    }
    let together = instructions(plain().args(["--toolsets", "rl,rl-more"])).await;
    assert!(together.contains("stop-model-resource") && !together.contains("Prime Intellect"));
    let prime = instructions(plain().args(["--toolsets", "runs"])).await;
    assert!(prime.contains("prime-intellect-stoprun") && !prime.contains("weights-sync"));
    let narrowed = instructions(plain().arg("--read-only")).await;
    assert!(narrowed.contains("limited"), "{narrowed}");
    // Every tool that is named exists.
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter(|word| word.contains('-') && word.len() > 8)
            .map(str::to_owned)
            .collect()
    };
    for word in words(&together).iter().chain(&words(&prime)) {
        let full = word.trim_start_matches('-');
        let known = ALL.iter().any(|entry| entry.spec.name.ends_with(full));
        let other = ["Forward-", "Reinforcement-learning", "toolsets"];
        assert!(
            known || other.iter().any(|other| full.starts_with(other)),
            "{word}"
        );
    }
}
