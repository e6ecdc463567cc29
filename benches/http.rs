//! `cargo bench --bench http`: `rl-mcp serve` against an upstream on loopback, beside what one would write with rmcp in an
//! afternoon, and beside a plain reverse proxy. Prints one table.
//!
//! It is no timed test: it fails when an answer is wrong, never because one is slow.
//!
//! - All sides answer the same request from the same upstream to the same client, and take turns in each round.
//! - Each side is a process of its own. The client takes a good part of the time of each call, for all sides alike:
//!   the upstream's own line says how much.
//! - `RL_MCP_BENCH_BINARY` names another binary to measure.
//!
//! Without `--bench`, as `cargo test --benches` runs it, everything is done once and briefly.

#[path = "http/others.rs"]
mod others;
#[path = "server/plain.rs"]
mod plain;
#[path = "http/process.rs"]
mod process;
#[path = "server/processor.rs"]
#[expect(dead_code, reason = "the other benchmark needs the rest")]
mod processor;
#[path = "server/texts.rs"]
#[expect(dead_code, reason = "the other benchmark needs the rest")]
mod texts;
#[path = "server/upstream.rs"]
#[expect(dead_code, reason = "the other benchmark needs the rest")]
mod upstream;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use plain::{Plain, Request};
use process::Process;
use serde_json::json;
use upstream::Upstream;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Calls under way at once where throughput is measured.
const IN_FLIGHT: usize = 64;

/// Rounds, calls one after the other in each, and calls with [`IN_FLIGHT`] of them at once.
struct Effort(usize, usize, usize);

/// Who answers, and what was measured.
struct Side {
    name: &'static str,
    request: Request,
    /// The median of each round, in seconds.
    latency: Vec<f64>,
    /// Calls in a second, of each round.
    rate: Vec<f64>,
}

impl Side {
    const fn new(name: &'static str, request: Request) -> Self {
        Self {
            name,
            request,
            latency: Vec::new(),
            rate: Vec::new(),
        }
    }
}

fn main() -> Result<()> {
    if others::served()? {
        return Ok(());
    }
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let Effort(rounds, calls, flood) = if measuring {
        Effort(9, 400, 10_000)
    } else {
        Effort(1, 5, 2 * IN_FLIGHT)
    };
    let binary = std::env::var_os("RL_MCP_BENCH_BINARY").map(PathBuf::from);
    let binary = binary.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_rl-mcp")));
    let upstream = Upstream::start(&upstream::Answers {
        session: texts::SESSION.to_owned(),
        result: String::new(),
        whole: String::new(),
        accepted: String::new(),
    })?;
    let server = Process::of(&binary, &upstream.url(""))?;
    let others = Process::others(&upstream.url(""))?;
    let path = format!("/v1/rl/training-sessions/{}", texts::SESSION_ID);
    let mut sides = [
        Side::new("MCP: rl-mcp serve", mcp(&server.mcp)?),
        Side::new("MCP: a plain rmcp server", mcp(&others.mcp)?),
        Side::new(
            "REST: rl-mcp serve",
            Request::get(&format!("{}{path}", server.rest), texts::SESSION)?,
        ),
        Side::new(
            "REST: a plain reverse proxy",
            Request::get(&format!("{}{path}", others.rest), texts::SESSION)?,
        ),
        Side::new(
            "the upstream itself",
            Request::get(&upstream.url(&path), texts::SESSION)?,
        ),
    ];
    for _ in 0..rounds {
        for side in &mut sides {
            let client = Plain::new()?;
            // The connections of the pools.
            client.flood(&side.request, IN_FLIGHT, IN_FLIGHT)?;
            side.latency.push(median(
                client
                    .calls(&side.request, calls)?
                    .iter()
                    .map(Duration::as_secs_f64),
            ));
            let took = client.flood(&side.request, flood, IN_FLIGHT)?;
            side.rate
                .push(f64::from(u32::try_from(flood)?) / took.as_secs_f64());
        }
    }
    let mut out = io::stdout().lock();
    if !measuring {
        writeln!(out, "every call was answered as expected; `cargo bench` measures")?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<30} {:>12} {:>14}",
        "a small call",
        "latency",
        format!("{IN_FLIGHT} at once")
    )?;
    for side in &sides {
        let (latency, rate) = (
            median(side.latency.iter().copied()),
            median(side.rate.iter().copied()),
        );
        writeln!(
            out,
            "{:<30} {:>9.0} µs {:>12.0}/s",
            side.name,
            latency * 1e6,
            rate
        )?;
    }
    for (name, process) in [("rl-mcp serve", &server), ("the others", &others)] {
        if let Some(bytes) = processor::resident(process.id()) {
            writeln!(out, "resident memory of {name}: {:.1} MB", bytes / 1e6)?;
        }
    }
    Ok(())
}

/// A call of a tool, in the version of the protocol before 2026-07-28.
fn mcp(url: &str) -> Result<Request> {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get-training-session",
        "arguments": {"session_id": texts::SESSION_ID, "wait_seconds": 0},
    }});
    let text = serde_json::to_string(texts::SESSION)?;
    let answer = format!(
        r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":{text}}}],"isError":false}}}}"#
    );
    let request = Request::post(url, call.to_string(), &answer)?;
    Ok(request.accepting("application/json, text/event-stream"))
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
