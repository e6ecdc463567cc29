//! The texts that travel, in the shapes of the service's own examples.

use std::fmt::Write as _;
use std::iter::repeat_with;

pub(crate) const SESSION_ID: &str = "3f2a9c11-6e5d-4a7b-8c90-1d2e3f4a5b6c";
pub(crate) const OPERATION_ID: &str = "0a1b2c3d-0000-4000-8000-000000000001";

/// The sampling whose result is answered whole.
pub(crate) const WHOLE_ID: &str = "0a1b2c3d-0000-4000-8000-000000000003";

/// A training session.
pub(crate) const SESSION: &str = r#"{"id":"3f2a9c11-6e5d-4a7b-8c90-1d2e3f4a5b6c","base_model":"Qwen/Qwen3-0.6B","created_at":"2026-11-20T08:05:00Z","created_by":"user_41","updated_at":"2026-11-20T09:12:30Z","display_name":"arith-grpo","status":"TRAINING_SESSION_STATUS_RUNNING","step":"12","model_resources_id":"7d0c0d0e-4b1f-4a52-9a3e-0f6c5b8d1a01","policy_state":{"trainer_step":"12","target_weights_version":"12","applied_weights_version":"12","pending_publish":false},"lora_config":{"rank":32,"alpha":64,"dropout":0.0,"train_unembed":true},"metadata":{},"inference_checkpoints":[{"id":"c1b7a0f2-9d44-4f0e-b7a6-5e2d1c3b4a59","created_at":"2026-11-20T09:10:00Z","step":"12","registration":{"adapter":{"id":"ml_demo01","revision_id":"rv_demo01"}}}],"training_checkpoints":[{"id":"d2c8b1a3-0e55-4a1f-8b97-6f3e2d4c5b6a","created_at":"2026-11-20T09:12:00Z","step":12,"registration":{"id":"ml_demo02","revision_id":"rv_demo02"}}]}"#;

/// The answer to a submitted operation.
pub(crate) const ACCEPTED: &str =
    r#"{"id":"0a1b2c3d-0000-4000-8000-000000000002","status":"TRAINING_OPERATION_STATUS_PENDING"}"#;

const PROMPT_TOKENS: usize = 128;
const RESPONSE_TOKENS: usize = 384;
const VOCABULARY: u32 = 151_936;

/// A GRPO batch of at least `size` bytes: five lists for each sample, as a reinforcement-learning step sends them.
pub(crate) fn batch(size: usize) -> String {
    let mut numbers = Numbers::new();
    let mut text = r#"{"samples":["#.to_owned();
    while text.len() < size {
        let tokens = numbers.tokens(PROMPT_TOKENS + RESPONSE_TOKENS);
        let positions = tokens.len() - 1;
        let advantage = numbers.fraction().to_string();
        let _ = write!(
            text,
            r#"{{"model_input":{{"chunks":[{{"encoded_text":{{"tokens":[{}]}}}}]}},"loss_fn_inputs":{{"target_tokens":{{"data":[{}],"dtype":"int64"}},"logprobs":{{"data":[{}],"dtype":"float32"}},"advantages":{{"data":[{}],"dtype":"float32"}},"mask":{{"data":[{}],"dtype":"int64"}}}}}},"#,
            joined(tokens.iter().take(positions).cloned()),
            joined(tokens.iter().skip(1).cloned()),
            for_response(|| numbers.logprob()),
            for_response(|| advantage.clone()),
            for_response(|| "1".to_owned()),
        );
    }
    text.pop();
    text.push_str(
        r#"],"loss":{"type":"LOSS_TYPE_GRPO","grpo_params":{"clip_low_threshold":0.8,"clip_high_threshold":1.2,"beta":0.0}}}"#,
    );
    text
}

/// A finished sampling of this id, of at least `size` bytes.
pub(crate) fn result(id: &str, size: usize) -> String {
    let mut numbers = Numbers::new();
    let mut text =
        format!(r#"{{"id":"{id}","status":"TRAINING_OPERATION_STATUS_COMPLETED","output":{{"results":["#);
    while text.len() < size {
        let tokens = numbers.tokens(RESPONSE_TOKENS);
        let _ = write!(
            text,
            r#"{{"sequences":[{{"tokens":[{}],"logprobs":[{}],"stop_reason":"STOP_REASON_STOP","prompt_cache_hit_tokens":0}}],"policy_segments":[{{"version":12,"start_token":0}}]}},"#,
            joined(tokens.into_iter()),
            joined(repeat_with(|| numbers.logprob()).take(RESPONSE_TOKENS)),
        );
    }
    text.pop();
    text.push_str("]}}");
    text
}

/// The values of a sample's positions: zeros for the prompt, `value` for each token of the response.
fn for_response(value: impl FnMut() -> String) -> String {
    let zeros = repeat_with(|| "0".to_owned()).take(PROMPT_TOKENS - 1);
    joined(zeros.chain(repeat_with(value).take(RESPONSE_TOKENS)))
}

fn joined(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(",")
}

/// Numbers as a service writes them, the same in every run.
struct Numbers(fastrand::Rng);

impl Numbers {
    fn new() -> Self {
        Self(fastrand::Rng::with_seed(7))
    }

    fn tokens(&mut self, count: usize) -> Vec<String> {
        repeat_with(|| self.0.u32(..VOCABULARY).to_string())
            .take(count)
            .collect()
    }

    /// At least 0 and below 1.
    fn fraction(&mut self) -> f32 {
        self.0.f32()
    }

    /// In the shortest form that gives the same 32-bit float again.
    fn logprob(&mut self) -> String {
        (1.0 - self.fraction()).ln().to_string()
    }
}
