//! Supervised examples as text.

use std::fs;

use serde_json::{Value, json};

use super::{read, tensor};
use crate::support::{Outcome, Place, json as answer};
use crate::text;

const BYTES: &str = "sandbox/byte-lm";

fn user(content: &str) -> Value {
    json!({"role": "user", "content": content})
}

fn assistant(content: &str) -> Value {
    json!({"role": "assistant", "content": content})
}

/// The tokens of the sandbox's models.
fn bytes(text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    for (index, part) in text.split("<|end|>").enumerate() {
        if index > 0 {
            ids.push(256);
        }
        ids.extend(part.bytes().map(u32::from));
    }
    ids
}

/// The text of all tokens of a sample of the sandbox, and that of those which are trained on, with their weight.
fn shown(sample: &Value) -> (String, String, f64) {
    let input = sample["model_input"]["chunks"][0]["encoded_text"]["tokens"].clone();
    let ids = |value: Value| serde_json::from_value::<Vec<u32>>(value).unwrap();
    let (input, targets) = (ids(input), ids(tensor(sample, "target_tokens")));
    assert_eq!(input[1..], targets[..targets.len() - 1]);
    let weights: Vec<f64> = serde_json::from_value(tensor(sample, "weights")).unwrap();
    assert_eq!(weights.len(), targets.len());
    let text = |ids: &mut dyn Iterator<Item = u32>| {
        ids.map(|id| match id {
            256 => "<|end|>".to_owned(),
            id => char::from(u8::try_from(id).unwrap()).to_string(),
        })
        .collect::<String>()
    };
    let all = text(&mut input.iter().take(1).chain(&targets).copied());
    let weight = weights.iter().copied().fold(0.0, f64::max);
    let trained = targets.iter().zip(&weights).filter(|(_, weight)| **weight > 0.0);
    let trained = text(&mut trained.map(|(id, _)| *id));
    assert!(weights.iter().all(|other| [0.0, weight].contains(other)));
    (all, trained, weight)
}

impl Place {
    /// What is answered about these examples, whose tokenizer is that of the sandbox.
    async fn examples(&mut self, examples: Value, rest: Value) -> Outcome {
        let mut arguments = rest;
        arguments["examples"] = examples;
        if arguments.get("tokenizer").is_none() {
            arguments["base_model"] = json!(BYTES);
        }
        self.ask(arguments).await
    }

    /// The samples of a batch of these examples.
    async fn samples(&mut self, examples: Value, rest: Value) -> (Value, Vec<Value>) {
        let built = self.examples(examples, rest).await.json();
        let batch = read(&built["batches"][0]["path"]);
        (built, batch["samples"].as_array().unwrap().clone())
    }

    /// A tokenizer of four words with this template.
    fn words(&self, template: &str) -> String {
        let place = text::directory();
        let own = self.data.path().join("words");
        fs::create_dir_all(&own).unwrap();
        for entry in fs::read_dir(place.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), own.join(entry.file_name())).unwrap();
        }
        fs::write(own.join("chat_template.jinja"), template).unwrap();
        own.to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_the_assistant_wrote_is_trained_on() {
    let mut place = Place::new().await;
    let chat = json!([user("a"), assistant("b"), user("c"), assistant("d")]);
    let text = "user: a\nassistant: b<|end|>\nuser: c\nassistant: d<|end|>\n";
    for (rest, trained) in [
        (json!({}), "d<|end|>"),
        (json!({"train_on": "last"}), "d<|end|>"),
        (json!({"train_on": "all"}), "b<|end|>d<|end|>"),
    ] {
        let (built, samples) = place.samples(json!([{"messages": chat}]), rest).await;
        assert_eq!(shown(&samples[0]), (text.to_owned(), trained.to_owned(), 1.0));
        assert_eq!(built["trained_tokens"], bytes(trained).len());
        assert_eq!(built["tokens"], bytes(text).len() - 1);
    }
    let tools = json!([{"name": "f"}]);
    let (_, samples) = place
        .samples(
            json!([{"messages": [user("a"), assistant("b")], "tools": tools}]),
            json!({}),
        )
        .await;
    let (all, trained, _) = shown(&samples[0]);
    assert_eq!(trained, "b<|end|>");
    assert!(all.starts_with("tools: [{\"name\": \"f\"}]\nuser: a"), "{all}");
}

