//! What one would write with rmcp in an afternoon: one tool that gets a training session and passes its text on. It runs
//! in a process of its own, which this benchmark starts as it starts the server.

use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _};
use serde_json::{Map, Value, json};

use crate::Result;
use crate::client::Server;

/// Says in the environment that this process is the peer, and where the service is.
const SERVICE: &str = "RL_MCP_BENCH_PEER";

struct Peer {
    service: String,
    client: reqwest::Client,
}

/// The peer of the service at `base_url`.
pub(crate) fn start(base_url: &str) -> Result<Server> {
    let environment = [(SERVICE, base_url.to_owned())];
    let (server, _) = Server::with(&std::env::current_exe()?, &environment)?;
    Ok(server)
}

/// Serves to the end of the input if this process is the peer; whether it is.
pub(crate) fn served() -> Result<bool> {
    let Ok(service) = std::env::var(SERVICE) else {
        return Ok(false);
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let running = Peer { service, client }.serve(rmcp::transport::stdio()).await?;
        running.waiting().await?;
        Ok(true)
    })
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
        let schema = json!({"type": "object", "properties": {"session_id": {"type": "string"}}});
        let schema: Map<String, Value> = schema.as_object().cloned().unwrap_or_default();
        let tool = Tool::new(
            "get-training-session",
            "Shows a training session.",
            Arc::new(schema),
        );
        Ok(ListToolsResult::with_all_items(vec![tool]))
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
