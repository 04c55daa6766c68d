//! A capture as bytes: a file or standard input, plain or compressed, read line by line.
//!
//! What comes through a pipe may come slowly, so its reader is told whenever all that came has been given out.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use flate2::bufread::MultiGzDecoder;
use xxhash_rust::xxh3::Xxh3;

/// Where a capture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input: it can be read only once.
    Stdin,
}

impl Source {
    /// Its name for messages.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::Stdin => "standard input".to_owned(),
        }
    }

    /// Bytes as stored, where known.
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Source::File(path) => path.metadata().ok().map(|metadata| metadata.len()),
            Source::Stdin => None,
        }
    }

    /// Digests of its first bytes as stored, of so many for each of `lengths`, which ascend; of fewer lengths where it is
    /// shorter, and of none for standard input.
    pub fn digests(&self, lengths: &[u64]) -> io::Result<Vec<String>> {
        let Source::File(path) = self else { return Ok(Vec::new()) };
        let mut file = File::open(path)?;
        let digest = Digest::default();
        let mut buffer = vec![0; 1 << 20];
        let mut digests = Vec::with_capacity(lengths.len());
        for length in lengths {
            while let missing @ 1.. = length.saturating_sub(digest.get().0) {
                let room = usize::try_from(missing).map_or(buffer.len(), |missing| missing.min(buffer.len()));
                match file.read(&mut buffer[..room])? {
                    0 => return Ok(digests),
                    read => digest.update(&buffer[..read]),
                }
            }
            digests.push(digest.get().1);
        }
        Ok(digests)
    }

    /// What is wrong with a compressed stream that does not decode to its checksum, which shows only at its end. That it
    /// breaks off is nothing wrong: what it holds up to there is sound.
    pub fn damage(&self) -> io::Result<Option<String>> {
        let mut lines = self.open()?;
        while lines.fill()? && !lines.ended {
            lines.end = 0;
        }
        Ok(lines.truncated.filter(|_| lines.corrupt))
    }

    /// Opens it. The compression is told by the first bytes, not by the name.
    pub fn open(&self) -> io::Result<Lines> {
        let progress = Arc::new(AtomicU64::new(0));
        let raw: Box<dyn Read + Send> = match self {
            Source::File(path) => Box::new(File::open(path)?),
            Source::Stdin => Box::new(Piped::new(io::stdin())?),
        };
        let mut raw = BufReader::with_capacity(1 << 20, Counted { inner: raw, count: progress.clone() });
        let start = loop {
            match raw.fill_buf() {
                Ok(start) => break [start.first().copied(), start.get(1).copied()],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        };
        let reader: Box<dyn Read + Send> = match start {
            [Some(0x1f), Some(0x8b)] => Box::new(MultiGzDecoder::new(raw)),
            [Some(0x28), Some(0xb5)] => Box::new(zstd::stream::read::Decoder::with_buffer(raw)?),
            _ => Box::new(raw),
        };
        let compressed = matches!(start, [Some(0x1f), Some(0x8b)] | [Some(0x28), Some(0xb5)]);
        Ok(Lines {
            reader,
            compressed,
            digest: (!compressed).then(Arc::default),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            begun: false,
            long: None,
            ended: false,
            truncated: None,
            corrupt: false,
            progress,
        })
    }
}

/// A pipe, read by a thread of its own. A read fails with [`WouldBlock`](io::ErrorKind::WouldBlock) where all that has
/// come was given out, and the last time that this was said is a moment ago.
struct Piped {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
    told: Instant,
}

/// How long what came through a pipe may wait for more.
const PATIENCE: Duration = Duration::from_millis(200);
/// Bytes read from a pipe at once, at most.
const CHUNK_BYTES: usize = 256 << 10;

