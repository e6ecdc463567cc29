//! The rows of Together AI's RL training sessions.

use super::{Effect, Method, Spec, Toolset};

/// What to do about a body that names a base model.
const MODELS: &str =
    "correct what the service names; list-supported-models shows the models and their limits.";

/// Signed links to the files of an inference checkpoint.
pub(crate) const DOWNLOAD_CHECKPOINT: Spec = Spec::new(
    "download-checkpoint",
    "Download checkpoint",
    "Downloads the files of an inference checkpoint into directory; the same call joins or resumes it. Without directory: a presigned URL for each file. Fetch soon, by plain GET without Authorization header (403: expired); whoever has a URL has the weights. Training checkpoints cannot be downloaded.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/checkpoints/{id}/download",
    Effect::Read,
)
.if_not_found(
    "check the id: it must be an inference checkpoint (from get-inference-checkpoint-operation or get-training-session).",
)
.if_refused("check that it is an inference checkpoint: training checkpoints have no download, and CHECKPOINT_VARIANT_ADAPTER is for LoRA only.");

/// The caller's training sessions, page by page.
pub(crate) const LIST_TRAINING_SESSIONS: Spec = Spec::new(
    "list-training-sessions",
    "List training sessions",
    "Lists training sessions with status, step, policy state and checkpoints. Next page: after = meta.next_cursor, while meta.has_more.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions",
    Effect::Read,
)
.if_empty("data", "No training session matches: none was created by this account, or the filters (status, model_resources_id, created_by) leave none.");

/// A new training session on a model resource.
pub(crate) const CREATE_TRAINING_SESSION: Spec = Spec::new(
    "create-training-session",
    "Create training session",
    "Starts a training session on a READY model resource and waits until RUNNING (up to an hour). After a lost answer call list-training-sessions first: a blind repeat makes a second session. End it with stop-training-session.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions",
    Effect::Add,
)
.if_lost(
    "It is not known whether the session was created.",
    "first look in list-training-sessions for one with this model_resources_id and display_name, created just now. Create again only if there is none: a blind repeat makes a second one.",
)
.if_not_found("check model_resources_id: list-model-resources shows those that exist.")
.if_refused(
    "correct what the service names. If it names no argument, call get-model-resource: sessions can be created only while it is READY.",
);

/// One training session.
pub(crate) const GET_TRAINING_SESSION: Spec = Spec::new(
    "get-training-session",
    "Get training session",
    "Shows one training session. Takes operations only while TRAINING_SESSION_STATUS_RUNNING; STOPPED, ERROR and EXPIRED are final. step counts optimizer steps. policy_state.applied_weights_version is what sampling really uses; it lags trainer_step until a weights-sync.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}",
    Effect::Read,
);

/// Loss and gradients of a batch.
pub(crate) const FORWARD_BACKWARD_PASS: Spec = Spec::new(
    "forward-backward-pass",
    "Forward-backward pass",
    "Computes the loss of a batch and adds its gradients to those since the last optimizer-step, which has to wait until this is COMPLETED (several calls accumulate). build-training-batch writes the body: pass its path as body_path. \
To write one yourself: model_input is the whole sequence without its last token, target_tokens without its first; slot i of every tensor belongs to token i+1, so prompt positions come first, as zeros. \
CROSS_ENTROPY needs weights; all others logprobs and advantages, and take weights or mask.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/forward-backward",
    Effect::Submit,
)
.traced("nothing lists it, and its gradients may count already. Either apply what there is with optimizer-step, or accept that the batch may count twice and call again without idempotency_key");

/// State and result of a forward-backward pass.
pub(crate) const GET_FORWARD_BACKWARD_OPERATION: Spec = Spec::new(
    "get-forward-backward-operation",
    "Get forward-backward operation",
    "Shows a forward-backward pass. Final: COMPLETED with output.loss and output.metrics, FAILED with error.code (RESOURCE_EXHAUSTED: smaller batch; NON_FINITE_LOSS: look at logprobs and learning rate). Cross-entropy loss is a sum over trained tokens.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/forward-backward/{operation_id}",
    Effect::Read,
);

