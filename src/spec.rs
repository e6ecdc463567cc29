//! What each tool does to the world: one row for each, and nowhere else.
//!
//! The hints in `tools/list`, the HTTP method and path on the wire, whether a call may be repeated, the toolset that
//! offers it, and whether read-only mode does, are all computed from the row, so they cannot disagree.

mod effect;
mod local;
mod prime;
mod row;
mod service;
mod together;
mod toolset;

pub use effect::Effect;
pub use local::*;
pub use prime::*;
pub use row::{Lost, Spec};
pub use service::{Method, Service};
pub use together::*;
pub use toolset::{Toolset, parse as parse_toolsets};
