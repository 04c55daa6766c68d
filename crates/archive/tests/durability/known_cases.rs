//! Single cases in which an archive once said more than it knew, or less: the shortest histories that show them.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use daybook_archive::{
    Archive, BatchBuilder, Clock, Error, Writer, WriterOptions,
    coverage::Interval,
    entry::{Cause, Notice},
    reconstruct::Event as ArchiveEvent,
    schema::Table,
    store::{Faults, Operation, Store},
    wal::{
        CommitPolicy,
        sim::{CrashModel, SimDisk},
    },
};
use daybook_book::{
    Delta, Event, EventRecord, ExchangeTime, Lifecycle, Price, Quantity, ReceivedTime, Side, Snapshot, Trade,
};

use crate::failing::FailingStore;

const SECOND: i64 = 1_000_000_000;
const NOON: i64 = 1_786_449_600 * SECOND;

/// An archive in memory that can be closed, cut off and opened again.
struct Case {
    store: Store,
    disk: SimDisk,
    opened: u128,
}

impl Case {
    fn new() -> Case {
        Case { store: Store::open("memory://").unwrap(), disk: SimDisk::new(1), opened: 0 }
    }

    fn open(&mut self) -> Writer {
        self.open_failing(FailingStore::never()).unwrap()
    }

    fn open_failing(&mut self, faults: Arc<dyn Faults>) -> Result<Writer, Error> {
        self.opened += 1;
        let options = WriterOptions {
            wal_dir: Some("/wal".into()),
            disk: Arc::new(self.disk.clone()),
            commit: CommitPolicy { interval: Duration::ZERO, max_bytes: 0 },
            seal_deltas: usize::MAX,
            now: || Duration::from_secs(1_786_600_000),
            seed: self.opened,
        };
        Writer::open_store(self.store.with_faults(faults), options)
    }
}

/// Fails everything written to one table.
#[derive(Debug)]
struct Unwritable(Table);

impl Faults for Unwritable {
    fn before(&self, operation: Operation, path: &str) -> std::io::Result<()> {
        let change = matches!(operation, Operation::Write | Operation::Sync);
        if change && path.starts_with(&format!("{}/", self.0.name())) && !path.ends_with("00000.json") {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

fn record(
    ticker: &str,
    seconds: i64,
    event: impl FnOnce(String, ExchangeTime) -> Event<'static>,
) -> EventRecord<'static> {
    let at = NOON + seconds * SECOND;
    EventRecord {
        recv_ts: ReceivedTime::from_nanos(at),
        connection: 1,
        sid: Some(1),
        seq: None,
        sent_ts: None,
        event: event(ticker.to_owned(), ExchangeTime::from_micros(at / 1_000)),
        extra: None,
    }
}

fn level(cents: u8, contracts: i64) -> (Price, Quantity) {
    (Price::from_cents(cents).unwrap(), Quantity::from_contracts(contracts).unwrap())
}

fn snapshot(ticker: &str, seconds: i64, contracts: i64) -> EventRecord<'static> {
    record(ticker, seconds, |ticker, ts| {
        let yes = if contracts == 0 { Vec::new() } else { vec![level(50, contracts)] };
        Event::Snapshot(Snapshot {
            ticker: ticker.into(),
            market_id: "".into(),
            ts: Some(ts),
            clock: None,
            yes,
            no: Vec::new(),
        })
    })
}

fn delta(ticker: &str, seconds: i64, contracts: i64) -> EventRecord<'static> {
    record(ticker, seconds, |ticker, ts| {
        let (price, quantity) = level(50, contracts);
        Event::Delta(Delta {
            ticker: ticker.into(),
            market_id: "".into(),
            ts: Some(ts),
            clock: None,
            side: Side::Yes,
            price,
            quantity,
        })
    })
}

fn provable() -> Notice {
    Notice::Provable { connection: 1, sid: Some(1), provable: true }
}

