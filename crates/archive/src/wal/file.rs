//! The log's files by name, and the frames of one file read front to back in bounded memory.

use super::Batch;
use super::disk::{Disk, DiskFile};
use super::error::{OnPath, WalError};
use super::format::{
    BATCH_HEADER_BYTES, BLOCK_BYTES, BatchHeader, Decoded, FILE_HEADER_BYTES, Fault, FileHeader, FrameContext,
    decode_batch, marker,
};
use std::io;
use std::path::{Path, PathBuf};

/// How much is read at a time; a longer batch is read whole.
const WINDOW_BYTES: usize = 256 << 10;

/// Where the file that begins with this ordinal stands.
pub(super) fn log_path(dir: &Path, first_ordinal: u64) -> PathBuf {
    dir.join(format!("{first_ordinal:020}.wal"))
}

/// Where it stands before it is complete.
pub(super) fn unpublished_path(dir: &Path, first_ordinal: u64) -> PathBuf {
    dir.join(format!("{first_ordinal:020}{UNPUBLISHED_SUFFIX}"))
}

/// Ending of a file that has not got its name yet.
pub(super) const UNPUBLISHED_SUFFIX: &str = ".wal.new";

/// First ordinals of the log's files, in order. Empty if there is no such directory.
pub(super) fn list_log(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, WalError> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names.on("list", dir)?,
    };
    let mut files: Vec<u64> = names.iter().filter_map(|name| ordinal_in(name)).collect();
    files.sort_unstable();
    Ok(files)
}

fn ordinal_in(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    let valid = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if valid { digits.parse().ok() } else { None }
}

/// The frames of one file, front to back.
#[derive(Debug)]
pub(super) struct Frames {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    header: FileHeader,
    window: Vec<u8>,
    /// Bytes of the window that are filled, and where in the file they begin.
    filled: usize,
    window_at: u64,
    /// Where the last frame ended, and the ordinal that comes next.
    next: u64,
    ordinal: u64,
    durable_upto: u64,
}

/// What lies behind the last valid frame of a file.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where the next frame would begin.
    pub(super) offset: u64,
    /// Why none does.
    pub(super) fault: Fault,
    /// Bytes from there to the end of the file, if any of them was written and is not a mark.
    pub(super) torn_bytes: u64,
}

