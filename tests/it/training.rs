//! Training as one job: from a file to an adapter, through crashes, stops and lost sessions, with nothing left up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::curves::{picture, size};
use crate::support::{Sandbox, Server};

/// A hang fails instead of stopping the suite.
const PATIENCE: Duration = Duration::from_secs(120);

/// A sandbox, and a directory with files for it.
struct Ground {
    sandbox: Sandbox,
    directory: TempDir,
}

/// What a sandbox's model can learn soon: what kind of characters each prompt wants.
const WANTED: [(&str, &str); 4] = [
    ("lower", "abcdefgh"),
    ("upper", "ABCDEFGH"),
    ("digit", "01234567"),
    ("punct", "!?.,;:-+"),
];

impl Ground {
    async fn new(options: &[&str]) -> Self {
        let options = [&["--sandbox-speed", "5000"], options].concat();
        let sandbox = Sandbox::with(&options).await;
        let directory = tempfile::tempdir().unwrap();
        let ground = Self { sandbox, directory };
        let rows = |numbers: std::ops::Range<usize>| {
            numbers.fold(String::new(), |mut rows, number| {
                let (kind, answer) = WANTED[number % 4];
                let row = json!({"question": format!("{kind}{}:", number / 4), "answer": answer});
                let _ = writeln!(rows, "{row}");
                rows
            })
        };
        ground.write("train.jsonl", &rows(0..16));
        ground.write("eval.jsonl", &rows(16..20));
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// A recipe that takes a second.
    fn recipe(more: Value) -> Value {
        let mut recipe = json!({
            "method": "grpo",
            "base_model": "sandbox/byte-lm",
            "dataset": "train.jsonl",
            "prompt": "{{row.question}}",
            "grader": {"type": "similarity", "measure": "edit"},
            "steps": 6,
            "rows_per_step": 4,
            "group_size": 4,
            "learning_rate": 0.01,
            "sampling": {"max_tokens": 8},
            "lora": {"rank": 8},
        });
        let members = recipe.as_object_mut().unwrap();
        for (name, value) in more.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        recipe
    }

    fn environment(&self, command: &mut Command) {
        command
            .env("RL_MCP_DATA_DIR", self.path("data"))
            .env("RL_MCP_FILE_DIRS", self.directory.path())
            .env("RL_MCP_MAX_WAIT_SECONDS", "50");
    }

    async fn server(&self) -> Server {
        let mut command = self.sandbox.server();
        self.environment(&mut command);
        Server::initialized(&mut command).await
    }

    /// `rl-mcp train` with these arguments.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.server();
        self.environment(&mut command);
        command.arg("train").args(arguments);
        command
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs `rl-mcp train` to its end: exit code, standard output and error.
    async fn train(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = timeout(PATIENCE, self.command(arguments).output())
            .await
            .unwrap()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// The run that there is, or the last.
    fn run(&self) -> String {
        let mut runs: Vec<String> = fs::read_dir(self.path("data/runs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            // What is hidden is not made to its end.
            .filter(|name| !name.starts_with('.'))
            .collect();
        runs.sort();
        runs.pop().unwrap()
    }

    fn of_run(&self, run: &str, name: &str) -> String {
        fs::read_to_string(self.path("data/runs").join(run).join(name)).unwrap()
    }

    fn state(&self, run: &str) -> Value {
        serde_json::from_str(&self.of_run(run, "state.json")).unwrap()
    }

    fn steps(&self, run: &str) -> Vec<Value> {
        let lines = self.of_run(run, "steps.jsonl");
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The bytes of the adapter that a run published.
    async fn adapter(&self, run: &str) -> BTreeMap<String, Vec<u8>> {
        let state = self.state(run);
        let id = state["inference_checkpoint"]["id"].as_str().unwrap().to_owned();
        let directory = self.path(&format!("adapter-{run}"));
        let mut server = self.server().await;
        let arguments = json!({"id": id, "directory": directory, "variant": "ADAPTER", "wait_seconds": 50});
        let answer = server.call("download-checkpoint", arguments).await;
        assert!(!answer.is_error, "{}", answer.text);
        let files = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| {
                path.extension()
                    .is_some_and(|end| end == "safetensors" || end == "json")
            })
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read(path).unwrap())
            })
            .filter(|(name, _)| name.starts_with("adapter"))
            .collect()
    }

    /// What is up at the service.
    async fn up(&self) -> Vec<String> {
        let mut up = Vec::new();
        for (path, words) in [
            ("/v1/rl/model-resources", ["READY", "CREATING"]),
            ("/v1/rl/training-sessions", ["RUNNING", "CREATING"]),
        ] {
            let listed = self.asked(path).await;
            for thing in listed["data"].as_array().unwrap() {
                let status = thing["status"].as_str().unwrap();
                if words.iter().any(|word| status.ends_with(word)) {
                    up.push(format!("{path}/{}", thing["id"].as_str().unwrap()));
                }
            }
        }
        up
    }

    /// An answer of the sandbox, whose faults are passed over.
    async fn asked(&self, path: &str) -> Value {
        for _ in 0..50 {
            let sent = self
                .sandbox
                .request("GET", path)
                .bearer_auth(&self.sandbox.key)
                .send()
                .await;
            if let Ok(answer) = sent
                && answer.status().is_success()
                && let Ok(text) = answer.text().await
                && let Ok(value) = serde_json::from_str(&text)
            {
                return value;
            }
        }
        panic!("no answer of {path}");
    }

    async fn all_ended(&self) {
        // What is stopping is stopped soon.
        for _ in 0..200 {
            if self.up().await.is_empty() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("still up: {:?}", self.up().await);
    }

    fn write_recipe(&self, more: Value) {
        self.write("recipe.json", &Self::recipe(more).to_string());
    }
}

/// Calls get-training until the run is at rest.
async fn at_rest(server: &mut Server, run: &str) -> Value {
    for _ in 0..20 {
        let arguments = json!({"run_id": run, "wait_seconds": 50});
        let shown = server.call("get-training", arguments).await.json();
        if shown.get("ended_at").is_some() || shown["status"] == "interrupted" {
            return shown;
        }
    }
    panic!("run {run} does not end");
}

#[tokio::test]
async fn what_a_run_holds_is_said_to_be_its_own_and_is_seen_to_end() {
    let ground = Ground::new(&[]).await;
    let mut server = ground.server().await;
    let recipe = Ground::recipe(json!({"steps": 10_000}));
    let started = server.call("start-training", recipe).await.json();
    let run = &started["run_id"];
    let first = json!({"run_id": run, "until_step": 2, "wait_seconds": 50});
    let shown = server.call("get-training", first).await.json();
    assert!(shown["step"].as_u64() >= Some(2), "{shown}");
    let activity = server.call("list-recent-activity", json!({})).await.json();
    let (bills, session) = (&activity["may_be_billing"][0], &activity["sessions"][0]);
    assert_eq!((&bills["held_by"], &session["held_by"]), (run, run), "{activity}");
    assert!(
        bills.get("stop").is_none() && session.get("next").is_none(),
        "{activity}"
    );
    let stop = json!({"run_id": run, "wait_seconds": 50});
    let stopped = server.call("stop-training", stop).await.json();
    assert_eq!(stopped["status"], "stopped", "{stopped}");
    let activity = server.call("list-recent-activity", json!({})).await.json();
    assert_eq!(
        (&activity["may_be_billing"], &activity["sessions"]),
        (&json!([]), &json!([])),
        "{activity}"
    );
}

#[tokio::test]
async fn a_run_goes_from_a_file_to_an_adapter_and_survives_its_server() {
    let ground = Ground::new(&[]).await;
    let mut server = ground.server().await;
    let recipe = Ground::recipe(json!({"eval_dataset": "eval.jsonl", "steps": 12}));
    let mut estimate = recipe.clone();
    estimate["estimate_only"] = true.into();
    let plan = server.call("start-training", estimate).await.json();
    assert_eq!(plan["rows"], 16);
    assert_eq!(plan["steps"], 12);
    assert_eq!(plan["usd_at_most"], 224.0);
    assert!(plan["note"].as_str().unwrap().contains("nothing was started"));
    assert!(ground.up().await.is_empty());

    let started = server.call("start-training", recipe).await.json();
    let run = started["run_id"].as_str().unwrap().to_owned();
    assert_eq!(started["next"]["tool"], "get-training");
    let activity = server.call("list-recent-activity", json!({})).await.json();
    assert_eq!(activity["training_runs"][0]["run_id"], *run);
    // The server goes, and with it the conversation.
    server.kill().await;

    let mut server = ground.server().await;
    let shown = at_rest(&mut server, &run).await;
    assert_eq!(
        (&shown["status"], &shown["step"]),
        (&json!("completed"), &json!(12)),
        "{shown}"
    );
    assert!(
        shown["curve"].as_str().unwrap().starts_with("reward 0"),
        "{shown}"
    );
    assert_eq!(shown["evaluations"].as_array().unwrap().len(), 3);
    assert_eq!(shown["next"]["tool"], "download-checkpoint");
    assert!(shown.get("still_up").is_none());
    let all = server
        .call("get-training", json!({"run_id": run, "view": "steps"}))
        .await
        .json();
    assert_eq!(all["all_steps"].as_array().unwrap().len(), 12);
    for step in all["all_steps"].as_array().unwrap() {
        assert!(step["reward"].to_string().len() <= 9, "{step}");
    }
    let later = json!({"run_id": run, "view": "steps", "step": 11});
    let later = server.call("get-training", later).await.json();
    let later: Vec<&Value> = later["all_steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["step"])
        .collect();
    assert_eq!(later, [11, 12]);
    let rollouts = json!({"run_id": run, "view": "rollouts", "step": 3});
    let rollouts = server.call("get-training", rollouts).await.json();
    assert_eq!(rollouts["rollouts"]["completions"], 16);
    assert!(
        rollouts["rollouts"]["best"][0]["why"]
            .as_str()
            .unwrap()
            .contains("characters in order")
    );
    let curve = json!({"name": "get-training", "arguments": {"run_id": run, "view": "curve"}});
    let curve = server.request("tools/call", curve).await;
    assert_eq!(size(&picture(&curve)), (900, 500));
    let none = json!({"run_id": run, "view": "rollouts", "step": 13});
    let none = server.call("get-training", none).await;
    assert!(
        none.error()
            .contains("step: is 13, and there are no completions of it: 12 are done"),
        "{}",
        none.error()
    );
    let report = fs::read_to_string(shown["report"].as_str().unwrap()).unwrap();
    for part in [
        "completed after 12 of 12 steps",
        "| step | reward |",
        "## Held out",
        "### The best:",
        "## Recipe",
    ] {
        assert!(report.contains(part), "{report}");
    }
    ground.all_ended().await;
    assert!(
        ground
            .adapter(&run)
            .await
            .contains_key("adapter_model.safetensors")
    );

    let nothing = server
        .call("start-training", json!({"dataset": "train.jsonl"}))
        .await;
    assert!(
        nothing
            .error()
            .contains("base_model: offered are sandbox/byte-lm, Qwen/Qwen3-0.6B"),
        "{}",
        nothing.error()
    );
    // What cannot be done any more is said.
    let again = server.call("resume-training", json!({"run_id": run})).await;
    assert!(
        again.error().contains("run_id: is of a run that is complete"),
        "{}",
        again.error()
    );
    let stopped = server.call("stop-training", json!({"run_id": run})).await.json();
    assert_eq!(stopped["note"], "It had ended already.");
    let unknown = server.call("get-training", json!({"run_id": "grpo-1"})).await;
    assert!(
        unknown.error().contains(&format!(
            "run_id: is no run of this machine; the newest are {run}"
        )),
        "{}",
        unknown.error()
    );
    // No key is in any file of the run.
    for entry in walk(&ground.path("data/runs")) {
        let content = fs::read(&entry).unwrap();
        let key = ground.sandbox.key.as_bytes();
        assert!(
            !content.windows(key.len()).any(|window| window == key),
            "{}",
            entry.display()
        );
    }
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The worker is killed again and again, at any point, while requests fail: the adapter is that of a run in peace.
#[tokio::test]
async fn a_run_that_is_killed_anywhere_ends_as_one_in_peace() {
    let peace = Ground::new(&[]).await;
    peace.write_recipe(json!({}));
    let (code, out, err) = peace.train(&["recipe.json", "--estimate-only"]).await;
    assert_eq!(code, 0, "{out}{err}");
    for part in [
        "grpo on sandbox/byte-lm: 6 steps of 4 rows with 4 completions each, learning rate 0.01\n",
        "  makes a model resource with sandbox/byte-lm and a training session, and ends it\n",
        "  at most 4 hours, 224 USD (56 USD per hour)\n",
    ] {
        assert!(out.contains(part), "{out}");
    }
    let (code, out, err) = peace.train(&["recipe.json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let expected = peace.adapter(&peace.run()).await;
    let steps = |ground: &Ground| -> Vec<Map<String, Value>> {
        let steps = ground.steps(&ground.run()).into_iter();
        steps
            .map(|step| {
                let mut step = step.as_object().unwrap().clone();
                step.retain(|name, _| !["seconds", "usd"].contains(&name.as_str()));
                step
            })
            .collect()
    };
    let seed = fastrand::u64(..);
    let mut rng = Rng::with_seed(seed);
    let ground = Ground::new(&["--sandbox-faults", "0.2", "--sandbox-seed", &seed.to_string()]).await;
    ground.write_recipe(json!({}));
    let mut kills = 0;
    let mut child = ground.command(&["recipe.json"]).spawn().unwrap();
    loop {
        let pause = Duration::from_millis(rng.u64(20..600));
        match timeout(pause, child.wait()).await {
            Ok(status) => {
                let status = status.unwrap();
                if status.success() {
                    break;
                }
                // Faults alone end no run.
                let output = child.wait_with_output().await.unwrap();
                panic!(
                    "seed {seed}: {status} {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            Err(_) if kills < 12 => {
                child.kill().await.unwrap();
                kills += 1;
            }
            Err(_) => continue,
        }
        let is_begun = ground.path("data/runs").is_dir()
            && fs::read_dir(ground.path("data/runs"))
                .unwrap()
                .flatten()
                .any(|entry| entry.path().join("state.json").exists());
        child = if is_begun {
            ground.command(&["--resume", &ground.run()]).spawn().unwrap()
        } else {
            ground.command(&["recipe.json"]).spawn().unwrap()
        };
    }
    assert!(kills > 0, "seed {seed}: {kills} kills");
    let run = ground.run();
    assert_eq!(ground.state(&run)["status"], "completed", "seed {seed}");
    assert_eq!(steps(&ground), steps(&peace), "seed {seed}");
    assert!(
        ground.adapter(&run).await == expected,
        "seed {seed}: another adapter"
    );
    // Each operation was applied once.
    let session = ground.state(&run)["session"]["id"].as_str().unwrap().to_owned();
    let shown = ground.asked(&format!("/v1/rl/training-sessions/{session}")).await;
    assert_eq!(shown["step"].to_string().trim_matches('"'), "6", "seed {seed}");
    ground.all_ended().await;
}

#[tokio::test]
async fn a_run_that_is_stopped_goes_on_where_it_was() {
    let peace = Ground::new(&[]).await;
    peace.write_recipe(json!({"steps": 24}));
    let (code, ..) = peace.train(&["recipe.json"]).await;
    assert_eq!(code, 0);
    let expected = peace.adapter(&peace.run()).await;

    // In the same sandbox, whose model has made another adapter meanwhile.
    let ground = peace;
    let mut server = ground.server().await;
    let started = server
        .call("start-training", Ground::recipe(json!({"steps": 24})))
        .await
        .json();
    let run = started["run_id"].as_str().unwrap();
    let until = json!({"run_id": run, "until_step": 2, "wait_seconds": 50});
    server.call("get-training", until).await.json();
    let twice = server.call("resume-training", json!({"run_id": run})).await;
    assert!(
        twice.error().contains("is of a run that is under way"),
        "{}",
        twice.error()
    );
    let (code, _, err) = ground.train(&["--resume", run]).await;
    assert!(
        code == 2 && err.contains("another worker is at it"),
        "{code} {err}"
    );
    let stopped = server
        .call("stop-training", json!({"run_id": run, "wait_seconds": 50}))
        .await
        .json();
    assert_eq!(stopped["status"], "stopped", "{stopped}");
    assert_eq!(stopped["why"], "stop-training was called");
    let step = stopped["step"].as_u64().unwrap();
    assert!((2..24).contains(&step), "{stopped}");
    assert_eq!(stopped["training_checkpoint"]["step"], step);
    ground.all_ended().await;

    let resumed = server
        .call("resume-training", json!({"run_id": run}))
        .await
        .json();
    assert_eq!(resumed["step"], step);
    let shown = at_rest(&mut server, run).await;
    assert_eq!(
        (&shown["status"], &shown["step"]),
        (&json!("completed"), &json!(24)),
        "{shown}"
    );
    assert!(ground.adapter(run).await == expected, "another adapter");
    ground.all_ended().await;
}

#[tokio::test]
async fn a_session_that_is_lost_is_begun_anew_from_the_last_checkpoint() {
    let ground = Ground::new(&[]).await;
    ground.write_recipe(json!({}));
    let (code, ..) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0);
    let expected = ground.adapter(&ground.run()).await;
    let mut server = ground.server().await;
    let recipe = Ground::recipe(json!({"save_every": 2}));
    let started = server.call("start-training", recipe).await.json();
    let run = started["run_id"].as_str().unwrap();
    let until = json!({"run_id": run, "until_step": 3, "wait_seconds": 50});
    let shown = server.call("get-training", until).await.json();
    let session = shown["session_id"].as_str().unwrap().to_owned();
    server
        .call("stop-training-session", json!({"session_id": session}))
        .await
        .json();
    let shown = at_rest(&mut server, run).await;
    assert_eq!(shown["status"], "completed", "{shown}");
    let state = ground.state(run);
    assert_eq!(state["attempt"], 1, "{state}");
    assert_ne!(state["session"]["id"], *session);
    assert_eq!(ground.steps(run).len(), 6);
    assert!(ground.adapter(run).await == expected, "another adapter");
    ground.all_ended().await;
}

#[tokio::test]
async fn what_was_given_is_left_up_and_limits_end_what_was_made() {
    let ground = Ground::new(&[]).await;
    let resource = ground
        .sandbox
        .resource(json!({"base_model": "sandbox/byte-lm"}))
        .await;
    let session = ground
        .sandbox
        .session(&resource, json!({"lora_config": {"rank": 8, "seed": 1}}))
        .await;
    let session = session.rsplit('/').next().unwrap().to_owned();
    ground.write_recipe(
        json!({"base_model": null, "lora": null, "session_id": session, "steps": 2, "kl": 0.05}),
    );
    let (code, out, err) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let steps = ground.steps(&ground.run());
    assert!(steps[1]["metrics"].to_string().contains("kl_ref"), "{}", steps[1]);
    let up = ground.up().await;
    assert_eq!(up.len(), 2, "{up:?}");
    assert!(up.iter().any(|up| up.ends_with(&session)), "{up:?}");

    // At a speed at which a limit is met in the middle.
    ground.write_recipe(json!({"steps": 500, "limits": {"usd": 0.01}}));
    let (code, out, err) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("limits.usd (0.01) are used up"), "{out}");
    let run = ground.run();
    let step = ground.state(&run)["step"].as_u64().unwrap();
    assert!((1..500).contains(&step), "{step}");
    assert!(ground.state(&run)["inference_checkpoint"].is_object());
    // A limit that is met makes no GPUs again; more may be given.
    let (code, _, err) = ground.train(&["--resume", &run]).await;
    assert!(
        code == 2 && err.contains("limits.usd is 0.01, and the run is at 0.01"),
        "{code} {err}"
    );
    let mut server = ground.server().await;
    let met = json!({"run_id": run, "limits": {"hours": 1e-9, "usd": 5}});
    let met = server.call("resume-training", met).await;
    assert!(
        met.error()
            .contains("limits.hours: is 1.00e-9, and the run is at"),
        "{}",
        met.error()
    );
    let (code, out, _) = ground.train(&["--resume", &run, "--usd", "0.02"]).await;
    assert!(
        code == 0 && out.contains("limits.usd (0.02) are used up"),
        "{out}"
    );
    assert!(ground.state(&run)["step"].as_u64().unwrap() > step);
    assert_eq!(ground.up().await.len(), 2);
}

#[tokio::test]
async fn rows_that_change_and_graders_that_die_end_a_run_in_order() {
    let ground = Ground::new(&[]).await;
    let commands = TempDir::new().unwrap();
    let list = commands.path().join("graders.json");
    let program_path = commands.path().join("grader.sh");
    let counter = ground.path("count");
    fs::write(
        &program_path,
        format!(
            "#!/bin/sh\necho x >> {0}\n[ $(wc -l < {0}) -gt 2 ] && exit 1\ni=0\nwhile read line; do i=$((i+1)); echo \"{{\\\"score\\\": $((i % 2))}}\"; done\n",
            counter.display()
        ),
    )
    .unwrap();
    fs::write(&list, json!({"mine": ["/bin/sh", program_path]}).to_string()).unwrap();
    ground.write_recipe(json!({"grader": {"type": "command", "name": "mine"}}));
    let output = ground
        .command(&["recipe.json"])
        .env("RL_MCP_GRADERS", &list)
        .output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        out.contains("failed after 2 of 6 steps") && out.contains("command mine ended after 0 scores"),
        "{out}"
    );
    assert!(out.contains("inference checkpoint"), "{out}");
    ground.all_ended().await;

    // The same run goes on with a grader that works, but not with other rows.
    let run = ground.run();
    let rows = fs::read_to_string(ground.path("train.jsonl")).unwrap();
    ground.write("train.jsonl", &rows.replace("lower0", "lower9"));
    let (code, _, err) = ground.train(&["--resume", &run]).await;
    assert!(
        code == 2 && err.contains("train.jsonl has changed since the run began"),
        "{code} {err}"
    );
    ground.write("train.jsonl", &rows);
    fs::write(&counter, "").unwrap();
    fs::write(
        &program_path,
        "#!/bin/sh\ni=0\nwhile read line; do i=$((i+1)); echo \"{\\\"score\\\": $((i % 2))}\"; done\n",
    )
    .unwrap();
    let output = ground
        .command(&["--resume", &run])
        .env("RL_MCP_GRADERS", &list)
        .output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && out.contains("completed after 6 of 6 steps"),
        "{out}"
    );
    ground.all_ended().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_recipe_is_said_at_once_and_in_its_own_words() {
    let ground = Ground::new(&[]).await;
    let mut server = ground.server().await;
    for (recipe, expected) in [
        // As others call it.
        (
            json!({"method": "rl", "model": "m", "train_file": "none.jsonl", "num_generations": 8, "max_steps": 5, "n_epochs": 1,
                "per_device_train_batch_size": 8, "reward_funcs": {"type": "number"}, "beta": 0.1, "max_completion_length": 8}),
            vec![
                "model: is called base_model here",
                "train_file: is called dataset here",
                "num_generations: is called group_size here",
                "max_steps: is called steps here",
                "per_device_train_batch_size: is called rows_per_step here",
                "reward_funcs: is called grader here",
                "beta: is called kl here",
                "max_completion_length: is called sampling.max_tokens here",
                "epochs: say the same as steps",
                "dataset: there is no such file",
            ],
        ),
        (
            json!({"base_model": "m", "dataset": "none.jsonl"}),
            vec!["method: is required", "dataset: there is no such file"],
        ),
        // The same of all rows, once.
        (
            Ground::recipe(json!({"grader": {"type": "number", "expected": "{{row.anwser}}"}})),
            vec![
                "dataset: has no anwser, which the grader compares with (did you mean {{row.answer}}?): lines 1, 2, 3, 4, 5, … (16 in all)",
            ],
        ),
        (
            Ground::recipe(json!({"prompt": "{{questions}}"})),
            vec![
                "dataset: has no questions, which prompt takes (did you mean {{row.question}}?): lines 1, 2, 3, 4, 5, … (16 in all)",
            ],
        ),
        (
            Ground::recipe(json!({"method": "sft", "grader": null, "group_size": null, "sampling": null})),
            vec!["or the recipe makes one (completion: \"{{row.MEMBER}}\"): lines 1, 2"],
        ),
        (
            Ground::recipe(
                json!({"base_model": "gpt-4", "session_id": "s", "lora": null, "sampling": {"temperature": 0}}),
            ),
            vec![
                "session_id: stands in place of base_model",
                "sampling.temperature: of 0 makes all completions of a prompt the same",
            ],
        ),
    ] {
        let answer = server.call("start-training", recipe.clone()).await;
        for part in expected {
            assert!(
                answer.error().contains(part),
                "{part}\n{recipe}\n{}",
                answer.error()
            );
        }
    }
    let named = json!({"method": "sft", "grader": null, "group_size": null, "sampling": null, "completion": "{{answer}}", "estimate_only": true});
    let plan = server.call("start-training", Ground::recipe(named)).await.json();
    assert_eq!(plan["rows"], 16);
    assert!(ground.up().await.is_empty());
}

/// The worker was killed once it had ended what it made, and before it wrote that down.
#[tokio::test]
async fn a_run_that_is_killed_while_it_ends_is_taken_up() {
    let ground = Ground::new(&[]).await;
    let forget = |run: &str| {
        let mut state = ground.state(run);
        for held in ["resource", "session"] {
            state[held]["is_ended"] = false.into();
        }
        state["status"] = "ending".into();
        ground.write(&format!("data/runs/{run}/state.json"), &state.to_string());
    };
    let resources = async || {
        ground.asked("/v1/rl/model-resources").await["data"]
            .as_array()
            .unwrap()
            .len()
    };
    ground.write_recipe(json!({"eval_dataset": "eval.jsonl"}));
    let (code, ..) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0);
    let run = ground.run();
    forget(&run);
    let before = resources().await;
    let (code, out, err) = ground.train(&["--resume", &run]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("completed after 6 of 6 steps"), "{out}");
    assert_eq!(
        resources().await,
        before,
        "nothing is made for a run that is complete"
    );

    // One that has steps left gets GPUs again, since somebody wants it to go on.
    ground.write_recipe(json!({"limits": {"reward": 0}}));
    let (code, out, _) = ground.train(&["recipe.json"]).await;
    assert!(code == 0 && out.contains("stopped after 5 of 6 steps"), "{out}");
    let run = ground.run();
    forget(&run);
    let mut server = ground.server().await;
    let resumed = json!({"run_id": run, "limits": {"reward": 5}});
    server.call("resume-training", resumed).await.json();
    let shown = at_rest(&mut server, &run).await;
    assert_eq!(
        (&shown["status"], &shown["step"]),
        (&json!("completed"), &json!(6)),
        "{shown}"
    );
    assert_eq!(resources().await, before + 2);
    ground.all_ended().await;
}

/// In front of a sandbox of the server's own the worker is a task, whose words come back as well.
#[tokio::test]
async fn a_worker_in_the_server_says_why_it_does_not_begin() {
    let ground = Ground::new(&[]).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_DATA_DIR", ground.path("data"))
        .env("RL_MCP_FILE_DIRS", ground.directory.path())
        .args(["--sandbox", "--sandbox-speed", "5000"]);
    let mut server = Server::initialized(&mut command).await;
    let recipe = Ground::recipe(json!({"steps": 6, "limits": {"reward": 0}}));
    let started = server.call("start-training", recipe).await.json();
    let run = started["run_id"].as_str().unwrap();
    let shown = at_rest(&mut server, run).await;
    assert_eq!(shown["status"], "stopped", "{shown}");
    ground.write("train.jsonl", "{\"question\": \"other\", \"answer\": \"rows\"}\n");
    let resumed = json!({"run_id": run, "limits": {"reward": 5}});
    let refused = server.call("resume-training", resumed).await;
    assert!(
        refused
            .error()
            .contains("train.jsonl has changed since the run began"),
        "{}",
        refused.error()
    );
}

#[tokio::test]
async fn a_disk_that_takes_nothing_more_ends_a_run_in_order() {
    let ground = Ground::new(&[]).await;
    let mut server = ground.server().await;
    let started = server
        .call("start-training", Ground::recipe(json!({"steps": 60})))
        .await
        .json();
    let run = started["run_id"].as_str().unwrap();
    let until = json!({"run_id": run, "until_step": 1, "wait_seconds": 50});
    server.call("get-training", until).await.json();
    // Nothing can be added to what is a directory.
    let steps = ground.path("data/runs").join(run).join("steps.jsonl");
    loop {
        // The worker may add a line in between.
        let _ = fs::rename(&steps, steps.with_extension("kept"));
        if fs::create_dir(&steps).is_ok() {
            break;
        }
    }
    for _ in 0..1000 {
        if ground.state(run)["status"] == "failed" {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let state = ground.state(run);
    assert_eq!(state["status"], "failed", "{state}");
    let why = state["why"].as_str().unwrap();
    assert!(why.contains("its directory cannot be written"), "{why}");
    ground.all_ended().await;
}

/// Passes connections on, and refuses some once it is told to.
struct Relay {
    url: String,
    refusals: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    cut: tokio::sync::watch::Sender<()>,
}

impl Relay {
    async fn start(url: &str) -> Self {
        use std::sync::atomic::Ordering;
        let target = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let refusals = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (cut, seen) = tokio::sync::watch::channel(());
        let left = refusals.clone();
        tokio::spawn(async move {
            while let Ok((mut inside, _)) = listener.accept().await {
                let refuse =
                    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                if refuse.is_ok() {
                    continue;
                }
                let (target, mut seen) = (target.clone(), seen.clone());
                seen.mark_unchanged();
                tokio::spawn(async move {
                    let mut outside = tokio::net::TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut inside, &mut outside) => {}
                        _ = seen.changed() => {}
                    }
                });
            }
        });
        Self {
            url: own,
            refusals,
            cut,
        }
    }

    /// The way is cut, and so many tries to take it fail.
    fn go_away(&self, tries: usize) {
        self.refusals.store(tries, std::sync::atomic::Ordering::SeqCst);
        self.cut.send_replace(());
    }

    fn refuses(&self) -> usize {
        self.refusals.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_service_that_is_away_for_a_while_is_waited_for() {
    let ground = Ground::new(&[]).await;
    ground.write_recipe(json!({}));
    let (code, ..) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0);
    let expected = ground.adapter(&ground.run()).await;
    let relay = Relay::start(&ground.sandbox.url).await;
    let mut command = ground.command(&["recipe.json"]);
    command.env("TOGETHER_BASE_URL", &relay.url);
    let before = ground.run();
    let mut child = command.spawn().unwrap();
    // In the middle of a step, whichever that is.
    while ground.run() == before
        || !ground
            .path("data/runs")
            .join(ground.run())
            .join("steps.jsonl")
            .exists()
    {
        sleep(Duration::from_millis(5)).await;
    }
    relay.go_away(30);
    let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!(relay.refuses(), 0, "it was away");
    let run = ground.run();
    assert_eq!(ground.steps(&run).len(), 6);
    assert!(ground.adapter(&run).await == expected, "another adapter");
    ground.all_ended().await;
}

#[tokio::test]
async fn a_run_in_which_nothing_can_be_learned_ends_itself() {
    let ground = Ground::new(&[]).await;
    ground.write_recipe(json!({"grader": {"type": "string", "expected": "no model says that"}, "steps": 60}));
    let (code, out, err) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let expected = "stopped after 20 of 60 steps: nothing was learned in the last 20 steps, as all groups had equal rewards";
    assert!(out.contains(expected), "{out}");
    assert!(
        ground
            .steps(&ground.run())
            .iter()
            .all(|step| step["skipped"].is_string())
    );
    ground.all_ended().await;
    // To go on would make GPUs that end at once.
    let mut server = ground.server().await;
    let run = json!({"run_id": ground.run()});
    let shown = server.call("get-training", run.clone()).await.json();
    assert!(!shown["next"].to_string().contains("resume-training"), "{shown}");
    let resumed = server.call("resume-training", run).await;
    let expected = "run_id: cannot go on: nothing was learned in the last 20 steps";
    assert!(resumed.error().contains(expected), "{}", resumed.error());
    assert!(ground.up().await.is_empty());
}

#[tokio::test]
async fn learning_is_real() {
    let ground = Ground::new(&[]).await;
    let mean = |steps: &[Value]| {
        let rewards = steps.iter().map(|step| step["reward"].as_f64().unwrap());
        rewards.sum::<f64>() / f64::from(u32::try_from(steps.len()).unwrap())
    };
    // What is worth something at each of eight places is a digit.
    let parts: Vec<Value> = (0..8)
        .map(|place| json!({"grader": {"type": "regex", "pattern": format!("(?s)^.{{{place}}}[0-9]")}}))
        .collect();
    let long = json!({"steps": 40, "rows_per_step": 4, "group_size": 8, "learning_rate": 0.004, "grader": {"type": "combine", "parts": parts}});
    ground.write_recipe(long.clone());
    let (code, out, err) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let steps = ground.steps(&ground.run());
    let (before, after) = (mean(&steps[..2]), mean(&steps[35..]));
    assert!(after > 3.0 * before, "{before} to {after}");
    assert_eq!(steps[0]["parts"].as_object().unwrap().len(), 8, "{}", steps[0]);

    // Rewards by chance teach nothing.
    let commands = TempDir::new().unwrap();
    let list = commands.path().join("graders.json");
    let chance = "BEGIN { srand(7) } { print \"{\\\"score\\\": \" rand() \"}\"; fflush() }";
    fs::write(&list, json!({"chance": ["/usr/bin/awk", chance]}).to_string()).unwrap();
    let mut shuffled = long;
    shuffled["grader"] = json!({"type": "command", "name": "chance"});
    ground.write_recipe(shuffled);
    let output = ground
        .command(&["recipe.json"])
        .env("RL_MCP_GRADERS", &list)
        .output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let run = ground.run();
    let digits = |steps: std::ops::Range<usize>| {
        let texts: Vec<String> = steps
            .flat_map(|step| {
                let lines = ground.of_run(&run, &format!("rollouts/{step}.jsonl"));
                let texts = lines.lines().map(|line| {
                    let line: Value = serde_json::from_str(line).unwrap();
                    line["text"].as_str().unwrap().to_owned()
                });
                texts.collect::<Vec<_>>()
            })
            .collect();
        let found = texts
            .iter()
            .flat_map(|text| text.chars())
            .filter(char::is_ascii_digit)
            .count();
        f64::from(u32::try_from(found).unwrap()) / f64::from(u32::try_from(8 * texts.len()).unwrap())
    };
    let (before, after) = (digits(1..6), digits(36..41));
    assert!(after < 2.0 * before, "{before} to {after}");

    // Supervised: the loss of rows that were held out falls.
    let rows = |numbers: std::ops::Range<usize>, shuffled: bool| {
        numbers.fold(String::new(), |mut rows, number| {
            let (kind, answer) = WANTED[number % 4];
            let mut answer: Vec<char> = answer.chars().collect();
            if shuffled {
                Rng::with_seed(u64::try_from(number).unwrap()).shuffle(&mut answer);
            }
            let answer: String = answer.into_iter().collect();
            let row = json!({"prompt": format!("{kind}{}:", number / 4), "completion": answer});
            let _ = writeln!(rows, "{row}");
            rows
        })
    };
    ground.write("sft.jsonl", &rows(0..32, false));
    ground.write("sft-eval.jsonl", &rows(32..40, false));
    let sft = json!({
        "method": "sft", "dataset": "sft.jsonl", "eval_dataset": "sft-eval.jsonl", "steps": 30,
        "prompt": null, "grader": null, "group_size": null, "sampling": null, "learning_rate": 0.01,
    });
    ground.write_recipe(sft);
    let (code, out, err) = ground.train(&["recipe.json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let run = ground.run();
    assert!(run.starts_with("sft-"));
    let evaluations = ground.of_run(&run, "evaluations.jsonl");
    let losses: Vec<f64> = evaluations
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["loss"]
                .as_f64()
                .unwrap()
        })
        .collect();
    assert_eq!(losses.len(), 4, "{evaluations}");
    assert!(losses[3] < 0.7 * losses[0], "{losses:?}");
    ground.all_ended().await;
}
