//! The server over HTTP, and a plain client of it.

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Outcome, PATIENCE, Server, latest, outcome};

/// A server with both adapters, each on a port of its own.
pub struct Served {
    pub server: Server,
    pub client: Client,
    /// Where MCP is.
    pub mcp: String,
    /// Where REST is.
    pub rest: String,
}

impl Served {
    pub async fn start(base_url: &str) -> Self {
        Self::with(&mut Server::command(base_url), &[]).await
    }

    /// The same with these arguments.
    pub async fn with(command: &mut Command, arguments: &[&str]) -> Self {
        command
            .args(["serve", "--mcp", "0", "--rest", "0"])
            .args(arguments);
        let server = Server::spawn(command);
        let said = server.logged("openapi.json describes it").await;
        let address = |words: &str| {
            let (_, rest) = said
                .split_once(words)
                .unwrap_or_else(|| panic!("{words}: {said}"));
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            mcp: address("MCP at "),
            rest: address("REST at "),
            server,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// A request of REST.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.rest);
        self.client.request(method.parse().unwrap(), url)
    }

    /// Status and JSON of an answer of REST.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = answered(request).await;
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        (status, body)
    }

    /// A message to MCP in an earlier version of the protocol.
    pub fn message(&self, message: &Value) -> RequestBuilder {
        let request = self.client.post(&self.mcp);
        request
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(message.to_string())
    }

    /// The answer to a request in the protocol's version of 2026-07-28.
    pub async fn latest(&self, method: &str, mut params: Value) -> Value {
        params["_meta"] = latest();
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = self
            .message(&message)
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        if let Some(name) = params["name"].as_str() {
            request = request.header("mcp-name", name);
        }
        answered(request).await.json_value().await
    }

    /// What a tool call comes to, in an earlier version of the protocol.
    pub async fn call(&self, tool: &str, arguments: Value) -> Outcome {
        let params = json!({"name": tool, "arguments": arguments});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        outcome(&answered(self.message(&message)).await.json_value().await)
    }
}

/// The answer to a request; fails if it does not come.
pub async fn answered(request: RequestBuilder) -> Response {
    timeout(PATIENCE, request.send())
        .await
        .expect("an answer in time")
        .unwrap()
}

/// JSON of a response. (reqwest's own needs a feature.)
pub trait Json {
    async fn json_value(self) -> Value;
}

impl Json for Response {
    async fn json_value(self) -> Value {
        let text = self.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}
