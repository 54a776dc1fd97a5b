//! Tables that may stand any number of times: `[[anchor]]` and `[[never_block]]`.
//!
//! Files add to these lists. An entry for a peer or network that an earlier file has replaces
//! that one; twice in one file is a mistake.

use std::{net::IpAddr, path::Path};

use ipnet::IpNet;
use toml::Value;

use super::{
    kind::{self, Kind, Refusal, text_kind},
    problem::{Origin, Problem, nearest, shown},
};
use crate::{
    domain::{PeerId, Timestamp, Trust},
    reputation::guards::NeverBlock,
};

/// A peer the operator trusts.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    /// Whom.
    pub peer: PeerId,
    /// How far, above 0.
    pub trust: Trust,
    /// Why, for people.
    pub comment: Option<String>,
    /// From when on the trust no longer holds.
    pub expires: Option<Timestamp>,
}

/// An entry and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The entry.
    pub entry: T,
    /// Where its table begins.
    pub origin: Origin,
}

/// Every entry, in the order of the files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lists {
    /// Whom the operator trusts.
    pub anchors: Vec<Listed<Anchor>>,
    /// What is never to be blocked.
    pub never_block: Vec<Listed<NeverBlock>>,
}

/// The lists there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Anchor,
    NeverBlock,
}

/// Fields of an entry as they stand in a file.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) line: usize,
    /// `None`: a number too big for any setting.
    pub(super) value: Option<Value>,
    pub(super) text: String,
}

/// One table of a list as it stands in a file.
pub(super) struct Table<'a> {
    pub(super) list: List,
    pub(super) path: &'a Path,
    pub(super) line: usize,
    pub(super) fields: Vec<Written>,
    /// Whether something in it could not be read, which was told already.
    pub(super) broken: bool,
}

impl List {
    pub(super) const ALL: [Self; 2] = [Self::Anchor, Self::NeverBlock];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::NeverBlock => "never_block",
        }
    }

    pub(super) fn named(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == key)
    }

    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Anchor => &["peer", "trust", "comment", "expires"],
            Self::NeverBlock => &["network", "comment", "expires"],
        }
    }

    /// What stands in `config.toml` about it: examples, commented out.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Anchor => {
                "\n# Peers you trust, as many tables as you like: what they say counts from the start. trust is from\n\
                 # above 0 to 1; comment and expires (a date, or a time as 2027-01-31T12:00:00Z) may be left out.\n\
                 #[[anchor]]\n#peer = \"12D3KooW...\"\n#trust = 0.9\n#comment = \"the sensor in Brno\"\n#expires = 2027-01-31\n"
            }
            Self::NeverBlock => {
                "\n# Addresses and networks that are never judged outside this node, whatever peers say of them. This\n\
                 # node's own addresses, those of peers, and loopback, private, link-local, multicast and reserved\n\
                 # ranges never are.\n\
                 #[[never_block]]\n#network = \"198.51.100.0/24\"\n#comment = \"our customers\"\n#expires = 2027-01-31\n"
            }
        }
    }
}

impl Lists {
    /// Every entry: its list, where it stands, its fields.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Origin, Vec<(&'static str, Value)>)> {
        let more = |comment: &Option<String>, expires: Option<Timestamp>| {
            let comment = comment.clone().map(|it| ("comment", Value::from(it)));
            let expires = expires.map(|it| ("expires", Value::from(it.to_string())));
            comment.into_iter().chain(expires)
        };
        let anchors = self.anchors.iter().map(|Listed { entry, origin }| {
            let mut fields = vec![
                ("peer", Value::from(entry.peer.to_string())),
                ("trust", Value::from(entry.trust.get())),
            ];
            fields.extend(more(&entry.comment, entry.expires));
            (List::Anchor.name(), origin.clone(), fields)
        });
        let never = self.never_block.iter().map(|Listed { entry, origin }| {
            let mut fields = vec![("network", Value::from(entry.network.to_string()))];
            fields.extend(more(&entry.comment, entry.expires));
            (List::NeverBlock.name(), origin.clone(), fields)
        });
        anchors.chain(never).collect()
    }

    /// Takes in a table, or says what is wrong with it.
    pub(super) fn take(&mut self, table: Table<'_>, problems: &mut Vec<Problem>) {
        let before = problems.len();
        for field in &table.fields {
            if !table.list.fields().contains(&field.name.as_str()) {
                problems.push(unknown(&table, field));
            }
        }
        let mut reading = Reading {
            table: &table,
            problems,
        };
        let comment = reading.may("comment", &kind::text("a text"));
        let expires = reading.may("expires", &point_in_time());
        match table.list {
            List::Anchor => {
                let peer = reading.must("peer", &peer());
                let trust = reading.must("trust", &trust());
                if let (Some(peer), Some(trust), true) = (peer, trust, problems.len() == before) {
                    let entry = Anchor {
                        peer,
                        trust,
                        comment,
                        expires,
                    };
                    let same = |it: &Anchor| it.peer == peer;
                    put(&mut self.anchors, entry, same, &table, "peer", problems);
                }
            }
            List::NeverBlock => {
                let network = reading.must("network", &network());
                if let (Some(network), true) = (network, problems.len() == before) {
                    let entry = NeverBlock {
                        network,
                        comment,
                        expires,
                    };
                    let same = |it: &NeverBlock| it.network == network;
                    put(
                        &mut self.never_block,
                        entry,
                        same,
                        &table,
                        "network",
                        problems,
                    );
                }
            }
        }
    }
}

