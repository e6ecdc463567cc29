//! What each tool does to the world: one row for each, and nowhere else.
//!
//! The hints in `tools/list`, the HTTP method and path on the wire, whether a call may be repeated, the toolset that
//! offers it, and whether read-only mode does, are all computed from the row, so they cannot disagree.

mod effect;
mod ids;
mod local;
mod prime;
mod row;
mod service;
mod status;
mod together;
mod toolset;

pub(crate) use effect::Effect;
pub(crate) use ids::ID_KINDS;
pub(crate) use local::*;
pub(crate) use prime::*;
pub use row::Spec;
pub(crate) use service::{Method, Service};
pub(crate) use status::Status;
pub(crate) use together::*;
pub use toolset::Toolset;
pub(crate) use toolset::parse as parse_toolsets;
