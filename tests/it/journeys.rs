//! Whole runs, as an agent makes them: what one call answers goes into the next, and every request is held against the
//! documentation.

use serde_json::{Value, json};

use crate::support::{Server, Upstream, examples};

const R: &str = "7d0c0d0e-4b1f-4a52-9a3e-0f6c5b8d1a01";
const S: &str = "3f2a9c11-6e5d-4a7b-8c90-1d2e3f4a5b6c";
const PROMPT: [i64; 3] = [101, 17, 42];

struct Agent {
    server: Server,
    upstream: Upstream,
}

impl Agent {
    async fn start() -> Self {
        let upstream = Upstream::start().await;
        let server = Server::start(&upstream.server.uri()).await;
        Self { server, upstream }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.server.call(tool, arguments).await.json()
    }

    /// Polls until the status ends with this word.
    async fn until(&mut self, tool: &str, arguments: Value, status: &str) -> Value {
        for _ in 0..5 {
            let answer = self.call(tool, arguments.clone()).await;
            let shown = answer.pointer("/run/status").unwrap_or(&answer["status"]);
            if shown.as_str().unwrap().ends_with(status) {
                return answer;
            }
        }
        panic!("{tool} never shows {status}");
    }

    /// Starts an operation and polls it to its end.
    async fn operation(&mut self, start: &str, get: &str, body: Option<Value>) -> Value {
        let mut arguments = json!({"session_id": S});
        if let Some(body) = body {
            arguments["body"] = body;
        }
        let started = self.call(start, arguments).await;
        let arguments = json!({"session_id": S, "operation_id": started["id"]});
        self.until(get, arguments, "COMPLETED").await["output"].clone()
    }

    /// What was sent since the last time, as method and path, and the bodies.
    async fn sent(&self) -> (Vec<String>, Vec<Value>) {
        let requests = self.upstream.requests().await;
        let lines = requests
            .iter()
            .map(|request| {
                let path = request.url.path().replace(R, "R").replace(S, "S");
                let path = path.replace("/v1/rl/training-sessions/S/operations", "…");
                format!("{} {path}", request.method)
            })
            .collect();
        let bodies = requests
            .iter()
            .map(|request| serde_json::from_slice(&request.body).unwrap_or_default())
            .collect();
        (lines, bodies)
    }
}

/// The plain example of an operation, and the same with another status before it.
fn turning(operation: &str, before: &str) -> Vec<Value> {
    let last = examples(operation).remove(0).response;
    let mut first = last.clone();
    first["status"] = json!(before);
    for absent in ["output", "expires_at"] {
        first.as_object_mut().unwrap().remove(absent);
    }
    vec![first, last]
}

fn with_status(operation: &str, statuses: &[&str]) -> Vec<Value> {
    let plain = examples(operation).remove(0).response;
    let with = |status: &&str| {
        let mut answer = plain.clone();
        answer["status"] = json!(status);
        answer
    };
    statuses.iter().map(with).collect()
}

/// Section 14.1, with a resource that has to be waited for.
async fn begin(agent: &mut Agent, replicas: u32) {
    let upstream = &agent.upstream;
    upstream.answers(
        "get-model-resource",
        turning("get-model-resource", "MODEL_RESOURCES_STATUS_CREATING"),
    );
    upstream.answers(
        "get-training-session",
        with_status(
            "get-training-session",
            &[
                "TRAINING_SESSION_STATUS_CREATING",
                "TRAINING_SESSION_STATUS_RUNNING",
            ],
        ),
    );
    let models = agent.call("list-supported-models", json!({})).await;
    let base_model = &models["data"][0]["base_model"];
    let body = json!({"base_model": base_model, "compute_config": {"num_generator_replicas": replicas}, "inactive_timeout": 1800, "lora_enabled": true});
    let price = agent
        .call("estimate-model-resource-cost", json!({"body": body}))
        .await;
    assert_eq!(price["price_per_hour"], 56.0);
    let resource = agent.call("create-model-resource", json!({"body": body})).await;
    let note = resource["note"].as_str().unwrap();
    assert!(
        note.contains("56.0 USD per hour") && note.contains("stop-model-resource") && note.contains(R),
        "{note}"
    );
    let resource = json!({"model_resources_id": resource["id"]});
    agent.until("get-model-resource", resource, "READY").await;
    let session = json!({"model_resources_id": R, "lora_config": {"rank": 32, "alpha": 64}});
    let session = agent
        .call("create-training-session", json!({"body": session}))
        .await;
    let session = json!({"session_id": session["id"]});
    agent.until("get-training-session", session, "RUNNING").await;
}

