//! Resources, which hosts let a user attach to a conversation: the files of the skill, and what tools and runs of this
//! machine have written lately.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use reqwest::Url;
use rmcp::ErrorData;
use rmcp::model::{
    Annotations, Resource, ResourceContents, Skill, SkillFrontmatter, SkillResource, SkillResources,
};
use serde_json::json;

use crate::context::Context;
use crate::files::data::{REPORT, RESULTS, RUNS, Stored};
use crate::files::directory::{Directory, Kind};
use crate::files::{Files, Listed, is_own, newest};
use crate::redact::clean;
use crate::skill::{self, ENTRY, File, NAME};

/// How the addresses of the skill's files begin.
const SKILL: &str = "skill://";
/// How many reports are listed, and how many results.
const MOST: usize = 20;
/// Into how many folders it is looked, the newest: results have one for each session.
const MOST_FOLDERS: usize = 50;
/// The longest text that is read, in bytes: a host puts it into the conversation whole.
const LONGEST: u64 = 40_000;

/// The address of a file of the skill.
fn address(file: &File) -> String {
    format!("{SKILL}{NAME}/{}", file.path)
}

/// All that is listed: the skill, then reports and results, the newest first. Blocks.
pub(crate) fn list(data: Option<&Path>) -> Vec<Resource> {
    let skill = skill::FILES.iter().map(|file| {
        let resource = Resource::new(address(file), format!("{NAME}/{}", file.path))
            .with_title(file.title())
            .with_mime_type("text/markdown")
            .with_size(file.bytes());
        if file.path == ENTRY {
            resource.with_description(skill::description())
        } else {
            resource
        }
    });
    let written = data.map(written).unwrap_or_default();
    skill.chain(written).collect()
}

/// What was written lately. Blocks.
fn written(data: &Path) -> Vec<Resource> {
    let mut found: Vec<Listed> = reports(data);
    found.extend(results(data));
    found.sort_by(|one, other| (other.modified, &other.path).cmp(&(one.modified, &one.path)));
    found.into_iter().map(|listed| described(data, listed)).collect()
}

fn open(data: &Path, folder: &Path) -> Option<Directory> {
    Directory::open(data).ok()?.find(folder).ok()
}

/// The reports of the newest runs.
fn reports(data: &Path) -> Vec<Listed> {
    let runs = open(data, Path::new(RUNS)).and_then(|runs| newest(&runs).ok());
    let report = |run: Listed| {
        let folder = Path::new(RUNS).join(run.path.file_name()?);
        let listed = newest(&open(data, &folder)?).ok()?;
        listed.into_iter().find(|listed| listed.path.ends_with(REPORT))
    };
    let runs = runs.unwrap_or_default().into_iter().take(MOST_FOLDERS);
    runs.filter_map(report).take(MOST).collect()
}

/// The newest results, whatever session they are of.
fn results(data: &Path) -> Vec<Listed> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(RESULTS)];
    let mut at = 0;
    while let Some(folder) = folders.get(at).filter(|_| at < MOST_FOLDERS).cloned() {
        at += 1;
        let listed = open(data, &folder).and_then(|directory| newest(&directory).ok());
        for listed in listed.unwrap_or_default() {
            match listed.kind {
                Kind::Directory => folders.extend(listed.path.file_name().map(|name| folder.join(name))),
                Kind::File if !is_own(&listed.path) => found.push(listed),
                _ => {}
            }
        }
    }
    found.sort_by(|one, other| (other.modified, &other.path).cmp(&(one.modified, &one.path)));
    found.truncate(MOST);
    found
}

fn described(data: &Path, listed: Listed) -> Resource {
    let name = listed.path.strip_prefix(data).unwrap_or(&listed.path);
    let name = clean::text(&name.to_string_lossy());
    let title = if listed.path.ends_with(REPORT) {
        let run = listed.path.parent().and_then(Path::file_name).unwrap_or_default();
        format!("Report of {}", run.to_string_lossy())
    } else {
        listed
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let mut seen = Annotations::default();
    seen.last_modified = Some(timestamp(listed.modified));
    let stored = Stored {
        path: listed.path,
        bytes: listed.bytes,
    };
    Resource::new(stored.uri(), name)
        .with_title(clean::text(&title))
        .with_mime_type(mime_type(&stored.path))
        .with_size(stored.bytes)
        .with_annotations(seen)
}

fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn mime_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        Some("jsonl") => "application/jsonl",
        Some("md") => "text/markdown",
        _ => "text/plain",
    }
}

/// The text at an address. Blocks.
pub(crate) fn read(context: &Context, uri: &str) -> Result<ResourceContents, ErrorData> {
    if let Some(file) = skill::FILES.iter().find(|file| address(file) == uri) {
        return Ok(ResourceContents::text(file.text, uri).with_mime_type("text/markdown"));
    }
    let data = context.config().data.as_ref().map(|data| data.root());
    let path = data
        .and_then(|data| inside(data, uri))
        .ok_or_else(|| unknown(uri))?;
    let bytes = path.metadata().map_err(|_| unknown(uri))?.len();
    if bytes > LONGEST {
        return Err(ErrorData::invalid_params(
            format!(
                "it has {bytes} bytes, and at most {LONGEST} are read as a resource: the tool read-result shows a part of it, as {{\"path\": \"{}\"}}",
                clean::text(&path.to_string_lossy())
            ),
            None,
        ));
    }
    let files = Files::new(Vec::new(), data.map(Path::to_owned));
    let text = files.read_blocking(&path.to_string_lossy(), LONGEST);
    let text = text.map_err(|problem| ErrorData::invalid_params(problem, None))?;
    let text = context.redactor().scrub_owned(clean::text(&text));
    Ok(ResourceContents::text(text, uri).with_mime_type(mime_type(&path)))
}

/// The file of the data directory that an address means, links resolved: none elsewhere, and none that the server keeps for
/// itself.
fn inside(data: &Path, uri: &str) -> Option<PathBuf> {
    let path = Url::parse(uri).ok()?.to_file_path().ok()?.canonicalize().ok()?;
    let is_inside = path.starts_with(data.canonicalize().ok()?);
    (is_inside && path.is_file() && !is_own(&path)).then_some(path)
}

fn unknown(uri: &str) -> ErrorData {
    ErrorData::resource_not_found(
        "there is no such resource: resources/list names the skill's files and the newest of the data directory",
        Some(json!({"uri": uri})),
    )
}

/// The skill, as hosts read it that know skills of servers.
pub(crate) fn skill() -> Skill {
    let mut about = SkillFrontmatter::new(NAME, skill::description());
    for (name, value) in skill::front_matter() {
        if !["name", "description"].contains(&name) {
            about = about.with_field(name, value);
        }
    }
    let entry = skill::file(ENTRY).map(address).unwrap_or_default();
    let files = skill::FILES
        .iter()
        .map(|file| SkillResource::from_bytes(address(file), file.text.as_bytes()));
    Skill::new(entry, about, SkillResources::Files(files.collect()))
}
