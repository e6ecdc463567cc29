//! The tools over HTTP: MCP's Streamable HTTP, and REST, from one process.
//!
//! Nothing here is made unless `rl-mcp serve` asks for it. Whichever adapter a request is for, it comes in through the same
//! door: limits on connections, headers and time (`listen.rs`), then Host, Origin and token (`guard.rs`), then the body
//! (`body.rs`).

mod answer;
mod body;
mod guard;
mod listen;
mod mcp;
mod patient;
mod rest;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::mcp::offer::Offer;
use crate::mcp::serve::{asked_to_stop, parting};
use crate::mcp::server::Server;
use crate::stderr;

use body::Room;
use guard::Guard;
use listen::{Adapter, Front};
use mcp::Mcp;
use rest::Rest;

/// How long requests under way may take to end once the process is asked to stop. Whoever asked may kill it after two seconds,
/// of which the parting warning takes one.
const GRACE: Duration = Duration::from_millis(500);

/// What is served where.
pub(crate) struct Places {
    /// The port of MCP, if it is served; 0: any.
    pub mcp: Option<u16>,
    /// The port of REST, if it is served; 0: any.
    pub rest: Option<u16>,
    /// The address of both.
    pub bind: IpAddr,
    /// Names by which the machine may be called, besides those of loopback.
    pub allowed_hosts: Vec<String>,
}

/// Serves until the process is asked to stop. `preface` begins the instructions.
pub(crate) async fn serve(
    context: Arc<Context>,
    offer: Offer,
    preface: &'static str,
    places: &Places,
) -> Result<(), String> {
    // Before anything is shown: who reads that it listens may stop it at once.
    let asked_to_stop = asked_to_stop();
    let guard = Guard::new(places, context.config().http_token.clone())?;
    let offer = Arc::new(offer);
    let mut adapters = Vec::new();
    if let Some(port) = places.mcp {
        let server = Server::new(Arc::clone(&context), Arc::clone(&offer), preface);
        adapters.push((port, Adapter::Mcp(Mcp::new(server))));
    }
    if let Some(port) = places.rest {
        let has_token = context.config().http_token.is_some();
        adapters.push((
            port,
            Adapter::Rest(Rest::new(Arc::clone(&context), offer, has_token)),
        ));
    }
    // Either all of them listen or none does.
    let bound = adapters
        .into_iter()
        .map(|(port, adapter)| bind(places.bind, port, adapter));
    let bound = join_all(bound).await;
    let bound: Vec<(TcpListener, Adapter)> = bound.into_iter().collect::<Result<_, _>>()?;
    let front = Arc::new(Front {
        guard,
        room: Room::default(),
    });
    listen::allow_connections();
    let stopped = CancellationToken::new();
    let mut listening = Vec::new();
    for (listener, adapter) in bound {
        let at = listener.local_addr().map_err(|error| error.to_string())?;
        stderr::write(format!("rl-mcp: {} at {}\n", adapter.name(), adapter.address(at)));
        let listen = listen::listen(listener, Arc::new(adapter), Arc::clone(&front), stopped.clone());
        listening.push(tokio::spawn(listen));
    }
    asked_to_stop.await;
    stopped.cancel();
    let _ = tokio::time::timeout(GRACE, join_all(listening)).await;
    parting::warn(&context).await;
    Ok(())
}

async fn bind(address: IpAddr, port: u16, adapter: Adapter) -> Result<(TcpListener, Adapter), String> {
    let at = SocketAddr::new(address, port);
    match TcpListener::bind(at).await {
        Ok(listener) => Ok((listener, adapter)),
        Err(error) => Err(format!("cannot serve {} at {at}: {error}", adapter.name())),
    }
}
