use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::work::assert_linear;

const HIDDEN: [char; 11] = [
    '\u{200b}',
    '\u{202e}',
    '\u{2066}',
    '\u{2069}',
    '\u{feff}',
    '\u{ad}',
    '\u{1b}',
    '\u{7f}',
    '\u{e0041}',
    '\u{fe0f}',
    '\r',
];

#[test]
fn what_nobody_sees_is_gone_in_every_spelling() {
    for hidden in HIDDEN {
        let raw = format!(
            r#"{{"a":"x{}y"}}"#,
            if hidden < ' ' { '\u{200b}' } else { hidden }
        );
        let mut units = [0; 2];
        let units = hidden.encode_utf16(&mut units).iter();
        let escaped: Vec<String> = units.map(|unit| format!("\\u{unit:04X}")).collect();
        let escaped = format!(r#"{{"a":"x{}y"}}"#, escaped.concat());
        assert_eq!(json(escaped), r#"{"a":"xy"}"#, "{hidden:?}");
        assert_eq!(json(raw), r#"{"a":"xy"}"#, "{hidden:?}");
        assert_eq!(text(&format!("x{hidden}y")), "xy", "{hidden:?}");
    }
    assert_eq!(
        json(r#"{"a":"\b\f\r\n\t\"\\u200b"}"#.to_owned()),
        r#"{"a":"\n\t\"\\u200b"}"#
    );
}

#[test]
fn what_is_never_looked_up_is_visible() {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    for character in SEEN.into_iter().flatten() {
        assert!(
            !ignorable.contains(character) && !character.is_control(),
            "{character:?}"
        );
    }
}

#[test]
fn control_sequences_go_whole_and_hide_nothing_that_follows() {
    for (written, shown) in [
        ("a\u{1b}[31mb\u{1b}[0m", "ab"),
        ("a\u{1b}[38;5;1mb\u{9b}2Kc", "abc"),
        ("\u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{7}", "link"),
        ("a\u{1b}(Bb\u{1b}Mc", "abMc"),
        // No end, or not within the line.
        ("a\u{1b}]0;b", "a]0;b"),
        ("a\u{1b}]0;b\nc\u{7}", "a]0;b\nc"),
        ("a\u{1b}[31\u{1b}[0mb", "a[31b"),
        ("a\u{1b}[\"b", "a[\"b"),
        ("a\u{1b}", "a"),
    ] {
        assert_eq!(text(written), shown, "{written:?}");
        let document = serde_json::json!([written, "m\u{7}"]).to_string();
        let escaped: String = document
            .chars()
            .map(|c| match c {
                '\u{80}'..='\u{9f}' => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            })
            .collect();
        for document in [document, escaped] {
            let cleaned: Value = serde_json::from_str(&json(document)).unwrap();
            assert_eq!(cleaned, serde_json::json!([shown, "m"]), "{written:?}");
        }
    }
}

#[test]
fn half_a_character_is_shown_as_such_and_never_joined_to_another() {
    for clean in [json, whole] {
        assert_eq!(clean(r#"{"a":"\ud83dx"}"#.to_owned()), "{\"a\":\"\u{fffd}x\"}");
    }
    assert_eq!(whole(r#"["\\ud83d\u0007"]"#.to_owned()), r#"["\\ud83d\u0007"]"#);
    let halves = json(r#"{"a":"\udb40\u200b\udc41"}"#.to_owned());
    assert_eq!(halves, "{\"a\":\"\u{fffd}\u{fffd}\"}");
}

#[test]
fn cleaning_takes_time_in_proportion() {
    for piece in [
        "\\u001b]",
        "\\u001b[0",
        "\u{9b}0",
        "é",
        "\\n",
        "\\ud83d",
        "\u{200b}",
    ] {
        assert_linear(piece, |length| {
            let written = piece.repeat(length / piece.len());
            drop((json(written.clone()), whole(written.clone()), text(&written)));
        });
    }
}

proptest! {
    #[test]
    fn json_stays_json_and_says_the_same_otherwise(parts in prop::collection::vec("\\PC{0,6}|[\\x00-\\x1f]{0,3}|[\\x1b\\[\\]m;07\\\\\"]{0,6}", 0..6), pick in 0..11_usize) {
        let written: String = parts.join(&HIDDEN[pick].to_string());
        let document = serde_json::json!({"k": written}).to_string();
        let cleaned: Value = serde_json::from_str(&json(document)).unwrap();
        prop_assert_eq!(cleaned["k"].as_str().unwrap(), text(&written));
    }
}
