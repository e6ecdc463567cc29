//! What each tool does to the world: one row for each, and nowhere else.
//!
//! The hints in `tools/list`, the HTTP method and path on the wire, whether a call may be repeated, and
//! whether read-only mode offers the tool are all computed from the row, so they cannot disagree.

mod row;

pub use row::{Effect, Method, Service, Spec};

/// Signed links to the files of an inference checkpoint.
pub const DOWNLOAD_CHECKPOINT: Spec = Spec::new(
    "download-checkpoint",
    "Get checkpoint download links",
    "Lists the files of an inference checkpoint with a presigned URL for each. Fetch them soon, with a plain GET without Authorization header; whoever has a URL has the weights. 403 means expired: call again. Training checkpoints cannot be downloaded.",
    Method::Get,
    "/v1/rl/checkpoints/{id}/download",
    Effect::Read,
);

/// The caller's training sessions, page by page.
pub const LIST_TRAINING_SESSIONS: Spec = Spec::new(
    "list-training-sessions",
    "List training sessions",
    "Lists training sessions with status, step, policy state and checkpoints. Pages: while meta.has_more is true, call again with after = meta.next_cursor.",
    Method::Get,
    "/v1/rl/training-sessions",
    Effect::Read,
);

/// A new training session on a model resource.
pub const CREATE_TRAINING_SESSION: Spec = Spec::new(
    "create-training-session",
    "Create training session",
    "Starts a training session on a READY model resource (the billed GPUs that hold the base model). Then poll get-training-session about every 10 s, up to an hour, until RUNNING. After a lost answer call list-training-sessions first: a blind repeat makes a second session. End it with stop-training-session.",
    Method::Post,
    "/v1/rl/training-sessions",
    Effect::Add,
);

/// One training session.
pub const GET_TRAINING_SESSION: Spec = Spec::new(
    "get-training-session",
    "Get training session",
    "Shows one training session. Operations are accepted only while status is TRAINING_SESSION_STATUS_RUNNING; STOPPED, ERROR and EXPIRED are final. step counts optimizer steps. policy_state.applied_weights_version is what sampling really uses; it lags trainer_step until a weights-sync.",
    Method::Get,
    "/v1/rl/training-sessions/{session_id}",
    Effect::Read,
);

/// Loss and gradients of a batch.
pub const FORWARD_BACKWARD_PASS: Spec = Spec::new(
    "forward-backward-pass",
    "Forward-backward pass",
    "Computes the loss of a batch and adds its gradients to those gathered since the last optimizer-step (so several calls accumulate; optimizer-step applies and clears them). Returns an operation: poll get-forward-backward-operation every 0.5 s or so until COMPLETED or FAILED, before the optimizer-step. \
Alignment: let full = prompt tokens (P) + response tokens (R). model_input = full without its last token, target_tokens = full without its first, so both have L = P+R-1 entries, and so has every other tensor; slot i belongs to the predicted token full[i+1]. Hence each tensor but target_tokens starts with P-1 zeros, then one value per response token. Example: P=3, full=[101,17,42,7,9]: tokens [101,17,42,7], target_tokens [17,42,7,9], mask [0,0,1,1], logprobs [0,0,lp(7),lp(9)], advantages [0,0,A,A]. \
GRPO: A = reward minus the mean reward of the completions of the same prompt, optionally divided by their standard deviation; a group of equal rewards teaches nothing and may be skipped. \
Keys per loss, beside target_tokens: CROSS_ENTROPY needs weights; all others need logprobs and advantages and take weights or mask (never both; with neither, prompt positions count too); GRPO with beta > 0 also needs reference_logprobs. \
No NaN or infinity: give an unusable position weight 0.",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/forward-backward",
    Effect::Submit,
);

/// State and result of a forward-backward pass.
pub const GET_FORWARD_BACKWARD_OPERATION: Spec = Spec::new(
    "get-forward-backward-operation",
    "Get forward-backward operation",
    "Shows a forward-backward pass. Final: COMPLETED with output.loss and output.metrics, FAILED with error.code (RESOURCE_EXHAUSTED: smaller batch; NON_FINITE_LOSS: look at logprobs and learning rate; SESSION_NOT_ACTIVE: see get-training-session). Cross-entropy loss is a sum over trained tokens: divide by the sum of weights for a per-token value.",
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/forward-backward/{operation_id}",
    Effect::Read,
);

/// Saves weights for serving and download.
pub const CREATE_INFERENCE_CHECKPOINT: Spec = Spec::new(
    "create-inference-checkpoint",
    "Create inference checkpoint",
    "Saves the session's current weights for serving and download (not for resuming the optimizer: that is save-training-checkpoint). Poll get-inference-checkpoint-operation; allow up to two hours.",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/inference-checkpoint",
    Effect::Submit,
);

/// State and result of an inference checkpoint.
pub const GET_INFERENCE_CHECKPOINT_OPERATION: Spec = Spec::new(
    "get-inference-checkpoint-operation",
    "Get inference checkpoint operation",
    "Shows the saving of an inference checkpoint. COMPLETED: output.checkpoint.id is what download-checkpoint takes.",
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/inference-checkpoint/{operation_id}",
    Effect::Read,
);

