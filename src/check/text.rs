//! What `rl-mcp check` says of tokenizers.

use std::io::{self, Write};
use std::sync::Arc;

use crate::config::{Config, HF_ENDPOINT, HF_HUB_OFFLINE};
use crate::context::Context;
use crate::text::IDLE;
use crate::text::files::{Cached, Reached, cached, reach};
use crate::train::view::{Looked, Now};

/// How many tokenizers are named.
const MOST_NAMED: usize = 8;

/// What was found out about tokenizers.
pub(super) struct Text {
    cached: Vec<Cached>,
    /// `None`: nobody was asked.
    hub: Option<Reached>,
}

/// Looks what there is. The hub is asked only where somebody uses it: one was named, or something came from it before.
pub(super) async fn look(context: &Arc<Context>) -> Text {
    let cached = cached(context);
    let hub = &context.config().hub;
    let used = hub.is_named || !cached.is_empty();
    let hub = if used && !hub.offline && !context.config().sandbox {
        Some(reach(context).await)
    } else {
        None
    };
    Text { cached, hub }
}

/// The training runs that are not over, or left something up.
pub(super) fn write_runs(config: &Config, out: &mut impl Write) -> io::Result<()> {
    let Some(data) = &config.data else { return Ok(()) };
    for looked in Looked::newest(data) {
        let (id, state) = (looked.place.id(), &looked.state);
        let up: Vec<&str> = state.left_up().map(|(_, held)| held.id.as_str()).collect();
        let next = match looked.now {
            Now::Worked(_) => String::new(),
            Now::Interrupted => format!("; go on with: rl-mcp train --resume {id}"),
            Now::Ended(_) if up.is_empty() => continue,
            Now::Ended(_) => format!("; STILL UP: {}", up.join(", ")),
        };
        writeln!(
            out,
            "Training run {id}: {}, {} of {} steps{next}",
            looked.status(),
            state.step,
            state.steps
        )?;
    }
    Ok(())
}

impl Text {
    pub(super) fn write(&self, context: &Context, out: &mut impl Write) -> io::Result<()> {
        let minutes = IDLE.as_secs() / 60;
        let count = match self.cached.len() {
            0 => "none".to_owned(),
            count => count.to_string(),
        };
        writeln!(
            out,
            "Tokenizers: {count} on this machine; the server keeps one in memory, for {minutes} minutes after its last use"
        )?;
        for Cached { model, commit, place } in self.cached.iter().take(MOST_NAMED) {
            let short = commit.get(..12).unwrap_or(commit);
            writeln!(out, "  cached    {model} at {short}, in {place}")?;
        }
        if let Some(more @ 1..) = self.cached.len().checked_sub(MOST_NAMED) {
            writeln!(out, "  cached    {more} more")?;
        }
        let hub = &context.config().hub;
        let endpoint = hub.endpoint.as_str().trim_end_matches('/');
        let from = if hub.is_named { HF_ENDPOINT } else { "default" };
        let state = match &self.hub {
            _ if hub.offline => format!("not asked, as {HF_HUB_OFFLINE} is set"),
            None => "not asked, as no tokenizer came from it yet".to_owned(),
            Some(Reached(Ok(took))) => format!("answered in {} ms", took.as_millis()),
            Some(Reached(Err(why))) => format!("NOT REACHED: {why}. What is cached works without it"),
        };
        writeln!(out, "  hub       {endpoint} ({from}): {state}")
    }
}
