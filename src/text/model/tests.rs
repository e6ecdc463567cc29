use super::*;
use crate::text::files::sandboxed;
use crate::text::{completion_mask, control_tokens};
use proptest::prelude::*;
use serde_json::json;

fn bytes() -> (Files, Origin) {
    sandboxed()
}

fn model(change: impl FnOnce(&mut Files)) -> Result<Model, String> {
    let (mut files, origin) = bytes();
    change(&mut files);
    Model::new(files, origin)
}

fn conversation(content: &str) -> Conversation {
    Conversation {
        messages: serde_json::from_value(json!([{"role": "user", "content": content}])).unwrap(),
        ..Conversation::default()
    }
}

#[test]
fn the_sandboxes_tokens_are_bytes() {
    let model = model(|_| {}).unwrap();
    let prompt = model.prompt(&conversation("é€😀\0\u{ad}"), Date::at(0)).unwrap();
    assert_eq!(prompt.text, "user: é€😀\0\u{ad}\nassistant: ");
    let bytes: Vec<u32> = prompt.text.bytes().map(u32::from).collect();
    assert_eq!(prompt.ids, bytes);
    assert_eq!(model.tokenizer().decode(&bytes, true).unwrap(), prompt.text);
    assert_eq!(
        model.tokenizer().encode("a<|end|>", false).unwrap().ids,
        [97, 256]
    );
    assert_eq!(model.tokenizer().decode(&[97, 256], true).unwrap(), "a");
    assert_eq!(
        model.stop(),
        [StopToken {
            id: 256,
            text: "<|end|>".to_owned()
        }]
    );
}

#[test]
fn templates_stand_in_a_file_of_their_own_or_in_the_configuration() {
    let named = json!([
        {"name": "default", "template": "plain"},
        {"name": "tool_use", "template": "tools {{ tools | length }}"},
    ]);
    for (template, config, expected) in [
        (Some("file"), json!({"chat_template": "config"}), ["file", "file"]),
        (None, json!({"chat_template": "config"}), ["config", "config"]),
        (None, json!({"chat_template": named}), ["plain", "tools 1"]),
    ] {
        let model = model(|files| {
            files.template = template.map(str::to_owned);
            files.config = Some(config.to_string());
        })
        .unwrap();
        let mut conversation = conversation("x");
        let text = |conversation: &Conversation| model.rendered(conversation, Date::at(0)).unwrap().text;
        assert_eq!(text(&conversation), expected[0]);
        conversation.tools = Some(vec![serde_json::Map::new()]);
        assert_eq!(text(&conversation), expected[1]);
    }
    let none = model(|files| (files.template, files.config) = (None, None)).unwrap();
    let problem = none.prompt(&conversation("x"), Date::at(0)).unwrap_err();
    assert!(problem.contains("no chat template"), "{problem}");
}

#[test]
fn what_ends_a_completion_is_gathered_from_all_who_say_it() {
    let generation = json!({"eos_token_id": [10, 256, 10, 99999]});
    let model = model(|files| {
        files.generation = Some(generation.to_string());
        files.config = Some(json!({"eos_token": {"content": "."}}).to_string());
        files.template = Some("{{ messages[-1].content }}<|end|>".to_owned());
    })
    .unwrap();
    let ids: Vec<u32> = model.stop().iter().map(|stop| stop.id).collect();
    assert_eq!(ids, [10, 256, 46]);
}

#[test]
fn control_tokens_are_found_wherever_they_stand() {
    let model = model(|_| {}).unwrap();
    let mut conversation = conversation("a<|end|>b");
    conversation.messages.extend::<Vec<_>>(
        serde_json::from_value(
            json!([{"role": "user", "content": [{"text": "<|end|>"}, {"text": "<|end"}]}]),
        )
        .unwrap(),
    );
    let places: Vec<String> = control_tokens(&model, &conversation)
        .into_iter()
        .map(|found| found.place)
        .collect();
    assert_eq!(places, ["messages[0].content", "messages[1].content[0].text"]);
}

