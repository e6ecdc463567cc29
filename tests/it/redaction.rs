//! However a key is written and wherever it would come out: it does not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Scripted, Server, json as answer, latest, status};

const TOGETHER: &str = "tgp_v1_Zq3wXs9eDc7rFv";
const PRIME: &str = "pit_4f8aZq3wXs9eDc7rFv";
/// The server has never heard of it.
const RUN: &str = "pit_OTHERkey9f3bQx7Lm2";
/// What a service's answer says to be a key.
const TOKEN: &str = "run-token-8c1dZq3wXs9e";

/// What nobody sees, and a terminal's colours.
const BETWEEN: [&str; 9] = [
    "\u{200b}",
    "\u{202e}",
    "\u{2066}",
    "\u{ad}",
    "\u{feff}",
    "\u{7f}",
    "\u{1b}",
    "\u{1b}[31m",
    "\u{1b}]8;;x\u{7}",
];

/// The text in the middle of a JSON string, as `JSON.stringify` or Python would write it.
fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| {
        let character = char::from_u32(unit.into()).filter(|c| (' '..='~').contains(c));
        character.map_or_else(|| format!("\\u{unit:04x}"), |c| c.to_string())
    });
    units.collect()
}

/// The text all in escapes.
fn spelled(text: &str) -> String {
    let escapes: Vec<String> = text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    escapes.concat()
}

/// All ways to write a key in a JSON string.
fn forms(key: &str, encoded: bool) -> Vec<String> {
    let (start, end) = key.split_at(7);
    let mut forms = vec![
        key.to_owned(),
        key.replace('_', "\\u005f").replace('-', "\\u002D"),
        key.replace('_', "\\\\u005F").replace('-', "\\\\u002d"),
        key.replace('_', "%5f").replace('-', "%2D"),
        key.replace('_', "%255F").replace('-', "%252d"),
        spelled(key),
        format!("{start}\\\\u200b{end}"),
        format!("\\n{key}"),
    ];
    for between in BETWEEN {
        forms.push(format!("{start}{}{end}", escaped(between)));
        if !between.contains(['\u{1b}', '\u{7}']) {
            forms.push(format!("{start}{between}{end}"));
        }
    }
    if encoded {
        let digits = key.bytes().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let digits = digits.map(|digit| char::from_digit(digit.into(), 16).unwrap());
        let hex: String = digits.collect();
        forms.extend([hex.to_ascii_uppercase(), hex]);
        forms.extend(["", "a", "ab"].map(|before| STANDARD.encode(format!("{before}{key}"))));
    }
    forms
}

/// The text as somebody could read it who knows that there is something to be found.
fn read(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..3 {
        for (written, meant) in [
            ("\\\\", "\\"),
            ("%25", "%"),
            ("%5F", "_"),
            ("%5f", "_"),
            ("%2D", "-"),
            ("%2d", "-"),
            ("\\u200b", ""),
            ("\\u001b", ""),
            ("\\u007f", ""),
            ("[31m", ""),
            ("]8;;x", ""),
        ] {
            text = text.replace(written, meant);
        }
        for c in ' '..='~' {
            text = text.replace(&format!("\\u{:04x}", u32::from(c)), &c.to_string());
            text = text.replace(&format!("\\u{:04X}", u32::from(c)), &c.to_string());
        }
    }
    text.retain(|c| (' '..='~').contains(&c) || c == '\n');
    text
}

fn assert_absent(text: &str, key: &str, form: &str, way: &str) {
    assert!(!read(text).contains(key), "{form:?} came out of {way}: {text}");
    let is_encoded = form
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'=');
    if is_encoded && form != key {
        // Of base64 the ends depend on what stands beside.
        let inside = form.get(4..form.len() - 6).unwrap();
        assert!(!text.contains(inside), "{form:?} came out of {way}: {text}");
    }
}

async fn server(upstream: &Scripted, data: &std::path::Path) -> Server {
    let mut command = Server::command(&upstream.url);
    command
        .env("TOGETHER_API_KEY", TOGETHER)
        .env("PRIME_API_KEY", PRIME)
        .env("RL_MCP_DATA_DIR", data)
        .env("RL_MCP_LOG", "trace,rmcp=trace");
    Server::initialized(&mut command).await
}

