//! What bills: prices, stopping, and what holds a model resource up.

use serde_json::{Value, json};

use crate::support::{Example, Reaction, Scripted, Server, Upstream, examples, json as answer, status};

const R: &str = "7d0c0d0e-4b1f-4a52-9a3e-0f6c5b8d1a01";

fn example(operation: &str) -> Example {
    examples(operation).remove(0)
}

fn refused(words: &str) -> Value {
    json!({"error": {"message": words, "type": "invalid_request_error"}})
}

fn resource(status: &str) -> Value {
    let mut resource = example("get-model-resource").response;
    resource["status"] = json!(format!("MODEL_RESOURCES_STATUS_{status}"));
    resource
}

async fn create(upstream: &Upstream) -> (crate::support::Outcome, Vec<String>) {
    let mut server = Server::start(&upstream.server.uri()).await;
    let body = example("create-model-resource").request;
    let outcome = server.call("create-model-resource", json!({"body": body})).await;
    let requests = upstream.requests().await;
    let paths = requests.iter().map(|request| request.url.path().to_owned());
    (outcome, paths.collect())
}

#[tokio::test]
async fn the_price_is_asked_for_before_anything_is_started() {
    let upstream = Upstream::start().await;
    let (outcome, paths) = create(&upstream).await;
    assert_eq!(
        paths,
        ["/v1/rl/model-resources/estimate-cost", "/v1/rl/model-resources"]
    );
    let note = outcome.json()["note"].as_str().unwrap().to_owned();
    assert!(note.starts_with("Bills 56.0 USD per hour from READY"), "{note}");
}

