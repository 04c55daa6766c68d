//! The `msg` of every frame that tells something.

use daybook_book::{Price, Quantity, Side};

use super::{
    CommunicationKind, Delta, Fill, Grid, Group, Index, Lifecycle, LifecycleChange, Order, Position, Ticker, Trade,
    encode::Encode, names::Name,
};
use crate::engine::{BookSide, GroupChange, OrderStatus, SelfTrade, UpdateReason};

/// How a book's message differs between those who are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// NO levels are told at their price of YES.
    pub(super) yes_price: bool,
    /// It is told to whose order it was.
    pub(super) own: bool,
}

impl View {
    /// The price of a level in this view.
    #[inline]
    pub(super) fn price(self, side: Side, price: Price) -> Price {
        if self.yes_price && side == Side::No { price.complement() } else { price }
    }
}

pub(super) fn delta(out: &mut Vec<u8>, delta: &Delta<'_>, name: Name<'_>, view: View) {
    out.raw(b"{");
    out.raw(name.both());
    out.raw(b",\"clock\":");
    out.int(delta.clock);
    out.raw(b",\"price_dollars\":");
    out.price(view.price(delta.side, delta.price));
    out.raw(b",\"delta_fp\":");
    out.quantity(delta.change);
    out.raw(match delta.side {
        Side::Yes => b",\"side\":\"yes\"".as_slice(),
        Side::No => b",\"side\":\"no\"",
    });
    if view.own {
        if let Some(id) = delta.client_order_id {
            out.raw(b",\"client_order_id\":");
            out.json(id);
        }
        if let Some(owner) = delta.owner.filter(|owner| owner.subaccount != 0) {
            out.raw(b",\"subaccount\":");
            out.int(owner.subaccount);
        }
    }
    if let Some(ts) = delta.ts {
        out.raw(b",\"ts\":");
        out.stamp(ts);
        out.raw(b",\"ts_ms\":");
        out.int(ts.micros().div_euclid(1_000));
    }
    out.raw(b"}");
}

/// A snapshot up to its levels.
pub(super) fn snapshot_head(out: &mut Vec<u8>, name: Name<'_>, clock: Option<u64>) {
    out.raw(b"{");
    out.raw(name.both());
    if let Some(clock) = clock {
        out.raw(b",\"clock\":");
        out.int(clock);
    }
}

/// One ladder of a snapshot: nothing at all if it is empty, as the venue has it. `levels` hands them out ascending; told
/// as prices of YES, the NO ladder is still ascending by its own price.
pub(super) fn ladder(out: &mut Vec<u8>, side: Side, view: View, levels: impl FnOnce(&mut dyn FnMut(Price, Quantity))) {
    let key: &[u8] = match side {
        Side::Yes => b",\"yes_dollars_fp\":[",
        Side::No => b",\"no_dollars_fp\":[",
    };
    let mut first = true;
    levels(&mut |price, quantity| {
        out.raw(if first { key } else { b"," });
        first = false;
        out.raw(b"[");
        out.price(view.price(side, price));
        out.raw(b",");
        out.quantity(quantity);
        out.raw(b"]");
    });
    if !first {
        out.raw(b"]");
    }
}

pub(super) fn trade(out: &mut Vec<u8>, trade: &Trade, name: Name<'_>) {
    out.raw(b"{\"trade_id\":");
    out.uuid(trade.id);
    out.raw(b",");
    out.raw(name.ticker());
    out.raw(b",\"yes_price_dollars\":");
    out.price(trade.price);
    out.raw(b",\"no_price_dollars\":");
    out.price(trade.price.complement());
    out.raw(b",\"count_fp\":");
    out.quantity(trade.count);
    out.raw(match trade.taker {
        BookSide::Bid => {
            b",\"taker_side\":\"yes\",\"taker_outcome_side\":\"yes\",\"taker_book_side\":\"bid\",\"is_block_trade\":"
                .as_slice()
        }
        BookSide::Ask => {
            b",\"taker_side\":\"no\",\"taker_outcome_side\":\"no\",\"taker_book_side\":\"ask\",\"is_block_trade\":"
        }
    });
    out.raw(truth(trade.is_block));
    out.raw(b",\"ts\":");
    out.int(trade.ts.micros().div_euclid(1_000_000));
    out.raw(b",\"ts_ms\":");
    out.int(trade.ts.micros().div_euclid(1_000));
    out.raw(b"}");
}

