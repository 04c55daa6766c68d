//! A book's digest: 128 bits that two books share if, and in practice only if, they hold the same levels.

use std::{fmt, str::FromStr};

use xxhash_rust::xxh3::xxh3_128;

use crate::{Book, Price, Quantity, Side};

/// The digest of a book: XXH3-128, seed 0, over a canonical byte layout. Text form: 32 lower-case hex digits.
///
/// It depends on the levels alone: not on history, platform, or version of this crate. It finds errors and differences;
/// it is not cryptographic, and proves nothing against someone who wants two books to share one.
///
/// # Layout
/// All integers little-endian, without padding:
///
/// | bytes | what |
/// | --- | --- |
/// | 8 | the ASCII text `daybook1` |
/// | 4 | YES levels: their number, unsigned |
/// | 10 each | YES levels by rising price: price in 1/10 000 dollar (unsigned, 2), size in 1/100 contract (signed, 8) |
/// | 4 | NO levels: their number |
/// | 10 each | NO levels, likewise |
///
/// In Python, with the package `xxhash`:
/// ```python
/// import struct, xxhash
///
/// def side(levels):  # {price in ten-thousandths: size in hundredths}
///     return struct.pack("<I", len(levels)) + b"".join(struct.pack("<Hq", p, levels[p]) for p in sorted(levels))
///
/// def digest(yes, no):
///     return xxhash.xxh3_128_hexdigest(b"daybook1" + side(yes) + side(no))
///
/// assert digest({4800: 1250, 4700: 10000}, {5100: 5}) == "bddb20a72c9da22b72898228222e45ed"
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookDigest(u128);

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a book digest: expected 32 hexadecimal digits")]
pub struct BookDigestError(String);

impl Book {
    /// The digest of the book as it stands. Costs one allocation and about two nanoseconds per level.
    pub fn digest(&self) -> BookDigest {
        digest(self.ladder(Side::Yes).ascending(), self.ladder(Side::No).ascending())
    }
}

/// The digest of levels that rise in price and are not zero.
pub(crate) fn digest(
    yes: impl ExactSizeIterator<Item = (Price, Quantity)>,
    no: impl ExactSizeIterator<Item = (Price, Quantity)>,
) -> BookDigest {
    let mut layout = Vec::with_capacity(8 + 4 + 10 * yes.len() + 4 + 10 * no.len());
    layout.extend_from_slice(b"daybook1");
    put(&mut layout, yes);
    put(&mut layout, no);
    BookDigest(xxh3_128(&layout))
}

fn put(layout: &mut Vec<u8>, levels: impl ExactSizeIterator<Item = (Price, Quantity)>) {
    let count = u32::try_from(levels.len()).expect("a side has at most 10 001 prices");
    layout.extend_from_slice(&count.to_le_bytes());
    for (price, size) in levels {
        layout.extend_from_slice(&price.ten_thousandths().to_le_bytes());
        layout.extend_from_slice(&size.hundredths().to_le_bytes());
    }
}

impl BookDigest {
    /// From the 16 bytes of [`BookDigest::to_bytes`].
    pub const fn from_bytes(bytes: [u8; 16]) -> BookDigest {
        BookDigest(u128::from_be_bytes(bytes))
    }

    /// 16 bytes, in the order of the hex digits: XXH3's canonical, big-endian form.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for BookDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for BookDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BookDigest {
    type Err = BookDigestError;

    /// Reads 32 hex digits of either case.
    fn from_str(text: &str) -> Result<BookDigest, BookDigestError> {
        // `from_str_radix` alone would take a sign.
        let hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = if hex { u128::from_str_radix(text, 16).ok() } else { None };
        value.map(BookDigest).ok_or_else(|| BookDigestError(crate::decimal::excerpt(text)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::book::tests::{books, price};

    fn book(yes: &[(u16, i64)], no: &[(u16, i64)]) -> Book {
        let levels = |levels: &[(u16, i64)]| {
            levels.iter().map(|&(at, size)| (price(at), Quantity::from_hundredths(size))).collect::<Vec<_>>()
        };
        Book::from_levels(levels(yes), levels(no)).unwrap()
    }

    /// Computed with Python's `xxhash`, from the documented layout.
    #[test]
    fn known_answers() {
        for (book, expected) in [
            (Book::new(), "4d55e6f9819e72712a01837574648ec2"),
            (book(&[(4_800, 1_250), (4_700, 10_000)], &[(5_100, 5)]), "bddb20a72c9da22b72898228222e45ed"),
            (book(&[(5_100, 5)], &[(4_700, 10_000), (4_800, 1_250)]), "097f8709508ef96fb0cdcd6e23e25cdc"),
        ] {
            assert_eq!(book.digest().to_string(), expected);
        }
        let deep: Vec<(u16, i64)> = (1..10_000).map(|at| (at, i64::from(at) * 1_000_003)).collect();
        assert_eq!(book(&deep, &[]).digest().to_string(), "6c5fca18001137fbd1175ae108720838");
    }

    #[test]
    fn refuses_what_is_no_digest() {
        for text in ["", "0", "+0000000000000000000000000000000", "0000000000000000000000000000000g", &"0".repeat(33)] {
            assert_eq!(text.parse::<BookDigest>(), Err(BookDigestError(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn survives_its_text_and_bytes(bytes: [u8; 16]) {
            let digest = BookDigest::from_bytes(bytes);
            prop_assert_eq!(digest.to_bytes(), bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        }

        #[test]
        fn history_leaves_no_trace(book in books(), detour in books()) {
            let mut wandered = detour.clone();
            for side in [Side::Yes, Side::No] {
                for (price, size) in detour.levels(side).collect::<Vec<_>>() {
                    wandered.apply(side, price, -size).unwrap();
                }
                for (price, size) in book.levels(side) {
                    wandered.apply(side, price, size).unwrap();
                }
            }
            prop_assert_eq!(wandered.digest(), book.digest());
            prop_assert_eq!(detour.digest() == book.digest(), detour == book);
        }
    }
}
