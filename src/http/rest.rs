//! REST: a route for each operation of the two capabilities. An adapter in the middle: what a service says goes back as it
//! came.
//!
//! A route is its tool's row seen from the other side. The request becomes the tool's arguments; the tool checks them and makes
//! its request; and the relay of the call (`client/relay.rs`) has what the service said to that.

mod failure;
mod openapi;
mod route;
mod skills;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use hyper::body::Incoming;
use serde_json::value::RawValue;
use tokio::time::timeout_at;

use super::answer::{Answer, Refusal, error, json_text, with};
use super::body::{self, Room};
use super::listen::not_found;
use crate::client::{Heard, IDEMPOTENCY_KEY, Relay};
use crate::context::{Call, Context};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json;
use crate::json::Object;
use crate::mcp::offer::Offer;
use crate::spec::Effect;

use route::Route;

/// What describes the routes.
const OPENAPI: &str = "/openapi.json";
/// The requests of a call keep its deadline themselves and can say what was done; this is for what they miss.
const DEADLINE_SLACK: Duration = Duration::from_secs(5);

/// The adapter.
pub(super) struct Rest {
    context: Arc<Context>,
    offer: Arc<Offer>,
    routes: Vec<Arc<Route>>,
    has_token: bool,
    openapi: OnceLock<Bytes>,
}

impl Rest {
    /// The adapter of a server, which wants a token or not.
    pub(super) fn new(context: Arc<Context>, offer: Arc<Offer>, has_token: bool) -> Self {
        Self {
            routes: route::all(offer.all).map(Arc::new).collect(),
            context,
            offer,
            has_token,
            openapi: OnceLock::new(),
        }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, parts: Parts, incoming: Incoming, room: &Room) -> Answer {
        let route = match self.find(&parts) {
            Ok(route) => route,
            Err(answer) => {
                body::drain(incoming).await;
                return *answer;
            }
        };
        let (body, _held) = match room.read(incoming).await {
            Ok(read) => read,
            Err(refusal) => return *refusal,
        };
        let asked = match asked(&route, &parts, body) {
            Ok(asked) => asked,
            Err(answer) => return *answer,
        };
        // A task of its own: a client that goes away must not leave a request behind of which nobody knows what it came to.
        let running = run(Arc::clone(&self.context), route, asked);
        match tokio::spawn(running).await {
            Ok(answer) => answer,
            Err(_) => error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "rl-mcp itself failed: its log says where. Next: check what was done before you repeat it, then report the defect.",
            ),
        }
    }

    /// The route of a request that may be made, or the answer to any other.
    fn find(&self, parts: &Parts) -> Result<Arc<Route>, Refusal> {
        let path = parts.uri.path();
        // The documents beside the routes.
        if path == OPENAPI {
            return Err(match parts.method {
                Method::GET => json_text(StatusCode::OK, self.openapi()),
                _ => wrong_method("GET"),
            }
            .into());
        }
        if let Some(answer) = skills::answer(&parts.method, path) {
            return Err(answer.into());
        }
        let here: Vec<&Arc<Route>> = self.routes.iter().filter(|route| route.is_at(path)).collect();
        let route = here.iter().find(|route| route.method() == parts.method.as_str());
        let Some(route) = route else {
            if here.is_empty() {
                let message = format!("There is no such route: {OPENAPI} describes those that there are.");
                return Err(not_found(&message).into());
            }
            let allowed: Vec<&str> = here.iter().map(|route| route.method()).collect();
            return Err(wrong_method(&allowed.join(", ")).into());
        };
        match self.offer.forbids(route.spec()) {
            Some(why) => {
                let message = format!("This route may not be used: {why}.");
                Err(error(StatusCode::FORBIDDEN, "not_offered", &message).into())
            }
            None => Ok(Arc::clone(route)),
        }
    }

    fn openapi(&self) -> Bytes {
        let document = || Bytes::from(openapi::document(&self.routes, self.has_token).to_string());
        self.openapi.get_or_init(document).clone()
    }
}

