//! Keeps secrets out of everything that leaves the process.
//!
//! What a service says loses them as soon as it comes in (`client/door.rs`), after what nobody sees was taken out of it: the
//! other way round that would put keys together again. Whatever leaves the process passes through [`Redactor::scrub`] once
//! more: the text of a tool result (`mcp/tool/output.rs`) or of a failure (`mcp/tool/adapter.rs`), a refused request
//! (`mcp/server.rs`), a line of the log (`logging.rs`) or of the journal, and the report of `check.rs`. So a service that
//! echoes a key in an error, a proxy that prints headers, or a library that logs too much cannot leak one.

pub(crate) mod clean;
mod fold;
mod forms;
mod search;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memmem;

use fold::{fold, fold_letters, places};
use search::Search;

/// What stands where a secret stood.
pub(crate) const PLACEHOLDER: &str = "[redacted]";

/// Shorter strings are no secrets, and replacing them would garble ordinary text.
const SHORTEST_SECRET: usize = 8;
/// A shorter value of a service is not taken for a secret.
const SHORTEST_TOKEN: usize = 16;
/// A longer one neither: it would be searched for in everything.
const LONGEST_TOKEN: usize = 512;
/// How many secrets that services told us are kept: far more than there are runs under way.
const MOST_TOKENS: usize = 64;
/// How many passing secrets are kept: far more than there are calls under way.
const MOST_PASSING: usize = 200;

/// What the keys of Prime Intellect begin with.
const KEY: &str = "pit_";
/// Shorter words are no keys.
const SHORTEST_KEY: usize = 12;

/// The secrets of this process.
#[derive(Default)]
pub struct Redactor(Mutex<Known>);

#[derive(Default)]
struct Known {
    lasting: Vec<String>,
    tokens: VecDeque<String>,
    passing: VecDeque<String>,
    /// Made when first needed after a change: the first two, in all their forms.
    keys: Option<Arc<Wanted>>,
    /// The passing ones.
    urls: Option<Arc<Wanted>>,
}

/// What is searched for.
struct Wanted {
    search: Search,
    /// Whether one of the secrets holds what JSON writes with a backslash.
    quoted: bool,
}

impl Wanted {
    fn new<'a>(
        secrets: impl Iterator<Item = &'a String> + Clone,
        forms: impl Fn(&str) -> Vec<Vec<u8>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            quoted: secrets.clone().any(|secret| secret.contains(['"', '\\'])),
            search: Search::new(secrets.flat_map(|secret| forms(secret)).collect()),
        })
    }
}

impl Redactor {
    /// Adds a secret of the user's, for good.
    pub fn add(&self, secret: &str) {
        let mut known = self.known();
        if secret.len() >= SHORTEST_SECRET && !known.lasting.iter().any(|known| known == secret) {
            known.lasting.push(secret.to_owned());
            known.keys = None;
        }
    }

    /// Adds a secret that a service or a caller wrote, if it can be one: 16 characters or more, with a digit or the
    /// beginning of a key. Anything else may be a word, which would be missing from every later answer. Of many the
    /// oldest are forgotten.
    pub fn add_token(&self, token: &str) {
        let is_one = (SHORTEST_TOKEN..=LONGEST_TOKEN).contains(&token.len())
            && (token.starts_with(KEY) || token.bytes().any(|byte| byte.is_ascii_digit()));
        let mut known = self.known();
        if is_one && !known.tokens.iter().any(|known| known == token) {
            known.tokens.push_back(token.to_owned());
            if known.tokens.len() > MOST_TOKENS {
                known.tokens.pop_front();
            }
            known.keys = None;
        }
    }

    /// Adds a secret that is of use for one call only, such as the signature of a URL. Services say it to be used, so it
    /// is kept out of the log and of failures, and not of what they say. Of many such the oldest are forgotten: a server
    /// that runs for weeks must not search for all of them.
    pub fn add_passing(&self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let mut known = self.known();
        known.passing.push_back(secret.to_owned());
        if known.passing.len() > MOST_PASSING {
            known.passing.pop_front();
        }
        known.urls = None;
    }

