//! DELTA_BINARY_PACKED: differences of successive integers, packed per miniblock at the width that the widest needs,
//! or at that width rounded up to whole bytes.

use crate::parquet_file::integer::{Integer, put_varint, put_zigzag};

/// How DELTA_BINARY_PACKED cuts and packs its differences.
///
/// Tight widths are smallest where the low bits are noise; whole bytes are smallest after zstd where values repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaLayout {
    /// Differences per block; each block stores its least difference once. A multiple of 128.
    pub block: u32,
    /// Differences per miniblock, which share one width. A multiple of 32 that divides `block`.
    pub miniblock: u32,
    /// Whether widths are rounded up to whole bytes.
    pub aligned: bool,
}

impl DeltaLayout {
    /// Narrowest widths, in the smallest miniblocks that the format allows.
    pub const TIGHT: Self = Self { block: 128, miniblock: 32, aligned: false };
    /// Widths in whole bytes.
    pub const BYTE_ALIGNED: Self = Self { aligned: true, ..Self::TIGHT };

    /// What is wrong with the layout, if anything.
    pub(crate) fn problem(self) -> Option<&'static str> {
        let Self { block, miniblock, .. } = self;
        if block == 0 || block % 128 != 0 || block > 65_536 {
            Some("a delta block must hold a multiple of 128 values, at most 65536")
        } else if miniblock == 0 || miniblock % 32 != 0 || block % miniblock != 0 {
            Some("a delta miniblock must hold a multiple of 32 values and divide its block")
        } else {
            None
        }
    }
}

/// The encoder, with the buffer that it keeps from page to page.
#[derive(Default)]
pub(crate) struct DeltaEncoder {
    /// Differences of one block, in i64 bits until the least is known, then what is above it.
    block: Vec<u64>,
}

impl DeltaEncoder {
    /// Appends `values`.
    pub(crate) fn put<T: Integer>(&mut self, values: &[T], layout: DeltaLayout, out: &mut Vec<u8>) {
        let (block, miniblock) = (layout.block as usize, layout.miniblock as usize);
        put_varint(block as u64, out);
        put_varint((block / miniblock) as u64, out);
        put_varint(values.len() as u64, out);
        put_zigzag(values.first().map_or(0, |first| first.widen()), out);

        let mut start = 1;
        while start < values.len() {
            let end = (start + block).min(values.len());
            let mut least = i64::MAX;
            self.block.clear();
            self.block.extend(values[start..end].iter().zip(&values[start - 1..end - 1]).map(|(value, previous)| {
                let delta = value.delta(*previous);
                least = least.min(delta);
                delta as u64
            }));
            put_zigzag(least, out);
            let widths_at = out.len();
            out.resize(widths_at + block / miniblock, 0);
            for (number, deltas) in self.block.chunks_mut(miniblock).enumerate() {
                let mut bits = 0;
                for delta in deltas.iter_mut() {
                    *delta = T::above(*delta as i64, least);
                    bits |= *delta;
                }
                let width = u64::BITS - bits.leading_zeros();
                let width = if layout.aligned { width.next_multiple_of(8) } else { width };
                out[widths_at + number] = width as u8;
                let end = out.len() + miniblock * width as usize / 8;
                pack(deltas, width, out);
                out.resize(end, 0);
            }
            start = end;
        }
    }
}

/// Appends `values` at `width` bits each, the first in the lowest bits; the last byte is padded with zeros.
fn pack(values: &[u64], width: u32, out: &mut Vec<u8>) {
    match width {
        0 => {}
        8 => out.extend(values.iter().map(|value| *value as u8)),
        16 => put_bytes::<2>(values, out),
        24 => put_bytes::<3>(values, out),
        32 => put_bytes::<4>(values, out),
        40 => put_bytes::<5>(values, out),
        48 => put_bytes::<6>(values, out),
        56 => put_bytes::<7>(values, out),
        64 => put_bytes::<8>(values, out),
        _ => {
            out.reserve((values.len() * width as usize).div_ceil(8));
            let (mut word, mut filled) = (0, 0);
            for value in values {
                word |= value << filled;
                filled += width;
                if filled >= u64::BITS {
                    out.extend_from_slice(&word.to_le_bytes());
                    filled -= u64::BITS;
                    // The part of the value that did not fit; no shift by the full width, which is not defined.
                    word = if filled == 0 { 0 } else { value >> (width - filled) };
                }
            }
            out.extend_from_slice(&word.to_le_bytes()[..filled.div_ceil(8) as usize]);
        }
    }
}

