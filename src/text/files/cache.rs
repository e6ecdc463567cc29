//! Tokenizers on this machine, laid out as Hugging Face's cache is: `refs/main` names the commit, `snapshots/COMMIT` has the
//! files.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::context::Context;
use crate::error::ToolError;
use crate::files::data::Data;
use crate::work::blocking;

use super::{Files, Origin, refused};

/// The folder of the data directory that holds what was downloaded.
pub(super) const FOLDER: &str = "tokenizers";
/// The branch that is meant where nobody names one.
pub(super) const BRANCH: &str = "main";
const PREFIX: &str = "models--";
/// The longest file that names a commit.
const LONGEST_COMMIT: u64 = 64;

/// A tokenizer on this machine.
pub struct Cached {
    /// The model.
    pub model: String,
    /// The commit.
    pub commit: String,
    /// Where it lies.
    pub place: &'static str,
}

/// The caches, in the order in which they are looked through.
fn caches(context: &Context) -> Vec<(PathBuf, &'static str)> {
    let config = context.config();
    let data = config.data.as_deref().map(Data::root);
    let own = data.map(|root| (root.join(FOLDER), "the data directory"));
    let cache = config.hub.cache.clone();
    cache
        .map(|cache| (cache, "Hugging Face's cache"))
        .into_iter()
        .chain(own)
        .collect()
}

/// The folder of a model in a cache.
pub(super) fn folder(model: &str) -> String {
    format!("{PREFIX}{}", model.replace('/', "--"))
}

/// Whether a text can be a model's id, and nothing else.
pub(super) fn is_model(text: &str) -> bool {
    let part = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.len() <= 96 && !part.starts_with(['.', '-']) && part.chars().all(plain)
    };
    let parts: Vec<&str> = text.split('/').collect();
    parts.len() <= 2 && parts.into_iter().all(part) && !text.contains("--") && !text.contains("..")
}

/// Whether a text can be a commit, and so the name of a folder.
pub(super) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// The files of a model, if a cache has them.
pub(super) async fn find(context: &Arc<Context>, model: &str) -> Result<Option<(Files, Origin)>, ToolError> {
    let (caches, folder) = (caches(context), folder(model));
    let found = blocking(move || {
        let mut found = caches.into_iter().filter_map(|(cache, place)| {
            let here = cache.join(&folder);
            let commit = commit(&here)?;
            let snapshot = here.join("snapshots").join(&commit);
            let files = Files::read(|name, most| read(&snapshot.join(name), most)).transpose()?;
            Some(
                files
                    .map(|files| (files, commit, place, snapshot.clone()))
                    .map_err(|problem| (problem, snapshot)),
            )
        });
        found.next()
    });
    match found.await? {
        None => Ok(None),
        Some(Ok((files, commit, place, _))) => {
            let origin = Origin {
                name: model.to_owned(),
                commit: Some(commit),
                place,
            };
            Ok(Some((files, origin)))
        }
        Some(Err((problem, snapshot))) => Err(refused(
            &format!(
                "The tokenizer of {model} in {} cannot be read: {problem}.",
                snapshot.display()
            ),
            "ask the user to remove that folder, so that it is downloaded again.",
        )),
    }
}

/// The commit that the branch was at when it was last looked at.
fn commit(folder: &Path) -> Option<String> {
    let text = read(&folder.join("refs").join(BRANCH), LONGEST_COMMIT).ok()??;
    let commit = text.trim();
    is_commit(commit).then(|| commit.to_owned())
}

/// A file of at most `most` bytes; `None`: it is not there.
fn read(path: &Path, most: u64) -> Result<Option<String>, String> {
    let Ok(file) = fs::File::open(path) else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
        return Err(format!("it is larger than {} MB", most >> 20));
    }
    crate::files::text(bytes)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// The tokenizers on this machine. Blocks.
#[must_use]
pub fn cached(context: &Context) -> Vec<Cached> {
    let mut all = Vec::new();
    for (cache, place) in caches(context) {
        for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(model) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let commit = commit(&entry.path());
            let has = |commit: &String| {
                let snapshot = entry.path().join("snapshots").join(commit);
                snapshot.join(super::NAMES[0].0).exists()
            };
            all.extend(commit.filter(has).map(|commit| Cached {
                model: model.replacen("--", "/", 1),
                commit,
                place,
            }));
        }
    }
    all.sort_by(|left, right| (left.place, &left.model).cmp(&(right.place, &right.model)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_of_a_model_leads_elsewhere() {
        for good in ["Qwen/Qwen3-0.6B", "gpt2", "a/b_c.d"] {
            assert!(is_model(good), "{good}");
        }
        for bad in [
            "", "/", "a/", "/a", "a/b/c", "../a", "a/..", "a/.b", "a b", "a--b/c", "a\\b", "é", "~", "a/b?c",
        ] {
            assert!(!is_model(bad), "{bad}");
        }
        assert!(is_commit("0123456789abcdef0123456789abcdef01234567"));
        assert!(!is_commit("../../etc") && !is_commit("main"));
    }
}