/// Saves weights for serving and download.
pub(crate) const CREATE_INFERENCE_CHECKPOINT: Spec = Spec::new(
    "create-inference-checkpoint",
    "Create inference checkpoint",
    "Saves the session's current weights for serving and download (for resuming: save-training-checkpoint). Can take up to two hours.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/inference-checkpoint",
    Effect::Submit,
)
.traced("get-training-session lists inference_checkpoints as soon as they are saved");

/// State and result of an inference checkpoint.
pub(crate) const GET_INFERENCE_CHECKPOINT_OPERATION: Spec = Spec::new(
    "get-inference-checkpoint-operation",
    "Get inference checkpoint operation",
    "Shows the saving of an inference checkpoint. COMPLETED: output.checkpoint.id is for download-checkpoint.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/inference-checkpoint/{operation_id}",
    Effect::Read,
);

/// Applies the gathered gradients.
pub(crate) const OPTIMIZER_STEP: Spec = Spec::new(
    "optimizer-step",
    "Optimizer step",
    "Applies the gradients gathered by forward-backward passes and clears them. Then weights-sync, or sample keeps the old weights. Values hold for this step only.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/optim-step",
    Effect::Submit,
)
.traced("get-training-session shows the step, which has grown by one if it was done");

/// State and result of an optimizer step.
pub(crate) const GET_OPTIM_STEP_OPERATION: Spec = Spec::new(
    "get-optim-step-operation",
    "Get optimizer step operation",
    "Shows an optimizer step. COMPLETED: output.step is the new step count (output may be missing).",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/optim-step/{operation_id}",
    Effect::Read,
);

#[cfg(feature = "text")]
const SAMPLE_DESCRIPTION: &str = "Generates completions of prompts with the weights that the last weights-sync published, and shows each as text. Messages go through the base model's chat template; its stop tokens are added unless stop is given. Prompts and result stay on this machine for build-training-batch. To score a text: max_tokens 1, prompt_logprobs true; ignore the generated token. Needs a generator replica.";
#[cfg(not(feature = "text"))]
const SAMPLE_DESCRIPTION: &str = "Generates completions of token prompts with the weights that the last weights-sync published. Prompts and result stay on this machine for build-training-batch; get-sample-operation describes the result. Tokenize with the base model's own tokenizer and chat template. To score a given text: put it whole in model_inputs, max_tokens 1, prompt_logprobs true; ignore the generated token. Needs a generator replica.";

/// Completions of prompts, with log-probabilities.
pub(crate) const SAMPLE: Spec = Spec::new(
    "sample",
    "Sample completions",
    SAMPLE_DESCRIPTION,
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/sample",
    Effect::Submit,
)
.traced(
    "nothing lists it. To sample again without idempotency_key changes nothing and costs the tokens again",
);

/// State and result of a sampling.
pub(crate) const GET_SAMPLE_OPERATION: Spec = Spec::new(
    "get-sample-operation",
    "Get sample operation",
    "Shows a sampling. COMPLETED: output.results[], one per prompt in order, each with sequences[] {tokens (prompt not included), logprobs, stop_reason} and policy_segments[] (version: which weights made the tokens from start_token on). Of prompts given as text a summary has texts, cut; completions_file has a line for each completion (read-result, at [0].text), file the tokens (at output.results[0].sequences[*].tokens). With prompt_logprobs entry i+1 belongs to slot i of a training tensor. Integers may come as strings.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/sample/{operation_id}",
    Effect::Read,
);

/// Saves weights, optimizer and step for resuming.
pub(crate) const SAVE_TRAINING_CHECKPOINT: Spec = Spec::new(
    "save-training-checkpoint",
    "Save training checkpoint",
    "Saves weights, optimizer state and step count, to resume from with create-training-session. Can take up to two hours.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/training-checkpoint",
    Effect::Submit,
)
.traced("get-training-session lists training_checkpoints as soon as they are saved");

/// State and result of a training checkpoint.
pub(crate) const GET_SAVE_TRAINING_CHECKPOINT_OPERATION: Spec = Spec::new(
    "get-save-training-checkpoint-operation",
    "Get training checkpoint operation",
    "Shows the saving of a training checkpoint. COMPLETED: output.checkpoint.id is the resume_from_checkpoint_id of create-training-session.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/training-checkpoint/{operation_id}",
    Effect::Read,
);

