//! Every kind by its example, and on texts that no one expects.

use proptest::prelude::*;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::*;
use crate::error::problems::{Path, Problems};

fn grader(grader: &Value) -> Result<Box<dyn Grade>, String> {
    made(grader, &Commands::default())
}

fn made(grader: &Value, commands: &Commands) -> Result<Box<dyn Grade>, String> {
    let mut problems = Problems::default();
    let raw = to_raw_value(grader).unwrap();
    let grader = read(&raw, &Path::Root.key("grader"), commands, &mut problems);
    grader
        .filter(|_| problems.is_empty())
        .ok_or_else(|| problems.to_string())
}

fn score(grader_of: &Value, row: &Value, text: &str) -> Result<Score, String> {
    let row = row.as_object().unwrap();
    let subject = Subject {
        text,
        tokens: Some(text.split_whitespace().count()),
        stop_reason: Some("STOP"),
        row,
    };
    let grader = grader(grader_of)?;
    let score = grader.score(&subject).map_err(Failure::into_words)?;
    grader.look(row).map_err(Failure::into_words)?;
    Ok(score)
}

fn example(kind: &Kind) -> Value {
    serde_json::from_str(kind.example).unwrap()
}

#[test]
fn each_kind_does_what_its_example_says() {
    for kind in KINDS {
        let example = example(kind);
        assert_eq!(example["grader"]["type"], kind.name);
        if kind.name == "command" {
            // It needs one (below).
            continue;
        }
        let text = example["completion"].as_str().unwrap();
        let score = score(&example["grader"], &example["row"], text).unwrap();
        let expected = example["reward"].as_f64().unwrap();
        assert!((score.reward - expected).abs() < 1e-9, "{}: {score:?}", kind.name);
        assert!(!score.why.is_empty());
    }
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (text, expected, equal) in [
        ("The answer is 42.", json!(42), true),
        ("So it costs $1,234.50.", json!("1234.5"), true),
        ("#### 7\nThanks for 3 questions", json!("#### 7"), true),
        (r"\boxed{\frac{3}{4}}, see page 12", json!(0.75), true),
        (r"\boxed{3/4}", json!("0.75"), true),
        ("x = -3", json!(-3), true),
        ("x = −3", json!(-3), true),
        ("5-3", json!(3), true),
        ("from 1, 2", json!(2), true),
        ("1,2345", json!(2345), true),
        ("50%", json!("50 %"), true),
        ("1e3", json!(1000), true),
        (".5", json!(0.5), true),
        ("42.1", json!(42), false),
        ("none", json!(42), false),
        ("2 or 3", json!([3, 4]), true),
        (r"\boxed{1{,}000}", json!(1000), true),
        (r"\boxed{1,2}", json!(12), false),
        ("#### Step 3: so\nthe answer is 5", json!(5), true),
        (r"\boxed{-3/4}", json!(r"\frac{-3}{4}"), true),
        ("1234567", json!(1_234_568), false),
        ("42 (٤٢)", json!(42), true),
    ] {
        let row = json!({"answer": expected});
        let score = score(&json!({"type": "number"}), &row, text).unwrap();
        assert_eq!(score.reward > 0.5, equal, "{text}: {score:?}");
    }
    let near = |tolerance: f64| {
        let grader = json!({"type": "number", "tolerance": tolerance, "expected": "10"});
        score(&grader, &json!({}), "9.5").unwrap().reward
    };
    assert_eq!((near(0.5), near(0.4)), (1.0, 0.0));
}

