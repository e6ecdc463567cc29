//! What is dropped when there is too much, and what is not.

use super::*;

/// A service with these bounds, and a READY resource of it.
async fn bounded(change: impl FnOnce(&mut Bounds)) -> (Client, String) {
    let mut bounds = Bounds::SANDBOX;
    change(&mut bounds);
    let client = Client::bounded(bounds);
    let resource = client.resource(86_400).await;
    client.until(&resource, "READY").await;
    (client, resource)
}

impl Client {
    /// The status of an answer.
    async fn code(&self, method: &str, path: &str) -> u16 {
        self.ask(method, path, Value::Null).await.0.as_u16()
    }

    /// Submits an operation; returns its path.
    async fn submit(&self, session: &str, kind: &str, body: Value) -> String {
        // The idempotency key holds the time.
        sleep(Duration::from_millis(1)).await;
        self.make(&format!("{session}/operations/{kind}"), body).await
    }

    /// The id of a new payload, and the code of its upload.
    async fn upload(&self, session: &str, body: &Value) -> (String, u16) {
        let (_, made) = self
            .ask("POST", &format!("{session}/payloads/upload-url"), Value::Null)
            .await;
        let url = made["upload_url"]
            .as_str()
            .unwrap()
            .trim_start_matches("http://sandbox");
        let request = Request::builder().method("PUT").uri(url);
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = self.0.call(request).await.unwrap();
        (
            made["payload_id"].as_str().unwrap().to_owned(),
            answer.status().as_u16(),
        )
    }

