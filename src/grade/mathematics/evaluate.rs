//! What an expression is worth: as a fraction, as a remainder, and as a complex number.

use super::node::{Function, Node};
use super::number::{self, Rational};

/// The value as a fraction, where it is one and fits.
pub(super) fn exact(node: &Node) -> Option<Rational> {
    Some(match node {
        Node::Number { value, .. } => value.exact()?,
        Node::Negate(inner) => exact(inner)?.negate()?,
        Node::Inverse(inner) => exact(inner)?.invert()?,
        Node::Sum(nodes) => nodes
            .iter()
            .try_fold(Rational::ZERO, |sum, node| sum.add(exact(node)?))?,
        Node::Product(nodes) => nodes
            .iter()
            .try_fold(Rational::ONE, |all, node| all.multiply(exact(node)?))?,
        Node::Power(base, exponent) => exact(base)?.power(exact(exponent)?.whole()?)?,
        Node::Percent(inner) => exact(inner)?.multiply(Rational::new(1, 100)?)?,
        Node::Call(function, nodes) => {
            let first = exact(nodes.first()?)?;
            match (function, nodes.get(1)) {
                (Function::Absolute, _) => first.absolute()?,
                (Function::Floor, _) => first.floor(),
                (Function::Ceiling, _) => first.negate()?.floor().negate()?,
                (Function::Factorial, _) => first.factorial()?,
                (Function::Root, Some(below)) => {
                    let index = u32::try_from(first.whole()?)
                        .ok()
                        .filter(|index| (1..100).contains(index))?;
                    exact(below)?.root(index)?
                }
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// The value as a remainder, with a number for each variable. Two fractions of polynomials that agree here are the same,
/// but for a chance of one in a million million.
pub(super) fn remainder(node: &Node, point: u64) -> Option<u64> {
    Some(match node {
        Node::Number { value, .. } => value.remainder()?,
        Node::Symbol(name) if matches!(name.as_str(), "π" | "e" | "i" | "∞") => return None,
        Node::Symbol(name) => mixed(name, point) % number::PRIME,
        Node::Negate(inner) => negative(remainder(inner, point)?),
        Node::Inverse(inner) => number::inverse(remainder(inner, point)?)?,
        Node::Sum(nodes) => nodes
            .iter()
            .try_fold(0, |sum, node| Some(number::plus(sum, remainder(node, point)?)))?,
        Node::Product(nodes) => nodes
            .iter()
            .try_fold(1, |all, node| Some(number::times(all, remainder(node, point)?)))?,
        Node::Power(base, exponent) => {
            let (base, exponent) = (remainder(base, point)?, exact(exponent)?.whole()?);
            // Zero by chance cannot be told from zero.
            if base == 0 {
                return None;
            }
            number::raise(base, exponent)?
        }
        Node::Percent(inner) => number::times(remainder(inner, point)?, number::inverse(100)?),
        _ => return None,
    })
}

fn negative(remainder: u64) -> u64 {
    if remainder == 0 {
        0
    } else {
        number::PRIME - remainder
    }
}

/// A complex number and how far it may be off by rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) real: f64,
    pub(super) imaginary: f64,
    pub(super) error: f64,
}

impl Value {
    fn real(real: f64) -> Self {
        Self::new(real, 0.0, 0.0)
    }

    /// Every operation rounds once more.
    fn new(real: f64, imaginary: f64, error: f64) -> Self {
        let value = Self {
            real,
            imaginary,
            error,
        };
        Self {
            error: error + value.size() * f64::EPSILON,
            ..value
        }
    }

    pub(super) fn size(self) -> f64 {
        if self.imaginary == 0.0 {
            self.real.abs()
        } else {
            self.real.hypot(self.imaginary)
        }
    }

    pub(super) fn is_real(self) -> bool {
        self.imaginary.abs() <= 8.0 * self.error + 1e-12 * self.real.abs()
    }

    fn finite(self) -> Option<Self> {
        (self.real.is_finite() && self.imaginary.is_finite() && self.error.is_finite()).then_some(self)
    }

    /// The number, where it is real within rounding.
    fn only_real(self) -> Option<f64> {
        self.is_real().then_some(self.real)
    }

    fn plus(self, other: Self) -> Self {
        let error = self.error + other.error;
        Self::new(self.real + other.real, self.imaginary + other.imaginary, error)
    }

    fn times(self, other: Self) -> Self {
        let error = self.size() * other.error + other.size() * self.error;
        Self::new(
            self.real * other.real - self.imaginary * other.imaginary,
            self.real * other.imaginary + self.imaginary * other.real,
            error,
        )
    }

    fn negate(self) -> Self {
        Self {
            real: -self.real,
            imaginary: -self.imaginary,
            ..self
        }
    }

    fn invert(self) -> Option<Self> {
        let size = self.size();
        // What is zero within rounding has no inverse.
        if size <= 4.0 * self.error && self.error > size * 4.0 * f64::EPSILON || size == 0.0 {
            return None;
        }
        let error = self.error / (size * size);
        Some(Self::new(
            self.real / size / size,
            -self.imaginary / size / size,
            error,
        ))
    }

    fn exp(self) -> Self {
        let size = self.real.exp();
        let error = size * self.error;
        if self.imaginary == 0.0 {
            return Self::new(size, 0.0, error);
        }
        Self::new(size * self.imaginary.cos(), size * self.imaginary.sin(), error)
    }

    fn ln(self) -> Option<Self> {
        let size = self.size();
        let angle = if self.imaginary == 0.0 && self.real > 0.0 {
            0.0
        } else {
            self.imaginary.atan2(self.real)
        };
        (size > 0.0).then(|| Self::new(size.ln(), angle, self.error / size))
    }

    /// The power by squaring, which stays exact longest.
    fn whole_power(self, exponent: u32) -> Self {
        let (mut base, mut left, mut result) = (self, exponent, Self::real(1.0));
        while left > 0 {
            if left % 2 == 1 {
                result = result.times(base);
            }
            base = base.times(base);
            left /= 2;
        }
        result
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    fn power(self, exponent: Self) -> Option<Self> {
        let whole =
            exponent.imaginary == 0.0 && exponent.real.fract() == 0.0 && exponent.real.abs() <= 1000.0;
        if whole {
            let power = self.whole_power(exponent.real.abs() as u32);
            return if exponent.real < 0.0 {
                power.invert()
            } else {
                Some(power)
            };
        }
        if self.size() == 0.0 {
            return (exponent.real > 0.0).then(|| Self::real(0.0));
        }
        if self.imaginary == 0.0 && exponent.imaginary == 0.0 && self.real > 0.0 {
            let power = self.real.powf(exponent.real);
            let error = power * (exponent.real * self.error / self.real).abs()
                + power * (self.real.ln() * exponent.error).abs();
            return Some(Self::new(power, 0.0, error));
        }
        Some(exponent.times(self.ln()?).exp())
    }

    /// Sine and cosine.
    fn circle(self) -> (Self, Self) {
        let ((sine, cosine), error) = (self.real.sin_cos(), self.error);
        if self.imaginary == 0.0 {
            // One more for what the argument lost.
            return (Self::new(sine, 0.0, error), Self::new(cosine, 0.0, error));
        }
        let (high, wide) = (self.imaginary.sinh(), self.imaginary.cosh());
        let sine_value = Self::new(sine * wide, cosine * high, error * wide);
        (sine_value, Self::new(cosine * wide, -sine * high, error * wide))
    }
}

/// Which numbers stand for the variables, and whether all that is worked out on the way has to be real.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) index: u64,
    pub(super) reals: bool,
}

/// The value, with numbers for the variables. `None`: undefined, or too large.
pub(super) fn value(node: &Node, point: Point) -> Option<Value> {
    match node {
        Node::Number { value, .. } => Value::real(value.float()),
        Node::Symbol(name) => match name.as_str() {
            "π" => Value::real(std::f64::consts::PI),
            "e" => Value::real(std::f64::consts::E),
            "i" => Value::new(0.0, 1.0, 0.0),
            "∞" => return None,
            name => Value::real(variable(name, point.index)),
        },
        // Any function that is not a simple one will do.
        Node::Unknown(name, argument) => {
            let (sine, cosine) = value(argument, point)?
                .times(Value::real(variable(name, 0)))
                .circle();
            sine.plus(cosine.times(cosine))
        }
        Node::Negate(inner) => value(inner, point)?.negate(),
        Node::Inverse(inner) => value(inner, point)?.invert()?,
        Node::Sum(nodes) => nodes
            .iter()
            .try_fold(Value::real(0.0), |sum, node| Some(sum.plus(value(node, point)?)))?,
        Node::Product(nodes) => nodes
            .iter()
            .try_fold(Value::real(1.0), |all, node| Some(all.times(value(node, point)?)))?,
        Node::Power(base, exponent) => value(base, point)?.power(value(exponent, point)?)?,
        Node::Percent(inner) => value(inner, point)?.times(Value::real(0.01)),
        Node::Degrees(inner) => value(inner, point)?.times(Value::real(std::f64::consts::PI / 180.0)),
        Node::Call(function, nodes) => {
            let first = value(nodes.first()?, point)?;
            match nodes.get(1) {
                Some(second) => of_two(*function, first, value(second, point)?)?,
                None => of_one(*function, first)?,
            }
        }
        _ => return None,
    }
    .finite()
    .filter(|value| !point.reals || value.is_real())
}

fn of_one(function: Function, argument: Value) -> Option<Value> {
    let (sine, cosine) = argument.circle();
    let real = |result: fn(f64) -> f64, slope: fn(f64) -> f64| {
        let number = argument.only_real()?;
        Some(Value::new(
            result(number),
            0.0,
            (slope(number) * argument.error).abs(),
        ))
    };
    match function {
        Function::Sin => Some(sine),
        Function::Cos => Some(cosine),
        Function::Tan => Some(sine.times(cosine.invert()?)),
        Function::Cot => Some(cosine.times(sine.invert()?)),
        Function::Sec => cosine.invert(),
        Function::Csc => sine.invert(),
        // Their slopes are steep at the ends, where half of the digits are lost.
        Function::ArcSin => real(f64::asin, |number| {
            1.0 / (1.0 - number * number).max(1e-16).sqrt()
        }),
        Function::ArcCos => real(f64::acos, |number| {
            1.0 / (1.0 - number * number).max(1e-16).sqrt()
        }),
        Function::ArcTan => real(f64::atan, |_| 1.0),
        Function::Sinh => real(f64::sinh, f64::cosh),
        Function::Cosh => real(f64::cosh, f64::sinh),
        Function::Tanh => real(f64::tanh, |_| 1.0),
        Function::Ln => argument.ln(),
        Function::Exp => Some(argument.exp()),
        Function::Absolute => Some(Value::new(argument.size(), 0.0, argument.error)),
        Function::Floor => real(f64::floor, |_| 0.0),
        Function::Ceiling => real(f64::ceil, |_| 0.0),
        Function::Factorial => {
            let number = argument.only_real().filter(|number| number.fract() == 0.0)?;
            let mut product = Value::real(1.0);
            let mut factor = 1.0;
            while (0.0..=170.0).contains(&number) && factor <= number {
                product = product.times(Value::real(factor));
                factor += 1.0;
            }
            (0.0..=170.0).contains(&number).then_some(product)
        }
        _ => None,
    }
}

fn of_two(function: Function, first: Value, second: Value) -> Option<Value> {
    match function {
        Function::Root => {
            let index = first.only_real()?;
            // The real root, where there is one.
            let near = |number: f64| (index - number).abs() < f64::EPSILON;
            if near(2.0 * (index / 2.0).floor() + 1.0) && second.imaginary == 0.0 && second.real < 0.0 {
                return Some(second.negate().power(first.invert()?)?.negate());
            }
            if near(2.0) && second.imaginary == 0.0 {
                let root = second.real.abs().sqrt();
                let error = if root > 0.0 {
                    second.error / root
                } else {
                    second.error.sqrt()
                };
                let (real, imaginary) = if second.real < 0.0 {
                    (0.0, root)
                } else {
                    (root, 0.0)
                };
                return Some(Value::new(real, imaginary, error));
            }
            second.power(first.invert()?)
        }
        Function::Log => Some(second.ln()?.times(first.ln()?.invert()?)),
        Function::Binomial => {
            let below = second
                .only_real()
                .filter(|below| below.fract() == 0.0 && (0.0..=1000.0).contains(below))?;
            let mut product = Value::real(1.0);
            let mut step = 0.0;
            while step < below {
                product = product
                    .times(first.plus(Value::real(-step)))
                    .times(Value::real(step + 1.0).invert()?);
                step += 1.0;
            }
            Some(product)
        }
        _ => None,
    }
}

/// How many points are tried.
pub(super) const POINTS: u64 = 19;

/// The number that stands for a variable at a point: at the first ones small positive numbers, then some of either sign, larger
/// ones, and whole ones, which factorials need.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn variable(name: &str, point: u64) -> f64 {
    let random = mixed(name, point);
    let unit = (random >> 11) as f64 / (1u64 << 53) as f64;
    match point {
        0..=5 => 0.3 + 2.4 * unit,
        6..=9 => 6.0 * unit - 3.0,
        10..=12 => 3.0 + 37.0 * unit,
        _ => 1.0 + (9.0 * unit).floor(),
    }
}

/// The same number for the same name and point, always.
fn mixed(name: &str, point: u64) -> u64 {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut bits = seed.wrapping_add((point + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::{lex, parse};
    use super::*;

    #[test]
    fn values() {
        let table = [
            (r"\frac{1}{3} + 2^{-1}", Some(5.0 / 6.0), true),
            (r"\sqrt{\frac{9}{4}}", Some(1.5), true),
            (r"\binom{5}{2}", Some(10.0), false),
            ("5! - |-20|", Some(100.0), true),
            (r"\sin 30^\circ", Some(0.5), false),
            (r"\log_2 8 \cdot \ln e^2", Some(6.0), false),
            (r"\sqrt[3]{-8}", Some(-2.0), true),
            (r"e^{i\pi}", Some(-1.0), false),
            (r"\frac{1}{\sin \pi}", None, false),
            ("2^{9^{9^9}}", None, false),
            (r"\infty", None, false),
        ];
        for (text, float, fraction) in table {
            let node = parse::parse(&lex::lex(text, false).tokens).unwrap();
            let found = value(
                &node,
                Point {
                    index: 0,
                    reals: false,
                },
            );
            assert_eq!(found.is_some(), float.is_some(), "{text} {found:?}");
            assert!(
                found.is_none_or(|found| (found.real - float.unwrap()).abs() < 1e-12),
                "{text} {found:?}"
            );
            assert_eq!(exact(&node).is_some(), fraction, "{text}");
        }
    }
}
