//! With the feature.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use rl_mcp_sandbox::Behavior;
pub(crate) use rl_mcp_sandbox::Options;

use crate::cli::{Cli, demo, refuse_serving};
use crate::config::{Config, ConfigError};
use crate::redact::Redactor;

/// Commands that have a sandbox of their own.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Run the sandbox's services alone, for other clients, and print the variables that lead there.
    Sandbox {
        /// Where to listen on loopback; 0: any free port.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Refused, as it has one anyway. (An unknown flag would be answered with one that is named alike.)
        #[arg(long = "sandbox", hide = true)]
        anyway: bool,
        #[command(flatten)]
        behavior: Behavior,
    },
    /// Train a tiny model by GRPO on a sandbox, with the calls that an agent makes, and show how it learns. Exit code 1: it did not learn.
    Demo {
        #[command(flatten)]
        options: demo::Options,
        /// Refused, as it has one anyway.
        #[arg(long = "sandbox", hide = true)]
        anyway: bool,
        #[command(flatten)]
        behavior: Behavior,
    },
}

impl Command {
    /// What it logs when nobody says. In front of the demo sits a person, and whatever is repeated is repeated for them.
    pub(crate) const fn log(&self) -> Option<&'static str> {
        match self {
            Self::Demo { .. } => Some("error"),
            Self::Sandbox { .. } => None,
        }
    }

    /// Runs it to its end. What stands before it in the command line is in `cli`.
    pub fn run(&self, cli: &Cli, redactor: Arc<Redactor>) -> Result<ExitCode, String> {
        match self {
            Self::Sandbox {
                port,
                anyway,
                behavior,
            } => {
                refuse_serving(cli, "sandbox", *anyway)?;
                rl_mcp_sandbox::alone(behavior.or(cli.sandbox.behavior), *port).map(|()| ExitCode::SUCCESS)
            }
            Self::Demo {
                options,
                anyway,
                behavior,
            } => {
                refuse_serving(cli, "demo", *anyway)?;
                demo::demo(options, behavior.or(cli.sandbox.behavior), redactor)
            }
        }
    }
}

/// Whether the flags ask for a sandbox.
pub(crate) const fn is_asked_for(options: Options) -> bool {
    options.sandbox
}

/// The environment as the server is to see it: the real one, or one that leads to a sandbox.
pub(crate) struct Environment {
    inner: rl_mcp_sandbox::Environment,
    options: Options,
}

impl Environment {
    /// Starts a sandbox, where the flags ask for one. It ends with the process; its files go with this value.
    pub(crate) fn new(
        options: Options,
        real: impl Fn(&str) -> Option<String> + 'static,
    ) -> Result<Self, String> {
        let inner = rl_mcp_sandbox::environment(options, real)?;
        Ok(Self { inner, options })
    }

    /// Reads the configuration from it.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let config = Config::read(&self.inner.variable)?;
        Ok(if self.options.sandbox {
            config.in_sandbox()
        } else {
            config
        })
    }

    /// What hosts are told of it first.
    #[must_use]
    pub(crate) fn preface(&self) -> &'static str {
        self.inner.preface
    }

    /// What a person is told of it first.
    #[must_use]
    pub(crate) fn described(&self) -> String {
        if self.options.sandbox {
            format!("{}It runs with {}.\n\n", self.preface(), self.options.behavior)
        } else {
            String::new()
        }
    }
}
