//! What commands, letters and characters mean: the tables of the lexer.

use super::node::Function;

/// What a run of letters is.
pub(super) enum Meaning<'a> {
    Mark(char),
    Symbol(&'a str),
    Word,
    /// A power of ten, as in "5 million".
    Scale(i128),
    /// A function, and how many of the letters name it.
    Function(Function, usize),
    Product,
}

/// In text a run is a word, elsewhere it may be a product of letters.
pub(super) fn meaning(run: &str, text: bool) -> Meaning<'_> {
    if run.len() == 1 {
        return Meaning::Symbol(run);
    }
    let lower = run.to_ascii_lowercase();
    match lower.as_str() {
        "and" => return Meaning::Mark('∧'),
        "or" => return Meaning::Mark('∨'),
        "pi" => return Meaning::Symbol("π"),
        "inf" | "infty" | "infinity" => return Meaning::Symbol("∞"),
        "percent" | "percentage" | "pct" => return Meaning::Mark('%'),
        "deg" | "degree" | "degrees" => return Meaning::Mark('°'),
        "thousand" => return Meaning::Scale(3),
        "million" => return Meaning::Scale(6),
        "billion" => return Meaning::Scale(9),
        "trillion" => return Meaning::Scale(12),
        _ => {}
    }
    if let Some(function) = Function::named(&lower) {
        return Meaning::Function(function, run.len());
    }
    if text {
        return Meaning::Word;
    }
    // "sinx", "lnx".
    if let Some(function) = run.get(..run.len() - 1).and_then(Function::named) {
        return Meaning::Function(function, run.len() - 1);
    }
    if is_word(&lower) {
        Meaning::Word
    } else {
        Meaning::Product
    }
}

/// Whether letters look like a word rather than like variables side by side.
fn is_word(lower: &str) -> bool {
    let has = |vowels: &str| lower.contains(|char| vowels.contains(char));
    let known = unit(lower).is_some();
    match lower.len() {
        2 => known || matches!(lower, "am" | "pm" | "no" | "on" | "th" | "st" | "nd" | "rd"),
        3 => known || has("eiou") || lower == "man",
        4 | 5 => has("aeiou"),
        _ => true,
    }
}

/// Units that are told apart: the name, and each other spelling without its plural's s.
const UNITS: &str = "mm:millimeter cm:centimeter m:meter km:kilometer in:inch in:inche ft:foot ft:feet yd:yard mi:mile \
    mg:milligram g:gram kg:kilogram lb:pound oz:ounce ml:milliliter l:liter s:sec s:second min:minute h:hr h:hour \
    d:day wk:week mo:month yr:year mph:mph kmh:kph kmh:kmph ct:cent usd:dollar";

/// The one name of a known unit.
pub(super) fn unit(word: &str) -> Option<&'static str> {
    let british = ["metre", "litre"]
        .into_iter()
        .find_map(|end| word.trim_end_matches('s').strip_suffix(end));
    let entries = || UNITS.split(' ').filter_map(|entry| entry.split_once(':'));
    entries().find_map(|(name, spelling)| {
        let american = british.is_some_and(|start| {
            spelling.strip_suffix("meter").or(spelling.strip_suffix("liter")) == Some(start)
        });
        let singular = word.strip_suffix('s').unwrap_or(word);
        (american || name == word || [word, singular].contains(&spelling)).then_some(name)
    })
}

/// Words behind a number that say more than its unit.
pub(super) fn changes_number(word: &str) -> bool {
    "am pm no not more less most least over than hundred dozen"
        .split(' ')
        .any(|other| other == word)
}

/// Operators, relations and brackets that stand for themselves.
const MARKS: &str = "+-*/^_!%,;:=<>()[]{}|&'±∓≤≥≠≈∈∪∩∖∅√°⌊⌋⌈⌉";
/// What is written otherwise, and the mark that it is.
const SIGNS: &[(&str, char)] = &[
    ("**", '^'),
    ("<=", '≤'),
    (">=", '≥'),
    ("!=", '≠'),
    ("==", '='),
    ("+-", '±'),
];
/// Characters that look alike, each before the mark that it is.
const ALIKE: &str = "−-–-—-‐-‑-×*·*⋅*∗*•*÷/⁄/，,（(）)：:⟨(⟩)′'’'⩽≤⩾≥";

/// Characters that are operators, relations or brackets, and the bytes that they take.
pub(super) fn mark(text: &str) -> Option<(char, usize)> {
    let char = text.chars().next()?;
    if let Some((sign, mark)) = SIGNS.iter().find(|(sign, _)| text.starts_with(sign)) {
        return Some((*mark, sign.len()));
    }
    if MARKS.contains(char) {
        return Some((char, char.len_utf8()));
    }
    Some((pair(ALIKE, char)?, char.len_utf8()))
}

/// What stands behind a character in a table of pairs.
fn pair(table: &str, char: char) -> Option<char> {
    let mut chars = table.chars();
    while let (Some(first), Some(second)) = (chars.next(), chars.next()) {
        if first == char {
            return Some(second);
        }
    }
    None
}