/// Applies the gathered gradients.
pub const OPTIMIZER_STEP: Spec = Spec::new(
    "optimizer-step",
    "Optimizer step",
    "Applies the gradients gathered by forward-backward passes and clears them. Poll get-optim-step-operation until final. Sampling keeps using the old weights until a weights-sync publishes the new ones. Values hold for this step only, so a learning-rate schedule is the caller's.",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/optim-step",
    Effect::Submit,
);

/// State and result of an optimizer step.
pub const GET_OPTIM_STEP_OPERATION: Spec = Spec::new(
    "get-optim-step-operation",
    "Get optimizer step operation",
    "Shows an optimizer step. COMPLETED: output.step is the new step count (output may be missing).",
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/optim-step/{operation_id}",
    Effect::Read,
);

/// Completions of prompts, with log-probabilities.
pub const SAMPLE: Spec = Spec::new(
    "sample",
    "Sample completions",
    "Generates completions of token prompts with the weights that the last weights-sync published. Returns an operation: poll get-sample-operation. Tokenize with the base model's own tokenizer and chat template. To score a given text instead (reference log-probabilities, as long as these weights are the reference): put prompt + response in model_inputs, max_tokens 1, prompt_logprobs true, and ignore the generated token. Needs a model resource with at least one generator replica.",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/sample",
    Effect::Submit,
);

/// State and result of a sampling.
pub const GET_SAMPLE_OPERATION: Spec = Spec::new(
    "get-sample-operation",
    "Get sample operation",
    "Shows a sampling. COMPLETED: output.results[], one per prompt in order, each with sequences[] {tokens (prompt not included), logprobs (one per token, under the sampling policy), stop_reason} and policy_segments[] (version = which weights made the tokens from start_token on; 0 = initial). With prompt_logprobs: one value for each prompt token, the first always 0, so entry i+1 belongs to slot i of a training tensor. Integers may come as strings.",
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/sample/{operation_id}",
    Effect::Read,
);

/// Saves weights, optimizer and step for resuming.
pub const SAVE_TRAINING_CHECKPOINT: Spec = Spec::new(
    "save-training-checkpoint",
    "Save training checkpoint",
    "Saves weights, optimizer state and step count, to resume from with create-training-session. Poll get-save-training-checkpoint-operation; allow up to two hours.",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/operations/training-checkpoint",
    Effect::Submit,
);

/// State and result of a training checkpoint.
pub const GET_SAVE_TRAINING_CHECKPOINT_OPERATION: Spec = Spec::new(
    "get-save-training-checkpoint-operation",
    "Get training checkpoint operation",
    "Shows the saving of a training checkpoint. COMPLETED: output.checkpoint.id is what create-training-session takes as resume_from_checkpoint_id.",
    Method::Get,
    "/v1/rl/training-sessions/{session_id}/operations/training-checkpoint/{operation_id}",
    Effect::Read,
);

/// Ends a training session.
pub const STOP_TRAINING_SESSION: Spec = Spec::new(
    "stop-training-session",
    "Stop training session",
    "Ends a training session; what was not saved in a checkpoint is lost. Usually answers STOPPING: poll get-training-session until STOPPED, only then is its LoRA slot free. The model resource stays up and keeps billing until it is stopped itself or goes idle.",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/stop",
    Effect::Add,
);

/// Starts a whole training run.
pub const CREATE_RUN: Spec = Spec::new(
    "prime-intellect-createrun",
    "Create run",
    "Starts a whole training run (RL or supervised, full parameters) on dedicated GPUs from one config and returns its runId; it may bill per GPU hour (onDemand, estimatedCostPerHour in the answer). After a lost answer list the runs and look for its name first: a blind repeat starts, and bills, a second one. The run's own token is left out of the answer.",
    Method::Post,
    "/api/v1/training/runs",
    Effect::Add,
);

/// Removes a training run.
pub const DELETE_RUN: Spec = Spec::new(
    "prime-intellect-deleterun",
    "Delete run",
    "Deletes a training run: takes down its deployment, stopping it if it still runs, and hides it; billing records stay. Cannot be undone; safe to repeat. 404 can mean that the run is already gone or is not of this kind.",
    Method::Delete,
    "/api/v1/training/runs/{run_id}",
    Effect::Destroy { idempotent: true },
);

/// Where a large request body goes first; used by the client, not a tool.
pub const CREATE_PAYLOAD_UPLOAD_URL: Spec = Spec::new(
    "create-payload-upload-url",
    "",
    "",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/payloads/upload-url",
    Effect::Set,
);

/// Where a large result lies; used by the client, not a tool.
pub const CREATE_PAYLOAD_DOWNLOAD_URL: Spec = Spec::new(
    "create-payload-download-url",
    "",
    "",
    Method::Post,
    "/v1/rl/training-sessions/{session_id}/payloads/{payload_id}/download-url",
    Effect::Set,
);

/// The cheapest read of Prime Intellect; used by `rl-mcp check`, not a tool.
pub const LIST_RUNS: Spec = Spec::new("list-runs", "", "", Method::Get, "/api/v1/rft/runs", Effect::Read);