#[tokio::test]
async fn a_price_that_cannot_be_had_does_not_stop_the_creation() {
    for told in [
        vec![(404, refused("no such route"))],
        vec![(200, json!({"price_per_hour": null}))],
        vec![(200, json!([1]))],
        vec![(422, refused("not now"))],
    ] {
        let upstream = Upstream::start().await;
        upstream.tell("estimate-model-resource-cost", told);
        let (outcome, _) = create(&upstream).await;
        let created = outcome.json();
        assert_eq!(created["id"], R);
        assert!(
            created["note"]
                .as_str()
                .unwrap()
                .contains("the price is not known"),
            "{created}"
        );
    }
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_not_repeated_and_says_where_to_look() {
    let price = answer(&example("estimate-model-resource-cost").response);
    let upstream = Scripted::start(vec![price, Reaction::Cut(Vec::new())]).await;
    let mut server = Server::start(&upstream.url).await;
    let body = json!({"base_model": "m"});
    let outcome = server.call("create-model-resource", json!({"body": body})).await;
    assert_eq!(upstream.seen().len(), 2);
    let text = outcome.error();
    assert!(
        text.contains("It is not known whether the model resource was created"),
        "{text}"
    );
    assert!(
        text.contains("list-model-resources") && text.contains("bills"),
        "{text}"
    );
}

#[tokio::test]
async fn what_costs_more_than_the_user_allows_is_not_started() {
    let price = |amount: Value, currency: &str| json!({"price_per_hour": amount, "currency": currency});
    for (limit, estimate, refusal) in [
        ("56", (200, price(json!(56.0), "USD")), None),
        ("60", (200, price(json!(56.0), "USD")), None),
        (
            "55.9",
            (200, price(json!(56.0), "USD")),
            Some(
                "it costs 56.0 USD per hour, and RL_MCP_MAX_PRICE_PER_HOUR of this server allows at most 55.9 USD",
            ),
        ),
        ("0", (200, price(json!(0.1), "USD")), Some("it costs 0.1 USD")),
        (
            "60",
            (200, price(json!(56.0), "EUR")),
            Some("its price is 56.0 EUR per hour, which cannot be compared"),
        ),
        ("60", (200, price(json!(-1), "USD")), Some("cannot be compared")),
        ("60", (200, price(Value::Null, "USD")), Some("cannot be compared")),
        ("60", (200, json!([1])), Some("does not say what it costs")),
        (
            "60",
            (422, refused("no such model")),
            Some("saying: no such model"),
        ),
    ] {
        let upstream = Upstream::start().await;
        upstream.tell("estimate-model-resource-cost", vec![estimate]);
        let mut command = Server::command(&upstream.server.uri());
        let mut server = Server::initialized(command.env("RL_MCP_MAX_PRICE_PER_HOUR", limit)).await;
        let body = example("create-model-resource").request;
        let outcome = server.call("create-model-resource", json!({"body": body})).await;
        let asked = upstream.requests().await.len();
        match refusal {
            None => assert_eq!((asked, outcome.json()["id"].as_str()), (2, Some(R))),
            Some(words) => {
                assert_eq!(asked, 1, "{limit}");
                let text = outcome.error();
                assert!(
                    text.contains(words) && text.contains("nothing was started"),
                    "{text}"
                );
                // A price that could not be had has a next step of its own.
                let advice = ["tell the user", "num_generator_replicas"];
                let advised = advice.iter().all(|words| text.contains(words));
                assert_eq!(advised, !words.starts_with("saying"), "{text}");
            }
        }
    }
    // Without a key that is what is said.
    let mut command = Server::command("http://127.0.0.1:9");
    command
        .env("RL_MCP_MAX_PRICE_PER_HOUR", "1")
        .env_remove("TOGETHER_API_KEY");
    let mut server = Server::initialized(&mut command).await;
    let outcome = server
        .call("create-model-resource", json!({"body": {"base_model": "m"}}))
        .await;
    assert!(
        outcome.error().contains("No key for Together AI"),
        "{}",
        outcome.text
    );
}

/// Stops a resource whose stop is refused; what the GET and the list of sessions say is in the arguments.
async fn stop(
    stop: (u16, Value),
    shown: (u16, Value),
    sessions: (u16, Value),
) -> (crate::support::Outcome, Vec<String>) {
    let upstream = Upstream::start().await;
    upstream.tell("stop-model-resource", vec![stop]);
    upstream.tell("get-model-resource", vec![shown]);
    upstream.tell("list-training-sessions", vec![sessions]);
    let mut server = Server::start(&upstream.server.uri()).await;
    let outcome = server
        .call("stop-model-resource", json!({"model_resources_id": R}))
        .await;
    let requests = upstream.requests().await;
    let lines = requests
        .iter()
        .map(|request| format!("{} {}", request.method, request.url.path().replace(R, "R")));
    (outcome, lines.collect())
}

#[tokio::test]
async fn a_resource_that_has_ended_already_is_stopped_successfully() {
    for (code, ended) in [
        (400, "STOPPED"),
        (400, "STOPPING"),
        (400, "ERROR"),
        (409, "STOPPED"),
        (422, "STOPPED"),
    ] {
        let (outcome, lines) = stop(
            (code, refused("already stopped")),
            (200, resource(ended)),
            (200, json!({})),
        )
        .await;
        let answer = outcome.json();
        assert_eq!(answer["status"], format!("MODEL_RESOURCES_STATUS_{ended}"));
        assert!(
            answer["note"].as_str().unwrap().contains("had already ended"),
            "{answer}"
        );
        assert_eq!(
            lines,
            [
                "POST /v1/rl/model-resources/R/stop",
                "GET /v1/rl/model-resources/R"
            ]
        );
    }
    let (outcome, _) = stop(
        (400, refused("no")),
        (404, refused("not found")),
        (200, json!({})),
    )
    .await;
    let answer = outcome.json();
    assert!(
        answer["note"]
            .as_str()
            .unwrap()
            .contains("no longer knows a model resource")
            && answer["id"] == R,
        "{answer}"
    );
}

#[tokio::test]
async fn a_refusal_names_the_sessions_that_hold_the_resource_up_and_the_way_out() {
    let sessions = json!({"data": [
        {"id": "s-1", "status": "TRAINING_SESSION_STATUS_RUNNING", "display_name": "arith"},
        {"id": "s-2", "status": "TRAINING_SESSION_STATUS_STOPPING"},
    ], "meta": {"limit": 20, "has_more": false}});
    for code in [400, 409, 422] {
        let (outcome, lines) = stop(
            (code, refused("active sessions")),
            (200, resource("READY")),
            (200, sessions.clone()),
        )
        .await;
        let text = outcome.error();
        for words in [
            "active sessions",
            "s-1 (arith, RUNNING)",
            "s-2 (STOPPING)",
            "force true",
            "stop-training-session",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(lines.len(), 3);
    }
    // Without the list the service's own words remain.
    for nothing in [(200, json!({"data": []})), (403, refused("no"))] {
        let (outcome, _) = stop((400, refused("busy")), (200, resource("READY")), nothing).await;
        assert!(outcome.error().contains("saying: busy"), "{}", outcome.text);
    }
}

#[tokio::test]
async fn a_resource_that_the_service_does_not_know_is_gone_but_may_be_mistyped() {
    let (outcome, lines) = stop((404, refused("not found")), (200, json!({})), (200, json!({}))).await;
    let answer = outcome.json();
    let note = answer["note"].as_str().unwrap();
    assert!(
        note.contains("gone and bills nothing") && note.contains("mistyped"),
        "{note}"
    );
    assert_eq!(lines.len(), 1);
}

/// A refusal after a try that got no answer: the state has shown that nothing was done.
#[tokio::test]
async fn a_refusal_in_earnest_is_one_even_after_a_lost_answer() {
    let no = |words: &str| status(400, "", &refused(words).to_string());
    let sessions = json!({"data": [{"id": "s-1", "status": "TRAINING_SESSION_STATUS_RUNNING"}]});
    let upstream = Scripted::start(vec![
        status(500, "", "{}"),
        no("active sessions"),
        answer(&resource("READY")),
        answer(&sessions),
    ])
    .await;
    let mut server = Server::start(&upstream.url).await;
    let outcome = server
        .call("stop-model-resource", json!({"model_resources_id": R}))
        .await;
    let text = outcome.error();
    assert!(
        !text.contains("not known") && text.contains("s-1 (RUNNING)"),
        "{text}"
    );
    // The list of sessions is of no help: the way out is named all the same.
    let upstream = Scripted::start(vec![
        no("busy"),
        answer(&resource("READY")),
        answer(&json!({"data": []})),
    ])
    .await;
    let mut server = Server::start(&upstream.url).await;
    let outcome = server
        .call("stop-model-resource", json!({"model_resources_id": R}))
        .await;
    assert!(
        outcome.error().contains("force true") && outcome.text.contains("keeps billing"),
        "{}",
        outcome.text
    );
}

#[tokio::test]
async fn the_price_can_be_had_without_starting_anything() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let body = json!({"base_model": "m"});
    let arguments = json!({"body": body, "estimate_only": true});
    let answer = server.call("create-model-resource", arguments).await.json();
    assert_eq!(answer["price_per_hour"], 56.0);
    let paths: Vec<_> = upstream
        .requests()
        .await
        .iter()
        .map(|request| request.url.path().to_owned())
        .collect();
    assert_eq!(paths, ["/v1/rl/model-resources/estimate-cost"]);
}

#[tokio::test]
async fn a_run_that_has_ended_already_is_stopped_successfully() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let refusal = json!({"detail": "run is not active"});
    for (state, ended) in [
        ("COMPLETED", true),
        ("FAILED", true),
        ("STOPPED", true),
        ("RUNNING", false),
    ] {
        let mut run = example("get-run").response;
        run["run"]["status"] = json!(state);
        upstream.tell("stop-run", vec![(409, refusal.clone())]);
        upstream.answers("get-run", vec![run]);
        let outcome = server
            .call("prime-intellect-stoprun", json!({"run_id": "r"}))
            .await;
        assert_eq!(!outcome.is_error, ended, "{state}: {}", outcome.text);
        assert!(
            outcome
                .text
                .contains(if ended { "had already ended" } else { "not active" }),
            "{}",
            outcome.text
        );
        upstream.requests().await;
    }
}

