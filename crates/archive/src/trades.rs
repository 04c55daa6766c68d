//! Public trades of a market.

use std::{collections::HashSet, ops::ControlFlow};

use arrow::array::Array;
use daybook_book::{Event, EventRecord, Price, Quantity};

use crate::{Error, archive::Archive, schema::Table};

/// One public trade, as it was recorded first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTrade {
    /// Arrival order.
    pub ordinal: u64,
    /// Received time, in nanoseconds.
    pub recv_ts: i64,
    /// Exchange time in microseconds, millisecond grain.
    pub ts: Option<i64>,
    /// Subscription.
    pub sid: Option<u32>,
    /// Sequence number.
    pub seq: Option<u64>,
    /// Connection.
    pub connection: u32,
    /// The venue's id.
    pub trade_id: String,
    /// Price of YES.
    pub yes_price: Price,
    /// Price of NO.
    pub no_price: Price,
    /// Contracts.
    pub count: Quantity,
    /// `yes` or `no`: what the taker bought.
    pub taker_side: Option<String>,
    /// The outcome that the taker gained exposure to.
    pub taker_outcome_side: Option<String>,
    /// `bid` or `ask` on the YES scale.
    pub taker_book_side: Option<String>,
    /// Whether it was negotiated privately.
    pub is_block_trade: Option<bool>,
    /// Fields without a column, as JSON.
    pub extra: Option<String>,
}

impl RecordedTrade {
    /// When it happened: exchange time, or received time where that is absent; nanoseconds.
    pub fn time(&self) -> i64 {
        self.ts.map_or(self.recv_ts, |ts| ts.saturating_mul(1_000))
    }
}

impl Archive {
    /// Visits a market's trades of `start..end`, in nanoseconds, in order of time. A trade that was recorded over several
    /// connections is told once, by its id. The market's trades of the range are held in memory.
    ///
    /// # Errors
    /// Damaged or missing files.
    pub fn trades(
        &self,
        ticker: &str,
        start: i64,
        end: i64,
        mut visit: impl FnMut(&RecordedTrade) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let columns: Vec<&str> = Table::Trades.columns().iter().map(|column| column.name).collect();
        let mut trades = Vec::new();
        self.scan_table(Table::Trades, Some(ticker), &columns, |batch| {
            let (ordinals, ts, connections) = (batch.i64s("ordinal")?, batch.times("ts")?, batch.i32s("connection")?);
            let (sids, seqs, counts) = (batch.i32s("sid")?, batch.i64s("seq")?, batch.quantities("count")?);
            let blocks = batch.booleans("is_block_trade")?;
            for row in 0..batch.rows() {
                let text = |column: &str| -> Result<Option<String>, Error> {
                    Ok(batch.texts(column)?.get(row).map(str::to_owned))
                };
                let price = |column: &str| -> Result<Price, Error> {
                    let price = u16::try_from(batch.prices(column)?.value(row)).ok();
                    price
                        .and_then(Price::from_ten_thousandths)
                        .ok_or_else(|| batch.wrong(column, "outside 0 to one dollar"))
                };
                trades.push(RecordedTrade {
                    ordinal: ordinals.value(row).cast_unsigned(),
                    recv_ts: batch.nanos("recv_ts", "recv_nanos", row)?,
                    ts: ts.is_valid(row).then(|| ts.value(row)),
                    sid: sids.is_valid(row).then(|| sids.value(row).cast_unsigned()),
                    seq: seqs.is_valid(row).then(|| seqs.value(row).cast_unsigned()),
                    connection: connections.value(row).cast_unsigned(),
                    trade_id: text("trade_id")?.unwrap_or_default(),
                    yes_price: price("yes_price")?,
                    no_price: price("no_price")?,
                    count: Quantity::from_hundredths(counts.value(row)),
                    taker_side: text("taker_side")?,
                    taker_outcome_side: text("taker_outcome_side")?,
                    taker_book_side: text("taker_book_side")?,
                    is_block_trade: blocks.is_valid(row).then(|| blocks.value(row)),
                    extra: text("extra")?,
                });
            }
            Ok(())
        })?;
        {
            let state = self.shared.read();
            let unsealed = state.sealing.iter().map(|rows| &**rows).chain([state.tail.other()]);
            for numbered in unsealed.flat_map(|rows| &rows.trades) {
                trades.extend(unsealed_trade(numbered.ordinal, &numbered.row, ticker));
            }
        }
        trades.sort_by_key(|trade| (trade.recv_ts, trade.ordinal));
        let mut told = HashSet::new();
        trades.retain(|trade| trade.trade_id.is_empty() || told.insert(trade.trade_id.clone()));
        trades.sort_by_key(RecordedTrade::time);
        for trade in trades.iter().filter(|trade| start <= trade.time() && trade.time() < end) {
            if visit(trade)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn unsealed_trade(ordinal: u64, record: &EventRecord<'_>, ticker: &str) -> Option<RecordedTrade> {
    let Event::Trade(trade) = &record.event else { return None };
    (trade.ticker == ticker).then(|| RecordedTrade {
        ordinal,
        recv_ts: record.recv_ts.nanos(),
        ts: trade.ts.map(|ts| ts.micros()),
        sid: record.sid,
        seq: record.seq,
        connection: record.connection,
        trade_id: trade.trade_id.to_string(),
        yes_price: trade.yes_price,
        no_price: trade.no_price,
        count: trade.count,
        taker_side: trade.taker_side.map(|side| side.as_str().to_owned()),
        taker_outcome_side: trade.taker_outcome_side.map(|side| side.as_str().to_owned()),
        taker_book_side: trade.taker_book_side.as_deref().map(str::to_owned),
        is_block_trade: trade.is_block_trade,
        extra: record.extra.as_deref().map(str::to_owned),
    })
}