    async fn has_payload(&self, session: &str, id: &str) -> bool {
        self.code("POST", &format!("{session}/payloads/{id}/download-url"))
            .await
            == 200
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_finished_operations_go_with_their_keys_and_those_that_wait_stay() {
    let (client, resource) = bounded(|bounds| bounds.finished_operations = 2).await;
    let session = client.session(&resource).await;
    let mut steps = Vec::new();
    for _ in 0..4 {
        steps.push(client.submit(&session, "optim-step", json!({})).await);
    }
    client.until(&steps[3], "COMPLETED").await;
    let mut codes = Vec::new();
    for step in &steps {
        codes.push(client.code("GET", step).await);
    }
    assert_eq!(codes, [404, 404, 200, 200]);
    let (_, found) = client.ask("GET", &session, Value::Null).await;
    assert_eq!(found["step"], "4");
}

#[tokio::test(start_paused = true)]
async fn large_outputs_go_with_the_oldest_operations() {
    let (client, resource) = bounded(|bounds| bounds.output_bytes = 1).await;
    let session = client.session(&resource).await;
    let input = json!({"chunks": [{"encoded_text": {"tokens": vec![97; 1000]}}]});
    let body = json!({
        "model_inputs": [input, input],
        "sampling_params": {"max_tokens": 1},
        "prompt_logprobs": true,
        "topk_prompt_logprobs": 20,
    });
    let first = client.submit(&session, "sample", body).await;
    client.until(&first, "COMPLETED").await;
    let (_, shown) = client.ask("GET", &first, Value::Null).await;
    let payload = shown["output"]["payload_id"].as_str().unwrap();
    // Alone it stays, however large it is.
    assert!(client.has_payload(&session, payload).await);
    let second = client.submit(&session, "optim-step", json!({})).await;
    client.until(&second, "COMPLETED").await;
    assert_eq!(client.code("GET", &first).await, 404);
    assert!(!client.has_payload(&session, payload).await);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_ended_sessions_and_resources_go_and_active_ones_stay() {
    let (client, resource) = bounded(|bounds| {
        bounds.ended_sessions = 1;
        bounds.ended_resources = 1;
        bounds.resources = 3;
    })
    .await;
    let oldest = client.session(&resource).await;
    let mut ended = Vec::new();
    for _ in 0..2 {
        let session = client.session(&resource).await;
        let step = client.submit(&session, "optim-step", json!({})).await;
        client.until(&step, "COMPLETED").await;
        client.code("POST", &format!("{session}/stop")).await;
        client.until(&session, "STOPPED").await;
        ended.push(session);
    }
    assert_eq!(client.code("GET", &ended[0]).await, 404);
    assert_eq!(client.status(&ended[1]).await, "STOPPED");
    assert_eq!(client.status(&oldest).await, "RUNNING");

    let others = [client.resource(300).await, client.resource(300).await];
    let body = json!({"base_model": "sandbox/byte-lm"});
    let (refused, _) = client.ask("POST", "/v1/rl/model-resources", body).await;
    assert_eq!(refused, StatusCode::BAD_REQUEST);
    for other in &others {
        client.code("POST", &format!("{other}/stop")).await;
        client.until(other, "STOPPED").await;
    }
    assert_eq!(client.code("GET", &others[0]).await, 404);
    assert_eq!(client.status(&resource).await, "READY");
}

#[tokio::test(start_paused = true)]
async fn the_oldest_checkpoints_go_and_their_numbers_are_not_used_again() {
    let (client, resource) = bounded(|bounds| bounds.checkpoints = 1).await;
    let session = client.session(&resource).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let save = client.submit(&session, "training-checkpoint", Value::Null).await;
        client.until(&save, "COMPLETED").await;
        let (_, listed) = client.ask("GET", "/v1/rl/checkpoints", Value::Null).await;
        assert_eq!(listed["data"].as_array().unwrap().len(), 1);
        ids.push(listed["data"][0]["training_registration"]["id"].clone());
    }
    assert_eq!(ids, ["ml_sandbox1", "ml_sandbox2", "ml_sandbox3"]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_makes_room_for_another_once_it_has_been_used_or_forgotten() {
    let (client, resource) = bounded(|bounds| bounds.uploads = 2).await;
    let session = client.session(&resource).await;
    let input = json!({"chunks": [{"encoded_text": {"tokens": [97, 98]}}]});
    let body = json!({"model_inputs": [input]});
    let (first, code) = client.upload(&session, &body).await;
    assert_eq!(code, 200);
    let (second, code) = client.upload(&session, &body).await;
    assert_eq!(code, 200);
    // Nobody has used them yet.
    assert_eq!(client.upload(&session, &body).await.1, 507);
    let short = json!({"sampling_params": {"max_tokens": 1}, "payload_id": second});
    let sample = client.submit(&session, "sample", short).await;
    let (third, code) = client.upload(&session, &body).await;
    assert_eq!(code, 200);
    assert!(!client.has_payload(&session, &second).await);
    client.until(&sample, "COMPLETED").await;
    assert!(client.has_payload(&session, &first).await && client.has_payload(&session, &third).await);
    sleep(Duration::from_secs(3601)).await;
    assert_eq!(client.upload(&session, &body).await.1, 200);
    assert!(!client.has_payload(&session, &first).await);
}

#[tokio::test(start_paused = true)]
async fn uploads_are_bounded_in_bytes() {
    let (client, resource) = bounded(|bounds| bounds.upload_bytes = 100).await;
    let session = client.session(&resource).await;
    let large = json!("x".repeat(90));
    assert_eq!(client.upload(&session, &large).await.1, 200);
    assert_eq!(client.upload(&session, &large).await.1, 507);
    assert_eq!(client.upload(&session, &json!(1)).await.1, 200);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_too() {
    for change in [
        |bounds: &mut Bounds| bounds.waiting_operations = 2,
        |bounds: &mut Bounds| bounds.waiting_bytes = 4,
    ] {
        let (client, resource) = bounded(change).await;
        let session = client.session(&resource).await;
        // The first one runs, the others wait.
        let mut steps = Vec::new();
        for _ in 0..3 {
            steps.push(client.submit(&session, "optim-step", json!({})).await);
        }
        let path = format!("{session}/operations/optim-step");
        sleep(Duration::from_millis(1)).await;
        let (refused, why) = client.ask("POST", &path, json!({})).await;
        assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS, "{why}");
        client.until(&steps[2], "COMPLETED").await;
        client.submit(&session, "optim-step", json!({})).await;
    }
}
