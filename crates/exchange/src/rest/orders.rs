//! Orders as they are read.

use daybook_kalshi::rest::{
    markets::OutcomeSide,
    orders::{
        Order, OrderAction, OrderAnswer, OrderKind, OrderStatus, OrdersPage, OrdersQuery, QueuePosition,
        QueuePositionAnswer, QueuePositions, QueuePositionsQuery, SelfTradePrevention,
    },
    value::Subaccount,
};
use serde_json::Map;

use super::{
    account,
    answer::{Answer, Refusal},
    historical,
    markets::{direction, times},
    page::{Limit, Page, wire},
    request::Request,
};
use crate::{
    engine::{self, OrderId, SelfTrade},
    venue::{Kind, MarketRow, OrderRow, Venue, index, timestamp},
};

const LIMIT: Limit = Limit::new(1, 1_000, 100);
/// So many events in one query.
const EVENTS: usize = 100;

pub(super) fn list(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: OrdersQuery = request.query()?;
    let page_asked = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    if let Some(OrderStatus::Other(word)) = &query.status {
        return Err(Refusal::Query(format!("status: {word:?} is not one of resting, canceled, executed")));
    }
    if query.event_ticker.len() > EVENTS {
        return Err(Refusal::Query(format!("event_ticker: at most {EVENTS}")));
    }
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let (since, at) = (historical::cutoff_of_orders(venue, request.now), times(query.min_ts, query.max_ts));
    let catalogue = venue.catalogue();
    page(venue, request, &page_asked, |market, row| {
        (row.is_resting() || row.updated >= since)
            && at.contains(&row.report.created.micros())
            && query.status.as_ref().is_none_or(|status| *status == status_of(row))
            && query.ticker.as_ref().is_none_or(|ticker| *ticker == market.ticker)
            && (query.event_ticker.is_empty() || query.event_ticker.contains(&catalogue.event(market.event).ticker))
            && subaccount.is_none_or(|subaccount| row.report.owner.subaccount == subaccount)
            && query.exchange_index.is_none_or(|asked| asked == index(market.shard))
    })
}

/// A page of those of the caller's orders that are wanted, newest first.
pub(super) fn page(
    venue: &Venue,
    request: &Request<'_>,
    page: &Page,
    wanted: impl Fn(&MarketRow, &OrderRow) -> bool,
) -> Result<Answer, Refusal> {
    let records = &account::of(venue, request)?.records;
    let (orders, cursor) = page.newest_first(&records.orders, |row| {
        wanted(venue.catalogue().market(row.report.market), row).then(|| order(venue, row))
    });
    Ok(Answer::ok(OrdersPage { orders, cursor: wire(cursor), extra: Map::new() }))
}

pub(super) fn one(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let row = found(venue, request)?;
    Ok(Answer::ok(OrderAnswer { order: order(venue, row), extra: Map::new() }))
}

/// The caller's order that the path names, if it is no history.
fn found<'a>(venue: &'a Venue, request: &Request<'_>) -> Result<&'a OrderRow, Refusal> {
    let subaccount = request.subaccount_filter(None)?;
    let since = historical::cutoff_of_orders(venue, request.now);
    let row = parse(venue, request.param("order_id"))
        .and_then(|id| account::of(venue, request).ok()?.records.order(id))
        .filter(|row| subaccount.is_none_or(|subaccount| row.report.owner.subaccount == subaccount))
        .filter(|row| row.is_resting() || row.updated >= since);
    row.ok_or_else(|| Refusal::not_found("order"))
}

/// The order that a text names.
pub(super) fn parse(venue: &Venue, text: &str) -> Option<OrderId> {
    venue.ids().parse(Kind::Order, text).map(OrderId)
}

pub(super) fn queue_position(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let order = found(venue, request)?.report.order;
    let queue_position_fp = venue.queue_position(order).ok_or_else(|| Refusal::not_found("resting order"))?;
    Ok(Answer::ok(QueuePositionAnswer { queue_position_fp, extra: Map::new() }))
}

pub(super) fn queue_positions(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: QueuePositionsQuery = request.query()?;
    let subaccount = request.owner(query.subaccount)?.subaccount;
    let catalogue = venue.catalogue();
    let event = query.event_ticker.as_ref().map(|ticker| catalogue.event_id(ticker.as_str()));
    let rows = account::of(venue, request)?.records.orders.iter().filter(|row| {
        let market = catalogue.market(row.report.market);
        row.is_resting()
            && row.report.owner.subaccount == subaccount
            && (query.market_tickers.is_empty() || query.market_tickers.contains(&market.ticker))
            && event.is_none_or(|event| event == Some(market.event))
    });
    let queue_positions = rows.filter_map(|row| {
        Some(QueuePosition {
            order_id: venue.ids().of(Kind::Order, row.report.order.0).to_string().into(),
            market_ticker: catalogue.market(row.report.market).ticker.clone(),
            queue_position_fp: venue.queue_position(row.report.order)?,
            extra: Map::new(),
        })
    });
    Ok(Answer::ok(QueuePositions { queue_positions: queue_positions.collect(), extra: Map::new() }))
}

fn status_of(row: &OrderRow) -> OrderStatus {
    match row.report.status {
        engine::OrderStatus::Resting => OrderStatus::Resting,
        engine::OrderStatus::Canceled => OrderStatus::Canceled,
        engine::OrderStatus::Executed => OrderStatus::Executed,
    }
}

/// The deprecated pair of words: selling YES is told as that.
pub(super) fn side_and_action(side: engine::BookSide) -> (OutcomeSide, OrderAction) {
    match side {
        engine::BookSide::Bid => (OutcomeSide::Yes, OrderAction::Buy),
        engine::BookSide::Ask => (OutcomeSide::No, OrderAction::Buy),
    }
}

fn order(venue: &Venue, row: &OrderRow) -> Order {
    let report = &row.report;
    let market = venue.catalogue().market(report.market);
    let (outcome_side, book_side) = direction(report.side);
    let (side, action) = side_and_action(report.side);
    let ids = venue.ids();
    let user = venue.account(report.owner.account).map(|account| account.user).unwrap_or_default();
    Order {
        order_id: ids.of(Kind::Order, report.order.0).to_string().into(),
        user_id: user.to_string().into(),
        client_order_id: report.client_order_id.as_deref().map(Into::into),
        ticker: market.ticker.clone(),
        side: Some(side),
        action: Some(action),
        outcome_side,
        book_side,
        kind: OrderKind::Limit,
        status: status_of(row),
        yes_price_dollars: report.price,
        no_price_dollars: report.price.complement(),
        fill_count_fp: report.filled,
        remaining_count_fp: report.remaining,
        initial_count_fp: report.initial,
        taker_fill_cost_dollars: report.taker_cost,
        maker_fill_cost_dollars: report.maker_cost,
        taker_fees_dollars: report.taker_fees,
        maker_fees_dollars: report.maker_fees,
        expiration_time: report.expires.map(timestamp),
        created_time: Some(timestamp(report.created)),
        last_update_time: Some(timestamp(row.updated)),
        self_trade_prevention_type: Some(match report.self_trade {
            SelfTrade::TakerAtCross => SelfTradePrevention::TakerAtCross,
            SelfTrade::Maker => SelfTradePrevention::Maker,
        }),
        order_group_id: report.group.map(|group| ids.of(Kind::Group, group.0).to_string().into()),
        cancel_order_on_pause: Some(report.cancel_on_pause),
        subaccount_number: Some(Subaccount(report.owner.subaccount.into())),
        exchange_index: Some(index(market.shard)),
        extra: Map::new(),
    }
}
