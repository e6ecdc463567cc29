//! When to try again, and how long to wait before.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::error::{Cause, Reached};
use crate::spec::Effect;

/// Tries of one request in all.
pub(crate) const MOST_TRIES: u32 = 8;
/// Tries when no connection comes about: somebody is waiting, and a refused port seldom opens within a minute.
const MOST_TRIES_UNREACHABLE: u32 = 4;
/// A longer wait than this is not the service's to ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the service says about trying again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Advice {
    /// `x-should-retry`: `false` forbids another try; `true` asks for one, which only a call that may be repeated gets.
    pub retry: Option<bool>,
    /// `retry-after-ms` or `Retry-After`.
    pub wait: Option<Duration>,
}

impl Advice {
    /// Reads the headers of an answer that came at `now`.
    #[must_use]
    pub(crate) fn read(headers: &HeaderMap, now: SystemTime) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::trim)
        };
        let retry = match text("x-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        let milliseconds = text("retry-after-ms")
            .and_then(|text| text.parse().ok())
            .map(|milliseconds: f64| milliseconds / 1000.0);
        let seconds = milliseconds.or_else(|| {
            let text = text(RETRY_AFTER.as_str())?;
            text.parse().ok().or_else(|| {
                let date = httpdate::parse_http_date(text).ok()?;
                Some(date.duration_since(now).ok()?.as_secs_f64())
            })
        });
        let wait = seconds
            .filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST_WAIT.as_secs_f64())
            .map(Duration::from_secs_f64);
        Self { retry, wait }
    }
}

/// What is known of a request when a try has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// What it does.
    pub effect: Effect,
    /// Whether the service may know its idempotency key from an earlier try.
    pub key: bool,
    /// Tries so far.
    pub tries: u32,
}

/// How long to wait before the next try; `None` when there is none. `first_wait` is the wait before the first retry.
#[must_use]
pub(crate) fn wait(known: Known, cause: &Cause, advice: Advice, first_wait: Duration) -> Option<Duration> {
    let Known { effect, key, tries } = known;
    let sensible = match cause.reached() {
        Reached::Nothing => cause.passing(),
        // The first try of the key may still be on its way.
        Reached::Refused => effect == Effect::Submit && key && cause.is_conflict(),
        Reached::Perhaps => cause.passing() && effect.repeatable(),
    };
    let allowed = match advice.retry {
        // The service may forbid any repetition, but it can't make one safe that would do a thing twice.
        Some(wished) => wished && (sensible || effect.repeatable()),
        None => sensible,
    };
    let most = match cause {
        Cause::Unreachable(_) | Cause::Dns(_) => MOST_TRIES_UNREACHABLE,
        _ => MOST_TRIES,
    };
    (allowed && tries < most).then(|| backoff(advice, tries, first_wait))
}

