//! The demo as a host: the server is its child process, and tools are all that it knows of it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rl_mcp_sandbox::Behavior;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService, ServiceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::ledger::Ledger;
use crate::screen::Screen;

/// The server's variable for the wait before it tries a request again.
const RETRY_WAIT: &str = "RL_MCP_RETRY_WAIT";
/// The server's variable for what it logs.
const LOG: &str = "RL_MCP_LOG";
/// Variables of the server that would lead away from the sandbox: its files are gone with it, it bills nothing, and the
/// demo has the server wait.
const UNSET: [&str; 4] = [
    "RL_MCP_DATA_DIR",
    "RL_MCP_FILE_DIRS",
    "RL_MCP_MAX_PRICE_PER_HOUR",
    "RL_MCP_MAX_WAIT_SECONDS",
];
/// How long the server may take to end.
const PARTING: Duration = Duration::from_secs(2);

/// The server, and what it was asked.
pub(crate) struct Host {
    client: RunningService<RoleClient, ()>,
    child: Child,
    /// Shows what the server logs, where it does not do that itself.
    log: Option<JoinHandle<()>>,
    pub(crate) ledger: Ledger,
}

/// A call that did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The tool says so, and what to do.
    Tool(String),
    /// The server is gone, or does not speak as agreed. Nothing more can be done.
    Server(String),
}

impl Host {
    /// Starts this same program as a server with a sandbox.
    pub(crate) async fn start(sandbox: Behavior, screen: &Screen) -> Result<Self, String> {
        let cannot = |what: &dyn std::fmt::Display| format!("cannot start the server: {what}");
        let program = std::env::current_exe().map_err(|error| cannot(&error))?;
        let mut command = Command::new(program);
        command
            .args(arguments(sandbox))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C is for the demo alone, which has the server stop what was started and then ends it.
        #[cfg(unix)]
        command.process_group(0);
        if std::env::var_os(RETRY_WAIT).is_none() {
            // The wait passes faster, like the sandbox's own.
            let wait = format!("{:.4}", 1.0 / sandbox.speed().clamp(1.0, 1000.0));
            command.env(RETRY_WAIT, wait);
        }
        if std::env::var_os(LOG).is_none() {
            // That calls are given up when somebody interrupts the demo is no news.
            command.env(LOG, "error");
        }
        let above = screen.above();
        if above.is_some() {
            command.stderr(Stdio::piped());
        }
        for name in UNSET {
            command.env_remove(name);
        }
        let mut child = command.spawn().map_err(|error| cannot(&error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(cannot(&"it has no standard input or output"));
        };
        let stderr = child.stderr.take();
        let log = stderr.zip(above).map(|(stderr, above)| {
            tokio::spawn(async move {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    above.println(line);
                }
            })
        });
        let client = ().serve((stdout, stdin)).await.map_err(|error| cannot(&error))?;
        Ok(Self {
            client,
            child,
            log,
            ledger: Ledger::default(),
        })
    }

    /// Calls a tool once.
    pub(crate) async fn call<T: DeserializeOwned>(
        &mut self,
        tool: &'static str,
        arguments: &Value,
    ) -> Result<T, Failure> {
        let members = arguments.as_object().cloned().unwrap_or_default();
        let params = CallToolRequestParams::new(tool).with_arguments(members);
        let started = Instant::now();
        let answer = self.client.call_tool(params).await;
        let elapsed = started.elapsed();
        let result = answer.map_err(|error| Failure::Server(format!("{tool}: {error}")))?;
        let failed = result.is_error == Some(true);
        self.ledger.enter(tool, elapsed, failed);
        let block = result.content.first().and_then(|block| block.as_text());
        let text = block.map_or("", |block| block.text.as_str());
        if failed {
            return Err(Failure::Tool(text.to_owned()));
        }
        serde_json::from_str(text).map_err(|error| {
            Failure::Server(format!("{tool} answered something else than expected: {error}"))
        })
    }

    /// Ends the server as a host does: by closing its standard input.
    pub(crate) async fn end(mut self) -> Ledger {
        let _ = self.client.cancel().await;
        // Who does not end is killed when it is dropped.
        let _ = timeout(PARTING, self.child.wait()).await;
        if let Some(log) = self.log {
            let _ = timeout(PARTING, log).await;
        }
        self.ledger
    }
}

fn arguments(sandbox: Behavior) -> [String; 9] {
    [
        "--sandbox".to_owned(),
        "--toolsets".to_owned(),
        "rl,rl-more".to_owned(),
        "--sandbox-speed".to_owned(),
        sandbox.speed().to_string(),
        "--sandbox-faults".to_owned(),
        sandbox.faults().to_string(),
        "--sandbox-seed".to_owned(),
        sandbox.seed().to_string(),
    ]
}

impl Failure {
    /// Whether the same call may go well another time. What the server refuses for the sake of its arguments or state
    /// does not.
    pub(crate) fn passing(&self) -> bool {
        let Self::Tool(text) = self else { return false };
        let status = text
            .split_once(" answered HTTP ")
            .and_then(|(_, rest)| rest.get(..3)?.parse::<u16>().ok());
        match status {
            Some(status) => matches!(status, 408 | 429 | 500..),
            None => !text.starts_with("The arguments need correction") && !text.starts_with("No key"),
        }
    }

    /// The key under which an operation may be repeated that was perhaps started.
    pub(crate) fn idempotency_key(&self) -> Option<&str> {
        let Self::Tool(text) = self else { return None };
        let (_, rest) = text.split_once("\"idempotency_key\": \"")?;
        rest.split_once('"').map(|(key, _)| key)
    }

    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Tool(text) | Self::Server(text) => text,
        }
    }
}

/// How long to leave the server alone after so many tries of the same call.
pub(crate) fn pause(tries: u32) -> Duration {
    Duration::from_millis(20 << tries.min(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(text: &str) -> Failure {
        Failure::Tool(text.to_owned())
    }

    #[test]
    fn the_key_of_a_lost_operation_is_read_from_the_failure() {
        let lost = tool(
            "sample failed: the connection to 127.0.0.1:9 broke: reset (8 tries)\nIt is not known whether the operation was started.\nNext: repeating this very call is safe under its key: call sample with the same arguments and \"idempotency_key\": \"5e0c-1\".",
        );
        assert_eq!(lost.idempotency_key(), Some("5e0c-1"));
        assert!(lost.passing());
        assert_eq!(
            tool("sample failed: 127.0.0.1:9 answered HTTP 429").idempotency_key(),
            None
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (text, passing) in [
            (
                "sample failed: 127.0.0.1:9 answered HTTP 429 Too Many Requests, saying: x",
                true,
            ),
            (
                "sample failed: 127.0.0.1:9 answered HTTP 503 Service Unavailable, without a word",
                true,
            ),
            (
                "sample failed: 127.0.0.1:9 answered HTTP 400 Bad Request, saying: no",
                false,
            ),
            (
                "sample failed: 127.0.0.1:9 answered HTTP 404 Not Found, saying: no",
                false,
            ),
            ("sample failed: the answer of 127.0.0.1:9 was cut off", true),
            (
                "The arguments need correction; nothing was sent.\n- body: is missing",
                false,
            ),
        ] {
            assert_eq!(tool(text).passing(), passing, "{text}");
        }
        assert!(!Failure::Server("gone".to_owned()).passing());
    }
}
