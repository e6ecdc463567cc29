use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::arguments::schema::input_schema;
use crate::together::forward_backward::ForwardBackward;

/// Other tools that take nothing.
const NOTHING: Others = Others {
    strict: false,
    take: |_| false,
    home: |_| None,
    bodies: || {
        static NONE: BTreeMap<&str, Rule> = BTreeMap::new();
        &NONE
    },
    asking: None,
};

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Args {
    id: String,
    #[schemars(range(min = 0, max = 10))]
    count: Option<i64>,
    flag: Option<bool>,
    ratios: Option<Vec<f64>>,
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
enum Kind {
    #[serde(rename = "THE_KIND_OLD_ONE")]
    OldOne,
    #[serde(rename = "THE_KIND_NEW_ONE")]
    NewOne,
}

fn read(raw: &str) -> Result<Args, String> {
    let accepts = Accepts::new(&input_schema::<Args>());
    accepts
        .read::<Args>(&unwrapped(raw), |_, _| {})
        .map_err(|problems| problems.to_string())
}

#[test]
fn sloppy_forms_mean_what_they_look_like() {
    let expected = Args {
        id: "7".to_owned(),
        count: Some(3),
        flag: Some(false),
        ratios: Some(vec![0.5, -2.0]),
        kind: Some(Kind::NewOne),
    };
    let sloppy =
        json!({"id": 7, "count": " 3 ", "flag": "FALSE", "ratios": "[\"0.5\", -2]", "kind": "new-one"});
    assert_eq!(read(&sloppy.to_string()).unwrap(), expected);
    assert_eq!(
        read(r#"{"id":"7","count":null,"kind":"the_kind_new_one"}"#)
            .unwrap()
            .kind,
        Some(Kind::NewOne)
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (raw, problem) in [
        (
            r#"{"id":"x","count":3.5}"#,
            "count: is 3.5, but must be a whole number",
        ),
        (
            r#"{"id":"x","count":"3x"}"#,
            "count: found text that is not a finite number",
        ),
        (
            r#"{"id":"x","count":"3 4"}"#,
            "count: found text that is not a finite number",
        ),
        (
            r#"{"id":"x","count":[3]}"#,
            "count: found a list, expected a whole number",
        ),
        (
            r#"{"id":"x","count":18446744073709551615}"#,
            "count: is larger than 64-bit integers go",
        ),
        (
            r#"{"id":"x","ratios":["NaN"]}"#,
            "ratios[0]: found text that is not a finite number, expected a number",
        ),
        (
            r#"{"id":"x","ratios":[1,null]}"#,
            "ratios[1]: found null, expected a number",
        ),
        (
            r#"{"id":"x","flag":1}"#,
            "flag: found a number, expected true or false",
        ),
        (
            r#"{"id":"x","flag":"yes"}"#,
            "flag: found other text, expected true or false",
        ),
        (r#"{"id":"x","id":"y"}"#, "id: is given twice"),
        (r#"{"id":{}}"#, "id: found an object, expected text"),
        (
            r#"{"kind":"one"}"#,
            "kind: `one` is not one of: THE_KIND_OLD_ONE, THE_KIND_NEW_ONE.",
        ),
        ("[1]", "arguments: found a list, expected an object"),
        (r#""id""#, "arguments: found text, expected an object"),
        (
            r#"{"id":"x","ratios":[""]}"#,
            "ratios[0]: found empty text, expected a number",
        ),
        ("null", "id: is required: text"),
        (r#"{"id":"x","ratios":[1e999]}"#, "ratios[0]: number out of range"),
    ] {
        let found = read(raw).unwrap_err();
        assert!(found.contains(&format!("\n- {problem}")), "{raw}: {found}");
    }
}

#[test]
fn plain_arguments_are_passed_on_as_they_are_and_others_are_written_plainly() {
    let accepts = Accepts::new(&input_schema::<Args>());
    let plain = |raw: &str| {
        let plain = accepts.normalize(raw, &Problems::default()).unwrap();
        assert!(plain.problems.is_empty(), "{}", plain.problems);
        (
            String::from_utf8(plain.text.to_vec()).unwrap(),
            matches!(plain.text, Cow::Borrowed(_)),
        )
    };
    for raw in [
        r#"{"id":"x","count":3,"flag":true,"ratios":[1,-0.50,2e-3],"kind":"THE_KIND_NEW_ONE"}"#,
        r#"{"id":""}"#,
    ] {
        assert_eq!(plain(raw), (raw.to_owned(), true));
    }
    for (raw, written) in [
        (r#"{"id":"x", "count":3}"#, r#"{"id":"x","count":3}"#),
        (r#"{"id":7}"#, r#"{"id":"7"}"#),
        (
            r#"{"id":"x","count":null,"flag":true}"#,
            r#"{"id":"x","flag":true}"#,
        ),
        (r#"{"count":3.0,"id":"x"}"#, r#"{"count":3,"id":"x"}"#),
        (r#"{"id":"x","ratios":"[1]"}"#, r#"{"id":"x","ratios":[1]}"#),
        (r#"{"id":"x","ratios":[]}"#, r#"{"id":"x","ratios":[]}"#),
        (
            r#"{"id":"x","kind":"old_one"}"#,
            r#"{"id":"x","kind":"THE_KIND_OLD_ONE"}"#,
        ),
    ] {
        assert_eq!(plain(raw).0, written, "{raw}");
    }
}

#[test]
fn empty_text_is_absent_wherever_there_can_be_none() {
    let plain = read(r#"{"id":"x"}"#).unwrap();
    for empty in ["\"\"", "\" \"", "null"] {
        for name in ["count", "flag", "ratios", "kind"] {
            assert_eq!(read(&format!(r#"{{"id":"x","{name}":{empty}}}"#)).unwrap(), plain);
        }
    }
}

#[test]
fn arguments_come_wrapped_or_not_at_all() {
    for none in [
        "{}", " [ ] ", "null", "\"\"", "\" \"", "\"{}\"", "\"[]\"", "\"null\"",
    ] {
        assert!(
            read(none).unwrap_err().contains("\n- id: is required: text"),
            "{none}"
        );
    }
    assert_eq!(read(&json!(r#"{"id":"7"}"#).to_string()).unwrap().id, "7");
}

#[test]
fn an_argument_that_no_tool_has_is_ignored_and_one_that_was_meant_is_not() {
    let schema = input_schema::<Args>();
    let accepts = Accepts::new(&schema).ignoring_others(Others {
        take: |name| name == "limit",
        ..NOTHING
    });
    let read = |raw: &str| accepts.read_call::<Args>(raw, &Problems::default(), |_, _| {});
    let ignored = read(r#"{"id":"x","toolCallId":"c","action":null,"cuont":1,"count":2}"#);
    assert_eq!(ignored.args.unwrap().count, Some(2));
    assert_eq!(
        ignored.note.unwrap(),
        "Ignored, because no tool here has such an argument: toolCallId, action, cuont."
    );
    for (raw, problem) in [
        (
            r#"{"id":"x","cuont":2}"#,
            "cuont: is not known here; did you mean count?",
        ),
        (
            r#"{"id":"x","limit":2}"#,
            "limit: is not known here; known are: id,",
        ),
        (
            r#"{"id":"x","dry_run":true}"#,
            "dry_run: is not known here; known are: id,",
        ),
    ] {
        let refused = read(raw);
        let problems = refused.problems.to_string();
        assert!(problems.contains(problem), "{problems}");
        assert_eq!(refused.note, None);
    }
    let long = format!(r#"{{"id":"x","{}":1}}"#, "y".repeat(5000));
    assert!(read(&long).note.unwrap().len() < 200);
    let many: serde_json::Map<_, _> = (0..500).map(|n| (format!("zz{n}"), json!(n))).collect();
    let note = read(&json!(many).to_string()).note.unwrap();
    assert!(note.len() < 300 && note.contains(" and 490 more."), "{note}");
}

#[test]
fn a_name_that_belongs_deeper_is_shown_its_place() {
    let accepts = Accepts::new(&input_schema::<ForwardBackward>()).ignoring_others(NOTHING);
    for (raw, problem) in [
        (
            r#"{"mask":{}}"#,
            "mask: belongs inside samples[0].loss_fn_inputs: write samples[0].loss_fn_inputs.mask",
        ),
        (
            r#"{"beta":0.1}"#,
            "beta: belongs deeper: write loss.grpo_params.beta or loss.dro_params.beta",
        ),
        (
            r#"{"samples":[{"tokens":[1]}]}"#,
            "samples[0].tokens: belongs inside model_input.chunks[0].encoded_text: write samples[0].model_input",
        ),
    ] {
        let problems = accepts
            .read::<ForwardBackward>(raw, |_, _| {})
            .err()
            .unwrap()
            .to_string();
        assert!(problems.contains(problem), "{problems}");
    }
}

#[test]
fn an_empty_list_is_an_object_that_needs_no_members() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Outer {
        inner: Option<Inner>,
        args: Option<Args>,
    }
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Inner {
        count: Option<i64>,
    }
    let accepts = Accepts::new(&input_schema::<Outer>());
    let read = |raw: &str| {
        accepts
            .read::<Outer>(raw, |_, _| {})
            .map_err(|problems| problems.to_string())
    };
    assert_eq!(read(r#"{"inner":[]}"#).unwrap().inner.unwrap().count, None);
    assert!(
        read(r#"{"inner":[1]}"#)
            .unwrap_err()
            .contains("inner: found a list")
    );
    assert!(read(r#"{"args":[]}"#).unwrap_err().contains("args: found a list"));
    assert!(read(r#"{"args":""}"#).unwrap().args.is_none());
}

#[test]
fn a_missing_argument_does_not_hide_what_else_is_wrong() {
    let accepts = Accepts::new(&input_schema::<Args>());
    let check = |_: &Args, problems: &mut Problems| problems.add(&Path::Root.key("ratios"), "breaks a rule");
    let problems = accepts
        .read::<Args>(r#"{"count":99}"#, check)
        .unwrap_err()
        .to_string();
    for part in ["id: is required", "count: is 99", "ratios: breaks a rule"] {
        assert!(problems.contains(part), "{problems}");
    }
}

#[test]
fn a_long_list_of_mistakes_does_not_crowd_out_the_others() {
    let found = read(&json!({"id": "x", "ratios": vec!["?"; 1000], "kind": "?"}).to_string()).unwrap_err();
    assert_eq!(found.matches("\n- ratios[").count(), 3, "{found}");
    assert!(
        found.contains("\n- ratios: has more values after these") && found.contains("\n- kind: "),
        "{found}"
    );
    let found = read(r#"{"id":"x","ratios":["?","?","?"]}"#).unwrap_err();
    assert!(!found.contains("more values"), "{found}");
}

/// A batch of one sample: `tokens` in chunks, and tensors of the given lengths.
fn batch(chunks: &[usize], lengths: [usize; 3]) -> Value {
    let tensor =
        |length: usize, value: i64, dtype: &str| json!({"data": vec![value; length], "dtype": dtype});
    let chunk = |length: &usize| json!({"encoded_text": {"tokens": vec![5; *length]}});
    json!({
        "samples": [{
            "model_input": {"chunks": chunks.iter().map(chunk).collect::<Vec<_>>()},
            "loss_fn_inputs": {
                "target_tokens": tensor(lengths[0], 5, "int64"),
                "logprobs": tensor(lengths[1], 0, "float32"),
                "advantages": tensor(lengths[2], 1, "float32"),
            },
        }],
        "loss": {"type": "LOSS_TYPE_PPO"},
    })
}

proptest! {
    #[test]
    fn any_integer_survives_in_either_form(count in 0i64..=10, text in any::<bool>()) {
        let raw = if text { json!({"id": "x", "count": count.to_string()}) } else { json!({"id": "x", "count": count}) };
        prop_assert_eq!(read(&raw.to_string()).unwrap().count, Some(count));
    }

    #[test]
    fn any_float_keeps_its_value(ratios in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 0..20)) {
        let read = read(&json!({"id": "x", "ratios": ratios}).to_string()).unwrap();
        prop_assert_eq!(read.ratios, Some(ratios));
    }

    #[test]
    fn no_text_breaks_the_reader(raw in "\\PC{0,60}", id in "\\PC{0,60}") {
        let _ = read(&raw);
        prop_assert_eq!(read(&json!({"id": id}).to_string()).unwrap().id, id);
    }

    #[test]
    fn tensors_are_accepted_exactly_when_each_is_as_long_as_the_input(
        chunks in prop::collection::vec(1usize..6, 1..4),
        lengths in prop::array::uniform3(1usize..12),
        aligned in any::<bool>(),
    ) {
        let tokens: usize = chunks.iter().sum();
        let lengths = if aligned { [tokens; 3] } else { lengths };
        let accepts = Accepts::new(&input_schema::<ForwardBackward>());
        let read = accepts.read::<ForwardBackward>(&batch(&chunks, lengths).to_string(), |body, problems| {
            body.check(&Path::Root, problems);
        });
        let wrong = lengths.iter().filter(|length| **length != tokens).count();
        let found = read.err().map_or(0, |problems| problems.to_string().matches("\n- ").count());
        prop_assert_eq!(found, wrong);
    }
}

#[test]
fn an_open_object_of_very_many_members_takes_no_longer_for_each() {
    let schema = json!({"type": "object", "properties": {"config": {"type": "object"}}});
    let accepts = Accepts::new(&schema);
    crate::work::assert_linear("members", |bytes| {
        let members: Vec<String> = (0..bytes / 10).map(|n| format!("\"m{n}\":1")).collect();
        let raw = format!("{{\"config\":{{{}}}}}", members.join(","));
        assert!(accepts.read::<Value>(&raw, |_, _| {}).is_ok());
    });
}
