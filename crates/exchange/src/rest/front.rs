//! The way of a request: found, verified, paid for, answered.

use std::{fmt, io, sync::Arc};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Query, RawPathParams, Request as HttpRequest, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
    serve::{Listener, ListenerExt},
};
use daybook_book::ExchangeTime;
use daybook_kalshi::{Budget, Costs, Operation, WallClock};
use parking_lot::{Mutex, MutexGuard};
use tokio::net::{TcpListener, TcpStream};

use super::{
    answer::{Answer, Refusal},
    api_keys, faulted,
    operation::{self, Handler, Shards},
    request::Request,
    socket,
    tls::{Tls, TlsListener},
};
use crate::{
    auth::{ApiKey, AuthError, Permission, Signed},
    faults::Faults,
    limits::Charge,
    replay::Control,
    venue::Venue,
};

/// Where the venue's REST API begins.
pub(crate) const ROOT: &str = "/trade-api/v2";
/// No body that the venue takes is larger.
const BODY_LIMIT: usize = 1 << 20;

/// An exchange that several tasks share: its state, and the clock that it is asked by.
pub struct Exchange {
    venue: Mutex<Venue>,
    /// The venue's time.
    clock: Arc<dyn WallClock>,
    /// Everybody's time: what clients sign with, and what their budgets refill by.
    wall: Arc<dyn WallClock>,
    faults: Faults,
    replay: Option<Arc<Control>>,
}

impl Exchange {
    /// Shares a venue that lives by this clock.
    pub fn new(venue: Venue, clock: Arc<dyn WallClock>) -> Exchange {
        let wall = Arc::clone(&clock);
        Exchange { venue: Mutex::new(venue), clock, wall, faults: Faults::default(), replay: None }
    }

    /// Shares a venue that replays a record by the replay's own time.
    pub fn of_replay(venue: Venue, control: Arc<Control>, wall: Arc<dyn WallClock>) -> Exchange {
        Exchange { wall, replay: Some(Arc::clone(&control)), ..Exchange::new(venue, control) }
    }

    /// What steers the replay, if it is one.
    pub fn replay(&self) -> Option<&Arc<Control>> {
        self.replay.as_ref()
    }

    /// The venue, for nobody else meanwhile. Never hold it across an `.await`. Who takes it again and again lets go of it
    /// with [`MutexGuard::unlock_fair`], or others wait in vain.
    pub fn venue(&self) -> MutexGuard<'_, Venue> {
        // A panic under the lock is a bug of one request; the exchange goes on.
        self.venue.lock()
    }

    /// Now, by the exchange's clock.
    pub fn now(&self) -> ExchangeTime {
        ExchangeTime::from_micros(self.clock.unix_nanos() / 1_000)
    }

    /// Now, by everybody's clock.
    pub(crate) fn wall_now(&self) -> ExchangeTime {
        ExchangeTime::from_micros(self.wall.unix_nanos() / 1_000)
    }

    /// What goes wrong on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Who signed a request, if it is signed.
    pub(crate) fn caller(&self, parts: &Parts) -> Result<Option<Arc<ApiKey>>, AuthError> {
        let Some(signed) = Signed::read(&parts.headers)? else { return Ok(None) };
        let now = self.wall_now().micros().saturating_add(self.faults.skew());
        signed.check_time(ExchangeTime::from_micros(now))?;
        let key = self.venue().keys().get(signed.key_id).cloned().ok_or(AuthError::UnknownKey)?;
        // The costly part, which nobody waits for.
        signed.verify(&key.public, parts.method.as_str(), parts.uri.path())?;
        Ok(Some(key))
    }
}

/// An operation and how it is served.
pub(super) struct Route {
    pub(super) operation: &'static Operation,
    handler: Option<Handler>,
    permission: Permission,
    budget: Budget,
    /// Tokens, of a batch for each item.
    cost: u64,
    shards: Shards,
}

