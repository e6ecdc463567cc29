//! An operation's id out of the name of a file that was kept of it, which some write in the id's place.

use uuid::Uuid;

/// What the names of the files of a sampling begin with.
pub(crate) const SAMPLE: &str = "sample";

/// The id in the name of a sampling's file, or in its path, with or without the ending; `None`: it is no such name. An id
/// of the service's is a UUID, so nothing that is one is taken for a name.
#[must_use]
pub(crate) fn operation_of(name: &str) -> Option<&str> {
    let name = name.trim();
    let own = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let is_file = [".json", ".jsonl"].iter().any(|end| own.ends_with(end));
    let stem = own.split('.').next().filter(|_| is_file).unwrap_or(own);
    let id = stem.strip_prefix(SAMPLE).and_then(|rest| rest.strip_prefix('-'));
    match id {
        Some(id) if is_uuid(id) || (is_file && !id.is_empty()) => Some(id),
        _ => Some(stem).filter(|stem| *stem != name && is_uuid(stem)),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == uuid::fmt::Hyphenated::LENGTH && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "2c92b1a0-9d44-4f0e-b7a6-5e2d1c3b4a59";

    #[test]
    fn a_file_of_a_sampling_names_its_operation() {
        for name in [
            format!("sample-{ID}"),
            format!("sample-{ID}.json"),
            format!("/data/results/s-1/sample-{ID}.request.json"),
            format!("C:\\data\\sample-{ID}.completions.jsonl"),
            format!("results/{ID}.json"),
        ] {
            assert_eq!(operation_of(&name), Some(ID), "{name}");
        }
        assert_eq!(operation_of("sample-op-1.json"), Some("op-1"));
    }

    #[test]
    fn an_id_is_no_name_of_a_file() {
        let of_another_tool = format!("forward-backward-pass-{ID}.json");
        for name in [
            ID,
            "op-1",
            "sample",
            "sample-op",
            "sample-.json",
            "a/b",
            "",
            &of_another_tool,
        ] {
            assert_eq!(operation_of(name), None, "{name}");
        }
    }
}
