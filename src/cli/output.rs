//! Rows on stdout: a table for people, or JSON, JSON lines and CSV for programs.

mod cell;

use std::{
    ffi::OsStr,
    io::{self, Write},
};

use comfy_table::{ColumnConstraint, Table, Width};
use serde::Serialize;

use super::text::{SafeJson, clean};

pub use cell::{Cell, Column, column, detail, remark, short_peer};
use cell::{Object, for_programs};

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

impl Format {
    /// The word `-o` takes for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
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

/// Writes a line for people; text of others in it is made safe.
///
/// # Errors
/// The output cannot be written.
pub fn write_line(out: &mut dyn Write, colour: bool, tone: Tone, text: &str) -> anyhow::Result<()> {
    let (start, end) = match tone.ansi() {
        start if colour && !start.is_empty() => (start, "\u{1b}[0m"),
        _ => ("", ""),
    };
    for line in text.split('\n') {
        writeln!(out, "{start}{}{end}", clean(line))?;
    }
    Ok(())
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
        let value = if value.is_empty() { "-" } else { &value };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PeerId;

    const COLUMNS: &[Column] = &[
        column("name", "NAME"),
        column("score", "SCORE"),
        detail("more"),
        remark("REMARK"),
    ];

    fn written(format: Format, colour: bool, rows: &[(&str, Option<f64>)]) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, format, colour, COLUMNS).unwrap();
        for (name, score) in rows {
            let cells = vec![(*name).into(), (*score).into(), true.into(), "seen".into()];
            printer.toned(Tone::Bad, cells).unwrap();
        }
        printer.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_format_has_its_form() {
        let rows = [("a,\"b\"", Some(-0.25)), ("-c", None)];
        assert_eq!(
            written(Format::Json, true, &rows),
            "[\n{\"name\":\"a,\\\"b\\\"\",\"score\":-0.25,\"more\":true},\n\
             {\"name\":\"-c\",\"score\":null,\"more\":true}\n]\n"
        );
        assert_eq!(
            written(Format::Csv, true, &rows),
            "name,score,more\n\"a,\"\"b\"\"\",-0.25,true\n'-c,,true\n",
            "a text is kept from being a formula, a negative number stays one"
        );
        assert_eq!(
            written(Format::Human, false, &rows),
            "NAME   SCORE   REMARK\na,\"b\"  -0.250  seen\n-c     -       seen\n"
        );
    }

    #[test]
    fn colours_come_only_where_they_are_wanted() {
        let rows = [("a", Some(1.0))];
        assert!(written(Format::Human, true, &rows).contains("\u{1b}[31m"));
        assert!(!written(Format::Human, false, &rows).contains('\u{1b}'));
        for format in [Format::Json, Format::Jsonl, Format::Csv] {
            assert!(
                !written(format, true, &rows).contains('\u{1b}'),
                "{format:?}"
            );
        }
        let (set, xterm) = (Some(OsStr::new("1")), Some(OsStr::new("xterm")));
        assert!(wants_colour(true, None, xterm));
        assert!(wants_colour(true, Some(OsStr::new("")), xterm));
        assert!(!wants_colour(true, set, xterm));
        assert!(!wants_colour(false, None, xterm));
        assert!(!wants_colour(true, None, Some(OsStr::new("dumb"))));
        assert!(!wants_colour(true, None, None));
    }

    #[test]
    fn parts_of_a_table_line_up() {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, Format::Human, false, COLUMNS).unwrap();
        for name in ["a long name", "b"] {
            printer
                .row(vec![name.into(), 0.5.into(), Cell::Null, "x".into()])
                .unwrap();
            printer.flush().unwrap();
        }
        printer.end().unwrap();
        let text = String::from_utf8(out).unwrap();
        let at: Vec<_> = text
            .lines()
            .skip(1)
            .map(|line| line.find("0.500"))
            .collect();
        assert_eq!((text.lines().count(), at[0]), (3, at[1]), "{text}");
    }

    #[test]
    fn nothing_is_a_dash_below_its_heading_and_blank_in_a_table() {
        const NOTE: &[Column] = &[column("note", "NOTE"), column("tags", "TAGS")];
        let mut out = Vec::new();
        let empty = || vec!["".into(), Cell::Words(Vec::new())];
        write_record(&mut out, Format::Human, NOTE, empty()).unwrap();
        let mut printer = Printer::new(&mut out, Format::Human, false, NOTE).unwrap();
        printer.row(empty()).unwrap();
        printer.end().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "NOTE  -\nTAGS  -\nNOTE  TAGS\n\n"
        );
    }

    #[test]
    fn a_peer_is_whole_for_programs_and_short_in_tables() {
        let peer = PeerId::random();
        assert!(peer.to_string().starts_with(&short_peer(&peer)));
        const PEER: &[Column] = &[column("peer", "PEER")];
        let mut out = Vec::new();
        write_record(&mut out, Format::Human, PEER, vec![peer.into()]).unwrap();
        write_record(&mut out, Format::Json, PEER, vec![peer.into()]).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("PEER  {peer}\n{{\"peer\":\"{peer}\"}}\n")
        );
    }
}
