//! The command line.

#[cfg(feature = "sandbox")]
mod demo;
pub(crate) mod sandboxed;
#[cfg(feature = "http")]
pub(crate) mod serve;
mod skill;
#[cfg(feature = "text")]
pub(crate) mod train;

use std::fmt::Write as _;

use clap::{Args, Parser, Subcommand};

use crate::config::VARIABLES;
use crate::error::problems::list;
use crate::mcp::names::meant;
use crate::mcp::offer::Choice;
use crate::spec::{Toolset, parse_toolsets};
use crate::tools::{ALL, TOOLS};

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
    #[expect(missing_docs, reason = "would become the description of the program")]
    #[command(flatten)]
    pub offered: Offered,

    #[expect(missing_docs, reason = "would become the description of the program")]
    #[command(flatten)]
    pub sandbox: sandboxed::Options,

    #[expect(missing_docs, reason = "the commands document themselves")]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Which tools to offer.
#[derive(Args, Clone)]
pub struct Offered {
    /// Offer only tools that change nothing at the services.
    #[arg(long)]
    pub read_only: bool,

    /// Offer these groups of tools: rl, train, rl-more (Together AI), runs, runs-more (Prime Intellect), or all. Default:
    /// rl,runs, or what there is a key for. Those of local (what this machine keeps) come along.
    #[arg(long, value_name = "NAME,NAME,…", value_parser = toolsets)]
    pub toolsets: Option<Names<Toolset>>,

    /// Offer only these tools and those of local, from any toolset unless --toolsets is given too.
    #[arg(long, value_name = "NAME,NAME,…", value_parser = tool_names)]
    pub tools: Option<Names<String>>,
}

/// What to do instead of serving. Each command takes only the flags that do something with it.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Show what is configured, and test each key with one read call. Exit code 1: something configured does not work.
    Check {
        #[command(flatten)]
        offered: Offered,
        #[command(flatten)]
        sandbox: sandboxed::Options,
    },
    /// Serve over HTTP instead, MCP or REST or both, until it is stopped.
    #[cfg(feature = "http")]
    Serve {
        #[command(flatten)]
        adapters: serve::Adapters,
        #[command(flatten)]
        offered: Offered,
        #[command(flatten)]
        sandbox: sandboxed::Options,
    },
    /// Train a model as one job, from a recipe. Ctrl-C ends it in order; --resume goes on. Exit code 1: it has failed.
    #[cfg(feature = "text")]
    Train(train::Training),
    /// Show the Agent Skill that teaches an agent to train with these tools, or put it where a host finds it.
    Skill(skill::Installing),
    #[command(flatten)]
    Sandboxed(sandboxed::Command),
}

/// A list with commas. (Of a plain `Vec`, clap would take each element for one argument.)
#[derive(Clone, Debug)]
pub struct Names<T>(Vec<T>);

impl Cli {
    /// Which tools it asks for, before the command or after it.
    #[must_use]
    pub fn choice(&self) -> Choice {
        match &self.command {
            Some(Command::Check { offered, .. }) => offered.choice(&self.offered),
            #[cfg(feature = "http")]
            Some(Command::Serve { offered, .. }) => offered.choice(&self.offered),
            _ => self.offered.choice(&self.offered),
        }
    }

    /// Whether it asks for a sandbox, before the command or after it.
    #[must_use]
    pub fn sandbox(&self) -> sandboxed::Options {
        match &self.command {
            Some(Command::Check { sandbox, .. }) => sandbox.or(self.sandbox),
            #[cfg(feature = "http")]
            Some(Command::Serve { sandbox, .. }) => sandbox.or(self.sandbox),
            _ => self.sandbox,
        }
    }
}

impl Offered {
    /// What it asks for, and else what the other one does.
    fn choice(&self, other: &Self) -> Choice {
        let toolsets = self.toolsets.as_ref().or(other.toolsets.as_ref());
        let tools = self.tools.as_ref().or(other.tools.as_ref());
        Choice {
            read_only: self.read_only || other.read_only,
            toolsets: toolsets.map(|Names(toolsets)| toolsets.clone()),
            tools: tools.map(|Names(tools)| tools.clone()),
        }
    }
}

/// Refuses flags that would do nothing with a command, as it does not serve: those before it, and `--sandbox` after it
/// (`anyway`). Others after it are no flags of its.
fn refuse_serving(cli: &Cli, command: &str, anyway: bool) -> Result<(), String> {
    let Offered {
        read_only,
        toolsets,
        tools,
    } = &cli.offered;
    let given = [
        ("--read-only", *read_only),
        ("--toolsets", toolsets.is_some()),
        ("--tools", tools.is_some()),
        ("--sandbox", anyway || sandboxed::is_asked_for(cli.sandbox)),
    ];
    let useless = list(given.iter().filter(|(_, given)| *given).map(|(flag, _)| *flag));
    if useless.is_empty() {
        return Ok(());
    }
    Err(format!("the command {command} has no use for {useless}"))
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
    let near = match meant(name, &TOOLS).as_slice() {
        [] => String::new(),
        near => format!("did you mean {}? ", near.join(" or ")),
    };
    Err(format!("unknown tool `{name}`; {near}valid: {}", list(names())))
}

fn variables() -> String {
    let mut text = "Environment variables:".to_owned();
    for variable in VARIABLES {
        let _ = write!(text, "\n  {}\n          {}", variable.name, variable.meaning);
    }
    text
}
