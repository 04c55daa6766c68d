//! Readers that follow a log while it is written, cut, restarted.

use super::*;
use crate::wal::sim::Faults;
use crate::wal::{Disk, DiskFile, DiskLock, RealDisk, WalReader};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

fn reader(disk: &SimDisk) -> WalReader {
    WalReader::open(Path::new(DIR), Arc::new(disk.clone()))
}

fn drain(reader: &mut WalReader) -> Vec<Batch> {
    std::iter::from_fn(|| reader.next_batch().unwrap()).collect()
}

#[test]
fn a_reader_follows_through_groups_files_and_restarts() {
    let disk = SimDisk::new(0);
    let mut reader = reader(&disk);
    assert_eq!(drain(&mut reader), []);
    let mut wal = open(&disk);
    assert_eq!(drain(&mut reader), []);
    for _ in 0..5 {
        for group in [&[10, 20, 30][..], &[3000; 7], &[1]] {
            let batches = write_groups(&mut wal, &[group]);
            assert_eq!(drain(&mut reader), batches);
            assert_eq!(drain(&mut reader), []);
        }
        drop(wal);
        wal = open(&disk);
        assert_eq!(drain(&mut reader), []);
    }
}

#[test]
fn a_reader_changes_nothing_and_stops_before_what_is_not_whole() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    let batches = write_groups(&mut wal, &[&[100], &[5000, 70]]);
    drop(wal);
    let bytes = disk.contents().remove(&path(0)).unwrap();
    let before = disk.contents();
    disk.set_faults(Faults { read_only: true, ..Faults::default() });
    assert_eq!(drain(&mut reader(&disk)), batches);
    assert_eq!(disk.contents(), before);
    let mut reader = reader(&disk);
    let mut found = Vec::new();
    // The file grows byte by byte, as another process might see it.
    for len in 4096..bytes.len() {
        disk.tamper(&path(0), |file| *file = bytes[..len].to_vec());
        found.extend(drain(&mut reader));
        assert!(batches.starts_with(&found), "at {len}");
    }
    assert_eq!(found, batches);
}

#[test]
fn a_reader_starts_at_the_batch_that_holds_an_ordinal() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    let batches = write_groups(&mut wal, &[&[3000; 9], &[1, 2, 3], &[4; 40]]);
    let end = wal.next_ordinal();
    for ordinal in 0..end {
        let mut reader = reader(&disk);
        reader.seek(ordinal);
        let first = batches.iter().position(|batch| batch.end_ordinal() > ordinal).unwrap();
        assert_eq!(drain(&mut reader), batches[first..]);
    }
    let mut reader = reader(&disk);
    reader.seek(end + 3);
    assert_eq!(drain(&mut reader), []);
    let later = write_groups(&mut wal, &[&[5, 5, 6]]);
    assert_eq!(later[0].records, 1);
    assert_eq!(drain(&mut reader), later[2..], "beyond the end: waits for it");
}

#[test]
fn a_reader_left_behind_is_told_so() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    write_groups(&mut wal, &[&[3000; 20]]);
    let mut slow = reader(&disk);
    slow.next_batch().unwrap();
    let oldest = wal.next_ordinal();
    wal.truncate_before(oldest).unwrap();
    // The file it has open goes on to be readable; the next one is gone.
    let error = std::iter::from_fn(|| slow.next_batch().transpose()).find_map(Result::err).unwrap();
    assert!(matches!(error, WalError::Removed { oldest: at, .. } if at == oldest), "{error}");
    slow.seek(oldest);
    let batches = write_groups(&mut wal, &[&[7]]);
    assert_eq!(drain(&mut slow), batches);
    assert_eq!(drain(&mut reader(&disk)), batches, "from the beginning means from what is left");
}

