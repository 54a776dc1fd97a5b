//! The program `slips-p2p`: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    slips_p2p::cli::main(std::env::args_os()).into()
}
