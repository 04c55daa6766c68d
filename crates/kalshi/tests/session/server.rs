//! The model of the venue behind a real socket: it checks the handshake, keeps the protocol, and misbehaves on demand.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use daybook_book::{Book, Price, Quantity, Side, Ticker};
use daybook_kalshi::{Credentials, Environment};
use futures_util::{SinkExt, StreamExt};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::StatusCode,
    },
};

use super::venue::{Change, Link, Venue};
use crate::{certificate::SelfSigned, keys};

pub const KEY_ID: &str = "11111111-2222-4333-8444-555555555555";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// A venue in this process. It ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    /// Speaks TLS, as `localhost`.
    encrypted: bool,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

/// How often which fault happens to a frame, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub drop: u32,
    pub duplicate: u32,
    pub reorder: u32,
    pub garble: u32,
}

pub struct State {
    pub venue: Venue,
    pub links: BTreeMap<usize, Attached>,
    pub random: SmallRng,
    pub faults: Faults,
    /// How long every frame waits before it is written.
    pub slowness: Duration,
    /// How far the venue's clock is ahead of this machine's.
    pub ahead: Duration,
    /// The answer to every handshake.
    pub refusal: Option<(u16, &'static str)>,
    /// Handshakes taken so far, refused ones included.
    pub handshakes: u32,
    /// What new connections are set up with.
    pub market_limit: Option<usize>,
    pub refused: Vec<String>,
    next: usize,
}

pub struct Attached {
    pub link: Link,
    outgoing: mpsc::UnboundedSender<Out>,
    held: Option<String>,
}

enum Out {
    Frame(String),
    Close,
    /// Neither reads nor writes any more, but keeps the socket.
    Freeze,
    /// Drops the socket without a word.
    Cut,
}

impl Server {
    pub async fn start(markets: usize) -> Server {
        Server::start_at("127.0.0.1:0".parse().unwrap(), markets).await
    }

    /// Speaks TLS with this certificate.
    pub async fn start_encrypted(markets: usize, certificate: &SelfSigned) -> Server {
        Server::start_with("127.0.0.1:0".parse().unwrap(), markets, Some(certificate.acceptor())).await
    }

    pub async fn start_at(address: SocketAddr, markets: usize) -> Server {
        Server::start_with(address, markets, None).await
    }

