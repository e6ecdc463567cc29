//! `download-checkpoint` with a directory: files that arrive whole, whatever happens on the way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::support::{Fault, Outcome, Server, Store, outcome};

const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes that are the same nowhere else in the file.
fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// A place for downloads and for data.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("files")).unwrap();
        Self { root }
    }

    /// The directory that the user allows.
    fn files(&self) -> PathBuf {
        self.root.path().join("files").canonicalize().unwrap()
    }

    fn command(&self, store: &Store) -> Command {
        let mut command = Server::command(&store.url);
        command
            .env("RL_MCP_FILE_DIRS", self.files())
            .env("RL_MCP_DATA_DIR", self.root.path().join("data"))
            .env("RL_MCP_MAX_WAIT_SECONDS", "40");
        command
    }

    async fn server(&self, store: &Store) -> Server {
        Server::initialized(&mut self.command(store)).await
    }

    /// A server whose calls wait for hardly anything.
    async fn hasty(&self, store: &Store) -> Server {
        let mut command = self.command(store);
        Server::initialized(command.env("RL_MCP_MAX_WAIT_SECONDS", "0.05")).await
    }
}

fn arguments(directory: &str) -> Value {
    json!({"id": "c", "variant": "merged", "directory": directory})
}

async fn download(server: &mut Server, directory: &str) -> Outcome {
    server.call("download-checkpoint", arguments(directory)).await
}

