//! The models that are asked, and the opinion lines they answer with.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, Write},
};

use crate::{
    domain::{Opinion, Subject, Timestamp},
    reputation::{Engine, Fact, TrustModel as _},
};

/// What is written at once.
const WRITE_AT_ONCE: usize = 1 << 16;

/// One or two models with their output.
pub(super) struct Answers<'a> {
    models: Vec<Engine>,
    network_only: bool,
    out: BufWriter<&'a mut dyn Write>,
    line: String,
}

impl<'a> Answers<'a> {
    /// The first model answers, the second, if there is one, stands beside it.
    pub(super) fn new(models: Vec<Engine>, network_only: bool, out: &'a mut dyn Write) -> Self {
        Self {
            models,
            network_only,
            out: BufWriter::with_capacity(WRITE_AT_ONCE, out),
            line: String::new(),
        }
    }

    pub(super) fn learn(&mut self, fact: &Fact, at: Timestamp) {
        for model in &mut self.models {
            model.learn(fact, at);
        }
    }

    /// Writes an opinion line; `id` is JSON.
    pub(super) fn answer(&mut self, id: &str, subject: Subject, at: Timestamp) -> io::Result<()> {
        self.line.clear();
        // Writing into a `String` cannot fail.
        let _ = write!(self.line, "{{\"id\":{id},\"key\":\"{subject}\"");
        for (place, model) in self.models.iter_mut().enumerate() {
            model.prepare(subject, at);
            let opinion = if self.network_only {
                model.opinion(subject, at)
            } else {
                model.verdict(subject, at)
            };
            if place > 0 {
                let _ = write!(self.line, ",\"compare\":{{\"model\":\"{}\"", model.kind());
            }
            push_opinion(&mut self.line, opinion.as_ref());
        }
        self.line.push_str(&"}".repeat(self.models.len()));
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    /// Hands over what waits.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn push_opinion(line: &mut String, opinion: Option<&Opinion>) {
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
