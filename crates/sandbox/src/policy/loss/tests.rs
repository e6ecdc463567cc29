//! Gradients are those of finite differences, and bounds act where they should.

use super::*;

const CLIP: Clip = Clip { low: 0.8, high: 1.2 };

fn grpo(aggregation: Aggregation, ratio: Ratio, beta: f64) -> Loss {
    Loss::Grpo {
        clip: CLIP,
        beta,
        aggregation,
        ratio,
    }
}

fn losses() -> Vec<Loss> {
    vec![
        Loss::CrossEntropy,
        grpo(Aggregation::FixedHorizon, Ratio::Token, 0.0),
        grpo(Aggregation::FixedHorizon, Ratio::Token, 0.3),
        grpo(Aggregation::TokenMean, Ratio::Token, 0.0),
        grpo(Aggregation::SequenceMean, Ratio::Token, 0.1),
        grpo(Aggregation::SequenceMean, Ratio::Sequence, 0.1),
        grpo(Aggregation::TokenMean, Ratio::Sequence, 0.0),
        Loss::ImportanceSampling,
        Loss::Ppo(CLIP),
        Loss::Cispo(Clip { low: 0.0, high: 4.0 }),
        Loss::Dro { beta: 0.05 },
        Loss::Dppo {
            low: 0.15,
            high: 0.15,
        },
    ]
}

/// Two samples of different lengths, some slots left out, ratios on both sides of each bound.
fn batch() -> (Vec<Sample>, Vec<Vec<Score>>) {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut samples = Vec::new();
    let mut scores = Vec::new();
    for length in [5, 9] {
        let new: Vec<f64> = (0..length).map(|_| -0.2 - 2.0 * rng.f64()).collect();
        let near = |rng: &mut fastrand::Rng, width: f64| {
            new.iter()
                .map(|value| value + width * (rng.f64() - 0.5))
                .collect()
        };
        samples.push(Sample {
            input: vec![0; length],
            targets: vec![0; length],
            weights: Some((0..length).map(|slot| f64::from(u8::from(slot > 1))).collect()),
            logprobs: Some(near(&mut rng, 1.4)),
            advantages: Some((0..length).map(|_| 2.0 * rng.f64() - 1.0).collect()),
            reference_logprobs: Some(near(&mut rng, 1.0)),
        });
        let score = |logprob: &f64| Score {
            logprob: *logprob,
            entropy: 1.0,
        };
        scores.push(new.iter().map(score).collect());
    }
    (samples, scores)
}

/// What is a constant in CISPO is one here too.
fn value(loss: &Loss, samples: &[Sample], scores: &[Vec<Score>], at: &[Vec<Score>]) -> f64 {
    let Loss::Cispo(clip) = loss else {
        return loss.evaluate(samples, scores).loss;
    };
    let mut sum = 0.0;
    for ((sample, scores), at) in samples.iter().zip(scores).zip(at) {
        for slot in (0..scores.len()).filter(|slot| sample.selects(*slot)) {
            let old = sample.logprobs.as_ref().unwrap()[slot];
            let factor = clip.of((at[slot].logprob - old).exp());
            sum -= factor * sample.advantages.as_ref().unwrap()[slot] * scores[slot].logprob;
        }
    }
    sum
}

#[test]
fn every_gradient_is_that_of_finite_differences() {
    const STEP: f64 = 1e-6;
    let (samples, scores) = batch();
    for loss in losses() {
        let gradients = loss.evaluate(&samples, &scores).gradients;
        for (sample, slots) in scores.iter().enumerate() {
            for slot in 0..slots.len() {
                let moved = |by: f64| {
                    let mut moved = scores.clone();
                    moved[sample][slot].logprob += by;
                    value(&loss, &samples, &moved, &scores)
                };
                let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let got = gradients[sample][slot];
                assert!(
                    (got - expected).abs() < 1e-7,
                    "{loss:?} {sample}/{slot}: {got} {expected}"
                );
            }
        }
    }
}

#[test]
fn slots_that_are_left_out_count_nowhere() {
    let (mut samples, scores) = batch();
    for loss in losses() {
        let before = loss.evaluate(&samples, &scores);
        for sample in &mut samples {
            for values in [
                &mut sample.logprobs,
                &mut sample.advantages,
                &mut sample.reference_logprobs,
            ] {
                values.as_mut().unwrap()[0] -= 0.3;
            }
        }
        let after = loss.evaluate(&samples, &scores);
        assert_eq!(before.loss.to_bits(), after.loss.to_bits(), "{loss:?}");
        assert_eq!(before.metrics, after.metrics, "{loss:?}");
        assert!(before.gradients.iter().all(|gradient| gradient[0] == 0.0));
    }
}

/// One token: the numbers can be worked out by hand.
fn single(loss: Loss, new: f64, old: f64, advantage: f64) -> Evaluation {
    let sample = Sample {
        input: vec![0],
        targets: vec![0],
        logprobs: Some(vec![old]),
        advantages: Some(vec![advantage]),
        ..Sample::default()
    };
    let score = Score {
        logprob: new,
        entropy: 0.0,
    };
    loss.evaluate(&[sample], &[vec![score]])
}

#[test]
fn clipping_takes_the_gradient_only_where_the_policy_has_gone_far_enough() {
    let (half, double) = (0.5f64.ln(), 2.0f64.ln());
    for (ratio, advantage, loss, slope, low, high) in [
        (double, 1.0, -1.2, 0.0, 0.0, 1.0),
        (double, -1.0, 2.0, 2.0, 0.0, 0.0),
        (half, 1.0, -0.5, -0.5, 0.0, 0.0),
        (half, -1.0, 0.8, 0.0, 1.0, 0.0),
    ] {
        let found = single(Loss::Ppo(CLIP), -1.0 + ratio, -1.0, advantage);
        assert!((found.loss - loss).abs() < 1e-12 && (found.gradients[0][0] - slope).abs() < 1e-12);
        assert_eq!(
            found.metrics["loss/clip/low_fraction"].to_bits(),
            f64::to_bits(low)
        );
        assert_eq!(
            found.metrics["loss/clip/high_fraction"].to_bits(),
            f64::to_bits(high)
        );
    }
}

#[test]
fn dppo_stops_at_a_distance_in_probability() {
    let loss = Loss::Dppo {
        low: 0.15,
        high: 0.15,
    };
    let slope = |new: f64, old: f64, advantage| single(loss, new.ln(), old.ln(), advantage).gradients[0][0];
    // The ratio is 10, but the probability has hardly moved.
    assert!(slope(0.01, 0.001, 1.0) < 0.0);
    assert_eq!(slope(0.5, 0.3, 1.0).to_bits(), 0.0f64.to_bits());
    assert!(slope(0.5, 0.3, -1.0) > 0.0);
    assert_eq!(slope(0.3, 0.5, -1.0).to_bits(), 0.0f64.to_bits());
}
