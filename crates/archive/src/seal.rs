//! Sealing: the tail's rows become segments, and each table commits them together with the log position they cover.
//!
//! Every table's commit carries the position up to which it holds the log, and `coverage` commits last: its position
//! is the archive's. After a crash in between, the next writer takes the same section of the log and seals it once more:
//! a table that is ahead holds these rows already and is passed over. The log is cut only below the position of `coverage`.

use std::collections::BTreeMap;

use daybook_book::{Event, Price, Quantity, Side};

use crate::{
    Error,
    catalog::{Catalog, TableFiles},
    columns::TextNumber,
    coverage::Interval,
    history::Histories,
    opening::commit_file,
    packed_delta::PackedDelta,
    schema::Table,
    segment_writer::{Day, SegmentWriter, WrittenFile, day_of},
    store::Store,
    table::{Commit, Operation, Table as DeltaTable},
    tail::{DeltaRow, KeyframeRow, Rows},
};

/// The name under which a table commits the first ordinal that it does not hold yet.
pub const POSITION: &str = "daybook";
/// The name under which `coverage` commits the position up to which the log is sealed.
pub const LOG_POSITION: &str = "daybook-log";

/// The name under which `coverage` commits a table's version, so that a commit that was lost later is missed.
pub fn version_name(table: Table) -> String {
    format!("daybook-{}-version", table.name())
}

/// The open tables of an archive, for writing.
pub struct Tables {
    /// Where they are.
    pub store: Store,
    /// By table.
    pub tables: BTreeMap<Table, DeltaTable>,
}

/// What a sealing takes: rows of the log in `first..position`.
pub struct Sealing<'a> {
    /// The rows.
    pub rows: &'a Rows,
    /// First ordinal of the log section.
    pub first: u64,
    /// First ordinal after it.
    pub position: u64,
    /// First position of the log after it.
    pub log_position: u64,
    /// Now, in milliseconds since the Unix epoch, for the tables' logs.
    pub now_millis: i64,
}

impl Tables {
    /// Writes the rows and commits every table they touch; returns what the tables hold then.
    pub fn seal(&mut self, sealing: &Sealing<'_>, catalog: &Catalog) -> Result<Catalog, Error> {
        let mut catalog = catalog.clone();
        for table in Table::ALL {
            let held = catalog.table(table).position.is_some_and(|position| position > sealing.first);
            // A process that ended just after a commit had got its name may not have waited for the disk. What is not
            // committed again is made durable here, before the log is cut.
            let durable = |files: &TableFiles| self.store.make_durable(&commit_file(table, files.version));
            if held && !table.is_metadata() {
                durable(&catalog.table(table))?;
                continue;
            }
            let expected = if table == Table::Deltas { sealing.rows.delta_count } else { 0 };
            let mut writer = SegmentWriter::expecting(table, expected);
            let mut removes = Vec::new();
            if table.is_metadata() {
                let files = catalog.table(table);
                let histories = Histories::load(&self.store, table, &files)?;
                if let Some(histories) = histories.with_documents(&sealing.rows.documents)? {
                    histories.write(&mut writer)?;
                    removes.extend(files.files.iter().map(|file| file.log_path.clone()));
                } else if !sealing.rows.documents.is_empty() {
                    durable(&files)?;
                }
            } else {
                write_rows(&mut writer, table, sealing)?;
            }
            // A table without rows needs no commit: `coverage`, which has the last word, covers it.
            if writer.is_empty() && removes.is_empty() && table != Table::Coverage {
                continue;
            }
            // What is sealed of notices alone goes with the ordinal before them, which is sealed already.
            let last = sealing.position.saturating_sub(1);
            let written = writer.finish(&self.store, sealing.first.min(last), last, sealing.now_millis)?;
            let mut positions = vec![(POSITION.to_owned(), sealing.position)];
            if table == Table::Coverage {
                positions.push((LOG_POSITION.to_owned(), sealing.log_position));
                let others = Table::ALL.into_iter().filter(|other| *other != Table::Coverage);
                positions.extend(others.map(|other| (version_name(other), catalog.table(other).version)));
            }
            let files = self.commit(table, written, removes, &positions, Operation::Write)?;
            catalog = catalog.with(table, files);
        }
        Ok(catalog)
    }

