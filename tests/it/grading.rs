//! Rewards without a script: `check-dataset`, `grade-completions`, and the way from a file of rows to an optimizer step.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

#[cfg(feature = "sandbox")]
use crate::support::Sandbox;
use crate::support::{Place, Server};

const CHECK: &str = "check-dataset";
const GRADE: &str = "grade-completions";

/// A server whose user allows a directory of files, with a file of this content in it.
async fn with_file(content: &[u8]) -> (Server, TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.jsonl");
    fs::write(&path, content).unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command.env("RL_MCP_FILE_DIRS", directory.path());
    command.env("RL_MCP_DATA_DIR", directory.path().join("data"));
    let server = Server::initialized(&mut command).await;
    (server, directory, path.display().to_string())
}

async fn checked(content: &[u8], more: Value) -> Value {
    let (mut server, _directory, path) = with_file(content).await;
    let mut arguments = more;
    arguments["path"] = path.into();
    server.call(CHECK, arguments).await.json()
}

fn problems(answer: &Value) -> Vec<(u64, String)> {
    let problems = answer["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| {
            let text = problem["problem"].as_str().unwrap().to_owned();
            (problem["lines"][0].as_u64().unwrap(), text)
        })
        .collect()
}

#[tokio::test]
async fn a_file_of_rows_is_summed_up() {
    let rows = [
        json!({"messages": [{"role": "user", "content": "1+1="}], "answer": 2}),
        json!({"prompt": "2+2=", "answer": 4, "level": "easy"}),
        json!({"messages": [{"role": "user", "content": "1+1= "}], "answer": 2}),
        json!({"prompt": "é", "completion": "abc"}),
    ];
    let text = rows.iter().fold(String::new(), |mut text, row| {
        let _ = write!(text, "{row}\r\n");
        text
    });
    let content = ["\u{feff}".as_bytes(), text.as_bytes()].concat();
    let answer = checked(&content, json!({})).await;
    assert_eq!(
        (&answer["rows"], &answer["messages"], &answer["prompts"]),
        (&json!(4), &json!(2), &json!(2))
    );
    assert_eq!(
        answer["members"],
        json!({"answer": 3, "completion": 1, "level": 1})
    );
    assert_eq!(
        answer["lengths"],
        json!({"unit": "characters", "least": 4, "median": 4, "p95": 5, "most": 5})
    );
    assert_eq!(answer["duplicates"], json!({"rows": 1, "lines": [[1, 3]]}));
    assert_eq!(answer["examples"][0], json!({"line": 1, "text": "user: 1+1="}));
    assert_eq!(answer["examples"].as_array().unwrap().len(), 3);
    assert_eq!(problems(&answer), []);
    let note = answer["note"].as_str().unwrap();
    assert!(
        note.contains("Found 1 duplicate. Only 1 of 4 rows have an answer"),
        "{note}"
    );
}

/// Rows that say neither messages nor prompt are looked at as a recipe makes them; until then their members are shown.
#[tokio::test]
async fn rows_of_a_recipe_are_checked_as_it_makes_them() {
    let content = b"{\"question\": \"2+3\", \"answer\": 5}\n{\"question\": \"1+1\", \"answer\": 2}\n";
    let answer = checked(content, json!({})).await;
    assert_eq!(answer["members"], json!({"answer": 2, "question": 2}));
    assert_eq!(
        answer["examples"][0]["text"],
        r#"{"question": "2+3", "answer": 5}"#
    );
    let found = problems(&answer);
    assert!(
        found.len() == 1 && found[0].1.contains("give prompt, here and in start-training"),
        "{found:?}"
    );
    let shaped =
        json!({"prompt": "What is {{row.question}}?", "system": "Be short.", "grader": {"type": "number"}});
    let answer = checked(content, shaped).await;
    assert_eq!(problems(&answer), []);
    assert_eq!(
        answer["examples"][0]["text"],
        "system: Be short.\nuser: What is 2+3?"
    );
    let (mut server, _directory, path) = with_file(content).await;
    let wrong = json!({"path": path, "prompt": "{{row.query}}", "completion": "no name"});
    let wrong = server.call(CHECK, wrong).await;
    assert!(
        wrong.error().contains("completion: names no member of the rows"),
        "{}",
        wrong.text
    );
    let missing = server
        .call(CHECK, json!({"path": path, "prompt": "{{row.query}}"}))
        .await
        .json();
    assert!(
        problems(&missing)[0]
            .1
            .contains("has no query, which prompt takes"),
        "{missing}"
    );
}

