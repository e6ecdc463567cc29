//! What is found on the way through a file.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use serde_json::{Map, Value};

use super::report::{Duplicates, Example, Lengths, Lines, Problem, Report};
use super::rows::{self, Rows};
use super::{Reading, Request, SHARE_OF_TOKENS, Shape};
use crate::error::problems::{Path, Problems};
use crate::grade::short;
use crate::json::lines;
use crate::json::walk::members;
use crate::redact::clean;
use crate::text::{Asked, COMPLETION, Conversation, NEEDED, Row, control_tokens};

/// How many prompts are kept in mind to find duplicates: 8 bytes each.
const MOST_PROMPTS: usize = 5_000_000;
/// How much text is made into tokens, in bytes: the lengths of the first rows speak for the others.
const MOST_ENCODED: usize = 20 << 20;
/// How many problems are told one by one.
const MOST_PROBLEMS: usize = 40;
/// How many lines are named that have something in common.
const MOST_LINES: usize = 10;
/// How many rows are shown.
const MOST_EXAMPLES: usize = 3;
/// How many different members are counted.
const MOST_MEMBERS: usize = 40;
/// How long a shown row may be, in characters.
const LONGEST_EXAMPLE: usize = 600;

/// What was found so far.
pub(super) struct Survey<'a> {
    request: &'a Request,
    reading: &'a Reading,
    /// Of the evaluation file, sorted.
    of_eval: Option<Vec<u64>>,
    rows: usize,
    conversations: usize,
    texts: usize,
    completed: usize,
    members: BTreeMap<String, usize>,
    prompts: Vec<u64>,
    lengths: BTreeMap<u64, usize>,
    encoded: usize,
    /// Whether not all rows were made into tokens.
    is_measured_in_part: bool,
    too_long: Lines,
    overlaps: Lines,
    problems: Vec<Problem>,
    more_problems: usize,
    examples: Vec<Example>,
}

/// The hashes of a file's prompts, sorted. What is no row is passed over.
pub(super) fn prompts(mut rows: Rows, shape: &Shape) -> io::Result<Vec<u64>> {
    let mut hashes = Vec::new();
    while let Some(row) = rows.next()? {
        if hashes.len() < MOST_PROMPTS
            && let Ok((row, _)) = read(&row, shape)
        {
            hashes.push(hash(&row.asked));
        }
    }
    hashes.sort_unstable();
    Ok(hashes)
}

/// For some prompts that come more than once: the line of the first, and of the next.
pub(super) fn lines_of(duplicates: &[u64], mut rows: Rows, shape: &Shape) -> io::Result<Vec<(usize, usize)>> {
    let mut wanted = duplicates.to_vec();
    wanted.dedup();
    wanted.truncate(MOST_LINES);
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    let mut found: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    while found.len() < wanted.len() {
        let Some(row) = rows.next()? else { break };
        let Ok((read, _)) = read(&row, shape) else {
            continue;
        };
        let hash = hash(&read.asked);
        if !wanted.contains(&hash) {
            continue;
        }
        match first.get(&hash) {
            Some(line) => {
                found.entry(hash).or_insert((*line, row.number));
            }
            None => {
                first.insert(hash, row.number);
            }
        }
    }
    let mut lines: Vec<(usize, usize)> = found.into_values().collect();
    lines.sort_unstable();
    Ok(lines)
}

/// A row and its members beside the prompt, or what is wrong with it.
fn read(row: &rows::Row<'_>, shape: &Shape) -> Result<(Row, Map<String, Value>), Vec<String>> {
    let text = row.text.as_ref().map_err(|why| vec![why.clone()])?;
    let value: Value = serde_json::from_str(text).map_err(|error| {
        vec![if row.is_open && error.is_eof() {
            "is cut off: the file ends in the middle of it".to_owned()
        } else {
            lines::why(text, &error)
        }]
    })?;
    let value = if shape.is_empty() {
        value
    } else {
        shape.of(value).map_err(|why| vec![why])?
    };
    let mut problems = Problems::default();
    let row = Row::read(value, &Path::Root, &mut problems);
    match row {
        Some(row) if row.is_completion() => Err(vec![COMPLETION.to_owned()]),
        Some(mut row) if problems.is_empty() => {
            let others = std::mem::take(&mut row.others);
            Ok((row, others))
        }
        _ => Err(problems.each().map(with_way).collect()),
    }
}

