//! Exact numbers: fractions of 128-bit integers, and remainders for what is too large for them.

/// The prime that remainders are taken by.
pub(super) const PRIME: u64 = (1 << 61) - 1;
/// The largest power that is worked out exactly: no base above one fits with more.
const MOST_POWER: i128 = 127;

/// A fraction in lowest terms. Every operation gives `None` where it would overflow or is undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rational {
    top: i128,
    /// Above zero.
    bottom: i128,
}

impl Rational {
    pub(super) const ZERO: Self = Self::integer(0);
    pub(super) const ONE: Self = Self::integer(1);

    pub(super) const fn integer(top: i128) -> Self {
        Self { top, bottom: 1 }
    }

    pub(super) fn new(top: i128, bottom: i128) -> Option<Self> {
        if bottom == 0 {
            return None;
        }
        let divisor = i128::try_from(divisor(top.unsigned_abs(), bottom.unsigned_abs())).ok()?;
        let (top, bottom) = (top.checked_div(divisor)?, bottom.checked_div(divisor)?);
        if bottom < 0 {
            return Some(Self {
                top: top.checked_neg()?,
                bottom: bottom.checked_neg()?,
            });
        }
        Some(Self { top, bottom })
    }

    /// The number, where it is whole.
    pub(super) fn whole(self) -> Option<i128> {
        (self.bottom == 1).then_some(self.top)
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let (left, right) = (
            self.top.checked_mul(other.bottom)?,
            other.top.checked_mul(self.bottom)?,
        );
        Self::new(left.checked_add(right)?, self.bottom.checked_mul(other.bottom)?)
    }

    pub(super) fn multiply(self, other: Self) -> Option<Self> {
        // Crosswise first, so that less overflows.
        let left = Self::new(self.top, other.bottom)?;
        let right = Self::new(other.top, self.bottom)?;
        Self::new(
            left.top.checked_mul(right.top)?,
            left.bottom.checked_mul(right.bottom)?,
        )
    }

    pub(super) fn negate(self) -> Option<Self> {
        Some(Self {
            top: self.top.checked_neg()?,
            bottom: self.bottom,
        })
    }

    pub(super) fn invert(self) -> Option<Self> {
        Self::new(self.bottom, self.top)
    }

    pub(super) fn absolute(self) -> Option<Self> {
        Some(Self {
            top: self.top.checked_abs()?,
            bottom: self.bottom,
        })
    }

    pub(super) fn floor(self) -> Self {
        Self::integer(self.top.div_euclid(self.bottom))
    }

    pub(super) fn power(self, exponent: i128) -> Option<Self> {
        if exponent < 0 {
            return self.invert()?.power(exponent.checked_neg()?);
        }
        if self.bottom == 1 && self.top.unsigned_abs() <= 1 {
            return Some(if exponent % 2 == 0 {
                Self::integer(self.top * self.top).or_one(exponent)
            } else {
                self
            });
        }
        let exponent = u32::try_from(exponent)
            .ok()
            .filter(|&power| i128::from(power) <= MOST_POWER)?;
        Some(Self {
            top: self.top.checked_pow(exponent)?,
            bottom: self.bottom.checked_pow(exponent)?,
        })
    }

    /// Anything to the power of zero is one.
    fn or_one(self, exponent: i128) -> Self {
        if exponent == 0 { Self::ONE } else { self }
    }

    /// The real root, where it is a fraction.
    pub(super) fn root(self, index: u32) -> Option<Self> {
        if self.top < 0 {
            return if index % 2 == 1 {
                self.negate()?.root(index)?.negate()
            } else {
                None
            };
        }
        Some(Self {
            top: whole_root(self.top, index)?,
            bottom: whole_root(self.bottom, index)?,
        })
    }

    pub(super) fn factorial(self) -> Option<Self> {
        let last = self.whole().filter(|last| (0..=33).contains(last))?;
        (1..=last).try_fold(1i128, i128::checked_mul).map(Self::integer)
    }

    /// As the nearest float, give or take the last bit.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest float is what is asked for"
    )]
    pub(super) fn float(self) -> f64 {
        self.top as f64 / self.bottom as f64
    }

    /// As a remainder by `PRIME`.
    pub(super) fn remainder(self) -> Option<u64> {
        let of = |number: i128| u64::try_from(number.rem_euclid(i128::from(PRIME))).ok();
        Some(times(of(self.top)?, inverse(of(self.bottom)?)?))
    }
}

/// A number that was written as digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Exact(Rational),
    /// Beyond 128 bits: nearly, and its remainder, which tells neighbours apart.
    Large {
        float: f64,
        remainder: u64,
    },
}

