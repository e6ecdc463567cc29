//! The Agent Skill that comes with the program: how to use its tools well, for an agent to read.
//!
//! Its text is that of `skills/rl-post-training`, in the form of <https://agentskills.io/specification>. The prompts and the
//! resources of the server are parts of it, so that nothing is said twice.

use std::io::Write as _;

use miniz_oxide::deflate::compress_to_vec;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchiveWriter, crc32};

/// What it is called, and so its directory.
pub(crate) const NAME: &str = "rl-post-training";
/// The file that is read first.
pub(crate) const ENTRY: &str = "SKILL.md";

/// How the heading of a section begins.
const HEADING: &str = "## ";

/// A file of the skill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    /// Where it lies in the skill's directory, with slashes.
    pub(crate) path: &'static str,
    /// Markdown.
    pub(crate) text: &'static str,
}

/// All its files, the one that is read first before the others.
pub(crate) const FILES: [File; 5] = [
    File {
        path: ENTRY,
        text: include_str!("../skills/rl-post-training/SKILL.md"),
    },
    File {
        path: "references/cost.md",
        text: include_str!("../skills/rl-post-training/references/cost.md"),
    },
    File {
        path: "references/diagnosis.md",
        text: include_str!("../skills/rl-post-training/references/diagnosis.md"),
    },
    File {
        path: "references/prime.md",
        text: include_str!("../skills/rl-post-training/references/prime.md"),
    },
    File {
        path: "references/rewards.md",
        text: include_str!("../skills/rl-post-training/references/rewards.md"),
    },
];

impl File {
    /// How many bytes its text has.
    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.text.len()).unwrap_or(u64::MAX)
    }

    /// Its first heading.
    pub(crate) fn title(&self) -> &'static str {
        let heading = self.text.lines().find_map(|line| line.strip_prefix("# "));
        heading.unwrap_or(self.path)
    }
}

/// The file at a path in the skill's directory.
pub(crate) fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

/// What the first file says of itself before its text: names and values, in their order.
pub(crate) fn front_matter() -> impl Iterator<Item = (&'static str, &'static str)> {
    let text = file(ENTRY).map_or("", |entry| entry.text);
    let lines = text.lines().skip(1).take_while(|line| *line != "---");
    lines.filter_map(|line| line.split_once(": "))
}

/// What it is for, in some sentences.
pub(crate) fn description() -> &'static str {
    let mut members = front_matter();
    let found = members.find(|(name, _)| *name == "description");
    found.map_or("", |(_, value)| value)
}

/// A section of the first file, with its heading.
pub(crate) fn section(heading: &str) -> Option<&'static str> {
    let text = file(ENTRY)?.text;
    let line = format!("\n{HEADING}{heading}\n");
    let start = text.find(&line)? + 1;
    let section = text.get(start..)?;
    let end = section.find(&format!("\n{HEADING}")).unwrap_or(section.len());
    section.get(..end).map(str::trim_end)
}

/// All files in their directory, as one file that is uploaded or unpacked.
pub(crate) fn zip() -> Result<Vec<u8>, rawzip::Error> {
    /// What zip programs use.
    const LEVEL: u8 = 6;
    /// The first moment that a zip file can name; without one it names the zeroth month.
    const BEGINNING: i64 = 315_532_800;
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for file in FILES {
        let (text, name) = (file.text.as_bytes(), format!("{NAME}/{}", file.path));
        let new = archive
            .new_file(&name)
            .compression_method(CompressionMethod::DEFLATE)
            .last_modified(UtcDateTime::from_unix(BEGINNING));
        let (mut entry, _) = new.start()?;
        entry.write_all(&compress_to_vec(text, LEVEL))?;
        entry.finish(DataDescriptorOutput::new(crc32(text), file.bytes()))?;
    }
    archive.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let rules = section("Rules").unwrap();
        assert!(rules.starts_with("## Rules\n\n1. "), "{rules}");
        assert!(!rules.contains("Which way"), "{rules}");
        let last = section("Stop what bills").unwrap();
        assert!(FILES[0].text.ends_with(&format!("{last}\n")), "{last}");
        assert_eq!(section("Rule"), None);
    }

    #[test]
    fn every_file_of_the_directory_is_there_as_it_is() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("skills")
            .join(NAME);
        let mut found = 0;
        for folder in [root.clone(), root.join("references")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = path
                        .strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .replace('\\', "/");
                    assert_eq!(file(&name).unwrap().text, std::fs::read_to_string(&path).unwrap());
                    found += 1;
                }
            }
        }
        assert_eq!(found, FILES.len());
        assert!(FILES.iter().all(|file| file.title() != file.path));
    }
}
