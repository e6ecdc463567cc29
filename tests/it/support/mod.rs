//! What the tests share: the server as a child process, and the services in two forms.

mod api;
mod process;
mod sandbox;
mod scripted;
mod store;

pub use api::{Example, Upstream, examples, operation, operation_at, operation_of, operations};
pub use process::{Outcome, PATIENCE, Server, latest, outcome, prime_home, resident_mb};
pub use sandbox::Sandbox;
pub use scripted::{Reaction, Scripted, json, status};
pub use store::{Fault, Store};

pub const TOGETHER_KEY: &str = "tgp_test_0123456789abcdef";
pub const PRIME_KEY: &str = "pit_test_0123456789abcdef";
