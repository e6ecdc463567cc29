//! Which tools were called, how often, and how long they took.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// The calls of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Vec<Entry>);

/// The calls of one tool.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) tool: &'static str,
    /// Milliseconds of each call.
    times: Vec<f64>,
    /// How many of them failed.
    pub(crate) failed: usize,
}

impl Ledger {
    pub(crate) fn enter(&mut self, tool: &'static str, elapsed: Duration, failed: bool) {
        let place = self.0.iter().position(|entry| entry.tool == tool);
        let place = place.unwrap_or_else(|| {
            self.0.push(Entry {
                tool,
                times: Vec::new(),
                failed: 0,
            });
            self.0.len() - 1
        });
        if let Some(entry) = self.0.get_mut(place) {
            entry.times.push(elapsed.as_secs_f64() * 1000.0);
            entry.failed += usize::from(failed);
        }
    }

    /// The tools in the order in which they were first called.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Calls in all.
    pub(crate) fn calls(&self) -> usize {
        self.0.iter().map(Entry::calls).sum()
    }

    /// Calls that failed.
    pub(crate) fn failed(&self) -> usize {
        self.0.iter().map(|entry| entry.failed).sum()
    }

    /// As it stands in the record.
    pub(crate) fn json(&self) -> Value {
        let entry = |entry: &Entry| {
            let sums = json!({
                "calls": entry.calls(),
                "failed": entry.failed,
                "median_ms": rounded(entry.median()),
                "total_ms": rounded(entry.times.iter().sum()),
            });
            (entry.tool.to_owned(), sums)
        };
        Value::Object(self.0.iter().map(entry).collect::<Map<_, _>>())
    }
}

impl Entry {
    pub(crate) fn calls(&self) -> usize {
        self.times.len()
    }

    /// The median of the milliseconds.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let lower = sorted
            .get(sorted.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or_default();
        f64::midpoint(lower, upper)
    }
}

fn rounded(milliseconds: f64) -> f64 {
    (milliseconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_tool_with_their_median() {
        let mut ledger = Ledger::default();
        for milliseconds in [4, 1, 9, 2] {
            ledger.enter("sample", Duration::from_millis(milliseconds), milliseconds == 9);
        }
        ledger.enter("weights-sync", Duration::from_millis(5), false);
        assert_eq!((ledger.calls(), ledger.failed()), (5, 1));
        let expected = json!({
            "sample": {"calls": 4, "failed": 1, "median_ms": 3.0, "total_ms": 16.0},
            "weights-sync": {"calls": 1, "failed": 0, "median_ms": 5.0, "total_ms": 5.0},
        });
        assert_eq!(ledger.json(), expected);
    }
}
