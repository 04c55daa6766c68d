//! Bytes changed, cut and mixed up behind the log's back.

use super::*;
use crate::wal::TornTail;
use crate::wal::format::{
    BATCH_HEADER_BYTES, BLOCK_BYTES, Decoded, FILE_HEADER_BYTES, Fault, FileHeader, FrameContext, decode_batch,
};
use std::ops::Range;

const BLOCK: usize = BLOCK_BYTES as usize;

/// Three files; the last with groups of one and of several batches.
fn log() -> (SimDisk, Vec<Batch>) {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    let mut batches = write_groups(&mut wal, &[&[100, 0, 33], &[700]]);
    wal.rotate().unwrap();
    batches.extend(write_groups(&mut wal, &[&[1, 5000]]));
    wal.rotate().unwrap();
    batches.extend(write_groups(&mut wal, &[&[64, 65, 66], &[9], &[4200, 3, 17]]));
    (disk, batches)
}

fn files(disk: &SimDisk) -> Vec<(PathBuf, Vec<u8>)> {
    disk.contents().into_iter().collect()
}

/// Where a file's header and frames lie, without padding and mark.
fn used(file: &[u8]) -> Vec<Range<usize>> {
    let header = FileHeader::decode(file).unwrap();
    let (mut at, mut ordinal) = (BLOCK, header.first_ordinal);
    let mut used: Vec<_> = std::iter::once(0..FILE_HEADER_BYTES).collect();
    while at < file.len() {
        let context = FrameContext { salt: header.salt, offset: at as u64, ordinal };
        match decode_batch(&file[at..], context) {
            Decoded::Batch { header, payload } => {
                used.push(at..at + BATCH_HEADER_BYTES + payload.len());
                at += header.frame_len() as usize;
                ordinal = header.end_ordinal();
            }
            Decoded::Mark(_) => break,
            Decoded::Incomplete { .. } | Decoded::Invalid(_) => at = (at + 1).next_multiple_of(BLOCK),
        }
    }
    used
}

#[track_caller]
fn assert_corrupt(disk: &SimDisk, file: &Path, offset: usize) {
    let before = disk.contents();
    match read(disk, &options()) {
        Err(WalError::Corrupt { file: named, offset: at, .. }) => assert_eq!((&*named, at), (file, offset as u64)),
        other => panic!("{} at {offset}: {other:?}", file.display()),
    }
    // Once more, on the disk itself: nothing may have been changed.
    assert!(recover(disk, &options()).is_err());
    assert_eq!(disk.contents(), before);
}

#[test]
fn a_flipped_bit_is_an_error_that_names_the_place_or_hits_nothing() {
    let (disk, batches) = log();
    let (mut errors, mut harmless) = (0, 0);
    for (path, bytes) in files(&disk) {
        let used = used(&bytes);
        for at in 0..bytes.len() {
            let bit = 1 << (at * 5 % 8);
            disk.tamper(&path, |bytes| bytes[at] ^= bit);
            if let Some(frame) = used.iter().find(|range| range.contains(&at)) {
                assert_corrupt(&disk, &path, frame.start);
                errors += 1;
            } else {
                let (found, _) = read(&disk, &options()).unwrap();
                assert_eq!(found, batches, "{} at {at}", path.display());
                harmless += 1;
            }
            disk.tamper(&path, |bytes| bytes[at] ^= bit);
        }
    }
    assert!(errors > 10_000 && harmless > 10_000, "{errors} {harmless}");
}

#[test]
fn a_lost_sector_of_acknowledged_data_is_an_error() {
    let (disk, batches) = log();
    for (path, bytes) in files(&disk) {
        let used = used(&bytes);
        for start in (0..bytes.len()).step_by(512) {
            let sector = start..bytes.len().min(start + 512);
            disk.tamper(&path, |bytes| bytes[sector.clone()].fill(0));
            match used.iter().find(|frame| frame.start < sector.end && sector.start < frame.end) {
                Some(frame) => assert_corrupt(&disk, &path, frame.start),
                None => assert_eq!(read(&disk, &options()).unwrap().0, batches),
            }
            disk.tamper(&path, |old| old.clone_from(&bytes));
        }
    }
}

