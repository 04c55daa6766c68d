//! An archive's tables, in the Delta Lake format: Parquet files and a log that says which of them belong.
//!
//! The archive writes its Parquet files itself and commits them here; the log is written and replayed by the
//! format's own library, so any reader of the format can read the tables. Two shortcuts spare readers the replay:
//! a cached list of files, and following the log commit by commit.
//!
//! A table has one writer at a time. Should there be two, one gets [`TableError::Conflict`] and nothing is lost.
//!
//! ```
//! # use daybook_archive::store::Store;
//! # use daybook_archive::table::*;
//! let store = Store::open("memory://")?;
//! let schema = TableSchema::new().required("ticker", ColumnType::String).required("date", ColumnType::Date);
//! let table = Table::create(&store, "trades", &schema, &["date"])?;
//! let added = AddFile {
//!     path: "date=2026-08-11/part-0.parquet".into(),
//!     size: 1_024,
//!     partition: vec![("date".into(), Some("2026-08-11".into()))],
//!     modification_time_ms: 1_786_406_400_000,
//!     stats: FileStats::new(10),
//! };
//! let committed = table.commit(Commit::new(Operation::Write).with_file(added).with_txn("log", 7))?;
//! assert_eq!(committed.version, 1);
//! assert_eq!(table.snapshot().num_records(), 10);
//! assert_eq!(table.latest_txn("log"), Some(7));
//! # Ok::<(), TableError>(())
//! ```

mod checkpoint;
mod commit;
mod error;
mod expired;
mod file_list;
mod kernel;
mod log;
mod schema;
mod snapshot;
mod stats;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::snapshot::SnapshotRef;
use delta_kernel::transaction::CommitResult;
use delta_kernel::transaction::create_table::create_table;
use delta_kernel::transaction::data_layout::DataLayout;
use delta_kernel::{KernelError, KernelResult};

pub use self::checkpoint::DEFAULT_CHECKPOINT_INTERVAL;
pub use self::commit::{AddFile, Commit, Committed, Operation};
pub use self::error::TableError;
pub use self::expired::ExpiredFile;
use self::kernel::Kernel;
use self::log::Logged;
pub use self::schema::{Column, ColumnType, TableSchema};
use self::snapshot::CommitStamp;
pub use self::snapshot::{LiveFile, TableSnapshot};
use self::stats::Names;
pub use self::stats::{ColumnStats, FileStats, StatValue};
use crate::store::{FileInfo, Store, StoreError, StoredFile};

/// Where an opened table's list of files came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The cached list, and the commits after it if there were any.
    FileList,
    /// The log, replayed.
    Log,
}

/// One table of an archive. Shared between threads by reference; readers take snapshots, which never change.
#[derive(Debug)]
pub struct Table {
    store: Store,
    name: String,
    checkpoint_interval: u64,
    source: Source,
    current: RwLock<Arc<TableSnapshot>>,
    /// Held while the current snapshot is being replaced. In it, the library's view of some version.
    replacing: Mutex<Option<SnapshotRef>>,
}

impl Table {
    /// Makes a new table in the directory `name` of the archive. `partition_columns` name columns of `schema`, which
    /// must have others too.
    ///
    /// # Errors
    /// [`TableError::AlreadyExists`] when there is one, [`TableError::InvalidDefinition`] when name or schema will
    /// not do, or an error of the store.
    pub fn create(
        store: &Store,
        name: &str,
        schema: &TableSchema,
        partition_columns: &[&str],
    ) -> Result<Self, TableError> {
        Self::create_with_interval(store, name, schema, partition_columns, DEFAULT_CHECKPOINT_INTERVAL)
    }

