//! A service that does exactly what a test tells it, faults included: one reaction for each request, in order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::PATIENCE;

/// What happens to a request.
#[derive(Clone)]
pub enum Reaction {
    /// These bytes, and the connection stays open.
    Answer(Vec<u8>),
    /// These bytes, and the connection is cut.
    Cut(Vec<u8>),
    /// Nothing, until the client goes away.
    Hang,
}

/// A JSON answer.
pub fn json(body: &Value) -> Reaction {
    status(200, "content-type: application/json\r\n", &body.to_string())
}

/// An answer with a status, further header lines, and a body.
pub fn status(status: u16, headers: &str, body: &str) -> Reaction {
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    Reaction::Answer((head + body).into_bytes())
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct State {
    script: Mutex<Vec<Reaction>>,
    seen: Mutex<Vec<Seen>>,
    abandoned: Notify,
    arrived: Notify,
}

pub struct Scripted {
    pub url: String,
    state: Arc<State>,
}

impl Scripted {
    /// The last reaction repeats.
    pub async fn start(script: Vec<Reaction>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            script: Mutex::new(script),
            ..State::default()
        });
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Self { url, state }
    }

    pub fn script(&self, script: Vec<Reaction>) {
        *self.state.script.lock().unwrap() = script;
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived in all.
    pub async fn arrivals(&self, count: usize) {
        let all = async {
            while self.seen().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, all).await.expect("the requests");
    }

    /// Waits until a request has arrived.
    pub async fn arrival(&self) {
        timeout(PATIENCE, self.state.arrived.notified())
            .await
            .expect("a request");
    }

    /// Waits until a client has gone away from a hanging request.
    pub async fn abandonment(&self) {
        timeout(PATIENCE, self.state.abandoned.notified())
            .await
            .expect("the client to go away");
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(seen) = read(&mut stream).await {
        state.seen.lock().unwrap().push(seen);
        state.arrived.notify_one();
        let reaction = {
            let mut script = state.script.lock().unwrap();
            if script.len() > 1 {
                script.remove(0)
            } else {
                script[0].clone()
            }
        };
        match reaction {
            Reaction::Answer(bytes) => stream.write_all(&bytes).await.unwrap(),
            Reaction::Cut(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Reaction::Hang => {
                let mut byte = [0];
                let _ = stream.read(&mut byte).await;
                state.abandoned.notify_one();
                return;
            }
        }
    }
}

pub(super) async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).unwrap();
    let mut seen = Seen {
        head,
        body: Vec::new(),
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = body;
    Some(seen)
}
