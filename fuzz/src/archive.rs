//! The demands on the readers of the write-ahead log: whatever bytes they meet, they never panic, they agree with each
//! other, and they give out nothing that was not appended.

use std::{path::Path, sync::Arc, time::SystemTime};

use daybook_archive::{
    BatchBuilder, BatchReader,
    wal::{Batch, Disk, Wal, WalError, WalOptions, WalReader, sim::SimDisk},
};

const DIR: &str = "/log";

fn options() -> WalOptions {
    WalOptions { file_bytes: 16 << 10, ..WalOptions::new(7, 11, SystemTime::UNIX_EPOCH) }
}

/// A log of a few files, and what was appended to it.
fn written() -> (SimDisk, Vec<Batch>) {
    let disk = SimDisk::new(1);
    let recovery = Wal::recover(Path::new(DIR), Arc::new(disk.clone()), options()).expect("an empty disk has no log");
    let (mut wal, _) = recovery.finish().expect("an empty log is whole");
    let mut batches = Vec::new();
    let mut first_ordinal = 0;
    for at in 0..12_u32 {
        let payload: Vec<u8> = (0..40 + at * 700).map(|byte| (byte * 31 + at) as u8).collect();
        wal.append(&payload, at % 3 + 1).expect("the disk has no faults");
        batches.push(Batch { first_ordinal, records: at % 3 + 1, payload });
        first_ordinal += u64::from(at % 3 + 1);
        if at % 2 == 0 {
            wal.sync().expect("the disk has no faults");
        }
    }
    wal.sync().expect("the disk has no faults");
    (disk, batches)
}

/// What a reader gives of the log, and whether it ended without an error.
fn read(disk: &SimDisk) -> (Vec<Batch>, bool) {
    let mut reader = WalReader::open(Path::new(DIR), Arc::new(disk.clone()));
    let mut batches = Vec::new();
    loop {
        match reader.next_batch() {
            Ok(Some(batch)) => batches.push(batch),
            Ok(None) => return (batches, true),
            Err(_) => return (batches, false),
        }
    }
}

/// What recovery gives of it.
fn recover(disk: &SimDisk) -> (Vec<Batch>, Result<(), WalError>) {
    let mut recovery = match Wal::recover(Path::new(DIR), Arc::new(disk.clone()), options()) {
        Ok(recovery) => recovery,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut batches = Vec::new();
    for batch in &mut recovery {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(error) => return (batches, Err(error)),
        }
    }
    (batches, recovery.finish().map(|_| ()))
}

/// A log some bytes of which have changed: three bytes of input say where and how, again and again.
pub fn log_damaged(data: &[u8]) {
    let (disk, batches) = written();
    let paths: Vec<_> = disk.contents().into_keys().filter(|path| path.starts_with(DIR)).collect();
    for edit in data.chunks_exact(4).take(8) {
        let path = &paths[usize::from(edit[0]) % paths.len()];
        disk.tamper(path, |bytes| {
            if let Some(at) = usize::from(u16::from_le_bytes([edit[1], edit[2]])).checked_rem(bytes.len()) {
                bytes[at] ^= edit[3];
            }
        });
    }
    let (seen, whole) = read(&disk);
    assert!(batches.starts_with(&seen), "a reader gave out what nobody appended");
    let (recovered, outcome) = recover(&disk);
    assert!(batches.starts_with(&recovered), "recovery gave out what nobody appended");
    // Padding and the last mark may change without harm; what was acknowledged is there, or its damage is told.
    if outcome.is_ok() && whole {
        assert!(recovered.len() >= seen.len(), "recovery cut off what a reader saw");
    }
    if outcome.is_ok() {
        assert_eq!(read(&disk).0, recovered, "after recovery the log holds something else");
    }
}

/// A file that may be anything, in the place of a log file.
pub fn log_replaced(data: &[u8]) {
    let (disk, _) = written();
    let Some(path) = disk.contents().into_keys().filter(|path| path.starts_with(DIR)).min() else { return };
    disk.tamper(&path, |bytes| *bytes = data.to_vec());
    let _ = read(&disk);
    if recover(&disk).1.is_ok() {
        assert!(disk.list(Path::new(DIR)).is_ok());
    }
}

/// The entries of a batch: what can be read can be written and read again.
pub fn batch(data: &[u8]) {
    let Ok(mut reader) = BatchReader::new(data) else { return };
    let mut builder = BatchBuilder::default();
    let mut entries = Vec::new();
    while let Ok(Some(entry)) = reader.next_entry() {
        builder.push(&entry);
        entries.push(entry);
    }
    let again = builder.finish();
    let mut reader = BatchReader::new(again.bytes()).expect("a batch just built is readable");
    for entry in entries {
        assert_eq!(reader.next_entry(), Ok(Some(entry)));
    }
    assert_eq!(reader.next_entry(), Ok(None));
}