fn lost() -> Notice {
    Notice::Lost { connection: 1, sid: Some(1), ticker: None, cause: Cause::SequenceGap }
}

fn append(writer: &mut Writer, fill: impl FnOnce(&mut BatchBuilder)) {
    let mut builder = BatchBuilder::default();
    fill(&mut builder);
    writer.append(builder.finish()).unwrap();
    writer.sync().unwrap();
}

fn contracts(archive: &Archive, ticker: &str, seconds: i64) -> (i64, bool) {
    let answer = archive.book(ticker, NOON + seconds * SECOND, Clock::Exchange).unwrap();
    (answer.book.level(Side::Yes, level(50, 0).0).hundredths() / 100, answer.exact)
}

fn intervals(archive: &Archive, ticker: &str) -> Vec<Interval> {
    archive.timeline(ticker).unwrap().unwrap().intervals().to_vec()
}

/// Deltas that a table holds ahead of `coverage` are in the log too: they count once.
#[test]
fn a_sealing_cut_off_between_two_tables_changes_no_book() {
    for broken in [Table::Keyframes, Table::Trades, Table::Coverage] {
        let mut case = Case::new();
        let mut writer = case.open();
        append(&mut writer, |batch| {
            batch.push_notice(&provable());
            batch.push_event(&snapshot("A", 0, 10));
        });
        drop(writer.close().unwrap());
        let mut writer = case.open_failing(Arc::new(Unwritable(broken))).unwrap();
        append(&mut writer, |batch| {
            batch.push_event(&delta("A", 1, 1));
            batch.push_event(&delta("A", 2, -4));
        });
        let _ = writer.seal();
        drop(writer);
        let mut writer = case.open();
        append(&mut writer, |batch| batch.push_event(&delta("A", 3, 100)));
        append(&mut writer, |batch| batch.push_event(&delta("A", 4, 1_000)));
        let check = |archive: &Archive| {
            let books = [0, 1, 2, 3].map(|second| contracts(archive, "A", second));
            assert_eq!(books, [(10, true), (11, true), (7, true), (107, true)], "cut off at {}", broken.name());
            assert_eq!(archive.verify(None, true, &mut ()).unwrap().findings, [], "cut off at {}", broken.name());
        };
        check(writer.archive());
        check(&writer.close().unwrap());
    }
}

/// A loss concerns the markets that were not heard of since the start too.
#[test]
fn a_loss_after_a_restart_ends_coverage_of_quiet_markets() {
    for seal_between in [false, true] {
        let mut case = Case::new();
        let mut writer = case.open();
        append(&mut writer, |batch| {
            batch.push_notice(&provable());
            batch.push_event(&snapshot("A", 0, 10));
            batch.push_event(&delta("A", 1, 1));
        });
        drop(writer.close().unwrap());
        let mut writer = case.open();
        append(&mut writer, |batch| batch.push_notice(&lost()));
        if seal_between {
            drop(writer.close().unwrap());
            writer = case.open();
        }
        append(&mut writer, |batch| batch.push_event(&delta("A", 10, 1)));
        append(&mut writer, |batch| batch.push_event(&delta("A", 20, 1)));
        let exact = [0, 5, 15].map(|second| contracts(writer.archive(), "A", second).1);
        assert_eq!(exact, [true, false, false], "sealed between: {seal_between}");
    }
}

/// What ends a connection, or says that it lived, concerns the markets that were not heard of since the start too.
#[test]
fn a_silence_after_a_restart_is_coverage_of_quiet_markets() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", 0, 10));
        batch.push_event(&delta("A", 1, 1));
    });
    drop(writer.close().unwrap());
    let mut writer = case.open();
    let recv_nanos = NOON + 30 * SECOND;
    append(&mut writer, |batch| {
        batch.push_notice(&Notice::Heard { connection: 1, sid: Some(1), effective_nanos: recv_nanos, recv_nanos });
        batch.push_notice(&Notice::End { connection: 1, cause: Cause::EndOfCapture });
    });
    let check = |archive: &Archive| {
        assert_eq!(contracts(archive, "A", 29), (11, true));
        assert_eq!(intervals(archive, "A")[0].ended, Some(Cause::EndOfCapture));
    };
    check(writer.archive());
    check(&writer.close().unwrap());
    check(case.open().archive());
}

