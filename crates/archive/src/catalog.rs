//! What the tables hold: their files, with what is known of each, and how far the log has been sealed into them.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Error,
    prune::{HORIZON, PRUNED},
    schema::{DATE, Table},
    seal::{LOG_POSITION, POSITION, version_name},
    segment_name::SegmentName,
    table::{LiveFile, StatValue, TableSnapshot},
};

/// One file of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Path in the archive.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Rows.
    pub rows: u64,
    /// UTC day, where the table is split by day.
    pub date: Option<String>,
    /// First ordinal in it.
    pub first_ordinal: u64,
    /// Last ordinal in it.
    pub last_ordinal: u64,
    /// Least and greatest ticker, where known.
    pub tickers: Option<(String, String)>,
    /// Earliest and latest received time, rounded down and up, in nanoseconds; `None` where nothing tells.
    pub recv: Option<(i64, i64)>,
    /// Table-relative path, as the table's log has it.
    pub log_path: String,
}

/// One table at one version.
#[derive(Clone, Debug, Default)]
pub struct TableFiles {
    /// The table format's version.
    pub version: u64,
    /// Its files, by day and then by first ordinal. A stream's events never go back to an earlier day,
    /// so this is also the order in which each stream is to be read.
    pub files: Vec<FileEntry>,
    /// The first ordinal that its own commits do not cover, if there are any.
    pub position: Option<u64>,
    /// Of `coverage`: the first position of the log that is not sealed.
    pub log_position: Option<u64>,
    /// Of `coverage`: the versions that the other tables had reached when it was last sealed.
    pub versions: Vec<(Table, u64)>,
    /// The day, since the Unix epoch, before which a pruning last dropped everything here.
    pub horizon: Option<u64>,
    /// Ordinals that prunings have dropped from this table.
    pub pruned: u64,
}

/// All tables, each at one version.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tables: BTreeMap<Table, Arc<TableFiles>>,
}

impl FileEntry {
    fn new(table: Table, file: &LiveFile) -> FileEntry {
        let name = SegmentName::parse(&file.path);
        let ordinal = |value: Option<&StatValue>| value.and_then(StatValue::as_integer).map(i64::cast_unsigned);
        let text = |value: Option<&StatValue>| value.and_then(StatValue::as_text).map(str::to_owned);
        let instant = |value: Option<&StatValue>| {
            let stamp: jiff::Timestamp = value.and_then(StatValue::as_text)?.parse().ok()?;
            i64::try_from(stamp.as_nanosecond()).ok()
        };
        let stats = &file.stats;
        FileEntry {
            path: format!("{}/{}", table.name(), file.path),
            size: file.size,
            rows: file.stats.num_records.unwrap_or(0),
            date: file.partition_value(DATE).map(str::to_owned),
            first_ordinal: name.map(|name| name.first).or_else(|| ordinal(stats.min("ordinal"))).unwrap_or(0),
            last_ordinal: name.map(|name| name.last).or_else(|| ordinal(stats.max("ordinal"))).unwrap_or(u64::MAX),
            tickers: text(stats.min("ticker")).zip(text(stats.max("ticker"))),
            // The stamps are in whole milliseconds, rounded from microseconds; the rest of one is beside them.
            recv: instant(stats.min("recv_ts"))
                .zip(instant(stats.max("recv_ts")))
                .map(|(least, most)| (least, most.saturating_add(999))),
            log_path: file.path.clone(),
        }
    }

    /// Whether it may hold rows of this market.
    pub fn may_hold(&self, ticker: &str) -> bool {
        self.tickers.as_ref().is_none_or(|(least, greatest)| least.as_str() <= ticker && ticker <= greatest.as_str())
    }
}

