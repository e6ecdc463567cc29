//! A trainer learns, goes on from a checkpoint, and refuses what leads beyond all numbers.

use super::*;
use crate::policy::{Adam, Base, Clip, encode};

const LORA: LoraConfig = LoraConfig {
    rank: 4,
    alpha: 8,
    dropout: 0.0,
    seed: 11,
    train_unembed: true,
};
const ADAM: Adam = Adam {
    learning_rate: 1e-3,
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-8,
    weight_decay: 0.0,
};

fn text(text: &str) -> Sample {
    let tokens = encode(text);
    let length = tokens.len() - 1;
    Sample {
        input: tokens[..length].to_vec(),
        targets: tokens[1..].to_vec(),
        weights: Some(vec![1.0; length]),
        ..Sample::default()
    }
}

fn trainer(lora: Option<LoraConfig>) -> Trainer {
    Trainer::new(Weights::new(Base::new(3), lora), Kind::Adam)
}

fn learn(trainer: &mut Trainer, sample: &Sample) -> f64 {
    let samples = std::slice::from_ref(sample);
    let outcome = trainer
        .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
        .unwrap();
    trainer.optimizer_step(&Step::Adam(ADAM), 1.0).unwrap();
    outcome.loss
}

/// The gradient of every trained matrix, entry by entry, with all that lies between it and the loss.
#[test]
fn weights_get_the_gradient_of_finite_differences() {
    const STEP: f64 = 1e-5;
    let dropping = LoraConfig { dropout: 0.3, ..LORA };
    let output_left_alone = LoraConfig {
        train_unembed: false,
        ..LORA
    };
    for lora in [None, Some(LORA), Some(dropping), Some(output_left_alone)] {
        let mut trainer = trainer(lora);
        // An untrained adapter has a second factor of zeros, and hence no gradient for the first.
        for _ in 0..3 {
            learn(&mut trainer, &text("once upon a time"));
        }
        let sample = text("another text");
        let pass = trainer.passes;
        let samples = std::slice::from_ref(&sample);
        trainer
            .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
            .unwrap();
        let gathered = trainer.gathered.take().unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        for (index, gradient) in gathered.iter().enumerate() {
            for _ in 0..12 {
                let entry = rng.usize(..gradient.data.len());
                let moved = |by: f64| {
                    let mut weights = trainer.weights.clone();
                    weights.matrices[index].data[entry] += by;
                    let scores = weights
                        .training_model(pass)
                        .score(&sample.input, &sample.targets, |_| true);
                    -scores.iter().map(|score| score.logprob).sum::<f64>()
                };
                let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let got = gradient.data[entry];
                let tolerance = 1e-5 * (1.0 + expected.abs());
                assert!(
                    (got - expected).abs() < tolerance,
                    "{lora:?} {index}/{entry}: {got} {expected}"
                );
            }
        }
    }
}

#[test]
fn gradients_of_several_passes_add_up() {
    let (one, two) = (text("one text"), text("and a second"));
    let mut apart = trainer(Some(LORA));
    for sample in [&one, &two] {
        let samples = std::slice::from_ref(sample);
        apart
            .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
            .unwrap();
    }
    let mut together = trainer(Some(LORA));
    together
        .forward_backward(&[one, two], &Loss::CrossEntropy, Pass::default())
        .unwrap();
    for (left, right) in apart.gathered.unwrap().iter().zip(&together.gathered.unwrap()) {
        for (left, right) in left.data.iter().zip(&right.data) {
            assert!((left - right).abs() < 1e-9);
        }
    }
}

#[test]
fn own_gradients_are_as_good_as_those_of_the_loss() {
    let sample = text("the same either way");
    let mut by_loss = trainer(Some(LORA));
    let samples = std::slice::from_ref(&sample);
    by_loss
        .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
        .unwrap();
    let mut own = trainer(Some(LORA));
    own.custom_backward(samples, &[vec![-1.0; sample.input.len()]])
        .unwrap();
    assert_eq!(by_loss.gathered, own.gathered);
}

#[test]
fn a_forward_pass_leaves_nothing_behind() {
    let mut trainer = trainer(Some(LORA));
    let samples = [text("look, but do not touch")];
    let pass = Pass { forward_only: true };
    let outcome = trainer
        .forward_backward(&samples, &Loss::CrossEntropy, pass)
        .unwrap();
    assert!(trainer.gathered.is_none() && outcome.loss > 0.0);
}

