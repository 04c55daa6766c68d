//! The seam to the table format's library: an engine on our store, and what we ask of its snapshots.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

use arrow::array::{Array, AsArray, MapArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::Int64Type;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::engine_data::FilteredEngineData;
use delta_kernel::schema::{DataType, StructField, StructType};
use delta_kernel::snapshot::{Snapshot, SnapshotRef};
use delta_kernel::{Engine, EngineData, KernelError, KernelResult};
use delta_kernel_default_engine::executor::TaskExecutor;
use delta_kernel_default_engine::{DefaultEngine, DefaultEngineBuilder};
use futures::future::BoxFuture;
use tokio::runtime::EnterGuard;

use super::error::TableError;
use super::log;
use super::snapshot::LiveFile;
use super::stats::{FileStats, Names};
use crate::store::{Blocking, ObjectStoreView, Store};

/// How commits name their author.
pub(super) const ENGINE_INFO: &str = concat!("Daybook/", env!("CARGO_PKG_VERSION"));

/// An engine for one operation on one table. Cheap to make.
pub(super) struct Kernel {
    store: Store,
    table: String,
    view: Arc<ObjectStoreView>,
    engine: DefaultEngine<CallingThread>,
}

impl Kernel {
    pub(super) fn new(store: &Store, table: &str) -> Self {
        let view = Arc::new(ObjectStoreView::new(store.clone()));
        let executor = Arc::new(CallingThread(store.blocking()));
        let engine = DefaultEngineBuilder::new(Arc::clone(&view) as _).with_task_executor(executor).build();
        Self { store: store.clone(), table: table.to_owned(), view, engine }
    }

    pub(super) fn engine(&self) -> &dyn Engine {
        &self.engine
    }

    /// The table's URL as the library sees it: relative to our store, whatever that is.
    pub(super) fn url(&self) -> String {
        format!("archive:///{}/", self.table)
    }

    /// Says what failed in our terms: the store's own error where there was one.
    pub(super) fn error(&self, action: &'static str, error: KernelError) -> TableError {
        match self.view.take_error() {
            Some(error) => TableError::Store(error),
            None => TableError::Format {
                action,
                table: self.table.clone(),
                location: self.store.location(&self.table),
                source: Box::new(error),
            },
        }
    }

    /// The newest version.
    pub(super) fn latest(&self) -> KernelResult<SnapshotRef> {
        Snapshot::builder_for(self.url()).build(self.engine())
    }

    /// Exactly `version`; starting from `known`, only commits after it are read.
    pub(super) fn at(&self, version: u64, known: Option<SnapshotRef>) -> KernelResult<SnapshotRef> {
        match known {
            Some(known) if known.version() == version => Ok(known),
            Some(known) if known.version() < version => {
                Snapshot::builder_from(known).at_version(version).build(self.engine())
            }
            _ => Snapshot::builder_for(self.url()).at_version(version).build(self.engine()),
        }
    }

    /// All live files of a snapshot.
    pub(super) fn files(&self, snapshot: &SnapshotRef, names: &mut Names) -> Result<Vec<Arc<LiveFile>>, TableError> {
        let mut files = Vec::new();
        let mut unreadable = None;
        let scanned = scan(self.engine(), snapshot, |batch| {
            match batch.files(names) {
                Ok(found) => files.extend(found.into_iter().map(Arc::new)),
                Err(reason) => unreadable = Some(reason),
            }
            Ok(())
        });
        scanned.map_err(|error| self.error("list the files of", error))?;
        if let Some((file, reason)) = unreadable {
            return Err(TableError::Unreadable { table: self.table.clone(), file, reason });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The last transaction version of every application. The library answers for one application that one can
    /// name; the raw actions tell of all.
    pub(super) fn txns(&self, snapshot: &SnapshotRef) -> KernelResult<BTreeMap<String, i64>> {
        let mut txns = BTreeMap::new();
        self.actions(snapshot, "txn", ("appId", "version"), |app_id, version| {
            // Newest first.
            txns.entry(app_id.to_owned()).or_insert(version);
        })?;
        Ok(txns)
    }

    /// When each removed file was removed, milliseconds since 1970 UTC, for as long as the log remembers.
    pub(super) fn removals(&self, snapshot: &SnapshotRef) -> KernelResult<HashMap<String, i64>> {
        let mut removals = HashMap::new();
        self.actions(snapshot, "remove", ("path", "deletionTimestamp"), |path, at| {
            if let Some(path) = log::decode_path(path) {
                removals.entry(path).or_insert(at);
            }
        })?;
        Ok(removals)
    }

    /// Reads a text and an integer field of one kind of action, from the newest commit back.
    fn actions(
        &self,
        snapshot: &SnapshotRef,
        action: &str,
        (text, integer): (&str, &str),
        mut found: impl FnMut(&str, i64),
    ) -> KernelResult<()> {
        let fields = [StructField::nullable(text, DataType::STRING), StructField::nullable(integer, DataType::LONG)];
        let schema = StructType::try_new([StructField::nullable(action, StructType::try_new(fields)?)])?;
        for batch in snapshot.log_segment().read_actions(self.engine(), Arc::new(schema))? {
            let rows = record_batch(batch?.actions)?;
            let action = field::<StructArray>(rows.column_by_name(action))?;
            let texts = field::<StringArray>(action.column_by_name(text))?;
            let integers = action.column_by_name(integer).and_then(|column| column.as_primitive_opt::<Int64Type>());
            let integers = integers.ok_or_else(|| unexpected(integer))?;
            for row in (0..action.len()).filter(|row| action.is_valid(*row)) {
                if texts.is_valid(row) && integers.is_valid(row) {
                    found(texts.value(row), integers.value(row));
                }
            }
        }
        Ok(())
    }
}

/// Rows of a scan, one per file; only some of them are live.
pub(super) struct ScanBatch {
    rows: RecordBatch,
    live: Vec<bool>,
}

impl ScanBatch {
    fn is_live(&self, row: usize) -> bool {
        self.live.get(row).copied().unwrap_or(true)
    }

    /// For every row, the path of a live file.
    pub(super) fn paths(&self) -> KernelResult<impl Iterator<Item = Option<String>> + '_> {
        let paths = field::<StringArray>(self.rows.column_by_name("path"))?;
        Ok((0..self.rows.num_rows()).map(|row| {
            let path = (self.is_live(row) && paths.is_valid(row)).then(|| paths.value(row))?;
            log::decode_path(path)
        }))
    }

    pub(super) fn into_filtered(self, selected: Vec<bool>) -> KernelResult<FilteredEngineData> {
        FilteredEngineData::try_new(Box::new(ArrowEngineData::new(self.rows)), selected)
    }

    /// The live files, or the path of one that we cannot read and why.
    fn files(&self, names: &mut Names) -> Result<Vec<LiveFile>, (String, String)> {
        let odd = |error: KernelError| ("table log".to_owned(), error.to_string());
        let paths = field::<StringArray>(self.rows.column_by_name("path")).map_err(odd)?;
        let stats = field::<StringArray>(self.rows.column_by_name("stats")).map_err(odd)?;
        let integers = |name: &str| {
            let column = self.rows.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
            column.ok_or_else(|| odd(unexpected(name)))
        };
        let sizes = integers("size")?;
        let times = integers("modificationTime")?;
        let vectors = field::<StructArray>(self.rows.column_by_name("deletionVector")).map_err(odd)?;
        let vector_types = field::<StringArray>(vectors.column_by_name("storageType")).map_err(odd)?;
        let constants = field::<StructArray>(self.rows.column_by_name("fileConstantValues")).map_err(odd)?;
        let partitions = field::<MapArray>(constants.column_by_name("partitionValues")).map_err(odd)?;

        let mut files = Vec::new();
        for row in (0..self.rows.num_rows()).filter(|row| self.is_live(*row) && paths.is_valid(*row)) {
            let encoded = paths.value(row);
            let unreadable = |reason: &str| (encoded.to_owned(), reason.to_owned());
            if vectors.is_valid(row) && vector_types.is_valid(row) {
                return Err(unreadable("it has a deletion vector, which the archive does not use"));
            }
            let path = log::decode_path(encoded).ok_or_else(|| unreadable("it is outside the table"))?;
            let size = u64::try_from(sizes.value(row)).map_err(|_| unreadable("its size is negative"))?;
            let stats = match stats.is_valid(row).then(|| stats.value(row)) {
                Some(json) => FileStats::from_json(json, names).map_err(|error| unreadable(&error.to_string()))?,
                None => FileStats::default(),
            };
            files.push(LiveFile {
                path,
                size,
                modification_time_ms: times.value(row),
                partition: partition_values(partitions, row, names).map_err(odd)?,
                stats,
            });
        }
        Ok(files)
    }
}

type PartitionValues = Vec<(Arc<str>, Option<Arc<str>>)>;

fn partition_values(partitions: &MapArray, row: usize, names: &mut Names) -> KernelResult<PartitionValues> {
    if partitions.is_null(row) {
        return Ok(Vec::new());
    }
    let entries = partitions.value(row);
    let keys = field::<StringArray>(Some(entries.column(0)))?;
    let values = field::<StringArray>(Some(entries.column(1)))?;
    let mut found: PartitionValues = (0..entries.len())
        .map(|entry| {
            let value = values.is_valid(entry).then(|| names.get(values.value(entry)));
            (names.get(keys.value(entry)), value)
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Goes through the rows of all files of a snapshot.
pub(super) fn scan(
    engine: &dyn Engine,
    snapshot: &SnapshotRef,
    mut visit: impl FnMut(ScanBatch) -> KernelResult<()>,
) -> KernelResult<()> {
    let scan = Arc::clone(snapshot).scan_builder().without_row_transforms().build()?;
    for metadata in scan.scan_metadata(engine)? {
        let (data, live) = metadata?.scan_files.into_parts();
        visit(ScanBatch { rows: record_batch(data)?, live })?;
    }
    Ok(())
}

/// Turns JSON values into rows of the library.
pub(super) fn parse_json(
    engine: &dyn Engine,
    values: impl Iterator<Item = serde_json::Value>,
    schema: StructType,
) -> KernelResult<Box<dyn EngineData>> {
    let lines: StringArray = values.map(|value| Some(value.to_string())).collect();
    let rows = RecordBatch::try_from_iter([("json", Arc::new(lines) as _)])?;
    engine.json_handler().parse_json(Box::new(ArrowEngineData::new(rows)), Arc::new(schema))
}

fn record_batch(data: Box<dyn EngineData>) -> KernelResult<RecordBatch> {
    Ok(ArrowEngineData::try_from_engine_data(data)?.record_batch().clone())
}

fn field<T: 'static>(column: Option<&Arc<dyn Array>>) -> KernelResult<&T> {
    column.and_then(|column| column.as_any().downcast_ref::<T>()).ok_or_else(|| unexpected(std::any::type_name::<T>()))
}

fn unexpected(what: &str) -> KernelError {
    KernelError::generic(format!("the table's log has no {what} where one belongs"))
}

/// Runs the engine's futures on whichever thread calls. The engine's own executors would add a thread per table,
/// or block workers of a shared runtime on one another while a checkpoint is written.
struct CallingThread(Blocking);

impl TaskExecutor for CallingThread {
    type Guard<'a> = Option<EnterGuard<'a>>;

    fn block_on<T>(&self, task: T) -> T::Output
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        self.0.wait(task)
    }

    fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.wait(task);
    }

    fn spawn_blocking<T, R>(&self, task: T) -> BoxFuture<'_, KernelResult<R>>
    where
        T: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        Box::pin(async move { Ok(task()) })
    }

    fn enter(&self) -> Self::Guard<'_> {
        self.0.enter()
    }
}
