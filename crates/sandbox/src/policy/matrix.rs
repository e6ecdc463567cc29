//! Matrices of 64-bit floats, as far as the policy needs them.

use fastrand::Rng;

/// A matrix, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) data: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            data: vec![0.0; rows * columns],
        }
    }

    /// Independent normal entries with mean 0 and this standard deviation.
    pub(crate) fn random(rows: usize, columns: usize, deviation: f64, rng: &mut Rng) -> Self {
        let data = (0..rows * columns).map(|_| normal(rng) * deviation).collect();
        Self { rows, columns, data }
    }

    pub(crate) fn like(other: &Self) -> Self {
        Self::zeros(other.rows, other.columns)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.data.chunks_exact(self.columns)
    }

    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.data.chunks_exact_mut(self.columns)
    }

    /// One row; an empty one when there is none.
    pub(crate) fn row(&self, index: usize) -> &[f64] {
        let start = index * self.columns;
        self.data.get(start..start + self.columns).unwrap_or_default()
    }

    /// self · other
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.rows, other.columns);
        for (sums, row) in product.rows_mut().zip(self.rows()) {
            for (factor, other) in row.iter().zip(other.rows()) {
                add_scaled(sums, *factor, other);
            }
        }
        product
    }

    pub(crate) fn transposed(&self) -> Self {
        let column = |index: usize| self.rows().filter_map(move |row| row.get(index));
        Self {
            rows: self.columns,
            columns: self.rows,
            data: (0..self.columns).flat_map(column).copied().collect(),
        }
    }

    /// self += factor · other
    pub(crate) fn add(&mut self, factor: f64, other: &Self) {
        add_scaled(&mut self.data, factor, &other.data);
    }

    pub(crate) fn scale(&mut self, factor: f64) {
        for value in &mut self.data {
            *value *= factor;
        }
    }

    /// Whether all entries are numbers that a file can hold.
    pub(crate) fn is_storable(&self) -> bool {
        self.data.iter().all(|value| value.abs() <= f64::from(f32::MAX))
    }

    /// The sum of the squares of all entries.
    pub(crate) fn squares(&self) -> f64 {
        self.data.iter().map(|value| value * value).sum()
    }
}

/// sums += factor · values
pub(crate) fn add_scaled(sums: &mut [f64], factor: f64, values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// The scalar product. Eight sums side by side: one alone would make each addition wait for the one before.
pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (lefts, rights) = (left.chunks_exact(8), right.chunks_exact(8));
    let rest = lefts.remainder().iter().zip(rights.remainder());
    let rest: f64 = rest.map(|(left, right)| left * right).sum();
    for (left, right) in lefts.zip(rights) {
        for (sum, (left, right)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += left * right;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// A normal value with mean 0 and variance 1, by Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    // 1 - f64() is above 0, so that its logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_transposes_and_dots_agree() {
        let mut rng = Rng::with_seed(1);
        let left = Matrix::random(3, 21, 1.0, &mut rng);
        let right = Matrix::random(21, 5, 1.0, &mut rng);
        let product = left.times(&right);
        let columns = right.transposed();
        for (index, row) in product.rows().enumerate() {
            for (value, column) in row.iter().zip(columns.rows()) {
                assert!((value - dot(left.row(index), column)).abs() < 1e-12);
            }
        }
        assert_eq!(columns.transposed(), right);
    }

    #[test]
    fn random_entries_have_the_asked_deviation() {
        let matrix = Matrix::random(100, 100, 3.0, &mut Rng::with_seed(7));
        let variance = matrix.squares() / 10_000.0;
        assert!((variance - 9.0).abs() < 0.5, "{variance}");
    }
}
