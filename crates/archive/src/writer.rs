//! An archive open for writing: batches go to the log, then to the tail, and from time to time into segments.

use std::{
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    Error,
    archive::{Archive, Shared},
    batch::{Batch, BatchBuilder},
    catalog::Catalog,
    entry::Notice,
    opening::{MARKER, Marker, check_whole, load_catalog, open_table, read_marker, straddles, wal_dir},
    reader::Reader,
    schema::{ColumnType, DATE, Table},
    seal::{Sealing, Tables},
    sealed_state::SealedBase,
    store::Store,
    table::{ColumnType as LogType, Table as DeltaTable, TableSchema},
    tail::{Rows, Tail},
    wal::{self, CommitPolicy, Disk, RealDisk, TornTail, Wal, WalOptions},
};

/// How to open an archive for writing. Time and randomness come in here.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Where the write-ahead log is; beside a local archive by default.
    pub wal_dir: Option<PathBuf>,
    /// The disk that holds the log.
    pub disk: Arc<dyn Disk>,
    /// When appended entries are made durable without being asked.
    pub commit: CommitPolicy,
    /// Deltas in the tail that call for a sealing. The tail takes about 150 bytes each, and up to twice as many
    /// are in memory while a sealing runs.
    pub seal_deltas: usize,
    /// The clock, since the Unix epoch.
    pub now: fn() -> Duration,
    /// A random number, fresh at each start.
    pub seed: u128,
}

impl WriterOptions {
    /// The defaults, with the system's clock and disk.
    pub fn new(seed: u128) -> WriterOptions {
        WriterOptions {
            wal_dir: None,
            disk: Arc::new(RealDisk),
            commit: CommitPolicy::default(),
            seal_deltas: 1_000_000,
            now: || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            seed,
        }
    }
}

type Sealed = (Tables, Result<Catalog, Error>);

/// An archive open for writing. There is one at a time: the log's lock sees to it.
pub struct Writer {
    archive: Archive,
    /// Taken only when the writer is closed.
    wal: Option<Wal>,
    tables: Option<Tables>,
    sealing: Option<(JoinHandle<Sealed>, u64)>,
    failed: Option<String>,
    options: WriterOptions,
    oldest_pending: Option<Duration>,
    torn_tail: Option<TornTail>,
    next_ordinal: u64,
    acknowledged: u64,
}

impl Writer {
    /// Opens an archive for writing, making it if there is none, and takes up what a crash left in the log.
    ///
    /// # Errors
    /// When another process writes it, when it cannot be written, and when its log or tables are damaged.
    pub fn open(root: &str, options: WriterOptions) -> Result<Writer, Error> {
        let store = Store::open(root)?;
        Writer::open_store(store, options)
    }

