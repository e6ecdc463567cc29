//! The download of a tokenizer: everything is read first, then written under its commit, and named last.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::time::Instant;

use crate::client::{Fetched, Wanted};
use crate::config::Hub;
use crate::context::Context;
use crate::error::{Cause, ToolError};
use crate::work::blocking;

use super::cache::{BRANCH, FOLDER, folder, is_commit};
use super::{NAMES, refused};

/// How long a download may take in all; the call that began it may end before.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long somebody waits who only wants to know whether the hub is there.
const SHORT: Duration = Duration::from_secs(3);

/// Whether the hub answered, and how long that took.
pub struct Reached(pub Result<Duration, String>);

/// Asks the hub for something small.
pub async fn reach(context: &Context) -> Reached {
    let started = Instant::now();
    let wanted = Wanted {
        url: context.config().hub.endpoint.clone(),
        key: None,
        most: 4 << 20,
        deadline: started + SHORT,
    };
    Reached(match context.client().fetch(&wanted).await {
        Ok(_) => Ok(started.elapsed()),
        Err(Cause::Timeout(_)) => Err(format!("no answer within {} s", SHORT.as_secs())),
        Err(cause) => Err(cause.happened("it")),
    })
}

/// Downloads the tokenizer of a model into the data directory.
pub(super) async fn download(context: &Arc<Context>, model: &str) -> Result<(), ToolError> {
    let config = context.config();
    let data = config
        .data
        .as_ref()
        .map(Arc::clone)
        .ok_or_else(ToolError::no_data)?;
    if config.hub.offline {
        return Err(refused(
            &format!(
                "The tokenizer of {model} is in no cache of this machine, and HF_HUB_OFFLINE forbids the download."
            ),
            "ask the user to unset HF_HUB_OFFLINE and restart the server, or give tokenizer: a directory that has it.",
        ));
    }
    let file = Download {
        context,
        model,
        deadline: Instant::now() + PATIENCE,
    };
    let mut files = Vec::new();
    let mut commit = None;
    for (name, most) in NAMES {
        let fetched = file
            .fetch(commit.as_deref().unwrap_or(BRANCH), name, most)
            .await?;
        if commit.is_none() {
            commit = fetched.commit.clone().filter(|commit| is_commit(commit));
        }
        // Only the first one must be there.
        if fetched.status == 200 {
            files.push((name, fetched.body));
        }
    }
    let commit = commit.ok_or_else(|| file.failed(NAMES[0].0, "the hub names no commit (x-repo-commit)"))?;
    let folder = Path::new(FOLDER).join(folder(model));
    let written = blocking(move || {
        let snapshot = folder.join("snapshots").join(&commit);
        for (name, content) in &files {
            data.store(&snapshot, name, content)?;
        }
        data.store(&folder.join("refs"), BRANCH, commit.as_bytes())
    });
    written.await?.map(drop).map_err(|error| {
        refused(
            &format!("The tokenizer of {model} cannot be kept: {error}."),
            "ask the user to make room, or to name another data directory (RL_MCP_DATA_DIR).",
        )
    })
}

/// What all files of a download share.
struct Download<'a> {
    context: &'a Context,
    model: &'a str,
    deadline: Instant,
}

impl Download<'_> {
    fn hub(&self) -> &Hub {
        &self.context.config().hub
    }

    async fn fetch(&self, revision: &str, name: &str, most: u64) -> Result<Fetched, ToolError> {
        let address = self.address(revision, name);
        let url = Url::parse(&address).map_err(|_| self.failed(name, "its address is unusable"))?;
        let wanted = Wanted {
            url,
            key: self.hub().token.as_ref(),
            most: usize::try_from(most).unwrap_or(usize::MAX),
            deadline: self.deadline,
        };
        let fetched = self.context.client().fetch(&wanted).await;
        let fetched = fetched.map_err(|cause| self.failed(name, &words(&cause, &address)))?;
        match fetched.status {
            200 => Ok(fetched),
            404 if name != NAMES[0].0 => Ok(fetched),
            401 | 403 => Err(self.denied(fetched.status, &address)),
            404 if fetched.refusal.as_deref() == Some("EntryNotFound") => {
                Err(self.without_tokenizer(&address))
            }
            404 => Err(self.unknown(&address)),
            status => Err(self.failed(name, &format!("{address} answered HTTP {status}"))),
        }
    }

    fn address(&self, revision: &str, name: &str) -> String {
        let endpoint = self.hub().endpoint.as_str().trim_end_matches('/');
        format!("{endpoint}/{}/resolve/{revision}/{name}", self.model)
    }

    fn failed(&self, name: &str, why: &str) -> ToolError {
        refused(
            &format!("{name} of {} cannot be downloaded: {why}.", self.model),
            "call again; if it fails again, give tokenizer: a directory that has it, or ask the user whether HF_ENDPOINT is right.",
        )
    }

    fn denied(&self, status: u16, address: &str) -> ToolError {
        let held = if self.hub().token.is_some() {
            "the token in HF_TOKEN does not open it"
        } else {
            "HF_TOKEN is not set"
        };
        refused(
            &format!(
                "{address} answered HTTP {status}: {} is gated, private or misspelt, and {held}.",
                self.model
            ),
            "check the id; if it is right, ask the user to accept the model's terms on its page and to put a token that may read it into HF_TOKEN (in the host's mcp.json, under \"env\"), then restart the server. Or give tokenizer: a model with the same tokenizer that is open, or a directory.",
        )
    }

    fn without_tokenizer(&self, address: &str) -> ToolError {
        refused(
            &format!(
                "{} has no tokenizer.json ({address}): its tokenizer is of another kind, such as tiktoken or SentencePiece.",
                self.model
            ),
            "give tokenizer: a model with the same tokenizer that has the file, or a directory.",
        )
    }

    fn unknown(&self, address: &str) -> ToolError {
        refused(
            &format!("{} is not on the hub ({address} answered HTTP 404).", self.model),
            "check the id, or give tokenizer: a directory, or the id of a model with the same tokenizer.",
        )
    }
}

fn words(cause: &Cause, address: &str) -> String {
    match cause {
        Cause::Status { status, .. } => format!("{address} answered HTTP {status}"),
        Cause::Timeout(_) => format!("{address} took more than {} s", PATIENCE.as_secs()),
        cause => cause.happened(address),
    }
}
