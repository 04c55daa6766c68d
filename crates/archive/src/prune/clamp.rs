//! What a pruning leaves of one stream's coverage: nothing before the horizon is exact or unproven any more. Pure.
//!
//! A dropped stretch becomes a gap, cause `pruned`. An interval across the horizon is cut in two: the gap before it keeps
//! its first ordinal, so that it can be told when the interval began.

use crate::{
    coverage::{Interval, Standing},
    entry::Cause,
    sealed_state::last_interval,
};

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Where the record of a stream begins after a pruning, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// On effective time.
    pub effective: i64,
    /// On received time.
    pub recv: i64,
}

impl Floor {
    /// The horizon itself, and where the stream's last dropped event is later, that event's times.
    pub fn new(horizon: i64, last_dropped: Option<(i64, i64)>) -> Floor {
        let (effective, recv) = last_dropped.unwrap_or((i64::MIN, i64::MIN));
        Floor { effective: horizon.max(effective), recv: horizon.max(recv) }
    }

    /// Lets an interval begin no earlier. A gap claims nothing, and stays as it is.
    pub fn lift(&self, interval: &mut Interval) {
        if interval.standing != Standing::Gap {
            interval.from_effective = interval.from_effective.max(self.effective);
            interval.from_recv = interval.from_recv.max(self.recv);
        }
    }

    fn precedes(&self, interval: &Interval) -> bool {
        interval.from_effective >= self.effective && interval.from_recv >= self.recv
    }

    /// Whether anything at or after the floor lies in the interval.
    fn reaches(&self, interval: &Interval) -> bool {
        let (effective, recv) = (interval.to_effective, interval.to_recv);
        match interval.standing {
            Standing::Unproven => effective >= self.effective || recv >= self.recv,
            Standing::Exact => effective > self.effective || recv > self.recv,
            Standing::Gap => interval.ended.is_none() || effective > self.effective || recv > self.recv,
        }
    }
}

/// Whether a stream is still needed: its record reaches the horizon, or is open. One that ended without a fault on the
/// day before is needed too, because the next capture may go on with it.
pub fn is_needed(stream: &[Interval], horizon: i64) -> bool {
    let reaches = |interval: &Interval| {
        !interval.is_withdrawn() && (interval.to_effective >= horizon || interval.to_recv >= horizon)
    };
    let last = last_interval(stream.iter().cloned()).filter(|last| last.standing != Standing::Gap);
    let goes_on = last.is_some_and(|last| match last.ended {
        None => true,
        Some(Cause::EndOfCapture) => last.to_recv >= horizon.saturating_sub(DAY),
        Some(_) => false,
    });
    goes_on || stream.iter().any(reaches)
}

/// The intervals that take the place of a stream's. `is_needed` says whether its state at the floor is kept.
pub fn clamp(stream: Vec<Interval>, floor: Floor, is_needed: bool) -> Vec<Interval> {
    let best = |intervals: &[Interval]| {
        intervals.iter().filter(|interval| !interval.is_withdrawn()).map(|interval| interval.standing).min()
    };
    let held = best(&stream);
    let last = last_interval(stream.iter().cloned()).filter(|_| is_needed).map(|last| last.key());
    let (beginnings, stream): (Vec<Interval>, Vec<Interval>) = stream.into_iter().partition(is_pruned);
    let mut kept: Vec<Interval> = Vec::new();
    let mut dropped: Vec<Interval> = Vec::new();
    for mut interval in stream {
        let is_gap = interval.standing == Standing::Gap;
        let may_go_on = !is_gap && matches!(interval.ended, None | Some(Cause::EndOfCapture));
        let goes_on = may_go_on && Some(interval.key()) == last;
        if floor.precedes(&interval) {
            kept.push(interval);
        } else if interval.is_withdrawn() {
            // It took the place of an earlier claim, which is gone.
        } else if !floor.reaches(&interval) && !goes_on {
            dropped.push(interval);
        } else if is_gap {
            kept.push(interval);
        } else {
            let mut gap = pruned(&interval);
            floor.lift(&mut interval);
            (gap.to_effective, gap.to_recv) = (interval.from_effective, interval.from_recv);
            gap.last_ordinal = gap.first_ordinal.wrapping_sub(1);
            kept.push(gap);
            kept.push(interval);
        }
    }
    // What an earlier pruning left of a beginning.
    for beginning in beginnings {
        let key = beginning.key();
        let goes_on = kept
            .iter()
            .any(|interval| interval.first_ordinal == beginning.first_ordinal && interval.standing != Standing::Gap);
        match kept.iter_mut().find(|interval| interval.key() == key && is_pruned(interval)) {
            Some(gap) => {
                gap.from_effective = gap.from_effective.min(beginning.from_effective);
                gap.from_recv = gap.from_recv.min(beginning.from_recv);
            }
            None if goes_on => kept.push(beginning),
            None => dropped.push(beginning),
        }
    }
    // Listings rank overlapping streams by the best that was ever known of each: an empty interval recalls it.
    if (is_needed || kept.iter().any(|interval| interval.ended.is_none()))
        && let Some(standing) = held
        && best(&kept).is_none_or(|left| left > standing)
        && let Some(interval) = dropped.iter().rev().find(|interval| interval.standing == standing)
    {
        let mut empty = Interval { ended: Some(Cause::Pruned), ..interval.clone() };
        floor.lift(&mut empty);
        kept.push(empty);
    }
    if let Some(mut gap) = dropped.iter().map(pruned).reduce(joined) {
        while kept.iter().any(|interval| interval.key() == gap.key()) {
            gap.first_ordinal = gap.first_ordinal.wrapping_sub(1);
        }
        kept.push(gap);
    }
    kept.sort_by_key(Interval::key);
    kept
}

