//! `slips-p2p config`: whether the configuration is right, and what every setting is and why.

use super::{
    context::Context,
    exit::Exit,
    help,
    output::{Cell, Column, Format, Tone, column, detail},
};
use crate::config::{self, ConfigError, Loaded, Origin, Problem};

/// Check or show the configuration.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check or show the configuration: the defaults, config.toml, config.d/*.toml, the environment and the flags, the later ones winning.",
    after_help = help::after(&["slips-p2p config check", "slips-p2p config show --origin"])
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check the configuration; name file, line, key, value and remedy of every mistake.
    #[command(
        long_about = "Check the configuration without starting anything. Every mistake is listed with where it stands, the key, the value, what is wrong and what to write instead; no row means it is right. Exit code 2 when there is a mistake.",
        after_help = help::after(&[
            "slips-p2p config check",
            "slips-p2p config check --config /etc/slips-p2p/config.toml",
            "slips-p2p -o json config check",
        ])
    )]
    Check,
    /// Show every setting with its value.
    #[command(
        long_about = "Show every setting with the value it has now. Passwords are hidden without --secrets.",
        after_help = help::after(&[
            "slips-p2p config show",
            "slips-p2p config show --origin",
            "slips-p2p -o json config show --set redis.url=unix:///run/redis.sock",
        ])
    )]
    Show {
        /// Show where each value comes from: default, file and line, variable or flag.
        #[arg(long)]
        origin: bool,
        /// Show passwords.
        #[arg(long)]
        secrets: bool,
    },
}

const PROBLEMS: &[Column] = &[
    column("origin", "WHERE"),
    detail("file"),
    detail("line"),
    column("key", "KEY"),
    column("value", "VALUE"),
    column("problem", "PROBLEM"),
    column("remedy", "REMEDY"),
];
const SETTINGS: &[Column] = &[column("key", "KEY"), column("value", "VALUE")];
const WITH_ORIGIN: &[Column] = &[
    column("key", "KEY"),
    column("value", "VALUE"),
    column("origin", "ORIGIN"),
];

/// Runs the command.
///
/// # Errors
/// A file cannot be read, or (for `show`) the configuration is wrong.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check => check(context),
        Command::Show { origin, secrets } => {
            let loaded = context.config()?;
            show(&loaded, origin, secrets, context)
        }
    }
}

fn check(context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let sources = context.sources(Vec::new())?;
    let problems = match config::load(&sources) {
        Ok(_) => Vec::new(),
        Err(ConfigError { problems }) => problems,
    };
    let mut printer = context.printer(PROBLEMS)?;
    for problem in &problems {
        printer.toned(Tone::Bad, problem_row(problem))?;
    }
    printer.end()?;
    if !problems.is_empty() {
        eprintln!("{} to put right", counted(problems.len(), "mistake"));
        return Ok(Exit::Usage);
    }
    match &sources.file {
        Some(file) => eprintln!("ok: {} and what is laid over it", file.display()),
        None => eprintln!("ok: no configuration file here, the defaults hold"),
    }
    Ok(Exit::Ok)
}

fn problem_row(problem: &Problem) -> Vec<Cell> {
    let (file, line) = match &problem.origin {
        Origin::File { path, line } => (Some(path.display().to_string()), Some(*line)),
        _ => (None, None),
    };
    vec![
        problem.origin.to_string().into(),
        file.into(),
        line.filter(|line| *line > 0)
            .and_then(|line| i64::try_from(line).ok())
            .into(),
        Some(problem.key.clone())
            .filter(|key| !key.is_empty())
            .into(),
        problem.value.clone().into(),
        problem.wrong.clone().into(),
        problem.remedy.clone().into(),
    ]
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn show(
    loaded: &Loaded,
    origin: bool,
    secrets: bool,
    context: &mut Context<'_>,
) -> anyhow::Result<Exit> {
    if context.format() == Format::Human {
        context
            .out
            .write_all(loaded.render(origin, secrets).as_bytes())?;
        context.out.flush()?;
        return Ok(Exit::Ok);
    }
    let mut printer = context.printer(if origin { WITH_ORIGIN } else { SETTINGS })?;
    for resolved in loaded.values.iter() {
        let mut cells = vec![
            resolved.setting.key().into(),
            cell(&resolved.value, secrets),
        ];
        if origin {
            cells.push(resolved.origin.to_string().into());
        }
        printer.row(cells)?;
    }
    let mut number = std::collections::HashMap::new();
    for (list, said, fields) in loaded.lists.fields() {
        let place = number.entry(list).or_insert(0);
        for (name, value) in fields {
            let mut cells = vec![format!("{list}[{place}].{name}").into(), cell(&value, true)];
            if origin {
                cells.push(said.to_string().into());
            }
            printer.row(cells)?;
        }
        *place += 1;
    }
    printer.end()?;
    Ok(Exit::Ok)
}

/// A setting's value: numbers stay numbers, lists lists.
fn cell(value: &toml::Value, secrets: bool) -> Cell {
    let shown = |text: &str| {
        if secrets {
            text.to_owned()
        } else {
            config::redacted(text)
        }
    };
    match value {
        toml::Value::String(text) => shown(text).into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Array(items) => Cell::Words(
            items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), shown))
                .collect(),
        ),
        other => shown(&other.to_string()).into(),
    }
}
