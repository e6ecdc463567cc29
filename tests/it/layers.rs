//! The parts of the program use only what lies below them, in the order in which ARCHITECTURE.md names them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The parts, the highest first.
fn parts() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = text.split_once("| Part | What it is |\n|---|---|\n").unwrap();
    let rows = table.lines().map_while(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split_once('`').unwrap().0.to_owned())
        .collect()
}

/// The code of a part, by file, without its unit tests.
fn code(path: &Path, found: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            code(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.push((path.display().to_string(), lines.collect::<Vec<_>>().join("\n")));
    }
}

/// The parts that a text names by their paths.
fn used(text: &str) -> BTreeSet<String> {
    let names = text.split("crate::").skip(1);
    names
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn a_part_uses_only_parts_below_it() {
    let parts = parts();
    let mut wrong = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let mut files = Vec::new();
        if part == "tools" {
            code(&root().join("tools"), &mut files);
        } else {
            code(&root().join(format!("src/{part}.rs")), &mut files);
            let folder = root().join("src").join(part);
            if folder.exists() {
                code(&folder, &mut files);
            }
        }
        let below = &parts[at..];
        for (file, text) in files {
            let above = used(&text).into_iter().filter(|used| !below.contains(used));
            wrong.extend(above.map(|used| format!("{file} uses {used}, which is not below {part}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_part_is_named() {
    let named: BTreeSet<String> = parts().into_iter().collect();
    let there: BTreeSet<String> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !["lib", "main"].contains(&name.as_str()))
        .chain(["tools".to_owned()])
        .collect();
    assert_eq!(named, there);
}