/// What a row needs to be a prompt, and who can make one of it.
fn with_way(problem: String) -> String {
    if problem == NEEDED {
        return format!(
            "{problem}; or give prompt, here and in start-training, which makes the user's message of a row's members, such as \"{{{{row.question}}}}\""
        );
    }
    problem
}

/// The member that an object has more than once: all but the last would be lost.
fn twice(text: &str) -> Option<String> {
    let mut names = HashSet::new();
    let mut all = members(text)?.map(|(name, _)| name);
    let twice = all.find(|name| !names.insert(name.clone()));
    twice.map(|name| short(&name))
}

/// Of what a row asks; its answer does not count.
fn hash(asked: &Asked) -> u64 {
    let mut hasher = DefaultHasher::new();
    match asked {
        Asked::Text(text) => text.trim().hash(&mut hasher),
        Asked::Conversation(conversation) => {
            let turns = conversation.messages.len() - usize::from(ends_with_answer(conversation));
            for message in conversation.messages.iter().take(turns) {
                for (name, value) in message {
                    name.hash(&mut hasher);
                    match value.as_str() {
                        Some(text) => text.trim().hash(&mut hasher),
                        None => value.to_string().hash(&mut hasher),
                    }
                }
            }
        }
    }
    hasher.finish()
}

impl<'a> Survey<'a> {
    pub(super) fn new(request: &'a Request, reading: &'a Reading, of_eval: Option<Vec<u64>>) -> Self {
        Self {
            request,
            reading,
            of_eval,
            rows: 0,
            conversations: 0,
            texts: 0,
            completed: 0,
            members: BTreeMap::new(),
            prompts: Vec::new(),
            lengths: BTreeMap::new(),
            encoded: 0,
            is_measured_in_part: false,
            too_long: Lines::default(),
            overlaps: Lines::default(),
            problems: Vec::new(),
            more_problems: 0,
            examples: Vec::new(),
        }
    }

    /// Goes through all rows.
    pub(super) fn read(&mut self, mut rows: Rows) -> io::Result<()> {
        while let Some(row) = rows.next()? {
            self.rows += 1;
            match read(&row, &self.request.shape) {
                Ok((read, others)) => {
                    let text = row.text.as_ref().copied().unwrap_or_default();
                    self.take(row.number, text, read, &others);
                }
                Err(why) => {
                    self.look_at(&row);
                    for why in why {
                        self.problem(row.number, &why);
                    }
                }
            }
        }
        Ok(())
    }

    /// What a row holds that cannot be read as one: its members may be what is wanted under other names.
    fn look_at(&mut self, row: &rows::Row<'_>) {
        let Ok(text) = row.text else { return };
        if let Ok(Value::Object(members)) = serde_json::from_str(text) {
            self.count(&members);
            if self.examples.len() < MOST_EXAMPLES {
                self.examples
                    .push(Example::new(row.number, text, None, LONGEST_EXAMPLE));
            }
        }
    }

    fn count(&mut self, members: &Map<String, Value>) {
        for name in members.keys() {
            if let Some(count) = self.members.get_mut(name) {
                *count += 1;
            } else if self.members.len() < MOST_MEMBERS {
                *self.members.entry(short(name)).or_default() += 1;
            }
        }
    }

