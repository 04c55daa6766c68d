//! A folder to run `daybook` in, and what it said.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use tempfile::TempDir;

pub struct Shell {
    dir: TempDir,
}

/// What a run printed, and its exit code.
pub struct Said {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
    args: String,
}

impl Shell {
    pub fn new() -> Shell {
        Shell { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The default archive of a run without `--archive`.
    pub fn archive(&self) -> String {
        self.path().join("data").to_str().unwrap().to_owned()
    }

    pub fn file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    /// The binary in this folder, with nothing of the tester's own settings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for name in ["DAYBOOK_ARCHIVE", "DAYBOOK_WAL", "NO_COLOR", "COLUMNS", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, b"")
    }

    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Said {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A command that does not read its input is free to end before it is written.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Said {
            code: output.status.code().expect("it ends by itself"),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
            args: args.join(" "),
        }
    }
}

impl Said {
    #[track_caller]
    pub fn code(self, expected: i32) -> Said {
        assert_eq!(self.code, expected, "daybook {}: {}", self.args, self.stderr);
        self
    }

    #[track_caller]
    pub fn silent_on_stderr(self) -> Said {
        assert_eq!(self.stderr, "", "daybook {}", self.args);
        self
    }

    /// It failed: with words on stderr and none on stdout. Gives out the words.
    #[track_caller]
    pub fn failed(self, expected: i32) -> String {
        assert!(self.stdout.is_empty(), "daybook {}: {}", self.args, String::from_utf8_lossy(&self.stdout));
        assert!(!self.stderr.trim().is_empty(), "daybook {} says nothing", self.args);
        self.code(expected).stderr
    }

    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| {
            panic!("daybook {}: {error}: {}{}", self.args, String::from_utf8_lossy(&self.stdout), self.stderr)
        })
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
