//! A grader as the argument of a tool.

use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::arguments::Written;
use crate::context::Call;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, or_inline};
use crate::files::LARGEST_JSON;
use crate::grade::{self, Commands, Grade};
use crate::json;
use crate::work::blocking;

const GRADER: &str = "grader";
const GRADER_PATH: &str = "grader_path";

/// A grader, written into the call or in a file.
#[derive(Clone, Copy)]
pub(crate) struct GraderArgument<'a> {
    pub(crate) grader: Option<&'a Written>,
    pub(crate) path: Option<&'a str>,
}

impl GraderArgument<'_> {
    /// Whether there is one.
    pub(crate) const fn is_given(self) -> bool {
        self.grader.is_some() || self.path.is_some()
    }

    /// The argument that it came in.
    pub(crate) const fn name(self) -> &'static str {
        if self.path.is_some() { GRADER_PATH } else { GRADER }
    }

    /// Reports what is wrong with one that is written into the call, and that there is none.
    pub(crate) fn check(self, problems: &mut Problems) {
        match (self.grader, self.path) {
            (Some(_), Some(_)) => problems.add(
                &Path::Root.key(GRADER_PATH),
                "stands in place of grader: give one of them",
            ),
            (None, None) if !problems.mention(&Path::Root.key(GRADER)) => problems.add(
                &Path::Root.key(GRADER),
                "is required: such as {\"type\": \"number\", \"expected\": \"{{row.answer}}\"} (or grader_path)",
            ),
            (Some(grader), None) => {
                let _ = grade::read(grader.raw(), &Path::Root.key(GRADER), &Commands::default(), problems);
            }
            _ => {}
        }
    }

    /// Makes it. `None`: it is reported what is wrong, or there is none.
    pub(crate) async fn read(
        self,
        call: &Call<'_>,
        problems: &mut Problems,
    ) -> Result<Option<Box<dyn Grade>>, ToolError> {
        let commands = Commands::of(call.context.config(), call.deadline - Instant::now());
        let (name, raw) = if let Some(path) = self.path {
            let text = call.context.config().files.read(path, LARGEST_JSON).await;
            let text: Box<RawValue> = match text.and_then(json::of_file) {
                Ok(text) => text,
                Err(problem) => {
                    problems.add(&Path::Root.key(GRADER_PATH), or_inline(&problem, GRADER));
                    return Ok(None);
                }
            };
            (GRADER_PATH, text)
        } else if let Some(grader) = self.grader {
            (GRADER, grader.raw().to_owned())
        } else {
            return Ok(None);
        };
        // Commands are looked up on the disk.
        let (grader, found) = blocking(move || {
            let mut found = Problems::default();
            let grader = grade::read(&raw, &Path::Root.key(name), &commands, &mut found);
            (grader, found)
        })
        .await?;
        problems.append(found);
        Ok(grader)
    }
}
