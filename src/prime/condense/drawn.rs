//! The metrics of a run as a picture.

use std::io;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chart::{Chart, Series};

/// So many columns are told apart.
const MOST: usize = 4;

#[derive(Deserialize)]
struct Metrics {
    metrics: Vec<Map<String, Value>>,
}

/// A picture of these columns, or without any of the reward or else the loss; `None`: there is no such number.
pub(crate) fn drawn(metrics: &str, title: &str, columns: &[String]) -> io::Result<Option<Vec<u8>>> {
    let Ok(Metrics { metrics }) = serde_json::from_str(metrics) else {
        return Ok(None);
    };
    let chosen: Vec<&str> = if columns.is_empty() {
        usual(&metrics).into_iter().collect()
    } else {
        columns.iter().map(String::as_str).take(MOST).collect()
    };
    let several = chosen.len() > 1;
    let series = chosen.iter().enumerate().flat_map(|(color, name)| {
        let points = metrics.iter().enumerate().filter_map(|(index, row)| {
            Some((
                number(row, "step").unwrap_or_else(|| place(index)),
                number(row, name)?,
            ))
        });
        let [mut faint, mut smooth] = Series::of_run("each step", points.collect(), color);
        if several {
            faint.name.clear();
            (*name).clone_into(&mut smooth.name);
            // Two lines for each would be too many.
            return vec![smooth];
        }
        vec![faint, smooth]
    });
    let chart = Chart {
        title,
        x: "step",
        y: match chosen.as_slice() {
            [one] if one.len() <= 8 => one,
            _ => "",
        },
        series: series.collect(),
    };
    chart.png()
}

/// The column that says most.
fn usual(metrics: &[Map<String, Value>]) -> Option<&str> {
    let names = || metrics.iter().flat_map(|row| row.keys()).map(String::as_str);
    let has = |name: &&str, parts: &[&str]| parts.iter().all(|part| name.contains(part));
    let kinds: [&[&str]; 4] = [&["reward", "mean"], &["reward"], &["loss", "mean"], &["loss"]];
    kinds
        .into_iter()
        .find_map(|parts| names().find(|name| has(name, parts)))
}

fn number(row: &Map<String, Value>, name: &str) -> Option<f64> {
    let value = row.get(name)?;
    // Numbers may come as texts.
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 rows")]
const fn place(index: usize) -> f64 {
    index as f64
}
