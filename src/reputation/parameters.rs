//! What the models can be told: every parameter with its default, range, meaning and origin.
//!
//! The tables stand beside the numbers they describe (`robust::parameters`, `fides::parameters`,
//! `limits` for `slips` and the tables). From them the config is built and `--set` is served.

use std::fmt;

use super::{
    fides::FidesParameters,
    limits::{Limits, SlipsParameters},
    robust::RobustParameters,
};

/// A value a parameter has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number with a fraction.
    Number(f64),
    /// A whole number.
    Whole(usize),
    /// Yes or no.
    Switch(bool),
    /// One of a few words.
    Word(&'static str),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Display::fmt(number, f),
            Self::Whole(number) => fmt::Display::fmt(number, f),
            Self::Switch(switch) => fmt::Display::fmt(switch, f),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// The values a parameter may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// A number between these, both included.
    Number(f64, f64),
    /// A whole number between these, both included.
    Whole(usize, usize),
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Words(&'static [&'static str]),
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(low, high) => write!(f, "a number from {low} to {high}"),
            Self::Whole(low, high) => write!(f, "a whole number from {low} to {high}"),
            Self::Switch => f.write_str("true or false"),
            Self::Words(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

/// One parameter, as a person reads of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// The word of the table it is in: that of a model, or `limits`.
    pub group: &'static str,
    /// Its name; no other parameter has the same one.
    pub key: &'static str,
    /// What it is unless told otherwise.
    pub default: Value,
    /// What it may be.
    pub range: Range,
    /// What it does, with its unit.
    pub meaning: &'static str,
    /// Where its default comes from.
    pub origin: &'static str,
}

/// Why a parameter could not be set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// No parameter has this name.
    #[error("no trust model has a parameter `{0}`")]
    Unknown(String),
    /// The value is not one it may have.
    #[error("`{value}` is no value for `{key}`; write {range}")]
    Refused {
        /// The parameter.
        key: &'static str,
        /// What it was to be.
        value: String,
        /// What it may be.
        range: Range,
    },
}

/// The text as a value of this range; `None` when it is none.
pub(super) fn read(text: &str, range: &Range) -> Option<Value> {
    match range {
        Range::Number(low, high) => {
            let number: f64 = text.parse().ok()?;
            (*low..=*high)
                .contains(&number)
                .then_some(Value::Number(number))
        }
        Range::Whole(low, high) => {
            let number: usize = text.parse().ok()?;
            (*low..=*high)
                .contains(&number)
                .then_some(Value::Whole(number))
        }
        Range::Switch => text.parse().ok().map(Value::Switch),
        Range::Words(words) => {
            let known = words.iter().find(|word| **word == text);
            known.map(|word| Value::Word(word))
        }
    }
}

