//! Pruned archives beside the same archives unpruned: from the horizon on they say the same, and nothing before it.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc, time::Duration};

use daybook_archive::{
    Archive, BatchBuilder, Clock, Error, Pruned, Writer, WriterOptions,
    coverage::{Interval, Standing},
    entry::{Cause, Notice, Unparsed},
    reconstruct,
    replay::{Order, ReplayOptions},
    schema::Table,
    store::Store,
    timeline::Timeline,
    wal::{CommitPolicy, sim::SimDisk},
};
use daybook_book::{
    Delta, Event, EventRecord, ExchangeTime, Price, Quantity, ReceivedTime, Side, Snapshot, TickerUpdate, Trade,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    failing::FailingStore,
    setting,
    venue::{Entry, Ladder},
};

/// Midnight UTC.
const START: i64 = 1_786_406_400_000_000_000;
const DAY: i64 = 86_400_000_000_000;
const HOUR: i64 = DAY / 24;
const DAYS: i64 = 5;
const TICKERS: [&str; 3] = ["KXA-1", "KXB-2", "KXC-3"];

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Entry>),
    Seal,
    Compact,
    Reopen,
}

/// A stream as the recorder knows it.
#[derive(Clone, Default)]
struct Stream {
    books: [Ladder; 2],
    begun: bool,
}

/// One connection that records some markets for a while.
struct Link {
    connection: u32,
    /// Our clock on it.
    now: i64,
    /// When it goes quiet for good.
    until: i64,
    seq: u64,
    markets: Vec<usize>,
    streams: BTreeMap<usize, Stream>,
    ended: Option<i64>,
}

/// What recorders and importers did over some days.
struct Script {
    rng: SmallRng,
    /// How far the venue's clock runs ahead of ours, at most.
    ahead: i64,
    links: Vec<Link>,
    steps: Vec<Step>,
    serial: u64,
}

impl Script {
    fn new(seed: u64, ahead: i64) -> Script {
        Script { rng: SmallRng::seed_from_u64(seed), ahead, links: Vec::new(), steps: Vec::new(), serial: 0 }
    }

    fn link(&mut self, from: i64, until: i64, batch: &mut Vec<Entry>) {
        let connection = self.links.len() as u32 + 1;
        let markets: Vec<usize> = (0..TICKERS.len()).filter(|_| self.rng.random_bool(0.6)).collect();
        let provable = self.rng.random_bool(0.7);
        batch.push(Entry::Notice(Notice::Provable { connection, sid: Some(1), provable }));
        let streams = BTreeMap::new();
        self.links.push(Link { connection, now: from, until, seq: 0, markets, streams, ended: None });
    }

    /// What happens in `from..to`, of the links that are there and some that come.
    fn days(&mut self, from: i64, to: i64, batches: usize) {
        for at in 0..batches {
            let now = from + (to - from) / batches as i64 * at as i64;
            let mut batch = Vec::new();
            if self.links.is_empty() || self.rng.random_bool(0.12) {
                // Some are captures of earlier days, taken in late.
                let late = self.rng.random_bool(0.3) && now > START + DAY;
                let begin = if late { self.rng.random_range(START..now) } else { now };
                let until = begin + self.rng.random_range(1..3 * 24) * HOUR;
                self.link(begin, until, &mut batch);
            }
            for link in 0..self.links.len() {
                if self.rng.random_bool(0.6) {
                    self.hear(link, now, (to - from) / batches as i64, &mut batch);
                }
            }
            self.steps.push(Step::Append(batch));
            match self.rng.random_range(0..20) {
                0..4 => self.steps.push(Step::Seal),
                4 => self.steps.push(Step::Reopen),
                5 => self.steps.push(Step::Compact),
                _ => {}
            }
        }
    }