impl Piped {
    fn new(mut pipe: impl Read + Send + 'static) -> io::Result<Piped> {
        let (sender, chunks) = sync_channel(8);
        // Detached: it ends with the pipe, or when nobody takes what it reads, or with the process.
        thread::Builder::new().name("pipe".to_owned()).spawn(move || {
            let mut buffer = vec![0; CHUNK_BYTES];
            loop {
                let chunk = match pipe.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(read) => Ok(buffer[..read].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = chunk.is_err();
                if sender.send(chunk).is_err() || failed {
                    return;
                }
            }
        })?;
        Ok(Piped { chunks, chunk: Vec::new(), at: 0, told: Instant::now() })
    }
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            match self.chunks.recv_timeout(PATIENCE.saturating_sub(self.told.elapsed())) {
                Ok(chunk) => (self.chunk, self.at) = (chunk?, 0),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => {
                    self.told = Instant::now();
                    return Err(io::ErrorKind::WouldBlock.into());
                }
            }
        }
        let read = buffer.len().min(self.chunk.len() - self.at);
        buffer[..read].copy_from_slice(&self.chunk[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

/// Digest of bytes that are being read.
#[derive(Default)]
pub struct Digest(Mutex<(u64, Xxh3)>);

impl Digest {
    fn update(&self, bytes: &[u8]) {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.0 += bytes.len() as u64;
        read.1.update(bytes);
    }

    /// How many there were until now, and their digest.
    pub fn get(&self) -> (u64, String) {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (read.0, format!("{:032x}", read.1.digest128()))
    }
}

struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads a capture's lines without copying them.
pub struct Lines {
    reader: Box<dyn Read + Send>,
    compressed: bool,
    /// Of what was read, where that is what is stored.
    digest: Option<Arc<Digest>>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The first line was given out.
    begun: bool,
    /// A line too long to hold: its head, and its bytes so far.
    long: Option<(Vec<u8>, u64)>,
    ended: bool,
    truncated: Option<String>,
    corrupt: bool,
    progress: Arc<AtomicU64>,
}

/// What a capture gives next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A line without its end.
    Line(&'a [u8]),
    /// The head of a line that is too long to be a frame, and how long it is.
    Long {
        /// Its first bytes.
        head: Vec<u8>,
        /// All of them.
        bytes: u64,
    },
    /// Nothing now: all that has come through the pipe was given out, and there may be more later.
    Idle,
    /// Nothing more.
    End,
}

/// A line longer than this is no frame: a whole book of one market takes a few hundred kilobytes.
const LONGEST_LINE: usize = 16 << 20;
/// What is kept of a longer one.
const HEAD_BYTES: usize = 1 << 20;
/// What some programs put before the first line of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Lines {
    /// The next line, if it is there.
    ///
    /// # Errors
    /// When the file cannot be read. A compressed stream that breaks off is no error: see [`truncated`](Lines::truncated).
    pub fn poll_line(&mut self) -> io::Result<Next<'_>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                let (from, to) = (self.start, searched + at);
                self.start = to + 1;
                if let Some((head, bytes)) = self.long.take() {
                    return Ok(Next::Long { head, bytes: bytes + (to - from) as u64 });
                }
                let first = !std::mem::replace(&mut self.begun, true);
                let line = &self.buffer[from..to];
                let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| first).unwrap_or(line);
                return Ok(Next::Line(line.strip_suffix(b"\r").unwrap_or(line)));
            }
            searched = self.end;
            if self.ended {
                let (from, to) = (self.start, self.end);
                self.start = self.end;
                if let Some((head, bytes)) = self.long.take() {
                    return Ok(Next::Long { head, bytes: bytes + (to - from) as u64 });
                }
                return Ok(if from < to { Next::Line(&self.buffer[from..to]) } else { Next::End });
            }
            let length = self.end - self.start;
            if length > LONGEST_LINE || self.long.is_some() {
                let head = || self.buffer[self.start..self.start + HEAD_BYTES.min(length)].to_vec();
                self.long.get_or_insert_with(|| (head(), 0)).1 += length as u64;
                (self.start, searched) = (self.end, self.end);
            }
            searched -= self.start;
            if !self.fill()? {
                return Ok(Next::Idle);
            }
            searched += self.start;
        }
    }

    /// Reads on, if there is anything to read now.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + (1 << 20) {
            self.buffer.resize((self.end + (1 << 20)).max(2 << 20), 0);
        }
        match self.reader.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(read) => {
                if let Some(digest) = &self.digest {
                    digest.update(&self.buffer[self.end..self.end + read]);
                }
                self.end += read;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if self.compressed && error.raw_os_error().is_none() => {
                self.corrupt = !is_cut_off(&error);
                self.truncated = Some(error.to_string());
                self.ended = true;
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Whether it is a compressed stream, which shows only at its end whether it was sound.
    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Digest of the bytes read so far; `None` of a compressed stream.
    pub fn digest(&self) -> Option<Arc<Digest>> {
        self.digest.clone()
    }

    /// Why a compressed stream broke off before its end, if it did.
    pub fn truncated(&self) -> Option<&str> {
        self.truncated.as_deref()
    }

    /// Bytes read so far, as stored.
    pub fn progress(&self) -> Arc<AtomicU64> {
        self.progress.clone()
    }
}

/// Whether a compressed stream merely ends too early.
fn is_cut_off(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof || error.to_string().contains("incomplete frame")
}

/// The files that a user's arguments name: files as they are, folders with all captures below them, in order of
/// their paths; `-` is standard input. Patterns that the shell left alone are expanded.
pub fn expand(arguments: &[String]) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for argument in arguments {
        if argument == "-" {
            sources.push(Source::Stdin);
            continue;
        }
        let path = Path::new(argument);
        if path.is_dir() {
            let mut files = Vec::new();
            collect(path, &mut files).map_err(|error| format!("cannot list {argument}: {error}"))?;
            if files.is_empty() {
                return Err(format!(
                    "no captures below {argument}: looked for .ndjson and .jsonl, plain, .gz or .zst (.json documents of metadata: --metadata)"
                ));
            }
            files.sort();
            sources.extend(files.into_iter().map(Source::File));
        } else if path.exists() {
            sources.push(Source::File(path.to_owned()));
        } else if argument.contains(['*', '?', '[']) {
            let matches = glob::glob(argument).map_err(|error| format!("{argument} is no valid pattern: {error}"))?;
            let mut files: Vec<PathBuf> = matches.filter_map(Result::ok).filter(|path| path.is_file()).collect();
            if files.is_empty() {
                return Err(format!("no file matches {argument}"));
            }
            files.sort();
            sources.extend(files.into_iter().map(Source::File));
        } else {
            return Err(format!("{argument} does not exist"));
        }
    }
    Ok(sources)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
            continue;
        }
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        if [".ndjson", ".jsonl"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    Ok(())
}