#[test]
fn a_reader_names_damage_in_a_file_that_is_complete() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    let batches = write_groups(&mut wal, &[&[100, 200]]);
    wal.rotate().unwrap();
    write_groups(&mut wal, &[&[100]]);
    disk.tamper(&path(0), |bytes| bytes[4096 + 152 + 60] ^= 1);
    let mut reader = reader(&disk);
    assert_eq!(reader.next_batch().unwrap().as_ref(), batches.first());
    for _ in 0..2 {
        let error = reader.next_batch().unwrap_err();
        assert!(matches!(&error, WalError::Corrupt { file, offset: 4248, .. } if *file == path(0)), "{error}");
    }
}

/// A disk on which the writer is busy at the very moment when the reader lists the files.
#[derive(Debug)]
struct BusyDisk {
    disk: SimDisk,
    writer: Mutex<Wal>,
}

impl Disk for BusyDisk {
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut writer = self.writer.lock().unwrap();
        // Every other time into the file that the reader has just found nothing more in, which is then complete.
        match writer.append(b"late", 1).unwrap() % 2 {
            0 => writer.sync().map(|_| ()).unwrap(),
            _ => writer.rotate().unwrap(),
        }
        let names = self.disk.list(dir);
        if writer.next_ordinal() > 9 {
            // And between listing and opening, the files go.
            let oldest = writer.next_ordinal();
            writer.truncate_before(oldest).unwrap();
        }
        names
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(path)
    }

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn truncate(&self, _: &Path, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lock(&self, _: &Path, _: &str) -> io::Result<DiskLock> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[test]
fn a_reader_is_not_confused_by_what_happens_while_it_looks() {
    let disk = SimDisk::new(0);
    let writer = Mutex::new(open(&disk));
    let mut reader = WalReader::open(Path::new(DIR), Arc::new(BusyDisk { disk, writer }));
    for ordinal in 0..9 {
        let batch = reader.next_batch().unwrap().unwrap();
        assert_eq!((batch.first_ordinal, &*batch.payload), (ordinal, &b"late"[..]));
    }
    // From here each file is gone before it can be opened: an error in the end, not an endless search.
    let error = reader.next_batch().unwrap_err();
    assert!(matches!(error, WalError::Removed { wanted: 9, .. }), "{error}");
}

/// Real files, two threads: one writes, rotates, truncates and restarts, the other must see every record that was not
/// removed, once, in order.
#[test]
fn a_reader_keeps_up_with_a_writer_on_real_files() {
    const RECORDS: u64 = 6000;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("wal");
    let progress = AtomicU64::new(0);
    let payload = |first_ordinal: u64, records: u32| -> Vec<u8> {
        let ordinals = first_ordinal..first_ordinal + u64::from(records);
        ordinals.flat_map(|ordinal| [ordinal.to_le_bytes(); 20]).flatten().collect()
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = SmallRng::seed_from_u64(1);
            let mut next = 0;
            while next < RECORDS {
                let recovery = Wal::recover(&dir, Arc::new(RealDisk), options()).unwrap();
                let (mut wal, report) = recovery.finish().unwrap();
                assert!(report.next_ordinal <= next, "nothing appears that was not appended");
                for _ in 0..rng.random_range(1..300) {
                    let records = rng.random_range(1..20);
                    let first = wal.next_ordinal();
                    wal.append(&payload(first, records), records).unwrap();
                    if rng.random_ratio(1, 5) {
                        wal.sync().unwrap();
                    }
                    if rng.random_ratio(1, 20) {
                        wal.truncate_before(progress.load(Ordering::Acquire)).unwrap();
                    }
                }
                wal.sync().unwrap();
                next = wal.next_ordinal();
            }
        });
        let mut reader = WalReader::open(&dir, Arc::new(RealDisk));
        let mut expected = 0;
        while expected < RECORDS {
            match reader.next_batch().unwrap() {
                None => thread::sleep(Duration::from_micros(200)),
                Some(batch) => {
                    assert_eq!(batch.first_ordinal, expected);
                    assert!(batch.payload == payload(expected, batch.records));
                    expected = batch.end_ordinal();
                    progress.store(expected, Ordering::Release);
                }
            }
        }
    });
}
