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

/// Starts logging: `filter` as in `info` or `slips_p2p=debug,libp2p=warn`. A node logs to stderr;
/// p2p4slips to stdout, which is where Slips keeps its pigeon's words.
///
/// A filter that cannot be read counts as `info`: the config has checked it before.
pub fn start(filter: &str, format: Format, role: Role) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let (writer, terminal) = match role {
        Role::Node => (BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal()),
        Role::Pigeon => (BoxMakeWriter::new(std::io::stdout), std::io::stdout().is_terminal()),
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
