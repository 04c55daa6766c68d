//! An archive open for reading: books at instants, events of a range, coverage.
//!
//! What is read is one consistent moment: the tables' versions, and the rows of the log that they do not hold yet.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use daybook_book::{Book, ExchangeTime, ReceivedTime};
use hashbrown::HashMap;

use crate::{
    Clock, Error,
    catalog::{Catalog, FileEntry},
    coverage::Standing,
    entry::{Cause, SourceState},
    history::Histories,
    opening::{read_marker, read_moment, wal_dir},
    reader::Reader,
    reconstruct::{Event, Sources},
    schema::Table,
    seal::{Sealing, write_rows},
    sealed_state::{SealedBase, sealed_intervals},
    segment::Batch,
    segment_writer::{SegmentWriter, day_text},
    store::Store,
    tail::{MarketRows, Rows, Tail},
    timeline::{Gap, Timeline},
};

/// How to open an archive.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Where the write-ahead log is; beside a local archive by default.
    pub wal_dir: Option<PathBuf>,
    /// Look at this market only: the log of a busy archive is then read past quickly.
    pub only: Option<String>,
}

/// An archive open for reading. Cheap to clone; used from any thread.
#[derive(Clone)]
pub struct Archive {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
    pub(crate) state: RwLock<State>,
    options: OpenOptions,
}

pub(crate) struct State {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) sealing: Option<Arc<Rows>>,
    pub(crate) tail: Tail,
}

/// All that a table holds.
pub struct WholeTable {
    /// Sealed files, in the store.
    pub files: Vec<FileEntry>,
    /// What is not sealed yet, as Parquet files in memory, with their day where the table is split by day.
    pub unsealed: Vec<(Option<String>, bytes::Bytes)>,
}

fn encoded(table: Table, writer: SegmentWriter) -> Result<Vec<(Option<String>, bytes::Bytes)>, Error> {
    let day = |day| table.is_partitioned().then(|| day_text(day));
    Ok(writer.encode()?.into_iter().map(|(at, bytes, _)| (day(at), bytes.into())).collect())
}

/// The answer to "which book at that instant".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookAnswer {
    /// The market.
    pub ticker: String,
    /// The instant, in nanoseconds since the Unix epoch.
    pub at: i64,
    /// The clock that the instant is on.
    pub clock: Clock,
    /// The book; empty where nothing is recorded before the instant.
    pub book: Book,
    /// Whether the answer lies inside exact coverage.
    pub exact: bool,
    /// What may be said of it.
    pub standing: Standing,
    /// Named unless exact.
    pub gap: Option<Gap>,
    /// Exchange time of the last event in it.
    pub last_ts: Option<ExchangeTime>,
    /// Received time of the last event in it.
    pub last_recv_ts: Option<ReceivedTime>,
    /// Ordinal of the last event in it.
    pub last_ordinal: Option<u64>,
    /// The venue's logical clock at the last event in it, where that has one.
    pub last_clock: Option<u64>,
    /// Effective time of the keyframe it was folded from, in nanoseconds.
    pub keyframe_ts: Option<i64>,
    /// Deltas folded on top of the keyframe.
    pub deltas_applied: u64,
}

impl Archive {
    /// Opens an archive for reading.
    ///
    /// # Errors
    /// When there is no archive, when a table's log cannot be read, or when the write-ahead log is damaged.
    pub fn open(root: &str, options: OpenOptions) -> Result<Archive, Error> {
        let store = Store::open(root)?;
        let marker = read_marker(&store)?.ok_or_else(|| Error::NoArchive { root: store.location("") })?;
        let wal_dir = wal_dir(&store, &marker, options.wal_dir.as_deref())?;
        let (batches, catalog) = read_moment(&store, &wal_dir)?;
        let catalog = Arc::new(catalog);
        let reader = Reader::new(store.clone());
        let mut tail = Tail::new(catalog.sealed_before());
        tail.watch(options.only.as_deref());
        let shared = Shared {
            store,
            reader,
            state: RwLock::new(State { catalog: catalog.clone(), sealing: None, tail: Tail::default() }),
            options,
        };
        let base = SealedBase { reader: &shared.reader, catalog: &catalog };
        for (at, payload) in &batches {
            if *at >= catalog.log_position() {
                tail.apply(payload, &base)?;
            }
        }
        shared.write().tail = tail;
        Ok(Archive { shared: Arc::new(shared) })
    }

    /// The same archive as it is now: for a reader that lives long beside another process that writes.
    pub fn refreshed(&self) -> Result<Archive, Error> {
        Archive::open(self.shared.store.root().as_str(), self.shared.options.clone())
    }

    /// Where it is.
    pub fn location(&self) -> String {
        self.shared.store.location("")
    }

