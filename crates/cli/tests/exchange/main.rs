//! Clients work against `daybook exchange`, over real sockets: the project's own, and some that were not written here, the
//! venue's SDKs in Python and TypeScript and a WebSocket client of somebody else's.
//!
//! Each test starts the binary, waits for its one line, trades with the credentials that the exchange wrote, and
//! interrupts it. For the clients of others there is a script beside this file, which prints every operation that it
//! exercised and its result. Without their packages (`.ci/run` installs them) they are skipped, which is said.

#![allow(missing_docs, clippy::unwrap_used)]

mod own_client;
mod record;
mod replay;

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use daybook_exchange::rest::{Support, support};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// How a script says that its packages are missing.
const MISSING: i32 = 77;

/// A running exchange.
struct Exchange {
    process: Child,
    folder: TempDir,
}

impl Exchange {
    /// Starts one with these flags, and waits until it is up.
    fn start(flags: &[&str]) -> Exchange {
        Exchange::start_as(&["exchange"], flags)
    }

    /// The same of another command that serves an exchange.
    fn start_as(command: &[&str], flags: &[&str]) -> Exchange {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_daybook"))
            .args(command)
            .args(["--listen", "127.0.0.1:0", "--credentials"])
            .arg(folder.path().join("credentials.json"))
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let exchange = Exchange { process, folder };
        assert!(line.starts_with("up: http://127.0.0.1:"), "{line:?}");
        exchange
    }

    fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials.json")
    }

    /// What the exchange claims to answer, of every operation, for the scripts.
    fn support(&self) -> PathBuf {
        let claims: Map<String, Value> = support()
            .map(|(operation, support)| (operation.id.to_owned(), Value::Bool(support == Support::Answered)))
            .collect();
        let file = self.folder.path().join("support.json");
        fs::write(&file, Value::Object(claims).to_string()).unwrap();
        file
    }

    /// Waits until it has ended by itself, in order.
    fn ended(mut self) {
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.process.wait().unwrap().success(), "{said}");
    }

    /// Sends it a signal, `-INT` as a user does or `-TERM` as a system does, and demands that it ends in order.
    fn stop(mut self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.process.wait().unwrap().success(), "{said}");
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Of one that has ended there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a script against an exchange of its own, and shows what it prints.
fn drive(interpreter: &str, script: &str) {
    // Before the exchange: without the interpreter there is nothing to start it for.
    if let Err(error) = Command::new(interpreter).arg("--version").stdout(Stdio::null()).status() {
        return println!("SKIPPED: {script}: {interpreter} cannot be run: {error}");
    }
    let exchange = Exchange::start(&["--markets", "200", "--rate", "200", "--seed", "1"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchange").join(script);
    let output =
        Command::new(interpreter).arg(path).arg(exchange.credentials()).arg(exchange.support()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(MISSING) {
        let reason = printed.trim().replace('\n', " ");
        return println!("SKIPPED: {script}: {interpreter} lacks a package that .ci/run installs: {reason}");
    }
    println!("{script}\n{printed}");
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    exchange.stop("-INT");
}

fn python() -> String {
    env::var("DAYBOOK_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

#[test]
fn the_venues_python_sdk_works() {
    drive(&python(), "python_sync.py");
}

#[test]
fn the_venues_typescript_sdk_works() {
    drive("node", "typescript.cjs");
}

#[test]
fn a_websocket_client_of_somebody_elses_works() {
    drive(&python(), "websocket.py");
}
