//! The models that are asked, and their opinions in the form that is asked for.

use std::{
    fmt::Write as _,
    io::{BufWriter, Write},
};

use crate::{
    cli::{
        context::Context,
        output::{Cell, Column, Format, Printer, column},
    },
    domain::{Opinion, Subject, Timestamp},
    reputation::{Engine, Fact, ModelKind, TrustModel as _},
};

/// What is written at once.
const WRITE_AT_ONCE: usize = 1 << 16;
/// Rows of a table that are laid out together.
const TABLE_ROWS: u64 = 1000;

/// The columns of an opinion.
const COLUMNS: &[Column] = &[
    column("id", "ID"),
    column("key", "ADDRESS"),
    column("score", "SCORE"),
    column("confidence", "CONFIDENCE"),
    column("network_score", "NETWORK SCORE"),
];

/// The same with what another model says.
const COMPARED: &[Column] = &[
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    column("compare_model", "COMPARED WITH"),
    column("compare_score", "SCORE"),
    column("compare_confidence", "CONFIDENCE"),
    column("compare_network_score", "NETWORK SCORE"),
];

/// One or two models with their output.
pub(super) struct Answers<'a> {
    models: Vec<Engine>,
    network_only: bool,
    form: Form<'a>,
    answered: u64,
}

/// How opinions are written.
enum Form<'a> {
    /// JSON objects, each a line; in a list or not.
    Json {
        out: BufWriter<&'a mut dyn Write>,
        line: String,
        in_list: bool,
    },
    Rows(Printer<'a>),
}

impl<'a> Answers<'a> {
    /// The first model answers, the second, if there is one, stands beside it.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn new(
        models: Vec<Engine>,
        network_only: bool,
        context: &'a mut Context<'_>,
    ) -> anyhow::Result<Self> {
        let format = context.global.output.unwrap_or(Format::Jsonl);
        let columns = if models.len() > 1 { COMPARED } else { COLUMNS };
        let form = match format {
            Format::Human | Format::Csv => Form::Rows(context.printer_as(format, columns)?),
            Format::Json | Format::Jsonl => Form::Json {
                out: BufWriter::with_capacity(WRITE_AT_ONCE, &mut *context.out),
                line: String::new(),
                in_list: format == Format::Json,
            },
        };
        Ok(Self {
            models,
            network_only,
            form,
            answered: 0,
        })
    }

    pub(super) fn learn(&mut self, fact: &Fact, at: Timestamp) {
        for model in &mut self.models {
            model.learn(fact, at);
        }
    }

    /// Writes an opinion; `id` is JSON.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn answer(
        &mut self,
        id: &str,
        subject: Subject,
        at: Timestamp,
    ) -> anyhow::Result<()> {
        let network_only = self.network_only;
        let opinions = self.models.iter_mut().map(|model| {
            model.prepare(subject, at);
            let opinion = if network_only {
                model.opinion(subject, at)
            } else {
                model.verdict(subject, at)
            };
            (model.kind(), opinion)
        });
        match &mut self.form {
            Form::Json { out, line, in_list } => {
                line.clear();
                if *in_list {
                    line.push_str(if self.answered == 0 { "[\n" } else { ",\n" });
                }
                push(line, id, subject, opinions);
                if !*in_list {
                    line.push('\n');
                }
                out.write_all(line.as_bytes())?;
            }
            Form::Rows(printer) => {
                printer.row(cells(id, subject, opinions))?;
                if self.answered % TABLE_ROWS == TABLE_ROWS - 1 {
                    printer.flush()?;
                }
            }
        }
        self.answered += 1;
        Ok(())
    }

    /// Writes what comes after the last one, and hands over what waits.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn end(self) -> anyhow::Result<()> {
        match self.form {
            Form::Rows(printer) => printer.end().map(drop),
            Form::Json {
                mut out, in_list, ..
            } => {
                if in_list {
                    let end: &[u8] = match self.answered {
                        0 => b"[]\n",
                        _ => b"\n]\n",
                    };
                    out.write_all(end)?;
                }
                Ok(out.flush()?)
            }
        }
    }
}

/// The JSON of an answer.
fn push(
    line: &mut String,
    id: &str,
    subject: Subject,
    opinions: impl ExactSizeIterator<Item = (ModelKind, Option<Opinion>)>,
) {
    let models = opinions.len();
    // Writing into a `String` cannot fail.
    let _ = write!(line, "{{\"id\":{id},\"key\":\"{subject}\"");
    for (place, (kind, opinion)) in opinions.enumerate() {
        if place > 0 {
            let _ = write!(line, ",\"compare\":{{\"model\":\"{kind}\"");
        }
        let _ = match opinion {
            Some(opinion) => write!(
                line,
                ",\"score\":{},\"confidence\":{},\"network_score\":{}",
                opinion.score, opinion.confidence, opinion.network_score
            ),
            None => write!(
                line,
                ",\"score\":null,\"confidence\":null,\"network_score\":null"
            ),
        };
    }
    line.push_str(&"}".repeat(models));
}

/// The cells of [`COLUMNS`] or [`COMPARED`].
fn cells(
    id: &str,
    subject: Subject,
    opinions: impl Iterator<Item = (ModelKind, Option<Opinion>)>,
) -> Vec<Cell> {
    let mut cells = vec![plain(id), subject.to_string().into()];
    for (place, (kind, opinion)) in opinions.enumerate() {
        if place > 0 {
            cells.push(kind.word().into());
        }
        let opinion = opinion.as_ref();
        cells.push(opinion.map(|it| it.score.get()).into());
        cells.push(opinion.map(|it| it.confidence.get()).into());
        cells.push(opinion.map(|it| it.network_score.get()).into());
    }
    cells
}

/// An id without the quotes of JSON; a number stays as it was written.
fn plain(id: &str) -> Cell {
    match serde_json::from_str(id) {
        Ok(serde_json::Value::Null) => Cell::Null,
        Ok(serde_json::Value::String(text)) => text.into(),
        Ok(serde_json::Value::Number(number)) => match number.as_i64() {
            Some(number) => number.into(),
            None => id.into(),
        },
        _ => id.into(),
    }
}
