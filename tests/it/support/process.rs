//! The server as a host sees it: a child process that speaks JSON-RPC, one message on each line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{PRIME_KEY, TOGETHER_KEY};

/// Longer than any call may take in a test; a hang fails instead of stopping the suite.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The data directory of all servers that name none of their own.
static DATA: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("data");
    let _ = std::fs::remove_dir_all(&directory);
    directory
});

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>;

pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    waiting: Waiting,
    /// Messages that answer no request of ours.
    pub others: mpsc::UnboundedReceiver<Value>,
    stderr: Arc<Mutex<String>>,
    stdout: Arc<Mutex<String>>,
    log_reader: Option<JoinHandle<()>>,
    reader: Option<JoinHandle<()>>,
    /// A standard error that is not read.
    unread: Option<ChildStderr>,
    next_id: u64,
}

/// What a tool call came to.
#[derive(Debug)]
pub struct Outcome {
    pub text: String,
    /// The file that a large result was stored in.
    pub link: Option<String>,
    pub is_error: bool,
}

impl Outcome {
    pub fn json(&self) -> Value {
        assert!(!self.is_error, "{}", self.text);
        serde_json::from_str(&self.text).expect("a success is JSON")
    }

    pub fn error(&self) -> &str {
        assert!(self.is_error, "{}", self.text);
        &self.text
    }
}

impl Server {
    /// A command with a clean environment, both keys and all tools, that waits for nothing unless told to.
    pub fn command(base_url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
        command
            .env_clear()
            .env("TOGETHER_API_KEY", TOGETHER_KEY)
            .env("PRIME_API_KEY", PRIME_KEY)
            .env("TOGETHER_BASE_URL", base_url)
            .env("PRIME_API_BASE_URL", base_url)
            .env("RL_MCP_TOOLSETS", "all")
            .env("RL_MCP_DATA_DIR", &*DATA)
            .env("RL_MCP_MAX_WAIT_SECONDS", "0")
            .env("RL_MCP_RETRY_WAIT", "0.001");
        command
    }

    /// A server that has been initialized.
    pub async fn start(base_url: &str) -> Self {
        Self::initialized(&mut Self::command(base_url)).await
    }

    pub async fn initialized(command: &mut Command) -> Self {
        let mut server = Self::spawn(command);
        server.initialize().await;
        server
    }

