//! Token lists and tensors: one-dimensional, one value for each input token.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::schema::{hint, plain, renamed, retired, unlisted};
use crate::error::problems::{Path, Problems};

/// Tokens, in chunks that are simply joined.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = plain, transform = hint("write {\"chunks\": [{\"encoded_text\": {\"tokens\": […]}}]} with token ids, from the base model's own tokenizer"), transform = retired(&[("tokens", "belongs inside chunks: write {\"chunks\": [{\"encoded_text\": {\"tokens\": […]}}]}")]), transform = renamed(&[("tokens", "chunks[0].encoded_text.tokens")]))]
pub(crate) struct ModelInput {
    #[schemars(required, length(min = 1))]
    chunks: Option<Vec<Chunk>>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = hint("write {\"encoded_text\": {\"tokens\": […]}} with token ids, from the base model's own tokenizer"))]
struct Chunk {
    #[schemars(required)]
    encoded_text: Option<EncodedText>,
}

/// What to write in place of a text: the services take no other form.
#[cfg(feature = "text")]
pub(crate) const TOKENS: &str =
    "token ids, such as [108, 111], from the base model's own tokenizer (render-prompt with ids true has it)";
#[cfg(not(feature = "text"))]
pub(crate) const TOKENS: &str =
    "token ids, such as [108, 111], from the base model's own tokenizer (no tool here has one)";

#[derive(Deserialize, JsonSchema)]
struct EncodedText {
    #[schemars(required, length(min = 1), inner(range(min = 0)), transform = hint(TOKENS))]
    tokens: Option<Vec<i64>>,
}

impl ModelInput {
    /// The number of tokens over all chunks; `None` when part of it cannot be used.
    #[must_use]
    pub(crate) fn count(&self) -> Option<usize> {
        let chunks = self.chunks.as_ref()?;
        chunks
            .iter()
            .map(|chunk| Some(chunk.encoded_text.as_ref()?.tokens.as_ref()?.len()))
            .sum()
    }

    /// The tokens of all chunks; nothing for parts that cannot be used.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = i64> {
        let chunks = self.chunks.iter().flatten();
        chunks
            .filter_map(|chunk| chunk.encoded_text.as_ref()?.tokens.as_ref())
            .flatten()
            .copied()
    }
}

// The types of tensors' values. They have no doc comments: those would be repeated for each tensor of the schema.

macro_rules! dtype {
    ($name:ident as $words:literal { $($variant:ident = $wire:literal, whole = $whole:literal;)+ }) => {
        #[derive(Clone, Copy, Deserialize, JsonSchema)]
        #[schemars(transform = retired(&[
    ("D_TYPE_INT64", "is the old name: write int64"),
    ("D_TYPE_FLOAT32", "is the old name: write float32"),
    ("D_TYPE_BFLOAT16", "is gone: write float32"),
]), transform = renamed(&[
    ("D_TYPE_INT64", "int64"),
    ("D_TYPE_FLOAT32", "float32"),
    ("D_TYPE_BFLOAT16", "float32"),
    ("int32", "int64"),
    ("float64", "float32"),
    ("bfloat16", "float32"),
]))]
        pub(crate) enum $name {
            $(#[serde(rename = $wire)] $variant,)+
        }

        impl DType for $name {
            const WORDS: &'static str = $words;

            fn whole(self) -> bool {
                match self {
                    $(Self::$variant => $whole,)+
                }
            }
        }
    };
}

/// The type of a tensor's values.
pub(crate) trait DType: Copy {
    /// How they are written.
    const WORDS: &'static str;

    /// Whether they are whole numbers.
    fn whole(self) -> bool;
}

dtype!(Int64 as "\"int64\"" { Int64 = "int64", whole = true; });
dtype!(Float32 as "\"float32\"" { Float32 = "float32", whole = false; });
dtype!(Either as "\"int64\" or \"float32\"" {
    Int64 = "int64", whole = true;
    Float32 = "float32", whole = false;
});

#[derive(Deserialize, JsonSchema)]
// A doc comment would be repeated for each tensor of the schema.
#[schemars(bound = "D: DType + JsonSchema", transform = hint(form::<D>()), transform = retired(&[
    ("sparse_crow_indices", "is not supported by the service: leave it out"),
    ("sparse_col_indices", "is not supported by the service: leave it out"),
]))]
pub(crate) struct Tensor<D> {
    #[schemars(required, length(min = 1))]
    data: Option<Vec<f64>>,
    #[schemars(required)]
    dtype: Option<D>,
    #[schemars(transform = unlisted)]
    shape: Option<Vec<i64>>,
}

/// How to write a tensor.
fn form<D: DType>() -> String {
    format!("write {{\"data\": […], \"dtype\": {}}}", D::WORDS)
}

/// The largest log-probability that is taken for one: what rounding to float32 can add is far less.
pub(crate) const LARGEST_LOGPROB: f64 = 0.001;

