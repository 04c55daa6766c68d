//! A Parquet file written row group by row group.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::column::{ColumnData, ColumnShape, ColumnSpec};
use crate::column_chunk::{ChunkError, ColumnChunkEncoder};
use crate::error::WriteError;
use crate::statistics::{Value, ValueSummary};

/// How a file is written.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Rows per page, in every column alike. At least 1.
    pub rows_per_page: usize,
    /// zstd level, 1 to 22.
    pub zstd_level: i32,
    /// Pairs stored in the footer.
    pub key_values: Vec<(String, String)>,
    /// Names of the columns by which the rows of each row group are sorted, ascending, the first foremost.
    /// The file says so; the caller sees to it.
    pub sorted_by: Vec<&'static str>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { rows_per_page: 4096, zstd_level: 3, key_values: Vec::new(), sorted_by: Vec::new() }
    }
}

/// What a finished file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    /// Size of the file.
    pub bytes: u64,
    /// Rows in all.
    pub rows: u64,
    /// The row groups, in order.
    pub row_groups: Vec<RowGroupSummary>,
    /// The columns, in order.
    pub columns: Vec<ColumnSummary>,
}

/// What a row group holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroupSummary {
    /// Its rows.
    pub rows: u64,
    /// Size of its column chunks in the file.
    pub bytes: u64,
    /// Size of each column chunk in the file, in order.
    pub column_bytes: Vec<u64>,
}

/// What a column holds over the whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSummary {
    /// Its name.
    pub name: &'static str,
    /// Least value, whole; none where all are null. Of a list column, least element.
    pub min: Option<Value>,
    /// Greatest value, whole; none where all are null. Of a list column, greatest element.
    pub max: Option<Value>,
    /// Rows that are null. A list is never null.
    pub null_count: u64,
}

/// Writes one Parquet file to `W`.
///
/// The file is complete once [`FileWriter::close`] has returned; dropped earlier, it is no Parquet file.
pub struct FileWriter<W: Write + Send> {
    file: SerializedFileWriter<Counted<W>>,
    schema: Vec<ColumnSpec>,
    encoder: ColumnChunkEncoder,
    columns: Vec<ValueSummary>,
    row_groups: Vec<RowGroupSummary>,
}

impl<W: Write + Send> FileWriter<W> {
    /// Starts a file with these columns.
    ///
    /// # Errors
    /// A column that cannot be stored as declared, a sort column that is not there, a zstd level out of range, or a
    /// sink that fails.
    pub fn new(sink: W, schema: &[ColumnSpec], options: WriterOptions) -> Result<Self, WriteError> {
        let problem = |column: &str, problem: &str| {
            Err(WriteError::Schema { column: column.to_owned(), problem: problem.to_owned() })
        };
        let mut fields = Vec::with_capacity(schema.len());
        for (number, column) in schema.iter().enumerate() {
            if schema[..number].iter().any(|other| other.name == column.name) {
                return problem(column.name, "another column has the same name");
            }
            fields.push(column.parquet_type()?);
        }
        let mut sorting = Vec::with_capacity(options.sorted_by.len());
        for name in &options.sorted_by {
            // Each column has one leaf, so the number of the column is the number of the leaf.
            match schema.iter().position(|column| column.name == *name && column.shape != ColumnShape::List) {
                Some(column) => {
                    sorting.push(SortingColumn { column_idx: column as i32, descending: false, nulls_first: false })
                }
                None => return problem(name, "rows are to be sorted by it, and it is no column, or one of lists"),
            }
        }
        let key_values: Vec<KeyValue> =
            options.key_values.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
        let properties = WriterProperties::builder()
            // Readers that work around other writers' defects expect the word "version".
            .set_created_by(concat!("daybook version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata((!key_values.is_empty()).then_some(key_values))
            .set_sorting_columns((!sorting.is_empty()).then_some(sorting))
            .build();
        let compression = Compression::ZSTD(ZstdLevel::try_new(options.zstd_level)?);
        let root = Type::group_type_builder("daybook").with_fields(fields).build()?;
        Ok(Self {
            file: SerializedFileWriter::new(Counted { sink, bytes: 0 }, Arc::new(root), Arc::new(properties))?,
            schema: schema.to_vec(),
            encoder: ColumnChunkEncoder::new(compression, options.zstd_level, options.rows_per_page.max(1))?,
            columns: vec![ValueSummary::default(); schema.len()],
            row_groups: Vec::new(),
        })
    }

    /// Writes rows, one entry of `columns` per column, as a row group. No rows make no row group.
    ///
    /// # Errors
    /// Data that does not fit the columns, or a sink that fails; the file is lost in both cases.
    pub fn write_row_group(&mut self, columns: &[ColumnData<'_>]) -> Result<(), WriteError> {
        let row_group = self.row_groups.len();
        let data_error = |column: &ColumnSpec, problem: String| WriteError::Data {
            row_group,
            column: column.name.to_owned(),
            problem,
        };
        let rows = columns.first().map_or(0, ColumnData::rows);
        for (number, column) in self.schema.iter().enumerate() {
            match columns.get(number).map(ColumnData::rows) {
                Some(given) if given == rows => {}
                Some(given) => {
                    return Err(data_error(column, format!("{given} rows are given and {rows} in the first column")));
                }
                None => return Err(data_error(column, "no data is given".to_owned())),
            }
        }
        if let (true, Some(last)) = (columns.len() > self.schema.len(), self.schema.last()) {
            let problem =
                format!("data for {} columns is given; this is the last of {}", columns.len(), self.schema.len());
            return Err(data_error(last, problem));
        }
        if rows == 0 {
            return Ok(());
        }

        let descriptors = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group()?;
        let mut column_bytes = Vec::with_capacity(columns.len());
        for (((spec, data), descriptor), summary) in
            self.schema.iter().zip(columns).zip(descriptors).zip(&mut self.columns)
        {
            let chunk = self.encoder.encode(spec, descriptor, data).map_err(|error| match error {
                ChunkError::Data(problem) => data_error(spec, problem),
                ChunkError::Write(error) => error,
            })?;
            summary.merge(&chunk.summary);
            column_bytes.push(chunk.bytes.len() as u64);
            group.append_column(&chunk.bytes, chunk.close)?;
        }
        group.close()?;
        self.row_groups.push(RowGroupSummary { rows: rows as u64, bytes: column_bytes.iter().sum(), column_bytes });
        Ok(())
    }

    /// Bytes written so far, to see when a file is large enough.
    pub fn bytes_written(&self) -> u64 {
        self.file.bytes_written() as u64
    }

    /// Writes the page index and the footer, flushes, and gives the sink back.
    ///
    /// # Errors
    /// A sink that fails.
    pub fn close(self) -> Result<(W, FileSummary), WriteError> {
        let mut counted = self.file.into_inner()?;
        counted.sink.flush().map_err(parquet::errors::ParquetError::from)?;
        let columns = self.schema.iter().zip(self.columns).map(|(spec, summary)| {
            let (min, max) = summary.bounds.unzip();
            // What a list column counts are its empty lists, which are not null.
            let null_count = if spec.shape == ColumnShape::List { 0 } else { summary.nulls };
            ColumnSummary { name: spec.name, min, max, null_count }
        });
        let summary = FileSummary {
            bytes: counted.bytes,
            rows: self.row_groups.iter().map(|group| group.rows).sum(),
            columns: columns.collect(),
            row_groups: self.row_groups,
        };
        Ok((counted.sink, summary))
    }
}

/// A sink that counts: the Parquet writer gives back either the sink or the size.
struct Counted<W> {
    sink: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}
