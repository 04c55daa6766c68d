//! What the journal makes of a session's facts, read back from an archive: when a book is called exact, and when not.

#![allow(missing_docs, clippy::unwrap_used)]

use std::borrow::Cow;

use daybook_archive::{Archive, Batch, Clock, Writer, WriterOptions, entry::Cause};
use daybook_book::{Delta, Event, EventRecord, ExchangeTime, Price, Quantity, ReceivedTime, Side, Snapshot, Ticker};
use daybook_collector::Journal;
use daybook_kalshi::{Channel, Fact, GapCause, GapClosed, GapOpened, Surplus};
use tempfile::TempDir;

const MARKETS: [&str; 2] = ["KXA-26NOV22-T1", "KXA-26NOV22-T2"];
const SECOND: i64 = 1_000_000_000;

/// A journal, and the archive that it is written to. Time is counted in seconds.
struct Bench {
    journal: Journal,
    writer: Writer,
    seq: u64,
    _folder: TempDir,
}

fn at(seconds: i64) -> ReceivedTime {
    ReceivedTime::from_nanos(seconds * SECOND)
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::open(folder.path().to_str().unwrap(), WriterOptions::new(7)).unwrap();
        let mut bench = Bench { journal: Journal::new("test".to_owned()), writer, seq: 0, _folder: folder };
        bench.begin(1);
        bench
    }

    fn begin(&mut self, connection: u32) {
        let channel = Channel::OrderbookDelta;
        self.journal.take(Fact::SubscriptionBegun { connection, sid: 1, channel, at: at(0) });
    }

    fn record<'a>(&mut self, connection: u32, seconds: i64, event: Event<'a>) -> EventRecord<'a> {
        self.seq += 1;
        let (sid, seq) = (Some(1), Some(self.seq));
        EventRecord { recv_ts: at(seconds), connection, sid, seq, sent_ts: None, event, extra: None }
    }

    /// A snapshot that the session trusts, and says so if the market was not trusted before.
    fn snapshot(&mut self, connection: u32, seconds: i64, market: &str, size: i64, closes: bool) {
        let yes = if size == 0 { Vec::new() } else { vec![(price(40), contracts(size))] };
        let event = Event::Snapshot(Snapshot {
            ticker: Cow::Owned(market.to_owned()),
            market_id: Cow::Borrowed("id"),
            ts: None,
            clock: Some(self.seq),
            yes,
            no: Vec::new(),
        });
        let record = self.record(connection, seconds, event);
        self.journal.take(Fact::Event(record));
        if closes {
            let (market, channel) = (Some(market.parse().unwrap()), Channel::OrderbookDelta);
            let closed = GapClosed { connection, sid: 1, channel, market, since: None, at: at(seconds) };
            self.journal.take(Fact::GapClosed(closed));
        }
    }

    fn delta(&mut self, connection: u32, seconds: i64, market: &str, size: i64) {
        let event = Event::Delta(Delta {
            ticker: Cow::Owned(market.to_owned()),
            market_id: Cow::Borrowed("id"),
            ts: Some(ExchangeTime::from_micros(seconds * 1_000_000)),
            clock: Some(self.seq),
            side: Side::Yes,
            price: price(40),
            quantity: contracts(size),
        });
        let record = self.record(connection, seconds, event);
        self.journal.take(Fact::Event(record));
    }

    fn lose(&mut self, connection: u32, seconds: i64, markets: &[&str], cause: GapCause) {
        let markets = markets.iter().map(|market| market.parse().unwrap()).collect();
        let channel = Channel::OrderbookDelta;
        let gap = GapOpened { connection, sid: Some(1), channel, markets, cause, since: at(seconds), at: at(seconds) };
        self.journal.take(Fact::GapOpened(gap));
    }

    fn write(&mut self) -> Archive {
        self.journal.tell_heard();
        let batch = self.journal.finish_into(Batch::default());
        self.writer.append(batch).unwrap();
        self.writer.archive().clone()
    }
}

fn price(cents: u8) -> Price {
    Price::from_cents(cents).unwrap()
}

fn contracts(count: i64) -> Quantity {
    Quantity::from_contracts(count).unwrap()
}

/// How much is bid for YES at 40 cents, if the answer is exact; else why it is not.
fn asked(archive: &Archive, market: &str, seconds: i64) -> Result<Quantity, Cause> {
    let answer = archive.book(market, seconds * SECOND, Clock::Exchange).unwrap();
    match answer.gap {
        None => Ok(answer.book.level(Side::Yes, price(40))),
        Some(gap) => Err(gap.cause),
    }
}

#[test]
fn a_quiet_market_is_exact_as_far_as_its_subscription_was_heard() {
    let mut bench = Bench::new();
    bench.snapshot(1, 10, MARKETS[0], 5, true);
    bench.snapshot(1, 10, MARKETS[1], 6, true);
    bench.delta(1, 30, MARKETS[1], 1);
    let archive = bench.write();
    assert_eq!(asked(&archive, MARKETS[0], 28), Ok(contracts(5)));
    assert_eq!(asked(&archive, MARKETS[1], 20), Ok(contracts(6)));
    // Nothing was heard after the delta, and the venue's stamps may be a second out of order.
    assert!(asked(&archive, MARKETS[0], 30).is_err());
}

