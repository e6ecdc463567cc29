//! `optim-step`.

use crate::policy::{Adam, Muon, OptimizerKind, Step};
use crate::together::body::{AdamParams, MuonParams, OptimStep};
use crate::together::wire::{Refusal, within};

/// The longest gradient when nobody says.
const CLIP: f64 = 1.0;

/// The step that a body asks for, `None` where it leaves that to the model resource; and the longest gradient.
pub(super) fn step(body: &OptimStep) -> Result<(Option<Step>, f64), Refusal> {
    match (&body.adam_params, &body.muon_params) {
        (Some(_), Some(_)) => Err(Refusal::bad("both adam_params and muon_params: give one of them")),
        (Some(params), None) => Ok((
            Some(Step::Adam(adam(params, "adam_params")?)),
            clip(params.grad_clip_norm)?,
        )),
        (None, Some(params)) => Ok((Some(Step::Muon(muon(params)?)), clip(params.grad_clip_norm)?)),
        (None, None) => Ok((None, CLIP)),
    }
}

/// The step of an empty body.
pub(super) fn default_step(kind: OptimizerKind) -> Step {
    match kind {
        OptimizerKind::Adam => Step::Adam(default_adam(&AdamParams::default())),
        OptimizerKind::Muon(_) => Step::Muon(default_muon(&MuonParams::default())),
    }
}

fn clip(given: Option<f64>) -> Result<f64, Refusal> {
    within("grad_clip_norm", given.unwrap_or(CLIP), 0.0, f64::MAX)
}

fn adam(params: &AdamParams, place: &str) -> Result<Adam, Refusal> {
    let adam = default_adam(params);
    within(
        &format!("{place}.learning_rate"),
        adam.learning_rate,
        0.0,
        f64::MAX,
    )?;
    for (name, beta) in [("beta1", adam.beta1), ("beta2", adam.beta2)] {
        if !(0.0..1.0).contains(&beta) {
            return Err(Refusal::of(
                format!("{place}.{name}"),
                format!("{beta} is not from 0 to below 1"),
            ));
        }
    }
    within(&format!("{place}.eps"), adam.eps, 0.0, f64::MAX)?;
    within(&format!("{place}.weight_decay"), adam.weight_decay, 0.0, f64::MAX)?;
    Ok(adam)
}

fn default_adam(params: &AdamParams) -> Adam {
    Adam {
        learning_rate: params.learning_rate.unwrap_or(1e-4),
        beta1: params.beta1.unwrap_or(0.9),
        beta2: params.beta2.unwrap_or(0.95),
        eps: params.eps.unwrap_or(1e-8),
        weight_decay: params.weight_decay.unwrap_or(0.0),
    }
}

fn muon(params: &MuonParams) -> Result<Muon, Refusal> {
    let muon = default_muon(params);
    within("muon_params.learning_rate", muon.learning_rate, 0.0, f64::MAX)?;
    within("muon_params.momentum", muon.momentum, 0.0, 1.0)?;
    within("muon_params.newton_schulz_steps", muon.newton_schulz_steps, 1, 20)?;
    within("muon_params.weight_decay", muon.weight_decay, 0.0, f64::MAX)?;
    adam(&params.adam.unwrap_or_default(), "muon_params.adam")?;
    Ok(muon)
}

fn default_muon(params: &MuonParams) -> Muon {
    Muon {
        learning_rate: params.learning_rate.unwrap_or(0.02),
        momentum: params.momentum.unwrap_or(0.95),
        newton_schulz_steps: params.newton_schulz_steps.unwrap_or(5),
        weight_decay: params.weight_decay.unwrap_or(0.0),
        adam: default_adam(&params.adam.unwrap_or_default()),
    }
}
