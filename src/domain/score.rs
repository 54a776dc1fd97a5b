//! Numbers with a range: score, confidence, trust and reliability; not interchangeable.

use std::fmt;

/// A number that is not finite or lies outside its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{what} {value} is not a finite number from {low} to {high}")]
pub struct OutOfRange {
    /// What the number was meant to be.
    pub what: &'static str,
    /// The number as it came.
    pub value: f64,
    /// The smallest value allowed.
    pub low: f64,
    /// The largest value allowed.
    pub high: f64,
}

macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident, $what:literal, $low:literal, $high:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
        pub struct $name(f64);

        impl $name {
            /// The smallest value.
            pub const MIN: Self = Self($low);
            /// The largest value.
            pub const MAX: Self = Self($high);

            /// Takes a number as it came from outside; refuses what is not finite or out of range.
            ///
            /// # Errors
            /// [`OutOfRange`] names the value and the range.
            pub fn new(value: f64) -> Result<Self, OutOfRange> {
                if value.is_finite() && ($low..=$high).contains(&value) {
                    // Adding 0.0 folds -0.0 into 0.0, so that equal values have equal bits.
                    Ok(Self(value + 0.0))
                } else {
                    Err(OutOfRange { what: $what, value, low: $low, high: $high })
                }
            }

            /// The nearest value in range of a number computed here; NaN becomes the lowest value.
            #[must_use]
            pub fn clamped(value: f64) -> Self {
                if value.is_nan() { Self::MIN } else { Self(value.clamp($low, $high) + 0.0) }
            }

            /// The number.
            #[must_use]
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

ranged!(
    /// What somebody says of an address, in -1..=1: 1 malicious, 0 unknown, -1 benign.
    /// Current Slips sends 0..=1, higher being more malicious (measured on Slips 1.1.21).
    Score, "score", -1.0, 1.0
);
ranged!(
    /// How sure somebody is of a score, in 0..=1.
    Confidence, "confidence", 0.0, 1.0
);
ranged!(
    /// How far this node believes a reporter, in 0..=1.
    Trust, "trust", 0.0, 1.0
);
ranged!(
    /// How dependable a peer's conduct on the wire is, in 0..=1; says nothing of what it reports.
    Reliability, "reliability", 0.0, 1.0
);
