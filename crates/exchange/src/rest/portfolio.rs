//! What an account has: balance, positions, fills, settlements, deposits.

use std::collections::BTreeMap;

use daybook_book::{ExchangeTime, Money, Quantity};
use daybook_kalshi::rest::{
    markets::MarketResult,
    portfolio::{
        Balance, BalanceQuery, DepositsPage, DepositsQuery, EventPosition, Fill, FillsPage, FillsQuery, MarketPosition,
        Payment, PaymentKind, PaymentStatus, PositionCount, PositionsPage, PositionsQuery, RestingOrderValue,
        Settlement, SettlementFilter, SettlementsPage, SettlementsQuery, ShardBalance, WithdrawalsPage,
        WithdrawalsQuery,
    },
    value::{Cents, Subaccount, UnixSeconds},
};
use serde_json::Map;

use super::{
    account,
    answer::{Answer, Refusal},
    historical,
    markets::{direction, times},
    orders::{parse, side_and_action},
    page::{Limit, Page, wire},
    request::Request,
};
use crate::{
    engine::{BookSide, MarketId, MarketState, Owner},
    venue::{EventId, FillRow, Kind, MarketRow, PositionRow, SettlementRow, Venue, index, result, timestamp, worth},
};

const LIMIT: Limit = Limit::new(1, 1_000, 100);
const PAYMENTS: Limit = Limit::new(1, 500, 100);
/// So many markets in one query.
const MARKETS: usize = 100;

/// Whole cents, rounded down.
pub(super) fn cents(money: Money) -> Cents {
    Cents(i64::try_from(money.micros().div_euclid(10_000)).unwrap_or(i64::MAX))
}

/// What is free to trade with on a shard.
pub(super) fn free(venue: &Venue, owner: Owner, shard: u8) -> Money {
    let cash = venue.engine(shard).map(|engine| engine.cash(owner)).unwrap_or_default();
    cash.total - cash.reserved
}

pub(super) fn seconds(at: ExchangeTime) -> UnixSeconds {
    UnixSeconds(at.micros().div_euclid(1_000_000))
}

pub(super) fn balance(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: BalanceQuery = request.query()?;
    let owner = request.owner(query.subaccount)?;
    let asked: Vec<u8> = match query.exchange_index {
        None => (0..venue.shards()).map(|shard| shard as u8).collect(),
        Some(asked) => {
            let shard = u8::try_from(asked.0).ok().filter(|&shard| usize::from(shard) < venue.shards());
            vec![shard.ok_or_else(|| Refusal::Query("exchange_index: there is no such shard".into()))?]
        }
    };
    let records = &account::of(venue, request)?.records;
    let free: Vec<(u8, Money)> = asked.iter().map(|&shard| (shard, free(venue, owner, shard))).collect();
    let sum: Money = free.iter().map(|&(_, money)| money).sum();
    let positions = records.positions.iter().filter(|((market, subaccount), _)| {
        *subaccount == owner.subaccount && asked.contains(&venue.catalogue().market(*market).shard)
    });
    let value: Money = positions.map(|((market, _), row)| value_of(venue.catalogue().market(*market), row)).sum();
    let changed = asked.iter().filter_map(|&shard| records.cash_changed.get(&(owner.subaccount, shard))).max();
    let breakdown = free.into_iter().map(|(shard, balance)| ShardBalance {
        exchange_index: index(shard),
        balance,
        extra: Map::new(),
    });
    Ok(Answer::ok(Balance {
        balance: cents(sum),
        balance_dollars: sum,
        portfolio_value: cents(value),
        updated_ts: changed.map_or(UnixSeconds(0), |&at| seconds(at)),
        balance_breakdown: request.caller()?.subaccount.is_none().then(|| breakdown.collect()),
        extra: Map::new(),
    }))
}

/// What a position is worth: at its result, else at the last trade's price, else what it cost; nothing once paid out.
fn value_of(market: &MarketRow, row: &PositionRow) -> Money {
    if market.state == MarketState::Finalized {
        return Money::ZERO;
    }
    market.value.or(market.last_price).map_or(row.report.cost, |price| worth(row.report.position, price))
}

pub(super) fn resting_order_value(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let records = &account::of(venue, request)?.records;
    let subaccount = request.subaccount_filter(None)?;
    let mut by_shard = vec![Money::ZERO; venue.shards()];
    for row in records.orders.iter().filter(|row| row.is_resting()) {
        let report = &row.report;
        if subaccount.is_none_or(|subaccount| report.owner.subaccount == subaccount) {
            let price = match report.side {
                BookSide::Bid => report.price,
                BookSide::Ask => report.price.complement(),
            };
            by_shard[usize::from(venue.catalogue().market(report.market).shard)] += Money::of(price, report.remaining);
        }
    }
    let breakdown = by_shard.iter().enumerate().map(|(shard, &balance)| ShardBalance {
        exchange_index: index(shard as u8),
        balance,
        extra: Map::new(),
    });
    Ok(Answer::ok(RestingOrderValue {
        total_resting_order_value: cents(by_shard.iter().copied().sum()),
        resting_order_value_breakdown: breakdown.collect(),
        extra: Map::new(),
    }))
}

