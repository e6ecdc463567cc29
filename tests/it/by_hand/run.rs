//! The run: everything that an agent does for one training, in order.

use fastrand::Rng;
use serde_json::{Value, json};

use super::agent::{
    FORWARD_BACKWARD, INFERENCE_CHECKPOINT, OPTIMIZER_STEP, SAMPLE, TRAINING_CHECKPOINT, WEIGHTS_SYNC,
};
use super::control;
use super::host::Host;
use super::reading::{Built, Download, List, Operation, Pass, Saved, Thing};
use super::sampling::Sampling;
use super::started::Started;
use super::task::{ANSWER, Class};

/// The sandbox's model.
const MODEL: &str = "sandbox/byte-lm";
/// Completions of each prompt in a step.
pub const GROUP: usize = 16;
/// The same in the measurement at the end.
const MEASURED: usize = 32;
/// The adapter of a small model wants more than the usual 1e-5 to 1e-4. With this rate the reward is above 0.95 after 28
/// steps for each of five seeds; with 0.003 after 40, and with 0.001 it is at 0.7 after 60.
const LEARNING_RATE: f64 = 0.005;

/// What is trained.
#[derive(Clone, Copy)]
pub struct Options {
    pub steps: u32,
    /// Decides on the completions and on the adapter's first weights.
    pub seed: u64,
    /// Deal the advantages of each batch out anew by chance. Nothing can be learned then: a control.
    pub shuffle_advantages: bool,
}

/// What a step came to.
#[derive(Clone, Debug)]
pub struct Step {
    /// The mean reward of its completions, before it learned from them.
    pub reward: f64,
    /// Mean entropy of the policy at the tokens of the completions, in nats.
    pub entropy: Option<f64>,
}

/// What the run came to.
pub struct Outcome {
    pub steps: Vec<Step>,
    /// Completions of the untrained policy: those of the first step.
    pub before: Sampling,
    /// Completions of the trained one.
    pub after: Sampling,
    /// The weights.
    pub adapter: Vec<u8>,
}

/// Trains, and stops whatever was started, however the training ended.
pub async fn run(agent: &mut Host, options: &Options) -> Result<Outcome, String> {
    let mut started = Started::default();
    let trained = train(agent, options, &mut started).await;
    let stopped = started.stop(agent).await;
    stopped.and(trained)
}

async fn train(agent: &mut Host, options: &Options, started: &mut Started) -> Result<Outcome, String> {
    resource(agent, started).await?;
    let session = session(agent, options, started).await?;
    let (first, before) = step(agent, options, &session, 1).await?;
    let mut steps = vec![first];
    for number in 2..=options.steps {
        let (step, _) = step(agent, options, &session, number).await?;
        steps.push(step);
    }
    let after = sample(agent, &session, MEASURED, derived(options.seed, u64::MAX)).await?;
    agent.operate(TRAINING_CHECKPOINT, &session, json!({})).await?;
    let saved = agent.operate(INFERENCE_CHECKPOINT, &session, json!({})).await?;
    let checkpoint = saved.output::<Saved>()?.checkpoint.id;
    Ok(Outcome {
        steps,
        before,
        after,
        adapter: adapter(agent, &checkpoint).await?,
    })
}

/// Downloads the weights of an inference checkpoint.
async fn adapter(agent: &mut Host, checkpoint: &str) -> Result<Vec<u8>, String> {
    let mut arguments = json!({
        "id": checkpoint,
        "variant": "CHECKPOINT_VARIANT_ADAPTER",
        "directory": "checkpoints/adapter",
    });
    loop {
        let download: Download = agent.answer("download-checkpoint", &arguments).await?;
        if let Some(next) = download.next {
            arguments = next.arguments;
            continue;
        }
        let mut paths = download.files.into_iter().filter_map(|file| file.path);
        let weights = paths.find(|path| path.ends_with("adapter_model.safetensors"));
        return std::fs::read(weights.unwrap()).map_err(|error| error.to_string());
    }
}

/// Asks for the price, then starts a model resource and waits until it is ready.
async fn resource(agent: &mut Host, started: &mut Started) -> Result<(), String> {
    let body = json!({
        "base_model": MODEL,
        "compute_config": {"num_generator_replicas": 1},
        "inactive_timeout": 1800,
        "lora_enabled": true,
    });
    let estimate = json!({"body": body, "estimate_only": true});
    let _: Value = agent.answer("create-model-resource", &estimate).await?;
    let everything = json!({"limit": 100});
    let earlier: List<Thing> = agent.answer("list-model-resources", &everything).await?;
    let earlier: Vec<String> = earlier.data.into_iter().map(|thing| thing.id).collect();
    let earlier = &*started.earlier.insert(earlier);
    let ours = |thing: &Thing| thing.base_model.as_deref() == Some(MODEL) && !earlier.contains(&thing.id);
    let resource = agent
        .create(
            ("create-model-resource", &body),
            ("list-model-resources", &everything),
            ours,
        )
        .await?;
    let id = started.resource.insert(resource.id.clone());
    let of = json!({"model_resources_id": id});
    agent
        .follow(
            resource,
            ("get-model-resource", &of),
            &["READY"],
            &["PENDING", "CREATING"],
        )
        .await
}

