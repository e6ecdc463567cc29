//! What the tests share: the server as a child process, and the services in two forms.

mod api;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "text")]
mod hub;
mod place;
mod process;
#[cfg(feature = "sandbox")]
mod sandbox;
mod scripted;
mod store;
#[cfg(unix)]
mod terminal;

use rl_mcp::ALL;
use rl_mcp::{Spec, Toolset};

pub use api::{Example, Upstream, examples, operation, operation_at, operation_of, operations};
#[cfg(feature = "http")]
pub use http::{Json, Served, answered};
#[cfg(feature = "text")]
pub use hub::{COMMIT, Hub};
pub use place::Place;
#[cfg(target_os = "linux")]
pub use process::peak_memory;
pub use process::{Outcome, PATIENCE, Server, latest, outcome, prime_home};
#[cfg(feature = "sandbox")]
pub use sandbox::Sandbox;
pub use scripted::{Reaction, Scripted, json, status};
pub use store::{Fault, Store};
#[cfg(unix)]
pub use terminal::Terminal;

pub const TOGETHER_KEY: &str = "tgp_test_0123456789abcdef";
pub const PRIME_KEY: &str = "pit_test_0123456789abcdef";

/// How many tools there are of which this is true.
pub fn tools(which: impl Fn(&Spec) -> bool) -> usize {
    ALL.iter().filter(|entry| which(entry.spec)).count()
}

/// Whether a tool is offered when nobody says anything.
pub fn by_default(spec: &Spec) -> bool {
    spec.toolset
        .is_some_and(|toolset| Toolset::DEFAULT.contains(&toolset))
}
