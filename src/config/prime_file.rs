//! What the official command line of Prime Intellect keeps in `~/.prime`: key, team and base URL. It is only read,
//! and never shown: it holds a key.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde::Deserialize;

use super::base_url::read_base_url;
use super::variables::PRIME_CONTEXT;
use super::{ConfigError, given, read_key};
use crate::files;

/// The context that is built in: the default address and no team, with the key of the plain file.
const PRODUCTION: &str = "production";

/// The values of the file; empty ones count as unset.
#[derive(Default)]
pub(super) struct PrimeFile {
    /// The file's name, for people.
    pub(super) name: String,
    pub(super) api_key: Option<String>,
    pub(super) team_id: Option<String>,
    pub(super) base_url: Option<String>,
    /// The file and why it cannot be used, where that is so; there are no values then.
    pub(super) problem: Option<String>,
}

#[derive(Default, Deserialize)]
struct Members {
    api_key: Option<String>,
    team_id: Option<String>,
    base_url: Option<String>,
}

impl PrimeFile {
    /// Reads what belongs to `context`: the plain file, or the set saved under that name. The plain file belongs to
    /// another program, so a broken one is no reason not to start.
    pub(super) fn read(home: Option<&str>, context: Option<&str>) -> Result<Self, ConfigError> {
        let Some(context) = context else {
            return Ok(Self::plain(home));
        };
        if context.eq_ignore_ascii_case(PRODUCTION) {
            return Ok(Self {
                team_id: None,
                base_url: None,
                ..Self::plain(home)
            });
        }
        let usable = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let saved = if context.chars().all(usable) {
            Self::open(home, &format!("environments/{context}.json"))
        } else {
            Ok(None)
        };
        let missing = || format!("there is no ~/.prime/environments/{context}.json");
        saved
            .and_then(|file| file.ok_or_else(missing))
            .map_err(|problem| ConfigError {
                variable: PRIME_CONTEXT.into(),
                problem,
            })
    }

    fn plain(home: Option<&str>) -> Self {
        match Self::open(home, "config.json") {
            Ok(file) => file.unwrap_or_default(),
            Err(problem) => {
                tracing::warn!("{problem}; the file was left out");
                Self {
                    problem: Some(problem),
                    ..Self::default()
                }
            }
        }
    }

    /// Whether key and address can be used.
    fn check(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.base_url {
            read_base_url(&self.name, url, "/api/v1")?;
        }
        if let Some(key) = &self.api_key {
            read_key(self.name.clone(), key.clone())?;
        }
        Ok(())
    }

    /// A file of the folder; `None` when there is none. The error names the file.
    fn open(home: Option<&str>, file: &str) -> Result<Option<Self>, String> {
        let Some(home) = home else { return Ok(None) };
        let path: PathBuf = [home, ".prime", file].iter().collect();
        let name = format!("~/.prime/{file}");
        let text = match std::fs::read(path).and_then(files::text) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{name}: cannot be read: {error}")),
        };
        let members: Members =
            serde_json::from_str(&text).map_err(|error| format!("{name}: {}", unusable(&error)))?;
        let given = |value: Option<String>| given(&value?);
        let file = Self {
            name,
            api_key: given(members.api_key),
            team_id: given(members.team_id),
            base_url: given(members.base_url),
            problem: None,
        };
        file.check().map_err(|problem| problem.to_string())?;
        Ok(Some(file))
    }
}

/// What is wrong with a text. The error's own words may repeat a value, which may be the key.
fn unusable(error: &serde_json::Error) -> String {
    let what = if error.is_data() {
        "is not of the expected form (an object with texts)"
    } else {
        "is not JSON"
    };
    format!("{what}, see line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".prime/environments")).unwrap();
        let write =
            |file: &str, text: &str| std::fs::write(home.path().join(".prime").join(file), text).unwrap();
        write(
            "config.json",
            // As an editor on Windows leaves it.
            concat!(
                "\u{feff}",
                r#"{"api_key": "pit_plain", "team_id": "team_a", "base_url": "https://a.example", "traces_opt_out": false}"#
            ),
        );
        write(
            "environments/lab.json",
            r#"{"api_key": "", "team_id": null, "base_url": "https://lab.example/api/v1"}"#,
        );
        write("environments/broken.json", "pit_secret");
        write(
            "environments/plain-http.json",
            r#"{"base_url": "http://10.0.0.1"}"#,
        );
        home
    }

    fn read(context: Option<&str>) -> Result<[Option<String>; 3], String> {
        let home = home();
        let file = PrimeFile::read(home.path().to_str(), context).map_err(|error| error.to_string())?;
        Ok([file.api_key, file.team_id, file.base_url])
    }

    #[test]
    fn a_context_brings_its_own_key_team_and_address() {
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(None),
            Ok([own("pit_plain"), own("team_a"), own("https://a.example")])
        );
        assert_eq!(read(Some("Production")), Ok([own("pit_plain"), None, None]));
        assert_eq!(
            read(Some("lab")),
            Ok([None, None, own("https://lab.example/api/v1")])
        );
    }

    #[test]
    fn a_context_that_is_not_there_is_an_error_and_never_a_path() {
        for context in ["none", "../config", "broken", "a/b", "plain-http"] {
            let problem = read(Some(context)).unwrap_err();
            assert!(
                problem.starts_with("PRIME_CONTEXT: ") && !problem.contains("pit_"),
                "{problem}"
            );
        }
        assert!(
            read(Some("broken"))
                .unwrap_err()
                .contains("environments/broken.json: is not JSON, see line 1")
        );
        let nobody = PrimeFile::read(None, None).unwrap();
        assert!(nobody.api_key.is_none() && nobody.problem.is_none());
    }

    #[test]
    fn a_plain_file_that_cannot_be_used_says_why_and_never_what_is_in_it() {
        for (text, words) in [
            (
                &b"{\"api_key\": \"pit_secret\""[..],
                "is not JSON, see line 1, column ",
            ),
            (b"[\"pit_secret\"]", "is not of the expected form"),
            (
                b"{\"api_key\": {\"pit_secret\": 1}}",
                "is not of the expected form",
            ),
            (b"{\"api_key\": \"pit_secret\\nx\"}", "holds a character"),
            (
                b"{\"api_key\": \"pit_secret\", \"base_url\": \"http://10.0.0.1\"}",
                "plain http",
            ),
            (b"\xff", "cannot be read: "),
        ] {
            let home = home();
            std::fs::write(home.path().join(".prime/config.json"), text).unwrap();
            for context in [None, Some("production")] {
                let file = PrimeFile::read(home.path().to_str(), context).unwrap();
                let problem = file.problem.unwrap();
                assert!(
                    problem.starts_with("~/.prime/config.json: ") && problem.contains(words),
                    "{problem}"
                );
                assert!(
                    !problem.contains("pit_secret") && file.api_key.is_none(),
                    "{problem}"
                );
            }
        }
    }
}
