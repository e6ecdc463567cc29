//! The sandbox's services alone, and a plain HTTP client that holds each success against the documentation.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::{Server, operation_at};

/// A hang fails instead of stopping the suite.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Sandbox {
    pub url: String,
    pub key: String,
    client: Client,
    /// The documented operations that were answered with success.
    pub answered: Mutex<BTreeSet<&'static str>>,
    _child: Child,
}

impl Sandbox {
    /// Fast enough that nobody waits for it.
    pub async fn start() -> Self {
        Self::with(&["--sandbox-speed", "5000"]).await
    }

    /// With these options.
    pub async fn with(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rl-mcp"))
            .arg("sandbox")
            .args(options)
            .env_clear()
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut variable = async |name: &str| loop {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
            let line = line.expect("the variables to export");
            if let Some(value) = line.strip_prefix(&format!("export {name}=")) {
                return value.to_owned();
            }
        };
        let url = variable("TOGETHER_BASE_URL").await;
        let key = variable("TOGETHER_API_KEY").await;
        Self {
            url,
            key,
            // Loopback needs no certificates, but the client asks for a provider all the same.
            client: {
                let _ = rustls::crypto::ring::default_provider().install_default();
                Client::builder().no_proxy().build().unwrap()
            },
            answered: Mutex::default(),
            _child: child,
        }
    }

    /// A server in front of it.
    pub fn server(&self) -> Command {
        let mut command = Server::command(&self.url);
        command.env("TOGETHER_API_KEY", &self.key);
        command
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        self.client
            .request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    /// The status and the body of an answer.
    pub async fn ask(&self, method: &str, path: &str, body: Value, key: Option<&str>) -> (u16, Value) {
        let mut request = self.request(method, path).bearer_auth(&self.key);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        if status.is_success() {
            let bare = path.split('?').next().unwrap();
            let operation = operation_at(method, bare).unwrap_or_else(|| panic!("{bare} is not documented"));
            let wrong = operation.misanswers(&body);
            assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{body}");
            self.answered.lock().unwrap().insert(&operation.name);
        }
        (status.as_u16(), body)
    }

    pub async fn get(&self, path: &str) -> Value {
        self.succeed("GET", path, Value::Null, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.succeed("POST", path, body, None).await
    }

    async fn succeed(&self, method: &str, path: &str, body: Value, key: Option<&str>) -> Value {
        let (status, body) = self.ask(method, path, body, key).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        body
    }

    /// The words of a refusal with this status.
    pub async fn refusal(&self, status: u16, method: &str, path: &str, body: Value) -> String {
        let (got, body) = self.ask(method, path, body, Some(&fresh())).await;
        assert_eq!(got, status, "{method} {path}: {body}");
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    /// Asks until the status ends with `wanted`.
    pub async fn until(&self, path: &str, wanted: &str) -> Value {
        let wait = async {
            loop {
                let found = self.get(path).await;
                if found["status"].as_str().unwrap().ends_with(wanted) {
                    return found;
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{path} is never {wanted}"))
    }

    /// A READY model resource; returns its path.
    pub async fn resource(&self, body: Value) -> String {
        let mut whole = json!({"base_model": "sandbox/byte-lm"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        let made = self.post("/v1/rl/model-resources", whole).await;
        let path = format!("/v1/rl/model-resources/{}", made["id"].as_str().unwrap());
        self.until(&path, "_READY").await;
        path
    }

    /// A RUNNING session on a resource; returns its path.
    pub async fn session(&self, resource: &str, body: Value) -> String {
        let mut whole = json!({"model_resources_id": resource.rsplit('/').next().unwrap()});
        whole
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        let made = self.post("/v1/rl/training-sessions", whole).await;
        let path = format!("/v1/rl/training-sessions/{}", made["id"].as_str().unwrap());
        self.until(&path, "_RUNNING").await;
        path
    }

    /// Submits an operation and returns it when it is final.
    pub async fn run(&self, session: &str, kind: &str, body: Value) -> Value {
        let path = format!("{session}/operations/{kind}");
        let operation = self.succeed("POST", &path, body, Some(&fresh())).await;
        self.finished(session, kind, &operation).await
    }

    pub async fn finished(&self, session: &str, kind: &str, operation: &Value) -> Value {
        let path = format!(
            "{session}/operations/{kind}/{}",
            operation["id"].as_str().unwrap()
        );
        let wait = async {
            loop {
                let found = self.get(&path).await;
                let status = found["status"].as_str().unwrap();
                if status.ends_with("_COMPLETED") || status.ends_with("_FAILED") {
                    return found;
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{path} is never final"))
    }

    /// The output of an operation that succeeds.
    pub async fn output(&self, session: &str, kind: &str, body: Value) -> Value {
        let operation = self.run(session, kind, body).await;
        assert_eq!(
            operation["status"], "TRAINING_OPERATION_STATUS_COMPLETED",
            "{operation}"
        );
        operation["output"].clone()
    }

    /// The error of an operation that fails.
    pub async fn failure(&self, session: &str, kind: &str, body: Value) -> String {
        let operation = self.run(session, kind, body).await;
        assert_eq!(
            operation["status"], "TRAINING_OPERATION_STATUS_FAILED",
            "{operation}"
        );
        let code = operation["error"]["code"].as_str().unwrap();
        code.replace("TRAINING_OPERATION_ERROR_CODE_", "")
    }
}

/// A fresh key.
pub fn fresh() -> String {
    uuid::Uuid::new_v4().to_string()
}
