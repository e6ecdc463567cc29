//! `rl-mcp demo`: the product's main job from end to end, without a key, a GPU or a cost.
//!
//! It starts this same program as a server with a sandbox, connects to it as a host does, and trains a tiny model by
//! GRPO through the tools alone. Nothing here knows what is behind them. The task (`task`) can only be learned by
//! reading the prompt, so that a reward above `task::BLIND` means that something was learned.

mod agent;
mod control;
mod curve;
mod download;
mod host;
mod ledger;
mod reading;
mod record;
mod report;
mod run;
mod sampling;
mod screen;
mod started;
mod task;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use agent::Agent;
use host::Host;
use record::Record;
use screen::Screen;

use rl_mcp_sandbox::Behavior;

/// Exit code of a run that did not learn, or did not come to its end.
const FAILED: u8 = 1;
/// Exit code of a run that was interrupted, as shells have it.
const INTERRUPTED: u8 = 130;
/// How many times faster waits pass, when nobody says. The server looks at an operation after 50 ms, then after 50 more:
/// here most have ended by the first look, while at the sandbox's usual 60 they end just after it.
const SPEED: f64 = 120.0;
/// Steps when nobody says: enough to learn with each seed that was tried.
const STEPS: u32 = 40;

/// How to run the demo.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Training steps.
    #[arg(long, value_name = "NUMBER", default_value_t = STEPS, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    steps: u32,
    /// Decides on the completions and on the adapter's first weights.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Print one record for machines in place of the report.
    #[arg(long)]
    json: bool,
    /// Keep the trained adapter in this directory. Nothing is overwritten.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Deal the advantages of each batch out anew by chance. Nothing can be learned then: a control.
    #[arg(long, hide = true)]
    shuffle_advantages: bool,
}

/// Runs the demo. The exit code is 1 if the reward did not rise to three times that of the untrained policy.
pub fn demo(options: &Options, sandbox: Behavior) -> Result<ExitCode, String> {
    sandbox.check()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let sandbox = Behavior {
        sandbox_speed: sandbox.sandbox_speed.or(Some(SPEED)),
        ..sandbox
    };
    let ended = runtime.block_on(whole(options, sandbox));
    ended.or_else(|problem| {
        let _ = writeln!(io::stderr(), "rl-mcp demo: {problem}");
        Ok(ExitCode::from(FAILED))
    })
}

async fn whole(options: &Options, sandbox: Behavior) -> Result<ExitCode, String> {
    let began = Instant::now();
    if let Some(directory) = &options.save {
        download::prepare(directory)?;
    }
    let screen = Screen::new(options);
    let mut agent = Agent {
        host: Host::start(sandbox, &screen).await?,
    };
    let outcome = run::run(&mut agent, options, &screen).await;
    screen.end();
    let ledger = agent.host.end().await;
    let Some(outcome) = outcome? else {
        let _ = writeln!(io::stderr(), "rl-mcp demo: interrupted; nothing is left running");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let record = Record {
        options,
        sandbox,
        outcome,
        ledger,
        seconds: began.elapsed().as_secs_f64(),
    };
    match show(&record) {
        // Whoever read the report has seen enough of it.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(ExitCode::from(if record.learned() { 0 } else { FAILED })),
    }
}

fn show(record: &Record<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if record.options.json {
        writeln!(out, "{}", record.json())?;
    } else {
        write!(out, "{}", report::report(record, screen::width()))?;
    }
    out.flush()
}
