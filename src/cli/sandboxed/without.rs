//! Without the feature.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::cli::Cli;
use crate::config::{Config, ConfigError};
use crate::redact::Redactor;

/// No flags.
#[derive(Args, Clone, Copy)]
pub struct Options {}

impl Options {
    /// What is given here, and else what is given there.
    #[must_use]
    pub(crate) const fn or(self, _: Self) -> Self {
        self
    }
}

/// No commands.
#[derive(Clone, Subcommand)]
pub enum Command {}

impl Command {
    /// There is none to log.
    pub(crate) const fn log(&self) -> Option<&'static str> {
        match *self {}
    }

    /// There is none to run.
    pub(crate) fn run(&self, _: &Cli, _: Arc<Redactor>) -> Result<ExitCode, String> {
        match *self {}
    }
}

/// Nothing can ask for one.
pub(crate) const fn is_asked_for(_: Options) -> bool {
    false
}

/// Looks up a variable.
type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// The real environment.
pub(crate) struct Environment {
    variable: Lookup,
}

#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the same form as with the sandbox"
)]
impl Environment {
    /// It as it is.
    pub(crate) fn new(_: Options, real: impl Fn(&str) -> Option<String> + 'static) -> Result<Self, String> {
        Ok(Self {
            variable: Box::new(real),
        })
    }

    /// Reads the configuration from it.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        Config::read(&self.variable)
    }

    /// Nothing has to be said of it to hosts.
    #[must_use]
    pub(crate) const fn preface(&self) -> &'static str {
        ""
    }

    /// Nor to a person.
    #[must_use]
    pub(crate) const fn described(&self) -> &'static str {
        ""
    }
}
