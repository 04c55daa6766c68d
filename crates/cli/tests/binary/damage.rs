//! What the binary says of an archive that is damaged, in use, full or not to be written: exit code 1 and a message
//! that names the file, and nothing is made worse.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::shell::Shell;
use crate::wire::{Venue, capture};

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(dir: &Path) -> Files {
    let mut files = Files::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if !path.ends_with("wal/LOCK") {
            // The lock says who tried last.
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// A shell with an archive, and a capture that is not in it yet.
fn recorded() -> Shell {
    let shell = Shell::new();
    let mut venue = Venue::new(77);
    let lines = venue.recording(1, &["KXA-1", "KXB-1"], 400);
    shell.file("capture.ndjson", &capture(&lines));
    shell.run(&["import", "capture.ndjson"]).code(0);
    venue.reconnect();
    let lines = venue.recording(1, &["KXA-1", "KXB-1"], 50_000);
    shell.file("more.ndjson", &capture(&lines));
    shell
}

fn of_table(shell: &Shell, table: &str) -> PathBuf {
    let files = files(&Path::new(&shell.archive()).join(table));
    files.into_keys().find(|path| path.extension().is_some_and(|kind| kind == "parquet")).unwrap()
}

/// Every command that needs the file says that it is damaged, and changes nothing.
fn is_told(shell: &Shell, damaged: &Path, commands: &[&[&str]]) {
    let before = files(Path::new(&shell.archive()));
    let name = damaged.file_name().unwrap().to_str().unwrap();
    for command in commands {
        let said = shell.run(command);
        let told = format!("{}{}", String::from_utf8_lossy(&said.stdout), said.stderr);
        assert_eq!(said.code, 1, "{command:?} with {name} damaged: {told}");
        assert!(told.contains(name), "{command:?} does not name {name}: {told}");
        assert!(files(Path::new(&shell.archive())) == before, "{command:?} changed something");
    }
}

#[test]
fn a_damaged_missing_or_shortened_segment_is_named() {
    let shell = recorded();
    let path = of_table(&shell, "deltas");
    let whole = fs::read(&path).unwrap();
    let commands: [&[&str]; 3] = [&["verify", "--deep"], &["deltas", "KXA-1"], &["verify", "KXA-1"]];
    let mut flipped = whole.clone();
    flipped[4..whole.len() / 2].iter_mut().for_each(|byte| *byte ^= 0x10);
    fs::write(&path, flipped).unwrap();
    is_told(&shell, &path, &commands);
    fs::write(&path, &whole[..whole.len() / 3]).unwrap();
    is_told(&shell, &path, &commands);
    fs::remove_file(&path).unwrap();
    is_told(&shell, &path, &commands);
    fs::write(&path, &whole).unwrap();
    shell.run(&["verify", "--deep"]).code(0);
}

#[test]
fn a_damaged_marker_is_named() {
    let shell = recorded();
    let archive = PathBuf::from(shell.archive());
    let (marker, whole) = (archive.join("daybook.json"), fs::read(archive.join("daybook.json")).unwrap());
    let commands: [&[&str]; 4] = [&["book", "KXA-1"], &["verify"], &["import", "more.ndjson"], &["compact"]];
    for content in [&b""[..], b"{\"format\":1", b"{\"format\":9,\"archive_id\":\"00\"}"] {
        fs::write(&marker, content).unwrap();
        is_told(&shell, &marker, &commands);
    }
    fs::write(&marker, whole).unwrap();
}

/// An import of what it is fed on standard input.
fn importing(shell: &Shell, archive: &Path) -> Child {
    let command = &mut shell.command(&["import", "-", "--archive", archive.to_str().unwrap()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the log of an archive is as it should be.
fn await_log(archive: &Path, is_enough: impl Fn(&[u8]) -> bool) -> (PathBuf, Vec<u8>) {
    let began = Instant::now();
    loop {
        let logs = files(&archive.join("wal")).into_iter().filter(|(path, _)| path.extension().is_some_and(is_log));
        match logs.max_by_key(|(_, bytes)| bytes.len()) {
            Some(found) if is_enough(&found.1) => return found,
            _ => assert!(began.elapsed() < Duration::from_secs(60), "nothing is written to the log"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_log(kind: &std::ffi::OsStr) -> bool {
    kind == "wal"
}

#[test]
fn a_damaged_log_is_named() {
    let shell = recorded();
    let archive = PathBuf::from(shell.archive());
    let mut child = importing(&shell, &archive);
    let mut stdin = child.stdin.take().unwrap();
    let more = fs::read(shell.path().join("more.ndjson")).unwrap();
    // What comes later than a commit interval after the first is behind a sync.
    let (first, second) = more.split_at(more.len() / 2);
    stdin.write_all(first).unwrap();
    let begun = await_log(&archive, |log| log.len() >= 1 << 20).1.len();
    std::thread::sleep(Duration::from_millis(700));
    stdin.write_all(second).unwrap();
    // Behind the blocks that a sync has made durable, and nowhere else, stands a mark of 48 bytes.
    let (log, mut bytes) = await_log(&archive, |log| log.len() > begun && log.len() % 4_096 == 48);
    child.kill().unwrap();
    child.wait().unwrap();
    bytes[5_000] ^= 1;
    fs::write(&log, bytes).unwrap();
    is_told(&shell, &log, &[&["import", "capture.ndjson"], &["compact"], &["import", "more.ndjson"]]);
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let shell = recorded();
    let archive = PathBuf::from(shell.archive());
    let mut child = importing(&shell, &archive);
    child.stdin.as_mut().unwrap().write_all(&fs::read(shell.path().join("more.ndjson")).unwrap()).unwrap();
    await_log(&archive, |log| log.len() >= 1 << 20);
    for command in [&["import", "capture.ndjson"][..], &["compact"]] {
        let told = shell.run(command).failed(1);
        assert!(told.contains("wal/LOCK") && told.contains(&format!("pid={}", child.id())), "{told}");
    }
    shell.run(&["book", "KXA-1"]).code(0);
    shell.run(&["verify", "--deep"]).code(0);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let report = shell.run(&["import", "capture.ndjson", "--format", "json"]).code(0).json();
    assert_eq!(report["sources"][0]["unchanged"], true);
    shell.run(&["verify", "--deep"]).code(0);
}

/// A file system of its own, if this process may have one.
struct Mount(PathBuf);

impl Mount {
    fn new(dir: PathBuf) -> Option<Mount> {
        fs::create_dir(&dir).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(&dir).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Mount(dir))
    }

    fn again(&self, options: &str) -> bool {
        let mounted = Command::new("mount").args(["-o", options]).arg(&self.0).output();
        mounted.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn a_full_or_read_only_disk_loses_nothing() {
    let shell = recorded();
    let Some(mount) = Mount::new(shell.path().join("small")) else {
        return println!("skipped: no file system can be mounted here");
    };
    let root = mount.0.join("archive");
    let root = root.to_str().unwrap();
    let run = |args: &[&str]| shell.run(&[args, &["--archive", root]].concat());
    run(&["import", "capture.ndjson"]).code(0);
    let told = run(&["import", "more.ndjson"]).failed(1);
    assert!(told.to_lowercase().contains("no space left") && told.contains(root), "{told}");
    run(&["verify", "--deep"]).code(0);
    run(&["book", "KXA-1", "--format", "json"]).code(0);
    assert!(mount.again("remount,size=64m"), "a tmpfs can be made larger");
    run(&["import", "more.ndjson"]).code(0);
    run(&["verify", "--deep"]).code(0);
    let report = run(&["import", "capture.ndjson", "more.ndjson", "--format", "json"]).code(0).json();
    assert!(report["sources"].as_array().unwrap().iter().all(|source| source["unchanged"] == true), "{report}");
    let deltas = |shell: &Shell, root: &str| {
        // There is a gap between the two captures.
        let said = shell.run(&["deltas", "KXA-1", "--format", "csv", "--archive", root]).code(4);
        String::from_utf8(said.stdout).unwrap().lines().count()
    };
    shell.run(&["import", "more.ndjson"]).code(0);
    assert_eq!(deltas(&shell, root), deltas(&shell, &shell.archive()), "as in an archive that had room");

    assert!(mount.again("remount,ro"), "a tmpfs can be made read-only");
    for command in [&["import", "capture.ndjson"][..], &["compact"]] {
        let told = run(command).failed(1);
        assert!(told.contains("Read-only file system") && told.contains(root), "{told}");
    }
    run(&["verify", "--deep"]).code(0);
    run(&["book", "KXA-1"]).code(0);
}