    fn take(&mut self, line: usize, text: &str, row: Row, others: &Map<String, Value>) {
        if let Some(name) = twice(text) {
            self.problem(line, &format!("has {name} twice: all but the last are lost"));
        }
        let completion = others.get("completion").and_then(Value::as_str);
        let has_answer = match &row.asked {
            Asked::Text(_) => {
                self.texts += 1;
                completion.is_some()
            }
            Asked::Conversation(conversation) => {
                self.conversations += 1;
                if completion.is_some() {
                    self.problem(line, "has messages and completion: write the completion as the last message, of role assistant");
                }
                ends_with_answer(conversation)
            }
        };
        self.completed += usize::from(has_answer);
        self.count(others);
        if let Some(grader) = &self.request.grader
            && let Err(why) = grader.look(others)
        {
            self.problem(line, &why.into_words());
        }
        let hash = hash(&row.asked);
        if self
            .of_eval
            .as_ref()
            .is_some_and(|known| known.binary_search(&hash).is_ok())
        {
            self.overlaps.add(line, MOST_LINES);
        }
        if self.prompts.len() < MOST_PROMPTS {
            self.prompts.push(hash);
        }
        self.measure(line, row.asked, completion);
    }

    /// How long a row is, and what it looks like.
    fn measure(&mut self, line: usize, asked: Asked, completion: Option<&str>) {
        let Some(model) = &self.request.model else {
            let shown = self.examples.len() < MOST_EXAMPLES;
            let (length, text) = characters(&asked, completion, shown);
            *self.lengths.entry(length).or_default() += 1;
            if let Some(text) = text {
                self.examples
                    .push(Example::new(line, &text, None, LONGEST_EXAMPLE));
            }
            return;
        };
        if self.encoded > MOST_ENCODED || self.reading.is_over(SHARE_OF_TOKENS) {
            self.is_measured_in_part = true;
            return;
        }
        let prompted = match asked {
            Asked::Text(text) => {
                let encoded = model.tokenizer().encode(&text, false);
                encoded.map(|encoded| (text, encoded.ids.len()))
            }
            Asked::Conversation(conversation) => {
                for found in control_tokens(model, &conversation) {
                    self.problem(line, &format!("{}: holds {}, which the model takes for the control token itself: take it out, or give allow_control_tokens true where it is used", found.place, found.token));
                }
                let conversation = without_prompt(conversation);
                let prompt = model.prompt(&conversation, self.request.date);
                prompt.map(|prompt| (prompt.text, prompt.ids.len()))
            }
        };
        let prompted = prompted.and_then(|(mut text, mut tokens)| {
            if let Some(completion) = completion {
                tokens += model.tokenizer().encode(completion, false)?.ids.len();
                text.push_str(completion);
            }
            Ok((text, tokens))
        });
        let (text, tokens) = match prompted {
            Ok(prompted) => prompted,
            Err(why) => return self.problem(line, &why),
        };
        self.encoded += text.len();
        let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
        *self.lengths.entry(tokens).or_default() += 1;
        if self.limit().is_some_and(|limit| tokens > limit) {
            self.too_long.add(line, MOST_LINES);
        }
        if self.examples.len() < MOST_EXAMPLES {
            self.examples
                .push(Example::new(line, &text, Some(tokens), LONGEST_EXAMPLE));
        }
    }

    /// The most tokens that a row may have.
    fn limit(&self) -> Option<u64> {
        let context = || self.request.model.as_ref().and_then(|model| model.context());
        self.request.max_tokens.or_else(context)
    }

    /// Adds a problem; the same of several rows is told once.
    fn problem(&mut self, line: usize, problem: &str) {
        let problem = clean::text(problem);
        if let Some(known) = self.problems.iter_mut().find(|known| known.what == problem) {
            known.at.add(line, MOST_LINES);
        } else if self.problems.len() < MOST_PROBLEMS {
            let mut at = Lines::default();
            at.add(line, MOST_LINES);
            self.problems.push(Problem { at, what: problem });
        } else {
            self.more_problems += 1;
        }
    }