#[tokio::test]
async fn kinds_of_examples_may_stand_in_one_list_and_each_has_its_weight() {
    let mut place = Place::new().await;
    let examples = json!([
        {"messages": [user("a"), assistant("b")], "weight": 0.5, "source": "somewhere"},
        {"prompt": "2+2=", "completion": "4"},
        {"prompt": "2+2=", "completion": "5<|end|>", "weight": 0.25},
        {"prompt": [user("a")], "completion": "c"},
        {"prompt": [user("a")], "completion": [assistant("d")]},
        {"prompt": [user("a")], "completion": [101, 256]},
        {"prompt": "f<|end|>", "completion": [102]},
        {"prompt": [103, 104], "completion": [105], "weight": 2},
        {"prompt": "", "completion": "ij"},
        {"prompt": "k", "completion": ""},
    ]);
    let expected = [
        ("user: a\nassistant: b<|end|>\n", "b<|end|>", 0.5),
        ("2+2=4<|end|>", "4<|end|>", 1.0),
        ("2+2=5<|end|>", "5<|end|>", 0.25),
        ("user: a\nassistant: c<|end|>\n", "c<|end|>", 1.0),
        ("user: a\nassistant: d<|end|>\n", "d<|end|>", 1.0),
        ("user: a\nassistant: e<|end|>", "e<|end|>", 1.0),
        ("f<|end|>f", "f", 1.0),
        ("ghi", "i", 2.0),
        // Nothing stands before the first token that could predict it.
        ("ij<|end|>", "j<|end|>", 1.0),
    ];
    let (built, samples) = place.samples(examples.clone(), json!({})).await;
    let all: Vec<_> = samples.iter().map(shown).collect();
    let all: Vec<_> = all
        .iter()
        .map(|(all, trained, weight)| (&**all, &**trained, *weight))
        .collect();
    assert_eq!(all, expected);
    assert_eq!(
        (
            &built["samples"],
            &built["empty_completions"],
            &built["truncated"]
        ),
        (&json!(9), &json!(1), &json!(0))
    );
    let kinds = &built["kinds"];
    assert_eq!(kinds["messages"]["examples"], 3, "{built}");
    assert_eq!(kinds["text"]["examples"], 5, "{built}");
    assert_eq!(
        kinds["token_ids"],
        json!({"examples": 1, "tokens": 2, "trained_tokens": 1})
    );
    for name in ["tokens", "trained_tokens"] {
        let of = |kind: &str| kinds[kind][name].as_u64().unwrap();
        assert_eq!(
            built[name],
            of("messages") + of("text") + of("token_ids"),
            "{name}"
        );
    }
    assert_eq!(built["longest_sample"], bytes(expected[0].0).len() - 1);
    assert_eq!(
        built["tokenizer"],
        json!({"name": "bytes", "from": "the sandbox"})
    );

    // The same from files of both kinds.
    let lines: Vec<String> = examples
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    for text in [
        examples.to_string(),
        lines.join("\n"),
        format!("\u{feff}{}\r\n\r\n", lines.join("\r\n")),
    ] {
        let path = place.data.path().join("examples.jsonl");
        fs::write(&path, text).unwrap();
        let arguments = json!({"examples_path": path, "base_model": BYTES});
        let built = place.built(arguments).await;
        assert_eq!(read(&built["batches"][0]["path"])["samples"], json!(samples));
    }
}

