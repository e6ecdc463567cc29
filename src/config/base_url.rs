//! Base URLs: what they may be, and what is taken off them.

use super::ConfigError;
use crate::client::is_loopback;

/// Reads a base URL. A trailing slash and one trailing `version_path` are dropped, since every path starts with
/// it; plain http is for loopback alone, since the key travels with each request.
pub(super) fn read_base_url(
    from: &str,
    value: &str,
    version_path: &str,
) -> Result<reqwest::Url, ConfigError> {
    let wrong = |problem: String| ConfigError {
        variable: from.to_owned().into(),
        problem,
    };
    let mut url = reqwest::Url::parse(value).map_err(|error| wrong(format!("this is not a URL: {error}")))?;
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(wrong(
            "a base URL has no user, password, query or fragment".to_owned(),
        ));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(wrong(
                "plain http would send the key unencrypted: use https (http is for loopback only)".to_owned(),
            ));
        }
        other => {
            return Err(wrong(format!(
                "`{other}` is not a scheme for a base URL: use https"
            )));
        }
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(path.strip_suffix(version_path).unwrap_or(&path));
    Ok(url)
}