/// Every operation of the venue under its path, and the refusals for whatever is none.
pub fn router(exchange: Arc<Exchange>) -> Router {
    let costs = Costs::default();
    let mut router = Router::new();
    for (operation, row) in operation::rows() {
        let filter = match operation.method {
            daybook_kalshi::Method::Get => MethodFilter::GET,
            daybook_kalshi::Method::Post => MethodFilter::POST,
            daybook_kalshi::Method::Put => MethodFilter::PUT,
            daybook_kalshi::Method::Delete => MethodFilter::DELETE,
        };
        let route: &'static Route = Box::leak(Box::new(Route {
            operation,
            handler: row.handler,
            permission: row.permission(operation),
            budget: row.budget(operation),
            cost: costs.of(operation),
            shards: row.shards,
        }));
        let method: MethodRouter<Arc<Exchange>> =
            on(filter, move |State(exchange): State<Arc<Exchange>>, params: RawPathParams, request: HttpRequest| {
                served(exchange, route, params, request)
            });
        router = router.route(&format!("{ROOT}{}", operation.path), method);
    }
    for path in ["/portfolio/orders", "/portfolio/orders/batched", "/portfolio/orders/{order_id}"] {
        router = router.route(&format!("{ROOT}{path}"), on(MethodFilter::POST.or(MethodFilter::DELETE), retired));
    }
    for action in ["amend", "decrease"] {
        router =
            router.route(&format!("{ROOT}/portfolio/orders/{{order_id}}/{action}"), on(MethodFilter::POST, retired));
    }
    router = router.route(socket::PATH, on(MethodFilter::GET, socket::open));
    router.method_not_allowed_fallback(wrong_method).fallback(nothing).with_state(exchange)
}

/// Serves both protocols on a listener until `shutdown` is there; then what has begun is answered and no more is taken.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    exchange: Arc<Exchange>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_on(listener.tap_io(|stream| without_delay(stream)), exchange, shutdown).await
}

/// The same over TLS.
///
/// # Errors
/// Those of the listener.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Tls,
    exchange: Arc<Exchange>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_on(TlsListener::new(listener, tls)?, exchange, shutdown).await
}

/// Lets what is written to a connection go out at once.
pub(super) fn without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
}