#[test]
fn the_assistant_writes_tokens_of_its_own() {
    let model = model(|files| {
        let mut tokenizer: Value = serde_json::from_str(&files.tokenizer).unwrap();
        let mut thinking = tokenizer["added_tokens"][0].clone();
        thinking["id"] = json!(257);
        thinking["content"] = json!("<think>");
        thinking["special"] = json!(false);
        tokenizer["added_tokens"].as_array_mut().unwrap().push(thinking);
        files.tokenizer = tokenizer.to_string();
        files.template = Some("{{ '<think>' }}".to_owned());
    })
    .unwrap();
    let content = "é<think>a<|end|><think>";
    let conversation = Conversation {
        messages: serde_json::from_value(json!([
            {"role": "user", "content": content},
            {"role": "assistant", "content": content},
        ]))
        .unwrap(),
        ..Conversation::default()
    };
    let found: Vec<(String, String)> = control_tokens(&model, &conversation)
        .into_iter()
        .map(|found| (found.place, found.token))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(place, token)| (&**place, &**token)).collect();
    assert_eq!(
        found,
        [
            ("messages[0].content", "<think>"),
            ("messages[0].content", "<|end|>"),
            ("messages[1].content", "<|end|>"),
        ]
    );
}

#[test]
fn a_token_that_spans_the_prompts_end_is_trained_on_and_told() {
    let words = json!({
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "one": 1, "two": 2, "</s>": 3}, "unk_token": "[UNK]"},
    });
    let model = model(|files| {
        files.tokenizer = words.to_string();
        files.config = Some(json!({"eos_token": " </s>"}).to_string());
    })
    .unwrap();
    for (prompt, completion, ids, trained, is_joined) in [
        ("one ", "two", &[1, 2, 3][..], 2, false),
        ("one", " two </s>", &[1, 2, 3], 2, false),
        ("one t", "wo", &[1, 2, 3], 2, true),
        ("", "one", &[1, 3], 2, false),
    ] {
        let completed = completion_mask(&model, prompt, completion).unwrap();
        assert_eq!(completed.ids, ids, "{prompt}");
        let mask: Vec<bool> = (0..ids.len()).map(|at| at >= ids.len() - trained).collect();
        assert_eq!(
            (completed.mask, completed.is_joined),
            (mask, is_joined),
            "{prompt}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name() {
    for (change, words) in [
        (
            (|files: &mut Files| files.tokenizer.truncate(99)) as fn(&mut Files),
            "tokenizer.json: ",
        ),
        (
            |files| files.tokenizer = "{\"model\": 1}".to_owned(),
            "tokenizer.json: ",
        ),
        (
            |files| files.config = Some("{".to_owned()),
            "tokenizer_config.json: ",
        ),
        (
            |files| files.generation = Some("[".to_owned()),
            "generation_config.json: ",
        ),
        (
            |files| files.template = Some("\n{% if".to_owned()),
            "chat_template.jinja: line 2: ",
        ),
        (
            |files| (files.template, files.config) = (None, Some("{\"chat_template\": \"{{\"}".to_owned())),
            "chat_template of tokenizer_config.json: line 1: ",
        ),
    ] {
        let problem = model(change).err().unwrap();
        assert!(problem.starts_with(words), "{problem}");
    }
    let deep = "[".repeat(100_000);
    assert!(model(|files| files.tokenizer = deep).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A tokenizer.json that was cut or changed anywhere is refused or works, and never ends the server.
    #[test]
    fn no_file_brings_the_server_down(at in 0..20_000usize, with in "[0-9{}\\[\\]\",:a-z]{0,4}", cut in any::<bool>()) {
        let made = model(|files| {
            let at = (0..=at.min(files.tokenizer.len())).rev().find(|at| files.tokenizer.is_char_boundary(*at)).unwrap();
            let rest = files.tokenizer.split_off(at);
            files.tokenizer.push_str(&with);
            if !cut {
                files.tokenizer.extend(rest.chars().skip(with.len()));
            }
        });
        if let Ok(model) = made {
            let _ = model.prompt(&conversation("some text é"), Date::at(0));
            let _ = model.tokenizer().decode(&[0, 1, 256, 257, u32::MAX], true);
        }
    }

    #[test]
    fn every_text_comes_back(text in "\\PC*") {
        let model = model(|_| {}).unwrap();
        let encoded = model.tokenizer().encode(&text, false).unwrap();
        prop_assert_eq!(model.tokenizer().decode(&encoded.ids, false).unwrap(), text);
    }
}
