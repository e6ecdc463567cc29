//! By which names the services may be called. A page on the web can have its own name resolve to this machine (DNS
//! rebinding); a browser then sends that name, and no service here may answer to it.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::{prime, together};

/// Refuses all requests to `router`, known routes or not, that name another host than loopback.
pub(crate) fn guard(router: Router) -> Router {
    router.layer(middleware::from_fn(check))
}

async fn check(request: Request, next: Next) -> Response {
    if is_loopback(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    let why = "the sandbox answers only where the Host header names 127.0.0.1, localhost or [::1]";
    if request.uri().path().starts_with(prime::PREFIX) {
        prime::misdirected(why)
    } else {
        together::misdirected(why)
    }
}

/// Whether all that a request says of its host means loopback.
fn is_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter().peekable();
    hosts.peek().is_some()
        && hosts.all(|host| host.to_str().is_ok_and(names_loopback))
        // The absolute form of a request's target has a host too.
        && uri.authority().is_none_or(|authority| names_loopback(authority.as_str()))
}

/// Whether a host, perhaps with a port, is one of loopback's own.
fn names_loopback(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let loopback = match address {
        Some(address) => address.parse() == Ok(Ipv6Addr::LOCALHOST),
        None => name.eq_ignore_ascii_case("localhost") || name.parse() == Ok(Ipv4Addr::LOCALHOST),
    };
    loopback && port.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::names_loopback;

    #[test]
    fn only_loopback_has_loopbacks_names() {
        for own in [
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost",
            "LocalHost:8123",
            "[::1]",
            "[::1]:8123",
            "[0:0:0:0:0:0:0:1]:1",
        ] {
            assert!(names_loopback(own), "{own}");
        }
        for other in [
            "",
            ":80",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com:8123",
            "127.0.0.2",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "[::ffff:127.0.0.1]",
            "::1",
            "user@127.0.0.1",
            "127.0.0.1:80@example.com",
            "localhost:x",
            "127.0.0.1, example.com",
        ] {
            assert!(!names_loopback(other), "{other}");
        }
    }
}
