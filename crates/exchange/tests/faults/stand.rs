//! An exchange on real sockets, with its admin surface, one member, and two clients to look at it with: a plain
//! WebSocket, which shows each frame as it came, and the project's own.

use std::{sync::Arc, time::Duration};

use daybook_book::ExchangeTime;
use daybook_exchange::{
    admin::{self, Opening},
    engine::{AccountId, BookSide, Command, CreateOrder, Owner},
    faults::{Entry, Plan},
    rest::{self, Exchange, Tls},
    venue::{NewEvent, NewMarket, Settings, Venue, series_record},
};
use daybook_kalshi::{Algorithm, Client, Credentials, Environment, Session, SystemClock, WallClock};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

pub const MARKETS: [&str; 3] = ["KXHIGHNY-26OCT01-T60", "KXHIGHNY-26OCT01-T70", "KXRAIN-26OCT01-T1"];
pub const SOCKET: &str = "/trade-api/ws/v2";
/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Stand {
    pub exchange: Arc<Exchange>,
    pub address: String,
    admin: String,
    key_id: String,
    pem: String,
    account: AccountId,
}

/// A plain WebSocket over TCP.
pub type Plain = WebSocketStream<TcpStream>;

impl Stand {
    pub async fn start() -> Stand {
        Stand::start_with(None).await
    }

    /// The same over TLS, if there is any.
    pub async fn start_with(tls: Option<Tls>) -> Stand {
        let clock = Arc::new(SystemClock);
        let now = ExchangeTime::from_micros(clock.unix_nanos() / 1_000);
        let mut venue = Venue::new(Settings { start: now, ..Settings::default() });
        let later = ExchangeTime::from_micros(now.micros() + 86_400_000_000);
        for name in ["KXHIGHNY", "KXRAIN"] {
            venue.add_series(series_record(name, "Climate and Weather", "daily")).unwrap();
            let event = NewEvent {
                ticker: format!("{name}-26OCT01").as_str().into(),
                series: name.into(),
                title: name.to_owned(),
                sub_title: String::new(),
                collateral_return: None,
                strike_date: None,
            };
            venue.add_event(event, now).unwrap();
        }
        for market in MARKETS {
            let event = market.rsplit_once('-').unwrap().0;
            venue.add_market(NewMarket::new(market.parse().unwrap(), event.into(), now, later), now).unwrap();
        }
        let exchange = Arc::new(Exchange::new(venue, clock));
        let opening =
            Opening { algorithm: Algorithm::Ed25519, tier: daybook_kalshi::Tier::Prestige, ..Opening::default() };
        let handed = admin::open(&exchange, opening).unwrap();
        let (listener, beside) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (address, admin) = (listener.local_addr().unwrap().to_string(), beside.local_addr().unwrap().to_string());
        match tls {
            None => drop(tokio::spawn(rest::serve(listener, Arc::clone(&exchange), std::future::pending()))),
            Some(tls) => {
                drop(tokio::spawn(rest::serve_tls(listener, tls, Arc::clone(&exchange), std::future::pending())));
            }
        }
        tokio::spawn(admin::serve(beside, Arc::clone(&exchange), std::future::pending()));
        let key_id = handed.key_id.to_string();
        Stand { exchange, address, admin, key_id, pem: handed.private_key, account: handed.account }
    }

    pub fn plan(&self, text: &str) {
        self.exchange.faults().set(&Plan::parse(text).unwrap(), self.exchange.now()).unwrap();
    }

    pub fn log(&self) -> Vec<Entry> {
        self.exchange.faults().log_after(0, usize::MAX).1
    }

    /// Every number that the log has of a kind, in the order of the log.
    pub fn logged(&self, kind: &str) -> Vec<u64> {
        self.log().into_iter().filter(|entry| entry.kind.as_str() == kind).map(|entry| entry.seq.unwrap_or(0)).collect()
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::from_pem(&self.key_id, &self.pem).unwrap()
    }

    pub fn environment(&self) -> Environment {
        format!("http://{}/trade-api/v2", self.address).parse().unwrap()
    }

    pub fn client(&self) -> Client {
        let builder = Client::builder().environment(self.environment()).credentials(self.credentials());
        builder.retry_pauses([]).build().unwrap()
    }

    pub fn session(&self) -> Session {
        let builder = Session::builder(self.environment(), self.credentials()).seed(1);
        builder.backoff(Duration::from_millis(20), Duration::from_millis(100)).open().unwrap()
    }

    /// Changes a book so many times: each is one delta.
    pub fn change(&self, market: &str, times: u64) {
        let mut venue = self.exchange.venue();
        let market = venue.market_id(market).unwrap();
        for _ in 0..times {
            let order = CreateOrder::limit(
                Owner { account: self.account, subaccount: 0 },
                market,
                BookSide::Bid,
                "0.10".parse().unwrap(),
                "1".parse().unwrap(),
            );
            venue.apply(Command::Create(order), self.exchange.now()).unwrap();
        }
    }

    /// A request by hand: status, head and body.
    pub async fn raw(
        &self,
        address: &str,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> (u16, String, String) {
        let mut head =
            format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
    }

    /// A read that is not signed.
    pub async fn get(&self, path: &str) -> (u16, String, String) {
        self.raw(&self.address, "GET", &format!("/trade-api/v2{path}"), &[], "").await
    }

    pub async fn admin(&self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let (status, _, body) = self.raw(&self.admin, method, target, &[], body).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    pub async fn try_plain(&self) -> Result<Plain, Error> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let mut request = format!("ws://{}{SOCKET}", self.address).into_client_request().unwrap();
        for (name, value) in self.credentials().headers("GET", SOCKET, SystemClock.unix_nanos() / 1_000_000).unwrap() {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.to_string().parse().unwrap());
        }
        client_async(request, stream).await.map(|(socket, _)| socket)
    }

    pub async fn plain(&self) -> Plain {
        self.try_plain().await.unwrap()
    }

    /// A plain WebSocket that is subscribed to these books and has read their snapshots.
    pub async fn subscribed(&self, markets: &[&str]) -> Plain {
        let mut socket = self.plain().await;
        subscribe(&mut socket, markets).await;
        for _ in 0..=markets.len() {
            frame(&mut socket).await;
        }
        socket
    }
}

pub async fn subscribe(socket: &mut Plain, markets: &[&str]) {
    let params = json!({"channels": ["orderbook_delta"], "market_tickers": markets});
    socket.send(Message::text(json!({"id": 1, "cmd": "subscribe", "params": params}).to_string())).await.unwrap();
}

/// The next text, whatever it is.
pub async fn text(socket: &mut Plain) -> String {
    loop {
        if let Message::Text(text) = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            return text.as_str().to_owned();
        }
    }
}

pub async fn frame(socket: &mut Plain) -> Value {
    serde_json::from_str(&text(socket).await).unwrap()
}

/// The numbers of the frames that come, up to this one.
pub async fn seqs_to(socket: &mut Plain, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        seqs.push(frame(socket).await["seq"].as_u64().unwrap());
    }
    seqs
}
