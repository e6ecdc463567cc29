//! One file for each tool, and the list of all.

pub mod create_inference_checkpoint;
pub mod create_training_session;
pub mod download_checkpoint;
pub mod forward_backward_pass;
pub mod get_forward_backward_operation;
pub mod get_inference_checkpoint_operation;
pub mod get_optim_step_operation;
pub mod get_sample_operation;
pub mod get_save_training_checkpoint_operation;
pub mod get_training_session;
pub mod list_training_sessions;
pub mod optimizer_step;
pub mod prime_intellect_createrun;
pub mod prime_intellect_deleterun;
pub mod sample;
pub mod save_training_checkpoint;
pub mod stop_training_session;

use crate::tool::Entry;

/// Every tool, in the order in which clients see them.
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
    Entry::of::<prime_intellect_createrun::PrimeIntellectCreaterun>(),
    Entry::of::<prime_intellect_deleterun::PrimeIntellectDeleterun>(),
];