    fn hear(&mut self, number: usize, now: i64, step: i64, batch: &mut Vec<Entry>) {
        let rng = &mut self.rng;
        let link = &mut self.links[number];
        let (connection, sid) = (link.connection, Some(1));
        link.now = link.now.max(now.min(link.until));
        if let Some(ended) = link.ended {
            // The next capture goes on with it, if it comes soon.
            if now - ended > 6 * HOUR || rng.random_bool(0.7) {
                return;
            }
            link.ended = None;
            link.until = now + rng.random_range(1..40) * HOUR;
            batch.push(Entry::Notice(Notice::Continued { connection, sid }));
        } else if link.now >= link.until {
            link.ended = Some(link.now);
            let cause = Cause::EndOfCapture;
            batch.push(Entry::Notice(match rng.random_range(0..3) {
                0 => Notice::Lost { connection, sid: None, ticker: None, cause: Cause::Reconnect },
                _ => Notice::End { connection, cause },
            }));
            return;
        }
        for _ in 0..rng.random_range(0..14) {
            link.now += rng.random_range(0..step / 16);
            match rng.random_range(0..60) {
                0 => {
                    let cause = Cause::SequenceGap;
                    batch.push(Entry::Notice(Notice::Lost { connection, sid, ticker: None, cause }));
                }
                1 => batch.push(Entry::Notice(Notice::Unproven { connection, sid })),
                2..6 => batch.push(Entry::Notice(Notice::Heard {
                    connection,
                    sid,
                    effective_nanos: link.now,
                    recv_nanos: link.now,
                })),
                6 => batch.push(Entry::Unparsed(Unparsed {
                    recv_ts: rng.random_bool(0.8).then(|| ReceivedTime::from_nanos(link.now)),
                    connection,
                    reason: "not of this world".into(),
                    origin: "venue".into(),
                    raw: "{".into(),
                })),
                _ if link.markets.is_empty() => {}
                _ => {
                    // Some markets are busy, some hardly ever heard of.
                    let market = rng.random_range(0..link.markets.len());
                    let market = if rng.random_bool(0.7) { 0 } else { market };
                    self.serial += 1;
                    batch.push(event(link, market, self.ahead, self.serial, rng));
                }
            }
        }
    }
}

fn event(link: &mut Link, market: usize, ahead: i64, serial: u64, rng: &mut SmallRng) -> Entry {
    let ticker = TICKERS[link.markets[market]];
    let stream = link.streams.entry(market).or_default();
    let latency = rng.random_range(-ahead..HOUR / 60 + 1);
    let ts = rng.random_bool(0.9).then(|| ExchangeTime::from_micros((link.now - latency) / 1_000));
    let kind = if stream.begun { rng.random_range(0..100) } else { rng.random_range(-40..12) };
    let quantity = Quantity::from_hundredths;
    let market_id = format!("id-{ticker}");
    let event = match kind {
        ..6 => {
            stream.begun = true;
            if rng.random_bool(0.1) {
                stream.books = Default::default();
            }
            let levels = |ladder: &Ladder| {
                ladder.iter().map(|(at, size)| (Price::from_ten_thousandths(*at).unwrap(), quantity(*size))).collect()
            };
            Event::Snapshot(Snapshot {
                ticker: ticker.into(),
                market_id: market_id.into(),
                ts: None,
                clock: None,
                yes: levels(&stream.books[0]),
                no: levels(&stream.books[1]),
            })
        }
        6..82 => {
            let side = if rng.random_bool(0.5) { Side::Yes } else { Side::No };
            let ladder = &mut stream.books[side as usize];
            let (price, change) = match ladder.iter().next().filter(|_| rng.random_bool(0.3)) {
                Some((price, size)) => (*price, -*size),
                None => (rng.random_range(1..30) * 330, rng.random_range(1..50_000)),
            };
            let size = ladder.entry(price).or_insert(0);
            *size += change;
            if *size == 0 {
                ladder.remove(&price);
            }
            // A few drive a level below zero, since something was lost.
            let lost = if rng.random_bool(0.005) { -90_000 } else { 0 };
            Event::Delta(Delta {
                ticker: ticker.into(),
                market_id: market_id.into(),
                ts,
                clock: rng.random_bool(0.5).then_some(serial),
                side,
                price: Price::from_ten_thousandths(price).unwrap(),
                quantity: quantity(change + lost),
            })
        }
        82..92 => Event::Trade(Trade {
            ticker: ticker.into(),
            trade_id: format!("trade-{serial}").into(),
            ts,
            yes_price: Price::from_cents(40).unwrap(),
            no_price: Price::from_cents(60).unwrap(),
            count: quantity(100),
            taker_side: None,
            taker_outcome_side: None,
            taker_book_side: None,
            is_block_trade: None,
        }),
        _ => Event::Ticker(TickerUpdate { ticker: ticker.into(), market_id: "".into(), ts, ..TickerUpdate::default() }),
    };
    link.seq += 1;
    let back = if rng.random_bool(0.1) { HOUR / 3_600 } else { 0 };
    Entry::Event(EventRecord {
        recv_ts: ReceivedTime::from_nanos(link.now - back),
        connection: link.connection,
        sid: Some(1),
        seq: Some(link.seq),
        sent_ts: None,
        event,
        extra: rng.random_bool(0.02).then(|| format!("{{\"serial\":{serial}}}").into()),
    })
}

