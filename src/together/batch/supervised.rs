//! Samples of prompts and completions that somebody wrote.

use std::collections::BTreeSet;

use super::answer::{Counts, Kind};
use super::argument::{Given, given};
use super::encoder::Encoder;
use super::example::{Example, Form, Text, UNANSWERED};
use super::request::BatchArgs;
use super::sample::{Sample, Values};
use crate::error::problems::{Path, Problems};
use crate::files::Files;

/// The examples of a request.
pub(super) struct Examples {
    /// The argument that they came in.
    name: &'static str,
    /// What is made of each, and its weight.
    forms: Vec<(Form, f64)>,
}

/// Reads the request's examples. Blocks.
pub(super) fn read(request: &mut BatchArgs, files: &Files) -> Result<Examples, Problems> {
    let mut problems = Problems::default();
    let examples = given(
        ("examples", request.examples.take()),
        ("examples_path", request.examples_path.as_deref()),
        files,
        &mut problems,
    );
    let Some(Given { value, name }) = examples else {
        return Err(problems);
    };
    check(name, &value, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let forms = value.into_iter().filter_map(|example| {
        let weight = example.weight.unwrap_or(1.0);
        Some((example.into_form()?, weight))
    });
    Ok(Examples {
        name,
        forms: forms.collect(),
    })
}

/// Reports what does not go together in examples.
pub(super) fn check(name: &str, examples: &[Example], problems: &mut Problems) {
    let at = Path::Root.key(name);
    for (index, example) in examples.iter().enumerate() {
        example.check(&at.index(index), problems);
    }
}

/// The examples of a call that is refused anyway.
pub(super) struct Refused {
    written: Option<Vec<Example>>,
    path: Option<String>,
    /// The places of those of which something is said already.
    said: BTreeSet<usize>,
}

impl Refused {
    /// Those of a request; `None`: it has none.
    pub(super) fn of(request: &BatchArgs, problems: &Problems) -> Option<Self> {
        let at = Path::Root.key("examples");
        let written = request.examples.clone();
        let count = written.as_ref().map_or(0, Vec::len);
        let said = (0..count).filter(|index| problems.mention(&at.index(*index)));
        request.has_examples().then(|| Self {
            said: said.collect(),
            written,
            path: request.examples_path.clone(),
        })
    }

    /// What is wrong with them beside that, as far as that shows without a service. Blocks.
    pub(super) fn look(self, files: &Files, encoder: Option<&mut Encoder>) -> Problems {
        let mut problems = Problems::default();
        let examples = given(
            ("examples", self.written),
            ("examples_path", self.path.as_deref()),
            files,
            &mut problems,
        );
        let Some(Given { value, name }) = examples else {
            return problems;
        };
        let at = Path::Root.key(name);
        let mut encoder = encoder;
        for (index, example) in value.into_iter().enumerate() {
            let at = at.index(index);
            if name == "examples" && self.said.contains(&index) || problems.is_full() {
                continue;
            }
            example.check(&at, &mut problems);
            if problems.mention(&at) {
                continue;
            }
            match (example.into_form(), encoder.as_deref_mut()) {
                (Some(Form::Text(text)), Some(encoder)) => drop(encoder.encode(text, &at, &mut problems)),
                (Some(Form::Text(Text::Chat { chat, answer: None })), None) if !chat.is_answered() => {
                    problems.add(&at.key("messages"), UNANSWERED);
                }
                _ => {}
            }
        }
        problems
    }
}

impl Examples {
    /// Whether one of them has to be encoded.
    pub(super) fn have_text(&self) -> bool {
        self.forms.iter().any(|(form, _)| matches!(form, Form::Text(_)))
    }

    /// The samples: each token that is trained on has the example's weight. Takes time.
    pub(super) fn samples(self, encoder: Option<&mut Encoder>) -> Result<(Vec<Sample>, Counts), Problems> {
        let mut counts = Counts::default();
        let mut problems = Problems::default();
        let mut samples = Vec::with_capacity(self.forms.len());
        let mut encoder = encoder;
        let root = Path::Root.key(self.name);
        for (index, (form, weight)) in self.forms.into_iter().enumerate() {
            let at = root.index(index);
            let (kind, sample) = match (form, encoder.as_deref_mut()) {
                (Form::Ids { prompt, completion }, _) => {
                    let weights = Values::Weights(vec![weight; completion.len()]);
                    let sample = || Sample::new(at.to_string(), &prompt, &completion, weights);
                    (Kind::TokenIds, (!completion.is_empty()).then(sample))
                }
                (Form::Text(text), Some(encoder)) => {
                    let kind = match &text {
                        Text::Chat { .. } => Kind::Messages,
                        Text::Plain { .. } | Text::Sampled { .. } => Kind::Text,
                    };
                    let Some(tokens) = encoder.encode(text, &at, &mut problems) else {
                        if problems.is_full() {
                            break;
                        }
                        continue;
                    };
                    (
                        kind,
                        Sample::masked(at.to_string(), &tokens.ids, &tokens.mask, weight),
                    )
                }
                (Form::Text(_), None) => continue,
            };
            let Some(sample) = sample else {
                counts.left_out(true);
                continue;
            };
            counts.of_kind(kind, &sample);
            samples.push(sample);
        }
        if problems.is_empty() {
            Ok((samples, counts))
        } else {
            Err(problems)
        }
    }
}