/// What is less is no log-probability, but what stands for one that is not known: vLLM writes -9999 for minus infinity.
const LEAST_LOGPROB: f64 = -1000.0;

/// A log-probability that the service gave, if it is one that can be used.
#[must_use]
pub(crate) fn usable_logprob(given: Option<f64>) -> Option<f64> {
    given.filter(|value| *value >= LEAST_LOGPROB)
}

/// What a tensor's values have to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Token ids, not negative.
    Tokens,
    /// Any numbers.
    Numbers,
    /// Logarithms of probabilities, so not above 0.
    LogProbabilities,
    /// 0 or 1.
    Selection,
}

impl<D: DType> Tensor<D> {
    /// The values; nothing when they cannot be used.
    #[must_use]
    pub(crate) fn values(&self) -> &[f64] {
        self.data.as_deref().unwrap_or_default()
    }

    /// Reports what is wrong with a tensor that goes with `tokens` input tokens.
    pub(crate) fn check(
        &self,
        values: Values,
        tokens: Option<usize>,
        path: &Path<'_>,
        problems: &mut Problems,
    ) {
        let Some(data) = &self.data else {
            return;
        };
        if let Some(tokens) = tokens.filter(|tokens| *tokens != data.len()) {
            let hint = if data.len() + 1 == tokens {
                ", and model_input is without the sequence's last token"
            } else {
                ""
            };
            problems.add(
                path,
                format!(
                    "has {} values for {tokens} tokens in model_input; every tensor has one value for each{hint}",
                    data.len()
                ),
            );
        }
        if let Some(shape) = self
            .shape
            .as_ref()
            .filter(|shape| i64::try_from(data.len()).is_ok_and(|length| **shape != [length]))
        {
            problems.add(
                &path.key("shape"),
                format!(
                    "is {shape:?}, but tensors have one dimension: leave it out or write [{}]",
                    data.len()
                ),
            );
        }
        let whole = self.dtype.is_some_and(DType::whole);
        let wrong = data.iter().enumerate().find_map(|(index, value)| {
            let rule = match values {
                Values::Selection if ![0.0, 1.0].contains(value) => "must be 0 (leave out) or 1 (train on)",
                Values::Tokens if *value < 0.0 => {
                    "is not a token id; write the real token and leave it out by mask or weights"
                }
                Values::LogProbabilities if *value > LARGEST_LOGPROB => "a log-probability is not above 0",
                _ if !whole && value.abs() > f64::from(f32::MAX) => "is beyond what float32 holds",
                _ if whole && value.abs() >= 9.2e18 => "is beyond what int64 holds",
                _ if whole && value.fract() != 0.0 => "must be a whole number, because dtype is int64",
                _ => return None,
            };
            Some((index, value, rule))
        });
        if let Some((index, value, rule)) = wrong {
            problems.add(&path.key("data").index(index), format!("is {value}, but {rule}"));
        }
    }
}

/// What holds for the slots of every sample, whatever its loss: they are selected by `weights` or by `mask`, and the
/// targets are the input shifted by one. `path` is that of the tensors.
pub(crate) fn check_slots(
    input: Option<&ModelInput>,
    targets: Option<&Tensor<Int64>>,
    weights: Option<&Tensor<Either>>,
    mask: Option<&Tensor<Either>>,
    path: &Path<'_>,
    problems: &mut Problems,
) {
    if weights.is_some() && mask.is_some() {
        problems.add(path, "has both weights and mask: give one of them");
    }
    if let (Some(input), Some(targets)) = (input, targets) {
        check_targets(targets, mask.or(weights), input, path, problems);
    }
}

/// Slot i of `target_tokens` holds the token that follows slot i of the input, wherever the position is trained on.
fn check_targets(
    targets: &Tensor<Int64>,
    selection: Option<&Tensor<Either>>,
    input: &ModelInput,
    path: &Path<'_>,
    problems: &mut Problems,
) {
    let selection = selection.map(Tensor::values);
    let trained =
        |slot: usize| selection.is_none_or(|values| values.get(slot).is_some_and(|value| *value != 0.0));
    let shifted = targets.values().iter().zip(input.tokens().skip(1)).enumerate();
    #[expect(
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "whole numbers far below 2^53"
    )]
    let wrong = shifted
        // What is no token id is reported as that.
        .filter(|(slot, (target, _))| **target >= 0.0 && trained(*slot))
        .find(|(_, (target, next))| **target != *next as f64);
    let path = path.key("target_tokens");
    let path = path.key("data");
    if let Some((slot, (target, next))) = wrong.filter(|(slot, _)| !problems.mention(&path.index(*slot))) {
        problems.add(
            &path.index(slot),
            format!("is {target}, but the next token in model_input is {next}: target_tokens is the sequence without its first token, model_input the same without its last"),
        );
    }
}