/// An archive in memory that can be closed and opened again.
struct Archived {
    store: Store,
    disk: SimDisk,
    writer: Option<Writer>,
}

impl Archived {
    fn new() -> Archived {
        let mut archived = Archived { store: Store::open("memory://").unwrap(), disk: SimDisk::new(0), writer: None };
        archived.reopen();
        archived
    }

    fn open(&self, store: Store) -> Result<Writer, Error> {
        let options = WriterOptions {
            wal_dir: Some("/wal".into()),
            disk: Arc::new(self.disk.clone()),
            commit: CommitPolicy { interval: Duration::MAX, max_bytes: u64::MAX },
            seal_deltas: usize::MAX,
            now: || Duration::from_nanos((START + DAYS * DAY + HOUR).unsigned_abs()),
            seed: 5,
        };
        Writer::open_store(store, options)
    }

    fn reopen(&mut self) {
        self.reopen_with(self.store.clone());
    }

    fn reopen_with(&mut self, store: Store) {
        if let Some(mut writer) = self.writer.take() {
            // Not sealed: the log tells the rest.
            let _ = writer.sync();
        }
        self.writer = Some(self.open(store).unwrap());
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().unwrap()
    }

    fn archive(&self) -> Archive {
        self.writer.as_ref().unwrap().archive().clone()
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Append(entries) => {
                    let mut builder = BatchBuilder::default();
                    for entry in entries {
                        match entry {
                            Entry::Event(record) => builder.push_event(record),
                            Entry::Unparsed(unparsed) => builder.push_unparsed(unparsed),
                            Entry::Notice(notice) => builder.push_notice(notice),
                        }
                    }
                    self.writer().append(builder.finish()).map(drop).unwrap();
                }
                Step::Seal => self.writer().seal().unwrap(),
                Step::Compact => drop(self.writer().compact(2).unwrap()),
                Step::Reopen => self.reopen(),
            }
        }
    }
}

fn tickers(archive: &Archive) -> Vec<String> {
    archive.tickers().unwrap()
}

