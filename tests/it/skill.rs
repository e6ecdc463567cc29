//! The Agent Skill: its form, that what it names is there, that its examples run, and how it is installed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use rl_mcp::{ALL, Cli, VARIABLES};
use serde_json::Value;
use tokio::process::Command;

use crate::support::Server;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("skills/rl-post-training")
}

/// All files, by their paths in the skill.
fn files() -> Vec<(String, String)> {
    let references = fs::read_dir(directory().join("references")).unwrap();
    let mut names: Vec<String> = references
        .map(|entry| format!("references/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    names.sort();
    names.insert(0, "SKILL.md".to_owned());
    names
        .into_iter()
        .map(|name| {
            let text = fs::read_to_string(directory().join(&name)).unwrap();
            (name, text)
        })
        .collect()
}

/// The blocks of a text that are marked so, without what indents them.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() == format!("```{kind}") {
            let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
            found.push(inside.map(str::trim_start).collect::<Vec<_>>().join("\n"));
        }
    }
    found
}

#[test]
fn it_has_the_form_that_hosts_read() {
    let files = files();
    let (_, entry) = &files[0];
    let mut parts = entry.split("---\n");
    assert_eq!(parts.next(), Some(""));
    let front = parts.next().unwrap();
    let member = |name: &str| {
        let found = front
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(member("name"), "rl-post-training");
    let description = member("description");
    assert!(description.len() <= 1024 && description.contains("Use it when"));
    assert!(member("compatibility").len() <= 500);
    for line in front.lines() {
        // Plain scalars, which need no parser of YAML.
        let (_, value) = line.split_once(": ").unwrap();
        assert!(!value.contains(": ") && !value.contains(" #"), "{line}");
        assert!(value.starts_with(char::is_alphanumeric), "{line}");
    }
    let body = parts.next().unwrap();
    assert!(body.lines().count() < 500);
    // A token of such text has some four characters; three is the worst that was seen.
    assert!(body.len() / 3 < 5000, "{}", body.len());
    // Every reference is named in the first file, and every link leads somewhere.
    for (name, text) in &files {
        assert!(
            name == "SKILL.md" || entry.contains(&format!("({name})")),
            "{name}"
        );
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            assert!(directory().join(target).is_file(), "{name}: {target}");
        }
    }
}

/// Every name of a member in a JSON value, and every value of an enum.
fn words(value: &Value, known: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                known.insert(name.clone());
                if name == "enum" {
                    let values = value.as_array().into_iter().flatten();
                    known.extend(values.filter_map(|value| Some(value.as_str()?.to_owned())));
                }
                words(value, known);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| words(entry, known)),
        _ => {}
    }
}

/// The code spans of a text, each with what stands between it and the one before.
fn spans(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut is_block = false;
    let mut between = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        }
        if is_block || line.trim_start().starts_with("```") {
            continue;
        }
        for (index, part) in line.split('`').enumerate() {
            if index % 2 == 1 {
                found.push((std::mem::take(&mut between), part.to_owned()));
            } else {
                between.push_str(part);
            }
        }
        between.push('\n');
    }
    found
}

/// What is no name: examples of answers.
const OTHER: [&str; 2] = ["1,200", "\\boxed{42}"];

