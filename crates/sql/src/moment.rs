//! The tables of one query, all as of one moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use daybook_archive::{Archive, schema::Table};

use crate::{
    Error,
    table_file::{FileCache, TableFile},
};

/// The files of the tables that a query reads.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    tables: BTreeMap<Table, Vec<Arc<TableFile>>>,
}

impl Moment {
    /// Looks at the tables. Blocks.
    pub(crate) fn open(archive: &Archive, tables: &BTreeSet<Table>, cache: &FileCache) -> Result<Moment, Error> {
        let mut opened = BTreeMap::new();
        let wanted: Vec<Table> = tables.iter().copied().collect();
        for (table, whole) in archive.tables(&wanted)? {
            let sealed = whole.files.iter().map(|entry| cache.sealed(archive, entry));
            let mut files = sealed.collect::<Result<Vec<_>, _>>()?;
            for (number, (date, bytes)) in whole.unsealed.into_iter().enumerate() {
                let path = format!("unsealed/{}/{number}.parquet", table.name());
                files.push(Arc::new(TableFile::unsealed(path, date.as_deref(), bytes)?));
            }
            opened.insert(table, files);
        }
        Ok(Moment { tables: opened })
    }

    /// The files of a table; `None` for one that was not looked at.
    pub(crate) fn files(&self, table: Table) -> Option<&[Arc<TableFile>]> {
        self.tables.get(&table).map(Vec::as_slice)
    }
}
