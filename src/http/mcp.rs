//! MCP's Streamable HTTP. It keeps no sessions: each request says all that it needs, and is answered with JSON, or with a
//! stream of events where it asked for progress.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http_body_util::Full;
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::answer::Answer;
use super::body::{self, LONGEST, Room};
use super::listen::not_found;
use crate::mcp::server::Server;
use crate::mcp::transport::RawArguments;

/// Where it is served: at the address as it stands, and where most clients look.
const PATHS: [&str; 2] = ["/", "/mcp"];

/// The adapter.
pub(super) struct Mcp(StreamableHttpService<Arc<Server>, NeverSessionManager>);

impl Mcp {
    /// The adapter of a server.
    pub(super) fn new(server: Server) -> Self {
        let server = Arc::new(server);
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            // Both are checked for both adapters, and the length where the body is read.
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(LONGEST);
        Self(StreamableHttpService::new(
            move || Ok(Arc::clone(&server)),
            Arc::default(),
            config,
        ))
    }

    /// Answers a request.
    pub(super) async fn answer(&self, mut parts: Parts, incoming: Incoming, room: &Room) -> Answer {
        if !PATHS.contains(&parts.uri.path()) {
            body::drain(incoming).await;
            return not_found("MCP is at / and at /mcp.");
        }
        let (body, held) = match room.read(incoming).await {
            Ok(read) => read,
            Err(refusal) => return *refusal,
        };
        // A large batch need not become a tree, and numbers stay as they were written.
        let body = match RawArguments::taken_out(&body) {
            Some((arguments, rest)) => {
                parts.extensions.insert(arguments);
                parts.headers.remove(CONTENT_LENGTH);
                parts.headers.remove(TRANSFER_ENCODING);
                rest
            }
            None => body,
        };
        let answer = self
            .0
            .handle(Request::from_parts(parts, Full::<Bytes>::new(body)))
            .await;
        drop(held);
        answer
    }
}
