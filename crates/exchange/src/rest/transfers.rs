//! Money between subaccounts and between shards.

use std::sync::Arc;

use axum::http::StatusCode;
use daybook_book::Money;
use daybook_kalshi::rest::{
    portfolio::{
        ExchangeInstance, RestingReservation, ShardShare, ShardTransfer, ShardTransferAnswer, ShardTransferCreated,
        ShardTransferRequest, ShardTransfersPage, ShardTransfersQuery, SubaccountTransfer, SubaccountTransferRequest,
        SubaccountTransfersPage, SubaccountTransfersQuery, TargetAllocation, TargetAllocationRequest, TransferStatus,
    },
    value::{ExchangeIndex, Subaccount, TransferId},
};
use serde_json::{Map, Value};

use super::{
    account::{self, no_account},
    answer::{Answer, Refusal},
    page::{Limit, Page, wire},
    portfolio::{cents, seconds},
    request::{self, Request},
    trading::refused,
};
use crate::{
    engine::AccountId,
    feed::Uuid,
    venue::{Pocket, TransferRow, Venue, index},
};

const SUBACCOUNT_TRANSFERS: Limit = Limit::new(1, 1_000, 100);
const SHARD_TRANSFERS: Limit = Limit::new(1, 500, 100);

pub(super) fn between_subaccounts(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: SubaccountTransferRequest = request.body()?;
    let account = request.unrestricted()?;
    let shard = shard(venue, body.exchange_index)?;
    let from = Pocket { subaccount: request::number(body.from_subaccount)?, shard };
    let to = Pocket { subaccount: request::number(body.to_subaccount)?, shard };
    if Uuid::parse(body.client_transfer_id.as_str()).is_none() {
        return Err(Refusal::bad("invalid_parameters", "client_transfer_id must be a UUID"));
    }
    let client_id = Some(Arc::from(body.client_transfer_id.as_str()));
    // The same transfer asked for again is the one that was made.
    if !venue.knows_transfer(account, body.client_transfer_id.as_str()) {
        moved(venue, request, account, (from, to), body.amount_cents.into(), client_id)?;
    }
    Ok(Answer::ok(Value::Object(Map::new())))
}

pub(super) fn between_shards(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: ShardTransferRequest = request.body()?;
    let bad = |message: &str| Refusal::bad("invalid_parameters", message);
    if [&body.source, &body.destination].into_iter().any(|exchange| *exchange != ExchangeInstance::EventContract) {
        return Err(bad("this exchange has event contracts alone: source and destination must be event_contract"));
    }
    let pocket = |subaccount: Option<Subaccount>, asked: Option<ExchangeIndex>| {
        let subaccount = match subaccount {
            None => request.owner(None)?.subaccount,
            Some(subaccount) => request.owner(Some(subaccount))?.subaccount,
        };
        Ok::<_, Refusal>(Pocket { subaccount, shard: shard(venue, asked)? })
    };
    let from = pocket(body.source_subaccount, body.source_exchange_shard)?;
    let to = pocket(body.destination_subaccount, body.destination_exchange_shard)?;
    let client_id = match &body.client_transfer_id {
        None => None,
        Some(_) if from.subaccount != 0 || to.subaccount != 0 => {
            return Err(bad("client_transfer_id does not go with numbered subaccounts"));
        }
        Some(id) if Uuid::parse(id.as_str()).is_none() => return Err(bad("client_transfer_id must be a UUID")),
        Some(id) => Some(Arc::<str>::from(id.as_str())),
    };
    let account = request.account()?;
    if client_id.as_deref().is_some_and(|id| venue.knows_transfer(account, id)) {
        let message = "a transfer of this client_transfer_id exists";
        return Err(Refusal::nested(StatusCode::CONFLICT, "transfer_already_exists", message));
    }
    if !venue.status().transfers {
        return Err(Refusal::nested(StatusCode::SERVICE_UNAVAILABLE, "EXCHANGE_PAUSED", "transfers are paused"));
    }
    let id = moved(venue, request, account, (from, to), body.amount.into(), client_id)?;
    Ok(Answer::ok(ShardTransferCreated { transfer_id: id, extra: Map::new() }))
}

fn moved(
    venue: &mut Venue,
    request: &Request<'_>,
    account: AccountId,
    (from, to): (Pocket, Pocket),
    amount: Money,
    client_id: Option<Arc<str>>,
) -> Result<TransferId, Refusal> {
    if amount <= Money::ZERO || from == to {
        return Err(Refusal::bad("invalid_parameters", "something must move, from one place to another"));
    }
    let open = account::of(venue, request)?.netting.len();
    if [from, to].into_iter().any(|pocket| usize::from(pocket.subaccount) >= open) {
        return Err(Refusal::not_found("subaccount"));
    }
    let moved = venue.transfer(account, (from, to), amount, client_id, request.now);
    moved.map(|id| id.to_string().into()).map_err(|reject| refused(&reject))
}

