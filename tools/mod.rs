//! One file for each tool, and the list of all.

pub(crate) mod build_training_batch;
#[cfg(feature = "text")]
pub(crate) mod check_dataset;
pub(crate) mod create_inference_checkpoint;
pub(crate) mod create_model_resource;
pub(crate) mod create_training_session;
pub(crate) mod custom_forward_backward_pass;
pub(crate) mod download_checkpoint;
pub(crate) mod estimate_model_resource_cost;
pub(crate) mod extend_model_resource_expiry;
pub(crate) mod forward_backward_pass;
pub(crate) mod get_checkpoint;
pub(crate) mod get_custom_forward_backward_operation;
pub(crate) mod get_forward_backward_operation;
pub(crate) mod get_inference_checkpoint_operation;
pub(crate) mod get_model_resource;
pub(crate) mod get_optim_step_operation;
pub(crate) mod get_sample_operation;
pub(crate) mod get_save_training_checkpoint_operation;
#[cfg(feature = "text")]
pub(crate) mod get_training;
pub(crate) mod get_training_session;
pub(crate) mod get_weights_sync_operation;
#[cfg(feature = "text")]
pub(crate) mod grade_completions;
pub(crate) mod list_checkpoints;
pub(crate) mod list_model_resources;
pub(crate) mod list_recent_activity;
pub(crate) mod list_supported_models;
pub(crate) mod list_training_sessions;
pub(crate) mod optimizer_step;
pub(crate) mod prime_intellect_createrun;
pub(crate) mod prime_intellect_deleterun;
pub(crate) mod prime_intellect_getrun;
pub(crate) mod prime_intellect_getrunlogs;
pub(crate) mod prime_intellect_getrunmetrics;
pub(crate) mod prime_intellect_getrunprogress;
pub(crate) mod prime_intellect_getrunsamples;
pub(crate) mod prime_intellect_getrunusage;
pub(crate) mod prime_intellect_getwallet;
pub(crate) mod prime_intellect_listgputypes;
pub(crate) mod prime_intellect_listmodels;
pub(crate) mod prime_intellect_listruncheckpoints;
pub(crate) mod prime_intellect_listruns;
pub(crate) mod prime_intellect_pauserun;
pub(crate) mod prime_intellect_restartrun;
pub(crate) mod prime_intellect_resumerun;
pub(crate) mod prime_intellect_stoprun;
pub(crate) mod read_result;
#[cfg(feature = "text")]
pub(crate) mod render_prompt;
#[cfg(feature = "text")]
pub(crate) mod resume_training;
pub(crate) mod sample;
pub(crate) mod save_training_checkpoint;
#[cfg(feature = "text")]
pub(crate) mod start_training;
pub(crate) mod stop_model_resource;
#[cfg(feature = "text")]
pub(crate) mod stop_training;
pub(crate) mod stop_training_session;
pub(crate) mod update_training_session;
pub(crate) mod weights_sync;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::arguments::{Others, Rule};
use crate::mcp::tool::{Entry, Handler, Tools, all};
use crate::prime::named;
use crate::spec::Spec;
use crate::together::{models, unknown_operation};

static ARGUMENTS: LazyLock<BTreeSet<String>> = LazyLock::new(|| all::arguments(ALL));
static HOMES: LazyLock<BTreeMap<String, Option<String>>> = LazyLock::new(|| all::homes(ALL));
static BODIES: LazyLock<BTreeMap<&str, Rule>> = LazyLock::new(|| all::bodies(ALL));

/// All tools.
pub(crate) static TOOLS: Tools = Tools {
    entries: ALL,
    others: Others {
        strict: false,
        take: |name| ARGUMENTS.contains(name),
        home: |name| HOMES.get(name)?.as_deref(),
        bodies: || &BODIES,
        asking: None,
    },
};

/// The rows of all tools.
pub(crate) static ROWS: LazyLock<Vec<&Spec>> = LazyLock::new(|| ALL.iter().map(|entry| entry.spec).collect());

/// A tool for one run.
const fn of_run<H: Handler>() -> Entry {
    Entry::of::<H>().explained(|call, raw, failure| Box::pin(named::explained(call, raw, failure)))
}

/// A tool that shows an operation.
const fn of_operation<H: Handler>() -> Entry {
    Entry::of::<H>()
        .explained(|call, raw, failure| Box::pin(unknown_operation::explained(call, raw, failure)))
}

/// A tool whose body is that of a new model resource.
const fn of_resource<H: Handler>() -> Entry {
    Entry::of::<H>().explained(|call, raw, failure| Box::pin(models::explained(call, raw, failure)))
}

