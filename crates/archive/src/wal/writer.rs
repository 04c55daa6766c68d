//! Appending: frames into a buffer, the buffer into the active file, and the sync that acknowledges them.

use super::WalOptions;
use super::disk::{Disk, DiskFile};
use super::error::{OnPath, WalError};
use super::file::{log_path, unpublished_path};
use super::format::{
    BLOCK_BYTES, FileHeader, FrameContext, MAX_PAYLOAD_BYTES, encode_batch, encode_mark, frame_len, next_salt,
};
use super::lock::WriterLock;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The log, open for appending. There is one per directory; [`Wal::recover`] makes it.
///
/// Dropping it gives up what was not synced; [`Wal::close`] does not.
#[derive(Debug)]
pub struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: WalOptions,
    /// First ordinals of the files before the active one, oldest first.
    closed: Vec<u64>,
    active: ActiveFile,
    /// Frames that are not yet in the file; they belong at `active.written`.
    buffer: Vec<u8>,
    next_ordinal: u64,
    acknowledged: u64,
    pending_bytes: u64,
    poison: Option<String>,
    _lock: WriterLock,
}

impl Wal {
    /// Adds a batch of `records` records and returns the ordinal of its first. The batch is safe only once
    /// [`Wal::sync`] has returned an ordinal beyond it.
    ///
    /// Costs a copy and a checksum; every [`WalOptions::buffer_bytes`] a write without sync; every
    /// [`WalOptions::file_bytes`] a sync and a new file.
    ///
    /// # Errors
    /// [`WalError::BadBatch`] leaves the log as it was. [`WalError::Io`] poisons it: whether this batch and others
    /// not yet acknowledged survive is known after recovery. [`WalError::Poisoned`] after that.
    pub fn append(&mut self, payload: &[u8], records: u32) -> Result<u64, WalError> {
        self.usable()?;
        let first_ordinal = self.next_ordinal;
        let overflow = first_ordinal.checked_add(u64::from(records)).is_none();
        if records == 0 || payload.len() > MAX_PAYLOAD_BYTES as usize || overflow {
            return Err(WalError::BadBatch { records, bytes: payload.len() });
        }
        let used = self.active.written + self.buffer.len() as u64;
        if used + frame_len(payload.len()) > self.options.file_bytes && self.active.first_ordinal < first_ordinal {
            self.rotate()?;
        }
        let pushed = self.push(payload, records);
        self.poison_on_error(pushed)?;
        Ok(first_ordinal)
    }

    /// Makes everything appended so far durable, with one write and one sync, and returns
    /// [`Wal::acknowledged`]. Does nothing if nothing was appended.
    ///
    /// # Errors
    /// [`WalError::Io`] if the disk failed. The sync is not tried again, since a second success would not mean that
    /// the first one's data is there: the log is poisoned, and [`WalError::Poisoned`] follows.
    pub fn sync(&mut self) -> Result<u64, WalError> {
        self.usable()?;
        if self.pending_bytes > 0 {
            let committed = self.commit();
            self.poison_on_error(committed)?;
            // The records are durable whether or not the mark can be written, so its failure is for the next call.
            if let Err(error) = self.mark() {
                self.poison = Some(error.to_string());
            }
        }
        Ok(self.acknowledged)
    }

    /// Syncs, ends the active file and begins the next. Does nothing but sync if the active file is empty.
    ///
    /// # Errors
    /// As [`Wal::sync`].
    pub fn rotate(&mut self) -> Result<(), WalError> {
        self.usable()?;
        let rotated = self.commit_and_rotate();
        self.poison_on_error(rotated)
    }

    /// Removes the files whose records all lie below `ordinal`, and returns how many. If that is everything in
    /// the active file too, the log goes on in a new one first. Works on a poisoned log too, except for that.
    ///
    /// # Errors
    /// [`WalError::Io`]; what was not removed is tried again by the next call.
    pub fn truncate_before(&mut self, ordinal: u64) -> Result<usize, WalError> {
        if ordinal >= self.next_ordinal && self.poison.is_none() {
            self.rotate()?;
        }
        let mut removed = 0;
        while let Some(&oldest) = self.closed.first() {
            if self.closed.get(1).copied().unwrap_or(self.active.first_ordinal) > ordinal {
                break;
            }
            let path = log_path(&self.dir, oldest);
            match self.disk.remove(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.on("remove", &path)?,
            }
            // One at a time: a crash that undid only the older of two removals would leave a hole in the log.
            self.disk.sync_dir(&self.dir).on("sync", &self.dir)?;
            self.closed.remove(0);
            removed += 1;
        }
        Ok(removed)
    }

    /// Syncs and ends the log in a state in which damage to any acknowledged byte is noticed later.
    ///
    /// # Errors
    /// As [`Wal::sync`].
    pub fn close(mut self) -> Result<(), WalError> {
        self.sync()?;
        self.usable()?;
        self.active.sync()
    }

    /// Everything below this ordinal is durable. Stays true after a failure.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The ordinal that the next record gets.
    pub fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// The oldest ordinal whose file is still here; equal to [`Wal::next_ordinal`] in an empty log.
    pub fn oldest_ordinal(&self) -> u64 {
        self.closed.first().copied().unwrap_or(self.active.first_ordinal)
    }

