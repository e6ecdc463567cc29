//! The one HTTP client: it sends requests *by spec row*.
//!
//! Method, path and the right to repeat come from the row; the key, the deadline and the limits from the
//! configuration. A handler says only what fills the placeholders, the query and the body.

/// Names an id type after what it identifies; the arguments' names say it to the model.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        #[schemars(extend("x-plain" = true))]
        pub struct $name(String);

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    };
}

pub mod call;
pub mod clean;
pub(crate) mod connection;
mod door;
pub mod error_body;
pub mod exchange;
pub mod http;
pub mod integer;
pub mod json;
pub mod non_finite;
pub mod path;
pub mod payload;
pub mod peek;
mod permits;
pub mod prime;
pub mod retry;
mod room;
mod secret_member;
pub mod together;
pub mod wait;
mod walk;

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::{Account, Config};
use crate::download::Downloads;
use crate::error::ToolError;
use crate::journal::{Given, Journal, Pending};
use crate::problems::{Path, Problems};
use crate::redact::Redactor;
use crate::spec::{Effect, Spec};

pub use call::{Call, Doing, Output, Reply, View};
use exchange::{Outgoing, exchange};
use http::Http;
use payload::Uploads;
use permits::Permits;
use room::Room;
use together::course::Courses;
use together::running::Running;
use wait::Polls;
pub use wait::WaitSeconds;

/// The header of operation calls.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest idempotency key; the service publishes no limit, and this is a common one.
const LONGEST_KEY: usize = 255;

/// Both services and what their requests share. Lives as long as the server does.
pub struct Api {
    config: Config,
    http: Http,
    permits: Permits,
    room: Room,
    uploads: Uploads,
    polls: Polls,
    downloads: Downloads,
    redactor: Arc<Redactor>,
    journal: Journal,
    running: Running,
    courses: Courses,
}

impl Api {
    /// Makes the client; it connects to nothing and reads no certificates before the first request. The keys of
    /// `config` become known to `redactor`, so that no echo of them gets out.
    #[must_use]
    pub fn new(config: Config, redactor: Arc<Redactor>) -> Self {
        for key in [&config.together.key, &config.prime.key].into_iter().flatten() {
            redactor.add(key.secret.expose_secret());
        }
        for secret in &config.run_secrets {
            redactor.add(secret.value.expose_secret());
        }
        let directory = config.data.as_ref().map(|data| data.root().to_owned());
        let host = |account: &Account| path::host(&account.base_url);
        let hosts = vec![host(&config.together), host(&config.prime)];
        let permits = Permits::new(config.max_concurrency);
        Self {
            config,
            http: Http::default(),
            permits,
            room: Room::default(),
            uploads: Uploads::default(),
            journal: Journal::new(directory, hosts, redactor.clone()),
            running: Running::default(),
            courses: Courses::default(),
            polls: Polls::default(),
            downloads: Downloads::default(),
            redactor,
        }
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The downloads that are under way.
    #[must_use]
    pub const fn downloads(&self) -> &Downloads {
        &self.downloads
    }

    /// The secrets that must not get out.
    #[must_use]
    pub const fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// What was done, for whoever comes after.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What was submitted in each session.
    #[must_use]
    pub const fn courses(&self) -> &Courses {
        &self.courses
    }

    /// The model resources of this process that may be up.
    #[must_use]
    pub const fn running(&self) -> &Running {
        &self.running
    }
}

/// Of tools that take no arguments.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(extend("properties" = {}))]
pub struct NoArgs {}

/// To repeat a call of unknown outcome: the key that its error named.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct IdempotencyKey {
    text: String,
    /// Whether it was made here just now; a caller's own may be known to the service.
    #[serde(skip)]
    fresh: bool,
}

impl IdempotencyKey {
    /// A key that nobody has used.
    #[must_use]
    pub fn fresh() -> Self {
        Self {
            text: uuid::Uuid::new_v4().to_string(),
            fresh: true,
        }
    }

    /// The header's value, or what is wrong with the key.
    pub fn header(&self) -> Result<HeaderValue, ToolError> {
        let usable = (1..=LONGEST_KEY).contains(&self.text.len())
            && self.text.bytes().all(|byte| byte.is_ascii_graphic());
        HeaderValue::from_str(&self.text)
            .ok()
            .filter(|_| usable)
            .ok_or_else(|| {
                ToolError::Arguments(Problems::one(
                    &Path::Root.key("idempotency_key"),
                    format!("is 1 to {LONGEST_KEY} visible ASCII characters, without spaces"),
                ))
            })
    }
}