/// A stream that ended and goes on has lost what was lost in between.
#[test]
fn a_loss_after_an_end_is_a_loss() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", 0, 10));
        batch.push_event(&delta("A", 1, 1));
        batch.push_notice(&Notice::End { connection: 1, cause: Cause::EndOfCapture });
        batch.push_notice(&lost());
        batch.push_event(&delta("A", 10, 1));
        batch.push_event(&delta("A", 20, 1));
    });
    let exact = [0, 5, 15].map(|second| contracts(writer.archive(), "A", second).1);
    assert_eq!(exact, [true, false, false]);
}

/// The same, where completeness can no longer be shown.
#[test]
fn what_follows_an_end_unproven_is_unproven() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", 0, 10));
        batch.push_event(&delta("A", 1, 1));
        batch.push_notice(&Notice::End { connection: 1, cause: Cause::EndOfCapture });
        batch.push_notice(&Notice::Unproven { connection: 1, sid: Some(1) });
        batch.push_event(&delta("A", 10, 1));
        batch.push_event(&delta("A", 20, 1));
    });
    let exact = [0, 5, 15].map(|second| contracts(writer.archive(), "A", second).1);
    assert_eq!(exact, [true, false, false]);
}

/// A gap without events and the interval after it begin at the same ordinal: the interval is the one that goes on.
#[test]
fn coverage_goes_on_after_a_restart_behind_an_empty_gap() {
    // Which of the two is found first is a matter of luck.
    for _ in 0..20 {
        let mut case = Case::new();
        let mut writer = case.open();
        append(&mut writer, |batch| {
            batch.push_notice(&provable());
            batch.push_event(&snapshot("A", 0, 10));
            batch.push_event(&delta("A", 1, 1));
            batch.push_notice(&lost());
            batch.push_event(&snapshot("A", 5, 20));
            batch.push_event(&delta("A", 6, 1));
        });
        drop(writer.close().unwrap());
        let mut writer = case.open();
        append(&mut writer, |batch| batch.push_event(&delta("A", 10, 1)));
        append(&mut writer, |batch| batch.push_event(&delta("A", 20, 1)));
        assert_eq!(contracts(writer.archive(), "A", 15), (22, true));
    }
}

/// The gap with which one connection ends and the one with which another begins are two.
#[test]
fn gaps_of_two_connections_at_one_ordinal_are_both_kept() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", 0, 10));
        batch.push_event(&delta("A", 1, 1));
        batch.push_notice(&lost());
        batch.push_event(&EventRecord { connection: 2, ..delta("A", 5, 1) });
    });
    let expected = intervals(writer.archive(), "A");
    let began: Vec<Cause> = expected.iter().map(|interval| interval.began).collect();
    assert_eq!(began, [Cause::Snapshot, Cause::SequenceGap, Cause::NoSnapshot]);
    assert_eq!(intervals(&writer.close().unwrap(), "A"), expected);
    assert_eq!(intervals(case.open().archive(), "A"), expected);
}

/// A market of which only a snapshot was recorded is known after a restart.
#[test]
fn a_lone_snapshot_is_taken_up_after_a_restart() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", 0, 10));
    });
    drop(writer.close().unwrap());
    let mut writer = case.open();
    assert_eq!(contracts(writer.archive(), "A", 1), (10, false), "the last book known");
    append(&mut writer, |batch| batch.push_event(&delta("A", 5, 1)));
    append(&mut writer, |batch| batch.push_event(&delta("A", 10, -11)));
    assert_eq!([0, 5].map(|second| contracts(writer.archive(), "A", second)), [(10, true), (11, true)]);
    assert_eq!(writer.close().unwrap().verify(None, true, &mut ()).unwrap().findings, []);
}