pub(super) fn ticker(out: &mut Vec<u8>, ticker: &Ticker, name: Name<'_>) {
    out.raw(b"{");
    out.raw(name.id());
    out.raw(b",");
    out.raw(name.ticker());
    out.raw(b",\"price_dollars\":");
    match ticker.last {
        Some(price) => out.price(price),
        None => out.raw(b"\"\""),
    }
    out.raw(b",\"yes_bid_dollars\":");
    out.price(ticker.yes_bid);
    out.raw(b",\"yes_ask_dollars\":");
    out.price(ticker.yes_ask);
    out.raw(b",\"volume_fp\":");
    out.quantity(ticker.volume);
    out.raw(b",\"open_interest_fp\":");
    out.quantity(ticker.open_interest);
    out.raw(b",\"dollar_volume\":");
    out.int(ticker.dollar_volume);
    out.raw(b",\"dollar_open_interest\":");
    out.int(ticker.dollar_open_interest);
    out.raw(b",\"yes_bid_size_fp\":");
    out.quantity(ticker.yes_bid_size);
    out.raw(b",\"yes_ask_size_fp\":");
    out.quantity(ticker.yes_ask_size);
    out.raw(b",\"last_trade_size_fp\":");
    out.quantity(ticker.last_size);
    out.raw(b",\"ts\":");
    out.int(ticker.ts.micros().div_euclid(1_000_000));
    out.raw(b",\"ts_ms\":");
    out.int(ticker.ts.micros().div_euclid(1_000));
    out.raw(b",\"time\":");
    out.stamp(ticker.ts);
    out.raw(b"}");
}

pub(super) fn fill(out: &mut Vec<u8>, fill: &Fill<'_>, name: Name<'_>) {
    let report = fill.report;
    out.raw(b"{\"trade_id\":");
    out.uuid(fill.trade);
    out.raw(b",\"order_id\":");
    out.uuid(fill.order);
    if let Some(id) = &report.client_order_id {
        out.raw(b",\"client_order_id\":");
        out.json(&**id);
    }
    out.raw(b",");
    out.raw(name.ticker());
    out.raw(b",\"exchange_index\":");
    out.int(fill.exchange_index);
    out.raw(b",\"is_taker\":");
    out.raw(truth(report.is_taker));
    // The old words: selling YES is buying NO, and is called that.
    let outcome = outcome(report.side);
    out.raw(b",\"side\":");
    out.raw(outcome);
    out.raw(b",\"yes_price_dollars\":");
    out.price(report.price);
    out.raw(b",\"count_fp\":");
    out.quantity(report.count);
    out.raw(b",\"fee_cost\":");
    out.money(report.fee);
    out.raw(b",\"action\":\"buy\",\"ts\":");
    out.int(fill.ts.micros().div_euclid(1_000_000));
    out.raw(b",\"ts_ms\":");
    out.int(fill.ts.micros().div_euclid(1_000));
    out.raw(b",\"post_position_fp\":");
    out.quantity(report.position);
    out.raw(b",\"purchased_side\":");
    out.raw(outcome);
    out.raw(b",\"outcome_side\":");
    out.raw(outcome);
    out.raw(b",\"book_side\":");
    out.raw(book_side(report.side));
    out.raw(b",\"subaccount\":");
    out.int(report.owner.subaccount);
    out.raw(b"}");
}

