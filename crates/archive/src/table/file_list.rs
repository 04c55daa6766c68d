//! A cached list of a table's live files, so that a fresh process can read without replaying the table's log.
//!
//! The list of table `deltas` is `_daybook/deltas.files` in the archive root. Its writer replaces it after each
//! commit. It is a cache: whoever finds it missing, damaged or of another table replays the log, and whoever finds
//! it old reads the commits that came after. Two lines: a header with length and checksum of the second, and the
//! list as JSON in short arrays.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use super::snapshot::{CommitStamp, LiveFile, TableSnapshot};
use super::stats::{ColumnStats, FileStats, StatValue};
use crate::store::{Store, StoreError};

/// Increased when the list changes in a way that older readers would misread.
const FORMAT: u32 = 1;

/// Where the list of a table is.
pub(super) fn path(table: &str) -> String {
    format!("_daybook/{table}.files")
}

/// The cached list, as old as it may be; `None` if there is none that can be trusted.
pub(super) fn load(store: &Store, table: &str) -> Option<TableSnapshot> {
    let bytes = store.read(&path(table)).ok()?;
    decode(&bytes)
}

/// Replaces the cached list.
pub(super) fn save(store: &Store, table: &str, snapshot: &TableSnapshot) -> Result<(), StoreError> {
    let Some(bytes) = encode(snapshot) else { return Ok(()) };
    store.put_cache(&path(table), bytes.into())
}

#[derive(Serialize, Deserialize)]
struct Header {
    daybook_files: u32,
    length: usize,
    xxh3: Cow<'static, str>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    version: u64,
    stamp: CommitStamp,
    txns: BTreeMap<String, i64>,
    /// Column names and partition values; files refer to them by position.
    texts: Vec<String>,
    files: Vec<File>,
}

/// Path, size, modification time, partition (column, value), rows, statistics (column, min, max, nulls).
type File = (String, u64, i64, Vec<(usize, Option<usize>)>, Option<u64>, Vec<(usize, Bound, Bound, Option<u64>)>);

/// A snapshot whose commit could not be identified has no list.
fn encode(snapshot: &TableSnapshot) -> Option<Vec<u8>> {
    let mut texts = Texts::default();
    let files = snapshot.files.iter().map(|file| {
        let partition =
            file.partition.iter().map(|(name, value)| (texts.at(name), value.as_ref().map(|v| texts.at(v))));
        let partition = partition.collect();
        let columns = file.stats.columns.iter().map(|column| {
            let bound = |value: &Option<StatValue>| Bound(value.clone());
            (texts.at(&column.name), bound(&column.min), bound(&column.max), column.null_count)
        });
        let columns = columns.collect();
        let rows = file.stats.num_records;
        (file.path.clone(), file.size, file.modification_time_ms, partition, rows, columns)
    });
    let files = files.collect();
    let body = Body {
        version: snapshot.version,
        stamp: snapshot.stamp.clone()?,
        txns: snapshot.txns.clone(),
        texts: texts.list.iter().map(|text| text.to_string()).collect(),
        files,
    };
    let body = serde_json::to_vec(&body).ok()?;
    let xxh3 = format!("{:016x}", xxh3_64(&body)).into();
    let mut bytes = serde_json::to_vec(&Header { daybook_files: FORMAT, length: body.len(), xxh3 }).ok()?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&body);
    Some(bytes)
}

fn decode(bytes: &[u8]) -> Option<TableSnapshot> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (header, body) = (&bytes[..end], &bytes[end + 1..]);
    let header: Header = serde_json::from_slice(header).ok()?;
    let whole = header.length == body.len() && header.xxh3 == format!("{:016x}", xxh3_64(body));
    if header.daybook_files != FORMAT || !whole {
        return None;
    }
    let Body { version, stamp, txns, texts, files } = serde_json::from_slice(body).ok()?;
    let texts: Vec<Arc<str>> = texts.into_iter().map(Arc::from).collect();
    let text = |index: usize| texts.get(index).cloned();
    let files = files.into_iter().map(|(path, size, modification_time_ms, partition, num_records, columns)| {
        let partition = partition.into_iter().map(|(name, value)| {
            let value = match value {
                Some(value) => Some(text(value)?),
                None => None,
            };
            Some((text(name)?, value))
        });
        let columns = columns.into_iter().map(|(name, min, max, null_count)| {
            Some(ColumnStats { name: text(name)?, min: min.0, max: max.0, null_count })
        });
        let stats = FileStats { num_records, columns: columns.collect::<Option<_>>()? };
        let partition = partition.collect::<Option<_>>()?;
        Some(Arc::new(LiveFile { path, size, modification_time_ms, partition, stats }))
    });
    Some(TableSnapshot { version, files: files.collect::<Option<_>>()?, txns, stamp: Some(stamp) })
}

