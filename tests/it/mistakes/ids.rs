//! Ids of something else, cut ids, and things that have ended.

use serde_json::{Value, json};

use super::input;
use crate::support::Place;
use crate::support::{json as answer, status};

const RUN: &str = "c118db1f-5a0e-4c2b-9f6e-0d1e2f3a4b5c";

/// The answer of a service that knows no such thing.
const MISSING: &str = r#"{"error":{"message":"there is no such thing","type":"not_found"}}"#;

impl Place {
    /// Calls a tool that the service answers so.
    async fn done(&mut self, tool: &str, arguments: Value, answered: Value) -> Value {
        self.upstream.script(vec![answer(&answered)]);
        self.server.call(tool, arguments).await.json()
    }

    /// What is said of a call that the service refuses with 404.
    async fn missing(&mut self, tool: &str, arguments: Value) -> String {
        self.upstream.script(vec![status(404, "", MISSING)]);
        self.server.call(tool, arguments).await.error().to_owned()
    }
}

#[tokio::test]
async fn a_run_called_by_its_name_is_told_its_id() {
    let mut place = Place::new().await;
    let runs = json!({"runs": [{"id": "r-0", "name": "other"}, {"id": RUN, "name": "grpo-1"}], "total": 2});
    for tool in [
        "prime-intellect-deleterun",
        "prime-intellect-stoprun",
        "prime-intellect-getrun",
        "prime-intellect-getrunlogs",
    ] {
        place.upstream.script(vec![
            status(404, "", r#"{"detail":"Run not found"}"#),
            answer(&runs),
        ]);
        let call = json!({"run_id": "grpo-1"});
        let text = place.server.call(tool, call).await.error().to_owned();
        let told = format!(
            "Next: run_id is to be the id of a run, and grpo-1 is what it is called: its id is {RUN}."
        );
        assert!(text.ends_with(&told), "{text}");
    }
    let text = place
        .missing("prime-intellect-deleterun", json!({"run_id": "unknown"}))
        .await;
    assert!(
        text.contains("no run has this id: prime-intellect-listruns") && !text.contains("nothing left to do"),
        "{text}"
    );
}

#[tokio::test]
async fn a_cut_or_mistyped_id_is_told_the_nearest() {
    let mut place = Place::new().await;
    let body = json!({"config": {"trainer": {}, "orchestrator": {}}});
    let created = json!({"runId": RUN, "onDemand": false});
    place
        .done("prime-intellect-createrun", json!({"body": body}), created)
        .await;
    let near = format!("Next: check run_id: the nearest known id is {RUN}.");
    for wrong in ["c118db1f", "c118db1f-5a0e-4c2b-9f6e-0d1e2f3a4b5d"] {
        let text = place
            .missing("prime-intellect-getrun", json!({"run_id": wrong}))
            .await;
        assert!(text.ends_with(&near), "{text}");
    }
    let text = place
        .missing("prime-intellect-getrun", json!({"run_id": "d229db1f"}))
        .await;
    assert!(!text.contains("nearest"), "{text}");
}

#[tokio::test]
async fn a_session_to_resume_from_is_told_its_training_checkpoint() {
    let mut place = Place::new().await;
    for (tool, id, checkpoint) in [
        ("save-training-checkpoint", "o-1", "training-1"),
        ("save-training-checkpoint", "o-2", "training-2"),
        ("create-inference-checkpoint", "o-3", "inference-1"),
    ] {
        let saved = json!({"id": id, "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": {"checkpoint": {"id": checkpoint}}});
        place.done(tool, json!({"session_id": "ses"}), saved).await;
    }
    let body = json!({"model_resources_id": "m", "resume_from_checkpoint_id": "ses"});
    let text = place
        .missing("create-training-session", json!({"body": body}))
        .await;
    assert!(
        text.contains("ses is a training session: its training checkpoint is training-2."),
        "{text}"
    );
    let text = place
        .missing("download-checkpoint", json!({"id": "ses", "variant": "adapter"}))
        .await;
    assert!(
        text.contains("its inference checkpoint is inference-1."),
        "{text}"
    );
}

#[tokio::test]
async fn a_session_in_place_of_something_else_is_told_the_tool_for_sessions() {
    let mut place = Place::new().await;
    let session = json!({"body": {"model_resources_id": "m"}, "wait_seconds": 0});
    place
        .done("create-training-session", session, json!({"id": "ses-1"}))
        .await;
    let text = place
        .missing(
            "download-checkpoint",
            json!({"id": "ses-1", "variant": "adapter"}),
        )
        .await;
    assert!(
        text.contains("ses-1 is a training session: no checkpoint of it that has a download is known here: create-inference-checkpoint makes one"),
        "{text}"
    );
    let text = place
        .missing("prime-intellect-stoprun", json!({"run_id": "ses-1"}))
        .await;
    assert!(
        text.contains("ses-1 is a training session: stop-training-session with session_id ses-1 ends it"),
        "{text}"
    );
}

#[tokio::test]
async fn a_limit_bounds_every_list() {
    let mut place = Place::new().await;
    for id in ["ses-1", "ses-2"] {
        let session = json!({"body": {"model_resources_id": "m"}, "wait_seconds": 0});
        place
            .done("create-training-session", session, json!({"id": id}))
            .await;
    }
    let shown = place
        .server
        .call("list-recent-activity", json!({"limit": 1}))
        .await;
    let shown = shown.json();
    assert_eq!(shown["sessions"].as_array().unwrap().len(), 1, "{shown}");
    let left_out = shown["left_out"].to_string();
    assert!(left_out.contains("1 session (limit shows more"), "{shown}");
}

#[tokio::test]
async fn both_of_two_wrong_ids_are_told() {
    let mut place = Place::new().await;
    let pending = json!({"id": "operation-1", "status": "TRAINING_OPERATION_STATUS_PENDING"});
    let body = json!({"model_inputs": [input(&[1])]});
    let call = json!({"session_id": "session-1", "body": body, "wait_seconds": 0});
    place.done("sample", call, pending).await;
    let call = json!({"session_id": "session-2", "operation_ids": ["operation-2"], "rewards": [[1, 0]]});
    let found = place.problems("build-training-batch", call).await;
    for line in [
        "session_id: the nearest known id is session-1",
        "operation_ids: are those of sample operations of the session; check operation_id: the nearest known id is operation-1",
    ] {
        assert!(found.iter().any(|found| found.starts_with(line)), "{found:#?}");
    }
}

#[tokio::test]
async fn an_operation_of_another_session_is_told_the_call_to_make() {
    let mut place = Place::new().await;
    let tokens = json!({"tokens": [3], "logprobs": [-0.5]});
    let output = json!({"results": [{"sequences": [tokens, tokens]}]});
    let completed = json!({"id": "op-1", "status": "TRAINING_OPERATION_STATUS_COMPLETED", "output": output});
    let body = json!({"model_inputs": [input(&[1, 2])], "num_samples": 2});
    let call = json!({"session_id": "first", "body": body, "output": "file"});
    place.done("sample", call, completed).await;
    let call = |session: &str| json!({"session_id": session, "operation_ids": ["op-1"], "rewards": [[1, 0]]});
    let found = place.problems("build-training-batch", call("second")).await;
    assert!(
        found[0].ends_with(
            "op-1 was started by sample in session first: call build-training-batch with session_id first."
        ),
        "{found:#?}"
    );
    let built = place
        .server
        .call("build-training-batch", call("first"))
        .await
        .json();
    assert!(built["note"].is_null(), "{built}");
    // The loss in another form and a reward too few are told together.
    let mistaken =
        json!({"session_id": "first", "operation_ids": ["op-1"], "rewards": [[1]], "loss": "grpo"});
    let found = place.problems("build-training-batch", mistaken).await;
    assert!(
        found.len() == 2 && found[0].starts_with("loss: found text") && found[1].starts_with("rewards[0]"),
        "{found:#?}"
    );
    // Where the session has ended nothing can be trained in it.
    let stopped = json!({"id": "first", "status": "TRAINING_SESSION_STATUS_STOPPED"});
    let stop = json!({"session_id": "first"});
    place.done("stop-training-session", stop, stopped).await;
    let built = place
        .server
        .call("build-training-batch", call("first"))
        .await
        .json();
    let note = built["note"].as_str().unwrap();
    assert!(
        note.starts_with("Session first is STOPPED") && note.contains("resume_from_checkpoint_id"),
        "{built}"
    );
}

#[tokio::test]
async fn a_resource_that_has_ended_is_told_so_by_what_would_extend_it() {
    let mut place = Place::new().await;
    for (state, words) in [
        (
            "MODEL_RESOURCES_STATUS_STOPPED",
            "Next: it has ended for good and bills nothing: create-model-resource",
        ),
        (
            "MODEL_RESOURCES_STATUS_PENDING",
            "Next: the state does not allow it now",
        ),
    ] {
        let refusal = status(409, "", r#"{"error":{"message":"it is not READY"}}"#);
        let shown = json!({"id": "m", "status": state});
        place.upstream.script(vec![refusal, answer(&shown)]);
        let call = json!({"model_resources_id": "m", "body": {"seconds": 600}});
        let outcome = place.server.call("extend-model-resource-expiry", call).await;
        assert!(outcome.error().contains(words), "{}", outcome.text);
    }
}
