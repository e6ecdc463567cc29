//! The command line.

use std::fmt::Write as _;

use clap::{Parser, Subcommand};

use crate::config::VARIABLES;
use crate::offer::Choice;
use crate::problems::{list, nearest};
use crate::spec::{Toolset, parse_toolsets};
use crate::tools::ALL;

/// MCP server for reinforcement-learning post-training on Together AI and Prime Intellect.
///
/// Without a command it serves MCP over standard input and output, as a host starts it.
#[cfg_attr(
    feature = "sandbox",
    doc = "A person starts with `rl-mcp demo`, which needs no key, and then `rl-mcp check`."
)]
#[cfg_attr(not(feature = "sandbox"), doc = "A person starts with `rl-mcp check`.")]
#[derive(Parser)]
#[command(version, after_help = variables(), max_term_width = 100)]
pub struct Cli {
    /// Offer only tools that change nothing at the services.
    #[arg(long, global = true)]
    pub read_only: bool,

    /// Offer these groups of tools: rl, rl-more (Together AI), runs, runs-more (Prime Intellect), or all. Default:
    /// rl,runs, or what there is a key for. Those of local (what this machine keeps) come along.
    #[arg(long, global = true, value_name = "NAME,NAME,…", value_parser = toolsets)]
    pub toolsets: Option<Names<Toolset>>,

    /// Offer only these tools and those of local, from any toolset unless --toolsets is given too.
    #[arg(long, global = true, value_name = "NAME,NAME,…", value_parser = tool_names)]
    pub tools: Option<Names<String>>,

    #[cfg(feature = "sandbox")]
    #[expect(missing_docs, reason = "would become the description of the program")]
    #[command(flatten)]
    pub sandbox: rl_mcp_sandbox::Options,

    #[expect(missing_docs, reason = "the commands document themselves")]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of serving.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Show what is configured, and test each key with one read call.
    Check,
    /// Run the sandbox's services alone, for other clients, and print the variables that lead there.
    #[cfg(feature = "sandbox")]
    Sandbox {
        /// Where to listen on loopback; 0: any free port.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Train a tiny model by GRPO through the tools of a sandbox, and show how it learns. Exit code 1: it did not learn.
    #[cfg(feature = "sandbox")]
    Demo(rl_mcp_sandbox::demo::Options),
}

/// A list with commas. (Of a plain `Vec`, clap would take each element for one argument.)
#[derive(Clone, Debug)]
pub struct Names<T>(Vec<T>);

impl Cli {
    /// What it asks for.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice {
            read_only: self.read_only,
            toolsets: self.toolsets.clone().map(|Names(toolsets)| toolsets),
            tools: self.tools.clone().map(|Names(tools)| tools),
        }
    }
}

fn toolsets(text: &str) -> Result<Names<Toolset>, String> {
    parse_toolsets(text).map(Names)
}

fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|entry| entry.spec.name)
}

fn tool_names(text: &str) -> Result<Names<String>, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(tool_name).collect::<Result<_, _>>()?;
    if names.is_empty() {
        return Err("no tool is named".to_owned());
    }
    Ok(Names(names))
}

fn tool_name(name: &str) -> Result<String, String> {
    if names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let near = nearest(name, names()).map_or_else(String::new, |near| format!("did you mean {near}? "));
    Err(format!("`{name}` is no tool; {near}valid are: {}", list(names())))
}

fn variables() -> String {
    let mut text = "Environment variables:".to_owned();
    for variable in VARIABLES {
        let _ = write!(text, "\n  {}\n          {}", variable.name, variable.meaning);
    }
    text
}
