//! Faults: what is to go wrong, and what did.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Refusal, body};
use crate::{
    faults::{Entry, Kind, Plan, Rule, Target, When},
    rest::Exchange,
};

pub(super) async fn plan(State(exchange): State<Arc<Exchange>>) -> Json<Plan> {
    Json(exchange.faults().plan())
}

pub(super) async fn set(State(exchange): State<Arc<Exchange>>, bytes: Bytes) -> Result<Json<Plan>, Refusal> {
    let text = str::from_utf8(&bytes).map_err(Refusal::bad)?;
    let plan = Plan::parse(text).map_err(Refusal::bad)?;
    exchange.faults().set(&plan, exchange.now()).map_err(Refusal::bad)?;
    Ok(Json(plan))
}

pub(super) async fn clear(State(exchange): State<Arc<Exchange>>) -> Result<Json<Plan>, Refusal> {
    exchange.faults().set(&Plan::default(), exchange.now()).map_err(Refusal::bad)?;
    Ok(Json(Plan::default()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnceBody {
    kind: Kind,
    #[serde(default)]
    target: Target,
    for_ms: Option<u64>,
    amount: Option<i64>,
}

pub(super) async fn once(State(exchange): State<Arc<Exchange>>, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    let OnceBody { kind, target, for_ms, amount } = body(&bytes)?;
    let rule = Rule { target, for_ms, amount, ..Rule::new(kind, When::Every(1)) };
    exchange.faults().once(rule).map_err(Refusal::bad)?;
    Ok(Json(json!({"kind": kind})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

/// A part of the log. There is more if the last entry's number is below `last`.
#[derive(Debug, Serialize)]
pub(super) struct LogPart {
    last: u64,
    entries: Vec<Entry>,
}

pub(super) async fn log(State(exchange): State<Arc<Exchange>>, Query(query): Query<LogQuery>) -> Json<LogPart> {
    let (last, entries) = exchange.faults().log_after(query.after, query.limit.unwrap_or(1_000));
    Json(LogPart { last, entries })
}
