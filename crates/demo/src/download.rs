//! The files of a checkpoint, which the server downloads.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::agent::Agent;
use crate::reading::Download;

/// The file with the weights.
pub(crate) const ADAPTER: &str = "adapter_model.safetensors";
/// The one that says what they belong to.
const CONFIG: &str = "adapter_config.json";
/// Where the server puts the files, within its data directory, which goes when it ends. What is to be kept is copied: a
/// directory of the tool's holds one checkpoint for good, and each run of the demo makes another.
const DIRECTORY: &str = "checkpoints/adapter";

/// The downloaded weights, in short.
pub(crate) struct Adapter {
    pub(crate) bytes: usize,
    /// FNV-1a, 64 bits, hexadecimal.
    pub(crate) checksum: String,
}

/// Downloads the adapter of an inference checkpoint.
pub(crate) async fn adapter(agent: &mut Agent, checkpoint: &str) -> Result<Vec<PathBuf>, String> {
    let mut arguments =
        json!({"id": checkpoint, "variant": "CHECKPOINT_VARIANT_ADAPTER", "directory": DIRECTORY});
    loop {
        let download: Download = agent.call("download-checkpoint", &arguments).await?;
        match download.next {
            Some(next) => arguments = next.arguments,
            None => return Ok(download.files.into_iter().filter_map(|file| file.path).collect()),
        }
    }
}

/// What came of the weights, if they did.
pub(crate) fn weights(files: &[PathBuf]) -> Result<Option<Adapter>, String> {
    let Some(path) = files.iter().find(|path| path.ends_with(ADAPTER)) else {
        return Ok(None);
    };
    let content = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Some(Adapter {
        bytes: content.len(),
        checksum: format!("{:016x}", checksum(&content)),
    }))
}

/// Makes the directory for the files, where there is none yet, and looks that they are not there. What fails here has cost
/// nothing yet.
pub(crate) fn prepare(directory: &Path) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
    let taken = [ADAPTER, CONFIG].map(|name| directory.join(name));
    match taken.iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(format!(
            "{} is there already, and nothing is overwritten: name another directory with --save",
            path.display()
        )),
        None => Ok(()),
    }
}

/// Copies files into a directory. What is there already stays.
pub(crate) fn save(files: &[PathBuf], directory: &Path) -> Result<(), String> {
    for file in files {
        let path = directory.join(file.file_name().unwrap_or_default());
        let unreadable = |error| format!("cannot read {}: {error}", file.display());
        let content = fs::read(file).map_err(unreadable)?;
        let made = File::create_new(&path);
        let mut made = made.map_err(|error| unwritable(&path, &error))?;
        if let Err(error) = made.write_all(&content) {
            // A half of it is of no use, and would be in the way of the next run.
            let _ = fs::remove_file(&path);
            return Err(unwritable(&path, &error));
        }
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// The 64-bit FNV-1a hash of some bytes: tells whether two runs came to the same weights, no more.
fn checksum(bytes: &[u8]) -> u64 {
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
    fn files_are_copied_into_a_new_directory_and_over_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let (file, target) = (directory.path().join(CONFIG), directory.path().join("deep/down"));
        prepare(&target).unwrap();
        fs::write(&file, [1, 2]).unwrap();
        save(std::slice::from_ref(&file), &target).unwrap();
        assert_eq!(fs::read(target.join(CONFIG)).unwrap(), [1, 2]);
        // Not those of an earlier run, whether that is seen at the beginning or at the end.
        fs::write(&file, [3, 4]).unwrap();
        for refused in [prepare(&target), save(std::slice::from_ref(&file), &target)] {
            assert!(refused.unwrap_err().contains(CONFIG));
            assert_eq!(fs::read(target.join(CONFIG)).unwrap(), [1, 2]);
        }
    }
}
