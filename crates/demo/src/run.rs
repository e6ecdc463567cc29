//! The run: everything that an agent does for one training, in order.

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::signal::ctrl_c;

use crate::agent::{
    Agent, FORWARD_BACKWARD, INFERENCE_CHECKPOINT, OPTIMIZER_STEP, SAMPLE, TRAINING_CHECKPOINT, WEIGHTS_SYNC,
};
use crate::download::{self, Adapter};
use crate::reading::{Built, List, Operation, Pass, Price, Saved, Thing};
use crate::sampling::Sampling;
use crate::screen::Screen;
use crate::started::Started;
use crate::task::{ANSWER, Class};
use crate::{Options, control};

/// The sandbox's model.
const MODEL: &str = "sandbox/byte-lm";
/// Completions of each prompt in a step.
pub(crate) const GROUP: usize = 16;
/// The same in the measurement at the end.
const MEASURED: usize = 32;
/// The adapter of a small model wants more than the usual 1e-5 to 1e-4. With this rate the reward is above 0.95 after 28
/// steps for each of five seeds; with 0.003 after 40, and with 0.001 it is at 0.7 after 60.
const LEARNING_RATE: f64 = 0.005;

/// What a step came to.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Counted from 1.
    pub(crate) number: u32,
    /// The mean reward of its completions, before it learned from them.
    pub(crate) reward: f64,
    pub(crate) loss: f64,
    /// Mean entropy of the policy at the tokens of the completions, in nats.
    pub(crate) entropy: Option<f64>,
}

/// What the run came to.
pub(crate) struct Outcome {
    pub(crate) price: Price,
    pub(crate) steps: Vec<Step>,
    /// Completions of the untrained policy: those of the first step.
    pub(crate) before: Sampling,
    /// Completions of the trained one.
    pub(crate) after: Sampling,
    pub(crate) training_checkpoint: String,
    pub(crate) inference_checkpoint: String,
    pub(crate) adapter: Option<Adapter>,
}

/// Trains, and stops whatever was started, however the training ended. `None`: the user has interrupted it.
pub(crate) async fn run(
    agent: &mut Agent,
    options: &Options,
    screen: &Screen,
) -> Result<Option<Outcome>, String> {
    let mut started = Started::default();
    let trained = tokio::select! {
        trained = train(agent, options, screen, &mut started) => trained.map(Some),
        _ = ctrl_c() => {
            screen.say("stopping");
            Ok(None)
        }
    };
    let stopped = tokio::select! {
        stopped = started.stop(agent) => stopped,
        // What is left ends with the sandbox.
        _ = ctrl_c() => Ok(()),
    };
    match (trained, stopped) {
        (Ok(outcome), Ok(())) => Ok(outcome),
        // What it was about to learn the id of has been stopped too, which is no failure then.
        (Ok(None), Err(_)) => Ok(None),
        (Ok(_), Err(problem)) | (Err(problem), Ok(())) => Err(problem),
        (Err(problem), Err(more)) => Err(format!("{problem}\nAfter that: {more}")),
    }
}

async fn train(
    agent: &mut Agent,
    options: &Options,
    screen: &Screen,
    started: &mut Started,
) -> Result<Outcome, String> {
    let price = resource(agent, screen, started).await?;
    let session = session(agent, options, screen, started).await?;
    let (first, before) = step(agent, options, &session, 1).await?;
    screen.step(&first);
    let mut steps = vec![first];
    for number in 2..=options.steps {
        let (step, _) = step(agent, options, &session, number).await?;
        screen.step(&step);
        steps.push(step);
    }
    screen.say("measuring and saving");
    let after = sample(agent, &session, MEASURED, derived(options.seed, u64::MAX)).await?;
    let saved = agent.operate(TRAINING_CHECKPOINT, &session, json!({})).await?;
    let training_checkpoint = saved.output::<Saved>()?.checkpoint.id;
    let saved = agent.operate(INFERENCE_CHECKPOINT, &session, json!({})).await?;
    let inference_checkpoint = saved.output::<Saved>()?.checkpoint.id;
    let files = download::adapter(agent, &inference_checkpoint).await?;
    let adapter = download::weights(&files)?;
    if let Some(directory) = &options.save {
        download::save(&files, directory)?;
    }
    Ok(Outcome {
        price,
        steps,
        before,
        after,
        training_checkpoint,
        inference_checkpoint,
        adapter,
    })
}

/// Asks for the price, then starts a model resource and waits until it is ready.
async fn resource(agent: &mut Agent, screen: &Screen, started: &mut Started) -> Result<Price, String> {
    let body = json!({
        "base_model": MODEL,
        "compute_config": {"num_generator_replicas": 1},
        "inactive_timeout": 1800,
        "lora_enabled": true,
    });
    let estimate = json!({"body": body, "estimate_only": true});
    let price: Price = agent.call("create-model-resource", &estimate).await?;
    let everything = json!({"limit": 100});
    let earlier: List<Thing> = agent.call("list-model-resources", &everything).await?;
    let earlier: Vec<String> = earlier.data.into_iter().map(|thing| thing.id).collect();
    let earlier = &*started.earlier.insert(earlier);
    let ours = |thing: &Thing| thing.base_model.as_deref() == Some(MODEL) && !earlier.contains(&thing.id);
    screen.say("starting model resource");
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
        .await?;
    Ok(price)
}

/// Starts a session on the model resource and waits until it runs.
async fn session(
    agent: &mut Agent,
    options: &Options,
    screen: &Screen,
    started: &mut Started,
) -> Result<String, String> {
    let name = format!("demo-{}", uuid::Uuid::new_v4());
    let body = json!({
        "model_resources_id": started.resource,
        "display_name": name,
        "lora_config": {"rank": 32, "alpha": 64, "seed": derived(options.seed, 0)},
    });
    let filter = json!({"model_resources_id": started.resource, "limit": 100});
    screen.say("starting training session");
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
    agent: &mut Agent,
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
        number,
        reward: sampling.reward(),
        loss: pass.loss,
        entropy: pass.entropy(),
    };
    Ok((step, sampling))
}

/// The arguments that make a batch of a sampling.
fn batch(options: &Options, session: &str, sampling: &Sampling, seed: u32) -> Value {
    let operations = [&sampling.operation];
    if options.shuffle_advantages {
        let advantages = control::shuffled(&sampling.rewards(), seed.into());
        return json!({"session_id": session, "operation_ids": operations, "advantages": advantages});
    }
    json!({
        "session_id": session,
        "operation_ids": operations,
        "rewards": sampling.rewards(),
        "scale_by_deviation": true,
        // What is learned already stays in, so that the entropies of all steps are of the same prompts.
        "keep_equal_groups": true,
    })
}

/// Has the server build a batch. Returns the path of the body.
async fn build(agent: &mut Agent, arguments: &Value) -> Result<String, String> {
    let built: Built = agent.call("build-training-batch", arguments).await?;
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
async fn sample(agent: &mut Agent, session: &str, completions: usize, seed: u32) -> Result<Sampling, String> {
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_step_of_each_run_has_a_seed_of_its_own() {
        let purposes = || (0..50).chain([u64::MAX]);
        let seeds: HashSet<u32> = (0..20)
            .flat_map(|run| purposes().map(move |purpose| derived(run, purpose)))
            .collect();
        assert_eq!(seeds.len(), 20 * 51);
    }
}
