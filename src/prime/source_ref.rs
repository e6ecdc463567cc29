//! Which revision of the trainer's source a run uses.

/// The form of section 3 of the API: `^[0-9A-Za-z][0-9A-Za-z._/-]{0,199}$` and what git itself forbids.
pub(super) fn is_source_ref(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 200
        && text.chars().all(allowed)
        && !["..", "//", "/."].iter().any(|pair| text.contains(pair))
        && !text.ends_with(['/', '.'])
        && !text.split('/').any(|part| part.strip_suffix(".lock").is_some())
        && !text.starts_with("refs/")
        && !text.starts_with("pull/")
}

#[cfg(test)]
mod tests {
    use super::is_source_ref;

    #[test]
    fn source_refs_follow_the_published_form() {
        for good in ["main", "v0.10.1", "feature/x-1", "0a1b2c3"] {
            assert!(is_source_ref(good), "{good}");
        }
        let long = "a".repeat(201);
        for bad in [
            "",
            "-x",
            "a..b",
            "a//b",
            "a/.b",
            "a/",
            "a.",
            "a.lock/b",
            "refs/heads/main",
            "pull/3",
            "a b",
            &long,
        ] {
            assert!(!is_source_ref(bad), "{bad}");
        }
    }
}
