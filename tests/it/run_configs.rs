//! Starting a run: configs from files, secrets from the environment, teams.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{PRIME_KEY, Server, Upstream, prime_home};

/// The example of the documentation, with all keys that do not belong in the config.
const CONFIG: &str = r#"
name = "reverse-text-rl"
max_steps = 40
seq_len = 2048
image_tag = "v1"
gpu_type = "H200_141GB"
volume = "outputs"
volume_size = "2Ti"
source_ref = "main"
env_file = "secrets.env"
env_files = ["more.env"]
type = "full_finetune"

[model]
name = "Qwen/Qwen3-0.6B"

[deployment]
type = "single_node"
num_train_gpus = 1
num_infer_gpus = 1

[ckpt]
interval = 10

[trainer.optim]
lr = 3e-6

[orchestrator]
batch_size = 64
group_size = 8

[orchestrator.train.sampling]
max_completion_tokens = 128
temperature = 1.0

[[orchestrator.train.source]]
name = "reverse"
env = { taskset = { id = "reverse-text" } }

[inference]
"#;

/// The config as the documentation turns it into JSON.
fn config() -> Value {
    json!({"name": "reverse-text-rl", "max_steps": 40, "seq_len": 2048,
      "model": {"name": "Qwen/Qwen3-0.6B"},
      "deployment": {"type": "single_node", "num_train_gpus": 1, "num_infer_gpus": 1},
      "ckpt": {"interval": 10},
      "trainer": {"optim": {"lr": 0.000_003}},
      "orchestrator": {"batch_size": 64, "group_size": 8,
        "train": {"sampling": {"max_completion_tokens": 128, "temperature": 1.0},
                  "source": [{"name": "reverse", "env": {"taskset": {"id": "reverse-text"}}}]}},
      "inference": {}})
}

struct Setting {
    folder: tempfile::TempDir,
    upstream: Upstream,
    command: Command,
}

impl Setting {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("configs")).unwrap();
        let upstream = Upstream::start().await;
        let mut command = Server::command(&upstream.server.uri());
        command.env("RL_MCP_FILE_DIRS", folder.path().join("configs"));
        let setting = Self {
            folder,
            upstream,
            command,
        };
        setting.write("configs/run.toml", CONFIG);
        setting
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The answer, and the one body that was sent.
    async fn create(&mut self, arguments: Value) -> (Value, Value) {
        let mut server = Server::initialized(&mut self.command).await;
        let answer = server.call("prime-intellect-createrun", arguments).await.json();
        let requests = self.upstream.requests().await;
        assert_eq!(requests.len(), 1);
        (answer, serde_json::from_slice(&requests[0].body).unwrap())
    }

    /// The refusal; nothing was sent.
    async fn refusal(&mut self, arguments: Value) -> String {
        let mut server = Server::initialized(&mut self.command).await;
        let outcome = server.call("prime-intellect-createrun", arguments).await;
        assert!(self.upstream.requests().await.is_empty());
        assert!(outcome.error().contains("nothing was sent"), "{}", outcome.text);
        outcome.text
    }
}

#[tokio::test]
async fn a_file_becomes_the_body_that_the_documentation_shows() {
    let mut setting = Setting::new().await;
    let absolute = setting.folder.path().join("configs/run.toml");
    for path in ["run.toml", absolute.to_str().unwrap()] {
        let (answer, body) = setting.create(json!({"body": {}, "config_path": path})).await;
        assert_eq!(
            body,
            json!({"config": config(), "name": "reverse-text-rl", "imageTag": "v1", "gpuType": "H200_141GB", "volume": "outputs", "sourceRef": "main"})
        );
        let note = answer["note"].as_str().unwrap();
        for dropped in ["env_file", "env_files", "volume_size", "type"] {
            assert!(
                note.contains(&format!("{dropped} was left out of the config: ")),
                "{note}"
            );
        }
        assert!(note.contains("their secrets do not reach the run"), "{note}");
        assert_eq!(answer.get("tokenValue"), None);
    }
}

