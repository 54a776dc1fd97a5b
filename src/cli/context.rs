//! What every command is given: the global flags, the output, and the way to the database.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Context as _;

use super::{
    Global,
    exit::Exit,
    output::{Cell, Column, Format, Printer, Tone, wants_colour, write_line, write_record},
};
use crate::{
    app,
    config::{self, Config, Flag, Loaded, Sources},
    store::Reader,
};

/// The global flags with the output they ask for.
pub struct Context<'a> {
    /// The flags before or after the command.
    pub global: &'a Global,
    /// Where data goes: stdout.
    pub out: &'a mut dyn Write,
    colour: bool,
}

impl<'a> Context<'a> {
    /// The context of one command; colours as the terminal and `NO_COLOR` say.
    #[must_use]
    pub fn new(global: &'a Global, out: &'a mut dyn Write) -> Self {
        let variable = |name| std::env::var_os(name);
        let colour = wants_colour(
            io::stdout().is_terminal(),
            variable("NO_COLOR").as_deref(),
            variable("TERM").as_deref(),
        );
        Self {
            global,
            out,
            colour,
        }
    }

    /// The form data is asked for in.
    #[must_use]
    pub fn format(&self) -> Format {
        self.global.output.unwrap_or_default()
    }

    /// Refuses `-o` where what is written has one form only.
    ///
    /// # Errors
    /// Exit 2 where another form than that for people is asked for.
    pub fn has_one_form(&self, writes: &str) -> anyhow::Result<()> {
        match self.format() {
            Format::Human => Ok(()),
            form => {
                Err(Exit::Usage.because(format!("there is no -o {} here: {writes}", form.word())))
            }
        }
    }

    /// Refuses the flags that say where settings and data come from, where nothing reads them.
    ///
    /// # Errors
    /// Exit 2 where one of them is given.
    pub fn takes_no_settings(&self, command: &str) -> anyhow::Result<()> {
        let given = [
            ("--config", self.global.config.is_some()),
            ("--database", self.global.database.is_some()),
            ("--set", !self.global.set.is_empty()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(Exit::Usage.because(format!(
                "{command} reads no configuration and no database; leave {flag} out"
            ))),
            None => Ok(()),
        }
    }

    /// A printer for rows with these columns.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn printer(&mut self, columns: &'static [Column]) -> anyhow::Result<Printer<'_>> {
        let format = self.format();
        self.printer_as(format, columns)
    }

    /// The same in a form of the command's own choice.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn printer_as(
        &mut self,
        format: Format,
        columns: &'static [Column],
    ) -> anyhow::Result<Printer<'_>> {
        Printer::new(self.out, format, self.colour, columns)
    }

    /// Whether to draw: people look at a terminal.
    #[must_use]
    pub fn draws(&self) -> bool {
        self.format() == Format::Human && io::stdout().is_terminal()
    }

    /// Writes a line for people.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn line(&mut self, tone: Tone, line: &str) -> anyhow::Result<()> {
        write_line(self.out, self.colour, tone, line)
    }

    /// Writes one thing that is no list.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn record(&mut self, columns: &'static [Column], cells: Vec<Cell>) -> anyhow::Result<()> {
        let format = self.format();
        write_record(self.out, format, columns, cells)
    }
}

/// The configuration file that is read when none is named.
const CONFIG_FILE: &str = "config.toml";

impl Context<'_> {
    /// The configuration with the global flags.
    ///
    /// # Errors
    /// Everything that is wrong with it; exit 2.
    pub fn config(&self) -> anyhow::Result<Loaded> {
        self.config_with(Vec::new())
    }

    /// The configuration with the flags of one command; `--set` stands above them.
    ///
    /// # Errors
    /// Everything that is wrong with it; exit 2.
    pub fn config_with(&self, flags: Vec<Flag>) -> anyhow::Result<Loaded> {
        config::load(&self.sources(flags)?).map_err(|error| Exit::Usage.because(error))
    }

    /// Where the configuration comes from: the file named or the one here, the environment, flags.
    ///
    /// # Errors
    /// The working directory is gone.
    pub fn sources(&self, mut flags: Vec<Flag>) -> anyhow::Result<Sources> {
        if let Some(database) = &self.global.database {
            // A path on the command line starts here, not at the data directory of the setting.
            let path = std::path::absolute(database)
                .with_context(|| format!("cannot tell where {} is", database.display()))?;
            let path = path.to_str().ok_or_else(|| {
                Exit::Usage.because(format!("{} is not UTF-8; rename it", path.display()))
            })?;
            flags.push(flag("--database", "node.database", path));
        }
        flags.extend(
            self.global
                .set
                .iter()
                .map(|(key, value)| flag("--set", &setting(key), value)),
        );
        let here = || Some(PathBuf::from(CONFIG_FILE)).filter(|file| file.exists());
        Ok(Sources {
            preset: None,
            file: self.global.config.clone().or_else(here),
            environment: config::environment(),
            flags,
        })
    }

    /// The database, read-only, with its path and the configuration.
    ///
    /// # Errors
    /// The configuration is wrong, or there is no database, or it cannot be read.
    pub async fn database(&self) -> anyhow::Result<Database> {
        let config = self.config()?.config;
        let path = config.node.database.clone();
        let reader = Reader::open(&path).await?;
        Ok(Database {
            reader,
            path,
            config,
        })
    }
}

/// The setting a key means: itself, or a parameter of a trust model by its own name.
fn setting(key: &str) -> String {
    let is_setting = config::table::SETTINGS.iter().any(|it| it.key() == key);
    let named = || config::setting_of(key);
    (!is_setting)
        .then(named)
        .flatten()
        .unwrap_or_else(|| key.to_owned())
}

/// An open database and what belongs to it.
pub struct Database {
    /// The way in.
    pub reader: Reader,
    /// Where it lies.
    pub path: PathBuf,
    /// What holds.
    pub config: Config,
}

impl Database {
    /// Whether a node runs on it now.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        app::is_running(&self.path)
    }
}

/// A setting given by a flag.
#[must_use]
pub fn flag(name: &str, key: &str, value: &str) -> Flag {
    Flag {
        key: key.into(),
        value: value.into(),
        name: name.into(),
    }
}
