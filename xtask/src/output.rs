//! Where lines go: files, compressed as their names say, or standard output.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};

/// Lines are collected up to this many bytes before they are compressed and written.
const CHUNK: usize = 128 * 1024;

/// Takes whole lines. A lane is one file of several.
pub(crate) trait Lines {
    /// Takes one line, its end included.
    fn line(&mut self, lane: usize, text: &[u8]) -> Result<()>;
}

/// Keeps lines in memory, one buffer per lane.
impl Lines for Vec<Vec<u8>> {
    fn line(&mut self, lane: usize, text: &[u8]) -> Result<()> {
        if self.len() <= lane {
            self.resize(lane + 1, Vec::new());
        }
        self[lane].extend_from_slice(text);
        Ok(())
    }
}

/// Discards lines.
impl Lines for () {
    fn line(&mut self, _: usize, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// The files of a capture.
pub(crate) struct Files(Vec<Lane>);

struct Lane {
    path: PathBuf,
    pending: Vec<u8>,
    sink: Sink,
}

enum Sink {
    Plain(Box<dyn Write>),
    Gzip(GzEncoder<BufWriter<File>>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Files {
    /// One file for everything, made anew; `-` is standard output.
    pub(crate) fn one(path: &Path) -> Result<Files> {
        Ok(Files(vec![Lane::create(path)?]))
    }

    /// A directory with one file per name.
    pub(crate) fn many(directory: &Path, names: impl Iterator<Item = String>) -> Result<Files> {
        fs::create_dir_all(directory).map_err(Error::at(directory))?;
        names.map(|name| Lane::create(&directory.join(name))).collect::<Result<_>>().map(Files)
    }

    /// Writes what is pending and ends the compressed streams.
    pub(crate) fn finish(self) -> Result<()> {
        for mut lane in self.0 {
            lane.drain()?;
            match lane.sink {
                Sink::Plain(mut sink) => sink.flush(),
                Sink::Gzip(sink) => sink.finish().and_then(|mut file| file.flush()),
                Sink::Zstd(sink) => sink.finish().and_then(|mut file| file.flush()),
            }
            .map_err(Error::at(&lane.path))?;
        }
        Ok(())
    }
}

impl Lines for Files {
    fn line(&mut self, lane: usize, text: &[u8]) -> Result<()> {
        let lane = &mut self.0[lane];
        lane.pending.extend_from_slice(text);
        if lane.pending.len() < CHUNK { Ok(()) } else { lane.drain() }
    }
}

impl Lane {
    fn create(path: &Path) -> Result<Lane> {
        let file = || File::create(path).map(BufWriter::new).map_err(Error::at(path));
        let sink = match path.extension().and_then(|extension| extension.to_str()) {
            _ if path == Path::new("-") => Sink::Plain(Box::new(io::stdout())),
            Some("gz") => Sink::Gzip(GzEncoder::new(file()?, Compression::default())),
            Some("zst") => Sink::Zstd(zstd::Encoder::new(file()?, 3).map_err(Error::at(path))?),
            _ => Sink::Plain(Box::new(file()?)),
        };
        Ok(Lane { path: path.to_path_buf(), pending: Vec::new(), sink })
    }

    fn drain(&mut self) -> Result<()> {
        match &mut self.sink {
            Sink::Plain(sink) => sink.write_all(&self.pending),
            Sink::Gzip(sink) => sink.write_all(&self.pending),
            Sink::Zstd(sink) => sink.write_all(&self.pending),
        }
        .map_err(Error::at(&self.path))?;
        self.pending.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_extension_chooses_the_compression() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["a.ndjson", "b.ndjson.gz", "c.ndjson.zst"];
        let mut files = Files::many(directory.path(), names.iter().map(|name| name.to_string())).unwrap();
        let line = b"{\"n\":1}\n".repeat(20_000);
        for lane in 0..3 {
            files.line(lane, &line).unwrap();
            files.line(lane, b"end\n").unwrap();
        }
        files.finish().unwrap();
        let expected = [&line[..], b"end\n"].concat();
        let open = |name: &str| File::open(directory.path().join(name)).unwrap();
        let read = |mut from: Box<dyn Read>| {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(read(Box::new(open(names[0]))), expected);
        assert_eq!(read(Box::new(flate2::read::GzDecoder::new(open(names[1])))), expected);
        assert_eq!(read(Box::new(zstd::Decoder::new(open(names[2])).unwrap())), expected);
    }

    #[test]
    fn an_error_names_the_file() {
        let missing = Path::new("/nonexistent/capture.ndjson");
        let error = Files::one(missing).err().unwrap().to_string();
        assert!(error.starts_with("/nonexistent/capture.ndjson: "), "{error}");
    }
}
