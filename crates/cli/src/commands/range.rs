//! A range of time on the command line, and what it means for exactness.

use clap::Args;
use daybook_archive::{Archive, Clock, entry::Cause, timeline::Gap};

use super::{Failure, Outcome, time_argument};
use crate::terminal::{tell::tell, utc::print_utc};

/// A range of instants, of effective time.
#[derive(Clone, Debug, Args)]
pub struct RangeArgs {
    /// First instant; the beginning of the record by default
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// First instant after the range; the end of the record by default
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
}

/// A range in nanoseconds: `start..end`, with the bounds that were left open still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First instant.
    pub start: Option<i64>,
    /// First instant after.
    pub end: Option<i64>,
}

impl RangeArgs {
    /// Reads the times.
    pub fn parse(&self) -> Result<Range, Failure> {
        let start = self.start.as_deref().map(|text| time_argument("start", text)).transpose()?;
        let end = self.end.as_deref().map(|text| time_argument("end", text)).transpose()?;
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            let (start, end) = (print_utc(start), print_utc(end));
            return Err(Failure::Usage(format!("the range is empty: --start {start} is not before --end {end}")));
        }
        Ok(Range { start, end })
    }
}

impl Range {
    /// First instant, with an open start as early as can be.
    pub fn from(self) -> i64 {
        self.start.unwrap_or(i64::MIN)
    }

    /// First instant after, with an open end as late as can be.
    pub fn to(self) -> i64 {
        self.end.unwrap_or(i64::MAX)
    }

    /// Tells on stderr what keeps the market's record of the range from being exact, and says how the command ends.
    pub fn exactness(self, archive: &Archive, ticker: &str) -> Result<Outcome, Failure> {
        let Some(timeline) = archive.timeline(ticker)? else { return Ok(Outcome::Complete) };
        let Some((first, last)) = timeline.extent(Clock::Exchange) else { return Ok(Outcome::Complete) };
        let from = self.start.unwrap_or(first);
        let to = self.end.map_or(last.saturating_sub(1), |end| end.saturating_sub(1)).max(from);
        let mut outcome = Outcome::Complete;
        for gap in timeline.gaps(from, to, Clock::Exchange) {
            tell_gap(ticker, &gap);
            if gap.cause != Cause::Unproven {
                outcome = Outcome::Incomplete;
            }
        }
        Ok(outcome)
    }
}

/// Tells on stderr what keeps an answer from being exact.
pub(super) fn tell_gap(ticker: &str, gap: &Gap) {
    let time = |time: Option<i64>, open: &str| time.map_or_else(|| open.to_owned(), print_utc);
    let (start, end) = (time(gap.from, "the beginning"), time(gap.to, "now"));
    if gap.cause == Cause::Unproven {
        tell(format_args!(
            "note: {ticker} is unproven from {start} to {end}: no loss is known, completeness cannot be shown"
        ));
    } else {
        tell(format_args!("gap: {ticker} is not covered from {start} to {end}: {}", gap.cause.as_str()));
    }
}
