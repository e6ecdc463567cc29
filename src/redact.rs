//! Keeps secrets out of everything that leaves the process.
//!
//! Whatever leaves the process passes through [`Redactor::scrub`]: the text of a tool result (`tool/adapter.rs`), a
//! refused request (`server.rs`), a line of the log (`logging.rs`) and the report of `check.rs`. So a service that echoes a key in an error, a proxy
//! that prints headers, or a library that logs too much cannot leak one.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

use memchr::memmem;

/// What stands where a secret stood.
pub const PLACEHOLDER: &str = "[redacted]";

/// Shorter strings are no secrets, and replacing them would garble ordinary text.
const SHORTEST_SECRET: usize = 8;

/// The secrets of this process.
#[derive(Default)]
pub struct Redactor {
    secrets: RwLock<Vec<String>>,
    passing: Mutex<VecDeque<String>>,
}

/// How many passing secrets are kept: far more than there are calls under way.
const MOST_PASSING: usize = 200;

impl Redactor {
    /// Adds a secret, in its plain form and as it reads inside a JSON string, once and twice encoded.
    pub fn add(&self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms(secret) {
            if !secrets.contains(&form) {
                secrets.push(form);
            }
        }
        // Longest first: a secret that contains another one must go as a whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// Adds a secret that is of use for one call only, such as the signature of a URL. Of many such the oldest are
    /// forgotten: a server that runs for weeks must not search each answer for all of them.
    pub fn add_passing(&self, secret: &str) {
        self.add(secret);
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        passing.push_back(secret.to_owned());
        if passing.len() > MOST_PASSING
            && let Some(oldest) = passing.pop_front()
            && !passing.contains(&oldest)
        {
            self.drop_forms(&oldest);
        }
    }

    /// Forgets a secret that [`Redactor::add_passing`] added; one that lasts stays.
    pub fn release(&self, secret: &str) {
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        if passing.iter().any(|known| known == secret) {
            passing.retain(|known| known != secret);
            self.drop_forms(secret);
        }
    }

    fn drop_forms(&self, secret: &str) {
        let gone = forms(secret);
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        secrets.retain(|known| !gone.contains(known));
    }

    /// Replaces each secret in `text`. Allocates only when there is one.
    #[must_use]
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = Cow::Borrowed(text);
        for secret in secrets.iter() {
            if memmem::find(text.as_bytes(), secret.as_bytes()).is_some() {
                text = Cow::Owned(text.replace(secret, PLACEHOLDER));
            }
        }
        text
    }

    /// [`Redactor::scrub`] for a text that is owned already.
    #[must_use]
    pub fn scrub_owned(&self, text: String) -> String {
        match self.scrub(&text) {
            Cow::Owned(scrubbed) => scrubbed,
            Cow::Borrowed(_) => text,
        }
    }
}

/// The secret as it is and as it reads inside a JSON string, once and twice encoded.
fn forms(secret: &str) -> [String; 3] {
    let once = inside_json_string(secret);
    let twice = inside_json_string(&once);
    [secret.to_owned(), once, twice]
}

fn inside_json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(&quoted)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn leaves_ordinary_text_alone_without_copying_it() {
        let redactor = Redactor::default();
        redactor.add("pit_0123456789");
        redactor.add("short");
        assert!(matches!(redactor.scrub("a short text"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_inside_a_longer_secret_does_not_leave_a_rest() {
        let redactor = Redactor::default();
        redactor.add("tok_abcdef");
        redactor.add("tok_abcdef_and_more");
        assert_eq!(redactor.scrub("x tok_abcdef_and_more y"), "x [redacted] y");
    }

    #[test]
    fn of_many_passing_secrets_the_oldest_are_forgotten_and_lasting_ones_stay() {
        let redactor = Redactor::default();
        redactor.add("lasting-key-0123");
        for number in 0..1000 {
            redactor.add_passing(&format!("signature-{number:04}"));
        }
        let text = "lasting-key-0123 signature-0999 signature-0800 signature-0001";
        assert_eq!(
            redactor.scrub(text),
            "[redacted] [redacted] [redacted] signature-0001"
        );
        assert!(redactor.secrets.read().unwrap().len() < 2 * MOST_PASSING);
    }

    proptest! {
        #[test]
        fn no_secret_survives_at_any_depth_of_json(
            secret in "[!-~]{8,40}",
            before in ".{0,20}",
            after in ".{0,20}",
        ) {
            let redactor = Redactor::default();
            redactor.add(&secret);
            let plain = format!("{before}{secret}{after}");
            let once = serde_json::Value::from(plain.clone()).to_string();
            let twice = serde_json::Value::from(once.clone()).to_string();
            for text in [plain, once, twice] {
                let scrubbed = redactor.scrub(&text);
                prop_assert!(!scrubbed.contains(&secret) || PLACEHOLDER.contains(&secret));
            }
        }
    }
}
