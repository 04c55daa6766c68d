//! After a start, clean or not: reads the whole log, proves it, and puts the writer behind its last whole batch.

use super::disk::Disk;
use super::error::{OnPath, WalError};
use super::file::{Frames, UNPUBLISHED_SUFFIX, list_log};
use super::format::{BLOCK_BYTES, Fault};
use super::lock::WriterLock;
use super::{Batch, Wal, WalOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes behind the last whole batch that were written but never acknowledged; recovery cuts them off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The log's last file.
    pub file: PathBuf,
    /// Where the last whole batch ends.
    pub offset: u64,
    /// Bytes from there to the end of the file.
    pub bytes: u64,
}

/// What recovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Ordinal of the log's first record.
    pub oldest_ordinal: u64,
    /// The ordinal after the last whole batch. All below it are durable once [`Recovery::finish`] has returned.
    pub next_ordinal: u64,
    /// Whole batches.
    pub batches: u64,
    /// Bytes of payload in them.
    pub payload_bytes: u64,
    /// What was cut off.
    pub torn_tail: Option<TornTail>,
}

/// A log being recovered: an iterator over its batches, oldest first, that proves each before giving it out.
///
/// Reads the log once, in bounded memory. Nothing on the disk changes before [`Recovery::finish`].
/// After an error the iterator ends, and so does the recovery: the log needs attention.
#[derive(Debug)]
pub struct Recovery {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: WalOptions,
    lock: WriterLock,
    files: Vec<u64>,
    /// Which of the files is being read, and how far.
    index: usize,
    frames: Option<Frames>,
    state: State,
    report: RecoveryReport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Failed,
    Done,
}

impl Wal {
    /// Takes the writer's lock on the log in `dir`, making the directory if need be, and begins recovery.
    ///
    /// # Errors
    /// [`WalError::Locked`] if there is another writer; [`WalError::Io`].
    pub fn recover(dir: &Path, disk: Arc<dyn Disk>, options: WalOptions) -> Result<Recovery, WalError> {
        disk.create_dir_all(dir).on("create", dir)?;
        let lock = WriterLock::acquire(&*disk, dir, options.started)?;
        let files = list_log(&*disk, dir)?;
        let oldest_ordinal = files.first().copied().unwrap_or(options.floor);
        let report = RecoveryReport {
            oldest_ordinal,
            next_ordinal: oldest_ordinal,
            batches: 0,
            payload_bytes: 0,
            torn_tail: None,
        };
        let state = if files.is_empty() { State::Done } else { State::Reading };
        Ok(Recovery { disk, dir: dir.to_path_buf(), options, lock, files, index: 0, frames: None, state, report })
    }
}

impl Iterator for Recovery {
    type Item = Result<Batch, WalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state != State::Reading {
            return None;
        }
        let batch = self.advance();
        match &batch {
            Err(_) => self.state = State::Failed,
            Ok(None) => self.state = State::Done,
            Ok(Some(batch)) => {
                self.report.next_ordinal = batch.end_ordinal();
                self.report.batches += 1;
                self.report.payload_bytes += batch.payload.len() as u64;
            }
        }
        batch.transpose()
    }
}

impl Recovery {
    /// Proves what the iterator has not given out yet, cuts a torn tail off and opens the log for appending.
    ///
    /// Every start begins a new file with a new salt. Batches whose durability nothing in the log proves are copied
    /// into it and synced there: after a failed sync, reading shows data that the disk never got, so neither a
    /// readable batch nor another sync of the same file would prove anything.
    ///
    /// # Errors
    /// [`WalError::Corrupt`] or [`WalError::ForeignLog`] if acknowledged records are damaged, [`WalError::Behind`]
    /// if the log ends below [`WalOptions::floor`]: nothing has been changed then. [`WalError::Io`]: the log is as
    /// recoverable as before.
    pub fn finish(mut self) -> Result<(Wal, RecoveryReport), WalError> {
        if self.state == State::Failed {
            self.state = State::Reading;
        }
        for batch in &mut self {
            batch?;
        }
        let Recovery { disk, dir, options, lock, mut files, frames, report, .. } = self;
        if report.next_ordinal < options.floor {
            return Err(WalError::Behind { dir, next_ordinal: report.next_ordinal, floor: options.floor });
        }
        for name in disk.list(&dir).on("list", &dir)?.iter().filter(|name| name.ends_with(UNPUBLISHED_SUFFIX)) {
            let path = dir.join(name);
            disk.remove(&path).on("remove", &path)?;
        }
        let proven = frames.as_ref().map_or(report.next_ordinal, Frames::durable_upto);
        let previous_salt = frames.map_or(0, |frames| frames.header().salt);
        // The new file replaces the last one where nothing in that is proven, by taking over its name.
        let last = files.pop_if(|last| *last == proven).or(files.last().copied());
        let closed = files.clone();
        let mut wal = Wal::begin(disk.clone(), dir.clone(), options, lock, closed, previous_salt, proven)?;
        let mut cut = None;
        if let Some(last) = last {
            let mut frames = Frames::open(&*disk, &dir, last)?;
            frames.skip_to(proven)?;
            if last < proven {
                cut = Some((frames.path().to_path_buf(), frames.offset().next_multiple_of(BLOCK_BYTES)));
            }
            while let Some(batch) = frames.next_batch()? {
                wal.push(&batch.payload, batch.records)?;
            }
        }
        wal.publish()?;
        // From here on the new file stands for what lies beyond; readers never look there again.
        if let Some((path, len)) = cut {
            disk.truncate(&path, len).on("truncate", &path)?;
        }
        Ok((wal, report))
    }

    fn advance(&mut self) -> Result<Option<Batch>, WalError> {
        loop {
            let frames = match &mut self.frames {
                Some(frames) => frames,
                none => none.insert(open_own(&*self.disk, &self.dir, self.files[self.index], &self.options)?),
            };
            let following = self.files.get(self.index + 1).copied();
            if following == Some(frames.ordinal()) {
                self.index += 1;
                self.frames = None;
                continue;
            }
            let at = (frames.offset(), frames.ordinal());
            if let Some(batch) = frames.next_batch()? {
                if following.is_some_and(|following| batch.end_ordinal() > following) {
                    let (fault, file) = (Fault::Ordinal(batch.end_ordinal()), frames.path().to_path_buf());
                    return Err(WalError::Corrupt { file, offset: at.0, ordinal: at.1, fault });
                }
                return Ok(Some(batch));
            }
            let tail = frames.inspect_tail()?;
            if following.is_some() || frames.durable_upto() > frames.ordinal() {
                let file = frames.path().to_path_buf();
                return Err(WalError::Corrupt { file, offset: tail.offset, ordinal: at.1, fault: tail.fault });
            }
            if tail.torn_bytes > 0 {
                let file = frames.path().to_path_buf();
                self.report.torn_tail = Some(TornTail { file, offset: tail.offset, bytes: tail.torn_bytes });
            }
            return Ok(None);
        }
    }
}

fn open_own(disk: &dyn Disk, dir: &Path, first_ordinal: u64, options: &WalOptions) -> Result<Frames, WalError> {
    let frames = Frames::open(disk, dir, first_ordinal)?;
    let found = frames.header().archive_id;
    if found == options.archive_id {
        return Ok(frames);
    }
    Err(WalError::ForeignLog { file: frames.path().to_path_buf(), expected: options.archive_id, found })
}
