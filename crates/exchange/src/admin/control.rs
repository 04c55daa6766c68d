//! What the venue's staff would do: pausing, closing and determining markets, and stopping the exchange.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use daybook_book::Price;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, body};
use crate::{rest::Exchange, venue::MarketChange};

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Pause,
    Resume,
    Close,
    Determine,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarketBody {
    action: Action,
    value: Option<String>,
}

pub(super) async fn market(
    State(exchange): State<Arc<Exchange>>,
    Path(ticker): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let asked: MarketBody = body(&bytes)?;
    let now = exchange.now();
    let change = match (asked.action, asked.value) {
        (Action::Pause, None) => MarketChange::Pause,
        (Action::Resume, None) => MarketChange::Resume,
        (Action::Close, None) => MarketChange::CloseAt(now),
        (Action::Determine, Some(value)) => MarketChange::Determine(value.parse::<Price>().map_err(Refusal::bad)?),
        (Action::Determine, None) => {
            return Err(Refusal::bad("determine needs a value: what one YES contract is worth, such as \"1.0000\""));
        }
        (_, Some(_)) => return Err(Refusal::bad("a value goes with determine only")),
    };
    let mut venue = exchange.venue();
    let market = venue.market_id(&ticker);
    let market = market.ok_or_else(|| Refusal::not_found(format!("there is no market {ticker}")))?;
    venue.change_market(market, change, now).map_err(Refusal::bad)?;
    let status = venue.true_book(market).map(|truth| truth.state.as_str());
    Ok(Json(json!({"ticker": ticker, "status": status})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeBody {
    exchange_active: Option<bool>,
    trading_active: Option<bool>,
}

pub(super) async fn exchange(State(exchange): State<Arc<Exchange>>, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    let asked: ExchangeBody = body(&bytes)?;
    let now = exchange.now();
    let mut venue = exchange.venue();
    if let Some(active) = asked.exchange_active {
        venue.set_active(active, None, now);
    }
    if let Some(trading) = asked.trading_active {
        for shard in 0..venue.shards() {
            venue.set_trading(shard as u8, trading, now);
        }
    }
    let status = venue.status();
    Ok(Json(json!({"exchange_active": status.active, "trading_active": status.trading})))
}