/// That a connection's numbers prove completeness is known after a restart too, wherever in the log it was said.
#[test]
fn what_was_provable_is_provable_after_a_restart() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", 0, 10));
    });
    writer.seal().unwrap();
    append(&mut writer, |batch| batch.push_event(&snapshot("B", 1, 10)));
    drop(writer);
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_event(&snapshot("C", 2, 10));
        for ticker in ["A", "B", "C"] {
            batch.push_event(&delta(ticker, 9, 1));
        }
    });
    let exact = |archive: &Archive| ["A", "B", "C"].map(|ticker| contracts(archive, ticker, 5).1);
    assert_eq!(exact(writer.archive()), [true; 3]);
    assert_eq!(exact(&writer.close().unwrap()), [true; 3]);
    let sealed = case.open().archive().catalog().table(Table::Coverage).version;
    assert_eq!(case.open().close().unwrap().catalog().table(Table::Coverage).version, sealed, "nothing to seal");
}

/// A snapshot is dated by our clock where the venue gives it no stamp, and deltas behind it by the venue's, which may
/// be earlier: they are later all the same.
#[test]
fn deltas_behind_a_snapshot_are_not_earlier_than_it() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", 0, 10));
        batch.push_event(&delta("A", 1, 1));
        batch.push_event(&snapshot("A", 9, 11));
        batch.push_event(&delta("A", 5, 100));
        batch.push_event(&delta("A", 20, 1_000));
    });
    let check = |archive: &Archive| {
        let books = [4, 6, 9, 19].map(|second| contracts(archive, "A", second));
        assert_eq!(books, [(11, true), (11, true), (111, true), (111, true)]);
        let mut seen = Vec::new();
        let visit = |event: ArchiveEvent<'_>| {
            seen.push(match event {
                ArchiveEvent::Snapshot(keyframe) => keyframe.ordinal,
                ArchiveEvent::Delta { row, .. } => row.ordinal,
            });
            Ok(ControlFlow::Continue(()))
        };
        archive.events("A", NOON, NOON + 7 * SECOND, visit).unwrap();
        assert_eq!(seen, [0, 1]);
    };
    check(writer.archive());
    check(&writer.close().unwrap());
}

/// Our clock may go back over midnight: the order of a stream's files still is that of its events.
#[test]
fn a_clock_that_goes_back_over_midnight_after_a_restart_reorders_nothing() {
    const MIDNIGHT: i64 = 43_200;
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        batch.push_notice(&provable());
        batch.push_event(&snapshot("A", MIDNIGHT - 9, 10));
        batch.push_event(&delta("A", MIDNIGHT + 1, 1));
    });
    drop(writer.close().unwrap());
    let mut writer = case.open();
    append(&mut writer, |batch| batch.push_event(&delta("A", MIDNIGHT - 1, 100)));
    drop(writer);
    // What was appended is now taken from the log, and sealed from there.
    let mut writer = case.open();
    append(&mut writer, |batch| batch.push_event(&delta("A", MIDNIGHT + 5, 1_000)));
    let check = |archive: &Archive| {
        assert_eq!(contracts(archive, "A", MIDNIGHT + 2).0, 111);
        assert_eq!(contracts(archive, "A", MIDNIGHT + 6).0, 1_111);
    };
    check(writer.archive());
    check(&writer.close().unwrap());
}

