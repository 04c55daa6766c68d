//! The live tail: what the log holds and no segment does yet, in memory, ready to be queried and to be sealed.

use std::collections::BTreeMap;

use daybook_book::{Book, Event, EventRecord, ExchangeTime, Price, Quantity, ReceivedTime, Side};
use hashbrown::{HashMap, HashSet};

use crate::{
    batch::{BatchError, BatchReader, DeltaEntry},
    coverage::{Interval, IntervalKey},
    delta_run::{DeltaRun, RunDelta},
    entry::{Cause, Document, Entry, Notice, SourceState},
    market::{Change, Keyframe, Market, Place, Stream},
    packed_delta::PackedDelta,
    schema::Table,
};

/// One delta of an archive, sealed or not: fixed width, text by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaRow {
    /// Arrival order.
    pub ordinal: u64,
    /// Our clock, in nanoseconds.
    pub recv_ts: i64,
    /// Exchange time in microseconds.
    pub ts: Option<ExchangeTime>,
    /// The venue's sending stamp.
    pub sent_ts: Option<ExchangeTime>,
    /// The venue's per-market logical clock.
    pub clock: Option<u64>,
    /// Sequence number.
    pub seq: Option<u64>,
    /// Signed change.
    pub quantity: Quantity,
    /// Subscription.
    pub sid: Option<u32>,
    /// Connection.
    pub connection: u32,
    /// Index into [`Rows::market_ids`].
    pub market_id: u32,
    /// Level.
    pub price: Price,
    /// Ladder.
    pub side: Side,
}

/// A keyframe with what only a venue snapshot has.
#[derive(Clone, Debug)]
pub struct KeyframeRow {
    /// The book and its place.
    pub keyframe: Keyframe,
    /// Whether the venue sent it, rather than it being folded from deltas.
    pub snapshot: bool,
    /// Index into [`Rows::market_ids`].
    pub market_id: u32,
    /// The venue's sending stamp, of a snapshot.
    pub sent_ts: Option<ExchangeTime>,
}

/// An event of the rarer kinds, or an unreadable frame, with its ordinal.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    /// Arrival order.
    pub ordinal: u64,
    /// The event.
    pub row: T,
}

/// An unreadable frame, owning its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnparsedRow {
    /// Our clock, where known.
    pub recv_ts: Option<ReceivedTime>,
    /// Connection.
    pub connection: u32,
    /// Why it was not understood.
    pub reason: String,
    /// Where it came from.
    pub origin: String,
    /// The text.
    pub raw: String,
}

/// One market's unsealed rows, in arrival order.
#[derive(Clone, Debug, Default)]
pub struct MarketRows {
    /// Deltas.
    pub deltas: Vec<PackedDelta>,
    /// Keyframes, folded and sent.
    pub keyframes: Vec<KeyframeRow>,
    /// Latest version of each interval that changed.
    pub intervals: BTreeMap<IntervalKey, Interval>,
}

/// Rows of the tail, by table.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// By market ticker, sorted: the order of a segment.
    pub markets: BTreeMap<Box<str>, MarketRows>,
    /// Trades.
    pub trades: Vec<Numbered<EventRecord<'static>>>,
    /// Ticker updates.
    pub tickers: Vec<Numbered<EventRecord<'static>>>,
    /// Lifecycle events.
    pub lifecycle: Vec<Numbered<EventRecord<'static>>>,
    /// Frames not understood.
    pub unparsed: Vec<Numbered<UnparsedRow>>,
    /// Metadata documents, in the order they came.
    pub documents: Vec<Document>,
    /// Sources, by digest: the latest state.
    pub sources: BTreeMap<u32, SourceState>,
    /// Unknown fields of deltas and snapshots, by ordinal.
    pub extras: HashMap<u64, Box<str>>,
    /// The venue's market ids.
    pub market_ids: Vec<Box<str>>,
    /// Deltas in all markets: what the tail's size is judged by.
    pub delta_count: usize,
    /// All rows that take an ordinal.
    pub row_count: usize,
}

/// A market's ticker and an interval of its coverage.
pub type MarketInterval = (Box<str>, Interval);

/// Gives the state in which a market was left by what is sealed already.
pub trait Base {
    /// The market's streams and clocks, or `None` if it is new.
    fn market(&self, ticker: &str) -> Result<Option<Market>, crate::Error>;