/// LaTeX commands that are operators, relations or brackets, each before its mark.
const COMMANDS: &str = "cdot* times* ast* bullet* div/ pm± mp∓ le≤ leq≤ leqslant≤ ge≥ geq≥ geqslant≥ lt< gt> ne≠ neq≠ \
    approx≈ simeq≈ in∈ cup∪ bigcup∪ cap∩ setminus∖ backslash∖ smallsetminus∖ wedge∧ land∧ vee∨ lor∨ circ° degree° \
    prime' emptyset∅ varnothing∅ lbrace⦃ rbrace⦄ lvert| rvert| vert| mid| lVert| rVert| Vert| lfloor⌊ rfloor⌋ lceil⌈ \
    rceil⌉ langle( lparen( rangle) rparen) lbrack[ rbrack] colon:";

pub(super) fn command(name: &str) -> Option<char> {
    COMMANDS.split(' ').find_map(|entry| {
        let mut rest = entry.strip_prefix(name)?.chars();
        rest.next()
            .filter(|mark| rest.next().is_none() && !mark.is_alphabetic())
    })
}

/// LaTeX commands that are letters, or make another letter of one.
const LETTERS: &str = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi \
    psi omega Gamma Delta Theta Lambda Sigma Phi Psi Omega ell angle triangle overline vec hat bar";

pub(super) fn letter(name: &str) -> Option<&str> {
    match name {
        "pi" => Some("π"),
        "infty" => Some("∞"),
        "imath" => Some("i"),
        "varepsilon" | "varphi" | "vartheta" => name.strip_prefix("var"),
        _ => LETTERS.split(' ').find(|letter| *letter == name),
    }
}

/// The same letters, as characters, and the sets of numbers.
const GREEK: &str = "ππ αalpha βbeta γgamma δdelta εepsilon θtheta λlambda μmu µmu ρrho σsigma τtau φphi ϕphi ωomega ΔDelta \
    ΣSigma ΩOmega ℝRR ℤZZ ℕNN ℚQQ ℂCC";

pub(super) fn greek(text: &str) -> Option<&'static str> {
    GREEK
        .split(' ')
        .find_map(|entry| entry.strip_prefix(text))
        .filter(|name| !name.is_empty())
}

/// Fractions that are one character.
pub(super) fn fraction(char: char) -> Option<(i128, i128)> {
    let digit = |table| {
        pair(table, char)
            .and_then(|digit| digit.to_digit(10))
            .map(i128::from)
    };
    Some((digit("½1⅓1⅔2¼1¾3⅕1⅙1⅛1⅜3⅝5⅞7")?, digit("½2⅓3⅔3¼4¾4⅕5⅙6⅛8⅜8⅝8⅞8")?))
}

/// Raised characters, as plain ones.
pub(super) fn raised(char: char) -> Option<char> {
    pair("⁰0¹1²2³3⁴4⁵5⁶6⁷7⁸8⁹9ⁿn⁻-", char)
}

/// Currencies, quotes and full stops: what says nothing about the value.
pub(super) fn is_mute(char: char) -> bool {
    "$£€¥₹₽₩.。?\"“”‘`\\".contains(char)
}

/// LaTeX commands that only say how things look.
const LAYOUT: &str = "displaystyle textstyle scriptstyle limits quad qquad space thinspace enspace big Big bigg Bigg bigl bigr \
    Bigl Bigr biggl biggr Biggl Biggr middle mathstrut hline nonumber small large Large bf it tt mleft mright mathopen \
    mathclose";
/// Commands around text.
const TEXT: &str = "text textbf textit textrm textnormal texttt textsf mbox mathrm operatorname rm";
/// Commands around mathematics that change nothing.
const PLAIN: &str = "boxed fbox mathbf mathit mathsf mathcal boldsymbol bm underline";

pub(super) fn is_layout(name: &str) -> bool {
    LAYOUT.split(' ').any(|other| other == name)
}

/// Whether a command wraps something, and whether that is text.
pub(super) fn wrapper(name: &str) -> Option<bool> {
    let of = |table: &str| table.split(' ').any(|other| other == name);
    if of(TEXT) {
        Some(true)
    } else {
        of(PLAIN).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let units = [
            ("centimetres", Some("cm")),
            ("feet", Some("ft")),
            ("inches", Some("in")),
            ("s", Some("s")),
            ("apples", None),
        ];
        for (word, name) in units {
            assert_eq!(unit(word), name, "{word}");
        }
        let commands = [
            ("le", Some('≤')),
            ("leq", Some('≤')),
            ("lef", None),
            ("cdot", Some('*')),
            ("alpha", None),
        ];
        for (name, mark) in commands {
            assert_eq!(command(name), mark, "{name}");
        }
        for (text, found) in [
            ("−3", Some(('-', 3))),
            ("<=", Some(('≤', 2))),
            ("(", Some(('(', 1))),
            ("#", None),
        ] {
            assert_eq!(mark(text), found, "{text}");
        }
        assert_eq!(fraction('⅔'), Some((2, 3)));
        assert_eq!(greek("Ω"), Some("Omega"));
        assert_eq!(letter("varphi"), Some("phi"));
        for (run, word) in [
            ("xyz", false),
            ("even", true),
            ("cm", true),
            ("ab", false),
            ("abc", false),
        ] {
            assert_eq!(matches!(meaning(run, false), Meaning::Word), word, "{run}");
        }
    }
}
