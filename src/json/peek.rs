//! A look at one member of a long answer, without reading what stands behind it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Deserializer;

/// The text that an object has as its member `name`.
#[must_use]
pub(crate) fn text(json: &str, name: &str) -> Option<String> {
    let mut found = None;
    // Reading ends with an error as soon as it is found.
    let _ = Deserializer::from_str(json).deserialize_map(Search {
        name,
        found: &mut found,
    });
    found
}

struct Search<'a> {
    name: &'a str,
    found: &'a mut Option<String>,
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if name == self.name {
                *self.found = map.next_value().ok();
                return Err(A::Error::custom("found"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_stands_behind_it_is_not_read() {
        let open = r#"{"id":"a","n":[1,{"status":"inner"}],"status":"S","rest":[1,"#;
        assert_eq!(text(open, "status").as_deref(), Some("S"));
        assert_eq!(text(open, "rest"), None);
        for other in [
            r#"{"status":null}"#,
            r#"{"status":1}"#,
            r#"{"a":"b"}"#,
            "[]",
            "",
            "nul",
        ] {
            assert_eq!(text(other, "status"), None, "{other}");
        }
    }
}