#[test]
fn the_last_file_cut_at_any_byte_keeps_its_whole_batches() {
    let (disk, batches) = log();
    let (path, bytes) = files(&disk).pop().unwrap();
    let used = used(&bytes);
    for len in 0..bytes.len() {
        disk.tamper(&path, |bytes| bytes.truncate(len));
        if len < FILE_HEADER_BYTES {
            assert_corrupt(&disk, &path, 0);
        } else {
            let (found, report) = read(&disk, &options()).unwrap();
            let whole = used.iter().filter(|frame| frame.end <= len).count() - 1;
            assert_eq!(found, batches[..batches.len() - (used.len() - 1 - whole)], "cut to {len}");
            let torn = used.iter().find(|frame| frame.start + 8 <= len && len < frame.end);
            if let Some(frame) = torn {
                let (offset, bytes) = (frame.start as u64, (len - frame.start) as u64);
                assert_eq!(report.torn_tail, Some(TornTail { file: path.clone(), offset, bytes }));
            }
            // What is missing is noticed by whoever knows how far the log went.
            let end = batches.last().unwrap().end_ordinal();
            let known = WalOptions { floor: end, ..options() };
            match read(&disk, &known) {
                Err(WalError::Behind { floor, .. }) => assert!(floor == end && found.len() < batches.len()),
                result => assert_eq!(result.unwrap().0, batches),
            }
        }
        disk.tamper(&path, |old| old.clone_from(&bytes));
    }
}

#[test]
fn an_earlier_file_cut_inside_its_batches_is_an_error() {
    let (disk, batches) = log();
    let (path, bytes) = files(&disk).swap_remove(1);
    let used = used(&bytes);
    for len in 0..bytes.len() {
        disk.tamper(&path, |bytes| bytes.truncate(len));
        match used.iter().position(|frame| len < frame.end) {
            Some(0) => assert_corrupt(&disk, &path, 0),
            Some(index) => {
                // Without a byte behind the frame before, this one might have followed it directly.
                let before = if index == 1 { BLOCK } else { used[index - 1].end.next_multiple_of(8) };
                assert_corrupt(&disk, &path, if len <= before { before } else { used[index].start });
            }
            None => assert_eq!(read(&disk, &options()).unwrap().0, batches),
        }
        disk.tamper(&path, |old| old.clone_from(&bytes));
    }
}

#[test]
fn a_missing_file_in_the_middle_is_an_error_at_the_end_of_the_one_before() {
    use crate::wal::Disk;
    let (disk, _) = log();
    let files = files(&disk);
    disk.remove(&files[1].0).unwrap();
    let end = used(&files[0].1).last().unwrap().end.next_multiple_of(BLOCK);
    assert_corrupt(&disk, &files[0].0, end);
}

#[test]
fn a_hole_in_what_was_never_acknowledged_is_cut_with_all_that_follows() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    let acknowledged = write_groups(&mut wal, &[&[500, 500]]);
    // Each is larger than the buffer and so in the file without a sync.
    let offsets = [2500, 2600, 2700].map(|len| {
        let end = disk.contents()[&path(0)].len().next_multiple_of(8);
        wal.append(&vec![3; len], 1).unwrap();
        end
    });
    drop(wal);
    let whole = read(&disk, &options()).unwrap().0;
    assert_eq!(whole.len(), 5);
    disk.tamper(&path(0), |bytes| bytes[offsets[1] + 100..offsets[1] + 600].fill(0));
    let (found, report) = read(&disk, &options()).unwrap();
    assert_eq!(found, whole[..3]);
    assert!(found.starts_with(&acknowledged));
    let torn = TornTail { file: path(0), offset: offsets[1] as u64, bytes: 2648 + 2752 };
    assert_eq!(report.torn_tail, Some(torn));
}

