//! The command line.

use std::fmt::Write as _;

use clap::{Parser, Subcommand};

use crate::config::VARIABLES;
use crate::problems::{list, nearest};
use crate::tool::Entry;
use crate::tools::ALL;

/// MCP server for reinforcement-learning post-training on Together AI and Prime Intellect.
///
/// Without a command it serves MCP over standard input and output, as a host starts it. A person starts with
/// `rl-mcp check`.
#[derive(Parser)]
#[command(version, after_help = variables(), max_term_width = 100)]
pub struct Cli {
    /// Offer only tools that change nothing.
    #[arg(long, global = true)]
    pub read_only: bool,

    /// Offer only these tools.
    #[arg(long, global = true, value_name = "NAME,NAME,…", value_delimiter = ',', value_parser = tool_name)]
    pub tools: Option<Vec<String>>,

    #[expect(missing_docs, reason = "the commands document themselves")]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of serving.
#[derive(Clone, Copy, Subcommand)]
pub enum Command {
    /// Show what is configured, and test each key with one read call.
    Check,
}

impl Cli {
    /// The tools to offer.
    pub fn offered(&self) -> impl Iterator<Item = &'static Entry> {
        let read_only = self.read_only;
        let chosen = self.tools.clone();
        ALL.iter().filter(move |entry| {
            let chosen = chosen
                .as_ref()
                .is_none_or(|chosen| chosen.iter().any(|name| name == entry.spec.name));
            chosen && (!read_only || entry.spec.effect.read_only())
        })
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|entry| entry.spec.name)
}

fn tool_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    if names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let near = nearest(name, names()).map_or_else(String::new, |near| format!("did you mean {near}? "));
    Err(format!("no such tool; {near}valid are: {}", list(names())))
}

fn variables() -> String {
    let mut text = "Environment variables:".to_owned();
    for variable in VARIABLES {
        let _ = write!(text, "\n  {}\n          {}", variable.name, variable.meaning);
    }
    text
}
