//! The report of a run, for people.

use std::fmt::Write as _;

use crate::STEPS;
use crate::curve::curve;
use crate::download::ADAPTER;
use crate::record::Record;
use crate::screen::wrapped;
use crate::task::{BLIND, FACTOR};

/// The report. With the width of a terminal, it has a drawing; without, plain lines for files and pipes. What was learned
/// comes last, in so few lines that a small screen still shows all of it.
pub(crate) fn report(record: &Record<'_>, width: Option<usize>) -> String {
    let mut text = tools(record);
    text.push_str(&end(record));
    if let Some(width) = width {
        let rewards: Vec<f64> = record.outcome.steps.iter().map(|step| step.reward).collect();
        text.push_str("\nMean reward by step (┈ the best without reading prompts)\n");
        text.push_str(&curve(&rewards, BLIND, width));
    } else {
        text.push_str("\nMean reward\n");
    }
    text.push_str(&rewards(record));
    text.push_str(&completions(record));
    wrapped(&text, width)
}

fn rewards(record: &Record<'_>) -> String {
    let (untrained, trained) = (record.untrained(), record.trained());
    let completions = record.outcome.before.completions();
    let verdict = if record.learned() {
        format!("{FACTOR:.0} times the untrained or more")
    } else {
        format!("less than {FACTOR:.0} times the untrained")
    };
    // Whoever tries a step or two sees why so little came of them.
    let few = record.options.steps < STEPS && !record.options.shuffle_advantages;
    let hint = if few && !record.learned() {
        format!("  Few steps teach little: {STEPS}, as without --steps, are enough.\n")
    } else {
        String::new()
    };
    format!(
        "  untrained                      {untrained:.3}   in the {completions} completions of the first step\n  best without reading prompts   {BLIND:.3}\n  trained                        {trained:.3}   {verdict}\n{hint}"
    )
}

fn completions(record: &Record<'_>) -> String {
    let mut rows = vec![["prompt".to_owned(), "untrained".to_owned(), "trained".to_owned()]];
    for example in record.examples() {
        let pairs = example.before.into_iter().zip(example.after).take(1);
        rows.extend(pairs.map(|(before, after)| [example.prompt.to_owned(), before, after]));
    }
    format!("\nCompletions\n{}", table(&rows, [false, false, false]))
}

fn tools(record: &Record<'_>) -> String {
    let failures = record.ledger.failed() > 0;
    let mut rows = vec![["tool".to_owned(), "calls".to_owned(), "median ms".to_owned()]];
    for entry in record.ledger.entries() {
        let calls = if failures && entry.failed > 0 {
            format!("({} failed) {}", entry.failed, entry.calls())
        } else {
            entry.calls().to_string()
        };
        rows.push([entry.tool.to_owned(), calls, format!("{:.2}", entry.median())]);
    }
    format!("\nTools\n{}", table(&rows, [false, true, true]))
}

fn end(record: &Record<'_>) -> String {
    let mut text = "\n".to_owned();
    let _ = match &record.outcome.adapter {
        Some(adapter) => {
            let place = record.options.save.as_ref().map_or_else(
                || "not kept; --save DIR keeps it".to_owned(),
                |directory| format!("kept in {}", directory.display()),
            );
            writeln!(
                text,
                "Adapter  {ADAPTER}, {} bytes, FNV-1a {}\n         {place}",
                adapter.bytes, adapter.checksum
            )
        }
        None => writeln!(text, "Adapter  none came"),
    };
    let price = &record.outcome.price;
    let _ = writeln!(
        text,
        "Price    {} {} per hour were quoted; session and model resource are stopped",
        price.price_per_hour, price.currency
    );
    let _ = writeln!(
        text,
        "Time     {:.1} s, {} calls of tools, {} of them failed",
        record.seconds,
        record.ledger.calls(),
        record.ledger.failed()
    );
    text
}

/// Rows in columns, two spaces apart. Columns of numbers end at the same place.
fn table<const N: usize>(rows: &[[String; N]], numbers: [bool; N]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), number) in row.iter().zip(widths).zip(numbers) {
            let _ = if number {
                write!(line, "  {cell:>width$}")
            } else {
                write!(line, "  {cell:<width$}")
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_straight_columns() {
        let rows = [["tool", "calls"], ["sample", "7"], ["x", "1234567"]].map(|row| row.map(str::to_owned));
        let expected = "  tool      calls\n  sample        7\n  x       1234567\n";
        assert_eq!(table(&rows, [false, true]), expected);
    }
}
