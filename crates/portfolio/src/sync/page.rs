//! Asks the source for one page of a stream.

use daybook_kalshi::rest::{
    historical::{HistoricalCutoff, HistoricalFillsQuery, HistoricalOrdersQuery, HistoricalPositionsQuery},
    orders::OrdersQuery,
    portfolio::{FillsQuery, PositionsPage, PositionsQuery, SettlementFilter, SettlementsQuery},
    value::{Cursor, Subaccount, UnixSeconds},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Stream,
    checkpoint::{Stage, Walk},
    salvage::{Salvage, Unusable, time},
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
    /// What is on it and cannot be kept.
    pub unusable: Vec<Unusable>,
    pub next: Option<Cursor>,
}

impl Page {
    /// An end without rows, to put what there is on it.
    fn ending(next: Option<Cursor>, unusable: Vec<Unusable>) -> Page {
        Page { tables: Vec::new(), unusable, next }
    }

    /// Puts the venue's rows on it, as rows of `table`.
    fn add<T: Serialize>(
        &mut self,
        stream: Stream,
        table: &'static Table,
        rows: &[T],
        row: impl Fn(&T) -> Result<MirrorRow, RowError>,
    ) {
        let mut kept = Vec::with_capacity(rows.len());
        for of_venue in rows {
            match row(of_venue) {
                Ok(row) => kept.push(row),
                Err(reason) => {
                    let at = serde_json::to_value(of_venue).ok().and_then(|row| time(stream, &row));
                    self.unusable.push(Unusable { at, reason });
                }
            }
        }
        self.tables.push((table, kept));
    }
}

/// The rows of an answer with one list, as far as they can be read.
fn rows<P, T: DeserializeOwned>(
    stream: Stream,
    answer: Result<P, SourceError>,
    taken_apart: impl FnOnce(P) -> (Vec<T>, Option<Cursor>),
) -> Result<(Vec<T>, Page), SourceError> {
    match answer {
        Ok(page) => {
            let (rows, next) = taken_apart(page);
            Ok((rows, Page::ending(next, Vec::new())))
        }
        Err(error) => {
            let mut salvage = Salvage::of(stream, error)?;
            let rows = salvage.rows(stream.as_str());
            let (unusable, next) = salvage.end()?;
            Ok((rows, Page::ending(next, unusable)))
        }
    }
}

/// The page of `stream` at which `walk` stands.
pub(crate) async fn page(
    source: &impl AccountSource,
    stream: Stream,
    subaccount: Subaccount,
    walk: &Walk,
    limit: u32,
) -> Result<Page, SourceError> {
    let (limit, cursor, whose) = (Some(limit), walk.cursor.clone(), Some(subaccount));
    // A second earlier, since it is not said whether the filter includes the very second that it names.
    let min_ts = walk.since.map(|since| UnixSeconds(since.div_euclid(1_000_000).saturating_sub(1)));
    match (stream, walk.stage) {
        (Stream::Balance, _) => Ok(Page::ending(None, Vec::new())),
        (Stream::Positions, Stage::Live) => {
            // Settled ones too: that is how their last state becomes known. These pages never split an event.
            let settlement_status = Some(SettlementFilter::All);
            let query =
                PositionsQuery { limit, cursor, subaccount: whose, settlement_status, ..PositionsQuery::default() };
            positions(source.positions(&query).await, subaccount)
        }
        (Stream::Positions, Stage::Historical) => {
            let query =
                HistoricalPositionsQuery { limit, cursor, subaccount: whose, ..HistoricalPositionsQuery::default() };
            positions(source.historical_positions(&query).await, subaccount)
        }
        (Stream::Fills, stage) => {
            let answer = if stage == Stage::Live {
                let query = FillsQuery { limit, cursor, subaccount: whose, min_ts, ..FillsQuery::default() };
                source.fills(&query).await
            } else {
                let query = HistoricalFillsQuery {
                    limit,
                    cursor,
                    subaccount: whose,
                    min_ts,
                    ..HistoricalFillsQuery::default()
                };
                source.historical_fills(&query).await
            };
            let (fills, mut page) = rows(Stream::Fills, answer, |page| (page.fills, page.cursor))?;
            page.add(Stream::Fills, &table::FILLS, &fills, |row| table::fill(row, subaccount));
            Ok(page)
        }
        (Stream::Settlements, _) => {
            let query = SettlementsQuery { limit, cursor, subaccount: whose, min_ts, ..SettlementsQuery::default() };
            let answer = source.settlements(&query).await;
            let (settlements, mut page) = rows(stream, answer, |page| (page.settlements, page.cursor))?;
            page.add(stream, &table::SETTLEMENTS, &settlements, |row| table::settlement(row, subaccount));
            Ok(page)
        }
        (Stream::Orders, stage) => {
            let answer = if stage == Stage::Live {
                let query = OrdersQuery { limit, cursor, subaccount: whose, min_ts, ..OrdersQuery::default() };
                source.orders(&query).await
            } else {
                let query = HistoricalOrdersQuery {
                    limit,
                    cursor,
                    subaccount: whose,
                    min_ts,
                    ..HistoricalOrdersQuery::default()
                };
                source.historical_orders(&query).await
            };
            let (orders, mut page) = rows(Stream::Orders, answer, |page| (page.orders, page.cursor))?;
            page.add(Stream::Orders, &table::ORDERS, &orders, |row| table::order(row, subaccount));
            Ok(page)
        }
    }
}

fn positions(answer: Result<PositionsPage, SourceError>, subaccount: Subaccount) -> Result<Page, SourceError> {
    let (markets, events, mut page) = match answer {
        Ok(page) => (page.market_positions, page.event_positions, Page::ending(page.cursor, Vec::new())),
        Err(error) => {
            let mut salvage = Salvage::of(Stream::Positions, error)?;
            let (markets, events) = (salvage.rows("market_positions"), salvage.rows("event_positions"));
            let (unusable, next) = salvage.end()?;
            (markets, events, Page::ending(next, unusable))
        }
    };
    page.add(Stream::Positions, &table::POSITIONS, &markets, |row| table::position(row, subaccount));
    page.add(Stream::Positions, &table::EVENT_POSITIONS, &events, |row| table::event_position(row, subaccount));
    Ok(page)
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
