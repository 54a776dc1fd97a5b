//! The table of parameters: complete, without ambiguity, and what `--set` makes of a text.

use std::collections::BTreeSet;

use slips_p2p::reputation::{ParameterError, Parameters, Value};

#[test]
fn every_parameter_has_its_default_and_a_name_of_its_own() {
    let parameters = Parameters::default();
    let mut keys = BTreeSet::new();
    for parameter in Parameters::table() {
        assert!(keys.insert(parameter.key), "{} twice", parameter.key);
        assert_eq!(
            parameters.get(parameter),
            Some(parameter.default),
            "{}",
            parameter.key
        );
        assert!(!parameter.meaning.is_empty() && !parameter.origin.is_empty());
    }
    assert!(keys.len() > 50, "{}", keys.len());
}

#[test]
fn every_default_can_be_written_and_read_again() {
    for parameter in Parameters::table() {
        let mut parameters = Parameters::default();
        for key in [
            parameter.key.to_owned(),
            format!("{}.{}", parameter.group, parameter.key).to_uppercase(),
        ] {
            parameters
                .set(&key, &parameter.default.to_string())
                .unwrap_or_else(|e| panic!("{key}: {e}"));
        }
        assert_eq!(parameters, Parameters::default(), "{}", parameter.key);
    }
}

#[test]
fn what_is_set_is_there() {
    let mut parameters = Parameters::default();
    parameters.set("kappa", "0").expect("in range");
    parameters.set("robust.dep_max", "7").expect("in range");
    parameters
        .set("fides.aggregation", "weightedAverage")
        .expect("a word");
    parameters
        .set("count_unknown_reporters", "false")
        .expect("a switch");
    parameters.set("max_reporters", "9").expect("in range");
    assert_eq!(
        (
            parameters.robust.kappa,
            parameters.robust.dep_max,
            parameters.limits.reporters_per_address,
            parameters.slips.unknown_reporter,
        ),
        (0.0, 7, 9, None)
    );
    assert_eq!(parameters.fides.aggregation.word(), "weightedAverage");
    parameters
        .set("unknown_reporter_score", "-0.5")
        .expect("in range");
    let found = Parameters::table()
        .find(|p| p.key == "unknown_reporter_score")
        .and_then(|p| parameters.get(p));
    assert_eq!(found, Some(Value::Number(-0.5)));
}

#[test]
fn what_cannot_be_set_says_what_could_be() {
    let mut parameters = Parameters::default();
    for (key, value, expected) in [
        (
            "kappa",
            "2",
            "`2` is no value for `kappa`; write a number from 0 to 1",
        ),
        (
            "kappa",
            "NaN",
            "`NaN` is no value for `kappa`; write a number from 0 to 1",
        ),
        (
            "dep_max",
            "0.5",
            "`0.5` is no value for `dep_max`; write a whole number from 0 to 1024",
        ),
        (
            "aggregation",
            "mean",
            "`mean` is no value for `aggregation`; write one of average, weightedAverage, stdevFromScore",
        ),
        ("kapa", "1", "no trust model has a parameter `kapa`"),
        (
            "fides.kappa",
            "1",
            "no trust model has a parameter `fides.kappa`",
        ),
    ] {
        let fault = parameters.set(key, value).expect_err(key);
        assert_eq!(fault.to_string(), expected);
    }
    assert_eq!(parameters, Parameters::default());
    assert_eq!(
        parameters.set("x", "1"),
        Err(ParameterError::Unknown("x".into()))
    );
}