/// Section 14.4.
async fn end(agent: &mut Agent) {
    let upstream = &agent.upstream;
    upstream.answers(
        "get-training-session",
        with_status(
            "get-training-session",
            &[
                "TRAINING_SESSION_STATUS_STOPPING",
                "TRAINING_SESSION_STATUS_STOPPED",
            ],
        ),
    );
    upstream.answers(
        "get-model-resource",
        with_status(
            "get-model-resource",
            &[
                "MODEL_RESOURCES_STATUS_STOPPING",
                "MODEL_RESOURCES_STATUS_STOPPED",
            ],
        ),
    );
    let get = "get-save-training-checkpoint-operation";
    let saved = agent.operation("save-training-checkpoint", get, None).await;
    assert!(saved["checkpoint"]["id"].is_string(), "{saved}");
    let get = "get-inference-checkpoint-operation";
    let saved = agent.operation("create-inference-checkpoint", get, None).await;
    let download = json!({"id": saved["checkpoint"]["id"], "variant": "adapter"});
    let files = agent.call("download-checkpoint", download).await;
    assert!(files["data"][0]["url"].is_string(), "{files}");
    let stopped = agent
        .call("stop-training-session", json!({"session_id": S}))
        .await;
    let note = stopped["note"].as_str().unwrap();
    assert!(
        note.contains(R) && note.contains("bills") && note.contains("stop-model-resource"),
        "{note}"
    );
    agent
        .until("get-training-session", json!({"session_id": S}), "STOPPED")
        .await;
    let resource = json!({"model_resources_id": R});
    agent.call("stop-model-resource", resource.clone()).await;
    agent.until("get-model-resource", resource, "STOPPED").await;
}

const BEGINNING: &str = "\
GET /v1/rl/supported-models
POST /v1/rl/model-resources/estimate-cost
POST /v1/rl/model-resources/estimate-cost
POST /v1/rl/model-resources
GET /v1/rl/model-resources/R
GET /v1/rl/model-resources/R
POST /v1/rl/training-sessions
GET /v1/rl/training-sessions/S
GET /v1/rl/training-sessions/S
";

