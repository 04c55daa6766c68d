//! The state in which the sealed tables left a market: its coverage, its books and its clocks.

use hashbrown::HashMap;

use crate::{
    Clock, Error,
    catalog::Catalog,
    coverage::{Interval, IntervalKey, Standing},
    entry::Cause,
    market::{Market, Stream},
    reader::Reader,
    reconstruct::{Folded, Sources},
    schema::Table,
    segment::Batch,
    tail::Base,
};

/// A market's intervals in the `coverage` table: of each, the version of the highest position.
pub(crate) fn sealed_intervals(
    reader: &Reader,
    catalog: &Catalog,
    ticker: &str,
) -> Result<HashMap<IntervalKey, Interval>, Error> {
    let version = catalog.table(Table::Coverage).version;
    let intervals = reader.intervals(ticker, version, || read_intervals(reader, catalog, ticker))?;
    Ok(intervals.iter().map(|interval| (interval.key(), interval.clone())).collect())
}

fn read_intervals(reader: &Reader, catalog: &Catalog, ticker: &str) -> Result<Vec<Interval>, Error> {
    let mut latest: HashMap<IntervalKey, (u64, Interval)> = HashMap::new();
    let names: Vec<&str> = Table::Coverage.columns().iter().map(|column| column.name).collect();
    for file in catalog.table(Table::Coverage).files.iter().filter(|file| file.may_hold(ticker)) {
        let segment = reader.segment(Table::Coverage, file)?;
        let rows = reader.rows_of(&segment, ticker)?;
        if rows.is_empty() {
            continue;
        }
        each_interval(&segment.read(&names, rows)?, |_, position, interval| {
            let key = interval.key();
            if latest.get(&key).is_none_or(|(held, _)| *held <= position) {
                latest.insert(key, (position, interval));
            }
        })?;
    }
    Ok(latest.into_values().map(|(_, interval)| interval).collect())
}

/// Visits the rows of `coverage` in a batch, with their row and position.
pub(crate) fn each_interval(batch: &Batch, mut visit: impl FnMut(usize, u64, Interval)) -> Result<(), Error> {
    use arrow::array::Array;

    let (connections, sids) = (batch.i32s("connection")?, batch.i32s("sid")?);
    let (firsts, lasts, positions) =
        (batch.i64s("first_ordinal")?, batch.i64s("last_ordinal")?, batch.i64s("position")?);
    let (standings, began, ended) = (batch.texts("standing")?, batch.texts("began")?, batch.texts("ended")?);
    for row in 0..batch.rows() {
        let standing = standings.get(row).and_then(Standing::from_word);
        let standing = standing.ok_or_else(|| batch.wrong("standing", "not a word of this version"))?;
        let cause = |word: Option<&str>| match word {
            None => Ok(None),
            Some(word) => {
                Cause::from_word(word).map(Some).ok_or_else(|| batch.wrong("began", "not a word of this version"))
            }
        };
        let interval = Interval {
            connection: connections.value(row).cast_unsigned(),
            sid: sids.is_valid(row).then(|| sids.value(row).cast_unsigned()),
            standing,
            from_effective: batch.nanos("from_ts", "from_nanos", row)?,
            to_effective: batch.nanos("to_ts", "to_nanos", row)?,
            from_recv: batch.nanos("from_recv_ts", "from_recv_nanos", row)?,
            to_recv: batch.nanos("to_recv_ts", "to_recv_nanos", row)?,
            first_ordinal: firsts.value(row).cast_unsigned(),
            last_ordinal: lasts.value(row).cast_unsigned(),
            began: cause(began.get(row))?.unwrap_or(Cause::NotRecorded),
            ended: cause(ended.get(row))?,
        };
        visit(row, positions.value(row).cast_unsigned(), interval);
    }
    Ok(())
}

