//! The file of rewards that grade-completions wrote.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::problems::{Path, Problems, list};

/// A line of it.
#[derive(Deserialize)]
struct Line {
    operation_id: Option<String>,
    result: usize,
    sequence: usize,
    reward: f64,
}

/// The rewards of one operation: those of each prompt, by index.
type OfOperation = BTreeMap<usize, BTreeMap<usize, f64>>;

/// Whether a file holds JSON lines, as grade-completions writes them, and not one list.
pub(super) fn is_lines(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Whether this is a line of a sampling's completions.
fn is_completion(line: &str) -> bool {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "that they are there is all")]
    struct Completion {
        result: usize,
        sequence: usize,
        text: String,
    }
    serde_json::from_str::<Completion>(line).is_ok()
}

/// For each prompt of these operations, in their order, the reward of each completion. `None`: it is reported what is wrong.
pub(super) fn rewards(
    text: &str,
    at: &Path<'_>,
    operation_ids: &[String],
    problems: &mut Problems,
) -> Option<Vec<Vec<f64>>> {
    let before = problems.clone();
    let mut all: BTreeMap<String, OfOperation> = BTreeMap::new();
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
    {
        match serde_json::from_str(line) {
            Ok(Line {
                operation_id: Some(operation_id),
                result,
                sequence,
                reward,
            }) => {
                let operation = all.entry(operation_id).or_default();
                operation.entry(result).or_default().insert(sequence, reward);
            }
            Ok(_) => problems.add(&at.line(number), "names no operation_id: it is of completions that were given to try a grader"),
            Err(_) if is_completion(line) => {
                problems.add(at, "holds completions without rewards: grade-completions gives them (operation_ids), and answers the path of its rewards_file");
                return None;
            }
            Err(error) => problems.add(
                &at.line(number),
                format!("is no line of grade-completions ({error}), which have operation_id, result, sequence and reward"),
            ),
        }
    }
    if all.is_empty() && *problems != before {
        return None;
    }
    let mut rewards = Vec::new();
    let graded: Vec<String> = all.keys().cloned().collect();
    for operation_id in operation_ids {
        let Some(operation) = all.remove(operation_id.trim()) else {
            problems.add(
                at,
                format!(
                    "has no rewards of operation {operation_id}, but of {}: grade that one too, or leave it out of operation_ids",
                    list(graded.iter().map(String::as_str))
                ),
            );
            continue;
        };
        let whole = operation.keys().copied().eq(0..operation.len())
            && operation
                .values()
                .all(|group| group.keys().copied().eq(0..group.len()));
        if !whole {
            problems.add(
                at,
                format!("lacks some completions of operation {operation_id}: grade it again"),
            );
            continue;
        }
        rewards.extend(operation.into_values().map(|group| group.into_values().collect()));
    }
    (*problems == before).then_some(rewards)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, ids: &[&str]) -> Result<Vec<Vec<f64>>, String> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let mut problems = Problems::default();
        rewards(text, &Path::Root.key("rewards_path"), &ids, &mut problems)
            .ok_or_else(|| problems.to_string())
    }

    fn line(operation: &str, result: usize, sequence: usize, reward: f64) -> String {
        format!(
            r#"{{"operation_id":"{operation}","result":{result},"sequence":{sequence},"reward":{reward},"why":"x"}}"#
        )
    }

    #[test]
    fn rewards_come_in_the_order_of_the_operations() {
        let text = [
            line("b", 0, 0, 5.0),
            line("a", 1, 0, 3.0),
            line("a", 0, 1, 2.0),
            line("a", 0, 0, 1.0),
        ]
        .join("\n");
        assert!(is_lines(&text));
        assert_eq!(
            read(&text, &["a", "b"]).unwrap(),
            [vec![1.0, 2.0], vec![3.0], vec![5.0]]
        );
        assert_eq!(read(&text, &["b"]).unwrap(), [vec![5.0]]);
        let missing = read(&text, &["c"]).unwrap_err();
        assert!(
            missing.contains("has no rewards of operation c, but of a, b"),
            "{missing}"
        );
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        for (text, expected) in [
            (line("a", 0, 1, 1.0), "lacks some completions of operation a"),
            (line("a", 1, 0, 1.0), "lacks some completions"),
            (
                "{\"result\":0,\"sequence\":0,\"reward\":1}".to_owned(),
                "line 1: names no operation_id",
            ),
            (
                "{\"score\":1}".to_owned(),
                "line 1: is no line of grade-completions",
            ),
        ] {
            let problem = read(&text, &["a"]).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
