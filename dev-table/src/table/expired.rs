//! Files in a table's directory that nobody needs any more.

use std::collections::HashSet;

use super::Table;
use super::error::TableError;
use super::kernel::Kernel;

/// A file that can be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredFile {
    /// Path relative to the archive root, for [`Store::delete`](crate::store::Store::delete).
    pub store_path: String,
    /// Size in bytes.
    pub size: u64,
}

const NS_PER_MS: i64 = 1_000_000;

impl Table {
    /// The files in the table's directory that its newest version does not refer to, that were last written before
    /// `older_than_ms` (milliseconds since 1970 UTC), and that were not removed from the table since then: leftovers
    /// of compaction and of writers that crashed, unfinished files in the log included. Hidden files of others are
    /// not touched.
    ///
    /// Choose an instant before which no reader can have opened the table and no writer started a file that it has
    /// yet to commit. Costs a listing of the directory and a replay of the log.
    ///
    /// # Errors
    /// When the directory or the log cannot be read.
    pub fn expired_files(&self, older_than_ms: i64) -> Result<Vec<ExpiredFile>, TableError> {
        // Listed before the log is read: a file committed in between is then known to be live.
        let written = self.store.list(&self.name)?;
        let unfinished = self.store.list_unfinished(&self.name)?;

        let kernel = Kernel::new(&self.store, &self.name);
        let latest = kernel.latest().map_err(|error| self.open_error(&kernel, error))?;
        let live = kernel.files(&latest, &mut Default::default())?;
        let live: HashSet<&str> = live.iter().map(|file| file.path.as_str()).collect();
        let removals = kernel.removals(&latest).map_err(|error| kernel.error("read the log of", error))?;

        let directory = format!("{}/", self.name);
        let unneeded = written.into_iter().filter(|file| {
            let Some(path) = file.path.strip_prefix(&directory) else { return false };
            let hidden = path.split('/').any(|part| part.starts_with(['_', '.']));
            let in_use = live.contains(path) || removals.get(path).is_some_and(|at| *at >= older_than_ms);
            !hidden && !in_use
        });
        let expired = unneeded.chain(unfinished).filter(|file| file.modified_ns.div_euclid(NS_PER_MS) < older_than_ms);
        Ok(expired.map(|file| ExpiredFile { store_path: file.path, size: file.size }).collect())
    }
}
