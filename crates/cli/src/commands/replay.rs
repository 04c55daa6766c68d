//! `daybook replay`: the events of many markets as one stream.

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
  daybook replay --all --start 2026-08-12T14:40:00Z --format arrow > events.arrow")]
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
    #[arg(long, value_enum, default_value_t)]
    order: OrderArg,
    /// How fast: a multiple of real time such as 1 or 10, or max
    #[arg(long, default_value = "max", value_name = "X")]
    speed: String,
    /// Without trades
    #[arg(long)]
    no_trades: bool,
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

/// Real time passing `per_mille` thousandths as fast as the record's; `None` for as fast as can be.
fn speed(text: &str) -> Result<Option<u64>, Failure> {
    if text == "max" {
        return Ok(None);
    }
    let wrong =
        || Failure::Usage(format!("--speed {text}: expected max, or a multiple of real time such as 1, 10 or 0.5"));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || whole.is_empty() {
        return Err(wrong());
    }
    let digits = format!("{whole}{fraction:0<3}");
    let per_mille = digits.parse::<u64>().map_err(|_| wrong())?;
    if per_mille == 0 { Err(wrong()) } else { Ok(Some(per_mille)) }
}

pub(super) fn run(args: &ReplayArgs, common: &Common) -> Result<Outcome, Failure> {
    let range = args.range.parse()?;
    let pace = speed(&args.speed)?;
    let archive = common.open(None)?;
    let tickers = if args.all { archive.tickers()? } else { args.tickers.clone() };
    for ticker in &args.tickers {
        // Before anything is printed.
        archive.timeline(ticker)?.ok_or_else(|| Error::UnknownMarket { ticker: ticker.clone() })?;
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
    };
    write(common.format, rows(archive.clone(), options, pace))?;
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

fn rows(archive: Archive, options: ReplayOptions, pace: Option<u64>) -> Rows {
    Rows::made(COLUMNS, move |sink| {
        let began = Instant::now();
        let mut first = None;
        for event in archive.replay(&options)? {
            let event = event?;
            if let Some(per_mille) = pace {
                let first = *first.get_or_insert(event.effective);
                let due =
                    u128::try_from(event.effective.saturating_sub(first)).unwrap_or(0) * 1_000 / u128::from(per_mille);
                let due = Duration::from_nanos(u64::try_from(due).unwrap_or(u64::MAX));
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
            };
            if !sink.push(&cells) {
                return Ok(());
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_exact_multiples() {
        assert_eq!(speed("max").unwrap(), None);
        assert_eq!(speed("1").unwrap(), Some(1_000));
        assert_eq!(speed("0.5").unwrap(), Some(500));
        assert_eq!(speed("2.25").unwrap(), Some(2_250));
        for wrong in ["0", "0.000", "-1", "fast", "1.2345", "", "."] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