#[tokio::test]
async fn what_the_body_says_wins_over_the_file() {
    let mut setting = Setting::new().await;
    let body = json!({"name": "mine", "gpuType": "B200_180GB"});
    let (_, body) = setting
        .create(json!({"body": body, "config_path": "run.toml"}))
        .await;
    assert_eq!(
        (&body["name"], &body["gpuType"]),
        (&json!("mine"), &json!("B200_180GB"))
    );
    assert_eq!(body["config"]["name"], "reverse-text-rl");
}

#[tokio::test]
async fn a_supervised_file_gets_its_mode() {
    let mut setting = Setting::new().await;
    setting.write(
        "configs/sft.toml",
        "[data]\ntype = \"sft\"\nname = \"datasets/x\"\nsince = 2026-11-20\n",
    );
    let (answer, body) = setting
        .create(json!({"body": {}, "config_path": "sft.toml"}))
        .await;
    assert_eq!(
        body,
        json!({"config": {"data": {"type": "sft", "name": "datasets/x", "since": "2026-11-20"}}, "mode": "sft"})
    );
    assert!(
        !answer["note"].as_str().unwrap_or_default().contains("left out"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused_with_its_place() {
    let mut setting = Setting::new().await;
    for (text, words) in [
        ("a = 1\nsecret = \"sk-very-secret\nb = 2", "not TOML in line 2"),
        ("gpu_type = 3", "config_path.gpu_type: must be text"),
        (
            "[trainer.optim]\nlr = nan\n[orchestrator]",
            "config_path.trainer.optim.lr: is NaN",
        ),
        (
            "[trainer]\nx = 1",
            "config_path.orchestrator: is required for an RL run",
        ),
        ("", "config_path: must not be empty"),
        (
            "wandbApiKey = \"sk-very-secret\"\n[data]",
            "is a secret, which a config must not hold",
        ),
        (
            "source_ref = \"refs/heads/x\"\n[data]",
            "body.sourceRef: `refs/heads/x` is not a branch",
        ),
        ("[data]\n[k8s]", "config_path.k8s: is refused for hosted runs"),
        (
            "model = \"x\"\n[[env]]\nid = \"y\"",
            "config_path.model: is an object today",
        ),
    ] {
        setting.write("configs/wrong.toml", text);
        let refusal = setting
            .refusal(json!({"body": {}, "config_path": "wrong.toml"}))
            .await;
        assert!(refusal.contains(words), "{words}: {refusal}");
        assert!(!refusal.contains("very-secret"), "{refusal}");
    }
}

#[tokio::test]
async fn only_files_in_allowed_directories_are_read() {
    let mut setting = Setting::new().await;
    setting.write("secret.toml", CONFIG);
    #[cfg(unix)]
    std::os::unix::fs::symlink(
        setting.folder.path().join("secret.toml"),
        setting.folder.path().join("configs/link.toml"),
    )
    .unwrap();
    let absolute = setting.folder.path().join("secret.toml");
    for path in [
        absolute.to_str().unwrap(),
        "../secret.toml",
        "link.toml",
        "/etc/passwd",
        "none.toml",
    ] {
        let refusal = setting.refusal(json!({"body": {}, "config_path": path})).await;
        assert!(
            refusal.contains("config_path: there is no such file under"),
            "{path}: {refusal}"
        );
    }
    setting.command.env_remove("RL_MCP_FILE_DIRS");
    let refusal = setting
        .refusal(json!({"body": {}, "config_path": "run.toml"}))
        .await;
    assert!(
        refusal.contains("there is no such file under the data directory")
            && refusal.contains("RL_MCP_FILE_DIRS"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_config_is_given_once() {
    let mut setting = Setting::new().await;
    let both = json!({"body": {"config": {"data": {}}}, "config_path": "run.toml"});
    assert!(
        setting
            .refusal(both)
            .await
            .contains("config_path: stands in place of body.config")
    );
    let neither = setting.refusal(json!({"body": {"name": "x"}})).await;
    assert!(
        neither.contains("body.config: is required") && neither.contains("config_path"),
        "{neither}"
    );
}

#[tokio::test]
async fn a_directory_that_is_no_absolute_path_is_an_error_at_start() {
    let (code, _, error) =
        Server::run(Server::command("http://127.0.0.1:9").env("RL_MCP_FILE_DIRS", "configs")).await;
    assert_eq!(code, 2);
    assert!(
        error.starts_with("rl-mcp: RL_MCP_FILE_DIRS: `configs` is not an absolute path"),
        "{error}"
    );
}

const WANDB: &str = "wandb-0123456789abcdef";
const HF: &str = "hf_0123456789abcdef";

#[tokio::test]
async fn secrets_of_the_environment_are_sent_only_when_asked_for() {
    let mut setting = Setting::new().await;
    setting.command.env("WANDB_API_KEY", WANDB).env("HF_TOKEN", HF);
    let body = json!({"config": {"data": {}}});
    let (_, sent) = setting.create(json!({"body": body})).await;
    assert_eq!((sent.get("wandbApiKey"), sent.get("hfToken")), (None, None));
    let (answer, sent) = setting
        .create(json!({"body": body, "forward_secrets": true}))
        .await;
    assert_eq!(
        (&sent["wandbApiKey"], &sent["hfToken"]),
        (&json!(WANDB), &json!(HF))
    );
    assert_eq!(answer["forwarded"], json!(["WANDB_API_KEY", "HF_TOKEN"]));
    // What the caller gives wins.
    let body = json!({"config": {"data": {}}, "wandbApiKey": "given-by-caller"});
    let (answer, sent) = setting
        .create(json!({"body": body, "forward_secrets": true}))
        .await;
    assert_eq!(
        (&sent["wandbApiKey"], &sent["hfToken"]),
        (&json!("given-by-caller"), &json!(HF))
    );
    assert_eq!(answer["forwarded"], json!(["HF_TOKEN"]));
}

#[tokio::test]
async fn secrets_that_are_not_there_cannot_be_forwarded() {
    let mut setting = Setting::new().await;
    setting.command.env("HF_TOKEN", "${HF_TOKEN}");
    let refusal = setting
        .refusal(json!({"body": {"config": {"data": {}}}, "forward_secrets": true}))
        .await;
    assert!(
        refusal.contains("forward_secrets: neither WANDB_API_KEY nor HF_TOKEN is set"),
        "{refusal}"
    );
}

#[tokio::test]
async fn resuming_forwards_secrets_and_keeps_the_new_token_back() {
    let upstream = Upstream::start().await;
    let mut command = Server::command(&upstream.server.uri());
    let mut server =
        Server::initialized(command.env("WANDB_API_KEY", WANDB).env("RL_MCP_LOG", "trace")).await;
    let resume = |more: Value| {
        let mut arguments = json!({"run_id": "r"});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        arguments
    };
    for (more, sent) in [
        (json!({}), json!({})),
        (
            json!({"body": {"gpuType": "B200_180GB"}}),
            json!({"gpuType": "B200_180GB"}),
        ),
        (json!({"forward_secrets": true}), json!({"wandbApiKey": WANDB})),
    ] {
        let outcome = server.call("prime-intellect-resumerun", resume(more)).await;
        assert_eq!(outcome.json()["runId"], "cmrun0002demo");
        let note = outcome.json()["note"].as_str().unwrap().to_owned();
        assert_eq!(
            note.contains("secrets do not carry over, and none was sent"),
            sent.get("wandbApiKey").is_none(),
            "{note}"
        );
        let requests = upstream.requests().await;
        assert_eq!(serde_json::from_slice::<Value>(&requests[0].body).unwrap(), sent);
    }
    server.close().await;
    let (out, log) = (server.stdout(), server.stderr());
    for secret in ["pit_demo_run_token", WANDB] {
        assert!(!out.contains(secret) && !log.contains(secret));
    }
    let mut server = Server::start(&upstream.server.uri()).await;
    let outcome = server
        .call(
            "prime-intellect-resumerun",
            resume(json!({"body": {"config": {}}})),
        )
        .await;
    assert!(
        outcome
            .error()
            .contains("with resumeFrom only while this run is PAUSED"),
        "{}",
        outcome.text
    );
}

/// Which team the four calls name, each in its own spelling.
async fn teams(command: &mut Command, upstream: &Upstream, given: Value) -> Vec<Option<String>> {
    let mut server = Server::initialized(command).await;
    let mut teams = Vec::new();
    for tool in ["listruns", "listgputypes", "listmodels", "getwallet"] {
        server
            .call(&format!("prime-intellect-{tool}"), given.clone())
            .await
            .json();
        let request = upstream.requests().await.remove(0);
        let named = if tool == "getwallet" { "teamId" } else { "team_id" };
        let mut query = request
            .url
            .query_pairs()
            .filter(|(name, _)| name.to_lowercase().starts_with("team"));
        let found = query.next().map(|(name, team)| {
            assert_eq!(name, named);
            team.into_owned()
        });
        teams.push(found);
    }
    let mut body = json!({"config": {"data": {}}});
    body.as_object_mut()
        .unwrap()
        .extend(given.as_object().unwrap().clone());
    server
        .call("prime-intellect-createrun", json!({"body": body}))
        .await
        .json();
    let request = upstream.requests().await.remove(0);
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    teams.push(sent["teamId"].as_str().map(str::to_owned));
    teams
}

#[tokio::test]
async fn the_team_is_named_as_each_call_wants_it() {
    let upstream = Upstream::start().await;
    let mut command = Server::command(&upstream.server.uri());
    let all = |team: &str| vec![Some(team.to_owned()); 5];
    assert_eq!(teams(&mut command, &upstream, json!({})).await, vec![None; 5]);
    for spelling in ["team_id", "teamId"] {
        assert_eq!(
            teams(&mut command, &upstream, json!({spelling: "t1"})).await,
            all("t1")
        );
    }
    command.env("PRIME_TEAM_ID", "t2");
    assert_eq!(teams(&mut command, &upstream, json!({})).await, all("t2"));
    assert_eq!(
        teams(&mut command, &upstream, json!({"team_id": "t1"})).await,
        all("t1")
    );
    let mut server = Server::initialized(&mut command).await;
    let both = json!({"team_id": "a", "teamId": "b"});
    let outcome = server.call("prime-intellect-getwallet", both).await;
    assert!(
        outcome.error().contains("team_id: is given twice"),
        "{}",
        outcome.text
    );
}

#[tokio::test]
async fn key_team_and_address_come_from_the_official_command_lines_file_where_the_variables_are_unset() {
    let upstream = Upstream::start().await;
    let base_url = format!("{}/api/v1", upstream.server.uri());
    let file = json!({"api_key": PRIME_KEY, "team_id": "team_of_file", "base_url": base_url});
    let home = prime_home(&file.to_string());
    let before = std::fs::read(home.path().join(".prime/config.json")).unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command
        .env("HOME", home.path())
        .env_remove("PRIME_API_KEY")
        .env_remove("PRIME_API_BASE_URL");
    let mut server = Server::initialized(&mut command).await;
    server.call("prime-intellect-listruns", json!({})).await.json();
    let requests = upstream.requests().await;
    assert_eq!(requests[0].url.query(), Some("team_id=team_of_file"));

    let (_, out, _) = Server::run(command.arg("check").env("TOGETHER_API_KEY", "")).await;
    assert!(out.contains("key       from ~/.prime/config.json"), "{out}");
    assert!(
        out.contains("(from ~/.prime/config.json)") && out.contains("test      ok"),
        "{out}"
    );
    assert!(!out.contains(PRIME_KEY), "{out}");
    assert_eq!(
        std::fs::read(home.path().join(".prime/config.json")).unwrap(),
        before
    );

    // A variable wins.
    command
        .env("PRIME_API_BASE_URL", "http://127.0.0.1:9")
        .env("PRIME_TEAM_ID", "other");
    let (code, out, _) = Server::run(&mut command).await;
    assert!(
        code == 1 && out.contains("http://127.0.0.1:9 (from PRIME_API_BASE_URL)"),
        "{out}"
    );
}

#[tokio::test]
async fn a_broken_file_of_the_official_command_line_is_left_out_and_named() {
    let home = prime_home("{\"api_key\": \"pit_secret_of_file\"");
    let mut command = Server::command("http://127.0.0.1:9");
    command.env("HOME", home.path()).env_remove("PRIME_API_KEY");
    let mut server = Server::initialized(&mut command).await;
    let outcome = server.call("prime-intellect-listruns", json!({})).await;
    let named = "~/.prime/config.json: is not JSON, see line 1, column ";
    for words in ["No key for Prime Intellect", named, "PRIME_API_KEY"] {
        assert!(outcome.error().contains(words), "{words}: {}", outcome.text);
    }
    // The other service's key has nothing to do with that file.
    command
        .env_remove("TOGETHER_AI_API_KEY")
        .env_remove("TOGETHER_API_KEY");
    let mut other = Server::initialized(&mut command).await;
    let outcome = other.call("list-training-sessions", json!({})).await;
    assert!(!outcome.error().contains(".prime"), "{}", outcome.text);
    server.close().await;
    let log = server.stderr();
    assert!(log.contains(named) && !log.contains("pit_secret"), "{log}");
}

#[tokio::test]
async fn check_names_a_broken_file_of_the_official_command_line() {
    let upstream = Upstream::start().await;
    let home = prime_home("{\"api_key\": \"pit_secret_of_file\"");
    let mut command = Server::command(&upstream.server.uri());
    command.env("HOME", home.path()).arg("check");
    // Its team is missing even where its key is not needed.
    for without_key in [false, true] {
        if without_key {
            command.env_remove("PRIME_API_KEY");
        }
        let (code, out, _) = Server::run(&mut command).await;
        assert_eq!(code, 1, "{out}");
        assert!(
            out.contains("file      LEFT OUT: ~/.prime/config.json: is not JSON"),
            "{out}"
        );
        assert!(!out.contains("pit_secret"), "{out}");
    }
}

#[tokio::test]
async fn an_owner_who_is_no_admin_deletes_the_owners_way() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let run = json!({"run_id": "r"});
    for words in ["admin role required", "no such scope"] {
        upstream.tell("prime-intellect-deleterun", vec![(403, json!({"detail": words}))]);
        upstream.tell("delete-run", vec![(204, json!({}))]);
        let answer = server.call("prime-intellect-deleterun", run.clone()).await.json();
        assert!(
            answer["note"].as_str().unwrap().contains("as its owner"),
            "{answer}"
        );
        let paths: Vec<_> = upstream
            .requests()
            .await
            .iter()
            .map(|request| request.url.path().to_owned())
            .collect();
        assert_eq!(paths, ["/api/v1/training/runs/r", "/api/v1/rft/runs/r"]);

        // Refused both ways: the words of the first.
        upstream.tell("delete-run", vec![(404, json!({"detail": "second"}))]);
        let outcome = server.call("prime-intellect-deleterun", run.clone()).await;
        assert!(outcome.error().contains(words), "{}", outcome.text);
        upstream.requests().await;
    }
}

#[tokio::test]
async fn an_inline_config_is_treated_like_a_file() {
    let mut setting = Setting::new().await;
    let config = json!({"data": {"x": 1}, "gpu_type": "H200_141GB", "volume": "v", "image_tag": "", "env_file": ".env"});
    let (answer, body) = setting
        .create(json!({"body": {"config": config, "gpu_type": "B200_180GB"}}))
        .await;
    assert_eq!(
        body,
        json!({"config": {"data": {"x": 1}}, "gpuType": "B200_180GB", "volume": "v", "mode": "sft"})
    );
    assert!(answer["note"].as_str().unwrap().contains("env_file"), "{answer}");
    let refusal = setting
        .refusal(json!({"body": {"config": {"data": {}, "volume": 3}}}))
        .await;
    assert!(refusal.contains("body.config.volume: must be text"), "{refusal}");
}

/// What the official command line 0.18.0 makes of an orchestrator, and what it says about it.
#[tokio::test]
async fn retired_keys_are_left_out_or_renamed_as_the_official_command_line_does() {
    let mut setting = Setting::new().await;
    let eval = |before: Value| json!({"eval": before});
    for (before, after, words) in [
        (
            json!({"trajectory_strategy": "branching", "batch_size": 8}),
            json!({"batch_size": 8}),
            vec!["orchestrator.trajectory_strategy was left out"],
        ),
        (
            json!({"trajectoryStrategy": "x", "buffer": {"seed": 1}}),
            json!({}),
            vec![
                "orchestrator.trajectoryStrategy was left out",
                "no longer filters by difficulty",
            ],
        ),
        (
            eval(json!({"interval": 5, "eval_base_model": false})),
            eval(json!({"interval": 5, "skip_first_step": true})),
            vec!["became skip_first_step = true"],
        ),
        (
            eval(json!({"eval_base_model": true})),
            eval(json!({"skip_first_step": false})),
            vec!["became skip_first_step = false"],
        ),
        (
            eval(json!({"eval_base_model": true, "skip_first_step": true})),
            eval(json!({"skip_first_step": true})),
            vec!["orchestrator.eval.eval_base_model was left out"],
        ),
        (
            eval(json!({"eval_base_model": "no"})),
            eval(json!({"skip_first_step": "no"})),
            vec!["became skip_first_step = \"no\""],
        ),
        // Elsewhere the names mean nothing, and numbers stay as they were written.
        (
            json!({"x": {"buffer": 1}, "share": 1e-6}),
            json!({"x": {"buffer": 1}, "share": 1e-6}),
            vec![],
        ),
    ] {
        let config = json!({"trainer": {}, "orchestrator": before});
        let (answer, body) = setting.create(json!({"body": {"config": config}})).await;
        assert_eq!(body["config"]["orchestrator"], after);
        let note = answer["note"].as_str().unwrap_or_default();
        assert!(words.iter().all(|words| note.contains(words)), "{note}");
        assert!(!words.is_empty() || note.is_empty(), "{note}");
    }
    setting.write(
        "configs/old.toml",
        "[trainer]\n[orchestrator.buffer]\nseed = 1\n[orchestrator.eval]\neval_base_model = false\n",
    );
    let (_, body) = setting
        .create(json!({"body": {}, "config_path": "old.toml"}))
        .await;
    assert_eq!(
        body["config"]["orchestrator"],
        eval(json!({"skip_first_step": true}))
    );
}

#[tokio::test]
async fn a_run_that_cannot_log_to_weights_and_biases_says_so() {
    let mut setting = Setting::new().await;
    setting.command.env("HF_TOKEN", HF);
    let says = "Nothing is logged to Weights & Biases, although the config has ";
    for (more, table) in [
        (
            json!({"monitors": {"wandb": {"project": "p"}}}),
            Some("monitors.wandb:"),
        ),
        (
            json!({"orchestrator": {"monitors": {"wandb": {}}}, "data": null, "trainer": {}}),
            Some("orchestrator.monitors.wandb:"),
        ),
        (json!({"wandb": {"project": "p"}}), Some("wandb:")),
        (json!({"monitors": {"wandb": {"offline": true}}}), None),
        (json!({"monitors": {"wandb": null, "file": {}}}), None),
    ] {
        let mut config = json!({"data": {}});
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        for forward in [false, true] {
            let (answer, _) = setting
                .create(json!({"body": {"config": config}, "forward_secrets": forward}))
                .await;
            let note = answer["note"].as_str().unwrap_or_default();
            match table {
                Some(table) => assert!(note.contains(&format!("{says}{table}")), "{note}"),
                None => assert!(!note.contains(says), "{note}"),
            }
        }
    }
    setting.command.env("WANDB_API_KEY", WANDB);
    let config = json!({"data": {}, "monitors": {"wandb": {}}});
    for arguments in [
        json!({"body": {"config": config}, "forward_secrets": true}),
        json!({"body": {"config": config, "wandbApiKey": "given-by-caller"}}),
    ] {
        let (answer, _) = setting.create(arguments).await;
        assert!(
            !answer["note"].as_str().unwrap_or_default().contains(says),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn secrets_in_the_wrong_place_and_placeholders_are_refused() {
    let mut setting = Setting::new().await;
    for (body, words) in [
        (
            json!({"config": {"data": {}, "env_vars": {"HF_TOKEN": "hf_very_secret"}}}),
            "body.config.env_vars.HF_TOKEN: is a secret",
        ),
        (
            json!({"config": {"data": {}, "wandb_api_key": "very_secret"}}),
            "body.config.wandb_api_key: is a secret",
        ),
        (
            json!({"config": {"data": {}}, "wandbApiKey": "${WANDB_API_KEY}"}),
            "body.wandbApiKey: is a placeholder",
        ),
    ] {
        let refusal = setting.refusal(json!({"body": body})).await;
        assert!(
            refusal.contains(words) && refusal.contains("forward_secrets"),
            "{refusal}"
        );
        assert!(!refusal.contains("very_secret"), "{refusal}");
    }
}

#[tokio::test]
async fn a_secret_that_could_not_be_forwarded_is_named() {
    let mut setting = Setting::new().await;
    setting.command.env("HF_TOKEN", HF);
    let (answer, _) = setting
        .create(json!({"body": {"config": {"data": {}}}, "forward_secrets": true}))
        .await;
    assert_eq!(answer["forwarded"], json!(["HF_TOKEN"]));
    assert!(
        answer["note"].as_str().unwrap().contains("WANDB_API_KEY"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_run_that_bills_says_so_and_how_to_end_it() {
    let upstream = Upstream::start().await;
    let mut server = Server::start(&upstream.server.uri()).await;
    let create = json!({"body": {"config": {"data": {}}}});
    for (price, words) in [
        (json!(6.40), "about 6.4 USD per hour"),
        (Value::Null, "by the GPU hour"),
    ] {
        let body = json!({"runId": "r7", "tokenValue": "t", "onDemand": true, "estimatedCostPerHour": price});
        upstream.tell("prime-intellect-createrun", vec![(201, body)]);
        let answer = server
            .call("prime-intellect-createrun", create.clone())
            .await
            .json();
        let note = answer["note"].as_str().unwrap();
        assert!(
            note.contains(words) && note.contains("prime-intellect-stoprun with run_id r7"),
            "{note}"
        );
        upstream.requests().await;
    }
}

#[tokio::test]
async fn the_personal_account_can_be_meant_although_a_team_is_configured() {
    let upstream = Upstream::start().await;
    let mut command = Server::command(&upstream.server.uri());
    command.env("PRIME_TEAM_ID", "t2");
    let personal = json!({"team_id": "personal"});
    assert_eq!(teams(&mut command, &upstream, personal).await, vec![None; 5]);
}

#[tokio::test]
async fn check_shows_what_calls_fall_back_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Server::command("http://127.0.0.1:9");
    command.env("PRIME_TEAM_ID", "team-1").env("HF_TOKEN", HF);
    command.env(
        "RL_MCP_FILE_DIRS",
        std::env::join_paths([folder.path(), Path::new("/nowhere")]).unwrap(),
    );
    let (_, out, _) = Server::run(command.arg("check")).await;
    for words in [
        "Prime Intellect team: team-1",
        "forward_secrets can send: HF_TOKEN",
        folder.path().to_str().unwrap(),
        "/nowhere  NO: ",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!out.contains(HF), "{out}");
}

#[tokio::test]
async fn an_unusable_address_in_the_official_command_lines_file_stops_nothing() {
    let home = prime_home(r#"{"api_key": "pit_0123456789abcdef", "base_url": "http://10.0.0.1:9"}"#);
    let mut command = Server::command("http://127.0.0.1:9");
    command.env("HOME", home.path());
    command
        .env_remove("PRIME_API_KEY")
        .env_remove("PRIME_API_BASE_URL");
    let mut server = Server::initialized(&mut command).await;
    // The key of the file goes nowhere but to the file's own address.
    let outcome = server.call("prime-intellect-listruns", json!({})).await;
    assert!(
        outcome.error().contains("No key for Prime Intellect"),
        "{}",
        outcome.text
    );
}
