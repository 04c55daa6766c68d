//! The state machine against a model of the venue: by hand, and under every fault at random.

mod by_hand;
mod requests;
mod trust;

#[path = "../../../tests/session/folded.rs"]
mod folded;
#[path = "../../../tests/session/venue.rs"]
mod venue;

/// What `folded` reads facts with.
mod session {
    pub(super) use crate::session::{Fact, GapCause};
}

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use self::{
    folded::Folded,
    venue::{Link, Venue},
};
use super::*;

struct Sink<'a>(&'a mut Folded);

impl FactSink for Sink<'_> {
    fn push(&mut self, fact: Fact<'_>) {
        self.0.take(fact);
    }
}

/// How often which fault happens, in thousandths per frame or step.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    drop: u32,
    duplicate: u32,
    delay: u32,
    corrupt: u32,
    terminal: u32,
    disconnect: u32,
    forget: u32,
    overflow: u32,
    divergence: u32,
    change_markets: u32,
    unsubscribe: u32,
    ask: u32,
    /// The venue reads a book some time before it sends what it read.
    cross: u32,
    /// A command is not carried out: half of the time an error says so.
    fail: u32,
    /// Nothing happens for longer than any answer may take.
    pause: u32,
    reset_clocks: u32,
}

/// A venue, a connection to it that misbehaves, and a core at its other end.
struct Rig {
    random: SmallRng,
    venue: Venue,
    link: Link,
    core: ConnectionCore,
    folded: Folded,
    /// Frames under way, and after how many others each arrives.
    wire: VecDeque<(u32, String)>,
    now: Duration,
    connections: u32,
    /// The highest number of the books' subscription that arrived unharmed.
    highest: HashMap<u32, u64>,
    outcomes: Vec<(RequestId, Outcome)>,
    faults: Faults,
    /// The user's requests that are not answered yet, and the last one's number.
    open: BTreeMap<RequestId, String>,
    last_request: RequestId,
    wanted: std::collections::BTreeSet<Ticker>,
    /// How often a trusted book was compared with the truth.
    compared: u64,
}

impl Rig {
    fn new(seed: u64, markets: usize, chunk: usize) -> Rig {
        let mut random = SmallRng::seed_from_u64(seed);
        let venue = Venue::new("M", markets, &mut random);
        let settings = ConnectionSettings { chunk, ..ConnectionSettings::default() };
        let mut rig = Rig {
            random,
            venue,
            link: Link::new(),
            core: ConnectionCore::new(0, settings),
            folded: Folded { keeps: true, ..Folded::default() },
            wire: VecDeque::new(),
            now: Duration::from_secs(1),
            connections: 0,
            highest: HashMap::new(),
            outcomes: Vec::new(),
            faults: Faults::default(),
            open: BTreeMap::new(),
            last_request: 100,
            wanted: (0..markets).map(ticker).collect(),
            compared: 0,
        };
        rig.connect();
        rig
    }

    fn at(&self) -> ReceivedTime {
        ReceivedTime::from_nanos(self.now.as_nanos() as i64)
    }

    fn connect(&mut self) {
        self.link = Link::new();
        self.link.remembers = true;
        self.link.snapshots_first = self.random.random();
        self.highest.clear();
        self.wire.clear();
        self.connections += 1;
        let at = self.at();
        self.core.opened(self.connections, self.now, at, &mut Sink(&mut self.folded));
        self.exchange();
    }

    fn disconnect(&mut self) {
        let at = self.at();
        self.core.closed(DownCause::Failed("test".into()), self.now, at, &mut Sink(&mut self.folded));
        assert_eq!(self.folded.trusted(), 0, "nothing is trusted without a connection");
    }

    fn subscribe(&mut self) {
        let books = Subscription::new(Channel::OrderbookDelta).markets(self.wanted.iter().cloned());
        self.core.subscribe(1, books);
        self.core.subscribe(2, Subscription::new(Channel::Trade));
        self.tick();
    }