#[test]
fn what_is_lost_is_a_gap_until_the_next_snapshot() {
    for (lost, one) in [(&MARKETS[..], false), (&MARKETS[..1], true)] {
        let mut bench = Bench::new();
        bench.snapshot(1, 10, MARKETS[0], 5, true);
        bench.snapshot(1, 10, MARKETS[1], 6, true);
        bench.delta(1, 20, MARKETS[0], 1);
        bench.lose(1, 21, lost, GapCause::SequenceGap { missing: 1 });
        // It happened, and proves nothing.
        bench.delta(1, 25, MARKETS[0], 3);
        bench.delta(1, 28, MARKETS[1], 2);
        bench.snapshot(1, 30, MARKETS[0], 9, true);
        bench.delta(1, 40, MARKETS[0], 1);
        let archive = bench.write();
        assert_eq!(asked(&archive, MARKETS[0], 15), Ok(contracts(5)));
        assert_eq!(asked(&archive, MARKETS[0], 25), Err(Cause::SequenceGap));
        assert_eq!(asked(&archive, MARKETS[0], 35), Ok(contracts(9)));
        let other = if one { Ok(contracts(8)) } else { Err(Cause::SequenceGap) };
        assert_eq!(asked(&archive, MARKETS[1], 35), other);
        assert_eq!(bench.journal.counts().gaps, lost.len() as u64);
    }
}

#[test]
fn a_snapshot_that_confirms_a_book_is_no_event() {
    let mut bench = Bench::new();
    bench.snapshot(1, 10, MARKETS[0], 5, true);
    bench.delta(1, 20, MARKETS[0], 1);
    bench.snapshot(1, 30, MARKETS[0], 6, false);
    // Stamped before the snapshot came, and sent after it.
    bench.delta(1, 29, MARKETS[0], 1);
    bench.delta(1, 40, MARKETS[0], 1);
    let archive = bench.write();
    assert_eq!(asked(&archive, MARKETS[0], 28), Ok(contracts(6)));
    assert_eq!(asked(&archive, MARKETS[0], 29), Ok(contracts(7)));
    assert_eq!((bench.journal.counts().audits_equal, bench.journal.counts().events), (1, 4));
}

#[test]
fn a_snapshot_that_contradicts_a_book_ends_what_was_claimed() {
    let mut bench = Bench::new();
    bench.snapshot(1, 10, MARKETS[0], 5, true);
    bench.delta(1, 20, MARKETS[0], 1);
    bench.snapshot(1, 30, MARKETS[0], 99, false);
    bench.delta(1, 40, MARKETS[0], 1);
    let archive = bench.write();
    assert!(asked(&archive, MARKETS[0], 15).is_err(), "nobody knows since when it was wrong");
    assert_eq!(asked(&archive, MARKETS[0], 35), Ok(contracts(99)));
    assert_eq!(bench.journal.counts().audits_unequal, 1);
}

#[test]
fn a_delta_that_does_not_fit_is_told_to_the_session() {
    let mut bench = Bench::new();
    bench.snapshot(1, 10, MARKETS[0], 5, true);
    bench.delta(1, 20, MARKETS[0], -6);
    assert_eq!(bench.journal.take_distrusted(), [MARKETS[0].parse::<Ticker>().unwrap()]);
    bench.lose(1, 20, &MARKETS[..1], GapCause::Divergence);
    bench.delta(1, 25, MARKETS[0], 1);
    assert!(bench.journal.take_distrusted().is_empty(), "once is enough");
    let archive = bench.write();
    assert_eq!(asked(&archive, MARKETS[0], 22), Err(Cause::Divergence));
    assert_eq!((bench.journal.counts().divergences, bench.journal.counts().trusted), (1, 0));
}

#[test]
fn surplus_is_no_part_of_the_record() {
    let mut bench = Bench::new();
    bench.snapshot(1, 10, MARKETS[0], 5, true);
    let event = Event::Snapshot(Snapshot {
        ticker: Cow::Borrowed(MARKETS[0]),
        market_id: Cow::Borrowed("id"),
        ts: None,
        clock: Some(1),
        yes: Vec::new(),
        no: Vec::new(),
    });
    let late = bench.record(1, 15, event);
    bench.journal.take(Fact::Surplus(Surplus::Superseded, late));
    bench.delta(1, 20, MARKETS[0], 1);
    let archive = bench.write();
    assert_eq!(asked(&archive, MARKETS[0], 18), Ok(contracts(5)));
    assert_eq!(bench.journal.counts().surplus, 1);
}

#[test]
fn another_connection_takes_over_with_a_snapshot_of_its_own() {
    let mut bench = Bench::new();
    bench.snapshot(1, 10, MARKETS[0], 5, true);
    bench.delta(1, 20, MARKETS[0], 1);
    bench.lose(1, 21, &MARKETS[..1], GapCause::Disconnected);
    bench.begin(2);
    bench.delta(2, 25, MARKETS[0], 7);
    bench.snapshot(2, 30, MARKETS[0], 8, true);
    bench.delta(2, 40, MARKETS[0], 1);
    let archive = bench.write();
    assert_eq!(asked(&archive, MARKETS[0], 15), Ok(contracts(5)));
    assert!(asked(&archive, MARKETS[0], 25).is_err());
    assert_eq!(asked(&archive, MARKETS[0], 38), Ok(contracts(8)));
    assert_eq!(bench.journal.counts().trusted, 1);
}

#[test]
fn an_end_that_was_asked_for_loses_nothing() {
    let mut bench = Bench::new();
    bench.snapshot(1, 10, MARKETS[0], 5, true);
    bench.delta(1, 20, MARKETS[0], 1);
    bench.journal.stop();
    bench.lose(1, 21, &MARKETS[..1], GapCause::Disconnected);
    bench.journal.end(1..2, Cause::NotRecorded);
    let archive = bench.write();
    assert_eq!(asked(&archive, MARKETS[0], 15), Ok(contracts(5)));
    assert_eq!(asked(&archive, MARKETS[0], 25), Err(Cause::NotRecorded));
}
