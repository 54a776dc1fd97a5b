//! Rows on stdout: a table for people, or JSON, JSON lines and CSV for programs.

use std::{
    ffi::OsStr,
    io::{self, Write},
};

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use super::text::{SafeJson, clean, csv_field};
use crate::domain::{PeerId, Timestamp};

/// How many characters of a peer id a table shows. The first eight are the same for every Ed25519
/// key; the twelve after them hold 70 bits, too many to forge a look-alike.
const SHORT_PEER: usize = 20;

/// The form of what goes to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Tables for people; may change between versions.
    #[default]
    Human,
    /// JSON: an array (empty is `[]`), or an object where there is one answer.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// CSV with a header line (RFC 4180); empty fields for what is not known.
    Csv,
}

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
fn for_programs<'a>(
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
    /// A peer: whole for programs, shortened in tables.
    Peer(PeerId),
    /// Several words.
    Words(Vec<String>),
    /// Rows within the row, with their column names; JSON only.
    Rows(&'static [Column], Vec<Vec<Cell>>),
}

impl Cell {
    /// A count, as far as it fits.
    #[must_use]
    pub fn count(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn human(&self) -> String {
        match self {
            Self::Null => "-".into(),
            Self::Float(number) => format!("{number:.3}"),
            Self::Time(time) => time.to_string(),
            Self::Peer(peer) => short_peer(peer),
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
            Self::Rows(_, rows) => rows.len().to_string(),
        }
    }

    fn csv(&self) -> String {
        match self {
            Self::Text(_) | Self::Words(_) => csv_field(&self.plain()).into_owned(),
            other => other.plain(),
        }
    }

    fn alignment(&self) -> CellAlignment {
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
cells!(bool => Bool, i64 => Int, u32 => Int, f64 => Float, String => Text, &str => Text, Timestamp => Time, PeerId => Peer);

/// The beginning of a peer id, as tables show it; commands take it in place of the whole.
#[must_use]
pub fn short_peer(peer: &PeerId) -> String {
    peer.to_string().chars().take(SHORT_PEER).collect()
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
struct Object<'a> {
    columns: &'a [Column],
    cells: &'a [Cell],
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

/// What a row says at a glance, shown as a colour on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Well.
    Good,
    /// To be looked at.
    Warn,
    /// Bad.
    Bad,
    /// Of little weight.
    Faint,
}

impl Tone {
    fn ansi(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\u{1b}[32m",
            Self::Warn => "\u{1b}[33m",
            Self::Bad => "\u{1b}[31m",
            Self::Faint => "\u{1b}[2m",
        }
    }
}

/// Whether to colour: on a terminal that can, unless `NO_COLOR` is set to anything.
#[must_use]
pub fn wants_colour(is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    is_terminal
        && no_color.is_none_or(OsStr::is_empty)
        && term.is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Writes rows of one kind to one output in one format. Machine formats are written row by row;
/// the table is laid out at each [`Printer::flush`].
pub struct Printer<'a> {
    out: &'a mut dyn Write,
    format: Format,
    colour: bool,
    columns: &'static [Column],
    waiting: Vec<(Tone, Vec<Cell>)>,
    widths: Vec<u16>,
    rows: u64,
    headed: bool,
}

impl<'a> Printer<'a> {
    /// A printer for rows with these columns; writes what comes before the first row.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn new(
        out: &'a mut dyn Write,
        format: Format,
        colour: bool,
        columns: &'static [Column],
    ) -> anyhow::Result<Self> {
        let printer = Self {
            out,
            format,
            colour,
            columns,
            waiting: Vec::new(),
            widths: Vec::new(),
            rows: 0,
            headed: false,
        };
        match format {
            Format::Json => printer.out.write_all(b"[")?,
            Format::Csv => {
                let names = columns.iter().map(|column| column.name);
                write_csv(printer.out, names.filter(|name| !name.is_empty()))?;
            }
            Format::Human | Format::Jsonl => {}
        }
        Ok(printer)
    }

    /// Writes a row without a tone.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn row(&mut self, cells: Vec<Cell>) -> anyhow::Result<()> {
        self.toned(Tone::Plain, cells)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn toned(&mut self, tone: Tone, cells: Vec<Cell>) -> anyhow::Result<()> {
        debug_assert_eq!(cells.len(), self.columns.len());
        let object = Object {
            columns: self.columns,
            cells: &cells,
        };
        match self.format {
            Format::Json => {
                self.out
                    .write_all(if self.rows == 0 { b"\n" } else { b",\n" })?;
                write_json(self.out, &object)?;
            }
            Format::Jsonl => {
                write_json(self.out, &object)?;
                self.out.write_all(b"\n")?;
            }
            Format::Csv => {
                let fields = for_programs(self.columns, &cells).map(|(_, cell)| cell.csv());
                write_csv(self.out, fields)?;
            }
            Format::Human => self.waiting.push((tone, cells)),
        }
        self.rows += 1;
        Ok(())
    }

    /// Lays out what waits and hands everything over to the reader.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            self.write_table(&waiting)?;
        }
        Ok(self.out.flush()?)
    }

