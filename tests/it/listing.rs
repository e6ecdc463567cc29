//! The tools as a client sees them.

use rl_mcp::ALL;
use rl_mcp::Toolset;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Server, latest};

async fn list(command: &mut Command) -> Vec<Value> {
    let mut server = Server::initialized(command).await;
    let answer = server.request("tools/list", json!({})).await;
    answer["result"]["tools"].as_array().unwrap().clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

/// The same without what comes with every choice.
fn but_local(tools: &[Value]) -> Vec<&str> {
    let mut names = names(tools);
    let is_local = |name: &&str| {
        let entry = ALL.iter().find(|entry| entry.spec.name == *name).unwrap();
        entry.spec.toolset == Some(Toolset::Local)
    };
    names.retain(|name| !is_local(name));
    names
}

#[tokio::test]
async fn each_tool_as_a_client_sees_it() {
    for tool in list(&mut Server::command("http://127.0.0.1:9")).await {
        let name = tool["name"].as_str().unwrap().to_owned();
        let spec = ALL.iter().find(|entry| entry.spec.name == name).unwrap().spec;
        // What the model does not see, and whoever reads a change must.
        let request = match spec.path {
            "" => "this machine".to_owned(),
            path => format!("{} {path}", spec.method.as_str()),
        };
        // They take no prompts as text then, and draw no pictures.
        let differs = ["sample", "prime-intellect-getrunmetrics"].contains(&name.as_str());
        let snapshot = if differs && !cfg!(feature = "text") {
            format!("{name}-without-text")
        } else {
            name
        };
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!(snapshot, json!({
                "toolset": spec.toolset.unwrap().name(),
                "request": request,
                "tool": tool,
            }));
        });
    }
}

#[tokio::test]
async fn hints_follow_the_rows_and_every_body_may_be_a_file() {
    let tools = list(&mut Server::command("http://127.0.0.1:9")).await;
    let order: Vec<&str> = ALL.iter().map(|entry| entry.spec.name).collect();
    assert_eq!(names(&tools), order);
    assert!(
        ALL.iter().map(|entry| entry.spec.toolset).is_sorted(),
        "toolset by toolset"
    );
    for (tool, entry) in tools.iter().zip(ALL) {
        let (spec, hints) = (entry.spec, &tool["annotations"]);
        let hint = |name: &str| hints[name].as_bool().unwrap();
        assert_eq!(hint("readOnlyHint"), spec.effect.read_only(), "{}", spec.name);
        assert_eq!(
            hint("destructiveHint"),
            spec.effect.destructive(),
            "{}",
            spec.name
        );
        assert_eq!(hint("idempotentHint"), spec.effect.idempotent(), "{}", spec.name);
        assert_eq!(hint("openWorldHint"), spec.open_world, "{}", spec.name);
        let offered = tool["inputSchema"]["properties"].as_object().unwrap();
        assert_eq!(
            offered.contains_key("body"),
            offered.contains_key("body_path"),
            "{}",
            spec.name
        );
    }
}

/// The whole answer to `tools/list`, in bytes, as every conversation pays for it.
async fn size(toolsets: &str) -> usize {
    let mut command = Server::command("http://127.0.0.1:9");
    command.env("RL_MCP_TOOLSETS", toolsets);
    let mut server = Server::initialized(&mut command).await;
    let earlier = server.request("tools/list", json!({})).await;
    let mut server = Server::spawn(&mut command);
    let later = server.request("tools/list", json!({"_meta": latest()})).await;
    [earlier, later]
        .map(|answer| answer.to_string().len())
        .into_iter()
        .max()
        .unwrap()
}

#[tokio::test]
async fn the_list_stays_small() {
    let (default, all) = (size("").await, size("all").await);
    assert!(default < 44_000, "{default} bytes by default");
    assert!(all < 60_000, "{all} bytes for all");
    for tool in list(&mut Server::command("http://127.0.0.1:9")).await {
        let description = tool["description"].as_str().unwrap();
        assert!(description.len() < 2000, "{}", tool["name"]);
        assert!(tool.get("outputSchema").is_none());
    }
}

