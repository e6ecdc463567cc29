//! What a run comes to, for people: a curve of letters, and `report.md`.

use std::fmt::Write as _;
use std::io;

use serde_json::{Map, Value};

use super::Frozen;
use super::place::Place;
use super::state::State;
use super::steps::{EVALUATIONS, Evaluation, ROLLOUTS, STEPS, Step, alarms, short};
use crate::chart::{Chart, Kind, Series};
use crate::files::data::REPORT;

/// The picture of the curve.
pub(crate) const CURVE: &str = "curve.png";
/// How wide a curve of letters is.
const WIDTH: usize = 60;
/// How many lines the table of steps has.
const LINES: usize = 12;
/// How much is shown of a text, in characters.
const LONGEST: usize = 600;

/// A curve of letters: each a mean of what falls into it, from the lowest value to the highest.
pub(crate) fn sparkline(values: &[f64], width: usize) -> String {
    const LETTERS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let count = width.min(values.len());
    let means: Vec<f64> = (0..count)
        .filter_map(|index| {
            let (start, end) = (index * values.len() / count, (index + 1) * values.len() / count);
            super::steps::mean(values.get(start..end)?)
        })
        .collect();
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    let most = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let letter = |value: &f64| {
        let share = if most > least {
            (value - least) / (most - least)
        } else {
            0.5
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 7"
        )]
        let index = (share * 7.0).round() as usize;
        LETTERS.get(index).copied().unwrap_or('▁')
    };
    means.iter().map(letter).collect()
}

/// What is drawn of a run: its reward, or for sft its loss.
pub(crate) fn curve(steps: &[Step]) -> Option<(&'static str, Vec<f64>)> {
    let rewards: Vec<f64> = steps.iter().filter_map(|step| step.reward).collect();
    if !rewards.is_empty() {
        return Some(("reward", rewards));
    }
    let losses: Vec<f64> = steps.iter().filter_map(|step| step.loss).collect();
    (!losses.is_empty()).then_some(("loss", losses))
}

/// A curve with its ends in words.
pub(crate) fn curve_line(steps: &[Step]) -> Option<String> {
    let (name, values) = curve(steps)?;
    let (first, last) = (values.first()?, values.last()?);
    Some(format!(
        "{name} {} {} {}",
        short(*first),
        sparkline(&values, WIDTH),
        short(*last)
    ))
}

/// Some of the steps, evenly chosen, the first and the last among them.
pub(crate) fn chosen(steps: &[Step], most: usize) -> Vec<&Step> {
    if steps.len() <= most || most < 2 {
        return steps.iter().collect();
    }
    (0..most)
        .filter_map(|index| steps.get(index * (steps.len() - 1) / (most - 1)))
        .collect()
}

/// Draws the curve of a run into its directory, and returns the picture; `None`: no step is done. Blocks.
pub(crate) fn draw(place: &Place) -> io::Result<Option<Vec<u8>>> {
    let steps: Vec<Step> = place.lines(STEPS)?;
    let evaluations: Vec<Evaluation> = place.lines(EVALUATIONS)?;
    let Some((name, _)) = curve(&steps) else {
        return Ok(None);
    };
    let figure = |reward: Option<f64>, loss: Option<f64>| if name == "reward" { reward } else { loss };
    let points = steps
        .iter()
        .filter_map(|step| Some((number(step.step), figure(step.reward, step.loss)?)));
    let mut series: Vec<Series> = Series::of_run("each step", points.collect(), 0).into();
    let held_out: Vec<(f64, f64)> = evaluations
        .iter()
        .filter_map(|held_out| Some((number(held_out.step), figure(held_out.reward, held_out.loss)?)))
        .collect();
    if !held_out.is_empty() {
        series.push(Series {
            name: "held out".to_owned(),
            points: held_out,
            kind: Kind::Points,
            color: 1,
        });
    }
    let chart = Chart {
        title: place.id(),
        x: "step",
        y: name,
        series,
    };
    let picture = chart.png()?;
    if let Some(picture) = &picture {
        place.replace(CURVE, picture)?;
    }
    Ok(picture)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 steps")]
const fn number(step: usize) -> f64 {
    step as f64
}

/// Writes the report. Blocks.
pub(crate) fn write(place: &Place) -> io::Result<()> {
    draw(place)?;
    place.replace(REPORT, text_of(place)?.as_bytes())
}

/// The report of a run as it is now. Blocks.
pub(crate) fn text_of(place: &Place) -> io::Result<String> {
    let state = State::read(place)?.unwrap_or_default();
    let frozen = Frozen::read(place)?;
    let steps: Vec<Step> = place.lines(STEPS)?;
    let evaluations: Vec<Evaluation> = place.lines(EVALUATIONS)?;
    let last = steps
        .iter()
        .rev()
        .find(|step| step.reward.is_some())
        .map(|step| step.step);
    let rollouts: Vec<Map<String, Value>> = match last {
        Some(step) => place.lines(&rollouts(step))?,
        None => Vec::new(),
    };
    Ok(text(
        place,
        &state,
        frozen.as_ref(),
        &steps,
        &evaluations,
        &rollouts,
    ))
}

/// The file with a step's completions.
pub(crate) fn rollouts(step: usize) -> String {
    format!("{ROLLOUTS}/{step}.jsonl")
}

fn text(
    place: &Place,
    state: &State,
    frozen: Option<&Frozen>,
    steps: &[Step],
    evaluations: &[Evaluation],
    rollouts: &[Map<String, Value>],
) -> String {
    let mut text = format!("# Training run {}\n\n", place.id());
    let why = state
        .why
        .as_deref()
        .map_or_else(String::new, |why| format!(": {why}"));
    let _ = writeln!(
        text,
        "{} after {} of {} steps{why}\n",
        state.status.name(),
        state.step,
        state.steps
    );
    if let Some(line) = curve_line(steps) {
        let _ = writeln!(text, "    {line}\n\n![{}]({CURVE})\n", place.id());
    }
    for alarm in alarms(steps) {
        let _ = writeln!(text, "**{alarm}**\n");
    }
    if !steps.is_empty() {
        table(&mut text, steps);
    }
    if !evaluations.is_empty() {
        text.push_str("\n## Held out\n\n| after step | reward | loss | rows |\n|---:|---:|---:|---:|\n");
        let cell = |value: Option<f64>| value.map_or_else(String::new, short);
        for evaluation in evaluations {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                evaluation.step,
                cell(evaluation.reward),
                cell(evaluation.loss),
                evaluation.rows
            );
        }
    }
    if !rollouts.is_empty() {
        text.push_str("\n## Completions of the last step\n");
        for (title, index) in examples(rollouts) {
            if let Some(rollout) = rollouts.get(index) {
                example(&mut text, title, rollout);
            }
        }
    }
    text.push_str("\n## What came of it\n\n");
    for (what, saved) in [
        (
            "Inference checkpoint (download-checkpoint)",
            &state.inference_checkpoint,
        ),
        ("Training checkpoint (to go on from)", &state.training_checkpoint),
    ] {
        if let Some(saved) = saved {
            let _ = writeln!(text, "- {what}: `{}`, after step {}", saved.id, saved.step);
        }
    }
    let _ = writeln!(text, "- {} tokens sampled and trained on", state.tokens);
    if let Some(usd) = state.usd() {
        let _ = writeln!(text, "- about {usd:.2} USD");
    }
    for (what, held) in state.left_up() {
        let _ = writeln!(text, "- **still up: {what} {}**", held.id);
    }
    if let Some(frozen) = frozen {
        let recipe: Option<Value> = serde_json::from_str(frozen.recipe.get()).ok();
        let recipe = recipe.and_then(|recipe| serde_json::to_string_pretty(&recipe).ok());
        if let Some(recipe) = recipe {
            let _ = writeln!(text, "\n## Recipe\n\n```json\n{recipe}\n```");
        }
    }
    text
}

