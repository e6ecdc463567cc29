//! One request and its answer, with tries, deadlines and limits.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, Url};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

use crate::error::{Cause, Failure, Reached, ToolError};
use crate::spec::{Effect, Method, Service, Spec};
use crate::work;

use super::door::Door;
use super::room::Held;
use super::{Asker, Client, Heard, Relay, connection, path, retry};

/// A request that is sent with less time than this would end as one whose outcome is unknown.
const LEAST_TIME: Duration = Duration::from_millis(100);
/// What a try leaves for the next one at the most.
const RESERVE: Duration = Duration::from_secs(10);
/// The longest chain of redirects that is followed.
pub(super) const MOST_REDIRECTS: usize = 5;

/// A request as it goes out.
pub(crate) struct Outgoing {
    pub(crate) spec: &'static Spec,
    pub(crate) service: Service,
    pub(crate) method: Method,
    pub(crate) effect: Effect,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) idempotency_key: Option<String>,
    /// Whether the caller gave the key: to repeat a call whose answer was lost.
    pub(crate) key_is_known: bool,
    /// Whether it goes to a presigned URL, beside the service.
    pub(crate) store: bool,
    /// Whether the caller cleans the answer itself, and takes keys out of it after that.
    pub(crate) as_written: bool,
    /// Where the answer is kept as it came, for a caller that passes it on.
    pub(crate) relay: Option<Arc<Relay>>,
}

impl Outgoing {
    pub(crate) fn failure(&self, tool: &Spec, cause: Cause, tries: u32, perhaps_done: bool) -> ToolError {
        ToolError::Call(Box::new(Failure {
            tool: tool.name,
            spec: self.spec,
            service: self.service,
            host: path::host(&self.url),
            cause,
            tries,
            perhaps_done,
            key_is_known: self.key_is_known,
            store: self.store,
            idempotency_key: self.idempotency_key.clone(),
            next: None,
        }))
    }
}

impl Client {
    /// Sends `outgoing` until there is an answer, a refusal, or no more time. The answer is compact JSON text.
    pub(crate) async fn exchange(&self, asker: Asker, outgoing: &Outgoing) -> Result<Answer, ToolError> {
        let started = Instant::now();
        let mut line = LogLine {
            tool: asker.tool.name,
            outgoing,
            started,
            tries: 0,
            status: None,
        };
        let mut perhaps_done = false;
        let mut before = None;
        let result = loop {
            line.tries += 1;
            let (cause, advice) = match (self.attempt(asker, outgoing).await, before.take()) {
                (Ok(answer), _) => break Ok(answer),
                // No time was left for this try: what the one before came to says more.
                (Err((Cause::Busy(_), _)), Some(before)) => {
                    line.tries -= 1;
                    break Err(before);
                }
                (Err(failed), _) => failed,
            };
            perhaps_done |= cause.reached() == Reached::Perhaps;
            let first_wait = self.limits.retry_wait;
            let known = retry::Known {
                effect: outgoing.effect,
                key: outgoing.key_is_known || perhaps_done,
                tries: line.tries,
            };
            let next = retry::wait(known, &cause, advice, first_wait)
                .map(|wait| Instant::now() + wait)
                .filter(|next| *next + LEAST_TIME < asker.deadline);
            let Some(next) = next else {
                break Err(cause);
            };
            tracing::debug!(tool = asker.tool.name, tries = line.tries, ?cause, "trying again");
            before = Some(cause);
            sleep(next - Instant::now()).await;
        };
        // What counts for the caller is how long the call took in all.
        let result = result.map_err(|cause| match cause {
            Cause::Timeout(_) => Cause::Timeout(started.elapsed()),
            cause => cause,
        });
        line.status = Some(status(&result));
        result.map_err(|cause| outgoing.failure(asker.tool, cause, line.tries, perhaps_done))
    }

