//! The recorder's view: connections with their subscriptions and `seq`, frames heard in order, lines written.

use std::{fmt, mem};

use crate::calendar::{MICROSECOND, MILLISECOND, SECOND, rfc3339};
use crate::dice::{Dice, Stream};
use crate::error::Result;
use crate::frame_text::{FrameText, Sequence, Stamp};
use crate::maker::Change;
use crate::network::Network;
use crate::order::{Level, Side};
use crate::output::Lines;
use crate::plan::{Faults, Plan};
use crate::truth::Truth;
use crate::world::World;

/// Subscription of the order book channel.
const BOOK: u32 = 1;
/// Subscription of the trade channel.
const TRADE: u32 = 2;
/// Time that the venue takes to hand a frame to the network.
const SENDING: i64 = 1_200 * MICROSECOND;

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// All frames, acknowledgements included.
    pub(crate) frames: u64,
    /// Snapshots among them.
    pub(crate) snapshots: u64,
    /// Deltas among them.
    pub(crate) deltas: u64,
    /// Trades among them.
    pub(crate) trades: u64,
    /// Bytes before compression.
    pub(crate) bytes: u64,
    /// When the first frame was heard, ns.
    pub(crate) first: i64,
    /// When the last frame was heard, ns.
    pub(crate) last: i64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { frames, snapshots, deltas, trades, bytes, first, last } = *self;
        write!(
            f,
            "{frames} frames ({snapshots} snapshots, {deltas} deltas, {trades} trades), {bytes} bytes before \
             compression, heard {} to {}",
            rfc3339(first),
            rfc3339(last)
        )
    }
}

struct Connection {
    network: Network,
    /// The last `seq` of each subscription.
    seq: [u64; 2],
}

/// A recording in progress.
pub(crate) struct Recording<'a> {
    plan: &'a Plan,
    lines: &'a mut dyn Lines,
    truth: Option<Truth<'a>>,
    text: FrameText,
    connections: Vec<Connection>,
    dice: Dice,
    disconnected: bool,
    line: Vec<u8>,
    levels: [Vec<Level>; 2],
    summary: Summary,
}

