//! From a row's path and the arguments to a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::error::problems::{Path, Problems};

/// Everything but the unreserved characters of RFC 3986, so that an argument stays one path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Fills the placeholders of `template` and appends it to `base`. All unusable arguments are reported at once.
pub(crate) fn url(base: &Url, template: &str, arguments: &[(&'static str, &str)]) -> Result<Url, Problems> {
    let mut problems = Problems::default();
    let mut text = base.as_str().trim_end_matches('/').to_owned();
    for segment in template.split('/').skip(1) {
        text.push('/');
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            text.push_str(segment);
            continue;
        };
        let value = arguments
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value.trim());
        match value {
            "" => problems.add(&Path::Root.key(name), "must not be empty"),
            "." | ".." => problems.add(&Path::Root.key(name), format!("`{value}` is not an id")),
            _ => text.extend(utf8_percent_encode(value, SEGMENT)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Url::parse(&text).map_err(|error| Problems::one(&Path::Root, format!("make no usable address: {error}")))
}

/// Host and port of an address, the port where it is not the usual one.
#[must_use]
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    const TEMPLATE: &str = "/v1/rl/checkpoints/{id}/download";

    fn base() -> Url {
        Url::parse("https://api.example/prefix").unwrap()
    }

    #[test]
    fn dots_and_nothing_are_refused_with_their_argument() {
        for id in ["", ".", ".."] {
            let problems = url(&base(), TEMPLATE, &[("id", id)]).unwrap_err().to_string();
            assert!(problems.contains("- id: "), "{problems}");
        }
    }

    #[test]
    fn every_unusable_argument_is_reported_at_once() {
        let template = "/v1/rl/training-sessions/{session_id}/operations/sample/{operation_id}";
        let problems = url(&base(), template, &[("session_id", ".."), ("operation_id", "")]).unwrap_err();
        assert_eq!(problems.to_string().matches("\n- ").count(), 2);
    }

    proptest! {
        #[test]
        fn any_argument_is_exactly_one_segment(id in "\\PC{1,40}") {
            let id = id.trim();
            prop_assume!(!["", ".", ".."].contains(&id));
            let url = url(&base(), TEMPLATE, &[("id", id)]).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 6, "{}", url);
            prop_assert_eq!(percent_decode_str(segments[4]).decode_utf8().unwrap(), id);
            prop_assert_eq!(url.query(), None);
            prop_assert_eq!(url.fragment(), None);
            prop_assert_eq!(url.host_str(), Some("api.example"));
        }
    }
}
