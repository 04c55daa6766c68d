//! Never asking the venue more often than it allows.

mod bucket;
mod costs;
mod ledger;
mod limits;
mod queue;
mod window;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

pub use costs::Costs;
pub use limits::{BucketLimit, Limits, Tier, UnknownTier};

use crate::client::{Budget, Call, Shard};
use bucket::{Start, TokenBucket};
use ledger::{Asking, Bucket, Lanes, Ledger, Place, Turn};
use window::Window;

/// The lanes of the ledger. A shard's write lane is as many behind the unscoped one as the shard's index says.
const READ: usize = 0;
const BALANCE: usize = 1;
const WRITE: usize = 2;
/// The only lane of a plain limit.
const FIXED: usize = 0;

/// The shard that requests for quotes are written to, wherever the market is.
const COMMUNICATIONS_SHARD: u8 = 1;

/// From how much use on a bucket is warned about, in percent, and how often at most.
const WARN_PERCENT: u64 = 80;
const WARN_PAUSE: Duration = Duration::from_secs(10);

/// Lets calls through as fast as the venue allows and no faster.
///
/// It reckons with the venue's own token buckets: reads, writes, one more for writes to each shard, and the balance.
/// Calls wait for their tokens in the order in which they came, orders before reads before background work; but no
/// more than ten go before one that is less important. A call that is dropped while waiting gives its place up. One
/// that is not polled when its turn comes is passed over, a few milliseconds later, until it is polled again: neither a
/// future that is kept aside nor a thread that is busy stops the others. A write that the venue routes, and that waits
/// for a busy shard, is in nobody's way on the others. Clones share the buckets: let everything that uses an account
/// share one limiter, in whatever thread or runtime it runs.
///
/// What the venue sees is kept within its limits in spite of the network's jitter, as long as one request is not
/// delayed more than [`latency_spread`](RateLimiterBuilder::latency_spread) against another, and in spite of clocks
/// that differ by up to half a percent. A new limiter cannot know what a process before it took: it spends what may be
/// there, but tries it with one request at first.
#[derive(Clone)]
pub struct RateLimiter {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Instant,
    fixed: bool,
    start: Start,
    latency_spread: u64,
    state: Mutex<State>,
}

struct State {
    ledger: Ledger,
    limits: Limits,
    costs: Costs,
    /// What operations cost, by id: looking it up in the table takes longer than all else.
    known_costs: HashMap<&'static str, u64>,
    next_ticket: u64,
    next_id: u64,
}

/// Names one of the limiter's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketName {
    /// Paid for reads.
    Read,
    /// Paid for the account's balance.
    Balance,
    /// Paid for writes that name no shard, or shard 0.
    Write,
    /// Paid for writes to this shard, from 1 on.
    ShardWrite(u8),
    /// Paid for everything, in the fixed mode.
    Fixed,
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BucketName::Read => f.write_str("read"),
            BucketName::Balance => f.write_str("balance"),
            BucketName::Write => f.write_str("write"),
            BucketName::ShardWrite(shard) => write!(f, "write of shard {shard}"),
            BucketName::Fixed => f.write_str("fixed"),
        }
    }
}

/// How full a bucket is, and how many wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketLevel {
    /// Which bucket.
    pub bucket: BucketName,
    /// The tokens that are there, as far as we know: in the fixed mode, requests.
    pub tokens: u64,
    /// The most that it holds.
    pub capacity: u64,
    /// How much of the capacity our own requests have used up, in percent. A warning is logged from 80 on.
    pub used_percent: u64,
    /// The calls that wait.
    pub waiting: usize,
}

/// A call that costs more than the bucket it is paid from can ever hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it costs {cost} tokens and the {bucket} bucket holds {capacity} at most; make the batch smaller")]
pub struct TooCostly {
    /// The bucket.
    pub bucket: BucketName,
    /// What the call costs, in the venue's tokens.
    pub cost: u64,
    /// What the bucket holds when full.
    pub capacity: u64,
}

/// A bucket that the venue has asked to leave alone (`Retry-After`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the venue asked to be left alone, for another {left:.0?} as far as the {bucket} bucket is concerned")]
pub struct Silenced {
    /// The bucket.
    pub bucket: BucketName,
    /// For how long from now.
    pub left: Duration,
}

/// Why a call is not let through, ever or in time.
pub(crate) enum NotAdmitted {
    TooCostly(TooCostly),
    Silenced(Silenced),
}

impl Default for RateLimiter {
    /// The venue's lowest tier.
    fn default() -> RateLimiter {
        RateLimiter::builder().build()
    }
}

