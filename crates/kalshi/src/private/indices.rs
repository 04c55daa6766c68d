//! What markets are settled by, as it moves: indices of CF Benchmarks, and prices and yields of Pyth. Channels
//! `cfbenchmarks_value`, `cfbenchmarks_value_5hz` and `pyth_value`; numbered.

use std::{fmt, str::FromStr};

use crate::rest::value::{IndexId, Text, UnderlyingTicker, UnixMillis, record, text_value};

/// Decimals of an [`IndexValue`].
const DECIMALS: usize = 8;
/// How many of its units make one whole.
const UNITS: u64 = 100_000_000;

/// A value with eight decimals, exact. What it is a value of says its unit: dollars, another currency, percent.
///
/// ```
/// use daybook_kalshi::private::IndexValue;
///
/// let value: IndexValue = "68000.12000000".parse()?;
/// assert_eq!(value.hundred_millionths(), 6_800_012_000_000);
/// assert_eq!(value.to_string(), "68000.12000000");
/// # Ok::<(), daybook_kalshi::private::IndexValueError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexValue(i64);

/// A text that is no [`IndexValue`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no decimal number with at most eight decimals and below 92,000,000,000")]
pub struct IndexValueError(pub String);

impl IndexValue {
    /// The value as so many hundred-millionths.
    pub const fn hundred_millionths(self) -> i64 {
        self.0
    }
}

/// One to eight decimals, or none; nothing is rounded.
impl FromStr for IndexValue {
    type Err = IndexValueError;

    fn from_str(text: &str) -> Result<IndexValue, IndexValueError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let value = if all_digits(whole) && all_digits(decimals) && decimals.len() <= DECIMALS {
            format!("{sign}{whole}{decimals:0<DECIMALS$}").parse().ok()
        } else {
            None
        };
        value.map(IndexValue).ok_or_else(|| IndexValueError(text.chars().take(64).collect()))
    }
}

/// With all eight decimals, as the venue writes it.
impl fmt::Display for IndexValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, value) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        f.pad(&format!("{sign}{}.{:0DECIMALS$}", value / UNITS, value % UNITS))
    }
}

impl Text for IndexValue {
    const EXPECTED: &'static str = "a value as text, such as \"68000.12000000\"";

    fn parse(text: &str) -> Result<IndexValue, String> {
        text.parse().map_err(|error: IndexValueError| error.to_string())
    }
}

text_value!(IndexValue);

record! {
    /// An index, about once a second, with its averages. Frame `cfbenchmarks_value`.
    pub struct CfBenchmarksValue {
        /// The index.
        pub index_id: IndexId,
        /// When the venue received it.
        pub received_at: UnixMillis,
        /// What CF Benchmarks sent: JSON, which `parse::<`[`UpstreamValue`]`>()` reads. The value itself stands only
        /// there.
        pub data: String,
        /// Over the 60 seconds before the value, which it does not contain unless there is no other.
        pub avg_60s_data: IndexAverage,
        /// Over the last minute before a quarter of an hour is full, as far as it has gone; absent at other times.
        pub last_60s_windowed_average_15min: Option<IndexAverage>,
    }
}

record! {
    /// The mean of an index over a time. Schema `cfbenchmarksAvgData`.
    pub struct IndexAverage {
        /// The mean.
        pub value: IndexValue,
        /// Of so many values.
        pub window_size: u64,
        /// Where the time begins.
        pub window_start_ts_ms: UnixMillis,
        /// Where it ends; this instant is outside.
        pub window_end_ts_exclusive: UnixMillis,
    }
}

record! {
    /// An index, up to five times a second. Frame `cfbenchmarks_value_5hz`.
    pub struct CfBenchmarks5HzValue {
        /// The index.
        pub index_id: IndexId,
        /// Its value in dollars.
        pub value_usd: IndexValue,
        /// When CF Benchmarks published it.
        pub source_ts_ms: UnixMillis,
        /// When the venue received it.
        pub received_at: UnixMillis,
        /// What CF Benchmarks sent, as in [`CfBenchmarksValue`].
        pub data: String,
    }
}

record! {
    /// What CF Benchmarks itself says of an index.
    pub struct UpstreamValue {
        /// What it is: `value`.
        pub kind as "type": String,
        /// The index.
        pub id: IndexId,
        /// When it was published.
        pub time: UnixMillis,
        /// The value, digit for digit; with at most eight decimals it is an [`IndexValue`] as well.
        pub value: String,
    }
}

/// Reads the `data` of a [`CfBenchmarksValue`].
impl FromStr for UpstreamValue {
    type Err = serde_json::Error;

    fn from_str(data: &str) -> Result<UpstreamValue, serde_json::Error> {
        serde_json::from_str(data)
    }
}

record! {
    /// A price or a yield. Frame `pyth_value`.
    pub struct PythValue {
        /// Of what.
        pub underlying_ticker: UnderlyingTicker,
        /// The value in the unit that the underlying is quoted in: of a yield, percent.
        pub value_usd: IndexValue,
        /// When Pyth published it.
        pub source_ts_ms: UnixMillis,
        /// When the venue received it.
        pub received_at: UnixMillis,
    }
}

record! {
    /// The indices that can be subscribed to. Frames `cfbenchmarks_value_indexlist`, `cfbenchmarks_value_5hz_indexlist`.
    pub struct IndexList {
        /// The indices.
        pub index_ids: Vec<IndexId>,
    }
}

record! {
    /// The underlyings of which something was heard lately. Frame `pyth_value_underlying_list`.
    pub struct UnderlyingList {
        /// The underlyings.
        pub underlying_tickers: Vec<UnderlyingTicker>,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_exact_or_refused() {
        for (text, units) in [
            ("68000.12000000", 6_800_012_000_000),
            ("0.00000001", 1),
            ("-0.00000001", -1),
            ("4.25", 425_000_000),
            ("7", 700_000_000),
            ("92233720368.54775807", i64::MAX),
            ("-92233720368.54775808", i64::MIN),
        ] {
            assert_eq!(text.parse::<IndexValue>().unwrap().hundred_millionths(), units, "{text}");
        }
        for text in
            ["", "-", ".5", "5.", "+1", "1e3", " 1", "0.000000001", "1.-5", "--1", "92233720368.54775808", "NaN"]
        {
            assert_eq!(text.parse::<IndexValue>(), Err(IndexValueError(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn values_survive_their_text(units: i64) {
            prop_assert_eq!(IndexValue(units).to_string().parse(), Ok(IndexValue(units)));
        }
    }
}
