//! From text to tokens: LaTeX, plain mathematics and words come out alike.

use std::borrow::Cow;

use super::node::Function;
use super::number::{Number, Rational};
use super::words::{self, Meaning};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number {
        value: Number,
        decimal: bool,
    },
    Symbol(String),
    /// Nothing that can be calculated with.
    Word(String),
    Function(Function),
    /// An operator, a relation or a bracket. `⦃ ⦄` are braces that are shown, `{ }` LaTeX's own.
    Mark(char),
    /// A matrix, or its end.
    Matrix {
        begin: bool,
        determinant: bool,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// What it was read from.
    pub(super) source: &'a str,
    /// Inside `\text{…}`.
    pub(super) text: bool,
    /// A space stands before it.
    pub(super) spaced: bool,
}

impl Token<'_> {
    pub(super) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// What a `{` that is still open means.
struct Brace {
    /// It only wrapped, as that of `\text{…}`.
    dropped: bool,
    /// Whether text stood around it.
    text: bool,
    /// How many single digits `\frac` waits for behind it.
    digits: u8,
}

/// The tokens of a text, and whether it can be read in two ways.
pub(super) struct Lexed<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) ambiguous: bool,
}

/// Reads a text. The `second` way of reading takes the comma of `1,234` for a separator, and the letter of `2e3` for a
/// letter.
pub(super) fn lex(text: &str, second: bool) -> Lexed<'_> {
    let mut lexer = Lexer {
        rest: text,
        tokens: Vec::new(),
        braces: Vec::new(),
        text: false,
        digits: 0,
        spaced: false,
        brackets: 0,
        matrices: 0,
        second,
        doubts: 0,
    };
    while lexer.step() {}
    Lexed {
        tokens: lexer.tokens,
        ambiguous: lexer.doubts > 0,
    }
}

struct Lexer<'a> {
    rest: &'a str,
    tokens: Vec<Token<'a>>,
    braces: Vec<Brace>,
    text: bool,
    digits: u8,
    spaced: bool,
    /// How many brackets are open in which a comma separates.
    brackets: usize,
    matrices: usize,
    second: bool,
    /// How often the other way to read would have read otherwise.
    doubts: usize,
}