/// A batch that is in the log but could not be taken in must not be left out of the segments.
#[test]
fn a_failed_read_while_appending_loses_nothing() {
    for fails_at in 1..12 {
        let mut case = Case::new();
        let mut writer = case.open();
        append(&mut writer, |batch| {
            batch.push_notice(&provable());
            batch.push_event(&snapshot("A", 0, 10));
            batch.push_event(&snapshot("B", 0, 10));
        });
        drop(writer.close().unwrap());
        let faults = Arc::new(OnceArmed::default());
        let mut writer = case.open_failing(faults.clone()).unwrap();
        faults.arm(fails_at);
        let mut builder = BatchBuilder::default();
        builder.push_event(&delta("A", 1, 1));
        builder.push_event(&delta("B", 1, 1));
        let first = writer.append(builder.finish());
        let mut builder = BatchBuilder::default();
        builder.push_event(&delta("A", 2, 1));
        let second = writer.append(builder.finish()).and_then(|_| writer.seal());
        drop(writer);
        let mut writer = case.open();
        let next = writer.next_ordinal();
        let archive = {
            writer.seal().unwrap();
            writer.archive()
        };
        let rows = crate::rows::of(archive).unwrap();
        assert_eq!(rows.len() as u64, next, "read {fails_at}: {first:?}, {second:?}: ordinals are missing");
    }
}

/// Fails one read, counted from when it is armed.
#[derive(Debug, Default)]
struct OnceArmed(std::sync::atomic::AtomicU64);

impl OnceArmed {
    fn arm(&self, at: u64) {
        self.0.store(at, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Faults for OnceArmed {
    fn before(&self, operation: Operation, _: &str) -> std::io::Result<()> {
        use std::sync::atomic::Ordering::SeqCst;
        let reads = operation == Operation::Read;
        if reads && self.0.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) == Ok(1) {
            return Err(std::io::Error::other("injected I/O error"));
        }
        Ok(())
    }
}

/// What the archive cannot hold must not get into the log, where it would stop every later opening.
#[test]
fn an_entry_that_cannot_be_taken_in_is_refused_before_it_is_logged() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| batch.push_event(&snapshot("A", 0, 10)));
    let mut bad = snapshot("A", 1, 10);
    if let Event::Snapshot(snapshot) = &mut bad.event {
        snapshot.yes.push(level(50, 3));
    }
    let mut builder = BatchBuilder::default();
    builder.push_event(&bad);
    assert!(writer.append(builder.finish()).is_err(), "a price twice");
    let _ = writer.sync();
    drop(writer);
    let mut writer = case.open_failing(FailingStore::never()).expect("the archive opens again");
    append(&mut writer, |batch| batch.push_event(&delta("A", 2, 1)));
    assert_eq!(contracts(&writer.close().unwrap(), "A", 3).0, 11);
}

/// Lifecycle events concern a market or none: both are there after a restart.
#[test]
fn events_of_no_market_survive() {
    let mut case = Case::new();
    let mut writer = case.open();
    append(&mut writer, |batch| {
        for number in 0..3 {
            batch.push_event(&record("A", number, |ticker, ts| {
                Event::Lifecycle(Lifecycle {
                    channel: "event_lifecycle".into(),
                    event_type: "".into(),
                    ticker: (number == 1).then(|| ticker.into()),
                    event_ticker: None,
                    ts: Some(ts),
                    payload: "{}".into(),
                })
            }));
        }
    });
    drop(writer);
    let writer = case.open();
    assert_eq!(crate::rows::of(writer.archive()).unwrap().len(), 3);
    assert_eq!(crate::rows::of(&writer.close().unwrap()).unwrap().len(), 3);
}

