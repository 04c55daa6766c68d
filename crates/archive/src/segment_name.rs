//! Names of segment files. A name carries what a reader needs to trust the footer: its length and checksum.

use xxhash_rust::xxh3::xxh3_64;

/// The name of a segment file: `part-<first ordinal>-<last ordinal>-<tail bytes>-<digest of the tail>.parquet`.
///
/// The tail is the page index and the footer: all that says where things are. Pages carry checksums of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentName {
    /// First ordinal in the file.
    pub first: u64,
    /// Last ordinal in the file.
    pub last: u64,
    /// Bytes from the start of the page index to the end of the file.
    pub tail_bytes: u64,
    /// XXH3-64 of these bytes.
    pub tail_digest: u64,
}

impl SegmentName {
    /// Reads the name off a path; `None` for a file that somebody else named.
    pub fn parse(path: &str) -> Option<SegmentName> {
        let name = path.rsplit('/').next()?.strip_prefix("part-")?.strip_suffix(".parquet")?;
        let mut parts = name.split('-');
        let first = parts.next()?.parse().ok()?;
        let last = parts.next()?.parse().ok()?;
        let tail_bytes = u64::from_str_radix(parts.next()?, 16).ok()?;
        let tail_digest = u64::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(SegmentName { first, last, tail_bytes, tail_digest })
    }

    /// The file name.
    pub fn file_name(&self) -> String {
        let SegmentName { first, last, tail_bytes, tail_digest } = self;
        format!("part-{first:012}-{last:012}-{tail_bytes:x}-{tail_digest:016x}.parquet")
    }

    /// The digest of a tail.
    pub fn digest(&self, tail: &[u8]) -> u64 {
        xxh3_64(tail)
    }
}
