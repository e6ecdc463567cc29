//! JSON and numbers as Python writes them, which templates have been written against.

use std::fmt::Write as _;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};

/// How deep lists and objects may lie in each other.
const DEEPEST: usize = 200;

/// How `json.dumps` is asked to write.
struct Style {
    ascii: bool,
    indent: Option<String>,
    between: String,
    after_name: String,
    sorted: bool,
}

/// The filter `tojson`, as transformers defines it.
#[expect(
    clippy::needless_pass_by_value,
    reason = "filters get their arguments by value"
)]
pub(super) fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent = options
        .get::<Option<Value>>("indent")?
        .filter(|indent| !indent.is_none());
    let indent = indent.map(|indent| match indent.as_i64() {
        Some(width) => " ".repeat(usize::try_from(width).unwrap_or(0).min(64)),
        None => indent.to_string(),
    });
    let separators = options
        .get::<Option<Value>>("separators")?
        .filter(|given| !given.is_none());
    let (between, after_name) = match separators {
        Some(given) => {
            let text = |index: i64| given.get_item(&Value::from(index)).map(|part| part.to_string());
            (text(0)?, text(1)?)
        }
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    let style = Style {
        ascii: options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        indent,
        between,
        after_name,
        sorted: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    let mut text = String::new();
    style.write(&mut text, value, 0)?;
    Ok(text)
}

impl Style {
    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        let refused = |why: String| Err(Error::new(ErrorKind::InvalidOperation, why));
        if depth > DEEPEST {
            return refused("tojson: lists and objects lie too deep in each other".to_owned());
        }
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push_str(&number(value)),
            ValueKind::String => self.string(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.list(out, '[', ']', depth, &items, |out, item| {
                    self.write(out, item, depth + 1)
                })?;
            }
            ValueKind::Map => {
                let mut names: Vec<Value> = value.try_iter()?.collect();
                if self.sorted {
                    names.sort();
                }
                self.list(out, '{', '}', depth, &names, |out, name| {
                    match name.kind() {
                        ValueKind::String => self.string(out, name.as_str().unwrap_or_default()),
                        ValueKind::None => out.push_str("\"null\""),
                        ValueKind::Bool => {
                            let _ = write!(out, "\"{}\"", name.is_true());
                        }
                        _ => {
                            let _ = write!(out, "\"{}\"", number(name));
                        }
                    }
                    out.push_str(&self.after_name);
                    self.write(out, &value.get_item(name)?, depth + 1)
                })?;
            }
            kind => return refused(format!("tojson: what is {kind} is no JSON")),
        }
        Ok(())
    }

    fn list(
        &self,
        out: &mut String,
        opening: char,
        closing: char,
        depth: usize,
        items: &[Value],
        mut each: impl FnMut(&mut String, &Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let line = |out: &mut String, depth: usize| {
            if let Some(indent) = &self.indent {
                out.push('\n');
                out.push_str(&indent.repeat(depth));
            }
        };
        out.push(opening);
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                out.push_str(&self.between);
            }
            line(out, depth + 1);
            each(out, item)?;
        }
        if !items.is_empty() {
            line(out, depth);
        }
        out.push(closing);
        Ok(())
    }

    fn string(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || self.ascii && !matches!(c, ' '..='~') => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// A number as `repr` writes it.
fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;
    use minijinja::value::Serde;
    use serde_json::json;

    /// Each line is what Python 3 wrote.
    #[test]
    fn json_is_written_as_python_does() {
        let value = json!({"b": [1, 2.0, 1e16, 1e-5, 0.0001, true, null], "a": "é<\u{7f}\u{1}\"\n😀", "c": {}, "d": []});
        for (filter, expected) in [
            (
                "tojson",
                "{\"b\": [1, 2.0, 1e+16, 1e-05, 0.0001, true, null], \"a\": \"é<\u{7f}\\u0001\\\"\\n😀\", \"c\": {}, \"d\": []}",
            ),
            (
                "tojson(ensure_ascii=true, sort_keys=true, separators=(',', ':'))",
                "{\"a\":\"\\u00e9<\\u007f\\u0001\\\"\\n\\ud83d\\ude00\",\"b\":[1,2.0,1e+16,1e-05,0.0001,true,null],\"c\":{},\"d\":[]}",
            ),
            (
                "tojson(indent=2)",
                "{\n  \"b\": [\n    1,\n    2.0,\n    1e+16,\n    1e-05,\n    0.0001,\n    true,\n    null\n  ],\n  \"a\": \"é<\u{7f}\\u0001\\\"\\n😀\",\n  \"c\": {},\n  \"d\": []\n}",
            ),
        ] {
            let mut environment = minijinja::Environment::new();
            environment.add_filter("tojson", to_json);
            let source = format!("{{{{ x | {filter} }}}}");
            let written = environment.render_str(&source, context! { x => Value::from(Serde(&value)) });
            assert_eq!(written.unwrap(), expected, "{filter}");
        }
    }
}
