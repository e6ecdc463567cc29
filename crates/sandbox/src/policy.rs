//! The policy: a small language model over bytes that really learns.
//!
//! Frozen base weights come from a fixed seed; what is trained is a LoRA adapter on top, or a copy of the weights
//! themselves. The seam is the API's own: a [`Loss`] turns the log-probability of each token into one number and its
//! gradient, and the [`Model`] turns that gradient into one of the weights. Everything is computed in 64-bit floats on
//! one thread in a fixed order, so that the same calls give the same run, bit for bit.

mod files;
mod loss;
mod matrix;
mod model;
mod optimizer;
mod sampling;
mod trainer;
mod weights;

pub(crate) use files::{File, adapter_files, merged_files};
pub(crate) use loss::{Aggregation, Clip, Loss, Ratio, Sample};
pub(crate) use model::{Base, Model, check_tokens};
pub(crate) use optimizer::{Adam, Kind as OptimizerKind, Muon, Scaling, Step};
pub(crate) use sampling::{Completion, Sampling, StopReason, sample, score_prompt};
pub(crate) use trainer::{Outcome, Pass, Snapshot, Trainer};
pub(crate) use weights::{LoraConfig, Weights};

/// A token: a byte, or [`END_OF_TEXT`].
pub(crate) type Token = u16;

/// The token that ends a text.
pub(crate) const END_OF_TEXT: Token = 256;

/// How many tokens there are.
pub(crate) const VOCABULARY: usize = 257;

/// Why the trainer cannot do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request does not fit together, or not to the model.
    InvalidInput(String),
    /// The loss is not a number, or infinite.
    NonFiniteLoss,
}

impl Refusal {
    pub(crate) fn input(problem: impl Into<String>) -> Self {
        Self::InvalidInput(problem.into())
    }
}

/// The tokens of a text.
pub(crate) fn encode(text: &str) -> Vec<Token> {
    text.bytes().map(Token::from).collect()
}

/// The bytes of some tokens; an end of text has none.
pub(crate) fn decode(tokens: &[Token]) -> Vec<u8> {
    tokens
        .iter()
        .filter_map(|token| u8::try_from(*token).ok())
        .collect()
}
