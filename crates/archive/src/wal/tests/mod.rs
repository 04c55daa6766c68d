//! Tests of the whole log, by what they do to it.

mod crash;
mod damage;
mod failure;
mod tail;

use super::sim::SimDisk;
use super::{Batch, RecoveryReport, Wal, WalError, WalOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

const DIR: &str = "log/wal";

fn options() -> WalOptions {
    WalOptions { file_bytes: 16 << 10, buffer_bytes: 2 << 10, ..WalOptions::new(77, 5, UNIX_EPOCH) }
}

fn path(first_ordinal: u64) -> PathBuf {
    super::file::log_path(Path::new(DIR), first_ordinal)
}

fn read(disk: &SimDisk, options: &WalOptions) -> Result<(Vec<Batch>, RecoveryReport), WalError> {
    let (batches, _, report) = recover(&disk.fork(), options)?;
    Ok((batches, report))
}

fn recover(disk: &SimDisk, options: &WalOptions) -> Result<(Vec<Batch>, Wal, RecoveryReport), WalError> {
    let mut recovery = Wal::recover(Path::new(DIR), Arc::new(disk.clone()), options.clone())?;
    let batches = recovery.by_ref().collect::<Result<Vec<_>, _>>()?;
    let (wal, report) = recovery.finish()?;
    Ok((batches, wal, report))
}

fn open(disk: &SimDisk) -> Wal {
    recover(disk, &options()).unwrap().1
}

/// Groups of batches, each group synced, ended by a clean end of the process but not of the log.
fn write_groups(wal: &mut Wal, groups: &[&[usize]]) -> Vec<Batch> {
    let mut batches = Vec::new();
    for group in groups {
        for len in *group {
            let records = 1 + (len % 5) as u32;
            let payload: Vec<u8> = (0..*len).map(|at| (at * 7 + batches.len()) as u8 | 1).collect();
            let first_ordinal = wal.append(&payload, records).unwrap();
            batches.push(Batch { first_ordinal, records, payload });
        }
        wal.sync().unwrap();
    }
    batches
}
