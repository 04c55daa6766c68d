//! `.env`: further environment variables, each with the line that it stands on.

use std::path::Path;

use super::Problem;

/// A variable of the file.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The line it begins on, from 1.
    pub line: usize,
}

/// Reads a file, noting everything that is wrong with it. No message shows what stands there: it may be a secret.
pub fn read(path: &Path, problems: &mut Vec<Problem>) -> Vec<Variable> {
    let Some(text) = super::text(path, problems) else { return Vec::new() };
    let mut lines = Lines { text: &text, at: 0, line: 1 };
    let mut problem = |line: usize, what: String| {
        problems.push(Problem { place: format!("{}:{line}", path.display()), what });
    };
    let mut found = Vec::new();
    for pair in dotenvy::from_read_iter(text.as_bytes()) {
        match pair {
            Ok((name, value)) => {
                let line = lines.find(|line| begins(line, &name));
                found.push(Variable { name, value, line });
            }
            Err(dotenvy::Error::LineParse(broken, at)) => {
                let first = broken.lines().next().unwrap_or_default();
                let line = lines.find(|line| line == first);
                let open = broken.trim_end().contains('\n') || at >= broken.len();
                let why = if open { " or its quotes are never closed" } else { "" };
                problem(line, format!("is not of the form NAME=VALUE{why} (it breaks at its character {})", at + 1));
            }
            Err(error) => problem(lines.line, format!("cannot be read: {error}")),
        }
    }
    found
}

/// Whether a line gives this variable.
fn begins(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    let gives = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='));
    gives(line) || line.strip_prefix("export").is_some_and(|rest| gives(rest.trim_start()))
}

/// The lines of a text, gone through once.
struct Lines<'a> {
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    /// Its number.
    line: usize,
}

impl Lines<'_> {
    /// The number of the next line like this; where there is none, that of the next line.
    fn find(&mut self, like: impl Fn(&str) -> bool) -> usize {
        let (mut at, mut line) = (self.at, self.line);
        for text in self.text[self.at..].split_inclusive('\n') {
            at += text.len();
            line += 1;
            if like(text.trim_end_matches(['\n', '\r'])) {
                (self.at, self.line) = (at, line);
                return line - 1;
            }
        }
        self.line
    }
}
