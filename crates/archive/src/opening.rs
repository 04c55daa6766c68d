//! Opening an archive: its marker, its tables and its log, as they belong together at one moment.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    catalog::{Catalog, TableFiles},
    schema::Table,
    store::Store,
    table::{Table as DeltaTable, TableError},
    wal::{self, RealDisk, WalError, WalReader},
};

/// The file that marks a folder or bucket as an archive.
pub const MARKER: &str = "daybook.json";

/// What the marker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Version of the archive's layout; this program reads 1.
    pub format: u32,
    /// Identity of the archive, 32 hexadecimal digits: its log bears it too.
    pub archive_id: String,
}

pub(crate) fn read_marker(store: &Store) -> Result<Option<Marker>, Error> {
    let bytes = match store.read(MARKER) {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let marker: Marker = serde_json::from_slice(&bytes)
        .map_err(|error| Error::Damaged { file: store.location(MARKER), reason: error.to_string() })?;
    if marker.format != 1 {
        return Err(Error::Damaged {
            file: store.location(MARKER),
            reason: format!("it is of format {}, this program reads format 1: use a newer daybook", marker.format),
        });
    }
    Ok(Some(marker))
}

/// Where the write-ahead log of an archive is.
pub(crate) fn wal_dir(store: &Store, marker: &Marker, chosen: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(dir) = chosen {
        return Ok(dir.to_owned());
    }
    if store.is_local() {
        return Ok(PathBuf::from(store.location("wal")));
    }
    // A remote archive's log is on local disk, where the XDG rules put such state.
    let home = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state")));
    home.map(|home| home.join("daybook").join(&marker.archive_id).join("wal")).ok_or(Error::NoLogDirectory)
}

/// A batch and its position in the log.
type LoggedBatch = (u64, Vec<u8>);

/// How often a writer may seal or compact while a reader opens. Each takes longer than the reading it disturbs.
const OPEN_ATTEMPTS: u32 = 16;

/// Compares the tables with each other and with the log, which begins at `oldest`: whether anything was lost of them.
pub(crate) fn check_whole(store: &Store, catalog: &Catalog, oldest: Option<u64>) -> Result<(), Error> {
    if let Some((table, version)) = catalog.lost_commit() {
        let file = store.location(&commit_file(table, version));
        return Err(Error::Damaged { file, reason: "it is missing, though `coverage` was sealed after it".to_owned() });
    }
    if let Some(table) = catalog.pruned_ahead() {
        let reason = "it was pruned further than what is said of it: parts of the archive are older than others";
        return Err(Error::Damaged { file: store.location(table.name()), reason: reason.to_owned() });
    }
    if let Some(oldest) = oldest.filter(|oldest| *oldest > catalog.log_position()) {
        let reason =
            format!("the log begins at position {oldest}, the newest commit ends at {}", catalog.log_position());
        return Err(Error::Damaged { file: store.location(&format!("{}/_delta_log", Table::Coverage.name())), reason });
    }
    Ok(())
}

/// Where a commit of a table is.
pub(crate) fn commit_file(table: Table, version: u64) -> String {
    format!("{}/_delta_log/{version:020}.json", table.name())
}

/// Reads the log and the tables as they belong together, beside a writer that goes on.
pub(crate) fn read_moment(store: &Store, wal_dir: &Path) -> Result<(Vec<LoggedBatch>, Catalog), Error> {
    let mut attempt = 1;
    loop {
        let oldest = wal::oldest_ordinal(&RealDisk, wal_dir)?;
        // The log before the tables: what is sealed meanwhile is then seen twice, and left out once, but never missed.
        let batches = match read_log(wal_dir) {
            // Sealed and cut off between two batches.
            Err(Error::Log(WalError::Removed { .. })) if attempt < OPEN_ATTEMPTS => {
                attempt += 1;
                continue;
            }
            batches => batches?,
        };
        let catalog = load_catalog(store)?;
        // `coverage` was read first, before a pruning that the others were read after.
        if catalog.pruned_ahead().is_some() && attempt < OPEN_ATTEMPTS {
            attempt += 1;
            continue;
        }
        check_whole(store, &catalog, oldest)?;
        match catalog.covered() {
            Ok(catalog) => return Ok((batches, catalog)),
            Err(_) if attempt < OPEN_ATTEMPTS => attempt += 1,
            Err(file) => return Err(straddles(store, &file)),
        }
    }
}

/// The error that a file holds rows of before and after the last sealing.
pub(crate) fn straddles(store: &Store, file: &str) -> Error {
    let reason =
        "it holds rows that `coverage` covers and rows that it does not: parts of the archive are older than others";
    Error::Damaged { file: store.location(file), reason: reason.to_owned() }
}

fn read_log(dir: &Path) -> Result<Vec<LoggedBatch>, Error> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut reader = WalReader::open(dir, Arc::new(RealDisk));
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        batches.push((batch.first_ordinal, batch.payload));
    }
    Ok(batches)
}

pub(crate) fn load_catalog(store: &Store) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    // `coverage` first: what it covers is then certainly in the tables read after it.
    for table in Table::ALL.into_iter().rev() {
        if let Some(delta) = open_table(store, table)? {
            catalog = catalog.with(table, TableFiles::new(table, &delta.snapshot())?);
        }
    }
    Ok(catalog)
}

/// Opens a table; `None` before the archive's first writer has made it.
pub(crate) fn open_table(store: &Store, table: Table) -> Result<Option<DeltaTable>, Error> {
    match DeltaTable::open(store, table.name()) {
        Ok(delta) => Ok(Some(delta)),
        Err(TableError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
