//! Reading single variables.

use std::path::PathBuf;
use std::time::Duration;

use etcetera::BaseStrategy as _;
use secrecy::SecretString;

use super::base_url::read_base_url;
use super::prime_file::PrimeFile;
use super::variables::{DATA_DIR, RUN_SECRETS, TOOLSETS};
use super::{Account, ConfigError, RunSecret, given, read_key};
use crate::spec::{Service, Toolset, parse_toolsets};

/// The environment, through a function that looks up a variable.
pub(super) struct Env<'a, F>(pub(super) &'a F);

impl<F: Fn(&str) -> Option<String>> Env<'_, F> {
    /// The value of a variable. Hosts pass an unset one on as an empty string or as a literal `${NAME}`.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        given(&(self.0)(name)?)
    }

    fn first(&self, names: &'static [&'static str]) -> Option<(&'static str, String)> {
        names
            .iter()
            .find_map(|name| self.get(name).map(|value| (*name, value)))
    }

    pub(super) fn account(
        &self,
        service: Service,
        default: &str,
        version_path: &str,
        file: &PrimeFile,
    ) -> Result<Account, ConfigError> {
        let owned = |(from, value): (&str, String)| (from.to_owned(), value);
        let from_file = |value: &Option<String>| Some((file.name.clone(), value.clone()?));
        let key = self.first(service.key_variables()).map(owned);
        let key = key.or_else(|| from_file(&file.api_key));
        let base_url = self.first(service.base_url_variables()).map(owned);
        let base_url = base_url.or_else(|| from_file(&file.base_url));
        let (base_url_from, base_url) = match base_url {
            Some((from, value)) => {
                let url = read_base_url(&from, &value, version_path)?;
                (Some(from), url)
            }
            None => (None, read_base_url("default", default, version_path)?),
        };
        Ok(Account {
            base_url,
            base_url_from,
            key: key
                .map(|(from, value)| read_key(from, value.trim_start_matches("Bearer ").to_owned()))
                .transpose()?,
            broken_file: file.problem.clone(),
        })
    }

    pub(super) fn run_secrets(&self) -> Vec<RunSecret> {
        let secrets = RUN_SECRETS.into_iter();
        let given = secrets.filter_map(|(variable, _)| {
            let value = SecretString::from(self.get(variable)?);
            Some(RunSecret { variable, value })
        });
        given.collect()
    }

    /// A token as a header carries it.
    #[cfg(feature = "http")]
    pub(super) fn token(&self, name: &'static str) -> Result<Option<SecretString>, ConfigError> {
        let Some(token) = self.get(name) else {
            return Ok(None);
        };
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError {
                variable: name.into(),
                problem: "is no token: letters, digits and signs of ASCII, without spaces".to_owned(),
            });
        }
        Ok(Some(SecretString::from(token)))
    }

    /// Directories, separated as in PATH.
    pub(super) fn directories(&self, name: &'static str) -> Result<Vec<PathBuf>, ConfigError> {
        let value = self.get(name).unwrap_or_default();
        let directories: Vec<PathBuf> = std::env::split_paths(&value)
            .filter(|directory| !directory.as_os_str().is_empty())
            .collect();
        match directories.iter().find(|directory| !directory.is_absolute()) {
            Some(relative) => Err(ConfigError {
                variable: name.into(),
                problem: format!("`{}` is not an absolute path", relative.display()),
            }),
            None => Ok(directories),
        }
    }

    /// A file by its absolute path.
    #[cfg(feature = "text")]
    pub(super) fn file(&self, name: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        let Some(given) = self.get(name) else {
            return Ok(None);
        };
        let file = PathBuf::from(&given);
        if file.is_absolute() {
            return Ok(Some(file));
        }
        Err(ConfigError {
            variable: name.into(),
            problem: format!("`{given}` is not an absolute path"),
        })
    }

    /// Where data is kept; `None`: there is no place for it.
    pub(super) fn data_directory(&self) -> Result<Option<PathBuf>, ConfigError> {
        let Some(given) = self.get(DATA_DIR) else {
            let strategy = etcetera::choose_base_strategy().ok();
            let place = strategy.map(|strategy| {
                if cfg!(windows) {
                    // Local: what follows users from machine to machine is no place for gigabytes.
                    strategy.cache_dir()
                } else {
                    strategy.data_dir()
                }
            });
            return Ok(place.map(|place| place.join(env!("CARGO_PKG_NAME"))));
        };
        let directory = PathBuf::from(&given);
        if directory.is_absolute() {
            return Ok(Some(directory));
        }
        Err(ConfigError {
            variable: DATA_DIR.into(),
            problem: format!("`{given}` is not an absolute path"),
        })
    }

    /// A number of USD above 0.
    pub(super) fn price(&self, name: &'static str) -> Result<Option<f64>, ConfigError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(price) if price >= 0.0 && f64::is_finite(price) => Ok(Some(price)),
            _ => Err(ConfigError {
                variable: name.into(),
                problem: format!("`{value}` is not a price: write a number of USD, such as 60"),
            }),
        }
    }

    pub(super) fn toolsets(&self) -> Result<Option<Vec<Toolset>>, ConfigError> {
        let named = self.get(TOOLSETS).map(|value| parse_toolsets(&value));
        named.transpose().map_err(|problem| ConfigError {
            variable: TOOLSETS.into(),
            problem,
        })
    }

    pub(super) fn count(
        &self,
        name: &'static str,
        default: usize,
        least: usize,
    ) -> Result<usize, ConfigError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        match value.parse() {
            Ok(count) if count >= least => Ok(count),
            _ => Err(ConfigError {
                variable: name.into(),
                problem: format!("`{value}` is not a whole number of at least {least}"),
            }),
        }
    }

    /// A number of seconds; 0 only where `zero` says that it means something.
    pub(super) fn seconds(
        &self,
        name: &'static str,
        default: f64,
        zero: bool,
    ) -> Result<Duration, ConfigError> {
        let seconds = match self.get(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| value),
        };
        seconds
            .and_then(|seconds: f64| {
                let usable = (seconds > 0.0 || zero && seconds == 0.0) && seconds <= 86_400.0;
                if usable {
                    Ok(Duration::from_secs_f64(seconds))
                } else {
                    Err(seconds.to_string())
                }
            })
            .map_err(|value| ConfigError {
                variable: name.into(),
                problem: format!(
                    "`{value}` is not a number of seconds {} 86400",
                    if zero { "from 0 to" } else { "above 0 and up to" }
                ),
            })
    }
}
