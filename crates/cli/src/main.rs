//! The `daybook` binary.

#![deny(clippy::print_stderr, clippy::print_stdout)]

use std::process::ExitCode;

use clap::Parser;
use daybook::{
    commands::{Cli, Outcome, run},
    terminal::tell::tell,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::from(4),
        Err(failure) => {
            tell(format_args!("daybook: {failure}"));
            failure.code()
        }
    }
}
