//! Lossy copies of one stream merge back to it; what cannot be matched follows the documented rules.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Delta, Lifecycle, TickerUpdate, Trade, book::tests::price};

fn record(recv: i64, event: Event<'static>) -> EventRecord<'static> {
    EventRecord {
        recv_ts: ReceivedTime::from_nanos(recv),
        connection: 1,
        sid: Some(1),
        seq: None,
        sent_ts: None,
        event,
        extra: None,
    }
}

fn delta(clock: Option<u64>, at: u16, quantity: i64) -> Event<'static> {
    Event::Delta(Delta {
        ticker: "KX".into(),
        market_id: "".into(),
        ts: None,
        clock,
        side: Side::Yes,
        price: price(at),
        quantity: Quantity::from_hundredths(quantity),
    })
}

fn snapshot(clock: Option<u64>, sizes: &[i64]) -> Event<'static> {
    let yes = sizes.iter().zip(1..).map(|(&size, at)| (price(at), Quantity::from_hundredths(size))).collect();
    Event::Snapshot(Snapshot { ticker: "KX".into(), market_id: "".into(), ts: None, clock, yes, no: vec![] })
}

fn trade(id: u32) -> Event<'static> {
    Event::Trade(Trade {
        ticker: "KX".into(),
        trade_id: format!("trade-{id}").into(),
        ts: None,
        yes_price: price(4_800),
        no_price: price(5_200),
        count: Quantity::from_hundredths(100),
        taker_side: None,
        taker_outcome_side: None,
        taker_book_side: None,
        is_block_trade: None,
    })
}

fn ticker(volume: i64) -> Event<'static> {
    let volume = Some(Quantity::from_hundredths(volume));
    Event::Ticker(TickerUpdate { ticker: "KX".into(), volume, ..TickerUpdate::default() })
}

/// Received at 0, 1, 2, …
fn stream(events: impl IntoIterator<Item = Event<'static>>) -> Vec<EventRecord<'static>> {
    events.into_iter().zip(0..).map(|(event, recv)| record(recv, event)).collect()
}

fn merge(streams: impl IntoIterator<Item = Vec<EventRecord<'static>>>) -> Vec<Event<'static>> {
    Merge::new(streams.into_iter().map(Vec::into_iter)).map(|record| record.event).collect()
}

fn is_book(event: &Event<'_>) -> bool {
    matches!(event, Event::Snapshot(_) | Event::Delta(_))
}

/// Change sets and snapshots by rising clock, with trades between them. The deltas of one set are distinct if asked.
fn originals(distinct: bool) -> impl Strategy<Value = Vec<Vec<Event<'static>>>> {
    let group = prop_oneof![
        1 => prop::collection::vec(1i64..9, 0..3).prop_map(|sizes| vec![snapshot(Some(0), &sizes)]),
        8 => prop::collection::vec((1u16..5, -3i64..4), 1..6).prop_map(|changes| {
            changes.into_iter().map(|(at, change)| delta(Some(0), at, change)).collect()
        }),
        2 => Just(vec![trade(0)]),
    ];
    prop::collection::vec((1u64..4, group), 0..40).prop_map(move |groups| {
        let (mut now, mut id) = (0, 0);
        let number = |(step, mut events): (u64, Vec<Event<'static>>)| {
            now += step;
            for event in &mut events {
                id += 1;
                match event {
                    Event::Snapshot(snapshot) => snapshot.clock = Some(now),
                    Event::Delta(delta) => delta.clock = Some(now),
                    _ => *event = trade(id),
                }
            }
            if distinct {
                let mut seen = HashSet::new();
                events.retain(|event| Content::of(event).is_none_or(|content| seen.insert(content)));
            }
            events
        };
        groups.into_iter().map(number).collect()
    })
}

/// A stream of everything: with clocks and without, falling clocks among them, no trade twice.
fn anything() -> impl Strategy<Value = Vec<EventRecord<'static>>> {
    let clock = prop_oneof![3 => (1u64..6).prop_map(Some), 1 => Just(None)];
    let event = prop_oneof![
        4 => (clock.clone(), 1u16..4, -2i64..3).prop_map(|(clock, at, change)| delta(clock, at, change)),
        1 => (clock, prop::collection::vec(0i64..3, 0..3)).prop_map(|(clock, sizes)| snapshot(clock, &sizes)),
        1 => Just(trade(0)),
        1 => (0i64..3).prop_map(ticker),
    ];
    prop::collection::vec((0i64..3, event), 0..40).prop_map(|events| {
        let (mut recv, mut id) = (0, 0);
        let number = |(step, event): (i64, Event<'static>)| {
            recv += step;
            id += 1;
            record(recv, if matches!(event, Event::Trade(_)) { trade(id) } else { event })
        };
        events.into_iter().map(number).collect()
    })
}