    /// Commits files to a table and returns what it holds then.
    pub fn commit(
        &mut self,
        table: Table,
        adds: Vec<WrittenFile>,
        removes: Vec<String>,
        positions: &[(String, u64)],
        operation: Operation,
    ) -> Result<TableFiles, Error> {
        let delta = self.tables.get_mut(&table).expect("every table is opened with the archive");
        let mut commit = Commit::new(operation);
        commit.adds.extend(adds.into_iter().map(|file| file.add));
        commit.removes = removes;
        for (name, position) in positions {
            commit = commit.with_txn(name, i64::try_from(*position).unwrap_or(i64::MAX));
        }
        delta.commit(commit)?;
        TableFiles::new(table, &delta.snapshot())
    }
}

/// Writes the rows of a table. Metadata tables are not written from rows.
pub fn write_rows(writer: &mut SegmentWriter, table: Table, sealing: &Sealing<'_>) -> Result<(), Error> {
    let rows = sealing.rows;
    match table {
        Table::Deltas => deltas(writer, rows),
        Table::Keyframes => keyframes(writer, rows),
        Table::Trades => trades(writer, rows),
        Table::Tickers => tickers(writer, rows),
        Table::Lifecycle => lifecycle(writer, rows),
        Table::Unparsed => unparsed(writer, sealing),
        Table::Coverage => coverage(writer, rows, sealing.log_position),
        Table::Sources => sources(writer, rows, sealing.log_position),
        Table::Markets | Table::Events | Table::Series | Table::Settlements => Ok(()),
    }
}

/// Days of a market's rows: the running maximum per stream, so that no stream ever goes back to an earlier day.
#[derive(Default)]
struct Days(Vec<(u32, Day)>);

impl Days {
    fn after(&mut self, connection: u32, nanos: i64) -> Day {
        let day = day_of(nanos);
        match self.0.iter_mut().find(|(held, _)| *held == connection) {
            Some((_, held)) => {
                *held = (*held).max(day);
                *held
            }
            None => {
                self.0.push((connection, day));
                day
            }
        }
    }
}

/// A market's deltas and keyframes in order of ordinal, each with its day. A folded keyframe goes with the delta
/// that called for it.
fn walk<'a>(
    rows: &'a crate::tail::MarketRows,
    mut visit: impl FnMut(Day, Walked<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut days = Days::default();
    let mut keyframes = rows.keyframes.iter().peekable();
    for delta in rows.deltas.iter().map(PackedDelta::row) {
        while let Some(row) = keyframes.next_if(|row| row.keyframe.ordinal < delta.ordinal) {
            let connection = row.keyframe.connection;
            let mut day = days.after(connection, row.keyframe.recv_max);
            if !row.snapshot && connection == delta.connection {
                day = days.after(connection, delta.recv_ts);
            }
            visit(day, Walked::Keyframe(row))?;
        }
        visit(days.after(delta.connection, delta.recv_ts), Walked::Delta(delta))?;
    }
    for row in keyframes {
        visit(days.after(row.keyframe.connection, row.keyframe.recv_max), Walked::Keyframe(row))?;
    }
    Ok(())
}

enum Walked<'a> {
    Delta(DeltaRow),
    Keyframe(&'a KeyframeRow),
}

fn deltas(writer: &mut SegmentWriter, rows: &Rows) -> Result<(), Error> {
    let mut sides = [TextNumber::default(); 2];
    for (ticker, market) in &rows.markets {
        let mut known_ticker = TextNumber::default();
        let (mut market_id, mut known_id) = (u32::MAX, TextNumber::default());
        walk(market, |day, walked| {
            let Walked::Delta(delta) = walked else { return Ok(()) };
            if delta.market_id != market_id {
                (market_id, known_id) = (delta.market_id, TextNumber::default());
            }
            writer
                .row(day)?
                .known_text(ticker, &mut known_ticker)
                .i64(delta.ordinal.cast_signed())
                .nanos(delta.recv_ts)
                .optional_i64(delta.ts.map(|ts| ts.micros()))
                .optional_i64(delta.sent_ts.map(|ts| ts.micros()))
                .optional_i64(delta.clock.map(u64::cast_signed))
                .optional_i32(delta.sid.map(u32::cast_signed))
                .optional_i64(delta.seq.map(u64::cast_signed))
                .i32(delta.connection.cast_signed())
                .known_text(&rows.market_ids[market_id as usize], &mut known_id)
                .known_text(delta.side.as_str(), &mut sides[delta.side as usize])
                .i32(i32::from(delta.price.ten_thousandths()))
                .i64(delta.quantity.hundredths())
                .optional_text(rows.extras.get(&delta.ordinal).map(|extra| &**extra))
                .end();
            Ok(())
        })?;
    }
    Ok(())
}

fn levels<'a>(row: &'a KeyframeRow, side: Side) -> impl Iterator<Item = (i32, i64)> + 'a {
    let level = |(price, size): (Price, Quantity)| (i32::from(price.ten_thousandths()), size.hundredths());
    row.keyframe.book.levels(side).map(level)
}

