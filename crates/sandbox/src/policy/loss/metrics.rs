//! What is said of a batch besides its loss.

use std::collections::BTreeMap;

use super::sample::Slot;
use super::{Loss, divergence};
use crate::policy::model::float;

impl Loss {
    /// Those of a batch, of which so many slots were cut below and above.
    pub(super) fn metrics(
        &self,
        batch: &[Vec<Slot>],
        (low, high): (usize, usize),
    ) -> BTreeMap<&'static str, f64> {
        let slots: Vec<&Slot> = batch.iter().flatten().collect();
        let mean = |value: &dyn Fn(&Slot) -> f64| {
            slots.iter().map(|slot| value(slot)).sum::<f64>() / float(slots.len().max(1))
        };
        let mut metrics = BTreeMap::from([
            ("loss/entropy/mean", mean(&|slot| slot.entropy)),
            ("loss/logprob/mean", mean(&|slot| slot.new)),
            ("loss/tokens", float(slots.len())),
        ]);
        if *self == Self::CrossEntropy {
            return metrics;
        }
        let ratios = || slots.iter().map(|slot| (slot.new - slot.old).exp());
        let all = float(slots.len().max(1));
        metrics.extend([
            ("loss/advantage/mean", mean(&|slot| slot.advantage)),
            ("loss/ratio/mean", mean(&|slot| (slot.new - slot.old).exp())),
            ("loss/ratio/max", ratios().reduce(f64::max).unwrap_or(0.0)),
            ("loss/ratio/min", ratios().reduce(f64::min).unwrap_or(0.0)),
            ("loss/kl_old/mean", mean(&|slot| divergence(slot.new - slot.old))),
        ]);
        if matches!(
            self,
            Self::Grpo { .. } | Self::Ppo(_) | Self::Cispo(_) | Self::Dppo { .. }
        ) {
            let fractions = [
                ("loss/clip/low_fraction", float(low) / all),
                ("loss/clip/high_fraction", float(high) / all),
            ];
            metrics.extend(fractions);
        }
        if matches!(self, Self::Grpo { beta, .. } if *beta > 0.0) {
            metrics.insert(
                "loss/kl_ref/mean",
                mean(&|slot| divergence(slot.reference - slot.new)),
            );
        }
        metrics
    }
}
