//! Log text as a person at a terminal would see it, in a size that fits one answer.

use super::{clean, thin};

/// The longest line that is shown whole, in characters.
const LONGEST_LINE: usize = 500;

/// Log lines for the model.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// The newest lines, in the order in which they were written.
    pub text: String,
    /// What is not there, in words; `None` when everything is.
    pub left_out: Option<String>,
}

/// Shows the newest `most` lines of `log`.
#[must_use]
pub fn show(log: &str, most: usize) -> Shown {
    let mut room = thin::BUDGET;
    let (mut cut, mut earlier) = (0, 0);
    let mut kept: Vec<String> = Vec::new();
    let mut lines = log.lines().rev().filter(|raw| !raw.trim().is_empty());
    while kept.len() < most
        && let Some(raw) = lines.next()
    {
        let whole = line(raw);
        let short = thin::cut(&whole, LONGEST_LINE);
        cut += usize::from(short.is_some());
        let shown = short.unwrap_or(whole);
        let Some(left) = room.checked_sub(thin::size(&shown)) else {
            earlier = 1;
            break;
        };
        room = left;
        kept.push(shown);
    }
    earlier += lines.count();
    kept.reverse();
    let left_out: Vec<String> = [
        (earlier > 0).then(|| {
            format!("{earlier} earlier lines (narrow them with search, level, component or since_seconds)")
        }),
        (cut > 0).then(|| format!("the ends of {cut} lines of over {LONGEST_LINE} characters")),
    ]
    .into_iter()
    .flatten()
    .collect();
    Shown {
        text: kept.join("\n"),
        left_out: (!left_out.is_empty()).then(|| format!("left out: {}", left_out.join("; "))),
    }
}

/// A line without colours, and of a progress bar, which overwrites itself, the last state.
fn line(raw: &str) -> String {
    let plain = anstream::adapter::strip_str(raw).to_string();
    let last = plain.rsplit('\r').find(|state| !state.trim().is_empty());
    clean::text(last.unwrap_or_default()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_a_terminal_would_show_of_it() {
        assert_eq!(
            line("\u{1b}[32mstep 3\u{1b}[0m reward\u{202e} 0.5 \r"),
            "step 3 reward 0.5"
        );
        assert_eq!(line("  0%|  | 1/9\r 50%|# | 5/9\r100%|##| 9/9"), "100%|##| 9/9");
        assert_eq!(line("\u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
    }

    #[test]
    fn the_newest_lines_stay_and_the_rest_is_counted() {
        let lines: Vec<String> = (0..1000).map(|index| format!("line {index}")).collect();
        let log = lines.join("\n");
        let shown = show(&log, 200);
        assert!(shown.text.starts_with("line 800\n") && shown.text.ends_with("line 999"));
        assert!(shown.left_out.unwrap().contains("800 earlier lines"));
        assert_eq!(
            show("a\nb", 200),
            Shown {
                text: "a\nb".to_owned(),
                left_out: None
            }
        );
    }

    #[test]
    fn long_lines_are_cut_between_characters_and_the_whole_stays_within_bounds() {
        let log = format!("{}\n", "é".repeat(3000)).repeat(5000);
        let shown = show(&log, 5000);
        assert!(shown.text.len() <= thin::BUDGET, "{}", shown.text.len());
        assert!(shown.text.ends_with("é… (+2500 characters)"));
        let left_out = shown.left_out.unwrap();
        assert!(
            left_out.contains("earlier lines") && left_out.contains("the ends of"),
            "{left_out}"
        );
    }
}
