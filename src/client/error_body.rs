//! What the services say when they refuse: all forms of their error bodies, as one sentence.

use serde_json::Value;

/// The longest text of a service that is passed on, in characters.
const LONGEST: usize = 4000;

/// The service's own words. Together AI: `{"error": {"message", "type", "param", "code"}}` or
/// `{"message", "code", "details"}`. Prime Intellect: `{"errors": [{"param", "details"}]}`, `{"detail": [{"loc",
/// "msg"}]}` or `{"detail": "text"}`. Either: something that is no JSON, such as a proxy's page.
#[must_use]
pub(super) fn message(body: &str) -> String {
    let text = match serde_json::from_str::<Value>(body) {
        Ok(body) => from_json(&body),
        Err(_) => from_text(body),
    };
    shorten(text.trim(), LONGEST)
}

fn from_json(body: &Value) -> String {
    let known = [envelope(body), rpc(body), param_errors(body), detail(body)];
    known
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| body.to_string())
}

fn envelope(body: &Value) -> Option<String> {
    let error = body.get("error")?;
    let Some(message) = error.get("message") else {
        return error.as_str().map(str::to_owned);
    };
    let notes = ["type", "param", "code"].into_iter().filter_map(|name| {
        let value = error.get(name).filter(|value| !value.is_null())?;
        Some(format!("{name} {}", plain(value)))
    });
    Some(with_notes(plain(message), notes))
}

fn rpc(body: &Value) -> Option<String> {
    let message = plain(body.get("message")?);
    let details = body
        .get("details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let details = details.map(|detail| detail.get("detail").map_or_else(|| detail.to_string(), plain));
    Some(with_notes(message, details))
}

fn param_errors(body: &Value) -> Option<String> {
    let errors = body.get("errors")?.as_array()?.iter().map(|error| {
        let details = error.get("details").map_or_else(|| plain(error), plain);
        error
            .get("param")
            .map_or_else(|| details.clone(), |param| format!("{}: {details}", plain(param)))
    });
    Some(errors.collect::<Vec<_>>().join("; "))
}

fn detail(body: &Value) -> Option<String> {
    let Value::Array(details) = body.get("detail")? else {
        return body.get("detail").map(plain);
    };
    let details = details.iter().map(|detail| {
        let message = detail.get("msg").map_or_else(|| plain(detail), plain);
        let place = detail.get("loc").and_then(Value::as_array).into_iter().flatten();
        let mut place: Vec<String> = place.map(plain).collect();
        if place.first().is_some_and(|first| first == "body") {
            place.remove(0);
        }
        if place.is_empty() {
            message
        } else {
            format!("{}: {message}", place.join("."))
        }
    });
    Some(details.collect::<Vec<_>>().join("; "))
}

fn with_notes(text: String, notes: impl Iterator<Item = String>) -> String {
    let notes: Vec<String> = notes.collect();
    if notes.is_empty() {
        text
    } else {
        format!("{text} ({})", notes.join(", "))
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A page is boiled down to its title; other text stays.
fn from_text(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").zip(lower.find("</title>"));
    let title = title.and_then(|(start, end)| text.get(start + "<title>".len()..end));
    title.map_or_else(
        || "an HTML page, so probably a proxy or gateway".to_owned(),
        |title| {
            format!(
                "an HTML page titled \"{}\", so probably a proxy or gateway",
                shorten(title.trim(), 200)
            )
        },
    )
}

fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!(
            "{} … ({} characters in all)",
            text.get(..end).unwrap_or_default(),
            text.chars().count()
        ),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_as_a_sentence() {
        for (body, expected) in [
            (
                r#"{"error":{"message":"training session not found","type":"not_found","param":null,"code":null}}"#,
                "training session not found (type not_found)",
            ),
            (
                r#"{"error":{"message":"invalid key","type":"invalid_request_error","code":"invalid_api_key"}}"#,
                "invalid key (type invalid_request_error, code invalid_api_key)",
            ),
            (r#"{"error":"forbidden"}"#, "forbidden"),
            (
                r#"{"code":3,"message":"seconds out of range","details":[]}"#,
                "seconds out of range",
            ),
            (
                r#"{"code":3,"message":"no","details":[{"detail":"too long"}]}"#,
                "no (too long)",
            ),
            (
                r#"{"errors":[{"param":"config","details":"orchestrator is missing"},{"param":"name","details":"too long"}]}"#,
                "config: orchestrator is missing; name: too long",
            ),
            (
                r#"{"detail":[{"loc":["body","config",0],"msg":"Field required","type":"missing"},{"loc":["body"],"msg":"bad"}]}"#,
                "config.0: Field required; bad",
            ),
            (r#"{"detail":"Run not found"}"#, "Run not found"),
            (r#"{"something":"else"}"#, r#"{"something":"else"}"#),
            ("upstream connect error", "upstream connect error"),
            ("", ""),
            (
                "<html><head><title>502 Bad Gateway</title></head></html>",
                "an HTML page titled \"502 Bad Gateway\", so probably a proxy or gateway",
            ),
            (
                "  <!doctype html><p>hm",
                "an HTML page, so probably a proxy or gateway",
            ),
        ] {
            assert_eq!(message(body), expected, "{body}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let text = message(&"ä".repeat(5000));
        assert!(text.ends_with("… (5000 characters in all)"), "{text}");
        assert!(text.chars().count() < 4100);
    }
}