    /// Of every market and connection, or of one market, the last interval if it has not ended, or has ended in a way
    /// that lets the stream go on: what a notice about a connection still concerns.
    fn unfinished(&self, only: Option<&str>) -> Result<Vec<MarketInterval>, crate::Error>;
}

/// Markets and market ids by the place of their name in a batch's text table, as far as they were looked up.
#[derive(Default)]
struct Named {
    markets: Vec<Option<u32>>,
    market_ids: Vec<Option<u32>>,
}

/// So many markets are looked up at once.
const AHEAD: usize = 16;

/// The live tail: rows not sealed yet, and the state of every market they touch.
#[derive(Default)]
pub struct Tail {
    rows: Vec<MarketRows>,
    states: Vec<Market>,
    /// Whether a market's state is complete; before its first event, only its coverage may be known.
    complete: Vec<bool>,
    tickers: Vec<Box<str>>,
    /// The id that each market had last, if it had one.
    latest_ids: Vec<Option<u32>>,
    index: HashMap<Box<str>, u32>,
    market_id_index: HashMap<Box<str>, u32>,
    /// What the texts of the batch at hand are the ticker, and the market id, of.
    named: Named,
    /// Where a batch's deltas are gathered; empty in between.
    run: DeltaRun,
    provable: HashMap<(u32, Option<u32>), bool>,
    /// Unfinished coverage of markets that the tail had not touched when it was first asked for, by connection.
    unfinished: Option<HashMap<u32, Vec<MarketInterval>>>,
    other: Rows,
    next_ordinal: u64,
    last_recv: Option<i64>,
    changed: bool,
    only: Option<Box<str>>,
}

impl Tail {
    /// An empty tail whose first entry takes this ordinal.
    pub fn new(next_ordinal: u64) -> Tail {
        Tail { next_ordinal, ..Tail::default() }
    }

    /// From now on only this market's events are taken in; ordinals are counted all the same.
    pub fn watch(&mut self, only: Option<&str>) {
        self.only = only.map(Into::into);
    }

    /// The ordinal that the next entry takes.
    pub fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// The latest received time of all events and unreadable frames since the tail began, in nanoseconds.
    pub fn last_recv(&self) -> Option<i64> {
        self.last_recv
    }

    /// Deltas held.
    pub fn delta_count(&self) -> usize {
        self.other.delta_count
    }

    /// Whether there is anything to seal, notices included.
    pub fn is_empty(&self) -> bool {
        !self.changed
    }

    /// The market's state, if the tail has touched it.
    pub fn market(&self, ticker: &str) -> Option<&Market> {
        self.index.get(ticker).map(|at| &self.states[*at as usize])
    }

    /// The market's unsealed rows.
    pub fn rows(&self, ticker: &str) -> Option<&MarketRows> {
        self.index.get(ticker).map(|at| &self.rows[*at as usize])
    }

    /// Unsealed rows of the rarer kinds.
    pub fn other(&self) -> &Rows {
        &self.other
    }

    /// Tickers that the tail has rows of.
    pub fn tickers(&self) -> impl Iterator<Item = &str> {
        self.tickers.iter().map(|ticker| &**ticker)
    }

    fn market_index(&mut self, ticker: &str, base: &dyn Base) -> Result<usize, crate::Error> {
        Ok(match self.index.get(ticker).map(|at| *at as usize) {
            Some(at) if self.complete[at] => at,
            Some(at) => {
                let state = base.market(ticker)?.unwrap_or_default();
                self.states[at] = state.with_coverage_of(&self.states[at]);
                self.complete[at] = true;
                at
            }
            None => {
                let state = base.market(ticker)?.unwrap_or_default();
                self.add(ticker.into(), state, true)
            }
        })
    }

    /// The market, with its stream over this connection at hand if it has one.
    fn stream_index(
        &mut self,
        ticker: &str,
        place: usize,
        connection: u32,
        base: &dyn Base,
    ) -> Result<usize, crate::Error> {
        let at = match self.named.markets.get(place).copied().flatten() {
            Some(at) => at as usize,
            None => {
                let at = self.market_index(ticker, base)?;
                if let Some(known) = self.named.markets.get_mut(place) {
                    *known = Some(at as u32);
                }
                at
            }
        };
        self.market_on(at, connection, base)
    }