    /// The same over an open store.
    pub fn open_store(store: Store, options: WriterOptions) -> Result<Writer, Error> {
        let marker = match read_marker(&store)? {
            Some(marker) => marker,
            None => {
                if !store.list(Table::Coverage.name())?.is_empty() {
                    let reason =
                        "it is missing, though there are tables: restore it, or begin another archive elsewhere";
                    return Err(Error::Damaged { file: store.location(MARKER), reason: reason.to_owned() });
                }
                let marker = Marker { format: 1, archive_id: format!("{:032x}", options.seed) };
                let json = serde_json::to_vec_pretty(&marker).expect("a marker holds a number and a string");
                store.put_new(MARKER, json.into())?;
                store.make_durable(MARKER)?;
                marker
            }
        };
        let archive_id = u128::from_str_radix(&marker.archive_id, 16).map_err(|error| Error::Damaged {
            file: store.location(MARKER),
            reason: format!("archive_id is not 32 hexadecimal digits: {error}"),
        })?;
        let wal_dir = wal_dir(&store, &marker, options.wal_dir.as_deref())?;
        let now = (options.now)();
        // The lock is taken with the log, before the tables are looked at: nobody changes them from here on.
        let mut wal_options = WalOptions::new(archive_id, options.seed as u64, UNIX_EPOCH + now);
        let oldest = wal::oldest_ordinal(&*options.disk, &wal_dir)?;
        let floor_catalog = load_catalog(&store)?;
        check_whole(&store, &floor_catalog, oldest)?;
        wal_options.floor = floor_catalog.log_position();
        let mut recovery = Wal::recover(&wal_dir, options.disk.clone(), wal_options)?;
        let mut tables = Tables { store: store.clone(), tables: open_tables(&store)? };
        let found = load_catalog(&store)?;
        let interrupted_at = found.interrupted_at();
        let mut catalog = found.covered().map_err(|file| straddles(&store, &file))?;
        let reader = Reader::new(store.clone());
        let mut tail = Tail::new(catalog.sealed_before());
        let now_millis = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        for batch in &mut recovery {
            let batch = batch?;
            if batch.first_ordinal < catalog.log_position() {
                continue;
            }
            if interrupted_at == Some(tail.next_ordinal()) && catalog.sealed_before() < tail.next_ordinal() {
                catalog = resume_sealing(&mut tables, &mut tail, &found, batch.first_ordinal, now_millis)?;
            }
            tail.apply(&batch.payload, &SealedBase { reader: &reader, catalog: &catalog })?;
        }
        let is_resumed = interrupted_at.is_none_or(|at| catalog.sealed_before() >= at);
        if let Some(at) = interrupted_at.filter(|at| !is_resumed && tail.next_ordinal() != *at) {
            let ends = tail.next_ordinal();
            let reason = format!("the log ends at ordinal {ends}, though tables hold what it had up to ordinal {at}");
            return Err(Error::Damaged { file: wal_dir.display().to_string(), reason });
        }
        let (mut wal, report) = recovery.finish()?;
        if interrupted_at == Some(tail.next_ordinal()) && catalog.sealed_before() < tail.next_ordinal() {
            catalog = resume_sealing(&mut tables, &mut tail, &found, wal.next_ordinal(), now_millis)?;
        }
        if catalog.log_position() > found.log_position() {
            log_notices(&mut wal, &tail.standing_notices(), tail.next_ordinal())?;
            wal.sync()?;
        }
        let positions = Table::ALL.into_iter().map(|table| catalog.position(table));
        let next_ordinal = positions.max().unwrap_or(0).max(tail.next_ordinal());
        let shared = Arc::new(Shared::new(store.clone(), catalog, tail));
        Ok(Writer {
            archive: Archive { shared },
            wal: Some(wal),
            tables: Some(tables),
            sealing: None,
            failed: None,
            options,
            oldest_pending: None,
            torn_tail: report.torn_tail,
            next_ordinal,
            acknowledged: next_ordinal,
        })
    }

    /// The same archive for reading: sees every appended entry at once.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// What a crash had left half written in the log, and recovery cut off.
    pub fn torn_tail(&self) -> Option<&TornTail> {
        self.torn_tail.as_ref()
    }

    /// The ordinal that the next entry will take.
    pub fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// Everything below this ordinal survives a crash.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Appends a batch: it can be read at once, and is durable after the next [`sync`](Writer::sync), which the
    /// commit policy calls for by itself. Returns the ordinal of its first entry, and how many deltas diverged.
    pub fn append(&mut self, mut batch: Batch) -> Result<(u64, u64), Error> {
        self.append_kept(&mut batch)
    }

    /// The same, and leaves the batch's memory for another one: see [`BatchBuilder::finish_into`].
    pub fn append_kept(&mut self, batch: &mut Batch) -> Result<(u64, u64), Error> {
        self.poll_sealing()?;
        let first = self.next_ordinal;
        batch.begin_at(first);
        let diverged = match self.take_in(batch) {
            Ok(diverged) => diverged,
            Err(error) => {
                // Log and tail may differ now, and what is sealed from the tail is cut off the log.
                self.failed = Some(format!("a batch could not be taken in: {error}"));
                return Err(error);
            }
        };
        self.next_ordinal += u64::from(batch.ordinals());
        let now = (self.options.now)();
        self.oldest_pending.get_or_insert(now);
        let pending = self.wal().pending_bytes();
        if self.options.commit.due(now, pending, self.oldest_pending) {
            self.sync()?;
        }
        let held = self.archive.shared.read().tail.delta_count();
        if held >= self.options.seal_deltas {
            // One sealing at a time: waiting for the one before bounds the memory.
            self.finish_sealing()?;
            self.start_sealing()?;
        }
        Ok((first, diverged))
    }

