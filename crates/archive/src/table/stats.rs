//! What the table's log says about the contents of a file: how many rows, and bounds per column.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

/// A bound of a column. Never a float: a number that is no 64-bit integer keeps its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatValue {
    /// True or false.
    Boolean(bool),
    /// A number of an integer column.
    Integer(i64),
    /// Any other number, as written: `0.4800`.
    Number(Box<str>),
    /// Text, a day (`2026-08-11`) or an instant (`2026-08-11T14:03:07.250Z`).
    Text(Box<str>),
}

impl StatValue {
    /// A lower bound for instants: `micros` since 1970 UTC, rounded down to the milliseconds that the log keeps.
    /// `None` outside the years -9999 to 9999.
    pub fn not_after(micros: i64) -> Option<Self> {
        Self::instant(micros.div_euclid(1_000))
    }

    /// An upper bound for instants: rounded up, because a bound that was cut off would hide rows from readers.
    pub fn not_before(micros: i64) -> Option<Self> {
        Self::instant(micros.div_euclid(1_000) + i64::from(micros.rem_euclid(1_000) != 0))
    }

    fn instant(millis: i64) -> Option<Self> {
        let instant = Timestamp::from_millisecond(millis).ok()?;
        Some(Self::Text(instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into()))
    }

    /// The integer, if this is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The instant in microseconds since 1970 UTC, if this is one.
    pub fn as_micros(&self) -> Option<i64> {
        self.as_text()?.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
    }

    /// Reads one JSON scalar; `None` for null and for what is no scalar.
    fn from_json(raw: &RawValue) -> Result<Option<Self>, serde_json::Error> {
        let json = raw.get();
        Ok(match json.as_bytes().first() {
            Some(b'"') => Some(Self::Text(serde_json::from_str(json)?)),
            Some(b't') => Some(Self::Boolean(true)),
            Some(b'f') => Some(Self::Boolean(false)),
            Some(b'-' | b'0'..=b'9') => Some(json.parse().map_or_else(|_| Self::Number(json.into()), Self::Integer)),
            _ => None,
        })
    }
}

/// A scalar or null, as it stands in JSON.
struct MaybeStat(Option<StatValue>);

impl<'de> Deserialize<'de> for MaybeStat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        StatValue::from_json(raw).map(Self).map_err(D::Error::custom)
    }
}

impl fmt::Display for StatValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(text) | Self::Text(text) => text.fmt(f),
        }
    }
}

/// What is known of one column of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnStats {
    /// The column's name.
    pub name: Arc<str>,
    /// No value is smaller. `None`: unknown, or all are null.
    pub min: Option<StatValue>,
    /// No value is greater. `None`: unknown, or all are null.
    pub max: Option<StatValue>,
    /// How many values are null. `None`: unknown.
    pub null_count: Option<u64>,
}

impl ColumnStats {
    fn is_known(&self) -> bool {
        self.min.is_some() || self.max.is_some() || self.null_count.is_some()
    }
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileStats {
    /// Rows in the file. `None`: unknown, as a foreign writer may leave it.
    pub num_records: Option<u64>,
    /// The columns of which something is known, sorted by name.
    pub(super) columns: Vec<ColumnStats>,
}

impl FileStats {
    /// A file of so many rows, of which no more is known.
    pub fn new(num_records: u64) -> Self {
        Self { num_records: Some(num_records), columns: Vec::new() }
    }

    /// Says what is known of a column, in place of what was said before.
    #[must_use]
    pub fn column(
        mut self,
        name: &str,
        min: Option<StatValue>,
        max: Option<StatValue>,
        null_count: Option<u64>,
    ) -> Self {
        let stats = ColumnStats { name: name.into(), min, max, null_count };
        self.columns.retain(|known| &*known.name != name);
        if stats.is_known() {
            let position = self.columns.partition_point(|known| *known.name < *name);
            self.columns.insert(position, stats);
        }
        self
    }

    /// The columns of which something is known, sorted by name.
    pub fn columns(&self) -> &[ColumnStats] {
        &self.columns
    }

    /// What is known of a column.
    pub fn get(&self, column: &str) -> Option<&ColumnStats> {
        self.columns.binary_search_by(|stats| (*stats.name).cmp(column)).ok().map(|index| &self.columns[index])
    }

    /// The lower bound of a column, if known.
    pub fn min(&self, column: &str) -> Option<&StatValue> {
        self.get(column)?.min.as_ref()
    }

    /// The upper bound of a column, if known.
    pub fn max(&self, column: &str) -> Option<&StatValue> {
        self.get(column)?.max.as_ref()
    }