fn wrong_method(allowed: &str) -> Answer {
    let message = format!("This path takes {allowed}.");
    let answer = error(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", &message);
    match HeaderValue::from_str(allowed) {
        Ok(allowed) => with(answer, ALLOW, allowed),
        Err(_) => answer,
    }
}

/// A request in the form in which its tool is called.
struct Asked {
    /// The JSON text of the arguments.
    arguments: String,
    /// A body that the tool itself does not have.
    passed_on: Option<Bytes>,
}

/// Reads a request of a route.
fn asked(route: &Route, parts: &Parts, body: Bytes) -> Result<Asked, Refusal> {
    let mut problems = Problems::default();
    let mut arguments = Object::default();
    let mut set = |name: &str, text: &str| {
        if let Ok(value) = json::text(&text).and_then(json::raw) {
            arguments.set(name, value);
        }
    };
    for (name, value) in route.values(parts.uri.path(), &mut problems) {
        set(name, &value);
    }
    let mut seen = Vec::new();
    let query = parts.uri.query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let at = Path::Root.key(&name);
        let Some(known) = route.query().iter().find(|known| **known == name) else {
            problems.add(&at, route.unknown_query(&name));
            continue;
        };
        if seen.contains(known) {
            problems.add(&at, "is given twice");
        }
        seen.push(known);
        set(known, &value);
    }
    let key = parts
        .headers
        .get(&IDEMPOTENCY_KEY)
        .filter(|_| route.spec().effect == Effect::Submit);
    if let Some(key) = key {
        // What is no text is no key either, and the tool says what one is.
        set(IDEMPOTENCY_ARGUMENT, key.to_str().unwrap_or(" "));
    }
    let mut passed_on = None;
    if !body.is_empty() && (route.has_body() || route.passes_body_on()) {
        check_type(&parts.headers)?;
        let raw = serde_json::from_slice::<&RawValue>(&body);
        match raw {
            Ok(raw) if route.has_body() => arguments.set("body", raw.to_owned()),
            Ok(_) => passed_on = Some(body),
            Err(error) => problems.add(&Path::Root.key("body"), format!("is not JSON: {error}")),
        }
    }
    if !problems.is_empty() {
        return Err(failure::arguments(&problems).into());
    }
    let arguments = json::text(&arguments).map_err(|error| Box::new(failure::other(&error)))?;
    Ok(Asked { arguments, passed_on })
}

const IDEMPOTENCY_ARGUMENT: &str = "idempotency_key";

fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(given) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let given = given.to_str().unwrap_or_default();
    let essence = given
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let message = "The body is to be JSON. Next: send it with the header `Content-Type: application/json`.";
    Err(error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_type", message).into())
}

/// Calls the tool, and answers what the service said to it.
async fn run(context: Arc<Context>, route: Arc<Route>, asked: Asked) -> Answer {
    let relay = Arc::new(Relay::new(asked.passed_on));
    let call = Call::new(&context, route.spec()).relayed(Arc::clone(&relay));
    let running = route.run(&call, &asked.arguments);
    let ended = timeout_at(call.deadline + DEADLINE_SLACK, running).await;
    if let Some(problem) = context.journal().settled().await
        && route.spec().is_recorded()
    {
        tracing::warn!(
            tool = route.spec().name,
            problem,
            "the journal of calls cannot be written"
        );
    }
    let answer = match (relay.heard(), ended) {
        (Some(heard), _) => passed_on(heard),
        (None, Ok(Err(error))) => failure::of(&context, &error),
        (None, Ok(Ok(_))) => failure::other(&ToolError::Internal("no request was made".to_owned())),
        (None, Err(_)) => failure::of(&context, &ToolError::Deadline(context.config().call_timeout)),
    };
    let key = relay
        .idempotency_key()
        .and_then(|key| HeaderValue::from_str(&key).ok());
    match key {
        Some(key) => with(answer, HeaderName::from_static("idempotency-key"), key),
        None => answer,
    }
}

/// What a service said.
fn passed_on(heard: Heard) -> Answer {
    let Heard {
        status,
        retry_after,
        body,
    } = heard;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let answer = json_text(status, body);
    match retry_after {
        Some(wait) => with(answer, RETRY_AFTER, wait),
        None => answer,
    }
}
