//! The MCP server: what clients see, and how a call reaches its handler.

pub mod instructions;
pub mod offer;
pub mod serve;
pub mod server;
pub mod tool;
pub mod transport;
