//! A venue with a few markets whose true books are known, and what a recorder would hear of it.

use std::collections::BTreeMap;

use daybook_archive::{
    Batch, BatchBuilder,
    entry::{Cause, Document, DocumentKind, Notice, SourceState, Unparsed},
};
use daybook_book::{
    Delta, Event, EventRecord, ExchangeTime, Lifecycle, Price, Quantity, ReceivedTime, Side, Snapshot, TickerUpdate,
    Trade,
};
use rand::{Rng, rngs::SmallRng};

/// One side's bids: size in hundredths by price in ten-thousandths.
pub type Ladder = BTreeMap<u16, i64>;

/// Twenty seconds before midnight UTC: the days change under way.
const START: i64 = 1_786_492_780_000_000_000;
const MILLISECOND: i64 = 1_000_000;
/// How far stamps and our own clock go back at most.
const DISORDER: i64 = 400 * MILLISECOND;
const LINKS: usize = 2;
const MARKETS_PER_LINK: usize = 3;

/// What a batch is made of.
#[derive(Clone, Debug)]
pub enum Entry {
    Event(EventRecord<'static>),
    Unparsed(Unparsed<'static>),
    Notice(Notice),
}

impl Entry {
    pub fn takes_ordinal(&self) -> bool {
        !matches!(self, Entry::Notice(_))
    }
}

/// The bytes of a batch that ends by saying how many batches there were with it.
pub fn batch(entries: &[Entry], number: u64) -> Batch {
    let mut builder = BatchBuilder::default();
    for entry in entries {
        match entry {
            Entry::Event(record) => builder.push_event(record),
            Entry::Unparsed(unparsed) => builder.push_unparsed(unparsed),
            Entry::Notice(notice) => builder.push_notice(notice),
        }
    }
    builder.push_notice(&Notice::Source(source(number)));
    builder.finish()
}

pub fn source(lines: u64) -> SourceState {
    SourceState {
        number: 1,
        name: "venue".to_owned(),
        bytes: 0,
        digested: 0,
        digest: "d".repeat(32),
        connection: 1,
        next_connection: 2,
        lines,
        events: 0,
        unparsed: 0,
        duplicates: 0,
        control: 0,
        complete: false,
        truncated: false,
        streams: Vec::new(),
        imported_nanos: 0,
    }
}

/// The true state of a market from an instant on.
#[derive(Clone, Debug)]
pub struct Truth {
    pub effective: i64,
    pub recv: i64,
    pub books: [Ladder; 2],
}

struct Market {
    ticker: String,
    books: [Ladder; 2],
    history: Vec<Truth>,
    clock: u64,
    announced: bool,
}

struct Link {
    connection: u32,
    seq: u64,
}

/// The venue and the recorder's links to it.
pub struct Venue {
    now: i64,
    markets: Vec<Market>,
    links: Vec<Link>,
    next_connection: u32,
    serial: u64,
}

impl Venue {
    pub fn new() -> Venue {
        let market = |number| Market {
            ticker: format!("KXTEST-26AUG12-{number}"),
            books: Default::default(),
            history: Vec::new(),
            clock: 0,
            announced: false,
        };
        let markets = (0..LINKS * MARKETS_PER_LINK).map(market).collect();
        let links = (1..=LINKS as u32).map(|connection| Link { connection, seq: 0 }).collect();
        Venue { now: START, markets, links, next_connection: LINKS as u32 + 1, serial: 0 }
    }

    /// An instant from shortly before the first event to shortly after the last.
    pub fn instant(&self, rng: &mut SmallRng) -> i64 {
        rng.random_range(START - 1_000 * MILLISECOND..self.now + 2_000 * MILLISECOND)
    }

    /// The true book of a market after everything that happened up to an instant, on effective or received time.
    pub fn truth(&self, ticker: &str, at: i64, received: bool) -> Option<&[Ladder; 2]> {
        let market = self.markets.iter().find(|market| market.ticker == ticker)?;
        let count = market.history.partition_point(|truth| (if received { truth.recv } else { truth.effective }) <= at);
        Some(&market.history[..count].last()?.books)
    }

    /// What a recorder says when it begins.
    pub fn greeting(&self) -> Vec<Entry> {
        let provable = |link: &Link| {
            let (connection, sid) = (link.connection, Some(1));
            Entry::Notice(Notice::Provable { connection, sid, provable: true })
        };
        self.links.iter().map(provable).collect()
    }

    /// What a recorder says that lost some of what it heard. Some links are made anew, some just go on.
    pub fn lost(&mut self, rng: &mut SmallRng) -> Vec<Entry> {
        // Later than anything that was lost, whatever its disorder.
        self.now += 1_500 * MILLISECOND;
        let mut entries = Vec::new();
        for link in &mut self.links {
            let sid = rng.random_bool(0.5).then_some(1);
            let cause = if rng.random_bool(0.5) { Cause::Reconnect } else { Cause::SequenceGap };
            entries.push(Entry::Notice(Notice::Lost { connection: link.connection, sid, ticker: None, cause }));
            if rng.random_bool(0.5) {
                *link = Link { connection: self.next_connection, seq: 0 };
                self.next_connection += 1;
                let (connection, sid) = (link.connection, Some(1));
                entries.push(Entry::Notice(Notice::Provable { connection, sid, provable: true }));
            }
        }
        entries
    }

    /// Events that nobody hears, and what a recorder says that notices.
    pub fn outage(&mut self, rng: &mut SmallRng) -> Vec<Entry> {
        for _ in 0..rng.random_range(1..6) {
            self.event(rng);
        }
        self.lost(rng)
    }

    /// The entries of one batch.
    pub fn hear(&mut self, rng: &mut SmallRng) -> Vec<Entry> {
        let mut entries = Vec::new();
        for _ in 0..rng.random_range(1..40) {
            match rng.random_range(0..100) {
                0..92 => entries.push(self.event(rng)),
                92..96 => entries.push(self.unparsed(rng)),
                96..98 => entries.push(self.document(rng)),
                98 => {
                    let (at, sid) = (self.now - DISORDER, rng.random_bool(0.5).then_some(1));
                    entries.extend(self.links.iter().map(|link| {
                        let connection = link.connection;
                        Entry::Notice(Notice::Heard { connection, sid, effective_nanos: at, recv_nanos: at })
                    }));
                }
                _ => {
                    let connection = self.links[rng.random_range(0..LINKS)].connection;
                    entries.push(Entry::Notice(Notice::End { connection, cause: Cause::EndOfCapture }));
                }
            }
        }
        entries
    }

    fn event(&mut self, rng: &mut SmallRng) -> Entry {
        self.now += rng.random_range(0..40) * MILLISECOND + 17;
        self.serial += 1;
        let number = rng.random_range(0..self.markets.len());
        let link = &mut self.links[number / MARKETS_PER_LINK];
        let market = &mut self.markets[number];
        let disorder = |rng: &mut SmallRng| if rng.random_bool(0.1) { rng.random_range(0..DISORDER) } else { 0 };
        let recv_ts = ReceivedTime::from_nanos(self.now - disorder(rng));
        let ts = (self.now - 5 * MILLISECOND - disorder(rng)).max(self.now - DISORDER) / 1_000;
        let ts = rng.random_bool(0.95).then(|| ExchangeTime::from_micros(ts));
        link.seq += 1;
        let kind = if market.announced { rng.random_range(0..100) } else { rng.random_range(-20..10) };
        let event = match kind {
            ..5 => {
                market.announced = true;
                market.snapshot(rng)
            }
            5..78 => market.delta(ts, rng),
            78..88 => market.trade(ts, self.serial, rng),
            88..95 => market.ticker(ts, rng),
            _ => market.lifecycle(ts, self.serial, rng),
        };
        market.note(&event, recv_ts.nanos());
        Entry::Event(EventRecord {
            recv_ts,
            connection: link.connection,
            sid: Some(1),
            seq: rng.random_bool(0.99).then_some(link.seq),
            sent_ts: rng.random_bool(0.1).then(|| ExchangeTime::from_micros(self.now / 1_000)),
            event,
            extra: rng.random_bool(0.02).then(|| format!("{{\"serial\":{}}}", self.serial).into()),
        })
    }

    fn unparsed(&mut self, rng: &mut SmallRng) -> Entry {
        self.serial += 1;
        Entry::Unparsed(Unparsed {
            recv_ts: rng.random_bool(0.8).then(|| ReceivedTime::from_nanos(self.now)),
            connection: self.links[0].connection,
            reason: "not of this world".into(),
            origin: format!("venue:{}", self.serial).into(),
            raw: "{".repeat(rng.random_range(0..9)).into(),
        })
    }

    fn document(&mut self, rng: &mut SmallRng) -> Entry {
        // In the order in which they were fetched: a history out of order keeps less than was seen.
        self.now += MILLISECOND;
        let kind = if rng.random_bool(0.5) { DocumentKind::Series } else { DocumentKind::Market };
        let version = rng.random_range(0..4);
        Entry::Notice(Notice::Document(Document {
            kind,
            key: format!("KXTEST{}", rng.random_range(0..2)),
            digest: format!("{version:016x}"),
            fetched_nanos: self.now,
            fields: vec![("title".to_owned(), Some(format!("Version {version}")))],
            raw: format!("{{\"version\":{version}}}"),
        }))
    }
}

impl Market {
    fn level(&self, rng: &mut SmallRng) -> (Side, u16, i64) {
        let side = if rng.random_bool(0.5) { Side::Yes } else { Side::No };
        let ladder = &self.books[side as usize];
        if !ladder.is_empty() && rng.random_bool(0.5) {
            let (price, size) = ladder.iter().nth(rng.random_range(0..ladder.len())).unwrap();
            let all = rng.random_bool(0.3);
            return (side, *price, -(if all { *size } else { rng.random_range(1..=*size) }));
        }
        (side, rng.random_range(1..30) * 330, rng.random_range(1..50_000))
    }

    fn delta(&mut self, ts: Option<ExchangeTime>, rng: &mut SmallRng) -> Event<'static> {
        let (side, price, change) = self.level(rng);
        let ladder = &mut self.books[side as usize];
        let size = ladder.entry(price).or_insert(0);
        *size += change;
        if *size == 0 {
            ladder.remove(&price);
        }
        self.clock += 1;
        Event::Delta(Delta {
            ticker: self.ticker.clone().into(),
            market_id: format!("id-{}", self.ticker).into(),
            ts,
            clock: rng.random_bool(0.5).then_some(self.clock),
            side,
            price: Price::from_ten_thousandths(price).unwrap(),
            quantity: Quantity::from_hundredths(change),
        })
    }

    fn snapshot(&mut self, rng: &mut SmallRng) -> Event<'static> {
        if rng.random_bool(0.05) {
            self.books = Default::default();
        }
        let levels = |ladder: &Ladder| {
            let level = |(price, size): (&u16, &i64)| {
                (Price::from_ten_thousandths(*price).unwrap(), Quantity::from_hundredths(*size))
            };
            ladder.iter().map(level).collect()
        };
        Event::Snapshot(Snapshot {
            ticker: self.ticker.clone().into(),
            market_id: format!("id-{}", self.ticker).into(),
            ts: None,
            clock: None,
            yes: levels(&self.books[0]),
            no: levels(&self.books[1]),
        })
    }

