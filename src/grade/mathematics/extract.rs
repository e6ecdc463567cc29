//! Where the final answer of a completion stands.

pub(super) fn answer(completion: &str) -> Option<&str> {
    boxed(completion)
        .or_else(|| marked(completion))
        .or_else(|| announced(completion))
        .or_else(|| formula(completion))
        .or_else(|| number(completion))
}

/// A part of a text, without what surrounds an answer; `None` where nothing is left.
fn part(text: &str, from: usize, to: usize) -> Option<&str> {
    Some(text.get(from..to)?.trim()).filter(|part| !part.is_empty())
}

/// What stands in the last box that is whole.
pub(super) fn boxed(text: &str) -> Option<&str> {
    let start = match (text.find("\\boxed"), text.find("\\fbox")) {
        (Some(one), Some(other)) => one.min(other),
        (one, other) => one.or(other)?,
    };
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied();
    // Where each open box begins, and how many braces were open there.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut best: Option<(usize, usize)> = None;
    let (mut at, mut depth) = (start, 0usize);
    while let Some(here) = byte(at) {
        at += 1;
        match here {
            b'{' => depth += 1,
            b'}' => {
                if let Some((begin, _)) = open.pop_if(|(_, level)| *level == depth) {
                    let filled = part(text, begin, at - 1).is_some();
                    if filled && best.is_none_or(|(from, _)| from < begin) {
                        best = Some((begin, at - 1));
                    }
                }
                depth = depth.saturating_sub(1);
            }
            b'\\' => {
                let rest = bytes.get(at..).unwrap_or_default();
                let name = [b"boxed".as_slice(), b"fbox"]
                    .into_iter()
                    .find(|name| rest.starts_with(name));
                if let Some(name) = name {
                    let spaces = rest.get(name.len()..).unwrap_or_default();
                    let spaces = spaces
                        .iter()
                        .take_while(|byte| byte.is_ascii_whitespace())
                        .count();
                    at += name.len() + spaces;
                    if byte(at) == Some(b'{') {
                        at += 1;
                        depth += 1;
                        open.push((at, depth));
                    }
                } else if matches!(byte(at), Some(b'{' | b'}')) {
                    // Shown, so none of LaTeX's own.
                    at += 1;
                } else if byte(at) == Some(b'\\')
                    && !bytes.get(at + 1..).unwrap_or_default().starts_with(b"boxed")
                {
                    at += 1;
                }
            }
            _ => {}
        }
    }
    best.and_then(|(from, to)| part(text, from, to))
}

/// The line behind the last `####`, which may also be a heading: then it is none.
fn marked(text: &str) -> Option<&str> {
    let (_, behind) = text.rsplit_once("####")?;
    let line = behind.lines().next()?;
    let last = behind.get(line.len()..).is_none_or(|rest| rest.trim().is_empty());
    let value = line.contains(|char: char| char.is_ascii_digit() || matches!(char, '\\' | '$'));
    let step = line.trim_start().starts_with(|char: char| char.is_alphabetic()) && line.contains(':');
    if last || value && !step {
        cleaned(line)
    } else {
        None
    }
}

/// What stands behind the last "answer is" or "answer:".
fn announced(text: &str) -> Option<&str> {
    // From the end: the first that says something is the one, and no line is read twice. Two exact searches are many times
    // as fast as one that knows no cases.
    let last = |word: &str| {
        text.rmatch_indices(word).find_map(|(at, _)| {
            if !text.get(..at)?.ends_with(['a', 'A']) {
                return None;
            }
            let behind = text.get(at + word.len()..)?;
            let plain = behind.trim_start_matches(['*', '_', ' ']);
            let says = plain
                .get(..2)
                .is_some_and(|start| start.eq_ignore_ascii_case("is"))
                && plain
                    .get(2..)
                    .is_some_and(|rest| !rest.starts_with(|char: char| char.is_alphanumeric()));
            let said = if says {
                plain.get(2..)
            } else {
                plain.strip_prefix(':')
            };
            Some((at, said.and_then(sentence)?))
        })
    };
    last("nswer").max(last("NSWER")).map(|(_, found)| found)
}