    /// Hands commands to the venue and puts its answers on the wire.
    fn exchange(&mut self) {
        while let Some(command) = self.core.next_command() {
            if self.chance(self.faults.fail) {
                let id = serde_json::from_str::<serde_json::Value>(&command).unwrap()["id"].take();
                if self.random.random() {
                    let code = if self.random.random() { 18 } else { 27 };
                    let failed = format!(r#"{{"type":"error","id":{id},"msg":{{"code":{code},"msg":"no"}}}}"#);
                    self.wire.push_back((0, failed));
                }
                continue;
            }
            self.link.crosses = self.chance(self.faults.cross);
            let frames = self.link.command(&self.venue, &command);
            self.wire.extend(frames.into_iter().map(|frame| (0, frame)));
        }
        for (request, outcome) in self.core.take_outcomes() {
            self.open.remove(&request);
            self.outcomes.push((request, outcome));
        }
    }

    /// The number of a new request of the user.
    fn request(&mut self, what: String) -> RequestId {
        self.last_request += 1;
        self.open.insert(self.last_request, what);
        self.last_request
    }

    fn tick(&mut self) {
        let at = self.at();
        self.core.tick(self.now, at, &mut Sink(&mut self.folded));
        match self.core.take_action() {
            // The venue answers a ping at once.
            Some(Action::Ping) => self.core.heard(self.now, at),
            Some(Action::Close(_)) => {
                self.disconnect();
                self.connect();
            }
            None => {}
        }
        self.exchange();
    }

    fn change(&mut self) {
        for change in self.venue.act(&mut self.random) {
            let frame = self.link.publish(&change);
            self.wire.extend(frame.map(|frame| (0, frame)));
        }
        if self.random.random_bool(0.1) {
            let trade = r#"{"trade_id":"t","market_ticker":"M-0","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"1.00","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","ts":1792065600,"ts_ms":1792065600123}"#;
            self.wire.extend(self.link.say("trade", "trade", trade).map(|frame| (0, frame)));
        }
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        self.random.random_range(0..1_000) < thousandths
    }

    /// Lets one frame arrive, if one is under way.
    fn arrive(&mut self, faults: &Faults) {
        let Some((wait, frame)) = self.wire.pop_front() else { return };
        if wait > 0 {
            let place = (wait as usize).min(self.wire.len());
            self.wire.insert(place, (0, frame));
            return;
        }
        if self.chance(faults.drop) {
            return;
        }
        if self.chance(faults.delay) {
            let wait = self.random.random_range(1..6);
            self.wire.push_front((wait, frame));
            return;
        }
        if self.chance(faults.duplicate) {
            let wait = self.random.random_range(0..4);
            self.wire.push_front((wait, frame.clone()));
        }
        if self.chance(faults.corrupt) {
            let cut = self.random.random_range(0..frame.len());
            let garbled = match self.random.random() {
                true => frame[..cut].to_owned(),
                false => frame.replace("_ticker\":\"", "_ticker\":7,\"x\":\""),
            };
            if garbled != frame {
                self.deliver(&garbled);
                return;
            }
        }
        self.deliver(&frame);
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&frame)
            && let (Some(sid), Some(seq)) = (value["sid"].as_u64(), value["seq"].as_u64())
        {
            let highest = self.highest.entry(sid as u32).or_default();
            *highest = (*highest).max(seq);
        }
        self.compare();
    }

    fn deliver(&mut self, frame: &str) {
        let at = self.at();
        self.core.frame(frame.as_bytes(), self.now, at, &mut Sink(&mut self.folded));
        self.exchange();
    }

    /// Every trusted book shows what the venue's showed when it wrote the last frame that arrived.
    fn compare(&mut self) {
        let Some(sid) = self
            .core
            .subscriptions
            .iter()
            .find_map(|subscribed| if subscribed.channel.carries_books() { subscribed.sid } else { None })
        else {
            assert_eq!(self.folded.trusted(), 0);
            return;
        };
        let Some(&highest) = self.highest.get(&sid) else { return };
        for (ticker, market) in &self.folded.markets {
            if market.trusted {
                let truth = self
                    .link
                    .truth_at(sid, ticker, highest)
                    .unwrap_or_else(|| panic!("{ticker} is trusted on {sid}:{highest}, which never carried it"));
                assert_eq!(market.book.digest(), truth, "{ticker} at {sid}:{highest} is claimed but wrong");
                assert_eq!(market.misfits, 0, "{ticker}");
                self.compared += 1;
            }
        }
    }

