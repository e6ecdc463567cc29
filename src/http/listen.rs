//! Connections, and what becomes of a request on its way in and out.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::answer::{Answer, error};
use super::body::{self, Room};
use super::guard::Guard;
use super::mcp::Mcp;
use super::patient::Patient;
use super::rest::Rest;

/// Connections at once, to each adapter. Further ones wait until another one ends.
const MOST_CONNECTIONS: u32 = 1024;
/// How long a client may take for the headers of a request; also how long a connection may idle between two.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// The longest headers of a request, in bytes, and how many there may be.
const LONGEST_HEADERS: usize = 64 << 10;
const MOST_HEADERS: usize = 100;
/// How much of a path is logged, in characters.
const LONGEST_LOGGED: usize = 200;
/// The wait after a connection that could not be accepted, for one of the open ones to end.
const PAUSE: Duration = Duration::from_millis(50);

/// What every request passes, whichever adapter it is for.
pub(super) struct Front {
    pub(super) guard: Guard,
    pub(super) room: Room,
}

/// What is served.
pub(super) enum Adapter {
    /// MCP.
    Mcp(Mcp),
    /// REST.
    Rest(Rest),
}

impl Adapter {
    /// What it is called.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Mcp(_) => "MCP",
            Self::Rest(_) => "REST",
        }
    }

    /// Where a client on this machine finds it.
    pub(super) fn address(&self, at: SocketAddr) -> String {
        match self {
            Self::Mcp(_) => format!("http://{at}/mcp"),
            Self::Rest(_) => format!("http://{at} (http://{at}/openapi.json describes it)"),
        }
    }
}

/// Lets this process have as many connections as it may: some systems allow 256 open files until somebody asks for more.
pub(super) fn allow_connections() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        /// For both adapters, what they ask the services, and files.
        const WANTED: u64 = 2 * MOST_CONNECTIONS as u64 + 1024;
        let limits = getrlimit(Resource::Nofile);
        let Some(current) = limits.current.filter(|current| *current < WANTED) else {
            return;
        };
        let raised = Rlimit {
            current: Some(limits.maximum.map_or(WANTED, |most| most.min(WANTED))),
            ..limits
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, current, "the limit of open files cannot be raised");
        }
    }
}

/// Accepts connections until `stopped`, and returns when all of them have ended.
pub(super) async fn listen(
    listener: TcpListener,
    adapter: Arc<Adapter>,
    front: Arc<Front>,
    stopped: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS as usize));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else {
            continue;
        };
        let (adapter, front, stopped) = (Arc::clone(&adapter), Arc::clone(&front), stopped.clone());
        tokio::spawn(async move {
            connection(stream, &adapter, &front, &stopped).await;
            drop(place);
        });
    }
    // Nobody connects any more.
    drop(listener);
    let _ = places.acquire_many(MOST_CONNECTIONS).await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, adapter: &Adapter, front: &Front, stopped: &CancellationToken) {
    let _ = stream.set_nodelay(true);
    let here = stream.local_addr().ok().map(|at| at.ip());
    let service =
        service_fn(
            |request| async move { Ok::<_, Infallible>(respond(request, adapter, front, here).await) },
        );
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LONGEST_HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Answers one request.
async fn respond(
    request: Request<Incoming>,
    adapter: &Adapter,
    front: &Front,
    here: Option<IpAddr>,
) -> Answer {
    let (parts, body) = request.into_parts();
    let mut line = LogLine {
        adapter: adapter.name(),
        method: parts.method.clone(),
        path: parts.uri.path().chars().take(LONGEST_LOGGED).collect(),
        started: Instant::now(),
        status: None,
    };
    let answer = match front.guard.check(&parts, here) {
        Err(refusal) => {
            body::drain(body).await;
            *refusal
        }
        Ok(()) => match adapter {
            Adapter::Mcp(mcp) => mcp.answer(parts, body, &front.room).await,
            Adapter::Rest(rest) => rest.answer(parts, body, &front.room).await,
        },
    };
    line.status = Some(answer.status());
    answer
}

/// The line of the log that each request gets; one whose client has gone gets it too.
struct LogLine {
    adapter: &'static str,
    method: Method,
    path: String,
    started: Instant,
    status: Option<StatusCode>,
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let status = self
            .status
            .map_or("gone".to_owned(), |status| status.as_u16().to_string());
        info!(
            adapter = self.adapter,
            method = self.method.as_str(),
            path = self.path,
            status,
            ms = self.started.elapsed().as_millis(),
            "request"
        );
    }
}

/// Nothing is at this path.
pub(super) fn not_found(message: &str) -> Answer {
    error(StatusCode::NOT_FOUND, "not_found", message)
}
