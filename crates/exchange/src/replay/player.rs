//! Turns of a replay: what is due happens, and then others have the exchange for a moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use daybook_book::{Event, ExchangeTime, Lifecycle, Price};
use daybook_kalshi::WallClock;
use parking_lot::MutexGuard;
use serde::Deserialize;

use super::{
    Control, Phase, Program, ProgramError, Speed,
    pace::Pace,
    program::{Happening, Happenings},
};
use crate::{
    engine::MarketId,
    rest::Exchange,
    venue::{MarketChange, Venue, value_of_result},
};

/// Bytes that a client may have waiting before time stands still for all.
pub const BACKLOG: usize = 1 << 20;
/// Happenings between two moments at which others can have the exchange.
const TURN: usize = 256;
/// The longest sleep, so that what is asked of the replay is soon noticed.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);
/// How long nobody may have subscribed to more before time begins, in nanoseconds.
const QUIET: i64 = 500_000_000;
/// How long a turn waits for clients that are behind.
const FOR_CLIENTS: Duration = Duration::from_micros(500);

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is more to do at once.
    More,
    /// There is nothing to do for so long, unless somebody wants something.
    Idle(Duration),
}

/// Plays a program on an exchange.
pub struct Player {
    program: Program,
    happenings: Happenings,
    control: Arc<Control>,
    pace: Option<Pace>,
    speed: Speed,
    /// How many clients must have subscribed before time begins.
    clients: usize,
    /// What they are subscribed to, and since when by the wall clock, in nanoseconds.
    interest: ((usize, usize), i64),
    due: Vec<(i64, Happening)>,
}

impl Player {
    /// A player and the exchange's state as it stands at the beginning. Time begins when so many clients have subscribed,
    /// and no more came for half a second: who subscribes to one channel after the other misses nothing.
    ///
    /// # Errors
    /// If the archive cannot be read, or a market of it cannot be listed.
    pub fn new(program: Program, control: Arc<Control>, clients: usize) -> Result<(Player, Venue), ProgramError> {
        let (venue, happenings) = program.stage(program.start())?;
        let speed = control.progress().speed;
        control.update(|progress| progress.beginnings = 1);
        let interest = ((0, 0), 0);
        Ok((Player { program, happenings, control, pace: None, speed, clients, interest, due: Vec::new() }, venue))
    }

    /// Does what is due at this moment of the wall clock, in nanoseconds.
    ///
    /// # Errors
    /// If the archive cannot be read on.
    pub fn turn(&mut self, exchange: &Exchange, wall: i64) -> Result<Turn, ProgramError> {
        if let Some(to) = self.control.take_jump() {
            self.begin_at(exchange, to)?;
            return Ok(Turn::More);
        }
        let progress = self.control.progress();
        if progress.phase == Phase::Waiting && !progress.paused {
            if !self.are_ready(exchange.venue().hub().interest(), wall) {
                return Ok(Turn::Idle(LONGEST_SLEEP));
            }
            self.control.update(|progress| {
                if progress.phase == Phase::Waiting {
                    progress.phase = Phase::Running;
                }
            });
        }
        if progress.paused || progress.phase == Phase::Over {
            self.pace = None;
            return Ok(Turn::Idle(LONGEST_SLEEP));
        }
        if exchange.venue().hub().backlog() > BACKLOG {
            // Time that the clients need is not made up for.
            self.pace = None;
            return Ok(Turn::Idle(FOR_CLIENTS));
        }
        if self.speed != progress.speed {
            (self.speed, self.pace) = (progress.speed, None);
        }
        let pace = *self.pace.get_or_insert(Pace::new(wall, progress.now.micros()));
        let target = pace.time(wall, self.speed).min(self.program.end().micros());
        // Read before the exchange is taken: a disk may be slow.
        while self.due.len() < TURN
            && let Some(at) = self.happenings.next_at()?
            && at.div_euclid(1_000) <= target
        {
            self.due.extend(self.happenings.next()?);
        }
        let is_all = self.due.len() < TURN;
        let next = if is_all { self.happenings.next_at()? } else { None };
        let is_over = is_all && next.is_none() && (self.speed == Speed::Max || target >= self.program.end().micros());
        let reached = match (self.speed, self.due.last()) {
            _ if is_over => self.program.end().micros(),
            // Time goes on from one happening to the next.
            (Speed::Max, Some((at, _))) => at.div_euclid(1_000),
            (Speed::Max, None) => progress.now.micros(),
            (_, Some((at, _))) if !is_all => at.div_euclid(1_000),
            _ => target,
        };
        let reached = ExchangeTime::from_micros(reached).max(progress.now);
        let (events, impossible) = self.act(exchange, reached);
        self.control.update(|progress| {
            progress.now = reached;
            progress.events += events;
            progress.impossible += impossible;
            if is_over && progress.phase == Phase::Running {
                progress.phase = Phase::Over;
            }
        });
        if is_over || !is_all || self.speed == Speed::Max {
            return Ok(Turn::More);
        }
        let next = next.map_or(i64::MAX, |next| next.div_euclid(1_000));
        let wait = Duration::from_nanos(pace.until(next, wall, self.speed));
        // A sleep costs more than what is due within a millisecond: it is done together.
        Ok(Turn::Idle(wait.clamp(Duration::from_millis(1), LONGEST_SLEEP)))
    }

