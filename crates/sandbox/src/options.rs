//! The flags of a sandbox.

use std::fmt;

/// How many times faster waits pass, when nobody says: a model resource is READY after a second.
const SPEED: f64 = 60.0;

/// Whether the tools are served from a sandbox, and from what kind of one.
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Sandbox")]
pub struct Options {
    /// Serve the tools from both services on this machine: no key, no GPU, no cost; a tiny model that really learns.
    #[arg(long)]
    pub sandbox: bool,

    #[expect(missing_docs, reason = "would become the heading of the help")]
    #[command(flatten)]
    pub behavior: Behavior,
}

/// How a sandbox behaves.
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Sandbox")]
pub struct Behavior {
    /// How many times faster than the real services' the sandbox's waits pass. Default 60, or 120 in the demo: a minute in one second or half of it.
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    pub sandbox_speed: Option<f64>,

    /// The share of the sandbox's requests that something goes wrong with, from 0 to 1. Default 0.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub sandbox_faults: Option<f64>,

    /// Decides which requests these are, where --sandbox-faults asks for some. Default 0.
    #[arg(long, value_name = "NUMBER")]
    pub sandbox_seed: Option<u64>,
}

impl Behavior {
    /// How many times faster than the real services' waits pass.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.sandbox_speed.unwrap_or(SPEED)
    }

    /// The share of requests that something goes wrong with.
    #[must_use]
    pub fn faults(&self) -> f64 {
        self.sandbox_faults.unwrap_or(0.0)
    }

    /// What decides which requests these are.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.sandbox_seed.unwrap_or(0)
    }

    /// What is given here, and else what is given there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            sandbox_speed: self.sandbox_speed.or(other.sandbox_speed),
            sandbox_faults: self.sandbox_faults.or(other.sandbox_faults),
            sandbox_seed: self.sandbox_seed.or(other.sandbox_seed),
        }
    }

    /// Reports options that would do nothing.
    pub fn check(&self) -> Result<(), String> {
        if self.sandbox_seed.is_some() && self.sandbox_faults.is_none() {
            return Err("--sandbox-seed does nothing without --sandbox-faults".to_owned());
        }
        Ok(())
    }
}

impl fmt::Display for Behavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "speed {}, faults {}, seed {}",
            self.speed(),
            self.faults(),
            self.seed()
        )
    }
}

impl Options {
    /// What is given here, and else what is given there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            sandbox: self.sandbox || other.sandbox,
            behavior: self.behavior.or(other.behavior),
        }
    }

    /// Reports options that would do nothing.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Behavior {
            sandbox_speed,
            sandbox_faults,
            sandbox_seed,
        } = self.behavior;
        let given = sandbox_speed.is_some() || sandbox_faults.is_some() || sandbox_seed.is_some();
        if given && !self.sandbox {
            return Err(
                "--sandbox-speed, --sandbox-faults and --sandbox-seed do nothing without --sandbox"
                    .to_owned(),
            );
        }
        self.behavior.check()
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if speed > 0.0 && f64::is_finite(speed) => Ok(speed),
        _ => Err("give a number above 0".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("give a number from 0 to 1".to_owned()),
    }
}