fn keyframes(writer: &mut SegmentWriter, rows: &Rows) -> Result<(), Error> {
    for (ticker, market) in &rows.markets {
        walk(market, |day, walked| {
            let Walked::Keyframe(row) = walked else { return Ok(()) };
            let extra = rows.extras.get(&row.keyframe.ordinal).filter(|_| row.snapshot);
            let market_id = &rows.market_ids[row.market_id as usize];
            keyframe_row(writer, day, ticker, row, market_id, extra.map(|extra| &**extra))
        })?;
    }
    Ok(())
}

/// Writes one keyframe as a row of `keyframes`. The market's id is given apart from the row, which has its number only.
pub fn keyframe_row(
    writer: &mut SegmentWriter,
    day: Day,
    ticker: &str,
    row: &KeyframeRow,
    market_id: &str,
    extra: Option<&str>,
) -> Result<(), Error> {
    let keyframe = &row.keyframe;
    writer
        .row(day)?
        .text(ticker)
        .i64(keyframe.ordinal.cast_signed())
        .text(if row.snapshot { "snapshot" } else { "folded" })
        .nanos(keyframe.effective)
        .nanos(keyframe.recv_max)
        .nanos(keyframe.recv_ts.nanos())
        .optional_i64(keyframe.ts.map(|ts| ts.micros()))
        .optional_i64(row.sent_ts.map(|ts| ts.micros()))
        .optional_i64(keyframe.clock.map(u64::cast_signed))
        .optional_i32(keyframe.sid.map(u32::cast_signed))
        .optional_i64(keyframe.seq.map(u64::cast_signed))
        .i32(keyframe.connection.cast_signed())
        .text(market_id)
        .i32(keyframe.deltas_since.cast_signed())
        .ladder(levels(row, Side::Yes))
        .ladder(levels(row, Side::No))
        .text(&keyframe.book.digest().to_string())
        .optional_text(extra)
        .end();
    Ok(())
}

/// Rows of the rarer kinds in a table's order: by ticker, then by ordinal.
fn by_ticker<T>(rows: &[crate::tail::Numbered<T>], ticker: impl Fn(&T) -> &str) -> Vec<&crate::tail::Numbered<T>> {
    let mut sorted: Vec<_> = rows.iter().collect();
    sorted.sort_by(|a, b| (ticker(&a.row), a.ordinal).cmp(&(ticker(&b.row), b.ordinal)));
    sorted
}

fn trades(writer: &mut SegmentWriter, rows: &Rows) -> Result<(), Error> {
    for numbered in by_ticker(&rows.trades, |record| record.event.ticker().unwrap_or("")) {
        let record = &numbered.row;
        let Event::Trade(trade) = &record.event else { continue };
        writer
            .row(day_of(record.recv_ts.nanos()))?
            .text(&trade.ticker)
            .i64(numbered.ordinal.cast_signed())
            .nanos(record.recv_ts.nanos())
            .optional_i64(trade.ts.map(|ts| ts.micros()))
            .optional_i64(record.sent_ts.map(|ts| ts.micros()))
            .optional_i32(record.sid.map(u32::cast_signed))
            .optional_i64(record.seq.map(u64::cast_signed))
            .i32(record.connection.cast_signed())
            .text(&trade.trade_id)
            .i32(i32::from(trade.yes_price.ten_thousandths()))
            .i32(i32::from(trade.no_price.ten_thousandths()))
            .i64(trade.count.hundredths())
            .optional_text(trade.taker_side.map(Side::as_str))
            .optional_text(trade.taker_outcome_side.map(Side::as_str))
            .optional_text(trade.taker_book_side.as_deref())
            .optional_bool(trade.is_block_trade)
            .optional_text(record.extra.as_deref())
            .end();
    }
    Ok(())
}