pub(super) fn subaccount_transfers(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: SubaccountTransfersQuery = request.query()?;
    let page = Page::read(request, query.limit, SUBACCOUNT_TRANSFERS, query.cursor.as_ref())?;
    let only = request.subaccount_filter(None)?;
    let rows = &account::of(venue, request)?.records.transfers;
    let touches = |row: &TransferRow, only: u8| row.from.subaccount == only || row.to.subaccount == only;
    let (transfers, cursor) = page.newest_first(rows, |row| {
        let wanted = row.from.shard == row.to.shard && only.is_none_or(|only| touches(row, only));
        wanted.then(|| SubaccountTransfer {
            transfer_id: row.id.to_string().into(),
            from_subaccount: Subaccount(row.from.subaccount.into()),
            to_subaccount: Subaccount(row.to.subaccount.into()),
            amount_cents: cents(row.amount),
            created_ts: seconds(row.at),
            exchange_index: index(row.from.shard),
            extra: Map::new(),
        })
    });
    Ok(Answer::ok(SubaccountTransfersPage { transfers, cursor: wire(cursor), extra: Map::new() }))
}

pub(super) fn shard_transfers(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: ShardTransfersQuery = request.query()?;
    let page = Page::read(request, query.limit, SHARD_TRANSFERS, query.cursor.as_ref())?;
    let rows = &account::of(venue, request)?.records.transfers;
    let (transfers, cursor) =
        page.newest_first(rows, |row| (row.from.shard != row.to.shard).then(|| shard_transfer_of(row)));
    // Here the venue leaves the cursor out at the end.
    Ok(Answer::ok(ShardTransfersPage { transfers, cursor, extra: Map::new() }))
}

pub(super) fn shard_transfer(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let id = Uuid::parse(request.param("transfer_id"));
    let rows = &account::of(venue, request)?.records.transfers;
    let row = rows.iter().find(|row| Some(row.id) == id && row.from.shard != row.to.shard);
    let transfer = shard_transfer_of(row.ok_or_else(|| Refusal::not_found("transfer"))?);
    Ok(Answer::ok(ShardTransferAnswer { transfer, extra: Map::new() }))
}

fn shard_transfer_of(row: &TransferRow) -> ShardTransfer {
    ShardTransfer {
        transfer_id: row.id.to_string().into(),
        client_transfer_id: row.client_id.as_deref().map(Into::into),
        source: ExchangeInstance::EventContract,
        destination: ExchangeInstance::EventContract,
        source_exchange_shard: index(row.from.shard),
        destination_exchange_shard: index(row.to.shard),
        amount: row.amount,
        status: TransferStatus::Complete,
        created_ts: seconds(row.at),
        extra: Map::new(),
    }
}

pub(super) fn allocation(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    request.unrestricted()?;
    let records = &account::of(venue, request)?.records;
    let allocations = records.allocation.iter().map(|&(shard, percent)| ShardShare {
        exchange_index: index(shard),
        percent,
        extra: Map::new(),
    });
    Ok(Answer::ok(TargetAllocation {
        allocations: allocations.collect(),
        resting_margin_reservation: records.reservation.clone().unwrap_or(RestingReservation::Sum),
        extra: Map::new(),
    }))
}

/// Remembers the wish: money of this exchange moves between shards when it is asked to, not by itself.
pub(super) fn set_allocation(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: TargetAllocationRequest = request.body()?;
    let bad = |message: &str| Refusal::bad("invalid_parameters", message);
    let id = request.unrestricted()?;
    if let Some(RestingReservation::Other(word)) = &body.resting_margin_reservation {
        return Err(bad(&format!("resting_margin_reservation {word:?} is not one of none, max, sum")));
    }
    let mut shares = Vec::with_capacity(body.allocations.len());
    for share in &body.allocations {
        let shard = shard(venue, Some(share.exchange_index))?;
        if shares.iter().any(|&(other, _)| other == shard) {
            return Err(bad("a shard stands twice in the allocations"));
        }
        shares.push((shard, share.percent));
    }
    let sum = shares.iter().fold(0_u32, |sum, &(_, percent)| sum.saturating_add(percent));
    if !shares.is_empty() && sum != 100 {
        return Err(bad("the allocations must total 100 percent"));
    }
    let account = venue.account_mut(id).ok_or_else(no_account)?;
    account.records.allocation = shares;
    account.records.reservation = body.resting_margin_reservation;
    Ok(Answer::ok(Value::Object(Map::new())))
}

fn shard(venue: &Venue, asked: Option<ExchangeIndex>) -> Result<u8, Refusal> {
    let shard =
        u8::try_from(asked.map_or(0, |asked| asked.0)).ok().filter(|&shard| usize::from(shard) < venue.shards());
    shard.ok_or_else(|| Refusal::bad("invalid_parameters", "exchange_index: there is no such shard"))
}
