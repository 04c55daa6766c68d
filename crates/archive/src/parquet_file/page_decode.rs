//! Pages as [`FileWriter`](super::FileWriter) writes them, decoded: version 1, zstd, plain values, dictionary indices
//! and differences. What it does not know, or what contradicts itself, is `None`: the caller has another reader to ask.

use std::cell::RefCell;

use zstd::bulk::Decompressor;

use crate::parquet_file::{
    integer,
    thrift::{STRUCT, Thrift},
};

/// Parquet's numbers of the encodings.
const PLAIN: i64 = 0;
const DELTA_BINARY_PACKED: i64 = 5;
const DELTA_LENGTH: i64 = 6;
const RLE_DICTIONARY: i64 = 8;
/// The most that a page may say it takes: what is beyond is damage.
const MOST_BYTES: usize = 1 << 30;
/// The most values that a page may say it has.
const MOST_ENTRIES: usize = 1 << 26;
/// Bytes after a page's own, so that a word can be read at any place in it.
const SLACK: usize = 16;

/// Buffers above this are given back.
const KEPT_BUFFER: usize = 4 << 20;

/// How a page's values are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageEncoding {
    Plain,
    Delta,
    DeltaLength,
    Indices,
}

/// A page without its header, decompressed.
pub(crate) struct PageBody {
    /// Values, nulls and empty lists.
    pub(crate) entries: usize,
    pub(crate) encoding: PageEncoding,
    bytes: Vec<u8>,
    /// Where the body ends and the slack begins.
    end: usize,
}

thread_local! {
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    /// The buffer of the last page read: the next one mostly fits.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static KEYS: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) };
}

impl Drop for PageBody {
    fn drop(&mut self) {
        // A thread that ends has let go of its buffer already.
        let _ = BUFFER.try_with(|buffer| {
            let bytes = std::mem::take(&mut self.bytes);
            if (buffer.borrow().capacity()..KEPT_BUFFER).contains(&bytes.capacity()) {
                *buffer.borrow_mut() = bytes;
            }
        });
    }
}

fn decompress(compressed: &[u8], into: &mut [u8]) -> Option<usize> {
    DECOMPRESSOR.with(|held| {
        let mut held = held.borrow_mut();
        if held.is_none() {
            *held = Some(Decompressor::new().ok()?);
        }
        held.as_mut()?.decompress_to_buffer(compressed, into).ok()
    })
}

impl PageBody {
    /// Reads the header and decompresses what follows it.
    pub(crate) fn read(page: &[u8], is_dictionary: bool) -> Option<PageBody> {
        let (mut kind, mut uncompressed, mut compressed, mut entries, mut encoding) = (None, None, None, None, None);
        let mut thrift = Thrift::new(page);
        let wanted = if is_dictionary { 7 } else { 5 };
        thrift.fields(|thrift, number, wire| {
            match number {
                1 => kind = Some(thrift.integer()?),
                2 => uncompressed = usize::try_from(thrift.integer()?).ok(),
                3 => compressed = usize::try_from(thrift.integer()?).ok(),
                number if number == wanted && wire == STRUCT => thrift.fields(|thrift, number, _| {
                    match number {
                        1 => entries = usize::try_from(thrift.integer()?).ok(),
                        2 => encoding = Some(thrift.integer()?),
                        _ => return Some(false),
                    }
                    Some(true)
                })?,
                _ => return Some(false),
            }
            Some(true)
        })?;
        (kind? == if is_dictionary { 2 } else { 0 }).then_some(())?;
        let encoding = match encoding? {
            PLAIN => PageEncoding::Plain,
            DELTA_BINARY_PACKED => PageEncoding::Delta,
            DELTA_LENGTH => PageEncoding::DeltaLength,
            RLE_DICTIONARY => PageEncoding::Indices,
            _ => return None,
        };
        let end = uncompressed.filter(|bytes| *bytes <= MOST_BYTES)?;
        let body = &page[thrift.position()..];
        (body.len() == compressed?).then_some(())?;
        let mut bytes = BUFFER.with(|buffer| std::mem::take(&mut *buffer.borrow_mut()));
        bytes.resize(end + SLACK, 0);
        (decompress(body, &mut bytes[..end])? == end).then_some(())?;
        let entries = entries.filter(|entries| *entries <= MOST_ENTRIES)?;
        Some(PageBody { entries, encoding, bytes, end })
    }

    /// All bytes of the body.
    pub(crate) fn values(&self) -> Values<'_> {
        Values { bytes: &self.bytes, at: 0, end: self.end }
    }
}

/// The rest of a body.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    /// With the slack.
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

/// Which entries have a value, or begin a row.
pub(crate) enum Flags {
    All(bool),
    Each(Vec<bool>),
}