#[test]
fn letters_are_read_as_models_write_them() {
    for (text, expected) in [
        ("The answer is (B).", "B"),
        ("**Answer: C**", "C"),
        (r"\boxed{D}", "D"),
        (r"\boxed{\text{A}}", "A"),
        ("B", "B"),
        ("b", "B"),
        ("A is wrong. B fits. So: C.", "C"),
        ("the answer is a number, so the correct choice is d)", "D"),
        ("(A) and (B) fail\n\n(E)", "E"),
        ("The correct answer is B. Option A is incorrect.", "B"),
        ("Answer: B\n\nChoice C is wrong.", "B"),
        ("A good question: option D", "D"),
    ] {
        let score = score(&json!({"type": "choice"}), &json!({"answer": expected}), text).unwrap();
        assert!(score.reward > 0.5, "{text}: {score:?}");
    }
    let none = score(
        &json!({"type": "choice"}),
        &json!({"answer": "A"}),
        "I do not know",
    )
    .unwrap();
    assert_eq!(
        (none.reward, none.why.as_str()),
        (0.0, "chose no letter from A to E, expected A")
    );
}

/// Graders, rows and texts with what these are worth.
fn ways() -> Vec<(Value, Value, &'static str, f64)> {
    vec![
        (
            json!({"type": "string", "match": "starts_with"}),
            json!({"answer": "yes"}),
            " yes,\n no",
            1.0,
        ),
        (
            json!({"type": "string"}),
            json!({"answer": ["a", "b c"]}),
            "b  c\n",
            1.0,
        ),
        (
            json!({"type": "string", "after": "</think>"}),
            json!({"answer": "4"}),
            "<think>5</think> 4",
            1.0,
        ),
        (
            json!({"type": "string", "after": "</think>"}),
            json!({"answer": "4"}),
            "4",
            0.0,
        ),
        (
            json!({"type": "regex", "pattern": "(?i)^sure"}),
            json!({}),
            "Sure.",
            1.0,
        ),
        (
            json!({"type": "regex", "pattern": "x=(?P<x>\\d) y=(\\d)", "group": "2", "expected": "{{row.y}}"}),
            json!({"y": 4}),
            "x=1 y=4",
            1.0,
        ),
        (
            json!({"type": "format", "tags": "think, answer"}),
            json!({}),
            "<answer></answer><think></think>",
            0.0,
        ),
        (
            json!({"type": "format", "tags": ["<b>"]}),
            json!({}),
            "<b>1</b><b>2</b>",
            0.0,
        ),
        (
            json!({"type": "length", "max": 3}),
            json!({}),
            "one two three",
            0.0,
        ),
        (
            json!({"type": "length", "max": 3}),
            json!({}),
            "one two three four",
            -1.0,
        ),
        (
            json!({"type": "similarity", "measure": "edit"}),
            json!({"answer": "kitten"}),
            "sitting",
            8.0 / 13.0,
        ),
        (
            json!({"type": "similarity"}),
            json!({"answer": ["x y", "the cat sat"]}),
            "The cat, it sat!",
            6.0 / 7.0,
        ),
        (
            json!({"type": "json_fields", "fields": {"a.b.0": "1"}}),
            json!({}),
            r#"{"a": {"b": [1]}}"#,
            1.0,
        ),
        (
            json!({"type": "combine", "how": "minimum", "parts": [{"grader": {"type": "number"}}, {"grader": {"type": "string", "match": "contains"}}]}),
            json!({"answer": "4"}),
            "4 = 5",
            0.0,
        ),
        (
            json!({"type": "combine", "parts": [{"grader": {"type": "number"}, "weight": 2}, {"grader": {"type": "format", "tags": ["b"]}, "gate": true}]}),
            json!({"answer": 4}),
            "4",
            0.0,
        ),
        (
            json!({"type": "combine", "parts": [{"grader": {"type": "number"}, "weight": 2}, {"grader": {"type": "format"}, "gate": true}]}),
            json!({"answer": 4}),
            "4",
            2.0,
        ),
    ]
}