#[tokio::test]
async fn no_key_comes_out_however_it_is_written() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let data = tempfile::tempdir().unwrap();
    let mut server = server(&upstream, data.path()).await;
    let created = json!({"runId": "r", "token_value": TOKEN});
    upstream.script(vec![answer(&created)]);
    let body = json!({"config": {"trainer": {}, "orchestrator": {}}});
    server
        .call("prime-intellect-createrun", json!({"body": body}))
        .await
        .json();
    for (key, encoded) in [(TOGETHER, true), (PRIME, true), (TOKEN, true), (RUN, false)] {
        for form in forms(key, encoded) {
            let said = format!("is {form} it");
            for (way, tool, arguments, answer) in [
                (
                    "a result of Together AI",
                    "get-training-session",
                    json!({"session_id": "s"}),
                    status(200, "", &format!(r#"{{"id":"s","{said}":["{said}"]}}"#)),
                ),
                (
                    "a result of Prime Intellect",
                    "prime-intellect-getrun",
                    json!({"run_id": "r"}),
                    status(200, "", &format!(r#"{{"run":{{"id":"r","name":"{said}"}}}}"#)),
                ),
                (
                    "samples",
                    "prime-intellect-getrunsamples",
                    json!({"run_id": "r", "step": 1}),
                    status(200, "", &format!(r#"{{"samples":[{{"completion":"{said}"}}]}}"#)),
                ),
                (
                    "logs",
                    "prime-intellect-getrunlogs",
                    json!({"run_id": "r"}),
                    status(200, "", &format!(r#"{{"logs":"a\n{said}\nb","other":"{said}"}}"#)),
                ),
                (
                    "a cut line of the logs",
                    "prime-intellect-getrunlogs",
                    json!({"run_id": "r"}),
                    status(
                        200,
                        "",
                        &format!(r#"{{"logs":"{} {form}{}"}}"#, "x".repeat(490), " y".repeat(50)),
                    ),
                ),
                (
                    "a refusal of Together AI",
                    "get-training-session",
                    json!({"session_id": "s"}),
                    status(
                        400,
                        "",
                        &format!(r#"{{"error":{{"message":"{said}","type":"{said}"}}}}"#),
                    ),
                ),
                (
                    "a refusal of Prime Intellect",
                    "prime-intellect-getrun",
                    json!({"run_id": "r"}),
                    status(400, "", &format!(r#"{{"detail":"{said}"}}"#)),
                ),
                (
                    "a refusal that was cut",
                    "prime-intellect-getrun",
                    json!({"run_id": "r"}),
                    status(502, "", &format!(r#"{{"detail":"{said}"#)),
                ),
                (
                    "a file",
                    "get-sample-operation",
                    json!({"session_id": "s", "operation_id": "op", "output": "file"}),
                    status(
                        200,
                        "",
                        &format!(
                            r#"{{"id":"op","status":"TRAINING_OPERATION_STATUS_COMPLETED","output":{{"results":[],"x":"{said}"}}}}"#
                        ),
                    ),
                ),
            ] {
                upstream.script(vec![answer]);
                let outcome = server.call(tool, arguments).await;
                assert!(
                    outcome.text.contains("[redacted]") || way.contains("a file") || way.contains("a cut"),
                    "{form:?} in {way}: {}",
                    outcome.text
                );
                assert_absent(&outcome.text, key, &form, way);
                if way == "a file" {
                    let file = outcome.json()["file"].as_str().unwrap().to_owned();
                    let stored = std::fs::read_to_string(&file).unwrap();
                    serde_json::from_str::<Value>(&stored).unwrap();
                    assert_absent(&stored, key, &form, way);
                    std::fs::remove_file(&file).unwrap();
                }
                if way == "a cut line of the logs" {
                    assert!(!outcome.text.contains(key.get(..10).unwrap()), "{}", outcome.text);
                }
            }
        }
    }
    server.close().await;
    for text in [server.stdout(), server.stderr()] {
        for key in [TOGETHER, PRIME, TOKEN, RUN] {
            assert!(!text.contains(key), "{key}");
        }
    }
}

#[tokio::test]
async fn nor_does_it_come_out_of_the_log_or_a_check() {
    for form in forms(TOGETHER, true) {
        let words = status(500, "", &format!(r#"{{"error":{{"message":"is {form} it"}}}}"#));
        let upstream = Scripted::start(vec![words]).await;
        let mut command = Server::command(&upstream.url);
        command
            .env("TOGETHER_API_KEY", TOGETHER)
            .env_remove("PRIME_API_KEY")
            .env("RL_MCP_LOG", "debug");
        let (code, report, log) = Server::run(command.arg("check")).await;
        assert_eq!(code, 1, "{report}");
        assert!(
            report.contains("FAILED") && report.contains("[redacted]"),
            "{report}"
        );
        assert!(
            log.contains("trying again") && log.contains("[redacted]"),
            "{log}"
        );
        assert_absent(&report, TOGETHER, &form, "the check");
        assert_absent(&log, TOGETHER, &form, "the log");
    }
}

#[tokio::test]
async fn a_word_never_becomes_a_secret_and_keys_in_one_answer_cost_later_ones_nothing() {
    let words: Vec<String> = (0..10_000).map(|n| format!("pit_0123456789{n:05}")).collect();
    let created = json!({"runId": "r", "tokenValue": "COMPLETED", "TokenValue": words[0], "words": words});
    let upstream = Scripted::start(vec![answer(&created)]).await;
    let mut server = Server::start(&upstream.url).await;
    let body = json!({"config": {"trainer": {}, "orchestrator": {}}});
    let outcome = server
        .call("prime-intellect-createrun", json!({"body": body}))
        .await;
    assert!(
        !outcome.text.contains("oken") && !outcome.text.contains("pit_"),
        "{}",
        outcome.text
    );
    upstream.script(vec![answer(&json!({"id": "s", "status": "COMPLETED"}))]);
    let session = server
        .call("get-training-session", json!({"session_id": "s"}))
        .await;
    assert_eq!(session.json()["status"], "COMPLETED");
}

#[tokio::test]
async fn a_name_that_is_cut_is_cut_after_the_key_in_it_is_gone() {
    let upstream = Scripted::start(vec![answer(&json!({}))]).await;
    let data = tempfile::tempdir().unwrap();
    let mut server = server(&upstream, data.path()).await;
    let name = format!("{}{TOGETHER}", "x".repeat(90));
    let mut params = json!({"name": name, "arguments": {}});
    params["_meta"] = latest();
    let refused = server.request("tools/call", params).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("there is no tool") && !message.contains("tgp_"),
        "{message}"
    );
}