impl RateLimiter {
    /// Begins to set up a limiter by the venue's model; for the lowest tier if nothing else is said.
    pub fn builder() -> RateLimiterBuilder {
        RateLimiterBuilder::default()
    }

    /// The budgets of a tier, as published. An account's own are learned by
    /// [`Client::learn_limits`](crate::Client::learn_limits).
    pub fn for_tier(tier: Tier) -> RateLimiter {
        RateLimiter::builder().limits(tier.limits()).build()
    }

    /// A plain limit in place of the venue's model: at most `requests` in any `period`, whatever they are. They may
    /// all come at once. Limits and costs that are set later do not change it.
    pub fn fixed(requests: u32, period: Duration) -> RateLimiter {
        let builder = RateLimiterBuilder::default();
        let mut ledger = Ledger::default();
        let spread = nanos(builder.latency_spread);
        ledger.push(Bucket::Window(Window::new(requests, nanos(period), spread)));
        builder.with_ledger(ledger, true)
    }

    /// Waits until `call` may be sent, and takes its tokens.
    ///
    /// May be dropped at any time: what has not been returned has not been paid for.
    ///
    /// # Errors
    /// At once, if the call costs more than its bucket can ever hold.
    pub async fn admit(&self, call: &Call) -> Result<Permit, TooCostly> {
        let ticket = self.ticket();
        match self.admit_at(call, ticket, Duration::MAX).await {
            Ok(permit) => Ok(permit),
            Err(NotAdmitted::TooCostly(too_costly)) => Err(too_costly),
            Err(NotAdmitted::Silenced(_)) => unreachable!("no silence lasts longer than the longest time there is"),
        }
    }

    /// A place in the order of arrival, to be kept over several attempts of one call.
    pub(crate) fn ticket(&self) -> u64 {
        let mut state = self.lock();
        state.next_ticket += 1;
        state.next_ticket
    }

    /// The same at this place in the order of arrival. Who has less `patience` than a silence lasts that the venue
    /// asked for is told, now or when it begins, rather than left to wait.
    pub(crate) async fn admit_at(&self, call: &Call, ticket: u64, patience: Duration) -> Result<Permit, NotAdmitted> {
        let begun = Instant::now();
        let place = Place { priority: call.priority, ticket };
        let (lanes, cost) = self.lock().charge(call, self);
        let asking = Asking { place, lanes, cost };
        let mut waiting: Option<Waiting<'_>> = None;
        loop {
            let (turn, id) = {
                let mut state = self.lock();
                let (now, id) = (self.now(), state.next_id);
                state.next_id += 1;
                let (lane, silence) = state.ledger.longest_silence(lanes, now);
                if silence > nanos(patience) {
                    let (bucket, left) = (self.name(lane), Duration::from_nanos(silence));
                    return Err(NotAdmitted::Silenced(Silenced { bucket, left }));
                }
                let turn = state.ledger.ask(asking, waiting.as_ref().map(|own| &own.notify), id, now);
                if let Turn::At(at) = turn {
                    let own = waiting.get_or_insert_with(|| {
                        state.ledger.enter(lanes);
                        Waiting { limiter: self, place, lanes, notify: Arc::new(Notify::new()) }
                    });
                    state.ledger.wait(asking, at, &own.notify);
                }
                (turn, id)
            };
            let until = match turn {
                Turn::Now => {
                    drop(waiting);
                    self.warn_if_used_up(lanes);
                    return Ok(Permit { limiter: self.clone(), lanes, id, waited: begun.elapsed() });
                }
                Turn::Never(lane) => return Err(NotAdmitted::TooCostly(self.too_costly(lane, cost))),
                Turn::At(at) => self.shared.origin + Duration::from_nanos(at),
            };
            let Some(own) = &waiting else { continue };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = own.notify.notified() => {}
            }
        }
    }

    /// Sets the account's budgets, for instance after its tier has changed. Tokens that are there stay.
    pub fn set_limits(&self, limits: Limits) {
        if self.shared.fixed {
            return;
        }
        let mut state = self.lock();
        let now = self.now();
        state.limits = limits;
        for lane in 0..state.ledger.len() {
            let limit = limit_of(&limits, lane);
            state.ledger.change(lane, limit, now);
        }
    }

    /// Sets what operations cost. Calls that wait already have been told their cost.
    pub fn set_costs(&self, costs: Costs) {
        let mut state = self.lock();
        state.costs = costs;
        state.known_costs.clear();
    }

    /// The budgets that are reckoned with; none in the fixed mode.
    pub fn limits(&self) -> Option<Limits> {
        (!self.shared.fixed).then(|| self.lock().limits)
    }

    /// How full all buckets are.
    pub fn levels(&self) -> Vec<BucketLevel> {
        let last = self.lock().ledger.len() - 1;
        self.levels_of(Lanes { first: 0, last })
    }

    fn levels_of(&self, lanes: Lanes) -> Vec<BucketLevel> {
        let state = self.lock();
        let now = self.now();
        lanes.indexes().map(|lane| self.level(&state, lane, now)).collect()
    }

    fn level(&self, state: &State, lane: usize, now: u64) -> BucketLevel {
        let level = state.ledger.level(lane, now);
        let (tokens, capacity) = (level.tokens, level.capacity);
        let (used_percent, waiting) = (level.used_percent, level.waiting);
        BucketLevel { bucket: self.name(lane), tokens, capacity, used_percent, waiting }
    }

    fn name(&self, lane: usize) -> BucketName {
        match lane {
            FIXED if self.shared.fixed => BucketName::Fixed,
            READ => BucketName::Read,
            BALANCE => BucketName::Balance,
            WRITE => BucketName::Write,
            _ => BucketName::ShardWrite(u8::try_from(lane - WRITE).unwrap_or(u8::MAX)),
        }
    }

    fn too_costly(&self, lane: usize, cost: u64) -> TooCostly {
        let capacity = self.lock().ledger.level(lane, self.now()).capacity;
        TooCostly { bucket: self.name(lane), cost, capacity }
    }

    fn warn_if_used_up(&self, lanes: Lanes) {
        for lane in lanes.indexes() {
            let level = {
                let mut state = self.lock();
                let now = self.now();
                let level = self.level(&state, lane, now);
                // A bucket for a single call is always used up by it.
                let busy = level.used_percent >= WARN_PERCENT && level.capacity > 1;
                if !busy || !state.ledger.should_warn(lane, nanos(WARN_PAUSE), now) {
                    continue;
                }
                level
            };
            tracing::warn!(
                bucket = %level.bucket,
                used_percent = level.used_percent,
                waiting = level.waiting,
                "the venue's rate limit is nearly used up; calls wait from now on"
            );
        }
    }

    fn now(&self) -> u64 {
        nanos(self.shared.origin.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under the lock panics half-way through a change.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_bucket(&self, limit: BucketLimit) -> Bucket {
        let shared = &self.shared;
        Bucket::Tokens(TokenBucket::new(limit, shared.latency_spread, shared.start, self.now()))
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.levels()).finish()
    }
}

