//! `rl-mcp`: an MCP server for reinforcement-learning post-training.
//!
//! `ARCHITECTURE.md` names the parts and the way of a call through them. Start reading at `spec` (what each tool does to
//! the world), then `mcp::tool` (how a handler is run) and any file of `tools`.

mod arguments;
#[cfg(feature = "text")]
mod chart;
mod check;
mod cli;
mod client;
mod config;
mod context;
#[cfg(feature = "text")]
mod dataset;
mod error;
mod files;
#[cfg(feature = "text")]
mod grade;
#[cfg(feature = "http")]
mod http;
mod journal;
mod json;
mod logging;
mod mcp;
mod prime;
mod read_result;
mod redact;
mod skill;
mod spec;
mod stderr;
#[cfg(feature = "text")]
pub mod text;
mod together;
#[cfg(feature = "text")]
mod train;
mod wait;
mod work;
#[cfg(feature = "text")]
mod worker;
mod wrapped;

#[path = "../tools/mod.rs"]
mod tools;

// What the tests hold the documentation and the sandbox against.
pub use config::VARIABLES;
#[cfg(feature = "text")]
pub use grade::{KINDS, Kind, is_equal};
pub use journal::{Outcome, Record};
pub use prime::create::{MINIMAL_RL, MINIMAL_SFT};
pub use spec::{Spec, Toolset};
pub use tools::ALL;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

pub use cli::Cli;
use cli::Command;
use cli::sandboxed::Environment;
use context::Context;
use mcp::offer::Offer;
use mcp::serve;
use redact::Redactor;
use tools::{ROWS, TOOLS};
use wrapped::Wrapped;

/// Exit code for a configuration that cannot be used, as for a wrong argument.
const UNUSABLE: u8 = 2;

/// Runs the program to its end.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let code = start(cli).unwrap_or_else(|problem| {
        stderr::write(format!("rl-mcp: {problem}\n"));
        ExitCode::from(UNUSABLE)
    });
    stderr::flush();
    code
}

fn start(cli: &Cli) -> Result<ExitCode, String> {
    let variable = |name: &str| std::env::var(name).ok();
    let redactor = Arc::<Redactor>::default();
    let quiet = match &cli.command {
        Some(Command::Sandboxed(command)) => command.log(),
        _ => None,
    };
    logging::start(
        variable(config::LOG)
            .as_deref()
            .and_then(config::given)
            .as_deref()
            .or(quiet),
        redactor.clone(),
    )?;
    if let Some(Command::Sandboxed(command)) = &cli.command {
        return command.run(cli, redactor);
    }
    if let Some(Command::Skill(options)) = &cli.command {
        return options.run(cli).map(|()| ExitCode::SUCCESS);
    }
    #[cfg(feature = "text")]
    if let Some(Command::Train(options)) = &cli.command {
        return options.run(redactor, cli.sandbox);
    }
    let environment = Environment::new(cli.sandbox(), variable)?;
    let config = environment.config().map_err(|error| error.to_string())?;
    let offer = Offer::new(cli.choice(), &config, &TOOLS)?;
    let context = Arc::new(Context::new(config, redactor, &ROWS));
    // One thread: a call waits for the network, not for the processor, and no message changes threads on its way.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    #[cfg(feature = "text")]
    if context.config().sandbox {
        // Its services end with this process, and so do their runs.
        context.state::<train::Launcher>().stay_here(worker::spawn);
    }
    let code = runtime.block_on(async {
        match &cli.command {
            #[cfg(feature = "http")]
            Some(Command::Serve { adapters, .. }) => {
                let places = adapters.places();
                let served = http::serve(context.clone(), offer, environment.preface(), &places);
                served.await.map(|()| ExitCode::SUCCESS)
            }
            Some(Command::Check { .. }) => {
                let mut out = Wrapped::stdout();
                let _ = write!(out, "{}", environment.described());
                match check::check(&context, &offer, &mut out).await {
                    Ok(works) => Ok(ExitCode::from(u8::from(!works))),
                    // Whoever read the report has seen enough of it.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
                    Err(error) => Err(error.to_string()),
                }
            }
            _ => serve::serve(context.clone(), offer, environment.preface())
                .await
                .map(|()| ExitCode::SUCCESS),
        }
    });
    #[cfg(feature = "text")]
    grade::end_all();
    // A blocking read of standard input must not hold up the end.
    runtime.shutdown_background();
    // Requests that are still in flight have an unknown outcome, which the journal records.
    context.journal().end();
    code
}
