//! Both sides, doing the same in turns.

use std::time::Duration;

use crate::Result;
use crate::client::{Expected, Server, Tool};
use crate::plain::{Plain, Request};
use crate::processor::Work;
use crate::report;
use crate::texts;
use crate::upstream::Upstream;

/// A call in the forms of both sides.
pub(crate) struct Call {
    tool: Tool,
    request: Request,
}

impl Call {
    /// A small request with a small answer, without waiting: the answer goes out as it came.
    pub(crate) fn session(upstream: &Upstream) -> Result<Self> {
        let arguments = format!(r#"{{"session_id":"{}","wait_seconds":0}}"#, texts::SESSION_ID);
        let expected = Expected::Text(texts::SESSION.to_owned());
        Self::get_session(upstream, &arguments, expected)
    }

    /// The same as a host calls it.
    pub(crate) fn default_session(upstream: &Upstream) -> Result<Self> {
        let arguments = format!(r#"{{"session_id":"{}"}}"#, texts::SESSION_ID);
        let status = r#""status":"TRAINING_SESSION_STATUS_RUNNING""#.to_owned();
        let expected = Expected::Parts(vec![status, r#""waited_seconds":"#.to_owned()]);
        Self::get_session(upstream, &arguments, expected)
    }

    fn get_session(upstream: &Upstream, arguments: &str, expected: Expected) -> Result<Self> {
        Ok(Self {
            request: Request::get(&session_url(upstream), texts::SESSION)?,
            tool: Tool::new("get-training-session", arguments, expected),
        })
    }

    /// A small request with the answer `result`, which goes out whole.
    pub(crate) fn result(upstream: &Upstream, result: String) -> Result<Self> {
        let options = r#","wait_seconds":0,"output":"full""#;
        Self::get_result(
            upstream,
            texts::WHOLE_ID,
            options,
            &result.clone(),
            Expected::Text(result),
        )
    }

    /// The same as a host calls it: the answer is stored and summed up.
    pub(crate) fn default_result(upstream: &Upstream, result: &str) -> Result<Self> {
        let parts = [
            r#""mean_token_count":384.0"#,
            r#""mean_logprob":-"#,
            r#""file":""#,
        ];
        let expected = Expected::Parts(parts.map(str::to_owned).to_vec());
        Self::get_result(upstream, texts::OPERATION_ID, "", result, expected)
    }

    fn get_result(
        upstream: &Upstream,
        operation: &str,
        options: &str,
        result: &str,
        expected: Expected,
    ) -> Result<Self> {
        let session = texts::SESSION_ID;
        let arguments = format!(r#"{{"session_id":"{session}","operation_id":"{operation}"{options}}}"#);
        let url = format!("{}/operations/sample/{operation}", session_url(upstream));
        Ok(Self {
            request: Request::get(&url, result)?,
            tool: Tool::new("get-sample-operation", &arguments, expected),
        })
    }

    /// The request `batch` with a small answer.
    pub(crate) fn batch(upstream: &Upstream, batch: String) -> Result<Self> {
        let arguments = format!(
            r#"{{"session_id":"{}","wait_seconds":0,"body":{batch}}}"#,
            texts::SESSION_ID
        );
        let url = format!("{}/operations/forward-backward", session_url(upstream));
        Ok(Self {
            request: Request::post(&url, batch, texts::ACCEPTED)?,
            tool: Tool::new(
                "forward-backward-pass",
                &arguments,
                Expected::Text(texts::ACCEPTED.to_owned()),
            ),
        })
    }
}

fn session_url(upstream: &Upstream) -> String {
    upstream.url(&format!("/v1/rl/training-sessions/{}", texts::SESSION_ID))
}

/// What one round found for both sides: seconds, or calls per second.
pub(crate) struct Both {
    pub(crate) server: f64,
    pub(crate) plain: f64,
}

/// What one round found with many calls under way.
pub(crate) struct Flood {
    pub(crate) per_second: Both,
    pub(crate) shares: Option<Shares>,
}

/// What part of the time the participants were at work while the server was called.
pub(crate) struct Shares {
    pub(crate) server: f64,
    /// Ready to work, but no processor was free.
    pub(crate) server_waiting: f64,
    pub(crate) client: f64,
    pub(crate) upstream: f64,
    /// Processor time of the server for each call, in seconds.
    pub(crate) server_per_call: f64,
}

/// The two sides and the upstream of both.
pub(crate) struct Pair<'a> {
    pub(crate) server: Server,
    pub(crate) plain: Plain,
    pub(crate) upstream: &'a Upstream,
}

impl Pair<'_> {
    /// A plain rmcp server in place of ours.
    pub(crate) fn with_peer(
        &mut self,
        peer: &mut Server,
        measure: impl FnOnce(&mut Self) -> Result<Both>,
    ) -> Result<Both> {
        std::mem::swap(&mut self.server, peer);
        let both = measure(self);
        std::mem::swap(&mut self.server, peer);
        both
    }

    /// One call at a time: `each` calls of the server, then as many of the plain loop, all that `turns` times.
    pub(crate) fn take_turns(&mut self, turns: usize, each: usize, call: &mut Call) -> Result<Both> {
        self.take_turns_and(turns, each, call, || Ok(()))
    }

    /// The same with something to do after each call of the server, which does not count.
    pub(crate) fn take_turns_and(
        &mut self,
        turns: usize,
        each: usize,
        call: &mut Call,
        mut after: impl FnMut() -> Result<()>,
    ) -> Result<Both> {
        let (mut through_server, mut plainly) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            let start = self.upstream.served();
            for _ in 0..each {
                through_server.push(self.server.call(&mut call.tool)?);
                after()?;
            }
            let middle = self.upstream.served();
            plainly.extend(self.plain.calls(&call.request, each)?);
            let end = self.upstream.served();
            if end.since(middle) != middle.since(start) {
                let (server, plain) = (middle.since(start), end.since(middle));
                return Err(format!("the two sides did not send the same: {server:?}, {plain:?}").into());
            }
        }
        Ok(Both {
            server: report::median(&through_server),
            plain: report::median(&plainly),
        })
    }

    /// `calls` calls of each side, `in_flight` of them at once.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn flood(&mut self, calls: usize, in_flight: usize, call: &mut Call) -> Result<Flood> {
        // The connections come about before the clock runs.
        self.server.flood(&mut call.tool, in_flight, in_flight)?;
        self.plain.flood(&call.request, in_flight, in_flight)?;
        let before = self.works();
        let through_server = self.server.flood(&mut call.tool, calls, in_flight)?;
        let after = self.works();
        let plainly = self.plain.flood(&call.request, calls, in_flight)?;
        let rate = |time: Duration| calls as f64 / time.as_secs_f64();
        let shares = before.zip(after).map(|(before, after)| {
            let share = |work: Duration| work.as_secs_f64() / through_server.as_secs_f64();
            let server = after.server - before.server;
            Shares {
                server: share(server.running),
                server_waiting: share(server.waiting),
                client: share((after.client - before.client).running),
                upstream: share((after.upstream - before.upstream).running),
                server_per_call: server.running.as_secs_f64() / calls as f64,
            }
        });
        Ok(Flood {
            per_second: Both {
                server: rate(through_server),
                plain: rate(plainly),
            },
            shares,
        })
    }

    fn works(&self) -> Option<Works> {
        Some(Works {
            server: Work::of_process(self.server.id())?,
            client: Work::of_this_thread()?,
            upstream: self.upstream.work()?,
        })
    }
}

/// Processor time so far.
struct Works {
    server: Work,
    client: Work,
    upstream: Work,
}
