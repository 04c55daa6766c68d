//! Parquet's run-length / bit-packed hybrid, at the widths used here: whole bytes for dictionary indices, one bit for
//! definition and repetition levels.

use crate::parquet_file::integer::put_varint;

/// Shortest run of equal dictionary indices that leaves the bit-packed stretch. Shorter runs are better left to zstd:
/// splitting a stretch breaks the repeats it would find across it.
const INDEX_RUN: usize = 64;
/// Shortest run of equal levels that is run-length encoded: two bytes against one per eight levels.
const LEVEL_RUN: usize = 24;

enum Run<'a, T> {
    Repeated(T, usize),
    /// A multiple of eight values, unless it is the last.
    Packed(&'a [T]),
}

/// Splits `values` so that every stretch of at least `shortest` equal values on an eight-value boundary is a run.
fn for_each_run<T: Copy + PartialEq>(values: &[T], shortest: usize, mut emit: impl FnMut(Run<'_, T>)) {
    let (mut packed_from, mut at) = (0, 0);
    while at + shortest <= values.len() {
        let value = values[at];
        if values[at + shortest - 1] != value || values[at..at + shortest].iter().any(|other| *other != value) {
            at += 8;
            continue;
        }
        if packed_from < at {
            emit(Run::Packed(&values[packed_from..at]));
        }
        let length = values[at..].iter().take_while(|other| **other == value).count();
        emit(Run::Repeated(value, length));
        at += length;
        packed_from = at;
    }
    match &values[packed_from..] {
        [] => {}
        [first, rest @ ..] if rest.iter().all(|other| other == first) => emit(Run::Repeated(*first, rest.len() + 1)),
        tail => emit(Run::Packed(tail)),
    }
}

/// Appends dictionary `indices` as the body of a data page: the width byte, then runs whose values take whole bytes,
/// or single bits where there are two values only: a coin's tosses hold no structure that bytes would show.
pub(crate) fn put_indices(indices: &[u32], out: &mut Vec<u8>) {
    let greatest = indices.iter().copied().max().unwrap_or(0);
    if greatest == 1 {
        return put_two_indices(indices, out);
    }
    let width = match greatest {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFF_FFFF => 3,
        _ => 4,
    };
    out.push(width as u8 * 8);
    for_each_run(indices, INDEX_RUN, |run| match run {
        Run::Repeated(index, length) => {
            put_varint((length as u64) << 1, out);
            out.extend_from_slice(&index.to_le_bytes()[..width]);
        }
        Run::Packed(indices) => {
            let groups = indices.len().div_ceil(8);
            put_varint((groups as u64) << 1 | 1, out);
            let end = out.len() + groups * 8 * width;
            match width {
                1 => out.extend(indices.iter().map(|index| *index as u8)),
                2 => put_narrow::<2>(indices, out),
                3 => put_narrow::<3>(indices, out),
                _ => put_narrow::<4>(indices, out),
            }
            out.resize(end, 0);
        }
    });
}

fn put_two_indices(indices: &[u32], out: &mut Vec<u8>) {
    out.push(1);
    for_each_run(indices, INDEX_RUN, |run| match run {
        Run::Repeated(index, length) => {
            put_varint((length as u64) << 1, out);
            out.push(index as u8);
        }
        Run::Packed(indices) => {
            put_varint((indices.len().div_ceil(8) as u64) << 1 | 1, out);
            let bits = |group: &[u32]| group.iter().rev().fold(0, |byte, index| byte << 1 | *index as u8);
            out.extend(indices.chunks(8).map(bits));
        }
    });
}

fn put_narrow<const WIDTH: usize>(indices: &[u32], out: &mut Vec<u8>) {
    out.reserve(indices.len() * WIDTH);
    for index in indices {
        out.extend_from_slice(&index.to_le_bytes()[..WIDTH]);
    }
}

/// Appends the body of a data page of `length` times dictionary index 0.
pub(crate) fn put_constant_index(length: usize, out: &mut Vec<u8>) {
    out.push(8);
    if length > 0 {
        put_varint((length as u64) << 1, out);
        out.push(0);
    }
}

/// Appends one-bit `levels`, preceded by their length in bytes as a data page (version 1) wants it.
pub(crate) fn put_levels(levels: &[bool], out: &mut Vec<u8>) {
    with_length(out, |out| {
        for_each_run(levels, LEVEL_RUN, |run| match run {
            Run::Repeated(level, length) => put_level_run(level, length, out),
            Run::Packed(levels) => {
                put_varint((levels.len().div_ceil(8) as u64) << 1 | 1, out);
                put_bits(levels, out);
            }
        })
    });
}

/// As [`put_levels`], for `length` equal levels.
pub(crate) fn put_constant_levels(level: bool, length: usize, out: &mut Vec<u8>) {
    with_length(out, |out| put_level_run(level, length, out));
}

/// Appends bits, the first in the lowest bit of the first byte; the last byte is padded with zeros.
pub(crate) fn put_bits(bits: &[bool], out: &mut Vec<u8>) {
    out.extend(bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))));
}

