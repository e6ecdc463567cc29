//! The real binary over stdio, against services on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]
#![allow(
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "tables of cases are long, and `json!` makes values"
)]
#![allow(unreachable_pub, reason = "a test crate exports nothing")]
#![cfg_attr(
    not(feature = "sandbox"),
    allow(dead_code, unused_imports, reason = "the tests with the sandbox use the rest")
)]

mod activity;
#[cfg(feature = "sandbox")]
mod agent;
mod arguments;
mod batches;
mod body_path;
mod bounds;
#[cfg(feature = "sandbox")]
mod by_hand;
mod cli;
mod contract;
mod course;
#[cfg(feature = "text")]
mod curves;
#[cfg(feature = "sandbox")]
mod demo;
mod downloads;
mod faults;
mod generated;
#[cfg(feature = "text")]
mod grading;
mod hosts;
#[cfg(feature = "http")]
mod http;
mod journeys;
mod layers;
mod listing;
mod mistakes;
mod model_resources;
mod offer;
mod parting;
mod payloads;
#[cfg(all(unix, feature = "sandbox"))]
mod picture;
#[cfg(target_os = "linux")]
mod pipes;
mod prompts;
mod protocol;
mod random;
mod readable;
mod readme;
mod redaction;
mod resources;
#[cfg(feature = "http")]
mod rest;
mod results;
#[cfg(target_os = "linux")]
mod room;
mod run_configs;
#[cfg(feature = "text")]
mod sampling;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "sandbox")]
mod sandbox_server;
mod secrets;
mod skill;
mod support;
#[cfg(feature = "text")]
mod text;
#[cfg(feature = "sandbox")]
mod training;
mod waiting;
mod watching;