    /// The tail first: what it cannot hold must not get into the log, where it would stop every later opening.
    fn take_in(&mut self, batch: &Batch) -> Result<u64, Error> {
        let diverged = {
            let mut state = self.archive.shared.write();
            let catalog = state.catalog.clone();
            let base = SealedBase { reader: &self.archive.shared.reader, catalog: &catalog };
            state.tail.apply(batch.bytes(), &base)?
        };
        // A batch takes a position of the log even if none of its entries takes an ordinal.
        self.wal().append(batch.bytes(), batch.ordinals() + 1)?;
        Ok(diverged)
    }

    /// Makes everything appended so far durable.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.wal().sync()?;
        self.acknowledged = self.next_ordinal;
        self.oldest_pending = None;
        Ok(())
    }

    /// Seals everything appended so far, and waits until it is done.
    pub fn seal(&mut self) -> Result<(), Error> {
        self.finish_sealing()?;
        if !self.archive.shared.read().tail.is_empty() {
            self.start_sealing()?;
            self.finish_sealing()?;
        }
        Ok(())
    }

    /// Seals what is left and closes the log.
    pub fn close(mut self) -> Result<Archive, Error> {
        self.seal()?;
        if let Some(wal) = self.wal.take() {
            wal.close()?;
        }
        Ok(self.archive.clone())
    }

    fn start_sealing(&mut self) -> Result<(), Error> {
        self.wal().rotate()?;
        let (position, log_position) = (self.next_ordinal, self.wal().next_ordinal());
        let standing = self.archive.shared.read().tail.standing_notices();
        log_notices(self.wal(), &standing, position)?;
        // Only what is durable may be sealed: its ordinals must never be given out again. The notices too, since what
        // is sealed is read no more.
        self.sync()?;
        let (rows, catalog, first) = {
            let mut state = self.archive.shared.write();
            let rows = Arc::new(state.tail.drain());
            state.sealing = Some(rows.clone());
            (rows, state.catalog.clone(), state.catalog.sealed_before())
        };
        let mut tables = self.tables.take().ok_or_else(|| self.failure())?;
        let now_millis = i64::try_from((self.options.now)().as_millis()).unwrap_or(i64::MAX);
        let seal = move || {
            let rows: &Rows = &rows;
            let sealing = Sealing { rows, first, position, log_position, now_millis };
            let sealed = tables.seal(&sealing, &catalog);
            (tables, sealed)
        };
        let thread = std::thread::Builder::new().name("seal".to_owned()).spawn(seal);
        let thread = thread.map_err(|error| Error::Sealing(format!("no thread could be started: {error}")))?;
        self.sealing = Some((thread, log_position));
        Ok(())
    }

    fn wal(&mut self) -> &mut Wal {
        self.wal.as_mut().expect("the log is open until the writer is closed, which consumes it")
    }

    fn failure(&self) -> Error {
        Error::Sealing(self.failed.clone().unwrap_or_else(|| "an earlier sealing did not end".to_owned()))
    }

    fn poll_sealing(&mut self) -> Result<(), Error> {
        if self.failed.is_some() {
            return Err(self.failure());
        }
        if self.sealing.as_ref().is_some_and(|(thread, _)| thread.is_finished()) {
            self.finish_sealing()?;
        }
        Ok(())
    }

    fn finish_sealing(&mut self) -> Result<(), Error> {
        if self.failed.is_some() {
            return Err(self.failure());
        }
        let Some((thread, log_position)) = self.sealing.take() else { return Ok(()) };
        let sealed = match thread.join() {
            Ok((tables, Ok(catalog))) => {
                self.tables = Some(tables);
                catalog
            }
            Ok((_, Err(error))) => {
                self.failed = Some(error.to_string());
                return Err(error);
            }
            Err(_) => {
                self.failed = Some("the sealing thread panicked".to_owned());
                return Err(self.failure());
            }
        };
        {
            let mut state = self.archive.shared.write();
            state.catalog = Arc::new(sealed);
            state.sealing = None;
        }
        self.wal().truncate_before(log_position)?;
        Ok(())
    }

    /// The tables, for work that must not run beside a sealing.
    pub(crate) fn with_tables<T>(
        &mut self,
        work: impl FnOnce(&mut Tables, &Catalog, &Reader) -> Result<(Catalog, T), Error>,
    ) -> Result<T, Error> {
        self.finish_sealing()?;
        let mut tables = self.tables.take().ok_or_else(|| self.failure())?;
        let catalog = self.archive.catalog();
        let done = work(&mut tables, &catalog, &self.archive.shared.reader);
        self.tables = Some(tables);
        let (catalog, answer) = done?;
        self.archive.shared.write().catalog = Arc::new(catalog);
        Ok(answer)
    }

    /// The clock, in milliseconds since the Unix epoch.
    pub(crate) fn now_millis(&self) -> i64 {
        i64::try_from((self.options.now)().as_millis()).unwrap_or(i64::MAX)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A sealing under way must not outlive the lock that it works under.
        if let Some((thread, _)) = self.sealing.take() {
            let _ = thread.join();
        }
    }
}

