//! Order groups.

use daybook_book::Quantity;
use daybook_kalshi::rest::{
    order_groups::{
        CreateOrderGroup, OrderGroup, OrderGroupCreated, OrderGroupDetail, OrderGroupLimit, OrderGroupPlace,
        OrderGroupQuery, OrderGroups, OrderGroupsQuery,
    },
    value::{ExchangeIndex, Subaccount},
};
use serde_json::{Map, Value};

use super::{
    account,
    answer::{Answer, Refusal},
    request::Request,
    trading::refused,
};
use crate::{
    engine::{Command, GroupAction, GroupId, Owner, Receipt},
    venue::{GroupRow, Kind, Venue, group_apart, index},
};

/// Contracts that a group may be limited to: 1 to a million.
const LIMITS: std::ops::RangeInclusive<i64> = 100..=100_000_000;

pub(super) fn list(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: OrderGroupsQuery = request.query()?;
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let groups = account::of(venue, request)?.records.groups.iter();
    let groups = groups.filter(|(_, row)| subaccount.is_none_or(|subaccount| row.subaccount == subaccount));
    let groups = groups.map(|(&id, row)| OrderGroup {
        id: venue.ids().of(Kind::Group, id.0).to_string().into(),
        contracts_limit_fp: Some(row.limit),
        is_auto_cancel_enabled: true,
        exchange_index: Some(index(group_apart(id).0)),
        extra: Map::new(),
    });
    Ok(Answer::ok(OrderGroups { order_groups: Some(groups.collect()), extra: Map::new() }))
}

pub(super) fn one(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: OrderGroupQuery = request.query()?;
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let (id, row) = found(venue, request)?;
    if subaccount.is_some_and(|subaccount| row.subaccount != subaccount) {
        return Err(Refusal::not_found("order group"));
    }
    let orders = account::of(venue, request)?.records.orders.iter();
    let orders = orders.filter(|order| order.is_resting() && order.report.group == Some(id));
    let orders = orders.map(|order| venue.ids().of(Kind::Order, order.report.order.0).to_string().into());
    Ok(Answer::ok(OrderGroupDetail {
        is_auto_cancel_enabled: true,
        contracts_limit_fp: Some(row.limit),
        orders: orders.collect(),
        exchange_index: Some(index(group_apart(id).0)),
        extra: Map::new(),
    }))
}

pub(super) fn create(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: CreateOrderGroup = request.body()?;
    let owner = request.owner(body.subaccount)?;
    let limit = limit(body.contracts_limit, body.contracts_limit_fp)?;
    let shard = shard(venue, body.exchange_index)?;
    let command = Command::Group { owner, group: GroupId(0), action: GroupAction::Create { limit } };
    let receipt = venue.apply_on(shard, command, request.now).map_err(|reject| refused(&reject))?;
    let Receipt::Group(group) = receipt else {
        return Err(Refusal::internal("the engine said nothing about the group"));
    };
    Ok(Answer::created(OrderGroupCreated {
        order_group_id: venue.ids().of(Kind::Group, group.0).to_string().into(),
        subaccount: Subaccount(owner.subaccount.into()),
        exchange_index: Some(index(shard)),
        extra: Map::new(),
    }))
}

pub(super) fn delete(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    act(venue, request, GroupAction::Delete)
}

pub(super) fn reset(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    act(venue, request, GroupAction::Reset)
}

pub(super) fn trigger(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    act(venue, request, GroupAction::Trigger)
}

pub(super) fn set_limit(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: OrderGroupLimit = request.body()?;
    let limit = limit(body.contracts_limit, body.contracts_limit_fp)?;
    act(venue, request, GroupAction::Limit { limit })
}

fn act(venue: &mut Venue, request: &Request<'_>, action: GroupAction) -> Result<Answer, Refusal> {
    let query: OrderGroupPlace = request.query()?;
    let owner: Owner = request.owner(query.subaccount)?;
    let (group, _) = found(venue, request)?;
    let shard = shard(venue, query.exchange_index)?;
    venue.apply_on(shard, Command::Group { owner, group, action }, request.now).map_err(|reject| refused(&reject))?;
    Ok(Answer::ok(Value::Object(Map::new())))
}

/// The caller's group that the path names.
fn found(venue: &Venue, request: &Request<'_>) -> Result<(GroupId, GroupRow), Refusal> {
    let id = venue.ids().parse(Kind::Group, request.param("order_group_id")).map(GroupId);
    let groups = &account::of(venue, request)?.records.groups;
    id.and_then(|id| Some((id, *groups.get(&id)?))).ok_or_else(|| Refusal::not_found("order group"))
}

fn shard(venue: &Venue, asked: Option<ExchangeIndex>) -> Result<u8, Refusal> {
    let shard =
        u8::try_from(asked.map_or(0, |asked| asked.0)).ok().filter(|&shard| usize::from(shard) < venue.shards());
    shard.ok_or_else(|| Refusal::bad("invalid_parameters", "exchange_index: there is no such shard"))
}

fn limit(whole: Option<u64>, exact: Option<Quantity>) -> Result<Quantity, Refusal> {
    let bad = |message: &str| Refusal::bad("invalid_parameters", message);
    let whole = whole.map(|whole| i64::try_from(whole).ok().and_then(Quantity::from_contracts).unwrap_or_default());
    let limit = match (whole, exact) {
        (Some(whole), Some(exact)) if whole != exact => {
            return Err(bad("contracts_limit and contracts_limit_fp must agree"));
        }
        (Some(limit), _) | (None, Some(limit)) => limit,
        (None, None) => return Err(bad("contracts_limit or contracts_limit_fp is needed")),
    };
    if LIMITS.contains(&limit.hundredths()) {
        Ok(limit)
    } else {
        Err(bad("the limit must be 1 to 1,000,000 contracts"))
    }
}
