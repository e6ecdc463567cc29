//! The processes that answer.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Result;
use crate::others::SERVICE;

/// A process that serves MCP and REST. It is ended with this value.
pub(crate) struct Process {
    child: Child,
    pub(crate) mcp: String,
    pub(crate) rest: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// `rl-mcp serve` in front of the service at `base_url`.
    pub(crate) fn of(binary: &Path, base_url: &str) -> Result<Self> {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-http");
        let mut command = Command::new(binary);
        command
            .args(["serve", "--mcp", "0", "--rest", "0"])
            .env("TOGETHER_API_KEY", "bench-key-0123456789")
            .env("TOGETHER_BASE_URL", base_url)
            .env("RL_MCP_MAX_CONCURRENCY", "1000")
            .env("RL_MCP_DATA_DIR", data);
        Self::start(command)
    }

    /// What it is measured beside.
    pub(crate) fn others(base_url: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(SERVICE, base_url);
        Self::start(command)
    }

    /// Starts a process that says on standard error where it listens.
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().ok_or("no standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        let mut address = |words: &str| {
            let line = lines.next().ok_or("it does not listen")??;
            let found = line
                .split_once(words)
                .and_then(|(_, rest)| rest.split(' ').next());
            found
                .map(str::to_owned)
                .ok_or_else(|| Box::<dyn std::error::Error>::from(line.clone()))
        };
        let (mcp, rest) = (address("MCP at ")?, address("REST at ")?);
        // Nothing more is written there.
        Ok(Self { child, mcp, rest })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}
