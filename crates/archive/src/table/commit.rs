//! One change of a table: files that come, files that go, and how far its writer has got.

use std::collections::{BTreeSet, HashSet};

use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::engine_data::FilteredEngineData;
use delta_kernel::schema::{DataType, MapType, StructField, StructType};
use delta_kernel::snapshot::SnapshotRef;
use delta_kernel::transaction::{CommitResult, UpdateTableOperation};
use delta_kernel::{Engine, KernelError, KernelResult};

use super::error::TableError;
use super::kernel::{self, Kernel};
use super::schema::TableSchema;
use super::snapshot::TableSnapshot;
use super::stats::FileStats;

/// What the table's history calls the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// New rows.
    Write,
    /// Rows are withdrawn.
    Delete,
    /// The same rows in other files; readers that follow changes may skip it.
    Optimize,
}

impl Operation {
    fn to_kernel(self) -> (UpdateTableOperation, bool) {
        match self {
            Self::Write => (UpdateTableOperation::Write, true),
            Self::Delete => (UpdateTableOperation::Delete, true),
            Self::Optimize => (UpdateTableOperation::Optimize, false),
        }
    }
}

/// A data file to be added, already written and durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddFile {
    /// Path relative to the table's directory; by custom below `column=value/` of its partition.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// A value for every partition column, as text; `None` is null.
    pub partition: Vec<(String, Option<String>)>,
    /// When the file was written, milliseconds since 1970 UTC.
    pub modification_time_ms: i64,
    /// What is known of its contents.
    pub stats: FileStats,
}

/// A change of a table that takes effect as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Files to add.
    pub adds: Vec<AddFile>,
    /// Paths of live files to remove from the table. The files themselves stay until they are cleaned up.
    pub removes: Vec<String>,
    /// Per application, how far it has got: recorded with the change, so that a writer that crashed can ask
    /// whether its change took effect.
    pub txns: Vec<(String, i64)>,
    /// What the history calls the change.
    pub operation: Operation,
}

impl Commit {
    /// A change that changes nothing yet.
    pub fn new(operation: Operation) -> Self {
        Self { adds: Vec::new(), removes: Vec::new(), txns: Vec::new(), operation }
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, file: AddFile) -> Self {
        self.adds.push(file);
        self
    }

    /// Removes a file.
    #[must_use]
    pub fn without_file(mut self, path: &str) -> Self {
        self.removes.push(path.to_owned());
        self
    }

    /// Records how far an application has got.
    #[must_use]
    pub fn with_txn(mut self, app_id: &str, version: i64) -> Self {
        self.txns.push((app_id.to_owned(), version));
        self
    }
}

/// A change that took effect.
#[derive(Debug)]
pub struct Committed {
    /// The table's version with it.
    pub version: u64,
    /// What went wrong afterwards: a checkpoint or the cached file list that could not be written. The change
    /// stands all the same; opening the table is slower until a later commit makes up for it.
    pub warnings: Vec<TableError>,
}

/// Checks what the table format's library does not.
pub(super) fn validate(
    table: &str,
    commit: &Commit,
    snapshot: &TableSnapshot,
    (schema, partition_columns): &(TableSchema, Vec<String>),
) -> Result<(), TableError> {
    let invalid = |reason: String| Err(TableError::InvalidCommit { table: table.to_owned(), reason });
    let mut removed = HashSet::new();
    for path in &commit.removes {
        if snapshot.file(path).is_none() {
            return invalid(format!("'{path}' cannot be removed: it is not live in version {}", snapshot.version));
        }
        if !removed.insert(path.as_str()) {
            return invalid(format!("'{path}' is removed twice"));
        }
    }
    let mut added = HashSet::new();
    let expected: BTreeSet<&str> = partition_columns.iter().map(String::as_str).collect();
    for file in &commit.adds {
        let path = &file.path;
        if !plain_path(path) {
            return invalid(format!("'{path}' must be relative, of letters, digits, '.', '_', '-', '=' and '/'"));
        }
        if snapshot.file(path).is_some() || !added.insert(path.as_str()) {
            return invalid(format!("'{path}' cannot be added: it is live already or added twice"));
        }
        let given: BTreeSet<&str> = file.partition.iter().map(|(name, _)| name.as_str()).collect();
        if given != expected || given.len() != file.partition.len() {
            return invalid(format!("'{path}' needs a value for each of the partition columns {expected:?}"));
        }
        if let Some(stats) = file.stats.columns.iter().find(|stats| schema.column(&stats.name).is_none()) {
            return invalid(format!("'{path}' has statistics of '{}', which is no column of the table", stats.name));
        }
    }
    Ok(())
}