fn over(connection: u32, record: EventRecord<'static>) -> EventRecord<'static> {
    EventRecord { connection, ..record }
}

fn end(connection: u32) -> Notice {
    Notice::End { connection, cause: Cause::EndOfCapture }
}

/// A stream that ended is taken up again as it was left, however much was sealed and heard over others since.
#[test]
fn an_ended_stream_goes_on_behind_others() {
    let going_on = [None, Some(Notice::Continued { connection: 1, sid: Some(1) }), Some(lost())];
    for (going_on, last) in going_on.into_iter().zip([(1_111, false), (1_111, true), (22, false)]) {
        let told = |seals: bool| {
            let mut case = Case::new();
            let mut writer = case.open();
            let mut step = |fill: &dyn Fn(&mut BatchBuilder)| {
                append(&mut writer, fill);
                if seals {
                    writer.seal().unwrap();
                }
            };
            step(&|batch| {
                batch.push_notice(&provable());
                batch.push_event(&snapshot("A", 0, 10));
                batch.push_event(&delta("A", 1, 1));
                batch.push_notice(&end(1));
            });
            step(&|batch| {
                batch.push_notice(&Notice::Provable { connection: 2, sid: Some(1), provable: true });
                batch.push_event(&over(2, snapshot("A", 10, 20)));
            });
            step(&|batch| batch.push_event(&over(2, delta("A", 11, 1))));
            step(&|batch| batch.push_event(&over(2, delta("A", 12, 1))));
            step(&|batch| batch.push_notice(&end(2)));
            step(&|batch| {
                going_on.iter().for_each(|notice| batch.push_notice(notice));
                batch.push_notice(&provable());
                batch.push_event(&delta("A", 20, 100));
            });
            step(&|batch| batch.push_event(&delta("A", 21, 1_000)));
            step(&|batch| batch.push_event(&delta("A", 22, 0)));
            let archive = writer.close().unwrap();
            assert_eq!(archive.verify(None, true, &mut ()).unwrap().findings, [], "{going_on:?}");
            let books = [0, 5, 10, 11, 15, 20, 21].map(|second| contracts(&archive, "A", second));
            (intervals(&archive, "A"), books)
        };
        let (control, books) = told(false);
        assert_eq!(books[6], last, "{going_on:?}");
        assert_eq!(told(true), (control, books), "{going_on:?}");
    }
}

/// What was said of a connection is durable before the section of the log that said it is given up.
#[test]
fn what_was_provable_is_provable_after_a_power_loss() {
    for seed in 0..40 {
        let mut case = Case::new();
        let mut writer = case.open();
        append(&mut writer, |batch| {
            batch.push_notice(&provable());
            batch.push_event(&snapshot("A", 0, 10));
        });
        writer.seal().unwrap();
        drop(writer);
        case.disk.crash(seed, CrashModel { garbage: seed % 2 == 0, stale: false });
        let mut writer = case.open();
        append(&mut writer, |batch| {
            batch.push_event(&snapshot("B", 2, 10));
            batch.push_event(&delta("B", 9, 1));
        });
        assert_eq!(contracts(writer.archive(), "B", 5), (10, true), "seed {seed}");
    }
}

/// Two sealings of notices alone take no ordinal: the later one's word on an interval holds.
#[test]
fn of_two_sealings_at_one_ordinal_the_later_holds() {
    // In which order their files are found depends on what is in them.
    for contracts in 1..16 {
        let told = |seals: bool| {
            let mut case = Case::new();
            let mut writer = case.open();
            let notices = [Notice::Unproven { connection: 1, sid: Some(1) }, lost(), end(1)];
            append(&mut writer, |batch| {
                batch.push_notice(&provable());
                batch.push_event(&snapshot("A", 0, contracts));
                batch.push_event(&delta("A", contracts, 1));
            });
            for notice in notices {
                if seals {
                    writer.seal().unwrap();
                }
                append(&mut writer, |batch| batch.push_notice(&notice));
            }
            drop(writer.close().unwrap());
            intervals(case.open().archive(), "A")
        };
        assert_eq!(told(true), told(false));
    }
}

/// A log that ends before what tables hold ahead of `coverage` has lost acknowledged records.
#[test]
fn a_log_that_lost_what_a_sealing_had_taken_is_an_error() {
    let mut case = Case::new();
    let mut writer = case.open_failing(Arc::new(Unwritable(Table::Trades))).unwrap();
    append(&mut writer, |batch| {
        batch.push_event(&snapshot("A", 0, 10));
        batch.push_event(&trade("A", 1));
    });
    assert!(writer.seal().is_err());
    drop(writer);
    let whole = std::mem::replace(&mut case.disk, SimDisk::new(2));
    let error = case.open_failing(FailingStore::never()).err().expect("opened without its log").to_string();
    assert!(error.contains("/wal") && error.contains("ordinal 2"), "{error}");
    case.disk = whole;
    assert_eq!(crate::rows::of(&case.open().close().unwrap()).unwrap().len(), 2);
}

fn trade(ticker: &str, seconds: i64) -> EventRecord<'static> {
    record(ticker, seconds, |ticker, ts| {
        let price = Price::from_cents(40).unwrap();
        Event::Trade(Trade {
            ticker: ticker.into(),
            trade_id: "".into(),
            ts: Some(ts),
            yes_price: price,
            no_price: price.complement(),
            count: Quantity::from_hundredths(100),
            taker_side: None,
            taker_outcome_side: None,
            taker_book_side: None,
            is_block_trade: None,
        })
    })
}