    /// Bytes that the next sync will acknowledge: what [`CommitPolicy::due`](super::CommitPolicy::due) asks for.
    pub fn pending_bytes(&self) -> u64 {
        self.pending_bytes
    }

    /// Begins a log, or the part of one that follows `closed`, in a file that has no name yet.
    pub(super) fn begin(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        options: WalOptions,
        lock: WriterLock,
        closed: Vec<u64>,
        previous_salt: u64,
        first_ordinal: u64,
    ) -> Result<Wal, WalError> {
        let active = ActiveFile::create(&*disk, &dir, &options, previous_salt, first_ordinal)?;
        Ok(Wal {
            disk,
            dir,
            options,
            closed,
            active,
            buffer: Vec::new(),
            next_ordinal: first_ordinal,
            acknowledged: first_ordinal,
            pending_bytes: 0,
            poison: None,
            _lock: lock,
        })
    }

    /// Syncs what was pushed since [`Wal::begin`] and gives the file its name.
    pub(super) fn publish(&mut self) -> Result<(), WalError> {
        self.commit()?;
        self.active.publish(&*self.disk, &self.dir)?;
        self.mark()
    }

    /// Frames a batch that the caller has checked; never begins another file.
    pub(super) fn push(&mut self, payload: &[u8], records: u32) -> Result<(), WalError> {
        let offset = self.active.written + self.buffer.len() as u64;
        let context = FrameContext { salt: self.active.salt, offset, ordinal: self.next_ordinal };
        encode_batch(&mut self.buffer, context, self.acknowledged, records, payload);
        self.next_ordinal += u64::from(records);
        self.pending_bytes += frame_len(payload.len());
        if self.buffer.len() >= self.options.buffer_bytes { self.write_buffer() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), WalError> {
        let end = self.active.written + self.buffer.len() as u64;
        let padding = end.next_multiple_of(BLOCK_BYTES) - end;
        self.buffer.resize(self.buffer.len() + padding as usize, 0);
        self.write_buffer()?;
        self.active.sync()?;
        self.acknowledged = self.next_ordinal;
        self.pending_bytes = 0;
        Ok(())
    }

    fn commit_and_rotate(&mut self) -> Result<(), WalError> {
        if self.pending_bytes > 0 {
            self.commit()?;
        }
        if self.active.first_ordinal == self.next_ordinal {
            return Ok(());
        }
        let (disk, salt) = (&*self.disk, self.active.salt);
        let mut next = ActiveFile::create(disk, &self.dir, &self.options, salt, self.next_ordinal)?;
        next.publish(disk, &self.dir)?;
        self.closed.push(self.active.first_ordinal);
        self.active = next;
        Ok(())
    }

    fn write_buffer(&mut self) -> Result<(), WalError> {
        self.active.file.write_all_at(self.active.written, &self.buffer).on("write", &self.active.path)?;
        self.active.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// The next group begins at the same place and overwrites the mark.
    fn mark(&mut self) -> Result<(), WalError> {
        let context = FrameContext { salt: self.active.salt, offset: self.active.written, ordinal: self.acknowledged };
        self.active.file.write_all_at(self.active.written, &encode_mark(context)).on("write", &self.active.path)
    }

    fn usable(&self) -> Result<(), WalError> {
        match &self.poison {
            None => Ok(()),
            Some(cause) => Err(WalError::Poisoned { acknowledged: self.acknowledged, cause: cause.clone() }),
        }
    }

    fn poison_on_error(&mut self, result: Result<(), WalError>) -> Result<(), WalError> {
        result.inspect_err(|error| self.poison = Some(error.to_string()))
    }
}

/// The file that grows.
#[derive(Debug)]
struct ActiveFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    salt: u64,
    first_ordinal: u64,
    /// Where the next write goes.
    written: u64,
}

impl ActiveFile {
    fn create(
        disk: &dyn Disk,
        dir: &Path,
        options: &WalOptions,
        previous_salt: u64,
        first_ordinal: u64,
    ) -> Result<ActiveFile, WalError> {
        let path = unpublished_path(dir, first_ordinal);
        let salt = next_salt(options.salt_seed, previous_salt, first_ordinal);
        let header = FileHeader { archive_id: options.archive_id, salt, first_ordinal }.encode();
        let mut block = [0; BLOCK_BYTES as usize];
        block[..header.len()].copy_from_slice(&header);
        let mut file = disk.create(&path).on("create", &path)?;
        file.write_all_at(0, &block).on("write", &path)?;
        Ok(ActiveFile { file, path, salt, first_ordinal, written: BLOCK_BYTES })
    }

    /// Only a complete, durable file gets a log file's name: so a log file with a damaged header was damaged later.
    fn publish(&mut self, disk: &dyn Disk, dir: &Path) -> Result<(), WalError> {
        self.sync()?;
        let path = log_path(dir, self.first_ordinal);
        disk.rename(&self.path, &path).on("rename", &self.path)?;
        disk.sync_dir(dir).on("sync", dir)?;
        self.path = path;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), WalError> {
        self.file.sync_data().on("sync", &self.path)
    }
}
