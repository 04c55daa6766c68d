//! An exchange on a real socket, whose clock the test holds and whose every answer is remembered.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
};
use daybook_book::{ExchangeTime, Money, Price, Quantity, Ticker};
use daybook_exchange::{
    auth::{ApiKey, NewKey, PrivateKey},
    engine::{AccountId, MarketId, Owner},
    rest::{self, Exchange},
    venue::{NewAccount, NewEvent, NewMarket, Settings, Strike, Venue, series_record},
};
use daybook_kalshi::{
    Algorithm, BucketLimit, Client, Credentials, Environment, Limits, RateLimiter, Tier, WallClock,
    rest::{
        events::CollateralReturn,
        markets::BookSide,
        orders::{CreateOrder, SelfTradePrevention, TimeInForce},
        series::{Series, SettlementSource},
        value::Timestamp,
    },
};
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::spec;

/// 2026-10-01 12:00 UTC.
pub const START: i64 = 1_790_856_000;

/// A clock that the test holds.
pub struct Clock(AtomicI64);

impl WallClock for Clock {
    fn unix_nanos(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One answer.
struct Answered {
    method: String,
    path: String,
    status: u16,
    body: Vec<u8>,
}

pub struct Venues {
    pub exchange: Arc<Exchange>,
    pub clock: Arc<Clock>,
    pub address: String,
    answers: Arc<Mutex<Vec<Answered>>>,
}

pub struct Member {
    pub account: AccountId,
    pub key_id: String,
    pub pem: String,
    pub client: Client,
}

pub fn ticker(text: &str) -> Ticker {
    text.parse().unwrap()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn count(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

/// A limit order that rests until it is cancelled.
pub fn order(market: &str, side: BookSide, at: &str, contracts: &str) -> CreateOrder {
    CreateOrder::new(
        ticker(market),
        side,
        count(contracts),
        price(at),
        TimeInForce::GoodTillCanceled,
        SelfTradePrevention::TakerAtCross,
    )
}

pub fn series(name: &str) -> Series {
    Series {
        title: format!("{name} of a test"),
        tags: vec!["Daily temperature".to_owned()],
        settlement_sources: vec![SettlementSource {
            name: Some("NWS".to_owned()),
            url: Some("https://example.com".to_owned()),
            extra: Map::new(),
        }],
        contract_url: "https://example.com/contract".to_owned(),
        contract_terms_url: "https://example.com/terms".to_owned(),
        last_updated_ts: Some(Timestamp::from_second(START - 86_400).unwrap()),
        ..series_record(name, "Climate and Weather", "daily")
    }
}

impl Venues {
    /// One shard; series KXHIGHNY with two events of three markets, one of which is not open yet; combo series KXMVETEST.
    pub async fn start() -> Venues {
        Venues::start_with(Settings::default()).await
    }

    pub async fn start_with(settings: Settings) -> Venues {
        let clock = Arc::new(Clock(AtomicI64::new(START * 1_000_000_000)));
        let start = ExchangeTime::from_micros(START * 1_000_000);
        let mut venue = Venue::new(Settings { start, ..settings });
        fill(&mut venue, start);
        let exchange = Arc::new(Exchange::new(venue, clock.clone()));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let router = rest::router(exchange.clone()).layer(middleware::from_fn_with_state(answers.clone(), remember));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Venues { exchange, clock, address, answers }
    }

    /// Time goes on.
    pub fn wait(&self, duration: Duration) {
        self.clock.0.fetch_add(i64::try_from(duration.as_nanos()).unwrap(), Ordering::Relaxed);
    }

    pub fn now(&self) -> ExchangeTime {
        self.exchange.now()
    }

    pub fn market(&self, name: &str) -> MarketId {
        self.exchange.venue().market_id(name).unwrap()
    }

    /// A member with so many dollars on each shard, an Ed25519 key, and budgets that no test empties.
    pub fn member(&self, cash: &str) -> Member {
        let limit = |capacity| BucketLimit { refill_rate: capacity, capacity };
        let limits = Limits { read: limit(1_000_000), write: limit(1_000_000), balance: limit(1_000) };
        let member = self.member_on(Tier::Prestige, Algorithm::Ed25519, cash);
        self.exchange.venue().limits_mut(member.account).unwrap().set_limits(limits, self.now());
        member
    }

    /// A member with budgets of a tier.
    pub fn member_on(&self, tier: Tier, algorithm: Algorithm, cash: &str) -> Member {
        let now = self.now();
        let pair = PrivateKey::generate(algorithm).unwrap();
        let mut venue = self.exchange.venue();
        let account = venue.open_account(NewAccount { tier, ..NewAccount::default() }, now);
        for shard in 0..venue.shards() {
            let owner = Owner { account, subaccount: 0 };
            venue.deposit(owner, shard as u8, dollars(cash), now).unwrap();
        }
        let scopes = ApiKey::full_access();
        let name = "of a test".to_owned();
        let key_id = venue.add_key(account, NewKey { name, scopes, subaccount: None, public: pair.public }).to_string();
        let client = self.client(&key_id, &pair.pem);
        Member { account, key_id, pem: pair.pem, client }
    }

    /// A client that signs with this key, and never waits for tokens.
    pub fn client(&self, key_id: &str, pem: &str) -> Client {
        self.client_with(Credentials::from_pem(key_id, pem).unwrap())
    }

    pub fn client_with(&self, credentials: impl Into<Option<Credentials>>) -> Client {
        let environment: Environment = format!("http://{}/trade-api/v2", self.address).parse().unwrap();
        let limit = |capacity| BucketLimit { refill_rate: capacity, capacity };
        let limits = Limits { read: limit(1_000_000), write: limit(1_000_000), balance: limit(1_000) };
        let limiter = RateLimiter::builder().limits(limits).full_at_start().build();
        let builder = Client::builder().environment(environment).credentials(credentials).limiter(limiter);
        builder.clock(self.clock.clone()).retry_pauses([]).build().unwrap()
    }

    /// A request by hand, signed if there are credentials, and what came back: status, headers and JSON.
    pub async fn raw(
        &self,
        method: &str,
        target: &str,
        credentials: Option<&Credentials>,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> (u16, String, Value) {
        let path = target.split('?').next().unwrap();
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(credentials) = credentials {
            for (name, value) in credentials.headers(method, path, self.clock.unix_nanos() / 1_000_000).unwrap() {
                head += &format!("{name}: {value}\r\n");
            }
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            head += &format!("content-length: {}\r\n", body.len());
        }
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(format!("{head}\r\n{}", body.unwrap_or("")).as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let json = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        (status, head.to_ascii_lowercase(), json)
    }

    /// Holds all that was answered against the venue's document, and says how many answers that were.
    pub fn check_answers(&self) -> usize {
        let answers = self.answers.lock().unwrap();
        let Some(spec) = spec::Spec::load() else { return 0 };
        let mut violations = Vec::new();
        for answer in answers.iter() {
            violations.extend(spec.violations(&answer.method, &answer.path, answer.status, &answer.body));
        }
        assert!(violations.is_empty(), "{} answers, violations: {violations:#?}", answers.len());
        println!("{} answers hold against the document", answers.len());
        answers.len()
    }
}

fn fill(venue: &mut Venue, now: ExchangeTime) {
    let at = |seconds: i64| ExchangeTime::from_micros((START + seconds) * 1_000_000);
    venue.add_series(series("KXHIGHNY")).unwrap();
    venue.add_series(series("KXMVETEST")).unwrap();
    for day in ["26OCT01", "26OCT02"] {
        let event = format!("KXHIGHNY-{day}");
        let title = format!("Highest temperature in New York on {day}?");
        let new = NewEvent {
            ticker: event.as_str().into(),
            series: "KXHIGHNY".into(),
            title,
            sub_title: format!("On {day}"),
            collateral_return: Some(CollateralReturn::Mecnet),
            strike_date: Some(at(0)),
        };
        venue.add_event(new, now).unwrap();
        for (index, strike) in [60, 70, 80].into_iter().enumerate() {
            // The last market of the second day is not open yet.
            let open = if day == "26OCT02" && index == 2 { at(3_600) } else { at(-3_600) };
            let name = ticker(&format!("{event}-T{strike}"));
            let market = NewMarket {
                yes_sub_title: format!("{strike}° or above"),
                strike: Strike::GreaterOrEqual(strike * 10_000),
                structure: if index == 1 { "tapered_deci_cent" } else { "linear_cent" },
                ..NewMarket::new(name, event.as_str().into(), open, at(86_400))
            };
            venue.add_market(market, now).unwrap();
        }
    }
    let combo = NewEvent {
        ticker: "KXMVETEST-1".into(),
        series: "KXMVETEST".into(),
        title: "A combo".to_owned(),
        sub_title: String::new(),
        collateral_return: None,
        strike_date: None,
    };
    venue.add_event(combo, now).unwrap();
    let market = NewMarket {
        structure: "center_deci_edge_centi_cent",
        ..NewMarket::new(ticker("KXMVETEST-1-A"), "KXMVETEST-1".into(), at(-60), at(7_200))
    };
    venue.add_market(market, now).unwrap();
}

async fn remember(State(answers): State<Arc<Mutex<Vec<Answered>>>>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (parts, body) = next.run(request).await.into_parts();
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Response::from_parts(parts, body);
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    if let Some(path) = path {
        let path = path.trim_start_matches("/trade-api/v2").to_owned();
        let status = parts.status.as_u16();
        answers.lock().unwrap().push(Answered { method, path, status, body: body.to_vec() });
    }
    Response::from_parts(parts, Body::from(body))
}
