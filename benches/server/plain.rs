//! The plain loop: the same HTTP calls without a server in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use tokio::task::JoinSet;

use crate::Result;

/// A request that is made many times.
#[derive(Clone)]
pub(crate) struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
    /// The length of the answer.
    expected: usize,
}

impl Request {
    /// A `GET` that is answered with `expected`.
    pub(crate) fn get(url: &str, expected: &str) -> Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            HeaderValue::from_static("Bearer bench-key-0123456789"),
        );
        Ok(Self {
            method: Method::GET,
            url: Url::parse(url)?,
            headers,
            body: None,
            expected: expected.len(),
        })
    }

    /// A `POST` of `body` that is answered with `expected`.
    pub(crate) fn post(url: &str, body: String, expected: &str) -> Result<Self> {
        let mut request = Self::get(url, expected)?;
        request.method = Method::POST;
        request.body = Some(body.into());
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers.insert(
            HeaderName::from_static("idempotency-key"),
            HeaderValue::from_static("4f9c1b1e-8f0e-4f0e-9d6e-1c7f5d2b3a40"),
        );
        Ok(request)
    }

    /// The same, for an answer of one of these kinds.
    #[allow(dead_code, reason = "only one of two benchmarks needs it")]
    pub(crate) fn accepting(mut self, kinds: &'static str) -> Self {
        self.headers.insert(ACCEPT, HeaderValue::from_static(kinds));
        self
    }
}

/// A connection pool like that of the server.
pub(crate) struct Plain {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Plain {
    pub(crate) fn new() -> Result<Self> {
        // Where one is installed already, that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            client: Client::builder()
                .user_agent("rl-mcp/bench")
                .connect_timeout(Duration::from_secs(10))
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()?,
        })
    }

    /// Makes `calls` calls, one after the other, and returns how long each took.
    pub(crate) fn calls(&self, request: &Request, calls: usize) -> Result<Vec<Duration>> {
        self.runtime.block_on(async {
            let mut times = Vec::with_capacity(calls);
            for _ in 0..calls {
                let started = Instant::now();
                let answer = exchange(&self.client, request).await?;
                times.push(started.elapsed());
                check(&answer, request)?;
            }
            Ok(times)
        })
    }

    /// Makes `calls` calls, `in_flight` of them at once, and returns how long that took.
    pub(crate) fn flood(&self, request: &Request, calls: usize, in_flight: usize) -> Result<Duration> {
        self.runtime.block_on(async {
            let (client, request) = (self.client.clone(), Arc::new(request.clone()));
            let mut workers = JoinSet::new();
            let started = Instant::now();
            for worker in 0..in_flight {
                let (client, request) = (client.clone(), request.clone());
                let share = (calls + worker) / in_flight;
                workers.spawn(async move {
                    for _ in 0..share {
                        let answer = exchange(&client, &request)
                            .await
                            .map_err(|error| error.to_string())?;
                        check(&answer, &request)?;
                    }
                    Ok::<(), String>(())
                });
            }
            while let Some(ended) = workers.join_next().await {
                ended??;
            }
            Ok(started.elapsed())
        })
    }
}

async fn exchange(client: &Client, request: &Request) -> reqwest::Result<Bytes> {
    let mut building = client
        .request(request.method.clone(), request.url.clone())
        .headers(request.headers.clone());
    if let Some(body) = &request.body {
        building = building.body(body.clone());
    }
    building.send().await?.error_for_status()?.bytes().await
}

fn check(answer: &Bytes, request: &Request) -> std::result::Result<(), String> {
    if answer.len() == request.expected {
        Ok(())
    } else {
        Err(format!("{} answered {} bytes", request.url, answer.len()))
    }
}