pub(super) fn order(out: &mut Vec<u8>, order: &Order<'_>, name: Name<'_>) {
    let report = order.report;
    out.raw(b"{\"order_id\":");
    out.uuid(order.order);
    out.raw(b",\"user_id\":");
    out.uuid(order.user);
    // This channel alone says `ticker`.
    out.raw(b",\"ticker\":");
    out.raw(name.ticker_value());
    out.raw(b",\"exchange_index\":");
    out.int(order.exchange_index);
    out.raw(match report.status {
        OrderStatus::Resting => b",\"status\":\"resting\"".as_slice(),
        OrderStatus::Canceled => b",\"status\":\"canceled\"",
        OrderStatus::Executed => b",\"status\":\"executed\"",
    });
    out.raw(b",\"side\":");
    out.raw(outcome(report.side));
    out.raw(b",\"is_yes\":");
    out.raw(truth(report.side == BookSide::Bid));
    out.raw(b",\"outcome_side\":");
    out.raw(outcome(report.side));
    out.raw(b",\"book_side\":");
    out.raw(book_side(report.side));
    out.raw(b",\"yes_price_dollars\":");
    out.price(report.price);
    out.raw(b",\"fill_count_fp\":");
    out.quantity(report.filled);
    out.raw(b",\"remaining_count_fp\":");
    out.quantity(report.remaining);
    out.raw(b",\"initial_count_fp\":");
    out.quantity(report.initial);
    out.raw(b",\"taker_fill_cost_dollars\":");
    out.money(report.taker_cost);
    out.raw(b",\"maker_fill_cost_dollars\":");
    out.money(report.maker_cost);
    out.raw(b",\"taker_fees_dollars\":");
    out.money(report.taker_fees);
    out.raw(b",\"maker_fees_dollars\":");
    out.money(report.maker_fees);
    out.raw(b",\"client_order_id\":");
    out.json(report.client_order_id.as_deref().unwrap_or_default());
    if let Some(group) = order.group {
        out.raw(b",\"order_group_id\":");
        out.uuid(group);
    }
    out.raw(match report.self_trade {
        SelfTrade::TakerAtCross => b",\"self_trade_prevention_type\":\"taker_at_cross\"".as_slice(),
        SelfTrade::Maker => b",\"self_trade_prevention_type\":\"maker\"",
    });
    for (time, millis, at) in [
        (b",\"created_time\":".as_slice(), b",\"created_ts_ms\":".as_slice(), Some(report.created)),
        (b",\"last_update_time\":", b",\"last_updated_ts_ms\":", Some(order.ts)),
        (b",\"expiration_time\":", b",\"expiration_ts_ms\":", report.expires),
    ] {
        if let Some(at) = at {
            out.raw(time);
            out.stamp(at);
            out.raw(millis);
            out.int(at.micros().div_euclid(1_000));
        }
    }
    if let Some(reason) = update_reason(report.reason) {
        out.raw(b",\"last_update_reason\":\"");
        out.raw(reason);
        out.raw(b"\"");
    }
    out.raw(b",\"subaccount_number\":");
    out.int(report.owner.subaccount);
    out.raw(b"}");
}

pub(super) fn position(out: &mut Vec<u8>, position: &Position<'_>, name: Name<'_>) {
    let report = position.report;
    out.raw(b"{\"user_id\":");
    out.uuid(position.user);
    out.raw(b",");
    out.raw(name.ticker());
    out.raw(b",\"position_fp\":");
    out.quantity(report.position);
    out.raw(b",\"position_cost_dollars\":");
    out.money(report.cost);
    out.raw(b",\"realized_pnl_dollars\":");
    out.money(report.realized);
    out.raw(b",\"fees_paid_dollars\":");
    out.money(report.fees);
    out.raw(b",\"position_fee_cost_dollars\":");
    out.money(report.position_fees);
    out.raw(b",\"volume_fp\":");
    out.quantity(report.volume);
    out.raw(b",\"subaccount\":");
    out.int(report.owner.subaccount);
    out.raw(b"}");
}

pub(super) fn group(out: &mut Vec<u8>, group: &Group) {
    let (event, tells_limit): (&[u8], bool) = match group.change {
        GroupChange::Created => (b"created", true),
        GroupChange::Triggered => (b"triggered", false),
        GroupChange::Reset => (b"reset", false),
        GroupChange::LimitUpdated => (b"limit_updated", true),
        GroupChange::Deleted => (b"deleted", false),
    };
    out.raw(b"{\"event_type\":\"");
    out.raw(event);
    out.raw(b"\",\"order_group_id\":");
    out.uuid(group.group);
    if tells_limit {
        out.raw(b",\"contracts_limit_fp\":");
        out.quantity(group.limit);
    }
    out.raw(b",\"ts_ms\":");
    out.int(group.ts.micros().div_euclid(1_000));
    out.raw(b"}");
}

