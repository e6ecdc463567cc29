//! The body of a sampling.

#[cfg(feature = "text")]
pub(crate) mod completions;
#[cfg(feature = "text")]
pub(crate) mod prompts;

#[cfg(feature = "text")]
use crate::arguments::schema::{Instead, instead};
use crate::arguments::schema::{brief, hint, plain, renamed, retired};
use schemars::JsonSchema;
use serde::Deserialize;

use super::tensor::ModelInput;

/// As many digits may be meant as the id of a token.
const LEAST_ID: usize = 3;

const LOGPROBS: &str = "is not asked for: each completion comes with the log-probabilities of its tokens; leave it out (body.prompt_logprobs scores the prompt)";
const PAYLOAD: &str = "is not for callers: a large body is uploaded by itself";

/// Prompts as text have a place of their own.
#[cfg(feature = "text")]
const TEXT: Instead = Instead {
    names: &[
        "prompts",
        "messages",
        "prompt",
        "texts",
        "text",
        "inputs",
        "conversations",
    ],
    list: "model_inputs",
    entries: &["messages", "prompt", "text", "content", "role"],
    excuses: &["prompts", "body.model_inputs"],
    way: "belongs into prompts, beside body: prompts: [{\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}] (token ids into body.model_inputs)",
};

/// Prompts and how to continue them.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[cfg_attr(not(feature = "text"), schemars(transform = retired(&[
    ("prompts", "is called model_inputs today: [{\"chunks\": [{\"encoded_text\": {\"tokens\": […]}}]}]"),
    ("messages", "is not read here: write the token ids of the messages, from the base model's chat template and tokenizer (render-prompt has both, where it is offered), as model_inputs"),
    ("payload_id", PAYLOAD),
]), transform = renamed(&[
    ("prompts", "model_inputs"),
    ("n", "num_samples"),
    ("num_generations", "num_samples"),
    ("num_return_sequences", "num_samples"),
])))]
#[cfg_attr(feature = "text", schemars(transform = instead(&TEXT), transform = retired(&[
    ("payload_id", PAYLOAD),
]), transform = renamed(&[
    ("prompt_tokens", "model_inputs"),
    ("prompt_token_ids", "model_inputs"),
    ("input_ids", "model_inputs"),
    ("token_ids", "model_inputs"),
    ("n", "num_samples"),
    ("num_generations", "num_samples"),
    ("num_return_sequences", "num_samples"),
])))]
#[schemars(transform = plain)]
pub(crate) struct Sample {
    /// The prompts as token ids, each {chunks: [{encoded_text: {tokens: […]}}]}.
    #[schemars(length(min = 1), transform = brief)]
    model_inputs: Option<Vec<ModelInput>>,
    /// Completions for each prompt (the group size of GRPO). Default 1.
    #[schemars(range(min = 1))]
    num_samples: Option<i64>,
    sampling_params: Option<SamplingParams>,
    /// Also score the prompt tokens. Default false.
    prompt_logprobs: Option<bool>,
    /// Alternatives for each prompt position. Default 0.
    #[schemars(range(min = 0, max = 20))]
    topk_prompt_logprobs: Option<i64>,
    /// Mixture-of-experts models only: return routed_experts_key for training. Default false.
    return_routed_experts: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked by their schema and sent as they came")]
#[schemars(transform = retired(&[
    ("logprobs", LOGPROBS),
    ("top_logprobs", LOGPROBS),
    ("return_logprobs", LOGPROBS),
    ("stop_token_ids", "is not taken here: leave it out, since a completion ends at the model's own end token as well, or give stop, a list of texts"),
]), transform = renamed(&[
    ("max_new_tokens", "max_tokens"),
    ("max_completion_tokens", "max_tokens"),
]))]
struct SamplingParams {
    /// Longest completion in tokens. Default 512.
    #[schemars(range(min = 1))]
    max_tokens: Option<i64>,
    /// Default 1.0, which on-policy training needs.
    #[schemars(range(min = 0))]
    temperature: Option<f64>,
    /// Default 1.0.
    #[schemars(range(min = 0, max = 1))]
    top_p: Option<f64>,
    /// Default -1 = off.
    #[schemars(range(min = -1))]
    top_k: Option<i64>,
    /// Texts that end a completion; no token ids.
    stop: Option<Vec<Stop>>,
    /// Same prompt, weights and seed give the same completion.
    seed: Option<i64>,
}

// A text that ends a completion; a doc comment would be published.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transform = hint("such as \"\\n\\n\". The service takes no token ids here, and a completion ends at the model's own end token without stop as well"))]
struct Stop(String);

impl Sample {
    /// Whether it has prompts.
    pub(crate) const fn has_prompts(&self) -> bool {
        self.model_inputs.is_some()
    }

    /// The prompts.
    pub(crate) fn prompts(&self) -> impl Iterator<Item = &ModelInput> {
        self.model_inputs.iter().flatten()
    }

    /// Whether it says what stands at this place in the arguments.
    #[cfg(feature = "text")]
    pub(crate) fn sets(&self, place: &str) -> bool {
        let params = self.sampling_params.as_ref();
        let of_params = |is_set: fn(&SamplingParams) -> bool| params.is_some_and(is_set);
        match place {
            "body.num_samples" => self.num_samples.is_some(),
            "body.sampling_params" => params.is_some(),
            "body.sampling_params.max_tokens" => of_params(|params| params.max_tokens.is_some()),
            "body.sampling_params.temperature" => of_params(|params| params.temperature.is_some()),
            "body.sampling_params.top_p" => of_params(|params| params.top_p.is_some()),
            "body.sampling_params.top_k" => of_params(|params| params.top_k.is_some()),
            _ => false,
        }
    }

    /// The longest completion that is asked for.
    #[must_use]
    pub(crate) fn longest(&self) -> Option<u64> {
        let longest = self.sampling_params.as_ref()?.max_tokens?;
        u64::try_from(longest).ok()
    }

    /// What the caller may not have meant: a token id that is written as text stops nothing.
    #[must_use]
    pub(crate) fn doubt(&self) -> Option<String> {
        self.greedy().or_else(|| self.stop_of_digits())
    }

    /// Several completions that will all be the same.
    fn greedy(&self) -> Option<String> {
        let count = self.num_samples.filter(|count| *count > 1)?;
        let temperature = self.sampling_params.as_ref()?.temperature?;
        (temperature == 0.0).then(|| {
            format!("With temperature 0 the {count} completions of a prompt are the same: a group of them teaches nothing. 1.0 is what training needs.")
        })
    }

    fn stop_of_digits(&self) -> Option<String> {
        let stop = self.sampling_params.as_ref()?.stop.as_ref()?;
        let is_id =
            |stop: &&Stop| stop.0.len() >= LEAST_ID && stop.0.bytes().all(|byte| byte.is_ascii_digit());
        let Stop(id) = stop.iter().find(is_id)?;
        Some(format!(
            "stop \"{id}\" ends a completion where it writes these digits: it is a text, and no token id."
        ))
    }
}
