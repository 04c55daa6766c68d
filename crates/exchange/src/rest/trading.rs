//! Orders as they are written.

use std::sync::Arc;

use axum::http::StatusCode;
use daybook_book::{ExchangeTime, Money, Quantity, Ticker};
use daybook_kalshi::rest::{
    markets::BookSide,
    orders::{
        AmendOrder, AmendOrderQuery, BatchCanceled, BatchCreated, CancelAllOrdersQuery, CancelOrder, CancelOrderQuery,
        CancelOrders, CreateOrder, CreateOrders, DecreaseOrder, DecreaseOrderQuery, ItemError, OrderAmended,
        OrderCanceled, OrderCreated, OrderDecreased, OrdersCanceled, OrdersCreated, SelfTradePrevention, TimeInForce,
    },
    value::{ExchangeIndex, UnixMillis, UnixSeconds},
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    orders,
    request::Request,
};
use crate::{
    engine::{self, Command, DecreaseTo, MarketId, OrderId, OrderReceipt, Owner, Receipt, Reject, SelfTrade},
    venue::{Kind, Venue, order_apart},
};

pub(super) fn create(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::created(placed(venue, request, request.body()?)?))
}

/// Places one after another; those that cannot be placed say so in their own place.
pub(super) fn create_batch(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: CreateOrders = request.body()?;
    let mut orders = Vec::with_capacity(body.orders.len());
    for order in body.orders {
        let client_order_id = order.client_order_id.clone();
        orders.push(match placed(venue, request, order) {
            Ok(created) => BatchCreated {
                order_id: Some(created.order_id),
                client_order_id: created.client_order_id,
                fill_count: Some(created.fill_count),
                remaining_count: Some(created.remaining_count),
                average_fill_price: created.average_fill_price,
                average_fee_paid: created.average_fee_paid,
                ts_ms: Some(created.ts_ms),
                error: None,
                extra: Map::new(),
            },
            Err(refusal) => BatchCreated {
                order_id: None,
                client_order_id,
                fill_count: None,
                remaining_count: None,
                average_fill_price: None,
                average_fee_paid: None,
                ts_ms: None,
                error: Some(item_error(&refusal)),
                extra: Map::new(),
            },
        });
    }
    Ok(Answer::created(OrdersCreated { orders, extra: Map::new() }))
}

fn placed(venue: &mut Venue, request: &Request<'_>, body: CreateOrder) -> Result<OrderCreated, Refusal> {
    let owner = owner(venue, request, body.subaccount)?;
    let (market, shard) = routed(venue, &body.ticker, body.exchange_index)?;
    let (time_in_force, post_only) = (time_in_force(&body, request.now)?, body.post_only.unwrap_or_default());
    let group = match &body.order_group_id {
        None => None,
        Some(id) => {
            let number = venue.ids().parse(Kind::Group, id.as_str());
            Some(number.map(engine::GroupId).ok_or_else(|| Refusal::not_found("order group"))?)
        }
    };
    let client_order_id = body.client_order_id.as_ref().filter(|id| !id.as_str().is_empty());
    let command = Command::Create(engine::CreateOrder {
        owner,
        market,
        side: side(&body.side)?,
        price: body.price,
        count: body.count,
        time_in_force,
        self_trade: match body.self_trade_prevention_type {
            SelfTradePrevention::TakerAtCross => SelfTrade::TakerAtCross,
            SelfTradePrevention::Maker => SelfTrade::Maker,
            SelfTradePrevention::Other(word) => {
                let message = format!("self_trade_prevention_type {word:?} is neither taker_at_cross nor maker");
                return Err(Refusal::bad("invalid_parameters", message));
            }
        },
        post_only,
        reduce_only: body.reduce_only.unwrap_or_default(),
        cancel_on_pause: body.cancel_order_on_pause.unwrap_or_default(),
        group,
        client_order_id: client_order_id.map(|id| Arc::from(id.as_str())),
    });
    let receipt = receipt(applied(venue, shard, command, request.now)?)?;
    Ok(OrderCreated {
        order_id: id(venue, receipt.order),
        client_order_id: client_order_id.cloned(),
        fill_count: receipt.filled,
        remaining_count: receipt.remaining,
        average_fill_price: average(receipt.value, receipt.filled),
        average_fee_paid: average(receipt.fees, receipt.filled),
        ts_ms: millis(venue),
        extra: Map::new(),
    })
}

