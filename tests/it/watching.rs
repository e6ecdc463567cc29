//! Watching a run: logs, metrics, samples and lists that fit one answer and say what is missing.

use serde_json::{Value, json};

use crate::support::{Outcome, Scripted, Server, Upstream, json as answer, status};

/// The largest answer that a host shows the model whole.
const FITS: usize = 40_000;

async fn ask(operation: &str, code: u16, body: Value, tool: &str, mut arguments: Value) -> Outcome {
    let upstream = Upstream::start().await;
    upstream.tell(operation, vec![(code, body)]);
    let mut server = Server::start(&upstream.server.uri()).await;
    arguments["run_id"] = json!("r");
    let outcome = server.call(tool, arguments).await;
    upstream.requests().await;
    outcome
}

async fn logs(code: u16, body: Value, arguments: Value) -> Outcome {
    ask(
        "get-run-logs",
        code,
        body,
        "prime-intellect-getrunlogs",
        arguments,
    )
    .await
}

async fn metrics(rows: Vec<Value>, arguments: Value) -> Value {
    let body = json!({"metrics": rows});
    let outcome = ask(
        "get-run-metrics",
        200,
        body,
        "prime-intellect-getrunmetrics",
        arguments,
    )
    .await;
    assert!(outcome.text.len() < FITS, "{}", outcome.text.len());
    outcome.json()
}

async fn samples(samples: Vec<Value>, arguments: Value) -> Value {
    let body =
        json!({"run_id": "r", "samples": samples, "total": 400, "page": 1, "limit": 20, "total_pages": 20});
    let mut arguments = arguments;
    arguments["step"] = json!(2);
    if arguments.get("limit").is_none() {
        arguments["limit"] = json!(20);
    }
    let outcome = ask(
        "get-run-samples",
        200,
        body,
        "prime-intellect-getrunsamples",
        arguments,
    )
    .await;
    assert!(outcome.text.len() < FITS, "{}", outcome.text.len());
    outcome.json()
}