#[tokio::test]
async fn the_tokenizer_is_that_of_the_session() {
    let mut place = Place::new().await;
    place
        .upstream
        .script(vec![answer(&json!({"id": "s", "base_model": BYTES}))]);
    let examples = json!([{"prompt": "é", "completion": "b"}]);
    for _ in 0..2 {
        let built = place.built(json!({"examples": examples})).await;
        assert_eq!(built["tokens"], 3, "{built}");
    }
    let lines: Vec<String> = place
        .upstream
        .seen()
        .iter()
        .map(|seen| seen.line().to_owned())
        .collect();
    assert_eq!(lines, ["GET /v1/rl/training-sessions/s HTTP/1.1"]);
    // Token ids need none.
    let built = place
        .built(json!({"examples": [{"prompt": [1], "completion": [2]}]}))
        .await;
    assert_eq!(built.get("tokenizer"), None);
    assert_eq!(built.get("kinds"), None);
}

#[tokio::test]
async fn what_a_template_cannot_tell_is_said() {
    let mut place = Place::new().await;
    let chat = json!([user("one"), assistant("two"), user("one"), assistant("three")]);
    // It drops what was said before the last turn, as templates of thinking models drop thoughts.
    let forgetful =
        "{% for m in messages %}{{ m.content if loop.last or m.role == 'user' else '' }} </s> {% endfor %}";
    let whole = place.words(forgetful);
    for (train_on, noted) in [("all", true), ("last", false)] {
        let rest = json!({"tokenizer": whole, "train_on": train_on});
        let (built, samples) = place
            .samples(json!([{"messages": chat}, {"messages": chat}]), rest)
            .await;
        assert_eq!(tensor(&samples[0], "target_tokens"), json!([5, 5, 1, 5, 3, 5]));
        assert_eq!(tensor(&samples[0], "weights"), json!([0, 0, 0, 0, 1, 1]));
        let note = built["note"].as_str();
        assert_eq!(note.is_some(), noted, "{built}");
        if let Some(note) = note {
            assert!(
                note.contains("In 2 examples (first examples[0]) the last turn alone is trained on"),
                "{note}"
            );
        }
    }
    // A token over the border, and no end of text that the tokenizer's files would name.
    let (built, samples) = place
        .samples(
            json!([{"prompt": "three on", "completion": "e two"}]),
            json!({"tokenizer": whole}),
        )
        .await;
    assert_eq!(tensor(&samples[0], "target_tokens"), json!([1, 2]));
    assert_eq!(tensor(&samples[0], "weights"), json!([1, 1]));
    let note = built["note"].as_str().unwrap();
    assert!(note.contains("a token spans the end of prompt"), "{note}");
}

#[tokio::test]
async fn control_tokens_in_messages_are_refused_unless_they_are_meant() {
    let mut place = Place::new().await;
    let examples = json!([
        {"messages": [user("a"), assistant("b")]},
        {"messages": [user("a"), assistant("b<|end|>")]},
        {"prompt": [user("a"), user("<|end|>")], "completion": "c<|end|>"},
        {"prompt": [user("a")], "completion": [assistant("c<|end|>")]},
        {"prompt": [user("<|end|>")], "completion": [1]},
        {"messages": [user("a"), assistant("b")], "tools": [{"name": "<|end|>"}]},
        {"prompt": "a<|end|>", "completion": "b"},
    ]);
    let outcome = place.examples(examples.clone(), json!({})).await;
    let problem = outcome.error();
    for expected in [
        "examples[1].messages[1].content: holds <|end|>, which the model takes",
        "examples[2].prompt[1].content: holds <|end|>",
        "examples[2].completion: holds <|end|>",
        "examples[3].completion[0].content: holds <|end|>",
        "examples[4].prompt[0].content: holds <|end|>",
        "examples[5].tools[0].name: holds <|end|>",
        "allow_control_tokens true if it is meant",
    ] {
        assert!(problem.contains(expected), "{expected}: {problem}");
    }
    assert_eq!(problem.matches(": holds").count(), 6, "{problem}");
    let (built, _) = place
        .samples(examples, json!({"allow_control_tokens": true}))
        .await;
    assert_eq!(built["samples"], 7);
}