#[test]
fn a_text_is_learned_by_adapter_full_weights_and_muon() {
    for lora in [Some(LORA), None] {
        let mut trainer = trainer(lora);
        let sample = text("learn me");
        let first = learn(&mut trainer, &sample);
        let last = (0..60).map(|_| learn(&mut trainer, &sample)).last().unwrap();
        assert!(last < first / 3.0, "{lora:?}: {first} {last}");
    }
}

#[test]
fn a_step_beyond_all_numbers_is_refused_and_changes_nothing() {
    let sample = text("far too far");
    let samples = std::slice::from_ref(&sample);
    let mut trainer = trainer(Some(LORA));
    learn(&mut trainer, &sample);
    let before = trainer.weights.matrices.clone();
    let far = vec![1e308; sample.input.len()];
    assert_eq!(
        trainer.custom_backward(samples, &[far]),
        Err(Refusal::NonFiniteLoss)
    );
    trainer
        .forward_backward(samples, &Loss::CrossEntropy, Pass::default())
        .unwrap();
    let step = Step::Adam(Adam {
        learning_rate: f64::MAX,
        ..ADAM
    });
    assert_eq!(trainer.optimizer_step(&step, 1.0), Err(Refusal::NonFiniteLoss));
    assert_eq!((trainer.step_count(), &trainer.weights.matrices), (1, &before));
    assert!(learn(&mut trainer, &sample).is_finite());
}

#[test]
fn resuming_goes_on_as_if_nothing_had_happened_and_without_the_optimizer_from_the_weights() {
    let sample = text("to be continued");
    let mut trainer = trainer(Some(LoraConfig { dropout: 0.2, ..LORA }));
    for _ in 0..3 {
        learn(&mut trainer, &sample);
    }
    let snapshot = trainer.snapshot();
    let mut resumed = Trainer::resume(&snapshot, Kind::Adam, true);
    let fresh = Trainer::resume(&snapshot, Kind::Adam, false);
    assert_eq!((resumed.step_count(), fresh.step_count()), (3, 0));
    let expected = learn(&mut trainer, &sample);
    assert_eq!(learn(&mut resumed, &sample).to_bits(), expected.to_bits());
    assert_eq!(trainer.weights.matrices, resumed.weights.matrices);
    assert_ne!(trainer.weights.matrices, fresh.weights.matrices);
}

#[test]
fn long_gradients_are_clipped() {
    let mut trainer = trainer(None);
    let samples = [text("a text that is far from what the base expects")];
    trainer
        .forward_backward(&samples, &Loss::CrossEntropy, Pass::default())
        .unwrap();
    let step = Step::Adam(Adam {
        beta1: 0.0,
        beta2: 0.0,
        eps: 1.0,
        learning_rate: 1.0,
        ..ADAM
    });
    let before = trainer.weights.matrices.clone();
    trainer.optimizer_step(&step, 1e-3).unwrap();
    // With eps 1 and such short gradients, a step is about as long as the gradient.
    let moved: f64 = trainer
        .weights
        .matrices
        .iter()
        .zip(before)
        .map(|(after, before)| {
            let mut difference = after.clone();
            difference.add(-1.0, &before);
            difference.squares()
        })
        .sum();
    assert!((moved.sqrt() - 1e-3).abs() < 1e-4, "{moved}");
}

#[test]
fn what_is_not_finite_is_refused_and_gathers_nothing() {
    let mut trainer = trainer(Some(LORA));
    let mut sample = text("x!");
    sample.logprobs = Some(vec![-5000.0]);
    sample.advantages = Some(vec![1.0]);
    let refused = trainer.forward_backward(&[sample], &Loss::ImportanceSampling, Pass::default());
    assert_eq!(refused.unwrap_err(), Refusal::NonFiniteLoss);
    assert!(trainer.gathered.is_none());
    // Weights that are no numbers, where clipping would take the gradient away.
    trainer.weights.matrices[0].data[0] = f64::NAN;
    let mut sample = text("x!");
    sample.logprobs = Some(vec![-1.0]);
    sample.advantages = Some(vec![1.0]);
    let loss = Loss::Ppo(Clip { low: 0.8, high: 1.2 });
    let refused = trainer.forward_backward(&[sample], &loss, Pass::default());
    assert_eq!(refused.unwrap_err(), Refusal::NonFiniteLoss);
}