/// Whether positions in a market are history: once it is.
pub(super) fn is_historical_position(venue: &Venue, market: MarketId, now: ExchangeTime) -> bool {
    // They move by whole events.
    let event = venue.catalogue().event_of(market);
    event.markets.iter().all(|&market| historical::is_market(venue, market, now))
}

pub(super) fn positions(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: PositionsQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    for count in &query.count_filter {
        if let PositionCount::Other(word) = count {
            return Err(Refusal::Query(format!("count_filter: {word:?} is neither position nor total_traded")));
        }
    }
    let settled = match query.settlement_status {
        None | Some(SettlementFilter::Unsettled) => Some(false),
        Some(SettlementFilter::Settled) => Some(true),
        Some(SettlementFilter::All) => None,
        Some(SettlementFilter::Other(word)) => {
            return Err(Refusal::Query(format!("settlement_status: {word:?} is not one of unsettled, settled, all")));
        }
    };
    let subaccount = request.owner(query.subaccount)?.subaccount;
    let catalogue = venue.catalogue();
    let event = query.event_ticker.as_ref().map(|ticker| catalogue.event_id(ticker.as_str()));
    positions_page(venue, request, &page, |id, row| {
        let market = catalogue.market(id);
        let counts = |count: &PositionCount| match count {
            PositionCount::Position => !row.report.position.is_zero(),
            _ => row.report.traded != Money::ZERO,
        };
        row.report.owner.subaccount == subaccount
            && settled.is_none_or(|settled| settled == (market.state == MarketState::Finalized))
            && !is_historical_position(venue, id, request.now)
            && (query.count_filter.is_empty() || query.count_filter.iter().any(counts))
            && query.ticker.as_ref().is_none_or(|ticker| *ticker == market.ticker)
            && event.is_none_or(|event| event == Some(market.event))
            && query.exchange_index.is_none_or(|asked| asked == index(market.shard))
    })
}

/// A page of those of the caller's positions that are wanted, and the same by event.
pub(super) fn positions_page(
    venue: &Venue,
    request: &Request<'_>,
    page: &Page,
    wanted: impl Fn(MarketId, &PositionRow) -> bool,
) -> Result<Answer, Refusal> {
    let records = &account::of(venue, request)?.records;
    let place = |market: MarketId, subaccount: u8| u64::from(market.0) << 8 | u64::from(subaccount);
    let rows = records.positions.iter().filter(|((market, subaccount), row)| {
        page.from.is_none_or(|from| place(*market, *subaccount) >= from) && wanted(*market, row)
    });
    let rows = rows.map(|((market, subaccount), row)| (place(*market, *subaccount), (*market, row)));
    let (rows, cursor) = page.take(rows);
    let market_positions = rows.iter().map(|(market, row)| market_position(venue, *market, row)).collect();
    let mut events = BTreeMap::<EventId, EventPosition>::new();
    for (market, row) in rows {
        let id = venue.catalogue().market(market).event;
        let entry = events.entry(id).or_insert_with(|| EventPosition {
            event_ticker: venue.catalogue().event(id).ticker.clone(),
            total_cost_dollars: Money::ZERO,
            total_cost_shares_fp: Quantity::ZERO,
            event_exposure_dollars: Money::ZERO,
            realized_pnl_dollars: Money::ZERO,
            fees_paid_dollars: Money::ZERO,
            extra: Map::new(),
        });
        entry.total_cost_dollars += row.report.traded;
        let shares = entry.total_cost_shares_fp.hundredths().saturating_add(row.report.volume.hundredths());
        entry.total_cost_shares_fp = Quantity::from_hundredths(shares);
        entry.event_exposure_dollars += row.report.cost;
        entry.realized_pnl_dollars += row.report.realized;
        entry.fees_paid_dollars += row.report.fees;
    }
    let event_positions = events.into_values().collect();
    Ok(Answer::ok(PositionsPage { cursor: wire(cursor), market_positions, event_positions, extra: Map::new() }))
}

fn market_position(venue: &Venue, id: MarketId, row: &PositionRow) -> MarketPosition {
    let market = venue.catalogue().market(id);
    MarketPosition {
        ticker: market.ticker.clone(),
        exchange_index: index(market.shard),
        total_traded_dollars: row.report.traded,
        position_fp: row.report.position,
        market_exposure_dollars: row.report.cost,
        realized_pnl_dollars: row.report.realized,
        fees_paid_dollars: row.report.fees,
        last_updated_ts: timestamp(row.updated),
        extra: Map::new(),
    }
}

pub(super) fn fills(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: FillsQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    if query.ticker.len() > MARKETS {
        return Err(Refusal::Query(format!("ticker: at most {MARKETS}")));
    }
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let (since, at) = (historical::cutoff_of_others(venue, request.now), times(query.min_ts, query.max_ts));
    let order = query.order_id.as_ref().map(|id| parse(venue, id.as_str()));
    fills_page(venue, request, &page, |market, row| {
        row.at >= since
            && at.contains(&row.at.micros())
            && (query.ticker.is_empty() || query.ticker.contains(&market.ticker))
            && order.is_none_or(|order| order == Some(row.report.order))
            && subaccount.is_none_or(|subaccount| row.report.owner.subaccount == subaccount)
            && query.exchange_index.is_none_or(|asked| asked == index(market.shard))
    })
}