/// Paths that no URL encoding changes, so that the log and the store agree on them, outside the log's own directory
/// and not hidden from other readers.
fn plain_path(path: &str) -> bool {
    let plain = |part: &str| {
        let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '=');
        !part.is_empty() && !part.starts_with(['.', '_']) && part.chars().all(clean)
    };
    path.split('/').all(plain)
}

/// How an attempt to commit ended.
pub(super) enum Outcome {
    /// It took effect; the library's view of the new version, if it has one.
    Committed(Option<SnapshotRef>),
    /// Another writer was first.
    Conflict,
}

/// Commits through the table format's library, on top of exactly the version of `base`.
pub(super) fn write(kernel: &Kernel, base: SnapshotRef, commit: &Commit) -> KernelResult<Outcome> {
    let engine = kernel.engine();
    let (operation, data_change) = commit.operation.to_kernel();
    let builder = base.clone().update_table(operation, kernel::ENGINE_INFO, data_change);
    let builder =
        commit.txns.iter().fold(builder, |builder, (app_id, version)| builder.with_transaction_id(app_id, *version));
    let mut transaction = builder.build(engine, Box::new(FileSystemCommitter::new()))?;
    if !commit.adds.is_empty() {
        let schema = add_schema(&base.schema(), &commit.adds)?;
        transaction.add_files(kernel::parse_json(engine, commit.adds.iter().map(add_json), schema)?);
    }
    if !commit.removes.is_empty() {
        for files in removed_rows(engine, &base, &commit.removes)? {
            transaction.remove_files(files);
        }
    }
    match transaction.commit(engine)? {
        CommitResult::Committed(committed) => Ok(Outcome::Committed(committed.post_commit_snapshot().cloned())),
        CommitResult::Conflicted(_) => Ok(Outcome::Conflict),
        CommitResult::Retryable(failed) => Err(failed.error),
    }
}

fn add_json(file: &AddFile) -> serde_json::Value {
    let partition: serde_json::Map<_, _> =
        file.partition.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    serde_json::json!({
        "path": file.path,
        "partitionValues": partition,
        "size": file.size,
        "modificationTime": file.modification_time_ms,
        "stats": file.stats.to_json(),
    })
}

/// The rows that the library wants of added files, with statistics of just the columns that these files have some of.
fn add_schema(table: &StructType, adds: &[AddFile]) -> KernelResult<StructType> {
    let mut known = BTreeSet::new();
    for stats in adds.iter().flat_map(|file| &file.stats.columns) {
        known.insert(&*stats.name);
    }
    let mut bounds = Vec::new();
    let mut nulls = Vec::new();
    for name in known {
        let field = table.field(name).ok_or_else(|| {
            KernelError::generic(format!("statistics of column '{name}', which the table does not have"))
        })?;
        if matches!(field.data_type(), DataType::Primitive(_)) {
            bounds.push(StructField::nullable(name, field.data_type().clone()));
        }
        nulls.push(StructField::nullable(name, DataType::LONG));
    }
    let bounds = StructType::try_new(bounds)?;
    let stats = StructType::try_new([
        StructField::nullable("numRecords", DataType::LONG),
        StructField::nullable("nullCount", StructType::try_new(nulls)?),
        StructField::nullable("minValues", bounds.clone()),
        StructField::nullable("maxValues", bounds),
    ])?;
    StructType::try_new([
        StructField::not_null("path", DataType::STRING),
        StructField::not_null("partitionValues", MapType::new(DataType::STRING, DataType::STRING, true)),
        StructField::not_null("size", DataType::LONG),
        StructField::not_null("modificationTime", DataType::LONG),
        StructField::nullable("stats", stats),
    ])
}

/// The library takes removals as rows of a scan, so the scan is repeated and all other rows are deselected.
fn removed_rows(engine: &dyn Engine, base: &SnapshotRef, removes: &[String]) -> KernelResult<Vec<FilteredEngineData>> {
    let wanted: HashSet<&str> = removes.iter().map(String::as_str).collect();
    let mut found = 0;
    let mut batches = Vec::new();
    kernel::scan(engine, base, |batch| {
        let selected: Vec<bool> =
            batch.paths()?.map(|path| path.is_some_and(|path| wanted.contains(path.as_str()))).collect();
        let here = selected.iter().filter(|selected| **selected).count();
        if here > 0 {
            found += here;
            batches.push(batch.into_filtered(selected)?);
        }
        Ok(())
    })?;
    if found != wanted.len() {
        return Err(KernelError::generic("the table's log does not list every file to be removed"));
    }
    Ok(batches)
}
