//! Many answers without end take no more memory than one may.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Server, outcome};

/// How many calls are under way by default.
const CALLS: usize = 16;

/// A service that answers everything with JSON that never ends.
async fn endless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let piece = vec![b'1'; 256 << 10];
        while let Ok((mut stream, _)) = listener.accept().await {
            let piece = piece.clone();
            tokio::spawn(async move {
                // A GET without a body: what ends it is all that has to be seen.
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[";
                let mut written = stream.write_all(head).await;
                while written.is_ok() {
                    written = stream.write_all(&piece).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn endless_answers_share_one_limit() {
    let url = endless().await;
    let mut server = Server::start(&url).await;
    let before = server.peak_memory();
    let calls = FuturesUnordered::new();
    for call in 0..CALLS {
        let params = json!({"name": "get-training-session", "arguments": {"session_id": call.to_string()}});
        calls.push(server.begin("tools/call", params).await.1);
    }
    // What the others come to is the same; by now the room has been full.
    let first: Vec<_> = calls.take(3).collect().await;
    for answer in first {
        // How long that takes is the machine's affair.
        let outcome = outcome(&answer.unwrap());
        let text = outcome.error();
        assert!(
            text.contains("there is no room for the answer") && text.contains("wait for other calls"),
            "{text}"
        );
    }
    let grown = server.peak_memory() - before;
    assert!(grown < 400 << 20, "{} MiB", grown >> 20);
    server.kill().await;
}
