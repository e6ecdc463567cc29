//! The completions of a sampling, and what they are worth.

use super::reading::{Completion, Operation};
use super::task::{Class, mean};

/// What was sampled for all prompts.
#[derive(Debug)]
pub struct Sampling {
    /// The operation, by which other tools know it.
    pub operation: String,
    /// What the completions of each prompt are worth, in the order of [`Class::ALL`].
    pub groups: Vec<Vec<f64>>,
}

impl Sampling {
    /// Reads and judges so many completions of each prompt, which the server left in a file.
    pub fn read(operation: &Operation, completions: usize) -> Result<Self, String> {
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
            group.push(class.reward(&completion.text));
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
    pub fn completions(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Their mean reward.
    pub fn reward(&self) -> f64 {
        mean(&self.groups.concat())
    }
}