impl TableFiles {
    /// From what the table format says.
    pub fn new(table: Table, snapshot: &TableSnapshot) -> Result<TableFiles, Error> {
        let mut files: Vec<FileEntry> = snapshot.files.iter().map(|file| FileEntry::new(table, file)).collect();
        files.sort_by(|a, b| (&a.date, a.first_ordinal, &a.path).cmp(&(&b.date, b.first_ordinal, &b.path)));
        if matches!(table, Table::Deltas | Table::Keyframes) {
            for pair in files.windows(2) {
                if pair[0].date == pair[1].date && pair[0].last_ordinal >= pair[1].first_ordinal {
                    return Err(Error::Damaged {
                        file: pair[1].path.clone(),
                        reason: format!("its ordinals overlap those of {}: order cannot be told", pair[0].path),
                    });
                }
            }
        }
        let position = |app: &str| snapshot.txns.get(app).and_then(|position| u64::try_from(*position).ok());
        let versions = Table::ALL.into_iter().filter_map(|other| Some((other, position(&version_name(other))?)));
        let versions = if table == Table::Coverage { versions.collect() } else { Vec::new() };
        Ok(TableFiles {
            versions,
            version: snapshot.version,
            files,
            position: position(POSITION),
            log_position: position(LOG_POSITION),
            horizon: position(HORIZON),
            pruned: position(PRUNED).unwrap_or(0),
        })
    }
}

impl Catalog {
    /// The table's files.
    pub fn table(&self, table: Table) -> Arc<TableFiles> {
        self.tables.get(&table).cloned().unwrap_or_default()
    }

    /// The same catalog with one table at another version.
    pub fn with(&self, table: Table, files: TableFiles) -> Catalog {
        let mut tables = self.tables.clone();
        tables.insert(table, Arc::new(files));
        Catalog { tables }
    }

    /// The first commit that a table must have, since `coverage` has seen it, and has not: it was lost.
    pub fn lost_commit(&self) -> Option<(Table, u64)> {
        let coverage = self.table(Table::Coverage);
        let mut behind = coverage.versions.iter().filter_map(|(table, seen)| {
            let held = self.tables.get(table).map(|files| files.version);
            held.is_none_or(|held| held < *seen).then(|| (*table, held.map_or(0, |held| held + 1)))
        });
        behind.next()
    }

    /// The same catalog without what a sealing under way, or one that was cut off, has put into tables ahead of
    /// `coverage`: the log holds that too. Metadata, of which hearing twice changes nothing, stays as it is.
    ///
    /// # Errors
    /// The path of a file that holds rows on both sides. That is no moment of the archive: the tables were read while
    /// they were sealed and compacted.
    pub fn covered(&self) -> Result<Catalog, String> {
        let sealed = self.sealed_before();
        let mut tables = self.tables.clone();
        for (table, files) in &mut tables {
            let is_ahead = files.position.is_some_and(|position| position > sealed);
            if !is_ahead || table.is_metadata() {
                continue;
            }
            let (covered, ahead): (Vec<_>, Vec<_>) =
                files.files.iter().cloned().partition(|file| file.first_ordinal < sealed);
            if let Some(file) = covered.iter().find(|file| file.last_ordinal >= sealed) {
                return Err(file.path.clone());
            }
            if !ahead.is_empty() {
                *files = Arc::new(TableFiles { files: covered, position: Some(sealed), ..(**files).clone() });
            }
        }
        Ok(Catalog { tables })
    }

    /// How far the table that a sealing got furthest with has come, if one was cut off: `coverage` is not there yet.
    pub fn interrupted_at(&self) -> Option<u64> {
        let furthest = self.tables.values().filter_map(|files| files.position).max();
        furthest.filter(|position| *position > self.sealed_before())
    }

    /// The first ordinal that the log still holds alone: everything below it is in every table.
    pub fn sealed_before(&self) -> u64 {
        self.table(Table::Coverage).position.unwrap_or(0)
    }

    /// The first position of the log that is not sealed.
    pub fn log_position(&self) -> u64 {
        self.table(Table::Coverage).log_position.unwrap_or(0)
    }

    /// The first ordinal that is not in this table.
    pub fn position(&self, table: Table) -> u64 {
        self.table(table).position.unwrap_or(0).max(self.sealed_before())
    }
}
