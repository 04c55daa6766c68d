//! The book at an instant: the nearest keyframe before it, and the deltas from there.

use std::{
    ops::{ControlFlow, Range},
    sync::Arc,
};

use arrow::{
    array::{Array, AsArray, Int16Array, PrimitiveArray},
    datatypes::{ArrowPrimitiveType, Decimal32Type, Decimal64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use daybook_book::{Book, EffectiveTime, ExchangeTime, Price, Quantity, ReceivedTime, Side};
use hashbrown::HashMap;

use crate::{
    Clock, Error,
    catalog::Catalog,
    market::{Keyframe, Place},
    reader::Reader,
    schema::Table,
    segment::{Batch, Texts},
    tail::{DeltaRow, MarketRows},
};

/// A stream's book folded up to an instant.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The state, as a keyframe at the last event folded.
    pub state: Keyframe,
    /// Effective time of the keyframe that the folding started from, in nanoseconds.
    pub keyframe_effective: Option<i64>,
    /// Deltas folded on top of it.
    pub deltas_applied: u64,
}

/// What a reconstruction reads: sealed segments, and the market's rows that are not sealed yet, oldest first.
pub struct Sources<'a> {
    /// Opens segments.
    pub reader: &'a Reader,
    /// Which there are.
    pub catalog: &'a Catalog,
    /// Rows not sealed yet: those being sealed, then the tail's.
    pub unsealed: Vec<&'a MarketRows>,
    /// Unknown fields of rows not sealed yet, by ordinal.
    pub extras: Vec<&'a HashMap<u64, Box<str>>>,
}

impl Keyframe {
    fn time(&self, clock: Clock) -> i64 {
        match clock {
            Clock::Exchange => self.effective,
            Clock::Received => self.recv_max,
        }
    }
}

