//! Resources: the skill's files, and what tools and runs of this machine have written lately.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Server, TOGETHER_KEY, latest};

const SKILL: &str = "skill://rl-post-training/SKILL.md";

/// A server with a data directory in which something is.
struct Ground {
    server: Server,
    place: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("data")).unwrap();
        let mut command = Server::command("http://127.0.0.1:9");
        let server = Server::initialized(command.env("RL_MCP_DATA_DIR", place.path().join("data"))).await;
        Self { server, place }
    }

    /// A file of the data directory, written so many seconds ago.
    fn write(&self, name: &str, content: &str, seconds: u64) -> PathBuf {
        let path = self.place.path().join("data").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds))
            .unwrap();
        path
    }

    async fn list(&mut self) -> Vec<Value> {
        let answer = self.server.request("resources/list", json!({})).await;
        answer["result"]["resources"].as_array().unwrap().clone()
    }

    async fn read(&mut self, uri: &str) -> Value {
        self.server.request("resources/read", json!({"uri": uri})).await
    }

    async fn refusal(&mut self, uri: &str) -> String {
        let answer = self.read(uri).await;
        answer["error"]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("{uri} is refused: {answer}"))
            .to_owned()
    }
}

fn uri(path: &Path) -> String {
    reqwest::Url::from_file_path(path).unwrap().into()
}

fn text(answer: &Value) -> &str {
    answer["result"]["contents"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn the_files_of_the_skill_come_first_and_are_read_as_they_are() {
    let mut ground = Ground::new().await;
    let listed = ground.list().await;
    assert_eq!(listed.len(), 5);
    assert_eq!(listed[0]["uri"], SKILL);
    for resource in &listed {
        let uri = resource["uri"].as_str().unwrap();
        let path = uri.strip_prefix("skill://").unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("skills").join(path);
        let content = fs::read_to_string(file).unwrap();
        let answer = ground.read(uri).await;
        assert_eq!(text(&answer), content);
        assert_eq!(resource["size"], content.len());
        assert_eq!(resource["mimeType"], "text/markdown");
        assert_eq!(answer["result"]["contents"][0]["uri"], uri);
    }
    let answer = ground.server.request("resources/templates/list", json!({})).await;
    assert_eq!(answer["result"]["resourceTemplates"], json!([]), "{answer}");
}

#[tokio::test]
async fn reports_and_results_are_listed_newest_first_and_not_without_end() {
    let mut ground = Ground::new().await;
    let old = ground.write("results/s1/sample-1.json", "[1]", 300);
    let report = ground.write("runs/grpo-1/report.md", "# Run", 200);
    ground.write("runs/grpo-1/steps.jsonl", "{}", 10);
    ground.write("runs/unfinished/state.json", "{}", 10);
    let new = ground.write("results/graded-1.rewards.jsonl", "{}", 100);
    ground.write("results/s1/sample-1.request.json", "{}", 10);
    ground.write("journal-x.jsonl", "{}", 10);
    let listed = ground.list().await.split_off(5);
    let uris: Vec<&str> = listed.iter().map(|one| one["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, [uri(&new), uri(&report), uri(&old)]);
    let kinds: Vec<&str> = listed
        .iter()
        .map(|one| one["mimeType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["application/jsonl", "text/markdown", "application/json"]);
    assert_eq!(listed[1]["title"], "Report of grpo-1");
    assert_eq!(listed[1]["size"], 5);
    assert!(listed[1]["annotations"]["lastModified"].is_string());
    assert_eq!(text(&ground.read(&uri(&report)).await), "# Run");
    for number in 0..30 {
        ground.write(&format!("results/s{number}/x.json"), "[]", number);
        ground.write(&format!("runs/r{number}/report.md"), "#", number);
    }
    assert_eq!(ground.list().await.len(), 5 + 20 + 20);
}

#[tokio::test]
async fn nothing_outside_and_nothing_of_the_servers_own_is_read() {
    let mut ground = Ground::new().await;
    let inside = ground.write("results/a.json", "[1]", 0);
    let outside = ground.place.path().join("outside.json");
    fs::write(&outside, "[2]").unwrap();
    let own = [
        ground.write("journal-x.jsonl", "{}", 0),
        ground.write("results/a.request.json", "{}", 0),
    ];
    let data = ground.place.path().join("data");
    let mut refused = vec![
        uri(&outside),
        format!("{}/../outside.json", uri(&data)),
        format!("{}/%2e%2e/outside.json", uri(&data)),
        uri(&data.join("none.json")),
        uri(&data),
        "file:///etc/hostname".to_owned(),
        "skill://rl-post-training/../SKILL.md".to_owned(),
        "https://example.com/".to_owned(),
        "results/a.json".to_owned(),
        String::new(),
    ];
    refused.extend(own.iter().map(|path| uri(path)));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, data.join("results/link.json")).unwrap();
        refused.push(uri(&data.join("results/link.json")));
    }
    for address in refused {
        let message = ground.refusal(&address).await;
        assert!(
            message.contains("there is no such resource"),
            "{address}: {message}"
        );
    }
    let listed = ground.list().await;
    assert!(
        !listed
            .iter()
            .any(|one| one["uri"].as_str().unwrap().contains("link"))
    );
    assert_eq!(text(&ground.read(&uri(&inside)).await), "[1]");
    // The code of each era.
    let missing = json!({"uri": "skill://none"});
    let answer = ground.server.request("resources/read", missing).await;
    assert_eq!(answer["error"]["code"], -32002, "{answer}");
    let mut server = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    let missing = json!({"uri": "skill://none", "_meta": latest()});
    let answer = server.request("resources/read", missing).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[tokio::test]
async fn a_large_one_is_left_to_read_result_and_keys_stay_out() {
    let mut ground = Ground::new().await;
    let large = ground.write("results/large.json", &format!("[{}1]", "1,".repeat(30_000)), 0);
    let message = ground.refusal(&uri(&large)).await;
    let call = message.split_once(", as ").unwrap().1;
    let arguments: Value = serde_json::from_str(call).unwrap();
    let shown = ground.server.call("read-result", arguments).await;
    assert_eq!(shown.json()["length"], 30_001);
    let secret = ground.write("runs/r/report.md", &format!("a key: {TOGETHER_KEY}\u{200b}!"), 0);
    let answer = ground.read(&uri(&secret)).await;
    assert!(!answer.to_string().contains(TOGETHER_KEY), "{answer}");
    let binary = ground.write("results/b.json", "", 0);
    fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let message = ground.refusal(&uri(&binary)).await;
    assert!(message.contains("UTF-16"), "{message}");
}

#[tokio::test]
async fn hosts_that_know_skills_of_servers_find_it_in_both_eras() {
    let mut earlier = Ground::new().await.server;
    let mut later = Server::spawn(&mut Server::command("http://127.0.0.1:9"));
    for (server, meta) in [(&mut earlier, json!({})), (&mut later, latest())] {
        let answer = server.request("skills/list", json!({"_meta": meta})).await;
        let skill = answer["result"]["skills"][0].clone();
        assert_eq!(skill["uri"], SKILL, "{answer}");
        assert_eq!(skill["frontmatter"]["license"], "MIT OR Apache-2.0");
        assert_eq!(skill["resources"].as_array().unwrap().len(), 5);
        assert!(
            skill["resources"][0]["digest"]
                .as_str()
                .unwrap()
                .starts_with("sha256:")
        );
        let answer = server
            .request("skills/get", json!({"_meta": meta, "uri": SKILL}))
            .await;
        assert_eq!(answer["result"]["skill"], skill);
    }
}