impl Frames {
    /// Opens the file that begins with this ordinal.
    pub(super) fn open(disk: &dyn Disk, dir: &Path, first_ordinal: u64) -> Result<Frames, WalError> {
        let path = log_path(dir, first_ordinal);
        let file = disk.open(&path).on("open", &path)?;
        let mut bytes = [0; FILE_HEADER_BYTES];
        let read = file.read_at(0, &mut bytes).on("read", &path)?;
        let header = match FileHeader::decode(&bytes[..read]) {
            Ok(header) if header.first_ordinal != first_ordinal => Err(Fault::Ordinal(header.first_ordinal)),
            header => header,
        };
        match header {
            Err(fault) => Err(WalError::Corrupt { file: path, offset: 0, ordinal: first_ordinal, fault }),
            Ok(header) => Ok(Frames {
                file,
                path,
                header,
                window: Vec::new(),
                filled: 0,
                window_at: 0,
                next: BLOCK_BYTES,
                ordinal: first_ordinal,
                durable_upto: first_ordinal,
            }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn header(&self) -> FileHeader {
        self.header
    }

    /// Where the last frame ended.
    pub(super) fn offset(&self) -> u64 {
        self.next
    }

    /// The ordinal that comes next.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Everything below this ordinal is durable, as far as the frames seen so far tell.
    pub(super) fn durable_upto(&self) -> u64 {
        self.durable_upto
    }

    /// Forgets what was read ahead: another process may have written there since.
    pub(super) fn refresh(&mut self) {
        self.filled = 0;
    }

    /// The next batch. `None`: here the valid frames end, for now or for good.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>, WalError> {
        for at in self.candidates() {
            let found = self.frame_at(at).map_err(|source| self.read_error(source))?;
            if let Ok(Frame::Batch(header)) = found {
                let start = (at - self.window_at) as usize + BATCH_HEADER_BYTES;
                let payload = self.window[start..start + header.payload_len as usize].to_vec();
                self.pass(&header);
                return Ok(Some(Batch { first_ordinal: header.first_ordinal, records: header.records, payload }));
            }
        }
        Ok(None)
    }

    /// Passes over all batches that end at or below `ordinal`, by their headers alone.
    pub(super) fn skip_to(&mut self, ordinal: u64) -> Result<(), WalError> {
        while let Some(header) = self.next_header().map_err(|source| self.read_error(source))? {
            if header.end_ordinal() > ordinal {
                break;
            }
            self.pass(&header);
        }
        Ok(())
    }

    /// Searches everything behind the last valid frame for statements about what is durable (they count in
    /// [`Frames::durable_upto`] from then on) and for anything that was written.
    /// Reads the rest of the file, window by window.
    pub(super) fn inspect_tail(&mut self) -> Result<Tail, WalError> {
        self.scan_tail().map_err(|source| self.read_error(source))
    }

    fn scan_tail(&mut self) -> io::Result<Tail> {
        let [from, aligned] = self.candidates();
        let len = self.file.size()?;
        let mark_end = match self.frame_at(aligned)? {
            Ok(Frame::Mark) => aligned + BATCH_HEADER_BYTES as u64,
            _ => aligned,
        };
        let (salt, mut durable_upto, mut first_written) = (self.header.salt, self.durable_upto, None);
        let mut at = from;
        loop {
            let bytes = self.bytes(at, WINDOW_BYTES)?;
            for (index, word) in bytes.chunks(8).enumerate().filter(|(_, word)| word.iter().any(|byte| *byte != 0)) {
                let offset = at + index as u64 * 8;
                if *word == marker(salt).to_le_bytes()
                    && let Ok(header) = BatchHeader::decode(&bytes[index * 8..], salt, offset)
                {
                    durable_upto = durable_upto.max(header.durable_upto);
                }
                if !(aligned..mark_end).contains(&offset) {
                    first_written = first_written.or(Some(offset));
                }
            }
            if bytes.len() < WINDOW_BYTES {
                break;
            }
            // A header that begins in the last bytes of this window is read with the next one.
            at += (bytes.len() / 8 * 8 - BATCH_HEADER_BYTES) as u64;
        }
        self.durable_upto = durable_upto;
        // Padding behind the last frame says that its group had ended; nothing at all leaves both possible.
        let group_ended = len > from && first_written.is_none_or(|at| at >= aligned);
        let offset = if group_ended { aligned } else { from };
        let fault = match self.frame_at(offset)? {
            Err(fault) => fault,
            Ok(_) => Fault::Short,
        };
        Ok(Tail { offset, fault, torn_bytes: first_written.map_or(0, |_| len.saturating_sub(offset)) })
    }

    /// Where the next frame may begin: right behind the last, or on the next block if a sync came between.
    fn candidates(&self) -> [u64; 2] {
        [self.next, self.next.next_multiple_of(BLOCK_BYTES)]
    }

    fn pass(&mut self, header: &BatchHeader) {
        self.next = header.offset + header.frame_len();
        self.ordinal = header.end_ordinal();
        self.durable_upto = self.durable_upto.max(header.durable_upto);
    }

    fn next_header(&mut self) -> io::Result<Option<BatchHeader>> {
        for at in self.candidates() {
            let (salt, ordinal) = (self.header.salt, self.ordinal);
            let header = BatchHeader::decode(self.bytes(at, BATCH_HEADER_BYTES)?, salt, at);
            if let Ok(header) = header
                && header.first_ordinal == ordinal
                && !header.is_mark()
            {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    fn frame_at(&mut self, at: u64) -> io::Result<Result<Frame, Fault>> {
        let context = FrameContext { salt: self.header.salt, offset: at, ordinal: self.ordinal };
        let mut wanted = BATCH_HEADER_BYTES;
        loop {
            match decode_batch(self.bytes(at, wanted)?, context) {
                Decoded::Batch { header, .. } => return Ok(Ok(Frame::Batch(header))),
                Decoded::Mark(header) => {
                    self.durable_upto = self.durable_upto.max(header.durable_upto);
                    return Ok(Ok(Frame::Mark));
                }
                Decoded::Incomplete { needed } if needed > wanted => wanted = needed,
                Decoded::Incomplete { .. } => return Ok(Err(Fault::Short)),
                Decoded::Invalid(fault) => return Ok(Err(fault)),
            }
        }
    }

    /// The file's bytes from `at` on: at least so many unless the file ends before.
    fn bytes(&mut self, at: u64, at_least: usize) -> io::Result<&[u8]> {
        let end = self.window_at + self.filled as u64;
        if at < self.window_at || at + at_least as u64 > end {
            let mut kept = 0;
            if (self.window_at..end).contains(&at) {
                let start = (at - self.window_at) as usize;
                self.window.copy_within(start..self.filled, 0);
                kept = self.filled - start;
            }
            let capacity = self.window.len().max(WINDOW_BYTES).max(at_least);
            self.window.resize(capacity, 0);
            self.window_at = at;
            self.filled = kept;
            self.filled += self.file.read_at(at + kept as u64, &mut self.window[kept..])?;
        }
        Ok(&self.window[(at - self.window_at) as usize..self.filled])
    }

    fn read_error(&self, source: io::Error) -> WalError {
        WalError::Io { action: "read", path: self.path.clone(), source }
    }
}

enum Frame {
    Batch(BatchHeader),
    Mark,
}
