//! Books of markets that move between connections, as the facts of both interleave.

use daybook_book::{Delta, EventRecord, Price, Quantity, ReceivedTime, Side, Snapshot};

use super::*;
use crate::session::{DownCause, GapClosed, GapOpened};

const AT: ReceivedTime = ReceivedTime::from_nanos(1);
const CHANNEL: Channel = Channel::OrderbookDelta;

#[derive(Default)]
struct Rig {
    books: Books,
    waiting: VecDeque<Waiting>,
}

impl Rig {
    fn take(&mut self, fact: Fact<'_>) -> Option<&'static str> {
        let step = self.books.take(&fact, &mut self.waiting, |ticker| panic!("{ticker:?} does not fit"));
        step.map(|step| if matches!(step, Step::Live(_)) { "live" } else { "changed" })
    }

    fn event(&mut self, connection: u32, event: Event<'_>) -> Option<&'static str> {
        let (sid, seq) = (Some(1), Some(1));
        self.take(Fact::Event(EventRecord { recv_ts: AT, connection, sid, seq, sent_ts: None, event, extra: None }))
    }

    /// A snapshot of so many levels.
    fn snapshot(&mut self, connection: u32, levels: u8) -> Option<&'static str> {
        let yes =
            (1..=levels).map(|cents| (Price::from_cents(cents).unwrap(), Quantity::from_hundredths(100))).collect();
        let (ticker, market_id) = ("A".into(), "".into());
        self.event(connection, Event::Snapshot(Snapshot { ticker, market_id, ts: None, clock: None, yes, no: vec![] }))
    }

    /// One level more.
    fn delta(&mut self, connection: u32, cents: u8) -> Option<&'static str> {
        let (price, quantity, side) = (Price::from_cents(cents).unwrap(), Quantity::from_hundredths(100), Side::Yes);
        let (ticker, market_id) = ("A".into(), "".into());
        self.event(connection, Event::Delta(Delta { ticker, market_id, ts: None, clock: None, side, price, quantity }))
    }

    fn closed(&mut self, connection: u32) -> Option<&'static str> {
        let market = Some("A".parse().unwrap());
        self.take(Fact::GapClosed(GapClosed { connection, sid: 1, channel: CHANNEL, market, since: None, at: AT }))
    }

    fn opened(&mut self, connection: u32) {
        let (markets, cause) = (["A".parse().unwrap()].into(), GapCause::Unreadable);
        let gap = GapOpened { connection, sid: Some(1), channel: CHANNEL, markets, cause, since: AT, at: AT };
        assert!(self.take(Fact::GapOpened(gap)).is_none());
    }

    fn removed(&mut self, connection: u32) {
        let markets = ["A".parse().unwrap()].into();
        assert!(self.take(Fact::MarketsRemoved { connection, channel: CHANNEL, markets, at: AT }).is_none());
    }

    /// How many levels are shown, if the book is live.
    fn shown(&self) -> Option<usize> {
        let shown = &self.books.all[*self.books.places.get("A")?].shown;
        shown.live.then_some(shown.book.len(Side::Yes))
    }
}

#[test]
fn a_market_that_moves_is_shown_as_the_new_connection_tells_it_whatever_the_old_one_still_tells() {
    let mut rig = Rig::default();
    assert_eq!((rig.snapshot(1, 5), rig.closed(1), rig.shown()), (None, Some("live"), Some(5)));
    assert_eq!((rig.delta(1, 50), rig.shown()), (Some("changed"), Some(6)));
    // The new connection's snapshot alone is no proof, and changes nothing of what the old one tells.
    assert_eq!((rig.snapshot(2, 1), rig.shown()), (None, Some(6)));
    assert_eq!((rig.delta(1, 51), rig.shown()), (Some("changed"), Some(7)));
    assert_eq!((rig.closed(2), rig.shown()), (Some("changed"), Some(1)));
    assert_eq!((rig.delta(1, 52), rig.shown()), (None, Some(1)));
    rig.opened(1);
    assert_eq!((rig.snapshot(1, 9), rig.closed(1)), (None, Some("changed")));
    rig.removed(1);
    assert!(matches!(rig.waiting.pop_front(), Some(Waiting::Changed(_))));
    assert_eq!((rig.delta(2, 53), rig.shown()), (Some("changed"), Some(2)));
    assert!(rig.waiting.is_empty());
}

#[test]
fn a_market_whose_old_connection_ends_first_is_stale_until_the_new_one_proves_it() {
    let mut rig = Rig::default();
    rig.snapshot(1, 5);
    rig.closed(1);
    rig.snapshot(2, 1);
    rig.removed(1);
    assert!(matches!(rig.waiting.pop_front(), Some(Waiting::Stale(..))));
    assert_eq!((rig.delta(1, 50), rig.shown()), (None, None));
    assert_eq!((rig.closed(2), rig.shown()), (Some("live"), Some(1)));
}

#[test]
fn what_is_taken_off_is_forgotten_and_a_new_connection_takes_the_old_ones_place() {
    let mut rig = Rig::default();
    for connection in 1..5 {
        rig.snapshot(connection, 5);
        assert_eq!(rig.closed(connection), Some("live"));
        rig.opened(connection);
        rig.take(Fact::ConnectionDown { connection, slot: 0, cause: DownCause::Silent, at: AT });
        assert_eq!((rig.books.all.len(), rig.books.all[0].others.len()), (1, 0));
    }
    rig.snapshot(5, 5);
    rig.closed(5);
    rig.removed(5);
    assert!(rig.books.all.is_empty() && rig.books.places.is_empty());
}
