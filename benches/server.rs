//! `cargo bench`: the finished binary against an upstream on loopback, side by side with a plain reqwest loop that
//! makes the same HTTP calls. Prints one table.
//!
//! It is no timed test: it fails when an answer is wrong, never because one is slow.
//!
//! - Each round has a fresh process and a fresh connection pool, and within it the two sides take turns, so that
//!   whatever else the machine does falls on both.
//! - What a host really calls is measured beside the shortest way: by default a call waits, and a large result is
//!   stored and summed up. For that there is a third side, a plain server made with rmcp.
//! - Every answer is checked, and so is what the upstream received: a side that did less would be noticed.
//! - The client writes and reads pipes from one plain thread. What part of the time each participant was at work is
//!   printed below the table: the figure is the server's own as long as the server is the one that was always busy.
//! - `RL_MCP_BENCH_BINARY` names another binary to measure. The one that cargo builds for a benchmark has features of
//!   its dependencies turned on that only development dependencies ask for; see [`NOT_SHIPPED`].
//!
//! Without `--bench`, as `cargo test --benches` runs it, everything is done once and briefly.

#[path = "server/client.rs"]
mod client;
#[path = "server/download.rs"]
mod download;
#[path = "server/pair.rs"]
mod pair;
#[path = "server/peer.rs"]
mod peer;
#[path = "server/plain.rs"]
mod plain;
#[path = "server/processor.rs"]
mod processor;
#[path = "server/relay.rs"]
mod relay;
#[path = "server/report.rs"]
mod report;
#[path = "common/sandbox.rs"]
mod sandbox;
#[path = "server/step.rs"]
mod step;
#[path = "server/texts.rs"]
mod texts;
#[path = "server/upstream.rs"]
mod upstream;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use client::Server;
use pair::{Call, Pair};
use plain::Plain;
use report::Measured;
use upstream::Upstream;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Calls under way at once where throughput is measured.
const IN_FLIGHT: usize = 64;
/// The size of a large text: 1 MB, in bytes.
const LARGE: usize = 1 << 20;
/// The size of the longest text that is answered whole, about.
const WHOLE: usize = 850_000;

const NOT_SHIPPED: &str = "
This binary was built together with the development dependencies, which turn on more features of the others than the
shipped one has. To measure that one:
    cargo build --release --target-dir target/shipped
    RL_MCP_BENCH_BINARY=target/shipped/release/rl-mcp cargo bench";

/// How much of everything is done.
struct Effort {
    rounds: usize,
    /// Process starts in a round.
    starts: usize,
    /// Turns of small calls in a round, and the calls in a turn.
    small: (usize, usize),
    /// Calls in a round with [`IN_FLIGHT`] of them at once.
    flood: usize,
    /// Large calls in a round, of each kind.
    large: usize,
    /// Downloads of a checkpoint in all, and its bytes.
    downloads: (usize, u64),
}

/// The small calls are 1,000 in all, after which the memory is read.
const FULL: Effort = Effort {
    rounds: 12,
    starts: 10,
    small: (10, 100),
    flood: 10_000,
    large: 12,
    downloads: (7, 1_000_000_000),
};

const BRIEF: Effort = Effort {
    rounds: 1,
    starts: 1,
    small: (1, 10),
    flood: 2 * IN_FLIGHT,
    large: 2,
    downloads: (1, 10_000_000),
};

