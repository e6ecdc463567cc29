//! The files of a checkpoint, by their presigned URLs.

use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use serde_json::json;
use tokio::time::sleep;

use super::agent::Agent;
use super::host::pause;
use super::reading::{Link, List};

/// The file with the weights.
pub(super) const ADAPTER: &str = "adapter_model.safetensors";

/// How often a file is asked for under one URL, and how often for new URLs.
const TRIES: u32 = 8;
const ROUNDS: u32 = 3;
/// The longest that one try may take.
const LONGEST: Duration = Duration::from_secs(60);

/// A file of a checkpoint.
pub(super) struct File {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// Downloads the adapter of an inference checkpoint.
pub(super) async fn adapter(agent: &mut Agent, checkpoint: &str) -> Result<Vec<File>, String> {
    let arguments = json!({"id": checkpoint, "variant": "CHECKPOINT_VARIANT_ADAPTER"});
    let client = client()?;
    let mut round = 0;
    loop {
        round += 1;
        let links: List<Link> = agent.read("download-checkpoint", &arguments).await?;
        match all(&client, &links.data).await {
            Ok(files) => return Ok(files),
            // A URL may have expired.
            Err(problem) if round == ROUNDS => return Err(problem),
            Err(_) => {}
        }
    }
}

async fn all(client: &Client, links: &[Link]) -> Result<Vec<File>, String> {
    let mut files = Vec::with_capacity(links.len());
    for link in links {
        if !plain(&link.filename) {
            return Err(format!("{:?} is no plain file name", link.filename));
        }
        files.push(File {
            name: link.filename.clone(),
            content: fetch(client, link).await?,
        });
    }
    Ok(files)
}

async fn fetch(client: &Client, link: &Link) -> Result<Vec<u8>, String> {
    let mut tries = 0;
    loop {
        tries += 1;
        let problem = match once(client, link).await {
            Ok(content) => return Ok(content),
            Err(problem) => problem,
        };
        if tries == TRIES {
            return Err(format!("{} cannot be downloaded: {problem}", link.filename));
        }
        sleep(pause(tries)).await;
    }
}

async fn once(client: &Client, link: &Link) -> Result<Vec<u8>, String> {
    // The URL is as good as the weights: it stands in no message.
    let words = |error: reqwest::Error| error.without_url().to_string();
    let response = client.get(&link.url).send().await.map_err(words)?;
    let response = response.error_for_status().map_err(words)?;
    let content = response.bytes().await.map_err(words)?;
    if u64::try_from(content.len()).ok() != Some(link.size) {
        return Err(format!("{} bytes came of {}", content.len(), link.size));
    }
    Ok(content.to_vec())
}

/// A client without a key: a presigned URL needs none.
fn client() -> Result<Client, String> {
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().timeout(LONGEST).build();
    client.map_err(|error| format!("cannot download: {error}"))
}

/// Whether a name stays in the directory that it is written to.
fn plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', ':']) && !name.contains("..") && name != "."
}

/// Makes the directory for the files, where there is none yet. What fails here has cost nothing yet.
pub(super) fn prepare(directory: &Path) -> Result<(), String> {
    std::fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))
}

/// Writes files into a directory.
pub(super) fn save(files: &[File], directory: &Path) -> Result<(), String> {
    for file in files {
        let path = directory.join(&file.name);
        std::fs::write(&path, &file.content).map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// The 64-bit FNV-1a hash of some bytes: tells whether two runs came to the same weights, no more.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_that_the_algorithm_was_published_with() {
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for (name, good) in [
            ("adapter_model.safetensors", true),
            ("", false),
            (".", false),
            ("../x", false),
            ("a/b", false),
            ("a\\b", false),
            ("C:x", false),
        ] {
            assert_eq!(plain(name), good, "{name}");
        }
    }

    #[test]
    fn files_are_written_into_a_new_directory() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("deep/down");
        let file = File {
            name: "f".to_owned(),
            content: vec![1, 2],
        };
        prepare(&target).unwrap();
        save(&[file], &target).unwrap();
        assert_eq!(std::fs::read(target.join("f")).unwrap(), [1, 2]);
    }
}
