//! Completions of prompts.

use fastrand::Rng;

use super::model::{Model, at};
use super::{END_OF_TEXT, Token, decode};

/// How to sample.
#[derive(Clone, Debug)]
pub(crate) struct Sampling {
    /// The longest completion.
    pub(crate) max_tokens: usize,
    /// 0: always the most likely token.
    pub(crate) temperature: f64,
    /// Only the most likely tokens that together have this probability.
    pub(crate) top_p: f64,
    /// Only so many of the most likely tokens.
    pub(crate) top_k: Option<usize>,
    /// Texts that end a completion; they remain part of it.
    pub(crate) stop: Vec<String>,
}

/// Why a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// It has as many tokens as were asked for.
    Length,
    /// The text ended, or a stop string came.
    Stop,
}

/// One completion.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Completion {
    /// What follows the prompt. An end of text is part of it, so that it can be learned.
    pub(crate) tokens: Vec<Token>,
    /// The log-probability of each token under the model as it is, whatever temperature and cuts it was drawn with:
    /// the same as a forward pass gives.
    pub(crate) logprobs: Vec<f64>,
    /// Why it ended.
    pub(crate) stop_reason: StopReason,
}

/// Draws one completion. The same seed gives the same one.
pub(crate) fn sample(model: &Model, prompt: &[Token], sampling: &Sampling, seed: u64) -> Completion {
    let mut rng = Rng::with_seed(seed);
    let mut text = prompt.to_vec();
    let mut logprobs = Vec::new();
    let mut stop_reason = StopReason::Length;
    while logprobs.len() < sampling.max_tokens {
        let next = model.next(&text);
        let token = sampling.draw(&next, &mut rng);
        logprobs.push(at(&next, token));
        text.push(token);
        if token == END_OF_TEXT || sampling.stops(text.get(prompt.len()..).unwrap_or_default()) {
            stop_reason = StopReason::Stop;
            break;
        }
    }
    Completion {
        tokens: text.split_off(prompt.len()),
        logprobs,
        stop_reason,
    }
}

/// For each token of a prompt but the first, the log-probabilities of all tokens in its place.
pub(crate) fn score_prompt(model: &Model, prompt: &[Token]) -> Vec<Vec<f64>> {
    (1..prompt.len())
        .map(|end| model.next(prompt.get(..end).unwrap_or_default()))
        .collect()
}

impl Sampling {
    fn draw(&self, logprobs: &[f64], rng: &mut Rng) -> Token {
        let mut order: Vec<(Token, f64)> = (0..).zip(logprobs.iter().copied()).collect();
        // Stable: of equals the lower token comes first.
        order.sort_by(|left, right| right.1.total_cmp(&left.1));
        let best = order.first().map_or(END_OF_TEXT, |(token, _)| *token);
        if self.temperature <= 0.0 {
            return best;
        }
        let highest = order.first().map_or(0.0, |(_, logprob)| *logprob);
        for (_, weight) in &mut order {
            *weight = ((*weight - highest) / self.temperature).exp();
        }
        order.truncate(self.top_k.unwrap_or(usize::MAX).max(1));
        let all: f64 = order.iter().map(|(_, weight)| weight).sum();
        let mut nucleus = 0.0;
        let kept = order.iter().take_while(|(_, weight)| {
            let wanted = nucleus < self.top_p * all;
            nucleus += weight;
            wanted
        });
        let kept = kept.count().max(1);
        order.truncate(kept);
        let total: f64 = order.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.f64() * total;
        let drawn = order.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        // Rounding can leave something after the last one.
        drawn.or(order.last()).map_or(best, |(token, _)| *token)
    }

    fn stops(&self, completion: &[Token]) -> bool {
        if self.stop.is_empty() {
            return false;
        }
        let longest = self.stop.iter().map(String::len).max().unwrap_or(0);
        // The end suffices: an earlier match would have ended the completion.
        let end = decode(
            completion
                .get(completion.len().saturating_sub(longest)..)
                .unwrap_or(completion),
        );
        self.stop
            .iter()
            .any(|stop| !stop.is_empty() && end.ends_with(stop.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Base, Weights, encode};

    const PLAIN: Sampling = Sampling {
        max_tokens: 40,
        temperature: 1.0,
        top_p: 1.0,
        top_k: None,
        stop: Vec::new(),
    };

    fn model() -> Model {
        Weights::new(Base::new(1), None).model()
    }

    #[test]
    fn the_same_seed_gives_the_same_completion_and_another_another() {
        let (model, prompt) = (model(), encode("digit:"));
        let one = sample(&model, &prompt, &PLAIN, 5);
        assert_eq!(one, sample(&model, &prompt, &PLAIN, 5));
        assert_ne!(one, sample(&model, &prompt, &PLAIN, 6));
    }

    #[test]
    fn logprobs_are_those_of_a_forward_pass_at_any_temperature() {
        let (model, prompt) = (model(), encode("upper:"));
        for temperature in [0.0, 0.5, 1.0, 2.0] {
            let sampling = Sampling {
                temperature,
                top_p: 0.9,
                top_k: Some(50),
                ..PLAIN
            };
            let drawn = sample(&model, &prompt, &sampling, 9);
            let full = [&*prompt, &*drawn.tokens].concat();
            let scores = model.score(&full[..full.len() - 1], &full[1..], |_| true);
            for (score, logprob) in scores[prompt.len() - 1..].iter().zip(&drawn.logprobs) {
                assert_eq!(score.logprob.to_bits(), logprob.to_bits());
            }
        }
    }

    #[test]
    fn cuts_leave_only_the_most_likely() {
        let model = model();
        let prompt = encode("x");
        let next = model.next(&prompt);
        let mut best: Vec<usize> = (0..next.len()).collect();
        best.sort_by(|left, right| next[*right].total_cmp(&next[*left]));
        let one = |sampling: &Sampling, seed| {
            let sampling = Sampling {
                max_tokens: 1,
                ..sampling.clone()
            };
            usize::from(sample(&model, &prompt, &sampling, seed).tokens[0])
        };
        let coldest = Sampling {
            temperature: 0.0,
            ..PLAIN
        };
        let narrow = Sampling { top_p: 1e-9, ..PLAIN };
        let three = Sampling {
            top_k: Some(3),
            ..PLAIN
        };
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..100 {
            assert_eq!((one(&coldest, seed), one(&narrow, seed)), (best[0], best[0]));
            let drawn = one(&three, seed);
            assert!(best[..3].contains(&drawn));
            seen.insert(drawn);
        }
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_stop_string_and_the_end_of_text_end_a_completion() {
        let model = model();
        let every_letter: Vec<String> = (b'!'..=b'~').map(|byte| char::from(byte).to_string()).collect();
        let stopping = Sampling {
            stop: every_letter,
            ..PLAIN
        };
        let drawn = sample(&model, &encode("a"), &stopping, 2);
        assert_eq!(drawn.stop_reason, StopReason::Stop);
        assert!(drawn.tokens.len() < 4);
        let long = Sampling {
            max_tokens: 5000,
            ..PLAIN
        };
        let drawn = sample(&model, &encode("a"), &long, 2);
        assert_eq!(
            (drawn.tokens.last(), drawn.stop_reason),
            (Some(&END_OF_TEXT), StopReason::Stop)
        );
        assert_eq!(sample(&model, &encode("a"), &PLAIN, 2).tokens.len(), 40);
    }
}
