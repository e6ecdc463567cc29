//! What an answer of the store means for a file of which there are some bytes already.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, LAST_MODIFIED};

use super::part::Resume;

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RangeAnswer {
    /// The whole file comes, of the version with this validator.
    Whole(Option<String>),
    /// What is missing comes.
    Rest,
    /// There is nothing left to come.
    Complete,
    /// What there is belongs to another version, or the store cannot go on with it.
    Stale,
    /// The URL is no longer good.
    Expired,
    /// The store has another file than the service listed: one of this length.
    OtherLength(u64),
    /// None of these; the status says more.
    Other,
}

/// Reads the status and the headers of an answer to a request for a file of `size` bytes, from `resume` on.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    size: u64,
    resume: Option<&Resume>,
) -> RangeAnswer {
    match (status.as_u16(), resume) {
        (200, _) => match text(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok()) {
            Some(length) if length != size => RangeAnswer::OtherLength(length),
            _ => RangeAnswer::Whole(validator(headers)),
        },
        (206, Some(resume)) => match content_range(headers) {
            Some((_, Some(total))) if total != size => RangeAnswer::OtherLength(total),
            // Not every store heeds If-Range.
            _ if validator(headers).is_some_and(|now| now != resume.validator) => RangeAnswer::Stale,
            Some((Some(start), _)) if start == resume.at => RangeAnswer::Rest,
            _ => RangeAnswer::Stale,
        },
        (416, Some(resume)) => match content_range(headers) {
            Some((None, Some(total))) if total == size && resume.at == size => RangeAnswer::Complete,
            _ => RangeAnswer::Stale,
        },
        // 400 is what some stores say of a session that has expired.
        (400 | 401 | 403 | 404 | 410, _) => RangeAnswer::Expired,
        _ => RangeAnswer::Other,
    }
}

/// What tells one version of a file from another: a strong ETag, else the date.
fn validator(headers: &HeaderMap) -> Option<String> {
    let strong = text(headers, ETAG.as_str()).filter(|tag| tag.starts_with('"'));
    let validator = strong.or_else(|| text(headers, LAST_MODIFIED.as_str()))?;
    Some(validator.to_owned())
}

/// Start and total of `bytes 5-9/10` or `bytes */10`, as far as they are said.
fn content_range(headers: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text(headers, CONTENT_RANGE.as_str())?
        .strip_prefix("bytes ")?
        .split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.parse().ok());
    Some((start, total.parse().ok()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&'static str, &str)], at: Option<u64>) -> RangeAnswer {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let resume = at.map(|at| Resume {
            at,
            validator: "\"v\"".to_owned(),
        });
        super::read(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            10,
            resume.as_ref(),
        )
    }

    #[test]
    fn only_what_certainly_fits_is_appended() {
        let range = |range| [("content-range", range), ("etag", "\"v\"")];
        assert_eq!(read(206, &range("bytes 5-9/10"), Some(5)), RangeAnswer::Rest);
        assert_eq!(read(206, &range("bytes 5-9/*"), Some(5)), RangeAnswer::Rest);
        assert_eq!(read(206, &range("bytes 4-9/10"), Some(5)), RangeAnswer::Stale);
        assert_eq!(
            read(206, &range("bytes 5-8/9"), Some(5)),
            RangeAnswer::OtherLength(9)
        );
        assert_eq!(read(206, &range("bytes 5-9/10"), None), RangeAnswer::Other);
        assert_eq!(read(206, &[], Some(5)), RangeAnswer::Stale);
        let other = [("content-range", "bytes 5-9/10"), ("etag", "\"w\"")];
        assert_eq!(read(206, &other, Some(5)), RangeAnswer::Stale);
        assert_eq!(read(416, &range("bytes */10"), Some(10)), RangeAnswer::Complete);
        assert_eq!(read(416, &range("bytes */10"), Some(5)), RangeAnswer::Stale);
        assert_eq!(read(416, &range("bytes */5"), Some(5)), RangeAnswer::Stale);
        assert_eq!(read(416, &[], Some(10)), RangeAnswer::Stale);
    }

    #[test]
    fn a_whole_file_is_known_by_a_strong_tag_or_its_date() {
        let date = "Sun, 22 Nov 2026 10:00:00 GMT";
        let whole = |validator: Option<&str>| RangeAnswer::Whole(validator.map(str::to_owned));
        assert_eq!(read(200, &[("etag", "\"v\"")], Some(5)), whole(Some("\"v\"")));
        let weak = [("etag", "W/\"v\""), ("last-modified", date)];
        assert_eq!(read(200, &weak, None), whole(Some(date)));
        assert_eq!(read(200, &[("etag", "W/\"v\"")], None), whole(None));
        assert_eq!(read(200, &[("content-length", "10")], None), whole(None));
        assert_eq!(
            read(200, &[("content-length", "9")], None),
            RangeAnswer::OtherLength(9)
        );
        for status in [400, 401, 403, 404, 410] {
            assert_eq!(read(status, &[], Some(5)), RangeAnswer::Expired);
        }
        assert_eq!(read(503, &[], None), RangeAnswer::Other);
    }
}
