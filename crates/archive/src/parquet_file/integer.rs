//! The two physical integers of Parquet, seen alike by the encoders.

/// INT32 or INT64.
pub(crate) trait Integer: Copy + Ord {
    /// The value, sign-extended.
    fn widen(self) -> i64;
    /// The reverse of [`Integer::widen`].
    fn narrow(wide: i64) -> Self;
    /// `self − previous`, wrapping in this type's width, sign-extended.
    fn delta(self, previous: Self) -> i64;
    /// `delta − least`, wrapping in this type's width, as the unsigned number to be packed.
    fn above(delta: i64, least: i64) -> u64;
    /// Appends the PLAIN encoding of `values`.
    fn put_plain(values: &[Self], out: &mut Vec<u8>);
}

macro_rules! integer {
    ($signed:ty, $unsigned:ty) => {
        impl Integer for $signed {
            #[inline]
            fn widen(self) -> i64 {
                i64::from(self)
            }
            #[inline]
            fn narrow(wide: i64) -> Self {
                wide as $signed
            }
            #[inline]
            fn delta(self, previous: Self) -> i64 {
                i64::from(self.wrapping_sub(previous))
            }
            #[inline]
            fn above(delta: i64, least: i64) -> u64 {
                u64::from((delta as $signed).wrapping_sub(least as $signed) as $unsigned)
            }
            fn put_plain(values: &[Self], out: &mut Vec<u8>) {
                out.reserve(size_of_val(values));
                for value in values {
                    out.extend_from_slice(&value.to_le_bytes());
                }
            }
        }
    };
}

integer!(i32, u32);
integer!(i64, u64);

/// Appends `value` as an unsigned LEB128 number.
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads an unsigned LEB128 number, byte after byte; `None` where they end inside it, or it has more than 64 bits.
pub(crate) fn varint(mut byte: impl FnMut() -> Option<u8>) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Reads a zigzag LEB128 number, as [`varint`] does.
pub(crate) fn zigzag(byte: impl FnMut() -> Option<u8>) -> Option<i64> {
    let value = varint(byte)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

/// Appends `value` as a zigzag LEB128 number.
pub(crate) fn put_zigzag(value: i64, out: &mut Vec<u8>) {
    put_varint(((value << 1) ^ (value >> 63)) as u64, out);
}