/// A commit that a killed process left behind may not be on the disk yet: the log is not cut on its word alone.
#[test]
fn a_commit_found_ahead_is_made_durable_before_the_log_is_cut() {
    let mut case = Case::new();
    let mut writer = case.open_failing(Arc::new(Unwritable(Table::Coverage))).unwrap();
    append(&mut writer, |batch| {
        batch.push_event(&snapshot("A", 0, 10));
        batch.push_event(&delta("A", 1, 1));
    });
    assert!(writer.seal().is_err());
    drop(writer);
    let noted = Arc::new(Noted::default());
    drop(case.open_failing(noted.clone()).unwrap());
    let noted = noted.0.lock().unwrap();
    let at = |operation, path: &str| noted.iter().position(|(done, on)| *done == operation && on == path);
    let sealed = at(Operation::Write, "coverage/_delta_log/00000000000000000001.json").expect("the sealing is resumed");
    for table in ["deltas", "keyframes"] {
        let synced = at(Operation::Sync, &format!("{table}/_delta_log/00000000000000000001.json"));
        assert!(synced.is_some_and(|synced| synced < sealed), "{table}: {noted:?}");
    }
}

/// Notes what is done.
#[derive(Debug, Default)]
struct Noted(std::sync::Mutex<Vec<(Operation, String)>>);

impl Faults for Noted {
    fn before(&self, operation: Operation, path: &str) -> std::io::Result<()> {
        self.0.lock().unwrap().push((operation, path.to_owned()));
        Ok(())
    }
}

/// A reader beside a sealing knows what was sealed of notices alone before it.
#[test]
fn a_reader_beside_a_sealing_knows_every_source() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().to_str().unwrap()).unwrap();
    let source = |number| {
        let mut state = crate::venue::source(1);
        state.number = number;
        Notice::Source(state)
    };
    let mut writer = Writer::open_store(store.clone(), WriterOptions::new(1)).unwrap();
    append(&mut writer, |batch| batch.push_event(&snapshot("A", 0, 10)));
    writer.seal().unwrap();
    append(&mut writer, |batch| batch.push_notice(&source(1)));
    drop(writer.close().unwrap());
    let faults = Arc::new(Unwritable(Table::Coverage));
    let mut writer = Writer::open_store(store.with_faults(faults), WriterOptions::new(2)).unwrap();
    append(&mut writer, |batch| {
        batch.push_event(&delta("A", 1, 1));
        batch.push_notice(&source(2));
    });
    assert!(writer.seal().is_err());
    let archive = Archive::open(dir.path().to_str().unwrap(), Default::default()).unwrap();
    assert_eq!(archive.sources_imported().unwrap().len(), 2);
}