/// Ends a training session.
pub(crate) const STOP_TRAINING_SESSION: Spec = Spec::new(
    "stop-training-session",
    "Stop training session",
    "Ends a training session; what was not saved in a checkpoint is lost. Its LoRA slot is free once it is STOPPED. The model resource keeps billing until it is stopped or idle.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/stop",
    Effect::Add,
)
.that_ends()
.if_lost(
    "It is not known whether the stop arrived.",
    "get-training-session shows the status. The model resource bills until stop-model-resource.",
)
.if_refused(
    "get-training-session shows whether it has ended already. Either way its model resource bills until stop-model-resource.",
);

/// The base models that can be trained.
pub(crate) const LIST_SUPPORTED_MODELS: Spec = Spec::new(
    "list-supported-models",
    "List supported models",
    "Lists the base models that can be trained, with GPU types, context length, and limits for LoRA (max_rank, max_batch_size, max_seq_length) and full weights; a missing trainer_config.lora or .full means not offered.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/supported-models",
    Effect::Read,
)
.if_empty("data", "The service offers no model at the moment.");

/// New GPUs with a base model on them.
pub(crate) const CREATE_MODEL_RESOURCE: Spec = Spec::new(
    "create-model-resource",
    "Create model resource",
    "Starts a model resource: GPUs with a base model, to which training sessions attach. Bills by the hour while READY, until stop-model-resource or inactive_timeout of idleness. Tell the user the price before: estimate_only true asks for it and starts nothing. Waits until READY; PENDING can take long and costs nothing. After a lost answer never repeat blindly: a second one bills too.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/model-resources",
    Effect::Add,
)
.at_hand()
.if_lost(
    "It is not known whether the model resource was created, and it would bill once READY.",
    "first look in list-model-resources for one with this base_model, created just now. Create again only if there is none: a blind repeat makes, and bills, a second one.",
)
.if_not_found(MODELS)
.if_refused(MODELS);

/// One model resource.
pub(crate) const GET_MODEL_RESOURCE: Spec = Spec::new(
    "get-model-resource",
    "Get model resource",
    "Shows a model resource. status MODEL_RESOURCES_STATUS_PENDING (status_details.queue_position) and CREATING come before READY, when sessions can attach and it bills; STOPPING, STOPPED and ERROR (error.code) are its end. expires_at: when it stops for idleness, which any operation of its sessions postpones.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/model-resources/{model_resources_id}",
    Effect::Read,
);

/// Ends a model resource and its billing.
pub(crate) const STOP_MODEL_RESOURCE: Spec = Spec::new(
    "stop-model-resource",
    "Stop model resource",
    "Stops a model resource for good, in any state, which ends its billing. Refused while sessions are attached unless force is true. Also succeeds when it has already ended.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/model-resources/{model_resources_id}/stop",
    Effect::Destroy { idempotent: true },
)
.if_refused(
    "get-model-resource shows whether it has ended; if not, it keeps billing. Sessions that are attached hold it up (list-training-sessions with model_resources_id): stop them and call again, or call with force true, which stops them too and loses what they have not saved.",
);

/// Makes the trainer's weights those that sampling uses.
pub(crate) const WEIGHTS_SYNC: Spec = Spec::new(
    "weights-sync",
    "Weights sync",
    "Publishes the trained weights to the generator: until then sample keeps using the old ones. Call it between optimizer-step and the next sample.",
    Toolset::Rl,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/weights-sync",
    Effect::Submit,
)
.traced("get-training-session shows policy_state, whose target_weights_version equals trainer_step if it was done");

/// State and result of a weights-sync.
pub(crate) const GET_WEIGHTS_SYNC_OPERATION: Spec = Spec::new(
    "get-weights-sync-operation",
    "Get weights sync operation",
    "Shows a weights-sync. COMPLETED: output.weights_version, which policy_segments[].version of later samples shows.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/weights-sync/{operation_id}",
    Effect::Read,
);