/// Everything that listings tell of a market from an instant on.
fn listed(archive: &Archive, ticker: &str, start: i64, from: i64) -> Vec<String> {
    let mut told = Vec::new();
    let mut events = Vec::new();
    archive
        .events(ticker, start, i64::MAX, |event| {
            match event {
                reconstruct::Event::Snapshot(snapshot) if snapshot.effective >= from => events.push(format!(
                    "snapshot {} {} {} {:?}",
                    snapshot.ordinal, snapshot.effective, snapshot.recv_max, snapshot.book
                )),
                reconstruct::Event::Delta { row, effective, recv_max, extra } if effective >= from => {
                    let row = daybook_archive::tail::DeltaRow { market_id: 0, ..*row };
                    events.push(format!("delta {effective} {recv_max} {extra:?} {row:?}"));
                }
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    told.append(&mut events);
    archive
        .trades(ticker, from, i64::MAX, |trade| {
            told.push(format!("{trade:?}"));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    told
}

/// A timeline for people: hours since the start.
fn told(timeline: &Timeline) -> String {
    let hours = |at: i64| format!("{}.{:015}", (at - START) / HOUR, (at - START) % HOUR);
    let line = |interval: &Interval| {
        let (from, to) = (hours(interval.from_effective), hours(interval.to_effective));
        let recv = (hours(interval.from_recv), hours(interval.to_recv));
        let Interval { connection, standing, first_ordinal, last_ordinal, began, ended, .. } = interval;
        format!(
            "{connection} {standing:?} {from}..{to} recv {recv:?} {first_ordinal}..={last_ordinal} {began:?} {ended:?}\n"
        )
    };
    timeline.intervals().iter().map(line).collect()
}

fn replayed(archive: &Archive, start: i64, from: i64, order: Order) -> Vec<(u64, i64)> {
    let options =
        ReplayOptions { tickers: tickers(archive), start, end: i64::MAX, order, trades: true, announcements: true };
    let events = archive.replay(&options).unwrap().map(|event| event.unwrap());
    events.filter(|event| event.effective >= from).map(|event| (event.ordinal, event.effective)).collect()
}

/// What two archives say from an instant on is the same, and the pruned one says nothing of what was before.
fn compare(control: &Archive, pruned: &Archive, horizon: i64, ahead: i64, rng: &mut SmallRng) {
    assert_eq!(tickers(control), tickers(pruned));
    for ticker in tickers(pruned) {
        let timeline = pruned.timeline(&ticker).unwrap().unwrap();
        let whole = control.timeline(&ticker).unwrap().unwrap();
        let mut instants: Vec<i64> = (0..60).map(|_| rng.random_range(START..START + (DAYS + 1) * DAY)).collect();
        instants.extend([horizon - 1, horizon, horizon + 1, START, START + (DAYS + 9) * DAY]);
        for interval in timeline.intervals().iter().chain(whole.intervals()) {
            instants.extend([interval.from_effective, interval.to_effective, interval.from_recv, interval.to_recv]);
        }
        for at in instants {
            for clock in [Clock::Exchange, Clock::Received] {
                let expected = control.book(&ticker, at, clock).unwrap();
                let found = pruned.book(&ticker, at, clock).unwrap();
                let place = format!(
                    "{ticker} at {at} ({clock:?}), horizon {horizon}\n{}\npruned:\n{}",
                    told(&whole),
                    told(&timeline)
                );
                if at < horizon {
                    assert_eq!(found.standing, Standing::Gap, "{place}");
                    continue;
                }
                if clock == Clock::Exchange && at < horizon + ahead {
                    assert!(found.standing >= expected.standing, "{place}");
                    continue;
                }
                assert_eq!(found.standing, expected.standing, "{place}");
                if found.standing == Standing::Gap {
                    let (gap, since) = (found.gap.unwrap(), expected.gap.unwrap());
                    let is_kept = since.from.is_some_and(|from| from > horizon + ahead);
                    assert!(!is_kept || gap.cause == since.cause, "{place}");
                    assert!(gap.cause != Cause::Pruned || found.last_ordinal.is_none(), "{place}");
                    continue;
                }
                assert_eq!(found.book, expected.book, "{place}");
                assert_eq!(found.last_ordinal, expected.last_ordinal, "{place}");
                assert_eq!((found.last_ts, found.last_recv_ts), (expected.last_ts, expected.last_recv_ts), "{place}");
            }
        }
        for start in [i64::MIN, horizon, horizon + ahead] {
            let from = horizon + ahead;
            let (found, expected) = (listed(pruned, &ticker, start, from), listed(control, &ticker, start, from));
            let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            assert!(
                found == expected,
                "{ticker} from {start}, horizon {horizon}: {} and {}\n{differs:#?}\n{}\npruned:\n{}",
                found.len(),
                expected.len(),
                told(&whole),
                told(&timeline)
            );
        }
    }
    for order in [Order::Arrival, Order::Time] {
        for start in [i64::MIN, horizon + ahead] {
            let from = horizon + ahead;
            assert_eq!(replayed(pruned, start, from, order), replayed(control, start, from, order));
        }
    }
    let (found, expected) = (pruned.fold_all().unwrap(), control.fold_all().unwrap());
    for (ticker, books) in &expected.books {
        let timeline = control.timeline(ticker).unwrap().unwrap();
        for book in books {
            let of_stream = timeline.intervals().iter().filter(|interval| interval.connection == book.connection);
            let last = of_stream.max_by_key(|interval| interval.first_ordinal);
            let Some(last) = last.filter(|last| last.standing != Standing::Gap && last.to_recv >= horizon) else {
                continue;
            };
            let books = found.books.get(ticker).map_or(&[][..], |books| books);
            let same = books.iter().find(|other| other.connection == book.connection);
            let same = same.unwrap_or_else(|| panic!("{ticker}: no book of {last:?}"));
            assert_eq!(
                (&same.book, same.last_ordinal),
                (&book.book, book.last_ordinal),
                "{ticker} {last:?}\n{}",
                told(&timeline)
            );
        }
    }
    sound(pruned);
}

fn sound(archive: &Archive) {
    let found = archive.verify(None, true, &mut ()).unwrap();
    assert!(found.findings.is_empty(), "{:#?}", found.findings);
}

fn versions(archive: &Archive) -> Vec<u64> {
    Table::ALL.into_iter().map(|table| archive.catalog().table(table).version).collect()
}

/// Prunes the second of two like archives, goes on with both, prunes again, and compares them all the way.
fn live(seed: u64, ahead: i64) -> usize {
    let mut script = Script::new(seed, ahead);
    let middle = START + script.rng.random_range(2..DAYS) * DAY + script.rng.random_range(0..DAY);
    script.days(START, middle, 50);
    let split = script.steps.len();
    script.links.iter_mut().for_each(|link| link.now = link.now.max(middle.min(link.until)));
    script.days(middle, START + DAYS * DAY, 25);
    let mut rng = SmallRng::seed_from_u64(!seed);
    let (mut control, mut pruned) = (Archived::new(), Archived::new());
    control.run(&script.steps[..split]);
    pruned.run(&script.steps[..split]);
    // Sometimes the day that is being recorded is the first to stay.
    let last = middle.div_euclid(DAY) * DAY;
    let horizon = if rng.random_bool(0.3) { last } else { START + rng.random_range(1..=(last - START) / DAY) * DAY };
    let done = pruned.writer().prune(horizon + rng.random_range(0..DAY)).unwrap();
    control.writer().seal().unwrap();
    compare(&control.archive(), &pruned.archive(), horizon, ahead, &mut rng);
    let before = versions(&pruned.archive());
    assert!(pruned.writer().prune(horizon).unwrap().days.is_empty());
    assert_eq!(versions(&pruned.archive()), before, "twice is once");
    if rng.random_bool(0.5) {
        for archived in [&mut control, &mut pruned] {
            archived.reopen();
        }
        compare(&control.archive(), &pruned.archive(), horizon, ahead, &mut rng);
    }
    if rng.random_bool(0.3) {
        pruned.writer().compact(2).unwrap();
        compare(&control.archive(), &pruned.archive(), horizon, ahead, &mut rng);
    }
    control.run(&script.steps[split..]);
    pruned.run(&script.steps[split..]);
    // Captures of earlier days that came since are told too, until the next pruning.
    let later = horizon + rng.random_range(0..=(START + DAYS * DAY - horizon) / DAY) * DAY;
    pruned.writer().prune(later).unwrap();
    control.writer().seal().unwrap();
    compare(&control.archive(), &pruned.archive(), later, ahead, &mut rng);
    pruned.writer().compact(2).unwrap();
    pruned.reopen();
    compare(&control.archive(), &pruned.archive(), later, ahead, &mut rng);
    done.carried
}

fn each_seed(count: u64, run: impl Fn(u64)) {
    let first = setting("DAYBOOK_SEED", 0);
    for seed in first..first + setting("DAYBOOK_PRUNINGS", count) {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed)));
        if let Err(panic) = result {
            eprintln!("seed {seed} failed: DAYBOOK_SEED={seed} DAYBOOK_PRUNINGS=1 repeats it");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn from_the_horizon_on_a_pruned_archive_says_what_it_said() {
    let carried = std::cell::Cell::new(0);
    each_seed(8, |seed| carried.set(carried.get() + live(seed, 0)));
    println!("{} books carried over", carried.get());
}

#[test]
fn a_clock_of_the_venue_that_runs_ahead_costs_no_more_than_its_lead() {
    each_seed(4, |seed| {
        live(seed, HOUR / 2);
    });
}

#[test]
fn a_pruning_cut_off_anywhere_claims_no_wrong_book_and_can_be_ended() {
    each_seed(1, |seed| {
        let mut script = Script::new(seed, 0);
        script.days(START, START + 3 * DAY, 30);
        let mut control = Archived::new();
        control.run(&script.steps);
        control.writer().seal().unwrap();
        let horizon = START + 2 * DAY;
        for kind in [FailingStore::done_writes, |at| FailingStore::writes(at, true, false)] {
            for at in 1.. {
                let mut pruned = Archived::new();
                pruned.run(&script.steps);
                pruned.writer().seal().unwrap();
                let faults = kind(at);
                {
                    let _pause = faults.pause();
                    pruned.reopen_with(pruned.store.with_faults(faults.clone()));
                }
                let result = pruned.writer().prune(horizon);
                if !faults.happened() {
                    assert!(result.is_ok());
                    break;
                }
                // The archive in memory, and what a new process finds.
                for _ in 0..2 {
                    let mut rng = SmallRng::seed_from_u64(at);
                    cut_off(&control.archive(), &pruned.archive(), horizon, &mut rng);
                    pruned.reopen();
                }
                pruned.writer().prune(horizon).unwrap();
                compare(&control.archive(), &pruned.archive(), horizon, 0, &mut SmallRng::seed_from_u64(at));
            }
        }
    });
}

/// Between two commits of a pruning: nothing is wrong, and nothing from the horizon on is missing.
fn cut_off(control: &Archive, pruned: &Archive, horizon: i64, rng: &mut SmallRng) {
    for ticker in tickers(control) {
        let mut instants: Vec<i64> = (0..40).map(|_| rng.random_range(START..START + 4 * DAY)).collect();
        instants.extend([horizon - 1, horizon, horizon + 1]);
        for at in instants {
            for clock in [Clock::Exchange, Clock::Received] {
                let expected = control.book(&ticker, at, clock).unwrap();
                let found = pruned.book(&ticker, at, clock).unwrap();
                assert!(found.standing == expected.standing || (at < horizon && found.standing == Standing::Gap));
                if found.standing != Standing::Gap {
                    assert_eq!(
                        (found.book, found.last_ordinal),
                        (expected.book, expected.last_ordinal),
                        "{ticker} {at}"
                    );
                }
            }
        }
    }
    sound(pruned);
}

#[test]
fn a_day_that_has_not_begun_is_no_horizon() {
    let mut archived = Archived::new();
    let mut script = Script::new(1, 0);
    script.days(START, START + 2 * DAY, 10);
    archived.run(&script.steps);
    archived.writer().seal().unwrap();
    let ahead = START + (DAYS + 1) * DAY;
    assert!(matches!(archived.writer().prune(ahead), Err(Error::HorizonAhead { horizon }) if horizon == "2026-08-17"));
    let before = versions(&archived.archive());
    let now = START + DAYS * DAY;
    let planned = archived.archive().prunable(START + DAY, now).unwrap();
    assert!(matches!(archived.archive().prunable(ahead, now), Err(Error::HorizonAhead { .. })));
    assert_eq!(versions(&archived.archive()), before, "a plan changes nothing");
    assert_eq!(archived.writer().prune(START + DAY).unwrap(), planned);
    assert!(!planned.days.is_empty());
    let nothing = archived.writer().prune(START - 9 * DAY).unwrap();
    assert_eq!(nothing, Pruned { horizon: "2026-08-02".to_owned(), ..Pruned::default() });
}