#[tokio::test]
async fn each_problem_is_told_with_its_line() {
    let mut content = br#"{"prompt": "a", "answer": 1}
{"prompt": "b"}

{"question": "c"}
{"prompt": "d", "prompt": "e", "answer": 1}
{"prompt": "f", "answer": NaN}
{"messages": [{"role": "user", "text": "hi"}], "answer": 1}
not JSON
{"prompt": "caf"#
        .to_vec();
    content.extend(b"\xe9\", \"answer\": 1}\n");
    content.extend(b"{\"prompt\": \"");
    content.extend(vec![b'x'; 20 << 20]);
    content.extend(b"\"}\n{\"prompt\": \"g\", \"ans");
    let answer = checked(&content, json!({"grader": {"type": "number"}})).await;
    let found = problems(&answer);
    let expected = [
        (2, "has no answer, which the grader compares with"),
        (4, "needs messages, such as"),
        (5, "has prompt twice: all but the last are lost"),
        (6, "NaN"),
        (7, "messages[0].text is read by no template"),
        (8, "is no JSON"),
        (9, "is no UTF-8 from byte 16 on"),
        (10, "is longer than 16 MB"),
        (11, "is cut off: the file ends in the middle of it"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((line, problem), (at, part)) in found.iter().zip(expected) {
        assert_eq!(*line, at, "{problem}");
        assert!(problem.contains(part), "{line}: {problem}");
    }
    assert_eq!(answer["rows"], 10);
}

#[tokio::test]
async fn rows_of_the_evaluation_file_are_found() {
    let (mut server, directory, path) = with_file(b"{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n").await;
    fs::write(
        directory.path().join("eval.jsonl"),
        "[{\"prompt\": \"b\"}, {\"prompt\": \"c\"}]",
    )
    .unwrap();
    let answer = server
        .call(CHECK, json!({"path": path, "eval_path": "eval.jsonl"}))
        .await
        .json();
    assert_eq!(answer["overlaps"], json!({"rows": 1, "lines": [2]}));
    let missing = server
        .call(CHECK, json!({"path": path, "eval_path": "evil.jsonl"}))
        .await;
    assert!(
        missing.error().contains("eval_path: there is no such file"),
        "{}",
        missing.error()
    );
    let outside = server.call(CHECK, json!({"path": "/etc/passwd"})).await;
    assert!(
        outside.error().contains("path: there is no such file under"),
        "{}",
        outside.error()
    );
    let limit = server.call(CHECK, json!({"path": path, "max_tokens": 5})).await;
    assert!(
        limit
            .error()
            .contains("max_tokens: needs base_model or session_id"),
        "{}",
        limit.error()
    );
}

/// However large a file is, it takes no more memory: two of them are compared.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_file_is_read_in_little_memory() {
    let mut content = String::new();
    for number in 0..300_000 {
        let _ = writeln!(content, "{{\"prompt\": \"{number} {}\"}}", "x".repeat(200));
    }
    let (mut server, _directory, path) = with_file(content.as_bytes()).await;
    let answer = server.call(CHECK, json!({"path": path})).await.json();
    assert_eq!(answer["rows"], 300_000);
    assert!(answer.get("duplicates").is_none(), "{}", answer["duplicates"]);
    let most = server.peak_memory();
    assert!(
        most < 60_000_000,
        "{most} bytes for {} MB",
        content.len() / 1_000_000
    );
}

/// What takes too long says how far it came.
#[tokio::test]
async fn a_file_that_takes_longer_than_the_call_is_read_in_part() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.jsonl");
    fs::write(&path, "{\"prompt\": \"a\"}\n".repeat(400_000)).unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command
        .env("RL_MCP_FILE_DIRS", directory.path())
        .env("RL_MCP_CALL_TIMEOUT", "0.05");
    let mut server = Server::initialized(&mut command).await;
    let answer = server.call(CHECK, json!({"path": path})).await.json();
    let rows = answer["rows"].as_u64().unwrap();
    assert!(rows < 400_000, "{rows}");
    let note = answer["note"].as_str().unwrap();
    let expected = format!(
        "Its end was not read, since the call's time was up (RL_MCP_CALL_TIMEOUT): all this is of the first {rows} rows."
    );
    assert!(note.contains(&expected), "{note}");
}

#[tokio::test]
async fn a_grader_is_tried_on_completions_that_are_given() {
    let mut place = Place::new().await;
    let grader = json!({"type": "combine", "parts": [
        {"grader": {"type": "number"}, "weight": 0.75},
        {"grader": {"type": "format", "tags": ["b"]}, "weight": 0.25, "name": "bold"},
    ]});
    let completions = json!([
        {"text": "<b>4</b>", "answer": 4},
        {"text": "5", "row": {"answer": 4}},
        {"completion": "4", "answer": 4, "stop_reason": "LENGTH"},
    ]);
    let arguments = json!({"grader": grader, "completions": completions});
    let answer = place.server.call(GRADE, arguments).await.json();
    assert_eq!(answer["completions"], 3);
    assert_eq!(answer["mean_reward"], 0.5833);
    assert_eq!(answer["parts"], json!({"bold": 0.3333, "number": 0.6667}));
    assert_eq!(answer["best"][0]["text"], "<b>4</b>");
    assert_eq!(
        answer["worst"][0],
        json!({
            "sequence": 1, "reward": 0.0, "why": "number 0, bold 0", "text": "5",
            "parts": [
                {"name": "number", "reward": 0.0, "why": "found 5 (the last number), expected 4"},
                {"name": "bold", "reward": 0.0, "why": "has no <b>"},
            ],
        })
    );
    let file = fs::read_to_string(answer["rewards_file"].as_str().unwrap()).unwrap();
    let last: Value = serde_json::from_str(file.lines().last().unwrap()).unwrap();
    assert_eq!(last["parts"][1]["why"], "the token limit cut it off");
    assert!(answer.get("next").is_none());
    for (arguments, expected) in [
        (json!({"completions": [{"text": "a"}]}), "grader: is required"),
        (
            json!({"grader": {"type": "number"}}),
            "operation_ids: is required",
        ),
        (
            json!({"grader": {"type": "number"}, "operation_ids": ["a"]}),
            "session_id: is required beside operation_ids",
        ),
        (
            json!({"grader": {"type": "number"}, "completions": [{"answer": 4}]}),
            "completions[0].text: is required",
        ),
        (
            json!({"grader": {"type": "number"}, "completions": [{"text": "1", "anser": 4}]}),
            "completions: the row of completion 0 has no answer, which the grader compares with (did you mean {{row.anser}}?)",
        ),
        (
            json!({"grader": {"type": "command", "name": "mine"}, "completions": [{"text": "1"}]}),
            "grader.name: is no command: the user lists none",
        ),
    ] {
        let outcome = place.server.call(GRADE, arguments).await;
        assert!(outcome.error().contains(expected), "{}", outcome.error());
    }
    assert!(place.upstream.seen().is_empty(), "nothing is requested");
}

/// The agent chooses a name; what that runs is the user's alone.
#[cfg(unix)]
#[tokio::test]
async fn a_command_that_the_user_lists_grades() {
    use std::os::unix::fs::PermissionsExt as _;

    let own = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let program = own.path().join("count");
    fs::write(
        &program,
        "#!/bin/sh\nawk -F'\"' '{ printf \"{\\\"score\\\": %d, \\\"why\\\": \\\"counted\\\"}\\n\", length($4) }'\n",
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let list = own.path().join("graders.json");
    fs::write(&list, json!({"length": [program]}).to_string()).unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command
        .env("RL_MCP_GRADERS", &list)
        .env("RL_MCP_FILE_DIRS", files.path())
        .env("RL_MCP_DATA_DIR", files.path().join("data"));
    let mut server = Server::initialized(&mut command).await;
    let arguments = |name: &str| json!({"grader": {"type": "command", "name": name}, "completions": [{"text": "abc"}, {"text": ""}]});
    let answer = server.call(GRADE, arguments("length")).await.json();
    assert_eq!(
        answer["best"][0],
        json!({"sequence": 0, "reward": 3.0, "why": "counted", "text": "abc"})
    );
    let wrong = server.call(GRADE, arguments("lenght")).await;
    assert!(
        wrong
            .error()
            .contains("grader.name: is no command of the user's: did you mean length?"),
        "{}",
        wrong.error()
    );
    // Of a grader in a file, that is the place.
    fs::write(
        files.path().join("grader.json"),
        arguments("lenght")["grader"].to_string(),
    )
    .unwrap();
    let mut in_file = arguments("length");
    in_file.as_object_mut().unwrap().remove("grader");
    in_file["grader_path"] = "grader.json".into();
    let wrong = server.call(GRADE, in_file.clone()).await;
    assert!(
        wrong.error().contains("grader_path.name: is no command"),
        "{}",
        wrong.error()
    );
    let broken = json!({"type": "command", "name": "dies"});
    fs::write(files.path().join("grader.json"), broken.to_string()).unwrap();
    let dies = own.path().join("dies");
    fs::write(&dies, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&dies, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&list, json!({"length": [program], "dies": [dies]}).to_string()).unwrap();
    let failed = server.call(GRADE, in_file).await;
    assert!(
        failed
            .error()
            .contains("grader_path: command dies ended after 0 scores"),
        "{}",
        failed.error()
    );
    fs::write(&list, json!({"length": [program]}).to_string()).unwrap();
    let (code, out, _) = Server::run(command.arg("check")).await;
    assert!(out.contains("Commands that may grade: length\n"), "{code} {out}");

    // A tool could write to it.
    let inside = files.path().join("graders.json");
    fs::copy(&list, &inside).unwrap();
    command.env("RL_MCP_GRADERS", &inside);
    let (code, out, _) = Server::run(&mut command).await;
    assert!(
        code != 0 && out.contains("where tools write: move it elsewhere (RL_MCP_GRADERS)"),
        "{code} {out}"
    );
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn a_step_with_a_number_grader_is_six_calls() {
    let sandbox = Sandbox::start().await;
    let resource = sandbox.resource(json!({"base_model": "Qwen/Qwen3-0.6B"})).await;
    let session = sandbox
        .session(
            &resource,
            json!({"lora_config": {"rank": 8, "alpha": 16, "seed": 1}}),
        )
        .await;
    let id = session.rsplit('/').next().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sums.jsonl");
    let sums = [(1, 2), (2, 2), (3, 4), (5, 1), (2, 6), (4, 4), (7, 1), (3, 3)];
    let rows: String = sums.iter().fold(String::new(), |mut rows, (a, b)| {
        let _ = writeln!(
            rows,
            "{}",
            json!({"messages": [{"role": "user", "content": format!("{a}+{b}=")}], "answer": a + b})
        );
        rows
    });
    fs::write(&path, rows).unwrap();
    let mut command = sandbox.server();
    command
        .env("RL_MCP_DATA_DIR", directory.path().join("data"))
        .env("RL_MCP_FILE_DIRS", directory.path())
        .env("RL_MCP_MAX_WAIT_SECONDS", "50");
    let mut server = Server::initialized(&mut command).await;
    let grader = json!({"type": "number"});
    let answer = server
        .call(CHECK, json!({"path": path, "grader": grader, "session_id": id}))
        .await
        .json();
    assert_eq!(answer["note"], "Nothing is wrong with it.");
    assert_eq!(answer["examples"][0]["text"], "user: 1+2=\nassistant: ");
    let body = json!({"num_samples": 48, "sampling_params": {"max_tokens": 8, "seed": 1}});
    let sampled = server
        .call(
            "sample",
            json!({"session_id": id, "prompts_path": path, "body": body}),
        )
        .await
        .json();
    let operation = sampled["id"].as_str().unwrap();
    let rewards = server
        .call(
            GRADE,
            json!({"session_id": id, "operation_ids": [operation], "grader": grader}),
        )
        .await
        .json();
    assert_eq!(
        (&rewards["completions"], &rewards["groups"]),
        (&json!(384), &json!(8))
    );
    assert_eq!(rewards["mean_by_prompt"].as_array().unwrap().len(), 8);
    // Of equal ones those of different prompts.
    let of_prompts: BTreeSet<u64> = rewards["worst"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["result"].as_u64().unwrap())
        .collect();
    assert_eq!(of_prompts.len(), 3);
    assert_eq!(rewards["best"][0]["prompt"].as_str().unwrap().lines().count(), 2);
    let why = rewards["worst"][0]["why"].as_str().unwrap();
    assert!(why.contains("expected"), "{why}");
    let next = &rewards["next"];
    assert_eq!(next["tool"], "build-training-batch");
    let built = server
        .call("build-training-batch", next["arguments"].clone())
        .await
        .json();
    assert_eq!(
        built["mean_reward"].as_f64().map(rounded),
        rewards["mean_reward"].as_f64()
    );
    assert_eq!(built["dropped_groups"], rewards["equal_groups"]);
    let trained = server
        .call("forward-backward-pass", built["next"]["arguments"].clone())
        .await
        .json();
    assert_eq!(trained["status"], "TRAINING_OPERATION_STATUS_COMPLETED");
    let stepped = server
        .call(
            "optimizer-step",
            json!({"session_id": id, "body": {"adam_params": {"learning_rate": 0.001}}}),
        )
        .await
        .json();
    assert_eq!(stepped["status"], "TRAINING_OPERATION_STATUS_COMPLETED");

    // Some lines of a file whose others may be broken.
    let some = directory.path().join("some.jsonl");
    fs::write(&some, "{\"prompt\": \"a\"}\nbroken\n\n{\"prompt\": \"c\"}\n").unwrap();
    let few = |lines: Value| json!({"session_id": id, "prompts_path": some, "prompt_lines": lines, "body": {"sampling_params": {"max_tokens": 1}}});
    let sampled = server.call("sample", few(json!([1, 4]))).await.json();
    assert_eq!(sampled["output"]["results"].as_array().unwrap().len(), 2);
    let lacking = json!({"session_id": id, "operation_ids": [sampled["id"]], "grader": {"type": "number", "expected": "{{row.answer}}"}});
    let lacking = server.call(GRADE, lacking).await;
    let expected = "operation_ids[0]: the row of prompts 0, 1, lines 1, 4 of prompts_path, has no answer";
    assert!(lacking.error().contains(expected), "{}", lacking.error());
    // What sampling would refuse is told before.
    let turned = json!({"messages": [{"role": "user", "content": "a<|end|>b"}]}).to_string();
    fs::write(directory.path().join("turned.jsonl"), turned).unwrap();
    let turned = json!({"path": directory.path().join("turned.jsonl"), "session_id": id});
    let turned = server.call(CHECK, turned).await.json();
    let told = turned["problems"].to_string();
    assert!(
        told.contains("messages[0].content: holds <|end|>, which the model takes for the control token"),
        "{turned}"
    );
    let wrong = server.call("sample", few(json!([1, 2, 3]))).await;
    assert!(
        wrong.error().contains("prompts_path, line 2: is no JSON"),
        "{}",
        wrong.error()
    );
    assert!(
        wrong
            .error()
            .contains("prompt_lines[2]: is 3, and the file has no row in that line"),
        "{}",
        wrong.error()
    );

    // What is misspelled is misspelled for all rows, and told once.
    let wrong = json!({"session_id": id, "operation_ids": [operation], "grader": {"type": "number", "expected": "{{row.anser}}"}});
    let wrong = server.call(GRADE, wrong).await;
    let expected = "operation_ids[0]: the row of prompts 0, 1, 2, 3, 4, … (8 in all), lines 1, 2, 3, 4, 5, … (8 in all) of prompts_path, has no anser, which the grader compares with (did you mean {{row.answer}}?)";
    assert!(wrong.error().contains(expected), "{}", wrong.error());
    let unknown = json!({"session_id": id, "operation_ids": ["op_x"], "grader": grader});
    let unknown = server.call(GRADE, unknown).await;
    assert!(
        unknown.error().contains("call get-sample-operation"),
        "{}",
        unknown.error()
    );
    // Rewards of another operation, and of none.
    let other = json!({"session_id": id, "operation_ids": [operation], "rewards_path": directory.path().join("data/other.jsonl")});
    fs::write(
        directory.path().join("data/other.jsonl"),
        "{\"operation_id\":\"op_2\",\"result\":0,\"sequence\":0,\"reward\":1}\n",
    )
    .unwrap();
    let other = server.call("build-training-batch", other).await;
    assert!(
        other
            .error()
            .contains("rewards_path: has no rewards of operation"),
        "{}",
        other.error()
    );
}

#[cfg(feature = "sandbox")]
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
