//! From the figures of the rounds to the table.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use crate::Result;
use crate::download::Rates;
use crate::pair::{Both, Flood};

/// One figure of each round.
#[derive(Default)]
pub(crate) struct Measured {
    /// Seconds from the spawn to the answer of `initialize`.
    pub(crate) initialized: Vec<f64>,
    /// Seconds from the spawn to the answer of `tools/list`.
    pub(crate) listed: Vec<f64>,
    pub(crate) small: Vec<Both>,
    pub(crate) default_small: Vec<Both>,
    /// The same through a plain rmcp server.
    pub(crate) peer_small: Vec<Both>,
    pub(crate) flood: Vec<Flood>,
    pub(crate) default_flood: Vec<Flood>,
    pub(crate) result: Vec<Both>,
    pub(crate) default_result: Vec<Both>,
    pub(crate) batch: Vec<Both>,
    /// Bytes after the small calls that were made one at a time.
    pub(crate) resident: Vec<f64>,
    /// Bytes after everything.
    pub(crate) resident_at_end: Vec<f64>,
    /// Downloads of a checkpoint.
    pub(crate) download: Vec<Rates>,
    pub(crate) binary_bytes: u64,
}

/// The median of times, in seconds.
pub(crate) fn median(times: &[Duration]) -> f64 {
    let seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    Spread::of(&seconds).median
}

/// The figures of the rounds, summed up.
struct Spread {
    least: f64,
    median: f64,
    greatest: f64,
}

impl Spread {
    /// All zero when there is no figure.
    fn of(figures: &[f64]) -> Self {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let last = sorted.len().saturating_sub(1);
        Self {
            least: at(0),
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            greatest: at(last),
        }
    }
}

/// How figures are written.
#[derive(Clone, Copy)]
struct Unit {
    name: &'static str,
    /// How many of them one of the base unit is.
    scale: f64,
    decimals: usize,
}

const MILLISECONDS: Unit = Unit {
    name: " ms",
    scale: 1e3,
    decimals: 3,
};
const MICROSECONDS: Unit = Unit {
    name: " µs",
    scale: 1e6,
    decimals: 1,
};
const MEGABYTES: Unit = Unit {
    name: " MB",
    scale: 1e-6,
    decimals: 2,
};
const PER_SECOND: Unit = Unit {
    name: "/s",
    scale: 1.0,
    decimals: 0,
};
const MEGABYTES_PER_SECOND: Unit = Unit {
    name: " MB/s",
    scale: 1e-6,
    decimals: 0,
};
const TIMES: Unit = Unit {
    name: "×",
    scale: 1.0,
    decimals: 2,
};
const PERCENT: Unit = Unit {
    name: " %",
    scale: 100.0,
    decimals: 0,
};

impl Unit {
    fn number(self, figure: f64) -> String {
        format!("{:.*}", self.decimals, figure * self.scale)
    }

    fn spread(self, figures: &[f64]) -> String {
        if figures.is_empty() {
            return "not known here".to_owned();
        }
        let Spread {
            least,
            median,
            greatest,
        } = Spread::of(figures);
        let (median, name) = (self.number(median), self.name);
        if figures.len() == 1 {
            return format!("{median}{name}");
        }
        format!(
            "{median}{name} ({}–{})",
            self.number(least),
            self.number(greatest)
        )
    }
}

/// What is wanted of a median.
#[derive(Clone, Copy)]
enum Goal {
    Under(f64),
    Over(f64),
}

impl Goal {
    fn text(self, unit: Unit) -> String {
        let (sign, bound) = match self {
            Self::Under(bound) => ("<", bound),
            Self::Over(bound) => (">", bound),
        };
        // Without what multiplying leaves behind: 0.12, not 0.12000000000000001.
        let shown = (bound * unit.scale * 1e6).round() / 1e6;
        format!("{sign} {shown}{}", unit.name)
    }

