//! What all calls share, and what one call is.

mod call;
mod reply;
mod request;
mod state;

use std::any::Any;
use std::sync::Arc;

use secrecy::ExposeSecret as _;

use crate::client::{Client, Limits, path};
use crate::config::{Account, Config};
use crate::journal::Journal;
use crate::redact::Redactor;
use crate::spec::Spec;

pub(crate) use call::{Call, CallProgress};
pub(crate) use reply::{Output, Reply, Summary, View};
pub(crate) use request::Request;
use state::State;

/// What all calls share. Lives as long as the server does.
pub struct Context {
    config: Config,
    client: Client,
    redactor: Arc<Redactor>,
    journal: Journal,
    state: State,
}

impl Context {
    /// The context of a server whose tools have these rows. The keys of `config` become known to `redactor`, so that no
    /// echo of them gets out.
    #[must_use]
    pub fn new(config: Config, redactor: Arc<Redactor>, rows: &'static [&'static Spec]) -> Self {
        for key in [&config.together.key, &config.prime.key].into_iter().flatten() {
            redactor.add(key.secret.expose_secret());
        }
        for secret in &config.run_secrets {
            redactor.add(secret.value.expose_secret());
        }
        if let Some(token) = &config.hub.token {
            redactor.add(token.expose_secret());
        }
        #[cfg(feature = "http")]
        if let Some(token) = &config.http_token {
            redactor.add(token.expose_secret());
        }
        let directory = config.data.as_ref().map(|data| data.root().to_owned());
        let host = |account: &Account| path::host(&account.base_url);
        let hosts = vec![host(&config.together), host(&config.prime)];
        let limits = Limits {
            max_concurrency: config.max_concurrency,
            retry_wait: config.retry_wait,
        };
        Self {
            client: Client::new(limits, Arc::clone(&redactor)),
            journal: Journal::new(directory, hosts, Arc::clone(&redactor), rows),
            redactor,
            config,
            state: State::default(),
        }
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The client, for requests that are no tool's own.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
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

    /// What a part of the program keeps in mind, by its type; made when it is first asked for.
    #[must_use]
    pub fn state<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        self.state.of()
    }
}