/// Hosts that load tools on demand find the others from these.
#[tokio::test]
async fn few_tools_ask_to_be_there_from_the_start() {
    let tools = list(&mut Server::command("http://127.0.0.1:9")).await;
    let asking = tools.iter().filter(|tool| tool.get("_meta").is_some());
    let asking: Vec<&str> = asking
        .map(|tool| {
            assert_eq!(tool["_meta"], json!({"anthropic/alwaysLoad": true}));
            tool["name"].as_str().unwrap()
        })
        .collect();
    let mut expected = vec![
        "create-model-resource",
        "start-training",
        "prime-intellect-createrun",
        "list-recent-activity",
    ];
    expected.retain(|name| *name != "start-training" || cfg!(feature = "text"));
    assert_eq!(asking, expected);
}

#[tokio::test]
async fn the_icon_is_a_small_picture_of_our_own() {
    use base64::Engine as _;
    let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = server.request("initialize", params).await;
    let icon = &answer["result"]["serverInfo"]["icons"][0];
    assert_eq!(icon["mimeType"], "image/svg+xml");
    let source = icon["src"].as_str().unwrap();
    assert!(source.len() < 1000, "{}", source.len());
    let data = source.strip_prefix("data:image/svg+xml;base64,").unwrap();
    let svg = base64::prelude::BASE64_STANDARD.decode(data).unwrap();
    let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/icon.svg")).unwrap();
    assert_eq!(svg, file.trim_ascii_end());
}

#[tokio::test]
async fn every_schema_is_of_the_plain_dialect() {
    for tool in list(&mut Server::command("http://127.0.0.1:9")).await {
        let schema = &tool["inputSchema"];
        assert_eq!(schema["type"], "object", "{}", tool["name"]);
        for member in schema.as_object().unwrap().keys() {
            assert!(
                ["type", "properties", "required"].contains(&member.as_str()),
                "{}: {member} at the root",
                tool["name"]
            );
        }
        plain(schema, tool["name"].as_str().unwrap());
    }
}

fn plain(schema: &Value, place: &str) {
    let Value::Object(members) = schema else {
        panic!("{place}: `{schema}` is no plain schema");
    };
    for (name, value) in members {
        match name.as_str() {
            "type" => assert!(value.is_string(), "{place}: type {value}"),
            "description" => assert!(
                !value.as_str().unwrap().trim().is_empty(),
                "{place}: empty description"
            ),
            "enum" => assert!(
                value.as_array().unwrap().iter().all(Value::is_string),
                "{place}: enum {value}"
            ),
            "properties" => {
                for (name, schema) in value.as_object().unwrap() {
                    plain(schema, &format!("{place}.{name}"));
                }
            }
            "items" => plain(value, &format!("{place}.{name}")),
            "required" => {
                for name in value.as_array().unwrap() {
                    assert!(
                        schema["properties"].get(name.as_str().unwrap()).is_some(),
                        "{place}: {name}"
                    );
                }
            }
            // Gemini's converter refuses exclusiveMinimum and exclusiveMaximum, those of OpenAI a schema in
            // additionalProperties, and each host knows another few formats.
            "minimum" | "maximum" => {
                assert!(value.is_number(), "{place}");
            }
            "minItems" | "minLength" | "maxLength" => assert!(value.is_u64(), "{place}"),
            other => panic!("{place}: `{other}` is not part of the dialect"),
        }
    }
    if schema["type"] == "array" {
        assert!(schema.get("items").is_some(), "{place}: a list without items");
    }
}

#[tokio::test]
async fn read_only_offers_and_runs_only_what_changes_nothing() {
    let mut command = Server::command("http://127.0.0.1:9");
    let mut server = Server::initialized(command.arg("--read-only")).await;
    let answer = server.request("tools/list", json!({})).await;
    let tools = answer["result"]["tools"].as_array().unwrap().clone();
    assert_eq!(tools.len(), crate::support::tools(|spec| spec.effect.read_only()));
    assert!(
        tools
            .iter()
            .all(|tool| tool["annotations"]["readOnlyHint"] == true)
    );
    let answer = server
        .request(
            "tools/call",
            json!({"name": "prime-intellect-deleterun", "arguments": {"run_id": "r"}}),
        )
        .await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[tokio::test]
async fn tools_offers_just_these_and_read_only_still_wins() {
    let mut command = Server::command("http://127.0.0.1:9");
    let tools = list(command.args(["--tools", "sample, get-sample-operation,"])).await;
    assert_eq!(but_local(&tools), ["sample", "get-sample-operation"]);
    let tools = list(command.arg("--read-only")).await;
    assert_eq!(but_local(&tools), ["get-sample-operation"]);
}