/// Whether an interval is what a pruning has left of others.
pub fn is_pruned(interval: &Interval) -> bool {
    interval.standing == Standing::Gap && interval.began == Cause::Pruned
}

fn pruned(interval: &Interval) -> Interval {
    Interval { standing: Standing::Gap, began: Cause::Pruned, ended: Some(Cause::Pruned), ..interval.clone() }
}

fn joined(a: Interval, b: Interval) -> Interval {
    Interval {
        from_effective: a.from_effective.min(b.from_effective),
        to_effective: a.to_effective.max(b.to_effective),
        from_recv: a.from_recv.min(b.from_recv),
        to_recv: a.to_recv.max(b.to_recv),
        first_ordinal: a.first_ordinal.min(b.first_ordinal),
        last_ordinal: a.last_ordinal.max(b.last_ordinal),
        ..b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = DAY / 2;

    fn interval(standing: Standing, first_ordinal: u64, (from, to): (i64, i64), ended: Option<Cause>) -> Interval {
        Interval {
            connection: 1,
            sid: Some(1),
            standing,
            from_effective: from,
            to_effective: to,
            from_recv: from,
            to_recv: to,
            first_ordinal,
            last_ordinal: first_ordinal + 9,
            began: Cause::Snapshot,
            ended,
        }
    }

    fn told(intervals: &[Interval]) -> Vec<(Standing, Cause, i64, i64)> {
        let tell =
            |interval: &Interval| (interval.standing, interval.began, interval.from_effective, interval.to_effective);
        intervals.iter().map(tell).collect()
    }

    #[test]
    fn an_interval_across_the_horizon_begins_there_and_the_rest_is_pruned() {
        let stream = vec![interval(Standing::Exact, 5, (NOON, 3 * NOON), None)];
        assert!(is_needed(&stream, DAY));
        let floor = Floor::new(DAY, Some((DAY + 7, DAY - 3)));
        let clamped = clamp(stream, floor, true);
        let expected =
            [(Standing::Exact, Cause::Snapshot, DAY + 7, 3 * NOON), (Standing::Gap, Cause::Pruned, NOON, DAY + 7)];
        assert_eq!(told(&clamped), expected);
        assert_eq!((clamped[0].from_recv, clamped[1].to_recv), (DAY, DAY));
        assert_eq!(clamp(clamped.clone(), floor, true), clamped, "twice is once");
        let later = clamp(clamped, Floor::new(DAY + 9, None), true);
        let expected =
            [(Standing::Exact, Cause::Snapshot, DAY + 9, 3 * NOON), (Standing::Gap, Cause::Pruned, NOON, DAY + 9)];
        assert_eq!(told(&later), expected, "the beginning is still known");
    }

    #[test]
    fn what_lies_before_the_horizon_becomes_one_gap_and_gaps_after_it_stay() {
        let stream = vec![
            interval(Standing::Exact, 0, (10, 20), Some(Cause::Reconnect)),
            interval(Standing::Gap, 10, (20, 30), Some(Cause::Snapshot)),
            interval(Standing::Unproven, 20, (30, 40), Some(Cause::Reconnect)),
            interval(Standing::Gap, 30, (40, DAY + 50), Some(Cause::Snapshot)),
            interval(Standing::Exact, 40, (DAY + 50, DAY + 60), None),
        ];
        assert!(is_needed(&stream, DAY));
        let clamped = clamp(stream, Floor::new(DAY, Some((40, 40))), true);
        let expected = [
            (Standing::Gap, Cause::Pruned, 10, 40),
            (Standing::Gap, Cause::Snapshot, 40, DAY + 50),
            (Standing::Exact, Cause::Snapshot, DAY + 50, DAY + 60),
        ];
        assert_eq!(told(&clamped), expected);
    }

    #[test]
    fn a_quiet_stream_goes_on_at_the_horizon_and_an_old_one_is_let_go() {
        let open = vec![interval(Standing::Exact, 0, (10, 20), None)];
        assert!(is_needed(&open, 9 * DAY));
        let clamped = clamp(open, Floor::new(9 * DAY, Some((20, 20))), true);
        assert_eq!(clamped[0].standing, Standing::Exact);
        assert!(clamped[0].is_empty() && !clamped[0].is_withdrawn());
        let ended = vec![interval(Standing::Exact, 0, (10, 20), Some(Cause::EndOfCapture))];
        assert!(is_needed(&ended, DAY), "the next capture may go on with it");
        assert!(!is_needed(&ended, 2 * DAY));
        let clamped = clamp(ended, Floor::new(2 * DAY, None), false);
        assert_eq!(told(&clamped), [(Standing::Gap, Cause::Pruned, 10, 20)]);
        assert_eq!(clamped[0].ended, Some(Cause::Pruned));
        assert!(!is_needed(&clamped, 2 * DAY));
        let lost = vec![interval(Standing::Gap, 0, (10, 20), None)];
        assert!(!is_needed(&lost, 2 * DAY));
        assert_eq!(clamp(lost.clone(), Floor::new(2 * DAY, None), false), lost, "its cause is still true");
    }

    #[test]
    fn what_was_best_known_of_a_stream_is_recalled_by_an_empty_interval() {
        let stream = vec![
            interval(Standing::Exact, 0, (10, 20), Some(Cause::Unproven)),
            interval(Standing::Unproven, 10, (20, DAY + 5), None),
        ];
        let clamped = clamp(stream, Floor::new(DAY, Some((30, 30))), true);
        let empty = clamped.iter().find(|interval| interval.standing == Standing::Exact);
        assert!(empty.is_some_and(|empty| empty.is_empty() && empty.ended == Some(Cause::Pruned)));
        assert_eq!(clamp(clamped.clone(), Floor::new(DAY, Some((30, 30))), true), clamped);
    }
}