impl<'a> Recording<'a> {
    /// A recording that has heard nothing yet.
    pub(crate) fn new(plan: &'a Plan, lines: &'a mut dyn Lines, truth: Option<Truth<'a>>) -> Recording<'a> {
        let mut dice = Dice::new(plan.seed, Stream::Venue, 0);
        let connections = (0..plan.connections).map(|number| Connection {
            network: Network::new(plan.seed, number, plan.start),
            // A capture cut out of a connection begins in the middle of its numbers.
            seq: if plan.faults == Faults::Gold15m {
                [dice.within(400_000, 9_000_000).unsigned_abs(), dice.within(40_000, 900_000).unsigned_abs()]
            } else {
                [0; 2]
            },
        });
        let connections = connections.collect();
        Recording {
            plan,
            lines,
            truth,
            text: FrameText::new(plan.clock),
            connections,
            dice,
            disconnected: false,
            line: Vec::new(),
            levels: [Vec::new(), Vec::new()],
            summary: Summary::default(),
        }
    }

    /// Deltas recorded so far.
    pub(crate) fn deltas(&self) -> u64 {
        self.summary.deltas
    }

    /// Subscribes on every connection and hears the first snapshot of every market; returns when that is over.
    pub(crate) fn subscribe(&mut self, world: &World) -> Result<i64> {
        let mut now = self.plan.start + 50 * MILLISECOND;
        // Captures of single markets hold nothing that names no market.
        if self.plan.faults == Faults::None {
            for connection in 0..self.connections.len() {
                self.acknowledge(connection, now, 1, "orderbook_delta", BOOK)?;
                if self.plan.trades {
                    self.acknowledge(connection, now, 2, "trade", TRADE)?;
                }
            }
        }
        let pause = (self.plan.duration / 4 / world.markets.len() as i64).min(30 * MICROSECOND);
        for market in 0..world.markets.len() {
            now += pause;
            self.snapshot(world, market, now)?;
        }
        if let Some(truth) = &mut self.truth {
            let heard = self.connections.iter().map(|connection| connection.network.last()).max();
            truth.ask(heard.unwrap_or(now), self.plan.end() + SECOND);
        }
        Ok(now + MILLISECOND)
    }

    /// Loses the connection: what the venue sends is not heard.
    pub(crate) fn disconnect(&mut self) {
        self.disconnected = true;
    }

    /// Connects anew: numbers restart, and every market that has not closed sends a snapshot.
    pub(crate) fn reconnect(&mut self, world: &World, now: i64) -> Result<()> {
        self.disconnected = false;
        for connection in &mut self.connections {
            connection.seq = [self.dice.within(0, 30).unsigned_abs(), self.dice.within(0, 5).unsigned_abs()];
        }
        for market in (0..world.markets.len()).filter(|&market| world.markets[market].close > now) {
            self.snapshot(world, market, now)?;
        }
        Ok(())
    }

    /// Hears the market's whole book.
    pub(crate) fn snapshot(&mut self, world: &World, market: usize, now: i64) -> Result<()> {
        let of = &world.markets[market];
        let at = self.next(of.connection, BOOK);
        if self.disconnected {
            return Ok(());
        }
        let [mut yes, mut no] = mem::take(&mut self.levels);
        of.orders.levels(Side::Yes, &mut yes);
        of.orders.levels(Side::No, &mut no);
        let stamp = stamp(now / MICROSECOND, of.clock, now);
        let heard = self.write(of.connection, self.lane(of.connection, market), now, |text, line| {
            text.snapshot(line, at, &of.identity, stamp, [&yes, &no]);
        })?;
        if let Some(truth) = &mut self.truth {
            truth.snapshot(market, heard, [&yes, &no])?;
        }
        self.levels = [yes, no];
        self.summary.snapshots += 1;
        Ok(())
    }

    /// Hears all frames of one action, which happened at `now` and is stamped `ts` (µs).
    pub(crate) fn action(&mut self, world: &World, market: usize, now: i64, ts: i64, changes: &[Change]) -> Result<()> {
        // The two channels are not ordered against each other; as a rule the book comes first.
        let trades_first = self.dice.chance(1_200);
        let book = |change: &&Change| matches!(change, Change::Book { .. });
        for pass in [!trades_first, trades_first] {
            for change in changes.iter().filter(|change| book(change) == pass) {
                self.change(world, market, now, ts, *change)?;
            }
        }
        Ok(())
    }

    fn change(&mut self, world: &World, market: usize, now: i64, ts: i64, change: Change) -> Result<()> {
        let of = &world.markets[market];
        let (connection, lane) = (of.connection, self.lane(of.connection, market));
        let stamp = stamp(ts, of.clock, now);
        match change {
            Change::Book { side, price, quantity } => {
                let at = self.next(connection, BOOK);
                if self.disconnected {
                    return Ok(());
                }
                self.write(connection, lane, now, |text, line| {
                    text.delta(line, at, &of.identity, stamp, (side, price, quantity));
                })?;
                if let Some(truth) = &mut self.truth {
                    truth.delta(market, stamp.ns(), side, price, quantity)?;
                }
                self.summary.deltas += 1;
            }
            Change::Trade { .. } if !self.plan.trades => {}
            Change::Trade { .. } => {
                let at = self.next(connection, TRADE);
                if self.disconnected {
                    return Ok(());
                }
                let mut trade_id = Vec::with_capacity(36);
                self.dice.write_uuid(&mut trade_id);
                self.write(connection, lane, now, |text, line| {
                    text.trade(line, at, &of.ticker, &trade_id, stamp, change);
                })?;
                self.summary.trades += 1;
            }
        }
        Ok(())
    }

    /// Ends the recording.
    pub(crate) fn finish(self) -> Result<Summary> {
        if let Some(truth) = self.truth {
            truth.finish()?;
        }
        Ok(self.summary)
    }

    fn acknowledge(&mut self, connection: usize, now: i64, id: u32, channel: &str, sid: u32) -> Result<()> {
        let sending_ms = (now + SENDING) / MILLISECOND;
        self.write(connection, connection, now, |text, line| text.subscribed(line, id, channel, sid, sending_ms))?;
        Ok(())
    }

    /// The file that a market's frames go to.
    fn lane(&self, connection: usize, market: usize) -> usize {
        if self.plan.faults == Faults::Gold15m { market } else { connection }
    }

    /// The next number of a subscription; a capture cut out of a connection lacks those of markets not captured.
    fn next(&mut self, connection: usize, sid: u32) -> Sequence {
        let elsewhere = if self.plan.faults == Faults::Gold15m { self.dice.below(12) } else { 0 };
        let seq = &mut self.connections[connection].seq[sid as usize - 1];
        *seq += 1 + u64::from(elsewhere);
        Sequence { sid, seq: *seq }
    }

    /// Writes one line; returns the receive time that a reader of it sees.
    fn write(
        &mut self,
        connection: usize,
        lane: usize,
        sent: i64,
        frame: impl FnOnce(&mut FrameText, &mut Vec<u8>),
    ) -> Result<i64> {
        let heard = self.connections[connection].network.receive(sent);
        self.line.clear();
        self.plan.wrapper.open(&mut self.line, heard);
        frame(&mut self.text, &mut self.line);
        self.plan.wrapper.close(&mut self.line);
        self.lines.line(lane, &self.line)?;
        let summary = &mut self.summary;
        summary.first = if summary.frames == 0 { heard } else { summary.first.min(heard) };
        summary.last = summary.last.max(heard);
        summary.frames += 1;
        summary.bytes += self.line.len() as u64;
        Ok(self.plan.wrapper.kept(heard))
    }
}

fn stamp(ts: i64, clock: u64, now: i64) -> Stamp {
    Stamp { ts, clock, sending_ms: (now + SENDING) / MILLISECOND }
}
