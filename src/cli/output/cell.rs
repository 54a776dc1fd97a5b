//! A value in a row: how it reads for people, in JSON and in CSV.

use std::rc::Rc;

use comfy_table::CellAlignment;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use crate::{
    cli::text::{SafeJson, clean, csv_field},
    domain::{PeerId, Timestamp},
};

/// How many characters of a peer id a table shows. The first eight are the same for every Ed25519
/// key; the twelve after them hold 70 bits, too many to forge a look-alike.
const SHORT_PEER: usize = 20;

/// A column: its name is stable in every machine format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The key in JSON, the header in CSV; empty: only for people.
    pub name: &'static str,
    /// The heading in the table for people; `None`: not shown there.
    pub heading: Option<&'static str>,
}

/// A column with its heading for people.
#[must_use]
pub const fn column(name: &'static str, heading: &'static str) -> Column {
    Column {
        name,
        heading: Some(heading),
    }
}

/// A column for programs only.
#[must_use]
pub const fn detail(name: &'static str) -> Column {
    Column {
        name,
        heading: None,
    }
}

/// A column for people only, made of what programs get in others.
#[must_use]
pub const fn remark(heading: &'static str) -> Column {
    Column {
        name: "",
        heading: Some(heading),
    }
}

/// The columns and cells of a row that programs get.
pub(super) fn for_programs<'a>(
    columns: &'a [Column],
    cells: &'a [Cell],
) -> impl Iterator<Item = (&'static str, &'a Cell)> {
    columns
        .iter()
        .zip(cells)
        .filter(|(c, _)| !c.name.is_empty())
        .map(|(c, cell)| (c.name, cell))
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Not known, or does not apply.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Words, perhaps written by others.
    Text(String),
    /// A point in time: RFC 3339, UTC.
    Time(Timestamp),
    /// A peer, its id spelled out: whole for programs, shortened in tables.
    Peer(Rc<str>),
    /// Several words.
    Words(Vec<String>),
    /// Rows within the row, with their column names; JSON within CSV too.
    Rows(&'static [Column], Vec<Vec<Cell>>),
}

impl Cell {
    /// A count, as far as it fits.
    #[must_use]
    pub fn count(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }

    pub(super) fn human(&self) -> String {
        match self {
            Self::Null => "-".into(),
            Self::Text(text) if text.is_empty() => "-".into(),
            Self::Words(words) if words.is_empty() => "-".into(),
            Self::Float(number) => format!("{number:.3}"),
            Self::Time(time) => time.to_string(),
            Self::Peer(peer) => short(peer),
            other => clean(&other.plain()).into_owned(),
        }
    }

    fn plain(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(yes) => yes.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Time(time) => rfc3339(*time),
            Self::Peer(peer) => peer.to_string(),
            Self::Words(words) => words.join(" "),
            Self::Rows(..) => self.json(),
        }
    }

    fn json(&self) -> String {
        let mut bytes = Vec::new();
        // JSON of plain values, written to memory, cannot fail, and is UTF-8.
        let _ = self.serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes, SafeJson,
        ));
        String::from_utf8(bytes).unwrap_or_default()
    }

    pub(super) fn csv(&self) -> String {
        match self {
            Self::Text(_) | Self::Words(_) => csv_field(&self.plain()).into_owned(),
            other => other.plain(),
        }
    }

    pub(super) fn alignment(&self) -> CellAlignment {
        match self {
            Self::Int(_) | Self::Float(_) => CellAlignment::Right,
            _ => CellAlignment::Left,
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! cells {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Cell {
            fn from(value: $type) -> Self { Self::$variant(value.into()) }
        }
    )*};
}
cells!(bool => Bool, i64 => Int, u32 => Int, f64 => Float, String => Text, &str => Text, Timestamp => Time);

impl From<PeerId> for Cell {
    fn from(peer: PeerId) -> Self {
        Self::Peer(peer.to_string().into())
    }
}

/// The beginning of a peer id, as tables show it; commands take it in place of the whole.
#[must_use]
pub fn short_peer(peer: &PeerId) -> String {
    short(&peer.to_string())
}

fn short(peer: &str) -> String {
    peer.chars().take(SHORT_PEER).collect()
}

fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(time.as_micros())
        .map_or_else(|_| time.to_string(), |time| time.to_string())
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Words(words) => words.serialize(serializer),
            Self::Rows(columns, rows) => {
                let mut list = serializer.serialize_seq(Some(rows.len()))?;
                for cells in rows {
                    list.serialize_element(&Object { columns, cells })?;
                }
                list.end()
            }
            Self::Text(_) | Self::Time(_) | Self::Peer(_) => {
                serializer.serialize_str(&self.plain())
            }
        }
    }
}

/// A row as a JSON object, keys in the order of the columns.
pub(super) struct Object<'a> {
    /// The names, with those only people see.
    pub columns: &'a [Column],
    /// As many values.
    pub cells: &'a [Cell],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, cell) in for_programs(self.columns, self.cells) {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}