    fn step(&mut self, faults: &Faults) {
        self.faults = *faults;
        self.now += Duration::from_micros(self.random.random_range(1..20_000));
        for _ in 0..self.random.random_range(0..4) {
            self.change();
        }
        for _ in 0..self.random.random_range(0..8) {
            self.arrive(faults);
        }
        if self.chance(faults.terminal) {
            let channel = if self.random.random() { "orderbook_delta" } else { "trade" };
            let code = if self.random.random() { 10 } else { 25 };
            self.wire.extend(self.link.fail(channel, code).map(|frame| (0, frame)));
        }
        if self.chance(faults.forget) {
            self.link.forget();
        }
        if self.chance(faults.disconnect) {
            self.disconnect();
            self.now += Duration::from_millis(self.random.random_range(0..2_000));
            self.connect();
        }
        if self.chance(faults.overflow) {
            let accepting = self.random.random();
            let at = self.at();
            self.core.set_accepting(accepting, self.now, at, &mut Sink(&mut self.folded));
        }
        if self.chance(faults.divergence) {
            let market = self.random.random_range(0..self.venue.books.len());
            let at = self.at();
            self.core.distrust(ticker(market).as_str(), self.now, at, &mut Sink(&mut self.folded));
        }
        if self.chance(faults.change_markets) {
            let market = ticker(self.random.random_range(0..self.venue.books.len()));
            if self.wanted.remove(&market) {
                self.remove(market.clone());
                assert!(self.folded.markets.get(market.as_str()).is_none_or(|held| !held.trusted));
                // And back again, before or after the venue has heard of it.
                if self.random.random() {
                    if self.random.random() {
                        self.tick();
                    }
                    self.add(market);
                }
            } else {
                self.add(market);
            }
        }
        if self.chance(faults.unsubscribe) {
            let request = self.request("unsubscribe".to_owned());
            self.core.unsubscribe(request, Channel::OrderbookDelta);
            let all = std::mem::take(&mut self.wanted);
            if self.random.random() {
                self.tick();
            }
            for market in all {
                if self.random.random() {
                    self.add(market);
                }
            }
        }
        if self.chance(faults.ask) {
            let markets = self.venue.books.len();
            let some = (0..markets).filter(|_| self.random.random()).map(ticker).collect::<Vec<_>>();
            let request = self.request(format!("snapshots of {some:?}"));
            self.core.snapshots(request, some);
        }
        if self.chance(150) {
            let frames = self.link.release();
            self.wire.extend(frames.into_iter().map(|frame| (0, frame)));
        }
        if self.chance(faults.reset_clocks) {
            // Nothing is under way across maintenance.
            let frames = self.link.release();
            self.wire.extend(frames.into_iter().map(|frame| (0, frame)));
            self.venue.reset_clocks();
        }
        if self.chance(faults.pause) {
            self.now += Duration::from_secs(11);
        }
        self.tick();
    }

    fn add(&mut self, market: Ticker) {
        let request = self.request(format!("subscribe to {market:?}"));
        self.wanted.insert(market.clone());
        self.core.subscribe(request, Subscription::new(Channel::OrderbookDelta).markets([market]));
    }

    fn remove(&mut self, market: Ticker) {
        let request = self.request(format!("remove {market:?}"));
        let at = self.at();
        let sink = &mut Sink(&mut self.folded);
        self.core.remove(request, Channel::OrderbookDelta, &[market], self.now, at, sink);
    }

