//! Chat templates, rendered as transformers' `apply_chat_template` does.
//!
//! A template comes from a stranger: it gets fuel, and reaches nothing but what it is given.

mod date;
mod python;

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value};

pub use date::Date;

use super::conversation::Conversation;

/// Instructions of one rendering, where 64 bytes of text count as one: a second of work and 128 MB at the most.
const FUEL: u64 = 2_000_000;
/// The longest text that is rendered, in bytes.
const LONGEST: usize = 16 << 20;
/// The name under which it is compiled.
const NAME: &str = "chat";
/// The block that transformers knows and Jinja does not, and what it is rewritten to.
const BLOCK: &str = "generation";
const FILTER: &str = "rl_mcp_generation";

/// A chat template, compiled.
pub struct Template {
    environment: Environment<'static>,
    source: String,
}

/// What a template made of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The bytes of it that the assistant wrote, as far as the template says.
    pub written: Vec<Range<usize>>,
}

impl Template {
    /// Compiles a template. An error says what is wrong with it, and in which line.
    pub fn new(source: String) -> Result<Self, String> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        environment.set_syntax(syntax.map_err(|error| problem(&error))?);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", python::to_json);
        environment.add_test("iterable", |value: &Value| {
            !value.is_none() && value.try_iter().is_ok()
        });
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment
            .add_template_owned(NAME, rewritten(&source))
            .map_err(|error| problem(&error))?;
        Ok(Self { environment, source })
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it says which parts of its text the assistant wrote.
    #[must_use]
    pub fn says_what_is_written(&self) -> bool {
        rewritten(&self.source).len() != self.source.len()
    }

    /// Renders a conversation. `special` has the names of special tokens, such as `bos_token`. An error says why it
    /// cannot be, and in which line.
    pub fn render(
        &self,
        conversation: &Conversation,
        special: &BTreeMap<String, String>,
        date: Date,
    ) -> Result<Rendered, String> {
        let variables = variables(conversation, special);
        let given = serde_json::to_string(&variables).map_err(|error| error.to_string())?;
        let [opening, closing] = self.marks(&given)?;
        let mut environment = self.environment.clone();
        environment.add_function("strftime_now", move |format: String| {
            date.format(&format).ok_or_else(|| {
                let why = format!("strftime_now knows no format {format}");
                Error::new(ErrorKind::InvalidOperation, why)
            })
        });
        environment.add_filter(FILTER, move |text: String| format!("{opening}{text}{closing}"));
        let template = environment.get_template(NAME).map_err(|error| problem(&error))?;
        let text = template
            .render(Value::from(Serde(&variables)))
            .map_err(|error| problem(&error))?;
        if text.len() > LONGEST {
            return Err(format!("it makes more than {} MB of text", LONGEST >> 20));
        }
        Ok(unmarked(&text, opening, closing))
    }

    /// Two characters that occur nowhere else: they stand for the beginning and the end of what the assistant wrote.
    fn marks(&self, given: &str) -> Result<[char; 2], String> {
        let unused = |c: &char| !given.contains(*c) && !self.source.contains(*c);
        let mut unused = ('\u{fdd0}'..='\u{fdef}').filter(unused);
        match (unused.next(), unused.next()) {
            (Some(opening), Some(closing)) => Ok([opening, closing]),
            _ => Err("the messages hold characters that are none (U+FDD0 to U+FDEF)".to_owned()),
        }
    }
}

/// What the template gets to see.
fn variables(
    conversation: &Conversation,
    special: &BTreeMap<String, String>,
) -> serde_json::Map<String, serde_json::Value> {
    let mut variables = serde_json::Map::new();
    for (name, token) in special {
        variables.insert(name.clone(), token.as_str().into());
    }
    variables.insert("add_generation_prompt".to_owned(), true.into());
    variables.insert("documents".to_owned(), serde_json::Value::Null);
    for (name, value) in &conversation.template_args {
        variables.insert(name.clone(), value.clone());
    }
    let messages = conversation.plain_messages();
    let of = |list: &[super::Message]| {
        let list = list.iter().cloned().map(serde_json::Value::Object);
        list.collect::<serde_json::Value>()
    };
    variables.insert("messages".to_owned(), of(&messages));
    let tools = conversation.tools.as_deref().map_or(serde_json::Value::Null, of);
    variables.insert("tools".to_owned(), tools);
    variables
}

/// The template with the blocks of [`BLOCK`] turned into filters.
fn rewritten(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{%") {
        text.push_str(before);
        text.push_str("{%");
        let inner = after.trim_start_matches(['-', '+']).trim_start();
        let (lead, tag) = after.split_at(after.len() - inner.len());
        let replaced = [
            (format!("end{BLOCK}"), "endfilter".to_owned()),
            (BLOCK.to_owned(), format!("filter {FILTER}")),
        ];
        let found = replaced.into_iter().find_map(|(name, filter)| {
            let end = tag.strip_prefix(name.as_str())?;
            let bare = end.trim_start();
            (bare.starts_with("%}") || bare.starts_with("-%}") || bare.starts_with("+%}"))
                .then_some((filter, end))
        });
        text.push_str(lead);
        rest = match found {
            Some((filter, end)) => {
                text.push_str(&filter);
                end
            }
            None => tag,
        };
    }
    text.push_str(rest);
    text
}

/// Takes the marks out, and says where they were.
fn unmarked(text: &str, opening: char, closing: char) -> Rendered {
    let mut rendered = Rendered::default();
    let mut start = 0;
    for piece in text.split_inclusive([opening, closing]) {
        let bare = piece.trim_end_matches([opening, closing]);
        rendered.text.push_str(bare);
        if piece.ends_with(opening) {
            start = rendered.text.len();
        } else if piece.ends_with(closing) {
            rendered.written.push(start..rendered.text.len());
        }
    }
    rendered
}

/// What went wrong, with the line of the template.
fn problem(error: &Error) -> String {
    let what = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => {
            "it does more work than any prompt needs, as one that never ends".to_owned()
        }
        (ErrorKind::InvalidOperation, Some(detail)) => detail.to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

#[cfg(test)]
mod tests;