/// Texts in the order in which they first occur.
#[derive(Default)]
struct Texts {
    list: Vec<Arc<str>>,
    positions: HashMap<Arc<str>, usize>,
}

impl Texts {
    fn at(&mut self, text: &Arc<str>) -> usize {
        if let Some(position) = self.positions.get(text) {
            return *position;
        }
        let position = self.list.len();
        self.list.push(Arc::clone(text));
        self.positions.insert(Arc::clone(text), position);
        position
    }
}

/// A bound or null. A number that is no integer is an array of its text, so that no parser makes a float of it.
struct Bound(Option<StatValue>);

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            None => serializer.serialize_unit(),
            Some(StatValue::Boolean(value)) => serializer.serialize_bool(*value),
            Some(StatValue::Integer(value)) => serializer.serialize_i64(*value),
            Some(StatValue::Text(text)) => serializer.serialize_str(text),
            Some(StatValue::Number(number)) => {
                let mut tuple = serializer.serialize_tuple(1)?;
                tuple.serialize_element(&**number)?;
                tuple.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundVisitor)
    }
}

struct BoundVisitor;

impl<'de> Visitor<'de> for BoundVisitor {
    type Value = Bound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, an integer, a text or an array of a number's text")
    }

    fn visit_unit<E>(self) -> Result<Bound, E> {
        Ok(Bound(None))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Bound, E> {
        Ok(Bound(Some(StatValue::Boolean(value))))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Bound, E> {
        Ok(Bound(Some(StatValue::Integer(value))))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Bound, E> {
        i64::try_from(value).map(|value| Bound(Some(StatValue::Integer(value)))).map_err(E::custom)
    }

    fn visit_str<E>(self, text: &str) -> Result<Bound, E> {
        Ok(Bound(Some(StatValue::Text(text.into()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Bound, A::Error> {
        let number: Option<Box<str>> = sequence.next_element()?;
        let number = number.ok_or_else(|| A::Error::custom("an empty array"))?;
        Ok(Bound(Some(StatValue::Number(number))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> TableSnapshot {
        let date = || vec![("date".into(), Some("2026-08-11".into())), ("side".into(), None)];
        let stats = FileStats::new(7)
            .column("ticker", Some(StatValue::Text("A\"".into())), Some(StatValue::Text("Z".into())), Some(0))
            .column("price", Some(StatValue::Number("0.4800".into())), None, None)
            .column("ordinal", Some(StatValue::Integer(-1)), Some(StatValue::Integer(i64::MAX)), Some(2))
            .column("taker", Some(StatValue::Boolean(false)), Some(StatValue::Boolean(true)), None);
        let file = |path: &str, stats: FileStats| {
            let modification_time_ms = 1_786_406_400_000;
            Arc::new(LiveFile { path: path.into(), size: 9, modification_time_ms, partition: date(), stats })
        };
        TableSnapshot {
            version: 12,
            files: vec![file("a.parquet", stats), file("b.parquet", FileStats::default())],
            txns: BTreeMap::from([("wal".to_owned(), -4)]),
            stamp: Some(CommitStamp { size: 5, modified_ns: 6, etag: Some("e".into()) }),
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        assert_eq!(decode(&encode(&snapshot()).unwrap()), Some(snapshot()));
    }

    #[test]
    fn no_damaged_list_is_trusted() {
        let good = encode(&snapshot()).unwrap();
        for length in 0..good.len() {
            assert_eq!(decode(&good[..length]), None, "cut to {length} bytes");
        }
        for position in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[position] ^= 1 << bit;
                let read = decode(&bad);
                // A flipped bit in the header may leave it meaning the same; it never yields other contents.
                assert!(read.is_none() || read == Some(snapshot()), "bit {bit} of byte {position}");
            }
        }
    }

    #[test]
    fn a_snapshot_whose_commit_is_unknown_is_not_cached() {
        assert_eq!(encode(&TableSnapshot { stamp: None, ..snapshot() }), None);
    }
}