proptest! {
    /// The losses of the two copies are disjoint sets of whole change sets.
    #[test]
    fn copies_that_lost_different_change_sets(original in originals(false), lost in prop::collection::vec(0u8..3, 40)) {
        let copy = |who: u8| {
            let kept = original.iter().zip(&lost).filter(|(_, lost)| **lost != who);
            stream(kept.flat_map(|(events, _)| events.clone()))
        };
        let merged = merge([copy(1), copy(2)]);
        let (book, trades): (Vec<_>, Vec<_>) = merged.into_iter().partition(is_book);
        let (original, original_trades): (Vec<_>, Vec<_>) = original.iter().flatten().cloned().partition(is_book);
        prop_assert_eq!(book, original);
        // Trades are in no fixed order with book events, and so a trade may overtake another that only one copy has.
        let ids = |events: &[Event<'_>]| {
            let mut ids: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
            ids.sort();
            ids
        };
        prop_assert_eq!(ids(&trades), ids(&original_trades));
    }

    /// The losses are disjoint sets of single deltas, so a change set may be torn in every copy.
    #[test]
    fn copies_that_lost_different_deltas(
        original in originals(true),
        lost in prop::collection::vec(0u8..4, 240),
    ) {
        let copy = |who: u8| {
            let kept = original.iter().flatten().zip(&lost).filter(|(_, lost)| **lost != who);
            stream(kept.map(|(event, _)| event.clone()))
        };
        let sets = |events: &[Event<'static>]| {
            let mut sets: BTreeMap<(u64, bool), Vec<String>> = BTreeMap::new();
            for event in events.iter().filter(|event| is_book(event)) {
                let position = (event.clock().unwrap(), matches!(event, Event::Snapshot(_)));
                sets.entry(position).or_default().push(format!("{event:?}"));
            }
            sets.values_mut().for_each(|set| set.sort());
            sets
        };
        let merged = merge([copy(1), copy(2), copy(3)]);
        prop_assert!(merged.iter().filter_map(Event::clock).is_sorted());
        let original: Vec<_> = original.iter().flatten().cloned().collect();
        prop_assert_eq!(sets(&merged), sets(&original));
    }

    /// An intact copy gives a set its order, wherever it stands among the streams.
    #[test]
    fn one_intact_copy_is_enough(
        original in originals(false),
        lost in prop::collection::vec(any::<bool>(), 240),
        intact_first: bool,
    ) {
        let book: Vec<_> = original.into_iter().flatten().filter(is_book).collect();
        let torn = book.iter().zip(&lost).filter(|(_, lost)| !**lost).map(|(event, _)| event.clone());
        let mut streams = [stream(torn), stream(book.clone())];
        if intact_first {
            streams.reverse();
        }
        prop_assert_eq!(merge(streams), book);
    }

    #[test]
    fn one_stream_is_itself(records in anything()) {
        let merged: Vec<_> = Merge::new([records.clone().into_iter()]).collect();
        prop_assert_eq!(merged, records);
    }

    #[test]
    fn a_copy_adds_nothing(records in anything()) {
        let copy = records.clone();
        let events: Vec<_> = records.iter().map(|record| record.event.clone()).collect();
        let sorted = |events: Vec<Event<'_>>| {
            let mut texts: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
            texts.sort();
            texts
        };
        prop_assert_eq!(sorted(merge([records, copy])), sorted(events));
    }
}

#[test]
fn a_torn_change_set_keeps_its_order() {
    let [a, b, c] = [1, 2, 3].map(|at| delta(Some(7), at, 100));
    // The longest copy leads, and what only the other has follows what precedes it there.
    let merged = merge([stream([a.clone(), c.clone()]), stream([a.clone(), b.clone()])]);
    assert_eq!(merged, [a.clone(), b.clone(), c.clone()]);
    let merged = merge([stream([c.clone()]), stream([a.clone(), b.clone(), c.clone()])]);
    assert_eq!(merged, [a.clone(), b.clone(), c.clone()]);
    // Parted by a trade, it is still one change set.
    let merged = merge([stream([a.clone(), trade(1), b.clone()]), stream([a.clone(), b.clone()])]);
    assert_eq!(merged, [a, b, trade(1)]);
}