    /// Lets everything arrive and time pass until nothing is left to do.
    fn settle(&mut self) {
        self.faults = Faults::default();
        let at = self.at();
        self.core.set_accepting(true, self.now, at, &mut Sink(&mut self.folded));
        let frames = self.link.release();
        self.wire.extend(frames.into_iter().map(|frame| (0, frame)));
        // A frame lost last shows when another follows, a forgotten subscription when the venue is asked: so the
        // venue goes on for a while.
        let busy_until = self.now + Duration::from_secs(150);
        for _ in 0..20_000 {
            while !self.wire.is_empty() {
                self.arrive(&Faults::default());
            }
            self.now += Duration::from_millis(250);
            if self.now < busy_until {
                self.change();
            }
            self.tick();
            let done = self.core.is_settled() && self.folded.trusted() == self.wanted.len();
            if self.now > busy_until && self.wire.is_empty() && done && self.open.is_empty() {
                return;
            }
        }
        panic!(
            "not settled: {} of {} trusted, not answered {:?}, {:?}",
            self.folded.trusted(),
            self.wanted.len(),
            self.open,
            (
                &self.core.pending,
                &self.core.subscriptions.iter().map(|s| (s.phase, s.sid, &s.repairs, &s.wanted)).collect::<Vec<_>>()
            )
        );
    }

    fn assert_true(&mut self) {
        for ticker in &self.wanted {
            let market = &self.folded.markets[ticker.as_str()];
            assert!(market.trusted);
            assert_eq!(market.book.digest(), self.venue.books[ticker.as_str()].0.digest(), "{ticker:?}");
        }
    }
}

fn ticker(index: usize) -> Ticker {
    format!("M-{index}").parse().unwrap()
}

#[test]
fn without_faults_every_book_is_trusted_and_no_gap_opens() {
    let mut rig = Rig::new(1, 10, 3);
    rig.subscribe();
    for _ in 0..200 {
        rig.step(&Faults::default());
    }
    // Ten markets by three: one `subscribe`, three `add_markets`, and one `subscribe` for trades.
    assert_eq!(rig.link.commands, 5);
    rig.settle();
    rig.assert_true();
    assert_eq!(rig.folded.gaps, []);
    assert_eq!(rig.outcomes, [(2, Outcome::Done), (1, Outcome::Done)]);
    assert!(rig.compared > 1_000);
}

#[test]
fn a_loss_is_repaired_without_waiting() {
    let mut rig = Rig::new(4, 5, 10);
    rig.subscribe();
    let drain = |rig: &mut Rig| {
        while !rig.wire.is_empty() {
            rig.arrive(&Faults::default());
        }
    };
    drain(&mut rig);
    assert_eq!(rig.folded.trusted(), 5);
    for round in 1..4 {
        rig.change();
        rig.wire.pop_front();
        rig.change();
        drain(&mut rig);
        assert_eq!((rig.folded.trusted(), rig.folded.gaps.len()), (0, round));
        // One command, at the very same instant, brings all five back.
        let commands = rig.link.commands;
        rig.tick();
        assert_eq!(rig.link.commands, commands + 1);
        drain(&mut rig);
        assert_eq!(rig.folded.trusted(), 5);
        rig.now += Duration::from_secs(2);
    }
}

#[test]
fn a_clock_that_falls_is_a_gap() {
    let mut rig = Rig::new(5, 1, 10);
    rig.subscribe();
    while !rig.wire.is_empty() {
        rig.arrive(&Faults::default());
    }
    let delta = |seq: u64, clock: u64| {
        format!(
            r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"M-0","market_id":"m","clock":{clock},"price_dollars":"0.3500","delta_fp":"1.00","side":"yes"}}}}"#
        )
    };
    // Several deltas may share a clock; 0 is none.
    rig.deliver(&delta(2, 2));
    rig.deliver(&delta(3, 2));
    rig.deliver(&delta(4, 0));
    rig.deliver(&delta(5, 3));
    assert_eq!((rig.folded.trusted(), &rig.folded.gaps[..]), (1, &[][..]));
    rig.deliver(&delta(6, 2));
    assert_eq!((rig.folded.trusted(), &rig.folded.gaps[..]), (0, &[GapCause::ClockRegressed][..]));

    // What the snapshot contains cannot follow it either.
    let mut rig = Rig::new(5, 1, 10);
    rig.subscribe();
    while !rig.wire.is_empty() {
        rig.arrive(&Faults::default());
    }
    rig.deliver(&delta(2, 1));
    assert_eq!((rig.folded.trusted(), &rig.folded.gaps[..]), (0, &[GapCause::ClockRegressed][..]));
}

