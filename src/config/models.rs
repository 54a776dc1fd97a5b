//! The parameters of the trust models as settings: made from the models' own table, so that each
//! number stands once.

use toml::Value;

use super::{
    kind::{self, Kind, Refusal, Shape},
    table::{Section, Setting},
    values::Values,
    words::Word,
};
use crate::reputation::{ModelKind, Parameter, Parameters, Range, Value as Number};

impl Word for ModelKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("robust", Self::Robust),
        ("slips", Self::Slips),
        ("slips-compat", Self::SlipsCompat),
        ("fides", Self::Fides),
        ("mean", Self::Mean),
        ("median", Self::Median),
    ];
}

/// The sections of models that have many parameters.
pub(super) fn sections() -> Vec<Section> {
    let section = |name, sentence| Section { name, sentence };
    vec![
        section(
            "reputation.robust",
            "The model robust. What is marked as tuned was tuned on a small part of a synthetic benchmark; results are flat around it.",
        ),
        section(
            "reputation.fides",
            "The model fides, for comparison; names and values as in Fides.",
        ),
    ]
}

/// Every parameter as a setting.
pub(super) fn settings() -> Vec<Setting> {
    Parameters::table().map(setting).collect()
}

/// The parameters as they are set.
pub(super) fn read(values: &Values) -> Result<Parameters, Refusal> {
    let mut parameters = Parameters::default();
    // From the end: whether unknown reporters count at all stands before how far they do.
    let table: Vec<_> = Parameters::table().collect();
    for parameter in table.into_iter().rev() {
        let Some(resolved) = values.get(&key(parameter)) else {
            continue;
        };
        let value = match &resolved.value {
            Value::String(word) => word.clone(),
            other => other.to_string(),
        };
        let name = format!("{}.{}", parameter.group, parameter.key);
        parameters
            .set(&name, &value)
            .map_err(|error| Refusal::new(error.to_string(), "report this as a fault"))?;
    }
    Ok(parameters)
}

/// The setting that a parameter of a model is, by its own name (`kappa`) or with its group
/// (`robust.kappa`), in any case.
#[must_use]
pub fn setting_of(name: &str) -> Option<String> {
    let named = |parameter: &&Parameter| match name.split_once('.') {
        Some((group, key)) => {
            group.eq_ignore_ascii_case(parameter.group) && key.eq_ignore_ascii_case(parameter.key)
        }
        None => name.eq_ignore_ascii_case(parameter.key),
    };
    Parameters::table().find(named).map(key)
}

fn key(parameter: &Parameter) -> String {
    format!("{}.{}", section(parameter), parameter.key)
}

/// What the two of Slips and the tables can be told stands in the section itself.
fn section(parameter: &Parameter) -> &'static str {
    match parameter.group {
        "robust" => "reputation.robust",
        "fides" => "reputation.fides",
        _ => "reputation",
    }
}

fn setting(parameter: &'static Parameter) -> Setting {
    let sentence = format!("{} Origin: {}.", parameter.meaning, parameter.origin);
    let about = (section(parameter), parameter.key, sentence);
    let default = match parameter.default {
        Number::Number(number) => Value::from(number),
        Number::Whole(number) => Value::from(whole(number)),
        Number::Switch(switch) => Value::from(switch),
        Number::Word(word) => Value::from(word),
    };
    match parameter.range {
        Range::Number(low, high) => Setting::new(about, default, kind::number(low..=high)),
        Range::Whole(low, high) => {
            Setting::new::<usize>(about, default, kind::whole(whole(low)..=whole(high)))
        }
        Range::Switch => Setting::new(about, default, kind::truth()),
        Range::Words(words) => Setting::new(about, default, one_of(words)),
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn one_of(words: &'static [&'static str]) -> Kind<&'static str> {
    let all: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let takes = format!("one of {}", all.join(", "));
    let kind = kind::text_kind(takes, |text| {
        let known = words.iter().find(|word| **word == text);
        known.copied().ok_or_else(|| "is no choice here".into())
    });
    Kind {
        shape: Shape::Text,
        ..kind
    }
}