fn put_bytes<const BYTES: usize>(values: &[u64], out: &mut Vec<u8>) {
    out.reserve(values.len() * BYTES);
    for value in values {
        out.extend_from_slice(&value.to_le_bytes()[..BYTES]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The decoder as the format describes it; `bits` is the physical width of the column.
    fn decode(bytes: &[u8], bits: u32) -> Vec<i64> {
        let mut at = 0;
        let varint = |at: &mut usize| {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = bytes[*at];
                *at += 1;
                value |= u64::from(byte & 0x7F) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        };
        let zigzag = |value: u64| (value >> 1) as i64 ^ -((value & 1) as i64);
        let (block, miniblocks) = (varint(&mut at) as usize, varint(&mut at) as usize);
        let count = varint(&mut at) as usize;
        let mut values = vec![zigzag(varint(&mut at))];
        while values.len() < count {
            let least = zigzag(varint(&mut at));
            let widths = &bytes[at..at + miniblocks];
            at += miniblocks;
            for width in widths.iter().map(|width| usize::from(*width)) {
                assert!(width <= bits as usize);
                let length = block / miniblocks;
                if values.len() >= count {
                    assert_eq!(width, 0, "a miniblock beyond the last value takes no space");
                }
                for number in 0..length {
                    let bit =
                        |low| u64::from(bytes[at + (number * width + low) / 8] >> ((number * width + low) % 8) & 1);
                    let above = (0..width).fold(0, |word, low| word | bit(low) << low);
                    let value = values[values.len() - 1].wrapping_add(least).wrapping_add(above as i64);
                    values.push(if bits == 32 { i64::from(value as i32) } else { value });
                }
                at += length * width / 8;
                if values.len() > count {
                    values.truncate(count);
                }
            }
        }
        assert_eq!(at, bytes.len(), "nothing follows the last block");
        values.truncate(count);
        values
    }

    fn layouts() -> impl Strategy<Value = DeltaLayout> {
        (1..=4u32, prop::sample::select(vec![32u32, 64, 128]), any::<bool>())
            .prop_map(|(blocks, miniblock, aligned)| DeltaLayout { block: 128 * blocks, miniblock, aligned })
    }

    /// Integers of every magnitude, so that every width turns up and differences wrap.
    fn wide() -> impl Strategy<Value = Vec<i64>> {
        let value = (any::<i64>(), 0..64u32).prop_map(|(value, shift)| value >> shift);
        prop::collection::vec(prop_oneof![8 => value, 1 => Just(i64::MIN), 1 => Just(i64::MAX)], 1..700)
    }

    proptest! {
        #[test]
        fn i64_decodes_to_itself(values in wide(), layout in layouts()) {
            let mut out = Vec::new();
            DeltaEncoder::default().put(&values, layout, &mut out);
            prop_assert_eq!(decode(&out, 64), values);
        }

        #[test]
        fn i32_decodes_to_itself(values in wide(), layout in layouts()) {
            let values: Vec<i32> = values.into_iter().map(|value| (value >> 32) as i32 ^ value as i32).collect();
            let mut out = Vec::new();
            DeltaEncoder::default().put(&values, layout, &mut out);
            let wide: Vec<i64> = values.iter().map(|value| i64::from(*value)).collect();
            prop_assert_eq!(decode(&out, 32), wide);
        }

        #[test]
        fn every_width_packs(width in 1..=64u32, values in prop::collection::vec(any::<u64>(), 32)) {
            let values: Vec<u64> = values.into_iter().map(|value| value >> (64 - width)).collect();
            let mut out = Vec::new();
            pack(&values, width, &mut out);
            prop_assert_eq!(out.len(), 32 * width as usize / 8);
            for (at, value) in values.iter().enumerate() {
                let bit = |bit: usize| u64::from(out[bit / 8] >> (bit % 8) & 1);
                let unpacked = (0..width as usize).fold(0, |word, low| word | bit(at * width as usize + low) << low);
                prop_assert_eq!(unpacked, *value);
            }
        }
    }

    #[test]
    fn aligned_widths_are_whole_bytes() {
        let values: Vec<i64> = (0..129).map(|row| row * row).collect();
        let mut out = Vec::new();
        DeltaEncoder::default().put(&values, DeltaLayout::BYTE_ALIGNED, &mut out);
        // Block 128, 4 miniblocks, 129 values, first 0; least difference 1; the greatest, 255, is 254 above it.
        assert_eq!(out[..11], [0x80, 1, 4, 0x81, 1, 0, 2, 8, 8, 8, 8]);
    }
}
