//! What the components of a run have written.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::bounds::LOG_LINES;
use crate::clock::stamp;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Success,
    Warning,
    Error,
}

impl Level {
    /// The levels, as the API spells them.
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("ERROR", Self::Error),
        ("WARNING", Self::Warning),
        ("SUCCESS", Self::Success),
        ("INFO", Self::Info),
        ("DEBUG", Self::Debug),
    ];

    fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, level)| *level == self);
        named.map_or("INFO", |(name, _)| name)
    }
}

/// One line.
#[derive(Debug)]
struct Line {
    at: SystemTime,
    level: Level,
    component: &'static str,
    /// Which of several environments.
    env: Option<String>,
    text: String,
}

/// The lines of a run.
#[derive(Debug, Default)]
pub(super) struct Logs {
    lines: VecDeque<Line>,
}

/// Which lines to show. All conditions must hold.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    pub(super) component: &'a str,
    pub(super) env: Option<&'a str>,
    pub(super) level: Option<Level>,
    /// Only what is not older.
    pub(super) since: Option<Duration>,
    /// Only what contains this text.
    pub(super) search: Option<&'a str>,
    /// The newest of what is left.
    pub(super) tail: usize,
}

impl Logs {
    /// Adds a line.
    pub(super) fn add(
        &mut self,
        at: SystemTime,
        level: Level,
        component: &'static str,
        text: impl Into<String>,
    ) {
        self.push(Line {
            at,
            level,
            component,
            env: None,
            text: text.into(),
        });
    }

    /// Adds a line of an environment's server.
    pub(super) fn add_of_env(&mut self, at: SystemTime, level: Level, env: &str, text: impl Into<String>) {
        self.push(Line {
            at,
            level,
            component: "env-server",
            env: Some(env.to_owned()),
            text: text.into(),
        });
    }

    fn push(&mut self, line: Line) {
        if self.lines.len() == LOG_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The chosen lines, oldest first, in the trainer's layout: time, level, message.
    pub(super) fn show(&self, filter: &Filter<'_>, now: SystemTime) -> String {
        let chosen = self.lines.iter().rev().filter_map(|line| {
            let text = line.to_string();
            let holds = line.component == filter.component
                && filter.env.is_none_or(|env| line.env.as_deref() == Some(env))
                && filter.level.is_none_or(|level| line.level == level)
                && filter.since.is_none_or(|since| line.at + since >= now)
                && filter.search.is_none_or(|search| text.contains(search));
            holds.then_some(text)
        });
        let mut lines: Vec<String> = chosen.take(filter.tail).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// The newest line of a level.
    pub(super) fn newest(&self, level: Level) -> Option<String> {
        let line = self.lines.iter().rev().find(|line| line.level == level);
        line.map(ToString::to_string)
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stamp = stamp(self.at);
        // 2026-11-24T17:50:01.123Z
        let time = stamp.get(11..19).unwrap_or(&stamp);
        write!(f, "{time} {:>7} {}", self.level.name(), self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000_000);

    fn logs() -> Logs {
        let mut logs = Logs::default();
        let at = |seconds| SystemTime::UNIX_EPOCH + START + Duration::from_secs(seconds);
        logs.add(at(0), Level::Info, "trainer", "Starting");
        logs.add(at(10), Level::Success, "trainer", "Step 1 | Loss: 0.5");
        logs.add(at(20), Level::Success, "trainer", "Step 2 | Loss: 0.4");
        logs.add(at(20), Level::Success, "orchestrator", "Step 2 | Reward: 0.1");
        logs.add_of_env(at(30), Level::Info, "one", "Serving");
        logs.add_of_env(at(40), Level::Info, "two", "Serving");
        logs
    }

    fn shown(change: impl FnOnce(&mut Filter<'static>)) -> Vec<String> {
        let mut filter = Filter {
            component: "trainer",
            env: None,
            level: None,
            since: None,
            search: None,
            tail: 1000,
        };
        change(&mut filter);
        let now = SystemTime::UNIX_EPOCH + START + Duration::from_secs(80);
        let text = logs().show(&filter, now);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_have_time_level_and_message() {
        assert_eq!(
            shown(|_| ()),
            [
                "13:46:40    INFO Starting",
                "13:46:50 SUCCESS Step 1 | Loss: 0.5",
                "13:47:00 SUCCESS Step 2 | Loss: 0.4"
            ]
        );
    }

    #[test]
    fn each_filter_narrows_and_the_tail_counts_what_is_left() {
        assert_eq!(shown(|filter| filter.level = Some(Level::Success)).len(), 2);
        assert_eq!(
            shown(|filter| filter.since = Some(Duration::from_secs(70))).len(),
            2
        );
        assert_eq!(shown(|filter| filter.search = Some("Loss: 0.4")).len(), 1);
        assert_eq!(shown(|filter| filter.component = "orchestrator").len(), 1);
        assert_eq!(shown(|filter| filter.component = "env-server").len(), 2);
        let one = shown(|filter| {
            filter.component = "env-server";
            filter.env = Some("one");
        });
        assert_eq!(one.len(), 1);
        let newest = shown(|filter| {
            filter.search = Some("Step");
            filter.tail = 1;
        });
        assert_eq!(newest, ["13:47:00 SUCCESS Step 2 | Loss: 0.4"]);
    }
}