fn main() -> Result<()> {
    if peer::served()? {
        return Ok(());
    }
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let effort = if measuring { FULL } else { BRIEF };
    let chosen = std::env::var_os("RL_MCP_BENCH_BINARY").map(PathBuf::from);
    let shipped = chosen.is_some();
    let binary = chosen.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_rl-mcp")));
    let started = Instant::now();
    let result = texts::result(texts::OPERATION_ID, LARGE);
    let whole = texts::result(texts::WHOLE_ID, WHOLE);
    let batch = texts::batch(LARGE);
    let upstream = Upstream::start(&upstream::Answers {
        session: texts::SESSION.to_owned(),
        result: result.clone(),
        whole: whole.clone(),
        accepted: texts::ACCEPTED.to_owned(),
    })?;
    let mut calls = Calls {
        session: Call::session(&upstream)?,
        default_session: Call::default_session(&upstream)?,
        peer_session: Call::session(&upstream)?,
        default_result: Call::default_result(&upstream, &result)?,
        result: Call::result(&upstream, whole)?,
        batch: Call::batch(&upstream, batch)?,
    };
    // What an earlier run has left would be compared with instead of written.
    let _ = std::fs::remove_dir_all(data());
    let mut measured = Measured::default();
    for _ in 0..effort.rounds {
        round(&effort, &binary, &upstream, &mut calls, &mut measured)?;
    }
    let steps = step::measure(&binary)?;
    let (downloads, size) = effort.downloads;
    let store = download::Store::start(size)?;
    for _ in 0..downloads {
        measured.download.push(store.round(&binary)?);
    }
    if !measuring {
        writeln!(
            io::stdout(),
            "every call was answered as expected; `cargo bench` measures"
        )?;
        return Ok(());
    }
    measured.binary_bytes = std::fs::metadata(&binary)?.len();
    let mut out = io::stdout().lock();
    report::print(&mut out, &measured, effort.rounds, started.elapsed())?;
    step::print(&mut out, &steps)?;
    if !shipped {
        writeln!(out, "{NOT_SHIPPED}")?;
    }
    Ok(())
}

/// The data directory of the server.
fn data() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench")
}

/// What is called.
struct Calls {
    /// A small answer.
    session: Call,
    /// The same as a host calls it.
    default_session: Call,
    /// The same for the peer.
    peer_session: Call,
    /// A large answer.
    result: Call,
    /// The same as a host calls it.
    default_result: Call,
    /// A large request.
    batch: Call,
}

fn round(
    effort: &Effort,
    binary: &Path,
    upstream: &Upstream,
    calls: &mut Calls,
    measured: &mut Measured,
) -> Result<()> {
    let data = data();
    let (mut initialized, mut listed) = (Vec::new(), Vec::new());
    for _ in 0..effort.starts {
        let (_, start) = Server::start(binary, &upstream.url(""), &data)?;
        initialized.push(start.initialized);
        listed.push(start.listed);
    }
    measured.initialized.push(report::median(&initialized));
    measured.listed.push(report::median(&listed));

    let (server, _) = Server::start(binary, &upstream.url(""), &data)?;
    let mut pair = Pair {
        server,
        plain: Plain::new()?,
        upstream,
    };
    let mut peer = peer::start(&upstream.url(""))?;
    let (turns, each) = effort.small;
    measured
        .small
        .push(pair.take_turns(turns, each, &mut calls.session)?);
    measured.resident.extend(processor::resident(pair.server.id()));
    measured
        .default_small
        .push(pair.take_turns(turns, each, &mut calls.default_session)?);
    measured.peer_small.push(pair.with_peer(&mut peer, |pair| {
        pair.take_turns(turns, each, &mut calls.peer_session)
    })?);
    measured
        .flood
        .push(pair.flood(effort.flood, IN_FLIGHT, &mut calls.session)?);
    measured
        .default_flood
        .push(pair.flood(effort.flood, IN_FLIGHT, &mut calls.default_session)?);
    measured
        .result
        .push(pair.take_turns(effort.large, 1, &mut calls.result)?);
    let results = data.join("results");
    measured.default_result.push(
        pair.take_turns_and(effort.large, 1, &mut calls.default_result, || {
            // Each result is stored anew, as a host asks for each once.
            Ok(std::fs::remove_dir_all(&results)?)
        })?,
    );
    measured
        .batch
        .push(pair.take_turns(effort.large, 1, &mut calls.batch)?);
    measured
        .resident_at_end
        .extend(processor::resident(pair.server.id()));
    Ok(())
}
