//! `slips-p2p man`: manual pages, generated from the commands themselves.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap_mangen::Man;

use super::{command, context::Context, exit::Exit, help};

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
/// `-o` asks for another form (exit 2), or a page cannot be written.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    context.has_one_form("manual pages are written; leave -o out")?;
    context.takes_no_settings("man")?;
    let out = &mut *context.out;
    let mut root = command().disable_help_subcommand(true);
    root.build();
    match &args.dir {
        None => {
            let mut page = Vec::new();
            Man::new(root).render(&mut page)?;
            out.write_all(&page)?;
        }
        Some(dir) => {
            fs::create_dir_all(dir).with_context(|| {
                format!(
                    "cannot make {} (--dir names another directory)",
                    dir.display()
                )
            })?;
            write_pages(&root, dir, out)?;
        }
    }
    out.flush()?;
    Ok(Exit::Ok)
}

fn write_pages(command: &clap::Command, dir: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let path = Man::new(command.clone())
        .generate_to(dir)
        .with_context(|| {
            format!(
                "cannot write the page of {} in {}",
                command.get_name(),
                dir.display()
            )
        })?;
    writeln!(out, "{}", path.display())?;
    command
        .get_subcommands()
        .try_for_each(|sub| write_pages(sub, dir, out))
}
