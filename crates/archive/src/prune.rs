//! Pruning: everything that was received on the days before a horizon is dropped, and what comes after stays answerable.
//!
//! Files are dropped by their day. A book needs what came before it, so the state of each stream that is still needed
//! goes on as a keyframe in the horizon day's folder. `coverage` is committed first, then `keyframes`, then the rest:
//! after a crash in between, the archive claims too little rather than too much, and the next pruning brings it to its
//! end. Each commit carries the horizon, so that a reader that opens in between notices.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
    sync::Arc,
};

use crate::{
    Clock, Error,
    archive::Archive,
    catalog::{Catalog, FileEntry, TableFiles},
    columns::CopiedColumns,
    coverage::{Interval, IntervalKey},
    market::Keyframe,
    opening::commit_file,
    reader::Reader,
    reconstruct::{DELTA_COLUMNS, Folded, Sources},
    schema::Table,
    seal::{Tables, interval_row, keyframe_row},
    sealed_state::each_interval,
    segment_writer::{Day, SegmentWriter, WrittenFile, day_of, day_text},
    table::Operation,
    tail::KeyframeRow,
    writer::Writer,
};

mod clamp;

use clamp::{Floor, clamp, is_needed, is_pruned};

/// The name under which a table commits the day before which it was pruned.
pub const HORIZON: &str = "daybook-horizon";
/// The name under which a table commits how many ordinals were pruned from it, over all prunings.
pub const PRUNED: &str = "daybook-pruned";

const DAY_NANOS: i64 = 86_400_000_000_000;
/// Tables that are pruned, in the order of their commits, after `coverage`.
const TABLES: [Table; 6] =
    [Table::Keyframes, Table::Deltas, Table::Trades, Table::Tickers, Table::Lifecycle, Table::Unparsed];

/// What was dropped from one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The table.
    pub table: Table,
    /// Files.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a pruning did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The horizon: the first day that stays, such as `2026-08-12`.
    pub horizon: String,
    /// Days that were dropped, in order. Nothing was done if there are none.
    pub days: Vec<String>,
    /// What was dropped, by table.
    pub tables: Vec<Dropped>,
    /// Books that were carried over to the horizon day.
    pub carried: usize,
}

impl Pruned {
    /// Files, rows and bytes over all tables.
    pub fn total(&self) -> (usize, u64, u64) {
        self.tables.iter().fold((0, 0, 0), |(files, rows, bytes), dropped| {
            (files + dropped.files, rows + dropped.rows, bytes + dropped.bytes)
        })
    }
}

impl Writer {
    /// Drops everything that was received on UTC days before that of `before`, in nanoseconds since the Unix epoch. Books
    /// and events from its midnight on stay as they are; nothing earlier is called exact any more, but `pruned`.
    /// Metadata and the list of sources stay. Files stay in the store until [`vacuum`](Writer::vacuum).
    ///
    /// The books that are carried over are in memory at once, and so is `coverage`.
    ///
    /// # Errors
    /// [`Error::HorizonAhead`] for a day that has not begun; damaged files, or a store that cannot be written. What was
    /// begun is then brought to its end by the next pruning.
    pub fn prune(&mut self, before: i64) -> Result<Pruned, Error> {
        let now_millis = self.now_millis();
        let day = horizon_day(before, now_millis.saturating_mul(1_000_000))?;
        self.seal()?;
        let archive = self.archive().clone();
        let mut reached = None;
        let done = self.with_tables(|tables, catalog, reader| {
            let plan = Plan::new(reader, catalog, day)?;
            let mut catalog = catalog.clone();
            if !plan.report.days.is_empty() {
                // What the tail holds of coverage is written by later sealings.
                archive.shared.write().tail.prune(|ticker, interval| plan.leaves(ticker, interval));
                let carried_out = plan.carry_out(tables, &mut catalog, reader, now_millis);
                reached = Some(catalog.clone());
                carried_out?;
            }
            Ok((catalog, plan.report))
        });
        if let Some(catalog) = reached {
            archive.shared.write().catalog = Arc::new(catalog);
        }
        done
    }
}

impl Archive {
    /// What [`Writer::prune`] would do now, of what is sealed. `now` is in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// As [`Writer::prune`].
    pub fn prunable(&self, before: i64, now: i64) -> Result<Pruned, Error> {
        let day = horizon_day(before, now)?;
        Ok(Plan::new(&self.shared.reader, &self.catalog(), day)?.report)
    }
}

