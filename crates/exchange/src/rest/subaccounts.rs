//! Subaccounts.

use daybook_kalshi::{
    Tier,
    rest::{
        portfolio::{
            CreateSubaccount, SubaccountBalance, SubaccountBalances, SubaccountCreated, SubaccountNetting,
            SubaccountNettingRequest, SubaccountNettings,
        },
        value::Subaccount,
    },
};
use serde_json::Map;

use super::{
    account::{self, no_account},
    answer::{Answer, Refusal},
    portfolio::{free, seconds},
    request::{self, Request, SUBACCOUNTS},
};
use crate::{
    engine::Owner,
    venue::{Venue, index},
};

/// Opens the next one, on every shard at once.
pub(super) fn create(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: CreateSubaccount = request.body()?;
    let id = request.unrestricted()?;
    if body.exchange_index.is_some_and(|asked| usize::try_from(asked.0).is_ok_and(|asked| asked >= venue.shards())) {
        return Err(Refusal::bad("invalid_parameters", "exchange_index: there is no such shard"));
    }
    let account = venue.account_mut(id).ok_or_else(no_account)?;
    if account.limits.tier() < Tier::Advanced {
        return Err(Refusal::forbidden("subaccounts need the Advanced tier or a higher one"));
    }
    let number = account.netting.len() as u32;
    if number >= SUBACCOUNTS {
        return Err(Refusal::bad("invalid_parameters", "all 63 numbered subaccounts are open"));
    }
    account.netting.push(false);
    Ok(Answer::created(SubaccountCreated { subaccount_number: Subaccount(number), extra: Map::new() }))
}

pub(super) fn balances(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let only = request.subaccount_filter(None)?;
    let (id, account) = (request.account()?, account::of(venue, request)?);
    let numbers = (0..account.netting.len()).map(|number| number as u8);
    let numbers = numbers.filter(|&number| only.is_none_or(|only| only == number));
    let pockets = numbers.flat_map(|number| (0..venue.shards()).map(move |shard| (number, shard as u8)));
    let subaccount_balances = pockets.map(|(number, shard)| SubaccountBalance {
        subaccount_number: Subaccount(number.into()),
        exchange_index: index(shard),
        balance: free(venue, Owner { account: id, subaccount: number }, shard),
        updated_ts: account
            .records
            .cash_changed
            .get(&(number, shard))
            .map_or(daybook_kalshi::rest::value::UnixSeconds(0), |&at| seconds(at)),
        extra: Map::new(),
    });
    Ok(Answer::ok(SubaccountBalances { subaccount_balances: subaccount_balances.collect(), extra: Map::new() }))
}

pub(super) fn netting(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let only = request.subaccount_filter(None)?;
    let account = account::of(venue, request)?;
    let configs = account.netting.iter().enumerate();
    let configs = configs.filter(|(number, _)| only.is_none_or(|only| usize::from(only) == *number));
    let configs = configs.flat_map(|(number, &enabled)| (0..venue.shards()).map(move |shard| (number, enabled, shard)));
    let netting_configs = configs.map(|(number, enabled, shard)| SubaccountNetting {
        subaccount_number: Subaccount(number as u32),
        enabled,
        exchange_index: index(shard as u8),
        extra: Map::new(),
    });
    Ok(Answer::ok(SubaccountNettings { netting_configs: netting_configs.collect(), extra: Map::new() }))
}

/// Remembers the wish: the engines of this exchange hold full collateral for every position.
pub(super) fn set_netting(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: SubaccountNettingRequest = request.body()?;
    let id = request.account()?;
    request.owner(Some(body.subaccount_number))?;
    let number = usize::from(request::number(body.subaccount_number)?);
    let account = venue.account_mut(id).ok_or_else(no_account)?;
    *account.netting.get_mut(number).ok_or_else(|| Refusal::not_found("subaccount"))? = body.enabled;
    Ok(Answer::empty(axum::http::StatusCode::OK))
}