#[test]
fn a_hole_below_a_later_batch_that_knew_it_durable_is_an_error() {
    let disk = SimDisk::new(0);
    let mut wal = open(&disk);
    write_groups(&mut wal, &[&[500], &[900], &[2500]]);
    drop(wal);
    // The mark is gone, the third group's payload too; its header is enough.
    disk.tamper(&path(0), |bytes| {
        bytes[2 * BLOCK + 100] ^= 1;
        bytes.truncate(3 * BLOCK + 200);
    });
    assert_corrupt(&disk, &path(0), 2 * BLOCK);
}

#[test]
fn frames_of_another_life_are_not_taken_for_current_ones() {
    let write = |seed, groups| {
        let disk = SimDisk::new(0);
        let (_, mut wal, _) = recover(&disk, &WalOptions { salt_seed: seed, ..options() }).unwrap();
        let batches = write_groups(&mut wal, groups);
        (disk, batches)
    };
    let (disk, batches) = write(1, &[&[300]]);
    let (other, longer) = write(2, &[&[300], &[400], &[500]]);
    assert!(longer.starts_with(&batches), "the same but for the salt");
    let stale = other.contents().remove(&path(0)).unwrap();
    disk.tamper(&path(0), |bytes| {
        bytes.truncate(2 * BLOCK);
        bytes.extend_from_slice(&stale[2 * BLOCK..]);
    });
    let (found, report) = read(&disk, &options()).unwrap();
    assert_eq!(found, batches);
    assert_eq!(report.torn_tail.map(|torn| torn.offset), Some(2 * BLOCK_BYTES));
}

#[test]
fn a_batch_that_was_cut_does_not_come_back_where_its_successor_was_lost() {
    let disk = SimDisk::new(0);
    let write = |fill| {
        let mut wal = open(&disk);
        for _ in 0..2 {
            wal.append(&[fill; 2500], 1).unwrap();
        }
    };
    let second = BLOCK + 2552..BLOCK + 2 * 2552;
    // The first of two batches never reached the disk, the second did, and is cut.
    write(1);
    disk.tamper(&path(0), |bytes| bytes[BLOCK..second.start].fill(0));
    let before = disk.contents().remove(&path(0)).unwrap();
    // Two more of the same lengths and ordinals take their place, with the same salt seed. Of these the first reaches
    // the disk; where the second should be, the block still has what it held before.
    write(2);
    disk.tamper(&path(0), |bytes| bytes[second.clone()].copy_from_slice(&before[second.clone()]));
    let (found, report) = read(&disk, &options()).unwrap();
    assert_eq!(found, [Batch { first_ordinal: 0, records: 1, payload: vec![2; 2500] }]);
    assert_eq!(report.torn_tail.map(|torn| torn.offset), Some(second.start as u64));
}

#[test]
fn another_archive_and_another_version_are_refused() {
    let (disk, _) = log();
    let error = read(&disk, &WalOptions { archive_id: 78, ..options() }).unwrap_err();
    assert!(matches!(error, WalError::ForeignLog { expected: 78, found: 77, .. }), "{error}");
    disk.tamper(&path(0), |bytes| {
        bytes[8] = 9;
        let crc = crc32c::crc32c(&bytes[..48]);
        bytes[48..52].copy_from_slice(&crc.to_le_bytes());
    });
    let error = read(&disk, &options()).unwrap_err();
    assert!(matches!(error, WalError::Corrupt { fault: Fault::Version(9), .. }), "{error}");
}

#[test]
fn an_error_says_where_and_what_to_do() {
    let (disk, _) = log();
    disk.tamper(&path(0), |bytes| bytes[BLOCK + 60] ^= 4);
    assert_eq!(
        read(&disk, &options()).unwrap_err().to_string(),
        "log file log/wal/00000000000000000000.wal is damaged at byte 4096, where ordinal 0 should stand: payload \
         checksum does not match. Acknowledged records are affected; nothing was changed. Restore the file from a \
         copy, or move it and the later ones aside to go on without what they hold"
    );
}
