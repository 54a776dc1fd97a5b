//! The layers above the defaults: files, environment, flags.

use std::{
    borrow::Cow,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned, Value,
    de::{DeTable, DeValue},
};

use super::{
    Flag, PREFIX,
    problem::{Origin, Problem, nearest, shown},
    table::{SECTIONS, SETTINGS, Setting, position},
    values::Values,
};

/// Variables that set a setting under another name than its own.
const ALIASES: [(&str, &str); 1] = [("SLIPS_VERSION", "redis.version")];

/// What is being laid over what, and what went wrong so far.
pub(super) struct Layers {
    pub(super) values: Values,
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    pub(super) fn new() -> Self {
        Self {
            values: Values::defaults(),
            problems: Vec::new(),
        }
    }

    /// `config.toml`, then `config.d/*.toml` beside it in the order of their names.
    pub(super) fn files(&mut self, path: &Path) {
        self.file(path);
        match beside(path) {
            Ok(files) => files.iter().for_each(|file| self.file(file)),
            Err((directory, error)) => self.problems.push(unreadable(&directory, &error)),
        }
    }

    fn file(&mut self, path: &Path) {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.problems.push(unreadable(path, &error)),
        };
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let line = bytes[..error.valid_up_to()]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count()
                    + 1;
                return self.problems.push(Problem {
                    origin: Origin::File {
                        path: path.to_owned(),
                        line,
                    },
                    key: String::new(),
                    value: None,
                    wrong: "is not UTF-8".into(),
                    remedy: "save the file as UTF-8".into(),
                });
            }
        };
        let mut reading = File {
            path,
            text,
            broken: Vec::new(),
            layers: self,
        };
        reading.read();
    }

    /// Variables that begin with the prefix, and the aliases.
    pub(super) fn environment(&mut self, variables: &[(String, String)]) {
        for (name, text) in variables {
            let alias = ALIASES
                .iter()
                .find(|(alias, _)| alias == name)
                .map(|(_, key)| (*key).to_owned());
            let own = name
                .strip_prefix(PREFIX)
                .map(|key| key.replace("__", ".").to_lowercase());
            let Some(key) = own.or(alias) else {
                self.near_miss(name, text);
                continue;
            };
            match position(&key).filter(|_| *name == name.to_uppercase()) {
                Some(index) => self.text(index, text, Origin::Environment(name.clone())),
                None => self.unknown_variable(name, text),
            }
        }
    }

    fn unknown_variable(&mut self, name: &str, text: &str) {
        let bare = |name: &str| name.replace('_', "").to_uppercase();
        let same = SETTINGS
            .iter()
            .map(Setting::variable)
            .find(|it| bare(it) == bare(name));
        let key = name
            .to_uppercase()
            .trim_start_matches(PREFIX)
            .replace("__", ".")
            .to_lowercase();
        let likely = || likely_key(&key).and_then(|key| Some(SETTINGS[position(&key)?].variable()));
        let guess = same.or_else(likely);
        self.problems.push(Problem {
            origin: Origin::Environment(name.to_owned()),
            key: String::new(),
            value: Some(shown(text)),
            wrong: format!("names no setting (value {})", shown(text)),
            remedy: guess.map_or_else(
                || "unset it, or see `slips-p2p config show` for the settings there are".into(),
                |variable| format!("did you mean {variable}?"),
            ),
        });
    }

    /// `SLIPS_P2P_REDIS_URL` would be silently ignored: say what it should have been.
    fn near_miss(&mut self, name: &str, text: &str) {
        let bare = |name: &str| name.replace('_', "").to_uppercase();
        if name.to_uppercase().starts_with("SLIPS_P2P_")
            && SETTINGS
                .iter()
                .any(|setting| bare(&setting.variable()) == bare(name))
        {
            self.unknown_variable(name, text);
        }
    }

    /// Settings by dotted key, as a program's own presets or its flags give them.
    pub(super) fn flags<'a>(&mut self, flags: impl Iterator<Item = (&'a Flag, Origin)>) {
        for (flag, origin) in flags {
            match position(&flag.key) {
                Some(index) => self.text(index, &flag.value, origin),
                None => self.problems.push(Problem {
                    origin,
                    key: flag.key.clone(),
                    value: Some(shown(&flag.value)),
                    wrong: "is no setting".into(),
                    remedy: unknown_remedy(&flag.key, false),
                }),
            }
        }
    }

    fn text(&mut self, index: usize, text: &str, origin: Origin) {
        let value = SETTINGS[index].shape.of_text(text);
        if let Err(problem) = self.values.put(index, value, text, origin) {
            self.problems.push(*problem);
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "write one with `slips-p2p init`, or name another with --config",
        io::ErrorKind::PermissionDenied => "make it readable for the user that runs this program",
        _ => "name a readable file with --config",
    };
    Problem {
        origin: Origin::File {
            path: path.to_owned(),
            line: 0,
        },
        key: String::new(),
        value: None,
        wrong: format!("cannot be read ({error})"),
        remedy: remedy.into(),
    }
}

