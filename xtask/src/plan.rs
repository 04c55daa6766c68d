//! What to generate: the arguments of a capture, checked against each other.

use std::ops::Range;

use crate::calendar::{MICROSECOND, SECOND};
use crate::error::{Error, Result};
use crate::frame_text::Wrapper;

/// Most files that are written side by side.
const MOST_FILES: usize = 512;

/// What is wrong with a capture, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Faults {
    /// Nothing: connections recorded whole.
    None,
    /// Captures of single markets cut out of a shared connection: holes in `seq`, a reconnect with loss, a level
    /// driven negative, closing snapshots sent twice.
    Gold15m,
}

/// The arguments of a capture. The same plan gives the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Seed of all randomness.
    pub(crate) seed: u64,
    /// How many markets are subscribed.
    pub(crate) markets: usize,
    /// How many deltas are recorded.
    pub(crate) deltas: u64,
    /// When the recording begins, ns.
    pub(crate) start: i64,
    /// How long it lasts, ns.
    pub(crate) duration: i64,
    /// How frames are wrapped.
    pub(crate) wrapper: Wrapper,
    /// Over how many connections the markets are spread.
    pub(crate) connections: usize,
    /// What is wrong.
    pub(crate) faults: Faults,
    /// Whether the trade channel is recorded, too.
    pub(crate) trades: bool,
    /// Whether frames carry the fields that the venue added in October 2026.
    pub(crate) clock: bool,
    /// How many questions the truth answers; 0 for none.
    pub(crate) truth_points: usize,
}

impl Plan {
    /// When the recording ends, ns. Closing snapshots may follow within a second.
    pub(crate) fn end(&self) -> i64 {
        self.start + self.duration
    }

    /// Refuses arguments that cannot be met together.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |reason: String| Err(Error::Usage(reason));
        let per_market = self.faults == Faults::Gold15m;
        if self.markets == 0 || self.connections == 0 || self.duration < SECOND {
            return refuse("a capture needs at least one market, one connection and one second".into());
        }
        if self.deltas > self.duration.unsigned_abs() / MICROSECOND.unsigned_abs() {
            return refuse(format!(
                "{} deltas in {} s are more than one per microsecond: raise --duration",
                self.deltas,
                self.duration / SECOND
            ));
        }
        if self.connections > self.markets || self.connections > MOST_FILES {
            return refuse(format!(
                "--connections {} is too many: at most one per market, and at most {MOST_FILES}",
                self.connections
            ));
        }
        if self.truth_points > 0 && self.wrapper == Wrapper::Bare {
            return refuse(
                "--truth needs receive times, which --wrapper bare leaves out: use recv_ms or recv_ns".into(),
            );
        }
        if per_market && self.truth_points > 0 {
            return refuse("--truth is defined for whole captures: use --faults none".into());
        }
        if per_market && (self.connections > 1 || self.markets > MOST_FILES) {
            return refuse(format!(
                "--faults gold15m cuts one connection into one file per market: at most {MOST_FILES} markets, and \
                 --connections 1"
            ));
        }
        Ok(())
    }

    /// When a faulty recording is disconnected.
    pub(crate) fn outage(&self) -> Option<Range<i64>> {
        let from = self.start + self.duration * 2 / 5;
        (self.faults == Faults::Gold15m).then(|| from..from + (self.duration / 20).min(11 * SECOND))
    }

    /// When a faulty recording shows a level driven negative.
    pub(crate) fn overdraft(&self) -> Option<i64> {
        (self.faults == Faults::Gold15m).then(|| self.start + self.duration / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            seed: 1,
            markets: 4,
            deltas: 100,
            start: 0,
            duration: 60 * SECOND,
            wrapper: Wrapper::RecvMs,
            connections: 1,
            faults: Faults::None,
            trades: true,
            clock: false,
            truth_points: 0,
        }
    }

    #[test]
    fn contradictions_are_refused_with_a_way_out() {
        assert!(plan().check().is_ok());
        let says = |plan: Plan, text: &str| {
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        };
        says(Plan { deltas: 60_000_001, ..plan() }, "raise --duration");
        says(Plan { markets: 0, ..plan() }, "at least one market");
        says(Plan { connections: 5, ..plan() }, "at most one per market");
        says(Plan { truth_points: 1, wrapper: Wrapper::Bare, ..plan() }, "use recv_ms or recv_ns");
        says(Plan { truth_points: 1, faults: Faults::Gold15m, ..plan() }, "use --faults none");
        says(Plan { connections: 2, faults: Faults::Gold15m, ..plan() }, "--connections 1");
    }
}
