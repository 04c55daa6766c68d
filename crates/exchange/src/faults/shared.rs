//! The faults of one exchange: a plan that is followed, the connections that it reaches, and the log of what was done.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use daybook_book::ExchangeTime;
use daybook_kalshi::Channel;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use tokio::sync::Notify;

use super::{
    Class, Entry, Gate, Injector, Kind, Log, Passing, Plan, PlanError, Rule, Stage, Strike, Target, Treatment,
    stale::{Asked, Copies},
};
use crate::{
    engine::{MarketId, MarketState},
    feed::{ConnectionId, Frame, Output, Standing},
    venue::{MarketChange, Venue},
};

/// So many faults are remembered; a file has all of them.
const REMEMBERED: usize = 65_536;
/// So many markets are halted at once.
const HALTED: usize = 1_000;
/// What a WebSocket is closed with by a server that is restarted.
const SERVICE_RESTART: u16 = 1012;

/// The faults of one exchange.
#[derive(Debug)]
pub struct Faults {
    /// Whether there is anything to ask or to do. All that a frame or a request costs while there is not.
    active: AtomicBool,
    /// How far the clock of signatures and stamps is ahead, in microseconds.
    skew: AtomicI64,
    /// Whoever looks after what is timed is to begin.
    pub(crate) awake: Notify,
    /// Taken after the venue's lock where both are needed.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    injector: Injector,
    log: Log,
    links: BTreeMap<ConnectionId, Link>,
    /// Connections so far.
    connections: u64,
    ends: Vec<(ExchangeTime, End)>,
    copies: Copies,
    /// Which market is halted where none is named.
    choice: ChaCha8Rng,
}

/// What is known of a connection.
#[derive(Debug)]
struct Link {
    number: u64,
    gate: Arc<Gate>,
    wake: Arc<Notify>,
    stage: Stage,
    /// Of reordered frames that wait: by subscription, for the log.
    reordered: BTreeMap<u32, Entry>,
    /// The channels of subscriptions, those that are over too, whose frames may still be on their way.
    channels: BTreeMap<u32, Channel>,
}

/// Something that lasted is over.
#[derive(Clone, Debug)]
enum End {
    Halt(MarketId),
    Maintenance(Vec<u8>),
    Outage,
    Skew,
}

/// What is done to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestFault {
    TooManyRequests,
    /// One of 500, 503 and 504.
    Status(u16),
    Delay(Duration),
    Malform,
    Stale(Strike),
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            active: AtomicBool::new(false),
            skew: AtomicI64::new(0),
            awake: Notify::new(),
            state: Mutex::new(State {
                injector: Injector::new(&Plan::default(), ExchangeTime::from_micros(0)),
                log: Log::new(REMEMBERED),
                links: BTreeMap::new(),
                connections: 0,
                ends: Vec::new(),
                copies: Copies::default(),
                choice: ChaCha8Rng::seed_from_u64(0),
            }),
        }
    }
}

impl Faults {
    /// Follows another plan from now on. What lasts lasts to its end.
    ///
    /// # Errors
    /// If a rule contradicts itself; then the plan is the one before.
    pub fn set(&self, plan: &Plan, now: ExchangeTime) -> Result<(), PlanError> {
        plan.check()?;
        let mut state = self.state();
        state.injector = Injector::new(plan, now);
        state.choice = ChaCha8Rng::seed_from_u64(plan.seed);
        state.choice.set_stream(u64::MAX);
        state.copies.clear();
        self.settle(&state);
        Ok(())
    }

    /// The plan that is followed.
    pub fn plan(&self) -> Plan {
        self.state().injector.plan()
    }

    /// Lets the next that matches be struck by this rule, once, whatever it says about when. What is already there (a
    /// connection, a subscription, the exchange) is struck at once.
    ///
    /// # Errors
    /// If the rule contradicts itself.
    pub fn once(&self, rule: Rule) -> Result<(), PlanError> {
        rule.check_strike().map_err(|reason| PlanError::Rule { number: 1, kind: rule.kind, reason })?;
        let mut state = self.state();
        state.injector.once(rule);
        self.settle(&state);
        state.links.values().for_each(|link| link.wake.notify_one());
        Ok(())
    }

