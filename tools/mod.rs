//! One file for each tool, and the list of all.

pub mod build_training_batch;
pub mod create_inference_checkpoint;
pub mod create_model_resource;
pub mod create_training_session;
pub mod custom_forward_backward_pass;
pub mod download_checkpoint;
pub mod estimate_model_resource_cost;
pub mod extend_model_resource_expiry;
pub mod forward_backward_pass;
pub mod get_checkpoint;
pub mod get_custom_forward_backward_operation;
pub mod get_forward_backward_operation;
pub mod get_inference_checkpoint_operation;
pub mod get_model_resource;
pub mod get_optim_step_operation;
pub mod get_sample_operation;
pub mod get_save_training_checkpoint_operation;
pub mod get_training_session;
pub mod get_weights_sync_operation;
pub mod list_checkpoints;
pub mod list_model_resources;
pub mod list_recent_activity;
pub mod list_supported_models;
pub mod list_training_sessions;
pub mod optimizer_step;
pub mod prime_intellect_createrun;
pub mod prime_intellect_deleterun;
pub mod prime_intellect_getrun;
pub mod prime_intellect_getrunlogs;
pub mod prime_intellect_getrunmetrics;
pub mod prime_intellect_getrunprogress;
pub mod prime_intellect_getrunsamples;
pub mod prime_intellect_getrunusage;
pub mod prime_intellect_getwallet;
pub mod prime_intellect_listgputypes;
pub mod prime_intellect_listmodels;
pub mod prime_intellect_listruncheckpoints;
pub mod prime_intellect_listruns;
pub mod prime_intellect_pauserun;
pub mod prime_intellect_restartrun;
pub mod prime_intellect_resumerun;
pub mod prime_intellect_stoprun;
pub mod read_result;
#[cfg(feature = "text")]
pub mod render_prompt;
pub mod sample;
pub mod save_training_checkpoint;
pub mod stop_model_resource;
pub mod stop_training_session;
pub mod update_training_session;
pub mod weights_sync;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use crate::arguments::schema::ALIASES;
use crate::mcp::tool::{Entry, Tools};
use crate::spec::Spec;

/// The names of all arguments of all tools, in every spelling.
static ARGUMENTS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let names = |schema: &Value, of: &str| -> Vec<String> {
        let members = schema.get(of).and_then(Value::as_object);
        members
            .into_iter()
            .flat_map(|members| members.keys().cloned())
            .collect()
    };
    let all = ALL.iter().map(Entry::schema);
    all.flat_map(|schema| [names(&schema, "properties"), names(&schema, ALIASES)].concat())
        .chain(["body_path".to_owned()])
        .collect()
});

/// All tools.
pub static TOOLS: Tools = Tools {
    entries: ALL,
    any_takes: |name| ARGUMENTS.contains(name),
};

/// The rows of all tools.
pub static ROWS: LazyLock<Vec<&Spec>> = LazyLock::new(|| ALL.iter().map(|entry| entry.spec).collect());

/// Every tool, in the order in which clients see them: toolset by toolset.
pub const ALL: &[Entry] = &[
    Entry::of::<download_checkpoint::DownloadCheckpoint>(),
    Entry::of::<list_training_sessions::ListTrainingSessions>(),
    Entry::of::<create_training_session::CreateTrainingSession>(),
    Entry::of::<get_training_session::GetTrainingSession>(),
    Entry::of::<forward_backward_pass::ForwardBackwardPass>(),
    Entry::of::<get_forward_backward_operation::GetForwardBackwardOperation>(),
    Entry::of::<create_inference_checkpoint::CreateInferenceCheckpoint>(),
    Entry::of::<get_inference_checkpoint_operation::GetInferenceCheckpointOperation>(),
    Entry::of::<optimizer_step::OptimizerStep>(),
    Entry::of::<get_optim_step_operation::GetOptimStepOperation>(),
    Entry::of::<sample::Sample>(),
    Entry::of::<get_sample_operation::GetSampleOperation>(),
    Entry::of::<save_training_checkpoint::SaveTrainingCheckpoint>(),
    Entry::of::<get_save_training_checkpoint_operation::GetSaveTrainingCheckpointOperation>(),
    Entry::of::<stop_training_session::StopTrainingSession>(),
    Entry::of::<list_supported_models::ListSupportedModels>(),
    Entry::of::<create_model_resource::CreateModelResource>(),
    Entry::of::<get_model_resource::GetModelResource>(),
    Entry::of::<list_model_resources::ListModelResources>(),
    Entry::of::<stop_model_resource::StopModelResource>(),
    Entry::of::<weights_sync::WeightsSync>(),
    Entry::of::<get_weights_sync_operation::GetWeightsSyncOperation>(),
    Entry::of::<build_training_batch::BuildTrainingBatch>(),
    #[cfg(feature = "text")]
    Entry::of::<render_prompt::RenderPrompt>(),
    Entry::of::<estimate_model_resource_cost::EstimateModelResourceCost>(),
    Entry::of::<extend_model_resource_expiry::ExtendModelResourceExpiry>(),
    Entry::of::<update_training_session::UpdateTrainingSession>(),
    Entry::of::<custom_forward_backward_pass::CustomForwardBackwardPass>(),
    Entry::of::<get_custom_forward_backward_operation::GetCustomForwardBackwardOperation>(),
    Entry::of::<list_checkpoints::ListCheckpoints>(),
    Entry::of::<get_checkpoint::GetCheckpoint>(),
    Entry::of::<prime_intellect_createrun::PrimeIntellectCreaterun>(),
    Entry::of::<prime_intellect_listmodels::PrimeIntellectListmodels>(),
    Entry::of::<prime_intellect_deleterun::PrimeIntellectDeleterun>(),
    Entry::of::<prime_intellect_listruns::PrimeIntellectListruns>(),
    Entry::of::<prime_intellect_getrun::PrimeIntellectGetrun>(),
    Entry::of::<prime_intellect_stoprun::PrimeIntellectStoprun>(),
    Entry::of::<prime_intellect_getrunlogs::PrimeIntellectGetrunlogs>(),
    Entry::of::<prime_intellect_getrunmetrics::PrimeIntellectGetrunmetrics>(),
    Entry::of::<prime_intellect_getrunprogress::PrimeIntellectGetrunprogress>(),
    Entry::of::<prime_intellect_getrunsamples::PrimeIntellectGetrunsamples>(),
    Entry::of::<prime_intellect_listruncheckpoints::PrimeIntellectListruncheckpoints>(),
    Entry::of::<prime_intellect_restartrun::PrimeIntellectRestartrun>(),
    Entry::of::<prime_intellect_pauserun::PrimeIntellectPauserun>(),
    Entry::of::<prime_intellect_resumerun::PrimeIntellectResumerun>(),
    Entry::of::<prime_intellect_listgputypes::PrimeIntellectListgputypes>(),
    Entry::of::<prime_intellect_getrunusage::PrimeIntellectGetrunusage>(),
    Entry::of::<prime_intellect_getwallet::PrimeIntellectGetwallet>(),
    Entry::of::<list_recent_activity::ListRecentActivity>(),
    Entry::of::<read_result::ReadResult>(),
];
