//! `daybook coverage`: what is known to be complete, and what is not.

use clap::Args;
use daybook_archive::Error;

use super::{
    Common, Failure, Outcome,
    rows::{Cell, Kind, List, Rows, write},
};
use crate::terminal::output::Format;

/// The intervals of a market's record: exact, unproven, or a gap; why each began and ended.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook coverage KXBTC15M-26AUG121045-45
  daybook coverage --format ndjson           every market")]
pub struct CoverageArgs {
    /// Market ticker; every market by default
    ticker: Option<String>,
}

const COLUMNS: &[(&str, Kind)] = &[
    ("ticker", Kind::Text),
    ("standing", Kind::Text),
    ("from_ts", Kind::Nanos),
    ("to_ts", Kind::Nanos),
    ("began", Kind::Text),
    ("ended", Kind::Text),
    ("from_recv_ts", Kind::Nanos),
    ("to_recv_ts", Kind::Nanos),
    ("connection", Kind::Int32),
    ("sid", Kind::Int32),
    ("first_ordinal", Kind::Int64),
    ("last_ordinal", Kind::Int64),
];

pub(super) fn run(args: &CoverageArgs, common: &Common) -> Result<Outcome, Failure> {
    let archive = common.open(args.ticker.as_deref())?;
    let tickers = match &args.ticker {
        Some(ticker) => vec![ticker.clone()],
        None => archive.tickers()?,
    };
    let skip = usize::from(args.ticker.is_some() && common.format == Format::Table);
    let mut list = List::new(&COLUMNS[skip..]);
    let mut batches = Vec::new();
    for ticker in &tickers {
        let Some(timeline) = archive.timeline(ticker)? else {
            return Err(Error::UnknownMarket { ticker: ticker.clone() }.into());
        };
        // An interval that ended where it began claims no instant. One that is still open may come to.
        for interval in timeline.intervals().iter().filter(|interval| !interval.is_empty() || interval.ended.is_none())
        {
            let events = interval.last_ordinal.wrapping_add(1) > interval.first_ordinal;
            let cells: [Cell<'_>; 12] = [
                ticker.as_str().into(),
                interval.standing.as_str().into(),
                interval.from_effective.into(),
                interval.to_effective.into(),
                interval.began.as_str().into(),
                interval.ended.map(|cause| cause.as_str()).into(),
                interval.from_recv.into(),
                interval.to_recv.into(),
                interval.connection.into(),
                interval.sid.into(),
                interval.first_ordinal.into(),
                events.then_some(interval.last_ordinal).into(),
            ];
            batches.extend(list.push(&cells[skip..]));
        }
    }
    batches.push(list.finish());
    write(common.format, Rows::of(list.schema(), batches))?;
    Ok(Outcome::Complete)
}