    fn verdict(self, figures: &[f64]) -> &'static str {
        let median = Spread::of(figures).median;
        let met = match self {
            Self::Under(bound) => median < bound,
            Self::Over(bound) => median > bound,
        };
        match (figures.is_empty(), met) {
            (true, _) => "",
            (false, true) => "met",
            (false, false) => "MISSED",
        }
    }
}

/// A line of the table: what was measured, the server, the plain loop, the difference, the goal, the verdict.
type Line = [String; 6];

fn alone(what: &str, unit: Unit, figures: &[f64], goal: Option<Goal>) -> Line {
    [
        what.to_owned(),
        unit.spread(figures),
        String::new(),
        String::new(),
        goal.map_or_else(String::new, |goal| goal.text(unit)),
        goal.map_or("", |goal| goal.verdict(figures)).to_owned(),
    ]
}

/// Where the goal is for the server alone or for what it adds.
enum Of {
    Server,
    Difference,
}

fn compared<'a>(
    what: &str,
    unit: Unit,
    rounds: impl Iterator<Item = &'a Both>,
    difference: (Unit, fn(&Both) -> f64),
    (of, goal): (Of, Goal),
) -> Line {
    let rounds: Vec<&Both> = rounds.collect();
    let each = |figure: fn(&Both) -> f64| rounds.iter().map(|both| figure(both)).collect::<Vec<f64>>();
    let (server, plain, differences) = (
        each(|both| both.server),
        each(|both| both.plain),
        each(difference.1),
    );
    let verdict = match of {
        Of::Server => goal.verdict(&server),
        Of::Difference => goal.verdict(&differences),
    };
    [
        what.to_owned(),
        unit.spread(&server),
        unit.spread(&plain),
        difference.0.spread(&differences),
        goal.text(unit),
        verdict.to_owned(),
    ]
}

/// What a small call adds, beside what it adds through a plain rmcp server.
fn beside_peer(measured: &Measured) -> Line {
    let rounds = measured.default_small.iter().zip(&measured.peer_small);
    let ratios: Vec<f64> = rounds
        .map(|(ours, peer)| (ours.server - ours.plain) / (peer.server - peer.plain))
        .collect();
    let peers: Vec<f64> = measured
        .peer_small
        .iter()
        .map(|peer| peer.server - peer.plain)
        .collect();
    let goal = Goal::Under(1.3);
    [
        "  (goal: of what a plain rmcp server adds)".to_owned(),
        String::new(),
        format!("rmcp: {}", MILLISECONDS.spread(&peers)),
        TIMES.spread(&ratios),
        goal.text(TIMES),
        goal.verdict(&ratios).to_owned(),
    ]
}

fn download(rounds: &[Rates]) -> [Line; 2] {
    let figures = |figure: fn(&Rates) -> Option<f64>| rounds.iter().filter_map(figure).collect::<Vec<f64>>();
    let (curl, times) = (
        figures(|rates| rates.curl),
        figures(|rates| Some(rates.server / rates.curl?)),
    );
    let goal = Goal::Over(0.9);
    let beside = if curl.is_empty() {
        "left out: there is no curl".to_owned()
    } else {
        format!("curl: {}", MEGABYTES_PER_SECOND.spread(&curl))
    };
    let line = [
        "1 GB checkpoint (goal: of curl's rate)".to_owned(),
        MEGABYTES_PER_SECOND.spread(&figures(|rates| Some(rates.server))),
        beside,
        TIMES.spread(&times),
        goal.text(TIMES),
        goal.verdict(&times).to_owned(),
    ];
    let peak = figures(|rates| rates.peak);
    let memory = alone(
        "most resident while it came",
        MEGABYTES,
        &peak,
        Some(Goal::Under(40e6)),
    );
    [line, memory]
}

