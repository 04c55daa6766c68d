//! What can go wrong while a Parquet file is written.

use parquet::errors::ParquetError;

/// Why a Parquet file could not be written.
///
/// After an error the file is incomplete: drop the writer and discard what reached the sink.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The columns asked for cannot be stored as asked.
    #[error("column `{column}` cannot be written as declared: {problem}")]
    Schema {
        /// Name of the column.
        column: String,
        /// What is wrong with the declaration.
        problem: String,
    },
    /// The data given does not fit the declared columns.
    #[error("row group {row_group}, column `{column}`: {problem}")]
    Data {
        /// Number of the row group in the file, from 0.
        row_group: usize,
        /// Name of the column.
        column: String,
        /// What is wrong with the data.
        problem: String,
    },
    /// zstd refused to compress a page, or rejects the level.
    #[error("zstd could not compress a page: {0}")]
    Compress(#[source] std::io::Error),
    /// The sink failed, or the metadata could not be written.
    #[error("the Parquet file could not be written: {0}")]
    Parquet(#[from] ParquetError),
}
