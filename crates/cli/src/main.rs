//! The `daybook` binary.

use std::process::ExitCode;

use clap::Parser;
use daybook::commands::{Cli, Outcome, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::from(4),
        Err(failure) => {
            eprintln!("daybook: {failure}");
            failure.code()
        }
    }
}