pub(super) fn amend(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: AmendOrderQuery = request.query()?;
    let body: AmendOrder = request.body()?;
    let owner = owner(venue, request, query.subaccount)?;
    let order = named(venue, request.param("order_id"))?;
    let (market, shard) = routed(venue, &body.ticker, body.exchange_index)?;
    let before = on_shard(venue, order, shard)?;
    let own_name = before.client_order_id.clone();
    check_client_order_id(&before, body.client_order_id.as_ref().map(|id| id.as_str()))?;
    let expires = match body.expiration_time {
        None => None,
        Some(UnixSeconds(0)) => Some(None),
        Some(seconds) => Some(Some(future(seconds, request.now)?)),
    };
    let renamed = body.updated_client_order_id.as_ref().filter(|id| !id.as_str().is_empty());
    let command = Command::Amend {
        owner,
        order,
        market,
        side: side(&body.side)?,
        price: body.price,
        count: body.count,
        expires,
        client_order_id: renamed.map(|id| Arc::from(id.as_str())),
    };
    let receipt = receipt(applied(venue, shard, command, request.now)?)?;
    // A shrunk, grown or filled order tells its size; one that changed otherwise does not.
    let touched = !receipt.filled.is_zero() || receipt.remaining != before.remaining;
    Ok(Answer::ok(OrderAmended {
        order_id: id(venue, receipt.order),
        client_order_id: renamed.cloned().or_else(|| own_name.as_deref().map(Into::into)),
        remaining_count: touched.then_some(receipt.remaining),
        fill_count: touched.then_some(receipt.filled),
        average_fill_price: average(receipt.value, receipt.filled),
        average_fee_paid: average(receipt.fees, receipt.filled),
        ts_ms: millis(venue),
        extra: Map::new(),
    }))
}

pub(super) fn decrease(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: DecreaseOrderQuery = request.query()?;
    let body: DecreaseOrder = request.body()?;
    let to = match (body.reduce_by, body.reduce_to) {
        (Some(by), None) => DecreaseTo::By(by),
        (None, Some(to)) => DecreaseTo::Remaining(to),
        _ => return Err(Refusal::bad("invalid_parameters", "exactly one of reduce_by and reduce_to is needed")),
    };
    let owner = owner(venue, request, query.subaccount)?;
    let order = named(venue, request.param("order_id"))?;
    let shard = shard_by(venue, body.exchange_index, body.market_ticker.as_ref())?;
    let before = on_shard(venue, order, shard)?;
    let command = Command::Decrease { owner, order, to };
    let receipt = receipt(applied(venue, shard, command, request.now)?)?;
    Ok(Answer::ok(OrderDecreased {
        order_id: id(venue, order),
        client_order_id: before.client_order_id.as_deref().map(Into::into),
        remaining_count: receipt.remaining,
        ts_ms: millis(venue),
        extra: Map::new(),
    }))
}

pub(super) fn cancel(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: CancelOrderQuery = request.query()?;
    let item = CancelOrder {
        order_id: request.param("order_id").into(),
        subaccount: query.subaccount,
        exchange_index: query.exchange_index,
        market_ticker: query.market_ticker,
    };
    Ok(Answer::ok(canceled(venue, request, &item)?))
}

pub(super) fn cancel_batch(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: CancelOrders = request.body()?;
    let mut orders = Vec::with_capacity(body.orders.len());
    for item in body.orders {
        orders.push(match canceled(venue, request, &item) {
            Ok(canceled) => BatchCanceled {
                order_id: canceled.order_id,
                client_order_id: canceled.client_order_id,
                reduced_by: canceled.reduced_by,
                ts_ms: Some(canceled.ts_ms),
                error: None,
                extra: Map::new(),
            },
            Err(refusal) => BatchCanceled {
                order_id: item.order_id,
                client_order_id: None,
                reduced_by: Quantity::ZERO,
                ts_ms: None,
                error: Some(item_error(&refusal)),
                extra: Map::new(),
            },
        });
    }
    Ok(Answer::ok(OrdersCanceled { orders, extra: Map::new() }))
}