    /// Forgets a secret that [`Redactor::add_passing`] added; one that lasts stays.
    pub fn release(&self, secret: &str) {
        let mut known = self.known();
        known.passing.retain(|known| known != secret);
        known.urls = None;
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The search for keys and tokens.
    fn keys(&self) -> Arc<Wanted> {
        let known = &mut *self.known();
        let secrets = known.lasting.iter().chain(&known.tokens);
        let search = || Wanted::new(secrets, |secret| forms::all(secret).collect());
        Arc::clone(known.keys.get_or_insert_with(search))
    }

    /// The search for passing secrets.
    fn urls(&self) -> Arc<Wanted> {
        let known = &mut *self.known();
        let secrets = known.passing.iter();
        let search = || Wanted::new(secrets, |secret| forms::plain(secret).into_iter().collect());
        Arc::clone(known.urls.get_or_insert_with(search))
    }

    /// Replaces each secret in `text`, and what looks like a key. Allocates only when there is one.
    #[must_use]
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        without(text, &[self.keys(), self.urls()])
    }

    /// [`Redactor::scrub`] for a text that is owned already.
    #[must_use]
    pub fn scrub_owned(&self, text: String) -> String {
        owned(text, |text| self.scrub(text))
    }

    /// Takes out of what a service said all but the passing secrets, which it may have just said to be used.
    #[must_use]
    pub fn scrub_answer(&self, text: String) -> String {
        owned(text, |text| without(text, &[self.keys()]))
    }
}

fn owned(text: String, scrub: impl FnOnce(&str) -> Cow<'_, str>) -> String {
    match scrub(&text) {
        Cow::Owned(scrubbed) => scrubbed,
        Cow::Borrowed(_) => text,
    }
}

fn without<'a>(text: &'a str, searches: &[Arc<Wanted>]) -> Cow<'a, str> {
    let whole = searches.iter().any(|wanted| wanted.quoted);
    let folded = if whole { fold(text) } else { fold_letters(text) };
    let mut found = Vec::new();
    for wanted in searches {
        wanted.search.find(&folded, &mut found);
    }
    find_keys(&folded, &mut found);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let found = joined(found);
    let found = match folded {
        Cow::Borrowed(_) => found.into_iter().map(|place| with_escape(text, place)).collect(),
        Cow::Owned(_) => places(text, &found),
    };
    let mut scrubbed = String::with_capacity(text.len());
    let mut done = 0;
    for place in found {
        scrubbed.push_str(text.get(done..place.start).unwrap_or_default());
        scrubbed.push_str(PLACEHOLDER);
        done = place.end;
    }
    scrubbed.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(scrubbed)
}

/// The place with the backslashes before it: JSON would not be any more if only what they escape was gone.
fn with_escape(text: &str, Range { start, end }: Range<usize>) -> Range<usize> {
    let before = text.get(..start).unwrap_or_default();
    before.trim_end_matches('\\').len()..end
}

/// The same places in order, those that overlap as one.
fn joined(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// What looks like a key of Prime Intellect: a run prints its own if it is told to.
fn find_keys(text: &[u8], found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while let Some(start) = text
        .get(at..)
        .and_then(|rest| memmem::find(rest, KEY.as_bytes()))
        .map(|place| at + place)
    {
        let word = text.get(start..).unwrap_or_default();
        let length = word.iter().position(|byte| !is_word(*byte)).unwrap_or(word.len());
        let before = text.get(..start).unwrap_or_default();
        if ends_outside_of_words(before) && length >= SHORTEST_KEY {
            found.push(start..start + length);
        }
        at = start + length;
    }
}

fn ends_outside_of_words(folded: &[u8]) -> bool {
    // A line feed or another control character is no letter.
    let control = matches!(folded, [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't']);
    control || folded.last().is_none_or(|last| !is_word(*last))
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests;
