//! A text as it is read: its tree, its unit, and what is left to compare where there is no tree.

use std::fmt::Write as _;

use super::lex::{self, Kind, Token};
use super::node::Node;
use super::parse::{self, Trouble};
use super::words;

/// Longer texts are not read.
const MOST_CHARACTERS: usize = 4_000;

/// One way to read a text.
pub(super) struct Reading<'a> {
    tokens: Vec<Token<'a>>,
    pub(super) node: Result<Node, Trouble>,
    /// The unit, where it is one that is told from others.
    pub(super) unit: Option<String>,
}

/// All ways to read a text.
pub(super) struct Readings<'a> {
    pub(super) first: Reading<'a>,
    pub(super) second: Option<Reading<'a>>,
}

pub(super) fn read(text: &str) -> Result<Readings<'_>, &'static str> {
    let text = text.trim();
    // So that a long text is not counted to its end.
    if text.len() > 4 * MOST_CHARACTERS || text.chars().count() > MOST_CHARACTERS {
        return Err("it is longer than 4,000 characters");
    }
    // Markdown's emphasis, and what ends a sentence.
    let text = text.trim_start_matches(['*', '_', '`', ' ', '$']);
    let text = text.trim_end_matches(['*', '_', '`', ' ', '$', '.', ',', ';', ':', '\n']);
    let lexed = lex::lex(text, false);
    let first = reading(lexed.tokens)?;
    let second = if lexed.ambiguous {
        reading(lex::lex(text, true).tokens).ok()
    } else {
        None
    };
    // "1,234" is a list only beside what is certainly one.
    Ok(Readings { first, second })
}

fn reading(mut tokens: Vec<Token<'_>>) -> Result<Reading<'_>, &'static str> {
    if tokens.is_empty() {
        return Err("it is empty");
    }
    name_words(&mut tokens);
    let (kept, unit) = without_units(&tokens);
    let node = match &kept {
        Some(kept) => parse::parse(kept),
        None => parse::parse(&tokens),
    };
    if node == Err(Trouble::Deep) {
        return Err("it is nested too deeply");
    }
    if let Some(kept) = kept.filter(|_| node.is_ok()) {
        tokens = kept;
    }
    Ok(Reading { tokens, node, unit })
}

/// Takes the words in "Area = 5" for the name of a variable.
fn name_words(tokens: &mut Vec<Token<'_>>) {
    let Some(at) = tokens.iter().position(|token| token.is('=')) else {
        return;
    };
    let words = tokens.get(..at).unwrap_or_default();
    let named = words.iter().any(|token| matches!(token.kind, Kind::Word(_)))
        && words.iter().all(|token| {
            matches!(
                token.kind,
                Kind::Word(_) | Kind::Symbol(_) | Kind::Mark('\'' | '-')
            )
        });
    if named {
        let name = words.iter().map(|token| token.source.to_lowercase()).collect();
        let mut words = tokens.drain(..at);
        if let Some(first) = words.next() {
            drop(words);
            tokens.insert(
                0,
                Token {
                    kind: Kind::Symbol(name),
                    ..first
                },
            );
        }
    }
}

impl Reading<'_> {
    /// What two texts without a tree have in common when they say the same: no cases, spaces and LaTeX's braces.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let kind = |at: usize| self.tokens.get(at).map(|token| &token.kind);
        for (at, token) in self.tokens.iter().enumerate() {
            let before = at.checked_sub(1).and_then(kind);
            match &token.kind {
                Kind::Number { .. } => {
                    // So that the braces between two numbers still tell them apart.
                    text.push(' ');
                    text.extend(token.source.chars().filter(|char| !matches!(char, ',' | ' ')));
                }
                // A hyphen.
                Kind::Mark('-')
                    if matches!((before, kind(at + 1)), (Some(Kind::Word(_)), Some(Kind::Word(_)))) => {}
                Kind::Symbol(name) => text.extend(name.chars().flat_map(char::to_lowercase)),
                Kind::Word(word) => text.push_str(word),
                Kind::Function(function) => drop(write!(text, "{function:?}")),
                Kind::Mark('{' | '}' | '\'') => {}
                Kind::Mark('∧') => text.push_str("and"),
                Kind::Mark('∨') => text.push_str("or"),
                Kind::Mark(mark) => text.push(*mark),
                Kind::Matrix { begin, .. } => text.push_str(if *begin { "matrix" } else { "end" }),
            }
        }
        text
    }

    pub(super) fn is_number(&self) -> bool {
        self.node
            .as_ref()
            .is_ok_and(|node| node.is_scalar() && !node.has_variables())
    }

    /// The number before letters that may be a unit, and these, as "5 m" and "9.8 m/s^2".
    pub(super) fn bare(&self) -> Option<(Node, String)> {
        let is_letter = |token: &Token<'_>| matches!(&token.kind, Kind::Symbol(name) if name.len() == 1 && "mghslLNJWVAKC".contains(name.as_str()));
        let at = self
            .tokens
            .iter()
            .position(|token| token.spaced && is_letter(token))?;
        let (value, unit) = self.tokens.split_at_checked(at)?;
        let fits = ends_value(value) && unit.iter().all(|token| is_letter(token) || is_of_power(token));
        let (name, _) = name(unit);
        if fits {
            Some((parse::parse(value).ok()?, name))
        } else {
            None
        }
    }
}

