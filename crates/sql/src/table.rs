//! A table of the archive as the engine scans it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::{Statistics, project_schema, stats::Precision},
    datasource::{
        TableType,
        listing::PartitionedFile,
        object_store::ObjectStoreUrl,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    error::{DataFusionError, Result},
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::{ExecutionPlan, empty::EmptyExec},
    scalar::ScalarValue,
};
use daybook_archive::schema::Table;

use crate::{moment::Moment, pruning, reader::FileReaders, schema::table_schema, table_file::TableFile};

/// The URL under which plans name the archive. Nothing is ever looked up in it.
pub(crate) const ARCHIVE_URL: &str = "daybook://archive";

/// A table of the archive. What it holds is taken from the [`Moment`] of the session that scans it.
pub(crate) struct ArchiveTable {
    /// Which one.
    pub(crate) table: Table,
    schema: TableSchema,
}

impl ArchiveTable {
    pub(crate) fn new(table: Table) -> ArchiveTable {
        ArchiveTable { table, schema: table_schema(table) }
    }

    fn partitioned_file(&self, file: &Arc<TableFile>) -> Result<PartitionedFile> {
        let mut partitioned = PartitionedFile::new(file.path.clone(), file.size).with_extension(file.clone());
        if self.table.is_partitioned() {
            let Some(date) = file.date else {
                return Err(DataFusionError::Execution(format!("{} has no date", file.path)));
            };
            partitioned = partitioned.with_partition_values(vec![ScalarValue::Date32(Some(date))]);
        }
        Ok(partitioned)
    }

    fn statistics(&self, files: &[Arc<TableFile>]) -> Statistics {
        let rows: Option<usize> = files.iter().map(|file| file.rows).sum();
        Statistics::new_unknown(self.schema.table_schema())
            .with_num_rows(rows.map_or(Precision::Absent, Precision::Exact))
    }
}

impl fmt::Debug for ArchiveTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArchiveTable").field(&self.table).finish()
    }
}

#[async_trait]
impl TableProvider for ArchiveTable {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Files, row groups and pages are left out by them; rows are still to be looked at.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let moment = session.config().get_extension::<Moment>();
        let files = moment.as_deref().and_then(|moment| moment.files(self.table)).ok_or_else(|| {
            DataFusionError::Internal(format!("the table {} was not opened before it is scanned", self.table.name()))
        })?;
        let schema = self.schema.table_schema();
        let files = pruning::matching(files, schema, filters, session)?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(schema, projection)?)));
        }
        let partitioned = files.iter().map(|file| self.partitioned_file(file)).collect::<Result<Vec<_>>>()?;
        let groups = FileGroup::new(partitioned).split_files(session.config().target_partitions());
        let source = ParquetSource::new(self.schema.clone()).with_parquet_file_reader_factory(Arc::new(FileReaders));
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::parse(ARCHIVE_URL)?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(self.statistics(&files))
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}
