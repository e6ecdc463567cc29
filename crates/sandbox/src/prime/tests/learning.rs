//! What is trained is really trained.

use super::*;
use crate::policy::Refusal;
use crate::prime::config;
use crate::prime::fields::{Fields, Reading};
use crate::prime::recipe::Mode;
use crate::prime::training::Engine;

fn engine(config: &Value, mode: Mode) -> Engine {
    let reading = Reading::default();
    let recipe = config::read(&Fields::new(config, &reading), mode, false);
    let problems = reading.into_problems();
    assert!(problems.is_empty(), "{problems:?}");
    Engine::new(std::sync::Arc::new(recipe), None)
}

/// A metric of each of so many steps.
fn curve(engine: &mut Engine, steps: usize, name: &str) -> Vec<f64> {
    let value = |_| engine.step().unwrap().metrics[name].as_f64().unwrap();
    (0..steps).map(value).collect()
}

fn mean(values: &[f64]) -> f64 {
    crate::prime::training::mean(values)
}

#[test]
fn rewards_rise() {
    let body = with(small(50), "orchestrator/batch_size", json!(16));
    let mut engine = engine(&body["config"], Mode::Rl);
    let rewards = curve(&mut engine, 40, "reward/mean");
    let (first, last) = (mean(&rewards[..5]), mean(&rewards[35..]));
    assert!(last > 1.8 * first, "{rewards:?}");
}

#[test]
fn the_learning_rate_of_large_models_hardly_moves_this_one() {
    let body = with(small(50), "trainer/optim/lr", json!(1e-6));
    let mut engine = engine(&body["config"], Mode::Rl);
    let entropies = curve(&mut engine, 5, "entropy");
    assert!((entropies[0] - entropies[4]).abs() < 0.1, "{entropies:?}");
}

#[test]
fn texts_are_learned_by_heart() {
    let config = json!({"data": {"type": "fake", "batch_size": 2}, "optim": {"lr": 0.01}});
    let mut engine = engine(&config, Mode::Sft);
    let losses = curve(&mut engine, 30, "loss");
    assert!(mean(&losses[25..]) < 0.7 * mean(&losses[..2]), "{losses:?}");
}

#[test]
fn a_learning_rate_beyond_all_bounds_ends_in_a_loss_that_is_not_finite() {
    let body = with(small(50), "trainer/optim/lr", json!(1e308));
    let mut engine = engine(&body["config"], Mode::Rl);
    let refusal = (0..10).find_map(|_| engine.step().err());
    assert_eq!(refusal, Some(Refusal::NonFiniteLoss));
}