    /// The store that holds it.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Its tables, each at one version.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.shared.read().catalog.clone()
    }

    /// Runs a question over the sealed and the unsealed rows of one market.
    pub(crate) fn sources<T>(
        &self,
        ticker: &str,
        ask: impl FnOnce(&Sources<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let state = self.shared.read();
        let unsealed = unsealed(&state, ticker);
        let sealing = state.sealing.as_ref().map(|rows| &rows.extras);
        let extras =
            sealing.into_iter().chain([&state.tail.other().extras]).filter(|extras| !extras.is_empty()).collect();
        ask(&Sources { reader: &self.shared.reader, catalog: &state.catalog, unsealed, extras })
    }

    /// A market's coverage over all its recordings; `None` for a market that is not recorded.
    pub fn timeline(&self, ticker: &str) -> Result<Option<Timeline>, Error> {
        let state = self.shared.read();
        let mut intervals = sealed_intervals(&self.shared.reader, &state.catalog, ticker)?;
        for rows in unsealed(&state, ticker) {
            intervals.extend(rows.intervals.iter().map(|(key, interval)| (*key, interval.clone())));
        }
        if let Some(market) = state.tail.market(ticker) {
            for interval in market.open_intervals() {
                intervals.insert(interval.key(), interval.clone());
            }
        }
        Ok((!intervals.is_empty()).then(|| Timeline::new(intervals.into_values())))
    }

    fn recorded(&self, ticker: &str) -> Result<Timeline, Error> {
        self.timeline(ticker)?.ok_or_else(|| Error::UnknownMarket { ticker: ticker.to_owned() })
    }

    /// The last instant of which the record can say the most: where `book` looks if no instant is given.
    pub fn latest(&self, ticker: &str, clock: Clock) -> Result<i64, Error> {
        let timeline = self.recorded(ticker)?;
        let reach = timeline.intervals().iter().map(|interval| {
            let (from, to) = interval.bounds(clock);
            // An exact interval is half-open: its last instant is just before its end.
            if interval.standing == Standing::Exact { (to - 1).max(from) } else { to }
        });
        Ok(reach.max().unwrap_or(0))
    }

    /// The book of a market at an instant, in nanoseconds since the Unix epoch on the clock named.
    ///
    /// # Errors
    /// For a market that is not recorded, and for damaged or missing files. An instant that is not covered is no
    /// error: the answer then holds the last book known, and the gap.
    pub fn book(&self, ticker: &str, at: i64, clock: Clock) -> Result<BookAnswer, Error> {
        let located = self.recorded(ticker)?.locate(at, clock);
        // Of what was pruned, nothing is left to fold.
        let is_pruned = located.gap.as_ref().is_some_and(|gap| gap.cause == Cause::Pruned);
        let folded = match located.connection.filter(|_| !is_pruned) {
            Some(connection) => self.sources(ticker, |sources| sources.fold(ticker, connection, at, clock))?,
            None => None,
        };
        let last = folded.as_ref().map(|folded| &folded.state);
        Ok(BookAnswer {
            ticker: ticker.to_owned(),
            at,
            clock,
            exact: located.standing == Standing::Exact,
            standing: located.standing,
            gap: located.gap,
            last_ts: last.and_then(|state| state.ts),
            last_recv_ts: last.map(|state| state.recv_ts),
            last_ordinal: last.map(|state| state.ordinal),
            last_clock: last.and_then(|state| state.clock),
            keyframe_ts: folded.as_ref().and_then(|folded| folded.keyframe_effective),
            deltas_applied: folded.as_ref().map_or(0, |folded| folded.deltas_applied),
            book: folded.map(|folded| folded.state.book).unwrap_or_default(),
        })
    }

    /// Visits a market's book events, deltas and snapshots, of a range of instants, in order. Recordings that overlap
    /// are told once. The range is `start..end` on effective time, in nanoseconds.
    pub fn events(
        &self,
        ticker: &str,
        start: i64,
        end: i64,
        mut visit: impl FnMut(Event<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let timeline = self.recorded(ticker)?;
        for span in timeline.spans() {
            let (from, to) = (span.from.max(start), span.to.min(end.saturating_sub(1)));
            if from > to {
                continue;
            }
            let flow = self.sources(ticker, |sources| sources.walk(ticker, span.connection, from, to, &mut visit))?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Every market of which a book is or was recorded, sorted.
    pub fn tickers(&self) -> Result<Vec<String>, Error> {
        let state = self.shared.read();
        let mut tickers: Vec<String> = Vec::new();
        for file in &state.catalog.table(Table::Coverage).files {
            let segment = self.shared.reader.segment(Table::Coverage, file)?;
            let mut last = String::new();
            for batch in segment.scan(&["ticker"], 0..segment.rows(), 65_536)? {
                let batch = batch?;
                let texts = batch.texts("ticker")?;
                for row in 0..batch.rows() {
                    let text = texts.get(row).unwrap_or("");
                    if text != last {
                        last = text.to_owned();
                        tickers.push(last.clone());
                    }
                }
            }
        }
        if let Some(rows) = &state.sealing {
            tickers.extend(rows.markets.keys().map(|ticker| ticker.to_string()));
        }
        tickers.extend(state.tail.tickers().map(str::to_owned));
        tickers.sort_unstable();
        tickers.dedup();
        Ok(tickers)
    }

    /// Visits the sealed rows of a table, of one market or of all, in batches of some columns.
    pub fn scan_table(
        &self,
        table: Table,
        ticker: Option<&str>,
        columns: &[&str],
        mut visit: impl FnMut(&Batch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let catalog = self.catalog();
        catalog.table(table).files.iter().try_for_each(|file| self.scan_file(table, file, ticker, columns, &mut visit))
    }

    /// Visits the rows of one file of a table, of one market or of all, in batches of some columns.
    pub fn scan_file(
        &self,
        table: Table,
        file: &FileEntry,
        ticker: Option<&str>,
        columns: &[&str],
        visit: &mut dyn FnMut(&Batch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if ticker.is_some_and(|ticker| !file.may_hold(ticker)) {
            return Ok(());
        }
        let segment = self.shared.reader.segment(table, file)?;
        let rows = match ticker {
            Some(ticker) => self.shared.reader.rows_of(&segment, ticker)?,
            None => 0..segment.rows(),
        };
        if rows.is_empty() {
            return Ok(());
        }
        segment.scan(columns, rows, 8_192)?.try_for_each(|batch| visit(&batch?))
    }

    /// No event of the archive, and no unreadable frame, was received after this time, in nanoseconds; `None` if there
    /// is none. Where a table does not tell, it is the end of all times.
    pub fn last_received(&self) -> Option<i64> {
        let state = self.shared.read();
        let tables =
            [Table::Deltas, Table::Keyframes, Table::Trades, Table::Tickers, Table::Lifecycle, Table::Unparsed];
        let tables = tables.map(|table| state.catalog.table(table));
        let sealed =
            tables.iter().flat_map(|table| &table.files).map(|file| file.recv.map_or(i64::MAX, |(_, last)| last));
        sealed.chain(state.tail.last_recv()).max()
    }

    /// The venue's own id of a market, as its first recorded book event gave it; `None` where none did.
    pub fn market_id(&self, ticker: &str) -> Result<Option<String>, Error> {
        let state = self.shared.read();
        for table in [Table::Keyframes, Table::Deltas] {
            for file in state.catalog.table(table).files.iter().filter(|file| file.may_hold(ticker)) {
                let segment = self.shared.reader.segment(table, file)?;
                let rows = self.shared.reader.rows_of(&segment, ticker)?;
                for batch in segment.scan(&["market_id"], rows, 1_024)? {
                    let batch = batch?;
                    let ids = batch.texts("market_id")?;
                    if let Some(id) = (0..batch.rows()).find_map(|row| ids.get(row).filter(|id| !id.is_empty())) {
                        return Ok(Some(id.to_owned()));
                    }
                }
            }
        }
        let sealing = state.sealing.iter().filter_map(|rows| Some((&**rows, rows.markets.get(ticker)?)));
        let tail = state.tail.rows(ticker).map(|rows| (state.tail.other(), rows));
        let found = sealing.chain(tail).find_map(|(rows, market)| {
            let ids = market
                .keyframes
                .iter()
                .map(|row| row.market_id)
                .chain(market.deltas.iter().map(|delta| delta.row().market_id));
            let names = ids.filter_map(|id| rows.market_ids.get(id as usize));
            names.into_iter().find(|id| !id.is_empty()).map(|id| id.to_string())
        });
        Ok(found)
    }

    /// Whether a table has any row of a market, sealed or not.
    pub fn has_rows(&self, table: Table, ticker: &str) -> Result<bool, Error> {
        let state = self.shared.read();
        for file in state.catalog.table(table).files.iter().filter(|file| file.may_hold(ticker)) {
            let segment = self.shared.reader.segment(table, file)?;
            if !self.shared.reader.rows_of(&segment, ticker)?.is_empty() {
                return Ok(true);
            }
        }
        let rows = state.sealing.iter().map(|rows| &**rows).chain([state.tail.other()]);
        for rows in rows {
            let records = match table {
                Table::Trades => &rows.trades,
                Table::Tickers => &rows.tickers,
                Table::Lifecycle => &rows.lifecycle,
                _ => continue,
            };
            if records.iter().any(|row| row.row.event.ticker() == Some(ticker)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All that some tables hold at one moment, for readers of whole tables: their sealed files, and what is not sealed
    /// yet, which is copied and encoded.
    pub fn tables(&self, tables: &[Table]) -> Result<BTreeMap<Table, WholeTable>, Error> {
        let state = self.shared.read();
        let catalog = state.catalog.clone();
        let sealing = state.sealing.clone();
        let tail = Arc::new(state.tail.rows_now(tables));
        drop(state);
        let unsealed: Vec<Arc<Rows>> = sealing.into_iter().chain([tail]).collect();
        let whole = |table: &Table| Ok((*table, self.whole_table(*table, &catalog, &unsealed)?));
        tables.iter().map(whole).collect()
    }

    fn whole_table(&self, table: Table, catalog: &Catalog, unsealed: &[Arc<Rows>]) -> Result<WholeTable, Error> {
        let files = catalog.table(table).files.clone();
        if table.is_metadata() {
            let mut histories = Histories::load(&self.shared.store, table, &catalog.table(table))?;
            let mut changed = false;
            for rows in unsealed {
                if let Some(newer) = histories.clone().with_documents(&rows.documents)? {
                    histories = newer;
                    changed = true;
                }
            }
            if !changed {
                return Ok(WholeTable { files, unsealed: Vec::new() });
            }
            let mut writer = SegmentWriter::new(table);
            histories.write(&mut writer)?;
            return Ok(WholeTable { files: Vec::new(), unsealed: encoded(table, writer)? });
        }
        let mut parts = Vec::new();
        for rows in unsealed {
            let mut writer = SegmentWriter::new(table);
            let sealing =
                Sealing { rows, first: 0, position: 0, log_position: i64::MAX.cast_unsigned(), now_millis: 0 };
            write_rows(&mut writer, table, &sealing)?;
            parts.extend(encoded(table, writer)?);
        }
        Ok(WholeTable { files, unsealed: parts })
    }

    /// The versions of the venue's documents of one kind, by ticker and time.
    pub fn versions(&self, table: Table) -> Result<Histories, Error> {
        let state = self.shared.read();
        let mut histories = Histories::load(&self.shared.store, table, &state.catalog.table(table))?;
        let unsealed = state.sealing.iter().map(|rows| &**rows).chain([state.tail.other()]);
        for rows in unsealed {
            if let Some(newer) = histories.clone().with_documents(&rows.documents)? {
                histories = newer;
            }
        }
        Ok(histories)
    }

    /// The title that the market's metadata gives it now.
    pub fn market_title(&self, ticker: &str) -> Result<Option<String>, Error> {
        let histories = self.versions(Table::Markets)?;
        Ok(histories.latest(ticker).and_then(|version| histories.text(version, "title")))
    }

    /// What was imported: the latest state of each source.
    pub fn sources_imported(&self) -> Result<Vec<SourceState>, Error> {
        let state = self.shared.read();
        let mut latest: HashMap<u32, (u64, SourceState)> = HashMap::new();
        for file in &state.catalog.table(Table::Sources).files {
            let segment = self.shared.reader.segment(Table::Sources, file)?;
            for batch in segment.scan(&["state", "position"], 0..segment.rows(), 8_192)? {
                let batch = batch?;
                let (states, positions) = (batch.texts("state")?, batch.i64s("position")?);
                for row in 0..batch.rows() {
                    let source: SourceState = serde_json::from_str(states.get(row).unwrap_or(""))
                        .map_err(|error| batch.wrong("state", &format!("not readable: {error}")))?;
                    let position = positions.value(row).cast_unsigned();
                    let newer = latest.get(&source.number).is_none_or(|(held, _)| *held <= position);
                    if newer {
                        latest.insert(source.number, (position, source));
                    }
                }
            }
        }
        let unsealed = state.sealing.iter().flat_map(|rows| rows.sources.values());
        for source in unsealed.chain(state.tail.other().sources.values()) {
            latest.insert(source.number, (u64::MAX, source.clone()));
        }
        let mut sources: Vec<SourceState> = latest.into_values().map(|(_, source)| source).collect();
        sources.sort_by_key(|source| source.number);
        Ok(sources)
    }
}

impl Shared {
    pub(crate) fn new(store: Store, catalog: Catalog, tail: Tail) -> Shared {
        let reader = Reader::new(store.clone());
        let state = RwLock::new(State { catalog: Arc::new(catalog), sealing: None, tail });
        Shared { store, reader, state, options: OpenOptions::default() }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        // Writers change the state in one step at the end of their work: a panic leaves it as it was.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unsealed<'a>(state: &'a State, ticker: &str) -> Vec<&'a MarketRows> {
    let sealing = state.sealing.as_ref().and_then(|rows| rows.markets.get(ticker));
    sealing.into_iter().chain(state.tail.rows(ticker)).collect()
}
