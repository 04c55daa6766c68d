//! Requests while something is to go wrong.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{RawPathParams, Request as HttpRequest},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::time::sleep;

use super::{
    answer::{Refusal, json_response},
    front::{self, Exchange, Route},
};
use crate::faults::{HANDSHAKE, RequestFault};

/// How often what is timed is looked after.
const TICK: Duration = Duration::from_millis(5);

/// Looks after what is timed, while there is anything.
pub(super) async fn look_after(exchange: Arc<Exchange>) {
    loop {
        exchange.faults().awake.notified().await;
        while exchange.faults().is_active() {
            let now = exchange.now();
            exchange.faults().tick(&mut exchange.venue(), now);
            sleep(TICK).await;
        }
    }
}

/// Answers a request, or does to it what is to be done.
pub(super) async fn answer(
    exchange: Arc<Exchange>,
    route: &'static Route,
    params: RawPathParams,
    request: HttpRequest,
) -> Response {
    let (now, faults) = (exchange.now(), exchange.faults());
    let operation = route.operation.id;
    let (parts, body) = request.into_parts();
    let asked = (parts.method == Method::GET).then(|| asked(&parts));
    let fault = faults.request(operation, asked.as_ref(), now);
    if let (Some(RequestFault::Stale(strike)), Some(asked)) = (fault, &asked) {
        if let Err(refusal) = front::admitted(&exchange, route, &parts) {
            return refusal.into_response();
        }
        if let Some(body) = faults.stale(strike, asked, operation, now) {
            return json_response(StatusCode::OK, body);
        }
    }
    let keeps = asked.and_then(|asked| Some((faults.keeps(operation)?, asked)));
    let carry_out = || front::answer(Arc::clone(&exchange), route, params, HttpRequest::from_parts(parts, body));
    let mut response = match fault {
        Some(RequestFault::Status(status)) if operation == "GetExchangeStatus" => {
            let mut response = carry_out().await;
            *response.status_mut() = refusal(status).status();
            response
        }
        Some(RequestFault::Status(504)) => {
            carry_out().await;
            refusal(504).into_response()
        }
        Some(RequestFault::Status(status)) => refusal(status).into_response(),
        Some(RequestFault::TooManyRequests) => Refusal::TooManyRequests.into_response(),
        Some(RequestFault::Delay(delay)) => {
            sleep(delay).await;
            carry_out().await
        }
        Some(RequestFault::Malform) => with_body(carry_out().await, |body| body.slice(..body.len() / 2)).await,
        Some(RequestFault::Stale(_)) | None => carry_out().await,
    };
    if let Some((most_ms, asked)) = keeps
        && fault.is_none_or(|fault| matches!(fault, RequestFault::Stale(_) | RequestFault::Delay(_)))
        && response.status() == StatusCode::OK
    {
        response = with_body(response, |body| {
            exchange.faults().keep(asked, &body, most_ms, now);
            body
        })
        .await;
    }
    dated(&exchange, &mut response);
    response
}

/// What is done to the handshake of a WebSocket: all that can be done to a request, but to its answer's body.
pub(super) async fn handshake(exchange: &Exchange) -> Option<Response> {
    match exchange.faults().request(HANDSHAKE, None, exchange.now())? {
        RequestFault::Status(status) => Some(refusal(status).flat().into_response()),
        RequestFault::TooManyRequests => Some(Refusal::TooManyRequests.into_response()),
        RequestFault::Delay(delay) => {
            sleep(delay).await;
            None
        }
        RequestFault::Malform | RequestFault::Stale(_) => None,
    }
}

/// Whose request for what.
fn asked(parts: &Parts) -> (String, String) {
    let key = parts.headers.get("kalshi-access-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    (key.to_owned(), parts.uri.to_string())
}

fn refusal(status: u16) -> Refusal {
    let (status, code, message) = match status {
        503 => (StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", "the service is not available"),
        504 => (StatusCode::GATEWAY_TIMEOUT, "gateway_timeout", "the service did not answer in time"),
        _ => return Refusal::internal("something went wrong"),
    };
    Refusal::nested(status, code, message)
}

/// The same answer with another body.
async fn with_body(response: Response, change: impl FnOnce(Bytes) -> Bytes) -> Response {
    let (mut parts, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(body) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(change(body)))
        }
        Err(error) => Refusal::internal(error.to_string()).into_response(),
    }
}

/// A clock that is wrong is so in `Date` as well.
fn dated(exchange: &Exchange, response: &mut Response) {
    let skew = exchange.faults().skew();
    if skew == 0 {
        return;
    }
    let at = jiff::Timestamp::from_microsecond(exchange.wall_now().micros().saturating_add(skew));
    let date = at.ok().and_then(|at| HeaderValue::from_str(&at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok());
    if let Some(date) = date {
        response.headers_mut().insert(header::DATE, date);
    }
}