    /// Like [`create`](Self::create), with a checkpoint every so many commits.
    pub fn create_with_interval(
        store: &Store,
        name: &str,
        schema: &TableSchema,
        partition_columns: &[&str],
        checkpoint_interval: u64,
    ) -> Result<Self, TableError> {
        check_name(name)?;
        let invalid =
            |error: KernelError| TableError::InvalidDefinition { table: name.to_owned(), reason: error.to_string() };
        let taken = || TableError::AlreadyExists { table: name.to_owned(), location: store.location(name) };
        let kernel = Kernel::new(store, name);
        let columns = schema.to_kernel().map_err(invalid)?;
        let mut builder = create_table(kernel.url(), Arc::new(columns), kernel::ENGINE_INFO, true)
            .with_table_properties([("delta.checkpointInterval", checkpoint_interval.max(1).to_string())]);
        if !partition_columns.is_empty() {
            builder = builder.with_data_layout(DataLayout::partitioned(partition_columns.iter().copied()));
        }
        let transaction = match builder.build(kernel.engine(), Box::new(FileSystemCommitter::new())) {
            Ok(transaction) => transaction,
            Err(KernelError::TableAlreadyExistsAtPath(_)) => return Err(taken()),
            Err(error) => {
                return Err(match kernel.error("create", error) {
                    TableError::Format { source, .. } => invalid(*source),
                    other => other,
                });
            }
        };
        let base = match transaction.commit(kernel.engine()) {
            Ok(CommitResult::Committed(committed)) => committed.post_commit_snapshot().cloned(),
            Ok(CommitResult::Conflicted(_)) => return Err(taken()),
            Ok(CommitResult::Retryable(failed)) => return Err(kernel.error("create", failed.error)),
            Err(error) => return Err(kernel.error("create", error)),
        };
        let stamp = stamp(store, name, 0);
        let snapshot = TableSnapshot { version: 0, files: Vec::new(), txns: Default::default(), stamp };
        // A table without a cached list is merely slower to open.
        let _ = file_list::save(store, name, &snapshot);
        Ok(Self::assemble(store, name, checkpoint_interval, Source::Log, snapshot, base))
    }

    /// Opens the table in the directory `name`: through the cached list of files where that can be relied on, else
    /// by replaying the log. The cached list costs three small reads; locally well under a millisecond.
    ///
    /// # Errors
    /// [`TableError::NotFound`] when there is no such table, [`TableError::Unreadable`] when it uses what the
    /// archive does not, or an error of the store.
    pub fn open(store: &Store, name: &str) -> Result<Self, TableError> {
        check_name(name)?;
        if let Some(cached) = file_list::load(store, name) {
            let table = Self::assemble(store, name, DEFAULT_CHECKPOINT_INTERVAL, Source::FileList, cached, None);
            if table.follow(&mut Names::default())? {
                return Ok(table);
            }
        }
        Self::open_from_log(store, name)
    }