impl<'a> Lexer<'a> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if first.is_ascii_digit() || (first == '.' && starts_with_digit(self.rest.get(1..))) {
            self.number();
        } else if first.is_ascii_alphabetic() {
            let run = prefix(self.rest, |char| char.is_ascii_alphabetic());
            self.letters(run);
        } else if first == '\\' {
            self.command();
        } else if first.is_whitespace() || matches!(first, '~' | '\u{200b}') {
            self.take(first.len_utf8());
            self.spaced = true;
        } else if let Some((mark, length)) = words::mark(self.rest) {
            let source = self.take(length);
            self.mark(mark, source);
        } else {
            self.other(first);
        }
        true
    }

    /// Steps over so many bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (head, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        head
    }

    fn push(&mut self, kind: Kind, source: &'a str) {
        self.digits = self.digits.saturating_sub(1);
        self.tokens.push(Token {
            kind,
            source,
            text: self.text,
            spaced: self.spaced,
        });
        self.spaced = false;
    }

    fn mark(&mut self, mark: char, source: &'a str) {
        match mark {
            '{' => {
                self.open(false, self.text);
                self.push(Kind::Mark(mark), source);
                self.digits = 0;
            }
            '}' => {
                let brace = self.braces.pop();
                if let Some(brace) = &brace {
                    self.text = brace.text;
                }
                if brace.as_ref().is_none_or(|brace| !brace.dropped) {
                    self.push(Kind::Mark(mark), source);
                }
                self.digits = brace.map_or(0, |brace| brace.digits);
            }
            '(' | '[' | '⦃' => {
                self.brackets += 1;
                self.push(Kind::Mark(mark), source);
            }
            ')' | ']' | '⦄' => {
                self.brackets = self.brackets.saturating_sub(1);
                self.push(Kind::Mark(mark), source);
            }
            _ => self.push(Kind::Mark(mark), source),
        }
    }

    fn open(&mut self, dropped: bool, text: bool) {
        let digits = self.digits.saturating_sub(1);
        self.braces.push(Brace {
            dropped,
            text: self.text,
            digits,
        });
        self.text = text;
    }

    /// Currency and other marks that say nothing; letters of other alphabets.
    fn other(&mut self, first: char) {
        if first.is_alphabetic() {
            let run = prefix(self.rest, |char| char.is_alphabetic() && !char.is_ascii());
            let source = self.take(run.len());
            let kind = match words::greek(source) {
                Some(name) => Kind::Symbol(name.to_owned()),
                None => Kind::Word(source.to_lowercase()),
            };
            self.push(kind, source);
        } else if let Some((top, bottom)) = words::fraction(first) {
            let source = self.take(first.len_utf8());
            // Behind a number it is the rest of a mixed one.
            let number = |whole| Kind::Number {
                value: Number::Exact(Rational::integer(whole)),
                decimal: false,
            };
            self.push(Kind::Function(Function::Fraction), source);
            self.push(number(top), source);
            self.push(number(bottom), source);
        } else if words::raised(first).is_some() {
            let run = prefix(self.rest, |char| words::raised(char).is_some());
            let plain: String = run.chars().filter_map(words::raised).collect();
            let source = self.take(run.len());
            self.push(Kind::Mark('^'), source);
            self.push(Kind::Mark('{'), source);
            let digits = plain.trim_start_matches('-');
            if digits.len() < plain.len() {
                self.push(Kind::Mark('-'), source);
            }
            let kind = match Number::read(digits, 0, 0) {
                Some(value) => Kind::Number {
                    value,
                    decimal: false,
                },
                None => Kind::Symbol(digits.to_owned()),
            };
            self.push(kind, source);
            self.push(Kind::Mark('}'), source);
        } else {
            let dots = self.rest.starts_with("..");
            let source = self.take(first.len_utf8());
            if dots || !words::is_mute(first) {
                self.push(Kind::Word(source.to_owned()), source);
            }
        }
    }

    fn number(&mut self) {
        if self.digits > 0 {
            let source = self.take(1);
            if let Some(value) = Number::read(source, 0, 0) {
                self.push(
                    Kind::Number {
                        value,
                        decimal: false,
                    },
                    source,
                );
            }
            return;
        }
        let start = self.rest;
        let run = prefix(self.rest, |char| char.is_ascii_hexdigit());
        let base = start.get(run.len()..).is_some_and(|rest| rest.starts_with('_'));
        if base && run.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            let source = self.take(run.len());
            self.push(Kind::Symbol(source.to_uppercase()), source);
            return;
        }
        let whole = prefix(self.rest, |char| char.is_ascii_digit());
        self.take(whole.len());
        let mut digits = Cow::Borrowed(whole);
        if (1..=3).contains(&whole.len()) && !whole.starts_with('0') {
            self.groups(&mut digits);
        }
        let (mut decimals, mut decimal, mut repeating) = (0, false, None);
        if let Some(rest) = self.rest.strip_prefix('.') {
            let run = prefix(rest, |char| char.is_ascii_digit());
            repeating = rest.get(run.len()..).and_then(repeated);
            if !run.is_empty() || repeating.is_some() {
                self.take(1 + run.len());
                digits.to_mut().push_str(run);
                (decimals, decimal) = (run.len(), true);
            }
        }
        let mut value = Number::read(&digits, decimals, self.exponent());
        if let Some((repeated, length)) = repeating {
            self.take(length);
            value = repeat(value, decimals, repeated).or(value);
            decimal = false;
        }
        let source = start.get(..start.len() - self.rest.len()).unwrap_or(start);
        let value = value.unwrap_or(Number::Exact(Rational::ZERO));
        self.push(Kind::Number { value, decimal }, source);
    }

    /// The further groups of `1,234,567`, also with `{,}`, `\,` and spaces.
    fn groups(&mut self, digits: &mut Cow<'a, str>) {
        let separators = [
            ("{,}", true),
            (",\\!", true),
            ("\\!,", true),
            ("\\,", true),
            (",", false),
            (" ", false),
        ];
        loop {
            let found = separators.iter().find_map(|&(separator, sure)| {
                let rest = self.rest.strip_prefix(separator)?;
                let run = prefix(rest, |char| char.is_ascii_digit());
                (run.len() == 3).then_some((separator.len(), run, sure))
            });
            let Some((skipped, run, sure)) = found else { return };
            if !sure {
                if self.brackets > 0 {
                    return;
                }
                self.doubts += 1;
                if self.second {
                    return;
                }
            }
            self.take(skipped + run.len());
            digits.to_mut().push_str(run);
        }
    }

    /// What stands behind the `e` of `1e5`.
    fn exponent(&mut self) -> i32 {
        let Some(rest) = self.rest.strip_prefix(['e', 'E']) else {
            return 0;
        };
        let sign = prefix(rest, |char| matches!(char, '-' | '+'));
        let run = prefix(rest.get(sign.len()..).unwrap_or_default(), |char| {
            char.is_ascii_digit()
        });
        if sign.len() > 1 || run.is_empty() {
            return 0;
        }
        self.doubts += 1;
        if self.second {
            return 0;
        }
        self.take(1 + sign.len() + run.len());
        let power = run.parse().unwrap_or(100_000i32).min(100_000);
        if sign == "-" { -power } else { power }
    }

    fn letters(&mut self, run: &'a str) {
        let source = self.take(run.len());
        if matches!(run, "a" | "p") && self.rest.starts_with(".m") {
            self.take(2);
            self.push(Kind::Word(format!("{run}m")), source);
            return;
        }
        match words::meaning(source, self.text) {
            Meaning::Mark(mark) => self.push(Kind::Mark(mark), source),
            Meaning::Symbol(name) => self.push(Kind::Symbol(name.to_owned()), source),
            Meaning::Word => self.push(Kind::Word(source.to_lowercase()), source),
            Meaning::Scale(power) => {
                self.push(Kind::Mark('*'), source);
                let value = Rational::integer(10).power(power).unwrap_or(Rational::ONE);
                self.push(
                    Kind::Number {
                        value: Number::Exact(value),
                        decimal: false,
                    },
                    source,
                );
            }
            Meaning::Function(function, length) => {
                let (name, rest) = source.split_at_checked(length).unwrap_or((source, ""));
                self.push(Kind::Function(function), name);
                self.split(rest);
            }
            Meaning::Product => self.split(source),
        }
    }

    /// One symbol for each letter.
    fn split(&mut self, run: &'a str) {
        for letter in run.split_inclusive(|_: char| true) {
            self.push(Kind::Symbol(letter.to_owned()), letter);
        }
    }

    fn command(&mut self) {
        let rest = self.rest.get(1..).unwrap_or_default();
        let name = prefix(rest, |char| char.is_ascii_alphabetic());
        if name.is_empty() {
            self.control(rest);
            return;
        }
        let source = self.take(1 + name.len());
        match name {
            "begin" | "end" => self.environment(name == "begin", source),
            "left" | "right" => {
                if self.rest.starts_with('.') {
                    self.take(1);
                }
            }
            "mathbb" => {
                let behind = self.rest.trim_start();
                let inner = behind.strip_prefix('{').unwrap_or(behind).trim_start();
                let Some(set) = inner.chars().next().filter(char::is_ascii_uppercase) else {
                    return;
                };
                let behind = inner.get(1..).unwrap_or_default();
                let behind = if inner.len() < self.rest.len() {
                    behind.trim_start()
                } else {
                    behind
                };
                self.rest = behind.strip_prefix('}').unwrap_or(behind);
                self.push(Kind::Symbol(format!("{set}{set}")), source);
            }
            _ => {
                if let Some(text) = words::wrapper(name) {
                    self.wrapper(text);
                } else if let Some(function) = Function::named(name) {
                    self.push(Kind::Function(function), source);
                    self.digits = match function {
                        Function::Fraction | Function::Binomial => 2,
                        Function::Root => 1,
                        _ => 0,
                    };
                    self.log_base(function);
                } else if let Some(mark) = words::command(name) {
                    self.mark(mark, source);
                } else if let Some(symbol) = words::letter(name) {
                    self.push(Kind::Symbol(symbol.to_owned()), source);
                } else if !words::is_layout(name) {
                    self.push(Kind::Word(source.to_owned()), source);
                }
            }
        }
    }

    /// `\log_28` is the logarithm of eight: the base is one digit there.
    fn log_base(&mut self, function: Function) {
        let behind = self.rest.trim_start();
        if function != Function::Log || !behind.starts_with('_') {
            return;
        }
        self.take(self.rest.len() - behind.len());
        let source = self.take(1);
        self.push(Kind::Mark('_'), source);
        self.digits = 1;
    }

    /// A backslash and a character that is no letter.
    fn control(&mut self, rest: &'a str) {
        let Some(next) = rest.chars().next() else {
            self.take(1);
            return;
        };
        let behind = rest.get(next.len_utf8()..).unwrap_or_default();
        match next {
            // A row of a matrix; elsewhere a backslash that was doubled on its way.
            '\\' if self.matrices == 0 && behind.starts_with(|char: char| char.is_ascii_alphabetic()) => {
                self.take(1);
            }
            '\\' => {
                let source = self.take(2);
                if self.matrices > 0 {
                    self.push(Kind::Mark('\n'), source);
                }
                self.spaced = true;
            }
            _ => {
                let source = self.take(1 + next.len_utf8());
                match next {
                    '{' => self.mark('⦃', source),
                    '}' => self.mark('⦄', source),
                    '%' => self.push(Kind::Mark('%'), source),
                    '|' => self.push(Kind::Mark('|'), source),
                    _ => self.spaced = true,
                }
            }
        }
    }

    fn wrapper(&mut self, text: bool) {
        let behind = self.rest.trim_start();
        if behind.starts_with('{') {
            self.take(self.rest.len() - behind.len() + 1);
            self.spaced |= self.rest.starts_with(' ');
            self.open(true, text);
        }
    }

    fn environment(&mut self, begin: bool, source: &'a str) {
        let behind = self.rest.trim_start();
        let Some(end) = behind.strip_prefix('{').and_then(|rest| rest.find('}')) else {
            return;
        };
        let name = behind.get(1..=end).unwrap_or_default();
        self.take(self.rest.len() - behind.len() + end + 2);
        match name.trim_end_matches('*') {
            "matrix" | "pmatrix" | "bmatrix" | "Bmatrix" | "smallmatrix" | "vmatrix" | "array" => {
                if begin {
                    self.matrices += 1;
                    // The columns of an array.
                    if name == "array" && self.rest.starts_with('{') {
                        self.take(self.rest.find('}').map_or(0, |end| end + 1));
                    }
                } else {
                    self.matrices = self.matrices.saturating_sub(1);
                }
                self.push(
                    Kind::Matrix {
                        begin,
                        determinant: name == "vmatrix",
                    },
                    source,
                );
            }
            "equation" | "align" | "aligned" | "gather" | "math" | "displaymath" => {}
            _ => self.push(Kind::Word(name.to_owned()), source),
        }
    }
}

