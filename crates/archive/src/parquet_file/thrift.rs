//! Thrift's compact protocol, as far as page headers and page indexes need it. Everything is checked: damaged bytes are
//! `None`, never a panic.

use crate::parquet_file::integer;

/// The types on the wire.
pub(crate) const LIST: u8 = 9;
pub(crate) const STRUCT: u8 = 12;

/// Reads values one after another.
#[derive(Clone, Copy)]
pub(crate) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        integer::varint(|| self.byte())
    }

    /// A signed integer of any width.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        integer::zigzag(|| self.byte())
    }

    /// Text or bytes.
    pub(crate) fn binary(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    /// A truth value inside a list.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        Some(self.byte()? == 1)
    }

    /// Number and type of a struct's next field after `last`; a type of 0 ends the struct.
    pub(crate) fn field(&mut self, last: i64) -> Option<(i64, u8)> {
        let head = self.byte()?;
        let number = match head >> 4 {
            _ if head == 0 => 0,
            0 => self.integer()?,
            step => last.checked_add(i64::from(step))?,
        };
        Some((number, head & 0x0F))
    }

    /// Length and element type of a list. A length that the bytes cannot hold is refused.
    pub(crate) fn list(&mut self) -> Option<(usize, u8)> {
        let head = self.byte()?;
        let length = if head >> 4 == 15 { usize::try_from(self.varint()?).ok()? } else { usize::from(head >> 4) };
        (length <= self.bytes.len() - self.at).then_some((length, head & 0x0F))
    }

    /// Reads a struct: `take` reads the fields that it knows and says whether it did; the others are passed over.
    pub(crate) fn fields(&mut self, mut take: impl FnMut(&mut Self, i64, u8) -> Option<bool>) -> Option<()> {
        let mut last = 0;
        loop {
            let (number, kind) = self.field(last)?;
            if kind == 0 {
                return Some(());
            }
            if !take(self, number, kind)? {
                self.skip(kind, 8)?;
            }
            last = number;
        }
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            1 | 2 => {}
            3 => self.at += 1,
            4..=6 => {
                self.varint()?;
            }
            7 => self.at += 8,
            8 => {
                self.binary()?;
            }
            9 | 10 => {
                let (length, kind) = self.list()?;
                for _ in 0..length {
                    if matches!(kind, 1 | 2) { self.at += 1 } else { self.skip(kind, depth)? }
                }
            }
            12 => {
                let mut last = 0;
                loop {
                    let (number, kind) = self.field(last)?;
                    if kind == 0 {
                        break;
                    }
                    self.skip(kind, depth)?;
                    last = number;
                }
            }
            _ => return None,
        }
        (self.at <= self.bytes.len()).then_some(())
    }
}
