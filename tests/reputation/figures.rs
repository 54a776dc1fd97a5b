//! The figures a golden script expects, against those found.

use slips_p2p::{
    domain::Opinion,
    reputation::{Evicted, Held},
};

/// What went wrong in one line.
pub type Fault = String;

/// What was pushed out, as if it were held.
pub fn pushed_out(evicted: Evicted) -> Held {
    Held {
        peers: evicted.peers,
        addresses: evicted.addresses,
        reports: evicted.reports,
        statements: evicted.statements,
        evicted,
    }
}

pub fn of_tables(held: &Held, what: &str) -> Result<f64, Fault> {
    let count = match what {
        "peers" => held.peers,
        "addresses" => held.addresses,
        "reports" => held.reports,
        "statements" => held.statements,
        "former-addresses" => held.evicted.former_addresses,
        _ => return Err(format!("no such table: {what}")),
    };
    Ok(f64::from(u32::try_from(count).map_err(|e| e.to_string())?))
}

/// What is said of an opinion, against the opinion.
pub fn expect_numbers(opinion: Option<&Opinion>, words: &[&str]) -> Result<(), Fault> {
    let Some(opinion) = opinion else {
        return match words {
            ["no", "opinion"] => Ok(()),
            _ => Err("found no opinion".into()),
        };
    };
    match words {
        ["score", said, "confidence", sure, rest @ ..] => {
            number("score", opinion.score.get(), said)?;
            number("confidence", opinion.confidence.get(), sure)?;
            match rest {
                ["from", reporters] => number("from", opinion.reporters.into(), reporters),
                ["network", mean] => number("network", opinion.network_score.get(), mean),
                [] => Ok(()),
                _ => Err("nobody understands the end of this".into()),
            }
        }
        ["malicious", "confidence", rest @ ..] if opinion.score.get() > 0.5 => {
            compare("confidence", opinion.confidence.get(), rest)
        }
        ["benign", "confidence", rest @ ..] if opinion.score.get() < 0.5 => {
            compare("confidence", opinion.confidence.get(), rest)
        }
        ["confidence", rest @ ..] => compare("confidence", opinion.confidence.get(), rest),
        ["from", reporters] => number("from", opinion.reporters.into(), reporters),
        _ => Err(format!("found {opinion:?}")),
    }
}

/// `above 0.5`, `below 0.5` or the number itself.
pub fn compare(what: &str, found: f64, words: &[&str]) -> Result<(), Fault> {
    let holds = match words {
        ["above", bound] => found > parse(bound)?,
        ["below", bound] => found < parse(bound)?,
        [exactly] => return number(what, found, exactly),
        _ => return Err("above what, below what?".into()),
    };
    if holds {
        Ok(())
    } else {
        Err(format!("found {what} {found}"))
    }
}

/// How sure an opinion is; less than nothing where there is none.
pub fn sureness(opinion: &Option<Opinion>) -> f64 {
    opinion.as_ref().map_or(-1.0, |o| o.confidence.get())
}

/// A number must agree to the last digit written, a whole one exactly.
pub fn number(what: &str, found: f64, expected: &str) -> Result<(), Fault> {
    let digits = expected
        .split_once('.')
        .map_or(12, |(_, digits)| digits.len());
    let value: f64 = parse(expected)?;
    let slack = 0.5 * 10f64.powi(-i32::try_from(digits).unwrap_or(12)) + 1e-12;
    if (found - value).abs() <= slack {
        Ok(())
    } else {
        Err(format!("found {what} {found}"))
    }
}

pub fn parse<T: std::str::FromStr>(word: &str) -> Result<T, Fault> {
    word.parse()
        .map_err(|_| format!("`{word}` is not a number"))
}