    /// The prompts that come more than once, each as often as it comes again.
    pub(super) fn duplicated(&mut self) -> Vec<u64> {
        self.prompts.sort_unstable();
        let pairs = self.prompts.windows(2);
        pairs
            .filter_map(|pair| match pair {
                [one, next] if one == next => Some(*one),
                _ => None,
            })
            .collect()
    }

    /// What was not looked at.
    fn unchecked(&self) -> Option<String> {
        let unread = self.reading.was_cut().then(|| {
            format!(
                "Its end was not read, since the call's time was up (RL_MCP_CALL_TIMEOUT): all this is of the first {} rows.",
                self.rows
            )
        });
        let measured: usize = self.lengths.values().sum();
        let unmeasured = self.is_measured_in_part.then(|| {
            format!("Tokens were counted, and rows rendered, of the first {measured} rows that can be read.")
        });
        let uncompared = (self.rows > MOST_PROMPTS)
            .then(|| format!("Duplicates were looked for among the first {MOST_PROMPTS} rows."));
        let all: Vec<String> = unread.into_iter().chain(unmeasured).chain(uncompared).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    pub(super) fn report(self, duplicates: usize, lines: Vec<(usize, usize)>) -> Report {
        let (limit, unchecked) = (self.limit(), self.unchecked());
        let measured: usize = self.lengths.values().sum();
        let unit = if self.request.model.is_some() {
            "tokens"
        } else {
            "characters"
        };
        Report {
            rows: self.rows,
            messages: self.conversations,
            prompts: self.texts,
            with_completion: self.completed,
            members: self.members,
            lengths: Lengths::of(unit, &self.lengths, (measured < self.rows).then_some(measured)),
            duplicates: (duplicates > 0).then_some(Duplicates {
                rows: duplicates,
                lines,
            }),
            unchecked,
            overlaps: self.of_eval.is_some().then_some(self.overlaps),
            too_long: limit.map(|limit| self.too_long.beyond(limit)),
            more_problems: self.more_problems,
            problems: self.problems,
            examples: self.examples,
            note: None,
        }
        .noted()
    }
}

/// Whether the last turn is the assistant's.
fn ends_with_answer(conversation: &Conversation) -> bool {
    let last = conversation.messages.last();
    last.and_then(|message| message.get("role"))
        .is_some_and(|role| role == "assistant")
}

/// A conversation that has its answer asks for no other.
fn without_prompt(mut conversation: Conversation) -> Conversation {
    if ends_with_answer(&conversation) {
        let args = &mut conversation.template_args;
        args.entry("add_generation_prompt").or_insert(false.into());
    }
    conversation
}

/// How many characters a row has, and with `shown` its text.
fn characters(asked: &Asked, completion: Option<&str>, shown: bool) -> (u64, Option<String>) {
    let count = |text: &str| u64::try_from(text.chars().count()).unwrap_or_default();
    let completed = completion.map_or(0, count);
    let (length, text) = match asked {
        Asked::Text(text) => (count(text), shown.then(|| text.clone())),
        Asked::Conversation(conversation) => {
            let content = |message: &'_ Map<String, Value>| match message.get("content") {
                Some(Value::String(text)) => text.clone(),
                Some(other) if !other.is_null() => other.to_string(),
                _ => String::new(),
            };
            let length = conversation
                .messages
                .iter()
                .map(|message| count(&content(message)))
                .sum();
            let role = |message: &'_ Map<String, Value>| {
                message
                    .get("role")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let text = shown.then(|| {
                let turns = conversation.messages.iter();
                let turns = turns.map(|message| format!("{}: {}", role(message), content(message)));
                turns.collect::<Vec<_>>().join("\n")
            });
            (length, text)
        }
    };
    let text = text.map(|text| match completion {
        Some(completion) => text + completion,
        None => text,
    });
    (length + completed, text)
}
