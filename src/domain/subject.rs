//! What a report is about: an address in one canonical spelling.

use std::{fmt, net::IpAddr, str::FromStr};

/// The key of a report. Only addresses today; an enum so that other key types can come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A canonical address: IPv4-mapped IPv6 is folded into IPv4.
    Ip(IpAddr),
}

/// A text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an IP address; write it like 192.0.2.1 or 2001:db8::1, without zone or blanks"
)]
pub struct SubjectError(pub String);

impl Subject {
    /// The subject for an address, folded to its canonical form.
    #[must_use]
    pub fn from_ip(ip: IpAddr) -> Self {
        Self::Ip(ip.to_canonical())
    }

    /// The address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        let Self::Ip(ip) = self;
        ip
    }

    /// The word for this kind of key on the wire and in the database.
    #[must_use]
    pub fn key_type(self) -> &'static str {
        let Self::Ip(_) = self;
        "ip"
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        text.parse()
            .map(Self::from_ip)
            .map_err(|_| SubjectError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.ip(), f)
    }
}