const ENDING: &str = "\
POST …/training-checkpoint
GET …/training-checkpoint/0a1b2c3d-0000-4000-8000-000000000007
POST …/inference-checkpoint
GET …/inference-checkpoint/0a1b2c3d-0000-4000-8000-000000000006
GET /v1/rl/checkpoints/c1b7a0f2-9d44-4f0e-b7a6-5e2d1c3b4a59/download
POST /v1/rl/training-sessions/S/stop
GET /v1/rl/training-sessions/S
GET /v1/rl/training-sessions/S
POST /v1/rl/model-resources/R/stop
GET /v1/rl/model-resources/R
GET /v1/rl/model-resources/R
";

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Whole numbers, which come as numbers or as text.
fn whole(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// One training sample of a completion: everything shifted by one, zeros for the prompt (section 10.2).
fn sample(sequence: &Value, advantage: f64) -> Value {
    let completion: Vec<i64> = sequence["tokens"].as_array().unwrap().iter().map(whole).collect();
    let full: Vec<i64> = PROMPT.iter().copied().chain(completion.iter().copied()).collect();
    let zeros = vec![json!(0); PROMPT.len() - 1];
    let behind_prompt = |values: Vec<Value>| [zeros.clone(), values].concat();
    let each = |value: Value| behind_prompt(vec![value; completion.len()]);
    let logprobs = sequence["logprobs"].as_array().unwrap().clone();
    json!({
        "model_input": {"chunks": [{"encoded_text": {"tokens": full[..full.len() - 1]}}]},
        "loss_fn_inputs": {
            "target_tokens": {"data": full[1..], "dtype": "int64"},
            "logprobs": {"data": behind_prompt(logprobs), "dtype": "float32"},
            "advantages": {"data": each(json!(advantage)), "dtype": "float32"},
            "mask": {"data": each(json!(1)), "dtype": "int64"},
        },
    })
}

#[tokio::test]
async fn a_run_with_one_grpo_step() {
    let mut agent = Agent::start().await;
    begin(&mut agent, 1).await;
    assert_eq!(agent.sent().await.0, lines(BEGINNING));

    for (operation, number) in [
        ("sample", 1),
        ("forward-backward", 2),
        ("optim-step", 4),
        ("weights-sync", 5),
    ] {
        // The answers of the documentation belong together.
        let get = format!("get-{operation}-operation");
        let answer = &examples(&get)[0].response;
        assert!(
            answer["id"].as_str().unwrap().ends_with(&number.to_string()),
            "{get}"
        );
        agent
            .upstream
            .answers(&get, turning(&get, "TRAINING_OPERATION_STATUS_RUNNING"));
    }
    let prompt = json!({"model_inputs": [{"chunks": [{"encoded_text": {"tokens": PROMPT}}]}], "num_samples": 2, "sampling_params": {"max_tokens": 64, "temperature": 1.0, "stop": ["\n\n"]}});
    let sampled = agent
        .operation("sample", "get-sample-operation", Some(prompt))
        .await;
    let sequences = sampled["results"][0]["sequences"].as_array().unwrap();
    let batch = json!({"samples": [sample(&sequences[0], 0.5), sample(&sequences[1], -0.5)], "loss": {"type": "grpo"}});
    let get = "get-forward-backward-operation";
    let computed = agent.operation("forward-backward-pass", get, Some(batch)).await;
    assert!(computed["loss"].is_number(), "{computed}");
    let adam = json!({"adam_params": {"learning_rate": 1e-5, "weight_decay": 0.0}});
    agent
        .operation("optimizer-step", "get-optim-step-operation", Some(adam))
        .await;
    let sync = json!({"weight_sync_type": "synchronous"});
    let published = agent
        .operation("weights-sync", "get-weights-sync-operation", Some(sync))
        .await;
    assert_eq!(whole(&published["weights_version"]), 13);

    let (requests, bodies) = agent.sent().await;
    assert_eq!(
        requests,
        lines(
            "\
POST …/sample
GET …/sample/0a1b2c3d-0000-4000-8000-000000000001
GET …/sample/0a1b2c3d-0000-4000-8000-000000000001
POST …/forward-backward
GET …/forward-backward/0a1b2c3d-0000-4000-8000-000000000002
GET …/forward-backward/0a1b2c3d-0000-4000-8000-000000000002
POST …/optim-step
GET …/optim-step/0a1b2c3d-0000-4000-8000-000000000004
GET …/optim-step/0a1b2c3d-0000-4000-8000-000000000004
POST …/weights-sync
GET …/weights-sync/0a1b2c3d-0000-4000-8000-000000000005
GET …/weights-sync/0a1b2c3d-0000-4000-8000-000000000005"
        )
    );
    // The worked batch of section 14.2.
    let inputs = |at: usize| &bodies[3]["samples"][at]["loss_fn_inputs"];
    assert_eq!(inputs(0)["target_tokens"]["data"], json!([17, 42, 7, 9]));
    assert_eq!(inputs(0)["logprobs"]["data"], json!([0, 0, -0.105, -0.916]));
    assert_eq!(inputs(1)["target_tokens"]["data"], json!([17, 42, 7, 8]));
    assert_eq!(inputs(1)["advantages"]["data"], json!([0, 0, -0.5, -0.5]));
    assert_eq!(bodies[3]["loss"]["type"], "LOSS_TYPE_GRPO");

    end(&mut agent).await;
    assert_eq!(agent.sent().await.0, lines(ENDING));
}

#[tokio::test]
async fn a_run_with_one_supervised_step() {
    let mut agent = Agent::start().await;
    begin(&mut agent, 0).await;
    let (requests, bodies) = agent.sent().await;
    assert_eq!(requests, lines(BEGINNING));
    // Nothing is sampled, so nothing that samples is paid for.
    assert_eq!(bodies[3]["compute_config"]["num_generator_replicas"], 0);

    let batch = json!({
        "samples": [{
            "model_input": {"chunks": [{"encoded_text": {"tokens": [101, 17, 42, 7]}}]},
            "loss_fn_inputs": {
                "target_tokens": {"data": [17, 42, 7, 9], "dtype": "int64"},
                "weights": {"data": [0, 0, 1, 1], "dtype": "float32"},
            },
        }],
        "loss": {"type": "LOSS_TYPE_CROSS_ENTROPY"},
    });
    let get = "get-forward-backward-operation";
    agent
        .operation("forward-backward-pass", get, Some(batch.clone()))
        .await;
    let adam = json!({"adam_params": {"learning_rate": 1e-5, "weight_decay": 0.0}});
    agent
        .operation("optimizer-step", "get-optim-step-operation", Some(adam))
        .await;
    let (requests, bodies) = agent.sent().await;
    assert_eq!(
        requests,
        lines(
            "\
POST …/forward-backward
GET …/forward-backward/0a1b2c3d-0000-4000-8000-000000000002
POST …/optim-step
GET …/optim-step/0a1b2c3d-0000-4000-8000-000000000004"
        )
    );
    assert_eq!(bodies[0], batch);
    end(&mut agent).await;
    assert_eq!(agent.sent().await.0, lines(ENDING));
}

/// A run by hand: created, queued, watched, stopped, deleted.
#[tokio::test]
async fn a_prime_run_from_create_to_delete() {
    let mut agent = Agent::start().await;
    let runs = examples("get-run");
    let running = runs[0].response.clone();
    let queued = runs
        .iter()
        .find(|run| run.note == "queued")
        .unwrap()
        .response
        .clone();
    let mut stopped = running.clone();
    stopped["run"]["status"] = json!("STOPPED");
    agent.upstream.answers("get-run", vec![queued, running]);
    agent.upstream.tell(
        "get-run-logs",
        vec![
            (
                404,
                json!({"detail": "Run is queued, logs are not available yet"}),
            ),
            (200, examples("get-run-logs")[0].response.clone()),
        ],
    );

    agent.call("prime-intellect-listgputypes", json!({})).await;
    agent.call("prime-intellect-listmodels", json!({})).await;
    let wallet = agent.call("prime-intellect-getwallet", json!({})).await;
    assert_eq!(wallet["balance_usd"], 120.5);
    let config = examples("prime-intellect-createrun")[0].request["config"].clone();
    let body = json!({"config": config, "gpuType": "H200_141GB"});
    let created = agent
        .call("prime-intellect-createrun", json!({"body": body}))
        .await;
    assert_eq!(created.get("tokenValue"), None);
    let id = created["runId"].clone();
    let run = json!({"run_id": id});

    let early = agent.call("prime-intellect-getrunlogs", run.clone()).await;
    assert_eq!(early["logs"], "");
    assert!(
        early["note"].as_str().unwrap().contains("has not started yet"),
        "{early}"
    );
    agent
        .until("prime-intellect-getrun", run.clone(), "RUNNING")
        .await;
    let logs = agent.call("prime-intellect-getrunlogs", run.clone()).await;
    assert_eq!(logs, json!({"logs": "step 1 reward 0.12\nstep 2 reward 0.19"}));
    let progress = agent.call("prime-intellect-getrunprogress", run.clone()).await;
    agent
        .call(
            "prime-intellect-getrunmetrics",
            json!({"run_id": id, "columns": ["reward/mean"]}),
        )
        .await;
    let step = &progress["stepsWithSamples"][0];
    agent
        .call(
            "prime-intellect-getrunsamples",
            json!({"run_id": id, "step": step}),
        )
        .await;
    agent
        .call(
            "prime-intellect-listruncheckpoints",
            json!({"run_id": id, "status_filter": "ready"}),
        )
        .await;
    agent.call("prime-intellect-getrunusage", run.clone()).await;
    agent.call("prime-intellect-stoprun", run.clone()).await;
    agent.upstream.answers("get-run", vec![stopped]);
    agent
        .until("prime-intellect-getrun", run.clone(), "STOPPED")
        .await;
    let deleted = agent.call("prime-intellect-deleterun", run).await;
    assert_eq!(deleted["deleted"], true);

    let (requests, _) = agent.sent().await;
    let id = id.as_str().unwrap();
    let requests: Vec<String> = requests.iter().map(|line| line.replace(id, "{run}")).collect();
    assert_eq!(
        requests,
        lines(
            "\
GET /api/v1/training/available-gpu-types
GET /api/v1/training/available-fft-models
GET /api/v1/billing/wallet
POST /api/v1/training/runs
GET /api/v1/rft/runs/{run}/logs
GET /api/v1/rft/runs/{run}
GET /api/v1/rft/runs/{run}
GET /api/v1/rft/runs/{run}/logs
GET /api/v1/rft/runs/{run}/progress
GET /api/v1/rft/runs/{run}/metrics
GET /api/v1/rft/runs/{run}/samples
GET /api/v1/rft/runs/{run}/checkpoints
GET /api/v1/billing/runs/{run}/usage
PUT /api/v1/rft/runs/{run}/stop
GET /api/v1/rft/runs/{run}
DELETE /api/v1/training/runs/{run}"
        )
    );
}