#[tokio::test]
async fn force_is_sent_only_when_it_is_wanted() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    for (force, query) in [
        (json!(true), Some("force=true")),
        (json!(false), None),
        (json!("true"), Some("force=true")),
        (Value::Null, None),
    ] {
        let arguments = json!({"model_resources_id": R, "force": force});
        server.call("stop-model-resource", arguments).await.json();
        assert_eq!(upstream.requests().await[0].url.query(), query);
    }
}

#[tokio::test]
async fn stopping_a_session_reminds_of_what_still_bills() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let stop = json!({"session_id": "s"});
    let note = server.call("stop-training-session", stop.clone()).await.json()["note"].clone();
    assert!(
        note.as_str()
            .unwrap()
            .contains(&format!("The model resource {R} stays up and bills")),
        "{note}"
    );
    // An answer of another form is passed on all the same.
    for (shown, kept) in [
        (json!({"status": "x"}), "The model resource stays up"),
        (json!([1]), "[1]"),
    ] {
        upstream.tell("stop-training-session", vec![(200, shown)]);
        let outcome = server.call("stop-training-session", stop.clone()).await;
        assert!(
            !outcome.is_error && outcome.text.contains(kept),
            "{}",
            outcome.text
        );
    }
}

#[tokio::test]
async fn an_update_clears_with_empty_text_and_changes_nothing_else() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    for (body, sent) in [
        (json!({"display_name": ""}), json!({"display_name": ""})),
        (
            json!({"display_name": null, "metadata": {"wandb": {"url": "", "group": "g"}}}),
            json!({"metadata": {"wandb": {"url": "", "group": "g"}}}),
        ),
    ] {
        let arguments = json!({"session_id": "s", "body": body});
        server.call("update-training-session", arguments).await.json();
        let requests = upstream.requests().await;
        assert_eq!(requests[0].method.as_str(), "PATCH");
        assert_eq!(serde_json::from_slice::<Value>(&requests[0].body).unwrap(), sent);
    }
    let outcome = server
        .call("update-training-session", json!({"session_id": "s", "body": {}}))
        .await;
    assert!(
        outcome.error().contains("body: changes nothing"),
        "{}",
        outcome.text
    );
}