impl Number {
    pub(super) fn exact(self) -> Option<Rational> {
        match self {
            Self::Exact(number) => Some(number),
            Self::Large { .. } => None,
        }
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Self::Exact(number) => number.float(),
            Self::Large { float, .. } => float,
        }
    }

    pub(super) fn remainder(self) -> Option<u64> {
        match self {
            Self::Exact(number) => number.remainder(),
            Self::Large { remainder, .. } => Some(remainder),
        }
    }

    /// Reads digits, of which the last `decimals` stand behind the point, times ten to the `power`.
    pub(super) fn read(digits: &str, decimals: usize, power: i32) -> Option<Self> {
        let power = i64::from(power).checked_sub(i64::try_from(decimals).ok()?)?;
        if let Ok(whole) = digits.parse::<i128>() {
            let scale = Rational::integer(10).power(i128::from(power));
            if let Some(exact) = scale.and_then(|scale| Rational::integer(whole).multiply(scale)) {
                return Some(Self::Exact(exact));
            }
        }
        let float = format!("{digits}e{power}").parse().ok()?;
        let whole = digits.bytes().fold(0, |sum, digit| {
            plus(times(sum, 10), u64::from(digit.wrapping_sub(b'0')))
        });
        Some(Self::Large {
            float,
            remainder: times(whole, raise(10, i128::from(power))?),
        })
    }
}

fn divisor(mut left: u128, mut right: u128) -> u128 {
    while right != 0 {
        (left, right) = match (u64::try_from(left), u64::try_from(right)) {
            // Many times as fast as on 128 bits.
            (Ok(left), Ok(right)) => (u128::from(right), u128::from(left % right)),
            _ => (right, left % right),
        };
    }
    left.max(1)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a guess that is checked"
)]
fn whole_root(number: i128, index: u32) -> Option<i128> {
    let guess = (number as f64).powf(1.0 / f64::from(index)).round() as i128;
    (guess.checked_sub(1)?..=guess.checked_add(1)?).find(|root| root.checked_pow(index) == Some(number))
}

pub(super) fn plus(left: u64, right: u64) -> u64 {
    // Both are below 2^61.
    (left + right) % PRIME
}

pub(super) fn times(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right) % u128::from(PRIME);
    u64::try_from(product).unwrap_or_default()
}

/// `None`: zero has no inverse.
pub(super) fn inverse(number: u64) -> Option<u64> {
    if number == 0 {
        None
    } else {
        raise(number, i128::from(PRIME) - 2)
    }
}

/// To the power of any whole number.
pub(super) fn raise(base: u64, exponent: i128) -> Option<u64> {
    let mut base = if exponent < 0 { inverse(base)? } else { base };
    let (mut left, mut result) = (exponent.unsigned_abs(), 1);
    while left > 0 {
        if left % 2 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        left /= 2;
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions() {
        let half = Rational::new(-2, -4).unwrap();
        assert_eq!(half, Rational::new(1, 2).unwrap());
        assert_eq!(half.add(half), Some(Rational::ONE));
        assert_eq!(half.power(-3), Some(Rational::integer(8)));
        assert_eq!(Rational::ZERO.power(0), Some(Rational::ONE));
        assert_eq!(Rational::ZERO.power(-1), None);
        assert_eq!(
            Rational::integer(-1).power(1_000_001),
            Some(Rational::integer(-1))
        );
        assert_eq!(Rational::integer(-8).root(3), Some(Rational::integer(-2)));
        assert_eq!(Rational::integer(2).root(2), None);
        assert_eq!(Rational::new(-7, 2).unwrap().floor(), Rational::integer(-4));
        assert_eq!(Rational::integer(i128::MAX).add(Rational::ONE), None);
        assert_eq!(Rational::new(i128::MIN, i128::MIN), None);
    }

    #[test]
    fn digits() {
        let table = [
            ("12345", 3, 0, 12.345),
            ("1", 0, 5, 1e5),
            ("1", 0, -40, 1e-40),
            ("5", 0, 400, f64::INFINITY),
        ];
        for (digits, decimals, power, float) in table {
            let read = Number::read(digits, decimals, power).unwrap().float();
            assert!(
                read.total_cmp(&float).is_eq() || (read - float).abs() < 1e-12 * float,
                "{digits} {read}"
            );
        }
        let long = |last: &str| Number::read(&format!("{}{last}", "7".repeat(60)), 0, 0).unwrap();
        assert_eq!(long("1"), long("1"));
        assert_ne!(long("1"), long("2"));
    }

    #[test]
    fn remainders() {
        let third = Rational::new(1, 3).unwrap().remainder().unwrap();
        assert_eq!(times(third, 3), 1);
        assert_eq!(raise(2, 61), Some(1));
        assert_eq!(inverse(0), None);
    }
}
