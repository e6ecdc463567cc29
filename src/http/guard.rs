//! Who may ask: by the name that this machine is called by, by the page that asks, and by the token.
//!
//! A page of any website can make a browser send requests to loopback. The Host header shows one that has its own name lead
//! here, and the Origin header any other.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::Places;
use super::answer::{Refusal, error, with};
use crate::config::HTTP_TOKEN;

/// What a request has to show.
pub(super) struct Guard {
    bind: IpAddr,
    names: Vec<String>,
    token: Option<SecretString>,
}

impl Guard {
    /// A guard that lets in who calls one of these places by its name, and knows the token if there is one.
    pub(super) fn new(places: &Places, token: Option<SecretString>) -> Result<Self, String> {
        if !places.bind.is_loopback() && token.is_none() {
            return Err(format!(
                "--bind {bind} lets other machines in, who would use your keys: put a token that they have to send into {HTTP_TOKEN}, such as the output of `openssl rand -hex 32`, or leave --bind out",
                bind = places.bind,
            ));
        }
        let names = places.allowed_hosts.iter().map(|name| read_name(name));
        Ok(Self {
            bind: places.bind,
            names: names.collect::<Result<_, _>>()?,
            token,
        })
    }

    /// Lets a request that came in at the address `here` pass, or answers it.
    pub(super) fn check(&self, request: &Parts, here: Option<IpAddr>) -> Result<(), Refusal> {
        let host = host(&request.uri, &request.headers).ok_or_else(|| {
            error(
                StatusCode::BAD_REQUEST,
                "no_host",
                "A request has one Host header, which names this machine.",
            )
        })?;
        if !self.knows(&host, here) {
            let message = format!(
                "This server is not called {host}. Next: use localhost, or start it with --allow-host {host}."
            );
            return Err(error(StatusCode::FORBIDDEN, "foreign_host", &message).into());
        }
        let mut origins = request.headers.get_all(ORIGIN).into_iter();
        if !origins.all(|origin| origin_host(origin).is_some_and(|host| self.knows(&host, here))) {
            return Err(error(
                StatusCode::FORBIDDEN,
                "foreign_origin",
                "Pages of other websites may not use this server. --allow-host NAME lets those of NAME in.",
            )
            .into());
        }
        self.check_token(&request.headers)
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let given = headers.get(AUTHORIZATION).map(bearer);
        let is_right = given.flatten().is_some_and(|given| {
            let given = given.as_bytes().ct_eq(token.expose_secret().as_bytes());
            given.into()
        });
        if is_right {
            return Ok(());
        }
        let (message, challenge) = match given {
            None => (
                "This server wants a token. Next: send the header `Authorization: Bearer TOKEN`.",
                r#"Bearer realm="rl-mcp""#,
            ),
            Some(_) => (
                "The token is not that of this server.",
                r#"Bearer realm="rl-mcp", error="invalid_token""#,
            ),
        };
        let refusal = error(StatusCode::UNAUTHORIZED, "unauthorized", message);
        let challenge = HeaderValue::from_static(challenge);
        Err(with(refusal, WWW_AUTHENTICATE, challenge).into())
    }

    /// Whether this machine may be called so. Behind a number no other name can hide.
    fn knows(&self, host: &str, here: Option<IpAddr>) -> bool {
        match host.parse::<IpAddr>() {
            Ok(address) => {
                let address = address.to_canonical();
                address.is_loopback()
                    || [Some(self.bind), here]
                        .into_iter()
                        .flatten()
                        .any(|own| own.to_canonical() == address && !address.is_unspecified())
                    || self.names.iter().any(|name| name == host)
            }
            Err(_) => host == "localhost" || self.names.iter().any(|name| name == host),
        }
    }
}

/// A name that the command line allows.
fn read_name(name: &str) -> Result<String, String> {
    // An address of version 6 may come without its brackets.
    if name.parse::<IpAddr>().is_ok() {
        return Ok(name.to_owned());
    }
    match name.parse::<Authority>() {
        Ok(authority) if authority.port().is_none() && !name.contains(['@', '*', ':']) => {
            Ok(plain(authority.host()))
        }
        _ => Err(format!(
            "--allow-host {name}: is no name of a host; write one such as rl.example.com, without a port"
        )),
    }
}

