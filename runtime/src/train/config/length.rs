//! Stretches of a run, in steps, epochs or parts of it.
//!
//! In: `500`, `500 steps`, `2.5 epochs`, `5%`. Out: steps, when it is known how many an epoch and the run have. Deliberately not
//! here: what they are for.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A stretch of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// So many steps.
    Steps(u64),
    /// So often all samples.
    Epochs(f64),
    /// So large a part of the run, 0..1.
    Part(f64),
}

impl Default for Length {
    fn default() -> Self {
        Self::Steps(0)
    }
}

impl Length {
    /// Steps; a length that is not 0 has at least one.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lengths are not negative; rounds"
    )]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 steps")]
    pub fn steps(self, of_epoch: f64, of_run: u64) -> u64 {
        let steps = match self {
            Self::Steps(steps) => return steps,
            Self::Epochs(epochs) => epochs * of_epoch,
            Self::Part(part) => part * of_run as f64,
        };
        if steps > 0.0 { (steps.round() as u64).max(1) } else { 0 }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
        let (number, unit) = (text[..end].trim(), text[end..].trim());
        let real =
            || number.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        match unit {
            "" | "step" | "steps" => Some(Self::Steps(number.parse().ok()?)),
            "epoch" | "epochs" => Some(Self::Epochs(real()?)),
            "%" => Some(Self::Part(real().filter(|part| *part <= 100.0)? / 100.0)),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Length;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length such as `500`, `500 steps`, `2.5 epochs` or `5%`")
            }
            fn visit_u64<E: Error>(self, steps: u64) -> Result<Length, E> {
                Ok(Length::Steps(steps))
            }
            fn visit_i64<E: Error>(self, steps: i64) -> Result<Length, E> {
                u64::try_from(steps).map(Length::Steps).map_err(|_| E::custom(expected()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Length, E> {
                Length::parse(text).ok_or_else(|| E::custom(expected()))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Length, E> {
                Err(E::custom(expected()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

fn expected() -> &'static str {
    "expected a length such as `500`, `500 steps`, `2.5 epochs` or `5%`"
}

#[cfg(test)]
mod tests {
    use super::Length;

    #[test]
    fn lengths() {
        let check = |text: &str, expected: Option<u64>| {
            let found = Length::parse(text).map(|length| length.steps(100.0, 1000));
            assert_eq!(found, expected, "{text}");
        };
        check("500", Some(500));
        check("1 step", Some(1));
        check("2.5 epochs", Some(250));
        check("5%", Some(50));
        check("0.0001 epochs", Some(1));
        check("0 epochs", Some(0));
        for wrong in ["", "x", "-3", "1.5 steps", "200%", "3 parsecs", "nan epochs"] {
            check(wrong, None);
        }
    }
}
