//! What takes long: the clock is stopped and runs ahead whenever everything waits.

mod bounds;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::{Router, http::StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::bounds::Bounds;
use crate::{Clock, Shared, TOGETHER_KEY, digest};

struct Client(TowerToHyperService<Router>);

impl Client {
    /// A service at the speed of the real one.
    fn new() -> Self {
        Self::bounded(Bounds::SANDBOX)
    }

    fn bounded(bounds: Bounds) -> Self {
        let shared = Shared {
            clock: Clock::new(1.0),
            origin: "http://sandbox".to_owned(),
            bounds,
        };
        Self(TowerToHyperService::new(super::router(&shared)))
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOGETHER_KEY}"))
            .header("content-type", "application/json")
            .header(
                "idempotency-key",
                format!("{:x} {:?}", digest(body.to_string()), Instant::now()),
            );
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self
            .0
            .call(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn status(&self, path: &str) -> String {
        let (_, found) = self.ask("GET", path, Value::Null).await;
        let status = found["status"].as_str().unwrap();
        status.rsplit('_').next().unwrap().to_owned()
    }

    /// Makes something and returns its path.
    async fn make(&self, path: &str, body: Value) -> String {
        let (status, made) = self.ask("POST", path, body).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        format!("{path}/{}", made["id"].as_str().unwrap())
    }

    /// Waits until something has this status; returns after how many seconds.
    async fn until(&self, path: &str, wanted: &str) -> f64 {
        let began = Instant::now();
        while self.status(path).await != wanted {
            sleep(Duration::from_millis(100)).await;
            assert!(
                began.elapsed() < Duration::from_secs(100_000),
                "{path} is never {wanted}"
            );
        }
        began.elapsed().as_secs_f64()
    }

    async fn resource(&self, inactive_timeout: u32) -> String {
        let body = json!({"base_model": "sandbox/byte-lm", "inactive_timeout": inactive_timeout});
        self.make("/v1/rl/model-resources", body).await
    }

    async fn session(&self, resource: &str) -> String {
        let body = json!({"model_resources_id": resource.rsplit('/').next().unwrap()});
        let session = self.make("/v1/rl/training-sessions", body).await;
        self.until(&session, "RUNNING").await;
        session
    }
}

fn about(seconds: f64, expected: f64) -> bool {
    (seconds - expected).abs() < 1.0
}

#[tokio::test(start_paused = true)]
async fn a_resource_waits_loads_and_is_ready_after_a_minute() {
    let client = Client::new();
    let resource = client.resource(300).await;
    assert_eq!(client.status(&resource).await, "PENDING");
    assert!(about(client.until(&resource, "CREATING").await, 10.0));
    assert!(about(client.until(&resource, "READY").await, 50.0));
}

#[tokio::test(start_paused = true)]
async fn an_idle_resource_stops_and_its_sessions_expire() {
    let client = Client::new();
    let resource = client.resource(300).await;
    client.until(&resource, "READY").await;
    sleep(Duration::from_secs(250)).await;
    // A new session is activity, and so is an operation.
    let session = client.session(&resource).await;
    sleep(Duration::from_secs(250)).await;
    assert_eq!(client.status(&resource).await, "READY");
    let step = format!("{session}/operations/optim-step");
    let step = client.make(&step, json!({})).await;
    client.until(&step, "COMPLETED").await;
    sleep(Duration::from_secs(298)).await;
    assert_eq!(
        (client.status(&resource).await, client.status(&session).await),
        ("READY".into(), "RUNNING".into())
    );
    assert!(client.until(&session, "EXPIRED").await < 4.0);
    assert!(about(client.until(&resource, "STOPPED").await, 10.0));
    let (status, _) = client
        .ask("POST", &format!("{session}/operations/optim-step"), json!({}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn an_extended_resource_stays_up() {
    let client = Client::new();
    let resource = client.resource(300).await;
    client.until(&resource, "READY").await;
    client
        .ask(
            "POST",
            &format!("{resource}/extend-expiry"),
            json!({"seconds": 3000}),
        )
        .await;
    assert!(about(client.until(&resource, "STOPPING").await, 3000.0));
    let (status, _) = client
        .ask(
            "POST",
            &format!("{resource}/extend-expiry"),
            json!({"seconds": 60}),
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn operations_run_one_after_the_other_and_those_left_at_the_end_fail() {
    let client = Client::new();
    let resource = client.resource(3600).await;
    client.until(&resource, "READY").await;
    let session = client.session(&resource).await;
    let saves = format!("{session}/operations/training-checkpoint");
    let mut operations = Vec::new();
    for _ in 0..3 {
        operations.push(client.make(&saves, Value::Null).await);
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(client.status(&operations[0]).await, "RUNNING");
    assert_eq!(client.status(&operations[1]).await, "PENDING");
    assert!(about(client.until(&operations[0], "COMPLETED").await, 20.0));
    client.ask("POST", &format!("{session}/stop"), Value::Null).await;
    assert_eq!(client.status(&session).await, "STOPPING");
    // The one that runs is finished.
    assert!(about(client.until(&operations[1], "COMPLETED").await, 20.0));
    let (_, left) = client.ask("GET", &operations[2], Value::Null).await;
    assert_eq!(
        left["error"]["code"],
        "TRAINING_OPERATION_ERROR_CODE_SESSION_NOT_ACTIVE"
    );
    assert!(about(client.until(&session, "STOPPED").await, 5.0));
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_stopped_by_force_waits_for_what_runs_and_keeps_its_gpus_until_then() {
    let client = Client::new();
    let mut resources = Vec::new();
    for _ in 0..5 {
        resources.push(client.resource(3600).await);
    }
    client.until(&resources[3], "READY").await;
    let session = client.session(&resources[0]).await;
    let save = client
        .make(&format!("{session}/operations/training-checkpoint"), Value::Null)
        .await;
    client
        .ask("POST", &format!("{}/stop?force=true", resources[0]), Value::Null)
        .await;
    assert_eq!(client.status(&session).await, "STOPPING");
    sleep(Duration::from_secs(15)).await;
    let statuses = [&save, &resources[0], &resources[4]].map(|path| client.status(path));
    assert_eq!(
        futures_util::future::join_all(statuses).await,
        ["RUNNING", "STOPPING", "PENDING"]
    );
    client.until(&session, "STOPPED").await;
    assert_eq!(client.status(&save).await, "COMPLETED");
    client.until(&resources[0], "STOPPED").await;
    client.until(&resources[4], "READY").await;
}