impl State {
    /// Where a call is paid for, and what it costs there.
    fn charge(&mut self, call: &Call, limiter: &RateLimiter) -> (Lanes, u64) {
        if limiter.shared.fixed {
            return (Lanes::one(FIXED), 1);
        }
        let operation = call.operation;
        let lanes = match operation.budget {
            Budget::Read => Lanes::one(READ),
            Budget::Balance => return (Lanes::one(BALANCE), 1),
            Budget::Write => self.write_lanes(call, limiter),
        };
        let costs = &self.costs;
        let cost = *self.known_costs.entry(operation.id).or_insert_with(|| costs.of(operation));
        (lanes, cost.saturating_mul(u64::from(call.items.unwrap_or(1))))
    }

    fn write_lanes(&mut self, call: &Call, limiter: &RateLimiter) -> Lanes {
        if call.items.is_some() {
            return Lanes::one(WRITE);
        }
        let asks_for_quotes = ["/communications/rfq", "/communications/quote"];
        let shard = match call.shard {
            _ if asks_for_quotes.iter().any(|start| call.operation.path.starts_with(start)) => COMMUNICATIONS_SHARD,
            Shard::Unscoped => 0,
            Shard::Named(shard) => shard,
            Shard::AutoRouted => return Lanes { first: WRITE, last: self.ledger.len() - 1 },
        };
        let lane = WRITE + usize::from(shard);
        while self.ledger.len() <= lane {
            self.ledger.push(limiter.new_bucket(self.limits.write));
        }
        Lanes::one(lane)
    }
}

/// Sets up a [`RateLimiter`].
#[derive(Clone, Debug)]
pub struct RateLimiterBuilder {
    limits: Limits,
    costs: Costs,
    shards: u8,
    latency_spread: Duration,
    start: Start,
}

impl Default for RateLimiterBuilder {
    fn default() -> RateLimiterBuilder {
        RateLimiterBuilder {
            limits: Tier::Basic.limits(),
            costs: Costs::default(),
            shards: 4,
            latency_spread: Duration::from_millis(250),
            start: Start::Unknown,
        }
    }
}

impl RateLimiterBuilder {
    /// The account's budgets.
    pub fn limits(mut self, limits: Limits) -> RateLimiterBuilder {
        self.limits = limits;
        self
    }

