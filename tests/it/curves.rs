//! Curves as pictures, for models that see images.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::{Place, Server};

/// The picture in an answer's content.
pub fn picture(answer: &Value) -> Vec<u8> {
    let content = answer["result"]["content"].as_array().unwrap();
    assert_eq!(content[0]["type"], "text", "{answer}");
    assert_eq!(content[1]["type"], "image", "{answer}");
    assert_eq!(content[1]["mimeType"], "image/png");
    assert!(answer["result"].get("structuredContent").is_none());
    BASE64_STANDARD
        .decode(content[1]["data"].as_str().unwrap())
        .unwrap()
}

/// Its size, in pixels.
pub fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

async fn drawn(server: &mut Server, arguments: Value) -> Value {
    let call = json!({"name": "prime-intellect-getrunmetrics", "arguments": arguments});
    server.request("tools/call", call).await
}

#[tokio::test]
async fn the_metrics_of_a_run_are_drawn_if_somebody_wants_that() {
    let rows: Vec<Value> = (0..500)
        .map(|step| json!({"step": step, "reward/mean": f64::from(step) / 500.0, "loss/mean": "0.5", "time": null}))
        .collect();
    let mut place = Place::answering(vec![json!({"metrics": rows}); 4]).await;
    let answer = drawn(&mut place.server, json!({"run_id": "r", "curve": true})).await;
    assert_eq!(size(&picture(&answer)), (900, 500));
    let both = json!({"run_id": "r", "curve": true, "columns": ["reward/mean", "loss/mean"]});
    let both = drawn(&mut place.server, both).await;
    assert_ne!(picture(&both), picture(&answer));
    // Without the wish, and without numbers, there is none.
    for arguments in [
        json!({"run_id": "r"}),
        json!({"run_id": "r", "curve": true, "columns": ["time"]}),
    ] {
        let answer = drawn(&mut place.server, arguments).await;
        assert_eq!(answer["result"]["content"].as_array().unwrap().len(), 1);
    }
}