    fn trade(&self, ts: Option<ExchangeTime>, serial: u64, rng: &mut SmallRng) -> Event<'static> {
        let price = Price::from_cents(rng.random_range(1..100)).unwrap();
        Event::Trade(Trade {
            ticker: self.ticker.clone().into(),
            trade_id: format!("trade-{serial}").into(),
            ts,
            yes_price: price,
            no_price: price.complement(),
            count: Quantity::from_hundredths(rng.random_range(1..1_000)),
            taker_side: rng.random_bool(0.5).then_some(Side::Yes),
            taker_outcome_side: rng.random_bool(0.5).then_some(Side::No),
            taker_book_side: rng.random_bool(0.5).then(|| "bid".into()),
            is_block_trade: rng.random_bool(0.5).then_some(false),
        })
    }

    fn ticker(&self, ts: Option<ExchangeTime>, rng: &mut SmallRng) -> Event<'static> {
        Event::Ticker(TickerUpdate {
            ticker: self.ticker.clone().into(),
            market_id: "".into(),
            ts,
            price: rng.random_bool(0.5).then(|| Price::from_cents(42).unwrap()),
            volume: Some(Quantity::from_hundredths(rng.random_range(0..1 << 40))),
            dollar_volume: rng.random_bool(0.5).then(|| rng.random_range(0..1 << 40)),
            ..TickerUpdate::default()
        })
    }

    fn lifecycle(&self, ts: Option<ExchangeTime>, serial: u64, rng: &mut SmallRng) -> Event<'static> {
        Event::Lifecycle(Lifecycle {
            channel: "market_lifecycle_v2".into(),
            event_type: "activated".into(),
            ticker: rng.random_bool(0.7).then(|| self.ticker.clone().into()),
            event_ticker: rng.random_bool(0.3).then(|| "KXTEST-26AUG12".into()),
            ts,
            payload: format!("{{\"serial\":{serial}}}").into(),
        })
    }

    /// Writes the book into the market's true history.
    fn note(&mut self, event: &Event<'_>, recv: i64) {
        if !matches!(event, Event::Delta(_) | Event::Snapshot(_)) {
            return;
        }
        let stamp = event.ts().map_or(recv, |ts| ts.micros() * 1_000);
        let last = self.history.last();
        let effective = last.map_or(stamp, |last| last.effective.max(stamp));
        let recv = last.map_or(recv, |last| last.recv.max(recv));
        self.history.push(Truth { effective, recv, books: self.books.clone() });
    }
}
