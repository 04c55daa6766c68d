//! Reads single commit files of the table's log, so that a reader can follow a table without replaying all of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::commit::{AddFile, Commit, Operation};
use super::stats::{FileStats, Names};

/// The path of a commit file, relative to the table's directory.
pub(super) fn commit_path(version: u64) -> String {
    format!("_delta_log/{version:020}.json")
}

/// What one commit file says.
#[derive(Debug)]
pub(super) enum Logged {
    /// Files came and went.
    Files(Commit),
    /// The table's schema, properties or required features changed, or it uses what we do not read: only the
    /// table format's library can tell what that means.
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    add: Option<Add>,
    remove: Option<Remove>,
    txn: Option<Txn>,
    meta_data: Option<IgnoredAny>,
    protocol: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    path: String,
    #[serde(default)]
    partition_values: BTreeMap<String, Option<String>>,
    size: u64,
    modification_time: i64,
    stats: Option<String>,
    deletion_vector: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remove {
    path: String,
    deletion_vector: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

/// Reads a commit file: one JSON object per line. The error says in which line what is wrong.
pub(super) fn parse(bytes: &[u8], names: &mut Names) -> Result<Logged, String> {
    let mut commit = Commit::new(Operation::Write);
    for (line, json) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if json.trim_ascii().is_empty() {
            continue;
        }
        let wrong = |error: serde_json::Error| format!("line {}: {error}", line + 1);
        let action: Action = serde_json::from_slice(json).map_err(wrong)?;
        if action.meta_data.is_some() || action.protocol.is_some() {
            return Ok(Logged::Other);
        }
        if let Some(add) = action.add {
            let Some(path) = decode_path(&add.path).filter(|_| add.deletion_vector.is_none()) else {
                return Ok(Logged::Other);
            };
            let stats = add.stats.as_deref().map(|stats| FileStats::from_json(stats, names)).transpose();
            commit.adds.push(AddFile {
                path,
                size: add.size,
                partition: add.partition_values.into_iter().collect(),
                modification_time_ms: add.modification_time,
                stats: stats.map_err(wrong)?.unwrap_or_default(),
            });
        }
        if let Some(remove) = action.remove {
            let Some(path) = decode_path(&remove.path).filter(|_| remove.deletion_vector.is_none()) else {
                return Ok(Logged::Other);
            };
            commit.removes.push(path);
        }
        if let Some(txn) = action.txn {
            commit.txns.push((txn.app_id, txn.version));
        }
    }
    Ok(Logged::Files(commit))
}

/// The path of a file as the store knows it, from the log's URL-encoded form; `None` for a file elsewhere.
pub(super) fn decode_path(encoded: &str) -> Option<String> {
    if encoded.contains("://") || encoded.starts_with('/') {
        return None;
    }
    object_store::path::Path::from_url_path(encoded).ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Logged, String> {
        super::parse(text.as_bytes(), &mut Names::default())
    }

    #[test]
    fn a_commit_of_files_is_read() {
        let size = r#""size":9,"modificationTime":5"#;
        let stats = r#""stats":"{\"numRecords\":2,\"minValues\":{\"ticker\":\"A\"}}","deletionVector":null"#;
        let text = r#"{"commitInfo":{"operation":"WRITE"}}
{"txn":{"appId":"wal","version":7,"lastUpdated":1}}
{"add":{"path":"date=2026-08-11/a%20b.parquet","partitionValues":{"date":"2026-08-11","n":null},SIZE,STATS}}
{"remove":{"path":"old.parquet","dataChange":true}}

"#;
        let Ok(Logged::Files(commit)) = parse(&text.replace("STATS", stats).replace("SIZE", size)) else {
            panic!("not read")
        };
        assert_eq!(commit.txns, [("wal".to_owned(), 7)]);
        assert_eq!(commit.removes, ["old.parquet"]);
        assert_eq!(commit.adds[0].path, "date=2026-08-11/a b.parquet");
        assert_eq!(commit.adds[0].partition, [("date".into(), Some("2026-08-11".into())), ("n".into(), None)]);
        assert_eq!(commit.adds[0].stats.min("ticker").unwrap().as_text(), Some("A"));
    }

    #[test]
    fn what_only_the_library_understands_is_left_to_it() {
        let vector = r#"{"add":{"path":"a","size":1,"modificationTime":1,"deletionVector":{"storageType":"u"}}}"#;
        let elsewhere = r#"{"add":{"path":"s3://other/a","size":1,"modificationTime":1}}"#;
        for text in [r#"{"protocol":{"minReaderVersion":9}}"#, r#"{"metaData":{"id":"x"}}"#, vector, elsewhere] {
            assert!(matches!(parse(text), Ok(Logged::Other)), "{text}");
        }
    }

    #[test]
    fn damage_is_told_with_its_line() {
        assert!(parse("{\"txn\":null}\n{\"add\":{\"path\"").unwrap_err().starts_with("line 2"));
    }
}
