//! Where Redis is: a checked URL whose password does not show.

use std::{fmt, path::Path};

use super::problem::redacted;

/// A Redis URL over TCP, TLS or a unix socket. `Debug` and `Display` hide the password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// Checks the form; nothing is connected.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without the password.
    pub fn new(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("has no scheme such as redis://")?;
        match scheme {
            "redis" | "valkey" => tcp(rest)?,
            "rediss" | "valkeys" if cfg!(feature = "tls") => tcp(rest)?,
            "rediss" | "valkeys" => {
                return Err("wants TLS, which this build leaves out (cargo feature `tls`)".into());
            }
            "unix" | "redis+unix" | "valkey+unix" => unix(rest)?,
            _ => return Err(format!("has the unknown scheme `{scheme}`")),
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL with its password, for the one who connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn unix(rest: &str) -> Result<(), String> {
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    if Path::new(path).is_absolute() {
        Ok(())
    } else {
        Err("names no absolute path of a socket".into())
    }
}

fn tcp(rest: &str) -> Result<(), String> {
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => {
            let (host, after) = v6.split_once(']').ok_or("has a `[` without `]`")?;
            (host, after.strip_prefix(':'))
        }
        None => place
            .split_once(':')
            .map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err("names no host".into());
    }
    if let Some(port) = port.filter(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        // A password with an unescaped `/`, `?` or `#` ends up here: say nothing of what it might be.
        let port = if text_is_number(port) {
            format!("`{port}`")
        } else {
            "given".into()
        };
        return Err(format!("the port {port} is not a number from 1 to 65535"));
    }
    if !database.is_empty() && database.parse::<u16>().is_err() {
        return Err("its path is not the number of a database".into());
    }
    Ok(())
}

fn text_is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 8 && text.bytes().all(|b| b.is_ascii_digit())
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}
