//! The page index of one column chunk: where its pages are, and the bounds of each. Read when it is asked for, because
//! a large file has tens of thousands of pages and a question wants a few.

use crate::parquet_file::thrift::{LIST, STRUCT, Thrift};

/// Where a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageLocation {
    pub(crate) offset: u64,
    /// Header included.
    pub(crate) bytes: u32,
    /// Counted from the row group's first row.
    pub(crate) first_row: u64,
}

/// The least and greatest value of a page, as the file has them; `None` where all are null.
pub(crate) type PageBounds = Option<(Box<[u8]>, Box<[u8]>)>;

/// How many pages an offset index lists.
pub(crate) fn page_count(bytes: &[u8]) -> Option<usize> {
    let mut thrift = Thrift::new(bytes);
    (thrift.field(0)? == (1, LIST)).then_some(())?;
    Some(thrift.list()?.0)
}

/// Reads an offset index.
pub(crate) fn page_locations(bytes: &[u8]) -> Option<Vec<PageLocation>> {
    let mut locations = None;
    Thrift::new(bytes).fields(|thrift, number, kind| {
        if (number, kind) != (1, LIST) {
            return Some(false);
        }
        let (length, kind) = thrift.list()?;
        (kind == STRUCT).then_some(())?;
        let mut pages = Vec::with_capacity(length);
        for _ in 0..length {
            let mut page = PageLocation { offset: 0, bytes: 0, first_row: 0 };
            thrift.fields(|thrift, number, _| {
                match number {
                    1 => page.offset = u64::try_from(thrift.integer()?).ok()?,
                    2 => page.bytes = u32::try_from(thrift.integer()?).ok()?,
                    3 => page.first_row = u64::try_from(thrift.integer()?).ok()?,
                    _ => return Some(false),
                }
                Some(true)
            })?;
            pages.push(page);
        }
        locations = Some(pages);
        Some(true)
    })?;
    locations
}

/// Reads the bounds out of a column index.
pub(crate) fn page_bounds(bytes: &[u8]) -> Option<Vec<PageBounds>> {
    let (mut nulls, mut least, mut greatest) = (Vec::new(), Vec::new(), Vec::new());
    Thrift::new(bytes).fields(|thrift, number, kind| {
        let into = match (number, kind) {
            (1, LIST) => {
                let (length, _) = thrift.list()?;
                for _ in 0..length {
                    nulls.push(thrift.boolean()?);
                }
                return Some(true);
            }
            (2, LIST) => &mut least,
            (3, LIST) => &mut greatest,
            _ => return Some(false),
        };
        let (length, _) = thrift.list()?;
        for _ in 0..length {
            into.push(Box::<[u8]>::from(thrift.binary()?));
        }
        Some(true)
    })?;
    if least.len() != nulls.len() || greatest.len() != nulls.len() {
        return None;
    }
    let bounds = nulls.into_iter().zip(least.into_iter().zip(greatest));
    Some(bounds.map(|(null, bounds)| (!null).then_some(bounds)).collect())
}
