//! Compaction: the small files of a day become few large ones, and rows that nobody needs any more are dropped.
//!
//! Neighbouring files of a day are merged in the order of their ordinals, so the rule that makes reading simple holds on:
//! files of one day never overlap. Memory is bounded by a batch per file merged and the row group being written.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use crate::{
    Error,
    catalog::{Catalog, FileEntry},
    columns::CopiedColumns,
    market::DELTAS_PER_KEYFRAME,
    reader::Reader,
    schema::{ColumnType, Table},
    seal::Tables,
    segment::{Batch, Scan},
    segment_writer::{Day, SegmentWriter},
    table::Operation,
    writer::Writer,
};

/// Rows of a compacted file, about. A market's rows of a day should lie together: each file more is another place to
/// look for every question. The encoded file is held in memory until it is whole: a few hundred megabytes.
const TARGET_ROWS: u64 = 24_000_000;
/// Files merged at once, at most: each holds a batch in memory.
const MERGED_AT_ONCE: usize = 64;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that were merged.
    pub files_before: usize,
    /// Files that they became.
    pub files_after: usize,
    /// Their bytes before.
    pub bytes_before: u64,
    /// Their bytes after.
    pub bytes_after: u64,
}

impl Writer {
    /// Merges the files of every day that has at least `min_files` of them in a table.
    ///
    /// # Errors
    /// Damaged files, or a store that cannot be written; every table is then as it was or compacted, never in between.
    pub fn compact(&mut self, min_files: usize) -> Result<Compacted, Error> {
        self.seal()?;
        let now_millis = self.now_millis();
        self.with_tables(|tables, catalog, reader| {
            let mut catalog = catalog.clone();
            let mut done = Compacted::default();
            for table in Table::ALL.into_iter().filter(|table| !table.is_metadata()) {
                for group in groups(&catalog, table, min_files) {
                    catalog = compact_group(tables, &catalog, reader, table, &group, now_millis, &mut done)?;
                }
            }
            Ok((catalog, done))
        })
    }

    /// Deletes files that no table refers to any more and that were so before `older_than_millis`, milliseconds since
    /// the Unix epoch. Readers of an earlier version that still run lose them. Returns files and bytes.
    ///
    /// # Errors
    /// A store that cannot be listed or written.
    pub fn vacuum(&mut self, older_than_millis: i64) -> Result<(usize, u64), Error> {
        self.with_tables(|tables, catalog, _| {
            let (mut files, mut bytes) = (0, 0);
            for delta in tables.tables.values() {
                for expired in delta.expired_files(older_than_millis)? {
                    tables.store.delete(&expired.store_path)?;
                    files += 1;
                    bytes += expired.size;
                }
            }
            Ok((catalog.clone(), (files, bytes)))
        })
    }
}