async fn serve_on<L>(
    listener: L,
    exchange: Arc<Exchange>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    L: Listener,
    L::Addr: fmt::Debug,
{
    let app = router(Arc::clone(&exchange));
    let closing = Arc::clone(&exchange);
    let shutdown = async move {
        shutdown.await;
        socket::close_all(&closing).await;
    };
    let faults = tokio::spawn(faulted::look_after(Arc::clone(&exchange)));
    let served = axum::serve(listener, app).with_graceful_shutdown(shutdown).await;
    faults.abort();
    served
}

async fn served(
    exchange: Arc<Exchange>,
    route: &'static Route,
    params: RawPathParams,
    request: HttpRequest,
) -> Response {
    if let Some(replay) = &exchange.replay
        && replay.has_latency()
        && route.budget == Budget::Write
    {
        // What was sent arrives, though whoever sent it hangs up meanwhile.
        let on_its_way = tokio::spawn(carried_out(exchange, route, params, request));
        return on_its_way.await.unwrap_or_else(|_| Refusal::internal("the request panicked").into_response());
    }
    carried_out(exchange, route, params, request).await
}

async fn carried_out(
    exchange: Arc<Exchange>,
    route: &'static Route,
    params: RawPathParams,
    request: HttpRequest,
) -> Response {
    if exchange.faults.is_active() {
        faulted::answer(exchange, route, params, request).await
    } else {
        answer(exchange, route, params, request).await
    }
}

pub(super) async fn answer(
    exchange: Arc<Exchange>,
    route: &'static Route,
    params: RawPathParams,
    request: HttpRequest,
) -> Response {
    let (parts, body) = request.into_parts();
    let key = match admitted(&exchange, route, &parts) {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    let body = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return Refusal::body("invalid_body", error.to_string()).into_response(),
    };
    match asked(&exchange, route, key, &parts, &params, &body).await {
        Ok(answer) => answer.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Who asks, if they may.
pub(super) fn admitted(exchange: &Exchange, route: &Route, parts: &Parts) -> Result<Option<Arc<ApiKey>>, Refusal> {
    let key = exchange.caller(parts)?;
    match &key {
        None if route.operation.signed => Err(AuthError::Unsigned.into()),
        Some(key) if !key.may(route.permission) => {
            Err(Refusal::forbidden(format!("this API key lacks the scope for {}", route.operation.id)))
        }
        _ => Ok(key),
    }
}

async fn asked(
    exchange: &Exchange,
    route: &Route,
    key: Option<Arc<ApiKey>>,
    parts: &Parts,
    params: &RawPathParams,
    body: &Bytes,
) -> Result<Answer, Refusal> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(query) = query.map_err(|error| Refusal::Query(error.to_string()))?;
    let path: Vec<_> = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let now = exchange.now();
    let mut request = Request { now, key, path: &path, query: &query, body, pair: None };
    pay(&mut exchange.venue(), route, &request, exchange.wall_now())?;
    if matches!(parts.method, Method::POST | Method::PUT) || !body.is_empty() {
        check_content_type(&parts.headers)?;
    }
    match route.handler {
        Some(handler) => {
            if route.operation.id == "GenerateApiKey" {
                request.pair = Some(api_keys::pair(&request).await?);
            }
            if route.budget == Budget::Write
                && let Some(replay) = exchange.replay()
                && !replay.arrival().await
            {
                let message = "the replay is taken to another instant: nothing of before is there any more";
                return Err(Refusal::nested(StatusCode::SERVICE_UNAVAILABLE, "replay_seeking", message.to_owned()));
            }
            let mut venue = exchange.venue();
            venue.advance(exchange.now());
            request.now = venue.now();
            handler(&mut venue, &request)
        }
        None => Err(Refusal::nested(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            format!("this exchange does not implement {}", route.operation.id),
        )),
    }
}

/// Takes the price from the caller's buckets. Who does not say who they are pays nothing: the venue publishes no quota.
fn pay(venue: &mut Venue, route: &Route, request: &Request<'_>, now: ExchangeTime) -> Result<(), Refusal> {
    let Some(key) = &request.key else { return Ok(()) };
    let (charge, items) = match route.budget {
        Budget::Read => (Charge::Read, 1),
        Budget::Balance => (Charge::Balance, 1),
        Budget::Write => (route.shards.charge(request), route.shards.items(request)),
    };
    let limits = venue.limits_mut(key.account).ok_or_else(|| Refusal::internal("a key without an account"))?;
    if limits.take(charge, route.cost.saturating_mul(items), now) { Ok(()) } else { Err(Refusal::TooManyRequests) }
}

/// Bodies are JSON, and POST and PUT have one: `{}` at least.
fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Refusal::body("invalid_content_type", "Content-Type must be application/json"))
    }
}

/// Writes of orders as they were until June 2026.
async fn retired() -> Refusal {
    Refusal::nested(
        StatusCode::GONE,
        "deprecated_v1_order_endpoint",
        "orders are written under /portfolio/events/orders",
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let message = format!("{} does not take {method}", uri.path());
    Refusal::nested(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// A path with a slash too many is sent where it would be without; any other is nothing.
async fn nothing(uri: Uri) -> Response {
    let path = uri.path();
    let bare = path.trim_end_matches('/');
    if bare.len() == path.len() || bare.is_empty() {
        return Refusal::nested(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {path}"))
            .into_response();
    }
    let location = match uri.query() {
        Some(query) => format!("{bare}?{query}"),
        None => bare.to_owned(),
    };
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response()
}