/// Of a market's intervals over one connection, the one that events to come would go on with or end.
pub(crate) fn last_interval(intervals: impl Iterator<Item = Interval>) -> Option<Interval> {
    // An interval without events is followed by one that begins at the same ordinal.
    let open = |interval: &Interval| interval.ended.is_none();
    let events = |interval: &Interval| interval.last_ordinal.wrapping_add(1) > interval.first_ordinal;
    let key = |interval: &Interval| {
        (interval.first_ordinal, open(interval), events(interval), interval.standing != Standing::Gap)
    };
    intervals.filter(|interval| !interval.is_withdrawn()).max_by_key(key)
}

/// Gives the tail the state in which sealed tables left a market.
pub(crate) struct SealedBase<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) catalog: &'a Catalog,
}

impl Base for SealedBase<'_> {
    fn market(&self, ticker: &str) -> Result<Option<Market>, Error> {
        let mut by_connection: HashMap<u32, Vec<Interval>> = HashMap::new();
        for interval in sealed_intervals(self.reader, self.catalog, ticker)?.into_values() {
            by_connection.entry(interval.connection).or_default().push(interval);
        }
        let latest = by_connection.into_iter();
        let latest =
            latest.filter_map(|(connection, intervals)| Some((connection, last_interval(intervals.into_iter())?)));
        let mut connections: Vec<(u32, Interval)> = latest.collect();
        if connections.is_empty() {
            return Ok(None);
        }
        let mut market = Market::default();
        let sources = Sources { reader: self.reader, catalog: self.catalog, unsealed: Vec::new(), extras: Vec::new() };
        connections.sort_by_key(|(_, interval)| (interval.to_recv, interval.last_ordinal));
        for (connection, interval) in connections {
            let folded = sources.fold(ticker, connection, i64::MAX, Clock::Exchange)?;
            let Some(Folded { state, .. }) = folded else {
                // All its events were pruned. A gap that it left open is still to be ended.
                if interval.ended.is_none() {
                    market.streams.push(Stream::from_interval(interval));
                }
                continue;
            };
            if market.recv.is_none_or(|recv| recv <= state.recv_max) {
                market.recv = Some(state.recv_max);
                market.effective = Some(market.effective.map_or(state.effective, |held| held.max(state.effective)));
            }
            market.streams.push(Stream::from_keyframe(&state, Some(interval)));
        }
        Ok(Some(market))
    }

    fn unfinished(&self, only: Option<&str>) -> Result<Vec<(Box<str>, Interval)>, Error> {
        let mut latest: HashMap<(Box<str>, IntervalKey), (u64, Interval)> = HashMap::new();
        let names: Vec<&str> = Table::Coverage.columns().iter().map(|column| column.name).collect();
        for file in &self.catalog.table(Table::Coverage).files {
            if only.is_some_and(|only| !file.may_hold(only)) {
                continue;
            }
            let segment = self.reader.segment(Table::Coverage, file)?;
            let rows = match only {
                Some(only) => self.reader.rows_of(&segment, only)?,
                None => 0..segment.rows(),
            };
            for batch in segment.scan(&names, rows, 8_192)? {
                let batch = batch?;
                let tickers = batch.texts("ticker")?;
                each_interval(&batch, |row, position, interval| {
                    let key = (tickers.get(row).unwrap_or("").into(), interval.key());
                    if latest.get(&key).is_none_or(|(held, _)| *held <= position) {
                        latest.insert(key, (position, interval));
                    }
                })?;
            }
        }
        let mut streams: HashMap<(Box<str>, u32), Vec<Interval>> = HashMap::new();
        for ((ticker, _), (_, interval)) in latest {
            streams.entry((ticker, interval.connection)).or_default().push(interval);
        }
        let last = |intervals: Vec<Interval>| last_interval(intervals.into_iter());
        let last = streams.into_iter().filter_map(|((ticker, _), intervals)| Some((ticker, last(intervals)?)));
        Ok(last.filter(|(_, interval)| matches!(interval.ended, None | Some(Cause::EndOfCapture))).collect())
    }
}
