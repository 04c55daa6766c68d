//! Words for people, on stderr; and reports, on stdout. Where nobody reads them, nobody misses them: `eprintln!` and
//! `println!` would panic there.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Prints a line to stderr.
pub fn tell(line: impl Display) {
    // Where stderr is closed there is no place left to complain to.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Prints a line to stdout. A reader that went away is no failure.
///
/// # Errors
/// When the output cannot be written for another reason, such as a full disk.
pub fn print_line(line: impl Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
