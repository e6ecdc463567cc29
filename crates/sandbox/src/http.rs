//! HTTP connections, which can be broken off.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

/// In the extensions of a response: it is not sent, and the connection ends instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// In good order, as when a proxy restarts.
    Closed,
    /// With a reset, as when a machine is gone.
    Reset,
}

/// A body of at most so many bytes is read before its request is answered. An answer that comes before the body leaves
/// some of it unread, and that ends the connection with a reset, under the next request on it.
const READ_FIRST: usize = 1 << 20;

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, router.clone()))),
            // Such as too many open files: passes when connections end.
            Err(error) => {
                tracing::warn!(%error, "the sandbox cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let flag = reset.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, flag) = (TowerToHyperService::new(router.clone()), flag.clone());
        Box::pin(async move { answer(router, request, &flag).await })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| Pin::new(&mut connection).poll_without_shutdown(context)).await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the sandbox ended");
    }
    let stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        let _ = stream.set_zero_linger();
    }
}

async fn answer(
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
    reset: &AtomicBool,
) -> Result<Response, HungUp> {
    let (parts, body) = request.into_parts();
    let length = body.size_hint().upper();
    let is_short = length.is_some_and(|length| length <= READ_FIRST as u64);
    let body = Body::new(body);
    let body = if is_short {
        Body::from(to_bytes(body, READ_FIRST).await.map_err(|_| HungUp)?)
    } else {
        body
    };
    let request = Request::from_parts(parts, body);
    let answered: Result<Response, Infallible> = hyper::service::Service::call(&router, request).await;
    let response = answered.map_err(|never| match never {})?;
    match response.extensions().get::<HangUp>() {
        None => Ok(response),
        Some(how) => {
            reset.store(*how == HangUp::Reset, Ordering::Relaxed);
            Err(HungUp)
        }
    }
}

/// A connection that was broken off on purpose.
#[derive(Debug)]
pub(crate) struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl Error for HungUp {}

impl From<HungUp> for io::Error {
    fn from(hung_up: HungUp) -> Self {
        Self::new(io::ErrorKind::ConnectionReset, hung_up)
    }
}
