//! What an account may ask for, and how often.

use axum::http::StatusCode;
use daybook_book::Quantity;
use daybook_kalshi::{
    Costs, Tier,
    rest::{
        account::{
            ApiLimits, BucketLimit, EndpointCost, EndpointCosts, UsageGoal, UsageGrant, UsageProgress, VolumeProgress,
        },
        portfolio::ExchangeInstance,
        value::UnixSeconds,
    },
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    operation,
    request::Request,
};
use crate::venue::{Account, Venue};

/// What costs otherwise than this is listed.
const DEFAULT_COST: u64 = 10;

pub(super) fn limits(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let account = of(venue, request)?;
    let (tier, limits) = (account.limits.tier(), account.limits.limits());
    let bucket = |limit: daybook_kalshi::BucketLimit| BucketLimit {
        refill_rate: limit.refill_rate,
        bucket_capacity: limit.capacity,
        extra: Map::new(),
    };
    let grants = (tier != Tier::Basic).then(|| UsageGrant {
        exchange_instance: ExchangeInstance::EventContract,
        level: tier.as_str().to_owned(),
        expires_ts: None,
        source: "manual".to_owned(),
        extra: Map::new(),
    });
    Ok(Answer::ok(ApiLimits {
        usage_tier: tier.as_str().to_owned(),
        read: bucket(limits.read),
        write: bucket(limits.write),
        grants: grants.into_iter().collect(),
        extra: Map::new(),
    }))
}

/// From basic to advanced, for who has placed an order: here every order came through the API.
pub(super) fn upgrade(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let id = request.account()?;
    let account = venue.account_mut(id).ok_or_else(no_account)?;
    if account.records.orders.is_empty() {
        return Err(Refusal::forbidden("none of the account's latest 100 orders came through the API"));
    }
    if account.limits.tier() < Tier::Advanced {
        account.limits.set_tier(Tier::Advanced, request.now);
    }
    Ok(Answer::empty(StatusCode::CREATED))
}

/// The account's contracts of 30 days; this exchange grants no tier for them.
pub(super) fn volume_progress(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let account = of(venue, request)?;
    let since = request.now.micros().saturating_sub(30 * 86_400 * 1_000_000);
    let fills = account.records.fills.iter().rev().take_while(|row| row.at.micros() > since);
    let volume = fills.fold(0_i64, |volume, row| volume.saturating_add(row.report.count.hundredths()));
    let progress = UsageProgress {
        computed_ts: UnixSeconds(request.now.micros().div_euclid(1_000_000)),
        trailing_30d_volume_fp: Quantity::from_hundredths(volume),
        goals: Vec::<UsageGoal>::new(),
        extra: Map::new(),
    };
    Ok(Answer::ok(VolumeProgress { volume_progress: vec![progress], extra: Map::new() }))
}

pub(super) fn endpoint_costs(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    let costs = Costs::default();
    let others = operation::rows().filter(|(operation, _)| costs.of(operation) != DEFAULT_COST);
    let endpoint_costs = others.map(|(operation, _)| EndpointCost {
        method: operation.method.as_str().to_owned(),
        path: format!("{}{}", super::front::ROOT, operation.path),
        cost: costs.of(operation),
        extra: Map::new(),
    });
    Ok(Answer::ok(EndpointCosts {
        default_cost: DEFAULT_COST,
        endpoint_costs: endpoint_costs.collect(),
        extra: Map::new(),
    }))
}

/// The caller's account.
pub(super) fn of<'a>(venue: &'a Venue, request: &Request<'_>) -> Result<&'a Account, Refusal> {
    venue.account(request.account()?).ok_or_else(no_account)
}

pub(super) fn no_account() -> Refusal {
    Refusal::internal("a key without an account")
}