impl<'a> Values<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes[..self.end].get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        integer::varint(|| self.byte())
    }

    fn zigzag(&mut self) -> Option<i64> {
        integer::zigzag(|| self.byte())
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.end)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Some(taken)
    }

    fn length(&mut self) -> Option<usize> {
        let bytes = self.take(4)?;
        usize::try_from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).ok()
    }

    /// One-bit levels, preceded by their length.
    pub(crate) fn levels(&mut self, entries: usize) -> Option<Flags> {
        let length = self.length()?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.end)?;
        let mut levels = Values { bytes: self.bytes, at: self.at, end };
        self.at = end;
        let mut flags: Vec<bool> = Vec::new();
        while flags.len() < entries {
            let head = levels.varint()?;
            let count = usize::try_from(head >> 1).ok()?;
            if head & 1 == 0 {
                let set = levels.byte()? & 1 == 1;
                if flags.is_empty() && count >= entries {
                    return Some(Flags::All(set));
                }
                flags.resize(flags.len() + count.min(entries - flags.len()), set);
            } else {
                for byte in levels.take(count)? {
                    flags.extend((0..8).map(|bit| byte >> bit & 1 == 1));
                }
                flags.truncate(entries);
            }
        }
        Some(Flags::Each(flags))
    }

    /// Dictionary indices: the width, then runs.
    pub(crate) fn indices(&mut self, count: usize, out: &mut Vec<i32>) -> Option<()> {
        out.clear();
        if count == 0 {
            return Some(());
        }
        out.reserve(count + 8);
        let width = self.byte()?;
        let bytes = usize::from(width).div_ceil(8);
        if !matches!(width, 1 | 8 | 16 | 24 | 32) {
            return None;
        }
        while out.len() < count {
            let head = self.varint()?;
            let length = usize::try_from(head >> 1).ok()?;
            if head & 1 == 0 {
                let value = self.take(bytes)?.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                out.resize(out.len() + length.min(count - out.len()), value.cast_signed());
                continue;
            }
            let packed = self.take(length.checked_mul(usize::from(width))?)?;
            match width {
                1 => out.extend(packed.iter().flat_map(|byte| (0..8).map(move |bit| i32::from(byte >> bit & 1)))),
                8 => out.extend(packed.iter().map(|byte| i32::from(*byte))),
                16 => out.extend(packed.as_chunks::<2>().0.iter().map(|pair| i32::from(u16::from_le_bytes(*pair)))),
                24 => out.extend(packed.as_chunks::<3>().0.iter().map(|[a, b, c]| i32::from_le_bytes([*a, *b, *c, 0]))),
                _ => out.extend(packed.as_chunks::<4>().0.iter().map(|four| i32::from_le_bytes(*four))),
            }
            out.truncate(count);
        }
        Some(())
    }

    /// Dictionary indices, lent.
    pub(crate) fn with_indices<T>(&mut self, count: usize, use_them: impl FnOnce(&[i32]) -> Option<T>) -> Option<T> {
        KEYS.with(|keys| {
            let mut keys = keys.borrow_mut();
            self.indices(count, &mut keys)?;
            use_them(&keys)
        })
    }

    /// Differences: each value is the one before plus a least difference plus what is packed.
    pub(crate) fn deltas(&mut self, count: usize, mut put: impl FnMut(i64)) -> Option<()> {
        let block = usize::try_from(self.varint()?).ok()?;
        let miniblocks = usize::try_from(self.varint()?).ok()?;
        let total = usize::try_from(self.varint()?).ok()?;
        let mut value = self.zigzag()?;
        let sizes = block > 0 && block <= 1 << 20 && miniblocks > 0 && miniblocks <= block;
        if total != count || !sizes || block % (miniblocks * 32) != 0 {
            return None;
        }
        if count == 0 {
            return Some(());
        }
        let miniblock = block / miniblocks;
        put(value);
        let mut left = count - 1;
        while left > 0 {
            let least = self.zigzag()?;
            let widths = self.take(miniblocks)?;
            for width in widths {
                if left == 0 {
                    break;
                }
                let width = usize::from(*width);
                let here = left.min(miniblock);
                let start = self.at;
                self.take(miniblock.checked_mul(width)? / 8)?;
                left -= here;
                match width {
                    0 => {
                        for _ in 0..here {
                            value = value.wrapping_add(least);
                            put(value);
                        }
                    }
                    1..=56 => {
                        let mask = (1_u64 << width) - 1;
                        // The slack behind the body lets every word be read whole.
                        let bytes = self.bytes.get(start..start + (here * width).div_ceil(8) + 8)?;
                        for number in 0..here {
                            let bit = number * width;
                            let word = bytes[bit / 8..].first_chunk::<8>()?;
                            let above = u64::from_le_bytes(*word) >> (bit % 8) & mask;
                            value = value.wrapping_add(least).wrapping_add(above.cast_signed());
                            put(value);
                        }
                    }
                    57..=64 => {
                        let mask = if width == 64 { u64::MAX } else { (1_u64 << width) - 1 };
                        for number in 0..here {
                            let bit = number * width;
                            let word = self.bytes.get(start + bit / 8..)?.first_chunk::<16>()?;
                            let above = (u128::from_le_bytes(*word) >> (bit % 8)) as u64 & mask;
                            value = value.wrapping_add(least).wrapping_add(above.cast_signed());
                            put(value);
                        }
                    }
                    _ => return None,
                }
            }
        }
        Some(())
    }

    /// 32-bit integers as they are.
    pub(crate) fn plain_i32(&mut self, count: usize) -> Option<impl Iterator<Item = i32> + use<'a>> {
        let bytes = self.take(count.checked_mul(4)?)?;
        Some(bytes.as_chunks::<4>().0.iter().map(|four| i32::from_le_bytes(*four)))
    }

    /// 64-bit integers as they are.
    pub(crate) fn plain_i64(&mut self, count: usize) -> Option<impl Iterator<Item = i64> + use<'a>> {
        let bytes = self.take(count.checked_mul(8)?)?;
        Some(bytes.as_chunks::<8>().0.iter().map(|eight| i64::from_le_bytes(*eight)))
    }

    /// Texts, each preceded by its length: where each ends, and all of them.
    pub(crate) fn plain_texts(&mut self, count: usize) -> Option<(Vec<i32>, Vec<u8>)> {
        let (mut ends, mut bytes) =
            (Vec::with_capacity(count.min(self.end) + 1), Vec::with_capacity(self.end - self.at));
        ends.push(0);
        for _ in 0..count {
            let length = self.length()?;
            bytes.extend_from_slice(self.take(length)?);
            ends.push(i32::try_from(bytes.len()).ok()?);
        }
        Some((ends, bytes))
    }

    /// Texts behind all their lengths: where each ends, and all of them.
    pub(crate) fn delta_length_texts(&mut self, count: usize) -> Option<(Vec<i32>, Vec<u8>)> {
        let mut ends = Vec::with_capacity(count.min(self.end) + 1);
        let (mut end, mut bad) = (0_i32, false);
        ends.push(0);
        self.deltas(count, |length| {
            match i32::try_from(length).ok().filter(|length| *length >= 0).and_then(|length| end.checked_add(length)) {
                Some(next) => end = next,
                None => bad = true,
            }
            ends.push(end);
        })?;
        (!bad).then_some(())?;
        let bytes = self.take(usize::try_from(end).ok()?)?;
        Some((ends, bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parquet_file::{
        delta_binary_packed::{DeltaEncoder, DeltaLayout},
        rle::{put_indices, put_levels},
    };

    fn body(bytes: &[u8]) -> PageBody {
        let mut held = bytes.to_vec();
        // What lies behind a body is what the page before left there.
        held.resize(bytes.len() + SLACK, 0xA5);
        PageBody { entries: 0, encoding: PageEncoding::Plain, bytes: held, end: bytes.len() }
    }

    fn deltas(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
        let mut out = Vec::new();
        body(bytes).values().deltas(count, |value| out.push(value))?;
        Some(out)
    }

    proptest! {
        #[test]
        fn differences_come_back(
            values in prop_oneof![
                prop::collection::vec(any::<i64>(), 0..300),
                prop::collection::vec(-1_000_i64..1_000, 0..300),
                (any::<i64>(), 0_u32..64, prop::collection::vec(any::<u64>(), 0..300)).prop_map(|(from, bits, steps)| {
                    steps.iter().scan(from, |at, step| {
                        *at = at.wrapping_add((step >> bits) as i64);
                        Some(*at)
                    }).collect()
                }),
            ],
            aligned in any::<bool>(),
        ) {
            let mut out = Vec::new();
            let layout = if aligned { DeltaLayout::BYTE_ALIGNED } else { DeltaLayout::TIGHT };
            DeltaEncoder::default().put(&values, layout, &mut out);
            prop_assert_eq!(deltas(&out, values.len()), Some(values));
        }

        #[test]
        fn indices_and_levels_come_back(
            runs in prop::collection::vec((0_u32..24, any::<u32>(), 1_usize..200), 0..12),
        ) {
            let indices: Vec<u32> = runs.iter().flat_map(|(bits, value, length)| {
                vec![value >> 8 & ((1 << bits) - 1); *length]
            }).collect();
            let mut out = Vec::new();
            put_indices(&indices, &mut out);
            let mut read = Vec::new();
            body(&out).values().indices(indices.len(), &mut read).unwrap();
            prop_assert!(read.iter().map(|index| index.cast_unsigned()).eq(indices.iter().copied()));

            let levels: Vec<bool> = indices.iter().map(|index| index % 3 == 0).collect();
            out.clear();
            put_levels(&levels, &mut out);
            let read = match body(&out).values().levels(levels.len()).unwrap() {
                Flags::All(set) => vec![set; levels.len()],
                Flags::Each(flags) => flags,
            };
            prop_assert_eq!(read, levels);
        }

        #[test]
        fn damage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..5_000) {
            let body = body(&bytes);
            let _ = body.values().levels(count);
            let _ = body.values().indices(count, &mut Vec::new());
            let _ = body.values().deltas(count, |_| ());
            let _ = body.values().plain_texts(count);
            let _ = body.values().delta_length_texts(count);
            let _ = body.values().plain_i64(count).map(Iterator::count);
            let _ = PageBody::read(&bytes, false);
            let _ = PageBody::read(&bytes, true);
            let _ = crate::parquet_file::page_index::page_locations(&bytes);
            let _ = crate::parquet_file::page_index::page_bounds(&bytes);
            let _ = crate::parquet_file::page_index::page_count(&bytes);
        }
    }
}