    async fn attempt(&self, asker: Asker, outgoing: &Outgoing) -> Result<Answer, Failed> {
        let ends = asker.tool.ends || outgoing.spec.ends;
        let places = self.permits.of(outgoing.service, ends);
        let Ok(permit) = timeout_at(asker.deadline, places.acquire()).await else {
            return Err(without_advice(Cause::Busy(self.limits.max_concurrency)));
        };
        // The semaphore is never closed; if it were, the request would go unbounded rather than unanswered.
        let _permit = permit.ok();
        let started = Instant::now();
        let left = asker.deadline.saturating_duration_since(started);
        if left < LEAST_TIME {
            return Err(without_advice(Cause::Busy(self.limits.max_concurrency)));
        }
        let limit = started + patience(outgoing.effect, left);
        match timeout_at(limit, self.answer(outgoing)).await {
            Ok(answered) => answered,
            Err(_) => Err(without_advice(Cause::Timeout(limit - started))),
        }
    }

    async fn answer(&self, outgoing: &Outgoing) -> Result<Answer, Failed> {
        let relay = outgoing.relay.as_deref();
        if let Some(relay) = relay {
            relay.hear(None);
        }
        let response = self.follow(outgoing).await.map_err(without_advice)?;
        let status = response.status();
        let headers = response.headers().clone();
        let mut held = self.room.held();
        let body = match read(response, &mut held).await {
            // A refusal stays one, even if its words are lost.
            Err(_) if !status.is_success() => Vec::new(),
            body => body.map_err(without_advice)?,
        };
        if status.is_success() && outgoing.store && outgoing.method == Method::Put {
            // Object stores answer uploads in their own ways; the status says it all.
            return Ok((status.as_u16(), String::new()));
        }
        let silent = body.iter().all(u8::is_ascii_whitespace);
        if status.is_success()
            && silent
            && outgoing.method == Method::Post
            && outgoing.service == Service::Together
        {
            // Every POST of this service answers with an object; without one nobody knows what came of it.
            return Err(without_advice(Cause::Truncated));
        }
        let door = Door {
            redactor: Arc::clone(&self.redactor),
            secret: outgoing.spec.secret,
            as_written: outgoing.as_written,
        };
        let broken_off = |error: ToolError| without_advice(Cause::Broken(error.to_string()));
        let relays = relay.is_some();
        let pass_on = |body: Option<Vec<u8>>| {
            if let (Some(relay), Some(body)) = (relay, body) {
                relay.hear(Some(Heard {
                    status: status.as_u16(),
                    retry_after: headers.get(RETRY_AFTER).cloned(),
                    body: body.into(),
                }));
            }
        };
        if status.is_success() {
            let read = work::over(body.len(), move || {
                let _held = held;
                let as_it_came = relays.then(|| door.as_it_came(&body));
                (as_it_came, door.success(body))
            });
            let (as_it_came, text) = read.await.map_err(broken_off)?;
            let text = text.map_err(|why| without_advice(why.cause(kind(&headers))))?;
            pass_on(as_it_came);
            return Ok((status.as_u16(), text));
        }
        let mut advice = retry::Advice::read(&headers, SystemTime::now());
        if outgoing.service == Service::Prime {
            // The header is part of the other service's rules alone; here it would start a second run.
            advice.retry = None;
        }
        let read = work::over(body.len(), move || {
            let _held = held;
            let as_it_came = relays.then(|| door.as_it_came(&body));
            (as_it_came, door.refusal(body))
        });
        // Its words are not worth a failure of another kind.
        let (as_it_came, message) = read.await.unwrap_or_default();
        pass_on(as_it_came);
        let cause = Cause::Status {
            status: status.as_u16(),
            message,
            wait: advice.wait,
        };
        Err((cause, advice))
    }