#[test]
fn repeated_changes_of_one_set_are_kept_once_per_stream() {
    let change = || delta(Some(7), 1, 100);
    let merged = merge([stream([change(), change()]), stream([change(), change(), change()])]);
    assert_eq!(merged, [change(), change(), change()]);
}

#[test]
fn a_snapshot_follows_the_deltas_it_includes() {
    let original = [
        snapshot(Some(3), &[5]),
        delta(Some(4), 1, 1),
        delta(Some(5), 1, 1),
        snapshot(Some(5), &[7]),
        delta(Some(6), 1, 1),
    ];
    let [start, four, five, again, six] = original.clone();
    // The second connection broke after clock 3 and came back with a snapshot.
    let merged = merge([stream([start.clone(), four, five, six.clone()]), stream([start, again, six])]);
    assert_eq!(merged, original);
}

#[test]
fn snapshots_match_in_any_order_of_levels() {
    let mut turned = snapshot(Some(3), &[5, 6]);
    let Event::Snapshot(inner) = &mut turned else { unreachable!() };
    inner.yes.reverse();
    assert_eq!(merge([stream([snapshot(Some(3), &[5, 6])]), stream([turned])]).len(), 1);
    assert_eq!(merge([stream([snapshot(Some(3), &[5, 6])]), stream([snapshot(Some(3), &[5, 7])])]).len(), 2);
}

#[test]
fn clocks_begin_anew_after_maintenance() {
    let before = |clock| delta(Some(clock), 1, 1);
    let after = |clock| delta(Some(clock), 2, 1);
    let merged = merge([
        stream([before(100), before(102), after(1), after(3)]),
        stream([before(100), before(101), after(1), after(2)]),
    ]);
    assert_eq!(merged, [before(100), before(101), before(102), after(1), after(2), after(3)]);
}

#[test]
fn without_clock_the_primary_passes_and_a_later_snapshot_relieves_it() {
    let primary = || [snapshot(None, &[1]), delta(None, 1, 1), delta(None, 1, 1)];
    let second = [
        snapshot(None, &[1]),
        delta(None, 1, 1),
        delta(None, 1, 1),
        delta(None, 1, 9),
        snapshot(None, &[12]),
        delta(None, 1, 5),
    ];
    let merged = merge([stream(primary()), stream(second.clone())]);
    let [.., relief, last] = second;
    assert_eq!(merged, primary().into_iter().chain([relief, last]).collect::<Vec<_>>());
}

#[test]
fn a_clock_beside_a_primary_without_one_is_not_used() {
    let primary = || [snapshot(None, &[1]), delta(None, 1, 1), delta(Some(12), 1, 1), delta(Some(13), 1, 1)];
    let second = [snapshot(Some(10), &[1]), delta(Some(11), 1, 1), delta(Some(12), 1, 1), delta(Some(14), 1, 1)];
    let merged = merge([stream(primary()), stream(second)]);
    assert_eq!(merged, primary().into_iter().chain([delta(Some(14), 1, 1)]).collect::<Vec<_>>());

    // Back in step, it mends the very change set at which it is.
    let primary = || [snapshot(None, &[1]), delta(Some(12), 1, 1)];
    let second = [snapshot(Some(10), &[1]), delta(Some(12), 1, 1), delta(Some(12), 2, 1)];
    let merged = merge([stream(primary()), stream(second)]);
    assert_eq!(merged, primary().into_iter().chain([delta(Some(12), 2, 1)]).collect::<Vec<_>>());

    // The primary ends before its clock begins: only a later snapshot helps.
    let primary = || [snapshot(None, &[1]), delta(None, 1, 1)];
    let second = [
        snapshot(Some(10), &[1]),
        delta(Some(11), 1, 1),
        delta(Some(12), 1, 1),
        snapshot(Some(12), &[3]),
        delta(Some(13), 1, 1),
    ];
    let merged = merge([stream(primary()), stream(second.clone())]);
    assert_eq!(merged, primary().into_iter().chain(second[3..].iter().cloned()).collect::<Vec<_>>());
}

