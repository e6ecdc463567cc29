//! The MCP client: one JSON-RPC message for each line, over pipes, from a plain thread.
//!
//! It does as little as it can: a call is one prepared line in which the id is put in place, and of an answer it
//! reads the id and the length. The first answer of each kind is read in full; the others must be as long.

use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;

/// Ids of calls have as many digits as this one, so that they fit into their place.
const FIRST_ID: usize = 1_000_000;
const READ_BUFFER: usize = 256 << 10;

/// A call of a tool that is made many times.
pub(crate) struct Tool {
    line: Vec<u8>,
    id: Range<usize>,
    expected: Expected,
    answer_length: Option<usize>,
}

/// What the text of a result has to be.
pub(crate) enum Expected {
    /// Just this.
    Text(String),
    /// It holds each of these.
    Parts(Vec<String>),
}

impl Expected {
    fn is_met(&self, text: &str) -> bool {
        match self {
            Self::Text(expected) => text == expected,
            Self::Parts(parts) => parts.iter().all(|part| text.contains(part)),
        }
    }
}

impl Tool {
    /// A call with `arguments`, JSON text, that is answered with `expected`.
    pub(crate) fn new(name: &str, arguments: &str, expected: Expected) -> Self {
        let start = r#"{"jsonrpc":"2.0","id":"#;
        let line = format!(
            "{start}{FIRST_ID},\"method\":\"tools/call\",\"params\":{{\"name\":\"{name}\",\"arguments\":{arguments}}}}}\n"
        );
        Self {
            line: line.into_bytes(),
            id: start.len()..start.len() + FIRST_ID.to_string().len(),
            expected,
            answer_length: None,
        }
    }

    fn line(&mut self, id: usize) -> &[u8] {
        if let Some(place) = self.line.get_mut(self.id.clone()) {
            place.copy_from_slice(id.to_string().as_bytes());
        }
        &self.line
    }

    fn check(&mut self, answer: &[u8]) -> Result<()> {
        if self.answer_length.is_none() {
            let value: Value = serde_json::from_slice(answer)?;
            let text = value.pointer("/result/content/0/text").and_then(Value::as_str);
            if !text.is_some_and(|text| self.expected.is_met(text))
                || value.pointer("/result/isError") == Some(&Value::Bool(true))
            {
                return Err(unexpected(answer).into());
            }
            self.answer_length = Some(answer.len());
        }
        if self.answer_length != Some(answer.len()) {
            return Err(unexpected(answer).into());
        }
        Ok(())
    }
}

fn unexpected(answer: &[u8]) -> String {
    let shown = answer.get(..1000).unwrap_or(answer);
    format!("this answer was not expected: {}", String::from_utf8_lossy(shown))
}

/// When a start had come how far, from just before the process was spawned.
pub(crate) struct Start {
    /// The answer of `initialize` was there.
    pub(crate) initialized: Duration,
    /// The answer of `tools/list` was there.
    pub(crate) listed: Duration,
}

