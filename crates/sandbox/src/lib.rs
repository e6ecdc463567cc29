//! The sandbox: both services on this machine, behind the same API, with a policy that really learns.
//!
//! It listens on loopback and is spoken to over HTTP like the real ones, so that the server and its tools know nothing
//! of it: only the base URLs and keys differ. Nothing here is shared with the client either, so that a mistake about
//! the API does not go unnoticed by being made twice. What the API's documentation leaves open is decided in
//! `docs/sandbox.md`.

mod bounds;
mod clock;
mod faults;
mod host;
mod http;
mod options;
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
pub use options::{Behavior, Options};

/// The key of the sandbox's Together AI. It opens nothing else.
const TOGETHER_KEY: &str = "sandbox-together-key";
/// The key of the sandbox's Prime Intellect.
const PRIME_KEY: &str = "pit_sandbox_prime_key";

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
struct Sandbox {
    address: SocketAddr,
}

impl Sandbox {
    /// Starts both services on a thread of their own. Port 0 is any free one.
    fn start(behavior: Behavior, port: u16) -> Result<Self, String> {
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
                    clock: Clock::new(behavior.speed()),
                    origin: format!("http://{address}"),
                    bounds: Bounds::SANDBOX,
                };
                let router = together::router(&shared).merge(prime::router(&shared));
                let router = faults::inject(router, Faults::new(behavior.faults(), behavior.seed()));
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
    fn variables(&self) -> [(&'static str, Option<String>); 10] {
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
            // They lead to the configuration of Prime Intellect's command line.
            ("HOME", None),
            ("USERPROFILE", None),
        ]
    }

    /// What a person copies into another terminal.
    #[must_use]
    fn exports(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.variables() {
            if let Some(value) = value {
                let _ = if cfg!(windows) {
                    writeln!(text, "$env:{name} = \"{value}\"")
                } else {
                    writeln!(text, "export {name}={value}")
                };
            }
        }
        text
    }
}

/// Looks up a variable.
type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// What whoever uses the server has to know in front of a sandbox.
const PREFACE: &str = "\
Sandbox: both services are played on this machine; prices are said, but nothing bills. One tiny model, sandbox/byte-lm: tokens are bytes (256 ends a text); learning rate 0.002 to 0.005. Volume sandbox holds datasets/sandbox-text.

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
    let ours = Sandbox::start(options.behavior, 0)?.variables();
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
pub fn alone(behavior: Behavior, port: u16) -> Result<(), String> {
    behavior.check()?;
    let sandbox = Sandbox::start(behavior, port)?;
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
