//! The base models on offer: names of one tiny model.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::policy::Base;

/// The base models. The first one is what it says; the others have the names of real ones, so that a recipe runs here
/// as it is written, but they are the same kind of model with other weights.
const NAMES: [&str; 3] = ["sandbox/byte-lm", "Qwen/Qwen3-0.6B", "Qwen/Qwen3.5-4B"];

/// Tokens of a prompt and its completion.
pub(super) const CONTEXT_LENGTH: usize = 4096;
/// Sequences in a batch.
pub(super) const MAX_BATCH_SIZE: usize = 1024;
/// Tokens of a sequence in a batch.
pub(super) const MAX_SEQUENCE_LENGTH: usize = 4096;
/// The largest rank of an adapter.
pub(super) const MAX_RANK: usize = 64;
/// The only GPUs there are.
pub(super) const GPU_TYPE: &str = "B200-SXM";
/// Tokens of a completion when nobody says.
pub(super) const DEFAULT_MAX_TOKENS: usize = 512;

/// The untrained weights of a base model; `None` when there is no such model.
pub(super) fn base(name: &str) -> Option<Arc<Base>> {
    let seed = NAMES.iter().position(|known| *known == name)?;
    Some(Base::new(u64::try_from(seed).ok()?))
}

const NOTE: &str = "a tiny model of this machine: tokens are the bytes of UTF-8 text, 0 to 255; 256 ends a text. Untrained it writes nearly random bytes, each about once in 100 tokens: sample long enough for rewards to differ. It learns within tens of steps at learning rates of 0.003 to 0.01; at 0.0001 hardly anything happens";

pub(super) async fn list() -> axum::Json<Value> {
    let entry = |(place, name): (usize, &&str)| {
        let note = if place == 0 { NOTE } else { "the same tiny model" };
        json!({
            "base_model": name,
            "default_gpu_type": GPU_TYPE,
            // The documentation has no such member, but nothing else says how to tokenize.
            "sandbox_note": note,
            "sandbox_tokenizer": "bytes",
            "compute_configs": [{
                "gpu_type": GPU_TYPE,
                "generator_config": {
                    "context_length": CONTEXT_LENGTH,
                    "sampling_defaults": {
                        "logprobs": 1,
                        "max_tokens": DEFAULT_MAX_TOKENS,
                        "n": 1,
                        "temperature": 1.0,
                    },
                },
                "trainer_config": {
                    "full": {"max_batch_size": MAX_BATCH_SIZE, "max_seq_length": MAX_SEQUENCE_LENGTH},
                    "lora": {
                        "max_batch_size": MAX_BATCH_SIZE,
                        "max_rank": MAX_RANK,
                        "max_seq_length": MAX_SEQUENCE_LENGTH,
                    },
                },
            }],
        })
    };
    axum::Json(json!({"data": NAMES.iter().enumerate().map(entry).collect::<Vec<_>>()}))
}