/// The day of an instant, unless it has yet to begin.
fn horizon_day(before: i64, now: i64) -> Result<Day, Error> {
    let day = day_of(before);
    if day > day_of(now) {
        return Err(Error::HorizonAhead { horizon: day_text(day) });
    }
    Ok(day)
}

impl Catalog {
    /// A table that was pruned further than `coverage`, or than the keyframes that its rows need: the tables were read
    /// while they were pruned, or are not of one archive.
    pub fn pruned_ahead(&self) -> Option<Table> {
        let horizon = |table| self.table(table).horizon;
        let is_ahead = |table: &Table| {
            let behind = if *table == Table::Deltas { Table::Keyframes } else { Table::Coverage };
            horizon(*table) > horizon(behind)
        };
        TABLES.into_iter().find(is_ahead)
    }

    /// The same catalog with some of the files of the tables that hold books.
    fn only(&self, stays: impl Fn(&FileEntry) -> bool) -> Catalog {
        [Table::Deltas, Table::Keyframes].into_iter().fold(self.clone(), |catalog, table| {
            let held = self.table(table);
            let files = held.files.iter().filter(|file| stays(file)).cloned().collect();
            catalog.with(table, TableFiles { files, ..(*held).clone() })
        })
    }
}

/// The intervals of every market, of each the version of the highest position.
type Coverage = BTreeMap<Box<str>, BTreeMap<IntervalKey, (u64, Interval)>>;

/// A book that goes on in the horizon day's folder.
struct Carried {
    ticker: Box<str>,
    row: KeyframeRow,
    market_id: String,
}

/// What a pruning is to do. Nothing, if its report names no days.
struct Plan {
    day: Day,
    report: Pruned,
    /// Files to drop, by table.
    files: BTreeMap<Table, Vec<FileEntry>>,
    /// Intervals to be stored, unless they are as they were.
    coverage: Option<BTreeMap<Box<str>, Vec<Interval>>>,
    /// Where each stream begins now; `None` where it is not needed any more.
    floors: HashMap<(Box<str>, u32), Option<Floor>>,
    /// In order of ticker and ordinal.
    carried: Vec<Carried>,
}

impl Plan {
    fn new(reader: &Reader, catalog: &Catalog, day: Day) -> Result<Plan, Error> {
        let date = day_text(day);
        let is_old = |file: &FileEntry| file.date.as_ref().is_some_and(|held| *held < date);
        let mut plan = Plan {
            day,
            report: Pruned { horizon: date.clone(), ..Pruned::default() },
            files: BTreeMap::new(),
            coverage: None,
            floors: HashMap::new(),
            carried: Vec::new(),
        };
        let mut days = BTreeSet::new();
        for table in TABLES {
            let files: Vec<FileEntry> =
                catalog.table(table).files.iter().filter(|file| is_old(file)).cloned().collect();
            if files.is_empty() {
                continue;
            }
            days.extend(files.iter().filter_map(|file| file.date.clone()));
            plan.report.tables.push(Dropped {
                table,
                files: files.len(),
                rows: files.iter().map(|file| file.rows).sum(),
                bytes: files.iter().map(|file| file.size).sum(),
            });
            plan.files.insert(table, files);
        }
        plan.report.days = days.into_iter().collect();
        if !plan.report.days.is_empty() {
            plan.streams(reader, catalog, &catalog.only(is_old), &catalog.only(|file| !is_old(file)))?;
            plan.report.carried = plan.carried.len();
        }
        Ok(plan)
    }

