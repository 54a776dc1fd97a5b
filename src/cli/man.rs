//! `slips-p2p man`: manual pages, generated from the commands themselves.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap_mangen::Man;

use super::{PROGRAM, command, exit::Exit, help};

/// Write the manual: one page to stdout, or a page for each command into a directory.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the manual, generated from the commands themselves: without --dir the page of slips-p2p to stdout, with --dir a page for each command (slips-p2p.1, slips-p2p-score.1, ...) into that directory. The paths written go to stdout.",
    after_help = help::after(&[
        "slips-p2p man | man -l -",
        "slips-p2p man --dir /usr/local/share/man/man1",
    ])
)]
pub struct Args {
    /// The directory the pages are written into; made when missing.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A page cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut root = command().disable_help_subcommand(true);
    root.build();
    match &args.dir {
        None => out.write_all(&page(root)?)?,
        Some(dir) => {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            write_pages(&root, PROGRAM.to_owned(), dir, out)?;
        }
    }
    out.flush()?;
    Ok(Exit::Ok)
}

fn write_pages(
    command: &clap::Command,
    name: String,
    dir: &Path,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let path = dir.join(format!("{name}.1"));
    fs::write(&path, page(command.clone().name(name.clone()))?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(out, "{}", path.display())?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        write_pages(sub, format!("{name}-{}", sub.get_name()), dir, out)?;
    }
    Ok(())
}

fn page(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