/// A struct of parameters with its table: each number once, with range, meaning and origin.
macro_rules! parameters {
    (
        $(#[$doc:meta])* $name:ident, $group:literal;
        numbers { $( $key:literal $field:ident = $default:literal in $low:literal to $high:literal, $meaning:literal, $origin:literal; )* }
        wholes { $( $wkey:literal $wfield:ident = $wdefault:literal in $wlow:literal to $whigh:literal, $wmeaning:literal, $worigin:literal; )* }
        words { $( $ekey:literal $efield:ident: $etype:ident = $edefault:ident, $emeaning:literal, $eorigin:literal; )* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name {
            $( #[doc = $meaning] pub $field: f64, )*
            $( #[doc = $wmeaning] pub $wfield: usize, )*
            $( #[doc = $emeaning] pub $efield: $etype, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $( $field: $default, )*
                    $( $wfield: $wdefault, )*
                    $( $efield: $etype::$edefault, )*
                }
            }
        }

        impl $name {
            /// Every parameter of this table.
            pub const TABLE: &'static [$crate::reputation::Parameter] = &[
                $( $crate::reputation::Parameter {
                    group: $group, key: $key, meaning: $meaning, origin: $origin,
                    default: $crate::reputation::Value::Number($default),
                    range: $crate::reputation::Range::Number($low, $high),
                }, )*
                $( $crate::reputation::Parameter {
                    group: $group, key: $wkey, meaning: $wmeaning, origin: $worigin,
                    default: $crate::reputation::Value::Whole($wdefault),
                    range: $crate::reputation::Range::Whole($wlow, $whigh),
                }, )*
                $( $crate::reputation::Parameter {
                    group: $group, key: $ekey, meaning: $emeaning, origin: $eorigin,
                    default: $crate::reputation::Value::Word($etype::$edefault.word()),
                    range: $crate::reputation::Range::Words($etype::WORDS),
                }, )*
            ];

            /// The value a parameter of this table has now.
            #[must_use]
            pub fn get(&self, key: &str) -> Option<$crate::reputation::Value> {
                match key {
                    $( $key => Some($crate::reputation::Value::Number(self.$field)), )*
                    $( $wkey => Some($crate::reputation::Value::Whole(self.$wfield)), )*
                    $( $ekey => Some($crate::reputation::Value::Word(self.$efield.word())), )*
                    _ => None,
                }
            }

            /// Sets a parameter of this table to a value of its range; whether there is one.
            pub(in $crate::reputation) fn put(&mut self, key: &str, value: $crate::reputation::Value) -> bool {
                match (key, value) {
                    $( ($key, $crate::reputation::Value::Number(number)) => self.$field = number, )*
                    $( ($wkey, $crate::reputation::Value::Whole(number)) => self.$wfield = number, )*
                    $( ($ekey, $crate::reputation::Value::Word(word)) => {
                        let Some(named) = $etype::named(word) else { return false };
                        self.$efield = named;
                    } )*
                    _ => return false,
                }
                true
            }
        }
    };
}
pub(super) use parameters;

/// What the models can be told. The default is the node's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parameters {
    /// Of `slips` and `slips-compat`.
    pub slips: SlipsParameters,
    /// Of `robust`.
    pub robust: RobustParameters,
    /// Of `fides`.
    pub fides: FidesParameters,
    /// How much a model may hold.
    pub limits: Limits,
}

impl Parameters {
    /// Every parameter of every model, and the limits.
    pub fn table() -> impl Iterator<Item = &'static Parameter> {
        [
            RobustParameters::TABLE,
            FidesParameters::TABLE,
            SlipsParameters::TABLE,
            Limits::TABLE,
        ]
        .into_iter()
        .flatten()
    }

    /// Sets a parameter, named by its key (`kappa`) or with its group (`robust.kappa`), in any case.
    ///
    /// # Errors
    /// No parameter has the name, or the value is not one it may have.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ParameterError> {
        let named = |parameter: &&Parameter| match key.split_once('.') {
            Some((group, key)) => {
                group.eq_ignore_ascii_case(parameter.group)
                    && key.eq_ignore_ascii_case(parameter.key)
            }
            None => key.eq_ignore_ascii_case(parameter.key),
        };
        let parameter = Self::table()
            .find(named)
            .ok_or_else(|| ParameterError::Unknown(key.chars().take(64).collect()))?;
        let refused = || ParameterError::Refused {
            key: parameter.key,
            value: value.chars().take(64).collect(),
            range: parameter.range,
        };
        let value = read(value.trim(), &parameter.range).ok_or_else(refused)?;
        let is_set = match parameter.group {
            "robust" => self.robust.put(parameter.key, value),
            "fides" => self.fides.put(parameter.key, value),
            "slips" => self.slips.put(parameter.key, value),
            _ => self.limits.put(parameter.key, value),
        };
        is_set.then_some(()).ok_or_else(refused)
    }

    /// The value a parameter has now.
    #[must_use]
    pub fn get(&self, parameter: &Parameter) -> Option<Value> {
        match parameter.group {
            "robust" => self.robust.get(parameter.key),
            "fides" => self.fides.get(parameter.key),
            "slips" => self.slips.get(parameter.key),
            _ => self.limits.get(parameter.key),
        }
    }
}