    /// The market at this index, with its stream over this connection at hand if it has one.
    #[inline]
    fn market_on(&mut self, at: usize, connection: u32, base: &dyn Base) -> Result<usize, crate::Error> {
        let state = &self.states[at];
        if !state.released.is_empty() && !state.streams.iter().any(|stream| stream.connection == connection) {
            self.restore(at, connection, base)?;
        }
        Ok(at)
    }

    fn add(&mut self, ticker: Box<str>, state: Market, complete: bool) -> usize {
        let at = self.states.len();
        self.states.push(state);
        self.complete.push(complete);
        self.rows.push(MarketRows::default());
        self.latest_ids.push(None);
        self.tickers.push(ticker.clone());
        self.index.insert(ticker, at as u32);
        at
    }

    /// Takes up a stream again that was let go of when it had ended.
    fn restore(&mut self, at: usize, connection: u32, base: &dyn Base) -> Result<(), crate::Error> {
        let Some(released) = self.states[at].released.iter().position(|released| *released == connection) else {
            return Ok(());
        };
        let stored = base.market(&self.tickers[at])?.unwrap_or_default();
        let state = &mut self.states[at];
        state.released.swap_remove(released);
        state.streams.extend(stored.streams.into_iter().filter(|stream| stream.connection == connection));
        Ok(())
    }

    /// The same in every market, for what is told of a connection that had ended.
    fn restore_all(&mut self, connection: u32, base: &dyn Base) -> Result<(), crate::Error> {
        (0..self.states.len()).try_for_each(|at| self.restore(at, connection, base))
    }

    /// Takes up the coverage of markets on this connection that were sealed before the tail began, and had no event
    /// since: what is told of the connection concerns them too.
    fn take_up(&mut self, connection: u32, base: &dyn Base) -> Result<(), crate::Error> {
        if self.unfinished.is_none() {
            let mut by_connection: HashMap<u32, Vec<MarketInterval>> = HashMap::new();
            for (ticker, interval) in base.unfinished(self.only.as_deref())? {
                if !self.index.contains_key(&ticker) {
                    by_connection.entry(interval.connection).or_default().push((ticker, interval));
                }
            }
            self.unfinished = Some(by_connection);
        }
        let unfinished = self.unfinished.as_mut().and_then(|unfinished| unfinished.remove(&connection));
        for (ticker, interval) in unfinished.unwrap_or_default() {
            let at = match self.index.get(&ticker).map(|at| *at as usize) {
                Some(at) if self.complete[at] => continue,
                Some(at) => at,
                None => self.add(ticker, Market::default(), false),
            };
            self.states[at].streams.push(Stream::from_interval(interval));
        }
        Ok(())
    }

    /// The number of a market's id. `place` is its place in the batch's text table.
    fn market_id(&mut self, market: usize, id: &str, place: usize) -> u32 {
        // A market keeps its id, so that it is rarely looked up.
        let latest = self.latest_ids[market].filter(|at| *self.other.market_ids[*at as usize] == *id);
        let at = match latest.or_else(|| self.market_id_index.get(id).copied()) {
            Some(at) => at,
            None => {
                let at = self.other.market_ids.len() as u32;
                self.other.market_ids.push(id.into());
                self.market_id_index.insert(id.into(), at);
                at
            }
        };
        self.latest_ids[market] = Some(at);
        if let Some(known) = self.named.market_ids.get_mut(place) {
            *known = Some(at);
        }
        at
    }

    /// Takes in a batch. Returns how many deltas diverged.
    pub fn apply(&mut self, batch: &[u8], base: &dyn Base) -> Result<u64, crate::Error> {
        let mut reader = BatchReader::new(batch).map_err(|error| unreadable(self.next_ordinal, error))?;
        let mut diverged = 0;
        let first_ordinal = reader.first_ordinal();
        self.next_ordinal = first_ordinal;
        for known in [&mut self.named.markets, &mut self.named.market_ids] {
            known.clear();
            known.resize(reader.text_count(), None);
        }
        let unreadable = |error| unreadable(first_ordinal, error);
        let mut run = std::mem::take(&mut self.run);
        run.begin(reader.text_count());
        loop {
            let mut more = true;
            while more && let Some(delta) = reader.next_delta().map_err(unreadable)? {
                more = self.gather(&delta, &reader, &mut run).map_err(unreadable)?;
            }
            diverged += self.take_in(&run, &reader, base)?;
            run.clear();
            if more {
                let Some(entry) = reader.next_entry().map_err(unreadable)? else { break };
                self.apply_entry(entry, reader.text_places(), base)?;
            }
        }
        self.run = run;
        Ok(diverged)
    }

