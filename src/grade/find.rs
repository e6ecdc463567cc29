//! Where the answer is in a completion.

/// The rest of the line behind the last `####`.
pub(super) fn hashes(text: &str) -> Option<&str> {
    let at = text.rfind("####")?;
    let behind = text.get(at + 4..)?;
    behind.trim_start().lines().next().map(str::trim)
}

/// The JSON that a completion is, or ends with: all of it, the last fenced block, or the last object or list in it.
pub(super) fn json(text: &str) -> Option<serde_json::Value> {
    let text = text.trim();
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    fenced(text).or_else(|| embedded(text))
}

fn fenced(text: &str) -> Option<serde_json::Value> {
    const FENCE: &str = "```";
    let end = text.rfind(FENCE)?;
    let start = text.get(..end)?.rfind(FENCE)? + FENCE.len();
    let inside = text.get(start..end)?;
    let (_, inside) = inside.split_once('\n')?;
    serde_json::from_str(inside.trim()).ok()
}

/// How often a text is read, all tries together, to find JSON in it.
const MOST_READINGS: usize = 32;

/// The last object or list that begins in a text and is whole, of those that lie in no other.
fn embedded(text: &str) -> Option<serde_json::Value> {
    let mut found = None;
    let (mut at, mut left) = (0, text.len().saturating_mul(MOST_READINGS));
    while let Some(start) = text
        .get(at..)
        .and_then(|rest| rest.find(['{', '[']))
        .map(|start| at + start)
    {
        let rest = text.get(start..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        match values.next() {
            Some(Ok(value)) => {
                at = start + values.byte_offset();
                found = Some(value);
            }
            Some(Err(error)) => {
                // Its column, in a text whose lines are read one by one, is at most how far it came.
                let read = rest
                    .lines()
                    .take(error.line())
                    .map(|line| line.len() + 1)
                    .sum::<usize>();
                left = match left.checked_sub(read.min(rest.len())) {
                    Some(left) => left,
                    None => break,
                };
                at = start + 1;
            }
            None => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_found_where_models_write_it() {
        for (text, expected) in [
            (r#"{"a": 1}"#, Some(json!({"a": 1}))),
            ("Here:\n```json\n{\"a\": 1}\n```\nDone.", Some(json!({"a": 1}))),
            (
                r#"First {"a": 1}, then {"b": {"c": [2]}}."#,
                Some(json!({"b": {"c": [2]}})),
            ),
            ("a [x] b", None),
            ("", None),
            ("5", Some(json!(5))),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
        assert_eq!(json(&"[".repeat(1_000_000)), None);
        assert_eq!(json(&"{\"a\":".repeat(10_000)), None);
    }

    #[test]
    fn hashes_end_with_the_line() {
        assert_eq!(hashes("#### 1\nso\n#### 42 \nmore"), Some("42"));
        assert_eq!(hashes("none"), None);
    }
}
