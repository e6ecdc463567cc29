//! The completions of a sampling, and what they are worth.

use crate::reading::{Completion, Operation};
use crate::task::{Class, mean};

/// A completion with what it was worth.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    pub(crate) answer: String,
    pub(crate) reward: f64,
}

/// What was sampled for all prompts.
#[derive(Debug)]
pub(crate) struct Sampling {
    /// The operation, by which other tools know it.
    pub(crate) operation: String,
    /// The completions of each prompt, in the order of [`Class::ALL`].
    pub(crate) groups: Vec<Vec<Rollout>>,
}

impl Sampling {
    /// Reads and judges so many completions of each prompt, which the server left in a file.
    pub(crate) fn read(operation: &Operation, completions: usize) -> Result<Self, String> {
        let file = operation.completions_file()?;
        let unusable = |problem: String| format!("{file} cannot be used: {problem}");
        let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
        let mut groups = vec![Vec::new(); Class::ALL.len()];
        for line in text.lines() {
            let completion: Completion =
                serde_json::from_str(line).map_err(|error| unusable(error.to_string()))?;
            let place = Class::ALL
                .get(completion.result)
                .zip(groups.get_mut(completion.result));
            let (class, group) = place.ok_or_else(|| unusable("it has more prompts".to_owned()))?;
            group.push(Rollout {
                reward: class.reward(&completion.text),
                answer: completion.text,
            });
        }
        let sampling = Self {
            operation: operation.id.clone(),
            groups,
        };
        let wanted = Class::ALL.len() * completions;
        match sampling.completions() {
            came if came == wanted => Ok(sampling),
            came => Err(format!("{came} completions came of {wanted}")),
        }
    }

    /// How many completions there are in all.
    pub(crate) fn completions(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// The rewards, one list for each prompt.
    pub(crate) fn rewards(&self) -> Vec<Vec<f64>> {
        let rewards = |group: &Vec<Rollout>| group.iter().map(|rollout| rollout.reward).collect();
        self.groups.iter().map(rewards).collect()
    }

    /// Their mean.
    pub(crate) fn reward(&self) -> f64 {
        mean(&self.rewards().concat())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(lines: &[Value]) -> Result<Sampling, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sample-o.completions.jsonl");
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let operation = json!({"id": "o", "status": "COMPLETED", "completions_file": file});
        Sampling::read(&serde_json::from_value(operation).unwrap(), 1)
    }

    #[test]
    fn completions_are_read_from_the_file_and_judged_by_their_prompt() {
        let line = |result: usize| json!({"result": result, "sequence": 0, "text": "abAB1", "tokens": 6});
        let sampling = read(&[0, 1, 2, 3].map(line)).unwrap();
        assert_eq!(sampling.operation, "o");
        assert_eq!(
            sampling.rewards(),
            [vec![0.25], vec![0.25], vec![0.125], vec![0.0]]
        );
        assert!((sampling.reward() - 0.15625).abs() < 1e-12);
        assert_eq!(read(&[0, 1].map(line)).unwrap_err(), "2 completions came of 4");
        assert!(read(&[line(4)]).unwrap_err().ends_with("it has more prompts"));
    }

    #[test]
    fn a_result_without_a_file_says_why() {
        let operation = json!({"id": "o", "status": "COMPLETED", "not_stored": "the disk is full"});
        let operation: Operation = serde_json::from_value(operation).unwrap();
        assert!(
            Sampling::read(&operation, 1)
                .unwrap_err()
                .ends_with(": the disk is full")
        );
    }
}
