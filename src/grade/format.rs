//! `format`: tags, and an end of its own.

use schemars::JsonSchema;
use serde::Deserialize;

use super::commands::Commands;
use super::kind;
use super::{Failure, Grade, Score, Subject};
use crate::arguments::schema::{names, renamed, retired};
use crate::error::problems::{Path, Problems};

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("pattern", "is for type regex; tags are the names of tags, such as [\"think\", \"answer\"]"),
    ("regex", "is for type regex; tags are the names of tags, such as [\"think\", \"answer\"]"),
]), transform = renamed(&[("tag", "tags"), ("names", "tags")]))]
pub(super) struct Members {
    /// Their names, such as think and answer, in the order in which they have to come.
    #[schemars(transform = names)]
    tags: Option<Vec<String>>,
    /// Whether what the token limit cut off fails. Default true.
    ended: Option<bool>,
}

struct Ready {
    tags: Vec<(String, String)>,
    ended: bool,
}

impl kind::Members for Members {
    fn ready(self, path: &Path<'_>, _: &Commands, problems: &mut Problems) -> Option<Box<dyn Grade>> {
        let at = path.key("tags");
        let mut tags = Vec::new();
        for (index, tag) in self.tags.iter().flatten().enumerate() {
            let name = tag
                .trim()
                .trim_start_matches('<')
                .trim_end_matches('>')
                .trim_matches('/');
            if name.is_empty() || name.contains(['<', '>']) {
                problems.add(&at.index(index), "is no name of a tag, such as think");
            }
            tags.push((format!("<{name}>"), format!("</{name}>")));
        }
        Some(Box::new(Ready {
            tags,
            ended: self.ended.unwrap_or(true),
        }))
    }
}

impl Grade for Ready {
    fn score(&self, subject: &Subject<'_>) -> Result<Score, Failure> {
        if self.ended && subject.stop_reason.is_some_and(is_cut) {
            return Ok(Score::pass(false, "the token limit cut it off"));
        }
        let mut last = ("", 0);
        for tag in self.tags.iter().flat_map(|(open, close)| [open, close]) {
            let mut places = subject.text.match_indices(tag.as_str());
            let Some((at, _)) = places.next() else {
                return Ok(Score::pass(false, format!("has no {tag}")));
            };
            if places.next().is_some() {
                return Ok(Score::pass(false, format!("has {tag} more than once")));
            }
            if at < last.1 {
                return Ok(Score::pass(false, format!("has {tag} before {}", last.0)));
            }
            last = (tag, at);
        }
        Ok(Score::pass(true, "as it should be"))
    }
}

/// Whether a completion that ended so was cut off.
fn is_cut(reason: &str) -> bool {
    let reason = reason.to_ascii_uppercase();
    reason.contains("LENGTH") || reason.contains("MAX_TOKENS")
}
