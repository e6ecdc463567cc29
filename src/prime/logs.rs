//! Log text as a person at a terminal would see it, in a size that fits one answer.

use super::condense;
use crate::redact::Redactor;
use crate::redact::clean;

/// How many lines show how a run goes.
pub(crate) const LAST: u32 = 20;
/// The longest line of these that is shown whole, in characters.
const SHORT_LINE: usize = 300;
/// The same of lines that were asked for, if there are many.
const LONG_LINE: usize = 500;

/// Log lines for the model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The newest lines, in the order in which they were written.
    pub text: String,
    /// What is not there, or may not be, in words; `None` when everything is.
    pub note: Option<String>,
}

/// Shows the newest lines of `log`, for which the service was asked for at most `asked`, or the last few. Keys are taken out of each line
/// after what nobody sees and before it is cut.
#[must_use]
pub(crate) fn show(log: &str, asked: Option<u32>, redactor: &Redactor) -> Shown {
    let lines_asked = asked.unwrap_or(LAST);
    let (mut room, longest) = match usize::try_from(lines_asked) {
        _ if asked.is_none() => (condense::SHORT, SHORT_LINE),
        // Of a few lines each may be read to its end.
        Ok(asked @ 1..) => (condense::BUDGET, (condense::BUDGET / 2 / asked).max(LONG_LINE)),
        _ => (condense::BUDGET, LONG_LINE),
    };
    let asked = usize::try_from(lines_asked).unwrap_or(usize::MAX);
    let (mut cut, mut overwritten, mut earlier) = (0, 0, 0);
    let mut kept: Vec<String> = Vec::new();
    let mut lines = log.lines().rev().filter(|raw| !raw.trim().is_empty());
    while kept.len() < asked
        && let Some(raw) = lines.next()
    {
        let (whole, states) = line(raw);
        let whole = redactor.scrub_owned(whole);
        let short = condense::shortened(&whole, longest);
        cut += usize::from(short.is_some());
        overwritten += states;
        let shown = short.unwrap_or(whole);
        let Some(left) = room.checked_sub(condense::size(&shown)) else {
            earlier = 1;
            break;
        };
        room = left;
        kept.push(shown);
    }
    earlier += lines.count();
    kept.reverse();
    let narrow = "search, level, component or since_seconds narrow them";
    let notes: Vec<String> = [
        (earlier > 0).then(|| format!("left out: {earlier} earlier lines (tail_lines shows more; {narrow})")),
        (earlier == 0 && kept.len() >= asked).then(|| {
            format!("these are the newest {asked} lines; there may be earlier ones (tail_lines shows more; {narrow})")
        }),
        (cut > 0).then(|| format!("left out: the ends of {cut} lines of over {longest} characters (a smaller tail_lines shows more of each)")),
        (overwritten > 0).then(|| format!("left out: {overwritten} states of lines that overwrite themselves, such as progress bars")),
        kept.is_empty().then(|| "no lines: nothing was written yet, or nothing matches the filters".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    Shown {
        text: kept.join("\n"),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    }
}

/// A line without colours, and of one that overwrites itself the last state, with the number of the others.
fn line(raw: &str) -> (String, usize) {
    let states = raw.split('\r').map(clean::text);
    let mut states = states.filter(|state| !state.trim().is_empty());
    let last = states.next_back().unwrap_or_default();
    (last.trim_end().to_owned(), states.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(log: &str, asked: u32) -> Shown {
        super::show(log, Some(asked), &Redactor::default())
    }

    #[test]
    fn a_line_is_what_a_terminal_would_show_of_it() {
        assert_eq!(
            line("\u{1b}[32mstep 3\u{1b}[0m reward\u{202e} 0.5 \r"),
            ("step 3 reward 0.5".to_owned(), 0)
        );
        assert_eq!(
            line("  0%|  | 1/9\r 50%|# | 5/9\r100%|##| 9/9"),
            ("100%|##| 9/9".to_owned(), 2)
        );
        assert_eq!(
            line("\u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{1b}\\").0,
            "link"
        );
    }

    #[test]
    fn the_newest_lines_stay_and_the_rest_is_counted() {
        let lines: Vec<String> = (0..1000).map(|index| format!("line {index}")).collect();
        let log = lines.join("\n");
        let shown = show(&log, 200);
        assert!(shown.text.starts_with("line 800\n") && shown.text.ends_with("line 999"));
        assert!(shown.note.unwrap().contains("800 earlier lines"));
        // Exactly as many as were asked for: nobody knows what was before them.
        assert!(
            show("a\nb", 2)
                .note
                .unwrap()
                .contains("there may be earlier ones")
        );
        assert!(show("\n", 2).note.unwrap().starts_with("no lines"));
        assert_eq!(
            show("a\nb", 200),
            Shown {
                text: "a\nb".to_owned(),
                note: None
            }
        );
    }

    #[test]
    fn long_lines_are_cut_between_characters_and_the_whole_stays_within_bounds() {
        let log = format!("{}\n", "é".repeat(3000)).repeat(5000);
        let shown = show(&log, 5000);
        assert!(shown.text.len() <= condense::BUDGET, "{}", shown.text.len());
        assert!(shown.text.ends_with("é… (+2500 characters)"));
        let note = shown.note.unwrap();
        assert!(
            note.contains("earlier lines") && note.contains("the ends of"),
            "{note}"
        );
    }
}
