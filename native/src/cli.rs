//! The command line: which subcommand, its help, and the exit code.
//!
//! Exit codes: 0 for a sound answer (a dropped packet is one), 1 for input that is wrong or a
//! disagreement found, 2 for usage, 3 where the machine cannot.

use crate::commands::{
    apply, clean, cost, dig, doctor, explain, export, kubectl, lab, lesson, render, serve, trace,
    verify,
};
use crate::output;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// Follow a packet through Kubernetes Services, and check the picture against the kernel
#[derive(Debug, Parser)]
#[command(name = "packetwalk", version, about, max_term_width = 100)]
#[command(arg_required_else_help = true, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Render(render::Arguments),
    Trace(trace::Arguments),
    Dig(dig::Arguments),
    Export(export::Arguments),
    Kubectl(kubectl::Arguments),
    Cost(cost::Arguments),
    Doctor(doctor::Arguments),
    Lesson(lesson::Arguments),
    Verify(verify::Arguments),
    Lab(lab::Arguments),
    Apply(apply::Arguments),
    Clean(clean::Arguments),
    Explain(explain::Arguments),
    Serve(serve::Arguments),
}

/// Runs the command line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Help goes to standard output, usage errors to standard error; either may be closed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let result = match cli.command {
        Command::Render(it) => render::run(&it),
        Command::Trace(it) => trace::run(&it),
        Command::Dig(it) => dig::run(&it),
        Command::Export(it) => export::run(&it),
        Command::Kubectl(it) => return kubectl::run(&it),
        Command::Cost(it) => cost::run(&it),
        Command::Doctor(it) => return doctor::run(&it),
        Command::Lesson(it) => lesson::run(&it),
        Command::Verify(it) => verify::run(&it),
        Command::Lab(it) => return lab::run(&it),
        Command::Apply(it) => apply::run(&it),
        Command::Clean(it) => clean::run(&it),
        Command::Explain(it) => explain::run(&it),
        Command::Serve(it) => serve::run(&it),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::remark(&format!("packetwalk: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