/// A page of those of the caller's fills that are wanted, newest first.
pub(super) fn fills_page(
    venue: &Venue,
    request: &Request<'_>,
    page: &Page,
    wanted: impl Fn(&MarketRow, &FillRow) -> bool,
) -> Result<Answer, Refusal> {
    let records = &account::of(venue, request)?.records;
    let (fills, cursor) = page.newest_first(&records.fills, |row| {
        let market = venue.catalogue().market(row.report.market);
        wanted(market, row).then(|| fill(venue, market, row))
    });
    Ok(Answer::ok(FillsPage { fills, cursor: wire(cursor), extra: Map::new() }))
}

fn fill(venue: &Venue, market: &MarketRow, row: &FillRow) -> Fill {
    let report = &row.report;
    let (outcome_side, book_side) = direction(report.side);
    let (side, action) = side_and_action(report.side);
    let trade = venue.ids().of(Kind::Trade, report.trade.0).to_string();
    Fill {
        fill_id: trade.as_str().into(),
        exchange_index: index(market.shard),
        trade_id: trade.into(),
        order_id: venue.ids().of(Kind::Order, report.order.0).to_string().into(),
        ticker: market.ticker.clone(),
        market_ticker: market.ticker.clone(),
        side: Some(side),
        action: Some(action),
        outcome_side,
        book_side,
        count_fp: report.count,
        yes_price_dollars: report.price,
        no_price_dollars: report.price.complement(),
        is_taker: report.is_taker,
        created_time: Some(timestamp(row.at)),
        fee_cost: report.fee,
        subaccount_number: Some(Subaccount(report.owner.subaccount.into())),
        ts: Some(seconds(row.at)),
        extra: Map::new(),
    }
}

pub(super) fn settlements(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: SettlementsQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let at = times(query.min_ts, query.max_ts);
    let catalogue = venue.catalogue();
    let event = query.event_ticker.as_ref().map(|ticker| catalogue.event_id(ticker.as_str()));
    let records = &account::of(venue, request)?.records;
    let (settlements, cursor) = page.newest_first(&records.settlements, |row| {
        let market = catalogue.market(row.report.market);
        let wanted = at.contains(&row.at.micros())
            && query.ticker.as_ref().is_none_or(|ticker| *ticker == market.ticker)
            && event.is_none_or(|event| event == Some(market.event))
            && subaccount.is_none_or(|subaccount| row.report.owner.subaccount == subaccount);
        wanted.then(|| settlement(venue, market, row))
    });
    Ok(Answer::ok(SettlementsPage { settlements, cursor: wire(cursor), extra: Map::new() }))
}

fn settlement(venue: &Venue, market: &MarketRow, row: &SettlementRow) -> Settlement {
    let report = &row.report;
    let held_no = report.position.is_negative();
    let of = |is_no: bool| if held_no == is_no { report.cost } else { Money::ZERO };
    let market_result = if market.scalar { MarketResult::Scalar } else { result(report.value) };
    Settlement {
        ticker: market.ticker.clone(),
        exchange_index: index(market.shard),
        event_ticker: venue.catalogue().event(market.event).ticker.clone(),
        market_result,
        yes_count_fp: if held_no { Quantity::ZERO } else { report.position },
        yes_total_cost_dollars: of(false),
        no_count_fp: if held_no { -report.position } else { Quantity::ZERO },
        no_total_cost_dollars: of(true),
        revenue: cents(report.revenue),
        settled_time: timestamp(row.at),
        fee_cost: report.fees,
        value: Some(cents(Money::of(report.value, ONE_CONTRACT))),
        extra: Map::new(),
    }
}

const ONE_CONTRACT: Quantity = Quantity::from_hundredths(100);

pub(super) fn deposits(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: DepositsQuery = request.query()?;
    let page = Page::read(request, query.limit, PAYMENTS, query.cursor.as_ref())?;
    request.unrestricted()?;
    let records = &account::of(venue, request)?.records;
    let (deposits, cursor) = page.newest_first(&records.payments, |row| {
        Some(Payment {
            id: row.id.to_string().into(),
            status: PaymentStatus::Applied,
            kind: PaymentKind::Ach,
            amount_cents: cents(row.amount),
            fee_cents: Cents(0),
            created_ts: seconds(row.at),
            finalized_ts: Some(seconds(row.at)),
            extra: Map::new(),
        })
    });
    Ok(Answer::ok(DepositsPage { deposits, cursor: wire(cursor), extra: Map::new() }))
}

/// Nothing is ever withdrawn from here.
pub(super) fn withdrawals(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: WithdrawalsQuery = request.query()?;
    Page::read(request, query.limit, PAYMENTS, query.cursor.as_ref())?;
    request.unrestricted()?;
    Ok(Answer::ok(WithdrawalsPage { withdrawals: Vec::new(), cursor: wire(None), extra: Map::new() }))
}
