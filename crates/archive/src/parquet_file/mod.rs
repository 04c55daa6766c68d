//! Parquet files whose bytes are laid out for the compressor.
//!
//! The usual writers pack dictionary indices and deltas at the narrowest bit width: seven bits, fourteen bits.
//! That hides the byte structure of the data from zstd, which finds repeats of whole bytes only. Here dictionary
//! indices take 8, 16, 24 or 32 bits, and delta miniblocks can be rounded up to whole bytes, column by column.
//! A width is a field of the format, so the files are plain Parquet, readable by everything that reads Parquet.
//!
//! A file is a [`FileWriter`] given one row group at a time. The columns of a row group are encoded one after another
//! and streamed to the sink; memory is bounded by the caller's row group and one encoded column chunk.
//! All columns share page boundaries (every [`WriterOptions::rows_per_page`] rows) and carry a page index, so a reader
//! that wants a few rows reads a few pages.
//!
//! ```
//! use daybook_archive::parquet_file::*;
//!
//! let schema = [
//!     ColumnSpec::required("ticker", ColumnKind::Utf8, ColumnEncoding::Dictionary),
//!     ColumnSpec::required("recv_ts", ColumnKind::TimestampMicros, ColumnEncoding::Delta(DeltaLayout::BYTE_ALIGNED)),
//!     ColumnSpec::nullable("seq", ColumnKind::Int64, ColumnEncoding::Delta(DeltaLayout::TIGHT)),
//! ];
//! let mut file = FileWriter::new(Vec::new(), &schema, WriterOptions::default())?;
//! file.write_row_group(&[
//!     ColumnData::Categories { indices: &[0, 0, 1], values: &["A-1", "B-2"], validity: None },
//!     ColumnData::I64(&[1_000, 2_000, 3_000], None),
//!     ColumnData::AllNull { rows: 3 },
//! ])?;
//! let (bytes, summary) = file.close()?;
//! assert_eq!(summary.bytes, bytes.len() as u64);
//! assert_eq!(summary.columns[0].max, Some(Value::Str("B-2".into())));
//! # Ok::<(), WriteError>(())
//! ```

mod column;
mod column_chunk;
mod delta_binary_packed;
mod dictionary;
mod error;
mod file_writer;
mod integer;
mod levels;
mod page;
mod page_checksum;
pub(crate) mod page_decode;
pub(crate) mod page_index;
mod rle;
mod statistics;
mod strings;
mod thrift;

pub use column::{ColumnData, ColumnEncoding, ColumnKind, ColumnShape, ColumnSpec, Validity};
pub use delta_binary_packed::DeltaLayout;
pub use error::WriteError;
pub use file_writer::{ColumnSummary, FileSummary, FileWriter, RowGroupSummary, WriterOptions};
pub(crate) use page_checksum::checksum_list;
pub use page_checksum::{PAGE_CHECKSUMS, PageChecksum, page_checksums};
pub use statistics::Value;