impl Sources<'_> {
    /// The stream's book after its longest prefix of events whose time is at most `at`; `None` if it has no such event.
    /// A stream that began without a snapshot is folded from an empty book: its coverage says that it is a gap.
    pub fn fold(&self, ticker: &str, connection: u32, at: i64, clock: Clock) -> Result<Option<Folded>, Error> {
        let (keyframe, until) = self.keyframes_around(ticker, connection, at, clock)?;
        let after = keyframe.as_ref().map(|keyframe| keyframe.ordinal);
        let mut folding = Folding::new(keyframe, connection, at, clock);
        let _ =
            self.each_delta(ticker, connection, (after, until), FOLD_COLUMNS, |delta, _| Ok(folding.push(delta)))?;
        Ok(folding.finish())
    }

    /// Visits the stream's events whose effective time lies in `from..=to`, in order.
    pub fn walk(
        &self,
        ticker: &str,
        connection: u32,
        from: i64,
        to: i64,
        visit: &mut dyn FnMut(Event<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        // The state just before the range: what the running maxima go on from.
        let base = self.base(ticker, connection, from)?;
        let after = base.as_ref().map(|base| base.ordinal);
        let until = self.keyframes_around(ticker, connection, to, Clock::Exchange)?.1;
        let mut snapshots = self.snapshots(ticker, connection, from, to)?.into_iter().peekable();
        let mut effective = base.as_ref().map_or(i64::MIN, |base| base.effective);
        let mut recv_max = base.as_ref().map_or(i64::MIN, |base| base.recv_max);
        let flow = self.each_delta(ticker, connection, (after, until), LISTING_COLUMNS, |delta, extra| {
            while let Some(snapshot) = snapshots.next_if(|snapshot| snapshot.ordinal < delta.ordinal) {
                (effective, recv_max) = (effective.max(snapshot.effective), recv_max.max(snapshot.recv_max));
                if visit(Event::Snapshot(&snapshot))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            let recv_ts = ReceivedTime::from_nanos(delta.recv_ts);
            effective = EffectiveTime::from_nanos(effective).after(delta.ts, recv_ts).nanos();
            recv_max = recv_max.max(delta.recv_ts);
            if effective > to {
                return Ok(ControlFlow::Break(()));
            }
            if effective < from {
                return Ok(ControlFlow::Continue(()));
            }
            visit(Event::Delta { row: delta, effective, recv_max, extra })
        })?;
        let passed = effective > to;
        if flow.is_break() && !passed {
            return Ok(flow);
        }
        for snapshot in snapshots {
            if visit(Event::Snapshot(&snapshot))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The stream's last keyframe whose time is at most `at`.
    pub(crate) fn keyframe(
        &self,
        ticker: &str,
        connection: u32,
        at: i64,
        clock: Clock,
    ) -> Result<Option<Keyframe>, Error> {
        Ok(self.keyframes_around(ticker, connection, at, clock)?.0)
    }

    /// The stream's last keyframe whose time is at most `at`, and the ordinal of the first one that is later. Deltas
    /// behind that are later too, though their own stamps may be earlier: time is a running maximum, over snapshots too.
    pub(crate) fn keyframes_around(
        &self,
        ticker: &str,
        connection: u32,
        at: i64,
        clock: Clock,
    ) -> Result<(Option<Keyframe>, Option<u64>), Error> {
        let mut later = None;
        for rows in self.unsealed.iter().rev() {
            for keyframe in rows.keyframes.iter().rev().map(|row| &row.keyframe) {
                if keyframe.connection != connection {
                    continue;
                }
                if keyframe.time(clock) <= at {
                    return Ok((Some(keyframe.clone()), later));
                }
                later = Some(keyframe.ordinal);
            }
        }
        let table = self.catalog.table(Table::Keyframes);
        for file in table.files.iter().rev().filter(|file| file.may_hold(ticker)) {
            let segment = self.reader.segment(Table::Keyframes, file)?;
            let places = self.reader.keyframes_of(&segment, ticker)?;
            for place in places.iter().rev().filter(|place| place.connection == connection) {
                let time = match clock {
                    Clock::Exchange => place.effective,
                    Clock::Received => place.recv_max,
                };
                if time <= at {
                    let keyframe = self.reader.keyframe(&segment, place.row)?.as_ref().clone();
                    return Ok((Some(keyframe), later));
                }
                later = Some(place.ordinal);
            }
        }
        Ok((None, later))
    }

    /// The venue's own snapshots in the stream whose effective time lies in `from..=to`, in order.
    pub(crate) fn snapshots(&self, ticker: &str, connection: u32, from: i64, to: i64) -> Result<Vec<Keyframe>, Error> {
        let mut snapshots = Vec::new();
        for file in self.catalog.table(Table::Keyframes).files.iter().filter(|file| file.may_hold(ticker)) {
            let segment = self.reader.segment(Table::Keyframes, file)?;
            for place in self.reader.keyframes_of(&segment, ticker)?.iter() {
                let inside = from <= place.effective && place.effective <= to;
                if place.snapshot && place.connection == connection && inside {
                    snapshots.push(self.reader.keyframe(&segment, place.row)?.as_ref().clone());
                }
            }
        }
        let sealed = snapshots.last().map(|snapshot: &Keyframe| snapshot.ordinal);
        for row in self.unsealed.iter().flat_map(|rows| &rows.keyframes).filter(|row| row.snapshot) {
            let keyframe = &row.keyframe;
            let inside = from <= keyframe.effective && keyframe.effective <= to;
            if keyframe.connection == connection && inside && sealed.is_none_or(|sealed| sealed < keyframe.ordinal) {
                snapshots.push(keyframe.clone());
            }
        }
        Ok(snapshots)
    }

    /// Visits the stream's deltas above an ordinal and up to another one, sealed and unsealed, in order, each once.
    pub(crate) fn each_delta(
        &self,
        ticker: &str,
        connection: u32,
        (mut after, until): (Option<u64>, Option<u64>),
        columns: &[&str],
        mut visit: impl FnMut(&DeltaRow, Option<&str>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        let until = until.unwrap_or(u64::MAX);
        for file in &self.catalog.table(Table::Deltas).files {
            let before = after.is_some_and(|after| file.last_ordinal <= after);
            if before || file.first_ordinal > until || !file.may_hold(ticker) {
                continue;
            }
            let segment = self.reader.segment(Table::Deltas, file)?;
            let rows = self.reader.rows_of(&segment, ticker)?;
            let rows = match after {
                Some(after) => segment.skip_to_ordinal(rows, after)?,
                None => rows,
            };
            let mut at = rows.start;
            while at < rows.end {
                let page = segment.page_of(at)?;
                let inside = segment.page_rows(page)?;
                let end = inside.end.min(rows.end);
                let batch = if columns == FOLD_COLUMNS {
                    self.reader.page(&segment, page)?
                } else {
                    Arc::new(segment.page(columns, page)?)
                };
                let deltas = DeltaColumns::of(&batch)?;
                let extras = batch.record().column_by_name("extra").map(|_| batch.texts("extra")).transpose()?;
                let market = at - inside.start..end - inside.start;
                let from = after.map_or(market.start, |after| deltas.first_after(market.clone(), after));
                for row in from..market.end {
                    let delta = deltas.get(row)?;
                    if delta.connection != connection {
                        continue;
                    }
                    if delta.ordinal > until {
                        return Ok(ControlFlow::Continue(()));
                    }
                    after = Some(delta.ordinal);
                    let extra = extras.as_ref().and_then(|extras| extras.get(row));
                    if visit(&delta, extra)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                at = end;
            }
        }
        for rows in &self.unsealed {
            let from = after.map_or(0, |after| rows.deltas.partition_point(|delta| delta.ordinal() <= after));
            for delta in rows.deltas[from..].iter().filter(|delta| delta.connection() == connection) {
                if delta.ordinal() > until {
                    return Ok(ControlFlow::Continue(()));
                }
                after = Some(delta.ordinal());
                let extra = self.extras.iter().find_map(|extras| extras.get(&delta.ordinal())).map(|extra| &**extra);
                if visit(&delta.row(), extra)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The columns that a book at an instant needs.
pub const FOLD_COLUMNS: &[&str] =
    &["ordinal", "recv_ts", "recv_nanos", "ts", "connection", "side", "price", "quantity"];

/// The columns of a delta that say what happened, when and in which order.
pub const DELTA_COLUMNS: &[&str] =
    &["ordinal", "recv_ts", "recv_nanos", "ts", "clock", "sid", "seq", "connection", "side", "price", "quantity"];

/// The columns that listing deltas needs.
const LISTING_COLUMNS: &[&str] = &[
    "ordinal",
    "recv_ts",
    "recv_nanos",
    "ts",
    "sent_ts",
    "clock",
    "sid",
    "seq",
    "connection",
    "side",
    "price",
    "quantity",
    "extra",
];

/// One book event of a stream.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The venue stated the whole book.
    Snapshot(&'a Keyframe),
    /// The venue changed one level.
    Delta {
        /// The change.
        row: &'a DeltaRow,
        /// Effective time, in nanoseconds.
        effective: i64,
        /// Running maximum of received time, in nanoseconds.
        recv_max: i64,
        /// Fields without a column, as JSON.
        extra: Option<&'a str>,
    },
}

struct Folding {
    connection: u32,
    at: i64,
    clock: Clock,
    book: Book,
    effective: i64,
    recv_max: i64,
    last: Option<Place>,
    keyframe_effective: Option<i64>,
    applied: u64,
}

impl Folding {
    fn new(keyframe: Option<Keyframe>, connection: u32, at: i64, clock: Clock) -> Folding {
        let mut folding = Folding {
            connection,
            at,
            clock,
            book: Book::default(),
            effective: i64::MIN,
            recv_max: i64::MIN,
            last: None,
            keyframe_effective: None,
            applied: 0,
        };
        if let Some(keyframe) = keyframe {
            folding.effective = keyframe.effective;
            folding.recv_max = keyframe.recv_max;
            folding.keyframe_effective = Some(keyframe.effective);
            folding.last = Some(Place {
                ordinal: keyframe.ordinal,
                connection,
                sid: keyframe.sid,
                ts: keyframe.ts,
                recv_ts: keyframe.recv_ts,
                seq: keyframe.seq,
                clock: keyframe.clock,
            });
            folding.book = keyframe.book;
        }
        folding
    }

    /// Folds one delta; breaks when it lies past the instant, and the folding is done.
    fn push(&mut self, delta: &DeltaRow) -> ControlFlow<()> {
        let recv_ts = ReceivedTime::from_nanos(delta.recv_ts);
        let effective = EffectiveTime::from_nanos(self.effective).after(delta.ts, recv_ts).nanos();
        let recv_max = self.recv_max.max(delta.recv_ts);
        let time = match self.clock {
            Clock::Exchange => effective,
            Clock::Received => recv_max,
        };
        if time > self.at {
            return ControlFlow::Break(());
        }
        self.effective = effective;
        self.recv_max = recv_max;
        self.applied += 1;
        // A level below zero was found when the delta was recorded, and ended the coverage there.
        let _ = self.book.apply(delta.side, delta.price, delta.quantity);
        self.last = Some(Place {
            ordinal: delta.ordinal,
            connection: delta.connection,
            sid: delta.sid,
            ts: delta.ts,
            recv_ts,
            seq: delta.seq,
            clock: delta.clock,
        });
        ControlFlow::Continue(())
    }

    fn finish(self) -> Option<Folded> {
        let last = self.last?;
        Some(Folded {
            state: Keyframe {
                ordinal: last.ordinal,
                connection: self.connection,
                sid: last.sid,
                seq: last.seq,
                clock: last.clock,
                ts: last.ts,
                recv_ts: last.recv_ts,
                effective: self.effective,
                recv_max: self.recv_max,
                deltas_since: u32::try_from(self.applied).unwrap_or(u32::MAX),
                book: self.book,
            },
            keyframe_effective: self.keyframe_effective,
            deltas_applied: self.applied,
        })
    }
}

/// The deltas of a batch that has [`DELTA_COLUMNS`].
pub struct DeltaColumns<'a> {
    batch: &'a Batch,
    ordinals: &'a PrimitiveArray<Int64Type>,
    recv: &'a PrimitiveArray<TimestampMicrosecondType>,
    recv_nanos: &'a Int16Array,
    ts: &'a PrimitiveArray<TimestampMicrosecondType>,
    sent: Option<&'a PrimitiveArray<TimestampMicrosecondType>>,
    clocks: Option<&'a PrimitiveArray<Int64Type>>,
    sids: Option<&'a PrimitiveArray<Int32Type>>,
    seqs: Option<&'a PrimitiveArray<Int64Type>>,
    connections: &'a PrimitiveArray<Int32Type>,
    sides: Texts<'a>,
    prices: &'a PrimitiveArray<Decimal32Type>,
    quantities: &'a PrimitiveArray<Decimal64Type>,
}

impl<'a> DeltaColumns<'a> {
    /// Finds the columns.
    pub fn of(batch: &'a Batch) -> Result<DeltaColumns<'a>, Error> {
        let has = |column: &str| batch.record().column_by_name(column).is_some();
        Ok(DeltaColumns {
            batch,
            ordinals: batch.i64s("ordinal")?,
            recv: batch.times("recv_ts")?,
            recv_nanos: batch.i16s("recv_nanos")?,
            ts: batch.times("ts")?,
            sent: if has("sent_ts") { Some(batch.times("sent_ts")?) } else { None },
            clocks: if has("clock") { Some(batch.i64s("clock")?) } else { None },
            sids: if has("sid") { Some(batch.i32s("sid")?) } else { None },
            seqs: if has("seq") { Some(batch.i64s("seq")?) } else { None },
            connections: batch.i32s("connection")?,
            sides: batch.texts("side")?,
            prices: batch.prices("price")?,
            quantities: batch.quantities("quantity")?,
        })
    }

    /// The first of these rows whose ordinal is above this one. They must be one market's.
    pub fn first_after(&self, rows: Range<usize>, ordinal: u64) -> usize {
        rows.start + self.ordinals.values()[rows].partition_point(|value| value.cast_unsigned() <= ordinal)
    }

    /// The ordinal of a row.
    pub fn ordinal(&self, row: usize) -> u64 {
        self.ordinals.value(row).cast_unsigned()
    }

    /// The delta of a row.
    pub fn get(&self, row: usize) -> Result<DeltaRow, Error> {
        let side = match self.sides.get(row) {
            Some("yes") => Side::Yes,
            Some("no") => Side::No,
            _ => return Err(self.batch.wrong("side", "neither yes nor no")),
        };
        let price = u16::try_from(self.prices.value(row)).ok().and_then(Price::from_ten_thousandths);
        Ok(DeltaRow {
            ordinal: self.ordinal(row),
            recv_ts: self.recv.value(row).saturating_mul(1_000).saturating_add(i64::from(self.recv_nanos.value(row))),
            ts: self.ts.is_valid(row).then(|| ExchangeTime::from_micros(self.ts.value(row))),
            sent_ts: value(self.sent, row).map(ExchangeTime::from_micros),
            clock: value(self.clocks, row).map(i64::cast_unsigned),
            seq: value(self.seqs, row).map(i64::cast_unsigned),
            quantity: Quantity::from_hundredths(self.quantities.value(row)),
            sid: value(self.sids, row).map(i32::cast_unsigned),
            connection: self.connections.value(row).cast_unsigned(),
            market_id: 0,
            price: price.ok_or_else(|| self.batch.wrong("price", "outside 0 to one dollar"))?,
            side,
        })
    }
}

/// A row's value, where the column was read and the row has one.
fn value<T: ArrowPrimitiveType>(column: Option<&PrimitiveArray<T>>, row: usize) -> Option<T::Native> {
    column.and_then(|column| column.is_valid(row).then(|| column.value(row)))
}

/// Columns of a keyframe's row that make up its state, and say what it is.
pub const KEYFRAME_COLUMNS: &[&str] = &[
    "kind",
    "ordinal",
    "effective_ts",
    "effective_nanos",
    "latest_recv_ts",
    "latest_recv_nanos",
    "recv_ts",
    "recv_nanos",
    "ts",
    "clock",
    "sid",
    "seq",
    "connection",
    "deltas_since",
    "yes_prices",
    "yes_quantities",
    "no_prices",
    "no_quantities",
    "digest",
];

/// The keyframe of a row of a batch that has the keyframe columns; `None` if its levels make no book of its digest.
pub fn keyframe_of(batch: &Batch, row: usize) -> Result<Option<Keyframe>, Error> {
    let ladder = |prices: &str, sizes: &str| -> Result<Option<Vec<(Price, Quantity)>>, Error> {
        let (prices, sizes) = (batch.lists(prices)?.value(row), batch.lists(sizes)?.value(row));
        let (Some(prices), Some(sizes)) =
            (prices.as_primitive_opt::<Decimal32Type>(), sizes.as_primitive_opt::<Decimal64Type>())
        else {
            return Ok(None);
        };
        if prices.len() != sizes.len() {
            return Ok(None);
        }
        let price = |value: i32| u16::try_from(value).ok().and_then(Price::from_ten_thousandths);
        Ok(prices
            .values()
            .iter()
            .zip(sizes.values())
            .map(|(at, size)| Some((price(*at)?, Quantity::from_hundredths(*size))))
            .collect())
    };
    let (Some(yes), Some(no)) = (ladder("yes_prices", "yes_quantities")?, ladder("no_prices", "no_quantities")?) else {
        return Ok(None);
    };
    let Ok(book) = Book::from_levels(yes, no) else { return Ok(None) };
    if batch.texts("digest")?.get(row) != Some(book.digest().to_string().as_str()) {
        return Ok(None);
    }
    let (ts, clocks, sids, seqs) = (batch.times("ts")?, batch.i64s("clock")?, batch.i32s("sid")?, batch.i64s("seq")?);
    Ok(Some(Keyframe {
        ordinal: batch.i64s("ordinal")?.value(row).cast_unsigned(),
        connection: batch.i32s("connection")?.value(row).cast_unsigned(),
        sid: sids.is_valid(row).then(|| sids.value(row).cast_unsigned()),
        seq: seqs.is_valid(row).then(|| seqs.value(row).cast_unsigned()),
        clock: clocks.is_valid(row).then(|| clocks.value(row).cast_unsigned()),
        ts: ts.is_valid(row).then(|| ExchangeTime::from_micros(ts.value(row))),
        recv_ts: ReceivedTime::from_nanos(batch.nanos("recv_ts", "recv_nanos", row)?),
        effective: batch.nanos("effective_ts", "effective_nanos", row)?,
        recv_max: batch.nanos("latest_recv_ts", "latest_recv_nanos", row)?,
        deltas_since: batch.i32s("deltas_since")?.value(row).cast_unsigned(),
        book,
    }))
}
