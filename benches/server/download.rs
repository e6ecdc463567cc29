//! The download of a large checkpoint, side by side with curl on the same file.
//!
//! The store makes its file up from a buffer in memory, so that no disk is read. Both write to the same disk, one after
//! the other, and what was written is compared with what was sent.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::client::Server;
use crate::processor;

/// The piece that the file repeats. Its length divides no other in use, so that a shift by any of them is noticed.
const PIECE: usize = 1_000_003;
/// The name of the file.
const NAME: &str = "model.safetensors";

/// What a round came to, in bytes for each second.
pub(crate) struct Rates {
    pub(crate) server: f64,
    /// `None`: there is no curl.
    pub(crate) curl: Option<f64>,
    /// The most memory that the server had at a time, in bytes.
    pub(crate) peak: Option<f64>,
}

/// A service that lists one file, and the store that has it. Its threads end with the process.
pub(crate) struct Store {
    url: String,
    size: u64,
    piece: Arc<[u8]>,
}

impl Store {
    pub(crate) fn start(size: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut random = fastrand::Rng::with_seed(1);
        let mut piece = vec![0; PIECE];
        random.fill(&mut piece);
        let store = Self {
            url,
            size,
            piece: piece.into(),
        };
        let (list, piece) = (store.list(), store.piece.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(io::Result::ok) {
                let (list, piece) = (list.clone(), piece.clone());
                std::thread::spawn(move || serve(stream, &list, size, &piece));
            }
        });
        Ok(store)
    }

    fn file_url(&self) -> String {
        format!("{}/file?signature=0123456789", self.url)
    }

    fn list(&self) -> String {
        json!({"data": [{"filename": NAME, "size": self.size, "url": self.file_url()}]}).to_string()
    }

    /// Downloads the file with the server and with curl.
    pub(crate) fn round(&self, binary: &Path) -> Result<Rates> {
        let directory = tempfile::tempdir()?;
        let root = directory.path().canonicalize()?;
        let environment = [
            ("TOGETHER_BASE_URL", self.url.clone()),
            ("TOGETHER_API_KEY", "bench-key-0123456789".to_owned()),
            ("RL_MCP_FILE_DIRS", root.display().to_string()),
            ("RL_MCP_DATA_DIR", root.join("data").display().to_string()),
        ];
        let (mut server, _) = Server::with(binary, &environment)?;
        let arguments = json!({"id": "c", "variant": "merged", "directory": root.join("server")});
        let started = Instant::now();
        let answer = server.ask("download-checkpoint", &arguments.to_string())?;
        let took = started.elapsed();
        let report: Value = serde_json::from_str(&answer)?;
        if report.get("state") != Some(&json!("complete")) {
            return Err(format!("the download is not complete: {report}").into());
        }
        let peak = processor::peak(server.id());
        let file = root.join("server").join(NAME);
        self.check(&file)?;
        std::fs::remove_file(file)?;
        let curl = self.curl(&root.join("curl"))?;
        Ok(Rates {
            server: self.rate(took),
            curl: curl.map(|took| self.rate(took)),
            peak,
        })
    }

    /// `None`: there is no curl.
    fn curl(&self, file: &Path) -> Result<Option<Duration>> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--fail", "--noproxy", "*", "--output"])
            .arg(file)
            .arg(self.file_url());
        let started = Instant::now();
        let ended = match command.stdin(Stdio::null()).status() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            ended => ended?,
        };
        let took = started.elapsed();
        if !ended.success() {
            return Err(format!("curl failed: {ended}").into());
        }
        self.check(file)?;
        Ok(Some(took))
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    fn rate(&self, took: Duration) -> f64 {
        self.size as f64 / took.as_secs_f64()
    }

    fn check(&self, file: &Path) -> Result<()> {
        let mut file = std::fs::File::open(file)?;
        if file.metadata()?.len() != self.size {
            return Err("the file has another length".into());
        }
        let (mut left, mut read) = (self.size, vec![0; PIECE]);
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let (Some(read), Some(piece)) = (read.get_mut(..length), self.piece.get(..length)) else {
                return Err("a piece is shorter than itself".into());
            };
            file.read_exact(read)?;
            if read != piece {
                return Err("the file holds something else".into());
            }
            left -= length as u64;
        }
        Ok(())
    }
}

/// Serves a connection until it is closed.
fn serve(mut stream: TcpStream, list: &str, size: u64, piece: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        while memchr::memmem::find(&buffer, b"\r\n\r\n").is_none() {
            let mut more = [0; 4096];
            let read = stream.read(&mut more)?;
            if read == 0 {
                return Ok(());
            }
            buffer.extend(more.iter().take(read));
        }
        // Nobody sends a request before the last one is answered, and none has a body.
        let is_list = buffer.starts_with(b"GET /v1/");
        buffer.clear();
        let (kind, length) = if is_list {
            ("application/json", list.len() as u64)
        } else {
            ("application/octet-stream", size)
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\netag: \"1\"\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        if is_list {
            stream.write_all(list.as_bytes())?;
            continue;
        }
        let mut left = size;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(piece.len()).min(piece.len());
            stream.write_all(piece.get(..length).unwrap_or_default())?;
            left -= length as u64;
        }
    }
}
