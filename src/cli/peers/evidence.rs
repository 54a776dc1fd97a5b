//! `slips-p2p peers evidence`: who signed two things as one, with the proof.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    cli::{
        context::Context,
        exit::Exit,
        output::{Cell, Column, Format, column, detail},
    },
    store::LogFork,
};

use super::change::own_id;

/// What `--help` says.
pub(super) const ABOUT: &str = "Show the authors who signed two different things as one entry of their log: whose log, the number that was given twice, the hash of each of the two, and when that was found. Nothing such an author says counts any more.\n\nWith -o json, jsonl or csv each row holds both segments as they were signed, in base64: whoever has the two can verify by the author's key alone that it lied.";
/// Examples of its use.
pub(super) const EXAMPLES: &[&str] = &[
    "slips-p2p peers evidence",
    "slips-p2p -o json peers evidence > evidence.json",
];

const COLUMNS: &[Column] = &[
    column("author", "AUTHOR"),
    detail("network"),
    column("number", "NUMBER"),
    column("one", "ONE"),
    column("other", "OTHER"),
    column("found_at", "FOUND"),
    detail("one_segment"),
    detail("other_segment"),
];

/// Runs the command.
///
/// # Errors
/// The database cannot be read.
pub(super) async fn run(context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let database = context.database().await?;
    let forks = database.reader.forks().await?;
    let own = own_id(&database.config);
    let is_human = context.format() == Format::Human;
    let mut printer = context.printer(COLUMNS)?;
    for fork in &forks {
        let LogFork {
            network,
            author,
            number,
            one,
            other,
            found_at,
            one_body,
            other_body,
        } = fork;
        printer.row(vec![
            author.to_string().into(),
            network.as_ref().into(),
            Cell::count(*number),
            one.to_string().into(),
            other.to_string().into(),
            (*found_at).into(),
            STANDARD.encode(one_body).into(),
            STANDARD.encode(other_body).into(),
        ])?;
    }
    if printer.end()? == 0 && is_human {
        eprintln!("note: nobody is known to have signed two things as one");
    }
    if own.is_some_and(|own| forks.iter().any(|fork| fork.author == own)) {
        eprintln!(
            "note: this node itself is among them, and nobody believes it any more; stop it and give it a new key \
             (another node.key_file)"
        );
    }
    Ok(Exit::Ok)
}
