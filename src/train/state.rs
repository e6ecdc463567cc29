//! How far a run is: `state.json`, replaced as a whole at each change.

use std::io;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::place::Place;

/// The file that holds it.
pub(crate) const FILE: &str = "state.json";

/// How far a run is.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct State {
    pub(crate) status: Status,
    /// Why it ended, or what keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Steps that are done, of how many.
    pub(crate) step: usize,
    pub(crate) steps: usize,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) doing: Option<String>,
    pub(crate) started_at: String,
    pub(crate) updated_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<String>,
    /// Where it trains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<Held>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<Held>,
    /// The model as it was, for the KL term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<Held>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usd_per_hour: Option<f64>,
    /// How long what it made was up.
    #[serde(default)]
    pub(crate) billed_seconds: f64,
    /// How often it had to begin anew from a checkpoint: part of each idempotency key.
    #[serde(default)]
    pub(crate) attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) training_checkpoint: Option<Saved>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inference_checkpoint: Option<Saved>,
    /// The most tokens of one body, once one was too large for the trainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) most_tokens: Option<usize>,
    /// Tokens sampled and trained on.
    #[serde(default)]
    pub(crate) tokens: u64,
}

/// How it is with a run.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// GPUs and a session are being got.
    #[default]
    Starting,
    Running,
    /// It saves, and ends what it made.
    Ending,
    Completed,
    /// By a limit or by request.
    Stopped,
    Failed,
}

impl Status {
    /// Whether it goes no further by itself.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Stopped | Self::Failed)
    }

    /// As it is shown.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// Something at the service that a run uses.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Held {
    pub(crate) id: String,
    /// Whether the run made it, and ends it.
    pub(crate) is_own: bool,
    /// Whether it has been ended.
    #[serde(default)]
    pub(crate) is_ended: bool,
}

impl Held {
    /// What was given.
    pub(crate) const fn given(id: String) -> Self {
        Self {
            id,
            is_own: false,
            is_ended: false,
        }
    }

    /// What the run made.
    pub(crate) const fn own(id: String) -> Self {
        Self {
            id,
            is_own: true,
            is_ended: false,
        }
    }

    /// Whether the run has to end it still.
    pub(crate) const fn is_to_end(&self) -> bool {
        self.is_own && !self.is_ended
    }
}

/// A checkpoint.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Saved {
    pub(crate) id: String,
    /// After which step.
    pub(crate) step: usize,
}

impl State {
    /// Reads it; `None`: the run was never started. Blocks.
    pub(crate) fn read(place: &Place) -> io::Result<Option<Self>> {
        let text = place.read(FILE)?;
        text.map(|text| serde_json::from_str(&text).map_err(io::Error::other))
            .transpose()
    }

    /// Writes it for those who look. Blocks.
    pub(crate) fn show(&self, place: &Place) -> io::Result<()> {
        place.replace_lightly(FILE, serde_json::to_string_pretty(self)?.as_bytes())
    }

    /// Writes it. Blocks.
    pub(crate) fn write(&self, place: &Place) -> io::Result<()> {
        place.replace(FILE, serde_json::to_string_pretty(self)?.as_bytes())
    }

    /// What the run has cost so far, as far as its price is known.
    pub(crate) fn usd(&self) -> Option<f64> {
        Some(self.usd_per_hour? * self.billed_seconds / 3600.0)
    }

    /// What the run made and has not ended.
    pub(crate) fn left_up(&self) -> impl Iterator<Item = (&'static str, &Held)> {
        let all = [
            ("training session", &self.session),
            ("training session", &self.reference),
            ("model resource", &self.resource),
        ];
        all.into_iter()
            .filter_map(|(what, held)| Some((what, held.as_ref()?)))
            .filter(|(_, held)| held.is_to_end())
    }
}

/// Now, as it is written.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