#[tokio::test]
async fn what_cannot_be_trained_on_is_refused_with_its_place() {
    let mut place = Place::new().await;
    let long = "a".repeat(4096);
    for (example, expected) in [
        (json!({}), "examples[0]: needs messages, or prompt and completion"),
        (
            json!({"prompt": "a"}),
            "examples[0].completion: is required beside prompt",
        ),
        (
            json!({"completion": "a"}),
            "examples[0].prompt: is required beside completion",
        ),
        (
            json!({"messages": [user("a")], "prompt": "a"}),
            "examples[0].messages: stand in place of prompt and completion",
        ),
        (
            json!({"messages": [user("a")]}),
            "examples[0].messages: have nothing to train on: no turn is the assistant's",
        ),
        (json!({"messages": []}), "examples[0].messages: must not be empty"),
        (
            json!({"prompt": [1], "completion": "a"}),
            "examples[0].completion: must be token ids, as prompt is",
        ),
        (
            json!({"prompt": "a", "completion": [assistant("b")]}),
            "examples[0].completion: is a message, but prompt is text",
        ),
        (
            json!({"prompt": [user("a")], "completion": [user("b")]}),
            "examples[0].completion: must be one message of the assistant",
        ),
        (
            json!({"prompt": true, "completion": [[1]]}),
            "examples[0].prompt: found true or false, expected text, token ids such as [108, 111], or messages",
        ),
        (
            json!({"prompt": "a", "completion": [[1]]}),
            "examples[0].completion: found a list, expected text",
        ),
        (
            json!({"prompt": "a", "completion": "b", "tools": [{}]}),
            "examples[0].tools: is for the chat template",
        ),
        (
            json!({"prompt": "a", "completion": "b", "weight": 0}),
            "examples[0].weight: must be above 0",
        ),
        (
            json!({"messages": [user("a"), {"role": "assistant", "content": "b", "weight": 0}]}),
            "examples[0].messages[1].weight: single messages have no weight here",
        ),
        (
            json!({"prompt": "a", "completion": "b", "wieght": 2}),
            "examples[0].wieght: is not known here; did you mean weight?",
        ),
        (
            json!({"prompt": "a", "chosen": "b", "rejected": "c"}),
            "examples[0].chosen: is half of a preference pair, and no loss of this service takes pairs",
        ),
        (
            json!({"prompt": "a", "completion": "b", "label": false}),
            "examples[0].label: says whether a completion is wanted",
        ),
        (
            json!({"conversations": [{"from": "human", "value": "a"}]}),
            "examples[0].conversations: is called messages here",
        ),
        (
            json!({"prompt": "a", "completion": long}),
            "examples[0]: has 4098 tokens, and the model reads 4096: shorten it or leave it out",
        ),
    ] {
        let outcome = place.examples(json!([example]), json!({})).await;
        assert!(outcome.error().contains(expected), "{example}: {}", outcome.text);
    }
    let outcome = place
        .examples(
            json!([{"messages": [user("a")]}]),
            json!({"train_on": "all_assistant_messages"}),
        )
        .await;
    assert!(
        outcome.error().contains("train_on: must be \"all\""),
        "{}",
        outcome.text
    );
    let path = place.data.path().join("lines.jsonl");
    fs::write(
        &path,
        "{\"prompt\": \"a\", \"completion\": \"b\"}\n\n{\"prompt\": a}\n",
    )
    .unwrap();
    let problem = place
        .problem(json!({"examples_path": path, "base_model": BYTES}))
        .await;
    assert!(
        problem.contains("examples_path: line 3: is no JSON: expected value at column 12"),
        "{problem}"
    );
    for name in ["train_on", "tokenizer", "allow_control_tokens"] {
        let mut arguments = json!({"operation_ids": ["op"], "rewards": [[1]]});
        arguments[name] = match name {
            "train_on" => json!("all"),
            "tokenizer" => json!(BYTES),
            _ => json!(true),
        };
        let problem = place.problem(arguments).await;
        assert!(
            problem.contains(&format!("{name}: is for examples: leave it out")),
            "{problem}"
        );
    }
}
