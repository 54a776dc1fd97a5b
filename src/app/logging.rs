//! Where the log goes: one subscriber for the process.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::Role;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging: our own words at `level` (`error` to `trace`), libraries' from `warn` up;
/// `RUST_LOG` replaces both. A node logs to stderr; p2p4slips to stdout, which is where Slips
/// keeps its pigeon's words.
pub fn start(level: &str, format: Format, role: Role) {
    let libraries = if level == "error" { "error" } else { "warn" };
    let ours = || EnvFilter::new(format!("{libraries},slips_p2p={level}"));
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| ours());
    let (writer, terminal) = match role {
        Role::Node => (
            BoxMakeWriter::new(std::io::stderr),
            std::io::stderr().is_terminal(),
        ),
        Role::Pigeon => (
            BoxMakeWriter::new(std::io::stdout),
            std::io::stdout().is_terminal(),
        ),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(terminal);
    // A second start in one process (tests) keeps the first.
    let _ = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().try_init(),
    };
}
