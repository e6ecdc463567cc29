//! Which names of files are used as they are.

use std::collections::HashSet;

use super::part::{PART, RECORD};
use crate::files::directory::is_reserved;
use crate::redact::clean::is_invisible;

/// The longest name, in bytes, so that there is room for what is put behind it.
const LONGEST: usize = 230;

/// Why these names cannot all be used: the first one that is no plain name of a file, and what is wrong with it.
pub(super) fn problem<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, &'static str)> {
    let mut seen = HashSet::new();
    names.into_iter().find_map(|name| {
        let wrong = wrong(name).or_else(|| {
            // Not every file system tells them apart.
            (!seen.insert(name.to_lowercase())).then_some("another file has the same name")
        });
        wrong.map(|wrong| (name, wrong))
    })
}

fn wrong(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.contains(['/', '\\', ':']) {
        Some("it leads into another directory")
    } else if name.contains("..") || name.starts_with('.') {
        Some("it begins with a dot or has two in a row")
    } else if name.ends_with('.') || name.trim() != name {
        Some("it begins or ends with a space, or ends with a dot")
    } else if name.chars().any(char::is_control) {
        Some("it holds a control character")
    } else if name.chars().any(is_invisible) {
        Some("it holds a character that nobody sees or that turns the direction of writing")
    } else if name.contains(['?', '*', '<', '>', '|', '"']) {
        Some("it holds a character that stands for something else on some systems")
    } else if is_reserved(name) {
        Some("it is a device on some systems")
    } else if name.len() > LONGEST {
        Some("it is too long")
    } else if name.to_lowercase().ends_with(PART) || name.to_lowercase().ends_with(RECORD) {
        Some("unfinished downloads are called so")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_used() {
        for good in [
            "model.safetensors",
            "a b",
            "ü.bin",
            "a.part.bin",
            "CONFIG.json",
            "console",
            "COM10",
            "nul-1",
            "日本語",
            "🙂.bin",
            &"x".repeat(LONGEST),
        ] {
            assert_eq!(problem([good]), None, "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a..b",
            ".hidden",
            ".rl-mcp-checkpoint.json",
            "dir/file",
            "/etc/passwd",
            "a\\b",
            "C:x",
            "a\n",
            "a\0",
            "a.",
            " a",
            "a.part",
            "a.PART.json",
            "safe\u{202e}nosj.exe",
            "a\u{200b}",
            "\u{feff}a",
            "a\u{2066}b",
            "a\u{e0041}",
            "a\u{a0}",
            "CON",
            "nul.txt",
            "Aux.tar.gz",
            "prn .bin",
            "com1",
            "LPT9.a",
            "COM²",
            "conin$",
            "a?",
            "a*b",
            "<a",
            "a>",
            "a|b",
            "a\"",
            &"x".repeat(LONGEST + 1),
        ] {
            assert!(
                problem(["good", bad]).is_some_and(|(name, _)| name == bad),
                "{bad:?}"
            );
        }
        assert!(problem(["a", "A"]).is_some());
    }
}
