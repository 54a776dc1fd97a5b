//! The layers above the defaults: files, environment, flags.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Flag, PREFIX, file,
    lists::{List, Lists},
    problem::{Origin, Problem, nearest, shown},
    table::{SECTIONS, SETTINGS, Setting, position},
    values::Values,
};

/// Variables that set a setting under another name than its own.
const ALIASES: [(&str, &str); 1] = [("SLIPS_VERSION", "redis.version")];

/// What is being laid over what, and what went wrong so far.
pub(super) struct Layers {
    pub(super) values: Values,
    pub(super) lists: Lists,
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    pub(super) fn new() -> Self {
        Self {
            values: Values::defaults(),
            lists: Lists::default(),
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
        match fs::read(path) {
            Ok(bytes) => file::read(self, path, &bytes),
            Err(error) => self.problems.push(unreadable(path, &error)),
        }
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
                    key: shown(&flag.key),
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

/// What to do about a key that names nothing, or a section that is none.
pub(super) fn unknown_remedy(key: &str, section: bool) -> String {
    if let Some(list) = nearest(key, List::ALL.iter().map(|list| list.name())) {
        return format!("did you mean [[{list}]] in a file?");
    }
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