fn note(answer: &Value) -> &str {
    answer["note"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn of_long_logs_the_last_lines_are_shown_and_the_rest_is_counted() {
    let lines: Vec<String> = (0..1000).map(|number| format!("step {number} done")).collect();
    let answer = logs(200, json!({"logs": lines.join("\n")}), json!({}))
        .await
        .json();
    let shown = answer["logs"].as_str().unwrap();
    assert!(
        shown.starts_with("step 980 done\n") && shown.ends_with("step 999 done"),
        "{shown}"
    );
    assert!(
        note(&answer).contains("980 earlier lines (tail_lines shows more"),
        "{answer}"
    );

    let answer = logs(200, json!({"logs": lines.join("\n")}), json!({"tail_lines": 3}))
        .await
        .json();
    assert_eq!(answer["logs"], "step 997 done\nstep 998 done\nstep 999 done");
}

#[tokio::test]
async fn logs_never_exceed_one_answer_however_long_their_lines_are() {
    let line = format!("{{\"config\": \"{}\"}}", "\\\"x".repeat(2000));
    let text = vec![line; 500].join("\r\n");
    let outcome = logs(200, json!({"logs": text}), json!({"tail_lines": 5000})).await;
    assert!(outcome.text.len() < FITS, "{}", outcome.text.len());
    let answer = outcome.json();
    assert!(
        note(&answer).contains("earlier lines") && note(&answer).contains("the ends of"),
        "{}",
        note(&answer)
    );
    assert!(
        answer["logs"]
            .as_str()
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .contains("… (+")
    );
}

#[tokio::test]
async fn what_a_run_writes_cannot_hide_anything() {
    let text = "ok\u{1b}[2K\u{1b}[31m red\u{1b}[0m \u{202e}txet\u{202c} a\u{200b}b\u{e0069}\u{e0067} \u{feff}end\r\n  5%|#|\r100%|##|";
    let answer = logs(200, json!({"logs": text}), json!({})).await.json();
    assert_eq!(answer["logs"], "ok red txet ab end\n100%|##|");

    let run = json!({"run": {"id": "r", "userId": "u", "status": "FAILED", "createdAt": "c", "updatedAt": "d", "name": "a\u{202e}b", "failureAnalysis": {"evidence": ["x\u{2066}y\u{e0041}"]}}});
    let answer = ask("get-run", 200, run, "prime-intellect-getrun", json!({}))
        .await
        .json();
    assert_eq!(answer["run"]["name"], "ab");
    assert_eq!(answer["run"]["failureAnalysis"]["evidence"][0], "xy");

    let answer = samples(
        vec![json!({"completion": "for\u{200d}get\u{2069} it\nnow\ttab"})],
        json!({}),
    )
    .await;
    assert_eq!(answer["samples"][0]["completion"], "forget it\nnow\ttab");
}

#[tokio::test]
async fn a_run_that_has_not_started_has_no_logs_yet_which_is_no_error() {
    for words in [
        "Run is queued",
        "Pod PENDING",
        "still starting",
        "Logs are not available yet",
        "Run has not started",
    ] {
        let answer = logs(404, json!({"detail": words}), json!({})).await.json();
        assert_eq!(answer["logs"], "");
        assert!(
            note(&answer).contains("has not started yet") && note(&answer).contains(words),
            "{answer}"
        );
    }
    let missing = logs(404, json!({"detail": "Run not found"}), json!({})).await;
    assert!(
        missing.error().contains("prime-intellect-listruns"),
        "{}",
        missing.text
    );
}

#[tokio::test]
async fn each_filter_of_the_logs_is_passed_on() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let arguments = json!({"run_id": "r", "search": "a+b", "regex": true, "level": "error", "since_seconds": 60, "component": "env-server", "pod_index": 0, "env_name": "e"});
    server.call("prime-intellect-getrunlogs", arguments).await.json();
    let query = upstream.requests().await[0].url.query().unwrap().to_owned();
    assert_eq!(
        query,
        "tail_lines=20&search=a%2Bb&regex=true&level=ERROR&since_seconds=60&component=env-server&pod_index=0&env_name=e"
    );
    let outcome = server
        .call(
            "prime-intellect-getrunlogs",
            json!({"run_id": "r", "tail_lines": 5001}),
        )
        .await;
    assert!(
        outcome.error().contains("tail_lines: is 5001"),
        "{}",
        outcome.text
    );
}

/// A run of 10,000 steps with eleven metrics.
fn long_run() -> Vec<Value> {
    let row = |step: usize| {
        let mut row = json!({"step": step, "reward/mean": 0.5, "big": 9_007_199_254_740_993_u64});
        for metric in 0..8 {
            row[format!("trainer/metric_{metric}")] = json!(0.125);
        }
        row
    };
    (0..10_000).map(row).collect()
}

fn steps(answer: &Value) -> Vec<u64> {
    let rows = answer["metrics"].as_array().unwrap();
    rows.iter().map(|row| row["step"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn metrics_of_ten_thousand_steps_are_a_short_table_of_the_main_columns() {
    let answer = metrics(long_run(), json!({})).await;
    assert!(answer.to_string().len() < 4500, "{}", answer.to_string().len());
    let shown = steps(&answer);
    assert!(shown.len() > 20, "{}", shown.len());
    assert_eq!((shown[0], shown[shown.len() - 1]), (0, 9999));
    assert_eq!(answer["metrics"][0], json!({"step": 0, "reward/mean": 0.5}));
    let expected = format!("{} of 10000 rows: one in {}", shown.len(), shown[1]);
    for part in [
        expected.as_str(),
        "columns left out (columns chooses them, every or limit shows all): big, trainer/metric_0",
    ] {
        assert!(note(&answer).contains(part), "{}", note(&answer));
    }

    // Whoever asks for rows gets them, with all columns.
    let answer = metrics(long_run(), json!({"limit": 10_000})).await;
    assert_eq!(answer["metrics"][0]["big"], json!(9_007_199_254_740_993_u64));
    let all_columns = steps(&answer).len();
    let answer = metrics(long_run(), json!({"columns": ["reward/mean"], "limit": 10_000})).await;
    // Fewer columns leave room for more rows.
    assert!(steps(&answer).len() > 5 * all_columns, "{all_columns}");

    let answer = metrics(long_run(), json!({"columns": ["reward/mean"], "every": 2000})).await;
    assert_eq!(steps(&answer), [0, 2000, 4000, 6000, 8000, 9999]);
}

#[tokio::test]
async fn every_row_that_is_asked_for_can_be_had() {
    for every in [1, 7] {
        let (mut from, mut had) = (0, Vec::new());
        let mut calls = 0;
        loop {
            let rows = long_run().split_off(usize::try_from(from).unwrap());
            let rows = rows.into_iter().take(1000).collect();
            let answer = metrics(rows, json!({"every": every, "min_step": from})).await;
            assert_eq!(answer["metrics"][0]["trainer/metric_7"], 0.125);
            had.extend(steps(&answer));
            calls += 1;
            let Some((_, next)) = note(&answer).split_once("min_step ") else {
                break;
            };
            let next: u64 = next.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(next - had[had.len() - 1], every, "{}", note(&answer));
            from = next;
            if from > 900 {
                break;
            }
        }
        assert!(calls > 1 || every > 1, "{calls}");
        let expected: Vec<u64> = (0..)
            .step_by(usize::try_from(every).unwrap())
            .take(had.len())
            .collect();
        assert!(had.len() > 100 && had[..100] == expected[..100], "{had:?}");
    }
}

#[tokio::test]
async fn the_main_columns_are_those_that_tell_most() {
    let row = |step: u32| {
        let mut row = json!({"step": step, "z": 1.0, "optim/lr": 0.001});
        for name in [
            "reward/env-0/mean",
            "reward/mean",
            "reward/max",
            "loss",
            "loss/kl_old/mean",
            "entropy",
            "completion_len/mean",
            "tokens/input",
        ] {
            row[name] = json!(0.123_456_789);
        }
        row
    };
    // A few rows are short as they are.
    let few: Vec<Value> = (0..8).map(row).collect();
    assert_eq!(metrics(few.clone(), json!({})).await, json!({"metrics": few}));
    let answer = metrics((0..200).map(row).collect(), json!({})).await;
    let shown = answer["metrics"][3].as_object().unwrap();
    let names: std::collections::BTreeSet<&str> = shown.keys().map(String::as_str).collect();
    let expected = [
        "step",
        "reward/mean",
        "loss",
        "entropy",
        "loss/kl_old/mean",
        "completion_len/mean",
    ];
    assert_eq!(names, expected.into_iter().collect());
    assert!(steps(&answer).len() > 10, "{answer}");
}

#[tokio::test]
async fn a_policy_that_collapsed_is_told_so() {
    let rows = |last: f64| -> Vec<Value> {
        let entropies = [4.7, 2.0, last];
        let numbered = entropies.iter().enumerate();
        numbered
            .map(|(step, entropy)| json!({"step": step, "entropy/mean": entropy}))
            .collect()
    };
    let whole = json!({"metrics": rows(0.5)});
    assert_eq!(metrics(rows(0.5), json!({})).await, whole);
    let answer = metrics(rows(1e-6), json!({})).await;
    assert!(
        note(&answer).starts_with("entropy/mean fell from 4.70 to 0.0000: the policy has collapsed"),
        "{answer}"
    );
    assert_eq!(answer["metrics"], json!(rows(1e-6)));
}

#[tokio::test]
async fn a_long_line_of_a_log_can_be_read_to_its_end() {
    let line = format!("{} end", "x".repeat(9000));
    let text = vec![line.clone(); 300].join("\n");
    let short = logs(200, json!({"logs": text}), json!({})).await;
    assert!(short.text.len() < 3500, "{}", short.text.len());
    assert!(
        note(&short.json()).contains("a smaller tail_lines shows more of each"),
        "{}",
        short.text
    );
    let whole = logs(200, json!({"logs": text}), json!({"tail_lines": 1}))
        .await
        .json();
    assert_eq!(whole["logs"], json!(line));
}

#[tokio::test]
async fn every_checkpoint_of_a_run_can_be_paged_to() {
    let checkpoint = |number: u32| json!({"id": format!("ck_{number}"), "rftRunId": "r", "step": number / 2, "storageUrl": format!("s3://bucket/{}/{number}", "x".repeat(100)), "status": "READY", "createdAt": "c"});
    let body = json!({"checkpoints": (0..500).map(checkpoint).collect::<Vec<_>>()});
    let page = async |arguments: Value| {
        let outcome = ask(
            "list-run-checkpoints",
            200,
            body.clone(),
            "prime-intellect-listruncheckpoints",
            arguments,
        )
        .await;
        assert!(outcome.text.len() < FITS, "{}", outcome.text.len());
        outcome.json()
    };
    let answer = page(json!({})).await;
    assert!(answer.to_string().len() < 4000, "{answer}");
    assert_eq!(answer["checkpoints"][0]["id"], "ck_499");
    assert!(
        note(&answer).contains("checkpoints 1 to 10 of 500, the newest first; page 2 goes on"),
        "{answer}"
    );
    let mut seen = std::collections::BTreeSet::new();
    for number in 1..=10 {
        let answer = page(json!({"page": number, "limit": 50})).await;
        for checkpoint in answer["checkpoints"].as_array().unwrap() {
            seen.insert(checkpoint["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(note(&answer).contains("goes on"), number < 10, "{answer}");
    }
    assert_eq!(seen.len(), 500);
    let beyond = page(json!({"page": 11, "limit": 50})).await;
    assert_eq!(beyond["checkpoints"], json!([]));
    assert_eq!(note(&beyond), "page 11 is beyond the last one, 10");
    // However few there are.
    let few = json!({"checkpoints": (0..6).map(checkpoint).collect::<Vec<_>>()});
    let few = ask(
        "list-run-checkpoints",
        200,
        few,
        "prime-intellect-listruncheckpoints",
        json!({}),
    );
    let few = few.await.json();
    let ids = few["checkpoints"].as_array().unwrap().iter();
    let ids: Vec<&str> = ids.map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["ck_5", "ck_4", "ck_3", "ck_2", "ck_1", "ck_0"]);
    let none = ask(
        "list-run-checkpoints",
        200,
        json!({"checkpoints": []}),
        "prime-intellect-listruncheckpoints",
        json!({"page": 2}),
    );
    let none = none.await.json();
    assert!(note(&none).starts_with("No checkpoint: "), "{none}");
}

#[tokio::test]
async fn a_run_that_has_ended_says_where_its_cost_is() {
    for (status, said) in [("RUNNING", false), ("COMPLETED", true)] {
        let run =
            json!({"run": {"id": "r", "userId": "u", "status": status, "createdAt": "c", "updatedAt": "d"}});
        let upstream = Scripted::start(vec![answer(&run)]).await;
        let mut server = Server::start(&upstream.url).await;
        let call = json!({"run_id": "r", "wait_seconds": 0});
        let shown = server.call("prime-intellect-getrun", call).await.json();
        let told = note(&shown).contains("prime-intellect-getrunusage (toolset runs-more) says what it cost");
        assert_eq!(told, said, "{shown}");
    }
}

#[tokio::test]
async fn an_empty_list_says_what_that_means() {
    let mut said = 0;
    for entry in rl_mcp::ALL {
        let Some(empty) = entry.spec.empty else { continue };
        let upstream = Scripted::start(vec![answer(&json!({empty.member: []}))]).await;
        let mut server = Server::start(&upstream.url).await;
        let name = entry.spec.name;
        let needed = entry.schema()["required"].clone();
        let mut arguments = json!({});
        for argument in needed.as_array().into_iter().flatten() {
            arguments[argument.as_str().unwrap()] = json!(1);
        }
        let shown = server.call(name, arguments.clone()).await.json();
        assert_eq!(shown, json!({empty.member: [], "note": empty.means}), "{name}");
        upstream.script(vec![answer(&json!({empty.member: [{"step": 1}]}))]);
        let shown = server.call(name, arguments).await.json();
        assert_eq!(shown.get("note"), None, "{name}");
        said += 1;
    }
    assert!(said >= 10, "{said}");
    // Each list of each service has such a sentence.
    for entry in rl_mcp::ALL {
        let name = entry.spec.name;
        if name.starts_with("list-") && !entry.spec.is_local() || name.starts_with("prime-intellect-list") {
            assert!(
                entry.spec.empty.is_some() || name == "prime-intellect-listmodels",
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn short_metrics_pass_untouched_and_a_column_that_is_nowhere_is_named() {
    let rows = || {
        vec![
            json!({"step": 1, "reward/mean": 0.1}),
            json!({"step": 2, "reward/mean": 0.2}),
        ]
    };
    assert_eq!(metrics(rows(), json!({})).await, json!({"metrics": rows()}));
    let answer = metrics(rows(), json!({"columns": ["rewards"]})).await;
    assert_eq!(note(&answer), "no row has rewards; there are: step, reward/mean");
    assert_eq!(
        metrics(Vec::new(), json!({"every": 5})).await["metrics"],
        json!([])
    );
}

#[tokio::test]
async fn one_row_too_large_for_an_answer_is_said_to_be_so() {
    let row = |step: u32| {
        let mut row = json!({"step": step});
        for metric in 0..1500 {
            row[format!("a/rather/long/name/of/a/metric_{metric}")] = json!(0.125);
        }
        row
    };
    let answer = metrics((0..50).map(row).collect(), json!({})).await;
    assert!(note(&answer).contains("columns"), "{}", note(&answer));
}

#[tokio::test]
async fn samples_share_one_answer_and_numbers_are_cut_too() {
    let sample = |id: usize| json!({"id": id, "prompt": "p".repeat(3000), "completion": "c".repeat(20_000), "reward": 0.5, "logprobs": vec![-0.25; 5000], "messages": [{"role": "user", "content": "m".repeat(9000)}]});
    let answer = samples((0..20).map(sample).collect(), json!({})).await;
    let shown = answer["samples"].as_array().unwrap();
    assert_eq!(shown.len(), 20);
    assert_eq!(shown[7]["reward"], 0.5);
    assert!(
        shown[7]["completion"].as_str().unwrap().contains("… (+"),
        "{}",
        shown[7]
    );
    assert!(note(&answer).contains("were cut"), "{}", note(&answer));
    assert_eq!(answer["total"], 400);

    // One by one they show more.
    let answer = samples(
        (0..1).map(sample).collect(),
        json!({"limit": 1, "columns": ["completion"]}),
    )
    .await;
    assert_eq!(answer["samples"][0]["completion"].as_str().unwrap().len(), 20_000);
    assert_eq!(answer["samples"][0].get("prompt"), None);

    // Hundreds of small members in each: then not all samples fit.
    let wide = |id: usize| {
        (0..600)
            .map(|at| (format!("member_{at}"), json!(id)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let answer = samples((0..20).map(wide).collect(), json!({})).await;
    let shown = answer["samples"].as_array().unwrap().len();
    assert!(
        shown > 0 && note(&answer).contains(&format!("{shown} of the 20 samples")),
        "{}",
        note(&answer)
    );

    // One that is too large even so says what it has.
    let members = (0..6000).map(|at| (format!("member_{at}"), json!(at)));
    let huge: Value = members.collect::<serde_json::Map<_, _>>().into();
    let answer = samples(vec![huge], json!({})).await;
    assert_eq!(answer["samples"][0]["member_0"], 0);
    assert!(
        note(&answer).contains("columns were left out (columns chooses them): member_"),
        "{}",
        note(&answer)
    );
}

#[tokio::test]
async fn of_long_conversations_both_ends_are_shown() {
    let message = |at: usize| json!({"role": "user", "content": format!("turn {at} {}", "m".repeat(80))});
    let sample = |_: usize| json!({"messages": (0..500).map(message).collect::<Vec<_>>(), "reward": 1});
    let answer = samples((0..20).map(sample).collect(), json!({})).await;
    let shown = answer["samples"].as_array().unwrap();
    assert_eq!(shown.len(), 20);
    let messages = shown[0]["messages"].as_array().unwrap();
    assert!(messages[0]["content"].as_str().unwrap().starts_with("turn 0 "));
    let last = messages.last().unwrap();
    assert!(
        last["content"].as_str().unwrap().starts_with("turn 499 "),
        "{last}"
    );

    // The end of a completion is what was scored.
    let long = json!({"completion": format!("{} answer: 42", "c".repeat(60_000))});
    let answer = samples(vec![long], json!({"limit": 1})).await;
    let completion = answer["samples"][0]["completion"].as_str().unwrap();
    assert!(
        completion.ends_with("answer: 42") && completion.contains("… (+"),
        "{completion}"
    );
}

#[tokio::test]
async fn one_wide_value_does_not_hide_the_other_metrics() {
    let row = |step: u32| json!({"step": step, "_time": "x".repeat(4000), "z": 1, "reward/mean": 0.5});
    let answer = metrics((0..50).map(row).collect(), json!({"every": 1})).await;
    assert_eq!(answer["metrics"][7]["reward/mean"], 0.5);
    assert!(
        answer["metrics"][7]["_time"].as_str().unwrap().contains("… (+"),
        "{answer}"
    );
    // A column also stands for a group.
    let answer = metrics((0..50).map(row).collect(), json!({"columns": ["reward"]})).await;
    assert_eq!(answer["metrics"][0], json!({"step": 0, "reward/mean": 0.5}));
}

/// What a service may hand out of a text that was cut in the middle of a character.
const HALF: &str = r"\ud83d";

#[tokio::test]
async fn half_a_character_does_not_switch_anything_off() {
    let lines = format!("line {HALF}\\n").repeat(1000);
    for (operation, tool, body) in [
        (
            "logs",
            "prime-intellect-getrunlogs",
            format!("{{\"logs\":\"{lines}\"}}"),
        ),
        (
            "metrics",
            "prime-intellect-getrunmetrics",
            format!(
                "{{\"metrics\":[{}]}}",
                vec![format!("{{\"step\":1,\"{HALF}\":\"{}\"}}", "x".repeat(100)); 3000].join(",")
            ),
        ),
        (
            "samples",
            "prime-intellect-getrunsamples",
            format!(
                "{{\"samples\":[{}]}}",
                vec![format!("{{\"t\":\"{HALF}{}\"}}", "x".repeat(9000)); 20].join(",")
            ),
        ),
        (
            "run",
            "prime-intellect-getrun",
            format!(
                "{{\"run\":{{\"errorMessage\":\"{HALF}{}\"}}}}",
                "x".repeat(90_000)
            ),
        ),
    ] {
        let upstream = Scripted::start(vec![status(200, "", &body)]).await;
        let mut server = Server::start(&upstream.url).await;
        let mut arguments = json!({"run_id": "r"});
        if operation == "samples" {
            arguments["step"] = json!(1);
        }
        let outcome = server.call(tool, arguments).await;
        assert!(outcome.text.len() < FITS, "{operation}: {}", outcome.text.len());
        assert!(!note(&outcome.json()).is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn nothing_that_a_run_writes_breaks_the_server_or_other_answers() {
    let deep = format!("{{\"run\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let poison = json!({"samples": [{"tokenValue": "TRAINING_OPERATION_STATUS_COMPLETED", "key": "pit_0123456789abcdef"}]});
    let mut reactions = vec![status(200, "", &deep), answer(&poison)];
    reactions.push(answer(
        &json!({"status": "TRAINING_OPERATION_STATUS_COMPLETED", "note": "pit_0123456789abcdef"}),
    ));
    let upstream = Scripted::start(reactions).await;
    let mut server = Server::start(&upstream.url).await;
    let outcome = server
        .call("prime-intellect-getrun", json!({"run_id": "r"}))
        .await;
    assert!(outcome.text.len() < 300_000);
    let shown = server
        .call("prime-intellect-getrunsamples", json!({"run_id": "r", "step": 1}))
        .await
        .json();
    assert_eq!(shown["samples"][0]["key"], "[redacted]");
    let session = server
        .call("get-training-session", json!({"session_id": "s"}))
        .await
        .json();
    assert_eq!(session["status"], "TRAINING_OPERATION_STATUS_COMPLETED");
}

#[tokio::test]
async fn a_refusal_cannot_hide_anything_either() {
    let words = "boom \u{202e}\u{e0041}\u{200b}x pit_0123456789abcdef";
    let outcome = ask(
        "get-run",
        400,
        json!({"detail": words}),
        "prime-intellect-getrun",
        json!({}),
    )
    .await;
    assert!(outcome.error().contains("boom x [redacted]"), "{}", outcome.text);
}

#[tokio::test]
async fn logs_that_are_gone_are_not_waited_for() {
    for words in [
        "logs are not available for deleted runs",
        "Run reverse-spending not found",
        "queued run not found",
    ] {
        let outcome = logs(404, json!({"detail": words}), json!({})).await;
        assert!(outcome.is_error, "{}", outcome.text);
    }
    let exactly = logs(200, json!({"logs": "a\nb"}), json!({"tail_lines": 2}))
        .await
        .json();
    assert!(note(&exactly).contains("there may be earlier ones"), "{exactly}");
    let nothing = logs(200, json!({"logs": ""}), json!({"search": "x"}))
        .await
        .json();
    assert!(note(&nothing).contains("nothing matches"), "{nothing}");
}

/// What the tool makes of this progress of a run.
async fn progress(body: Value) -> Value {
    let tool = "prime-intellect-getrunprogress";
    ask("get-run-progress", 200, body, tool, json!({})).await.json()
}

#[tokio::test]
async fn long_lists_of_a_run_show_their_newest_part() {
    for (steps, shown) in [
        ((0..10_000).collect::<Vec<u32>>(), json!(["0-9999"])),
        ((0..40).step_by(10).collect(), json!(["0-30 by 10"])),
        (vec![0, 1, 2, 10, 20, 31, 32], json!(["0-2", "10", "20", "31-32"])),
        (vec![4, 9], json!([4, 9])),
        (Vec::new(), json!([])),
    ] {
        let body = json!({"latestStep": 9999, "stepsWithSamples": steps, "stepsWithDistributions": [1], "lastUpdatedAt": "x"});
        let answer = progress(body).await;
        assert_eq!(answer["stepsWithSamples"], shown);
        assert!(
            note(&answer).is_empty() && answer["stepsWithDistributions"] == json!([1]),
            "{answer}"
        );
    }
    // No two of them are next to each other, and no three equally far apart.
    let steps: Vec<u32> = (1..=2000).map(|n| n * n).collect();
    let answer =
        progress(json!({"latestStep": 9, "stepsWithSamples": steps, "stepsWithDistributions": []})).await;
    let shown = answer["stepsWithSamples"].as_array().unwrap();
    assert_eq!((shown.len(), &shown[49]), (50, &json!("4000000")));
    assert!(
        note(&answer).contains("ranges of 2000, of 2000 steps"),
        "{answer}"
    );

    let checkpoint = |step: u32| json!({"id": format!("ck_{step}"), "rftRunId": "r", "step": step, "storageUrl": format!("s3://bucket/{}/{step}", "x".repeat(100)), "status": "READY", "createdAt": "c"});
    // Newest first, as a service may list them.
    let body = json!({"checkpoints": (0..1000).rev().map(checkpoint).collect::<Vec<_>>()});
    let outcome = ask(
        "list-run-checkpoints",
        200,
        body,
        "prime-intellect-listruncheckpoints",
        json!({}),
    )
    .await;
    assert!(outcome.text.len() < FITS);
    let answer = outcome.json();
    assert_eq!(answer["checkpoints"][0]["step"], 999);
    assert!(note(&answer).contains("1 to 10 of 1000"), "{}", note(&answer));

    let run = |id: u32| json!({"id": id.to_string(), "userId": "u", "status": "RUNNING", "createdAt": "c", "updatedAt": "d", "runConfig": {"text": "y".repeat(5000)}});
    let body = json!({"runs": (0..20).map(run).collect::<Vec<_>>(), "total": 20});
    let outcome = ask(
        "list-runs",
        200,
        body,
        "prime-intellect-listruns",
        json!({"page": 1}),
    )
    .await;
    // `run_id` is no argument of a list.
    assert!(outcome.error().contains("run_id"), "{}", outcome.text);
}

#[tokio::test]
async fn a_page_of_runs_leaves_out_their_configs_when_it_would_not_fit() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let run = |id: u32| json!({"id": id.to_string(), "userId": "u", "status": "RUNNING", "createdAt": "c", "updatedAt": "d", "runConfig": {"text": "y".repeat(5000)}});
    upstream.answers(
        "list-runs",
        vec![json!({"runs": (0..20).map(run).collect::<Vec<_>>(), "total": 20})],
    );
    let answer = server.call("prime-intellect-listruns", json!({})).await.json();
    assert_eq!(
        answer["runs"][19],
        json!({"id": "19", "userId": "u", "status": "RUNNING", "createdAt": "c", "updatedAt": "d"})
    );
    assert!(
        note(&answer).contains("prime-intellect-getrun"),
        "{}",
        note(&answer)
    );
}

#[tokio::test]
async fn an_older_deployment_without_discovery_offers_nothing() {
    for (operation, tool, empty) in [
        (
            "list-available-gpu-types",
            "prime-intellect-listgputypes",
            "gpuTypes",
        ),
        (
            "list-available-fft-models",
            "prime-intellect-listmodels",
            "models",
        ),
    ] {
        let upstream = Upstream::start().await;
        upstream.tell(operation, vec![(404, json!({"detail": "Not Found"}))]);
        let mut server = Server::start(&upstream.server.uri()).await;
        let answer = server.call(tool, json!({})).await.json();
        assert_eq!(answer[empty], json!([]));
        assert!(note(&answer).contains("404"), "{answer}");
    }
}
