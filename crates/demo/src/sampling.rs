//! The completions of a sampling, and what they are worth.

use crate::reading::{Operation, StoredSampling, Token};
use crate::task::{Class, mean};

/// A completion with what it was worth.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    pub(crate) answer: Vec<Token>,
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
        let file = operation.file()?;
        let unusable = |problem: String| format!("{file} cannot be used: {problem}");
        let text = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
        let stored: StoredSampling =
            serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
        let results = stored.output.results;
        let groups: Vec<Vec<Rollout>> = Class::ALL
            .into_iter()
            .zip(results)
            .map(|(class, result)| {
                let rollout = |tokens: Vec<Token>| Rollout {
                    reward: class.reward(&tokens),
                    answer: tokens,
                };
                let sequences = result.sequences.into_iter();
                sequences.map(|sequence| rollout(sequence.tokens)).collect()
            })
            .collect();
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

    fn read(results: &Value) -> Result<Sampling, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sample-o.json");
        let stored = json!({"id": "o", "output": {"results": results}});
        std::fs::write(&file, stored.to_string()).unwrap();
        let operation = json!({"id": "o", "status": "COMPLETED", "file": file});
        Sampling::read(&serde_json::from_value(operation).unwrap(), 1)
    }

    #[test]
    fn completions_are_read_from_the_file_and_judged_by_their_prompt() {
        let group = json!({"sequences": [{"tokens": [97, "98", 65, 66, 49, 256], "logprobs": [-1, -1, -1, -1, -1, -1]}]});
        let sampling = read(&json!([group, group, group, group])).unwrap();
        assert_eq!(sampling.operation, "o");
        assert_eq!(
            sampling.rewards(),
            [vec![0.25], vec![0.25], vec![0.125], vec![0.0]]
        );
        assert!((sampling.reward() - 0.15625).abs() < 1e-12);
        assert_eq!(
            read(&json!([group, group])).unwrap_err(),
            "2 completions came of 4"
        );
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
