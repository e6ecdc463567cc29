//! The kinds of graders: one row for each.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::read::read;
use super::{
    Grade, Subject, choice, combine, command, format, json_fields, json_schema, length, math, number, regex,
    repetition, similarity, string,
};
use crate::arguments::Accepts;
use crate::arguments::schema::input_schema;
use crate::error::problems::{Path, Problems};

/// What its members make of a kind.
pub(super) trait Members: DeserializeOwned + JsonSchema {
    /// The grader; `None` if it cannot be used, which is reported.
    fn ready(self, path: &Path<'_>, commands: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>>;
}

/// Makes a grader of the JSON text of its members.
type Read = fn(&str, &Path<'_>, &Commands, &mut Problems) -> Option<Box<dyn Grade>>;

/// A kind of grader.
pub struct Kind {
    /// The `type` that chooses it.
    pub name: &'static str,
    /// What it says of a completion.
    pub says: &'static str,
    /// From what to what its scores go.
    pub range: (f64, f64),
    /// One of it: a grader, a completion, its row, and what it is worth. JSON.
    pub example: &'static str,
    schema: fn() -> Value,
    read: Read,
}

impl Kind {
    const fn of<M: Members>(
        name: &'static str,
        says: &'static str,
        range: (f64, f64),
        example: &'static str,
    ) -> Self {
        Self {
            name,
            says,
            range,
            example,
            schema: input_schema::<M>,
            read: |raw, path, commands, problems| {
                let accepts = Accepts::new(&input_schema::<M>());
                match accepts.read::<M>(raw, |_, _| ()) {
                    Ok(members) => members.ready(path, commands, problems),
                    Err(wrong) => {
                        problems.append_below(path, wrong);
                        None
                    }
                }
            },
        }
    }

    /// The schema of its members, without `type`.
    #[must_use]
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// What the example's grader says of other completions of the example's row, for measuring. `None`: it needs a command.
    #[must_use]
    pub fn rewards(&self, texts: &[String]) -> Option<Vec<f64>> {
        #[derive(Deserialize)]
        struct Example {
            grader: Box<RawValue>,
            row: Map<String, Value>,
        }
        let Example { grader, row } = serde_json::from_str(self.example).ok()?;
        let grader = read(
            &grader,
            &Path::Root,
            &Commands::default(),
            &mut Problems::default(),
        )?;
        let scores = texts.iter().map(|text| {
            let subject = Subject {
                text,
                tokens: None,
                stop_reason: None,
                row: &row,
            };
            grader.score(&subject).ok().map(|score| score.reward)
        });
        scores.collect()
    }

    /// Makes one of the JSON text of its members, which stand at `path`.
    pub(super) fn read(
        &self,
        raw: &str,
        path: &Path<'_>,
        commands: &Commands,
        problems: &mut Problems,
    ) -> Option<Box<dyn Grade>> {
        (self.read)(raw, path, commands, problems)
    }
}

const SHARE: (f64, f64) = (0.0, 1.0);

/// All kinds.
pub const KINDS: &[Kind] = &[
    Kind::of::<string::Members>(
        "string",
        "1 if the completion equals the expected text, or contains it, or begins or ends with it; else 0. White space around it and repeated within it does not count.",
        SHARE,
        r#"{"grader": {"type": "string", "expected": "{{row.answer}}", "match": "contains", "ignore_case": true}, "row": {"answer": "Paris"}, "completion": "It is PARIS.", "reward": 1}"#,
    ),
    Kind::of::<regex::Members>(
        "regex",
        "1 if the pattern matches; with expected, if what its last match captures equals that; else 0.",
        SHARE,
        r#"{"grader": {"type": "regex", "pattern": "answer: *(\\w+)", "expected": "{{row.answer}}"}, "row": {"answer": "blue"}, "completion": "answer: red, no, answer: blue", "reward": 1}"#,
    ),
    Kind::of::<number::Members>(
        "number",
        "1 if the answer is the expected number: what is in the last \\boxed{}, else what follows the last ####, else the last number of the text; else 0.",
        SHARE,
        r#"{"grader": {"type": "number"}, "row": {"answer": "1,200"}, "completion": "30 times 40 is 1200.", "reward": 1}"#,
    ),
    Kind::of::<math::Members>(
        "math",
        "1 if the answer means the same as the expected one as mathematics: fractions, roots, powers, units, sets, intervals, equations, matrices, LaTeX or not; else 0. The answer is in the last \\boxed{}, else after ####, after \"answer is\", the last formula or the last number.",
        SHARE,
        r#"{"grader": {"type": "math"}, "row": {"answer": "\\frac{3}{4}"}, "completion": "So \\boxed{0.75}.", "reward": 1}"#,
    ),
    Kind::of::<choice::Members>(
        "choice",
        "1 if the chosen letter of a multiple choice is the expected one; else 0.",
        SHARE,
        r#"{"grader": {"type": "choice"}, "row": {"answer": "B"}, "completion": "A is wrong, so the answer is (B).", "reward": 1}"#,
    ),
    Kind::of::<json_schema::Members>(
        "json_schema",
        "1 if the completion is JSON, or ends with a block of it, that the schema accepts; else 0.",
        SHARE,
        r#"{"grader": {"type": "json_schema", "schema": {"type": "object", "required": ["city"]}}, "row": {}, "completion": "Here: {\"city\": \"Paris\"}", "reward": 1}"#,
    ),
    Kind::of::<json_fields::Members>(
        "json_fields",
        "The share of the named fields of the completion's JSON that equal what is expected.",
        SHARE,
        r#"{"grader": {"type": "json_fields", "fields": {"city": "{{row.city}}", "year": 1889}}, "row": {"city": "Paris"}, "completion": "{\"city\": \"Paris\", \"year\": 1900}", "reward": 0.5}"#,
    ),
    Kind::of::<similarity::Members>(
        "similarity",
        "How much the completion is like the expected text: rouge_l (words in the same order), token_f1 (words in any order) or edit (characters in the same order: twice their number by both lengths).",
        SHARE,
        r#"{"grader": {"type": "similarity", "measure": "token_f1"}, "row": {"answer": "the red fox"}, "completion": "a red fox ran", "reward": 0.8}"#,
    ),
    Kind::of::<format::Members>(
        "format",
        "1 if each tag is opened and closed once, in this order, and the completion ended by itself; else 0.",
        SHARE,
        r#"{"grader": {"type": "format", "tags": ["think", "answer"]}, "row": {}, "completion": "<think>2+2</think><answer>4</answer>", "reward": 1}"#,
    ),
    Kind::of::<length::Members>(
        "length",
        "0 up to max less buffer, then falling to -1 at max, and -1 beyond it: DAPO's soft punishment of what is too long.",
        (-1.0, 0.0),
        r#"{"grader": {"type": "length", "max": 8, "buffer": 4, "unit": "words"}, "row": {}, "completion": "one two three four five six", "reward": -0.5}"#,
    ),
    Kind::of::<repetition::Members>(
        "repetition",
        "0 where no run of words comes twice, down to -1 where all are the same.",
        (-1.0, 0.0),
        r#"{"grader": {"type": "repetition", "words": 2}, "row": {}, "completion": "so it goes so it goes", "reward": -0.4}"#,
    ),
    Kind::of::<command::Members>(
        "command",
        "What a program of the user's says: RL_MCP_GRADERS names a JSON file of those that there are.",
        (f64::NEG_INFINITY, f64::INFINITY),
        r#"{"grader": {"type": "command", "name": "length-of-text"}, "row": {}, "completion": "four", "reward": 4}"#,
    ),
    Kind::of::<combine::Members>(
        "combine",
        "Several graders: their weighted sum, or the least of them. Of parts that are a gate, each must score above 0, or the whole is 0.",
        (f64::NEG_INFINITY, f64::INFINITY),
        r#"{"grader": {"type": "combine", "parts": [{"grader": {"type": "number"}, "weight": 0.8}, {"grader": {"type": "format", "tags": ["think"]}, "weight": 0.2}]}, "row": {"answer": 4}, "completion": "<think>2+2</think> 5", "reward": 0.2}"#,
    ),
];
