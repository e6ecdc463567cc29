use serde_json::{Value, json};

use super::*;

/// The answer about a file with this content, or the problem.
fn asked(content: &str, at: &str, range: [Option<u64>; 2]) -> Result<Value, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.json"), content).unwrap();
    let files = Files::new(vec![directory.path().to_owned()], None);
    let [start, count] = range;
    let request = Query {
        path: "a.json".to_owned(),
        at: Some(at.to_owned()),
        start,
        count,
    };
    let reply = read(&request, &files).map_err(|error| error.to_string())?;
    assert!(reply.text().chars().count() <= 8000, "{}", reply.text().len());
    Ok(serde_json::from_str(reply.text()).unwrap())
}

fn part(content: &Value, at: &str) -> Value {
    asked(&content.to_string(), at, [None, None]).unwrap()
}

fn problem(content: &Value, at: &str) -> String {
    asked(&content.to_string(), at, [None, None]).unwrap_err()
}

#[test]
fn a_small_part_is_shown_as_it_is_written() {
    let text = "{ \"a\" : [ {\"b.c\": [1.50, \"x y\"]} ],\n \"big\": 18446744073709551617 }";
    let shown = |at| {
        let answer = asked(text, at, [None, None]).unwrap();
        (answer["type"].clone(), answer["value"].to_string())
    };
    assert_eq!(
        shown("a[0][\"b.c\"]"),
        (json!("list"), r#"[1.5,"x y"]"#.to_owned())
    );
    assert_eq!(shown("$.a[0]['b.c'][1]"), (json!("text"), "\"x y\"".to_owned()));
    let whole = asked(text, "", [None, None]).unwrap();
    assert_eq!((&whole["at"], &whole["length"]), (&json!(""), &json!(2)));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.json"), text).unwrap();
    let files = Files::new(vec![directory.path().to_owned()], None);
    let request = Query {
        path: "a.json".to_owned(),
        at: None,
        start: None,
        count: None,
    };
    assert_eq!(
        read(&request, &files).unwrap().text(),
        r#"{"at":"","type":"object","length":2,"value":{"a":[{"b.c":[1.50,"x y"]}],"big":18446744073709551617}}"#
    );
}

#[test]
fn a_list_is_shown_from_anywhere_as_far_as_it_fits() {
    let long: Vec<u32> = (0..10_000).collect();
    let content = json!({"tokens": long}).to_string();
    let mut seen = Vec::new();
    let mut start = None;
    loop {
        let answer = asked(&content, "tokens", [start, None]).unwrap();
        assert_eq!(
            (&answer["length"], &answer["start"]),
            (&json!(10_000), &json!(start.unwrap_or(0)))
        );
        let values = answer["value"].as_array().unwrap();
        seen.extend(
            values
                .iter()
                .map(|value| u32::try_from(value.as_u64().unwrap()).unwrap()),
        );
        start = answer["next_start"].as_u64();
        if start.is_none() {
            break;
        }
    }
    assert_eq!(seen, long);
    let three = asked(&content, "tokens", [Some(5), Some(3)]).unwrap();
    assert_eq!(three["value"], json!([5, 6, 7]));
    assert_eq!(three["next_start"], 8);
    let last = asked(&content, "tokens", [Some(9_999), Some(3)]).unwrap();
    assert_eq!((&last["value"], last.get("next_start")), (&json!([9_999]), None));
    let beyond = asked(&content, "tokens", [Some(10_000), None]).unwrap_err();
    assert!(
        beyond.contains("start: is 10000, but the length is 10000"),
        "{beyond}"
    );
}

#[test]
fn of_each_entry_one_member_can_be_shown() {
    let sequence = |first: u32| json!({"tokens": [first, 8], "logprobs": vec![-0.123_456_789; 2000], "stop_reason": "S"});
    let results = json!([{"sequences": [sequence(1), sequence(2)]}, {"sequences": [sequence(3)]}]);
    let content = json!({"output": {"results": results}});
    let shown = |at: &str| part(&content, at)["value"].clone();
    assert_eq!(
        shown("output.results[0].sequences[*].tokens"),
        json!([[1, 8], [2, 8]])
    );
    assert_eq!(
        shown("output.results[*].sequences[*].tokens[0]"),
        json!([[1, 2], [3]])
    );
    let second = asked(
        &content.to_string(),
        "output.results[0].sequences[*].tokens",
        [Some(1), None],
    );
    assert_eq!(second.unwrap()["value"], json!([[2, 8]]));
    // Who sees too much of it at once is told.
    let outlined = part(&content, "output.results[0].sequences");
    assert_eq!(
        outlined["note"],
        "output.results[0].sequences[*].NAME shows one member of each entry: tokens, logprobs, stop_reason."
    );
    for (at, expected) in [
        (
            "output.results[*].sequence",
            "`output.results[*]` has no member `sequence`; it has sequences. Did you",
        ),
        (
            "output[*]",
            "`output` is an object: go on with one of its members: results",
        ),
    ] {
        let problem = problem(&content, at);
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn text_is_shown_in_characters() {
    let text = "é\"\u{1}".repeat(5000);
    let content = json!([text]).to_string();
    let first = asked(&content, "[0]", [None, None]).unwrap();
    let next = first["next_start"].as_u64().unwrap();
    assert_eq!(first["length"], 15_000);
    let second = asked(&content, "[0]", [Some(next), Some(4)]).unwrap();
    let characters: Vec<char> = text.chars().collect();
    let next = usize::try_from(next).unwrap();
    assert_eq!(first["value"], json!(String::from_iter(&characters[..next])));
    assert_eq!(
        second["value"],
        json!(String::from_iter(&characters[next..next + 4]))
    );
}

#[test]
fn what_is_too_large_is_outlined() {
    let long: Vec<u32> = (0..10_000).collect();
    let content = json!({
        "id": "op",
        "output": {"results": [{"sequences": long}, {"sequences": long}]},
        "ok": true,
    });
    assert_eq!(
        part(&content, ""),
        json!({"at": "", "type": "object", "length": 3, "outline": {
            "id": "text of 2 characters", "output": "an object of 1 members", "ok": "true or false",
        }})
    );
    assert_eq!(
        part(&content, "output.results"),
        json!({"at": "output.results", "type": "list", "length": 2, "outline": vec!["an object of 1 members"; 2]})
    );
    let many: Value = (0..10_000)
        .map(|n| (format!("\"{n}"), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(part(&many, "")["outline"]["…"], "more members");
}

#[test]
fn a_wrong_way_says_where_it_ended_and_what_is_there() {
    let content = json!({"output": {"results": [{"sequences": []}, 5]}});
    for (at, expected) in [
        (
            "output.result",
            "at: `output` has no member `result`; it has results. Did you mean results?",
        ),
        ("input", "at: the file has no member `input`; it has output."),
        (
            "output.results.sequences",
            "at: `output.results` is a list of 2 entries: go on with an index, such as [0], before .sequences",
        ),
        (
            "output.results[2]",
            "at: `output.results` has 2 entries, [0] to [1]",
        ),
        (
            "output.results[0].sequences[0]",
            "at: `output.results[0].sequences` is an empty list",
        ),
        (
            "output[0]",
            "at: `output` is an object: go on with one of its members: results",
        ),
        (
            "output.results[1].x",
            "at: `output.results[1]` is a number, where the way ends",
        ),
        ("output..results", "at: cannot be read from `..results` on"),
        ("output[x]", "at: cannot be read from `[x]` on"),
        ("output[", "at: cannot be read from `[` on"),
    ] {
        let problem = problem(&content, at);
        assert!(problem.contains(expected), "{at}: {problem}");
    }
    let refused = asked("{}", "", [Some(1), None]).unwrap_err();
    assert!(
        refused.contains("start: goes with lists and text, but this is an object"),
        "{refused}"
    );
}

#[test]
fn a_way_without_its_beginning_names_the_whole_one() {
    let content = json!({"id": "op", "output": {"results": [{"sequences": [{"tokens": [1]}]}]}});
    for (at, meant) in [
        ("results.0.sequences", "output.results[0].sequences"),
        ("sequences[0].tokens", "output.results[0].sequences[0].tokens"),
        ("$.results[*].sequences", "output.results[*].sequences"),
        ("output.results.0", "output.results[0]"),
    ] {
        let problem = problem(&content, at);
        assert!(
            problem.contains(&format!(" Did you mean `{meant}`?\n")),
            "{problem}"
        );
    }
    assert!(!problem(&content, "nothing.here").contains("Did you mean `"));
}

#[test]
fn nothing_but_json_is_shown() {
    let refused = asked("SECRET=abc\n", "", [None, None]).unwrap_err();
    assert!(refused.contains("path: the file is not JSON"), "{refused}");
    assert!(!refused.contains("abc"), "{refused}");
}