fn prefix(text: &str, keeps: impl Fn(char) -> bool) -> &str {
    let end = text.find(|char| !keeps(char)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn starts_with_digit(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.starts_with(|char: char| char.is_ascii_digit()))
}

/// The digits below the line of `0.1\overline{6}`, and the length of all that.
fn repeated(text: &str) -> Option<(&str, usize)> {
    let inner = text
        .strip_prefix("\\overline{")
        .or_else(|| text.strip_prefix("\\dot{"))?;
    let run = prefix(inner, |char| char.is_ascii_digit());
    let behind = inner.get(run.len()..)?.strip_prefix('}')?;
    (!run.is_empty()).then_some((run, text.len() - behind.len()))
}

fn repeat(value: Option<Number>, decimals: usize, repeated: &str) -> Option<Number> {
    let nines = Rational::integer(10).power(i128::try_from(repeated.len()).ok()?)?;
    let nines = nines.add(Rational::integer(-1))?;
    let place = Rational::integer(10).power(i128::try_from(decimals).ok()?)?;
    let tail = Rational::integer(repeated.parse().ok()?).multiply(nines.multiply(place)?.invert()?)?;
    Some(Number::Exact(value?.exact()?.add(tail)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, second: bool) -> String {
        let show = |token: &Token<'_>| match &token.kind {
            Kind::Number { value, .. } => value.float().to_string(),
            Kind::Symbol(name) => name.clone(),
            Kind::Word(word) => format!("“{word}”"),
            Kind::Function(function) => format!("{function:?}"),
            Kind::Mark(mark) => mark.to_string(),
            Kind::Matrix { begin, .. } => if *begin { "matrix" } else { "end" }.to_owned(),
        };
        lex(text, second)
            .tokens
            .iter()
            .map(show)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn tokens() {
        let table = [
            (r"\frac12", "Fraction 1 2"),
            (r"\frac{1}23", "Fraction { 1 } 2 3"),
            (r"\frac1{23}4", "Fraction 1 { 23 } 4"),
            (r"\dfrac{12}{34}", "Fraction { 12 } { 34 }"),
            ("1,234.5", "1234.5"),
            (r"1{,}234\,567", "1234567"),
            ("(1,234)", "( 1 , 234 )"),
            ("12,34", "12 , 34"),
            ("1e5", "100000"),
            ("−3", "- 3"),
            (r"\$18", "18"),
            (r"50\%", "50 %"),
            ("5 apples", "5 “apples”"),
            (r"5\text{ cm}^2", "5 “cm” ^ 2"),
            ("xyz", "x y z"),
            ("2pi", "2 π"),
            (r"\left( \frac{1}{2}, 3 \right]", "( Fraction { 1 } { 2 } , 3 ]"),
            (r"\log_28", "Log _ 2 8"),
            (r"x^{10}", "x ^ { 10 }"),
            (r"\{1, 2\}", "⦃ 1 , 2 ⦄"),
            (r"0.\overline{3}", "0.3333333333333333"),
            (
                r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
                "matrix 1 & 2 \n 3 & 4 end",
            ),
            (r"\\frac{1}{2}", "Fraction { 1 } { 2 }"),
            (r"\mathbb{R}", "RR"),
            ("5 million", "5 * 1000000"),
            ("1A_{16}", "1A _ { 16 }"),
            (r"\text{(A)}", "( A )"),
            ("x²", "x ^ { 2 }"),
            ("½", "Fraction 1 2"),
            ("1 and 2", "1 ∧ 2"),
        ];
        for (text, tokens) in table {
            assert_eq!(shown(text, false), tokens, "{text}");
        }
        assert_eq!(shown("1,234", true), "1 , 234");
        assert_eq!(shown("2e-3", true), "2 e - 3");
    }
}