/// Every section of the log stands on its own: it begins with what the ones before said and no segment keeps.
fn log_notices(wal: &mut Wal, notices: &[Notice], next_ordinal: u64) -> Result<(), Error> {
    if !notices.is_empty() {
        let mut builder = BatchBuilder::default();
        notices.iter().for_each(|notice| builder.push_notice(notice));
        let mut batch = builder.finish();
        batch.begin_at(next_ordinal);
        wal.append(batch.bytes(), batch.ordinals() + 1)?;
    }
    Ok(())
}

/// Brings a sealing to its end that was cut off, with the rows that it had: the tables that are ahead of `coverage`
/// hold them up to the ordinal at which the log has been read now.
fn resume_sealing(
    tables: &mut Tables,
    tail: &mut Tail,
    found: &Catalog,
    log_position: u64,
    now_millis: i64,
) -> Result<Catalog, Error> {
    let (first, position) = (found.sealed_before(), tail.next_ordinal());
    let rows = tail.drain();
    tables.seal(&Sealing { rows: &rows, first, position, log_position, now_millis }, found)
}

fn open_tables(store: &Store) -> Result<std::collections::BTreeMap<Table, DeltaTable>, Error> {
    let mut tables = std::collections::BTreeMap::new();
    for table in Table::ALL {
        let delta = match open_table(store, table)? {
            Some(delta) => delta,
            None => {
                let partition: &[&str] = if table.is_partitioned() { &[DATE] } else { &[] };
                DeltaTable::create(store, table.name(), &log_schema(table), partition)?
            }
        };
        tables.insert(table, delta);
    }
    Ok(tables)
}

fn log_schema(table: Table) -> TableSchema {
    let price = || LogType::Decimal { precision: 5, scale: 4 };
    let quantity = || LogType::Decimal { precision: 18, scale: 2 };
    let list = |element| LogType::Array { element: Box::new(element), contains_null: false };
    let mut schema = TableSchema::new();
    for column in table.columns() {
        let kind = match column.kind {
            ColumnType::Int16 => LogType::Short,
            ColumnType::Int32 => LogType::Integer,
            ColumnType::Int64 => LogType::Long,
            ColumnType::Timestamp => LogType::Timestamp,
            ColumnType::Price => price(),
            ColumnType::Quantity => quantity(),
            ColumnType::Boolean => LogType::Boolean,
            ColumnType::Text => LogType::String,
            ColumnType::PriceList => list(price()),
            ColumnType::QuantityList => list(quantity()),
        };
        schema = if column.nullable { schema.nullable(column.name, kind) } else { schema.required(column.name, kind) };
    }
    if table.is_partitioned() { schema.required(DATE, LogType::Date) } else { schema }
}