fn beside(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let directory = path.parent().unwrap_or(Path::new("")).join("config.d");
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err((directory, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| (directory.clone(), error))?.path();
        let hidden = file
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden
            && file
                .extension()
                .is_some_and(|extension| extension == "toml")
        {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
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
        if lines.next().filter(header).is_some() {
            let orphans = lines.take_while(|text| !header(text)).count();
            self.broken.extend(line + 1..=line + orphans);
        }
    }

    fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
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
            if !salvaged || is_section(&key) {
                self.entry(&key, line, value);
            }
        }
    }

    fn entry(&mut self, key: &str, line: usize, value: &Spanned<DeValue<'_>>) {
        let section = is_section(key);
        let written = self
            .text
            .get(clean(value.span()))
            .unwrap_or_default()
            .to_owned();
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
                    key.into(),
                    written,
                    what.into(),
                    unknown_remedy(key, matches!(value, DeValue::Table(_))),
                );
            }
        }
    }

    fn setting(&mut self, index: usize, line: usize, value: &DeValue<'_>, written: &str) {
        let origin = Origin::File {
            path: self.path.to_owned(),
            line,
        };
        let result = match plain(value) {
            Some(value) => self.layers.values.put(index, value, written, origin),
            None => {
                let (key, takes) = (SETTINGS[index].key(), &SETTINGS[index].takes);
                let wrong = "is a number that fits no 64 bits".into();
                return self.problem(
                    line,
                    key,
                    Some(shown(written)),
                    wrong,
                    format!("write {takes}"),
                );
            }
        };
        if let Err(problem) = result {
            self.layers.problems.push(*problem);
        }
    }
}

fn is_section(key: &str) -> bool {
    SECTIONS.iter().any(|section| section.name == key)
}

fn clean(span: Range<usize>) -> Range<usize> {
    span.start..span.end.max(span.start)
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

/// What to do about a key that names nothing, or a section that is none.
fn unknown_remedy(key: &str, section: bool) -> String {
    let near = || {
        let name = nearest(key, SECTIONS.iter().map(|section| section.name))?;
        Some(format!("[{name}]"))
    };
    let guess = if section {
        near().or_else(|| likely_key(key))
    } else {
        likely_key(key)
    };
    guess.map_or_else(
        || "remove it, or see `slips-p2p config show` for the settings there are".into(),
        |guess| format!("did you mean {guess}?"),
    )
}

/// The key that was likely meant: one like it in its section, one of its name elsewhere, or any like it.
fn likely_key(key: &str) -> Option<String> {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let own = SETTINGS.iter().filter(|setting| setting.section == section);
    let in_section =
        nearest(name, own.map(|setting| setting.name)).map(|name| format!("{section}.{name}"));
    let elsewhere = || {
        SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .map(Setting::key)
    };
    let keys: Vec<String> = SETTINGS.iter().map(Setting::key).collect();
    let any = || nearest(key, keys.iter().map(String::as_str)).map(str::to_owned);
    in_section.or_else(elsewhere).or_else(any)
}
