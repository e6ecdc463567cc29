//! What the environment says: keys, base URLs and limits.
//!
//! Everything is read once at start. A value that cannot be used is an error at start, named with its variable.

mod base_url;
mod env;
mod hub;
mod prime_file;
mod variables;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::files::Files;
use crate::files::data::{Data, Limits};
use crate::spec::{Service, Toolset};

use env::Env;
pub(crate) use hub::Hub;
use prime_file::PrimeFile;
#[cfg(feature = "http")]
pub(crate) use variables::HTTP_TOKEN;
pub use variables::VARIABLES;
use variables::{CALL_TIMEOUT, INLINE_LIMIT, MAX_CONCURRENCY, PRIME_CONTEXT, PRIME_TEAM_ID, RETRY_WAIT};
pub(crate) use variables::{
    DATA_DIR, DATA_MAX_DAYS, DATA_MAX_MB, FILE_DIRS, LOG, MAX_PRICE, MAX_WAIT, RUN_SECRETS,
};
#[cfg(feature = "text")]
pub(crate) use variables::{GRADERS, HF_ENDPOINT, HF_HUB_OFFLINE};

/// Why the server cannot start with this environment.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    variable: Cow<'static, str>,
    problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// A service as configured.
pub struct Account {
    /// Scheme, host, port and path prefix, without a trailing slash and without `/v1` or `/api/v1`.
    pub base_url: reqwest::Url,
    /// Which variable or file gave the base URL; `None` for the default.
    pub base_url_from: Option<String>,
    /// The key, when there is one.
    pub key: Option<Key>,
    /// The file that could have given key and base URL, and why it cannot be used.
    pub broken_file: Option<String>,
}

/// An API key and where it came from.
pub struct Key {
    /// The key itself.
    pub secret: SecretString,
    /// The variable or file that supplied it.
    pub from: String,
}

/// A secret of a run that the server's environment holds.
pub struct RunSecret {
    /// The variable.
    pub variable: &'static str,
    /// The secret itself.
    pub value: SecretString,
}

/// The whole configuration.
pub struct Config {
    /// Together AI.
    pub together: Account,
    /// Prime Intellect.
    pub prime: Account,
    /// Bytes of compact JSON above which a body goes through the payload upload.
    pub inline_limit: usize,
    /// Upstream requests under way at once.
    pub max_concurrency: usize,
    /// How long one tool call may take, retries included.
    pub call_timeout: Duration,
    /// The most that a call may be asked to wait for what it started.
    pub max_wait: Duration,
    /// USD per hour that a model resource may cost.
    pub max_price_per_hour: Option<f64>,
    /// The wait before the first retry.
    pub retry_wait: Duration,
    /// The team whose things are meant on Prime Intellect, where the caller names none.
    pub prime_team: Option<String>,
    /// The secrets of a run that may be forwarded.
    pub run_secrets: Vec<RunSecret>,
    /// Where results are kept; `None`: there is no place for them.
    pub data: Option<Arc<Data>>,
    /// The files that tools may read.
    pub files: Files,
    /// The file that names the commands which may grade.
    #[cfg(feature = "text")]
    pub graders: Option<std::path::PathBuf>,
    /// Where tokenizers come from.
    pub hub: Hub,
    /// What who calls over HTTP has to know.
    #[cfg(feature = "http")]
    pub http_token: Option<SecretString>,
    /// The toolsets to offer, where the command line names none.
    pub toolsets: Option<Vec<Toolset>>,
    /// Whether both services are a sandbox, which ends with this process.
    pub sandbox: bool,
}

/// Where the keys and base URLs of a sandbox come from.
const SANDBOX: &str = "the sandbox";

impl Config {
    /// Reads the configuration through `variable`, which looks up an environment variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(&variable);
        let home = env.get("HOME").or_else(|| env.get("USERPROFILE"));
        let file = PrimeFile::read(home.as_deref(), env.get(PRIME_CONTEXT).as_deref())?;
        let no_file = PrimeFile::default();
        let megabytes = env.count(DATA_MAX_MB, 4096, 1)?;
        let days = env.count(DATA_MAX_DAYS, 30, 1)?;
        let limits = Limits {
            most_bytes: u64::try_from(megabytes)
                .unwrap_or(u64::MAX)
                .saturating_mul(1 << 20),
            longest: Duration::from_secs(u64::try_from(days).unwrap_or(u64::MAX).saturating_mul(86_400)),
        };
        let data = env.data_directory()?;
        let data = data.map(|directory| Arc::new(Data::new(directory, limits)));
        Ok(Self {
            together: env.account(Service::Together, "https://api.together.ai", "/v1", &no_file)?,
            hub: Hub::read(&env, home.as_deref())?,
            prime_team: env.get(PRIME_TEAM_ID).or_else(|| file.team_id.clone()),
            prime: env.account(Service::Prime, "https://api.primeintellect.ai", "/api/v1", &file)?,
            run_secrets: env.run_secrets(),
            files: Files::new(
                env.directories(FILE_DIRS)?,
                data.as_ref().map(|data| data.root().to_owned()),
            ),
            data,
            #[cfg(feature = "text")]
            graders: env.file(GRADERS)?,
            inline_limit: env.count(INLINE_LIMIT, 524_288, 0)?,
            max_concurrency: env.count(MAX_CONCURRENCY, 16, 1)?,
            call_timeout: env.seconds(CALL_TIMEOUT, 50.0, false)?,
            max_wait: env.seconds(MAX_WAIT, 50.0, true)?,
            max_price_per_hour: env.price(MAX_PRICE)?,
            retry_wait: env.seconds(RETRY_WAIT, 1.0, false)?,
            #[cfg(feature = "http")]
            http_token: env.token(HTTP_TOKEN)?,
            toolsets: env.toolsets()?,
            sandbox: false,
        })
    }

    /// The configuration of a server in front of a sandbox, whose keys and base URLs were not set by anybody. A secret of
    /// a run is only given a stand-in: the sandbox is no place for the real one, but a call that forwards it is to work.
    #[must_use]
    pub fn in_sandbox(mut self) -> Self {
        for account in [&mut self.together, &mut self.prime] {
            account.base_url_from = Some(SANDBOX.to_owned());
            if let Some(key) = &mut account.key {
                SANDBOX.clone_into(&mut key.from);
            }
        }
        for secret in &mut self.run_secrets {
            secret.value = SecretString::from(format!("sandbox-stand-in-for-{}", secret.variable));
        }
        self.sandbox = true;
        self
    }

    /// The account of a service.
    #[must_use]
    pub const fn account(&self, service: Service) -> &Account {
        match service {
            Service::Together => &self.together,
            Service::Prime => &self.prime,
        }
    }
}

