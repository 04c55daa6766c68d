//! A market's history over all its recordings: which stream to read at an instant, and what may be said of it.

use crate::{
    Clock,
    coverage::{Interval, Standing},
    entry::Cause,
};

/// All intervals of a market, from every connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// In order of start; exact before unproven before gap where they start together.
    intervals: Vec<Interval>,
}

/// Why an answer is not exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What happened.
    pub cause: Cause,
    /// Start in nanoseconds, on the clock that was asked for; `None` before any record.
    pub from: Option<i64>,
    /// End in nanoseconds; `None` where nothing was recorded after it.
    pub to: Option<i64>,
}

/// Where to read the book at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The connection whose stream holds the best record of that instant; `None` before any record.
    pub connection: Option<u32>,
    /// What may be said of the answer; a gap unless covered.
    pub standing: Standing,
    /// Named unless exact.
    pub gap: Option<Gap>,
}

/// A stretch of one stream's events, to be read one after another for the whole history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The stream.
    pub connection: u32,
    /// Events of a lower time belong to an earlier span.
    pub from: i64,
    /// Events of a higher time belong to a later one.
    pub to: i64,
    /// First ordinal of the stream's intervals in it.
    pub first_ordinal: u64,
}

impl Timeline {
    /// From intervals in any order, of which later versions have replaced earlier ones already.
    pub fn new(intervals: impl IntoIterator<Item = Interval>) -> Timeline {
        let mut intervals: Vec<Interval> = intervals.into_iter().filter(|interval| !interval.is_withdrawn()).collect();
        intervals.sort_by_key(|interval| (interval.from_effective, interval.first_ordinal, interval.standing));
        Timeline { intervals }
    }

    /// The intervals, in order of start.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// When an interval began before a pruning dropped its beginning, which is a gap of the same first ordinal now.
    fn origin(&self, interval: &Interval, clock: Clock) -> i64 {
        let is_beginning = |gap: &&Interval| {
            gap.standing == Standing::Gap
                && gap.began == Cause::Pruned
                && gap.first_ordinal == interval.first_ordinal
                && gap.connection == interval.connection
        };
        self.intervals.iter().find(is_beginning).unwrap_or(interval).bounds(clock).0
    }

    /// Where to read the book at an instant, in nanoseconds on the clock named.
    pub fn locate(&self, at: i64, clock: Clock) -> Located {
        let covering = self
            .intervals
            .iter()
            .filter(|interval| interval.standing != Standing::Gap && interval.contains(at, clock))
            .min_by_key(|interval| {
                (interval.standing, std::cmp::Reverse(self.origin(interval, clock)), interval.connection)
            });
        if let Some(interval) = covering {
            let (from, to) = interval.bounds(clock);
            let gap = (interval.standing == Standing::Unproven).then_some(Gap {
                cause: Cause::Unproven,
                from: Some(from),
                to: Some(to),
            });
            return Located { connection: Some(interval.connection), standing: interval.standing, gap };
        }
        let before = self
            .intervals
            .iter()
            .filter(|interval| interval.bounds(clock).0 <= at && !recalls(interval))
            .max_by_key(|interval| (self.origin(interval, clock), interval.first_ordinal));
        let next = self
            .intervals
            .iter()
            .filter(|interval| {
                interval.standing != Standing::Gap && interval.bounds(clock).0 > at && !recalls(interval)
            })
            .map(|interval| interval.bounds(clock).0)
            .min();
        let gap = match before {
            None => Gap { cause: Cause::NotRecorded, from: None, to: next },
            Some(interval) if interval.standing == Standing::Gap => {
                Gap { cause: interval.began, from: Some(interval.bounds(clock).0), to: next }
            }
            Some(interval) => {
                // Past the end of what was recorded, or past how far an open recording has come.
                let cause = interval.ended.unwrap_or(Cause::NotRecorded);
                Gap { cause, from: Some(interval.bounds(clock).1), to: next }
            }
        };
        Located { connection: before.map(|interval| interval.connection), standing: Standing::Gap, gap: Some(gap) }
    }

    /// Everything that keeps the instants `from..=to` from being exact, in order; nothing if they are.
    pub fn gaps(&self, from: i64, to: i64, clock: Clock) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        let mut at = from;
        while at <= to {
            let next = match self.locate(at, clock).gap {
                None => {
                    let exact = self.intervals.iter().filter(|interval| interval.standing == Standing::Exact);
                    exact.filter(|interval| interval.contains(at, clock)).map(|interval| interval.bounds(clock).1).max()
                }
                Some(gap) => {
                    // An unproven interval reaches up to its end and includes it.
                    let next = gap.to.map(|to| if gap.cause == Cause::Unproven { to.saturating_add(1) } else { to });
                    if gaps.last().is_none_or(|last| last.cause != gap.cause || last.to.is_none_or(|last| last < at)) {
                        gaps.push(gap);
                    }
                    next
                }
            };
            match next.filter(|next| *next > at) {
                Some(next) => at = next,
                None => break,
            }
        }
        gaps
    }

    /// First and last instant of the record, in nanoseconds.
    pub fn extent(&self, clock: Clock) -> Option<(i64, i64)> {
        let bounds = self.intervals.iter().map(|interval| interval.bounds(clock));
        bounds.reduce(|(from, to), (first, last)| (from.min(first), to.max(last)))
    }

    /// The streams to read for the whole history, in order, so that overlapping recordings are not told twice.
    /// On effective time.
    pub fn spans(&self) -> Vec<Span> {
        let mut hulls: Vec<(Standing, Span)> = Vec::new();
        for interval in &self.intervals {
            let (from, to) = interval.bounds(Clock::Exchange);
            match hulls.iter_mut().find(|(_, hull)| hull.connection == interval.connection) {
                Some((standing, hull)) => {
                    *standing = (*standing).min(interval.standing);
                    hull.from = hull.from.min(from);
                    hull.to = hull.to.max(to);
                    hull.first_ordinal = hull.first_ordinal.min(interval.first_ordinal);
                }
                None => {
                    let span =
                        Span { connection: interval.connection, from, to, first_ordinal: interval.first_ordinal };
                    hulls.push((interval.standing, span));
                }
            }
        }
        hulls.sort_by_key(|(standing, span)| (*standing, span.first_ordinal));
        let mut spans: Vec<Span> = Vec::new();
        for (_, hull) in hulls {
            let mut pieces = vec![hull];
            for taken in &spans {
                pieces = pieces.into_iter().flat_map(|piece| without(piece, *taken)).collect();
            }
            spans.extend(pieces);
        }
        spans.sort_by_key(|span| (span.from, span.first_ordinal));
        spans
    }
}

/// Whether an interval is empty and only recalls, after a pruning, what was best known of its stream.
fn recalls(interval: &Interval) -> bool {
    interval.standing != Standing::Gap && interval.ended == Some(Cause::Pruned)
}

/// What is left of a span beside another that is already told. Spans that merely touch are both told in full.
fn without(span: Span, taken: Span) -> Vec<Span> {
    if span.to <= taken.from || span.from >= taken.to {
        return vec![span];
    }
    let mut left = Vec::new();
    if span.from < taken.from {
        left.push(Span { to: taken.from - 1, ..span });
    }
    if span.to > taken.to {
        left.push(Span { from: taken.to + 1, ..span });
    }
    left
}
