//! Following a log from outside: another process, or another thread, that changes nothing and needs no lock.

use super::Batch;
use super::disk::Disk;
use super::error::WalError;
use super::file::{Frames, list_log};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a file may vanish between listing and opening before that is an error. Files vanish only by
/// truncation, each once, so every retry finds a younger listing.
const OPEN_ATTEMPTS: u32 = 16;

/// The ordinal at which the log in `dir` begins; `None` if there is none.
///
/// # Errors
/// [`WalError::Io`].
pub fn oldest_ordinal(disk: &dyn Disk, dir: &Path) -> Result<Option<u64>, WalError> {
    Ok(list_log(disk, dir)?.first().copied())
}

/// Reads batches in order while another process writes them.
///
/// A batch is seen as soon as it is whole in the file, which may be before it is acknowledged: after a power loss,
/// the last ones seen may be gone and their ordinals be given to others.
#[derive(Debug)]
pub struct WalReader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// The next ordinal to give out; `None`: the oldest there is.
    wanted: Option<u64>,
    frames: Option<Frames>,
}

/// What a look at the directory says to a reader that found no whole batch.
enum Look {
    /// Another file has what comes next.
    Moved,
    /// The same file has it, complete: a younger one exists.
    Complete,
    /// Nobody has it yet.
    Waiting,
}

impl WalReader {
    /// Reads the log in `dir` from its beginning. The log need not exist yet. Does no I/O.
    pub fn open(dir: &Path, disk: Arc<dyn Disk>) -> WalReader {
        WalReader { disk, dir: dir.to_path_buf(), wanted: None, frames: None }
    }

    /// Goes on with the batch that holds this ordinal, whether or not it is written yet.
    pub fn seek(&mut self, ordinal: u64) {
        self.wanted = Some(ordinal);
        self.frames = None;
    }

    /// The next batch; `None` if it is not there, or not whole, yet: ask again later. Then it costs a listing and
    /// the opening of one file.
    ///
    /// # Errors
    /// [`WalError::Removed`] if the log now begins behind it: [`WalReader::seek`] to go on.
    /// [`WalError::Corrupt`] if it stands in a file that is complete, and is not whole. [`WalError::Io`].
    pub fn next_batch(&mut self) -> Result<Option<Batch>, WalError> {
        let mut complete = false;
        loop {
            if let Some(frames) = &mut self.frames {
                if let Some(wanted) = self.wanted {
                    frames.skip_to(wanted)?;
                }
                if let Some(batch) = frames.next_batch()? {
                    self.wanted = Some(batch.end_ordinal());
                    return Ok(Some(batch));
                }
                if complete {
                    let (tail, ordinal) = (frames.inspect_tail()?, frames.ordinal());
                    let file = frames.path().to_path_buf();
                    return Err(WalError::Corrupt { file, offset: tail.offset, ordinal, fault: tail.fault });
                }
            }
            match self.look()? {
                Look::Moved => complete = false,
                // The missing batch may have been written between our reading and our look: read once more.
                Look::Complete => complete = true,
                Look::Waiting => return Ok(None),
            }
        }
    }

    /// Finds the file that has, or will have, the wanted ordinal.
    fn look(&mut self) -> Result<Look, WalError> {
        let mut attempt = 1;
        loop {
            let files = list_log(&*self.disk, &self.dir)?;
            let Some(&oldest) = files.first() else { return Ok(Look::Waiting) };
            let wanted = self.wanted.unwrap_or(oldest);
            let index = files.partition_point(|first_ordinal| *first_ordinal <= wanted);
            if index == 0 {
                return Err(WalError::Removed { wanted, oldest });
            }
            match Frames::open(&*self.disk, &self.dir, files[index - 1]) {
                Err(error) if error.is_not_found() && attempt < OPEN_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(found) => {
                    // A file may also be replaced under its name, by a recovery; its salt then is another.
                    return Ok(match &mut self.frames {
                        Some(frames) if frames.header() == found.header() => {
                            frames.refresh();
                            if index < files.len() { Look::Complete } else { Look::Waiting }
                        }
                        frames => {
                            *frames = Some(found);
                            Look::Moved
                        }
                    });
                }
            }
        }
    }
}