    /// Decides of every stream where it begins now, and what of it goes on.
    fn streams(&mut self, reader: &Reader, catalog: &Catalog, old: &Catalog, kept: &Catalog) -> Result<(), Error> {
        let horizon = self.day.saturating_mul(DAY_NANOS);
        let sources = |catalog| Sources { reader, catalog, unsealed: Vec::new(), extras: Vec::new() };
        let (old, kept) = (sources(old), sources(kept));
        let mut clamped = BTreeMap::new();
        let mut is_changed = false;
        for (ticker, intervals) in read_coverage(reader, catalog)? {
            let mut streams: BTreeMap<u32, Vec<Interval>> = BTreeMap::new();
            for (_, interval) in intervals.into_values() {
                streams.entry(interval.connection).or_default().push(interval);
            }
            let mut left = Vec::new();
            for (connection, stream) in streams {
                let is_needed = is_needed(&stream, horizon);
                let mut floor = Floor::new(horizon, None);
                if is_needed && let Some(folded) = last_state(&old, &kept, &ticker, connection)? {
                    let keyframe = folded.state;
                    floor = Floor::new(horizon, Some((keyframe.effective, keyframe.recv_max)));
                    let row = KeyframeRow { keyframe, snapshot: false, market_id: 0, sent_ts: None };
                    self.carried.push(Carried { ticker: ticker.clone(), row, market_id: old.market_id(&ticker)? });
                }
                self.floors.insert((ticker.clone(), connection), is_needed.then_some(floor));
                let of_stream = clamp(stream.clone(), floor, is_needed);
                is_changed |= of_stream != stream;
                left.extend(of_stream);
            }
            left.sort_by_key(|interval| (interval.first_ordinal, interval.standing));
            clamped.insert(ticker, left);
        }
        self.carried.sort_by(|a, b| (&a.ticker, a.ordinal()).cmp(&(&b.ticker, b.ordinal())));
        self.coverage = is_changed.then_some(clamped);
        Ok(())
    }

    /// What is left of an interval that a stream in memory goes on with; false if the stream is to be let go of.
    fn leaves(&self, ticker: &str, interval: &mut Interval) -> bool {
        let floor = match self.floors.get(&(Box::from(ticker), interval.connection)) {
            Some(Some(floor)) => *floor,
            Some(None) => return interval.standing == crate::coverage::Standing::Gap,
            None => Floor::new(self.day.saturating_mul(DAY_NANOS), None),
        };
        floor.lift(interval);
        true
    }

    fn carry_out(
        &self,
        tables: &mut Tables,
        catalog: &mut Catalog,
        reader: &Reader,
        now_millis: i64,
    ) -> Result<(), Error> {
        let horizon = u64::try_from(self.day).unwrap_or(0);
        for table in [Table::Coverage].into_iter().chain(TABLES) {
            let held = catalog.table(table);
            let dropped = self.files.get(&table).map_or(&[][..], |files| files);
            let mut removes: Vec<String> = dropped.iter().map(|file| file.log_path.clone()).collect();
            let mut adds = Vec::new();
            let mut ordinals = dropped.iter().map(|file| file.rows).sum();
            match table {
                Table::Coverage => self.write_coverage(tables, &held, now_millis, &mut adds, &mut removes)?,
                Table::Keyframes => {
                    ordinals = count_snapshots(reader, dropped)?;
                    self.write_keyframes(tables, &held, reader, now_millis, &mut adds, &mut removes)?;
                }
                _ => {}
            }
            // A file that was written anew with what it held is the same file.
            let is_held = |add: &WrittenFile| removes.contains(&add.add.path);
            let same: Vec<String> = adds.iter().filter(|add| is_held(add)).map(|add| add.add.path.clone()).collect();
            adds.retain(|add| !same.contains(&add.add.path));
            removes.retain(|path| !same.contains(path));
            let is_behind = held.horizon.is_none_or(|held| held < horizon);
            let has_word = matches!(table, Table::Coverage | Table::Keyframes);
            if adds.is_empty() && removes.is_empty() && !(has_word && is_behind) {
                // An earlier pruning that was cut off may have committed it and not waited for the disk.
                if has_word {
                    tables.store.make_durable(&commit_file(table, held.version))?;
                }
                continue;
            }
            let horizon = horizon.max(held.horizon.unwrap_or(0));
            let positions = [(HORIZON.to_owned(), horizon), (PRUNED.to_owned(), held.pruned + ordinals)];
            let files = tables.commit(table, adds, removes, &positions, Operation::Delete)?;
            *catalog = catalog.with(table, files);
        }
        Ok(())
    }

    fn write_coverage(
        &self,
        tables: &Tables,
        held: &TableFiles,
        now_millis: i64,
        adds: &mut Vec<WrittenFile>,
        removes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let Some(coverage) = &self.coverage else { return Ok(()) };
        let position = held.log_position.unwrap_or(0);
        let mut writer = SegmentWriter::new(Table::Coverage);
        for (ticker, intervals) in coverage {
            for interval in intervals {
                // What was pruned goes along with the horizon, or each old day would keep a file.
                let day = if is_pruned(interval) { self.day } else { day_of(interval.from_recv) };
                interval_row(&mut writer, day, ticker, interval, position)?;
            }
        }
        let first = held.files.iter().map(|file| file.first_ordinal).min().unwrap_or(0);
        let last = held.files.iter().map(|file| file.last_ordinal).max().unwrap_or(0);
        adds.extend(writer.finish(&tables.store, first, last, now_millis)?);
        removes.extend(held.files.iter().map(|file| file.log_path.clone()));
        Ok(())
    }