#[test]
fn no_clock_beside_a_primary_with_one_is_used_only_after_its_end() {
    let primary = || [snapshot(Some(1), &[1]), delta(Some(2), 1, 1), delta(Some(3), 1, 1)];
    let second = [
        snapshot(None, &[1]),
        delta(None, 1, 1),
        snapshot(None, &[3]),
        delta(None, 1, 7),
        snapshot(None, &[10]),
        delta(None, 1, -1),
    ];
    let merged = merge([stream(primary()), stream(second.clone())]);
    assert_eq!(merged, primary().into_iter().chain(second[4..].iter().cloned()).collect::<Vec<_>>());
    // Without a snapshot nothing can be appended, even long after.
    let late = vec![record(100, delta(None, 1, 1)), record(101, delta(None, 1, 1))];
    assert_eq!(merge([stream(primary()), late]), primary());
    // The last event passed counts, whichever stream it came from.
    let change = |recv, clock| record(recv, delta(Some(clock), 1, 1));
    let mended =
        [vec![change(0, 1), change(1, 3)], vec![change(0, 1), change(8, 2)], vec![record(5, snapshot(None, &[1]))]];
    let clocks: Vec<_> = merge(mended).iter().map(Event::clock).collect();
    assert_eq!(clocks, [Some(1), Some(2), Some(3)]);
    let mended = [vec![change(0, 1)], vec![record(5, snapshot(None, &[1]))]];
    assert_eq!(merge(mended).len(), 2);
    // A third stream with a clock is merged all along.
    let third = [delta(Some(3), 1, 1), delta(Some(4), 1, 1)];
    let merged = merge([stream(primary()), stream(second[..4].to_vec()), stream(third)]);
    assert_eq!(merged, primary().into_iter().chain([delta(Some(4), 1, 1)]).collect::<Vec<_>>());
}

#[test]
fn trades_match_by_id_and_the_rest_comes_from_one_stream_at_a_time() {
    let change = |clock| delta(Some(clock), 1, 1);
    let first = stream([change(1), trade(1), ticker(1), change(2), ticker(2)]);
    let mut second = first.clone();
    second.insert(3, record(2, trade(2)));
    second.extend([record(4, trade(2)), record(4, trade(3)), record(4, ticker(2)), record(5, ticker(3))]);
    assert_eq!(
        merge([first, second]),
        [change(1), trade(1), ticker(1), trade(2), change(2), ticker(2), trade(3), ticker(3)],
        "of the second stream's ticker updates only the last was received after the first stream's end"
    );
    // Until the first stream ends, its updates are the only ones.
    let first = vec![record(0, change(1)), record(1, change(2)), record(9, ticker(2))];
    let second = vec![record(0, change(1)), record(1, ticker(1)), record(2, change(2))];
    assert_eq!(merge([first, second]), [change(1), change(2), ticker(2)]);
    // Without an id, a trade is like a ticker update.
    let nameless = || {
        let Event::Trade(trade) = trade(0) else { unreachable!() };
        Event::Trade(Trade { trade_id: "".into(), ..trade })
    };
    assert_eq!(merge([stream([nameless(), nameless()]), stream([nameless()])]), [nameless(), nameless()]);
    let life = || {
        Event::Lifecycle(Lifecycle {
            channel: "market_lifecycle_v2".into(),
            event_type: "settled".into(),
            ticker: Some("KX".into()),
            event_ticker: None,
            ts: None,
            payload: "{}".into(),
        })
    };
    assert_eq!(merge([stream([change(1)]), stream([change(1), life()])]), [change(1), life()]);
}

#[test]
fn records_come_out_as_received() {
    let late = |recv, clock, connection| EventRecord { connection, ..record(recv, delta(Some(clock), 1, 1)) };
    let merged: Vec<_> =
        Merge::new([vec![late(10, 1, 1), late(30, 3, 1)].into_iter(), vec![late(9, 1, 2), late(40, 2, 2)].into_iter()])
            .collect();
    assert_eq!(merged, [late(10, 1, 1), late(40, 2, 2), late(30, 3, 1)]);
}

#[test]
fn nothing_merges_to_nothing() {
    assert_eq!(merge([]), []);
    assert_eq!(merge([vec![], vec![]]), []);
    assert_eq!(merge([vec![], stream([delta(Some(1), 1, 1)])]), [delta(Some(1), 1, 1)]);
}