pub(super) fn lifecycle(out: &mut Vec<u8>, lifecycle: &Lifecycle<'_>, name: Name<'_>) {
    let seconds = |time: daybook_book::ExchangeTime| time.micros().div_euclid(1_000_000);
    out.raw(b"{");
    out.raw(name.ticker());
    let event_type: &[u8] = match lifecycle.change {
        LifecycleChange::Created { exchange_index, open, close, metadata, .. } => {
            out.raw(b",\"exchange_index\":");
            out.int(exchange_index);
            out.raw(b",\"open_ts\":");
            out.int(seconds(open));
            out.raw(b",\"close_ts\":");
            out.int(seconds(close));
            out.raw(b",\"additional_metadata\":");
            out.json(metadata);
            b"created"
        }
        LifecycleChange::Activated => {
            out.raw(b",\"is_deactivated\":false");
            b"activated"
        }
        LifecycleChange::Deactivated => {
            out.raw(b",\"is_deactivated\":true");
            b"deactivated"
        }
        LifecycleChange::CloseDateUpdated { close } => {
            out.raw(b",\"close_ts\":");
            out.int(seconds(close));
            b"close_date_updated"
        }
        LifecycleChange::Determined { at, result, value } => {
            out.raw(b",\"determination_ts\":");
            out.int(seconds(at));
            out.raw(b",\"result\":");
            out.json(result);
            out.raw(b",\"settlement_value\":");
            out.price(value);
            b"determined"
        }
        LifecycleChange::Settled { at } => {
            out.raw(b",\"settled_ts\":");
            out.int(seconds(at));
            b"settled"
        }
        LifecycleChange::GridUpdated(_) => b"price_level_structure_updated",
        LifecycleChange::MetadataUpdated(update) => {
            let start = out.len();
            out.json(update);
            // The object's fields, if it has any, go among those of the message.
            out.pop();
            if out.len() == start + 1 {
                out.truncate(start);
            } else {
                out[start] = b',';
            }
            b"metadata_updated"
        }
    };
    out.raw(b",\"event_type\":\"");
    out.raw(event_type);
    out.raw(b"\"");
    match lifecycle.change {
        // Multivariate markets are told without their prices.
        LifecycleChange::Created { grid, .. } if !name.is_multivariate() => bands(out, grid),
        LifecycleChange::GridUpdated(grid) => bands(out, grid),
        _ => {}
    }
    out.raw(b"}");
}

fn bands(out: &mut Vec<u8>, grid: Grid<'_>) {
    out.raw(b",\"price_level_structure\":");
    out.json(grid.structure);
    out.raw(b",\"price_ranges\":[");
    for (index, &(start, end, step)) in grid.bands.iter().enumerate() {
        out.raw(if index == 0 { b"{\"start\":" } else { b",{\"start\":" });
        out.price(start);
        out.raw(b",\"end\":");
        out.price(end);
        out.raw(b",\"step\":");
        out.price(step);
        out.raw(b"}");
    }
    out.raw(b"]");
}

pub(super) fn index(out: &mut Vec<u8>, index: &Index<'_>) {
    match index {
        Index::CfBenchmarks(value) => out.json(value),
        Index::CfBenchmarks5Hz(value) => out.json(value),
        Index::Pyth(value) => out.json(value),
    }
}

/// Whether this is about a request itself, which everyone may hear of, or about an answer to one.
pub(super) const fn is_of_request(kind: CommunicationKind) -> bool {
    use CommunicationKind::{RfqBatchCreated, RfqBatchDeleted, RfqCreated, RfqDeleted};
    matches!(kind, RfqCreated | RfqDeleted | RfqBatchCreated | RfqBatchDeleted)
}

const fn truth(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

const fn outcome(side: BookSide) -> &'static [u8] {
    match side {
        BookSide::Bid => b"\"yes\"",
        BookSide::Ask => b"\"no\"",
    }
}

const fn book_side(side: BookSide) -> &'static [u8] {
    match side {
        BookSide::Bid => b"\"bid\"",
        BookSide::Ask => b"\"ask\"",
    }
}

/// The protocol has no word for an order that is new, nor for one that its owner cancelled.
const fn update_reason(reason: UpdateReason) -> Option<&'static [u8]> {
    Some(match reason {
        UpdateReason::Created | UpdateReason::Cancel => return None,
        UpdateReason::Trade => b"Trade",
        UpdateReason::Decrease => b"Decrease",
        UpdateReason::Amend => b"Amend",
        UpdateReason::SelfTradeCancel => b"SelfTradeCancel",
        UpdateReason::ExpiryCancel => b"ExpiryCancel",
        UpdateReason::CloseCancel => b"CloseCancel",
        UpdateReason::HaltCancel => b"HaltCancel",
        UpdateReason::PostOnlyCrossCancel => b"PostOnlyCrossCancel",
        UpdateReason::ReduceOnlyCancel => b"ReduceOnlyCancel",
        UpdateReason::MarginCancel => b"MarginCancel",
    })
}
