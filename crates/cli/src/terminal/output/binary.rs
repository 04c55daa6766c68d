//! Parquet files and Arrow IPC streams, batch by batch.

use std::{
    error::Error,
    io::{self, Write},
};

use arrow::{array::RecordBatch, error::ArrowError, ipc::writer::StreamWriter};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};

use super::{OutputError, Run};

/// Rows of a Parquet row group: what is held in memory before it is written.
const ROW_GROUP: usize = 131_072;

/// The head of an Arrow message of 64 bytes, without them.
const CUT: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 64, 0, 0, 0];

impl Run<'_> {
    pub(super) fn parquet<E: Into<Box<dyn Error + Send + Sync>>>(
        &mut self,
        sink: impl Write + Send,
        batches: impl Iterator<Item = Result<RecordBatch, E>>,
    ) -> Result<(), OutputError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let failed = |run: &Self, error| match error {
            ParquetError::External(source) => match source.downcast::<std::io::Error>() {
                Ok(source) => OutputError::Sink { rows: run.rows, source: *source },
                Err(source) => run.encode(source),
            },
            error => run.encode(error),
        };
        let mut writer =
            ArrowWriter::try_new(sink, self.schema.clone(), Some(properties)).map_err(|error| failed(self, error))?;
        for batch in batches {
            let batch = self.conforming(batch)?;
            writer.write(&batch).map_err(|error| failed(self, error))?;
            self.rows += batch.num_rows() as u64;
        }
        writer.close().map(drop).map_err(|error| failed(self, error))
    }

    pub(super) fn arrow<E: Into<Box<dyn Error + Send + Sync>>>(
        &mut self,
        sink: impl Write,
        batches: impl Iterator<Item = Result<RecordBatch, E>>,
    ) -> Result<(), OutputError> {
        let failed = |run: &Self, error| match error {
            ArrowError::IoError(_, source) => OutputError::Sink { rows: run.rows, source },
            error => run.encode(error),
        };
        let mut writer = StreamWriter::try_new(sink, self.schema).map_err(|error| failed(self, error))?;
        for batch in batches {
            let batch = match self.conforming(batch) {
                Err(error @ OutputError::Source(_)) => {
                    // A stream that only ends is whole for many readers: this one announces what never comes.
                    let cut = writer.get_mut().write_all(&CUT).and_then(|()| writer.flush().map_err(io::Error::other));
                    cut.map_err(|source| OutputError::Sink { rows: self.rows, source })?;
                    return Err(error);
                }
                batch => batch?,
            };
            writer.write(&batch).and_then(|()| writer.flush()).map_err(|error| failed(self, error))?;
            self.rows += batch.num_rows() as u64;
        }
        writer.finish().and_then(|()| writer.flush()).map_err(|error| failed(self, error))
    }
}
