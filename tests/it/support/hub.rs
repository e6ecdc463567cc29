//! A hub of models, and the store on another port that it redirects to.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::scripted::{Seen, read};

/// The commit that the hub's branch is at.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How the hub is.
#[derive(Default)]
pub struct Manner {
    /// The names and contents of the files of every model.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// A status in place of an answer, and the hub's name for it.
    pub refusal: Option<(u16, &'static str)>,
    /// How many of the store's next answers are cut in the middle.
    pub cuts: usize,
    /// Whether a commit is named.
    pub names_no_commit: bool,
}

#[derive(Default)]
struct State {
    manner: Mutex<Manner>,
    hub: Mutex<Vec<Seen>>,
    store: Mutex<Vec<Seen>>,
}

pub struct Hub {
    pub url: String,
    state: Arc<State>,
}

impl Hub {
    pub async fn start(files: Vec<(&'static str, Vec<u8>)>) -> Self {
        let (hub, store) = (listener().await, listener().await);
        let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (url, store_url) = (address(&hub), address(&store));
        let state = Arc::new(State::default());
        state.manner.lock().unwrap().files = files;
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = hub.accept().await {
                tokio::spawn(answer(stream, serving.clone(), store_url.clone()));
            }
        });
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = store.accept().await {
                tokio::spawn(send(stream, serving.clone()));
            }
        });
        Self { url, state }
    }

    /// Changes how it is.
    pub fn change(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.state.manner.lock().unwrap());
    }

    /// The requests to the hub since the last time.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.state.hub.lock().unwrap())
    }

    /// The requests to the store since the last time.
    pub fn seen_by_store(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.state.store.lock().unwrap())
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn target(seen: &Seen) -> String {
    seen.line().split(' ').nth(1).unwrap().to_owned()
}

/// Large files are in the store, as on Hugging Face; others the hub sends itself.
async fn answer(mut stream: TcpStream, state: Arc<State>, store: String) {
    while let Some(seen) = read(&mut stream).await {
        let path = target(&seen);
        let name = path.rsplit('/').next().unwrap().to_owned();
        state.hub.lock().unwrap().push(seen);
        let answer = {
            let manner = state.manner.lock().unwrap();
            let commit = if manner.names_no_commit {
                String::new()
            } else {
                format!("x-repo-commit: {COMMIT}\r\n")
            };
            let file = manner.files.iter().find(|(known, _)| *known == name);
            match (manner.refusal, file) {
                (Some((status, refusal)), _) => plain(status, &format!("x-error-code: {refusal}\r\n"), b""),
                (None, None) => plain(404, &format!("{commit}x-error-code: EntryNotFound\r\n"), b"none"),
                (None, Some(_)) if name == "tokenizer.json" => {
                    let location = format!("location: {store}/{name}?X-Signature=topsecret\r\n");
                    plain(302, &format!("{commit}{location}"), b"elsewhere")
                }
                (None, Some((_, content))) => plain(200, &commit, content),
            }
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn send(mut stream: TcpStream, state: Arc<State>) {
    while let Some(seen) = read(&mut stream).await {
        let path = target(&seen);
        state.store.lock().unwrap().push(seen);
        let (mut answer, cut) = {
            let mut manner = state.manner.lock().unwrap();
            let name = path.split(['/', '?']).nth(1).unwrap();
            let (_, content) = manner.files.iter().find(|(known, _)| *known == name).unwrap();
            let answer = plain(200, "", content);
            let cut = manner.cuts > 0;
            manner.cuts = manner.cuts.saturating_sub(1);
            (answer, cut)
        };
        if cut {
            answer.truncate(answer.len() - 20);
        }
        if stream.write_all(&answer).await.is_err() || cut {
            return;
        }
    }
}

fn plain(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
