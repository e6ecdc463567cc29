//! The MCP server: what clients see, and how a call reaches its handler.

pub(crate) mod instructions;
pub(crate) mod names;
pub(crate) mod offer;
mod prompts;
mod resources;
pub(crate) mod serve;
pub(crate) mod server;
pub(crate) mod tool;
pub(crate) mod transport;
