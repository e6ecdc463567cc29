//! The hub of tokenizers: Hugging Face, or another one that answers alike.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;

use super::base_url::read_base_url;
use super::env::Env;
use super::variables::{HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN};
use super::{ConfigError, read_key};

/// Where tokenizers come from.
pub struct Hub {
    /// What is asked for them.
    pub endpoint: Url,
    /// Whether somebody chose it.
    pub is_named: bool,
    /// Goes to the endpoint's host, and nowhere else.
    pub token: Option<SecretString>,
    /// Hugging Face's own cache; `None`: there is no place for one.
    pub cache: Option<PathBuf>,
    /// Whether nothing is downloaded.
    pub offline: bool,
}

impl Hub {
    pub(super) fn read<F: Fn(&str) -> Option<String>>(
        env: &Env<'_, F>,
        home: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let named = env.get(HF_ENDPOINT);
        let endpoint = named.as_deref().unwrap_or("https://huggingface.co");
        let expanded = |path: String| match (path.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => PathBuf::from(path),
        };
        let whole = env.get(HF_HUB_CACHE).map(expanded);
        let whole = whole.or_else(|| env.get(HF_HOME).map(|path| expanded(path).join("hub")));
        let below_home = || {
            let caches = env.get("XDG_CACHE_HOME").map(PathBuf::from);
            let caches = caches.or_else(|| home.map(|home| PathBuf::from(home).join(".cache")));
            caches.map(|caches| caches.join("huggingface").join("hub"))
        };
        Ok(Self {
            endpoint: read_base_url(HF_ENDPOINT, endpoint, "")?,
            is_named: named.is_some(),
            token: env
                .get(HF_TOKEN)
                .map(|value| read_key(HF_TOKEN.to_owned(), value))
                .transpose()?
                .map(|key| key.secret),
            cache: whole.or_else(below_home),
            offline: env.get(HF_HUB_OFFLINE).is_some_and(|value| {
                let value = value.to_ascii_uppercase();
                ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(pairs: &[(&str, &str)]) -> Hub {
        let variable = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Hub::read(&Env(&variable), Some("/home/u")).ok().unwrap()
    }

    #[test]
    fn the_cache_is_where_hugging_face_looks_for_it() {
        for (pairs, place) in [
            (&[][..], "/home/u/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x"), (HF_HOME, "/h")], "/h/hub"),
            (&[(HF_HOME, "~/h")], "/home/u/h/hub"),
            (&[(HF_HOME, "/h"), (HF_HUB_CACHE, "/c")], "/c"),
        ] {
            assert_eq!(read(pairs).cache.as_deref(), Some(Path::new(place)));
        }
    }

    #[test]
    fn offline_is_said_as_hugging_face_says_it() {
        for (value, offline) in [("1", true), ("true", true), ("0", false), ("", false)] {
            assert_eq!(read(&[(HF_HUB_OFFLINE, value)]).offline, offline, "{value}");
        }
    }
}
