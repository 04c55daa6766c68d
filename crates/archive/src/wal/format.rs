//! The bytes of a log file: file header, batch frames, durability marks. Pure codec, no I/O.
//!
//! ```text
//! file   := header, zeros to the end of the block, group…
//! group  := frame…, zeros to the end of the block          everything between two syncs
//! frame  := batch header, payload, zeros to a multiple of 8
//! ```
//!
//! All integers are little-endian. A group begins on a block of its own, so that a write cut short by power loss
//! can only harm the group it belongs to, never a sector that holds acknowledged bytes.
//!
//! A frame identifies itself: it names its file (by the salt), its own offset, its first ordinal. Bytes left over
//! from an earlier life of the disk block fail at least one of the three, and are never taken for current ones.
//! So a reader needs no index: the frame after one that ends at `p` begins at `p` or at the next block boundary.
//!
//! A *mark* is a batch header without records and payload. It is written, unsynced, right behind a group that
//! has just been synced, and overwritten by the next group: it lets recovery tell a damaged last group from one
//! whose write never finished.

use thiserror::Error;

/// A group begins at a multiple of this many bytes: the largest unit that disks and file systems write in place.
pub const BLOCK_BYTES: u64 = 4096;
/// Encoded length of a [`FileHeader`]. It stands alone in the first block.
pub const FILE_HEADER_BYTES: usize = 52;
/// Encoded length of a [`BatchHeader`].
pub const BATCH_HEADER_BYTES: usize = 48;
/// The largest payload of one batch.
pub const MAX_PAYLOAD_BYTES: u32 = 64 << 20;
/// The format that this code writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 1;

const FILE_MAGIC: [u8; 8] = *b"DAYBKWAL";
const BATCH_MAGIC: u64 = u64::from_le_bytes(*b"\xdaBatch\x0d\x0a");

/// Why bytes are not what should stand at their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file or the frame ends before it is complete.
    #[error("bytes are missing")]
    Short,
    /// Not a log file of this product.
    #[error("not a log file")]
    FileMagic,
    /// A log file of another format version.
    #[error("format version {0}, this build reads version {FORMAT_VERSION}")]
    Version(u32),
    /// No frame of this file begins here.
    #[error("no batch begins here")]
    Marker,
    /// The header's own checksum does not match.
    #[error("header checksum does not match")]
    HeaderChecksum,
    /// The payload's checksum does not match.
    #[error("payload checksum does not match")]
    PayloadChecksum,
    /// The frame was written for another place in the file.
    #[error("the batch belongs at byte {0}")]
    Offset(u64),
    /// The frame's first ordinal does not follow the one before it, or the file's does not match its name.
    #[error("ordinal {0} found instead")]
    Ordinal(u64),
    /// The header contradicts itself: too long, ordinals that overflow, durable beyond its own beginning.
    #[error("header fields contradict each other")]
    Inconsistent,
}

/// What stands at the beginning of each log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// The archive that the log belongs to.
    pub archive_id: u128,
    /// Random per file; keys every frame, so that a frame of another file is never taken for one of this.
    pub salt: u64,
    /// Ordinal of the file's first record. All below it were durable before this file got its name.
    pub first_ordinal: u64,
}

impl FileHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        bytes[..8].copy_from_slice(&FILE_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&(BLOCK_BYTES as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.archive_id.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.salt.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first_ordinal.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..48]);
        bytes[48..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header from the first bytes of a file.
    ///
    /// # Errors
    /// [`Fault::Short`], [`Fault::FileMagic`], [`Fault::HeaderChecksum`], [`Fault::Version`] (also where the block
    /// size is another one), each before any field is believed.
    pub fn decode(bytes: &[u8]) -> Result<FileHeader, Fault> {
        let bytes = bytes.first_chunk::<FILE_HEADER_BYTES>().ok_or(Fault::Short)?;
        if bytes[..8] != FILE_MAGIC {
            return Err(Fault::FileMagic);
        }
        if u32_at(bytes, 48) != crc32c::crc32c(&bytes[..48]) {
            return Err(Fault::HeaderChecksum);
        }
        let version = u32_at(bytes, 8);
        if version != FORMAT_VERSION || u64::from(u32_at(bytes, 12)) != BLOCK_BYTES {
            return Err(Fault::Version(version));
        }
        let archive_id = u128::from(u64_at(bytes, 16)) | u128::from(u64_at(bytes, 24)) << 64;
        Ok(FileHeader { archive_id, salt: u64_at(bytes, 32), first_ordinal: u64_at(bytes, 40) })
    }
}

