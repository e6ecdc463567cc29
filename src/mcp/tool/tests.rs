use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::model::{CallToolResult, RequestId};
use rmcp::service::{RequestContext, RoleServer};
use serde::Deserialize;
use tokio::time::Instant;

use super::adapter::Offered;
use super::*;
use crate::config::Config;
use crate::context::Context;
use crate::spec::LIST_RUNS;

#[derive(Deserialize, JsonSchema)]
struct NoArgs {}

struct Panics;

impl Handler for Panics {
    const SPEC: &'static Spec = &LIST_RUNS;
    type Args = NoArgs;

    async fn call(_: NoArgs, _: &Call<'_>) -> Result<Reply, ToolError> {
        panic!("index 3 out of bounds");
    }
}

struct Hangs;

impl Handler for Hangs {
    const SPEC: &'static Spec = &LIST_RUNS;
    type Args = NoArgs;

    async fn call(_: NoArgs, _: &Call<'_>) -> Result<Reply, ToolError> {
        std::future::pending().await
    }
}

struct Nobody;

impl ServerHandler for Nobody {}

fn shared() -> Arc<Context> {
    let config = Config::read(|_| None).unwrap();
    Arc::new(Context::new(config, Arc::default(), &[]))
}

/// A request whose peer is connected to nobody, and the other end of its wire.
fn context() -> (RequestContext<RoleServer>, tokio::io::DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let running = rmcp::service::serve_directly::<RoleServer, _, _, _, _>(Nobody, ours, None);
    let request = RequestContext::new(RequestId::Number(1), running.peer().clone());
    std::mem::forget(running);
    (request, theirs)
}

fn text(result: &CallToolResult) -> String {
    assert_eq!(result.is_error, Some(true));
    result
        .content
        .first()
        .and_then(|block| block.as_text())
        .unwrap()
        .text
        .clone()
}

#[tokio::test]
async fn a_panic_becomes_an_error_of_the_tool() {
    static ENTRY: Entry = Entry::of::<Panics>();
    let (request, _wire) = context();
    let result = Offered::new(&ENTRY, crate::tools::TOOLS.others)
        .call(&shared(), "{}", &request)
        .await;
    assert!(
        text(&result).contains("rl-mcp itself failed: index 3 out of bounds"),
        "{result:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends_is_ended() {
    static ENTRY: Entry = Entry::of::<Hangs>();
    let (request, _wire) = context();
    let started = Instant::now();
    let result = Offered::new(&ENTRY, crate::tools::TOOLS.others)
        .call(&shared(), "{}", &request)
        .await;
    assert!(text(&result).contains("No result within 50 s"), "{result:?}");
    assert_eq!(started.elapsed(), Duration::from_secs(55));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_host_that_asked_for_progress_hears_every_ten_seconds() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    static ENTRY: Entry = Entry::of::<Hangs>();
    let (mut request, wire) = context();
    request
        .meta
        .set_progress_token(rmcp::model::ProgressToken(RequestId::Number(7)));
    Offered::new(&ENTRY, crate::tools::TOOLS.others)
        .call(&shared(), "{}", &request)
        .await;
    let mut lines = BufReader::new(wire).lines();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let line: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(line["params"]["progressToken"], 7);
        seen.push(line["params"]["progress"].as_f64().unwrap().round());
    }
    assert_eq!(seen, [10.0, 20.0, 30.0, 40.0, 50.0]);
}
