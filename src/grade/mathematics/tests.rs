use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Pairs of every kind, with what is right. They were also put to math-verify.
#[test]
fn pairs() {
    for line in include_str!("../../../tests/data/math.jsonl").lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        // What is known to be beyond this.
        if pair["kind"] == "beyond" {
            continue;
        }
        let outcome = equal(
            pair["given"].as_str().unwrap(),
            pair["expected"].as_str().unwrap(),
        );
        assert_eq!(
            outcome == Outcome::Equal,
            pair["equal"] == true,
            "{line} {outcome:?}"
        );
    }
}

#[test]
fn unreadable_texts() {
    let deep = |levels: usize| format!("{}1{}", "(".repeat(levels), ")".repeat(levels));
    let table = [
        ("", "1", Some(Which::Given)),
        ("1", "", Some(Which::Expected)),
        (r"\frac{1}{", "1", Some(Which::Given)),
        (r"\frac{1}{", r"\frac{1}{", None),
        ("1", "2 +", Some(Which::Expected)),
        ("1", "no answer", None),
        (&deep(60), "1", None),
        (&deep(70), "1", Some(Which::Given)),
        (&"1+".repeat(2001), "1", Some(Which::Given)),
        (&format!("1{}", "+1".repeat(1999)), "2000", None),
    ];
    for (given, expected, unreadable) in table {
        let which = match equal(given, expected) {
            Outcome::Unreadable(which, _) => Some(which),
            _ => None,
        };
        assert_eq!(which, unreadable, "{given} {expected}");
    }
}

#[test]
fn no_text_takes_long() {
    let both = |open: &str, inner: &str, close: &str, levels| {
        format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
    };
    let table = [
        ("{".repeat(1_000_000), "}".repeat(1_000_000)),
        (both(r"\{", "0.5", r"\}", 60), both(r"\{", "1/2", r"\}", 60)),
        (both("(1,x=", "0.5", ")", 60), both("(1,x=", "1/2", ")", 60)),
        (both("(x=", "0.5", "≈1)", 60), both("(x=", "1/2", "≈1)", 60)),
        (both("(", "5", "%)", 60), both("(", "5", "°)", 60)),
        (format!("5{}", "%".repeat(3000)), format!("5{}", "°".repeat(3000))),
        (format!("5{}", "!".repeat(3000)), "5".to_owned()),
        ("2^".repeat(1990) + "2", "2^2".to_owned()),
        ("1/3+".repeat(990) + "x", "x+1/7".to_owned()),
        (
            r"\binom{x}{999}+".repeat(260) + "1",
            r"\binom{x}{998}+".repeat(260) + "1",
        ),
        ("x+0.1,".repeat(600), "x+1/10,".repeat(600)),
        ("sin(x)+1,".repeat(120), "cos(x)+1,".repeat(120)),
        ("x<1,".repeat(120) + "x<2", "x<2,".repeat(120) + "x<1"),
        (r"\text{".repeat(600), "|".repeat(4000)),
        ("1,234".repeat(700), "1e5".repeat(1000)),
        ("9".repeat(4000), "9".repeat(3999)),
        ("- ".repeat(1999) + "1", "1".to_owned()),
        ("a_".repeat(1999) + "1", "1".to_owned()),
    ];
    for (given, expected) in &table {
        let start = Instant::now();
        let _ = (
            equal(given, expected),
            equal(expected, given),
            equal(given, given),
        );
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?} {:?}", given.get(..20));
    }
}

/// Texts that are mathematics often enough.
fn mathematics() -> impl Strategy<Value = String> {
    let pieces = [
        "1",
        "2",
        "0.5",
        "1,234",
        "x",
        "y",
        "\\pi",
        "e",
        "i",
        "+",
        "-",
        "*",
        "/",
        "^",
        "_",
        "!",
        "%",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\\{",
        "\\}",
        "|",
        ",",
        "=",
        "<",
        "\\le ",
        "\\frac",
        "\\sqrt",
        "\\sin ",
        "\\log",
        "\\binom",
        "\\pm ",
        "\\cup ",
        "\\infty ",
        "\\text{",
        " cm",
        " and ",
        "word",
        "^\\circ",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "&",
        "\\\\",
        "\\left(",
        "\\right)",
        "$",
        " ",
        "f(",
        "\\ln ",
        "√",
        "²",
        "½",
        ":",
        "≈",
        "\\in ",
        "\\setminus ",
        "\\mathbb{R}",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn nothing_panics(given in ".{0,60}", expected in ".{0,60}") {
        let _ = answer(&given);
        let _ = equal(&given, &expected);
    }

    #[test]
    fn what_can_be_read_equals_itself(text in mathematics(), other in mathematics()) {
        let _ = answer(&text);
        let outcome = equal(&text, &text);
        prop_assert!(!matches!(outcome, Outcome::Different), "{text}");
        prop_assert_eq!(equal(&text, &other), equal(&text, &other));
        // Spaces around and a full stop say nothing.
        if outcome == Outcome::Equal {
            prop_assert_eq!(equal(&format!(" ${text}$. "), &text), Outcome::Equal);
        }
    }
}
