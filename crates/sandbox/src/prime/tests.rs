//! Tests over the API itself, on a clock that stands still until all wait for it. Every answer is held against the
//! published schema.

mod accepted;
mod bounds;
mod configs;
mod learning;
mod life;
mod looking;

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use hyper_util::service::TowerToHyperService;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::bounds::Bounds;
use crate::clock::Clock;
use crate::{PRIME_KEY, Shared};

const SCHEMA: &str = include_str!("../../../../tests/data/api/prime-training.schema.json");

/// A platform and the schema of its answers.
struct Api {
    router: Router,
    schema: Value,
    validators: RefCell<HashMap<String, Validator>>,
}

impl Api {
    fn new() -> Self {
        Self::bounded(Bounds::SANDBOX)
    }

    fn bounded(bounds: Bounds) -> Self {
        let shared = Shared {
            clock: Clock::new(1.0),
            origin: String::new(),
            bounds,
        };
        Self {
            router: super::router(&shared),
            schema: serde_json::from_str(SCHEMA).unwrap(),
            validators: RefCell::default(),
        }
    }

    /// Sends a request with a key.
    async fn send_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let service = TowerToHyperService::new(self.router.clone());
        let request = request.body(body).unwrap();
        let response = hyper::service::Service::call(&service, request).await.unwrap();
        let status = response.status();
        let text = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&text).unwrap())
    }

    /// Sends a request, and holds the answer against the schema.
    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let (status, answer) = self.send_as(PRIME_KEY, method, path, body).await;
        let bare = format!("/api/v1{}", path.split('?').next().unwrap());
        let operations = self.schema["operations"].as_array().unwrap();
        let matching = operations.iter().find(|operation| {
            let template = operation["path"].as_str().unwrap();
            operation["method"] == method && fits(template, &bare)
        });
        let part = match matching {
            Some(operation) if status.is_success() => {
                assert_eq!(operation["success_status"], status.as_u16(), "{method} {path}");
                operation["response"]["$ref"].as_str().unwrap()
            }
            _ => "#/$defs/ErrorBody",
        };
        let mut validators = self.validators.borrow_mut();
        let validator = validators.entry(part.to_owned()).or_insert_with(|| {
            let schema = json!({"$ref": part, "$defs": self.schema["$defs"]});
            jsonschema::validator_for(&schema).unwrap()
        });
        let problems: Vec<String> = validator
            .iter_errors(&answer)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{method} {path}: {problems:?} in {answer}");
        (status, answer)
    }

    /// What a GET that must succeed answers.
    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Starts a run.
    async fn create(&self, body: &Value) -> String {
        let (status, answer) = self.send("POST", "/training/runs", Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["runId"].as_str().unwrap().to_owned()
    }

    async fn run(&self, id: &str) -> Value {
        self.get(&format!("/rft/runs/{id}")).await["run"].clone()
    }

    /// Lets time pass until a run is in this state.
    async fn until(&self, id: &str, status: &str) -> Value {
        self.until_run(id, status, |run| run["status"] == status).await
    }

    /// Lets time pass until a run has this many steps.
    async fn until_step(&self, id: &str, step: u64) {
        for _ in 0..10_000 {
            let progress = self.get(&format!("/rft/runs/{id}/progress")).await;
            if progress["latestStep"].as_u64() >= Some(step) {
                assert_eq!(progress["latestStep"], step);
                return;
            }
            pass(1.0).await;
        }
        panic!("run {id} never came to step {step}");
    }

    async fn until_run(&self, id: &str, what: &str, there: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..10_000 {
            let run = self.run(id).await;
            if there(&run) {
                return run;
            }
            pass(1.0).await;
        }
        panic!("no {what}: {}", self.run(id).await);
    }

    /// The rows of metrics, without the times.
    async fn rows(&self, id: &str) -> Vec<Value> {
        let mut answer = self.get(&format!("/rft/runs/{id}/metrics")).await;
        let rows = answer["metrics"].as_array_mut().unwrap();
        for row in &mut *rows {
            assert!(row.as_object_mut().unwrap().remove("time/step").is_some());
        }
        rows.clone()
    }

    /// A volume that can be used.
    async fn volume(&self, name: &str) {
        let body = json!({"name": name, "size": "1Ti"});
        let (status, answer) = self.send("POST", "/training/volumes", Some(&body)).await;
        assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("CREATING")));
        pass(15.0).await;
    }
}

/// Lets time pass; all that happens meanwhile has happened then.
async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// Whether a path is one of a template's.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(path)
            .all(|(wanted, part)| wanted.starts_with('{') || *wanted == part)
}

/// A small run, which takes little time to compute.
fn small(steps: u64) -> Value {
    json!({"config": {
        "name": "small",
        "max_steps": steps,
        "trainer": {"optim": {"lr": 0.01}},
        "orchestrator": {
            "batch_size": 8,
            "group_size": 4,
            "train": {"source": [{"name": "letters", "env": {"taskset": {"id": "letter-class"}}}]},
        },
    }})
}

/// `body` with a member of its config set.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let mut place = &mut body["config"];
    for name in pointer.split('/') {
        place = match name.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[name],
        };
    }
    *place = value;
    body
}

/// `body` with a volume.
fn on_volume(mut body: Value, name: &str) -> Value {
    body["volume"] = json!(name);
    body
}
