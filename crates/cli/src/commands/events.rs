//! `daybook deltas` and `daybook trades`: what happened in a range.

use std::ops::ControlFlow;

use clap::Args;
use daybook_archive::{Archive, reconstruct::Event};

use super::{
    Common, Failure, Outcome,
    range::{Range, RangeArgs},
    rows::{Cell, Kind, Rows, write},
};
use crate::terminal::output::Format;

/// One market and a range.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook deltas KXBTC15M-26AUG121045-45 --start 2026-08-12T14:40:00Z --end 2026-08-12T14:41:00Z
  daybook trades KXBTC15M-26AUG121045-45 --format csv > trades.csv
  daybook deltas KXBTC15M-26AUG121045-45 --format parquet > deltas.parquet")]
pub struct EventsArgs {
    /// Market ticker
    ticker: String,
    #[command(flatten)]
    range: RangeArgs,
}

/// The columns of deltas.
const DELTAS: &[(&str, Kind)] = &[
    ("ticker", Kind::Text),
    ("ts", Kind::Micros),
    ("side", Kind::Text),
    ("price", Kind::Price),
    ("quantity", Kind::Quantity),
    ("recv_ts", Kind::Nanos),
    ("effective_ts", Kind::Nanos),
    ("ordinal", Kind::Int64),
    ("connection", Kind::Int32),
    ("sid", Kind::Int32),
    ("seq", Kind::Int64),
    ("clock", Kind::Int64),
    ("sent_ts", Kind::Micros),
    ("extra", Kind::Json),
];

/// The columns of trades.
const TRADES: &[(&str, Kind)] = &[
    ("ticker", Kind::Text),
    ("ts", Kind::Micros),
    ("yes_price", Kind::Price),
    ("no_price", Kind::Price),
    ("count", Kind::Quantity),
    ("taker_side", Kind::Text),
    ("taker_outcome_side", Kind::Text),
    ("taker_book_side", Kind::Text),
    ("is_block_trade", Kind::Boolean),
    ("trade_id", Kind::Text),
    ("recv_ts", Kind::Nanos),
    ("ordinal", Kind::Int64),
    ("connection", Kind::Int32),
    ("sid", Kind::Int32),
    ("seq", Kind::Int64),
    ("extra", Kind::Json),
];

/// A one-market table for people does not repeat the market in every row.
fn columns(all: &'static [(&'static str, Kind)], format: Format) -> &'static [(&'static str, Kind)] {
    if format == Format::Table { &all[1..] } else { all }
}

/// A market's deltas of a range, as rows.
pub fn deltas(archive: Archive, ticker: String, range: Range, format: Format) -> Rows {
    let skip = usize::from(format == Format::Table);
    Rows::made(columns(DELTAS, format), move |sink| {
        archive.events(&ticker, range.from(), range.to(), |event| {
            let Event::Delta { row, effective, extra, .. } = event else { return Ok(ControlFlow::Continue(())) };
            let cells: [Cell<'_>; 14] = [
                ticker.as_str().into(),
                row.ts.map(|ts| ts.micros()).into(),
                row.side.as_str().into(),
                row.price.into(),
                row.quantity.into(),
                row.recv_ts.into(),
                effective.into(),
                row.ordinal.into(),
                row.connection.into(),
                row.sid.into(),
                row.seq.into(),
                row.clock.into(),
                row.sent_ts.map(|ts| ts.micros()).into(),
                extra.into(),
            ];
            Ok(if sink.push(&cells[skip..]) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(())
    })
}

/// A market's trades of a range, as rows.
pub fn trades(archive: Archive, ticker: String, range: Range, format: Format) -> Rows {
    let skip = usize::from(format == Format::Table);
    Rows::made(columns(TRADES, format), move |sink| {
        archive.trades(&ticker, range.from(), range.to(), |trade| {
            let cells: [Cell<'_>; 16] = [
                ticker.as_str().into(),
                trade.ts.into(),
                trade.yes_price.into(),
                trade.no_price.into(),
                trade.count.into(),
                trade.taker_side.as_deref().into(),
                trade.taker_outcome_side.as_deref().into(),
                trade.taker_book_side.as_deref().into(),
                trade.is_block_trade.into(),
                trade.trade_id.as_str().into(),
                trade.recv_ts.into(),
                trade.ordinal.into(),
                trade.connection.into(),
                trade.sid.into(),
                trade.seq.into(),
                trade.extra.as_deref().into(),
            ];
            Ok(if sink.push(&cells[skip..]) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(())
    })
}

/// Whether anything of the market is recorded.
pub fn known(archive: &Archive, ticker: &str) -> Result<(), Failure> {
    let trades = daybook_archive::schema::Table::Trades;
    if archive.timeline(ticker)?.is_none() && !archive.has_rows(trades, ticker)? {
        return Err(Failure::NotFound(format!(
            "nothing of market {ticker} is recorded: `daybook markets` lists what is"
        )));
    }
    Ok(())
}

pub(super) fn run_deltas(args: &EventsArgs, common: &Common) -> Result<Outcome, Failure> {
    run(args, common, deltas)
}

pub(super) fn run_trades(args: &EventsArgs, common: &Common) -> Result<Outcome, Failure> {
    run(args, common, trades)
}

fn run(
    args: &EventsArgs,
    common: &Common,
    list: fn(Archive, String, Range, Format) -> Rows,
) -> Result<Outcome, Failure> {
    let range = args.range.parse()?;
    let archive = common.open(Some(&args.ticker))?;
    known(&archive, &args.ticker)?;
    write(common.format, list(archive.clone(), args.ticker.clone(), range, common.format))?;
    range.exactness(&archive, &args.ticker)
}
