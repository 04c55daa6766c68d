//! Disks that fail, fill up or refuse; second writers; misuse.

use super::*;
use crate::wal::format::MAX_PAYLOAD_BYTES;
use crate::wal::sim::{CrashModel, Faults};
use crate::wal::{Disk, RealDisk};
use std::io;
use std::time::Duration;

/// Appends and syncs until something fails, which it must.
fn work_until_failure(wal: &mut Wal) -> WalError {
    for round in 0..1000 {
        let result = wal.append(&[round as u8; 300], 2).and_then(|_| if round % 3 == 0 { wal.sync() } else { Ok(0) });
        if let Err(error) = result {
            return error;
        }
    }
    panic!("nothing failed");
}

#[track_caller]
fn assert_poisoned(wal: &mut Wal, acknowledged: u64) {
    let message = wal.append(b"more", 1).unwrap_err().to_string();
    assert!(message.contains(&format!("below ordinal {acknowledged} is safe")), "{message}");
    assert!(matches!(wal.sync(), Err(WalError::Poisoned { .. })));
    assert!(matches!(wal.rotate(), Err(WalError::Poisoned { .. })));
    assert_eq!(wal.acknowledged(), acknowledged);
}

#[test]
fn a_full_disk_ends_writing_and_loses_nothing() {
    for space in (0..40_000).step_by(97) {
        let disk = SimDisk::new(space);
        let mut wal = open(&disk);
        disk.set_faults(Faults { space: Some(space), ..Faults::default() });
        let error = work_until_failure(&mut wal);
        let full = matches!(&error, WalError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull);
        // The write that failed may have been the mark behind a sync that succeeded.
        let told_later = matches!(&error, WalError::Poisoned { cause, .. } if cause.contains("cannot write"));
        assert!(full || told_later, "{error}");
        let acknowledged = wal.acknowledged();
        assert_poisoned(&mut wal, acknowledged);
        drop(wal);
        assert!(recover(&disk, &options()).is_err(), "recovery needs space for a new file");
        disk.set_faults(Faults::default());
        let (_, mut wal, report) = recover(&disk, &options()).unwrap();
        assert!(report.next_ordinal >= acknowledged);
        wal.append(b"again", 1).unwrap();
        assert_eq!(wal.sync().unwrap(), report.next_ordinal + 1);
    }
}

#[test]
fn a_poisoned_log_still_lets_go_of_old_files() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    write_groups(&mut wal, &[&[10; 5]]);
    wal.rotate().unwrap();
    write_groups(&mut wal, &[&[10; 5]]);
    disk.set_faults(Faults { space: Some(0), ..Faults::default() });
    work_until_failure(&mut wal);
    assert_eq!(wal.truncate_before(u64::MAX).unwrap(), 1, "all but the active file");
}

#[test]
fn a_failed_sync_is_never_made_good_by_a_later_one() {
    for nth in 1..30 {
        let disk = SimDisk::new(nth);
        let mut wal = open(&disk);
        disk.set_faults(Faults { fail_sync: Some(nth), ..Faults::default() });
        let error = work_until_failure(&mut wal);
        assert!(matches!(error, WalError::Io { action: "sync", .. }), "{error}");
        let acknowledged = wal.acknowledged();
        assert_poisoned(&mut wal, acknowledged);
        drop(wal);
        // The process starts again at once: reads still show what the disk never got. Recovery acknowledges it, so it
        // must have made it durable itself.
        let (found, wal, report) = recover(&disk, &options()).unwrap();
        assert!(report.next_ordinal >= acknowledged);
        drop(wal);
        disk.crash(nth, CrashModel::default());
        let after = recover(&disk, &options()).unwrap().0;
        assert_eq!(after, found, "sync {nth}");
    }
}

#[test]
fn a_failed_write_ends_writing_and_loses_nothing() {
    for nth in 1..60 {
        let disk = SimDisk::new(nth);
        let mut wal = open(&disk);
        disk.set_faults(Faults { fail_write: Some(nth), ..Faults::default() });
        work_until_failure(&mut wal);
        let acknowledged = wal.acknowledged();
        assert_poisoned(&mut wal, acknowledged);
        drop(wal);
        disk.crash(nth, CrashModel::default());
        assert!(recover(&disk, &options()).unwrap().2.next_ordinal >= acknowledged, "write {nth}");
    }
}

#[test]
fn short_writes_are_completed() {
    let disk = SimDisk::new(3);
    let mut wal = open(&disk);
    disk.set_faults(Faults { short_writes: true, ..Faults::default() });
    let batches = write_groups(&mut wal, &[&[5000, 100], &[9000], &[1]]);
    assert_eq!(read(&disk, &options()).unwrap().0, batches);
}