    /// What was said of connections that still live, and what no segment keeps: for the next section of the log.
    pub fn standing_notices(&self) -> Vec<Notice> {
        let mut provable: Vec<_> =
            self.provable.iter().map(|((connection, sid), provable)| (*connection, *sid, *provable)).collect();
        provable.sort_unstable();
        provable.into_iter().map(|(connection, sid, provable)| Notice::Provable { connection, sid, provable }).collect()
    }

    /// Takes in anything but a delta.
    fn apply_entry(&mut self, entry: Entry<'_>, places: [usize; 2], base: &dyn Base) -> Result<(), crate::Error> {
        // That coverage can be proven is nothing to seal.
        self.changed |= !matches!(entry, Entry::Notice(Notice::Provable { .. }));
        match entry {
            Entry::Notice(notice) => self.notice(notice, base),
            Entry::Unparsed(unparsed) => {
                let ordinal = self.take_ordinal();
                self.last_recv = self.last_recv.max(unparsed.recv_ts.map(ReceivedTime::nanos));
                let row = UnparsedRow {
                    recv_ts: unparsed.recv_ts,
                    connection: unparsed.connection,
                    reason: unparsed.reason.into_owned(),
                    origin: unparsed.origin.into_owned(),
                    raw: unparsed.raw.into_owned(),
                };
                self.other.unparsed.push(Numbered { ordinal, row });
                Ok(())
            }
            Entry::Event(record) => self.event(record, places, base),
        }
    }

    fn take_ordinal(&mut self) -> u64 {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        self.other.row_count += 1;
        ordinal
    }

    /// Adds a delta to the run; false if that is full now.
    fn gather(
        &mut self,
        delta: &DeltaEntry<'_>,
        texts: &BatchReader<'_>,
        run: &mut DeltaRun,
    ) -> Result<bool, BatchError> {
        let ordinal = self.take_ordinal();
        self.last_recv = self.last_recv.max(Some(delta.recv_ts.nanos()));
        if let Some(only) = &self.only
            && **only != *texts.text_of(delta.ticker)?
        {
            return Ok(true);
        }
        if let Some(extra) = delta.extra {
            self.other.extras.insert(ordinal, extra.into());
        }
        let row = DeltaRow {
            ordinal,
            recv_ts: delta.recv_ts.nanos(),
            ts: delta.ts,
            sent_ts: delta.sent_ts,
            clock: delta.clock,
            seq: delta.seq,
            quantity: delta.quantity,
            sid: delta.sid,
            connection: delta.connection,
            market_id: delta.market_id as u32,
            price: delta.price,
            side: delta.side,
        };
        Ok(run.push(delta.ticker as u32, PackedDelta::from(row)))
    }

    /// Looks up the markets of these deltas and reads what the deltas will change. Each step on the way to a market's
    /// level is a wait for memory, in which the processor fetches the others' as well, as long as nothing that changes
    /// anything stands between them.
    fn look_ahead(&mut self, run: &DeltaRun, firsts: &[u32], texts: &BatchReader<'_>) {
        let mut found = Vec::with_capacity(AHEAD);
        for first in firsts.iter().take(AHEAD).filter_map(|first| run.of_market(*first).next()) {
            let row = first.delta.row();
            let (ticker, id) = (first.ticker as usize, row.market_id as usize);
            let (Ok(text), Ok(id_text)) = (texts.text_of(ticker), texts.text_of(id)) else { continue };
            let known = &mut self.named.markets[ticker];
            if known.is_none() {
                *known = self.index.get(text).copied().filter(|at| self.complete[*at as usize]);
            }
            let Some(at) = known.map(|at| at as usize) else { continue };
            let known_id = &mut self.named.market_ids[id];
            if known_id.is_none() {
                *known_id = self.latest_ids[at].filter(|latest| *self.other.market_ids[*latest as usize] == *id_text);
            }
            found.push((at, row.side, row.price));
        }
        // What is read is needed for nothing else, so that the compiler would leave it out.
        let read = |word: &dyn Fn(usize, Side, Price) -> u64| {
            let words = found.iter().map(|(at, side, price)| word(*at, *side, *price));
            std::hint::black_box(words.fold(0, |all, word| all ^ word));
        };
        read(&|at, _, _| (self.states[at].streams.len() ^ self.rows[at].deltas.len()) as u64);
        let book = |at: usize| self.states[at].streams.last().map(|stream| &stream.book);
        read(&|at, side, _| book(at).map_or(0, |book| book.len(side) as u64));
        read(&|at, side, price| book(at).map_or(0, |book| book.level(side, price).hundredths().cast_unsigned()));
    }