    /// Writes what comes from now on to this file as well.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn log_to(&self, path: &Path) -> io::Result<()> {
        self.state().log.write_to(path)
    }

    /// The newest number of the log, and what is remembered of what came after `number`, at most so many.
    pub fn log_after(&self, number: u64, most: usize) -> (u64, Vec<Entry>) {
        let state = self.state();
        (state.log.last(), state.log.after(number).take(most).cloned().collect())
    }

    /// The number by which targets and the log call a connection.
    pub fn connection_number(&self, connection: ConnectionId) -> Option<u64> {
        self.state().links.get(&connection).map(|link| link.number)
    }

    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// How far the clock of signatures and stamps is ahead, in microseconds.
    pub(crate) fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    pub(crate) fn connected(&self, connection: ConnectionId, wake: &Arc<Notify>) -> Arc<Gate> {
        let mut state = self.state();
        state.connections += 1;
        let gate = Arc::new(Gate::default());
        let link = Link {
            number: state.connections,
            gate: Arc::clone(&gate),
            wake: Arc::clone(wake),
            stage: Stage::default(),
            reordered: BTreeMap::new(),
            channels: BTreeMap::new(),
        };
        state.links.insert(connection, link);
        gate
    }

    pub(crate) fn disconnected(&self, connection: ConnectionId) {
        self.state().links.remove(&connection);
    }

    /// Takes what waits for a connection, and does to it what is to be done.
    pub(crate) fn drain(
        &self,
        venue: &mut Venue,
        connection: ConnectionId,
        output: &mut Output,
        now: ExchangeTime,
    ) -> Standing {
        let mut state = self.state();
        let State { injector, log, links, .. } = &mut *state;
        let Some(link) = links.get_mut(&connection) else { return venue.hub_mut().drain(connection, output) };
        let passing = Passing { connection: Some(link.number), ..Passing::default() };
        if let Some(strike) = injector.ask(Class::Connection, &passing, now) {
            log.add(Entry { connection: Some(link.number), ..Entry::of(strike, now) });
            strike_connection(strike, link, venue, connection);
        }
        let held = venue.hub().subscriptions(connection);
        link.channels.extend(held.iter().map(|&(channel, sid, _)| (sid, channel)));
        let standing = venue.hub_mut().drain(connection, output);
        let drained = std::mem::take(output);
        let mut ending: Vec<(Strike, u32, Option<MarketId>)> = Vec::new();
        let Link { number, stage, reordered, channels, .. } = link;
        let reordered = std::cell::RefCell::new(reordered);
        let log_cell = std::cell::RefCell::new(&mut *log);
        let treat = |frame: &Frame<'_>| {
            let about = frame.about;
            if about.sid == 0 || is_answer(frame.text) {
                return None;
            }
            let channel = channels.get(&about.sid).copied();
            let market = about.market.map(|market| venue.catalogue().market(market).ticker.as_str());
            let passing = Passing { channel, market, connection: Some(*number), operation: None };
            if let Some(strike) = injector.ask(Class::Subscription, &passing, now) {
                ending.push((strike, about.sid, about.market));
            }
            let strike = injector.ask(Class::Frame, &passing, now)?;
            let entry = Entry { market: market.map(str::to_owned), ..Entry::of(strike, now) };
            let entry = entry.of_frame(*number, channel, about.sid, about.seq);
            let treatment = match strike.kind {
                Kind::Drop => Treatment::Drop,
                Kind::Duplicate => Treatment::Duplicate,
                Kind::Malformed => Treatment::Malform,
                Kind::Delay => Treatment::Delay(later(now, strike.for_ms)),
                _ => {
                    // One waits already: this one goes on, and nothing was done to it.
                    reordered.borrow_mut().entry(about.sid).or_insert(entry);
                    return Some(Treatment::Reorder);
                }
            };
            log_cell.borrow_mut().add(entry);
            Some(treatment)
        };
        stage.pass(&drained, output, now, treat, |about| {
            if let Some(entry) = reordered.borrow_mut().remove(&about.sid) {
                log_cell.borrow_mut().add(entry);
            }
        });
        if standing != Standing::Open {
            link.stage.end(output);
        }
        if injector.has_once(Class::Subscription) {
            for (channel, sid, _) in held {
                let passing = Passing { channel: Some(channel), ..passing };
                if let Some(strike) = injector.ask(Class::Subscription, &passing, now) {
                    ending.push((strike, sid, None));
                }
            }
        }
        for (strike, sid, market) in ending {
            let hub = venue.hub_mut();
            let seq = match strike.kind {
                Kind::Gap => hub.skip_numbers(connection, sid, strike.amount.unsigned_abs()),
                Kind::ChannelError => hub.fail_subscription(connection, sid, now).then_some(0),
                Kind::BufferOverflow => hub.overflow_subscription(connection, sid, now).then_some(0),
                _ => hub.forget_subscription(connection, sid).then_some(0),
            };
            if let Some(seq) = seq {
                let market = market.map(|market| venue.catalogue().market(market).ticker.as_str().to_owned());
                let entry = Entry { market, ..Entry::of(strike, now) };
                log.add(entry.of_frame(link.number, link.channels.get(&sid).copied(), sid, seq));
            }
        }
        let skew = self.skew();
        if skew != 0 {
            *output = stamped(output, now.micros().saturating_add(skew).div_euclid(1_000));
        }
        self.settle(&state);
        standing
    }

    /// What is done to a request for this operation, if anything. `asked` is what a read asks for.
    pub(crate) fn request(&self, operation: &str, asked: Option<&Asked>, now: ExchangeTime) -> Option<RequestFault> {
        let mut state = self.state();
        let State { injector, copies, .. } = &mut *state;
        let passing = Passing { operation: Some(operation), ..Passing::default() };
        let fits = |rule: &Rule| match rule.kind {
            Kind::Stale => asked.is_some_and(|asked| copies.get(asked, rule.lasts_ms().unwrap_or(0), now).is_some()),
            // What is answered to a handshake has no body.
            Kind::MalformedAnswer => operation != super::HANDSHAKE,
            _ => true,
        };
        let strike = injector.ask_where(Class::Request, &passing, now, fits)?;
        let fault = match strike.kind {
            Kind::TooManyRequests => RequestFault::TooManyRequests,
            Kind::InternalError => RequestFault::Status(500),
            Kind::Unavailable => RequestFault::Status(503),
            Kind::GatewayTimeout => RequestFault::Status(504),
            Kind::SlowAnswer => RequestFault::Delay(lasts(strike)),
            Kind::MalformedAnswer => RequestFault::Malform,
            _ => RequestFault::Stale(strike),
        };
        if !matches!(fault, RequestFault::Stale(_)) {
            state.log.add(Entry { operation: Some(operation.to_owned()), ..Entry::of(strike, now) });
        }
        self.settle(&state);
        Some(fault)
    }

    /// The copy that a request is answered with, if there is one that is not too old.
    pub(crate) fn stale(&self, strike: Strike, asked: &Asked, operation: &str, now: ExchangeTime) -> Option<Bytes> {
        let mut state = self.state();
        let (body, age) = state.copies.get(asked, strike.for_ms.unwrap_or(0), now)?;
        let entry = Entry { operation: Some(operation.to_owned()), for_ms: Some(age), ..Entry::of(strike, now) };
        state.log.add(entry);
        Some(body)
    }

    /// How old copies of this operation's answers may get, in milliseconds, if any are to be kept.
    pub(crate) fn keeps(&self, operation: &str) -> Option<u64> {
        let state = self.state();
        let passing = Passing { operation: Some(operation), ..Passing::default() };
        let wanted = state.injector.rules(Class::Request).filter(|rule| rule.kind == Kind::Stale);
        wanted.filter(|rule| rule.target.matches(&passing)).filter_map(Rule::lasts_ms).max()
    }

    /// Keeps a copy.
    pub(crate) fn keep(&self, asked: Asked, body: &Bytes, most_ms: u64, now: ExchangeTime) {
        self.state().copies.keep(asked, body, most_ms, now);
    }

    /// Does what is due: ends what lasted, strikes the exchange, and wakes those whose delayed frames may go.
    pub(crate) fn tick(&self, venue: &mut Venue, now: ExchangeTime) {
        let mut state = self.state();
        let (due, later_ends) = state.ends.drain(..).partition(|(at, _)| *at <= now);
        state.ends = later_ends;
        for (_, end) in due {
            self.finish(end, venue, now);
        }
        while let Some((strike, target)) = state.injector.ask_exchange(now) {
            self.strike_exchange(&mut state, strike, &target, venue, now);
        }
        for link in state.links.values() {
            if link.stage.next().is_some_and(|at| at <= now) {
                link.wake.notify_one();
            }
        }
        self.settle(&state);
    }

    fn strike_exchange(
        &self,
        state: &mut State,
        strike: Strike,
        target: &Target,
        venue: &mut Venue,
        now: ExchangeTime,
    ) {
        let entry = Entry::of(strike, now);
        let until = later(now, strike.for_ms);
        let end = match strike.kind {
            Kind::Halt => {
                for market in halted(venue, target.market.as_deref(), &mut state.choice) {
                    if venue.change_market(market, MarketChange::Pause, now).is_ok() {
                        let ticker = venue.catalogue().market(market).ticker.as_str().to_owned();
                        state.log.add(Entry { market: Some(ticker), ..entry.clone() });
                        state.ends.push((until, End::Halt(market)));
                    }
                }
                return;
            }
            Kind::Maintenance => {
                let trading = venue.status().trading;
                let shards: Vec<u8> =
                    (0..trading.len()).filter(|&shard| trading[shard]).map(|shard| shard as u8).collect();
                for &shard in &shards {
                    venue.set_trading(shard, false, now);
                }
                Some(End::Maintenance(shards))
            }
            Kind::Outage => {
                venue.set_active(false, Some(until), now);
                Some(End::Outage)
            }
            Kind::ClockSkew => {
                self.skew.store(strike.amount.saturating_mul(1_000), Ordering::Relaxed);
                Some(End::Skew)
            }
            _ => {
                let connections: Vec<_> = venue.hub().connections().map(|(connection, _)| connection).collect();
                connections.into_iter().for_each(|connection| venue.hub_mut().close(connection, SERVICE_RESTART));
                None
            }
        };
        state.log.add(entry);
        state.ends.extend(end.map(|end| (until, end)));
    }

    fn finish(&self, end: End, venue: &mut Venue, now: ExchangeTime) {
        match end {
            // One that was closed or resumed meanwhile is no longer halted.
            End::Halt(market) => drop(venue.change_market(market, MarketChange::Resume, now)),
            End::Maintenance(shards) => {
                for shard in shards {
                    venue.set_trading(shard, true, now);
                }
            }
            End::Outage => venue.set_active(true, None, now),
            End::Skew => self.skew.store(0, Ordering::Relaxed),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is still something to ask or to do.
    fn settle(&self, state: &State) {
        let active = !state.injector.is_empty()
            || !state.ends.is_empty()
            || state.links.values().any(|link| !link.stage.is_empty())
            || self.skew() != 0;
        self.active.store(active, Ordering::Relaxed);
        if active {
            self.awake.notify_one();
        }
    }
}

fn strike_connection(strike: Strike, link: &Link, venue: &mut Venue, connection: ConnectionId) {
    match strike.kind {
        Kind::HalfOpen => link.gate.hold(lasts(strike)),
        Kind::SlowRead => link.gate.stop_reading(lasts(strike)),
        Kind::Trickle => link.gate.trickle(lasts(strike), strike.amount.unsigned_abs()),
        Kind::Reset => link.gate.reset(),
        _ => venue.hub_mut().close(connection, SERVICE_RESTART),
    }
}

/// Those that trade and are meant; without a name, one by chance.
fn halted(venue: &Venue, pattern: Option<&str>, choice: &mut ChaCha8Rng) -> Vec<MarketId> {
    let count = venue.markets() as u64;
    let trades = |market: &MarketId| venue.catalogue().market(*market).state == MarketState::Active;
    match pattern {
        Some(pattern) => {
            let markets = (0..count).map(|market| MarketId(market as u32)).filter(trades);
            let meant = markets
                .filter(|market| super::plan::is_like(pattern, venue.catalogue().market(*market).ticker.as_str()));
            meant.take(HALTED).collect()
        }
        None if count == 0 => Vec::new(),
        None => {
            let first = choice.next_u64() % count;
            let around = (0..count).map(|step| MarketId(((first + step) % count) as u32));
            around.filter(trades).take(1).collect()
        }
    }
}

/// Whether a frame answers a command or ends a subscription.
fn is_answer(text: &[u8]) -> bool {
    let kind = text.strip_prefix(br#"{"type":""#).unwrap_or_default();
    [&br#"subscribed""#[..], br#"unsubscribed""#, br#"ok""#, br#"error""#].iter().any(|start| kind.starts_with(start))
}

/// The same frames, sent at another time.
fn stamped(output: &Output, millis: i64) -> Output {
    const KEY: &[u8] = br#","sending_ts_ms":"#;
    let mut changed = Output::new();
    let mut text = Vec::new();
    for frame in output.frames() {
        match frame.text.windows(KEY.len()).rposition(|window| window == KEY) {
            Some(at) => {
                text.clear();
                text.extend_from_slice(&frame.text[..at + KEY.len()]);
                text.extend_from_slice(itoa::Buffer::new().format(millis).as_bytes());
                text.push(b'}');
                changed.push(Frame { text: &text, about: frame.about });
            }
            // It was cut off.
            None => changed.push(frame),
        }
    }
    changed
}

fn lasts(strike: Strike) -> Duration {
    // A year is for ever, and can be added to any time.
    Duration::from_millis(strike.for_ms.unwrap_or(0).min(31_536_000_000))
}

fn later(now: ExchangeTime, for_ms: Option<u64>) -> ExchangeTime {
    let lasts = i64::try_from(for_ms.unwrap_or(0)).unwrap_or(i64::MAX).saturating_mul(1_000);
    ExchangeTime::from_micros(now.micros().saturating_add(lasts))
}
