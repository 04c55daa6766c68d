//! A table at one version: its live files, what is known of each, and the positions of its writers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::commit::{AddFile, Commit};
use super::stats::{FileStats, Names};

/// A file that belongs to the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFile {
    /// Path relative to the table's directory; see [`Table::store_path`](super::Table::store_path).
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// When the file was written, milliseconds since 1970 UTC, as its writer said.
    pub modification_time_ms: i64,
    /// Partition columns and their values as text; `None` is null.
    pub partition: Vec<(Arc<str>, Option<Arc<str>>)>,
    /// What is known of its contents.
    pub stats: FileStats,
}

impl LiveFile {
    /// The value of a partition column: `partition_value("date")` is `Some("2026-08-11")`.
    pub fn partition_value(&self, column: &str) -> Option<&str> {
        let (_, value) = self.partition.iter().find(|(name, _)| &**name == column)?;
        value.as_deref()
    }

    pub(super) fn from_added(added: AddFile, names: &mut Names) -> Self {
        let mut partition: Vec<_> = (added.partition.iter())
            .map(|(name, value)| (names.get(name), value.as_deref().map(|value| names.get(value))))
            .collect();
        partition.sort();
        Self {
            path: added.path,
            size: added.size,
            modification_time_ms: added.modification_time_ms,
            partition,
            stats: added.stats,
        }
    }
}

/// Distinguishes the commit file of one version from another file of that name, should the table be deleted and
/// made anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct CommitStamp {
    pub(super) size: u64,
    pub(super) modified_ns: i64,
    pub(super) etag: Option<String>,
}

/// A table at one version. Immutable; newer versions are new snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSnapshot {
    /// The version, counted from 0.
    pub version: u64,
    /// The live files, sorted by path.
    pub files: Vec<Arc<LiveFile>>,
    /// The last transaction version of every application that set one.
    pub txns: BTreeMap<String, i64>,
    /// The commit file of `version`; none if it could not be looked up, in which case nothing can build upon it.
    pub(super) stamp: Option<CommitStamp>,
}

impl TableSnapshot {
    /// A live file by its path.
    pub fn file(&self, path: &str) -> Option<&Arc<LiveFile>> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|index| &self.files[index])
    }

    /// Rows in all live files, as far as known.
    pub fn num_records(&self) -> u64 {
        self.files.iter().filter_map(|file| file.stats.num_records).sum()
    }

    /// The snapshot after one more commit.
    pub(super) fn after(&self, commit: Commit, stamp: Option<CommitStamp>, names: &mut Names) -> Self {
        let mut changes: BTreeMap<String, Option<Arc<LiveFile>>> =
            commit.removes.into_iter().map(|path| (path, None)).collect();
        changes.extend(commit.adds.into_iter().map(|added| {
            let file = LiveFile::from_added(added, names);
            (file.path.clone(), Some(Arc::new(file)))
        }));
        let mut files = Vec::with_capacity(self.files.len() + changes.len());
        files.extend(self.files.iter().filter(|file| !changes.contains_key(&file.path)).cloned());
        files.extend(changes.into_values().flatten());
        // Long sorted runs: this merges them rather than sorting anew.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut txns = self.txns.clone();
        txns.extend(commit.txns);
        Self { version: self.version + 1, files, txns, stamp }
    }
}