    /// Takes in the deltas of a run. Returns how many diverged.
    fn take_in(&mut self, run: &DeltaRun, texts: &BatchReader<'_>, base: &dyn Base) -> Result<u64, crate::Error> {
        let mut diverged = 0;
        for (number, first) in run.firsts().iter().enumerate() {
            if number % AHEAD == 0 {
                self.look_ahead(run, &run.firsts()[number..], texts);
            }
            for RunDelta { ticker, delta, .. } in run.of_market(*first) {
                let (ticker, row) = (*ticker as usize, delta.row());
                let text = |place| texts.text_of(place).map_err(|error| unreadable(row.ordinal, error));
                let at = match self.named.markets.get(ticker).copied().flatten() {
                    Some(at) => self.market_on(at as usize, row.connection, base)?,
                    None => self.stream_index(text(ticker)?, ticker, row.connection, base)?,
                };
                let id_place = row.market_id as usize;
                let market_id = match self.named.market_ids.get(id_place).copied().flatten() {
                    Some(market_id) => market_id,
                    None => self.market_id(at, text(id_place)?, id_place),
                };
                let place = Place {
                    ordinal: row.ordinal,
                    connection: row.connection,
                    sid: row.sid,
                    ts: row.ts,
                    recv_ts: ReceivedTime::from_nanos(row.recv_ts),
                    seq: row.seq,
                    clock: row.clock,
                };
                let change = self.states[at].delta(place, row.side, row.price, row.quantity);
                diverged += u64::from(change.diverged);
                let rows = &mut self.rows[at];
                note(rows, change, market_id);
                rows.deltas.push(delta.with_market_id(market_id));
                self.other.delta_count += 1;
                self.changed = true;
            }
        }
        Ok(diverged)
    }

    /// Takes in any event but a delta.
    fn event(
        &mut self,
        record: EventRecord<'_>,
        [ticker_place, id_place]: [usize; 2],
        base: &dyn Base,
    ) -> Result<(), crate::Error> {
        let ordinal = self.take_ordinal();
        self.last_recv = self.last_recv.max(Some(record.recv_ts.nanos()));
        if self.only.is_some() && self.only.as_deref() != record.event.ticker() {
            return Ok(());
        }
        match &record.event {
            Event::Delta(_) => unreachable!("a batch's deltas are read as such"),
            Event::Snapshot(snapshot) => {
                let at = self.stream_index(&snapshot.ticker, ticker_place, record.connection, base)?;
                let market_id = self.market_id(at, &snapshot.market_id, id_place);
                let place = Place {
                    ordinal,
                    connection: record.connection,
                    sid: record.sid,
                    ts: snapshot.ts,
                    recv_ts: record.recv_ts,
                    seq: record.seq,
                    clock: snapshot.clock,
                };
                let book = Book::from_levels(snapshot.yes.iter().copied(), snapshot.no.iter().copied())
                    .map_err(|error| crate::Error::Entry { ordinal, reason: error.to_string() })?;
                let provable = self.is_provable(record.connection, record.sid);
                let change = self.states[at].snapshot(place, book, provable);
                let rows = &mut self.rows[at];
                note(rows, change, market_id);
                let stream = self.states[at].streams.iter().find(|stream| stream.connection == record.connection);
                if let Some(keyframe) = stream.and_then(Stream::keyframe) {
                    rows.keyframes.push(KeyframeRow { keyframe, snapshot: true, market_id, sent_ts: record.sent_ts });
                }
                if let Some(extra) = record.extra {
                    self.other.extras.insert(ordinal, extra.into());
                }
            }
            Event::Trade(_) => self.other.trades.push(Numbered { ordinal, row: record.into_owned() }),
            Event::Ticker(_) => self.other.tickers.push(Numbered { ordinal, row: record.into_owned() }),
            Event::Lifecycle(_) => self.other.lifecycle.push(Numbered { ordinal, row: record.into_owned() }),
        }
        Ok(())
    }