    /// Writes what comes after the last row; answers how many rows there were.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn end(mut self) -> anyhow::Result<u64> {
        if self.format == Format::Json {
            self.out
                .write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })?;
        }
        self.flush()?;
        Ok(self.rows)
    }

    fn write_table(&mut self, rows: &[(Tone, Vec<Cell>)]) -> io::Result<()> {
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|&at| self.columns[at].heading.is_some())
            .collect();
        let heading = |at: &usize| self.columns[*at].heading.unwrap_or_default();
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(shown.iter().map(heading));
        for (_, cells) in rows {
            table.add_row(shown.iter().map(|&at| {
                comfy_table::Cell::new(cells[at].human()).set_alignment(cells[at].alignment())
            }));
        }
        self.keep_widths(&mut table);
        for (at, line) in table.lines().enumerate() {
            let line = line.trim_end();
            match at.checked_sub(1) {
                None if self.headed => {}
                None => self.write_line("\u{1b}[1m", line)?,
                Some(row) => self.write_line(rows[row].0.ansi(), line)?,
            }
        }
        self.headed = true;
        Ok(())
    }

    /// Columns never get narrower than in the part already written, so that parts line up.
    fn keep_widths(&mut self, table: &mut Table) {
        self.widths.resize(table.column_count(), 0);
        for (column, least) in table.column_iter_mut().zip(&self.widths) {
            column.set_padding((0, 2));
            if *least > 0 {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*least)));
            }
        }
        for (kept, width) in self
            .widths
            .iter_mut()
            .zip(table.column_max_content_widths())
        {
            *kept = (*kept).max(width.saturating_add(2));
        }
    }

    fn write_line(&mut self, ansi: &str, line: &str) -> io::Result<()> {
        if self.colour && !ansi.is_empty() {
            writeln!(self.out, "{ansi}{line}\u{1b}[0m")
        } else {
            writeln!(self.out, "{line}")
        }
    }
}

/// Writes one thing that is no list: for people a line a field, for JSON an object.
///
/// # Errors
/// The output cannot be written.
pub fn write_record(
    out: &mut dyn Write,
    format: Format,
    columns: &'static [Column],
    cells: Vec<Cell>,
) -> anyhow::Result<()> {
    match format {
        Format::Human => write_fields(out, columns, &cells)?,
        Format::Json => {
            write_json(
                out,
                &Object {
                    columns,
                    cells: &cells,
                },
            )?;
            out.write_all(b"\n")?;
        }
        Format::Jsonl | Format::Csv => {
            let mut printer = Printer::new(out, format, false, columns)?;
            printer.row(cells)?;
            printer.end()?;
        }
    }
    Ok(out.flush()?)
}

/// Fields below each other; a peer id is not shortened here.
fn write_fields(out: &mut dyn Write, columns: &[Column], cells: &[Cell]) -> io::Result<()> {
    let shown = || {
        columns
            .iter()
            .zip(cells)
            .filter_map(|(c, cell)| Some((c.heading?, cell)))
    };
    let width = shown().map(|(heading, _)| heading.len()).max().unwrap_or(0);
    for (heading, cell) in shown() {
        let value = match cell {
            Cell::Peer(peer) => peer.to_string(),
            other => other.human(),
        };
        writeln!(out, "{heading:width$}  {value}")?;
    }
    Ok(())
}

fn write_json(out: &mut dyn Write, value: &impl Serialize) -> anyhow::Result<()> {
    Ok(value.serialize(&mut serde_json::Serializer::with_formatter(out, SafeJson))?)
}

fn write_csv<F: AsRef<[u8]>>(
    out: &mut dyn Write,
    fields: impl Iterator<Item = F>,
) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(fields)?;
    Ok(writer.flush()?)
}
