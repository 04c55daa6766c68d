//! How the engine's Parquet source reads the archive's files: off its own threads, near ranges together.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use datafusion::{
    datasource::{
        listing::PartitionedFile,
        physical_plan::{ParquetFileMetrics, ParquetFileReaderFactory},
    },
    error::{DataFusionError, Result},
    parquet::{
        arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
        errors::{ParquetError, Result as ParquetResult},
        file::metadata::ParquetMetaData,
    },
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use daybook_archive::Error;
use futures::{FutureExt, future::BoxFuture};
use object_store::{OBJECT_STORE_COALESCE_DEFAULT, coalesce_ranges};

use crate::table_file::TableFile;

/// Makes readers of files that carry their [`TableFile`] with them.
#[derive(Debug)]
pub(crate) struct FileReaders;

impl ParquetFileReaderFactory for FileReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let Some(found) = file.extension::<Arc<TableFile>>() else {
            return Err(DataFusionError::Internal(format!("the file {} is none of the archive's", file.path())));
        };
        let metrics = ParquetFileMetrics::new(partition, file.path().as_ref(), metrics);
        Ok(Box::new(FileReader { file: found.clone(), metrics }))
    }
}

struct FileReader {
    file: Arc<TableFile>,
    metrics: ParquetFileMetrics,
}

impl AsyncFileReader for FileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.count(std::slice::from_ref(&range));
        read(self.file.clone(), move |file| file.read(range)).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.count(&ranges);
        let gap = if self.file.is_remote() { OBJECT_STORE_COALESCE_DEFAULT } else { 0 };
        let file = &self.file;
        let fetch = |range| read(file.clone(), move |file| file.read(range));
        async move { coalesce_ranges(&ranges, fetch, gap).await }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        read(self.file.clone(), TableFile::metadata).boxed()
    }
}

impl FileReader {
    fn count(&self, ranges: &[Range<u64>]) {
        let bytes: u64 = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        self.metrics.bytes_scanned.add(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
}

/// Runs blocking work on a file where it may block.
async fn read<T: Send + 'static>(
    file: Arc<TableFile>,
    work: impl FnOnce(&TableFile) -> Result<T, Error> + Send + 'static,
) -> ParquetResult<T> {
    let done = if file.is_in_memory() {
        work(&file)
    } else {
        tokio::task::spawn_blocking(move || work(&file))
            .await
            .map_err(|stopped| ParquetError::External(stopped.into()))?
    };
    done.map_err(|error| ParquetError::External(error.into()))
}