    /// Opens the table by replaying its log, whatever the cached list says.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_from_log(store: &Store, name: &str) -> Result<Self, TableError> {
        check_name(name)?;
        let empty = TableSnapshot { version: 0, files: Vec::new(), txns: Default::default(), stamp: None };
        let table = Self::assemble(store, name, DEFAULT_CHECKPOINT_INTERVAL, Source::Log, empty, None);
        table.replay(&mut table.lock())?;
        Ok(table)
    }

    fn assemble(
        store: &Store,
        name: &str,
        checkpoint_interval: u64,
        source: Source,
        snapshot: TableSnapshot,
        base: Option<SnapshotRef>,
    ) -> Self {
        Self {
            store: store.clone(),
            name: name.to_owned(),
            checkpoint_interval,
            source,
            current: RwLock::new(Arc::new(snapshot)),
            replacing: Mutex::new(base),
        }
    }

    /// The table with a checkpoint every so many of its commits.
    #[must_use]
    pub fn with_checkpoint_interval(mut self, commits: u64) -> Self {
        self.checkpoint_interval = commits;
        self
    }

    /// The table's name, which is also its directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the list of files came from when the table was opened.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The newest version that this object knows of, its own commits included. Costs nothing.
    pub fn snapshot(&self) -> Arc<TableSnapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far an application had got as of [`snapshot`](Self::snapshot).
    pub fn latest_txn(&self, app_id: &str) -> Option<i64> {
        self.snapshot().txns.get(app_id).copied()
    }

    /// The path in the store of a file of this table.
    pub fn store_path(&self, path: &str) -> String {
        format!("{}/{path}", self.name)
    }

    /// Opens a file of this table. A file that is missing is an error of the store that names it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn file(&self, file: &LiveFile) -> Result<StoredFile, StoreError> {
        self.store.file_with_size(&self.store_path(&file.path), file.size)
    }

    /// Looks for newer versions and returns the newest. When nothing is new this costs two lookups in the store,
    /// and otherwise the reading of the new commits; only what commits of files cannot express is left to a replay.
    ///
    /// # Errors
    /// When the log cannot be read; the snapshot then stays as it was.
    pub fn refresh(&self) -> Result<Arc<TableSnapshot>, TableError> {
        let mut base = self.lock();
        if !self.follow(&mut Names::default())? {
            self.replay(&mut base)?;
        }
        Ok(self.snapshot())
    }

    /// The columns and the partition columns. Costs a replay unless something was committed through this object.
    ///
    /// # Errors
    /// When the log cannot be read or has a column of a type that the archive has no word for.
    pub fn definition(&self) -> Result<(TableSchema, Vec<String>), TableError> {
        let mut base = self.lock();
        let kernel = Kernel::new(&self.store, &self.name);
        let snapshot = self.base(&kernel, &mut base)?;
        self.definition_of(&snapshot)
    }

    /// Applies a change to exactly the version of [`snapshot`](Self::snapshot), durably, and returns the new version.
    /// Every so many commits a checkpoint is written too.
    ///
    /// # Errors
    /// [`TableError::Conflict`] when somebody else committed meanwhile, [`TableError::InvalidCommit`] when the change
    /// contradicts the table: nothing was applied. After an error of the store the change may have been applied or
    /// not: [`refresh`](Self::refresh) and look at [`latest_txn`](Self::latest_txn).
    pub fn commit(&self, commit: Commit) -> Result<Committed, TableError> {
        let (version, mut warnings) = {
            let mut base = self.lock();
            let current = self.snapshot();
            let version = current.version + 1;
            let kernel = Kernel::new(&self.store, &self.name);
            let definition = self.definition_of(&self.base(&kernel, &mut base)?)?;
            commit::validate(&self.name, &commit, &current, &definition)?;
            let outcome = self.with_base(&kernel, &mut base, |snapshot| commit::write(&kernel, snapshot, &commit));
            match outcome.map_err(|error| kernel.error("commit to", error))? {
                commit::Outcome::Committed(snapshot) => *base = snapshot,
                commit::Outcome::Conflict => {
                    return Err(TableError::Conflict { table: self.name.clone(), version });
                }
            }
            let stamp = stamp(&self.store, &self.name, version);
            let next = Arc::new(current.after(commit, stamp, &mut Names::default()));
            self.set(Arc::clone(&next));
            let saved = file_list::save(&self.store, &self.name, &next);
            (version, saved.err().map(TableError::Store).into_iter().collect::<Vec<_>>())
        };
        if checkpoint::is_due(version, self.checkpoint_interval) {
            warnings.extend(self.checkpoint().err());
        }
        Ok(Committed { version, warnings })
    }

    /// Writes a checkpoint of the version of [`snapshot`](Self::snapshot), out of turn.
    ///
    /// # Errors
    /// When it cannot be written; the table is none the worse.
    pub fn checkpoint(&self) -> Result<(), TableError> {
        let kernel = Kernel::new(&self.store, &self.name);
        let mut base = self.lock();
        let written = self.with_base(&kernel, &mut base, |snapshot| checkpoint::write(&kernel, &snapshot));
        // What follows builds upon the checkpoint and not upon all the commits before it.
        *base = Some(written.map_err(|error| kernel.error("write a checkpoint of", error))?);
        Ok(())
    }

    /// Writes the cached list of files of [`snapshot`](Self::snapshot), for a table that was filled without one.
    ///
    /// # Errors
    /// When it cannot be written; the table is none the worse.
    pub fn save_file_list(&self) -> Result<(), TableError> {
        Ok(file_list::save(&self.store, &self.name, &self.snapshot())?)
    }

    /// Reads the commits after the current version one by one. Returns whether the result can be relied on; if not,
    /// the log must be replayed.
    fn follow(&self, names: &mut Names) -> Result<bool, TableError> {
        loop {
            let current = self.snapshot();
            let next = match self.store.read(&self.store_path(&log::commit_path(current.version + 1))) {
                Ok(bytes) => Some(bytes),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error.into()),
            };
            // The commit that we stand on must still be the same one: if it is gone, the log was cleaned up and the
            // next may be too; if it is another, so is the table. Asked last, because logs are cleaned from the start.
            if current.stamp.is_none() || stamp(&self.store, &self.name, current.version) != current.stamp {
                return Ok(false);
            }
            let Some(bytes) = next else { return Ok(true) };
            let Ok(Logged::Files(commit)) = log::parse(&bytes, names) else { return Ok(false) };
            let stamp = stamp(&self.store, &self.name, current.version + 1);
            self.set(Arc::new(current.after(commit, stamp, names)));
        }
    }

    /// Replays the log through the library.
    fn replay(&self, base: &mut Option<SnapshotRef>) -> Result<(), TableError> {
        let kernel = Kernel::new(&self.store, &self.name);
        let latest = kernel.latest().map_err(|error| self.open_error(&kernel, error))?;
        let files = kernel.files(&latest, &mut Names::default())?;
        let txns = kernel.txns(&latest).map_err(|error| kernel.error("read the log of", error))?;
        let version = latest.version();
        let stamp = stamp(&self.store, &self.name, version);
        self.set(Arc::new(TableSnapshot { version, files, txns, stamp }));
        *base = Some(latest);
        Ok(())
    }

    /// The library's view of the current version.
    fn base(&self, kernel: &Kernel, base: &mut Option<SnapshotRef>) -> Result<SnapshotRef, TableError> {
        let version = self.snapshot().version;
        let found = kernel.at(version, base.take()).map_err(|error| self.open_error(kernel, error))?;
        Ok(Arc::clone(base.insert(found)))
    }

    /// Does something with the library's view of the current version: with the one at hand, or with a new one should
    /// parts of the log that it refers to have been cleaned up since.
    fn with_base<T>(
        &self,
        kernel: &Kernel,
        base: &mut Option<SnapshotRef>,
        run: impl Fn(SnapshotRef) -> KernelResult<T>,
    ) -> KernelResult<T> {
        let version = self.snapshot().version;
        let found = kernel.at(version, base.take())?;
        match run(Arc::clone(base.insert(found))) {
            Err(KernelError::FileNotFound(_)) => run(Arc::clone(base.insert(kernel.at(version, None)?))),
            done => done,
        }
    }

    fn definition_of(&self, snapshot: &SnapshotRef) -> Result<(TableSchema, Vec<String>), TableError> {
        let schema = TableSchema::from_kernel(&snapshot.schema()).ok_or_else(|| TableError::Unreadable {
            table: self.name.clone(),
            file: "its schema".to_owned(),
            reason: "a column has a type that the archive does not use".to_owned(),
        })?;
        Ok((schema, snapshot.table_configuration().logical_partition_columns().to_vec()))
    }

    /// Tells a table that is not there from one that cannot be read.
    fn open_error(&self, kernel: &Kernel, error: KernelError) -> TableError {
        let error = kernel.error("open", error);
        let log = self.store_path("_delta_log");
        if matches!(error, TableError::Format { .. }) && self.store.list(&log).is_ok_and(|files| files.is_empty()) {
            return TableError::NotFound { table: self.name.clone(), location: self.store.location(&self.name) };
        }
        error
    }

    fn lock(&self) -> MutexGuard<'_, Option<SnapshotRef>> {
        self.replacing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, snapshot: Arc<TableSnapshot>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}

/// What identifies the commit file of a version; `None` if it cannot be looked up, which costs a replay later on.
fn stamp(store: &Store, table: &str, version: u64) -> Option<CommitStamp> {
    let FileInfo { size, modified_ns, etag, .. } =
        store.stat(&format!("{table}/{}", log::commit_path(version))).ok()?;
    Some(CommitStamp { size, modified_ns, etag })
}

fn check_name(name: &str) -> Result<(), TableError> {
    let clean = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.starts_with('_') || !name.chars().all(clean) {
        let reason = "a name has lower-case letters, digits and '_', and does not begin with '_'".to_owned();
        return Err(TableError::InvalidDefinition { table: name.to_owned(), reason });
    }
    Ok(())
}
