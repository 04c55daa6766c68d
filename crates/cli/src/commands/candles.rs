//! `daybook candles`: what was traded and quoted per interval.

use std::{collections::BTreeMap, ops::ControlFlow};

use clap::{Args, ValueEnum};
use daybook_archive::{Archive, Clock, coverage::Standing, reconstruct::Event};
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
/// open with the quote that stood when the interval began. Intervals in which nothing was recorded have no row.
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

/// First, highest, lowest and last price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bar {
    prices: Option<(Price, Price, Price, Price)>,
}

impl Bar {
    fn add(&mut self, price: Option<Price>) {
        let Some(price) = price else { return };
        self.prices = Some(match self.prices {
            None => (price, price, price, price),
            Some((open, high, low, _)) => (open, high.max(price), low.min(price), price),
        });
    }

    fn open(&self) -> Option<Price> {
        self.prices.map(|prices| prices.0)
    }

    fn high(&self) -> Option<Price> {
        self.prices.map(|prices| prices.1)
    }

    fn low(&self) -> Option<Price> {
        self.prices.map(|prices| prices.2)
    }

    fn close(&self) -> Option<Price> {
        self.prices.map(|prices| prices.3)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Candle {
    price: Bar,
    volume: i64,
    trades: u64,
    bid: Bar,
    ask: Bar,
}

impl Candle {
    fn quote(&mut self, book: &Book) {
        self.bid.add(book.best_bid(Side::Yes).map(|(price, _)| price));
        self.ask.add(book.best_ask(Side::Yes).map(|(price, _)| price));
    }
}

/// A market's candles, as rows.
pub fn rows(archive: Archive, ticker: String, range: Range, interval: i64) -> Rows {
    Rows::made(COLUMNS, move |sink| {
        let timeline = archive.timeline(&ticker)?;
        let mut candles: BTreeMap<i64, Candle> = BTreeMap::new();
        archive.trades(&ticker, range.from(), range.to(), |trade| {
            let candle = candles.entry(trade.time().div_euclid(interval)).or_default();
            candle.price.add(Some(trade.yes_price));
            candle.volume = candle.volume.saturating_add(trade.count.hundredths());
            candle.trades += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        if timeline.is_some() {
            // The book as it stood when the range began.
            let mut book = match range.start {
                Some(start) => archive.book(&ticker, start.saturating_sub(1), Clock::Exchange)?.book,
                None => Book::default(),
            };
            let mut last = None;
            archive.events(&ticker, range.from(), range.to(), |event| {
                let effective = match event {
                    Event::Snapshot(keyframe) => keyframe.effective,
                    Event::Delta { effective, .. } => effective,
                };
                let at = effective.div_euclid(interval);
                let candle = candles.entry(at).or_default();
                if last != Some(at) {
                    candle.quote(&book);
                    last = Some(at);
                }
                match event {
                    Event::Snapshot(keyframe) => book.clone_from(&keyframe.book),
                    // A level below zero ended the coverage where it was recorded: the candle says so.
                    Event::Delta { row, .. } => drop(book.apply(row.side, row.price, row.quantity)),
                }
                candle.quote(&book);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        for (at, candle) in &candles {
            let (start, end) = (at.saturating_mul(interval), at.saturating_add(1).saturating_mul(interval));
            let standing = timeline.as_ref().map(|timeline| {
                let (first, last) = timeline.extent(Clock::Exchange).unwrap_or((start, end));
                let gaps = timeline.gaps(start.max(first), (end - 1).min(last - 1).max(start), Clock::Exchange);
                let unproven =
                    |gap: &daybook_archive::timeline::Gap| gap.cause == daybook_archive::entry::Cause::Unproven;
                if gaps.is_empty() {
                    Standing::Exact
                } else if gaps.iter().all(unproven) {
                    Standing::Unproven
                } else {
                    Standing::Gap
                }
            });
            let cells = [
                start.into(),
                candle.price.open().into(),
                candle.price.high().into(),
                candle.price.low().into(),
                candle.price.close().into(),
                Quantity::from_hundredths(candle.volume).into(),
                candle.trades.into(),
                candle.bid.open().into(),
                candle.bid.high().into(),
                candle.bid.low().into(),
                candle.bid.close().into(),
                candle.ask.open().into(),
                candle.ask.high().into(),
                candle.ask.low().into(),
                candle.ask.close().into(),
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
    let range = args.range.parse()?;
    let archive = common.open(Some(&args.ticker))?;
    events::known(&archive, &args.ticker)?;
    write(common.format, rows(archive.clone(), args.ticker.clone(), range, args.interval.nanos()))?;
    range.exactness(&archive, &args.ticker)
}