#[expect(clippy::cast_precision_loss, reason = "a size for people to read")]
fn lines(measured: &Measured) -> Vec<Line> {
    let added: (Unit, fn(&Both) -> f64) = (MILLISECONDS, |both| both.server - both.plain);
    let times: (Unit, fn(&Both) -> f64) = (TIMES, |both| both.server / both.plain);
    let headings = ["", "rl-mcp", "plain reqwest", "difference", "goal", ""];
    let [download, download_memory] = download(&measured.download);
    vec![
        headings.map(str::to_owned),
        alone(
            "spawn to initialize answer",
            MILLISECONDS,
            &measured.initialized,
            None,
        ),
        alone(
            "spawn to tools/list answer",
            MILLISECONDS,
            &measured.listed,
            Some(Goal::Under(5e-3)),
        ),
        compared(
            "small GET, not waiting (goal: the difference)",
            MILLISECONDS,
            measured.small.iter(),
            added,
            (Of::Difference, Goal::Under(0.11e-3)),
        ),
        compared(
            "small GET (goal: the difference)",
            MILLISECONDS,
            measured.default_small.iter(),
            added,
            (Of::Difference, Goal::Under(0.12e-3)),
        ),
        beside_peer(measured),
        compared(
            "calls, not waiting, 64 in flight",
            PER_SECOND,
            measured.flood.iter().map(|flood| &flood.per_second),
            times,
            (Of::Server, Goal::Over(14_000.0)),
        ),
        compared(
            "calls, 64 in flight",
            PER_SECOND,
            measured.default_flood.iter().map(|flood| &flood.per_second),
            times,
            (Of::Server, Goal::Over(28_000.0)),
        ),
        compared(
            "1 MB request, inline, checked",
            MILLISECONDS,
            measured.batch.iter(),
            added,
            (Of::Server, Goal::Under(20e-3)),
        ),
        compared(
            "0.85 MB result, whole",
            MILLISECONDS,
            measured.result.iter(),
            added,
            (Of::Server, Goal::Under(8e-3)),
        ),
        compared(
            "1 MB result, stored and summed up",
            MILLISECONDS,
            measured.default_result.iter(),
            added,
            (Of::Server, Goal::Under(8e-3)),
        ),
        alone(
            "resident after 1,000 calls",
            MEGABYTES,
            &measured.resident,
            Some(Goal::Under(10e6)),
        ),
        alone(
            "resident after all of it",
            MEGABYTES,
            &measured.resident_at_end,
            None,
        ),
        download,
        download_memory,
        alone(
            "binary",
            MEGABYTES,
            &[measured.binary_bytes as f64],
            // With the tokenizers.
            Some(Goal::Under(12.6e6)),
        ),
    ]
}

/// Prints everything.
pub(crate) fn print(out: &mut impl Write, measured: &Measured, rounds: usize, took: Duration) -> Result<()> {
    if cfg!(debug_assertions) {
        writeln!(out, "This is no release build: the figures say nothing.")?;
    }
    writeln!(
        out,
        "{rounds} rounds in {:.0} s. A figure is the median of the rounds' medians; in brackets the least and the \
         greatest of them.\n1 MB of a text is 2^20 bytes, otherwise 10^6.\n",
        took.as_secs_f64()
    )?;
    let lines = lines(measured);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    for line in &lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            write!(text, "{cell:<width$}  ", width = width(column))?;
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    print_shares(out, measured)
}

fn print_shares(out: &mut impl Write, measured: &Measured) -> Result<()> {
    let shares: Vec<_> = measured
        .flood
        .iter()
        .filter_map(|flood| flood.shares.as_ref())
        .collect();
    if shares.is_empty() {
        return Ok(());
    }
    let spread = |unit: Unit, figure: fn(&crate::pair::Shares) -> f64| {
        unit.spread(&shares.iter().map(|shares| figure(shares)).collect::<Vec<f64>>())
    };
    writeln!(
        out,
        "\nAt work while 64 calls of the server were in flight: server {}, waiting for a processor {}, client {}, \
         upstream {}.\nProcessor time of the server for each of these calls: {}.",
        spread(PERCENT, |shares| shares.server),
        spread(PERCENT, |shares| shares.server_waiting),
        spread(PERCENT, |shares| shares.client),
        spread(PERCENT, |shares| shares.upstream),
        spread(MICROSECONDS, |shares| shares.server_per_call),
    )?;
    Ok(())
}