    /// Puts the carried books into the horizon day: into the file whose ordinals are around theirs, or one of their own.
    fn write_keyframes(
        &self,
        tables: &Tables,
        held: &TableFiles,
        reader: &Reader,
        now_millis: i64,
        adds: &mut Vec<WrittenFile>,
        removes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let date = day_text(self.day);
        let files: Vec<&FileEntry> =
            held.files.iter().filter(|file| file.date.as_deref() == Some(date.as_str())).collect();
        let mut places: BTreeMap<(usize, bool), Vec<&Carried>> = BTreeMap::new();
        for carried in &self.carried {
            let at = files.partition_point(|file| file.last_ordinal < carried.ordinal());
            let is_inside = files.get(at).is_some_and(|file| file.first_ordinal <= carried.ordinal());
            places.entry((at, is_inside)).or_default().push(carried);
        }
        for ((at, is_inside), all) in places {
            let mut writer = SegmentWriter::new(Table::Keyframes);
            let mut first = all.iter().map(|carried| carried.ordinal()).min().unwrap_or(0);
            let mut last = all.iter().map(|carried| carried.ordinal()).max().unwrap_or(0);
            if is_inside {
                (first, last) = (files[at].first_ordinal, files[at].last_ordinal);
                self.merge(&mut writer, reader, files[at], &all)?;
                removes.push(files[at].log_path.clone());
            } else {
                all.iter().try_for_each(|carried| carried.write(&mut writer, self.day))?;
            }
            adds.extend(writer.finish(&tables.store, first, last, now_millis)?);
        }
        Ok(())
    }

    /// Writes a file's keyframes with carried ones among them, each before those of its market that are later.
    fn merge(
        &self,
        writer: &mut SegmentWriter,
        reader: &Reader,
        file: &FileEntry,
        carried: &[&Carried],
    ) -> Result<(), Error> {
        let mut coming = carried.iter().peekable();
        let names: Vec<&str> = Table::Keyframes.columns().iter().map(|column| column.name).collect();
        let segment = reader.segment(Table::Keyframes, file)?;
        for batch in segment.scan(&names, 0..segment.rows(), 256)? {
            let batch = batch?;
            let columns = CopiedColumns::of(&batch, Table::Keyframes.columns())?;
            let (tickers, ordinals) = (batch.texts("ticker")?, batch.i64s("ordinal")?);
            for row in 0..batch.rows() {
                let place = (tickers.get(row).unwrap_or(""), ordinals.value(row).cast_unsigned());
                while let Some(carried) = coming.next_if(|carried| (&*carried.ticker, carried.ordinal()) <= place) {
                    carried.write(writer, self.day)?;
                }
                writer.copy(self.day, &columns, row..row + 1)?;
            }
        }
        coming.try_for_each(|carried| carried.write(writer, self.day))
    }
}

impl Carried {
    fn ordinal(&self) -> u64 {
        self.row.keyframe.ordinal
    }

    fn write(&self, writer: &mut SegmentWriter, day: Day) -> Result<(), Error> {
        keyframe_row(writer, day, &self.ticker, &self.row, &self.market_id, None)
    }
}

fn read_coverage(reader: &Reader, catalog: &Catalog) -> Result<Coverage, Error> {
    let mut latest = Coverage::new();
    let names: Vec<&str> = Table::Coverage.columns().iter().map(|column| column.name).collect();
    for file in &catalog.table(Table::Coverage).files {
        let segment = reader.segment(Table::Coverage, file)?;
        for batch in segment.scan(&names, 0..segment.rows(), 8_192)? {
            let batch = batch?;
            let tickers = batch.texts("ticker")?;
            each_interval(&batch, |row, position, interval| {
                let of_market = latest.entry(tickers.get(row).unwrap_or("").into()).or_default();
                if of_market.get(&interval.key()).is_none_or(|(held, _)| *held <= position) {
                    of_market.insert(interval.key(), (position, interval));
                }
            })?;
        }
    }
    Ok(latest)
}