/// A request in the making.
pub struct Request<'a> {
    call: &'a Call<'a>,
    spec: &'static Spec,
    path: Vec<(&'static str, &'a str)>,
    /// The ids in the body, by their paths in the arguments.
    ids: Vec<(&'static str, &'a str)>,
    query: Vec<(&'static str, String)>,
    body: Option<Bytes>,
    key: Option<IdempotencyKey>,
    as_written: bool,
    too_early: bool,
    usd_per_hour: Option<f64>,
}

impl<'a> Request<'a> {
    /// A request by the row `spec`.
    #[must_use]
    pub const fn new(call: &'a Call<'a>, spec: &'static Spec) -> Self {
        Self {
            call,
            spec,
            path: Vec::new(),
            ids: Vec::new(),
            query: Vec::new(),
            body: None,
            key: None,
            as_written: false,
            too_early: false,
            usd_per_hour: None,
        }
    }

    /// Fills a placeholder of the path.
    #[must_use]
    pub fn path(mut self, name: &'static str, value: &'a str) -> Self {
        self.path.push((name, value));
        self
    }

    /// Fills all placeholders of the path, in their order.
    #[must_use]
    pub fn path_values(mut self, values: &[&'a str]) -> Self {
        let named = self.spec.placeholders().zip(values.iter().copied());
        self.path.extend(named);
        self
    }

    /// Names an id that stands in the body, by its path in the arguments: if the service refuses it, what it is may be
    /// known.
    #[must_use]
    pub fn id(mut self, path: &'static str, id: Option<&'a str>) -> Self {
        self.ids.extend(id.map(|id| (path, id)));
        self
    }

    /// Adds a query parameter, a text, number or boolean, unless it is absent.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: Option<impl Serialize>) -> Self {
        if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
            let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.query.push((name, plain));
        }
        self
    }

    /// Sets the body, JSON text.
    #[must_use]
    pub fn body(mut self, json: impl Into<Bytes>) -> Self {
        self.body = Some(json.into());
        self
    }

    /// Sets the key of a [`Effect::Submit`]; without this it gets a fresh one.
    #[must_use]
    pub fn idempotency_key(mut self, key: Option<IdempotencyKey>) -> Self {
        self.key = key;
        self
    }

    /// Leaves control characters and the like in the answer: the caller knows better what to make of them.
    #[must_use]
    pub const fn as_written(mut self) -> Self {
        self.as_written = true;
        self
    }

    /// Says that the service may not know yet what it has just made: a 404 then does not mean that it is gone.
    #[must_use]
    pub const fn perhaps_too_early(mut self, too_early: bool) -> Self {
        self.too_early = too_early;
        self
    }

    /// Notes what it will cost, which the answer does not say.
    #[must_use]
    pub const fn usd_per_hour(mut self, price: Option<f64>) -> Self {
        self.usd_per_hour = price;
        self
    }

    /// Sends it, with retries as the row's effect allows, and returns the service's JSON.
    pub async fn send(self) -> Result<Reply, ToolError> {
        let Some(service) = self.spec.service else {
            return Err(ToolError::Internal(format!(
                "{} calls no service",
                self.spec.name
            )));
        };
        let account = self.call.api.config.account(service);
        let Some(key) = &account.key else {
            return Err(ToolError::MissingKey {
                service,
                broken_file: account.broken_file.clone(),
            });
        };
        let mut url =
            path::url(&account.base_url, self.spec.path, &self.path).map_err(ToolError::Arguments)?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, bearer(&key.secret)?);
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let key_is_known = self.key.as_ref().is_some_and(|key| !key.fresh);
        let idempotency_key = match self.spec.effect {
            Effect::Submit => Some(self.key.unwrap_or_else(IdempotencyKey::fresh)),
            _ => None,
        };
        if let Some(key) = &idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, key.header()?);
        }
        let outgoing = Outgoing {
            spec: self.spec,
            service,
            method: self.spec.method,
            effect: self.spec.effect,
            url,
            headers,
            body: self.body,
            idempotency_key: idempotency_key.map(|key| key.text),
            key_is_known,
            store: false,
            as_written: self.as_written,
        };
        let pending = Pending::new(
            self.call,
            self.spec,
            &path::host(&outgoing.url),
            &self.path,
            outgoing.idempotency_key.as_deref(),
            self.usd_per_hour,
        );
        let result = exchange(self.call, &outgoing).await;
        pending.ended(&result, self.too_early);
        match result {
            Ok((_, text)) => Ok(Reply::new(text)),
            Err(ToolError::Call(mut failure)) if failure.may_be_mistaken() && !self.too_early => {
                let given = self.path.iter().chain(&self.ids);
                let given = given.map(|(argument, id)| Given::new(argument, id)).collect();
                failure.next = self.call.api.journal().mistaken(self.spec, given).await;
                Err(ToolError::Call(failure))
            }
            Err(error) => Err(error),
        }
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue, ToolError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
        .map_err(|_| ToolError::Internal("a key that was checked at start cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
