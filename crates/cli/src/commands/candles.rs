//! `daybook candles`: what was traded and quoted per interval.

use std::{collections::BTreeMap, ops::ControlFlow};

use clap::{Args, ValueEnum};
use daybook_archive::{Archive, Clock, coverage::Standing, entry::Cause, reconstruct::Event, timeline::Timeline};
use daybook_book::{Book, Price, Quantity, Side};

use super::{
    Common, Failure, Outcome, events,
    range::{Range, RangeArgs},
    rows::{Kind, Rows, write},
};

/// Lengths of a candle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum IntervalArg {
    /// A minute
    #[default]
    #[value(name = "1m")]
    Minute,
    /// Five minutes
    #[value(name = "5m")]
    FiveMinutes,
    /// An hour
    #[value(name = "1h")]
    Hour,
    /// A UTC day
    #[value(name = "1d")]
    Day,
}

impl IntervalArg {
    const fn nanos(self) -> i64 {
        match self {
            IntervalArg::Minute => 60_000_000_000,
            IntervalArg::FiveMinutes => 300_000_000_000,
            IntervalArg::Hour => 3_600_000_000_000,
            IntervalArg::Day => 86_400_000_000_000,
        }
    }
}

/// Prices are of YES, in dollars. `price_*` and `volume` come from trades, `yes_bid_*` and `yes_ask_*` from the book: they
/// open and close with the quote that stood at the interval's first and last instant, or none. A range is extended to
/// whole candles; `standing` speaks of the whole candle, and is `gap` if any part of it was not recorded. Intervals in
/// which nothing happened have no row.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook candles KXBTC15M-26AUG121045-45
  daybook candles KXBTC15M-26AUG121045-45 --interval 5m --format csv")]
pub struct CandlesArgs {
    /// Market ticker
    ticker: String,
    /// Length of a candle
    #[arg(long, value_enum, default_value_t)]
    interval: IntervalArg,
    #[command(flatten)]
    range: RangeArgs,
}

const COLUMNS: &[(&str, Kind)] = &[
    ("start", Kind::Nanos),
    ("price_open", Kind::Price),
    ("price_high", Kind::Price),
    ("price_low", Kind::Price),
    ("price_close", Kind::Price),
    ("volume", Kind::Quantity),
    ("trades", Kind::Int64),
    ("yes_bid_open", Kind::Price),
    ("yes_bid_high", Kind::Price),
    ("yes_bid_low", Kind::Price),
    ("yes_bid_close", Kind::Price),
    ("yes_ask_open", Kind::Price),
    ("yes_ask_high", Kind::Price),
    ("yes_ask_low", Kind::Price),
    ("yes_ask_close", Kind::Price),
    ("standing", Kind::Text),
];

/// First, highest, lowest and last price; the book may have none at either end of an interval, trades never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bar {
    open: Option<Price>,
    high: Option<Price>,
    low: Option<Price>,
    close: Option<Price>,
}

impl Bar {
    /// A trade's price.
    fn trade(&mut self, price: Price) {
        self.open = self.open.or(Some(price));
        self.close = Some(price);
        self.reach(Some(price));
    }

    /// The best price of one side of the book, or none, which stood for a while.
    fn quote(&mut self, price: Option<Price>, stretch: Stretch) {
        if stretch.began {
            self.open = price;
        }
        if stretch.ended {
            self.close = price;
        }
        self.reach(price);
    }

    fn reach(&mut self, price: Option<Price>) {
        self.high = self.high.max(price);
        self.low = price.map(|price| self.low.map_or(price, |low| low.min(price))).or(self.low);
    }
}

/// Whether a quote stood at the first and the last instant of an interval.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    began: bool,
    ended: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Candle {
    price: Bar,
    volume: i64,
    trades: u64,
    bid: Bar,
    ask: Bar,
}

/// The candles of a range that have anything to tell, by their number since 1970.
struct Candles {
    interval: i64,
    candles: BTreeMap<i64, Candle>,
}

impl Candles {
    /// The candle of an instant.
    fn at(&mut self, at: i64) -> &mut Candle {
        self.candles.entry(at.div_euclid(self.interval)).or_default()
    }

