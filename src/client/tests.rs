use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;
use tokio::time::Instant;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Asker, Client, Limits, Outgoing};
use crate::error::{Cause, ToolError};
use crate::redact::Redactor;
use crate::spec::{CREATE_MODEL_RESOURCE, GET_TRAINING_SESSION, Service, Spec};

fn client() -> Client {
    let redactor = Arc::<Redactor>::default();
    redactor.add("sk-0123456789abcdef");
    let limits = Limits {
        max_concurrency: 1,
        retry_wait: Duration::ZERO,
    };
    Client::new(limits, redactor)
}

fn asker(tool: &'static Spec) -> Asker {
    Asker {
        tool,
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

fn outgoing(spec: &'static Spec, server: &MockServer) -> Outgoing {
    Outgoing {
        spec,
        service: Service::Together,
        method: spec.method,
        effect: spec.effect,
        url: Url::parse(&server.uri()).unwrap(),
        headers: HeaderMap::new(),
        body: None,
        idempotency_key: None,
        key_is_known: false,
        store: false,
        as_written: false,
        relay: None,
    }
}

#[tokio::test]
async fn what_only_looks_is_repeated_and_its_answer_holds_no_keys() {
    let server = MockServer::start().await;
    let failure = Mock::given(method("GET")).respond_with(ResponseTemplate::new(503));
    failure.up_to_n_times(1).expect(1).mount(&server).await;
    let answer = ResponseTemplate::new(200).set_body_string(r#"{"a": "sk-0123456789abcdef"}"#);
    let success = Mock::given(method("GET")).respond_with(answer);
    success.expect(1).mount(&server).await;
    let row = &GET_TRAINING_SESSION;
    let answer = client().exchange(asker(row), &outgoing(row, &server)).await;
    assert_eq!(answer.unwrap(), (200, r#"{"a":"[redacted]"}"#.to_owned()));
}

#[tokio::test]
async fn what_adds_something_is_sent_once_and_its_failure_names_the_tool() {
    let server = MockServer::start().await;
    let failure = Mock::given(method("POST")).respond_with(ResponseTemplate::new(500));
    failure.expect(1).mount(&server).await;
    let row = &CREATE_MODEL_RESOURCE;
    let failed = client().exchange(asker(row), &outgoing(row, &server)).await;
    let Err(ToolError::Call(failure)) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!((failure.tool, failure.tries), (row.name, 1));
    assert!(matches!(failure.cause, Cause::Status { status: 500, .. }));
    assert!(failure.outcome_is_unknown());
}