fn put_level_run(level: bool, length: usize, out: &mut Vec<u8>) {
    put_varint((length as u64) << 1, out);
    out.push(u8::from(level));
}

fn with_length(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    /// The decoder as the format describes it, for any width.
    fn decode(mut bytes: &[u8], width: usize, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let header = varint(&mut bytes);
            let length = (header >> 1) as usize;
            if header & 1 == 0 {
                let mut value = [0; 4];
                value[..width.div_ceil(8)].copy_from_slice(&bytes[..width.div_ceil(8)]);
                bytes = &bytes[width.div_ceil(8)..];
                values.extend(std::iter::repeat_n(u32::from_le_bytes(value), length));
            } else {
                for at in 0..length * 8 {
                    let bit = |bit: usize| u32::from(bytes[bit / 8] >> (bit % 8) & 1);
                    values.push((0..width).fold(0, |value, low| value | bit(at * width + low) << low));
                }
                bytes = &bytes[length * width..];
            }
        }
        assert!(bytes.is_empty(), "bytes left after the last run");
        assert!(values[count..].iter().all(|padding| *padding == 0));
        values.truncate(count);
        values
    }

    fn runs(greatest: u32) -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec((0..=greatest, prop_oneof![3 => 1..4usize, 1 => 1..200usize]), 1..40)
            .prop_map(|runs| runs.into_iter().flat_map(|(value, length)| std::iter::repeat_n(value, length)).collect())
    }

    proptest! {
        #[test]
        fn indices_decode_to_themselves(
            indices in prop_oneof![runs(3), runs(300), runs(70_000), runs(1 << 25)]
        ) {
            let mut out = Vec::new();
            put_indices(&indices, &mut out);
            prop_assert!(out[0] % 8 == 0 || out[0] == 1 && indices.iter().all(|index| *index < 2));
            prop_assert_eq!(decode(&out[1..], usize::from(out[0]), indices.len()), indices);
        }

        #[test]
        fn levels_decode_to_themselves(levels in runs(1)) {
            let levels: Vec<bool> = levels.into_iter().map(|level| level == 1).collect();
            let mut out = Vec::new();
            put_levels(&levels, &mut out);
            let (length, body) = out.split_at(4);
            prop_assert_eq!(length, &(body.len() as u32).to_le_bytes());
            let decoded: Vec<bool> = decode(body, 1, levels.len()).into_iter().map(|level| level == 1).collect();
            prop_assert_eq!(decoded, levels);
        }
    }

    #[test]
    fn a_constant_page_is_one_run() {
        let (mut constant, mut general) = (Vec::new(), Vec::new());
        put_constant_index(4096, &mut constant);
        put_indices(&[0; 4096], &mut general);
        assert_eq!(constant, general);
        assert_eq!(constant, [8, 0x80, 0x40, 0]);
    }

    #[test]
    fn the_width_follows_the_greatest_index() {
        for (greatest, width) in [(255, 8), (256, 16), (65_535, 16), (65_536, 24), (1 << 24, 32)] {
            let mut out = Vec::new();
            put_indices(&[0, greatest], &mut out);
            assert_eq!(out[0], width);
        }
    }
}