/// How long to wait after `tries` tries: as the service says, else twice as long each time.
pub(crate) fn backoff(advice: Advice, tries: u32, first_wait: Duration) -> Duration {
    let doubled = first_wait * 2u32.saturating_pow(tries.saturating_sub(1)).min(10);
    advice
        .wait
        .unwrap_or_else(|| doubled.mul_f64(0.75 + fastrand::f64() / 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DELETE: Effect = Effect::Destroy { idempotent: true };

    fn status(status: u16) -> Cause {
        Cause::Status {
            status,
            message: String::new(),
            wait: None,
        }
    }

    fn after(effect: Effect, tries: u32, cause: &Cause, advice: Advice) -> Option<Duration> {
        let known = Known {
            effect,
            key: false,
            tries,
        };
        wait(known, cause, advice, SECOND)
    }

    fn tried_again(effect: Effect, cause: &Cause) -> bool {
        after(effect, 1, cause, Advice::default()).is_some()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn what_is_repeatable_is_tried_again_after_passing_failures() {
        let passing = [
            status(408),
            status(429),
            status(500),
            status(503),
            Cause::Timeout(SECOND),
            Cause::Broken(String::new()),
            Cause::Truncated,
            Cause::Dns(String::new()),
            Cause::Unreachable(String::new()),
        ];
        for cause in &passing {
            for effect in [Effect::Read, Effect::Submit, Effect::Set, DELETE] {
                assert!(tried_again(effect, cause), "{effect:?} {cause:?}");
            }
        }
        let lasting = [
            status(400),
            status(401),
            status(404),
            status(409),
            status(422),
            Cause::Tls(String::new()),
            Cause::NotJson(String::new()),
        ];
        for cause in &lasting {
            assert!(!tried_again(Effect::Read, cause), "{cause:?}");
        }
    }

    #[test]
    fn what_could_be_done_twice_is_tried_again_only_when_it_surely_was_not_done() {
        for effect in [Effect::Add, Effect::Destroy { idempotent: false }] {
            for cause in [
                status(429),
                Cause::Unreachable(String::new()),
                Cause::Dns(String::new()),
            ] {
                assert!(tried_again(effect, &cause), "{effect:?} {cause:?}");
            }
            for cause in [
                status(408),
                status(500),
                Cause::Timeout(SECOND),
                Cause::Broken(String::new()),
                Cause::Truncated,
            ] {
                assert!(!tried_again(effect, &cause), "{effect:?} {cause:?}");
            }
        }
    }

    #[test]
    fn the_service_decides_when_it_says_so_but_for_what_could_be_done_twice() {
        let say = |retry| Advice {
            retry: Some(retry),
            wait: None,
        };
        for effect in [Effect::Add, Effect::Destroy { idempotent: false }] {
            for cause in [
                status(408),
                status(409),
                status(500),
                Cause::Timeout(SECOND),
                Cause::Broken(String::new()),
            ] {
                assert!(
                    after(effect, 1, &cause, say(true)).is_none(),
                    "{effect:?} {cause:?}"
                );
            }
            assert!(after(effect, 1, &status(429), say(true)).is_some());
            assert!(after(effect, 1, &status(429), say(false)).is_none());
        }
        assert!(after(Effect::Submit, 1, &status(422), say(true)).is_some());
        assert!(after(Effect::Read, 1, &status(500), say(false)).is_none());
        assert!(after(Effect::Read, MOST_TRIES, &status(500), say(true)).is_none());
    }

    #[test]
    fn a_conflict_is_asked_again_only_under_a_key_that_the_service_may_know() {
        let asked = |effect, key, cause| {
            let known = Known {
                effect,
                key,
                tries: 1,
            };
            wait(known, &cause, Advice::default(), SECOND).is_some()
        };
        assert!(asked(Effect::Submit, true, status(409)));
        assert!(!asked(Effect::Submit, false, status(409)));
        assert!(!asked(Effect::Submit, true, status(400)));
        assert!(!asked(Effect::Set, true, status(409)));
    }

    #[test]
    fn waits_double_up_to_ten_times_the_first_with_jitter_downwards() {
        let expected = [1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0];
        for (tries, longest) in (1..).zip(expected) {
            let wait = after(Effect::Read, tries, &status(500), Advice::default())
                .unwrap()
                .as_secs_f64();
            assert!(wait <= longest && wait >= longest * 0.75, "{tries}: {wait}");
        }
        assert!(after(Effect::Read, 8, &status(500), Advice::default()).is_none());
        assert!(after(Effect::Read, 4, &Cause::Dns(String::new()), Advice::default()).is_none());
    }

    #[test]
    fn each_form_of_retry_after_is_understood() {
        let now = httpdate::parse_http_date("Sun, 22 Nov 2026 10:00:00 GMT").unwrap();
        let wait = |pairs: &[(&'static str, &str)]| {
            Advice::read(&headers(pairs), now)
                .wait
                .map(|wait| wait.as_secs_f64())
        };
        assert_eq!(wait(&[("retry-after-ms", "250")]), Some(0.25));
        assert_eq!(
            wait(&[("retry-after-ms", "250"), ("retry-after", "9")]),
            Some(0.25)
        );
        assert_eq!(wait(&[("retry-after", "2")]), Some(2.0));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(0.5));
        assert_eq!(
            wait(&[("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT")]),
            Some(7.0)
        );
        for unusable in [
            "0",
            "-3",
            "61",
            "soon",
            "NaN",
            "inf",
            "Sun, 22 Nov 2026 09:00:00 GMT",
            "Sun, 22 Nov 2026 12:00:00 GMT",
        ] {
            assert_eq!(wait(&[("retry-after", unusable)]), None, "{unusable}");
        }
    }
}
