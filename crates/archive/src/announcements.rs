//! What the venue announces beside books and trades, as it was recorded: ticker updates and lifecycle events.

use std::borrow::Cow;

use arrow::array::Array;
use daybook_book::{Event, EventRecord, ExchangeTime, Lifecycle, Price, Quantity, ReceivedTime, TickerUpdate};

use crate::{Error, archive::Archive, schema::Table, segment::Batch, tail::Numbered};

/// An announcement and its place in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Arrival order.
    pub ordinal: u64,
    /// What was announced.
    pub record: EventRecord<'static>,
}

impl Announcement {
    /// When: exchange time, or received time where that is absent; nanoseconds.
    pub fn time(&self) -> i64 {
        let recv = self.record.recv_ts.nanos();
        self.record.event.ts().map_or(recv, |ts| ts.micros().saturating_mul(1_000))
    }
}

impl Archive {
    /// A market's ticker updates of `start..end`, in nanoseconds, in order of time. They are held in memory. One that
    /// was recorded over several connections is told once.
    ///
    /// # Errors
    /// Damaged or missing files.
    pub fn ticker_updates(&self, ticker: &str, start: i64, end: i64) -> Result<Vec<Announcement>, Error> {
        let of_market = |event: &Event<'_>| matches!(event, Event::Ticker(_)) && event.ticker() == Some(ticker);
        self.announcements(Table::Tickers, Some(ticker), (start, end), of_market, ticker_update)
    }

    /// The lifecycle events of `start..end`, in nanoseconds, of all markets and events, in order of time. They are held
    /// in memory. One that was recorded over several connections is told once.
    ///
    /// # Errors
    /// Damaged or missing files.
    pub fn lifecycle_events(&self, start: i64, end: i64) -> Result<Vec<Announcement>, Error> {
        let is_lifecycle = |event: &Event<'_>| matches!(event, Event::Lifecycle(_));
        self.announcements(Table::Lifecycle, None, (start, end), is_lifecycle, lifecycle_event)
    }

    fn announcements(
        &self,
        table: Table,
        ticker: Option<&str>,
        (start, end): (i64, i64),
        wanted: impl Fn(&Event<'_>) -> bool,
        event: impl Fn(&Batch, usize) -> Result<Event<'static>, Error>,
    ) -> Result<Vec<Announcement>, Error> {
        let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let mut found = Vec::new();
        self.scan_table(table, ticker, &columns, |batch| {
            for row in 0..batch.rows() {
                let ordinal = batch.i64s("ordinal")?.value(row).cast_unsigned();
                found.push(Announcement { ordinal, record: envelope(batch, row, event(batch, row)?)? });
            }
            Ok(())
        })?;
        {
            let state = self.shared.read();
            let unsealed = state.sealing.iter().map(|rows| &**rows).chain([state.tail.other()]);
            for rows in unsealed {
                let numbered: &[Numbered<EventRecord<'static>>] = match table {
                    Table::Tickers => &rows.tickers,
                    _ => &rows.lifecycle,
                };
                let of_range = numbered.iter().filter(|numbered| wanted(&numbered.row.event));
                found.extend(
                    of_range.map(|numbered| Announcement { ordinal: numbered.ordinal, record: numbered.row.clone() }),
                );
            }
        }
        found.retain(|found| (start..end).contains(&found.time()));
        found.sort_by_key(|found| (found.time(), found.ordinal));
        let mut told: Vec<Announcement> = Vec::with_capacity(found.len());
        for announcement in found {
            let at_once = told.iter().rev().take_while(|told| told.time() == announcement.time());
            let is_repeated = at_once.into_iter().any(|told| {
                told.record.connection != announcement.record.connection
                    && told.record.event == announcement.record.event
            });
            if !is_repeated {
                told.push(announcement);
            }
        }
        Ok(told)
    }
}

/// The record of a row around its event.
fn envelope(batch: &Batch, row: usize, event: Event<'static>) -> Result<EventRecord<'static>, Error> {
    let (sids, seqs) = (batch.i32s("sid")?, batch.i64s("seq")?);
    Ok(EventRecord {
        recv_ts: ReceivedTime::from_nanos(batch.nanos("recv_ts", "recv_nanos", row)?),
        connection: batch.i32s("connection")?.value(row).cast_unsigned(),
        sid: sids.is_valid(row).then(|| sids.value(row).cast_unsigned()),
        seq: seqs.is_valid(row).then(|| seqs.value(row).cast_unsigned()),
        sent_ts: time(batch, "sent_ts", row)?,
        event,
        extra: text(batch, "extra", row)?,
    })
}

fn ticker_update(batch: &Batch, row: usize) -> Result<Event<'static>, Error> {
    let price = |column: &str| -> Result<Option<Price>, Error> {
        let prices = batch.prices(column)?;
        if prices.is_null(row) {
            return Ok(None);
        }
        let price = u16::try_from(prices.value(row)).ok().and_then(Price::from_ten_thousandths);
        price.map(Some).ok_or_else(|| batch.wrong(column, "outside 0 to one dollar"))
    };
    let quantity = |column: &str| -> Result<Option<Quantity>, Error> {
        let quantities = batch.quantities(column)?;
        Ok(quantities.is_valid(row).then(|| Quantity::from_hundredths(quantities.value(row))))
    };
    let whole = |column: &str| -> Result<Option<i64>, Error> {
        let values = batch.i64s(column)?;
        Ok(values.is_valid(row).then(|| values.value(row)))
    };
    Ok(Event::Ticker(TickerUpdate {
        ticker: text(batch, "ticker", row)?.unwrap_or_default(),
        market_id: text(batch, "market_id", row)?.unwrap_or_default(),
        ts: time(batch, "ts", row)?,
        price: price("price")?,
        yes_bid: price("yes_bid")?,
        yes_ask: price("yes_ask")?,
        yes_bid_size: quantity("yes_bid_size")?,
        yes_ask_size: quantity("yes_ask_size")?,
        last_trade_size: quantity("last_trade_size")?,
        volume: quantity("volume")?,
        open_interest: quantity("open_interest")?,
        dollar_volume: whole("dollar_volume")?,
        dollar_open_interest: whole("dollar_open_interest")?,
    }))
}

fn lifecycle_event(batch: &Batch, row: usize) -> Result<Event<'static>, Error> {
    Ok(Event::Lifecycle(Lifecycle {
        channel: text(batch, "channel", row)?.unwrap_or_default(),
        event_type: text(batch, "event_type", row)?.unwrap_or_default(),
        ticker: text(batch, "ticker", row)?,
        event_ticker: text(batch, "event_ticker", row)?,
        ts: time(batch, "ts", row)?,
        payload: text(batch, "payload", row)?.unwrap_or_default(),
    }))
}

fn text(batch: &Batch, column: &str, row: usize) -> Result<Option<Cow<'static, str>>, Error> {
    Ok(batch.texts(column)?.get(row).map(|text| Cow::Owned(text.to_owned())))
}

fn time(batch: &Batch, column: &str, row: usize) -> Result<Option<ExchangeTime>, Error> {
    let times = batch.times(column)?;
    Ok(times.is_valid(row).then(|| ExchangeTime::from_micros(times.value(row))))
}
