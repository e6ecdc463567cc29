//! The bodies of operations.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::Integer;

/// Joins the chunks of a text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelInput {
    chunks: Vec<Chunk>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chunk {
    encoded_text: EncodedText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodedText {
    tokens: Vec<Integer>,
}

impl ModelInput {
    pub(super) fn tokens(&self) -> Vec<i64> {
        let chunks = self.chunks.iter().flat_map(|chunk| &chunk.encoded_text.tokens);
        chunks.map(|Integer(token)| *token).collect()
    }
}

/// A list of numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tensor {
    pub(super) data: Vec<f64>,
    #[expect(dead_code, reason = "the values say the same")]
    dtype: DType,
    pub(super) shape: Option<Vec<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DType {
    Int64,
    Float32,
}

/// One sequence of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrainingSample {
    pub(super) model_input: ModelInput,
    pub(super) loss_fn_inputs: BTreeMap<String, Tensor>,
    /// Only of mixture-of-experts models; ignored by this one.
    #[expect(dead_code, reason = "ignored")]
    routed_experts_key: Option<String>,
}

/// The body of `forward-backward`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForwardBackward {
    pub(super) samples: Vec<TrainingSample>,
    pub(super) loss: Loss,
    #[serde(default)]
    pub(super) forward_only: bool,
    #[serde(default)]
    pub(super) return_loss_fn_outputs: bool,
}

/// The body of `custom-forward-backward`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomForwardBackward {
    pub(super) samples: Vec<TrainingSample>,
    pub(super) gradients: Vec<CustomGradient>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomGradient {
    pub(super) data: Vec<f64>,
    #[serde(default)]
    #[expect(dead_code, reason = "the values say the same")]
    dtype: Option<GradientDType>,
}

#[derive(Debug, Deserialize)]
enum GradientDType {
    #[serde(rename = "D_TYPE_FLOAT32")]
    Float32,
    #[serde(rename = "D_TYPE_INT64")]
    Int64,
    #[serde(rename = "D_TYPE_BFLOAT16")]
    BFloat16,
}

/// A loss: its type, and the parameters of each; those of another type are ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Loss {
    #[serde(rename = "type")]
    pub(super) kind: LossType,
    #[expect(dead_code, reason = "has no members")]
    cross_entropy_params: Option<Empty>,
    pub(super) grpo_params: Option<GrpoParams>,
    pub(super) ppo_params: Option<ClipParams>,
    pub(super) cispo_params: Option<ClipParams>,
    pub(super) dro_params: Option<DroParams>,
    pub(super) dppo_params: Option<DppoParams>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum LossType {
    #[serde(rename = "LOSS_TYPE_CROSS_ENTROPY")]
    CrossEntropy,
    #[serde(rename = "LOSS_TYPE_GRPO")]
    Grpo,
    #[serde(rename = "LOSS_TYPE_IMPORTANCE_SAMPLING")]
    ImportanceSampling,
    #[serde(rename = "LOSS_TYPE_PPO")]
    Ppo,
    #[serde(rename = "LOSS_TYPE_CISPO")]
    Cispo,
    #[serde(rename = "LOSS_TYPE_DRO")]
    Dro,
    #[serde(rename = "LOSS_TYPE_DPPO")]
    Dppo,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrpoParams {
    pub(super) clip_low_threshold: Option<f64>,
    pub(super) clip_high_threshold: Option<f64>,
    pub(super) beta: Option<f64>,
    pub(super) agg_type: Option<AggregationType>,
    pub(super) ratio_type: Option<RatioType>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum AggregationType {
    #[serde(
        rename = "GRPO_LOSS_AGGREGATION_TYPE_FIXED_HORIZON",
        alias = "GRPO_LOSS_AGGREGATION_TYPE_UNSPECIFIED"
    )]
    FixedHorizon,
    #[serde(rename = "GRPO_LOSS_AGGREGATION_TYPE_TOKEN_MEAN")]
    TokenMean,
    #[serde(rename = "GRPO_LOSS_AGGREGATION_TYPE_SEQUENCE_MEAN")]
    SequenceMean,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum RatioType {
    #[serde(
        rename = "GRPO_LOSS_RATIO_TYPE_TOKEN",
        alias = "GRPO_LOSS_RATIO_TYPE_UNSPECIFIED"
    )]
    Token,
    #[serde(rename = "GRPO_LOSS_RATIO_TYPE_SEQUENCE")]
    Sequence,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClipParams {
    pub(super) clip_low_threshold: Option<f64>,
    pub(super) clip_high_threshold: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DroParams {
    pub(super) beta: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DppoParams {
    pub(super) delta_low: Option<f64>,
    pub(super) delta_high: Option<f64>,
}

/// The body of `sample`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    pub(super) model_inputs: Vec<ModelInput>,
    pub(super) num_samples: Option<i64>,
    pub(super) sampling_params: Option<SamplingParams>,
    #[serde(default)]
    pub(super) prompt_logprobs: bool,
    #[serde(default)]
    pub(super) topk_prompt_logprobs: usize,
    /// Only of mixture-of-experts models; ignored by this one.
    #[serde(default)]
    #[expect(dead_code, reason = "ignored")]
    return_routed_experts: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SamplingParams {
    pub(super) max_tokens: Option<i64>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_k: Option<i64>,
    #[serde(default)]
    pub(super) stop: Vec<String>,
    pub(super) seed: Option<Integer>,
}

/// The body of `optim-step`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OptimStep {
    pub(super) adam_params: Option<AdamParams>,
    pub(super) muon_params: Option<MuonParams>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdamParams {
    pub(super) learning_rate: Option<f64>,
    pub(super) beta1: Option<f64>,
    pub(super) beta2: Option<f64>,
    pub(super) eps: Option<f64>,
    pub(super) weight_decay: Option<f64>,
    pub(super) grad_clip_norm: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MuonParams {
    pub(super) learning_rate: Option<f64>,
    pub(super) momentum: Option<f64>,
    pub(super) newton_schulz_steps: Option<u32>,
    pub(super) weight_decay: Option<f64>,
    pub(super) grad_clip_norm: Option<f64>,
    pub(super) adam: Option<AdamParams>,
}

/// The body of `weights-sync`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WeightsSync {
    pub(super) weight_sync_type: WeightSyncType,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) enum WeightSyncType {
    #[serde(rename = "WEIGHT_SYNC_TYPE_SYNCHRONOUS")]
    Synchronous,
    #[serde(rename = "WEIGHT_SYNC_TYPE_BACKGROUND_PUBLISH")]
    BackgroundPublish,
    #[serde(rename = "WEIGHT_SYNC_TYPE_PIPELINE")]
    Pipeline,
}