fn tickers(writer: &mut SegmentWriter, rows: &Rows) -> Result<(), Error> {
    let price = |price: Option<Price>| price.map(|price| i32::from(price.ten_thousandths()));
    let size = |size: Option<Quantity>| size.map(Quantity::hundredths);
    for numbered in by_ticker(&rows.tickers, |record| record.event.ticker().unwrap_or("")) {
        let record = &numbered.row;
        let Event::Ticker(update) = &record.event else { continue };
        writer
            .row(day_of(record.recv_ts.nanos()))?
            .text(&update.ticker)
            .i64(numbered.ordinal.cast_signed())
            .nanos(record.recv_ts.nanos())
            .optional_i64(update.ts.map(|ts| ts.micros()))
            .optional_i64(record.sent_ts.map(|ts| ts.micros()))
            .optional_i32(record.sid.map(u32::cast_signed))
            .optional_i64(record.seq.map(u64::cast_signed))
            .i32(record.connection.cast_signed())
            .text(&update.market_id)
            .optional_i32(price(update.price))
            .optional_i32(price(update.yes_bid))
            .optional_i32(price(update.yes_ask))
            .optional_i64(size(update.yes_bid_size))
            .optional_i64(size(update.yes_ask_size))
            .optional_i64(size(update.last_trade_size))
            .optional_i64(size(update.volume))
            .optional_i64(size(update.open_interest))
            .optional_i64(update.dollar_volume)
            .optional_i64(update.dollar_open_interest)
            .optional_text(record.extra.as_deref())
            .end();
    }
    Ok(())
}

fn lifecycle(writer: &mut SegmentWriter, rows: &Rows) -> Result<(), Error> {
    for numbered in by_ticker(&rows.lifecycle, |record| record.event.ticker().unwrap_or("")) {
        let record = &numbered.row;
        let Event::Lifecycle(change) = &record.event else { continue };
        writer
            .row(day_of(record.recv_ts.nanos()))?
            .optional_text(change.ticker.as_deref())
            .i64(numbered.ordinal.cast_signed())
            .nanos(record.recv_ts.nanos())
            .optional_i64(change.ts.map(|ts| ts.micros()))
            .optional_i64(record.sent_ts.map(|ts| ts.micros()))
            .optional_i32(record.sid.map(u32::cast_signed))
            .optional_i64(record.seq.map(u64::cast_signed))
            .i32(record.connection.cast_signed())
            .text(&change.channel)
            .text(&change.event_type)
            .optional_text(change.event_ticker.as_deref())
            .text(&change.payload)
            .optional_text(record.extra.as_deref())
            .end();
    }
    Ok(())
}

fn unparsed(writer: &mut SegmentWriter, sealing: &Sealing<'_>) -> Result<(), Error> {
    let today = day_of(sealing.now_millis.saturating_mul(1_000_000));
    for numbered in &sealing.rows.unparsed {
        let row = &numbered.row;
        writer
            .row(row.recv_ts.map_or(today, |recv| day_of(recv.nanos())))?
            .i64(numbered.ordinal.cast_signed())
            .optional_nanos(row.recv_ts.map(|recv| recv.nanos()))
            .i32(row.connection.cast_signed())
            .text(&row.reason)
            .text(&row.origin)
            .text(&row.raw)
            .end();
    }
    Ok(())
}

fn coverage(writer: &mut SegmentWriter, rows: &Rows, position: u64) -> Result<(), Error> {
    for (ticker, market) in &rows.markets {
        for interval in market.intervals.values() {
            interval_row(writer, day_of(interval.from_recv), ticker, interval, position)?;
        }
    }
    Ok(())
}

/// Writes one interval as a row of `coverage`.
pub fn interval_row(
    writer: &mut SegmentWriter,
    day: Day,
    ticker: &str,
    interval: &Interval,
    position: u64,
) -> Result<(), Error> {
    writer
        .row(day)?
        .text(ticker)
        .i32(interval.connection.cast_signed())
        .optional_i32(interval.sid.map(u32::cast_signed))
        .text(interval.standing.as_str())
        .nanos(interval.from_effective)
        .nanos(interval.to_effective)
        .nanos(interval.from_recv)
        .nanos(interval.to_recv)
        .i64(interval.first_ordinal.cast_signed())
        .i64(interval.last_ordinal.cast_signed())
        .text(interval.began.as_str())
        .optional_text(interval.ended.map(|cause| cause.as_str()))
        .i64(position.cast_signed())
        .end();
    Ok(())
}

fn sources(writer: &mut SegmentWriter, rows: &Rows, position: u64) -> Result<(), Error> {
    for state in rows.sources.values() {
        let json = serde_json::to_string(state).expect("a source's state holds only strings and integers");
        writer
            .row(0)?
            .i32(state.number.cast_signed())
            .text(&state.name)
            .i64(state.bytes.cast_signed())
            .text(&state.digest)
            .i64(state.lines.cast_signed())
            .i64(state.events.cast_signed())
            .i64(state.unparsed.cast_signed())
            .i64(state.duplicates.cast_signed())
            .optional_bool(Some(state.complete))
            .optional_bool(Some(state.truncated))
            .i64(state.imported_nanos.div_euclid(1_000))
            .text(&json)
            .i64(position.cast_signed())
            .end();
    }
    Ok(())
}
