//! Exact numbers.
//!
//! In: the text of a literal, or other numbers. Out: fractions of two integers, always reduced, with
//! checked arithmetic: what does not fit is `None`, never a rounded value. Deliberately not here:
//! floating point, but for [`Number::to_f64`] at the very end of the road.

use std::cmp::Ordering;
use std::fmt;

/// An exact fraction; the denominator is positive and shares no factor with the numerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    numerator: i128,
    denominator: i128,
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Number {
    /// 0.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// 1.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// The fraction, reduced. `None` where it does not exist or does not fit.
    #[must_use]
    pub fn ratio(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).ok()?;
        let (numerator, denominator) = (numerator / divisor, denominator / divisor);
        if denominator < 0 {
            Some(Self {
                numerator: numerator.checked_neg()?,
                denominator: denominator.checked_neg()?,
            })
        } else {
            Some(Self { numerator, denominator })
        }
    }

    /// The value of a literal such as `12`, `0.05` or `1e-6`; `None` where it does not fit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        if shift < 0 {
            Self::ratio(digits, power)
        } else {
            Some(Self::from(digits.checked_mul(power)?))
        }
    }

    /// The sum.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::ratio(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    /// The difference.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(other.checked_neg()?)
    }

    /// The product.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        Self::ratio(
            self.numerator.checked_mul(other.numerator)?,
            self.denominator.checked_mul(other.denominator)?,
        )
    }

    /// The quotient; `None` for a division by zero, too.
    #[must_use]
    pub fn checked_div(self, other: Self) -> Option<Self> {
        Self::ratio(
            self.numerator.checked_mul(other.denominator)?,
            self.denominator.checked_mul(other.numerator)?,
        )
    }

    /// What remains of a floored division; it has the sign of the divisor.
    #[must_use]
    pub fn checked_rem(self, other: Self) -> Option<Self> {
        self.checked_sub(self.checked_div(other)?.floor().checked_mul(other)?)
    }

    /// The number with the other sign.
    #[must_use]
    pub fn checked_neg(self) -> Option<Self> {
        Some(Self { numerator: self.numerator.checked_neg()?, denominator: self.denominator })
    }

    /// The largest integer that is not larger.
    #[must_use]
    pub fn floor(self) -> Self {
        Self::from(self.numerator.div_euclid(self.denominator))
    }

    /// The smallest integer that is not smaller.
    #[must_use]
    pub fn ceil(self) -> Self {
        let floor = self.numerator.div_euclid(self.denominator);
        Self::from(floor + i128::from(!self.is_integer()))
    }

    /// Whether there is nothing after the point.
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.denominator == 1
    }

    /// The value as an integer, if it is one.
    #[must_use]
    pub fn to_integer(self) -> Option<i128> {
        self.is_integer().then_some(self.numerator)
    }

    /// The nearest double, for kernels and pictures.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rounding is what this is for")]
    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The finite decimal with at most 12 places that is exactly this number, if there is one.
    fn decimal(self) -> Option<String> {
        for places in 0..=12u32 {
            let power = 10i128.pow(places);
            if power % self.denominator == 0 {
                let digits = self.numerator.checked_mul(power / self.denominator)?;
                let sign = if digits < 0 { "-" } else { "" };
                let width = places as usize + 1;
                let digits = format!("{:0width$}", digits.unsigned_abs());
                let (whole, fraction) = digits.split_at(digits.len() - places as usize);
                let point = if places == 0 { "" } else { "." };
                return Some(format!("{sign}{whole}{point}{fraction}"));
            }
        }
        None
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Self {
        Self { numerator: value, denominator: 1 }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::from(i128::from(value))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    /// Compares whole parts, then turns what remains upside down: exact without wide products.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (*self, *other);
        let mut order = Ordering::Equal;
        let mut flipped = false;
        while order.is_eq() {
            let (a_whole, b_whole) = (a.floor().numerator, b.floor().numerator);
            order = a_whole.cmp(&b_whole);
            let a_rest = a.numerator.rem_euclid(a.denominator);
            let b_rest = b.numerator.rem_euclid(b.denominator);
            if order.is_eq() {
                match (a_rest == 0, b_rest == 0) {
                    (true, true) => return Ordering::Equal,
                    (true, false) => order = Ordering::Less,
                    (false, true) => order = Ordering::Greater,
                    (false, false) => {
                        a = Self { numerator: a.denominator, denominator: a_rest };
                        b = Self { numerator: b.denominator, denominator: b_rest };
                        flipped = !flipped;
                        continue;
                    }
                }
            }
        }
        if flipped { order.reverse() } else { order }
    }
}

impl fmt::Display for Number {
    /// A decimal where it is exact and short, else a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decimal() {
            Some(decimal) => f.write_str(&decimal),
            None => write!(f, "{}/{}", self.numerator, self.denominator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a literal of the test")
    }

    #[test]
    fn arithmetic_is_exact() {
        let third = Number::ratio(1, 3).expect("not zero");
        assert_eq!(third.checked_mul(Number::from(3u64)), Some(Number::ONE));
        assert_eq!(number("0.1").checked_add(number("0.2")), Some(number("0.3")));
        assert_eq!(
            number("7").checked_rem(number("-2")),
            Some(number("1").checked_neg().expect("small"))
        );
        assert_eq!(Number::ONE.checked_div(Number::ZERO), None);
        assert_eq!(number("1e38").checked_mul(number("1e38")), None);
        assert_eq!(Number::parse("1e99"), None);
        assert_eq!(Number::parse("1e2147483648"), None);
    }

    #[test]
    fn order_needs_no_wide_products() {
        let big = Number::ratio(i128::MAX, i128::MAX - 1).expect("not zero");
        let bigger = Number::ratio(i128::MAX - 1, i128::MAX - 2).expect("not zero");
        assert_eq!([bigger, big, Number::ONE].iter().max(), Some(&bigger));
        assert_eq!([bigger, big, Number::ONE].iter().min(), Some(&Number::ONE));
        assert!(number("0.5") > Number::ratio(-1, 2).expect("not zero"));
    }

    #[test]
    fn shown_as_written() {
        for text in ["0", "12", "0.05", "-3.125", "0.000001"] {
            let positive = number(text.trim_start_matches('-'));
            let value = if text.starts_with('-') { positive.checked_neg() } else { Some(positive) };
            assert_eq!(value.expect("small").to_string(), text);
        }
        assert_eq!(number("1e-6").to_string(), "0.000001");
        assert_eq!(Number::ratio(1, 3).expect("not zero").to_string(), "1/3");
    }
}