    /// Goes through the handshake as a host does.
    pub async fn initialize(&mut self) {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        });
        self.request("initialize", params).await;
        self.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            .await;
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut server = Self::spawn_unread(command);
        server.read_stderr();
        server
    }

    /// A server whose standard error nobody reads.
    pub fn spawn_unread(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let unread = child.stderr.take();
        let waiting = Waiting::default();
        let stdout = Arc::new(Mutex::new(String::new()));
        let (sender, others) = mpsc::unbounded_channel();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (answered, written) = (waiting.clone(), stdout.clone());
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let message: Value = serde_json::from_str(&line).expect("stdout carries JSON lines only");
                assert_eq!(message["jsonrpc"], "2.0", "{line}");
                written.lock().unwrap().push_str(&(line + "\n"));
                match answered.lock().unwrap().remove(&message["id"].to_string()) {
                    Some(waiter) if message.get("method").is_none() => drop(waiter.send(message)),
                    _ => drop(sender.send(message)),
                }
            }
        });
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            waiting,
            others,
            stderr: Arc::default(),
            stdout,
            log_reader: None,
            reader: Some(reader),
            unread,
            next_id: 1,
        }
    }

    /// Reads standard error from now on.
    pub fn read_stderr(&mut self) {
        let mut lines = BufReader::new(self.unread.take().unwrap()).lines();
        let log = self.stderr.clone();
        self.log_reader = Some(tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                log.lock().unwrap().push_str(&(line + "\n"));
            }
        }));
    }

    /// Stops reading standard output, for good.
    #[cfg(target_os = "linux")]
    pub async fn close_stdout(&mut self) {
        let reader = self.reader.take().unwrap();
        reader.abort();
        let _ = reader.await;
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub async fn write(&mut self, line: &str) {
        self.write_bytes(line.as_bytes()).await;
    }

    /// Writes a line that may be no text.
    pub async fn write_bytes(&mut self, line: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(&[line, b"\n"].concat()).await.unwrap();
    }

    /// Sends a request and returns its id and where its answer arrives.
    pub async fn begin(&mut self, method: &str, params: Value) -> (u64, oneshot::Receiver<Value>) {
        let id = self.next_id;
        self.next_id += 1;
        let answer = self.expect(json!(id));
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.write(&message.to_string()).await;
        (id, answer)
    }

    /// Where the answer to a request with this id will arrive.
    pub fn expect(&self, id: Value) -> oneshot::Receiver<Value> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id.to_string(), sender);
        receiver
    }

    /// The whole answer to a request, result or error.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let (_, answer) = self.begin(method, params).await;
        timeout(PATIENCE, answer)
            .await
            .expect("an answer in time")
            .unwrap()
    }

    pub async fn call(&mut self, tool: &str, arguments: Value) -> Outcome {
        let answer = self
            .request("tools/call", json!({"name": tool, "arguments": arguments}))
            .await;
        outcome(&answer)
    }

    /// A message that answers no request of ours.
    pub async fn other(&mut self) -> Value {
        timeout(PATIENCE, self.others.recv())
            .await
            .expect("a message in time")
            .unwrap()
    }

    /// Closes stdin; returns how the process ended and how long that took.
    pub async fn close(&mut self) -> (ExitStatus, Duration) {
        drop(self.stdin.take());
        self.ended().await
    }

    /// Ends the process without a chance to do anything.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub async fn terminate(&mut self) -> (ExitStatus, Duration) {
        self.signal("-TERM").await
    }

    /// Sends a signal; returns how the process ended and how long that took.
    pub async fn signal(&mut self, signal: &str) -> (ExitStatus, Duration) {
        let id = self.id().to_string();
        Command::new("kill").args([signal, &id]).status().await.unwrap();
        self.ended().await
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .expect("the process ends")
            .unwrap();
        let took = started.elapsed();
        for reader in [self.log_reader.take(), self.reader.take()].into_iter().flatten() {
            timeout(PATIENCE, reader).await.expect("the output ends").unwrap();
        }
        (status, took)
    }

    /// Waits until a line with these words is logged; the log so far. The server does not wait for its log.
    pub async fn logged(&self, words: &str) -> String {
        let written = async {
            while !self.stderr().contains(words) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let found = timeout(PATIENCE, written).await;
        assert!(found.is_ok(), "{words}: {}", self.stderr());
        self.stderr()
    }

    /// The most memory that the process has had, in bytes.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        peak_memory(self.id())
    }

    /// What was logged so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// What was written to stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// Runs a command line to its end: exit code, stdout, stderr.
    pub async fn run(command: &mut Command) -> (i32, String, String) {
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap_or(-1),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

/// What each request of the protocol's version of 2026-07-28 carries in `_meta`; it needs no `initialize`.
pub fn latest() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// A home with this configuration of Prime Intellect's official command line.
pub fn prime_home(config: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".prime");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config.json"), config).unwrap();
    home
}

pub fn outcome(answer: &Value) -> Outcome {
    let result = &answer["result"];
    let content = result["content"]
        .as_array()
        .unwrap_or_else(|| panic!("a tool result: {answer}"));
    assert!(content.len() <= 2, "text, and perhaps a link: {answer}");
    let link = content.get(1).map(|block| {
        assert_eq!(block["type"], "resource_link", "{answer}");
        block["uri"].as_str().unwrap().to_owned()
    });
    assert_eq!(result.get("structuredContent"), None);
    Outcome {
        text: content[0]["text"].as_str().unwrap().to_owned(),
        link,
        is_error: result["isError"].as_bool().unwrap_or(false),
    }
}

/// The most memory that a process has had, in bytes. (Only Linux says it.)
#[cfg(target_os = "linux")]
pub fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.unwrap().trim_end_matches("kB").trim();
    kilobytes.parse::<u64>().unwrap() << 10
}
