//! A file from a hub, which redirects to a store on another host: the one exception to "no redirect to another host".

use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

use crate::error::Cause;
use crate::spec::Effect;

use super::exchange::{MOST_REDIRECTS, redirected};
use super::retry::{self, Advice};
use super::{Client, connection, is_loopback, path};

/// What is wanted of a hub.
pub(crate) struct Wanted<'a> {
    /// Where it is.
    pub(crate) url: Url,
    /// Goes to the host of that address, and to no other.
    pub(crate) key: Option<&'a SecretString>,
    /// The most bytes that are read.
    pub(crate) most: usize,
    /// When all tries must have ended.
    pub(crate) deadline: Instant,
}

/// What a hub answered: a file, or why not.
pub(crate) struct Fetched {
    pub(crate) status: u16,
    /// The commit that the file is of.
    pub(crate) commit: Option<String>,
    /// The hub's own name for a refusal.
    pub(crate) refusal: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Asks a hub for a file, again after faults that pass.
    pub(crate) async fn fetch(&self, wanted: &Wanted<'_>) -> Result<Fetched, Cause> {
        for tries in 1.. {
            let tried = timeout_at(wanted.deadline, self.try_to_fetch(wanted));
            let (cause, advice) = match tried.await {
                Ok(Ok(fetched)) => return Ok(fetched),
                Ok(Err(failed)) => failed,
                Err(_) => return Err(Cause::Timeout(Duration::ZERO)),
            };
            let known = retry::Known {
                effect: Effect::Read,
                key: false,
                tries,
            };
            let wait = retry::wait(known, &cause, advice, self.limits.retry_wait);
            match wait.filter(|wait| Instant::now() + *wait < wanted.deadline) {
                Some(wait) => sleep(wait).await,
                None => return Err(cause),
            }
        }
        Err(Cause::Truncated)
    }

    async fn try_to_fetch(&self, wanted: &Wanted<'_>) -> Result<Fetched, (Cause, Advice)> {
        let plain = |cause| (cause, Advice::default());
        let (mut response, of_hub) = self.follow_to_store(wanted).await.map_err(plain)?;
        let status = response.status().as_u16();
        info!(
            host = path::host(response.url()),
            path = wanted.url.path(),
            status,
            "hub"
        );
        let advice = Advice::read(response.headers(), SystemTime::now());
        let cause = Cause::Status {
            status,
            message: String::new(),
            wait: advice.wait,
        };
        if cause.passing() {
            return Err((cause, advice));
        }
        let said = |name: &str| of_hub.get(name)?.to_str().ok().map(str::to_owned);
        let (commit, refusal) = (said("x-repo-commit"), said("x-error-code"));
        let mut held = self.room.held();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| plain(Cause::Truncated))? {
            held.grow(chunk.len()).map_err(plain)?;
            if body.len() + chunk.len() > wanted.most {
                return Err(plain(Cause::TooLarge(wanted.most)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            status,
            commit,
            refusal,
            body,
        })
    }

    /// The last answer, and the headers that the hub itself sent on the way there.
    async fn follow_to_store(&self, wanted: &Wanted<'_>) -> Result<(Response, HeaderMap), Cause> {
        let hub = wanted.url.origin();
        let (mut url, mut of_hub) = (wanted.url.clone(), HeaderMap::new());
        for _ in 0..=MOST_REDIRECTS {
            let client = self.http.client(&url).map_err(|why| Cause::Tls(why.to_owned()))?;
            let mut request = client.get(url.clone());
            if let Some(key) = wanted.key.filter(|_| url.origin() == hub) {
                request = request.header(AUTHORIZATION, bearer(key)?);
            }
            let response = request.send().await.map_err(|error| connection::cause(&error))?;
            if url.origin() == hub {
                of_hub.extend(response.headers().clone());
            }
            let Some(target) = redirected(&url, &response)? else {
                return Ok((response, of_hub));
            };
            let is_safe = target.scheme() == "https"
                || target.scheme() == "http" && is_loopback(&target) && is_loopback(&wanted.url);
            if !is_safe {
                let place = target.origin().ascii_serialization();
                return Err(Cause::Redirect(format!("{place}, which is not https")));
            }
            url = target;
        }
        Err(Cause::Redirect("itself, again and again".to_owned()))
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue, Cause> {
    let value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
    let mut value = value.map_err(|_| Cause::Unexpected("a key that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}