/// Starts a session on the model resource and waits until it runs.
async fn session(agent: &mut Host, options: &Options, started: &mut Started) -> Result<String, String> {
    let name = format!("demo-{}", uuid::Uuid::new_v4());
    let body = json!({
        "model_resources_id": started.resource,
        "display_name": name,
        "lora_config": {"rank": 32, "alpha": 64, "seed": derived(options.seed, 0)},
    });
    let filter = json!({"model_resources_id": started.resource, "limit": 100});
    let session = agent
        .create(
            ("create-training-session", &body),
            ("list-training-sessions", &filter),
            |thing| thing.display_name.as_deref() == Some(&name),
        )
        .await?;
    let id = started.session.insert(session.id.clone()).clone();
    let of = json!({"session_id": id});
    agent
        .follow(
            session,
            ("get-training-session", &of),
            &["RUNNING"],
            &["CREATING"],
        )
        .await?;
    Ok(id)
}

/// One step of GRPO, and the completions that it learned from.
async fn step(
    agent: &mut Host,
    options: &Options,
    session: &str,
    number: u32,
) -> Result<(Step, Sampling), String> {
    let seed = derived(options.seed, number.into());
    let sampling = sample(agent, session, GROUP, seed).await?;
    let body = build(agent, &batch(options, session, &sampling, seed)).await?;
    let pass = agent
        .operate(FORWARD_BACKWARD, session, json!({"body_path": body}))
        .await?;
    let pass: Pass = pass.output()?;
    let adam = json!({"adam_params": {
        "learning_rate": LEARNING_RATE,
        "beta1": 0.9,
        "beta2": 0.95,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "grad_clip_norm": 1.0,
    }});
    let _: Operation = agent
        .operate(OPTIMIZER_STEP, session, json!({"body": adam}))
        .await?;
    let publish = json!({"weight_sync_type": "WEIGHT_SYNC_TYPE_SYNCHRONOUS"});
    let _: Operation = agent
        .operate(WEIGHTS_SYNC, session, json!({"body": publish}))
        .await?;
    let step = Step {
        reward: sampling.reward(),
        entropy: pass.entropy(),
    };
    Ok((step, sampling))
}

/// The arguments that make a batch of a sampling.
fn batch(options: &Options, session: &str, sampling: &Sampling, seed: u32) -> Value {
    let operations = [&sampling.operation];
    if options.shuffle_advantages {
        let advantages = control::shuffled(&sampling.groups, seed.into());
        return json!({"session_id": session, "operation_ids": operations, "advantages": advantages});
    }
    json!({
        "session_id": session,
        "operation_ids": operations,
        "rewards": sampling.groups,
        "scale_by_deviation": true,
        // What is learned already stays in, so that the entropies of all steps are of the same prompts.
        "keep_equal_groups": true,
    })
}

/// Has the server build a batch. Returns the path of the body.
async fn build(agent: &mut Host, arguments: &Value) -> Result<String, String> {
    let built: Built = agent.answer("build-training-batch", arguments).await?;
    match built.batches.as_slice() {
        [body] => Ok(body.path.clone()),
        bodies => Err(format!(
            "build-training-batch made {} bodies of one sampling: {}",
            bodies.len(),
            built.note.unwrap_or_default()
        )),
    }
}

/// So many completions of each prompt, with their rewards.
async fn sample(agent: &mut Host, session: &str, completions: usize, seed: u32) -> Result<Sampling, String> {
    let prompts = Class::ALL.map(Class::prompt);
    let body = json!({
        "num_samples": completions,
        "sampling_params": {"max_tokens": ANSWER, "temperature": 1.0, "seed": seed},
    });
    let arguments = json!({"prompts": prompts, "body": body});
    let operation = agent.operate(SAMPLE, session, arguments).await?;
    Sampling::read(&operation, completions)
}

/// A seed for one purpose, from that of the run.
fn derived(seed: u64, purpose: u64) -> u32 {
    Rng::with_seed(seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15)).u32(..) >> 1
}
