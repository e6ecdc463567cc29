//! Keeps secrets out of everything that leaves the process.
//!
//! Whatever leaves the process passes through [`Redactor::scrub`]: the text of a tool result (`tool/adapter.rs`), a
//! refused request (`server.rs`), a line of the log (`logging.rs`) and the report of `check.rs`. So a service that echoes a key in an error, a proxy
//! that prints headers, or a library that logs too much cannot leak one.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use memchr::memmem;

/// What stands where a secret stood.
pub const PLACEHOLDER: &str = "[redacted]";

/// Shorter strings are no secrets, and replacing them would garble ordinary text.
const SHORTEST_SECRET: usize = 8;

/// The secrets of this process.
#[derive(Default)]
pub struct Redactor {
    secrets: RwLock<Vec<String>>,
}

impl Redactor {
    /// Adds a secret, in its plain form and as it reads inside a JSON string, once and twice encoded.
    pub fn add(&self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        let mut form = secret.to_owned();
        for _ in 0..3 {
            if !secrets.contains(&form) {
                secrets.push(form.clone());
            }
            form = inside_json_string(&form);
        }
        // Longest first: a secret that contains another one must go as a whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
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
