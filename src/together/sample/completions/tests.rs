use super::*;
use serde_json::json;

fn completions(texts: &[&[&str]]) -> Completions {
    let prompts = texts.iter().map(|texts| OfPrompt {
        asked: None,
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
    });
    Completions {
        prompts: prompts.collect(),
        tokenizer: Origin {
            name: "bytes".to_owned(),
            commit: None,
            place: "the sandbox",
        },
        file: None,
        asked_as_text: false,
    }
}

#[test]
fn each_completion_gets_its_text_and_all_else_stays_as_it_was() {
    let operation = r#"{"id": "op_1", "output": {"results": [ {"sequences": [{ "tokens": [104, "105"] } , {}]},
        {"policy_segments":[], "sequences": []}, {"sequences": [{"tokens":[]}]}], "n": 1.50}, "e": 1e400}"#;
    let with_texts = completions(&[&["h\"i\u{1b}[1m", ""], &[], &["x"]])
        .beside_tokens(operation)
        .unwrap();
    let expected = r#"{"id": "op_1", "output": {"results": [ {"sequences": [{"text":"h\"i", "tokens": [104, "105"] } , {"text":""}]},
        {"policy_segments":[], "sequences": []}, {"sequences": [{"text":"x","tokens":[]}]}], "n": 1.50}, "e": 1e400}"#;
    assert_eq!(with_texts, expected);
    for other in ["{}", r#"{"output": {"results": 7}}"#, "[]"] {
        assert_eq!(completions(&[&["x"]]).beside_tokens(other), None, "{other}");
    }
}

#[test]
fn a_completion_is_decoded_with_what_is_said_of_it() {
    let (files, origin) = crate::text::files::sandboxed();
    let model = Model::new(files, origin).unwrap();
    let of = |sequence: serde_json::Value| line(&sequence.to_string(), &model);
    let written = of(json!({
        "tokens": [104, "105", 256],
        "logprobs": [-1.0, null, -2.0],
        "stop_reason": "STOP_REASON_STOP",
    }))
    .unwrap();
    assert_eq!((written.text.as_str(), written.tokens), ("hi", 3));
    assert_eq!(
        (written.mean_logprob, written.stop_reason.as_str()),
        (Some(-1.5), "STOP")
    );
    assert!(of(json!({"tokens": [-1]})).is_none());
    assert!(of(json!({"tokens": "hi"})).is_none());
}