    fn is_provable(&self, connection: u32, sid: Option<u32>) -> bool {
        let of_sid = self.provable.get(&(connection, sid));
        of_sid.or_else(|| self.provable.get(&(connection, None))).copied().unwrap_or(false)
    }

    fn notice(&mut self, notice: Notice, base: &dyn Base) -> Result<(), crate::Error> {
        let next = self.next_ordinal;
        match notice {
            Notice::Lost { connection, sid, ticker, cause } => {
                self.take_up(connection, base)?;
                self.restore_all(connection, base)?;
                match ticker {
                    Some(ticker) => {
                        if let Some(at) = self.index.get(ticker.as_str()).copied() {
                            let intervals = self.states[at as usize].lost(connection, sid, cause, next);
                            keep(&mut self.rows[at as usize], intervals);
                        }
                    }
                    None => self.each(|market| market.lost(connection, sid, cause, next)),
                }
            }
            Notice::Unproven { connection, sid } => {
                self.take_up(connection, base)?;
                self.restore_all(connection, base)?;
                self.each(|market| market.unproven(connection, sid, next));
            }
            Notice::Provable { connection, sid, provable } => {
                self.provable.insert((connection, sid), provable);
            }
            Notice::Heard { connection, sid, effective_nanos, recv_nanos } => {
                self.take_up(connection, base)?;
                self.each(|market| {
                    market.heard(connection, sid, effective_nanos, recv_nanos);
                    Vec::new()
                });
            }
            Notice::Carries { connection, sid, tickers } => {
                self.take_up(connection, base)?;
                let carried: HashSet<&str> = tickers.iter().map(String::as_str).collect();
                let markets = self.tickers.iter().zip(&mut self.states).zip(&mut self.rows);
                for ((_, market), rows) in markets.filter(|((ticker, _), _)| !carried.contains(&***ticker)) {
                    if market.is_on(connection, sid) {
                        keep(rows, market.lost(connection, sid, Cause::SubscriptionEnded, next));
                    }
                }
            }
            Notice::Continued { connection, sid } => {
                self.take_up(connection, base)?;
                self.restore_all(connection, base)?;
                self.each(|market| market.continued(connection, sid));
            }
            Notice::End { connection, cause } => {
                self.take_up(connection, base)?;
                self.each(|market| market.end(connection, cause));
                self.provable.retain(|(ended, _), _| *ended != connection);
            }
            Notice::Source(state) => {
                self.other.sources.insert(state.number, state);
            }
            Notice::Document(document) => self.other.documents.push(document),
        }
        Ok(())
    }

    /// Takes a pruning to the coverage held: `leaves` lets an interval begin later, or says that its stream is let go of.
    pub(crate) fn prune(&mut self, mut leaves: impl FnMut(&str, &mut Interval) -> bool) {
        for (ticker, state) in self.tickers.iter().zip(&mut self.states) {
            state.streams.retain_mut(|stream| stream.interval.as_mut().is_none_or(|interval| leaves(ticker, interval)));
        }
        for intervals in self.unfinished.iter_mut().flat_map(HashMap::values_mut) {
            intervals.retain_mut(|(ticker, interval)| leaves(ticker, interval));
        }
    }

    fn each(&mut self, mut change: impl FnMut(&mut Market) -> Vec<Interval>) {
        for (state, rows) in self.states.iter_mut().zip(&mut self.rows) {
            keep(rows, change(state));
        }
    }