#[test]
fn a_read_only_disk_is_refused_untouched() {
    let disk = SimDisk::new(0);
    write_groups(&mut open(&disk), &[&[10]]);
    let before = disk.contents();
    disk.set_faults(Faults { read_only: true, ..Faults::default() });
    assert!(matches!(recover(&disk, &options()), Err(WalError::Io { .. })));
    assert_eq!(disk.contents(), before);
}

#[test]
fn a_second_writer_is_told_who_holds_the_log() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/b/wal");
    let started = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let options = WalOptions::new(1, 2, started);
    let recover = || Wal::recover(&dir, Arc::new(RealDisk), options.clone());
    let first = recover().unwrap();
    let message = recover().unwrap_err().to_string();
    assert!(message.contains(&format!("pid={} started=1800000000", std::process::id())), "{message}");
    assert!(message.contains(&dir.join("LOCK").display().to_string()), "{message}");
    let (wal, _) = first.finish().unwrap();
    assert!(matches!(recover(), Err(WalError::Locked { .. })), "the writer holds on to it");
    drop(wal);
    recover().unwrap().finish().unwrap();

    let disk = SimDisk::new(0);
    let wal = open(&disk);
    assert!(matches!(super::recover(&disk, &super::options()), Err(WalError::Locked { .. })));
    drop(wal);
    open(&disk);
}

#[test]
fn a_bad_batch_leaves_the_log_as_it_was() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    wal.append(b"one", 1).unwrap();
    assert!(matches!(wal.append(b"none", 0), Err(WalError::BadBatch { records: 0, .. })));
    let huge = vec![0; MAX_PAYLOAD_BYTES as usize + 1];
    assert!(matches!(wal.append(&huge, 1), Err(WalError::BadBatch { .. })));
    assert_eq!(wal.append(b"two", 1).unwrap(), 1);
    assert_eq!(wal.sync().unwrap(), 2);
    let (_, mut wal, _) = recover(&SimDisk::new(1), &WalOptions { floor: u64::MAX - 1, ..options() }).unwrap();
    assert!(matches!(wal.append(b"too many", 2), Err(WalError::BadBatch { .. })));
    assert_eq!(wal.append(b"the last", 1).unwrap(), u64::MAX - 1);
}

#[test]
fn files_rotate_by_size_and_go_when_wholly_covered() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    let batches = write_groups(&mut wal, &[&[3000; 20]]);
    let files = |disk: &SimDisk| disk.contents().into_values().map(|bytes| bytes.len()).collect::<Vec<_>>();
    assert!(files(&disk).len() > 4);
    assert!(files(&disk).iter().all(|len| *len <= (16 << 10) + 48), "{:?}", files(&disk));
    // One below the second file's end: only the first goes.
    let mut names = disk.list(Path::new(DIR)).unwrap();
    names.sort();
    let third: u64 = names[2][..20].parse().unwrap();
    assert_eq!(wal.truncate_before(third - 1).unwrap(), 1);
    assert_eq!(wal.truncate_before(third).unwrap(), 1);
    assert_eq!(wal.oldest_ordinal(), third);
    let left: Vec<_> = batches.iter().filter(|batch| batch.first_ordinal >= third).cloned().collect();
    assert_eq!(read(&disk, &options()).unwrap().0, left);
    // Everything: the active file too, and the position stays.
    let next = wal.next_ordinal();
    wal.truncate_before(next).unwrap();
    assert_eq!((wal.oldest_ordinal(), wal.truncate_before(next).unwrap()), (next, 0));
    drop(wal);
    assert_eq!(files(&disk).len(), 1);
    assert_eq!(open(&disk).next_ordinal(), next);
}

#[test]
fn a_batch_larger_than_a_file_gets_one_of_its_own() {
    let disk = SimDisk::new(0);
    let batches = write_groups(&mut open(&disk), &[&[10, 40_000, 10]]);
    assert_eq!(disk.contents().len(), 3);
    assert_eq!(read(&disk, &options()).unwrap().0, batches);
}

#[test]
fn pending_bytes_are_those_that_a_sync_acknowledges() {
    let mut wal = open(&SimDisk::new(0));
    assert_eq!(wal.pending_bytes(), 0);
    wal.append(&[0; 3000], 1).unwrap();
    assert_eq!(wal.pending_bytes(), 3048);
    wal.sync().unwrap();
    assert_eq!(wal.pending_bytes(), 0);
}
