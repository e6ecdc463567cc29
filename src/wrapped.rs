//! Lines for a terminal, which would break those that are too long inside of words.

use std::io::{self, IsTerminal as _, Stdout, Write};

use terminal_size::terminal_size;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The text as the terminal shows it without breaking a word.
#[must_use]
pub(crate) fn fit(text: &str) -> String {
    let width = terminal_size().map(|(width, _)| usize::from(width.0));
    text.lines().map(|line| fit_line(line, width) + "\n").collect()
}

/// A line, which becomes several where it is wider than `width`.
fn fit_line(line: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return line.to_owned();
    };
    // In columns, and behind a label, what goes on stands to the right of where the line began; in a sentence not.
    let indent = line.len() - line.trim_start().len();
    let hanging = " ".repeat(if line.contains("  ") { indent + 2 } else { 0 });
    let options = Options::new(width)
        .subsequent_indent(&hanging)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(line, options)
}

/// Writes whole lines, and breaks between words what is wider than `width`.
pub(crate) struct Wrapped<W> {
    out: W,
    width: Option<usize>,
    line: Vec<u8>,
}

impl Wrapped<Stdout> {
    /// Standard output: broken where it is a terminal, as it is in files and pipes.
    #[must_use]
    pub(crate) fn stdout() -> Self {
        let out = io::stdout();
        let size = out.is_terminal().then(terminal_size).flatten();
        Self::new(out, size.map(|(width, _)| usize::from(width.0)))
    }
}

impl<W: Write> Wrapped<W> {
    const fn new(out: W, width: Option<usize>) -> Self {
        Self {
            out,
            width,
            line: Vec::new(),
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match str::from_utf8(&line) {
            Ok(line) => writeln!(self.out, "{}", fit_line(line.trim_end(), self.width)),
            Err(_) => self.out.write_all(&line),
        }
    }
}

impl<W: Write> Write for Wrapped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, width: Option<usize>) -> String {
        let mut out = Wrapped::new(Vec::new(), width);
        // In pieces, as a format string comes.
        for piece in text.as_bytes().chunks(3) {
            out.write_all(piece).unwrap();
        }
        String::from_utf8(out.out).unwrap()
    }

    #[test]
    fn lines_break_between_words_and_only_where_they_are_too_long() {
        let text = "name\n  key       none (FIRST_KEY or SECOND-KEY)\n\nThis is the verdict, last.\n";
        for wide in [None, Some(80)] {
            assert_eq!(written(text, wide), text);
        }
        assert_eq!(
            written(text, Some(24)),
            "name\n  key       none\n    (FIRST_KEY or\n    SECOND-KEY)\n\nThis is the verdict,\nlast.\n"
        );
    }
}