    /// A copy of the rows of some tables, as sealing would take them.
    pub fn rows_now(&self, tables: &[Table]) -> Rows {
        let wants = |table| tables.contains(&table);
        let of = |table, rows: &[Numbered<EventRecord<'static>>]| if wants(table) { rows.to_vec() } else { Vec::new() };
        let [deltas, keyframes, coverage] = [Table::Deltas, Table::Keyframes, Table::Coverage].map(wants);
        let other = &self.other;
        let mut rows = Rows {
            markets: BTreeMap::new(),
            trades: of(Table::Trades, &other.trades),
            tickers: of(Table::Tickers, &other.tickers),
            lifecycle: of(Table::Lifecycle, &other.lifecycle),
            unparsed: if wants(Table::Unparsed) { other.unparsed.clone() } else { Vec::new() },
            documents: if tables.iter().any(|table| table.is_metadata()) {
                other.documents.clone()
            } else {
                Vec::new()
            },
            sources: if wants(Table::Sources) { other.sources.clone() } else { BTreeMap::new() },
            extras: if deltas || keyframes { other.extras.clone() } else { HashMap::new() },
            market_ids: if deltas || keyframes { other.market_ids.clone() } else { Vec::new() },
            delta_count: other.delta_count,
            row_count: other.row_count,
        };
        if !deltas && !keyframes && !coverage {
            return rows;
        }
        for ((ticker, market), state) in self.tickers.iter().zip(&self.rows).zip(&self.states) {
            if market.deltas.is_empty() && market.keyframes.is_empty() && market.intervals.is_empty() {
                continue;
            }
            let mut copy = MarketRows::default();
            if deltas {
                copy.deltas.clone_from(&market.deltas);
            }
            // A keyframe lies in the folder of the delta after it.
            if keyframes {
                copy.deltas.clone_from(&market.deltas);
                copy.keyframes.clone_from(&market.keyframes);
            }
            if coverage {
                copy.intervals.clone_from(&market.intervals);
                copy.intervals.extend(state.open_intervals().map(|interval| (interval.key(), interval.clone())));
            }
            rows.markets.insert(ticker.clone(), copy);
        }
        rows
    }

    /// Hands out all rows for sealing and keeps the markets' states, so that recording goes on.
    /// Each market's next delta will be preceded by a keyframe, so that every segment stands on its own.
    pub fn drain(&mut self) -> Rows {
        let mut rows = std::mem::take(&mut self.other);
        self.other.market_ids = rows.market_ids.clone();
        for ((ticker, market), state) in self.tickers.iter().zip(&mut self.rows).zip(&mut self.states) {
            // What comes until the next sealing is about as much, so that rows move rarely while they grow.
            let fresh = MarketRows { deltas: Vec::with_capacity(market.deltas.len()), ..MarketRows::default() };
            let mut market = std::mem::replace(market, fresh);
            let touched = !market.deltas.is_empty() || !market.keyframes.is_empty() || !market.intervals.is_empty();
            if touched {
                for interval in state.open_intervals() {
                    market.intervals.insert(interval.key(), interval.clone());
                }
            }
            // A stream that has ended, and of which this section tells nothing, is in the segments as it stands: it is
            // taken up again from there, should it ever go on.
            let latest = state.streams.last().map(|stream| stream.connection);
            state.streams.retain(|stream| {
                let is_open = stream.interval.as_ref().is_some_and(|interval| interval.ended.is_none());
                let is_told = !stream.unmarked || market.intervals.keys().any(|key| key.1 == stream.connection);
                let stays = is_open || is_told || latest == Some(stream.connection);
                if !stays {
                    state.released.push(stream.connection);
                }
                stays
            });
            for stream in &mut state.streams {
                stream.unmarked = true;
            }
            if touched {
                rows.markets.insert(ticker.clone(), market);
            }
        }
        self.changed = false;
        rows
    }
}

fn keep(rows: &mut MarketRows, intervals: Vec<Interval>) {
    for interval in intervals {
        rows.intervals.insert(interval.key(), interval);
    }
}

fn note(rows: &mut MarketRows, change: Change, market_id: u32) {
    if let Some(keyframe) = change.keyframe_before {
        rows.keyframes.push(KeyframeRow { keyframe, snapshot: false, market_id, sent_ts: None });
    }
    keep(rows, change.intervals);
}

fn unreadable(first_ordinal: u64, error: BatchError) -> crate::Error {
    crate::Error::Entry { ordinal: first_ordinal, reason: error.to_string() }
}
