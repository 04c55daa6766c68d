//! The README's examples, run: what it shows is what one gets.
//!
//! A screen cuts wide tables off on the right, and says so in a note; here, where there is no screen, each line must
//! begin as the README shows it.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const README: &str = include_str!("../../../README.md");

/// The commands of the blocks of one language, each with the lines shown below it.
fn shown() -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = language == "console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), Vec::new()));
        } else if inside && let Some((_, lines)) = commands.last_mut() {
            lines.push(line.to_owned());
        }
    }
    commands
}

/// A folder with the sample capture, and the archive that the README's first command makes of it.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    std::os::unix::fs::symlink(root.join("examples"), folder.path().join("examples")).unwrap();
    let made = run(folder.path(), "daybook import examples/sample.ndjson.gz --metadata examples/metadata");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

fn run(folder: &Path, command: &str) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_daybook")).parent().unwrap();
    let path = std::env::join_paths(
        [bin.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let command = &mut {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(folder).env("PATH", path.unwrap());
        shell
    };
    for name in ["DAYBOOK_ARCHIVE", "DAYBOOK_WAL", "NO_COLOR", "COLUMNS", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

/// What is shown of the client is an example of the client's own page, which its documentation tests compile.
#[test]
fn the_client_is_shown_as_on_its_own_page() {
    let own = include_str!("../../kalshi/README.md");
    let shown = README.split("```rust,no_run").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(shown.contains("BookStream::open") && own.contains(shown), "{shown}");
}

#[test]
fn every_example_prints_what_is_shown() {
    let folder = prepared();
    let commands = shown();
    assert!(commands.len() > 8, "{commands:?}");
    for (command, lines) in commands {
        if command.starts_with("daybook sql") && !cfg!(feature = "sql") {
            println!("SKIPPED: the README's example of SQL, which takes the feature `sql`");
            continue;
        }
        let output = run(folder.path(), &command);
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let expected: Vec<&str> =
            lines.iter().map(String::as_str).filter(|line| !line.starts_with("note: no room")).collect();
        let got: Vec<&str> = text.lines().collect();
        assert_eq!(got.len(), expected.len(), "$ {command}\n{text}");
        for (got, expected) in got.iter().zip(expected) {
            let cut = expected.strip_suffix('…').unwrap_or(expected).trim_end();
            // Below a column that is cut off, the rule and the values are shown up to the one before.
            assert!(got.starts_with(cut), "$ {command}\nshown: {expected}\n  got: {got}");
        }
    }
    assert!(fs::exists(folder.path().join("deltas.parquet")).unwrap());
}
