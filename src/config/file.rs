//! One TOML file, judged entry by entry, each with its line.

use std::{borrow::Cow, path::Path};

use toml::{
    Spanned, Value,
    de::{DeTable, DeValue},
};

use super::{
    layers::{Layers, unknown_remedy},
    lists::{List, Table, Written},
    problem::{Origin, Problem, shown},
    table::{SECTIONS, SETTINGS, position},
};

/// Lays the settings of a file over what was said before.
pub(super) fn read(layers: &mut Layers, path: &Path, bytes: &[u8]) {
    let mut file = File {
        path,
        text: "",
        broken: Vec::new(),
        layers,
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            file.text = text.strip_prefix('\u{feff}').unwrap_or(text);
            file.read();
        }
        Err(error) => {
            let line = line_of(bytes, error.valid_up_to());
            let remedy = "save the file as UTF-8".into();
            file.problem(line, String::new(), None, "is not UTF-8".into(), remedy);
        }
    }
}

/// The line, counted from 1, of a place in a text.
fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// One file while it is read.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    /// Lines on which the TOML itself is broken: what was salvaged of them is not judged again.
    broken: Vec<usize>,
    layers: &'a mut Layers,
}

impl File<'_> {
    fn read(&mut self) {
        let text = self.text;
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let line = self.line(error.span().unwrap_or(text.len()..text.len()).start);
            if !self.broken.contains(&line) {
                self.distrust(line);
                self.broken_line(line, error.message());
            }
        }
        self.table(table.get_ref(), "");
    }

    /// What was salvaged of a broken line is not judged; after a broken header nothing up to the next is.
    fn distrust(&mut self, line: usize) {
        self.broken.push(line);
        let header = |text: &&str| text.trim_start().starts_with('[');
        let mut lines = self.text.lines().skip(line - 1);
        if lines.next().is_some_and(|text| header(&text)) {
            let orphans = lines.take_while(|text| !header(text)).count();
            self.broken.extend(line + 1..=line + orphans);
        }
    }

    fn line(&self, at: usize) -> usize {
        line_of(self.text.as_bytes(), at)
    }

    fn broken_line(&mut self, line: usize, wrong: &str) {
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        let (key, value) = text
            .split_once('=')
            .map_or((text.trim(), None), |(key, value)| {
                (key.trim(), Some(value))
            });
        let remedy = match wrong {
            wrong if wrong.contains("duplicate") => "keep one of the two",
            wrong if wrong.contains("quoted") => "put texts in \"quotes\"",
            _ => "write key = value, texts in \"quotes\", lists in [brackets], sections as [redis]",
        };
        let value = value.map(|value| shown(value.trim()));
        self.problem(
            line,
            shown(key),
            value,
            format!("is not TOML ({wrong})"),
            remedy.into(),
        );
    }

    fn problem(
        &mut self,
        line: usize,
        key: String,
        value: Option<String>,
        wrong: String,
        remedy: String,
    ) {
        let origin = Origin::File {
            path: self.path.to_owned(),
            line,
        };
        self.layers.problems.push(Problem {
            origin,
            key,
            value,
            wrong,
            remedy,
        });
    }

    fn table(&mut self, table: &DeTable<'_>, prefix: &str) {
        let mut entries: Vec<(&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)> =
            table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (name, value) in entries {
            let key = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            let line = self.line(name.span().start);
            let salvaged = self.broken.contains(&line);
            if !salvaged || is_section(&key) || List::named(&key).is_some() {
                self.entry(&key, line, value);
            }
        }
    }

    fn entry(&mut self, key: &str, line: usize, value: &Spanned<DeValue<'_>>) {
        if let Some(list) = List::named(key) {
            return self.list(list, line, value);
        }
        let section = is_section(key);
        let written = self.text.get(value.span()).unwrap_or_default().to_owned();
        match (value.get_ref(), section, position(key)) {
            (DeValue::Table(table), true, _) => self.table(table, key),
            (_, true, _) => {
                let remedy =
                    format!("write [{key}] on a line of its own and its settings below it");
                self.problem(
                    line,
                    key.into(),
                    Some(shown(&written)),
                    "is a section, not a setting".into(),
                    remedy,
                );
            }
            (value, false, Some(index)) => self.setting(index, line, value, &written),
            (value, false, None) => {
                let (what, written) = match value {
                    DeValue::Table(_) => ("is no section", None),
                    _ => ("is no setting", Some(shown(&written))),
                };
                self.problem(
                    line,
                    shown(key),
                    written,
                    what.into(),
                    unknown_remedy(key, matches!(value, DeValue::Table(_))),
                );
            }
        }
    }

    /// The tables of a list, each on its own.
    fn list(&mut self, list: List, line: usize, value: &Spanned<DeValue<'_>>) {
        let name = list.name();
        let items = match value.get_ref() {
            DeValue::Array(items) => items,
            other => {
                let what = match other {
                    DeValue::Table(_) => "is one table, where there may be many",
                    _ => "is a list of tables, not a setting",
                };
                let remedy =
                    format!("write [[{name}]] on a line of its own and its settings below it");
                return self.problem(line, name.into(), None, what.into(), remedy);
            }
        };
        for item in items.iter() {
            let line = self.line(item.span().start);
            let DeValue::Table(table) = item.get_ref() else {
                let written = shown(self.text.get(item.span()).unwrap_or_default());
                let remedy =
                    format!("write [[{name}]] on a line of its own and its settings below it");
                self.problem(
                    line,
                    name.into(),
                    Some(written),
                    "is no table".into(),
                    remedy,
                );
                continue;
            };
            let mut fields: Vec<Written> = (table.iter())
                .map(|(name, value)| Written {
                    name: name.get_ref().to_string(),
                    line: self.line(name.span().start),
                    value: plain(value.get_ref()),
                    text: self.text.get(value.span()).unwrap_or_default().to_owned(),
                })
                .collect();
            fields.sort_by_key(|field| field.line);
            let all = fields.len();
            fields.retain(|field| !self.broken.contains(&field.line));
            let table = Table {
                list,
                path: self.path,
                line,
                broken: fields.len() < all || !self.broken.is_empty(),
                fields,
            };
            let Layers {
                lists, problems, ..
            } = &mut *self.layers;
            lists.take(table, problems);
        }
    }

    fn setting(&mut self, index: usize, line: usize, value: &DeValue<'_>, written: &str) {
        let origin = Origin::File {
            path: self.path.to_owned(),
            line,
        };
        let Some(value) = plain(value) else {
            let remedy = format!("write {}", SETTINGS[index].takes);
            let wrong = "is a number that fits no 64 bits".into();
            return self.problem(
                line,
                SETTINGS[index].key(),
                Some(shown(written)),
                wrong,
                remedy,
            );
        };
        if let Err(problem) = self.layers.values.put(index, value, written, origin) {
            self.layers.problems.push(*problem);
        }
    }
}

fn is_section(key: &str) -> bool {
    SECTIONS.iter().any(|section| section.name == key)
}

/// A parsed value without its places; `None`: a number too big.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(whole) => {
            Value::from(i64::from_str_radix(whole.as_str(), whole.radix()).ok()?)
        }
        DeValue::Float(number) => Value::from(number.as_str().parse::<f64>().ok()?),
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(time) => Value::from(*time),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| plain(item.get_ref()))
                .collect::<Option<_>>()?,
        ),
        DeValue::Table(_) => Value::Table(toml::Table::new()),
    })
}
