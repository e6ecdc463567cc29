//! JSON lines: one value in each line. A file that holds one list of them will do as well.

use serde_json::value::RawValue;

use super::{non_finite, raw};
use crate::error::problems::counted;
#[cfg(feature = "text")]
use crate::error::problems::{Path, Problems};

/// A value and where it stands.
#[cfg(feature = "text")]
pub(crate) struct Line {
    /// The line, from 1 on; that of an entry, if the file is a list.
    pub(crate) number: usize,
    pub(crate) value: Box<RawValue>,
}

/// The values in the text of a file that the argument `path` names, or those of the lines that are `wanted` alone. Each of
/// these that is none is reported.
#[cfg(feature = "text")]
pub(crate) fn lines(
    text: &str,
    path: &Path<'_>,
    wanted: Option<&[usize]>,
    problems: &mut Problems,
) -> Vec<Line> {
    let is_wanted = |number: &usize| wanted.is_none_or(|wanted| wanted.contains(number));
    if text.trim_start().starts_with('[')
        && let Ok(entries) = serde_json::from_str::<Vec<Box<RawValue>>>(text)
    {
        let numbered = (1..).zip(entries).filter(|(number, _)| is_wanted(number));
        return numbered.map(|(number, value)| Line { number, value }).collect();
    }
    let mut values = Vec::new();
    for (number, value) in each(text).filter(|(number, _)| is_wanted(number)) {
        match value {
            Ok(value) => values.push(Line {
                number,
                value: value.to_owned(),
            }),
            Err(why) => problems.add(&path.line(number), why),
        }
    }
    if values.is_empty() && problems.is_empty() && wanted.is_none() {
        problems.add(path, "the file holds nothing");
    }
    values
}

/// The list of the values that the lines of a text hold. An error names the first line that holds none.
pub(crate) fn joined(text: &str) -> Result<Box<RawValue>, String> {
    let mut list = String::with_capacity(text.len() + 2);
    for (number, value) in each(text) {
        let value = value.map_err(|why| format!("line {number}: {why}"))?;
        list.push(if list.is_empty() { '[' } else { ',' });
        list.push_str(value.get());
    }
    list.push(']');
    raw(list).map_err(|_| "the file holds nothing".to_owned())
}

/// The same of a text of which some lines are broken, with null in their place, and a note that names the first of them.
/// `None`: most of it is no JSON lines.
pub(crate) fn mostly(text: &str) -> Option<(Box<RawValue>, String)> {
    let mut list = String::with_capacity(text.len() + 2);
    let (mut fine, mut broken) = (0_usize, Vec::new());
    for (number, value) in each(text) {
        list.push(if list.is_empty() { '[' } else { ',' });
        match value {
            Ok(value) => {
                fine += 1;
                list.push_str(value.get());
            }
            Err(why) => {
                broken.push((number, why));
                list.push_str("null");
            }
        }
    }
    list.push(']');
    let (number, why) = broken.first().filter(|_| fine > broken.len())?;
    let others = match broken.len() - 1 {
        0 => String::new(),
        others => format!(" (and {} more)", counted(others, "line")),
    };
    let note = format!("Line {number} {why}{others}: null stands for it.");
    Some((raw(list).ok()?, note))
}

/// The value of each line that is not empty, or why it is none, with the line's number.
fn each(text: &str) -> impl Iterator<Item = (usize, Result<&RawValue, String>)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty());
    lines.map(|(number, line)| {
        let value = serde_json::from_str(line);
        (number, value.map_err(|error| why(line, &error)))
    })
}

/// What is wrong with a line that is no JSON.
pub(crate) fn why(line: &str, error: &serde_json::Error) -> String {
    let why = match non_finite::as_null(line) {
        Some((plain, found)) if serde_json::from_str::<&RawValue>(&plain).is_ok() => found.problem(),
        _ => format!("is no JSON: {error}"),
    };
    // Each line has a line 1 of its own.
    why.replace("in line 1, column", "at column")
        .replace("at line 1 column", "at column")
}

#[cfg(all(test, feature = "text"))]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(usize, String)>, String) {
        let mut problems = Problems::default();
        let lines = lines(text, &Path::Root.key("path"), None, &mut problems);
        let lines = lines
            .into_iter()
            .map(|line| (line.number, line.value.get().to_owned()));
        (lines.collect(), problems.to_string())
    }

    #[test]
    fn lines_and_a_list_are_read_alike() {
        let expected = vec![(1, "{\"a\": 1}".to_owned()), (2, "2".to_owned())];
        assert_eq!(read("{\"a\": 1}\r\n2\n"), (expected.clone(), String::new()));
        assert_eq!(read(" [{\"a\": 1},\n 2]\n"), (expected, String::new()));
        assert_eq!(
            read("1\n\n[3]").0,
            vec![(1, "1".to_owned()), (3, "[3]".to_owned())]
        );
    }

    #[test]
    fn each_line_that_is_no_json_is_named() {
        let (lines, problems) = read("1\n{\"a\": \n2\n{\"b\": NaN}");
        assert_eq!(lines.len(), 2);
        assert!(problems.contains("path, line 2: is no JSON: EOF"), "{problems}");
        assert!(!problems.contains("line 1"), "{problems}");
        assert!(problems.contains("path, line 4: "), "{problems}");
        assert!(problems.contains("NaN"), "{problems}");
        let list = |text: &str| joined(text).map(|list| list.get().to_owned());
        assert_eq!(list("1\n\n{\"a\": 2}\r\n").unwrap(), "[1,{\"a\": 2}]");
        let (shown, note) =
            mostly("1\n{\n2\n[").map_or_else(Default::default, |(list, note)| (list.get().to_owned(), note));
        assert_eq!((shown.as_str(), note.as_str()), ("", ""), "half of it");
        let (shown, note) = mostly("1\n{\n2\n3\n[").unwrap();
        assert_eq!(shown.get(), "[1,null,2,3,null]");
        assert!(
            note.starts_with("Line 2 is no JSON: EOF")
                && note.ends_with("(and 1 line more): null stands for it."),
            "{note}"
        );
        assert!(list("1\n\n{").unwrap_err().starts_with("line 3: is no JSON: EOF"));
        assert_eq!(list("\n"), Err("the file holds nothing".to_owned()));
        assert!(read("\n").1.contains("path: the file holds nothing"));
    }
}