/// What stands before each payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Where in the file this header begins.
    pub offset: u64,
    /// Ordinal of the batch's first record.
    pub first_ordinal: u64,
    /// Every record below this ordinal was known to be on disk when this header was written.
    pub durable_upto: u64,
    /// Number of records; 0 only in a mark.
    pub records: u32,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    payload_crc: u32,
}

impl BatchHeader {
    /// The ordinal after the batch's last record.
    pub fn end_ordinal(&self) -> u64 {
        self.first_ordinal + u64::from(self.records)
    }

    /// Bytes from this header's beginning to the end of the padding behind the payload.
    pub fn frame_len(&self) -> u64 {
        frame_len(self.payload_len as usize)
    }

    /// Whether this is a mark: no batch, only the statement `durable_upto`.
    pub fn is_mark(&self) -> bool {
        self.records == 0
    }

    fn encode(&self, salt: u64) -> [u8; BATCH_HEADER_BYTES] {
        let mut bytes = [0; BATCH_HEADER_BYTES];
        bytes[..8].copy_from_slice(&marker(salt).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_ordinal.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.durable_upto.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.records.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32c::crc32c_append(key(salt), &bytes[..44]);
        bytes[44..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header that should stand at `offset` of the file with `salt`, whatever its ordinal.
    ///
    /// # Errors
    /// The [`Fault`] that shows that no header written for this place stands here.
    pub fn decode(bytes: &[u8], salt: u64, offset: u64) -> Result<BatchHeader, Fault> {
        let bytes = bytes.first_chunk::<BATCH_HEADER_BYTES>().ok_or(Fault::Short)?;
        if u64_at(bytes, 0) != marker(salt) {
            return Err(Fault::Marker);
        }
        if u32_at(bytes, 44) != crc32c::crc32c_append(key(salt), &bytes[..44]) {
            return Err(Fault::HeaderChecksum);
        }
        let header = BatchHeader {
            offset: u64_at(bytes, 8),
            first_ordinal: u64_at(bytes, 16),
            durable_upto: u64_at(bytes, 24),
            records: u32_at(bytes, 32),
            payload_len: u32_at(bytes, 36),
            payload_crc: u32_at(bytes, 40),
        };
        if header.offset != offset {
            return Err(Fault::Offset(header.offset));
        }
        let consistent = header.payload_len <= MAX_PAYLOAD_BYTES
            && header.first_ordinal.checked_add(u64::from(header.records)).is_some()
            && header.durable_upto <= header.first_ordinal
            && (header.records > 0 || header.payload_len == 0);
        if consistent { Ok(header) } else { Err(Fault::Inconsistent) }
    }
}

/// Where in the log a frame is expected.
#[derive(Clone, Copy, Debug)]
pub struct FrameContext {
    /// The file's salt.
    pub salt: u64,
    /// Offset of the bytes in the file.
    pub offset: u64,
    /// The ordinal that comes next.
    pub ordinal: u64,
}

/// What [`decode_batch`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole, undamaged batch.
    Batch {
        /// Its header.
        header: BatchHeader,
        /// Its payload.
        payload: &'a [u8],
    },
    /// A durability mark: the log ended here when it was written.
    Mark(BatchHeader),
    /// Good so far, but `needed` bytes (counted from the frame's beginning) are necessary to tell.
    Incomplete {
        /// Bytes from the beginning of the frame.
        needed: usize,
    },
    /// No batch that may follow here.
    Invalid(Fault),
}

/// Decodes the frame at the beginning of `bytes`. Total: any input gives an answer, none panics.
/// Costs one checksum over the frame.
pub fn decode_batch(bytes: &[u8], context: FrameContext) -> Decoded<'_> {
    let header = match BatchHeader::decode(bytes, context.salt, context.offset) {
        Ok(header) => header,
        Err(Fault::Short) => return Decoded::Incomplete { needed: BATCH_HEADER_BYTES },
        Err(fault) => return Decoded::Invalid(fault),
    };
    if header.first_ordinal != context.ordinal {
        return Decoded::Invalid(Fault::Ordinal(header.first_ordinal));
    }
    if header.is_mark() {
        return Decoded::Mark(header);
    }
    let end = BATCH_HEADER_BYTES + header.payload_len as usize;
    let Some(payload) = bytes.get(BATCH_HEADER_BYTES..end) else {
        return Decoded::Incomplete { needed: end };
    };
    if crc32c::crc32c_append(key(context.salt), payload) != header.payload_crc {
        return Decoded::Invalid(Fault::PayloadChecksum);
    }
    Decoded::Batch { header, payload }
}

/// Appends the frame of one batch, padding included, to `out`.
/// The caller has checked the payload against [`MAX_PAYLOAD_BYTES`].
pub fn encode_batch(out: &mut Vec<u8>, context: FrameContext, durable_upto: u64, records: u32, payload: &[u8]) {
    let header = BatchHeader {
        offset: context.offset,
        first_ordinal: context.ordinal,
        durable_upto,
        records,
        payload_len: payload.len() as u32,
        payload_crc: crc32c::crc32c_append(key(context.salt), payload),
    };
    let end = out.len() + header.frame_len() as usize;
    out.extend_from_slice(&header.encode(context.salt));
    out.extend_from_slice(payload);
    out.resize(end, 0);
}

/// The mark saying that everything below `context.ordinal` is durable.
pub fn encode_mark(context: FrameContext) -> [u8; BATCH_HEADER_BYTES] {
    let header = BatchHeader {
        offset: context.offset,
        first_ordinal: context.ordinal,
        durable_upto: context.ordinal,
        records: 0,
        payload_len: 0,
        payload_crc: 0,
    };
    header.encode(context.salt)
}

/// Bytes that a batch with this payload takes in the file.
pub fn frame_len(payload_len: usize) -> u64 {
    (BATCH_HEADER_BYTES + payload_len).next_multiple_of(8) as u64
}

/// The first eight bytes of each frame in the file with this salt. Frames begin at multiples of eight.
pub fn marker(salt: u64) -> u64 {
    BATCH_MAGIC ^ salt
}

/// The salt of the next file. The seed tells starts apart, the salt before and the place tell the files of one start
/// apart; a seed used twice would give a start that failed half-way and its repetition the same salts.
pub fn next_salt(seed: u64, previous: u64, first_ordinal: u64) -> u64 {
    mix(mix(mix(seed).wrapping_add(previous)).wrapping_add(first_ordinal))
}

/// One round of SplitMix64: spreads every input bit over the output.
pub(super) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn key(salt: u64) -> u32 {
    crc32c::crc32c(&salt.to_le_bytes())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn context() -> impl Strategy<Value = FrameContext> {
        (any::<u64>(), any::<u64>(), 0..u64::MAX >> 1).prop_map(|(salt, offset, ordinal)| FrameContext {
            salt,
            offset,
            ordinal,
        })
    }

    fn frame(context: FrameContext, records: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_batch(&mut bytes, context, context.ordinal / 2, records, payload);
        bytes
    }

    proptest! {
        #[test]
        fn a_batch_comes_back_as_it_went_in(
            context in context(), records in 1..u32::MAX, payload in prop::collection::vec(any::<u8>(), 0..300)
        ) {
            let bytes = frame(context, records, &payload);
            prop_assert_eq!(bytes.len() as u64, frame_len(payload.len()));
            let Decoded::Batch { header, payload: decoded } = decode_batch(&bytes, context) else {
                panic!("not a batch: {:?}", decode_batch(&bytes, context));
            };
            prop_assert_eq!(decoded, &payload[..]);
            prop_assert_eq!((header.first_ordinal, header.records), (context.ordinal, records));
            prop_assert_eq!(header.durable_upto, context.ordinal / 2);
        }

        #[test]
        fn every_prefix_of_a_batch_asks_for_more(
            context in context(), payload in prop::collection::vec(any::<u8>(), 0..100)
        ) {
            let bytes = frame(context, 1, &payload);
            for len in 0..BATCH_HEADER_BYTES + payload.len() {
                let Decoded::Incomplete { needed } = decode_batch(&bytes[..len], context) else {
                    panic!("{len} bytes were enough");
                };
                prop_assert!(needed > len);
            }
        }

        #[test]
        fn any_flipped_bit_is_noticed(context in context(), payload in prop::collection::vec(any::<u8>(), 0..60)) {
            let bytes = frame(context, 3, &payload);
            for bit in 0..(BATCH_HEADER_BYTES + payload.len()) * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(matches!(decode_batch(&damaged, context), Decoded::Invalid(_)));
            }
        }

        #[test]
        fn a_batch_from_elsewhere_is_refused(context in context(), other in context()) {
            let bytes = frame(context, 1, b"stale");
            for wrong in [
                FrameContext { salt: other.salt, ..context },
                FrameContext { offset: other.offset, ..context },
                FrameContext { ordinal: other.ordinal, ..context },
            ] {
                let moved = (wrong.salt, wrong.offset, wrong.ordinal) != (context.salt, context.offset, context.ordinal);
                prop_assert_eq!(moved, matches!(decode_batch(&bytes, wrong), Decoded::Invalid(_)));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(context in context(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut marked = bytes.clone();
            if let Some(start) = marked.first_chunk_mut::<8>() {
                *start = marker(context.salt).to_le_bytes();
            }
            for bytes in [bytes, marked] {
                let decoded = decode_batch(&bytes, context);
                let refused = matches!(decoded, Decoded::Invalid(_) | Decoded::Incomplete { .. });
                prop_assert!(refused);
                prop_assert!(FileHeader::decode(&bytes).is_err());
            }
        }

        #[test]
        fn a_file_header_comes_back_and_notices_any_flipped_bit(
            archive_id in any::<u128>(), salt in any::<u64>(), first_ordinal in any::<u64>()
        ) {
            let header = FileHeader { archive_id, salt, first_ordinal };
            let bytes = header.encode();
            prop_assert_eq!(FileHeader::decode(&bytes), Ok(header));
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(FileHeader::decode(&damaged).is_err());
            }
        }
    }

    #[test]
    fn a_mark_is_no_batch() {
        let context = FrameContext { salt: 9, offset: 8192, ordinal: 77 };
        let Decoded::Mark(header) = decode_batch(&encode_mark(context), context) else { panic!("not a mark") };
        assert_eq!((header.durable_upto, header.end_ordinal()), (77, 77));
    }

    /// A change of these bytes is a change of the format: it needs a new version, and a reader for the old one.
    #[test]
    fn the_format_is_pinned() {
        let header = FileHeader { archive_id: 0x0102, salt: 3, first_ordinal: 4 };
        assert_eq!(crc32c::crc32c(&header.encode()), PINNED_FILE);
        let context = FrameContext { salt: 3, offset: 4096, ordinal: 4 };
        assert_eq!(crc32c::crc32c(&frame(context, 2, b"payload")), PINNED_FRAME);
    }

    const PINNED_FILE: u32 = 1_214_729_159;
    const PINNED_FRAME: u32 = 247_853_853;
}
