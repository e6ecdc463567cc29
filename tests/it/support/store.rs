//! A service with one checkpoint, and the store with its files, faults included.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::scripted::{Seen, read};

/// What happens to a request for a file.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection is cut after so many bytes.
    Cut(usize),
    /// Nothing more after so many bytes, until the client goes away.
    Hang(usize),
    /// A status and no file.
    Status(u16),
    /// The file and so many bytes more, with no length announced.
    More(usize),
    /// So many bytes less, as if that were all.
    Less(usize),
}

/// How the store is.
#[derive(Clone)]
pub struct Manner {
    /// The names and contents of the files.
    pub files: Vec<(String, Vec<u8>)>,
    /// Sizes that are listed in place of the true ones.
    pub sizes: Option<Vec<Value>>,
    /// Sizes that the lists from this number on have.
    pub later_sizes: Option<(usize, Vec<Value>)>,
    pub etag: Option<String>,
    pub ignores_ranges: bool,
    /// Whether it goes on with another version of the file, as some do that do not know `If-Range`.
    pub ignores_versions: bool,
    /// URLs of lists before this one have expired.
    pub oldest_list: usize,
    /// What happens to the next requests for files.
    pub faults: VecDeque<Fault>,
}

struct State {
    manner: Mutex<Manner>,
    lists: Mutex<usize>,
    seen: Mutex<Vec<Seen>>,
    sent: Mutex<usize>,
    hanging: Notify,
}

pub struct Store {
    pub url: String,
    state: Arc<State>,
}

impl Store {
    pub async fn start(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let owned = |(name, content): &(&str, &[u8])| ((*name).to_owned(), content.to_vec());
        let state = Arc::new(State {
            manner: Mutex::new(Manner {
                files: files.iter().map(owned).collect(),
                sizes: None,
                later_sizes: None,
                etag: Some("\"v1\"".to_owned()),
                ignores_ranges: false,
                ignores_versions: false,
                oldest_list: 0,
                faults: VecDeque::new(),
            }),
            lists: Mutex::default(),
            seen: Mutex::default(),
            sent: Mutex::default(),
            hanging: Notify::new(),
        });
        let (serving, own) = (state.clone(), url.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone(), own.clone()));
            }
        });
        Self { url, state }
    }

    /// Changes how it is.
    pub fn change(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.state.manner.lock().unwrap());
    }

    /// These faults for the next requests for files.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.change(|manner| manner.faults = faults.into_iter().collect());
    }

    /// How often the list was asked for.
    pub fn lists(&self) -> usize {
        *self.state.lists.lock().unwrap()
    }

    /// The requests for files since the last time.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.state.seen.lock().unwrap())
    }

    /// How many bytes of files were sent since the last time.
    pub fn sent(&self) -> usize {
        std::mem::take(&mut *self.state.sent.lock().unwrap())
    }

    /// Waits until a request hangs.
    pub async fn hanging(&self) {
        timeout(Duration::from_secs(10), self.state.hanging.notified())
            .await
            .expect("a request that hangs");
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>, own: String) {
    while let Some(seen) = read(&mut stream).await {
        let target = seen.line().split(' ').nth(1).unwrap().to_owned();
        if target.starts_with("/v1/") {
            let answer = list(&state, &own);
            let head = format!(
                "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            if stream.write_all((head + &answer).as_bytes()).await.is_err() {
                return;
            }
        } else if !file(&mut stream, &state, seen, &target).await {
            return;
        }
    }
}

fn list(state: &State, own: &str) -> String {
    let manner = state.manner.lock().unwrap();
    let mut lists = state.lists.lock().unwrap();
    *lists += 1;
    let number = *lists;
    let later = manner.later_sizes.as_ref().filter(|(from, _)| number >= *from);
    let sizes = later.map(|(_, sizes)| sizes).or(manner.sizes.as_ref());
    let files = manner.files.iter().enumerate().map(|(index, (name, content))| {
        let size = sizes.map_or_else(|| json!(content.len()), |sizes| sizes[index].clone());
        json!({
            "filename": name,
            "size": size,
            "url": format!("{own}/store/{index}/{number}?X-Signature=topsecret-{number}"),
        })
    });
    json!({"data": files.collect::<Vec<_>>()}).to_string()
}

/// Whether the connection stays open.
async fn file(stream: &mut TcpStream, state: &State, seen: Seen, target: &str) -> bool {
    let mut numbers = target
        .split(['/', '?'])
        .filter_map(|part| part.parse::<usize>().ok());
    let (index, number) = (numbers.next().unwrap(), numbers.next().unwrap());
    let manner = state.manner.lock().unwrap().clone();
    let same = seen
        .header("if-range")
        .is_none_or(|given| Some(given) == manner.etag.as_deref());
    let start = seen
        .header("range")
        .filter(|_| !manner.ignores_ranges && (same || manner.ignores_versions))
        .map(|range| {
            range
                .strip_prefix("bytes=")
                .unwrap()
                .strip_suffix('-')
                .unwrap()
                .parse()
                .unwrap()
        });
    state.seen.lock().unwrap().push(seen);
    if number < manner.oldest_list {
        return plain(stream, 403, "").await;
    }
    let fault = state.manner.lock().unwrap().faults.pop_front();
    if let Some(Fault::Status(status)) = fault {
        return plain(stream, status, "").await;
    }
    let content = &manner.files[index].1;
    let total = content.len();
    let (status, body, mut head) = match start {
        Some(start) if start >= total => {
            return plain(stream, 416, &format!("content-range: bytes */{total}\r\n")).await;
        }
        Some(start) => {
            let range = format!("content-range: bytes {start}-{}/{total}\r\n", total - 1);
            (206, &content[start..], range)
        }
        None => (200, &content[..], String::new()),
    };
    if let Some(etag) = &manner.etag {
        let _ = write!(head, "etag: {etag}\r\n");
    }
    let mut body = body.to_vec();
    match fault {
        Some(Fault::More(more)) => body.extend(vec![7; more]),
        Some(Fault::Less(less)) => body.truncate(body.len() - less),
        _ => drop(write!(head, "content-length: {}\r\n", body.len())),
    }
    let open = head.contains("content-length");
    let head = format!("HTTP/1.1 {status} X\r\n{head}\r\n");
    let limit = match fault {
        Some(Fault::Cut(limit) | Fault::Hang(limit)) => limit.min(body.len()),
        _ => body.len(),
    };
    if stream.write_all(head.as_bytes()).await.is_err() {
        return false;
    }
    // In pieces, so that what was sent is counted about right when the client goes away.
    for piece in body[..limit].chunks(16 << 10) {
        if stream.write_all(piece).await.is_err() {
            return false;
        }
        *state.sent.lock().unwrap() += piece.len();
    }
    match fault {
        Some(Fault::Cut(_)) => false,
        Some(Fault::Hang(_)) => {
            state.hanging.notify_one();
            let _ = stream.read(&mut [0]).await;
            false
        }
        _ => open,
    }
}

async fn plain(stream: &mut TcpStream, status: u16, headers: &str) -> bool {
    let answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.is_ok()
}
