//! packetwalk on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    packetwalk::cli::run(std::env::args_os())
}
