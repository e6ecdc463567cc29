//! Serving over standard input and output, from the first line to the end of input.

pub(crate) mod parting;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::service::{QuitReason, ServerInitializeError};
use rmcp::transport::stdio_pipes;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::mcp::offer::Offer;
use crate::mcp::server::Server;
use crate::mcp::transport::{Ends, Stdio, output_closed};
use crate::stderr;
use crate::wrapped;

/// How long calls under way may take to end once the input has ended. Hosts send SIGTERM after two seconds, and
/// nobody may be there any more to read.
const GRACE: Duration = Duration::from_millis(100);

/// What a person reads who starts the server by hand: what to type instead, by the name that was typed.
fn greeting() -> String {
    let typed = std::env::args_os().next();
    let name = typed.map_or_else(
        || env!("CARGO_PKG_NAME").to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let mut text = "rl-mcp is an MCP server: a host such as Claude Desktop, Cursor or VS Code starts it and talks to it. By hand, type one of these:\n\n"
        .to_owned();
    for (command, meaning) in COMMANDS {
        let _ = writeln!(text, "  {name} {command:<7} {meaning}");
    }
    text.push_str("\nNow it waits for a host on standard input; Ctrl-C ends it.\n");
    text
}

const COMMANDS: &[(&str, &str)] = &[
    #[cfg(feature = "sandbox")]
    ("demo", "train a tiny model, without a key"),
    ("check", "show what is configured, and test it"),
    ("--help", "all flags and variables"),
];

/// Serves until the input ends or the process is asked to stop. `preface` begins the instructions.
pub(crate) async fn serve(context: Arc<Context>, offer: Offer, preface: &'static str) -> Result<(), String> {
    let server = Server::new(Arc::clone(&context), Arc::new(offer), preface);
    // Before anything is shown: who reads that Ctrl-C ends it may press it at once.
    let asked_to_stop = asked_to_stop();
    if io::stdin().is_terminal() {
        // Somebody wants to see what it does.
        stderr::write(wrapped::fit(&greeting()));
    }
    let ends = Ends::default();
    let (input, output) = stdio_pipes();
    let transport = Stdio::new(input, output, ends.clone());
    let result = tokio::select! {
        // What nobody can read any more is not begun.
        biased;
        () = output_closed() => Ok(()),
        () = ends.output.cancelled() => Ok(()),
        () = grace(&ends.input) => Ok(()),
        () = asked_to_stop => Ok(()),
        result = run(server, transport) => result,
    };
    parting::warn(&context).await;
    result
}

async fn run<T, E, A>(server: Server, transport: T) -> Result<(), String>
where
    T: rmcp::transport::IntoTransport<rmcp::RoleServer, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let running = match server.serve(transport).await {
        Ok(running) => running,
        // The input ended before anything was asked.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    match running.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(error.to_string()),
        Ok(_) => Ok(()),
    }
}

async fn grace(ended: &CancellationToken) {
    ended.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// Listens from now on; what is returned ends with the first signal.
#[cfg(unix)]
pub(crate) fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    async move {
        if signals.is_empty() {
            return std::future::pending().await;
        }
        futures_util::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
    }
}

/// The same; a window that closes and a session that ends leave a few seconds.
#[cfg(windows)]
pub(crate) fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
    let signals = (
        ctrl_c(),
        ctrl_break(),
        ctrl_close(),
        ctrl_logoff(),
        ctrl_shutdown(),
    );
    async move {
        let (Ok(mut c), Ok(mut pause), Ok(mut close), Ok(mut logoff), Ok(mut shutdown)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = c.recv() => {}
            _ = pause.recv() => {}
            _ = close.recv() => {}
            _ = logoff.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
}