/// A host as it is compared.
fn plain(host: &str) -> String {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// What the request calls this machine; `None`: nothing, or several things.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut named = headers.get_all(HOST).into_iter();
    let (header, more) = (named.next(), named.next());
    if more.is_some() {
        return None;
    }
    let authority: Authority = match uri.authority() {
        Some(authority) => authority.clone(),
        None => header?.to_str().ok()?.parse().ok()?,
    };
    if authority.as_str().contains('@') {
        return None;
    }
    let host = plain(authority.host());
    (!host.is_empty()).then_some(host)
}

/// The host of a page that asks; `None` for one that has none, such as a file.
fn origin_host(origin: &HeaderValue) -> Option<String> {
    let origin: Uri = origin.to_str().ok()?.parse().ok()?;
    let is_web = matches!(origin.scheme_str(), Some("http" | "https"));
    origin.host().filter(|_| is_web).map(plain)
}

/// What a header carries as a bearer token.
fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn guard(bind: &str, names: &[&str], token: Option<&str>) -> Result<Guard, String> {
        let places = Places {
            mcp: None,
            rest: None,
            bind: bind.parse().unwrap(),
            allowed_hosts: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        Guard::new(&places, token.map(|token| SecretString::from(token.to_owned())))
    }

    fn status(guard: &Guard, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().uri("/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let here = Some("192.0.2.7".parse().unwrap());
        guard
            .check(&parts, here)
            .map_or_else(|answer| answer.status().as_u16(), |()| 200)
    }

    #[test]
    fn only_names_of_this_machine_are_its_host() {
        let guard = guard("127.0.0.1", &["rl.example.com", "2001:db8::1"], None).unwrap();
        for host in [
            "localhost",
            "LocalHost:9090",
            "localhost.",
            "127.0.0.1:9090",
            "127.0.0.2",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "192.0.2.7:1",
            "RL.example.com:443",
            "[2001:db8::1]:1",
        ] {
            assert_eq!(status(&guard, &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil.example:9090",
            "example.com",
            "192.0.2.8",
            "0.0.0.0",
            "[::]",
            "2130706433",
        ] {
            assert_eq!(status(&guard, &[("host", host)]), 403, "{host}");
        }
        for headers in [
            &[][..],
            &[("host", "localhost"), ("host", "evil.example")],
            &[("host", "localhost@evil.example")],
            &[("host", "a b")],
        ] {
            assert_eq!(status(&guard, headers), 400, "{headers:?}");
        }
    }

    #[test]
    fn only_pages_of_this_machine_may_ask() {
        let guard = guard("127.0.0.1", &["rl.example.com"], None).unwrap();
        let asked = |origin| status(&guard, &[("host", "localhost"), ("origin", origin)]);
        for origin in [
            "http://localhost:3000",
            "http://127.0.0.1",
            "https://rl.example.com",
            "http://[::1]:5173",
        ] {
            assert_eq!(asked(origin), 200, "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://localhost.evil.example",
            "file://localhost",
            "localhost",
            "",
        ] {
            assert_eq!(asked(origin), 403, "{origin}");
        }
    }

    #[test]
    fn who_has_no_token_is_told_how_to_send_it() {
        let guard = guard("0.0.0.0", &[], Some("correct-horse")).unwrap();
        let asked = |given| status(&guard, &[("host", "localhost"), ("authorization", given)]);
        assert_eq!(asked("Bearer correct-horse"), 200);
        assert_eq!(asked("bearer  correct-horse "), 200);
        for given in [
            "Bearer correct-hors",
            "Bearer correct-horse1",
            "correct-horse",
            "Basic correct-horse",
            "",
        ] {
            assert_eq!(asked(given), 401, "{given}");
        }
        assert_eq!(status(&guard, &[("host", "localhost")]), 401);
    }

    #[test]
    fn other_machines_are_not_let_in_without_a_token() {
        for bind in ["0.0.0.0", "::", "192.0.2.7"] {
            assert!(
                guard(bind, &[], None).is_err_and(|why| why.contains("RL_MCP_HTTP_TOKEN")),
                "{bind}"
            );
            assert!(guard(bind, &[], Some("t")).is_ok());
        }
        for bind in ["127.0.0.1", "127.9.9.9", "::1"] {
            assert!(guard(bind, &[], None).is_ok(), "{bind}");
        }
        for name in ["", "*", "a:1", "http://a", "a/b", "a@b", "*.example.com"] {
            assert!(guard("::1", &[name], None).is_err(), "{name}");
        }
    }
}