/// A value, unless it counts as unset.
#[must_use]
pub(crate) fn given(value: &str) -> Option<String> {
    let value = value.trim();
    let placeholder = value.starts_with("${") && value.ends_with('}');
    (!value.is_empty() && !placeholder).then(|| value.to_owned())
}

fn read_key(from: String, value: String) -> Result<Key, ConfigError> {
    let secret = SecretString::from(value);
    match HeaderValue::from_str(secret.expose_secret()) {
        Ok(value) if value.to_str().is_ok() => Ok(Key { secret, from }),
        _ => Err(ConfigError {
            variable: from.into(),
            problem: "holds a character that no HTTP header can carry; copy the key again".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn base_urls_lose_a_trailing_slash_and_one_version_path() {
        for (given, kept) in [
            ("https://api.together.ai/v1", "https://api.together.ai/"),
            ("https://api.together.ai/v1/", "https://api.together.ai/"),
            (
                "https://gateway.example/together/v1",
                "https://gateway.example/together",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:8080/v1/v1", "http://[::1]:8080/v1"),
        ] {
            let config = read(&[("TOGETHER_BASE_URL", given)]).unwrap();
            assert_eq!(config.together.base_url.as_str(), kept, "{given}");
        }
        let config = read(&[("PRIME_BASE_URL", "https://prime.example/api/v1/")]).unwrap();
        assert_eq!(config.prime.base_url.as_str(), "https://prime.example/");
        assert_eq!(config.prime.base_url_from.as_deref(), Some("PRIME_BASE_URL"));
    }

    #[test]
    fn a_key_never_travels_unencrypted() {
        for url in [
            "http://api.together.ai",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://user:pass@api.together.ai",
            "localhost:8080",
        ] {
            assert!(read(&[("TOGETHER_BASE_URL", url)]).is_err(), "{url}");
        }
    }

    #[test]
    fn empty_values_and_unexpanded_placeholders_count_as_unset() {
        let config = read(&[
            ("TOGETHER_AI_API_KEY", "${TOGETHER_AI_API_KEY}"),
            ("TOGETHER_API_KEY", " key-from-the-official-name\n"),
            ("PRIME_API_KEY", ""),
        ])
        .unwrap();
        assert_eq!(given("${RL_MCP_LOG}"), None);
        let key = config.together.key.unwrap();
        assert_eq!(key.from, "TOGETHER_API_KEY");
        assert_eq!(key.secret.expose_secret(), "key-from-the-official-name");
        assert!(config.prime.key.is_none());
    }

    #[test]
    fn a_sandbox_gets_no_real_secret_of_a_run() {
        let config = read(&[("HF_TOKEN", "hf_real"), ("WANDB_API_KEY", "${WANDB_API_KEY}")]).unwrap();
        let config = config.in_sandbox();
        let [secret] = config.run_secrets.as_slice() else {
            panic!("one is set")
        };
        assert_eq!(secret.variable, "HF_TOKEN");
        assert_ne!(secret.value.expose_secret(), "hf_real");
    }

    #[test]
    fn unusable_values_are_named_with_their_variable() {
        for (name, value) in [
            (MAX_CONCURRENCY, "0"),
            (INLINE_LIMIT, "-1"),
            (CALL_TIMEOUT, "NaN"),
            (CALL_TIMEOUT, "soon"),
            (RETRY_WAIT, "0"),
            (MAX_WAIT, "-1"),
            (MAX_PRICE, "cheap"),
            (DATA_DIR, "relative"),
            ("PRIME_API_KEY", "two\nlines"),
        ] {
            let error = read(&[(name, value)]).err().expect(name);
            assert!(error.to_string().starts_with(name), "{error}");
            assert!(!error.to_string().contains("two"), "{error}");
        }
    }
}