/// Neighbouring files of a day that together make one file of the target size.
fn groups(catalog: &Catalog, table: Table, min_files: usize) -> Vec<Vec<FileEntry>> {
    let mut days: BTreeMap<Option<String>, Vec<FileEntry>> = BTreeMap::new();
    for file in &catalog.table(table).files {
        days.entry(file.date.clone()).or_default().push(file.clone());
    }
    let mut groups = Vec::new();
    for files in days.into_values().filter(|files| files.len() >= min_files.max(2)) {
        let mut group: Vec<FileEntry> = Vec::new();
        let mut rows = 0;
        for file in files {
            if !group.is_empty() && (rows + file.rows > TARGET_ROWS || group.len() == MERGED_AT_ONCE) {
                groups.push(std::mem::take(&mut group));
                rows = 0;
            }
            rows += file.rows;
            group.push(file);
        }
        groups.push(group);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

fn compact_group(
    tables: &mut Tables,
    catalog: &Catalog,
    reader: &Reader,
    table: Table,
    group: &[FileEntry],
    now_millis: i64,
    done: &mut Compacted,
) -> Result<Catalog, Error> {
    let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
    let mut cursors = Vec::with_capacity(group.len());
    for file in group {
        let segment = reader.segment(table, file)?;
        let batch_rows = if table == Table::Keyframes { 256 } else { 4_096 };
        cursors.push(Cursor::new(segment.scan(&names, 0..segment.rows(), batch_rows)?, table)?);
    }
    let day = group.first().and_then(|file| file.date.as_deref()).map_or(Ok(0), parse_day)?;
    let mut writer = SegmentWriter::new(table);
    match table {
        Table::Coverage => {
            merge_latest(&mut writer, cursors, table, day, &["ticker", "connection", "first_ordinal", "standing"])?
        }
        Table::Sources => merge_latest(&mut writer, cursors, table, day, &["source"])?,
        _ => {
            let date = group.first().and_then(|file| file.date.as_deref());
            let deltas = catalog.table(Table::Deltas);
            let of_day = deltas.files.iter().filter(|file| file.date.as_deref() == date);
            let starts = of_day.map(|file| file.first_ordinal).collect();
            merge_in_order(&mut writer, cursors, table, day, Thinning::new(starts))?;
        }
    }
    let first = group.iter().map(|file| file.first_ordinal).min().unwrap_or(0);
    let last = group.iter().map(|file| file.last_ordinal).max().unwrap_or(0);
    let written = writer.finish(&tables.store, first, last, now_millis)?;
    done.files_before += group.len();
    done.files_after += written.len();
    done.bytes_before += group.iter().map(|file| file.size).sum::<u64>();
    done.bytes_after += written.iter().map(|file| file.add.size).sum::<u64>();
    let removes = group.iter().map(|file| file.log_path.clone()).collect();
    let files = tables.commit(table, written, removes, &[], Operation::Optimize)?;
    Ok(catalog.with(table, files))
}

fn parse_day(date: &str) -> Result<Day, Error> {
    let midnight = format!("{date}T00:00:00Z").parse::<jiff::Timestamp>();
    let midnight = midnight.map_err(|error| Error::Damaged { file: date.to_owned(), reason: error.to_string() })?;
    Ok(midnight.as_second().div_euclid(86_400))
}

/// A file being read by stretches of rows of one ticker.
struct Cursor {
    scan: Scan,
    table: Table,
    /// Rows at hand; `None` at the end.
    loaded: Option<Loaded>,
    /// Ticker of the stretch at hand; none in a table without.
    ticker: Option<String>,
}

struct Loaded {
    batch: Batch,
    columns: CopiedColumns,
    /// Stretches from the one at hand on.
    runs: VecDeque<Range<usize>>,
}

impl Cursor {
    fn new(scan: Scan, table: Table) -> Result<Cursor, Error> {
        let mut cursor = Cursor { scan, table, loaded: None, ticker: None };
        cursor.load()?;
        Ok(cursor)
    }

    fn load(&mut self) -> Result<(), Error> {
        self.loaded = None;
        while let Some(batch) = self.scan.next().transpose()? {
            let runs = match self.table {
                Table::Unparsed | Table::Sources => std::iter::once(0..batch.rows()).collect(),
                _ => batch.texts("ticker")?.runs().into_iter().map(|(_, rows)| rows).collect(),
            };
            if batch.rows() > 0 {
                let columns = CopiedColumns::of(&batch, self.table.columns())?;
                self.loaded = Some(Loaded { batch, columns, runs });
                break;
            }
        }
        self.note_ticker()
    }

    fn note_ticker(&mut self) -> Result<(), Error> {
        let Some(Loaded { batch, runs, .. }) = &self.loaded else { return Ok(()) };
        if matches!(self.table, Table::Unparsed | Table::Sources) {
            return Ok(());
        }
        let ticker = runs.front().map_or(Ok(None), |run| batch.texts("ticker").map(|texts| texts.get(run.start)))?;
        if self.ticker.as_deref() != ticker {
            self.ticker = ticker.map(str::to_owned);
        }
        Ok(())
    }

    /// The stretch at hand is done.
    fn advance(&mut self) -> Result<(), Error> {
        if let Some(loaded) = &mut self.loaded {
            loaded.runs.pop_front();
            if !loaded.runs.is_empty() {
                return self.note_ticker();
            }
        }
        self.load()
    }
}

/// Merges files in order of ticker, and within a ticker in order of the files: their ordinals follow each other.
fn merge_in_order(
    writer: &mut SegmentWriter,
    mut cursors: Vec<Cursor>,
    table: Table,
    day: Day,
    mut thinning: Thinning,
) -> Result<(), Error> {
    let deltas_since = table.columns().iter().position(|column| column.name == "deltas_since");
    loop {
        let head = cursors.iter().enumerate().filter(|(_, cursor)| cursor.loaded.is_some());
        let Some((at, _)) = head.min_by(|(_, a), (_, b)| a.ticker.cmp(&b.ticker)) else { return Ok(()) };
        let cursor = &mut cursors[at];
        let ticker = cursor.ticker.clone();
        while let Some(Loaded { batch, columns, runs }) = &cursor.loaded
            && cursor.ticker == ticker
        {
            let run = runs.front().cloned().unwrap_or_default();
            match deltas_since {
                None => writer.copy(day, columns, run)?,
                Some(column) => {
                    for row in run {
                        if let Some(since) = thinning.keeps(batch, row, ticker.as_deref())? {
                            writer.copy(day, columns, row..row + 1)?;
                            writer.set_last_i32(day, column, since.cast_signed());
                        }
                    }
                }
            }
            cursor.advance()?;
        }
    }
}

/// Drops folded keyframes that stand closer to the one before than reconstruction needs.
struct Thinning {
    /// First ordinals of the day's files of deltas, in order.
    starts: Vec<u64>,
    ticker: Option<String>,
    /// Deltas since the last keyframe kept, and the file of deltas that it stands in, by connection.
    since: BTreeMap<i32, (u32, usize)>,
}

impl Thinning {
    fn new(starts: Vec<u64>) -> Thinning {
        Thinning { starts, ticker: None, since: BTreeMap::new() }
    }

    /// For a keyframe that stays, the deltas since the one that stands before it now.
    fn keeps(&mut self, batch: &Batch, row: usize, ticker: Option<&str>) -> Result<Option<u32>, Error> {
        if self.ticker.as_deref() != ticker {
            self.ticker = ticker.map(str::to_owned);
            self.since.clear();
        }
        let connection = batch.i32s("connection")?.value(row);
        let deltas = batch.i32s("deltas_since")?.value(row).cast_unsigned();
        let ordinal = batch.i64s("ordinal")?.value(row).cast_unsigned();
        let snapshot = batch.texts("kind")?.get(row) == Some("snapshot");
        Ok(self.distance(connection, ordinal, deltas, snapshot))
    }

    /// The same, of a keyframe that comes `deltas` after the one before it of the same stream.
    fn distance(&mut self, connection: i32, ordinal: u64, deltas: u32, snapshot: bool) -> Option<u32> {
        let file = self.starts.partition_point(|start| *start <= ordinal);
        let since = self.since.get(&connection).map(|(since, file)| (since.saturating_add(deltas), *file));
        // A stream's first keyframe of the file makes it stand on its own; and one for each file of deltas, or a quiet
        // market's book would be folded from all files before.
        let keep = snapshot || since.is_none_or(|(since, held)| since > DELTAS_PER_KEYFRAME / 2 || held != file);
        let counted = since.map_or(deltas, |(since, _)| since);
        let since = if keep { (0, file) } else { since.unwrap_or((0, file)) };
        self.since.insert(connection, since);
        keep.then_some(counted)
    }
}

/// Merges small tables of versions: of each key, the row of the highest position stays.
fn merge_latest(
    writer: &mut SegmentWriter,
    cursors: Vec<Cursor>,
    table: Table,
    day: Day,
    key: &[&str],
) -> Result<(), Error> {
    let mut batches: Vec<CopiedColumns> = Vec::new();
    let mut latest: BTreeMap<Vec<String>, (i64, usize, usize)> = BTreeMap::new();
    for mut cursor in cursors {
        while let Some(Loaded { batch, columns, .. }) = cursor.loaded.take() {
            let positions = batch.i64s("position")?;
            for row in 0..batch.rows() {
                let mut parts = Vec::with_capacity(key.len());
                for name in key {
                    parts.push(
                        match table.columns().iter().find(|column| column.name == *name).map(|column| column.kind) {
                            Some(ColumnType::Text) => batch.texts(name)?.get(row).unwrap_or("").to_owned(),
                            Some(ColumnType::Int32) => format!("{:011}", batch.i32s(name)?.value(row)),
                            _ => format!("{:020}", batch.i64s(name)?.value(row)),
                        },
                    );
                }
                let position = positions.value(row);
                if latest.get(&parts).is_none_or(|(held, _, _)| *held <= position) {
                    latest.insert(parts, (position, batches.len(), row));
                }
            }
            batches.push(columns);
            cursor.load()?;
        }
    }
    for (_, batch, row) in latest.into_values() {
        writer.copy(day, &batches[batch], row..row + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thinning_says_how_far_keyframes_stand_apart_and_thins_once(
            keyframes in prop::collection::vec((0_i32..2, 0_u32..=DELTAS_PER_KEYFRAME, prop::bool::weighted(0.1)), 1..60),
            starts in prop::collection::btree_set(0_u64..40_000, 0..4),
        ) {
            let starts: Vec<u64> = starts.into_iter().collect();
            let thin = |keyframes: &[(i32, u64, u32, bool)]| {
                let mut thinning = Thinning::new(starts.clone());
                let mut kept = Vec::new();
                for (connection, ordinal, deltas, snapshot) in keyframes {
                    let distance = thinning.distance(*connection, *ordinal, *deltas, *snapshot);
                    kept.extend(distance.map(|distance| (*connection, *ordinal, distance, *snapshot)));
                }
                kept
            };
            let mut ordinal = 0;
            let keyframes: Vec<(i32, u64, u32, bool)> = keyframes.into_iter().map(|(connection, deltas, snapshot)| {
                ordinal += u64::from(deltas) + 1;
                (connection, ordinal, deltas, snapshot)
            }).collect();
            let kept = thin(&keyframes);
            prop_assert_eq!(&thin(&kept), &kept);
            for connection in 0..2 {
                let of_stream = |all: &[(i32, u64, u32, bool)]| -> Vec<(u64, u32, bool)> {
                    let all = all.iter().filter(|keyframe| keyframe.0 == connection);
                    all.map(|(_, ordinal, deltas, snapshot)| (*ordinal, *deltas, *snapshot)).collect()
                };
                let (before, after) = (of_stream(&keyframes), of_stream(&kept));
                prop_assert_eq!(before.first(), after.first());
                let snapshots = |all: &[(u64, u32, bool)]| all.iter().filter(|keyframe| keyframe.2).count();
                prop_assert_eq!(snapshots(&before), snapshots(&after));
                for pair in after.windows(2) {
                    let between = before.iter().filter(|(ordinal, ..)| pair[0].0 < *ordinal && *ordinal <= pair[1].0);
                    let distance: u32 = between.map(|(_, deltas, _)| deltas).sum();
                    prop_assert_eq!(pair[1].1, distance);
                    prop_assert!(distance <= DELTAS_PER_KEYFRAME / 2 + DELTAS_PER_KEYFRAME);
                }
                // Where a file of deltas begins there is a keyframe, unless the stream has none in it.
                for (number, start) in starts.iter().enumerate() {
                    let end = starts.get(number + 1).copied().unwrap_or(u64::MAX);
                    let inside = |all: &[(u64, u32, bool)]| all.iter().find(|keyframe| (*start..end).contains(&keyframe.0)).map(|keyframe| keyframe.0);
                    prop_assert_eq!(inside(&before), inside(&after));
                }
            }
        }
    }
}
