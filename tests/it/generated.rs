//! The parts of the documentation that are written by the code.

use std::fmt::Write as _;
use std::fs;

use clap::CommandFactory as _;
use rl_mcp::ALL;
use rl_mcp::Cli;
use rl_mcp::Toolset;
#[cfg(feature = "text")]
use rl_mcp::VARIABLES;

/// Holds the part of a file between two markers against what the code says, or writes it under `INSTA_UPDATE=always`.
pub fn hold(file: &str, part: &str, content: &str) {
    let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(&format!("<!-- generated: {part} -->\n")).unwrap();
    let (written, after) = rest.split_once("<!-- end -->").unwrap();
    if written == content {
        return;
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        let text = format!("{before}<!-- generated: {part} -->\n{content}<!-- end -->{after}");
        fs::write(&path, text).unwrap();
        return;
    }
    let old: Vec<&str> = written.lines().collect();
    let new = content
        .lines()
        .find(|line| !old.contains(line))
        .unwrap_or("one line less");
    panic!("{file} is behind the code ({new}): INSTA_UPDATE=always cargo test --test it generated");
}

/// The first sentence of a description.
fn first_sentence(text: &str) -> &str {
    text.split_once(". ")
        .map_or(text, |(first, _)| first)
        .trim_end_matches('.')
}

/// Without text there are fewer.
#[cfg(feature = "text")]
#[test]
fn the_tools() {
    let default = |toolset: Toolset| Toolset::DEFAULT.contains(&toolset);
    let offered = ALL
        .iter()
        .filter(|entry| entry.spec.toolset.is_some_and(default))
        .count();
    let mut text = format!(
        "{} tools in {} toolsets. Every schema costs context in every conversation, so by default {offered} of them are offered:\n\
         those of `rl`, `train`, `runs` and `local`. `--toolsets` or `RL_MCP_TOOLSETS` names others, `all` is everything; `train` comes\n\
         with `rl`, and `local` always. With only one service's key set, only that service's tools are offered. The list is fixed when the server starts.\n",
        ALL.len(),
        Toolset::ALL.len()
    );
    let word = |yes: bool| if yes { "yes" } else { "no" };
    for toolset in Toolset::ALL {
        let what = match toolset.service() {
            Some(service) => service.name(),
            None => "this machine",
        };
        let by_default = if default(toolset) {
            ", offered by default"
        } else {
            ""
        };
        let _ = write!(
            text,
            "\n## `{}`: {what}{by_default}\n\n| tool | what it does | read-only | destructive | idempotent |\n|---|---|---|---|---|\n",
            toolset.name()
        );
        for entry in ALL.iter().filter(|entry| entry.spec.toolset == Some(toolset)) {
            let (spec, effect) = (entry.spec, entry.spec.effect);
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                spec.name,
                first_sentence(spec.description).replace('|', "\\|"),
                word(effect.read_only()),
                word(effect.destructive()),
                word(effect.idempotent())
            );
        }
    }
    hold("docs/tools.md", "tools", &format!("{text}\n"));
}

/// A line of a table for each member of a schema, and those of its objects.
#[cfg(feature = "text")]
fn members(text: &mut String, schema: &serde_json::Value, above: &str) {
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let required = schema["required"]
            .as_array()
            .is_some_and(|all| all.contains(&name.as_str().into()));
        let values = member["enum"].as_array().map(|values| {
            let values: Vec<String> = values
                .iter()
                .map(|value| format!("`{}`", value.as_str().unwrap()))
                .collect();
            format!("{}. ", values.join(", "))
        });
        let _ = writeln!(
            text,
            "| `{above}{name}`{} | {}{} |",
            if required { ", required" } else { "" },
            values.unwrap_or_default(),
            member["description"]
                .as_str()
                .unwrap_or_default()
                .replace('|', "\\|")
        );
        // A loss is told where it is used.
        if above.is_empty() && name != "loss" {
            members(text, member, &format!("{name}."));
        }
    }
}

/// What a recipe has, as `start-training` takes it.
#[cfg(feature = "text")]
#[test]
fn the_recipe() {
    let entry = rl_mcp::ALL
        .iter()
        .find(|entry| entry.spec.name == "start-training");
    let mut text = "\n| member | what it is |\n|---|---|\n".to_owned();
    members(&mut text, &entry.unwrap().schema(), "");
    hold("docs/training.md", "recipe", &format!("{text}\n"));
}

/// Each kind with its members and its example, which `src/grade/tests.rs` runs.
#[cfg(feature = "text")]
#[test]
fn the_graders() {
    let mut text = String::new();
    for kind in rl_mcp::KINDS {
        let schema = kind.schema();
        let _ = write!(text, "\n## `{}`\n\n{}\n", kind.name, kind.says);
        if schema["properties"]
            .as_object()
            .is_some_and(|members| !members.is_empty())
        {
            text.push_str("\n| member | what it is |\n|---|---|\n");
            members(&mut text, &schema, "");
        }
        let example: serde_json::Value = serde_json::from_str(kind.example).unwrap();
        let _ = write!(
            text,
            "\n```json\n{}\n```\n\nOf the row `{}` the completion\n\n```text\n{}\n```\n\nis worth {}.\n",
            example["grader"],
            example["row"],
            example["completion"].as_str().unwrap(),
            example["reward"]
        );
    }
    hold("docs/graders.md", "graders", &format!("{text}\n"));
}

/// Without text there are fewer.
#[cfg(feature = "text")]
#[test]
fn the_variables() {
    let mut text = "| variable | meaning |\n|---|---|\n".to_owned();
    for variable in VARIABLES {
        let names: Vec<String> = variable
            .name
            .split(", ")
            .map(|name| format!("`{name}`"))
            .collect();
        let _ = writeln!(text, "| {} | {} |", names.join(", "), variable.meaning);
    }
    hold("docs/configuration.md", "variables", &text);
}

/// With the sandbox there are more.
#[cfg(feature = "sandbox")]
#[test]
fn the_flags() {
    let command = Cli::command();
    let mut text = "| flag | meaning |\n|---|---|\n".to_owned();
    let mut add = |before: &str, command: &clap::Command, known: &[String]| {
        let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
        let named = flags.filter_map(|flag| Some((flag.get_long()?.to_owned(), flag)));
        let mut own = Vec::new();
        for (long, flag) in named.filter(|(long, _)| !known.contains(long)) {
            let takes = flag.get_action().takes_values();
            let value = flag
                .get_value_names()
                .filter(|_| takes)
                .and_then(|names| names.first());
            let value = value.map_or_else(String::new, |value| format!(" {value}"));
            let meaning = flag.get_help().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(
                text,
                "| `{before}--{long}{value}` | {} |",
                meaning.replace('\n', " ")
            );
            own.push(long);
        }
        own
    };
    let known = add("", &command, &[]);
    for inner in command.get_subcommands() {
        let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
        let name = inner.get_name();
        add(&format!("{name} "), &inner.clone().about(about), &known);
    }
    for inner in command.get_subcommands() {
        let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "| `{}` | {} |", inner.get_name(), about.replace('\n', " "));
    }
    hold("docs/configuration.md", "flags", &text);
}
