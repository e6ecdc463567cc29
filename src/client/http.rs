//! The HTTP connections: TLS, proxies, pools.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Client, Url};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request. Servers and load balancers close theirs after a minute or
/// more; a request on a connection that is just being closed is one whose outcome is unknown.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Two pools, each made when first needed: reading the system's certificates takes longer than starting the server.
#[derive(Default)]
pub(super) struct Http {
    remote: OnceLock<Result<Client, String>>,
    loopback: OnceLock<Result<Client, String>>,
}

impl Http {
    /// The pool for `url`. Loopback is never asked for through a proxy: the key would leave the machine unencrypted.
    pub(super) fn client(&self, url: &Url) -> Result<&Client, &str> {
        let client = if is_loopback(url) {
            self.loopback
                .get_or_init(|| build(reqwest::ClientBuilder::no_proxy))
        } else {
            self.remote.get_or_init(|| build(|builder| builder))
        };
        client.as_ref().map_err(String::as_str)
    }
}

fn build(proxies: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Result<Client, String> {
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Nothing here decodes anything; without this header any coding may come.
    let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
    let builder = Client::builder()
        .default_headers(headers)
        .user_agent(concat!("rl-mcp/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        // Redirects are followed in `exchange.rs`, which knows what may be sent where.
        .redirect(reqwest::redirect::Policy::none());
    proxies(builder)
        .build()
        .map_err(|error| super::connection::causes(&error))
}

/// Whether a URL's host is this machine.
#[must_use]
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
