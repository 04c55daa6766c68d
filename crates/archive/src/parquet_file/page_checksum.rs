//! Checksums of all pages, kept in the footer, so that a reader of ours notices a flipped bit wherever it is.
//!
//! The footer holds one CRC-32C per page, header and body, in the order: row group, column, dictionary page, data pages.
//! Where the pages are is in the page index already.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parquet::file::metadata::ParquetMetaData;

/// The key under which a footer holds the checksums.
pub const PAGE_CHECKSUMS: &str = "daybook.page_crc32c";

/// A page, and what its bytes must add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageChecksum {
    /// Where it starts in the file.
    pub offset: u64,
    /// Its length, header included.
    pub bytes: u32,
    /// CRC-32C of it.
    pub crc32c: u32,
}

/// The text that the footer holds.
pub(crate) fn page_checksums_text(checksums: &[u32]) -> String {
    let bytes: Vec<u8> = checksums.iter().flat_map(|checksum| checksum.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// The checksums that a footer holds, in their order; none for a file of another writer.
pub(crate) fn checksum_list(metadata: &ParquetMetaData) -> Result<Option<Vec<u32>>, String> {
    let values = metadata.file_metadata().key_value_metadata();
    let Some(text) =
        values.and_then(|values| values.iter().find(|value| value.key == PAGE_CHECKSUMS)?.value.as_deref())
    else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(text).map_err(|error| format!("its page checksums are unreadable: {error}"))?;
    Ok(Some(bytes.as_chunks::<4>().0.iter().map(|four| u32::from_le_bytes(*four)).collect()))
}

/// The checksums of a file's pages; none for a file of another writer.
///
/// # Errors
/// When the footer has checksums that do not fit its pages.
pub fn page_checksums(metadata: &ParquetMetaData) -> Result<Option<Vec<PageChecksum>>, String> {
    let Some(checksums) = checksum_list(metadata)? else { return Ok(None) };
    let mut pages = Vec::with_capacity(checksums.len());
    let mut checksums = checksums.into_iter();
    let misfit = || "its page checksums do not fit its pages".to_owned();
    let index = metadata.offset_index().ok_or_else(misfit)?;
    for (group, places) in metadata.row_groups().iter().zip(index) {
        for (chunk, places) in group.columns().iter().zip(places) {
            let places = places.page_locations();
            let first = places.first().ok_or_else(misfit)?.offset;
            let dictionary = chunk.dictionary_page_offset().map(|start| (start, first - start));
            let data = places.iter().map(|place| (place.offset, i64::from(place.compressed_page_size)));
            for (offset, bytes) in dictionary.into_iter().chain(data) {
                pages.push(PageChecksum {
                    offset: u64::try_from(offset).map_err(|_| misfit())?,
                    bytes: u32::try_from(bytes).map_err(|_| misfit())?,
                    crc32c: checksums.next().ok_or_else(misfit)?,
                });
            }
        }
    }
    if checksums.next().is_some() { Err(misfit()) } else { Ok(Some(pages)) }
}
