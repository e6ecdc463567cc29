//! A request by a tool's row: what is sent, and what the journal writes about it.
//!
//! Method, path and the right to repeat come from the row; the key and the deadline from the context. A handler says only
//! what fills the placeholders, the query and the body.

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{Call, Reply};
use crate::client::{IDEMPOTENCY_KEY, IdempotencyKey, Outgoing, path};
use crate::error::ToolError;
use crate::journal::{Given, Pending};
use crate::spec::{Effect, Spec};

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
    name: Option<&'a str>,
    kind: Option<&'static str>,
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
            name: None,
            kind: None,
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
    pub const fn uncleaned(mut self) -> Self {
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

    /// Notes what people call what it makes, and what kind of run it starts, for the journal.
    #[must_use]
    pub const fn named(mut self, name: Option<&'a str>, kind: Option<&'static str>) -> Self {
        self.name = name;
        self.kind = kind;
        self
    }

    /// Sends it, with retries as the row's effect allows, and returns the service's JSON.
    pub async fn send(self) -> Result<Reply, ToolError> {
        let relay = self.call.relay();
        if relay.is_some_and(|relay| relay.has_heard()) {
            // The answer goes out as it came: nobody would see what else the tool wants to know.
            return Err(ToolError::Cancelled);
        }
        let relay = relay.filter(|_| self.spec.name == self.call.spec.name).cloned();
        let body = self.body.or_else(|| relay.as_ref()?.body.clone());
        let Some(service) = self.spec.service else {
            return Err(ToolError::Internal(format!(
                "{} calls no service",
                self.spec.name
            )));
        };
        let account = self.call.context.config.account(service);
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
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let key_is_known = self.key.as_ref().is_some_and(IdempotencyKey::is_known);
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
            body,
            idempotency_key: idempotency_key.map(IdempotencyKey::into_text),
            key_is_known,
            store: false,
            as_written: self.as_written,
            relay,
        };
        if let Some(relay) = &outgoing.relay {
            relay.is_sent_under(outgoing.idempotency_key.as_deref());
        }
        let mut pending = Pending::new(
            self.call.context.journal(),
            self.call.spec,
            self.spec,
            &path::host(&outgoing.url),
            &self.path,
            outgoing.idempotency_key.as_deref(),
            self.usd_per_hour,
        );
        pending.named(self.name, self.kind);
        let result = self.call.exchange(&outgoing).await;
        pending.ended(&result, self.too_early);
        match result {
            Ok((_, text)) => Ok(Reply::new(text)),
            Err(ToolError::Call(mut failure)) if failure.may_be_mistaken() && !self.too_early => {
                let given = self.path.iter().chain(&self.ids);
                let given = given.map(|(argument, id)| Given::new(argument, id)).collect();
                let missing = failure.status() == Some(404);
                let journal = self.call.context.journal();
                failure.next = journal.mistaken(self.spec, given, missing).await;
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
