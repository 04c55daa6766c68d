//! The strings of a column chunk, however the caller gave them, by number.

use std::ops::Range;

use crate::parquet_file::delta_binary_packed::{DeltaEncoder, DeltaLayout};

/// Strings by row.
#[derive(Clone, Copy)]
enum Source<'a> {
    Slices(&'a [&'a str]),
    Packed { offsets: &'a [u32], data: &'a str },
    Categories { indices: &'a [u32], values: &'a [&'a str] },
}

/// The strings of a column chunk without its nulls.
#[derive(Clone, Copy)]
pub(crate) struct Strings<'a> {
    source: Source<'a>,
    /// The row of each value, where some rows have none.
    rows: Option<&'a [u32]>,
    len: usize,
}

impl<'a> Strings<'a> {
    fn new(source: Source<'a>, len: usize, rows: Option<&'a [u32]>) -> Self {
        Self { source, rows, len: rows.map_or(len, <[u32]>::len) }
    }

    pub(crate) fn slices(values: &'a [&'a str], rows: Option<&'a [u32]>) -> Self {
        Self::new(Source::Slices(values), values.len(), rows)
    }

    /// Fails where an offset is out of order, out of `data` or inside a character.
    pub(crate) fn packed(offsets: &'a [u32], data: &'a str, rows: Option<&'a [u32]>) -> Result<Self, String> {
        let bad = offsets.windows(2).position(|range| data.get(range[0] as usize..range[1] as usize).is_none());
        match bad {
            Some(row) => Err(format!(
                "row {row} is given as bytes {}..{} of {}, which is not a range of whole characters",
                offsets[row],
                offsets[row + 1],
                data.len()
            )),
            None => Ok(Self::new(Source::Packed { offsets, data }, offsets.len().saturating_sub(1), rows)),
        }
    }

    /// Fails where the index of a row that has a value is out of `values`.
    pub(crate) fn categories(
        indices: &'a [u32],
        values: &'a [&'a str],
        rows: Option<&'a [u32]>,
    ) -> Result<Self, String> {
        let problem = |index: u32| format!("string {index} is asked for and {} are given", values.len());
        let bad = |index: &u32| *index as usize >= values.len();
        let bad = match rows {
            None => indices.iter().copied().find(bad),
            Some(rows) => rows.iter().map(|row| indices[*row as usize]).find(bad),
        };
        match bad {
            Some(index) => Err(problem(index)),
            None => Ok(Self::new(Source::Categories { indices, values }, indices.len(), rows)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn row(&self, number: usize) -> usize {
        self.rows.map_or(number, |rows| rows[number] as usize)
    }

    /// Value `number`.
    #[inline]
    pub(crate) fn get(&self, number: usize) -> &'a str {
        let row = self.row(number);
        match self.source {
            Source::Slices(values) => values[row],
            Source::Packed { offsets, data } => &data[offsets[row] as usize..offsets[row + 1] as usize],
            Source::Categories { indices, values } => values[indices[row] as usize],
        }
    }

    /// If values come by number: from a value to its number, and how many numbers there are.
    pub(crate) fn by_category(&self) -> Option<(impl Fn(usize) -> usize + 'a, usize)> {
        let rows = self.rows;
        match self.source {
            Source::Categories { indices, values } => {
                let category = move |number: usize| indices[rows.map_or(number, |rows| rows[number] as usize)] as usize;
                Some((category, values.len()))
            }
            _ => None,
        }
    }

    /// Appends the PLAIN encoding of some values.
    pub(crate) fn put_plain(&self, numbers: Range<usize>, out: &mut Vec<u8>) {
        for number in numbers {
            put_plain(self.get(number), out);
        }
    }

    /// Appends the DELTA_LENGTH_BYTE_ARRAY encoding of some values.
    pub(crate) fn put_delta_length(&self, numbers: Range<usize>, delta: &mut DeltaEncoder, out: &mut Vec<u8>) {
        let lengths: Vec<i32> = numbers.clone().map(|number| self.get(number).len() as i32).collect();
        delta.put(&lengths, DeltaLayout::TIGHT, out);
        for number in numbers {
            out.extend_from_slice(self.get(number).as_bytes());
        }
    }
}

/// Appends the PLAIN encoding of one string.
pub(crate) fn put_plain(value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(value.as_bytes());
}
