//! What each token contributes to a loss.

use super::sample::Slot;
use super::{Loss, Ratio, divergence};
use crate::policy::model::float;

/// Bounds of a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clip {
    /// The lower one.
    pub(crate) low: f64,
    /// The upper one.
    pub(crate) high: f64,
}

/// What one slot contributes.
#[derive(Default)]
pub(super) struct Term {
    pub(super) loss: f64,
    /// d loss / d new, of this slot.
    pub(super) slope: f64,
    /// -1 or 1 where a bound of the ratio takes the slot's gradient away or changes it.
    pub(super) clipped: i8,
}

impl Loss {
    /// What each slot of a sequence contributes.
    pub(super) fn terms(&self, slots: &[Slot]) -> Vec<Term> {
        let Self::Grpo {
            clip,
            beta,
            ratio: Ratio::Sequence,
            ..
        } = *self
        else {
            return slots.iter().map(|slot| self.term(slot)).collect();
        };
        // One ratio for all slots: each slot's loss depends on every slot's log-probability.
        let share = 1.0 / float(slots.len().max(1));
        let ratio = slots
            .iter()
            .map(|slot| share * (slot.new - slot.old))
            .sum::<f64>()
            .exp();
        let mut terms: Vec<Term> = slots.iter().map(|slot| clip.term(ratio, slot)).collect();
        let slope = share * terms.iter().map(|term| term.slope).sum::<f64>();
        for (term, slot) in terms.iter_mut().zip(slots) {
            term.slope = slope;
            term.add_penalty(beta, slot);
        }
        terms
    }

    fn term(&self, slot: &Slot) -> Term {
        let Slot {
            new, old, advantage, ..
        } = *slot;
        let ratio = (new - old).exp();
        let unclipped = Term {
            loss: -ratio * advantage,
            slope: -ratio * advantage,
            clipped: 0,
        };
        match *self {
            Self::CrossEntropy => Term {
                loss: -slot.weight * new,
                slope: -slot.weight,
                clipped: 0,
            },
            Self::Grpo { clip, beta, .. } => {
                let mut term = clip.term(ratio, slot);
                term.add_penalty(beta, slot);
                term
            }
            Self::ImportanceSampling => unclipped,
            Self::Ppo(clip) => clip.term(ratio, slot),
            Self::Cispo(clip) => {
                let factor = clip.of(ratio);
                Term {
                    loss: -factor * advantage * new,
                    slope: -factor * advantage,
                    clipped: clip.side(ratio),
                }
            }
            Self::Dro { beta } => Term {
                loss: -advantage * new + beta / 2.0 * (new - old).powi(2),
                slope: -advantage + beta * (new - old),
                clipped: 0,
            },
            Self::Dppo { low, high } => {
                let moved = new.exp() - old.exp();
                match () {
                    () if advantage > 0.0 && moved > high => Term {
                        clipped: 1,
                        ..Term::default()
                    },
                    () if advantage < 0.0 && moved < -low => Term {
                        clipped: -1,
                        ..Term::default()
                    },
                    () => unclipped,
                }
            }
        }
    }
}

impl Clip {
    pub(super) fn of(self, ratio: f64) -> f64 {
        // Unlike clamp, this bears bounds in the wrong order.
        ratio.max(self.low).min(self.high)
    }

    fn side(self, ratio: f64) -> i8 {
        i8::from(ratio > self.high) - i8::from(ratio < self.low)
    }

    /// -min(r·A, clip(r)·A). The slope is that with respect to the logarithm of the ratio.
    fn term(self, ratio: f64, slot: &Slot) -> Term {
        let (free, bounded) = (ratio * slot.advantage, self.of(ratio) * slot.advantage);
        if free <= bounded {
            Term {
                loss: -free,
                slope: -free,
                clipped: 0,
            }
        } else {
            Term {
                loss: -bounded,
                slope: 0.0,
                clipped: self.side(ratio),
            }
        }
    }
}

impl Term {
    /// Adds beta times the estimate of the divergence from the reference policy.
    fn add_penalty(&mut self, beta: f64, slot: &Slot) {
        if beta > 0.0 {
            let distance = slot.reference - slot.new;
            self.loss += beta * divergence(distance);
            self.slope += beta * (1.0 - distance.exp());
        }
    }
}
