//! The config as text: the commented file of all defaults, and what holds with its origin.

use std::fmt::Write as _;

use super::{
    Loaded,
    kind::Shape,
    lists::List,
    table::{SECTIONS, SETTINGS, Setting},
};

const HEAD: &str = "\
# Configuration of slips-p2p: every setting with its default.
# Later layers win: this file, then config.d/*.toml beside it in the order of their names, then
# environment variables (SLIPS_P2P__REDIS__URL for redis.url), then flags.
# Relative paths start at the working directory; those of key_file, database and control_socket at
# data_dir.
# Check a changed file with `slips-p2p config check`; see what holds with `slips-p2p config show --origin`.
";

/// Columns of a comment line in `config.toml`.
const WIDTH: usize = 100;

/// The text of `config.toml`: every setting with its default, a sentence and what it takes.
#[must_use]
pub fn default_file() -> String {
    let mut out = HEAD.to_owned();
    for section in SECTIONS.iter() {
        let _ = writeln!(out, "\n# {}\n[{}]", section.sentence, section.name);
        for setting in SETTINGS
            .iter()
            .filter(|setting| setting.section == section.name)
        {
            comment(&mut out, &about(setting));
            let _ = writeln!(out, "{} = {}", setting.name, setting.default);
        }
    }
    for list in List::ALL {
        out.push_str(list.example());
    }
    out
}

/// The sentence and, where it does not already say so, what the setting takes.
fn about(setting: &Setting) -> String {
    let takes = setting.takes.split(", such as").next().unwrap_or_default();
    let words = || takes.split('"').skip(1).step_by(2);
    let choice = takes.starts_with("one of") && words().all(|word| setting.sentence.contains(word));
    if choice || setting.shape == Shape::Truth || takes.starts_with("a path") {
        return setting.sentence.clone();
    }
    format!("{} Takes {takes}.", setting.sentence)
}

fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(out, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}

impl Loaded {
    /// What holds, as TOML; `origin`: each line says who said so; `secrets`: with passwords.
    #[must_use]
    pub fn render(&self, origin: bool, secrets: bool) -> String {
        let mut out = String::new();
        for section in SECTIONS.iter() {
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}[{}]", section.name);
            for resolved in self
                .values
                .iter()
                .filter(|it| it.setting.section == section.name)
            {
                let line = format!("{} = {}", resolved.setting.name, resolved.text(secrets));
                let _ = if origin {
                    writeln!(out, "{line:<40} # {}", resolved.origin)
                } else {
                    writeln!(out, "{line}")
                };
            }
        }
        self.render_lists(&mut out, origin);
        out
    }

    fn render_lists(&self, out: &mut String, origin: bool) {
        let entries = self.lists.fields();
        for (index, (list, said, fields)) in entries.iter().enumerate() {
            let gap = if index == 0 || entries[index - 1].0 != *list {
                "\n"
            } else {
                ""
            };
            let _ = writeln!(out, "{gap}[[{list}]]");
            for (name, value) in fields {
                let line = format!("{name} = {value}");
                let _ = if origin {
                    writeln!(out, "{line:<40} # {said}")
                } else {
                    writeln!(out, "{line}")
                };
            }
        }
    }
}
