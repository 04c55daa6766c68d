//! The way from an HTTP request to a WebSocket.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request as HttpRequest, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use daybook_book::ExchangeTime;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{answer::Refusal, faulted, front::Exchange};
use crate::{
    auth::{ApiKey, AuthError, Permission},
    faults::Gated,
    feed::{self, ConnectionId, Feed, Output, ServeOptions, Standing, UpgradeError},
};

/// Where the venue's WebSocket is.
pub(super) const PATH: &str = "/trade-api/ws/v2";
/// What connections are closed with when the exchange ends: it goes away.
const GOING_AWAY: u16 = 1001;
/// How long they have for it.
const PARTING: Duration = Duration::from_secs(5);

impl Feed for Exchange {
    fn command(&self, connection: ConnectionId, text: &str) {
        let now = self.now();
        self.venue().hear(connection, text, now);
    }

    fn drain(&self, connection: ConnectionId, output: &mut Output) -> Standing {
        let mut venue = self.venue();
        if self.faults().is_active() {
            let now = self.now();
            return self.faults().drain(&mut venue, connection, output, now);
        }
        venue.hub_mut().drain(connection, output)
    }

    fn disconnect(&self, connection: ConnectionId) {
        self.venue().hub_mut().disconnect(connection);
        self.faults().disconnected(connection);
    }
}

pub(super) async fn open(State(exchange): State<Arc<Exchange>>, mut request: HttpRequest) -> Response {
    if exchange.faults().is_active()
        && let Some(response) = faulted::handshake(&exchange).await
    {
        return response;
    }
    // The upgrade is the request's own: it has to be taken before the request is taken apart.
    let upgraded = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let key = match exchange.caller(&parts).map_err(Refusal::from).and_then(admitted) {
        Ok(key) => key,
        Err(refusal) => return refusal.flat().into_response(),
    };
    let accepted = match feed::upgrade(&parts.headers) {
        Ok(accepted) => accepted,
        Err(error) => return refused(error),
    };
    let now = exchange.now();
    let options = ServeOptions { deflate: accepted.deflate, ..ServeOptions::default() };
    tokio::spawn(async move {
        let stream = match upgraded.await {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "a connection ended before it was a WebSocket"),
        };
        let (connection, wake) = connect(&exchange, &key, now);
        let stream = Gated::new(stream, exchange.faults().connected(connection, &wake));
        let ended = feed::serve(stream, &*exchange, connection, wake, options).await;
        tracing::debug!(?connection, ?ended, "a WebSocket ended");
    });
    let mut answer = StatusCode::SWITCHING_PROTOCOLS.into_response();
    answer.headers_mut().extend(accepted.headers);
    answer
}

/// Every connection is somebody's, who may read.
fn admitted(key: Option<Arc<ApiKey>>) -> Result<Arc<ApiKey>, Refusal> {
    let key = key.ok_or(AuthError::Unsigned)?;
    if key.may(Permission::Read) { Ok(key) } else { Err(Refusal::forbidden("this API key lacks the scope read")) }
}

/// Who holds a key that is bound to a subaccount hears of that one, before anything else is told.
fn connect(exchange: &Exchange, key: &ApiKey, now: ExchangeTime) -> (ConnectionId, Arc<Notify>) {
    let mut venue = exchange.venue();
    let (connection, wake) = venue.hub_mut().connect(Some(key.account), now);
    if let Some(subaccount) = key.subaccount {
        venue.hub_mut().restrict(connection, subaccount);
    }
    (connection, wake)
}

fn refused(error: UpgradeError) -> Response {
    let status = if error == UpgradeError::Version { StatusCode::UPGRADE_REQUIRED } else { StatusCode::BAD_REQUEST };
    let refusal = Refusal::Flat { status, code: "invalid_handshake", message: error.to_string(), details: None };
    let mut response = refusal.into_response();
    response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

/// Closes all connections, and waits until they are.
pub(super) async fn close_all(exchange: &Exchange) {
    let connections: Vec<_> = exchange.venue().hub().connections().map(|(connection, _)| connection).collect();
    for connection in connections {
        exchange.venue().hub_mut().close(connection, GOING_AWAY);
    }
    let deadline = Instant::now() + PARTING;
    while exchange.venue().hub().connections().next().is_some() && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}
