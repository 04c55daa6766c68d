//! Which rows have how many values, cut into pages: the definition and repetition levels of a column chunk.

use std::ops::Range;

use crate::rle::{put_constant_levels, put_levels};

/// How many values each row of a column chunk has.
#[derive(Clone, Copy)]
pub(crate) enum Levels<'a> {
    /// One, in a column without nulls.
    Required,
    /// One in every row, in a column that may have nulls.
    AllValid,
    /// None in any row, in a column that may have nulls.
    AllNull,
    /// One where the flag is set.
    Validity(&'a [bool]),
    /// As many as the step from one offset to the next.
    Lists(&'a [u32]),
}

/// What one page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageShape {
    /// The rows.
    pub(crate) rows: Range<usize>,
    /// Values, nulls and empty lists together.
    pub(crate) entries: usize,
    /// The values, counted over the chunk without nulls.
    pub(crate) values: Range<usize>,
}

impl PageShape {
    /// Entries without a value: nulls, or empty lists.
    pub(crate) fn nulls(&self) -> usize {
        self.entries - self.values.len()
    }
}

impl Levels<'_> {
    /// Cuts `rows` rows into pages.
    pub(crate) fn pages(self, rows: usize, rows_per_page: usize) -> Vec<PageShape> {
        let mut first_value = 0;
        (0..rows)
            .step_by(rows_per_page)
            .map(|start| {
                let rows = start..(start + rows_per_page).min(rows);
                let (entries, values) = match self {
                    Self::Required | Self::AllValid => (rows.len(), rows.len()),
                    Self::AllNull => (rows.len(), 0),
                    Self::Validity(valid) => (rows.len(), valid[rows.clone()].iter().filter(|valid| **valid).count()),
                    Self::Lists(offsets) => {
                        let offsets = &offsets[rows.start..=rows.end];
                        let values = (offsets[rows.len()] - offsets[0]) as usize;
                        (values + offsets.windows(2).filter(|list| list[0] == list[1]).count(), values)
                    }
                };
                let values = first_value..first_value + values;
                first_value = values.end;
                PageShape { rows, entries, values }
            })
            .collect()
    }

    /// Appends the levels of a page.
    pub(crate) fn put(self, page: &PageShape, out: &mut Vec<u8>) {
        match self {
            Self::Required => {}
            Self::AllValid => put_constant_levels(true, page.entries, out),
            Self::AllNull => put_constant_levels(false, page.entries, out),
            Self::Validity(valid) => put_levels(&valid[page.rows.clone()], out),
            Self::Lists(offsets) => {
                let (mut repetition, mut definition) =
                    (Vec::with_capacity(page.entries), Vec::with_capacity(page.entries));
                for list in offsets[page.rows.start..=page.rows.end].windows(2) {
                    let length = (list[1] - list[0]) as usize;
                    repetition.push(false);
                    repetition.resize(repetition.len() + length.saturating_sub(1), true);
                    definition.resize(definition.len() + length.max(1), length > 0);
                }
                put_levels(&repetition, out);
                put_levels(&definition, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_empty_lists_are_entries_without_values() {
        let pages = Levels::Validity(&[true, false, true, false, false]).pages(5, 2);
        let values: Vec<_> = pages.iter().map(|page| (page.rows.clone(), page.values.clone(), page.nulls())).collect();
        assert_eq!(values, [(0..2, 0..1, 1), (2..4, 1..2, 1), (4..5, 2..2, 1)]);

        // Lists of 2, 0, 3 and 0 elements, sliced out of a longer run of elements.
        let pages = Levels::Lists(&[7, 9, 9, 12, 12]).pages(4, 3);
        let values: Vec<_> = pages.iter().map(|page| (page.entries, page.values.clone(), page.nulls())).collect();
        assert_eq!(values, [(6, 0..5, 1), (1, 5..5, 1)]);
    }

    #[test]
    fn list_levels_are_repetition_then_definition() {
        let levels = Levels::Lists(&[7, 9, 9, 12]);
        let mut out = Vec::new();
        levels.put(&levels.pages(3, 3)[0], &mut out);
        // Rows [a b] [] [c d e]: repetition 0 1 0 0 1 1, definition 1 1 0 1 1 1, each one group of eight bits.
        assert_eq!(out, [2, 0, 0, 0, 3, 0b11_0010, 2, 0, 0, 0, 3, 0b11_1011]);
    }
}
