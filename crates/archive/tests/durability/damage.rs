//! Damaged, missing and unwritable files: an error that names the file, or the same answers as ever, and nothing else.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use daybook_archive::{
    Archive, Clock, Error, OpenOptions, Writer, WriterOptions,
    reconstruct::Event,
    schema::Table,
    store::{Faults, Operation, Store},
    wal::format::BLOCK_BYTES,
};
use rand::{SeedableRng, rngs::SmallRng};
use tempfile::TempDir;

use crate::{
    failing::FailingStore,
    rows,
    venue::{Venue, batch},
};

/// Every so many bytes one is flipped. A prime, so that no structure is passed over.
const STRIDE: usize = 97;

/// What is done to the bytes of a file.
type Change = Box<dyn FnOnce(&mut Vec<u8>)>;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A question and what came of it.
type Answers = Vec<(String, Result<String, String>)>;

/// An archive on disk with several segments per table and an unsealed rest in the log.
struct Fixture {
    files: Files,
    answers: Answers,
    venue: Venue,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = SmallRng::seed_from_u64(11);
        let mut venue = Venue::new();
        let mut writer = Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(5)).unwrap();
        writer.append(batch(&venue.greeting(), 0)).unwrap();
        for number in 1..40 {
            writer.append(batch(&venue.hear(&mut rng), number)).unwrap();
            if number % 12 == 0 {
                writer.seal().unwrap();
            }
        }
        writer.sync().unwrap();
        drop(writer);
        let files = files(dir.path());
        let answers = answers(dir.path(), &venue);
        for (question, answer) in &answers {
            assert!(answer.is_ok(), "{question}: {answer:?}");
        }
        Fixture { files, answers, venue }
    })
}

