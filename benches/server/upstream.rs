//! The upstream: HTTP/1.1 on loopback with answers that are ready in memory.
//!
//! Written by hand because it must not be what limits the figures: it reads no more of a request than the method,
//! the path and the length of the body.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Result;
use crate::processor::{self, Work};
use crate::texts;

const READ_BUFFER: usize = 256 << 10;

/// The JSON texts that are served.
pub(crate) struct Answers {
    pub(crate) session: String,
    /// Of the operation [`texts::OPERATION_ID`].
    pub(crate) result: String,
    /// Of any other sampling.
    pub(crate) whole: String,
    pub(crate) accepted: String,
}

/// How many requests came, and how many bytes their bodies had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Served {
    pub(crate) requests: u64,
    pub(crate) body_bytes: u64,
}

impl Served {
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            body_bytes: self.body_bytes - before.body_bytes,
        }
    }
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    body_bytes: AtomicU64,
}

/// The running upstream. Its thread ends with the process.
pub(crate) struct Upstream {
    address: SocketAddr,
    counters: Arc<Counters>,
    thread: Option<PathBuf>,
}

impl Upstream {
    pub(crate) fn start(answers: &Answers) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let counters = Arc::<Counters>::default();
        let shared = Shared {
            answers: Ready::new(answers),
            counters: counters.clone(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (tell, told) = mpsc::channel();
        std::thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || {
                let _ = tell.send(processor::this_thread());
                runtime.block_on(serve(listener, Arc::new(shared)))
            })?;
        Ok(Self {
            address,
            counters,
            thread: told.recv()?,
        })
    }

    /// The URL of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What came so far.
    pub(crate) fn served(&self) -> Served {
        Served {
            requests: self.counters.requests.load(Ordering::Relaxed),
            body_bytes: self.counters.body_bytes.load(Ordering::Relaxed),
        }
    }

    /// The processor time of its thread so far.
    pub(crate) fn work(&self) -> Option<Work> {
        self.thread.as_deref().and_then(Work::of_thread)
    }
}

struct Shared {
    answers: Ready,
    counters: Arc<Counters>,
}

/// Whole answers, head and body in one piece.
struct Ready {
    session: Vec<u8>,
    result: Vec<u8>,
    whole: Vec<u8>,
    accepted: Vec<u8>,
    not_found: Vec<u8>,
}

impl Ready {
    fn new(answers: &Answers) -> Self {
        let answer = |status: &str, json: &str| {
            let length = json.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            [head.as_bytes(), json.as_bytes()].concat()
        };
        Self {
            session: answer("200 OK", &answers.session),
            result: answer("200 OK", &answers.result),
            whole: answer("200 OK", &answers.whole),
            accepted: answer("200 OK", &answers.accepted),
            not_found: answer("404 Not Found", "{}"),
        }
    }

    fn to(&self, head: &[u8]) -> &[u8] {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let has = |part: &str| memmem::find(line, part.as_bytes()).is_some();
        if line.starts_with(b"POST ") && has("/operations/forward-backward ") {
            &self.accepted
        } else if line.starts_with(b"GET ") && has(texts::OPERATION_ID) {
            &self.result
        } else if line.starts_with(b"GET ") && has("/operations/sample/") {
            &self.whole
        } else if line.starts_with(b"GET /v1/rl/training-sessions/") {
            &self.session
        } else {
            &self.not_found
        }
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // A connection that breaks belongs to a process that was stopped at the end of its round.
        tokio::spawn(connection(stream, shared.clone()));
    }
}

async fn connection(mut stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(READ_BUFFER);
    loop {
        let head_length = loop {
            if let Some(end) = memmem::find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = buffer.get(..head_length).unwrap_or_default();
        let answer = shared.answers.to(head);
        let body_length = body_length(head)?;
        // Nobody sends a request before the last one is answered, so all the rest is this one's body.
        let mut arrived = buffer.len() - head_length;
        while arrived < body_length {
            buffer.clear();
            match stream.read_buf(&mut buffer).await? {
                0 => return Ok(()),
                read => arrived += read,
            }
        }
        buffer.clear();
        shared.counters.requests.fetch_add(1, Ordering::Relaxed);
        shared
            .counters
            .body_bytes
            .fetch_add(arrived as u64, Ordering::Relaxed);
        stream.write_all(answer).await?;
    }
}

fn body_length(head: &[u8]) -> io::Result<usize> {
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, value)| value.trim().parse());
    length.unwrap_or(Ok(0)).map_err(io::Error::other)
}