/// Adds an entry; one of an earlier file gives way, one of the same file is a mistake.
fn put<T>(
    list: &mut Vec<Listed<T>>,
    entry: T,
    same: impl Fn(&T) -> bool,
    table: &Table<'_>,
    key: &str,
    problems: &mut Vec<Problem>,
) {
    let origin = table.origin(table.line);
    let Some(known) = list.iter_mut().find(|it| same(&it.entry)) else {
        list.push(Listed { entry, origin });
        return;
    };
    match &known.origin {
        Origin::File { path, line } if path == table.path => {
            let field = table.fields.iter().find(|field| field.name == key);
            problems.push(Problem {
                origin: table.origin(field.map_or(table.line, |field| field.line)),
                key: format!("{}.{key}", table.list.name()),
                value: field.map(|field| shown(&field.text)),
                wrong: format!("stands in line {line} already"),
                remedy: "keep one of the two".into(),
            });
        }
        _ => *known = Listed { entry, origin },
    }
}

impl Table<'_> {
    fn origin(&self, line: usize) -> Origin {
        Origin::File {
            path: self.path.to_owned(),
            line,
        }
    }
}

struct Reading<'a> {
    table: &'a Table<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    /// A field that may be left out.
    fn may<T>(&mut self, name: &str, kind: &Kind<T>) -> Option<T> {
        let field = self.table.fields.iter().find(|field| field.name == name)?;
        let read = match &field.value {
            Some(value) => (kind.read)(value),
            None => Err(Refusal::new(
                "is a number that fits no 64 bits",
                format!("write {}", kind.takes),
            )),
        };
        let refusal = match read {
            Ok(value) => return Some(value),
            Err(refusal) => refusal,
        };
        self.problems.push(Problem {
            origin: self.table.origin(field.line),
            key: format!("{}.{name}", self.table.list.name()),
            value: Some(shown(&field.text)),
            wrong: refusal.wrong,
            remedy: refusal.remedy,
        });
        None
    }

    /// A field that must be there.
    fn must<T>(&mut self, name: &str, kind: &Kind<T>) -> Option<T> {
        let is_there = self.table.fields.iter().any(|field| field.name == name);
        if !is_there && !self.table.broken {
            self.problems.push(Problem {
                origin: self.table.origin(self.table.line),
                key: self.table.list.name().into(),
                value: None,
                wrong: format!("lacks `{name}`"),
                remedy: format!("add a line {name} = {}", kind.takes),
            });
        }
        self.may(name, kind)
    }
}

fn unknown(table: &Table<'_>, field: &Written) -> Problem {
    let (list, fields) = (table.list.name(), table.list.fields());
    let guess = nearest(&field.name, fields.iter().copied());
    Problem {
        origin: table.origin(field.line),
        key: format!("{list}.{}", field.name),
        value: Some(shown(&field.text)),
        wrong: "is no setting".into(),
        remedy: guess.map_or_else(
            || format!("remove it; [[{list}]] has {}", fields.join(", ")),
            |name| format!("did you mean {name}?"),
        ),
    }
}

fn peer() -> Kind<PeerId> {
    text_kind("the id of a peer, such as \"12D3KooW...\"", |text| {
        text.parse()
            .map_err(|_| format!("`{}` is no peer id", shown(text)))
    })
}

fn trust() -> Kind<Trust> {
    let takes = "a number above 0, at most 1";
    let inner = kind::number(0.0..=1.0);
    let read = move |value: &Value| match (inner.read)(value) {
        Ok(number) if number > 0.0 => Ok(Trust::clamped(number)),
        Ok(_) => Err(Refusal::new(
            "is no trust at all",
            format!("write {takes}, or remove the entry"),
        )),
        Err(refusal) => Err(Refusal::new(refusal.wrong, format!("write {takes}"))),
    };
    Kind {
        shape: inner.shape,
        takes: takes.into(),
        read: Box::new(read),
    }
}

fn network() -> Kind<IpNet> {
    let takes = "an address or a network, such as \"198.51.100.7\" or \"198.51.100.0/24\"";
    text_kind(takes, |text| {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(IpNet::from(ip.to_canonical()));
        }
        let network: IpNet = text
            .parse()
            .map_err(|_| format!("`{}` is no network", shown(text)))?;
        if network.trunc() != network {
            return Err(format!(
                "`{network}` names an address inside {}",
                network.trunc()
            ));
        }
        Ok(canonical(network))
    })
}

/// `::ffff:192.0.2.0/120` is 192.0.2.0/24: addresses are folded in the same way.
fn canonical(network: IpNet) -> IpNet {
    let folded = network.addr().to_canonical();
    match (network, folded) {
        (IpNet::V6(_), IpAddr::V4(_)) if network.prefix_len() >= 96 => {
            IpNet::new(folded, network.prefix_len() - 96).unwrap_or(network)
        }
        _ => network,
    }
}

/// A date (its beginning, UTC) or a point in time, as TOML has them or as a text.
fn point_in_time() -> Kind<Timestamp> {
    let takes = "a date as 2027-01-31 or a time as 2027-01-31T12:00:00Z";
    let read = move |value: &Value| {
        let text = match value {
            Value::Datetime(time) => time.to_string(),
            Value::String(text) => text.clone(),
            _ => {
                return Err(Refusal::new(
                    "is no point in time",
                    format!("write {takes}"),
                ));
            }
        };
        parse_time(&text)
            .ok_or_else(|| Refusal::new("is no point in time", format!("write {takes}")))
    };
    Kind {
        shape: kind::Shape::Text,
        takes: takes.into(),
        read: Box::new(read),
    }
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date: jiff::civil::Date = text.parse().ok()?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        // `Date` reads the date of a time without an offset too, which may be any hour.
        (text.len() == "2027-01-31".len()).then(|| midnight.timestamp())
    })?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}