impl Fixture {
    fn copy(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &self.files);
        dir
    }

    /// The files of a table, as paths in the archive.
    fn of(&self, table: &str, ending: &str) -> Vec<&Path> {
        let paths = self.files.keys().filter(|path| path.starts_with(table));
        paths.filter(|path| path.to_str().unwrap().ends_with(ending)).map(PathBuf::as_path).collect()
    }

    /// Damages one file and looks at what becomes of every answer. Returns how many of them were errors.
    fn damaged(&self, dir: &Path, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> usize {
        let mut bytes = self.files[path].clone();
        change(&mut bytes);
        fs::write(dir.join(path), &bytes).unwrap();
        let errors = self.judge(dir, path);
        assert_eq!(fs::read(dir.join(path)).unwrap(), bytes, "{} was changed by reading", path.display());
        fs::write(dir.join(path), &self.files[path]).unwrap();
        errors
    }

    /// Every answer must be right, or an error that names the file. Returns how many were errors.
    fn judge(&self, dir: &Path, path: &Path) -> usize {
        self.compare(dir, path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
    }

    fn compare(&self, dir: &Path, path: &Path) -> Result<usize, String> {
        let found = answers(dir, &self.venue);
        let mut errors = 0;
        for (question, answer) in &found {
            match answer {
                Ok(text) => {
                    let right = self.answers.iter().find(|(asked, _)| asked == question).map(|(_, right)| right);
                    if right.and_then(|right| right.as_ref().ok()) != Some(text) {
                        return Err(format!("a wrong answer to: {question}"));
                    }
                }
                Err(error) => {
                    errors += 1;
                    if !error.contains(path.to_str().unwrap()) {
                        return Err(format!("the error does not name the file: {error}"));
                    }
                }
            }
        }
        Ok(errors)
    }
}

fn files(dir: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn write(dir: &Path, files: &Files) {
    for (path, bytes) in files {
        fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
        fs::write(dir.join(path), bytes).unwrap();
    }
}

/// Asks an archive everything.
fn answers(dir: &Path, venue: &Venue) -> Answers {
    let archive = match Archive::open(dir.to_str().unwrap(), OpenOptions::default()) {
        Ok(archive) => archive,
        Err(error) => return vec![("open".to_owned(), Err(error.to_string()))],
    };
    let mut answers = Answers::new();
    let mut note = |question: String, answer: Result<String, Error>| {
        answers.push((question, answer.map_err(|error| error.to_string())));
    };
    note("markets".to_owned(), archive.tickers().map(|tickers| format!("{tickers:?}")));
    note("sources".to_owned(), archive.sources_imported().map(|sources| format!("{sources:?}")));
    for table in Table::ALL {
        if table.is_metadata() {
            let versions = archive.versions(table).map(|all| format!("{:?}", all.versions().collect::<Vec<_>>()));
            note(format!("versions of {}", table.name()), versions);
        }
        note(format!("rows of {}", table.name()), all_rows(&archive, table));
    }
    let mut rng = SmallRng::seed_from_u64(17);
    for number in 0..6 {
        let ticker = format!("KXTEST-26AUG12-{number}");
        note(format!("coverage of {ticker}"), archive.timeline(&ticker).map(|timeline| format!("{timeline:?}")));
        note(format!("events of {ticker}"), all_events(&archive, &ticker));
        for _ in 0..8 {
            let at = venue.instant(&mut rng);
            for clock in [Clock::Exchange, Clock::Received] {
                let book = archive.book(&ticker, at, clock).map(|answer| format!("{answer:?}"));
                note(format!("{ticker} at {at} on {clock:?}"), book);
            }
        }
    }
    answers
}

fn all_rows(archive: &Archive, table: Table) -> Result<String, Error> {
    let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
    let mut text = String::new();
    archive.scan_table(table, None, &names, |batch| {
        let _ = write!(text, "{:?}", batch.record());
        Ok(())
    })?;
    Ok(text)
}

fn all_events(archive: &Archive, ticker: &str) -> Result<String, Error> {
    let mut text = String::new();
    archive.events(ticker, i64::MIN, i64::MAX, |event: Event<'_>| {
        let _ = write!(text, "{event:?}");
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(text)
}

#[test]
fn a_flipped_byte_in_a_segment_is_an_error_or_nothing() {
    let fixture = fixture();
    let dir = fixture.copy();
    for table in ["deltas", "keyframes", "coverage", "trades", "sources"] {
        let path = fixture.of(table, ".parquet")[0];
        let length = fixture.files[path].len();
        let (mut flipped, mut noticed) = (0, 0);
        for at in (0..length).step_by(STRIDE) {
            flipped += 1;
            noticed += usize::from(fixture.damaged(dir.path(), path, |bytes| bytes[at] ^= 0x55) > 0);
        }
        println!("{table}: {flipped} bytes of {length} flipped one by one, {noticed} noticed");
        assert!(noticed > 0);
    }
    assert_eq!(files(dir.path()), fixture.files, "something else was changed");
}

#[test]
fn a_segment_that_is_missing_or_has_another_length_is_an_error() {
    let fixture = fixture();
    let dir = fixture.copy();
    for table in Table::ALL {
        let Some(path) = fixture.of(table.name(), ".parquet").last().copied() else { continue };
        fs::remove_file(dir.path().join(path)).unwrap();
        assert!(fixture.judge(dir.path(), path) > 0, "{} is not missed", path.display());
        let cuts: [fn(&mut Vec<u8>); 4] = [
            |bytes| bytes.truncate(bytes.len() / 2),
            Vec::clear,
            |bytes| bytes.truncate(bytes.len() - 1),
            |bytes| bytes.push(0),
        ];
        for cut in cuts {
            assert!(fixture.damaged(dir.path(), path, cut) > 0, "{} is cut unnoticed", path.display());
        }
    }
    assert_eq!(files(dir.path()), fixture.files, "something else was changed");
}

#[test]
fn a_lost_or_broken_commit_of_a_table_is_an_error_or_nothing() {
    let fixture = fixture();
    let mut problems = Vec::new();
    // With and without the cached lists of files, which may be all that still knows what a table held.
    for cached in [true, false] {
        let dir = fixture.copy();
        if !cached {
            fs::remove_dir_all(dir.path().join("_daybook")).unwrap();
        }
        for table in Table::ALL {
            let log = format!("{}/_delta_log", table.name());
            let commits = fixture.of(&log, ".json");
            let mut look = |what: String| {
                // The library that reads the log names the table rather than the file.
                if let Err(problem) = fixture.compare(dir.path(), Path::new(table.name())) {
                    problems
                        .push(format!("{what}, lists of files {}: {problem}", if cached { "kept" } else { "gone" }));
                }
            };
            for path in &commits {
                let bytes = &fixture.files[*path];
                fs::remove_file(dir.path().join(path)).unwrap();
                look(format!("{} is gone", path.display()));
                let cuts = [
                    ("cut", bytes[..bytes.len() / 2].to_vec()),
                    ("zeros", vec![0; bytes.len()]),
                    ("noise", b"{".repeat(bytes.len())),
                ];
                for (cut, bytes) in cuts {
                    fs::write(dir.path().join(path), &bytes).unwrap();
                    look(format!("{}: {cut}", path.display()));
                }
                fs::write(dir.path().join(path), bytes).unwrap();
            }
            for path in &commits {
                fs::remove_file(dir.path().join(path)).unwrap();
            }
            look(format!("{log} is empty"));
            for path in &commits {
                fs::write(dir.path().join(path), &fixture.files[*path]).unwrap();
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn a_damaged_or_stale_list_of_files_changes_no_answer() {
    let fixture = fixture();
    let dir = fixture.copy();
    let lists = fixture.of("_daybook", ".files");
    assert!(lists.len() >= 10, "{lists:?}");
    for path in &lists {
        let mut changes: Vec<Change> = vec![
            Box::new(|bytes| bytes.truncate(bytes.len() / 2)),
            Box::new(Vec::clear),
            Box::new(|bytes| bytes.fill(0xff)),
        ];
        for other in &lists {
            let other = fixture.files[*other].clone();
            changes.push(Box::new(move |bytes| *bytes = other));
        }
        for at in (0..fixture.files[*path].len()).step_by(STRIDE) {
            changes.push(Box::new(move |bytes| bytes[at] ^= 0x55));
        }
        for change in changes {
            assert_eq!(fixture.damaged(dir.path(), path, change), 0, "{}", path.display());
        }
        fs::remove_file(dir.path().join(path)).unwrap();
        assert_eq!(fixture.judge(dir.path(), path), 0, "without {}", path.display());
        fs::write(dir.path().join(path), &fixture.files[*path]).unwrap();
    }
}

/// Everything in the log but the end of its last group is followed by evidence that it was once durable.
#[test]
fn a_flipped_byte_in_the_log_is_an_error_that_says_where() {
    let fixture = fixture();
    let path = *fixture.of("wal", ".wal").last().unwrap();
    let intact = &fixture.files[path];
    // The rest of a block behind a group is padding. Behind the last group is the mark that says so.
    let block = usize::try_from(BLOCK_BYTES).unwrap();
    let mark = intact.iter().rposition(|byte| *byte != 0).unwrap() / block * block;
    let (mut noticed, mut unnoticed) = (0, 0);
    for at in (0..intact.len()).step_by(STRIDE) {
        let dir = fixture.copy();
        let mut damaged = fixture.files.clone();
        damaged.get_mut(path).unwrap()[at] ^= 0x55;
        fs::write(dir.path().join(path), &damaged[path]).unwrap();
        match Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(6)) {
            Ok(writer) => {
                assert!(intact[at] == 0 || at >= mark, "byte {at} of the log is read as if it were intact");
                unnoticed += 1;
                let rows = rows::of(writer.archive()).unwrap();
                assert_eq!(rows.len() as u64, writer.next_ordinal());
                drop(writer);
                assert_eq!(answers(dir.path(), &fixture.venue), fixture.answers, "byte {at} of the log");
            }
            Err(error) => {
                noticed += 1;
                let text = error.to_string();
                assert!(text.contains(path.to_str().unwrap()) && text.contains("byte "), "byte {at}: {text}");
                let mut left = files(dir.path());
                // Says who tried last.
                left.insert("wal/LOCK".into(), fixture.files[Path::new("wal/LOCK")].clone());
                assert!(left == damaged, "byte {at}: something was changed");
            }
        }
    }
    println!("{noticed} of {} flipped bytes of the log noticed, {unnoticed} without effect", noticed + unnoticed);
    assert!(noticed > 20, "{noticed}");
}

#[test]
fn a_damaged_marker_is_an_error() {
    let fixture = fixture();
    let marker = Path::new("daybook.json");
    let contents: [(&str, &str); 5] = [
        ("empty", ""),
        ("no JSON", "{\"format\": 1, \"archive"),
        ("a later format", "{\"format\": 2, \"archive_id\": \"0\"}"),
        ("no identity", "{\"format\": 1}"),
        ("an identity that is none", "{\"format\": 1, \"archive_id\": \"zebra\"}"),
    ];
    for (what, content) in contents {
        let dir = fixture.copy();
        fs::write(dir.path().join(marker), content).unwrap();
        let before = files(dir.path());
        let error = Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(6)).err();
        let error = error.unwrap_or_else(|| panic!("{what}: opened for writing")).to_string();
        assert!(error.contains("daybook.json"), "{what}: {error}");
        let errors = fixture.judge(dir.path(), marker);
        assert!(errors > 0 || what == "an identity that is none", "{what}: opened for reading");
        assert!(files(dir.path()) == before, "{what}: something was changed");
    }
    // The identity of another archive.
    let dir = fixture.copy();
    fs::write(dir.path().join(marker), "{\"format\": 1, \"archive_id\": \"00000000000000000000000000000077\"}")
        .unwrap();
    let error = Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(6)).err().unwrap().to_string();
    assert!(error.contains(".wal") && error.contains("belongs to archive"), "{error}");
    // None at all, though there are tables.
    let dir = fixture.copy();
    fs::remove_file(dir.path().join(marker)).unwrap();
    let before = files(dir.path());
    let error = Archive::open(dir.path().to_str().unwrap(), OpenOptions::default()).err().unwrap();
    assert!(matches!(error, Error::NoArchive { .. }), "{error}");
    let error =
        Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(6)).err().expect("a new identity").to_string();
    assert!(error.contains("daybook.json"), "{error}");
    assert!(files(dir.path()) == before, "something was changed");
}

#[test]
fn an_archive_that_cannot_be_written_can_be_read() {
    let fixture = fixture();
    let dir = fixture.copy();
    // As the store tells it, whoever runs this test.
    let store = Store::open(dir.path().to_str().unwrap()).unwrap();
    let faults = Arc::new(ReadOnly);
    let mut writer = match Writer::open_store(store.with_faults(faults), WriterOptions::new(6)) {
        Ok(writer) => writer,
        Err(error) => panic!("nothing needs to be written to open it: {error}"),
    };
    let error = writer.seal().expect_err("sealed into a read-only store").to_string();
    assert!(error.contains("read-only") && error.contains(dir.path().to_str().unwrap()), "{error}");
    drop(writer);
    assert_eq!(answers(dir.path(), &fixture.venue), fixture.answers);
    // As the system tells it.
    let Some(mount) = Mount::new(&["-t", "tmpfs", "tmpfs"]) else {
        return println!("skipped: no file system can be mounted here");
    };
    write(mount.path(), &fixture.files);
    if !mount.again("remount,ro") {
        return println!("skipped: a file system cannot be made read-only here");
    }
    assert_eq!(answers(mount.path(), &fixture.venue), fixture.answers);
    let error = Writer::open(mount.path().to_str().unwrap(), WriterOptions::new(6)).err();
    let error = error.expect("opened for writing on a read-only file system").to_string();
    assert!(error.contains("Read-only") && error.contains(mount.path().to_str().unwrap()), "{error}");
}

#[derive(Debug)]
struct ReadOnly;

impl Faults for ReadOnly {
    fn before(&self, operation: Operation, _: &str) -> io::Result<()> {
        match operation {
            Operation::Write | Operation::Sync | Operation::Delete => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            _ => Ok(()),
        }
    }
}

/// A file system of its own, if this process may have one.
pub struct Mount(TempDir);

impl Mount {
    pub fn new(arguments: &[&str]) -> Option<Mount> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount").args(arguments).arg(dir.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Mount(dir))
    }

    fn again(&self, options: &str) -> bool {
        let mounted = std::process::Command::new("mount").args(["-o", options]).arg(self.path()).output();
        mounted.is_ok_and(|output| output.status.success())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.path()).output();
    }
}

#[test]
fn a_full_store_loses_nothing() {
    let fixture = fixture();
    // Every write of a sealing, one after the other, fails for want of space, and all after it.
    for at in 1.. {
        let dir = fixture.copy();
        let store = Store::open(dir.path().to_str().unwrap()).unwrap();
        let faults = FailingStore::writes(at, true, true);
        let mut writer = Writer::open_store(store.with_faults(faults.clone()), WriterOptions::new(6)).unwrap();
        let sealed = writer.seal();
        let answered = writer.archive().book("KXTEST-26AUG12-0", i64::MAX, Clock::Exchange).unwrap();
        drop(writer);
        assert_eq!(answers(dir.path(), &fixture.venue).len(), fixture.answers.len(), "write {at}");
        let writer = Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(8)).unwrap();
        let archive = writer.close().unwrap();
        assert_eq!(archive.book("KXTEST-26AUG12-0", i64::MAX, Clock::Exchange).unwrap().book, answered.book);
        assert_eq!(archive.verify(None, true, &mut ()).unwrap().findings, [], "write {at}");
        if !faults.happened() {
            println!("{} writes of a sealing failed one by one", at - 1);
            break;
        }
        // Lists of files and checkpoints may fail without harm.
        if let Err(error) = sealed {
            assert!(error.to_string().contains("no space left"), "write {at}: {error}");
        }
    }
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let dir = fixture().copy();
    let first = Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(6)).unwrap();
    let before = files(dir.path());
    let error = Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(7)).err().unwrap().to_string();
    let (lock, pid) = (dir.path().join("wal/LOCK"), format!("pid={}", std::process::id()));
    assert!(error.contains(lock.to_str().unwrap()) && error.contains(&pid), "{error}");
    assert!(files(dir.path()) == before, "something was changed");
    drop(first);
    Writer::open(dir.path().to_str().unwrap(), WriterOptions::new(8)).unwrap();
}