    async fn start_with(address: SocketAddr, markets: usize, tls: Option<TlsAcceptor>) -> Server {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut random = SmallRng::seed_from_u64(7);
        let venue = Venue::new("M", markets, &mut random);
        let state = Arc::new(Mutex::new(State {
            venue,
            links: BTreeMap::new(),
            random,
            faults: Faults::default(),
            slowness: Duration::ZERO,
            ahead: Duration::ZERO,
            refusal: None,
            handshakes: 0,
            market_limit: None,
            refused: Vec::new(),
            next: 0,
        }));
        let shared = Arc::clone(&state);
        let encrypted = tls.is_some();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (tls, shared) = (tls.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, shared).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, shared).await;
                            }
                        }
                    }
                });
            }
        });
        Server { address, encrypted, state, task }
    }

    pub fn environment(&self) -> Environment {
        if self.encrypted {
            return format!("https://localhost:{}", self.address.port()).parse().unwrap();
        }
        format!("http://{}", self.address).parse().unwrap()
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The exchange acts so many times.
    pub fn act(&self, times: usize) {
        let mut state = self.state();
        let State { venue, links, random, faults, .. } = &mut *state;
        for _ in 0..times {
            for change in venue.act(random) {
                for attached in links.values_mut() {
                    if let Some(frame) = attached.link.publish(&change) {
                        attached.send(frame, faults, random);
                    }
                }
            }
        }
    }

    /// Says something on a channel, on every connection that has subscribed to it.
    pub fn say(&self, channel: &str, frame_type: &str, msg: &str) {
        for attached in self.state().links.values_mut() {
            let frame = attached.link.say(channel, frame_type, msg);
            frame.map(|frame| attached.outgoing.send(Out::Frame(frame)));
        }
    }

    /// Sends a text as it is, on every connection.
    pub fn send_raw(&self, text: &str) {
        for attached in self.state().links.values() {
            let _ = attached.outgoing.send(Out::Frame(text.to_owned()));
        }
    }

    /// Loses the next frame of every connection's books.
    pub fn lose_one(&self) {
        let mut state = self.state();
        let State { venue, links, random, .. } = &mut *state;
        loop {
            let mut lost = false;
            for change in venue.act(random) {
                for attached in links.values_mut() {
                    lost |= attached.link.publish(&change).is_some();
                }
            }
            if lost {
                break;
            }
        }
    }

    /// Ends a channel's subscription with a terminal error.
    pub fn fail(&self, channel: &str, code: i64) {
        for attached in self.state().links.values_mut() {
            let frame = attached.link.fail(channel, code);
            frame.map(|frame| attached.outgoing.send(Out::Frame(frame)));
        }
    }

    fn tell_all(&self, out: impl Fn() -> Out) {
        for attached in self.state().links.values() {
            let _ = attached.outgoing.send(out());
        }
    }

    /// Drops one connection.
    pub fn cut(&self, id: usize) {
        let _ = self.state().links[&id].outgoing.send(Out::Cut);
    }

    /// Sends a change that is in order and takes away more than there is.
    pub fn misfit(&self, market: &str) {
        let mut state = self.state();
        let State { venue, links, .. } = &mut *state;
        let (book, clock) = venue.books.get_mut(market).unwrap();
        *clock += 1;
        let change = Change {
            market: market.to_owned(),
            side: Side::Yes,
            price: Price::from_cents(99).unwrap(),
            quantity: Quantity::from_hundredths(-1),
            clock: *clock,
            after: book.digest(),
        };
        for attached in links.values_mut() {
            let frame = attached.link.publish(&change);
            frame.map(|frame| attached.outgoing.send(Out::Frame(frame)));
        }
    }

    /// Closes every connection properly.
    pub fn close_all(&self) {
        self.tell_all(|| Out::Close);
    }

    /// Drops every connection.
    pub fn cut_all(&self) {
        self.tell_all(|| Out::Cut);
    }

    /// Lets every connection go silent while the sockets stay open.
    pub fn freeze_all(&self) {
        self.tell_all(|| Out::Freeze);
    }

    pub fn book(&self, ticker: &str) -> Book {
        self.state().venue.books[ticker].0.clone()
    }

    pub fn tickers(&self) -> Vec<Ticker> {
        let mut tickers: Vec<Ticker> = self.state().venue.books.keys().map(|name| name.parse().unwrap()).collect();
        tickers.sort_by_key(|ticker| ticker.as_str()[2..].parse::<usize>().unwrap());
        tickers
    }

    /// How many markets' books all connections carry together.
    pub fn carried(&self) -> Vec<usize> {
        self.state().links.values().map(|attached| attached.link.carried("orderbook_delta")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn credentials() -> Credentials {
    Credentials::from_pem(KEY_ID, &keys::rfc_8032_pem()).unwrap()
}

impl Attached {
    /// Sends a frame, or does what the faults make of it.
    fn send(&mut self, frame: String, faults: &Faults, random: &mut SmallRng) {
        let mut chance = |thousandths: u32| random.random_range(0..1_000) < thousandths;
        let mut frames = vec![frame];
        if chance(faults.drop) {
            frames.clear();
        } else if chance(faults.duplicate) {
            frames.push(frames[0].clone());
        } else if chance(faults.garble) {
            frames[0].truncate(40);
        } else if self.held.is_none() && chance(faults.reorder) {
            self.held = frames.pop();
            return;
        }
        frames.extend(self.held.take());
        for frame in frames {
            let _ = self.outgoing.send(Out::Frame(frame));
        }
    }
}

fn unix_millis(ahead: Duration) -> i64 {
    (SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead).as_millis() as i64
}

/// What the venue answers to a handshake.
fn admit(request: &Request, state: &mut State) -> Result<(), (u16, String)> {
    state.handshakes += 1;
    if let Some((status, body)) = state.refusal {
        return Err((status, body.to_owned()));
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let denied = |details: &str| (401, format!(r#"{{"code":"authentication_error","details":"{details}"}}"#));
    if header("KALSHI-ACCESS-KEY") != KEY_ID {
        return Err(denied("NOT_FOUND"));
    }
    let stamp = header("KALSHI-ACCESS-TIMESTAMP");
    let signed = format!("{stamp}GET{}", request.uri().path());
    let signature = STANDARD.decode(header("KALSHI-ACCESS-SIGNATURE")).unwrap_or_default();
    let key = UnparsedPublicKey::new(&ED25519, keys::unhex(PUBLIC));
    if request.uri().path() != "/trade-api/ws/v2" || key.verify(signed.as_bytes(), &signature).is_err() {
        return Err(denied("INCORRECT_API_KEY_SIGNATURE"));
    }
    let age = unix_millis(state.ahead) - stamp.parse::<i64>().unwrap_or(0);
    if !(-10_000..=30_000).contains(&age) {
        return Err((401, r#"{"error":{"code":"header_timestamp_expired","message":"expired"}}"#.to_owned()));
    }
    Ok(())
}

#[allow(clippy::result_large_err, reason = "the handshake's callback is typed so")]
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<Mutex<State>>) {
    let check = |request: &Request, response: Response| {
        let mut state = state.lock().unwrap();
        admit(request, &mut state).map(|()| response).map_err(|(status, body)| {
            let mut refusal = ErrorResponse::new(Some(body));
            *refusal.status_mut() = StatusCode::from_u16(status).unwrap();
            let seconds = unix_millis(state.ahead) / 1_000;
            let date = jiff::Timestamp::from_second(seconds).unwrap();
            let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            refusal.headers_mut().insert("date", date.parse().unwrap());
            refusal
        })
    };
    let Ok(mut socket) = accept_hdr_async(stream, check).await else { return };
    let (outgoing, mut frames) = mpsc::unbounded_channel();
    let id = {
        let mut state = state.lock().unwrap();
        let id = state.next;
        state.next += 1;
        let mut link = Link::new();
        link.market_limit = state.market_limit;
        link.refused = state.refused.iter().cloned().collect();
        state.links.insert(id, Attached { link, outgoing, held: None });
        id
    };
    let mut heartbeat = tokio::time::interval(Duration::from_secs(10));
    'serving: loop {
        tokio::select! {
            _ = heartbeat.tick() => {
                if socket.send(Message::Ping(b"heartbeat".as_slice().into())).await.is_err() {
                    break;
                }
            }
            command = socket.next() => {
                let Some(Ok(command)) = command else { break };
                let Message::Text(text) = command else { continue };
                let mut state = state.lock().unwrap();
                let State { venue, links, .. } = &mut *state;
                let Some(attached) = links.get_mut(&id) else { break };
                for frame in attached.link.command(venue, &text) {
                    let _ = attached.outgoing.send(Out::Frame(frame));
                }
            }
            frame = frames.recv() => {
                let mut next = frame;
                let slowness = state.lock().unwrap().slowness;
                tokio::time::sleep(slowness).await;
                loop {
                    match next {
                        None | Some(Out::Cut) => break 'serving,
                        Some(Out::Frame(frame)) => {
                            if socket.feed(Message::Text(frame.into())).await.is_err() {
                                break 'serving;
                            }
                        }
                        Some(Out::Close) => {
                            let _ = socket.close(None).await;
                            break 'serving;
                        }
                        Some(Out::Freeze) => {
                            state.lock().unwrap().links.remove(&id);
                            std::future::pending::<()>().await;
                        }
                    }
                    match frames.try_recv() {
                        Ok(frame) => next = Some(frame),
                        Err(_) => break,
                    }
                }
                if socket.flush().await.is_err() {
                    break;
                }
            }
        }
    }
    state.lock().unwrap().links.remove(&id);
}