/// Follows `next` until the download is complete.
async fn completed(server: &mut Server, mut arguments: Value) -> Value {
    let calls = async {
        loop {
            let found = server.call("download-checkpoint", arguments).await.json();
            if found["state"] == "complete" {
                return found;
            }
            assert_eq!(found["next"]["tool"], "download-checkpoint");
            arguments = found["next"]["arguments"].clone();
        }
    };
    timeout(PATIENCE, calls).await.expect("a download that ends")
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits until a file has this length.
async fn reaches(file: &Path, length: usize) {
    let wait = async {
        while std::fs::metadata(file).map_or(0, |there| there.len()) != length as u64 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("a file that grows");
}

const MANIFEST: &str = ".rl-mcp-checkpoint.json";

#[tokio::test]
async fn all_files_arrive_and_a_second_call_fetches_nothing() {
    let contents: Vec<Vec<u8>> = (0..7)
        .map(|seed| content(100_000 * usize::from(seed > 0), seed))
        .collect();
    let files = ["a", "b", "c", "d", "e", "f", "g"];
    let files: Vec<(&str, &[u8])> = files
        .into_iter()
        .zip(contents.iter().map(Vec::as_slice))
        .collect();
    let (store, place) = (Store::start(&files).await, Place::new());
    // One of the sizes is a text, as 64-bit integers may be.
    store.change(|manner| {
        let sizes = manner.files.iter().map(|(_, content)| json!(content.len()));
        let mut sizes: Vec<Value> = sizes.collect();
        sizes[1] = json!("100000");
        manner.sizes = Some(sizes);
    });
    let mut server = place.server(&store).await;
    let found = download(&mut server, "deep/er").await.json();
    let directory = place.files().join("deep/er");
    assert_eq!(found["state"], "complete");
    assert_eq!(found["directory"], directory.to_str().unwrap());
    assert_eq!(found["bytes_total"], 600_000);
    assert!(found["seconds"].is_number(), "{found}");
    for ((name, content), file) in files.iter().zip(found["files"].as_array().unwrap()) {
        assert_eq!(file["size"], content.len());
        assert_eq!(file["path"], directory.join(name).to_str().unwrap());
        assert_eq!(&std::fs::read(directory.join(name)).unwrap(), content, "{name}");
    }
    assert_eq!(names(&directory), [MANIFEST, "a", "b", "c", "d", "e", "f", "g"]);
    for request in store.seen() {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("range"), None);
    }
    // Whatever way the directory is written.
    for directory in ["deep/er", directory.to_str().unwrap(), "deep/./er/"] {
        assert_eq!(download(&mut server, directory).await.json()["state"], "complete");
    }
    assert!(store.seen().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_made_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (store, place) = (Store::start(&[("a", b"weights")]).await, Place::new());
    let mut command = place.command(&store);
    // With no directory of the user's, a relative path is one in the data directory.
    let mut server = Server::initialized(command.env_remove("RL_MCP_FILE_DIRS")).await;
    download(&mut server, "checkpoints/c").await.json();
    let data = place.root.path().join("data");
    let mode = |path: &str| std::fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("checkpoints/c"), 0o700);
    assert_eq!(mode("checkpoints"), 0o700);
    assert_eq!(mode("checkpoints/c/a"), 0o600);
    store.faults([Fault::Cut(3), Fault::Hang(2)]);
    let mut hasty = place.command(&store);
    hasty
        .env_remove("RL_MCP_FILE_DIRS")
        .env("RL_MCP_MAX_WAIT_SECONDS", "0.05");
    let mut hasty = Server::initialized(&mut hasty).await;
    download(&mut hasty, "checkpoints/d").await.json();
    reaches(&data.join("checkpoints/d/a.part"), 5).await;
    for name in [MANIFEST, "a.part", "a.part.json"] {
        assert_eq!(mode(&format!("checkpoints/d/{name}")), 0o600, "{name}");
    }
    for (directory, what) in [
        (".", "name one of its own"),
        ("results/x", "name one of its own"),
        ("batches", "name one of its own"),
    ] {
        let refusal = download(&mut server, directory).await;
        assert!(refusal.error().contains(what), "{directory}: {refusal:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_killed_at_any_point_leaves_what_the_next_one_goes_on_with() {
    let length = 3_000_000;
    let (large, small) = (content(length, 1), content(10_000, 2));
    let store = Store::start(&[("model.safetensors", &large), ("config.json", &small)]).await;
    let place = Place::new();
    let directory = place.files().join("c");
    let mut random = fastrand::Rng::with_seed(7);
    let mut points: Vec<usize> = (0..6).map(|_| random.usize(1..length)).collect();
    points.sort_unstable();
    let mut at = 0;
    for point in points {
        // The small file ends beside it, the large one hangs at the point.
        store.faults([Fault::Hang(point - at), Fault::Hang(point - at)]);
        let mut server = place.hasty(&store).await;
        let found = download(&mut server, "c").await.json();
        assert_eq!(found["state"], "downloading", "{found}");
        reaches(&directory.join("model.safetensors.part"), point).await;
        server.kill().await;
        assert!(!directory.join("model.safetensors").exists());
        at = point;
    }
    store.faults([]);
    let before = store.sent();
    let mut server = place.server(&store).await;
    let found = download(&mut server, "c").await.json();
    assert_eq!(found["state"], "complete");
    assert_eq!(std::fs::read(directory.join("model.safetensors")).unwrap(), large);
    assert_eq!(std::fs::read(directory.join("config.json")).unwrap(), small);
    assert_eq!(names(&directory), [MANIFEST, "config.json", "model.safetensors"]);
    let total = before + store.sent();
    assert!(total <= length + 6 * small.len(), "{total} bytes for {length}");
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_writes_leaves_nothing_wrong() {
    let content = content(20_000_000, 1);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    let mut before = 0;
    for round in 0..8 {
        let mut server = place.hasty(&store).await;
        let call = json!({"name": "download-checkpoint", "arguments": arguments("c")});
        server.begin("tools/call", call).await;
        sleep(Duration::from_millis(fastrand::u64(..20))).await;
        server.kill().await;
        let part = std::fs::metadata(place.files().join("c/a.part")).map_or(0, |part| part.len());
        let whole = place.files().join("c/a").exists();
        assert!(
            whole || part >= before,
            "round {round}: {part} bytes after {before}"
        );
        before = part;
    }
    let mut server = place.server(&store).await;
    assert_eq!(download(&mut server, "c").await.json()["state"], "complete");
    assert!(std::fs::read(place.files().join("c/a")).unwrap() == content);
}

#[tokio::test]
async fn cut_connections_and_passing_faults_cost_no_more_than_what_was_missing() {
    let content = content(2_000_000, 3);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    let cuts = (0..20).map(|n| Fault::Cut(1 + n * 4000));
    let statuses = [503, 429, 500, 408].map(Fault::Status);
    store.faults(
        statuses
            .into_iter()
            .chain(cuts)
            .chain([Fault::Cut(0), Fault::Less(5)]),
    );
    let mut server = place.server(&store).await;
    assert_eq!(download(&mut server, "c").await.json()["state"], "complete");
    assert_eq!(std::fs::read(place.files().join("c/a")).unwrap(), content);
    assert_eq!(store.sent(), content.len());
    let seen = store.seen();
    assert_eq!(seen.len(), 27);
    assert_eq!(seen[26].header("range"), Some("bytes=1999995-"));
    assert_eq!(seen[26].header("if-range"), Some("\"v1\""));
}

#[tokio::test]
async fn a_store_that_falls_silent_is_asked_again() {
    let content = content(100_000, 3);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    store.faults([Fault::Hang(50_000)]);
    let mut command = place.command(&store);
    let mut server = Server::initialized(command.env("RL_MCP_CALL_TIMEOUT", "0.5")).await;
    completed(&mut server, arguments("c")).await;
    assert_eq!(std::fs::read(place.files().join("c/a")).unwrap(), content);
    assert_eq!(store.sent(), content.len());
}

#[tokio::test]
async fn expired_links_are_renewed_and_the_file_goes_on() {
    let (a, b) = (content(500_000, 4), content(500_000, 5));
    let (store, place) = (Store::start(&[("a", &a), ("b", &b)]).await, Place::new());
    store.faults([Fault::Cut(300_000), Fault::Cut(200_000)]);
    store.change(|manner| manner.oldest_list = 2);
    let mut server = place.server(&store).await;
    assert_eq!(download(&mut server, "c").await.json()["state"], "complete");
    assert_eq!(std::fs::read(place.files().join("c/a")).unwrap(), a);
    assert_eq!(std::fs::read(place.files().join("c/b")).unwrap(), b);
    // Both files had expired; one list served both.
    assert_eq!((store.lists(), store.sent()), (2, 1_000_000));
    store.change(|manner| manner.oldest_list = 1000);
    let refusal = download(&mut server, "d").await;
    assert!(
        refusal.error().contains("refuses fresh links too, with HTTP 403"),
        "{refusal:?}"
    );
    // In vain a few times, not forever.
    assert!(store.lists() <= 10, "{}", store.lists());
}

#[tokio::test]
async fn a_fresh_list_of_other_files_ends_the_download() {
    let content = content(1000, 4);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    store.change(|manner| {
        manner.oldest_list = 2;
        manner.later_sizes = Some((2, vec![json!(999)]));
    });
    let mut server = place.server(&store).await;
    let refusal = download(&mut server, "c").await;
    assert!(refusal.error().contains("now lists other files"), "{refusal:?}");
}

#[tokio::test]
async fn a_file_that_has_changed_comes_whole_and_new() {
    let (old, new) = (content(400_000, 6), content(400_000, 7));
    for ignores_versions in [false, true] {
        let (store, place) = (Store::start(&[("a", &old)]).await, Place::new());
        store.faults([Fault::Hang(300_000)]);
        let mut server = place.hasty(&store).await;
        download(&mut server, "c").await.json();
        reaches(&place.files().join("c/a.part"), 300_000).await;
        server.kill().await;
        store.faults([]);
        store.change(|manner| {
            manner.files[0].1.clone_from(&new);
            manner.etag = Some("\"v2\"".to_owned());
            manner.ignores_versions = ignores_versions;
        });
        let mut server = place.server(&store).await;
        assert_eq!(download(&mut server, "c").await.json()["state"], "complete");
        assert!(std::fs::read(place.files().join("c/a")).unwrap() == new);
    }
}

#[tokio::test]
async fn a_store_without_versions_or_ranges_is_asked_for_the_whole() {
    let content = content(400_000, 6);
    for (etag, ignores_ranges) in [(None, false), (Some("\"v1\"".to_owned()), true)] {
        let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
        store.faults([Fault::Cut(100_000), Fault::Cut(50_000)]);
        store.change(|manner| {
            manner.etag.clone_from(&etag);
            manner.ignores_ranges = ignores_ranges;
        });
        let mut server = place.server(&store).await;
        assert_eq!(download(&mut server, "c").await.json()["state"], "complete");
        assert_eq!(std::fs::read(place.files().join("c/a")).unwrap(), content);
        assert_eq!(store.sent(), 550_000);
        let ranges = store
            .seen()
            .iter()
            .filter(|seen| seen.header("range").is_some())
            .count();
        assert_eq!(ranges, if etag.is_some() { 2 } else { 0 });
    }
}

#[tokio::test]
async fn a_file_of_another_length_is_never_taken_for_the_right_one() {
    let content = content(1000, 8);
    for (fault, size, what) in [
        (None, 999, "has 1000 bytes of it"),
        (None, 1001, "has 1000 bytes of it"),
        (Some(Fault::More(1)), 1000, "sends more than that"),
        (Some(Fault::More(100_000)), 1000, "sends more than that"),
        (Some(Fault::Less(1)), 1000, "was cut off"),
    ] {
        let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
        store.change(|manner| {
            manner.sizes = Some(vec![json!(size)]);
            // Whatever is asked for: all of it again.
            manner.etag = None;
        });
        store.faults(std::iter::repeat_n(fault, 20).flatten());
        let mut server = place.server(&store).await;
        let refusal = download(&mut server, "c").await;
        assert!(refusal.error().contains(what), "{size}: {refusal:?}");
        assert!(!place.files().join("c/a").exists());
        // Nor later.
        if size == 1000 {
            store.faults([]);
            assert_eq!(download(&mut server, "c").await.json()["state"], "complete");
            assert_eq!(std::fs::read(place.files().join("c/a")).unwrap(), content);
        }
    }
}

#[tokio::test]
async fn lists_that_cannot_be_stored_are_refused_before_anything_is_written() {
    for (names_, sizes, what) in [
        (vec!["../a"], json!([1]), "not a safe name"),
        (vec!["dir/a"], json!([1]), "not a safe name"),
        (vec!["good", ".hidden"], json!([1, 1]), "not a safe name"),
        (vec!["safe\u{202e}nosj.exe"], json!([1]), "not a safe name"),
        (vec!["a\u{200b}"], json!([1]), "not a safe name"),
        (vec!["nul.txt"], json!([1]), "not a safe name"),
        (vec!["what?"], json!([1]), "not a safe name"),
        (vec!["a", "A"], json!([1, 1]), "another file has the same name"),
        (vec![], json!([]), "lists no file"),
        (vec!["a"], json!(["-1"]), "other members than documented"),
        (
            vec!["a"],
            json!([u64::MAX / 2]),
            "bytes free, and 9223372036854775807 are needed",
        ),
        (
            vec!["a", "b", "c"],
            json!([i64::MAX, i64::MAX, i64::MAX]),
            "cannot be true",
        ),
    ] {
        let files: Vec<(&str, &[u8])> = names_.iter().map(|name| (*name, &b"x"[..])).collect();
        let (store, place) = (Store::start(&files).await, Place::new());
        store.change(|manner| manner.sizes = sizes.as_array().cloned());
        let mut server = place.server(&store).await;
        let refusal = download(&mut server, "c").await;
        assert!(refusal.error().contains(what), "{refusal:?}");
        assert!(names(&place.files()).is_empty(), "{names_:?}");
        assert!(store.seen().is_empty());
    }
}

#[tokio::test]
async fn files_that_are_there_already_stay_as_they_are() {
    let content = content(50_000, 9);
    let mut different = content.clone();
    different[40_000] ^= 1;
    let (store, place) = (Store::start(&[("a", &content), ("b", b"b")]).await, Place::new());
    let mut server = place.server(&store).await;
    let case = |name: &str, there: &[u8]| {
        std::fs::create_dir(place.files().join(name)).unwrap();
        std::fs::write(place.files().join(name).join("a"), there).unwrap();
    };
    case("shorter", &content[1..]);
    let refusal = download(&mut server, "shorter").await;
    assert!(
        refusal.error().contains("has 49999 bytes, not 50000"),
        "{refusal:?}"
    );
    assert_eq!(names(&place.files().join("shorter")), ["a"]);
    assert!(store.seen().is_empty());

    case("same", &content);
    assert_eq!(download(&mut server, "same").await.json()["state"], "complete");
    assert_eq!(names(&place.files().join("same")), [MANIFEST, "a", "b"]);
    store.seen();
    download(&mut server, "same").await.json();
    assert!(store.seen().is_empty(), "now it is known to be the same");

    case("other", &different);
    for _ in 0..2 {
        let refusal = download(&mut server, "other").await;
        assert!(
            refusal.error().contains("is another file, which stays as it is"),
            "{refusal:?}"
        );
        assert_eq!(std::fs::read(place.files().join("other/a")).unwrap(), different);
    }
    // It is out of the way; what came already need not come again.
    std::fs::rename(place.files().join("other/a"), place.files().join("other/mine")).unwrap();
    store.sent();
    assert_eq!(download(&mut server, "other").await.json()["state"], "complete");
    assert_eq!(std::fs::read(place.files().join("other/a")).unwrap(), content);
    assert!(store.sent() <= 1);

    // Somebody's own unfinished file.
    std::fs::create_dir(place.files().join("part")).unwrap();
    std::fs::write(place.files().join("part/a.part"), "mine").unwrap();
    let refusal = download(&mut server, "part").await;
    assert!(
        refusal.error().contains("a.part is not of this download"),
        "{refusal:?}"
    );
    assert_eq!(std::fs::read(place.files().join("part/a.part")).unwrap(), b"mine");
}

#[tokio::test]
async fn a_directory_holds_one_checkpoint() {
    let (store, place) = (Store::start(&[("a", b"weights")]).await, Place::new());
    let mut server = place.server(&store).await;
    download(&mut server, "c").await.json();
    store.change(|manner| manner.files[0].1 = b"WEIGHTS".to_vec());
    for (id, variant) in [("d", "merged"), ("c", "adapter")] {
        let arguments = json!({"id": id, "variant": variant, "directory": "c"});
        let refusal = server.call("download-checkpoint", arguments).await;
        assert!(
            refusal
                .error()
                .contains("holds the merged files of the checkpoint c"),
            "{refusal:?}"
        );
    }
    assert_eq!(std::fs::read(place.files().join("c/a")).unwrap(), b"weights");
    std::fs::write(place.files().join("c").join(MANIFEST), "something else").unwrap();
    let refusal = download(&mut server, "c").await;
    assert!(refusal.error().contains("is not of this server"), "{refusal:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn directories_elsewhere_are_refused() {
    use std::os::unix::fs::symlink;
    let (store, place) = (Store::start(&[("a", b"weights")]).await, Place::new());
    let outside = place.root.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    symlink(&outside, place.files().join("link")).unwrap();
    symlink(place.files().join("nowhere"), place.files().join("dangling")).unwrap();
    std::fs::write(place.files().join("file"), "").unwrap();
    let mut server = place.server(&store).await;
    let elsewhere = outside.join("c");
    for (directory, what) in [
        (elsewhere.to_str().unwrap(), "must lie under"),
        ("/", "must lie under"),
        ("link", "must lie under"),
        ("link/c", "must lie under"),
        ("dangling", "must lie under"),
        ("dangling/c", "must lie under"),
        ("../outside", "without `..`"),
        ("~/adapter", "nothing expands ~ here"),
        ("c/../d", "without `..`"),
        ("file", "there is a file of this name"),
        ("file/c", "there is a file of this name"),
    ] {
        let refusal = download(&mut server, directory).await;
        let text = refusal.error();
        assert!(
            text.contains("directory: ") && text.contains(what),
            "{directory}: {text}"
        );
    }
    assert!(names(&outside).is_empty());
    assert_eq!(store.lists(), 0);
    // A link that stays inside is as good as what it leads to.
    std::fs::create_dir(place.files().join("real")).unwrap();
    symlink(place.files().join("real"), place.files().join("alias")).unwrap();
    let found = download(&mut server, "alias/c").await.json();
    assert_eq!(found["directory"], place.files().join("real/c").to_str().unwrap());
    // Files are not written through links.
    std::fs::create_dir(place.files().join("trap")).unwrap();
    std::fs::write(outside.join("target"), "1234567").unwrap();
    symlink(outside.join("target"), place.files().join("trap/a")).unwrap();
    let refusal = download(&mut server, "trap").await;
    assert!(refusal.error().contains("is not a plain file"), "{refusal:?}");
}

/// While another process swaps a directory and a link to elsewhere, whole files come, and nothing comes elsewhere.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_becomes_a_link_lets_nothing_out() {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let files: Vec<(String, Vec<u8>)> = (0..12)
        .map(|seed| (format!("f{seed}"), content(300, seed)))
        .collect();
    let listed: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    let (store, place) = (Store::start(&listed).await, Place::new());
    let outside = place.root.path().join("outside");
    let (swapped, aside) = (place.files().join("swapped"), place.files().join("aside"));
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir(&swapped).unwrap();
    symlink(&outside, &aside).unwrap();
    let stop = Arc::new(AtomicBool::default());
    let (stopped, names_) = (stop.clone(), (swapped.clone(), aside));
    let changes = std::thread::spawn(move || {
        // Both at once, and back: an even number of times.
        while !stopped.load(Ordering::Relaxed) {
            for _ in 0..2 {
                std::thread::sleep(Duration::from_micros(fastrand::u64(..100)));
                renameat_with(CWD, &names_.0, CWD, &names_.1, RenameFlags::EXCHANGE).unwrap();
            }
        }
    });
    let mut server = place.server(&store).await;
    for round in 0..40 {
        download(&mut server, &format!("swapped/c{round}")).await;
    }
    stop.store(true, Ordering::Relaxed);
    changes.join().unwrap();
    assert_eq!(names(&outside), Vec::<String>::new());
    // What came is whole, and the same calls complete it now.
    for round in [0, 39] {
        download(&mut server, &format!("swapped/c{round}")).await.json();
        for (name, content) in &files {
            let path = swapped.join(format!("c{round}")).join(name);
            assert_eq!(&std::fs::read(path).unwrap(), content);
        }
    }
}

#[tokio::test]
async fn the_same_call_joins_and_a_call_that_ends_early_leaves_it_running() {
    let content = content(300_000, 10);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    store.faults([Fault::Hang(100_000)]);
    let mut server = place.hasty(&store).await;
    let call = || json!({"name": "download-checkpoint", "arguments": arguments("c")});
    let (_, first) = server.begin("tools/call", call()).await;
    let (_, second) = server.begin("tools/call", call()).await;
    for answer in [first, second] {
        let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
        let found = outcome(&answer).json();
        assert_eq!(found["state"], "downloading", "{found}");
    }
    store.hanging().await;
    let found = loop {
        let found = download(&mut server, "c").await.json();
        if found["bytes_done"] == 100_000 {
            break found;
        }
    };
    assert_eq!(found["bytes_total"], 300_000);
    assert_eq!(
        found["files"],
        json!([{"name": "a", "size": 300_000, "done": 100_000}])
    );
    let absolute = place.files().join("c");
    let next = json!({"id": "c", "variant": "CHECKPOINT_VARIANT_MERGED", "directory": absolute});
    assert_eq!(found["next"]["arguments"], next);
    assert_eq!((store.lists(), store.seen().len()), (1, 1));

    // Another process keeps off.
    let mut other = place.server(&store).await;
    let refusal = download(&mut other, "c").await;
    assert!(
        refusal.error().contains("another download is under way"),
        "{refusal:?}"
    );

    server.kill().await;
    completed(&mut other, next).await;
    assert_eq!(std::fs::read(absolute.join("a")).unwrap(), content);
}

#[tokio::test]
async fn a_failure_in_the_background_is_told_once_and_then_tried_anew() {
    let content = content(1000, 10);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    store.faults([Fault::Hang(400), Fault::Status(418)]);
    let mut command = place.command(&store);
    // The silence ends it, after the call.
    command
        .env("RL_MCP_CALL_TIMEOUT", "1")
        .env("RL_MCP_MAX_WAIT_SECONDS", "0.05");
    let mut server = Server::initialized(&mut command).await;
    let mut outcome = download(&mut server, "c").await;
    while !outcome.is_error {
        assert_eq!(outcome.json()["state"], "downloading");
        sleep(Duration::from_millis(20)).await;
        outcome = download(&mut server, "c").await;
    }
    let told = outcome.error();
    assert!(
        told.contains("a is at 400 of 1000 bytes: 127.0.0.1") && told.contains("answered HTTP 418"),
        "{told}"
    );
    completed(&mut server, arguments("c")).await;
    assert_eq!(std::fs::read(place.files().join("c/a")).unwrap(), content);
    assert_eq!(store.sent(), 1000);
}

#[tokio::test]
async fn an_end_that_nobody_has_heard_of_is_told_if_it_is_still_true() {
    let content = content(1000, 10);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    let mut command = place.command(&store);
    let mut server = Server::initialized(command.env("RL_MCP_MAX_WAIT_SECONDS", "0")).await;
    let file = place.files().join("c/a");
    for cleared in [false, true] {
        assert_eq!(download(&mut server, "c").await.json()["state"], "downloading");
        let arrival = async {
            while !file.exists() {
                sleep(Duration::from_millis(1)).await;
            }
            // The task has a little left to do.
            sleep(Duration::from_millis(50)).await;
        };
        timeout(PATIENCE, arrival).await.unwrap();
        if cleared {
            std::fs::remove_file(&file).unwrap();
            assert_eq!(download(&mut server, "c").await.json()["state"], "downloading");
        }
        completed(&mut server, arguments("c")).await;
        assert_eq!(std::fs::read(&file).unwrap(), content);
        assert_eq!(store.seen().len(), 1 + usize::from(cleared));
        std::fs::remove_file(&file).unwrap();
    }
}

#[tokio::test]
async fn progress_is_told_in_bytes() {
    let content = content(200_000, 11);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    store.faults([Fault::Hang(60_000), Fault::Hang(70_000)]);
    let mut command = place.command(&store);
    command
        .env("RL_MCP_CALL_TIMEOUT", "2.9")
        .env("RL_MCP_MAX_WAIT_SECONDS", "0.9");
    let mut server = Server::initialized(&mut command).await;
    let call = json!({
        "name": "download-checkpoint",
        "arguments": arguments("c"),
        "_meta": {"progressToken": "p"},
    });
    let answer = server.request("tools/call", call).await;
    let found = outcome(&answer).json();
    assert_eq!(found["state"], "downloading");
    let mut last = 0.0;
    let mut told = 0;
    while let Ok(message) = server.others.try_recv() {
        let params = &message["params"];
        assert_eq!(params["progressToken"], "p");
        if params["total"].is_null() {
            continue;
        }
        assert_eq!(params["total"].as_f64(), Some(200_000.0));
        assert_eq!(params["message"], "downloading 1 file");
        let progress = params["progress"].as_f64().unwrap();
        assert!(progress > last && progress <= 200_000.0, "{message}");
        (last, told) = (progress, told + 1);
    }
    assert!(
        told >= 1 && last >= 1.0,
        "{told} notifications, the last with {last}"
    );
}

#[tokio::test]
async fn no_link_gets_into_the_log_or_an_answer_about_files() {
    let content = content(1000, 12);
    let (store, place) = (Store::start(&[("a", &content)]).await, Place::new());
    for level in ["debug", "trace"] {
        store.faults([Fault::Cut(10), Fault::Status(500), Fault::Status(403)]);
        let mut command = place.command(&store);
        let mut server = Server::initialized(command.env("RL_MCP_LOG", level)).await;
        download(&mut server, level).await.json();
        store.faults([Fault::Status(418)]);
        download(&mut server, &format!("{level}-2")).await.error();
        store.faults([
            Fault::Status(403),
            Fault::Status(403),
            Fault::Status(403),
            Fault::Status(403),
        ]);
        download(&mut server, &format!("{level}-3")).await.error();
        // Who asks for links gets them all the same.
        let links = json!({"id": "c", "variant": "merged"});
        let links = server.call("download-checkpoint", links).await.json();
        let url = links["data"][0]["url"].as_str().unwrap();
        assert!(url.contains("X-Signature=topsecret-"), "{url}");
        server.close().await;
        assert!(!server.stderr().contains("topsecret"), "{}", server.stderr());
        let others = server.stdout().replace(url, "");
        assert!(!others.contains("topsecret"), "{others}");
    }
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn the_sandbox_has_what_to_download() {
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-mcp"));
    command
        .env_clear()
        .env("RL_MCP_DATA_DIR", place.root.path().join("data"))
        .env("RL_MCP_MAX_WAIT_SECONDS", "40")
        .args(["--sandbox", "--sandbox-speed", "5000"]);
    let mut server = Server::initialized(&mut command).await;
    let mut until = async |end: &str, (make, body): (&str, Value), tool: &str, mut arguments: Value| {
        let made = server.call(make, body).await.json();
        for value in arguments.as_object_mut().unwrap().values_mut() {
            if value.is_null() {
                *value = made["id"].clone();
            }
        }
        let wait = async {
            loop {
                let found = server.call(tool, arguments.clone()).await.json();
                if found["status"].as_str().unwrap().ends_with(end) {
                    return found;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap()
    };
    let make = (
        "create-model-resource",
        json!({"body": {"base_model": "sandbox/byte-lm"}}),
    );
    let wanted = json!({"model_resources_id": null});
    let resource = until("_READY", make, "get-model-resource", wanted).await;
    let body = json!({"body": {"model_resources_id": resource["id"]}});
    let (make, wanted) = (("create-training-session", body), json!({"session_id": null}));
    let session = until("_RUNNING", make, "get-training-session", wanted).await;
    let make = (
        "create-inference-checkpoint",
        json!({"session_id": session["id"]}),
    );
    let wanted = json!({"session_id": session["id"], "operation_id": null});
    let operation = until("_COMPLETED", make, "get-inference-checkpoint-operation", wanted).await;
    let id = &operation["output"]["checkpoint"]["id"];
    let arguments = json!({"id": id, "variant": "merged", "directory": "checkpoints/demo"});
    let found = completed(&mut server, arguments).await;
    let files = found["files"].as_array().unwrap();
    assert!(!files.is_empty());
    for file in files {
        let there = std::fs::metadata(file["path"].as_str().unwrap()).unwrap();
        assert_eq!(file["size"], there.len());
    }
}