/// A server process. It is ended with this value.
pub(crate) struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    answer: Vec<u8>,
    next_id: usize,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts the server for the service at `base_url`.
    pub(crate) fn start(binary: &Path, base_url: &str, data: &Path) -> Result<(Self, Start)> {
        let data = data.display().to_string();
        let environment = [
            ("TOGETHER_API_KEY", "bench-key-0123456789"),
            ("TOGETHER_BASE_URL", base_url),
            ("RL_MCP_INLINE_LIMIT", "100000000"),
            ("RL_MCP_MAX_CONCURRENCY", "1000"),
            ("RL_MCP_DATA_DIR", &data),
        ];
        Self::with(binary, &environment.map(|(name, value)| (name, value.to_owned())))
    }

    /// Starts the server with these variables and goes through the handshake as a host does.
    pub(crate) fn with(binary: &Path, environment: &[(&str, String)]) -> Result<(Self, Start)> {
        let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "0"},
        }});
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
        let mut command = Command::new(binary);
        command
            .env_clear()
            // Without it a process on Windows has no sockets.
            .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let started = Instant::now();
        let mut process = command.spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("the server has no pipes".into());
        };
        let mut server = Self {
            process,
            input,
            output: BufReader::with_capacity(READ_BUFFER, output),
            answer: Vec::new(),
            next_id: FIRST_ID,
        };
        server.input.write_all(format!("{initialize}\n").as_bytes())?;
        server.read_answer()?;
        let initialize_took = started.elapsed();
        server
            .input
            .write_all(format!("{initialized}\n{list}\n").as_bytes())?;
        server.read_answer()?;
        let listed = started.elapsed();
        let answer: Value = serde_json::from_slice(&server.answer)?;
        let tools = answer.pointer("/result/tools").and_then(Value::as_array);
        if tools.is_none_or(Vec::is_empty) {
            return Err(unexpected(&server.answer).into());
        }
        let start = Start {
            initialized: initialize_took,
            listed,
        };
        Ok((server, start))
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Makes a call, waits for the answer, and returns how long that took.
    pub(crate) fn call(&mut self, tool: &mut Tool) -> Result<Duration> {
        let id = self.next_id;
        self.next_id += 1;
        let line = tool.line(id);
        let started = Instant::now();
        self.input.write_all(line)?;
        self.read_answer()?;
        let elapsed = started.elapsed();
        if answered_id(&self.answer) != Some(id) {
            return Err(unexpected(&self.answer).into());
        }
        tool.check(&self.answer)?;
        Ok(elapsed)
    }

    /// Makes `calls` calls, `in_flight` of them at once, and returns how long that took.
    ///
    /// For the answers that are read at once, as many new calls are written at once.
    pub(crate) fn flood(&mut self, tool: &mut Tool, calls: usize, in_flight: usize) -> Result<Duration> {
        let first = self.next_id;
        let end = first + calls;
        let mut waiting = vec![false; calls];
        let mut lines = Vec::new();
        let mut due = in_flight;
        let mut answered = 0;
        let started = Instant::now();
        while answered < calls {
            let until = end.min(self.next_id + due);
            for id in self.next_id..until {
                lines.extend_from_slice(tool.line(id));
                if let Some(waiting) = waiting.get_mut(id - first) {
                    *waiting = true;
                }
            }
            self.next_id = until;
            self.input.write_all(&lines)?;
            lines.clear();
            due = 0;
            while due == 0 || memchr::memchr(b'\n', self.output.buffer()).is_some() {
                self.read_answer()?;
                let place = answered_id(&self.answer).and_then(|id| waiting.get_mut(id.checked_sub(first)?));
                if !place.is_some_and(std::mem::take) {
                    return Err(unexpected(&self.answer).into());
                }
                tool.check(&self.answer)?;
                due += 1;
            }
            answered += due;
        }
        Ok(started.elapsed())
    }

    /// Makes a call of any kind and returns the text of its result.
    pub(crate) fn ask(&mut self, tool: &str, arguments: &str) -> Result<String> {
        let id = self.next_id;
        self.next_id += 1;
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        );
        self.input.write_all(format!("{call}\n").as_bytes())?;
        self.read_answer()?;
        let answer: Value = serde_json::from_slice(&self.answer)?;
        let text = answer.pointer("/result/content/0/text").and_then(Value::as_str);
        match text {
            Some(text) if answer.pointer("/result/isError") != Some(&Value::Bool(true)) => {
                Ok(text.to_owned())
            }
            _ => Err(format!("{tool}: {}", unexpected(&self.answer)).into()),
        }
    }

    fn read_answer(&mut self) -> Result<()> {
        self.answer.clear();
        self.output.read_until(b'\n', &mut self.answer)?;
        if self.answer.ends_with(b"\n") {
            Ok(())
        } else {
            Err("the server ended its output".into())
        }
    }
}

/// The id of an answer, which stands near its beginning.
fn answered_id(answer: &[u8]) -> Option<usize> {
    let name = br#""id":"#;
    let start = memchr::memmem::find(answer.get(..64)?, name)? + name.len();
    let digits = answer.get(start..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}