    /// What operations cost; as published if nothing is said.
    pub fn costs(mut self, costs: Costs) -> RateLimiterBuilder {
        self.costs = costs;
        self
    }

    /// How many shards the exchange has, which a write that the venue routes is charged to: 4 if nothing is said.
    /// A write that names a higher one makes it known.
    pub fn shards(mut self, shards: u8) -> RateLimiterBuilder {
        self.shards = shards.max(1);
        self
    }

    /// How much longer one request may take to arrive than another: 250 ms if nothing is said. As long as a request
    /// is unanswered it may arrive this late, so this much of a bucket is held back; answers give it free.
    pub fn latency_spread(mut self, spread: Duration) -> RateLimiterBuilder {
        self.latency_spread = spread;
        self
    }

    /// Begins with full buckets: for an account that surely nobody used in the last seconds.
    ///
    /// By default it is not taken for sure that the buckets are full. What another process may have taken from them is
    /// tried with one request at first, and with more as the venue lets them pass. So after a restart a first request
    /// per bucket may be refused; then everybody waits.
    pub fn full_at_start(mut self) -> RateLimiterBuilder {
        self.start = Start::Full;
        self
    }

    /// Begins with empty buckets, so that even after a restart no request is ever refused. The first call waits for its
    /// own tokens: in the lowest tier a tenth of a second, for the balance a whole one.
    pub fn empty_at_start(mut self) -> RateLimiterBuilder {
        self.start = Start::Empty;
        self
    }

    /// The limiter.
    pub fn build(self) -> RateLimiter {
        let mut ledger = Ledger::default();
        for lane in 0..WRITE + usize::from(self.shards) {
            let limit = limit_of(&self.limits, lane);
            ledger.push(Bucket::Tokens(TokenBucket::new(limit, nanos(self.latency_spread), self.start, 0)));
        }
        self.with_ledger(ledger, false)
    }

    fn with_ledger(self, ledger: Ledger, fixed: bool) -> RateLimiter {
        let state = State {
            ledger,
            limits: self.limits,
            costs: self.costs,
            known_costs: HashMap::new(),
            next_ticket: 0,
            next_id: 0,
        };
        let shared = Shared {
            origin: Instant::now(),
            fixed,
            start: self.start,
            latency_spread: nanos(self.latency_spread),
            state: Mutex::new(state),
        };
        RateLimiter { shared: Arc::new(shared) }
    }
}

/// The right to send one request, whose tokens are taken. Dropping it gives nothing back: the request may be on its
/// way.
#[derive(Debug)]
pub struct Permit {
    limiter: RateLimiter,
    lanes: Lanes,
    id: u64,
    waited: Duration,
}

impl Permit {
    /// How long the request waited for it.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The request has been answered in a way that shows that its tokens were there.
    pub fn answered(&self) {
        self.arrived_and(true);
    }

    /// The request has been answered, but perhaps by something that stands before the venue's rate limits: by the
    /// check of its signature, by a gateway.
    pub fn arrived(&self) {
        self.arrived_and(false);
    }

    fn arrived_and(&self, paid: bool) {
        let mut state = self.limiter.lock();
        let now = self.limiter.now();
        state.ledger.answered(self.lanes, self.id, paid, now);
    }

    /// The venue refused the request as one too many: its buckets are taken for empty, and everybody waits; for
    /// `silence` at least, if the venue named a time, which is logged as a warning.
    pub fn refused(&self, silence: Duration) {
        {
            let mut state = self.limiter.lock();
            let now = self.limiter.now();
            state.ledger.exhausted(self.lanes, nanos(silence), now);
        }
        if !silence.is_zero() {
            for lane in self.lanes.indexes() {
                tracing::warn!(
                    bucket = %self.limiter.name(lane),
                    retry_after_ms = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX),
                    "the venue asked to be left alone; calls that have the time wait, the others fail"
                );
            }
        }
    }

    /// How full the buckets are that it was paid from.
    pub fn levels(&self) -> Vec<BucketLevel> {
        self.limiter.levels_of(self.lanes)
    }
}

/// A call in its queues. Dropping it leaves them.
struct Waiting<'a> {
    limiter: &'a RateLimiter,
    place: Place,
    lanes: Lanes,
    notify: Arc<Notify>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.lock();
        let now = self.limiter.now();
        state.ledger.leave(self.place, self.lanes, now);
    }
}

fn limit_of(limits: &Limits, lane: usize) -> BucketLimit {
    match lane {
        READ => limits.read,
        BALANCE => limits.balance,
        _ => limits.write,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
