//! The MCP server: which tools are offered, and how requests reach them.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode, Implementation,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};

use crate::context::Context;
use crate::error::problems::list;
use crate::mcp::instructions::instructions;
use crate::mcp::names;
use crate::mcp::offer::Offer;
use crate::mcp::tool::adapter::Offered;
use crate::mcp::transport::RawArguments;

/// The server.
pub(crate) struct Server {
    context: Arc<Context>,
    offer: Offer,
    preface: &'static str,
    tools: Vec<Offered>,
}

impl Server {
    /// A server that offers these tools, and whose instructions begin with `preface`.
    #[must_use]
    pub(crate) fn new(context: Arc<Context>, offer: Offer, preface: &'static str) -> Self {
        let tools = offer.entries.iter();
        let tools = tools.map(|entry| Offered::new(entry, offer.all.others)).collect();
        Self {
            context,
            offer,
            preface,
            tools,
        }
    }

    fn find(&self, name: &str) -> Option<&Offered> {
        self.tools.iter().find(|offered| offered.tool().name == name)
    }

    fn unknown_tool(&self, name: &str) -> ErrorData {
        if let Some(why) = self.offer.why_not(name) {
            return ErrorData::invalid_params(format!("the tool {name} is not offered here: {why}"), None);
        }
        let known = match names::meant(name, self.offer.all).as_slice() {
            [] => {
                let offered = self.tools.iter().map(|offered| offered.tool().name.as_ref());
                format!("offered are: {}", list(offered))
            }
            [near] => match self.offer.why_not(near).filter(|_| self.find(near).is_none()) {
                None => format!("did you mean {near}?"),
                Some(why) => format!("did you mean {near}? It is not offered here: {why}"),
            },
            [first, others @ ..] => format!("did you mean {first} or {}?", others.join(" or ")),
        };
        // Secrets are taken out before it is cut, since nobody knows a half of one.
        let shown: String = self.context.redactor().scrub(name).chars().take(100).collect();
        ErrorData::invalid_params(format!("there is no tool `{shown}`; {known}"), None)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let mut this = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        this.title = Some("RL post-training".to_owned());
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(this)
            .with_instructions(instructions(&self.offer, self.preface))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        request: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools.iter().map(|offered| offered.tool().clone());
        let list = ListToolsResult::with_all_items(tools.collect());
        // Earlier versions of the protocol have no such member.
        let caches = request
            .protocol_version()
            .is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        Ok(if caches {
            list.with_ttl_ms(LIST_TTL_MS)
        } else {
            list
        })
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.find(name).map(|offered| offered.tool().clone())
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        request: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(offered) = self.find(&params.name) else {
            return Err(self.unknown_tool(&params.name));
        };
        let raw = request.extensions.get::<RawArguments>().cloned();
        let raw = raw.as_ref().map_or("{}", RawArguments::text);
        Ok(offered.call(&self.context, raw, &request).await.into())
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        // A known method ends up here when its params cannot be read.
        Err(if KNOWN_METHODS.contains(&request.method.as_str()) {
            ErrorData::invalid_params(format!("the params of {} cannot be read", request.method), None)
        } else {
            let shown: String = request.method.chars().take(100).collect();
            ErrorData::new(ErrorCode::METHOD_NOT_FOUND, shown, None)
        })
    }
}

/// How long clients may keep the list of tools, in milliseconds: it doesn't change while the server runs.
const LIST_TTL_MS: u64 = 3_600_000;
/// The methods that this server answers.
const KNOWN_METHODS: [&str; 5] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
];
