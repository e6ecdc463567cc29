use super::*;
use crate::text::files::{Files, sandboxed};
use serde_json::json;

fn model(template: &str) -> Model {
    let (files, origin) = sandboxed();
    let files = Files {
        template: Some(template.to_owned()),
        ..files
    };
    Model::new(files, origin).unwrap()
}

fn conversation() -> Conversation {
    Conversation {
        messages: serde_json::from_value(json!([
            {"role": "user", "content": "é"},
            {"role": "assistant", "content": "one"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "two"},
        ]))
        .unwrap(),
        ..Conversation::default()
    }
}

/// The text that is trained on, piece by piece.
fn trained(masked: &Masked) -> Vec<String> {
    let model = model("");
    let mut pieces = vec![Vec::new()];
    for (id, trained) in masked.ids.iter().zip(&masked.mask) {
        match (trained, pieces.last_mut()) {
            (true, Some(last)) => last.push(*id),
            (false, Some(last)) if !last.is_empty() => pieces.push(Vec::new()),
            _ => {}
        }
    }
    let text = |ids: &Vec<u32>| model.tokenizer().decode(ids, false).unwrap();
    pieces.iter().filter(|ids| !ids.is_empty()).map(text).collect()
}

fn masked(template: &str, turns: Turns) -> Result<Masked, String> {
    assistant_mask(&model(template), &conversation(), turns, Date::at(0))
}

const TAGGED: &str = "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|end|>{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n\n{% endfor %}";
const UNTAGGED: &str = "{% for m in messages %}{{ m.role }}:{{ m.content }}<|end|>\n\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";
/// It drops what was said before the last user's message, as templates of thinking models drop thoughts.
const FORGETFUL: &str = "{% for m in messages %}{{ m.role }}:{{ m.content if loop.last or m.role == 'user' else '' }}<|end|>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

#[test]
fn what_the_assistant_wrote_is_trained_on_up_to_its_end() {
    for template in [TAGGED, UNTAGGED] {
        for (turns, expected) in [
            (Turns::All, &["one<|end|>", "two<|end|>"][..]),
            (Turns::Last, &["two<|end|>"]),
        ] {
            let masked = masked(template, turns).unwrap();
            assert_eq!(trained(&masked), expected, "{template}");
            assert!(!masked.last_alone || turns == Turns::Last);
        }
    }
}

#[test]
fn a_template_that_rewrites_earlier_turns_leaves_the_last_one() {
    let masked = masked(FORGETFUL, Turns::All).unwrap();
    assert!(masked.last_alone);
    assert_eq!(trained(&masked), ["two<|end|>"]);
}

#[test]
fn a_template_that_nobody_can_take_apart_is_refused() {
    let reversed =
        "{% for m in messages[::-1] %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}?{% endif %}";
    let problem = masked(reversed, Turns::Last).unwrap_err();
    assert!(
        problem.contains("in another way than it asks for it"),
        "{problem}"
    );
    let mut conversation = conversation();
    conversation.messages.truncate(1);
    let problem = assistant_mask(&model(UNTAGGED), &conversation, Turns::All, Date::at(0)).unwrap_err();
    assert_eq!(problem, "no message is the assistant's");
}
