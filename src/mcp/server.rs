//! The MCP server: which tools are offered, and how requests reach them and what stands beside them: prompts, resources and
//! the skill.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rmcp::ErrorData;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, CompletionInfo,
    CustomRequest, CustomResult, ErrorCode, GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams,
    GetSkillResult, Icon, Implementation, ListPromptsResult, ListResourcesResult, ListSkillsResult,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Reference, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};

use crate::context::Context;
use crate::error::ToolError;
use crate::error::problems::list;
use crate::mcp::instructions::instructions;
use crate::mcp::names;
use crate::mcp::offer::Offer;
use crate::mcp::prompts;
use crate::mcp::resources;
use crate::mcp::tool::adapter::Offered;
use crate::mcp::transport::RawArguments;
use crate::work::blocking;

/// The server.
pub(crate) struct Server {
    context: Arc<Context>,
    offer: Arc<Offer>,
    /// Over HTTP it is asked for with each request.
    info: ServerConfig,
    tools: Vec<Offered>,
}

impl Server {
    /// A server that offers these tools, and whose instructions begin with `preface`.
    #[must_use]
    pub(crate) fn new(context: Arc<Context>, offer: Arc<Offer>, preface: &'static str) -> Self {
        let tools = offer.entries.iter();
        let tools = tools.map(|entry| Offered::new(entry, offer.all.others)).collect();
        Self {
            context,
            info: info(&offer, preface),
            offer,
            tools,
        }
    }

    fn find(&self, name: &str) -> Option<&Offered> {
        self.tools.iter().find(|offered| offered.tool().name == name)
    }

    /// The data directory, if there is a place for one.
    fn data(&self) -> Option<PathBuf> {
        let data = self.context.config().data.as_ref();
        data.map(|data| data.root().to_owned())
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
        self.info.clone()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        request: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools.iter().map(|offered| offered.tool().clone());
        let mut list = ListToolsResult::with_all_items(tools.collect());
        list.ttl_ms = time_to_live(&request);
        Ok(list)
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
        let raw = RawArguments::of(&request.extensions).or_else(|| {
            let arguments = params.arguments?;
            serde_json::to_string(&arguments).ok().map(RawArguments::new)
        });
        let raw = raw.as_ref().map_or("{}", RawArguments::text);
        Ok(offered.call(&self.context, raw, &request).await.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        request: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let mut list = ListPromptsResult::with_all_items(prompts::all(&self.offer));
        list.ttl_ms = time_to_live(&request);
        Ok(list)
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&self.offer, &params.name, params.arguments.as_ref()).map(GetPromptResponse::from)
    }

    async fn complete(
        &self,
        params: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let Reference::Prompt(prompt) = params.r#ref else {
            // No resource has a template.
            return Ok(CompleteResult::default());
        };
        let (offer, data, argument) = (Arc::clone(&self.offer), self.data(), params.argument);
        let values = blocking(move || {
            prompts::complete(
                &offer,
                &prompt.name,
                &argument.name,
                &argument.value,
                data.as_deref(),
            )
        });
        let values = values.await.map_err(broken)??;
        let completion = CompletionInfo::new(values);
        completion
            .map(CompleteResult::new)
            .map_err(|error| ErrorData::internal_error(error, None))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let data = self.data();
        let listed = blocking(move || resources::list(data.as_deref())).await;
        listed.map(ListResourcesResult::with_all_items).map_err(broken)
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let context = Arc::clone(&self.context);
        let read = blocking(move || resources::read(&context, &params.uri)).await;
        let found = read.map_err(broken)??;
        Ok(ReadResourceResult::new(vec![found]).into())
    }

    async fn list_skills(
        &self,
        _: Option<PaginatedRequestParams>,
        request: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        let mut list = ListSkillsResult::with_all_items(vec![resources::skill()]);
        list.ttl_ms = time_to_live(&request);
        Ok(list)
    }

    async fn get_skill(
        &self,
        params: GetSkillRequestParams,
        request: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        let skill = resources::skill();
        if skill.uri != params.uri {
            let problem = format!("there is one skill here, {}", skill.uri);
            return Err(ErrorData::invalid_params(problem, None));
        }
        let mut result = GetSkillResult::new(skill);
        result.ttl_ms = time_to_live(&request);
        Ok(result)
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

/// What the server says of itself.
fn info(offer: &Offer, preface: &str) -> ServerConfig {
    let mut this = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    this.title = Some("RL post-training".to_owned());
    this.icons = Some(vec![icon()]);
    let capabilities = ServerCapabilities::builder()
        .enable_tools()
        .enable_prompts()
        .enable_completions()
        .enable_resources()
        .enable_skills();
    ServerConfig::new(capabilities.build())
        .with_server_info(this)
        .with_instructions(instructions(offer, preface))
}

/// For how long a client may keep what doesn't change while the server runs. Earlier versions of the protocol have no such
/// member.
fn time_to_live(request: &RequestContext<RoleServer>) -> Option<u64> {
    /// In milliseconds.
    const HOUR: u64 = 3_600_000;
    let version = request.protocol_version();
    version
        .is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
        .then_some(HOUR)
}

/// What hosts show beside the server's name.
fn icon() -> Icon {
    const SVG: &str = include_str!("../../docs/icon.svg");
    let source = BASE64_STANDARD.encode(SVG.trim_end());
    Icon::new(format!("data:image/svg+xml;base64,{source}"))
        .with_mime_type("image/svg+xml")
        .with_sizes(vec!["any".to_owned()])
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` passes it")]
fn broken(error: ToolError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

/// The methods that this server answers.
const KNOWN_METHODS: [&str; 13] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "skills/list",
    "skills/get",
];
