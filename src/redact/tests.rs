use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::work::assert_linear;

fn redactor(secrets: &[&str]) -> Redactor {
    let redactor = Redactor::default();
    for secret in secrets {
        redactor.add(secret);
    }
    redactor
}

#[test]
fn leaves_ordinary_text_alone_without_copying_it() {
    let redactor = redactor(&["pit_0123456789", "short"]);
    for text in ["a short text", r"one \u005f and 100%5f \n", ""] {
        assert!(matches!(redactor.scrub(text), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn a_secret_inside_a_longer_secret_or_across_another_does_not_leave_a_rest() {
    let redactor = redactor(&["tok_abcdef", "tok_abcdef_and_more", "more-and-more"]);
    assert_eq!(redactor.scrub("x tok_abcdef_and_more y"), "x [redacted] y");
    assert_eq!(
        redactor.scrub("x tok_abcdef_and_more-and-more y"),
        "x [redacted] y"
    );
    assert_eq!(redactor.scrub("tok_abcdeftok_abcdef"), "[redacted][redacted]");
}

#[test]
fn a_backslash_before_a_secret_is_not_taken_for_a_part_of_it() {
    let redactor = redactor(&["tgp_0123456789"]);
    for (text, scrubbed) in [
        (r"C:\tgp_0123456789", "C:[redacted]"),
        (r"\n\\tgp_0123456789\n", r"\n[redacted]\n"),
        (r#"{"a":"\ttgp_0123456789\""}"#, r#"{"a":"\t[redacted]\""}"#),
    ] {
        assert_eq!(redactor.scrub(text), scrubbed);
    }
}

#[test]
fn of_many_passing_secrets_the_oldest_are_forgotten_and_lasting_ones_stay() {
    let redactor = redactor(&["lasting-key-0123"]);
    for number in 0..1000 {
        redactor.add_passing(&format!("signature-{number:04}"));
    }
    let text = "lasting-key-0123 signature-0999 signature-0800 signature-0001";
    assert_eq!(
        redactor.scrub(text),
        "[redacted] [redacted] [redacted] signature-0001"
    );
    redactor.release("signature-0999");
    assert_eq!(redactor.scrub("signature-0999"), "signature-0999");
    // A service says them to be used.
    assert_eq!(
        redactor.scrub_answer("signature-0998 lasting-key-0123".to_owned()),
        "signature-0998 [redacted]"
    );
}

#[test]
fn no_word_becomes_a_secret_and_of_many_tokens_the_oldest_are_forgotten() {
    let redactor = Redactor::default();
    for word in [
        "COMPLETED",
        "TRAINING_OPERATION_STATUS_COMPLETED",
        "0123456789abcde",
        "orchestrator",
        &"1".repeat(LONGEST_TOKEN + 1),
    ] {
        redactor.add_token(word);
        assert_eq!(redactor.scrub(word), word);
    }
    for number in 0..10_000 {
        redactor.add_token(&format!("token-0123456-{number:05}"));
    }
    assert_eq!(redactor.scrub("token-0123456-09999"), PLACEHOLDER);
    assert_eq!(redactor.scrub("token-0123456-00001"), "token-0123456-00001");
    assert_eq!(redactor.known().tokens.len(), MOST_TOKENS);
}

#[test]
fn only_what_looks_like_a_key_is_taken_for_one() {
    let redactor = Redactor::default();
    for (text, scrubbed) in [
        ("key=pit_0123456789abcdef; x", "key=[redacted]; x"),
        ("pit_0123456789 pit_0123456789", "[redacted] [redacted]"),
        (
            r#"{"log":"token:\npit_0123456789"}"#,
            r#"{"log":"token:\n[redacted]"}"#,
        ),
        ("?key%3Dpit%5F0123456789&x", "?key%3D[redacted]&x"),
        (r"pit\u005f0123456789", "[redacted]"),
    ] {
        assert_eq!(redactor.scrub(text), scrubbed);
    }
    for plain in ["pit_stop", "spit_0123456789abc", "a pit", r"\\spit_0123456789abc"] {
        assert_eq!(redactor.scrub(plain), plain);
    }
}

#[test]
fn the_work_grows_with_the_text_whatever_it_holds() {
    let redactor = redactor(&["tgp_0123456789abcdef", "pit_0123456789abcdef"]);
    for piece in [
        "pit_",
        "pit_ ",
        "pit_0123456789abcdef ",
        r"\\\\",
        "%25",
        r"\u005f",
        "tgp_0123456789abcde",
        "é%",
    ] {
        assert_linear(piece, |length| {
            let text = piece.repeat(length / piece.len());
            drop(redactor.scrub(&text).into_owned());
        });
    }
}

proptest! {
    #[test]
    fn no_secret_survives_at_any_depth_of_json(
        secret in "[!-~]{8,40}",
        before in ".{0,20}",
        after in ".{0,20}",
    ) {
        prop_assume!(forms::plain(&secret).is_some());
        let redactor = redactor(&[&secret]);
        let plain = format!("{before} {secret} {after}");
        let once = Value::from(plain.clone()).to_string();
        let twice = Value::from(once.clone()).to_string();
        for text in [plain, once.clone(), twice.clone()] {
            let scrubbed = redactor.scrub(&text);
            prop_assert!(!scrubbed.contains(&secret) || PLACEHOLDER.contains(&secret), "{}", scrubbed);
        }
        // JSON stays JSON.
        for text in [once, twice] {
            prop_assert!(serde_json::from_str::<Value>(&redactor.scrub(&text)).is_ok());
        }
    }
}