/// What a model resource would cost.
pub(crate) const ESTIMATE_MODEL_RESOURCE_COST: Spec = Spec::new(
    "estimate-model-resource-cost",
    "Estimate model resource cost",
    "Says what a model resource would cost per hour while READY; starts nothing. Ask before create-model-resource, with the same body.",
    Toolset::RlMore,
    Method::Post,
    "/v1/rl/model-resources/estimate-cost",
    Effect::Read,
)
.if_not_found(MODELS)
.if_refused(MODELS);

/// The caller's model resources, page by page.
pub(crate) const LIST_MODEL_RESOURCES: Spec = Spec::new(
    "list-model-resources",
    "List model resources",
    "Lists model resources: which one to use, which one still bills. Next page: after = meta.next_cursor, while meta.has_more.",
    Toolset::Rl,
    Method::Get,
    "/v1/rl/model-resources",
    Effect::Read,
)
.if_empty("data", "No model resource matches: nothing of this account bills at Together AI, unless a filter (status, created_by) hides it.");

/// More time before an idle model resource stops.
pub(crate) const EXTEND_MODEL_RESOURCE_EXPIRY: Spec = Spec::new(
    "extend-model-resource-expiry",
    "Extend model resource expiry",
    "Keeps a READY model resource up for at least so many seconds from now, for example while rewards are computed; never shortens its time. It keeps billing.",
    Toolset::RlMore,
    Method::Post,
    "/v1/rl/model-resources/{model_resources_id}/extend-expiry",
    Effect::Set,
);

/// Another name or metadata for a session.
pub(crate) const UPDATE_TRAINING_SESSION: Spec = Spec::new(
    "update-training-session",
    "Update training session",
    "Changes the name or metadata of a training session. What is left out stays; empty text clears.",
    Toolset::RlMore,
    Method::Patch,
    "/v1/rl/training-sessions/{session_id}",
    Effect::Set,
);

/// Gradients of a loss that the caller computed.
pub(crate) const CUSTOM_FORWARD_BACKWARD_PASS: Spec = Spec::new(
    "custom-forward-backward-pass",
    "Custom forward-backward pass",
    "For a loss of your own: takes its gradients with respect to the log-probabilities, and adds the resulting weight gradients to those gathered since the last optimizer-step. First score: forward-backward-pass with CROSS_ENTROPY, all weights 1, forward_only and return_loss_fn_outputs true; then differentiate. Alignment as there.",
    Toolset::RlMore,
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/custom-forward-backward",
    Effect::Submit,
)
.traced("nothing lists it, and its gradients may count already. Either apply what there is with optimizer-step, or accept that the batch may count twice and call again without idempotency_key");

/// State of a custom forward-backward pass.
pub(crate) const GET_CUSTOM_FORWARD_BACKWARD_OPERATION: Spec = Spec::new(
    "get-custom-forward-backward-operation",
    "Get custom forward-backward operation",
    "Shows a custom forward-backward pass. COMPLETED has no further output.",
    Toolset::RlMore,
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/custom-forward-backward/{operation_id}",
    Effect::Read,
);

/// Checkpoints of all sessions, page by page.
pub(crate) const LIST_CHECKPOINTS: Spec = Spec::new(
    "list-checkpoints",
    "List checkpoints",
    "Lists checkpoints of all sessions, newest first. Next page: after = meta.next_cursor, while meta.has_more.",
    Toolset::RlMore,
    Method::Get,
    "/v1/rl/checkpoints",
    Effect::Read,
)
.if_empty("data", "No checkpoint matches: none was saved and kept yet (save-training-checkpoint, create-inference-checkpoint), or the filters leave none.");

/// One checkpoint.
pub(crate) const GET_CHECKPOINT: Spec = Spec::new(
    "get-checkpoint",
    "Get checkpoint",
    "Shows a checkpoint: type, session, step, rank and registration.",
    Toolset::RlMore,
    Method::Get,
    "/v1/rl/checkpoints/{id}",
    Effect::Read,
);

/// Where a large request body goes first.
pub(crate) const CREATE_PAYLOAD_UPLOAD_URL: Spec = Spec::internal(
    "create-payload-upload-url",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/payloads/upload-url",
    Effect::Set,
);

/// Where a large result lies.
pub(crate) const CREATE_PAYLOAD_DOWNLOAD_URL: Spec = Spec::internal(
    "create-payload-download-url",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/payloads/{payload_id}/download-url",
    Effect::Set,
);
