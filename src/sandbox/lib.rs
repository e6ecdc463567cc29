//! The sandbox: both services on this machine, behind the same API, with a policy that really learns.
//!
//! It listens on loopback and is spoken to over HTTP like the real ones, so that the server and its tools know nothing
//! of it: only the base URLs and keys differ. Nothing here is shared with the client either, so that a mistake about
//! the API does not go unnoticed by being made twice. What the API's documentation leaves open is decided in
//! `docs/sandbox.md`.

mod bounds;
mod clock;
pub mod demo;
mod faults;
mod host;
mod http;
mod policy;
mod prime;
mod together;

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use tempfile::TempDir;
use tokio::net::TcpListener;

use bounds::Bounds;
use clock::Clock;
use faults::Faults;

/// The key of the sandbox's Together AI. It opens nothing else.
const TOGETHER_KEY: &str = "sandbox-together-key";
/// The key of the sandbox's Prime Intellect.
const PRIME_KEY: &str = "pit_sandbox_prime_key";

/// How many times faster waits pass, when nobody says: a model resource is READY after a second.
const SPEED: f64 = 60.0;

/// How the sandbox behaves.
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Sandbox")]
pub struct Options {
    /// Serve the tools from both services on this machine: no key, no GPU, no cost; a tiny model that really learns.
    #[arg(long, global = true)]
    pub sandbox: bool,

    /// How many times faster than the real services' the sandbox's waits pass. Default 60, or 120 in the demo: a minute in one second or half of it.
    #[arg(long, global = true, value_name = "FACTOR", value_parser = speed)]
    pub sandbox_speed: Option<f64>,

    /// The share of the sandbox's requests that something goes wrong with, from 0 to 1. Default 0.
    #[arg(long, global = true, value_name = "RATE", value_parser = rate)]
    pub sandbox_faults: Option<f64>,

    /// Decides which requests these are. Default 0.
    #[arg(long, global = true, value_name = "NUMBER")]
    pub sandbox_seed: Option<u64>,
}

impl Options {
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

    /// Reports options that would do nothing, as no sandbox is asked for.
    fn check(&self) -> Result<(), String> {
        let given =
            self.sandbox_speed.is_some() || self.sandbox_faults.is_some() || self.sandbox_seed.is_some();
        if given && !self.sandbox {
            return Err(
                "--sandbox-speed, --sandbox-faults and --sandbox-seed do nothing without --sandbox"
                    .to_owned(),
            );
        }
        Ok(())
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

/// A number that stands for a value, the same one in every process.
fn digest(value: impl Hash) -> u64 {
    // Unlike those of a map, its keys are fixed.
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

/// What both services build on.
#[derive(Clone, Debug)]
struct Shared {
    /// The time.
    clock: Clock,
    /// Where the sandbox listens, without a trailing slash.
    origin: String,
    /// How much is kept.
    bounds: Bounds,
}

/// A running sandbox. It ends with the process.
#[derive(Clone, Copy, Debug)]
pub struct Sandbox {
    address: SocketAddr,
}

impl Sandbox {
    /// Starts both services on a thread of their own. Port 0 is any free one.
    pub fn start(options: Options, port: u16) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("the sandbox cannot listen on port {port}: {error}");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(cannot)?;
        listener.set_nonblocking(true).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(cannot)?;
        let serve = move || {
            runtime.block_on(async move {
                let shared = Shared {
                    clock: Clock::new(options.speed()),
                    origin: format!("http://{address}"),
                    bounds: Bounds::SANDBOX,
                };
                let router = together::router(&shared).merge(prime::router(&shared));
                let router = faults::inject(router, Faults::new(options.faults(), options.seed()));
                // Outermost, so that no fault and no unknown route comes before it.
                let router = host::guard(router);
                match TcpListener::from_std(listener) {
                    Ok(listener) => http::serve(listener, router).await,
                    Err(error) => tracing::error!(%error, "the sandbox cannot listen"),
                }
            });
        };
        let named = thread::Builder::new().name("sandbox".to_owned());
        named.spawn(serve).map_err(cannot)?;
        Ok(Self { address })
    }

    /// The variables that lead a client here. Those without a value are to be unset.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, Option<String>); 11] {
        let url = Some(format!("http://{}", self.address));
        [
            ("TOGETHER_BASE_URL", url.clone()),
            ("TOGETHER_API_KEY", Some(TOGETHER_KEY.to_owned())),
            ("PRIME_API_BASE_URL", url),
            ("PRIME_API_KEY", Some(PRIME_KEY.to_owned())),
            ("TOGETHER_AI_API_KEY", None),
            ("PRIME_BASE_URL", None),
            ("PRIME_TEAM_ID", None),
            ("PRIME_CONTEXT", None),
            // Real secrets stay away, and so does the configuration of Prime Intellect's command line.
            ("WANDB_API_KEY", None),
            ("HF_TOKEN", None),
            ("HOME", None),
        ]
    }

    /// What a person copies into another terminal.
    #[must_use]
    pub fn exports(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.variables() {
            if let Some(value) = value {
                let _ = writeln!(text, "export {name}={value}");
            }
        }
        text
    }
}

/// Looks up a variable.
type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// What whoever uses the server has to know in front of a sandbox.
const PREFACE: &str = "\
Sandbox: both services are played on this machine; nothing is billed, whatever is said of prices. One tiny model has all names: tokens are bytes (256 ends a text), learning rates near 0.005 suit it.

";

/// The variable of the directory that the server keeps results in.
const DATA_DIR: &str = "RL_MCP_DATA_DIR";

/// The environment as the server is to see it.
pub struct Environment {
    /// Looks up a variable.
    pub variable: Lookup,
    /// Begins what the server says.
    pub preface: &'static str,
    /// Goes with the sandbox whose results it holds.
    _data: Option<TempDir>,
}

/// The real environment, or one that leads to a sandbox that is started for it.
pub fn environment(
    options: Options,
    real: impl Fn(&str) -> Option<String> + 'static,
) -> Result<Environment, String> {
    options.check()?;
    if !options.sandbox {
        return Ok(Environment {
            variable: Box::new(real),
            preface: "",
            _data: None,
        });
    }
    let ours = Sandbox::start(options, 0)?.variables();
    // What a sandbox trained is gone with it, and does not belong among the real things.
    let data = match real(DATA_DIR).filter(|directory| !directory.trim().is_empty()) {
        Some(_) => None,
        None => Some(
            TempDir::with_prefix("rl-mcp-sandbox-")
                .map_err(|error| format!("the sandbox has no place for results: {error}"))?,
        ),
    };
    let directory = data
        .as_ref()
        .map(|data| data.path().to_string_lossy().into_owned());
    let variable = move |name: &str| match ours.iter().find(|(known, _)| *known == name) {
        Some((_, value)) => value.clone(),
        None if name == DATA_DIR && directory.is_some() => directory.clone(),
        None => real(name),
    };
    Ok(Environment {
        variable: Box::new(variable),
        preface: PREFACE,
        _data: data,
    })
}

/// Runs the services alone, until the process is asked to stop.
pub fn alone(options: Options, port: u16) -> Result<(), String> {
    let sandbox = Sandbox::start(options, port)?;
    let text = format!(
        "# Together AI and Prime Intellect, played on this machine until Ctrl-C. In another terminal:\n{}",
        sandbox.exports()
    );
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())?;
    drop(out);
    loop {
        thread::park();
    }
}