/// Every tool, in the order in which clients see them: toolset by toolset.
pub const ALL: &[Entry] = &[
    Entry::of::<download_checkpoint::DownloadCheckpoint>(),
    Entry::of::<list_training_sessions::ListTrainingSessions>(),
    Entry::of::<create_training_session::CreateTrainingSession>(),
    Entry::of::<get_training_session::GetTrainingSession>(),
    Entry::of::<forward_backward_pass::ForwardBackwardPass>(),
    of_operation::<get_forward_backward_operation::GetForwardBackwardOperation>(),
    Entry::of::<create_inference_checkpoint::CreateInferenceCheckpoint>(),
    of_operation::<get_inference_checkpoint_operation::GetInferenceCheckpointOperation>(),
    Entry::of::<optimizer_step::OptimizerStep>(),
    of_operation::<get_optim_step_operation::GetOptimStepOperation>(),
    Entry::of::<sample::Sample>(),
    of_operation::<get_sample_operation::GetSampleOperation>(),
    Entry::of::<save_training_checkpoint::SaveTrainingCheckpoint>(),
    of_operation::<get_save_training_checkpoint_operation::GetSaveTrainingCheckpointOperation>(),
    Entry::of::<stop_training_session::StopTrainingSession>(),
    Entry::of::<list_supported_models::ListSupportedModels>(),
    of_resource::<create_model_resource::CreateModelResource>(),
    Entry::of::<get_model_resource::GetModelResource>(),
    Entry::of::<list_model_resources::ListModelResources>(),
    Entry::of::<stop_model_resource::StopModelResource>(),
    Entry::of::<weights_sync::WeightsSync>(),
    of_operation::<get_weights_sync_operation::GetWeightsSyncOperation>(),
    Entry::of::<build_training_batch::BuildTrainingBatch>(),
    #[cfg(feature = "text")]
    Entry::of::<render_prompt::RenderPrompt>(),
    #[cfg(feature = "text")]
    Entry::of::<check_dataset::CheckDataset>(),
    #[cfg(feature = "text")]
    Entry::of::<grade_completions::GradeCompletions>(),
    #[cfg(feature = "text")]
    Entry::of::<start_training::StartTraining>(),
    #[cfg(feature = "text")]
    Entry::of::<get_training::GetTraining>(),
    #[cfg(feature = "text")]
    Entry::of::<stop_training::StopTraining>(),
    #[cfg(feature = "text")]
    Entry::of::<resume_training::ResumeTraining>(),
    of_resource::<estimate_model_resource_cost::EstimateModelResourceCost>(),
    Entry::of::<extend_model_resource_expiry::ExtendModelResourceExpiry>(),
    Entry::of::<update_training_session::UpdateTrainingSession>(),
    Entry::of::<custom_forward_backward_pass::CustomForwardBackwardPass>(),
    of_operation::<get_custom_forward_backward_operation::GetCustomForwardBackwardOperation>(),
    Entry::of::<list_checkpoints::ListCheckpoints>(),
    Entry::of::<get_checkpoint::GetCheckpoint>(),
    Entry::of::<prime_intellect_createrun::PrimeIntellectCreaterun>(),
    Entry::of::<prime_intellect_listmodels::PrimeIntellectListmodels>(),
    of_run::<prime_intellect_deleterun::PrimeIntellectDeleterun>(),
    Entry::of::<prime_intellect_listruns::PrimeIntellectListruns>(),
    of_run::<prime_intellect_getrun::PrimeIntellectGetrun>(),
    of_run::<prime_intellect_stoprun::PrimeIntellectStoprun>(),
    of_run::<prime_intellect_getrunlogs::PrimeIntellectGetrunlogs>(),
    of_run::<prime_intellect_getrunmetrics::PrimeIntellectGetrunmetrics>(),
    of_run::<prime_intellect_getrunprogress::PrimeIntellectGetrunprogress>(),
    of_run::<prime_intellect_getrunsamples::PrimeIntellectGetrunsamples>(),
    of_run::<prime_intellect_listruncheckpoints::PrimeIntellectListruncheckpoints>(),
    of_run::<prime_intellect_restartrun::PrimeIntellectRestartrun>(),
    of_run::<prime_intellect_pauserun::PrimeIntellectPauserun>(),
    of_run::<prime_intellect_resumerun::PrimeIntellectResumerun>(),
    Entry::of::<prime_intellect_listgputypes::PrimeIntellectListgputypes>(),
    of_run::<prime_intellect_getrunusage::PrimeIntellectGetrunusage>(),
    Entry::of::<prime_intellect_getwallet::PrimeIntellectGetwallet>(),
    Entry::of::<list_recent_activity::ListRecentActivity>(),
    Entry::of::<read_result::ReadResult>(),
];
