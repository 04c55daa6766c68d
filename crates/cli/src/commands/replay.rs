//! `daybook replay`: the events of many markets as one stream, or as an exchange.

mod serve;

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use daybook_archive::{
    Archive, Error,
    replay::{Order, ReplayKind, ReplayOptions},
};
use daybook_book::{Book, Side};
use daybook_exchange::replay::Speed;

use self::serve::ServeArgs;
use super::{
    Common, Failure, Outcome,
    range::RangeArgs,
    rows::{Cell, Kind, Rows, write},
};

/// The orders of the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OrderArg {
    /// As they arrived at the recorder
    #[default]
    Arrival,
    /// By the venue's stamps
    Time,
}

/// Snapshots, deltas and trades, merged over markets, to standard output.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook replay KXBTC15M-26AUG121045-45 --format ndjson
  daybook replay KXBTC15M-26AUG121045-45 KXETH15M-26AUG121045-45 --order time --speed 10
  daybook replay --all --start 2026-08-12T14:40:00Z --format arrow > events.arrow
  daybook replay KXBTC15M-26AUG121045-45 --serve --credentials bot.json --speed 10
  daybook replay --all --serve --credentials bot.json --speed max --latency 30 --once")]
#[command(group = clap::ArgGroup::new("markets").required(true))]
pub struct ReplayArgs {
    /// Market tickers
    #[arg(value_name = "TICKER", group = "markets")]
    tickers: Vec<String>,
    /// Every market of the archive
    #[arg(long, group = "markets")]
    all: bool,
    #[command(flatten)]
    range: RangeArgs,
    /// In which order events come
    #[arg(long, value_enum, default_value_t, conflicts_with = "serve")]
    order: OrderArg,
    /// How fast: a multiple of real time such as 1 or 10, or max [default: max, with --serve: 1]
    #[arg(long, value_name = "X")]
    speed: Option<Speed>,
    /// Without trades
    #[arg(long, conflicts_with = "serve")]
    no_trades: bool,
    #[command(flatten)]
    serving: ServeArgs,
}

const COLUMNS: &[(&str, Kind)] = &[
    ("type", Kind::Text),
    ("ticker", Kind::Text),
    ("effective_ts", Kind::Nanos),
    ("side", Kind::Text),
    ("price", Kind::Price),
    ("quantity", Kind::Quantity),
    ("ts", Kind::Micros),
    ("recv_ts", Kind::Nanos),
    ("ordinal", Kind::Int64),
    ("seq", Kind::Int64),
    ("trade_id", Kind::Text),
    ("book", Kind::Json),
];

pub(super) fn run(args: &ReplayArgs, common: &Common) -> Result<Outcome, Failure> {
    let range = args.range.parse()?;
    let archive = common.open(None)?;
    let mut tickers = if args.all { archive.tickers()? } else { args.tickers.clone() };
    let mut seen = std::collections::HashSet::new();
    tickers.retain(|ticker| seen.insert(ticker.clone()));
    for ticker in &args.tickers {
        // Before anything is printed.
        archive.timeline(ticker)?.ok_or_else(|| Error::UnknownMarket { ticker: ticker.clone() })?;
    }
    if args.serving.is_wanted()? {
        let speed = args.speed.unwrap_or(Speed::REAL);
        return serve::run(&args.serving, common, archive, &tickers, range, speed);
    }
    let options = ReplayOptions {
        tickers: tickers.clone(),
        start: range.from(),
        end: range.to(),
        order: match args.order {
            OrderArg::Arrival => Order::Arrival,
            OrderArg::Time => Order::Time,
        },
        trades: !args.no_trades,
        announcements: false,
    };
    write(common.format, rows(archive.clone(), options, args.speed.unwrap_or(Speed::Max)))?;
    let mut outcome = Outcome::Complete;
    for ticker in &tickers {
        if range.exactness(&archive, ticker)? == Outcome::Incomplete {
            outcome = Outcome::Incomplete;
        }
    }
    Ok(outcome)
}

fn book_json(book: &Book) -> String {
    let ladder = |side| {
        let levels = book.levels(side).map(|(price, size)| format!("[\"{price}\",\"{size}\"]"));
        levels.collect::<Vec<_>>().join(",")
    };
    format!("{{\"yes\":[{}],\"no\":[{}]}}", ladder(Side::Yes), ladder(Side::No))
}

fn rows(archive: Archive, options: ReplayOptions, speed: Speed) -> Rows {
    Rows::made(COLUMNS, move |sink| {
        let began = Instant::now();
        let mut first = None;
        for event in archive.replay(&options)? {
            let event = event?;
            if speed != Speed::Max {
                let first = *first.get_or_insert(event.effective);
                let recorded = u64::try_from(event.effective.saturating_sub(first)).unwrap_or(0);
                let due = Duration::from_nanos(speed.lasts(recorded));
                if let Some(wait) = due.checked_sub(began.elapsed()) {
                    // What is due by now is shown before the wait for what is not.
                    if !sink.flush() {
                        return Ok(());
                    }
                    sleep(wait);
                }
            }
            let book;
            let (ticker, ordinal) = (Cell::from(&*event.ticker), Cell::from(event.ordinal));
            let effective = Cell::from(event.effective);
            let cells: [Cell<'_>; 12] = match &event.kind {
                ReplayKind::Snapshot(keyframe) => {
                    book = book_json(&keyframe.book);
                    [
                        "snapshot".into(),
                        ticker,
                        effective,
                        Cell::Null,
                        Cell::Null,
                        Cell::Null,
                        keyframe.ts.map(|ts| ts.micros()).into(),
                        keyframe.recv_ts.nanos().into(),
                        ordinal,
                        keyframe.seq.into(),
                        Cell::Null,
                        book.as_str().into(),
                    ]
                }
                ReplayKind::Delta(delta) => [
                    "delta".into(),
                    ticker,
                    effective,
                    delta.side.as_str().into(),
                    delta.price.into(),
                    delta.quantity.into(),
                    delta.ts.map(|ts| ts.micros()).into(),
                    delta.recv_ts.into(),
                    ordinal,
                    delta.seq.into(),
                    Cell::Null,
                    Cell::Null,
                ],
                ReplayKind::Trade(trade) => [
                    "trade".into(),
                    ticker,
                    effective,
                    trade.taker_outcome_side.as_deref().or(trade.taker_side.as_deref()).into(),
                    trade.yes_price.into(),
                    trade.count.into(),
                    trade.ts.into(),
                    trade.recv_ts.into(),
                    ordinal,
                    trade.seq.into(),
                    trade.trade_id.as_str().into(),
                    Cell::Null,
                ],
                // Not asked for.
                ReplayKind::Announcement(_) => continue,
            };
            if !sink.push(&cells) {
                return Ok(());
            }
        }
        Ok(())
    })
}
