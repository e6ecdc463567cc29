//! Adam and Muon.

use super::matrix::Matrix;
use super::model::float;

/// Which optimizer a model resource was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Adam for everything.
    Adam,
    /// Muon for the hidden layer, Adam for the output.
    Muon(Scaling),
}

/// How a Muon update is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaling {
    /// Such that it is about as long as one of Adam's: 0.2 · √max(rows, columns).
    MatchAdam,
    /// √max(1, rows / columns), rows being outputs.
    Original,
}

/// Parameters of one step of Adam, with decoupled weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Adam {
    pub(crate) learning_rate: f64,
    pub(crate) beta1: f64,
    pub(crate) beta2: f64,
    pub(crate) eps: f64,
    pub(crate) weight_decay: f64,
}

/// Parameters of one step of Muon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Muon {
    pub(crate) learning_rate: f64,
    pub(crate) momentum: f64,
    pub(crate) newton_schulz_steps: u32,
    pub(crate) weight_decay: f64,
    /// For what Muon does not handle.
    pub(crate) adam: Adam,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// By Adam alone.
    Adam(Adam),
    /// By Muon, where it applies.
    Muon(Muon),
}

/// What is remembered from step to step, for each trained matrix.
#[derive(Clone, Debug)]
pub(super) struct State {
    kind: Kind,
    /// Steps so far.
    steps: i32,
    /// Means of the gradient: Adam's first moment, Muon's momentum.
    first: Vec<Matrix>,
    /// Means of its square.
    second: Vec<Matrix>,
}

impl State {
    pub(super) fn new(kind: Kind, matrices: &[Matrix]) -> Self {
        let zeros = || matrices.iter().map(Matrix::like).collect();
        Self {
            kind,
            steps: 0,
            first: zeros(),
            second: zeros(),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Moves the weights against the gradient. The first `hidden` matrices belong to the hidden layer.
    pub(super) fn apply(&mut self, step: &Step, weights: &mut [Matrix], gradient: &[Matrix], hidden: usize) {
        self.steps += 1;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for (index, ((weights, gradient), (first, second))) in
            weights.iter_mut().zip(gradient).zip(moments).enumerate()
        {
            match (step, self.kind) {
                (Step::Muon(muon), Kind::Muon(scaling)) if index < hidden => {
                    muon.apply(scaling, weights, gradient, first);
                }
                (Step::Muon(Muon { adam, .. }) | Step::Adam(adam), _) => {
                    adam.apply(self.steps, weights, gradient, first, second);
                }
            }
        }
    }
}

impl Adam {
    fn apply(
        &self,
        steps: i32,
        weights: &mut Matrix,
        gradient: &Matrix,
        first: &mut Matrix,
        second: &mut Matrix,
    ) {
        let unbiased = |beta: f64| 1.0 / (1.0 - beta.powi(steps));
        let (of_first, of_second) = (unbiased(self.beta1), unbiased(self.beta2));
        let moments = first.data.iter_mut().zip(&mut second.data);
        for ((weight, slope), (first, second)) in weights.data.iter_mut().zip(&gradient.data).zip(moments) {
            *first = self.beta1 * *first + (1.0 - self.beta1) * slope;
            *second = self.beta2 * *second + (1.0 - self.beta2) * slope * slope;
            let direction = *first * of_first / ((*second * of_second).sqrt() + self.eps);
            *weight -= self.learning_rate * (direction + self.weight_decay * *weight);
        }
    }
}

impl Muon {
    fn apply(&self, scaling: Scaling, weights: &mut Matrix, gradient: &Matrix, momentum: &mut Matrix) {
        momentum.scale(self.momentum);
        momentum.add(1.0, gradient);
        // Nesterov: one step ahead along the momentum.
        let mut ahead = gradient.clone();
        ahead.add(self.momentum, momentum);
        let direction = orthogonalized(&ahead, self.newton_schulz_steps);
        // Matrices are kept input by output.
        let (rows, columns) = (float(weights.columns), float(weights.rows));
        let length = match scaling {
            Scaling::MatchAdam => 0.2 * rows.max(columns).sqrt(),
            Scaling::Original => (rows / columns).max(1.0).sqrt(),
        };
        weights.scale(1.0 - self.learning_rate * self.weight_decay);
        weights.add(-self.learning_rate * length, &direction);
    }
}

/// Roughly the nearest matrix whose singular values are all one, by the quintic iteration of Newton and Schulz with the
/// coefficients of the Muon paper.
fn orthogonalized(matrix: &Matrix, steps: u32) -> Matrix {
    const COEFFICIENTS: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);
    let tall = matrix.rows > matrix.columns;
    let mut x = if tall { matrix.transposed() } else { matrix.clone() };
    x.scale(1.0 / (x.squares().sqrt() + 1e-7));
    let (a, b, c) = COEFFICIENTS;
    for _ in 0..steps {
        let gram = x.times(&x.transposed());
        let mut polynomial = gram.times(&gram);
        polynomial.scale(c);
        polynomial.add(b, &gram);
        let mut next = polynomial.times(&x);
        next.add(a, &x);
        x = next;
    }
    if tall { x.transposed() } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADAM: Adam = Adam {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.0,
    };

    #[test]
    fn the_first_step_of_adam_is_the_learning_rate_against_the_sign() {
        let mut weights = vec![Matrix::zeros(1, 2)];
        let gradient = Matrix {
            rows: 1,
            columns: 2,
            data: vec![1e-3, -40.0],
        };
        State::new(Kind::Adam, &weights).apply(&Step::Adam(ADAM), &mut weights, &[gradient], 1);
        assert!((weights[0].data[0] + 0.1).abs() < 1e-5 && (weights[0].data[1] - 0.1).abs() < 1e-9);
    }

    #[test]
    fn weight_decay_acts_on_the_weight_and_not_through_the_moments() {
        let decaying = Adam {
            weight_decay: 0.5,
            ..ADAM
        };
        let mut weights = vec![Matrix::zeros(1, 1)];
        weights[0].data[0] = 2.0;
        let gradient = [Matrix::zeros(1, 1)];
        State::new(Kind::Adam, &weights).apply(&Step::Adam(decaying), &mut weights, &gradient, 1);
        assert!((weights[0].data[0] - (2.0 - 0.1 * 0.5 * 2.0)).abs() < 1e-12);
    }

    #[test]
    fn muon_moves_all_directions_alike() {
        let mut rng = fastrand::Rng::with_seed(5);
        for (rows, columns) in [(12, 30), (30, 12)] {
            let direction = orthogonalized(&Matrix::random(rows, columns, 3.0, &mut rng), 5);
            // The sum of the squares of the singular values, of which there are 12, each between 0.7 and 1.2.
            let squares = direction.squares();
            assert!(squares > 12.0 * 0.45 && squares < 12.0 * 1.45, "{squares}");
        }
    }
}
