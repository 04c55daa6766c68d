//! A venue in this process, over real sockets: it checks signatures and stamps, has the venue's exact buckets, and
//! misbehaves on demand.

mod budget;
mod gate;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use daybook_kalshi::{Client, ClientBuilder, Credentials, Environment, RateLimiter, Tier};
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

pub use budget::{Budgets, Spent};
pub use gate::{KEY_ID, PublicKey, Received};

use crate::certificate::SelfSigned;

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and body instead of an answer; the request is not executed.
    Answer(u16, String),
    /// The same with a header.
    AnswerWith(u16, String, &'static str, String),
    /// The request is executed, and answered after this long.
    Slow(Duration),
    /// The request is executed, and the connection closed without an answer.
    ExecuteAndHangUp,
    /// The request is executed, and the connection breaks in the middle of the answer's body.
    CutBody,
    /// The answer's body is this large.
    Huge(usize),
}

/// The body that the venue sends with 429.
pub const TOO_MANY: &str = r#"{"error":"too many requests"}"#;

#[derive(Clone)]
pub struct Venue {
    pub address: SocketAddr,
    /// Speaks TLS, as `localhost`.
    encrypted: bool,
    state: Arc<Mutex<State>>,
}

struct State {
    keys: HashMap<String, PublicKey>,
    /// How far the venue's clock is ahead.
    clock_millis: i64,
    budgets: Budgets,
    faults: VecDeque<Fault>,
    /// How long requests and answers are on their way at most, each.
    latency: Duration,
    random: SmallRng,
    received: Vec<Received>,
    client_order_ids: HashSet<String>,
    most_at_once: usize,
    at_once: usize,
}

type Body = BoxBody<Bytes, io::Error>;

impl Venue {
    /// A venue that knows one key, gives everybody a budget without end, and behaves.
    pub async fn start(key: PublicKey) -> Venue {
        Venue::start_with(key, None).await
    }

    /// The same, speaking TLS with this certificate.
    pub async fn start_encrypted(key: PublicKey, certificate: &SelfSigned) -> Venue {
        Venue::start_with(key, Some(certificate.acceptor())).await
    }

    async fn start_with(key: PublicKey, tls: Option<TlsAcceptor>) -> Venue {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            keys: HashMap::from([(KEY_ID.to_owned(), key)]),
            clock_millis: 0,
            budgets: Budgets::endless(),
            faults: VecDeque::new(),
            latency: Duration::ZERO,
            random: SmallRng::seed_from_u64(1),
            received: Vec::new(),
            client_order_ids: HashSet::new(),
            most_at_once: 0,
            at_once: 0,
        };
        let venue = Venue { address, encrypted: tls.is_some(), state: Arc::new(Mutex::new(state)) };
        let serving = venue.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                let (venue, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => venue.converse(socket).await,
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                venue.converse(socket).await;
                            }
                        }
                    }
                });
            }
        });
        venue
    }

    /// A client of this venue that waits for nothing longer than it must.
    pub fn client(&self, credentials: Credentials) -> ClientBuilder {
        Client::builder()
            .environment(self.environment())
            .credentials(credentials)
            .limiter(RateLimiter::builder().limits(Tier::Prestige.limits()).full_at_start().build())
            .retry_pauses([5, 10, 20].map(Duration::from_millis))
            .timeout(Duration::from_secs(5))
    }

    pub fn environment(&self) -> Environment {
        if self.encrypted {
            return format!("https://localhost:{}", self.address.port()).parse().unwrap();
        }
        format!("http://{}", self.address).parse().unwrap()
    }

    /// What goes wrong with the next requests, in order.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    pub fn clock_ahead(&self, millis: i64) {
        self.state.lock().unwrap().clock_millis = millis;
    }

    pub fn budgets(&self, budgets: Budgets) {
        self.state.lock().unwrap().budgets = budgets;
    }

    pub fn latency(&self, at_most: Duration) {
        self.state.lock().unwrap().latency = at_most;
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub fn spent(&self, bucket: &str) -> Spent {
        self.state.lock().unwrap().budgets.spent(bucket)
    }

    /// How many requests were answered at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().most_at_once
    }

    async fn converse(self, socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let service = service_fn(move |request| self.clone().serve(request));
        let mut http = hyper::server::conn::http1::Builder::new();
        let _ = http.auto_date_header(false).serve_connection(TokioIo::new(socket), service).await;
    }

    async fn serve(self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let (there, back) = {
            let mut state = self.state.lock().unwrap();
            state.at_once += 1;
            state.most_at_once = state.most_at_once.max(state.at_once);
            let latency = u64::try_from(state.latency.as_micros()).unwrap();
            let mut draw = || Duration::from_micros(state.random.random_range(0..=latency));
            (draw(), draw())
        };
        tokio::time::sleep(there).await;
        let answer = self.answer(request).await;
        tokio::time::sleep(back).await;
        self.state.lock().unwrap().at_once -= 1;
        answer
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let (date, checked) = {
            let mut state = self.state.lock().unwrap();
            let now = now_millis() + state.clock_millis;
            let checked = state.check(&parts, &body, now);
            (http_date(now), checked)
        };
        let with_date = |mut response: Response<Body>| {
            response.headers_mut().insert(header::DATE, date.parse().unwrap());
            Ok(response)
        };
        let fault = match checked {
            Ok(fault) => fault,
            Err((status, body)) => return with_date(whole(status, body)),
        };
        if let Some(Fault::Answer(status, body)) = &fault {
            return with_date(whole(*status, body.clone()));
        }
        if let Some(Fault::AnswerWith(status, body, name, value)) = &fault {
            let mut response = whole(*status, body.clone());
            response.headers_mut().insert(*name, value.parse().unwrap());
            return with_date(response);
        }
        let (status, answer) = self.state.lock().unwrap().execute(&parts, &body);
        let answer = answer.map(|answer| answer.to_string()).unwrap_or_default();
        match fault {
            Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
            Some(Fault::ExecuteAndHangUp) => return Err(io::Error::other("hung up")),
            Some(Fault::CutBody) => {
                let half = Bytes::copy_from_slice(&answer.as_bytes()[..answer.len() / 2]);
                let cut = stream::iter([Ok(Frame::data(half)), Err(io::Error::other("cut"))])
                    // Else both would be noticed before anything is sent.
                    .then(|part| async {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        part
                    });
                let response = Response::builder().status(status).header(header::CONTENT_LENGTH, answer.len());
                return with_date(response.body(BoxBody::new(StreamBody::new(Box::pin(cut)))).unwrap());
            }
            Some(Fault::Huge(size)) => return with_date(whole(200, " ".repeat(size))),
            _ => {}
        }
        with_date(whole(status, answer))
    }
}