fn table(text: &mut String, steps: &[Step]) {
    text.push_str("| step | reward | loss | KL | entropy | equal groups | cut off | tokens | s |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    let cell = |value: Option<f64>| value.map_or_else(String::new, short);
    for step in chosen(steps, LINES) {
        let seconds = step.seconds.sampling + step.seconds.training + step.seconds.here;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {seconds:.1} |",
            step.step,
            cell(step.reward),
            cell(step.loss),
            cell(step.kl()),
            cell(step.entropy()),
            cell(step.equal_groups),
            cell(step.cut),
            cell(step.mean_tokens),
        );
    }
}

/// The best, the worst and one that stands for the rest, by index.
fn examples(rollouts: &[Map<String, Value>]) -> Vec<(&'static str, usize)> {
    let reward = |rollout: &Map<String, Value>| rollout.get("reward").and_then(Value::as_f64);
    let mut ranked: Vec<(usize, f64)> = rollouts
        .iter()
        .enumerate()
        .filter_map(|(index, rollout)| Some((index, reward(rollout)?)))
        .collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let at = |place: usize| ranked.get(place).map(|(index, _)| *index);
    let middle = at(ranked.len() / 2);
    let named = [
        ("best", at(0)),
        ("worst", ranked.last().map(|(index, _)| *index)),
        ("one of the middle", middle),
    ];
    named
        .into_iter()
        .filter_map(|(title, index)| Some((title, index?)))
        .collect()
}

fn example(text: &mut String, title: &str, rollout: &Map<String, Value>) {
    let of = |name: &str| rollout.get(name).and_then(Value::as_str).unwrap_or_default();
    let reward = rollout.get("reward").and_then(Value::as_f64).unwrap_or_default();
    let _ = write!(
        text,
        "\n### The {title}: {} ({})\n\n{}\n\n{}\n",
        short(reward),
        of("why"),
        quoted(of("prompt")),
        quoted(of("text"))
    );
}

/// A text that no mark in it can end.
fn quoted(text: &str) -> String {
    let end = text
        .char_indices()
        .nth(LONGEST)
        .map_or(text.len(), |(end, _)| end);
    let cut = text.get(..end).unwrap_or(text);
    let more = if end < text.len() { "…" } else { "" };
    let lines = cut.lines().map(|line| format!("    {line}"));
    let mut quoted: Vec<String> = lines.collect();
    if let Some(last) = quoted.last_mut() {
        last.push_str(more);
    }
    quoted.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_from_its_least_to_its_most() {
        assert_eq!(
            sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 60),
            "▁▂▃▄▅▆▇█"
        );
        assert_eq!(sparkline(&[1.0, 1.0, f64::NAN], 60), "▅▅");
        assert_eq!(sparkline(&[], 60), "");
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(sparkline(&many, 8), "▁▂▃▄▅▆▇█");
    }
}
