//! A server with a data directory of its own, in front of a service that a test scripts.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Scripted, Server, json as answer};

/// All three; the tests of a subject add what they do with them.
pub struct Place {
    pub upstream: Scripted,
    pub server: Server,
    pub data: TempDir,
}

impl Place {
    /// With a service that answers `{}` until it is told otherwise.
    pub async fn new() -> Self {
        Self::answering(vec![json!({})]).await
    }

    /// With a service that answers so, one after the other.
    pub async fn answering(answers: Vec<Value>) -> Self {
        let upstream = Scripted::start(answers.iter().map(answer).collect()).await;
        let data = tempfile::tempdir().unwrap();
        let mut command = Server::command(&upstream.url);
        let server = Server::initialized(command.env("RL_MCP_DATA_DIR", data.path())).await;
        Self {
            upstream,
            server,
            data,
        }
    }
}