/// The answer in the sentence that begins here.
fn sentence(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(|char: char| char.is_whitespace() || matches!(char, ':' | '*' | '_'));
    // A formula may go over several lines.
    for (open, close) in [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")] {
        if let Some(inner) = text.strip_prefix(open) {
            let Some(end) = inner.find(close) else { break };
            let whole = inner.get(end + close.len()..).unwrap_or_default();
            // "$5 and $6" is money; so is what has no second `$` in its line.
            if open != "$" || !inner.get(..end).unwrap_or_default().contains('\n') && !continues(whole) {
                return part(inner, 0, end);
            }
        }
    }
    let line = text.lines().next()?;
    let end = ends(line);
    let line = line.get(..end)?;
    if let Some(inner) = formula(line) {
        return Some(inner);
    }
    // "that Tom has 18 apples"
    let first = line.split(' ').next().unwrap_or_default();
    let words = first.len() > 2 && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    let named = matches!(first, "sin" | "cos" | "tan" | "log" | "sqrt" | "exp" | "infinity");
    if words && !named && line.contains(|char: char| char.is_ascii_digit()) {
        return number(line);
    }
    cleaned(line)
}

/// Whether a formula goes on behind a `$`, as "$5, and $6" seems to.
fn continues(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_digit())
}

/// Where the sentence ends: at a full stop before a space, though not behind "No", or where reasons begin.
fn ends(line: &str) -> usize {
    let stop = line
        .match_indices(". ")
        .map(|(at, _)| at)
        .find(|&at| !line.get(..at).unwrap_or("No").ends_with("No"));
    let reasons = [
        ", because",
        " because ",
        ", since",
        " since ",
        ", which",
        ", so ",
        ", where ",
    ];
    reasons
        .iter()
        .filter_map(|reason| line.find(reason))
        .chain(stop)
        .min()
        .unwrap_or(line.len())
}

/// Without Markdown's stars, dollar signs around it, and the full stop.
fn cleaned(text: &str) -> Option<&str> {
    let text = text.trim_matches(|char: char| char.is_whitespace() || matches!(char, '*' | '`'));
    let text = text.trim_end_matches(|char: char| char.is_whitespace() || matches!(char, '.' | '*' | '`'));
    let inner = text.strip_prefix('$').and_then(|inner| inner.strip_suffix('$'));
    let text = inner.unwrap_or(text).trim();
    Some(text).filter(|text| !text.is_empty())
}

/// The last formula between dollar signs or LaTeX's brackets.
fn formula(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied();
    let mut best = None;
    // Where a formula begins, and the two bytes that end it.
    let mut open: Option<(usize, &[u8])> = None;
    let mut at = 0;
    loop {
        // Most bytes are none of these.
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(skipped) = rest.iter().position(|byte| matches!(byte, b'$' | b'\\' | b'\n')) else {
            break;
        };
        at += skipped;
        let here = byte(at).unwrap_or_default();
        let pair = bytes.get(at..at + 2).unwrap_or_default();
        let (dollars, bracket): (&[u8], Option<&[u8]>) = match (here, pair) {
            (b'$', b"$$") => (b"$$", None),
            (b'$', _) => (b"$", None),
            (_, b"\\(") => (b"", Some(b"\\)")),
            (_, b"\\[") => (b"", Some(b"\\]")),
            _ => (b"", None),
        };
        let before = at.checked_sub(1).and_then(byte);
        match open {
            // One that is left open over lines was money.
            Some((_, b"$")) if here == b'\n' => open = None,
            Some((begin, end)) if end == pair || end == dollars && !dollars.is_empty() => {
                let money = end == b"$"
                    && (before.is_some_and(|byte| byte == b' ') && byte(begin) != Some(b' ')
                        || byte(at + 1).is_some_and(|byte| byte.is_ascii_digit()));
                if money {
                    open = Some((at + 1, end));
                } else {
                    best = part(text, begin, at).or(best);
                    open = None;
                }
            }
            None if bracket.is_some() => open = bracket.map(|end| (at + 2, end)),
            None if !dollars.is_empty() => open = Some((at + dollars.len(), dollars)),
            _ => {}
        }
        at += match (here, pair) {
            _ if !dollars.is_empty() => dollars.len(),
            // An escaped dollar sign is none.
            (b'\\', [_, b'\\' | b'$']) | (_, b"\\(" | b"\\)" | b"\\[" | b"\\]") => 2,
            _ => 1,
        };
    }
    best
}

