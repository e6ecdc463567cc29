//! The server, and what it was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::Server;

pub struct Host {
    server: Server,
    /// How often each tool was called.
    pub calls: BTreeMap<&'static str, usize>,
    /// How many calls failed.
    pub failed: usize,
}

/// What a call says that did not succeed.
#[derive(Debug)]
pub struct Failure(pub String);

impl Host {
    pub fn new(server: Server) -> Self {
        Self {
            server,
            calls: BTreeMap::new(),
            failed: 0,
        }
    }

    /// Calls a tool once.
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        tool: &'static str,
        arguments: &Value,
    ) -> Result<T, Failure> {
        *self.calls.entry(tool).or_default() += 1;
        let outcome = self.server.call(tool, arguments.clone()).await;
        if outcome.is_error {
            self.failed += 1;
            return Err(Failure(outcome.text));
        }
        let unexpected = |error| panic!("{tool} answered something else: {error}: {}", outcome.text);
        Ok(serde_json::from_str(&outcome.text).unwrap_or_else(unexpected))
    }

    /// Ends the server as a host does: by closing its standard input.
    pub async fn end(&mut self) {
        let (status, _) = self.server.close().await;
        assert!(status.success());
    }

    pub fn log(&self) -> String {
        self.server.stderr()
    }
}

impl Failure {
    /// Whether the same call may go well another time. What the server refuses for the sake of its arguments or state
    /// does not.
    pub fn passing(&self) -> bool {
        let Self(text) = self;
        let status = text
            .split_once(" answered HTTP ")
            .and_then(|(_, rest)| rest.get(..3)?.parse::<u16>().ok());
        match status {
            Some(status) => matches!(status, 408 | 429 | 500..),
            None => !text.starts_with("The arguments need correction") && !text.starts_with("No key"),
        }
    }

    /// The key under which an operation may be repeated that was perhaps started.
    pub fn idempotency_key(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once("\"idempotency_key\": \"")?;
        rest.split_once('"').map(|(key, _)| key)
    }
}

/// How long to leave the server alone after so many tries of the same call.
pub fn pause(tries: u32) -> Duration {
    Duration::from_millis(20 << tries.min(5))
}
