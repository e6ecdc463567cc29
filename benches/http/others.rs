//! What one would write with rmcp in an afternoon: one tool that gets a training session and passes its text on; and a plain
//! reverse proxy. Both run in one process, which this benchmark starts as it starts the server.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::Result;

/// Says in the environment that this process is the one of the others, and where the service is.
pub(crate) const SERVICE: &str = "RL_MCP_BENCH_OTHERS";

/// Serves until it is ended, if this process is the one; whether it is.
pub(crate) fn served() -> Result<bool> {
    let Ok(service) = std::env::var(SERVICE) else {
        return Ok(false);
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let service: &'static str = service.leak();
    // One thread each, as the server has one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (mcp, rest) = (
            TcpListener::bind("127.0.0.1:0").await?,
            TcpListener::bind("127.0.0.1:0").await?,
        );
        say(&mcp, &rest)?;
        tokio::try_join!(
            serve_mcp(mcp, service, client.clone()),
            serve_rest(rest, service, client)
        )?;
        Ok(true)
    })
}

fn say(mcp: &TcpListener, rest: &TcpListener) -> Result<()> {
    use std::io::Write as _;
    let (mcp, rest) = (mcp.local_addr()?, rest.local_addr()?);
    writeln!(
        std::io::stderr(),
        "MCP at http://{mcp}/mcp\nREST at http://{rest}"
    )?;
    Ok(())
}

async fn serve_mcp(listener: TcpListener, service: &'static str, client: reqwest::Client) -> Result<()> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let peer = Peer { service, client };
    let sessions = Arc::<NeverSessionManager>::default();
    let mcp = StreamableHttpService::new(move || Ok(peer.clone()), sessions, config);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mcp = mcp.clone();
        let mcp = service_fn(move |request: Request<Incoming>| {
            let mcp = mcp.clone();
            async move { Ok::<_, Infallible>(mcp.handle(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), mcp));
    }
}

async fn serve_rest(listener: TcpListener, service: &'static str, client: reqwest::Client) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let client = client.clone();
        let proxy = service_fn(move |request: Request<Incoming>| passed_on(service, client.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), proxy));
    }
}

async fn passed_on(
    service: &'static str,
    client: reqwest::Client,
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let sent = client
        .request(parts.method, format!("{service}{path}"))
        .bearer_auth("bench-key-0123456789")
        .body(body)
        .send();
    let Ok(answer) = sent.await else {
        return Ok(Response::builder()
            .status(502)
            .body(Full::default())
            .unwrap_or_default());
    };
    let status = answer.status();
    let mut passed = Response::new(Full::new(answer.bytes().await.unwrap_or_default()));
    *passed.status_mut() = status;
    Ok(passed)
}

#[derive(Clone)]
struct Peer {
    service: &'static str,
    client: reqwest::Client,
}

impl ServerHandler for Peer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(Vec::new()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let session = arguments
            .get("session_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let url = format!("{}/v1/rl/training-sessions/{session}", self.service);
        let answer = async {
            let response = self
                .client
                .get(url)
                .bearer_auth("bench-key-0123456789")
                .send()
                .await?;
            response.error_for_status()?.text().await
        };
        let text = answer
            .await
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}