    /// Reads the statistics of an add action. Statistics of nested columns are left out.
    pub(super) fn from_json(json: &str, names: &mut Names) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Stats {
            #[serde(default)]
            num_records: Option<u64>,
            #[serde(default)]
            min_values: Option<BTreeMap<String, MaybeStat>>,
            #[serde(default)]
            max_values: Option<BTreeMap<String, MaybeStat>>,
            #[serde(default)]
            null_count: Option<BTreeMap<String, MaybeStat>>,
        }
        let stats: Stats = serde_json::from_str(json)?;
        let mut columns: BTreeMap<Arc<str>, ColumnStats> = BTreeMap::new();
        let mut set = |name: &str, set: &dyn Fn(&mut ColumnStats)| {
            let name = names.get(name);
            let unknown = ColumnStats { name: Arc::clone(&name), min: None, max: None, null_count: None };
            set(columns.entry(name).or_insert(unknown));
        };
        for (name, value) in stats.min_values.iter().flatten() {
            set(name, &|stats| stats.min.clone_from(&value.0));
        }
        for (name, value) in stats.max_values.iter().flatten() {
            set(name, &|stats| stats.max.clone_from(&value.0));
        }
        for (name, value) in stats.null_count.iter().flatten() {
            let count = value.0.as_ref().and_then(|value| u64::try_from(value.as_integer()?).ok());
            set(name, &|stats| stats.null_count = count);
        }
        Ok(Self {
            num_records: stats.num_records,
            columns: columns.into_values().filter(ColumnStats::is_known).collect(),
        })
    }

    /// The statistics as an add action has them.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let bounds = |of: fn(&ColumnStats) -> Option<&StatValue>| -> serde_json::Map<_, _> {
            let known = self.columns.iter().filter_map(|stats| Some((stats.name.to_string(), of(stats)?)));
            // Decimals travel as text: they are parsed by the column's type, never as floats.
            known
                .map(|(name, value)| match value {
                    StatValue::Boolean(value) => (name, (*value).into()),
                    StatValue::Integer(value) => (name, (*value).into()),
                    StatValue::Number(text) | StatValue::Text(text) => (name, (**text).into()),
                })
                .collect()
        };
        let nulls: serde_json::Map<_, _> =
            self.columns.iter().filter_map(|stats| Some((stats.name.to_string(), stats.null_count?.into()))).collect();
        serde_json::json!({
            "numRecords": self.num_records,
            "minValues": bounds(|stats| stats.min.as_ref()),
            "maxValues": bounds(|stats| stats.max.as_ref()),
            "nullCount": nulls,
        })
    }
}

/// The few names and partition values that every file repeats, each kept once.
#[derive(Debug, Default)]
pub(super) struct Names(std::collections::HashSet<Arc<str>>);

impl Names {
    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_instants_enclose_what_they_bound() {
        let micros = 1_786_456_987_250_001;
        let lower = StatValue::not_after(micros).unwrap();
        let upper = StatValue::not_before(micros).unwrap();
        assert_eq!(lower.as_text(), Some("2026-08-11T14:03:07.250Z"));
        assert_eq!(upper.as_text(), Some("2026-08-11T14:03:07.251Z"));
        assert!(lower.as_micros().unwrap() <= micros && micros <= upper.as_micros().unwrap());
        assert_eq!(StatValue::not_before(-1).unwrap().as_micros(), Some(0));
        assert_eq!(StatValue::not_after(-1).unwrap().as_micros(), Some(-1_000));
    }

    #[test]
    fn statistics_are_read_without_floats_and_without_nested_columns() {
        let json = r#"{"numRecords":3,"tightBounds":true,"minValues":{"t":"A\"","n":0.4800,"i":-5,"s":{"x":1}},
            "maxValues":{"t":"B","n":1e3,"i":9223372036854775807,"u":18446744073709551615},"nullCount":{"i":1,"t":0}}"#;
        let stats = FileStats::from_json(json, &mut Names::default()).unwrap();
        assert_eq!(stats.num_records, Some(3));
        assert_eq!(stats.min("t").unwrap().as_text(), Some("A\""));
        assert_eq!(stats.min("n"), Some(&StatValue::Number("0.4800".into())));
        assert_eq!(stats.max("n"), Some(&StatValue::Number("1e3".into())));
        assert_eq!((stats.min("i").unwrap().as_integer(), stats.get("i").unwrap().null_count), (Some(-5), Some(1)));
        assert_eq!(stats.max("i").unwrap().as_integer(), Some(i64::MAX));
        assert_eq!(stats.max("u"), Some(&StatValue::Number("18446744073709551615".into())));
        assert!(stats.get("s").is_none());
        assert_eq!(FileStats::from_json("{}", &mut Names::default()).unwrap(), FileStats::default());
        assert!(FileStats::from_json("{\"numRecords\":", &mut Names::default()).is_err());
    }
}
