//! The binary: arguments, logging, and then [`rl_mcp::run`].

use std::process::ExitCode;

use clap::Parser as _;
use rl_mcp::Cli;

fn main() -> ExitCode {
    rl_mcp::run(&Cli::parse())
}
