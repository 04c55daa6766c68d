//! What several tasks share of a replay: its clock, its progress, and what it is to do next.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use daybook_book::ExchangeTime;
use daybook_kalshi::WallClock;
use tokio::sync::Notify;

use super::Speed;

/// Where a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On its way to another instant, where it begins anew.
    Seeking,
    /// Before its first event: it waits for clients.
    Waiting,
    /// Between its events.
    Running,
    /// After its last.
    Over,
}

impl Phase {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Seeking => "seeking",
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Over => "over",
        }
    }
}

/// How far a replay has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Whether time stands still because somebody wanted it so.
    pub paused: bool,
    /// How fast time goes on otherwise.
    pub speed: Speed,
    /// The exchange's time.
    pub now: ExchangeTime,
    /// Events told since it last began.
    pub events: u64,
    /// Of these, deltas that drove a level below zero.
    pub impossible: u64,
    /// How often it began.
    pub beginnings: u64,
}

/// Steers a replay. Its clock is the exchange's: [`WallClock`].
#[derive(Debug)]
pub struct Control {
    state: Mutex<State>,
    /// The replay's time in microseconds; written under `state`'s lock.
    now: AtomicI64,
    /// Told whenever time has gone on.
    went_on: Notify,
    /// How long an order is on its way to the exchange, in microseconds.
    latency: i64,
    /// What it can be taken to: from the first to the last instant.
    bounds: (ExchangeTime, ExchangeTime),
}

/// An instant outside of what is replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replay lasts from {} to {}: {} is outside", text(*from), text(*to), text(*asked))]
pub struct OutOfRange {
    from: i64,
    to: i64,
    asked: i64,
}

/// An instant in microseconds, as people read it.
fn text(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| format!("{micros} µs"), |instant| instant.to_string())
}

#[derive(Debug)]
struct State {
    progress: Progress,
    jump: Option<ExchangeTime>,
}

impl Control {
    /// Of a replay that lasts from `start` to `end`, and does not begin before it is let go on if it is `paused`. Orders
    /// take `latency` of its time to arrive.
    pub fn new((start, end): (ExchangeTime, ExchangeTime), speed: Speed, paused: bool, latency: Duration) -> Control {
        let progress =
            Progress { phase: Phase::Waiting, paused, speed, now: start, events: 0, impossible: 0, beginnings: 0 };
        Control {
            state: Mutex::new(State { progress, jump: None }),
            now: AtomicI64::new(start.micros()),
            went_on: Notify::new(),
            latency: i64::try_from(latency.as_micros()).unwrap_or(i64::MAX),
            bounds: (start, end),
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// Stops time, or lets it go on.
    pub fn pause(&self, paused: bool) {
        self.lock().progress.paused = paused;
    }

    /// Lets time go on at another speed.
    pub fn set_speed(&self, speed: Speed) {
        self.lock().progress.speed = speed;
    }

    /// Lets it begin anew at an instant. Until it does, [its phase](Phase::Seeking) says so.
    ///
    /// # Errors
    /// If the instant is not within the replay.
    pub fn jump(&self, to: ExchangeTime) -> Result<(), OutOfRange> {
        let (from, until) = self.bounds;
        if !(from..=until).contains(&to) {
            return Err(OutOfRange { from: from.micros(), to: until.micros(), asked: to.micros() });
        }
        let mut state = self.lock();
        state.jump = Some(to);
        state.progress.phase = Phase::Seeking;
        Ok(())
    }

    /// Waits until it is not on its way to another instant.
    pub async fn settled(&self) -> Progress {
        loop {
            let went_on = self.went_on.notified();
            let progress = self.progress();
            if progress.phase != Phase::Seeking {
                return progress;
            }
            went_on.await;
        }
    }

    pub(super) fn take_jump(&self) -> Option<ExchangeTime> {
        self.lock().jump.take()
    }

    /// Changes what is known of its progress, its clock included.
    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        {
            let mut state = self.lock();
            change(&mut state.progress);
            self.now.store(state.progress.now.micros(), Ordering::Release);
        }
        self.went_on.notify_waiters();
    }

    /// Whether orders are on their way for a while.
    pub(crate) fn has_latency(&self) -> bool {
        self.latency > 0
    }

    /// Waits as long as an order that is sent now is on its way: while time stands still it does not get on, and after the
    /// end all have arrived. Whether it arrives: not where the replay has begun anew meanwhile.
    pub(crate) async fn arrival(&self) -> bool {
        let sent = self.progress();
        let due = sent.now.micros().saturating_add(self.latency);
        loop {
            let went_on = self.went_on.notified();
            let progress = self.progress();
            if progress.phase == Phase::Seeking || progress.beginnings != sent.beginnings {
                return false;
            }
            if progress.now.micros() >= due || progress.phase == Phase::Over {
                return true;
            }
            went_on.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WallClock for Control {
    fn unix_nanos(&self) -> i64 {
        self.now.load(Ordering::Acquire).saturating_mul(1_000)
    }
}