    /// Sends the request, and again to where it is redirected as long as that is the same host.
    pub(crate) async fn follow(&self, outgoing: &Outgoing) -> Result<Response, Cause> {
        let mut url = outgoing.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let client = self.http.client(&url).map_err(|why| Cause::Tls(why.to_owned()))?;
            let method = match outgoing.method {
                Method::Get => reqwest::Method::GET,
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
                Method::Patch => reqwest::Method::PATCH,
                Method::Delete => reqwest::Method::DELETE,
            };
            let mut request = client
                .request(method, url.clone())
                .headers(outgoing.headers.clone());
            if let Some(body) = &outgoing.body {
                request = request.body(body.clone());
            } else if matches!(outgoing.method, Method::Post | Method::Put) {
                request = request.header(CONTENT_LENGTH, 0);
            }
            let response = request.send().await.map_err(|error| connection::cause(&error))?;
            let status = response.status().as_u16();
            let Some(target) = redirected(&url, &response)? else {
                return Ok(response);
            };
            // 301 to 303 turn other methods into a GET, which would say that something was done that was not.
            if outgoing.method != Method::Get && status < 307 {
                return Err(Cause::Redirect(format!(
                    "another address with HTTP {status}, which would turn the {} into a GET",
                    outgoing.method.as_str()
                )));
            }
            if target.origin() != outgoing.url.origin() {
                let place = target.origin().ascii_serialization();
                return Err(Cause::Redirect(format!(
                    "{place}, which is not followed: the key stays with its host"
                )));
            }
            url = target;
        }
        Err(Cause::Redirect("itself, again and again".to_owned()))
    }
}

/// Where an answer of `url` sends its request on to; `None`: it is an answer.
pub(super) fn redirected(url: &Url, response: &Response) -> Result<Option<Url>, Cause> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION);
    let target = location.and_then(|location| url.join(location.to_str().ok()?).ok());
    target
        .map(Some)
        .ok_or_else(|| Cause::Redirect("nowhere".to_owned()))
}

/// The line of the log that each request gets; one that is dropped half-way gets it too.
struct LogLine<'a> {
    tool: &'static str,
    outgoing: &'a Outgoing,
    started: Instant,
    tries: u32,
    status: Option<String>,
}

impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        info!(
            tool = self.tool,
            method = self.outgoing.method.as_str(),
            path = self.outgoing.url.path(),
            status = self.status.as_deref().unwrap_or("cancelled"),
            tries = self.tries,
            ms = self.started.elapsed().as_millis(),
            "upstream"
        );
    }
}

/// A success: the HTTP status and the JSON text.
pub(crate) type Answer = (u16, String);

/// The status for the log: a number, or what came instead of an answer.
fn status(result: &Result<Answer, Cause>) -> String {
    match result {
        Ok((status, _)) | Err(Cause::Status { status, .. }) => status.to_string(),
        Err(cause) => cause.name().to_owned(),
    }
}

type Failed = (Cause, retry::Advice);

fn without_advice(cause: Cause) -> Failed {
    (cause, retry::Advice::default())
}

/// How long one try may take. What may be repeated leaves some time for another try.
fn patience(effect: Effect, left: Duration) -> Duration {
    if effect.repeatable() {
        left.saturating_sub(RESERVE.min(left / 3))
    } else {
        left
    }
}

/// What an answer calls itself, for people.
fn kind(headers: &HeaderMap) -> String {
    let said = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = said(CONTENT_TYPE).unwrap_or("no content type");
    match said(CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
        Some(coding) => format!("{kind}, in the coding {coding}, which was not asked for"),
        None => kind.to_owned(),
    }
}

async fn read(mut response: Response, held: &mut Held) -> Result<Vec<u8>, Cause> {
    let announced = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    Held::check(announced)?;
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                held.grow(chunk.len())?;
                if body.is_empty() {
                    body.reserve_exact(announced.max(chunk.len()));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(body),
            Err(_) => return Err(Cause::Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_repeated_leaves_time_for_another_try_and_has_most_of_it_itself() {
        let seconds = Duration::from_secs;
        for effect in [Effect::Read, Effect::Submit] {
            assert_eq!(patience(effect, seconds(3)), seconds(2));
            assert_eq!(patience(effect, seconds(50)), seconds(40));
        }
        assert_eq!(patience(Effect::Add, seconds(3)), seconds(3));
    }
}