/// The tokens without the unit behind each value, where there are units, and the unit, where it is a known one.
/// Values with several units stay as they are: their order counts.
fn without_units<'a>(tokens: &[Token<'a>]) -> (Option<Vec<Token<'a>>>, Option<String>) {
    let mut kept: Vec<Token<'a>> = Vec::with_capacity(tokens.len());
    let mut units: Option<String> = None;
    let mut known = true;
    for part in tokens.split_inclusive(is_separator) {
        let (separator, values) = match part.split_last() {
            Some((last, values)) if is_separator(last) => (Some(last), values),
            _ => (None, part),
        };
        let unit = values.iter().position(is_unit).filter(|&at| {
            let (value, unit) = values.split_at_checked(at).unwrap_or((values, &[]));
            ends_value(value) && unit.iter().all(is_of_unit)
        });
        let (value, unit) = unit
            .and_then(|at| values.split_at_checked(at))
            .unwrap_or((values, &[]));
        if !unit.is_empty() {
            let (name, named) = name(unit);
            known &= named;
            if units.as_ref().is_some_and(|units| *units != name) {
                return (None, None);
            }
            units = Some(name);
        }
        kept.extend(value.iter().cloned());
        kept.extend(separator.cloned());
    }
    match units {
        Some(units) => (Some(kept), Some(units).filter(|_| known)),
        None => (None, None),
    }
}

fn is_separator(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Mark(',' | ';' | '∧' | '∨'))
}

/// Whether a unit can begin here.
fn is_unit(token: &Token<'_>) -> bool {
    match &token.kind {
        Kind::Word(_) => true,
        Kind::Mark('(') => token.text,
        Kind::Symbol(name) => token.text && !matches!(name.as_str(), "e" | "i" | "π" | "∞"),
        _ => false,
    }
}

/// Whether this can stand in a unit, as in `\text{m}/\text{s}^2`.
fn is_of_unit(token: &Token<'_>) -> bool {
    match &token.kind {
        Kind::Word(word) => !words::changes_number(word),
        Kind::Symbol(_) => true,
        Kind::Mark('(' | ')') => token.text,
        _ => is_of_power(token),
    }
}

fn is_of_power(token: &Token<'_>) -> bool {
    matches!(
        token.kind,
        Kind::Number { .. } | Kind::Mark('^' | '/' | '*' | '{' | '}' | '-')
    )
}

/// Whether a value that a unit can follow ends here.
fn ends_value(tokens: &[Token<'_>]) -> bool {
    let last = tokens.last().is_some_and(|token| match &token.kind {
        Kind::Number { .. } | Kind::Symbol(_) => true,
        Kind::Mark(mark) => matches!(mark, ')' | ']' | '}' | '%' | '°' | '|' | '!'),
        _ => false,
    });
    last && tokens.iter().any(|token| match &token.kind {
        Kind::Number { .. } => true,
        Kind::Symbol(name) => name == "π",
        _ => false,
    })
}

/// One spelling for a unit, and whether it is known.
fn name(tokens: &[Token<'_>]) -> (String, bool) {
    let (mut text, mut all) = (String::new(), true);
    for token in tokens {
        match &token.kind {
            Kind::Word(word) => {
                let known = words::unit(word);
                all &= known.is_some();
                text.push_str(known.unwrap_or(word));
            }
            Kind::Symbol(name) => text.push_str(name),
            Kind::Number { .. } => text.push_str(token.source),
            Kind::Mark(mark) if !matches!(mark, '{' | '}') => text.push(*mark),
            _ => {}
        }
    }
    (text, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_texts() {
        let table = [
            (r"5\text{ cm}", Some("cm"), "Ok(Number"),
            ("25 square units", None, "Ok(Number"),
            (r"9.8\text{ m/s}^2", Some("m/s^2"), "Ok(Number"),
            ("5 cm, 7 centimetres", Some("cm"), "Ok(List"),
            ("5 cm, 7 kg", None, "Err(Words)"),
            ("10:00 a.m.", None, "Err(Words)"),
            (r"10:00\text{ a.m.}", None, "Err(Words)"),
            ("Area = 5", None, "Ok(Relation"),
        ];
        for (text, unit, node) in table {
            let reading = read(text).unwrap().first;
            assert_eq!(reading.unit.as_deref(), unit, "{text}");
            let shown = format!("{:?}", reading.node);
            assert!(shown.starts_with(node), "{text} {shown}");
        }
        let text = |text| read(text).unwrap().first.text();
        assert_eq!(text(r"\text{No  Solution}"), text("no solution."));
        assert_ne!(text(r"\int_{1}23 x"), text(r"\int_{12}3 x"));
        assert!(read(&"1".repeat(4001)).is_err());
    }
}