#[tokio::test]
async fn an_estimate_above_the_limit_is_answered_and_says_so() {
    for (limit, says) in [("55.9", true), ("56", false)] {
        let upstream = Upstream::start().await;
        let mut command = Server::command(&upstream.server.uri());
        let mut server = Server::initialized(command.env("RL_MCP_MAX_PRICE_PER_HOUR", limit)).await;
        let body = example("create-model-resource").request;
        let asked = json!({"body": body, "estimate_only": true});
        let answer = server.call("create-model-resource", asked).await.json();
        assert_eq!(answer["price_per_hour"], 56.0);
        let note = answer["note"].as_str().unwrap();
        assert!(
            note.starts_with("Only an estimate: nothing was started."),
            "{note}"
        );
        let over = "RL_MCP_MAX_PRICE_PER_HOUR of this server allows at most 55.9 USD per hour";
        assert_eq!(note.contains(over), says, "{note}");
    }
}

#[tokio::test]
async fn a_model_that_does_not_exist_leads_to_the_list_of_those_that_do() {
    for code in [400, 404, 422] {
        for (tool, estimate_only) in [
            ("create-model-resource", Some(false)),
            ("create-model-resource", Some(true)),
            ("estimate-model-resource-cost", None),
        ] {
            let upstream =
                Scripted::start(vec![status(code, "", &refused("no such base_model").to_string())]).await;
            let mut server = Server::start(&upstream.url).await;
            let mut asked = json!({"body": {"base_model": "nope"}});
            if let Some(only) = estimate_only {
                asked["estimate_only"] = json!(only);
            }
            let outcome = server.call(tool, asked).await;
            assert!(
                outcome.error().contains("list-supported-models"),
                "{}",
                outcome.text
            );
        }
    }
}