impl State {
    /// Whether a request may be executed, and what goes wrong with it then; else its refusal.
    fn check(
        &mut self,
        parts: &http::request::Parts,
        body: &[u8],
        now_millis: i64,
    ) -> Result<Option<Fault>, (u16, String)> {
        let received = Received::of(parts, body);
        self.received.push(received.clone());
        if matches!(parts.method, Method::POST | Method::PUT) {
            let is_json = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
            if !is_json || serde_json::from_slice::<Value>(body).is_err() {
                return Err((400, json!({"code": "invalid_content_type", "message": "JSON only"}).to_string()));
            }
        }
        received.verify(&self.keys, now_millis)?;
        if !self.budgets.take(&received) {
            return Err((429, TOO_MANY.to_owned()));
        }
        Ok(self.faults.pop_front())
    }

    /// What the venue does, as far as these tests need it.
    fn execute(&mut self, parts: &http::request::Parts, body: &[u8]) -> (u16, Option<Value>) {
        let path = parts.uri.path().strip_prefix("/trade-api/v2").unwrap_or_default();
        match (parts.method.as_str(), path) {
            ("POST", "/portfolio/events/orders") => {
                let order: Value = serde_json::from_slice(body).unwrap();
                let id = order["client_order_id"].as_str().unwrap_or_default().to_owned();
                if !id.is_empty() && !self.client_order_ids.insert(id) {
                    return (409, Some(json!({"error": {"code": "order_already_exists", "message": "seen"}})));
                }
                (201, Some(json!({"order_id": format!("order-{}", self.client_order_ids.len())})))
            }
            ("DELETE", "/portfolio/events/orders") => (204, None),
            ("GET", "/account/limits") => (200, Some(self.budgets.limits())),
            ("GET", "/account/endpoint_costs") => (200, Some(self.budgets.costs())),
            (_, missing) if missing.starts_with("/missing") => {
                (404, Some(json!({"error": {"code": "not_found", "message": "no such thing"}})))
            }
            (method, path) => {
                let body = String::from_utf8_lossy(body);
                (200, Some(json!({"method": method, "path": path, "query": parts.uri.query(), "body": body})))
            }
        }
    }
}

/// A port of this machine on which nobody listens.
pub async fn deaf_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn whole(status: u16, body: String) -> Response<Body> {
    let body = BoxBody::new(Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {}));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn now_millis() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn http_date(unix_millis: i64) -> String {
    let stamp = jiff::Timestamp::from_millisecond(unix_millis).unwrap();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&stamp).unwrap()
}