#[test]
fn a_snapshot_older_than_what_came_before_it_does_not_count() {
    let mut rig = Rig::new(6, 1, 10);
    rig.subscribe();
    while !rig.wire.is_empty() {
        rig.arrive(&Faults::default());
    }
    let snapshot = |seq: u64, clock: u64| {
        format!(
            r#"{{"type":"orderbook_snapshot","sid":1,"seq":{seq},"msg":{{"market_ticker":"M-0","market_id":"","clock":{clock}}}}}"#
        )
    };
    let delta = r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"M-0","market_id":"m","clock":9,"price_dollars":"0.3500","delta_fp":"1.00","side":"yes"}}"#;
    rig.deliver(delta);
    // A hole; the answers to what is asked for then are on their way for some time, and another answer is missing.
    rig.link.crosses = true;
    rig.core.snapshots(9, vec![ticker(0)]);
    rig.core.distrust("M-0", rig.now, rig.at(), &mut Sink(&mut rig.folded));
    rig.tick();
    rig.deliver(&snapshot(3, 8));
    assert_eq!((rig.folded.trusted(), rig.folded.gaps.len()), (0, 1));
    rig.now += Duration::from_secs(2);
    rig.tick();
    rig.deliver(&snapshot(4, 9));
    assert_eq!(rig.folded.trusted(), 1);
}

#[test]
fn commands_keep_their_pace_and_wait_for_answers() {
    let mut core = ConnectionCore::new(
        0,
        ConnectionSettings { chunk: 1, in_flight: 3, commands_per_second: 10, ..ConnectionSettings::default() },
    );
    let mut folded = Folded::default();
    let at = ReceivedTime::from_nanos(0);
    core.subscribe(1, Subscription::new(Channel::OrderbookDelta).markets((0..40).map(ticker)));
    let mut now = Duration::from_secs(5);
    core.opened(1, now, at, &mut Sink(&mut folded));
    assert!(core.next_command().is_some_and(|command| command.contains(r#""cmd":"subscribe""#)));
    assert_eq!(core.next_command(), None);
    let subscribed = br#"{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}"#;
    core.frame(subscribed, now, at, &mut Sink(&mut folded));
    let mut answered = 1;
    let began = now;
    let mut sent = 1;
    for _ in 0..500 {
        let mut waiting = 0;
        while core.next_command().is_some() {
            (sent, waiting) = (sent + 1, waiting + 1);
        }
        assert!(waiting <= 3 && sent <= 4 + (now - began).as_millis() / 100, "{sent} after {:?}", now - began);
        for _ in 0..waiting {
            answered += 1;
            let ok = format!(r#"{{"type":"ok","id":{answered},"sid":1,"seq":{}}}"#, answered - 1);
            core.frame(ok.as_bytes(), now, at, &mut Sink(&mut folded));
        }
        now = core.deadline().unwrap().max(now);
        core.tick(now, at, &mut Sink(&mut folded));
        if sent == 40 {
            break;
        }
    }
    assert_eq!((sent, core.take_outcomes()), (40, vec![(1, Outcome::Done)]));
    assert!(now - began >= Duration::from_secs(3), "{:?}", now - began);
}

proptest! {
    /// Whatever happens: what is claimed is true, and when faults stop, everything is true and claimed.
    #[test]
    fn no_fault_makes_a_claimed_book_wrong(
        seed: u64, markets in 1usize..12, chunk in 1usize..6,
        rates in prop::collection::vec(prop_oneof![3 => Just(0u32), 2 => 1u32..30, 1 => 30u32..200], 16),
    ) {
        let faults = Faults {
            drop: rates[0], duplicate: rates[1], delay: rates[2], corrupt: rates[3], terminal: rates[4] / 4,
            disconnect: rates[5] / 8, forget: rates[6] / 8, overflow: rates[7], divergence: rates[8],
            change_markets: rates[9], unsubscribe: rates[10] / 4, ask: rates[11], cross: rates[12] * 5,
            fail: rates[13], pause: rates[14] / 8, reset_clocks: rates[15] / 8,
        };
        let mut rig = Rig::new(seed, markets, chunk);
        rig.subscribe();
        for _ in 0..300 {
            rig.step(&faults);
        }
        rig.settle();
        rig.assert_true();
    }
}