#[test]
fn other_kinds_have_their_ways() {
    for (grader, row, text, expected) in ways() {
        let score = score(&grader, &row, text).unwrap();
        assert!(
            (score.reward - expected).abs() < 1e-9,
            "{grader} {text}: {score:?}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_grader_is_said_with_its_place() {
    for (wrong, expected) in [
        (
            json!("number"),
            "grader: is no grader: write an object such as {\"type\": \"number\"}",
        ),
        (
            json!({}),
            "grader.type: is required: one of string (expected, match, ignore_case), regex",
        ),
        (json!({"type": "numbr"}), "did you mean number?"),
        (json!({"type": "number", "tolerence": 1}), "tolerance"),
        (json!({"type": "number", "tolerance": -1}), "grader.tolerance: "),
        (
            json!({"type": "number", "expected": "{{answer}}"}),
            "grader.expected: names no member of the row: write {{row.answer}}",
        ),
        (
            json!({"type": "regex", "pattern": "("}),
            "grader.pattern: cannot be used: unclosed group",
        ),
        (json!({"type": "regex", "pattern": "(?=a)"}), "look-around"),
        (json!({"type": "regex", "pattern": "a{1000}{1000}"}), "too large"),
        (
            json!({"type": "regex", "pattern": "(a)", "group": "2"}),
            "which has 0 to 1",
        ),
        (
            json!({"type": "json_schema", "schema": {"name": "x", "schema": {"type": "object"}}}),
            "grader.schema: is a wrapper with name and schema",
        ),
        (
            json!({"type": "json_schema", "schema": {"type": "objekt"}}),
            "grader.schema: is no JSON Schema",
        ),
        (
            json!({"type": "length", "max": 3, "buffer": 4}),
            "grader.buffer: is part of max",
        ),
        (
            json!({"type": "combine", "parts": [{"grader": {"type": "nmber"}}]}),
            "grader.parts[0].grader.type: is no grader: did you mean number?",
        ),
        (
            json!({"type": "combine", "parts": [{"grader": {"type": "format"}, "gate": true}]}),
            "are all gates",
        ),
        (
            json!({"type": "combine", "parts": [{"type": "number"}]}),
            "grader.parts[0]",
        ),
    ] {
        let problem = grader(&wrong).err().unwrap();
        assert!(problem.contains(expected), "{wrong}: {problem}");
    }
    let mut deep = json!({"type": "number"});
    for _ in 0..60 {
        deep = json!({"type": "combine", "parts": [{"grader": deep}]});
    }
    assert!(grader(&deep).err().unwrap().contains("too deep"));
}

#[test]
fn a_row_that_lacks_what_is_expected_is_told() {
    for kind in ["string", "number", "choice", "similarity"] {
        let wrong = score(&json!({"type": kind}), &json!({"anser": 1}), "1").unwrap_err();
        assert!(
            wrong.contains("has no answer, which the grader compares with (did you mean {{row.anser}}?)"),
            "{wrong}"
        );
    }
    let word = score(&json!({"type": "number"}), &json!({"answer": "many"}), "1").unwrap_err();
    assert_eq!(word, "expects \"many\", which is no number");
}

fn all() -> Vec<(Box<dyn Grade>, (f64, f64))> {
    let graders = KINDS
        .iter()
        .map(|kind| (grader(&example(kind)["grader"]).unwrap(), kind.range));
    graders.collect()
}

fn row() -> Value {
    json!({"answer": "4", "city": "Paris"})
}

/// No panic, the same score each time, and in the range that the kind documents.
fn holds(text: &str) {
    let row = row();
    let row = row.as_object().unwrap();
    for (grader, (least, most)) in all() {
        for answer in ["4", "B"] {
            let mut row = row.clone();
            row.insert("answer".to_owned(), answer.into());
            let subject = Subject {
                text,
                tokens: Some(9),
                stop_reason: None,
                row: &row,
            };
            let score = grader.score(&subject);
            assert_eq!(score, grader.score(&subject));
            if let Ok(score) = score {
                assert!(score.reward >= least && score.reward <= most, "{score:?}");
                assert!(score.why.len() < 1000, "{score:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_graded(text in any::<String>()) {
        holds(&text);
    }

    #[test]
    fn any_answer_is_graded(text in r"[\\{}\[\]$#*()<>/,.:=+\-−0-9A-Ea-e \n]{0,80}|(boxed|answer is|think|\{|\}|\\){0,20}") {
        holds(&text);
    }
}

/// What takes others exponential time.
#[test]
fn a_catastrophic_pattern_takes_none() {
    let text = "a".repeat(100_000) + "!";
    for pattern in ["(a+)+$", "(a|aa)+$", "(.*)*b", "^(a?){50}a{50}$"] {
        let found = score(&json!({"type": "regex", "pattern": pattern}), &json!({}), &text).unwrap();
        assert!(found.reward < 0.5, "{pattern}");
    }
}

#[test]
fn hostile_texts_are_graded() {
    let mark = "a\u{301}\u{302}".repeat(10);
    for text in [
        "x".repeat(1 << 20),
        "\u{301}".repeat(20_000),
        "{".repeat(10_000) + &"}".repeat(10_000),
        "\\boxed{".repeat(20_000),
        "####".repeat(10_000),
        "1,".repeat(20_000),
        "[".repeat(50_000),
        "<think>".repeat(10_000),
        mark,
        "9".repeat(20_000),
        "a ".repeat(30_000),
    ] {
        holds(&text);
    }
}

#[cfg(unix)]
mod commands {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use super::*;

    /// A directory with programs, and the file that lists them by the names of their files.
    struct Programs(tempfile::TempDir);

    impl Programs {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn add(&self, name: &str, script: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        }

        fn commands(&self, time: Duration, writable: Vec<PathBuf>) -> Commands {
            let programs = fs::read_dir(self.0.path())
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let all: Value = programs
                .filter(|path| path.extension().is_none())
                .map(|path| {
                    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                    (name, json!([path]))
                })
                .collect::<Map<_, _>>()
                .into();
            let file = self.0.path().join("graders.json");
            fs::write(&file, all.to_string()).unwrap();
            Commands::listed(file, time, writable)
        }
    }

    const LONG: Duration = Duration::from_secs(300);

    fn scores(commands: &Commands, name: &str, texts: &[&str]) -> Result<Vec<f64>, String> {
        let grader = made(&json!({"type": "command", "name": name}), commands)?;
        let row = Map::new();
        let subjects: Vec<Subject<'_>> = texts
            .iter()
            .map(|text| Subject {
                text,
                tokens: None,
                stop_reason: None,
                row: &row,
            })
            .collect();
        let scores = grader.score_all(&subjects).into_iter();
        scores
            .map(|score| score.map(|score| score.reward).map_err(Failure::into_words))
            .collect()
    }

    #[test]
    fn a_command_scores_each_completion() {
        let programs = Programs::new();
        programs.add(
            "length-of-text",
            r#"awk -F'"' '{ printf "{\"score\": %d}\n", length($4) }'"#,
        );
        let commands = programs.commands(LONG, Vec::new());
        let kind = KINDS.iter().find(|kind| kind.name == "command").unwrap();
        let example = example(kind);
        let text = example["completion"].as_str().unwrap();
        let found = scores(
            &commands,
            example["grader"]["name"].as_str().unwrap(),
            &[text, "", "ab"],
        )
        .unwrap();
        assert_eq!(found, [example["reward"].as_f64().unwrap(), 0.0, 2.0]);
        // More than a pipe holds, both ways.
        let long = "x".repeat(1000);
        let many = vec![long.as_str(); 2000];
        assert_eq!(
            scores(&commands, "length-of-text", &many).unwrap(),
            vec![1000.0; 2000]
        );
    }

    #[test]
    fn what_goes_wrong_with_a_command_is_said() {
        let programs = Programs::new();
        programs.add("dies", "echo 'no such model' >&2; exit 3");
        programs.add("garbage", "cat >/dev/null; echo hello");
        programs.add("endless", "cat >/dev/null; yes x | tr -d '\\n'");
        programs.add("infinite", "echo '{\"score\": 1e999}'");
        programs.add(
            "chatty",
            "cat >/dev/null; for i in 1 2 3; do echo '{\"score\": 1}'; done",
        );
        programs.add("deaf", "echo '{\"score\": 1}'");
        let broken = programs.add("broken", "");
        let commands = programs.commands(LONG, Vec::new());
        fs::set_permissions(broken, fs::Permissions::from_mode(0o644)).unwrap();
        for (name, expected) in [
            ("dies", "command dies ended after 0 scores of 2: no such model"),
            (
                "garbage",
                "command garbage wrote a line 1 that is no {\"score\": 0.5}: hello",
            ),
            (
                "endless",
                "command endless wrote what cannot be read: a line of over 64 kB",
            ),
            ("infinite", "command infinite wrote a line 1 that is no"),
            (
                "chatty",
                "command chatty wrote more lines than the 2 that it was asked for",
            ),
            ("deaf", "command deaf ended after 1 score of 2"),
            ("broken", "command broken cannot be started"),
            (
                "gone",
                "grader.name: is no command of the user's: There are broken, chatty, deaf, dies",
            ),
            ("die", "did you mean dies?"),
        ] {
            let problem = scores(&commands, name, &["a", "b"]).unwrap_err();
            assert!(problem.contains(expected), "{name}: {problem}");
        }
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let programs = Programs::new();
        let child = programs.0.path().join("child.txt");
        programs.add(
            "hangs",
            &format!("sleep 600 & echo $! > {}; sleep 600", child.display()),
        );
        let commands = programs.commands(Duration::from_millis(300), Vec::new());
        let began = Instant::now();
        let problem = scores(&commands, "hangs", &["a"]).unwrap_err();
        assert!(
            problem.contains("had no more time after 0 s and was ended after 0 scores"),
            "{problem}"
        );
        assert!(began.elapsed() < Duration::from_secs(500));
        let child = fs::read_to_string(child).unwrap();
        let gone = || {
            let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            // Ended, and perhaps not yet taken note of by whoever has it now.
            state.is_empty() || state.contains(") Z ")
        };
        while !gone() {
            assert!(began.elapsed() < Duration::from_secs(500), "its child lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_command_sees_nothing_of_this_process() {
        let programs = Programs::new();
        let seen = programs.0.path().join("seen.txt");
        programs.add(
            "looks",
            &format!("env > {0}; pwd >> {0}; echo '{{\"score\": 1}}'", seen.display()),
        );
        let commands = programs.commands(LONG, Vec::new());
        assert_eq!(scores(&commands, "looks", &["a"]).unwrap(), [1.0]);
        let seen = fs::read_to_string(seen).unwrap();
        assert!(!seen.contains("CARGO"), "{seen}");
        let known = [
            "HOME=",
            "TMPDIR=",
            "PATH=/usr/local/bin:",
            "LANG=",
            "PWD=",
            "OLDPWD=",
            "SHLVL=",
            "_=",
            "/",
        ];
        assert!(
            seen.lines()
                .all(|line| known.iter().any(|known| line.starts_with(known))),
            "{seen}"
        );
        let directory = seen.lines().last().unwrap();
        assert!(
            !std::path::Path::new(directory).exists(),
            "it goes with the command"
        );
    }

    #[test]
    fn what_a_tool_could_have_written_is_not_run() {
        let programs = Programs::new();
        programs.add("fine", "echo '{\"score\": 1}'");
        let inside = programs.commands(LONG, vec![programs.0.path().to_owned()]);
        let problem = scores(&inside, "fine", &["a"]).unwrap_err();
        assert!(
            problem.contains("where tools write: move it elsewhere"),
            "{problem}"
        );
        let commands = programs.commands(LONG, Vec::new());
        assert_eq!(scores(&commands, "fine", &["a"]).unwrap(), [1.0]);
        // It is looked at again for each call.
        let elsewhere = tempfile::tempdir().unwrap();
        let written = elsewhere.path().join("written");
        fs::copy(programs.0.path().join("fine"), &written).unwrap();
        fs::remove_file(programs.0.path().join("fine")).unwrap();
        std::os::unix::fs::symlink(&written, programs.0.path().join("fine")).unwrap();
        let guarded = programs.commands(LONG, vec![elsewhere.path().to_owned()]);
        let problem = scores(&guarded, "fine", &["a"]).unwrap_err();
        assert!(problem.contains("where tools write"), "{problem}");
    }
}
