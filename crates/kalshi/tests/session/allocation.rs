//! The way from a delta's bytes to the fact that the consumer reads allocates nothing.

use std::time::Duration;

use daybook_book::{Event, ReceivedTime};
use daybook_kalshi::{Batch, Channel, ConnectionCore, ConnectionSettings, Fact, Subscription};
use rand::{SeedableRng, rngs::SmallRng};

use crate::{
    ticker,
    venue::{Link, Venue},
};

#[test]
fn a_delta_costs_no_allocation() {
    let mut random = SmallRng::seed_from_u64(3);
    let mut venue = Venue::new("M", 50, &mut random);
    let mut link = Link::new();
    let mut core = ConnectionCore::new(0, ConnectionSettings::default());
    let mut batch = Batch::new();
    let (now, at) = (Duration::from_secs(1), ReceivedTime::from_nanos(1));
    core.subscribe(1, Subscription::new(Channel::OrderbookDelta).markets((0..50).map(ticker)));
    core.opened(1, now, at, &mut batch);
    let command = core.next_command().unwrap();
    for frame in link.command(&venue, &command) {
        core.frame(frame.as_bytes(), now, at, &mut batch);
    }
    let mut frames = Vec::new();
    while frames.len() < 20_000 {
        frames.extend(venue.act(&mut random).iter().filter_map(|change| link.publish(change)));
    }
    let (warm, measured) = frames.split_at(5_000);
    let mut run = |frames: &[String]| {
        let mut deltas = 0;
        for chunk in frames.chunks(1_000) {
            batch.clear();
            for frame in chunk {
                core.frame(frame.as_bytes(), now, at, &mut batch);
            }
            while let Some(fact) = batch.next() {
                deltas += usize::from(matches!(fact, Fact::Event(record) if matches!(record.event, Event::Delta(_))));
            }
        }
        deltas
    };
    assert_eq!(run(warm), warm.len());
    let mut deltas = 0;
    let allocations = allocation_counter::measure(|| deltas = run(measured));
    assert_eq!((deltas, allocations.count_total), (measured.len(), 0));
    // The counter counts.
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1]))).count_total > 0);
}