    /// Whether the clients are there that the replay waits for, and have subscribed to all that they want.
    fn are_ready(&mut self, interest: (usize, usize), wall: i64) -> bool {
        if self.interest.0 != interest {
            self.interest = (interest, wall);
        }
        let quiet = wall.saturating_sub(self.interest.1);
        self.clients == 0 || interest.0 >= self.clients && quiet >= QUIET
    }

    /// Lets all that is due happen; how many events that were, and how many of them impossible.
    fn act(&mut self, exchange: &Exchange, reached: ExchangeTime) -> (u64, u64) {
        let (mut events, mut impossible) = (0, 0);
        let mut venue = exchange.venue();
        for (at, happening) in self.due.drain(..) {
            let now = ExchangeTime::from_micros(at.div_euclid(1_000));
            match happening {
                Happening::Recorded(market, entry) => {
                    events += 1;
                    let is_possible = venue.replay(market, &entry.event, entry.extra.as_deref(), now);
                    if let Event::Lifecycle(lifecycle) = &entry.event {
                        live(&mut venue, market, lifecycle, now);
                    } else if !is_possible {
                        impossible += 1;
                    }
                }
                Happening::Lost(market) => venue.lose_book(market, now),
                Happening::Found(market, entry) => {
                    if !venue.is_book_known(market) {
                        venue.replay(market, &entry.event, None, now);
                    }
                }
                Happening::Revealed(market, revealed) => venue.reveal(market, &revealed, now),
                Happening::Determined(market, value) => {
                    // Refused where its life is recorded, and said so before.
                    let _ = venue.change_market(market, MarketChange::Determine(value), now);
                }
            }
        }
        venue.advance(reached);
        // A mutex that is merely unlocked would be this thread's again before anyone who waits has woken up.
        MutexGuard::unlock_fair(venue);
        (events, impossible)
    }

    /// Begins anew at another instant.
    fn begin_at(&mut self, exchange: &Exchange, to: ExchangeTime) -> Result<(), ProgramError> {
        let (mut venue, happenings) = self.program.stage(to)?;
        let now = venue.now();
        (self.happenings, self.pace) = (happenings, None);
        self.due.clear();
        let before = {
            let mut shared = exchange.venue();
            venue.succeed(&mut shared);
            std::mem::replace(&mut *shared, venue)
        };
        // Not under the lock: it may be large.
        drop(before);
        self.control.update(|progress| {
            progress.phase = Phase::Waiting;
            progress.now = now;
            (progress.events, progress.impossible) = (0, 0);
            progress.beginnings += 1;
        });
        Ok(())
    }
}

/// Plays until it is told to stop; on a thread of its own.
///
/// # Errors
/// If the archive cannot be read on. What was told stays told, and the exchange stands still.
pub fn drive(
    exchange: &Exchange,
    mut player: Player,
    wall: &dyn WallClock,
    stop: &AtomicBool,
) -> Result<(), ProgramError> {
    let mut outcome = Ok(());
    while outcome.is_ok() && !stop.load(Ordering::Relaxed) {
        match player.turn(exchange, wall.unix_nanos()) {
            Ok(Turn::More) => {}
            Ok(Turn::Idle(wait)) => std::thread::sleep(wait),
            Err(error) => outcome = Err(error),
        }
    }
    // Whoever waits for time to go on would wait for ever, and the server for them.
    player.control.update(|progress| progress.phase = Phase::Over);
    outcome
}

/// What the payload of a lifecycle event says that changes a market here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    close_ts: Option<i64>,
    result: Option<String>,
    settlement_value: Option<String>,
}

/// A market's life goes on as it was recorded.
fn live(venue: &mut Venue, market: MarketId, lifecycle: &Lifecycle<'_>, now: ExchangeTime) {
    if lifecycle.ticker.is_none() {
        return;
    }
    let payload: Payload = serde_json::from_str(&lifecycle.payload).unwrap_or_default();
    let change = match &*lifecycle.event_type {
        "deactivated" => MarketChange::Pause,
        "activated" => MarketChange::Resume,
        "close_date_updated" => match payload.close_ts {
            Some(close) => MarketChange::CloseAt(ExchangeTime::from_micros(close.saturating_mul(1_000_000))),
            None => return,
        },
        "determined" => {
            let value = payload.settlement_value.and_then(|value| value.parse::<Price>().ok());
            match value.or_else(|| value_of_result(payload.result.as_deref()?)) {
                Some(value) => MarketChange::Determine(value),
                None => return,
            }
        }
        _ => return,
    };
    // Refused where it is so already: a market opens by its own times as well.
    let _ = venue.change_market(market, change, now);
}