/// The last number, with the operators in it.
fn number(text: &str) -> Option<&str> {
    let is_part = |char: char| char.is_ascii_digit() || matches!(char, '.' | ',' | '/' | '%' | '^');
    let last = text.rfind(|char: char| char.is_ascii_digit())?;
    let behind = text.get(last..)?;
    let end = last + behind.find(|char| !is_part(char)).unwrap_or(behind.len());
    if let Some(found) = fraction(text, last) {
        return Some(found);
    }
    let start = text.get(..last)?.rfind(|char| !is_part(char));
    let start = start.map_or(0, |at| {
        at + text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8)
    });
    let run = text.get(start..end)?;
    let inner = run.trim_start_matches([',', '/', '^', '%']);
    let start = start + run.len() - inner.len();
    let run = inner.trim_end_matches(['.', ',', '/', '^']);
    // The sign belongs to it where nothing stands before that.
    let before = text.get(..start)?;
    let signed = ['-', '−']
        .into_iter()
        .find_map(|sign| before.strip_suffix(sign))
        .filter(|before| {
            before
                .chars()
                .next_back()
                .is_none_or(|char| char.is_whitespace() || matches!(char, '(' | '=' | '$' | '*' | ':'))
        });
    part(text, signed.map_or(start, str::len), start + run.len())
}

/// A `\frac{…}{…}` or `\sqrt{…}` outside of formulas, if it holds the last digit.
fn fraction(text: &str, last: usize) -> Option<&str> {
    let before = text.get(..last)?;
    let at = before
        .rfind("frac{")
        .into_iter()
        .chain(before.rfind("sqrt{"))
        .max()?;
    let start = before.get(..at)?.rfind('\\').filter(|start| at - start <= 2)?;
    // No further than a fraction is long, so that this stays one short look.
    let (mut depth, mut end) = (0usize, None);
    for (offset, byte) in text.as_bytes().iter().enumerate().skip(at).take(200) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    end = Some(offset + 1);
                }
            }
            b'f' | b'r' | b'a' | b'c' | b's' | b'q' | b't' if depth == 0 && end.is_none() => {}
            _ if depth == 0 => break,
            _ => {}
        }
    }
    let end = end.filter(|&end| end > last)?;
    let minus = before.get(..start).is_some_and(|before| before.ends_with('-'));
    part(text, start - usize::from(minus), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let table = [
            (r"so \boxed{\frac{1}{2}}.", Some(r"\frac{1}{2}")),
            (r"\boxed{1} and then \boxed{2}", Some("2")),
            (r"\boxed{1} and then \boxed{2 + {3}", Some("1")),
            (r"\boxed{\boxed{3}}", Some("3")),
            (r"\fbox {7}", Some("7")),
            (r"\boxed{\{1, 2\}}", Some(r"\{1, 2\}")),
            (r"\boxed{\left\{1\right\}}", Some(r"\left\{1\right\}")),
            (r"\boxed{}, so the answer is 5.", Some("5")),
            ("4 + 14 = 18\n#### 18", Some("18")),
            ("#### Step 3: sum\nThe answer is 6", Some("6")),
            ("#### $1,234$\nQuestion", Some("1,234")),
            (
                "The final answer is $\\frac{3}{4}$. I hope it is correct.",
                Some("\\frac{3}{4}"),
            ),
            ("**Answer:** 42", Some("42")),
            ("**Final Answer**: **(B)**.", Some("(B)")),
            ("The answer is 3.14. Next", Some("3.14")),
            ("the ANSWER IS: x = 5", Some("x = 5")),
            ("The answer is that Tom has 18 apples.", Some("18")),
            ("The answer is\n\n$$x^2$$", Some("x^2")),
            ("Answer: $18", Some("$18")),
            ("The answer is 5, because 3 + 2 = 5.", Some("5")),
            ("The answer is", None),
            ("we get $x = 2$ and $y = 3$.", Some("y = 3")),
            (r"so \(a\) and \[ b \]", Some("b")),
            ("He pays $5 and then $6 for it", Some("6")),
            ("It costs 1,234.5 dollars.", Some("1,234.5")),
            ("It is -3.", Some("-3")),
            ("10-3", Some("3")),
            ("that is 3/4, so", Some("3/4")),
            ("which is 50%", Some("50%")),
            (r"so -\frac{3}{4} it is", Some(r"-\frac{3}{4}")),
            ("no idea", None),
            ("", None),
        ];
        for (text, found) in table {
            assert_eq!(answer(text), found, "{text}");
        }
    }

    #[test]
    fn long_texts_take_one_look() {
        for piece in [
            "{",
            "}",
            "\\boxed{",
            "$",
            "\\(",
            "answer is ",
            "answer is \\(",
            "answer is $",
            "answer:\n",
            "####",
            "\\frac{",
            "1",
            "\\",
            "é",
        ] {
            let text = piece.repeat(1_000_000 / piece.len());
            let start = std::time::Instant::now();
            let _ = answer(&text);
            assert!(start.elapsed().as_millis() < 2_000, "{piece}");
        }
    }
}
