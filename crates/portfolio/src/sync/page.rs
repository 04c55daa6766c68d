//! Asks the source for one page of a stream.

use daybook_kalshi::rest::{
    historical::{HistoricalCutoff, HistoricalFillsQuery, HistoricalOrdersQuery, HistoricalPositionsQuery},
    orders::OrdersQuery,
    portfolio::{FillsQuery, PositionsPage, PositionsQuery, SettlementFilter, SettlementsQuery},
    value::{Cursor, Subaccount, UnixSeconds},
};

use super::{
    Stream,
    checkpoint::{Stage, Walk},
};
use crate::{
    error::RowError,
    source::{AccountSource, SourceError},
    table::{self, MirrorRow, Table},
    time::micros,
};

/// A page as rows of tables, and where the next one begins.
pub(crate) struct Page {
    pub tables: Vec<(&'static Table, Vec<MirrorRow>)>,
    pub next: Option<Cursor>,
}

/// Why there is no page.
pub(crate) enum PageError {
    Source(SourceError),
    Row(RowError),
}

impl From<SourceError> for PageError {
    fn from(error: SourceError) -> PageError {
        PageError::Source(error)
    }
}

impl From<RowError> for PageError {
    fn from(error: RowError) -> PageError {
        PageError::Row(error)
    }
}

/// The page of `stream` at which `walk` stands.
pub(crate) async fn page(
    source: &impl AccountSource,
    stream: Stream,
    subaccount: Subaccount,
    walk: &Walk,
    limit: u32,
) -> Result<Page, PageError> {
    let (limit, cursor, whose) = (Some(limit), walk.cursor.clone(), Some(subaccount));
    // A second earlier, since it is not said whether the filter includes the very second that it names.
    let min_ts = walk.since.map(|since| UnixSeconds(since.div_euclid(1_000_000).saturating_sub(1)));
    match (stream, walk.stage) {
        (Stream::Balance, _) => Ok(Page { tables: Vec::new(), next: None }),
        (Stream::Positions, Stage::Live) => {
            // Settled ones too: that is how their last state becomes known. These pages never split an event.
            let settlement_status = Some(SettlementFilter::All);
            let query =
                PositionsQuery { limit, cursor, subaccount: whose, settlement_status, ..PositionsQuery::default() };
            positions(source.positions(&query).await?, subaccount)
        }
        (Stream::Positions, Stage::Historical) => {
            let query =
                HistoricalPositionsQuery { limit, cursor, subaccount: whose, ..HistoricalPositionsQuery::default() };
            positions(source.historical_positions(&query).await?, subaccount)
        }
        (Stream::Fills, stage) => {
            let page = if stage == Stage::Live {
                let query = FillsQuery { limit, cursor, subaccount: whose, min_ts, ..FillsQuery::default() };
                source.fills(&query).await?
            } else {
                let query = HistoricalFillsQuery {
                    limit,
                    cursor,
                    subaccount: whose,
                    min_ts,
                    ..HistoricalFillsQuery::default()
                };
                source.historical_fills(&query).await?
            };
            let rows = page.fills.iter().map(|row| table::fill(row, subaccount)).collect::<Result<_, _>>()?;
            Ok(Page { tables: vec![(&table::FILLS, rows)], next: page.cursor })
        }
        (Stream::Settlements, _) => {
            let query = SettlementsQuery { limit, cursor, subaccount: whose, min_ts, ..SettlementsQuery::default() };
            let page = source.settlements(&query).await?;
            let rows =
                page.settlements.iter().map(|row| table::settlement(row, subaccount)).collect::<Result<_, _>>()?;
            Ok(Page { tables: vec![(&table::SETTLEMENTS, rows)], next: page.cursor })
        }
        (Stream::Orders, stage) => {
            let page = if stage == Stage::Live {
                let query = OrdersQuery { limit, cursor, subaccount: whose, min_ts, ..OrdersQuery::default() };
                source.orders(&query).await?
            } else {
                let query = HistoricalOrdersQuery {
                    limit,
                    cursor,
                    subaccount: whose,
                    min_ts,
                    ..HistoricalOrdersQuery::default()
                };
                source.historical_orders(&query).await?
            };
            let rows = page.orders.iter().map(|row| table::order(row, subaccount)).collect::<Result<_, _>>()?;
            Ok(Page { tables: vec![(&table::ORDERS, rows)], next: page.cursor })
        }
    }
}

fn positions(page: PositionsPage, subaccount: Subaccount) -> Result<Page, PageError> {
    let markets = page.market_positions.iter().map(|row| table::position(row, subaccount));
    let events = page.event_positions.iter().map(|row| table::event_position(row, subaccount));
    Ok(Page {
        tables: vec![
            (&table::POSITIONS, markets.collect::<Result<_, _>>()?),
            (&table::EVENT_POSITIONS, events.collect::<Result<_, _>>()?),
        ],
        next: page.cursor,
    })
}

/// Whether the venue may have archived rows that a walk from `since` on must see.
pub(crate) fn has_history(stream: Stream, since: Option<i64>, cutoff: &HistoricalCutoff) -> bool {
    let cutoff = match stream {
        Stream::Balance | Stream::Settlements => return false,
        Stream::Fills => Some(cutoff.trades_created_ts),
        Stream::Orders => Some(cutoff.orders_updated_ts),
        Stream::Positions => cutoff.market_positions_last_updated_ts,
    };
    match (since, cutoff) {
        (Some(since), Some(cutoff)) => micros(cutoff) > since,
        _ => true,
    }
}