fn count_snapshots(reader: &Reader, files: &[FileEntry]) -> Result<u64, Error> {
    let mut count = 0;
    for file in files {
        let segment = reader.segment(Table::Keyframes, file)?;
        for batch in segment.scan(&["kind"], 0..segment.rows(), 8_192)? {
            let batch = batch?;
            let kinds = batch.texts("kind")?;
            count += (0..batch.rows()).filter(|row| kinds.get(*row) == Some("snapshot")).count() as u64;
        }
    }
    Ok(count)
}

/// The state of a stream after the last of its events that are to be dropped; `None` if it has none, or if a pruning
/// that was cut off has carried it over already.
fn last_state(old: &Sources<'_>, kept: &Sources<'_>, ticker: &str, connection: u32) -> Result<Option<Folded>, Error> {
    let Some(folded) = old.fold(ticker, connection, i64::MAX, Clock::Received)? else { return Ok(None) };
    // Deltas without a keyframe: the stream began without a snapshot, or its keyframes are dropped already.
    let is_carried = folded.keyframe_effective.is_none()
        && kept.beginning(ticker, connection)?.is_some_and(|keyframe| keyframe.ordinal >= folded.state.ordinal);
    Ok((!is_carried).then_some(folded))
}

impl Sources<'_> {
    /// The state just before the stream's events of an effective time: what their running maxima go on from.
    pub(crate) fn base(&self, ticker: &str, connection: u32, from: i64) -> Result<Option<Keyframe>, Error> {
        match self.keyframe(ticker, connection, from.saturating_sub(1), Clock::Exchange)? {
            Some(keyframe) => Ok(Some(keyframe)),
            None => self.beginning(ticker, connection),
        }
    }

    /// The folded keyframe that a stream begins with; `None` unless a pruning has dropped what came before.
    fn beginning(&self, ticker: &str, connection: u32) -> Result<Option<Keyframe>, Error> {
        for file in self.catalog.table(Table::Keyframes).files.iter().filter(|file| file.may_hold(ticker)) {
            let segment = self.reader.segment(Table::Keyframes, file)?;
            let places = self.reader.keyframes_of(&segment, ticker)?;
            let Some(first) = places.iter().find(|place| place.connection == connection) else { continue };
            if first.snapshot {
                return Ok(None);
            }
            let range = (None, Some(first.ordinal));
            let before =
                self.each_delta(ticker, connection, range, DELTA_COLUMNS, |_, _| Ok(ControlFlow::Break(())))?;
            if before.is_break() {
                return Ok(None);
            }
            return Ok(Some(self.reader.keyframe(&segment, first.row)?.as_ref().clone()));
        }
        Ok(None)
    }

    /// The venue's id of a market.
    fn market_id(&self, ticker: &str) -> Result<String, Error> {
        for table in [Table::Keyframes, Table::Deltas] {
            for file in self.catalog.table(table).files.iter().rev().filter(|file| file.may_hold(ticker)) {
                let segment = self.reader.segment(table, file)?;
                let rows = self.reader.rows_of(&segment, ticker)?;
                if !rows.is_empty() {
                    let batch = segment.read(&["market_id"], rows.end - 1..rows.end)?;
                    return Ok(batch.texts("market_id")?.get(0).unwrap_or("").to_owned());
                }
            }
        }
        Ok(String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_read_while_they_are_pruned_are_no_moment() {
        let pruned = |tables: &[Table]| {
            TABLES.into_iter().chain([Table::Coverage]).fold(Catalog::default(), |catalog, table| {
                let horizon = if tables.contains(&table) { Some(8) } else { Some(7) };
                catalog.with(table, TableFiles { horizon, ..TableFiles::default() })
            })
        };
        // In the order of the commits, cut off anywhere.
        let order: Vec<Table> = [Table::Coverage].into_iter().chain(TABLES).collect();
        for count in 0..=order.len() {
            assert_eq!(pruned(&order[..count]).pruned_ahead(), None);
        }
        assert_eq!(pruned(&[Table::Trades]).pruned_ahead(), Some(Table::Trades));
        assert_eq!(pruned(&[Table::Keyframes, Table::Deltas]).pruned_ahead(), Some(Table::Keyframes));
        assert_eq!(pruned(&[Table::Coverage, Table::Deltas]).pruned_ahead(), Some(Table::Deltas));
        let never = Catalog::default().with(Table::Deltas, TableFiles { horizon: Some(1), ..TableFiles::default() });
        assert_eq!(never.pruned_ahead(), Some(Table::Deltas));
    }
}
