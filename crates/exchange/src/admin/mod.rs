//! What is not the venue's: a second HTTP surface on which an exchange is looked into and steered.
//!
//! It is served on a listener of its own, asks for no signature and so belongs on a loopback address. Answers are JSON;
//! an error is `{"error":{"code","message"}}` with a status that fits.
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /status` | what there is: markets, accounts, connections, the exchange's time |
//! | `POST /accounts` | opens an account and gives it money and a key |
//! | `POST /accounts/{user_id}/keys` | one more key: made here, or the public half of one made elsewhere |
//! | `GET /books/{ticker}` | a book exactly as it is |
//! | `GET /books` | all of them at one instant, a line each (NDJSON); `?resting=true` for those that are not empty |
//! | `POST /markets/{ticker}` | `{"action":"pause"}`, `"resume"`, `"close"`, or `"determine"` with a `"value"` |
//! | `GET /faults` | the plan of [faults](crate::faults) that is followed |
//! | `PUT /faults` | another plan: its JSON, or its short form |
//! | `DELETE /faults` | no plan; what lasts lasts to its end |
//! | `POST /faults/once` | `{"kind","target","for_ms","amount"}`: one fault, as soon as there is something to strike |
//! | `GET /faults/log` | what was injected, oldest first; `?after=N` for what came after that number, `?limit=` (1,000) |
//! | `GET /replay` | of a [replay](crate::replay): where it is, how fast, the exchange's time |
//! | `POST /replay` | `{"paused","speed","seek"}`: stops time or lets it go on, at this speed, or begins anew at that instant |
//! | `POST /exchange` | `{"exchange_active","trading_active"}`: stops the exchange or its trading, and lets it go on |
//!
//! While the exchange is [stopped](crate::venue::Venue::set_active) all of this is carried out nevertheless.

mod accounts;
mod books;
mod control;
mod faults;
mod replay;

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use accounts::{Handed, Opening, open};

use crate::rest::Exchange;

/// A refusal of the admin surface.
#[derive(Debug)]
struct Refusal(StatusCode, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(status, code, message) = self;
        (status, Json(json!({"error": {"code": code, "message": message}}))).into_response()
    }
}

impl Refusal {
    fn not_found(message: String) -> Refusal {
        Refusal(StatusCode::NOT_FOUND, "not_found", message)
    }

    fn bad(message: impl ToString) -> Refusal {
        Refusal(StatusCode::BAD_REQUEST, "bad_request", message.to_string())
    }
}

/// A JSON body, whatever its content type says.
fn body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(if bytes.is_empty() { b"{}" } else { bytes }).map_err(Refusal::bad)
}

/// The admin surface of an exchange.
pub fn router(exchange: Arc<Exchange>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/accounts", post(accounts::create))
        .route("/accounts/{user_id}/keys", post(accounts::add_key))
        .route("/books", get(books::all))
        .route("/books/{ticker}", get(books::one))
        .route("/markets/{ticker}", post(control::market))
        .route("/exchange", post(control::exchange))
        .route("/replay", get(replay::progress).post(replay::steer))
        .route("/faults", get(faults::plan).put(faults::set).delete(faults::clear))
        .route("/faults/once", post(faults::once))
        .route("/faults/log", get(faults::log))
        .fallback(|| async { Refusal::not_found("there is no such path of the admin surface".to_owned()) })
        .with_state(exchange)
}

/// Serves it on a listener until `shutdown` is there.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    exchange: Arc<Exchange>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(exchange)).with_graceful_shutdown(shutdown).await
}

async fn status(State(exchange): State<Arc<Exchange>>) -> Json<Value> {
    let venue = exchange.venue();
    let status = venue.status();
    Json(json!({
        "now_us": venue.now().micros(),
        "markets": venue.markets(),
        "accounts": venue.accounts(),
        "connections": venue.hub().connections().count(),
        "exchange_active": status.active,
        "trading_active": status.trading,
    }))
}
