//! `rl-mcp serve`: which adapters, and where.

use std::net::{IpAddr, Ipv4Addr};

use clap::{ArgGroup, Args};

use crate::http::Places;

/// The adapters, and where they listen.
#[derive(Args, Clone)]
#[command(group = ArgGroup::new("served").args(["mcp", "rest"]).required(true).multiple(true))]
pub struct Adapters {
    /// Serve MCP (Streamable HTTP, at / and /mcp) on this port. Without a number 9090; 0: any free port.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "9090")]
    mcp: Option<u16>,

    /// Serve REST on this port; /openapi.json describes it. Without a number 8080; 0: any free port.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "8080")]
    rest: Option<u16>,

    /// The address to listen on. Any but loopback needs a token in RL_MCP_HTTP_TOKEN.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,

    /// A name, besides those of loopback, by which this machine may be called; can be given several times.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
}

impl Adapters {
    /// Where to serve what.
    #[must_use]
    pub(crate) fn places(&self) -> Places {
        Places {
            mcp: self.mcp,
            rest: self.rest,
            bind: self.bind,
            allowed_hosts: self.allow_host.clone(),
        }
    }
}
