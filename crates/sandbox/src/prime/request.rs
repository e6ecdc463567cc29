//! The body of a creation.

use super::config;
use super::fields::Fields;
use super::fleet::{GPU_TYPES, GpuType, gpu_type};
use super::recipe::{Mode, Recipe};

/// The parts of a body that are no config.
pub(super) struct Asked {
    pub(super) recipe: Recipe,
    pub(super) name: Option<String>,
    pub(super) team: Option<String>,
    pub(super) image: Option<String>,
    pub(super) gpu: Option<&'static GpuType>,
    pub(super) volume: Option<String>,
    pub(super) source_ref: bool,
    pub(super) resume_from: Option<String>,
}

/// Reads the body of a creation.
pub(super) fn read(fields: &Fields<'_>) -> Asked {
    fields.only(&[
        "config",
        "mode",
        "name",
        "teamId",
        "imageTag",
        "wandbApiKey",
        "hfToken",
        "gpuType",
        "volume",
        "sourceRef",
        "resumeFrom",
        "normalizedConfig",
    ]);
    fields.require("config");
    let mode = match fields.text("mode") {
        None | Some("rl") => Mode::Rl,
        Some("sft") => Mode::Sft,
        Some(_) => {
            fields.refuse("mode", "Input should be 'rl' or 'sft'");
            Mode::Rl
        }
    };
    let owned = |name: &str| fields.word(name).map(str::to_owned);
    fields.text("wandbApiKey");
    fields.text("hfToken");
    if fields.has("normalizedConfig") {
        let normalized = fields.table("normalizedConfig");
        if normalized.integer("contract_version", 1) != Some(4)
            || normalized.text("mode") != Some(mode.name())
        {
            normalized.refuse("contract_version", "Input should be 4, and mode that of the run");
        }
    }
    let source_ref = fields.text("sourceRef");
    if source_ref.is_some_and(|name| !is_source_ref(name)) {
        fields.refuse(
            "sourceRef",
            "Not a valid git ref (branches, tags and commit shas only)",
        );
    }
    let (volume, resume_from) = (owned("volume"), owned("resumeFrom"));
    let on_volume = volume.is_some() || resume_from.is_some();
    let config = fields.table("config");
    let recipe = config::read(&config, mode, on_volume);
    let name = owned("name").or_else(|| config.text("name").map(str::to_owned));
    Asked {
        recipe,
        name,
        team: owned("teamId"),
        image: owned("imageTag"),
        gpu: gpu(fields),
        volume,
        source_ref: source_ref.is_some(),
        resume_from,
    }
}

/// The type of GPU that a body asks for.
pub(super) fn gpu(fields: &Fields<'_>) -> Option<&'static GpuType> {
    let name = fields.text("gpuType")?;
    let known = gpu_type(Some(name));
    if known.is_none() {
        let names = GPU_TYPES.map(|gpu| gpu.name).join(" or ");
        fields.refuse("gpuType", format!("No capacity of this type; there is {names}"));
    }
    known
}

/// The form of a branch, tag or commit, less what git and the platform refuse.
fn is_source_ref(name: &str) -> bool {
    let letter = |letter: u8| letter.is_ascii_alphanumeric() || b"._/-".contains(&letter);
    name.len() <= 200
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(letter)
        && !["..", "//", "/."].iter().any(|part| name.contains(part))
        && !name.ends_with(['/', '.'])
        && !name
            .split('/')
            .any(|part| part.rsplit_once('.').is_some_and(|(_, end)| end == "lock"))
        && !["refs/", "pull/"].iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::is_source_ref;

    #[test]
    fn source_refs_are_branches_tags_and_commits() {
        for good in ["main", "feature/x-1", "v0.10.1", "0a1b2c"] {
            assert!(is_source_ref(good), "{good}");
        }
        for bad in [
            "",
            "-x",
            "a..b",
            "a//b",
            "a/.b",
            "a/",
            "a.",
            "x.lock/y",
            "refs/heads/a",
            "pull/1",
            "a b",
        ] {
            assert!(!is_source_ref(bad), "{bad}");
        }
    }
}