fn canceled(venue: &mut Venue, request: &Request<'_>, item: &CancelOrder) -> Result<OrderCanceled, Refusal> {
    let owner = owner(venue, request, item.subaccount)?;
    let order = named(venue, item.order_id.as_str())?;
    let shard = shard_by(venue, item.exchange_index, item.market_ticker.as_ref())?;
    let before = on_shard(venue, order, shard)?;
    let receipt = receipt(applied(venue, shard, Command::Cancel { owner, order }, request.now)?)?;
    Ok(OrderCanceled {
        order_id: id(venue, order),
        client_order_id: before.client_order_id.as_deref().map(Into::into),
        reduced_by: receipt.canceled,
        ts_ms: millis(venue),
        extra: Map::new(),
    })
}

pub(super) fn cancel_all(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: CancelAllOrdersQuery = request.query()?;
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let account = request.account()?;
    venue.apply(Command::CancelAll { account, subaccount }, request.now).map_err(|reject| refused(&reject))?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Whose order it is to be: a subaccount that is open.
fn owner(
    venue: &Venue,
    request: &Request<'_>,
    asked: Option<daybook_kalshi::rest::value::Subaccount>,
) -> Result<Owner, Refusal> {
    let owner = request.owner(asked)?;
    if usize::from(owner.subaccount) < super::account::of(venue, request)?.netting.len() {
        Ok(owner)
    } else {
        Err(Refusal::not_found("subaccount"))
    }
}

/// A market, and the shard that a write on it goes to: its own if it is to be found, else the one that is named, where
/// a market of another one is unknown.
fn routed(venue: &Venue, ticker: &Ticker, asked: Option<ExchangeIndex>) -> Result<(MarketId, u8), Refusal> {
    let market = super::markets::found(venue, ticker.as_str())?;
    let own = venue.catalogue().market(market).shard;
    match asked {
        None | Some(ExchangeIndex::AUTO) => Ok((market, own)),
        Some(asked) if asked.0 == i32::from(own) => Ok((market, own)),
        Some(_) => Err(Refusal::not_found("market")),
    }
}

/// The shard that a write on an order goes to: the one that is named; else the market's; else the first.
fn shard_by(venue: &Venue, asked: Option<ExchangeIndex>, ticker: Option<&Ticker>) -> Result<u8, Refusal> {
    match (asked.filter(|&asked| asked != ExchangeIndex::AUTO), ticker) {
        (Some(asked), _) => u8::try_from(asked.0).map_err(|_| Refusal::not_found("exchange_index")),
        (None, Some(ticker)) => routed(venue, ticker, None).map(|(_, shard)| shard),
        (None, None) if asked.is_some() => Err(Refusal::bad("invalid_parameters", "-1 needs market_ticker")),
        (None, None) => Ok(0),
    }
}

fn named(venue: &Venue, order: &str) -> Result<OrderId, Refusal> {
    orders::parse(venue, order).ok_or_else(|| Refusal::not_found("order"))
}

/// An open order as it is before it is changed, if it is on that shard.
fn on_shard(venue: &Venue, order: OrderId, shard: u8) -> Result<engine::OrderReport, Refusal> {
    let open = venue.open_order(order).filter(|_| order_apart(order).0 == shard);
    open.ok_or_else(|| Refusal::not_found("order"))
}

fn check_client_order_id(order: &engine::OrderReport, said: Option<&str>) -> Result<(), Refusal> {
    match said.filter(|said| !said.is_empty()) {
        Some(said) if order.client_order_id.as_deref() != Some(said) => {
            Err(Refusal::bad("order_id_and_client_order_id_mismatch", "the order has another client_order_id"))
        }
        _ => Ok(()),
    }
}

fn side(side: &BookSide) -> Result<engine::BookSide, Refusal> {
    match side {
        BookSide::Bid => Ok(engine::BookSide::Bid),
        BookSide::Ask => Ok(engine::BookSide::Ask),
        BookSide::Other(word) => {
            Err(Refusal::bad("invalid_parameters", format!("side {word:?} is neither bid nor ask")))
        }
    }
}

fn time_in_force(body: &CreateOrder, now: ExchangeTime) -> Result<engine::TimeInForce, Refusal> {
    let expires = body.expiration_time;
    match &body.time_in_force {
        TimeInForce::GoodTillCanceled => {
            let expires = expires.map(|seconds| future(seconds, now)).transpose()?;
            Ok(engine::TimeInForce::GoodTillCanceled { expires })
        }
        TimeInForce::ImmediateOrCancel if expires.is_some() => {
            Err(Refusal::bad("invalid_order", "Cannot specify both immediate_or_cancel and expiration_ts"))
        }
        TimeInForce::FillOrKill if expires.is_some() => {
            Err(Refusal::bad("invalid_order", "Cannot specify both fill_or_kill and expiration_ts"))
        }
        TimeInForce::ImmediateOrCancel => Ok(engine::TimeInForce::ImmediateOrCancel),
        TimeInForce::FillOrKill => Ok(engine::TimeInForce::FillOrKill),
        TimeInForce::Other(word) => {
            Err(Refusal::bad("invalid_parameters", format!("time_in_force {word:?} is not known")))
        }
    }
}

fn future(seconds: UnixSeconds, now: ExchangeTime) -> Result<ExchangeTime, Refusal> {
    let at = ExchangeTime::from_micros(seconds.0.saturating_mul(1_000_000));
    if at > now { Ok(at) } else { Err(Refusal::bad("invalid_order", "Expiration timestamp must be in the future")) }
}

fn applied(venue: &mut Venue, shard: u8, command: Command, now: ExchangeTime) -> Result<Receipt, Refusal> {
    venue.apply_on(shard, command, now).map_err(|reject| refused(&reject))
}

fn receipt(receipt: Receipt) -> Result<OrderReceipt, Refusal> {
    receipt.order().copied().ok_or_else(|| Refusal::internal("the engine said nothing about the order"))
}

fn id(venue: &Venue, order: OrderId) -> daybook_kalshi::rest::value::OrderId {
    venue.ids().of(Kind::Order, order.0).to_string().into()
}

/// When the engine did it.
fn millis(venue: &Venue) -> UnixMillis {
    UnixMillis(venue.now().micros().div_euclid(1_000))
}

/// Per contract, to the millionth of a dollar; none without contracts.
fn average(sum: Money, count: Quantity) -> Option<Money> {
    let hundredths = i128::from(count.hundredths());
    (hundredths > 0).then(|| Money::from_micros((sum.micros() * 100 + hundredths / 2).div_euclid(hundredths)))
}

fn item_error(refusal: &Refusal) -> ItemError {
    let (code, message, details) = refusal.parts();
    ItemError {
        code: Some(code.to_owned()),
        message: Some(message.to_owned()),
        details: details.map(str::to_owned),
        extra: Map::new(),
    }
}

/// What the venue says where the engine refuses.
pub(super) fn refused(reject: &Reject) -> Refusal {
    let (status, code) = match reject {
        Reject::UnknownMarket | Reject::OrderNotFound | Reject::GroupNotFound => (StatusCode::NOT_FOUND, "not_found"),
        Reject::MarketInactive => (StatusCode::BAD_REQUEST, "MARKET_INACTIVE"),
        Reject::TradingPaused => (StatusCode::SERVICE_UNAVAILABLE, "EXCHANGE_PAUSED"),
        Reject::InvalidPrice(_) => (StatusCode::BAD_REQUEST, "invalid_price"),
        Reject::InvalidSize(_) => (StatusCode::BAD_REQUEST, "invalid_order_size"),
        Reject::InvalidAmount(_) => (StatusCode::BAD_REQUEST, "invalid_parameters"),
        Reject::InvalidOrder(_) | Reject::PostOnlyCross | Reject::NothingToReduce => {
            (StatusCode::BAD_REQUEST, "invalid_order")
        }
        Reject::NotFillable => (StatusCode::CONFLICT, "fill_or_kill_insufficient_resting_volume"),
        Reject::InsufficientBalance { .. } => (StatusCode::BAD_REQUEST, "insufficient_balance"),
        Reject::DuplicateClientOrderId => (StatusCode::CONFLICT, "order_already_exists"),
        Reject::TickerMismatch => (StatusCode::BAD_REQUEST, "order_ticker_mismatch"),
        Reject::SideMismatch => (StatusCode::BAD_REQUEST, "order_side_mismatch"),
        Reject::GroupTriggered => (StatusCode::BAD_REQUEST, "order_group_triggered"),
        Reject::MarketState(_) => (StatusCode::BAD_REQUEST, "MARKET_INACTIVE"),
        Reject::TimeWentBack => (StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error"),
    };
    Refusal::nested(status, code, reject.to_string())
}
