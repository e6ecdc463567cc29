//! `similarity`: how much two texts are alike.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::commands::Commands;
use super::kind;
use super::reference::Reference;
use super::{Failure, Grade, Score, Subject};
use crate::arguments::schema::renamed;
use crate::error::problems::{Path, Problems};

/// How many words, or characters, of either text are compared. What is beyond them counts as different.
const MOST: usize = 8_000;

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = renamed(&[("answer", "expected"), ("target", "expected"), ("reference", "expected"), ("metric", "measure")]))]
pub(super) struct Members {
    /// Default {{row.answer}}; of a list the one that is most like it counts.
    expected: Option<String>,
    /// Default rouge_l, which compares words; of an expected text of one word edit, which compares characters.
    measure: Option<Measure>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = renamed(&[("rouge", "rouge_l"), ("rougeL", "rouge_l"), ("rouge-l", "rouge_l"), ("f1", "token_f1")]))]
enum Measure {
    RougeL,
    TokenF1,
    Edit,
}

struct Ready {
    expected: Reference,
    /// `None`: by the expected text.
    measure: Option<Measure>,
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let expected = Reference::given(self.expected.as_deref(), &path.key("expected"), problems);
        Some(Box::new(Ready {
            expected,
            measure: self.measure,
        }))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        let expected = self.expected.texts(subject.row)?;
        let scores = expected
            .iter()
            .map(|expected| self.measure(expected).of(subject.text, expected));
        let (share, why) = scores.max_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap_or_default();
        Ok(Score::new(share, why))
    }

    fn look(&self, row: &Map<String, Value>) -> Result<(), Failure> {
        self.expected.texts(row).map(drop)
    }
}

impl Ready {
    /// With one word there is no order of words, and a near miss would be worth nothing.
    fn measure(&self, expected: &str) -> Measure {
        let usual = || match words(expected).len() {
            0 | 1 => Measure::Edit,
            _ => Measure::RougeL,
        };
        self.measure.unwrap_or_else(usual)
    }
}

impl Measure {
    fn of(self, text: &str, expected: &str) -> (f64, String) {
        let (found, wanted, common, what) = match self {
            Self::RougeL => {
                let (text, expected) = (text.to_lowercase(), expected.to_lowercase());
                let (found, wanted) = (words(&text), words(&expected));
                let common = common_subsequence(&found, &wanted);
                (found.len(), wanted.len(), common, "words in order")
            }
            Self::TokenF1 => {
                let (text, expected) = (answer(text), answer(expected));
                let (found, wanted) = (answer_words(&text), answer_words(&expected));
                (found.len(), wanted.len(), common_words(&found, &wanted), "words")
            }
            Self::Edit => {
                let (found, wanted): (Vec<char>, Vec<char>) =
                    (text.trim().chars().collect(), expected.trim().chars().collect());
                let common = common_subsequence(&found, &wanted);
                (found.len(), wanted.len(), common, "characters in order")
            }
        };
        (
            share(found, wanted, common),
            format!("{common} {what} of {found}, expected {wanted}"),
        )
    }
}

/// The harmonic mean of the shares that what is common has of both; two empty texts are alike.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 words")]
fn share(found: usize, wanted: usize, common: usize) -> f64 {
    match found + wanted {
        0 => 1.0,
        all => 2.0 * common as f64 / all as f64,
    }
}

/// Runs of letters and digits, as ROUGE has them.
fn words(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).collect()
}

/// A text in small letters and without punctuation, as SQuAD has it.
fn answer(text: &str) -> String {
    let mut text = text.to_lowercase();
    text.retain(|c| !c.is_ascii_punctuation());
    text
}

/// Its words without English articles.
fn answer_words(text: &str) -> Vec<&str> {
    let words = text.split_whitespace();
    words
        .filter(|word| !matches!(*word, "a" | "an" | "the"))
        .collect()
}

fn common_words(found: &[&str], wanted: &[&str]) -> usize {
    let mut left: HashMap<&str, usize, Quick> = HashMap::default();
    for word in wanted {
        *left.entry(word).or_default() += 1;
    }
    let taken = found.iter().filter(|word| match left.get_mut(**word) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    });
    taken.count()
}

/// Hashes short keys in a fraction of the time. What collides costs time alone, and the lists are short.
type Quick = BuildHasherDefault<Fnv>;

/// Fowler, Noll and Vo's function.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x0100_0000_01b3);
    }
}

/// How many items of `wanted` stand in one number.
const WIDTH: usize = 128;

/// The length of the longest common subsequence. A bit stands for each item of `wanted`, so that 128 of them are compared at
/// once (Hyyrö 2004).
fn common_subsequence<T: Eq + Hash>(found: &[T], wanted: &[T]) -> usize {
    let found = found.get(..MOST).unwrap_or(found);
    let wanted = wanted.get(..MOST).unwrap_or(wanted);
    let blocks = wanted.len().div_ceil(WIDTH);
    // For each different item, where it stands.
    let mut rows: HashMap<&T, Vec<u128>, Quick> = HashMap::default();
    for (index, item) in wanted.iter().enumerate() {
        let row = rows.entry(item).or_insert_with(|| vec![0; blocks]);
        if let Some(bits) = row.get_mut(index / WIDTH) {
            *bits |= 1 << (index % WIDTH);
        }
    }
    let mut state = vec![u128::MAX; blocks];
    let nowhere = vec![0; blocks];
    let found: Vec<&[u128]> = found
        .iter()
        .filter_map(|item| rows.get(item).map(Vec::as_slice))
        .collect();
    // Two at a time, as neither waits for the other's carries.
    for pair in found.chunks(2) {
        let [first, second] = [0, 1].map(|index| pair.get(index).copied().unwrap_or(&nowhere));
        let (mut of_first, mut of_second) = (false, false);
        for ((bits, first), second) in state.iter_mut().zip(first).zip(second) {
            let between = advanced(*bits, *first, &mut of_first);
            *bits = advanced(between, *second, &mut of_second);
        }
    }
    // The bits beyond the last item never change from one.
    let zeros: u32 = state.iter().map(|bits| bits.count_zeros()).sum();
    usize::try_from(zeros).unwrap_or_default()
}

/// The state of a block once an item has been compared with what stands in it.
#[inline]
fn advanced(bits: u128, matches: u128, carry: &mut bool) -> u128 {
    let (sum, over) = bits.overflowing_add(bits & matches);
    let (sum, more) = sum.overflowing_add(u128::from(*carry));
    *carry = over || more;
    sum | (bits & !matches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The textbook's way.
    fn slowly(a: &[u8], b: &[u8]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                table[i + 1][j + 1] = if x == y {
                    table[i][j] + 1
                } else {
                    table[i][j + 1].max(table[i + 1][j])
                };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn the_common_subsequence_is_the_longest(a in prop::collection::vec(0_u8..5, 0..400), b in prop::collection::vec(0_u8..5, 0..400)) {
            prop_assert_eq!(common_subsequence(&a, &b), slowly(&a, &b));
        }
    }
}
