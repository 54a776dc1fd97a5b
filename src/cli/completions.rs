//! `slips-p2p completions SHELL`: tab completion, generated from the commands themselves.

use clap_complete::Shell;

use super::{PROGRAM, command, context::Context, exit::Exit, help};

/// Write a completion script for a shell to stdout.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a completion script for a shell to stdout, generated from the commands themselves.",
    after_help = help::after(&[
        "slips-p2p completions bash > ~/.local/share/bash-completion/completions/slips-p2p",
        "slips-p2p completions zsh > ~/.zfunc/_slips-p2p",
        "slips-p2p completions fish > ~/.config/fish/completions/slips-p2p.fish",
    ])
)]
pub struct Args {
    /// The shell the script is for.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// `-o` asks for another form (exit 2), or the output cannot be written.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    context.has_one_form("a script for a shell is written; leave -o out")?;
    context.takes_no_settings("completions")?;
    let out = &mut *context.out;
    // Generated into memory first: the generator panics on an output that breaks.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), PROGRAM, &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Ok)
}