    /// The book stood so at all instants of `from..=to`. Where it was not recorded, nobody knows whether it did.
    fn stood(&mut self, book: &Book, from: i64, to: i64, timeline: &Timeline) {
        let (first, last) = (from.div_euclid(self.interval), to.div_euclid(self.interval));
        if first > last {
            return;
        }
        let recorded = |at| timeline.locate(at, Clock::Exchange).standing != Standing::Gap;
        let best = |level: Option<(Price, Quantity)>| level.map(|(price, _)| price);
        let (bid, ask) = (best(book.best_bid(Side::Yes)), best(book.best_ask(Side::Yes)));
        for (&number, candle) in self.candles.range_mut(first..=last) {
            let (start, end) = bounds(number, self.interval);
            let stretch = Stretch { began: from <= start, ended: end <= to && recorded(end) };
            if stretch.began && !recorded(start) {
                continue;
            }
            candle.bid.quote(bid, stretch);
            candle.ask.quote(ask, stretch);
        }
    }
}

/// First and last instant of a candle.
fn bounds(number: i64, interval: i64) -> (i64, i64) {
    let start = number.saturating_mul(interval);
    (start, start.saturating_add(interval - 1))
}

/// The range, extended to whole candles.
pub fn whole(range: Range, interval: i64) -> Range {
    let start = range.start.map(|start| bounds(start.div_euclid(interval), interval).0);
    let end = range.end.map(|end| bounds(end.saturating_sub(1).div_euclid(interval), interval).1.saturating_add(1));
    Range { start, end }
}

/// What can be said of all instants of a candle.
fn standing(timeline: &Timeline, (start, end): (i64, i64)) -> Standing {
    let gaps = timeline.gaps(start, end, Clock::Exchange);
    if gaps.is_empty() {
        Standing::Exact
    } else if gaps.iter().all(|gap| gap.cause == Cause::Unproven) {
        Standing::Unproven
    } else {
        Standing::Gap
    }
}

/// A market's candles of a range of whole ones, as rows.
pub fn rows(archive: Archive, ticker: String, range: Range, interval: i64) -> Rows {
    Rows::made(COLUMNS, move |sink| {
        let timeline = archive.timeline(&ticker)?;
        let mut candles = Candles { interval, candles: BTreeMap::new() };
        archive.trades(&ticker, range.from(), range.to(), |trade| {
            let candle = candles.at(trade.time());
            candle.price.trade(trade.yes_price);
            candle.volume = candle.volume.saturating_add(trade.count.hundredths());
            candle.trades += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(timeline) = &timeline {
            // The book as it stood when the range began.
            let mut book = match range.start {
                Some(start) => archive.book(&ticker, start.saturating_sub(1), Clock::Exchange)?.book,
                None => Book::default(),
            };
            // Events of one instant are seen together, as by whoever asks for the book at that instant.
            let mut since = range.from();
            archive.events(&ticker, range.from(), range.to(), |event| {
                let effective = match event {
                    Event::Snapshot(keyframe) => keyframe.effective,
                    Event::Delta { effective, .. } => effective,
                };
                candles.at(effective);
                if effective != since {
                    candles.stood(&book, since, effective.saturating_sub(1), timeline);
                    since = effective;
                }
                match event {
                    Event::Snapshot(keyframe) => book.clone_from(&keyframe.book),
                    // A level below zero ended the coverage where it was recorded: the candle says so.
                    Event::Delta { row, .. } => drop(book.apply(row.side, row.price, row.quantity)),
                }
                Ok(ControlFlow::Continue(()))
            })?;
            candles.stood(&book, since, range.to().saturating_sub(1), timeline);
        }
        for (&number, candle) in &candles.candles {
            let (start, end) = bounds(number, interval);
            let standing = timeline.as_ref().map(|timeline| standing(timeline, (start, end)));
            let cells = [
                start.into(),
                candle.price.open.into(),
                candle.price.high.into(),
                candle.price.low.into(),
                candle.price.close.into(),
                Quantity::from_hundredths(candle.volume).into(),
                candle.trades.into(),
                candle.bid.open.into(),
                candle.bid.high.into(),
                candle.bid.low.into(),
                candle.bid.close.into(),
                candle.ask.open.into(),
                candle.ask.high.into(),
                candle.ask.low.into(),
                candle.ask.close.into(),
                standing.map(Standing::as_str).into(),
            ];
            if !sink.push(&cells) {
                break;
            }
        }
        Ok(())
    })
}

pub(super) fn run(args: &CandlesArgs, common: &Common) -> Result<Outcome, Failure> {
    let range = whole(args.range.parse()?, args.interval.nanos());
    let archive = common.open(Some(&args.ticker))?;
    events::known(&archive, &args.ticker)?;
    write(common.format, rows(archive.clone(), args.ticker.clone(), range, args.interval.nanos()))?;
    range.exactness(&archive, &args.ticker)
}