/// Without text there are fewer tools.
#[cfg(feature = "text")]
#[test]
fn all_that_it_names_is_there() {
    let tools: BTreeSet<&str> = ALL.iter().map(|entry| entry.spec.name).collect();
    let mut arguments: BTreeSet<String> = BTreeSet::from(["body_path".to_owned()]);
    for entry in ALL {
        words(&entry.schema(), &mut arguments);
    }
    let mut members = BTreeSet::new();
    for file in ["together-rl.schema.json", "prime-training.schema.json"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/api")
            .join(file);
        words(
            &serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap(),
            &mut members,
        );
    }
    // What the answers of this server have, as its own transcripts and code show.
    let mut code = String::new();
    for folder in ["src", "tools", "crates/sandbox/src"] {
        source(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut code);
    }
    let is_member = |word: &str| {
        let quoted = code.contains(&format!("\"{word}\""));
        quoted || code.contains(&format!(" {word}: ")) || members.contains(word)
    };
    let flags: Vec<String> = Cli::command()
        .get_arguments()
        .filter_map(|flag| Some(format!("--{}", flag.get_long()?)))
        .collect();
    let toolsets: Vec<&str> = rl_mcp::Toolset::ALL
        .iter()
        .map(|toolset| toolset.name())
        .collect();
    let is_name = |word: &str| {
        let parts = || {
            word.split('.')
                .all(|part| is_member(part) || arguments.contains(part))
        };
        toolsets.contains(&word) || arguments.contains(word) || is_member(word) || parts()
    };
    let mut wrong = Vec::new();
    for (name, text) in files() {
        for (_, span) in spans(&text) {
            let word = span.trim();
            let is_known = match word {
                _ if word.starts_with("prime-intellect-") => tools.contains(word),
                // Graders are given to a grader below.
                _ if word.starts_with('{') || OTHER.contains(&word) => true,
                _ if word.starts_with('"') => {
                    let members: Value = serde_json::from_str(&format!("{{{word}}}")).unwrap();
                    members.as_object().unwrap().keys().all(|name| is_name(name))
                }
                _ if word.starts_with("--") => {
                    !cfg!(feature = "sandbox") || flags.iter().any(|flag| flag == word)
                }
                _ if word.starts_with("RL_MCP_") => VARIABLES.iter().any(|variable| variable.name == word),
                _ => tools.contains(word) || word.parse::<f64>().is_ok() || is_name(word),
            };
            if !is_known {
                wrong.push(format!("{name}: {word}"));
            }
        }
        // Wherever it stands, what looks like a tool is one.
        for word in text.split(|c: char| !(c.is_ascii_lowercase() || c == '-')) {
            let starts = [
                "prime-intellect-",
                "create-",
                "stop-",
                "start-",
                "get-",
                "list-",
                "build-",
            ];
            if starts.iter().any(|start| word.starts_with(start)) && !tools.contains(word) {
                wrong.push(format!("{name}: {word} is no tool"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The code below a directory.
fn source(path: &Path, code: &mut String) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source(&path, code);
        } else {
            code.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// Where it says `tool` with `argument`, the tool takes that argument.
#[cfg(feature = "text")]
#[test]
fn arguments_belong_to_the_tools_that_they_are_named_with() {
    let mut seen = 0;
    for (name, text) in files() {
        for pair in spans(&text).windows(2) {
            let ((_, tool), (between, argument)) = (&pair[0], &pair[1]);
            let entry = ALL.iter().find(|entry| entry.spec.name == tool);
            let Some(entry) = entry.filter(|_| [" with ", " takes "].contains(&between.as_str())) else {
                continue;
            };
            let mut arguments = BTreeSet::from(["body_path".to_owned()]);
            words(&entry.schema(), &mut arguments);
            let argument = argument.split('.').next().unwrap();
            if !argument.starts_with('"') {
                assert!(arguments.contains(argument), "{name}: {tool} with {argument}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen}");
}

#[cfg(feature = "sandbox")]
mod examples {
    use std::collections::BTreeMap;

    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::support::Sandbox;

    struct Ground {
        server: Server,
        place: TempDir,
        _sandbox: Sandbox,
    }

    impl Ground {
        async fn new() -> Self {
            let sandbox = Sandbox::start().await;
            let place = tempfile::tempdir().unwrap();
            let mut command = sandbox.server();
            command
                .env("PRIME_API_BASE_URL", &sandbox.url)
                .env("PRIME_API_KEY", "pit_sandbox_prime_key")
                .env("RL_MCP_DATA_DIR", place.path().join("data"))
                .env("RL_MCP_FILE_DIRS", place.path())
                .env("RL_MCP_MAX_WAIT_SECONDS", "50");
            let server = Server::initialized(&mut command).await;
            let ground = Self {
                server,
                place,
                _sandbox: sandbox,
            };
            ground.rows("train.jsonl", 1..13, true);
            ground.rows("eval.jsonl", 20..24, true);
            ground.rows("examples.jsonl", 1..17, false);
            ground.rows("held-out.jsonl", 20..24, false);
            ground
        }

        fn write(&self, name: &str, content: &str) {
            fs::write(self.place.path().join(name), content).unwrap();
        }

        /// Rows as the skill describes them.
        fn rows(&self, name: &str, numbers: std::ops::Range<u32>, graded: bool) {
            let rows = numbers.map(|number| {
                let question = json!({"role": "user", "content": format!("What is {number} + 30?")});
                let answer = (number + 30).to_string();
                let row = if graded {
                    json!({"messages": [question], "answer": answer})
                } else {
                    json!({"messages": [question, {"role": "assistant", "content": answer}]})
                };
                format!("{row}\n")
            });
            self.write(name, &rows.collect::<String>());
        }

        async fn call(&mut self, tool: &str, arguments: Value) -> Value {
            let answer = self.server.call(tool, arguments).await.json();
            let note = answer["note"].as_str().unwrap_or_default();
            assert!(
                !note.contains("Ignored") && !note.contains("is taken"),
                "{tool}: {note}"
            );
            answer
        }
    }

    /// Each call of the skill is made, in its order; names in capitals are the ids of the answers before.
    #[tokio::test]
    async fn every_call_is_carried_out() {
        let mut ground = Ground::new().await;
        let mut known: BTreeMap<&str, String> = BTreeMap::new();
        let mut made = 0;
        for (name, text) in files() {
            for line in blocks(&text, "calls").iter().flat_map(|block| block.lines()) {
                let (tool, arguments) = line.split_once(' ').unwrap();
                let mut arguments = arguments.to_owned();
                if !tool.starts_with("prime-intellect-") {
                    // No tokenizer has to be downloaded for it.
                    arguments = arguments.replace("Qwen/Qwen3-0.6B", "sandbox/byte-lm");
                }
                for (word, id) in &known {
                    arguments = arguments.replace(&format!("\"{word}\""), &json!(id).to_string());
                }
                let arguments: Value = serde_json::from_str(&arguments)
                    .unwrap_or_else(|error| panic!("{name}: {line}: {error}"));
                let answer = ground.call(tool, arguments).await;
                made += 1;
                let places = [
                    ("start-training", "/run_id", "RUN"),
                    ("prime-intellect-createrun", "/runId", "RUN"),
                    ("create-model-resource", "/id", "RESOURCE"),
                    ("create-training-session", "/id", "SESSION"),
                    ("sample", "/id", "SAMPLE"),
                    ("grade-completions", "/rewards_file", "REWARDS"),
                    ("build-training-batch", "/batches/0/path", "BATCH"),
                ];
                for (_, place, word) in places.iter().filter(|(of, ..)| *of == tool) {
                    if let Some(id) = answer.pointer(place).and_then(Value::as_str) {
                        known.insert(word, id.to_owned());
                    }
                }
                match tool {
                    "check-dataset" => assert_eq!(answer["problems"], json!([]), "{answer}"),
                    "get-training" => assert_eq!(answer["status"], "completed", "{answer}"),
                    "prime-intellect-getrun" => assert_eq!(answer["run"]["status"], "COMPLETED", "{answer}"),
                    "stop-model-resource" => assert_eq!(answer["status"], "MODEL_RESOURCES_STATUS_STOPPED"),
                    "grade-completions" if answer["completions"] == 3 => {
                        // A right one, a wrong one, and a cheat that this grader sees through.
                        assert_eq!(
                            answer["histogram"],
                            json!([{"reward": 0.0, "count": 2}, {"reward": 1.0, "count": 1}])
                        );
                    }
                    _ => {}
                }
            }
        }
        assert!(made > 25, "{made}");
    }

    /// Graders are taken, rows have no problem, and a config runs to its end without a doubt.
    #[tokio::test]
    async fn every_grader_row_and_config_is_accepted() {
        let mut ground = Ground::new().await;
        let (mut graders, mut rows, mut configs) = (0, 0, 0);
        for (name, text) in files() {
            let inline = spans(&text).into_iter().map(|(_, span)| span.replace("\\|", "|"));
            let inline = inline.filter(|span| span.starts_with("{\"type\""));
            for grader in blocks(&text, "grader").into_iter().chain(inline) {
                let grader: Value =
                    serde_json::from_str(&grader).unwrap_or_else(|error| panic!("{name}: {grader}: {error}"));
                let answer = if grader["type"] == "choice" { "B" } else { "42" };
                let text = "<think>6 x 7</think> <answer>42</answer>";
                let completion = json!({"text": text, "answer": answer, "tokens": 12});
                let arguments = json!({"grader": grader, "completions": [completion]});
                ground.call("grade-completions", arguments).await;
                graders += 1;
            }
            for block in blocks(&text, "rows") {
                ground.write("rows.jsonl", &format!("{block}\n"));
                let arguments = json!({"path": "rows.jsonl", "grader": {"type": "number"}, "base_model": "sandbox/byte-lm"});
                let answer = ground.call("check-dataset", arguments).await;
                assert_eq!(answer["problems"], json!([]), "{answer}");
                rows += block.lines().count();
            }
            for block in blocks(&text, "config") {
                ground.write("run.toml", &block);
                let arguments = json!({"config_path": "run.toml", "estimate_only": true});
                let estimate = ground.call("prime-intellect-createrun", arguments).await;
                let note = estimate["note"].as_str().unwrap();
                assert!(
                    note.starts_with("Only an estimate") && !note.contains("refuse"),
                    "{note}"
                );
                let run = ground
                    .call("prime-intellect-createrun", json!({"config_path": "run.toml"}))
                    .await;
                let arguments = json!({"run_id": run["runId"], "wait_seconds": 50});
                let ended = ground.call("prime-intellect-getrun", arguments).await;
                assert_eq!(ended["run"]["status"], "COMPLETED", "{ended}");
                configs += 1;
            }
        }
        assert_eq!((graders, rows, configs), (15, 3, 2));
    }

    /// What it says to do about a run that cannot be mended as it is.
    #[tokio::test]
    async fn a_run_goes_on_from_a_checkpoint_with_another_setting() {
        let mut ground = Ground::new().await;
        let recipe = json!({"method": "grpo", "base_model": "sandbox/byte-lm", "dataset": "train.jsonl",
            "grader": {"type": "similarity", "measure": "edit"}, "steps": 2, "rows_per_step": 4, "group_size": 4,
            "learning_rate": 0.005, "sampling": {"max_tokens": 8}});
        let started = ground.call("start-training", recipe.clone()).await;
        let arguments = json!({"run_id": started["run_id"], "wait_seconds": 50});
        let ended = ground.call("get-training", arguments).await;
        let body = json!({"body": {"base_model": "sandbox/byte-lm"}});
        let resource = ground.call("create-model-resource", body).await;
        let body = json!({"body": {"model_resources_id": resource["id"], "load_optimizer": false,
            "resume_from_checkpoint_id": ended["training_checkpoint"]["id"]}});
        let session = ground.call("create-training-session", body).await;
        assert_eq!(session["step"], "0");
        let mut recipe = recipe;
        recipe.as_object_mut().unwrap().remove("base_model");
        recipe["session_id"] = session["id"].clone();
        recipe["learning_rate"] = json!(0.001);
        let started = ground.call("start-training", recipe).await;
        assert!(started["plan"]["leaves_up"].is_string(), "{started}");
        let arguments = json!({"run_id": started["run_id"], "wait_seconds": 50});
        assert_eq!(
            ground.call("get-training", arguments).await["status"],
            "completed"
        );
        let arguments = json!({"session_id": session["id"]});
        let session = ground.call("get-training-session", arguments).await;
        assert_eq!(session["status"], "TRAINING_SESSION_STATUS_RUNNING");
    }
}

async fn skill(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    Server::run(command.env_clear().arg("skill").args(arguments)).await
}

#[tokio::test]
async fn it_is_installed_as_it_is_and_nothing_of_the_users_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("project/.claude/skills");
    let name = target.to_str().unwrap();
    let (code, out, _) = skill(&["--install", name]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("5 files written"), "{out}");
    let installed = target.join("rl-post-training");
    let as_it_is = || {
        files()
            .iter()
            .all(|(name, text)| fs::read_to_string(installed.join(name)).is_ok_and(|found| found == *text))
    };
    assert!(as_it_is());
    let (code, out, _) = skill(&["--install", name]).await;
    assert!(code == 0 && out.contains("0 files written, 5 as before"), "{out}");
    // Two files that somebody has changed, and one that is gone.
    for changed in ["SKILL.md", "references/cost.md"] {
        fs::write(installed.join(changed), "mine").unwrap();
    }
    fs::remove_file(installed.join("references/prime.md")).unwrap();
    let (code, out, error) = skill(&["--install", name]).await;
    assert_eq!((code, out.as_str()), (2, ""));
    for expected in ["SKILL.md", "cost.md", "nothing was written", "--force"] {
        assert!(error.contains(expected), "{error}");
    }
    assert!(!error.contains("rewards.md"), "{error}");
    assert!(!installed.join("references/prime.md").exists());
    assert_eq!(fs::read_to_string(installed.join("SKILL.md")).unwrap(), "mine");
    let (code, out, _) = skill(&["--install", name, "--force"]).await;
    assert!(code == 0 && out.contains("3 files written, 2 as before"), "{out}");
    assert!(as_it_is());
    // A file where the directory is to be: nothing is left of the attempt.
    let file = place.path().join("file");
    fs::write(&file, "mine").unwrap();
    let (code, _, error) = skill(&["--install", file.to_str().unwrap(), "--force"]).await;
    assert!(code == 2 && error.contains("cannot be"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let left = fs::read_dir(place.path()).unwrap().count();
    assert_eq!(left, 2, "no temporary file stays");
}

#[tokio::test]
async fn it_is_packed_for_hosts_that_take_an_upload() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("skill.zip");
    let name = path.to_str().unwrap();
    let (code, out, error) = skill(&["--zip", name]).await;
    assert_eq!(code, 0, "{out}{error}");
    let packed = fs::read(&path).unwrap();
    let archive = rawzip::ZipArchive::from_slice(&packed).unwrap();
    let mut entries = archive.entries();
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().unwrap() {
        let path = entry.file_path().try_normalize().unwrap().as_ref().to_owned();
        let data = archive.get_entry(entry.wayfinder()).unwrap();
        let text = miniz_oxide::inflate::decompress_to_vec(data.data()).unwrap();
        found.push((path, String::from_utf8(text).unwrap()));
    }
    let expected: Vec<(String, String)> = files()
        .into_iter()
        .map(|(path, text)| (format!("rl-post-training/{path}"), text))
        .collect();
    assert_eq!(found, expected);
    let (code, out, _) = skill(&["--zip", name]).await;
    assert!(code == 0 && out.contains("as before"), "{out}");
    fs::write(&path, "mine").unwrap();
    let (code, _, error) = skill(&["--zip", name]).await;
    assert!(code == 2 && error.contains("skill.zip"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[tokio::test]
async fn without_a_flag_it_says_what_it_is_and_where_it_goes() {
    let (code, out, _) = skill(&[]).await;
    assert_eq!(code, 0);
    for expected in [
        ".claude/skills",
        ".agents/skills",
        "--install",
        "--zip",
        "references/rewards.md",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    let (code, _, error) = skill(&["--force"]).await;
    assert!(code == 2 && error.contains("--install"), "{error}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    let (code, _, error) = Server::run(command.env_clear().args(["--read-only", "skill"])).await;
    assert!(code == 2 && error.contains("no use for --read-only"), "{error}");
}
