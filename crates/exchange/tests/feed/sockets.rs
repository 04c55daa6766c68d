//! The driver: over streams in memory, where every byte is seen, and over real sockets, read by clients of other hands.

use std::{
    collections::HashMap,
    env, io,
    net::SocketAddr,
    pin::Pin,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use daybook_book::{Book, Event, Side};
use daybook_exchange::feed::{ConnectionId, Deflate, Ended, Feed, Output, ServeOptions, Standing, serve, upgrade};
use daybook_kalshi::{Channel, Credentials, Environment, Fact, Session, Subscription};
use futures_util::{SinkExt, StreamExt};
use hyper::{Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    net::TcpListener,
    sync::Notify,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

use crate::world::{ANN, World, cents, contracts, ticker};

/// Whoever holds the hub.
struct Venue {
    world: Mutex<World>,
    ended: Notify,
    /// Loses every so many frames of books.
    loses: Option<usize>,
    drained: AtomicUsize,
}

impl Venue {
    fn new(markets: usize) -> Arc<Venue> {
        Venue::losing(markets, None)
    }

    fn losing(markets: usize, loses: Option<usize>) -> Arc<Venue> {
        let world = Mutex::new(World::new(markets));
        Arc::new(Venue { world, ended: Notify::new(), loses, drained: AtomicUsize::new(0) })
    }
}

impl Feed for Venue {
    fn command(&self, connection: ConnectionId, text: &str) {
        let mut world = self.world.lock().unwrap();
        let at = world.at();
        let World { hub, markets, .. } = &mut *world;
        hub.command(connection, text, markets, at);
    }

    fn drain(&self, connection: ConnectionId, output: &mut Output) -> Standing {
        let standing = self.world.lock().unwrap().hub.drain(connection, output);
        if let Some(every) = self.loses {
            let mut kept = Output::new();
            for frame in output.frames() {
                let is_delta = frame.about.market.is_some() && frame.text.starts_with(br#"{"type":"orderbook_delta""#);
                if !is_delta || !(self.drained.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every) {
                    kept.push(frame);
                }
            }
            *output = kept;
        }
        standing
    }

    fn disconnect(&self, connection: ConnectionId) {
        self.world.lock().unwrap().hub.disconnect(connection);
        self.ended.notify_one();
    }
}

/// A connection over a stream in memory with so much room; what the server's end came to can be awaited.
fn connect(
    venue: &Arc<Venue>,
    room: usize,
    options: ServeOptions,
) -> (DuplexStream, ConnectionId, tokio::task::JoinHandle<Ended>) {
    let (ours, theirs) = duplex(room);
    let (connection, ended) = attach(venue, theirs, options);
    (ours, connection, ended)
}

fn attach(
    venue: &Arc<Venue>,
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    options: ServeOptions,
) -> (ConnectionId, tokio::task::JoinHandle<Ended>) {
    let (connection, wake) = {
        let mut world = venue.world.lock().unwrap();
        let at = world.at();
        world.hub.connect(Some(ANN), at)
    };
    let venue = Arc::clone(venue);
    (connection, tokio::spawn(async move { serve(stream, &*venue, connection, wake, options).await }))
}

async fn client(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
    WebSocketStream::from_raw_socket(stream, Role::Client, None).await
}

fn text(message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> Value {
    serde_json::from_str(message.unwrap().unwrap().to_text().unwrap()).unwrap()
}

const SUBSCRIBE: &str =
    r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["M-0"]}}"#;

#[tokio::test]
async fn commands_are_answered_pings_too_and_goodbyes() {
    assert_eq!(ServeOptions::default().heartbeat, Duration::from_secs(10));
    let venue = Venue::new(1);
    let options = ServeOptions { heartbeat: Duration::from_millis(20), ..ServeOptions::default() };
    let (stream, _, ended) = connect(&venue, 1 << 16, options);
    let mut client = client(stream).await;
    client.send(Message::text(SUBSCRIBE)).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let message @ Message::Text(_) = client.next().await.unwrap().unwrap() {
            told.push(text(Some(Ok(message)))["type"].clone());
        }
    }
    assert_eq!(told, ["subscribed", "orderbook_snapshot"]);
    client.send(Message::Ping("hello".into())).await.unwrap();
    let (mut pinged, mut ponged) = (false, false);
    while !(pinged && ponged) {
        match client.next().await.unwrap().unwrap() {
            Message::Ping(payload) => pinged |= &*payload == b"heartbeat",
            Message::Pong(payload) => ponged |= &*payload == b"hello",
            other => panic!("{other:?}"),
        }
    }
    client.close(Some(CloseFrame { code: CloseCode::Away, reason: "done".into() })).await.unwrap();
    while let Some(message) = client.next().await {
        if let Message::Close(frame) = message.unwrap() {
            assert_eq!(frame.unwrap().code, CloseCode::Away);
        }
    }
    assert!(matches!(ended.await.unwrap(), Ended::ByClient));
    assert_eq!(venue.world.lock().unwrap().hub.connections().count(), 0);
}

#[tokio::test]
async fn the_venue_says_goodbye_after_what_waits() {
    let venue = Venue::new(1);
    let (stream, connection, ended) = connect(&venue, 1 << 16, ServeOptions::default());
    let mut client = client(stream).await;
    client.send(Message::text(SUBSCRIBE)).await.unwrap();
    text(client.next().await);
    text(client.next().await);
    {
        let mut world = venue.world.lock().unwrap();
        world.change(0, Side::Yes, cents(40), contracts(1));
        world.hub.close(connection, 1012);
    }
    assert_eq!(text(client.next().await)["type"], "orderbook_delta");
    let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else { panic!() };
    assert_eq!(frame.code, CloseCode::Restart);
    while client.next().await.is_some() {}
    assert!(matches!(ended.await.unwrap(), Ended::ByVenue(1012)));
}

#[tokio::test]
async fn clients_that_break_the_protocol_are_told_how() {
    for (message, code) in [(Message::binary(b"binary".as_slice()), 1003), (Message::text("x".repeat(1_001)), 1009)] {
        let options = ServeOptions { message_bytes: 1_000, ..ServeOptions::default() };
        let (stream, _, ended) = connect(&Venue::new(0), 1 << 16, options);
        let mut client = client(stream).await;
        client.send(message).await.unwrap();
        let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else { panic!() };
        assert_eq!(u16::from(frame.code), code);
        assert!(matches!(ended.await.unwrap(), Ended::Violation(told) if told == code));
    }
}

#[tokio::test]
async fn a_client_that_vanishes_or_falls_silent_is_forgotten() {
    let venue = Venue::new(0);
    let (stream, _, ended) = connect(&venue, 1 << 16, ServeOptions::default());
    drop(stream);
    assert!(matches!(ended.await.unwrap(), Ended::Lost(error) if error.kind() == io::ErrorKind::UnexpectedEof));
    let options = ServeOptions { silence: Duration::from_millis(10), ..ServeOptions::default() };
    let (_stream, _, ended) = connect(&venue, 1 << 16, options);
    assert!(matches!(ended.await.unwrap(), Ended::Silent));
    let (_stream, _, ended) = connect(&venue, 1 << 16, ServeOptions::default());
    tokio::task::yield_now().await;
    ended.abort();
    venue.ended.notified().await;
    let _ = ended.await;
    assert_eq!(venue.world.lock().unwrap().hub.connections().count(), 0);
}

/// A stream that counts the calls that write to it.
struct Counted {
    stream: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.writes.fetch_add(usize::from(written.is_ready()), Ordering::Relaxed);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn what_waits_is_written_with_one_call() {
    for (batched, calls) in [(true, 1), (false, 1_000)] {
        let venue = Venue::new(1);
        let (ours, stream) = duplex(1 << 20);
        let writes = Arc::new(AtomicUsize::new(0));
        let counted = Counted { stream, writes: Arc::clone(&writes) };
        attach(&venue, counted, ServeOptions { batched, ..ServeOptions::default() });
        let mut client = client(ours).await;
        client.send(Message::text(SUBSCRIBE)).await.unwrap();
        text(client.next().await);
        text(client.next().await);
        let before = writes.load(Ordering::Relaxed);
        {
            let mut world = venue.world.lock().unwrap();
            (0..1_000).for_each(|_| world.change(0, Side::Yes, cents(40), contracts(1)));
        }
        for seq in 2..1_002 {
            assert_eq!(text(client.next().await)["seq"], seq);
        }
        assert_eq!(writes.load(Ordering::Relaxed) - before, calls);
    }
}

/// A client that reads nothing still has its commands carried out.
#[tokio::test]
async fn reading_does_not_wait_for_writing() {
    let venue = Venue::new(1);
    let (stream, connection, _) = connect(&venue, 1 << 12, ServeOptions::default());
    let mut client = client(stream).await;
    client.send(Message::text(SUBSCRIBE)).await.unwrap();
    text(client.next().await);
    text(client.next().await);
    {
        let mut world = venue.world.lock().unwrap();
        (0..1_000).for_each(|_| world.change(0, Side::Yes, cents(40), contracts(1)));
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    client.send(Message::text(r#"{"id":9,"cmd":"unsubscribe","params":{"sids":[1]}}"#)).await.unwrap();
    loop {
        tokio::task::yield_now().await;
        if venue.world.lock().unwrap().hub.subscriptions(connection).is_empty() {
            break;
        }
    }
    for seq in 2..1_002 {
        assert_eq!(text(client.next().await)["seq"], seq);
    }
    assert_eq!(text(client.next().await)["type"], "unsubscribed");
}

/// The bytes of compressed frames, read by hand: the bit, and a raw deflate stream without its end.
#[tokio::test]
async fn frames_are_compressed_where_that_was_agreed_on() {
    let deflate = Deflate::negotiate(["permessage-deflate; server_max_window_bits=10"]);
    let venue = Venue::new(1);
    let (mut stream, _, _) = connect(&venue, 1 << 20, ServeOptions { deflate, ..ServeOptions::default() });
    // Not compressed, as a client may do at any time; the mask is zero.
    let length = u8::try_from(SUBSCRIBE.len()).unwrap();
    assert!(length < 126);
    stream.write_all(&[0x81, 0x80 | length, 0, 0, 0, 0]).await.unwrap();
    stream.write_all(SUBSCRIBE.as_bytes()).await.unwrap();
    let mut inflate = flate2::Decompress::new(false);
    for (index, kind) in ["subscribed", "orderbook_snapshot", "orderbook_delta", "orderbook_delta"].iter().enumerate() {
        if index == 2 {
            let mut world = venue.world.lock().unwrap();
            (0..2).for_each(|_| world.change(0, Side::Yes, cents(40), contracts(1)));
        }
        assert_eq!(stream.read_u8().await.unwrap(), 0xC1);
        let length = match stream.read_u8().await.unwrap() {
            126 => stream.read_u16().await.unwrap(),
            length @ 0..126 => u16::from(length),
            other => panic!("{other}"),
        };
        let mut payload = vec![0; usize::from(length)];
        stream.read_exact(&mut payload).await.unwrap();
        payload.extend_from_slice(&[0, 0, 0xFF, 0xFF]);
        let mut text = Vec::with_capacity(1 << 16);
        inflate.decompress_vec(&payload, &mut text, flate2::FlushDecompress::Sync).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&text).unwrap()["type"], **kind);
        assert!(index < 3 || payload.len() * 4 < text.len(), "what was sent before is made use of");
    }
}

/// A server over TCP: the handshake by hyper, then the driver.
async fn start(venue: &Arc<Venue>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let venue = Arc::clone(venue);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let venue = Arc::clone(&venue);
            let service = service_fn(move |mut request: Request<Incoming>| {
                let venue = Arc::clone(&venue);
                async move {
                    let accepted = upgrade(request.headers()).unwrap();
                    let upgraded = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        let options = ServeOptions { deflate: accepted.deflate, ..ServeOptions::default() };
                        attach(&venue, TokioIo::new(upgraded.await.unwrap()), options);
                    });
                    let mut response = Response::new(String::new());
                    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                    *response.headers_mut() = accepted.headers;
                    Ok::<_, std::convert::Infallible>(response)
                }
            });
            let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(serving.with_upgrades());
        }
    });
    address
}

fn session(address: SocketAddr) -> Session {
    let environment: Environment = format!("http://{address}").parse().unwrap();
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&key));
    let credentials = Credentials::from_pem("11111111-2222-4333-8444-555555555555", &pem).unwrap();
    Session::builder(environment, credentials).seed(1).open().unwrap()
}

/// What the facts say: the books, which of them can be trusted, and how many gaps there were.
#[derive(Default)]
struct Folded {
    books: HashMap<String, (Book, bool)>,
    gaps: usize,
}

impl Folded {
    fn take(&mut self, fact: &Fact<'_>) {
        match fact {
            Fact::Event(record) => {
                if let (Some(ticker), Event::Delta(_) | Event::Snapshot(_)) = (record.event.ticker(), &record.event) {
                    let (book, _) = self.books.entry(ticker.to_owned()).or_default();
                    let _ = book.apply_event(&record.event);
                }
            }
            Fact::GapClosed(closed) => {
                if let Some(ticker) = &closed.market {
                    self.books.entry(ticker.as_str().to_owned()).or_default().1 = true;
                }
            }
            Fact::GapOpened(gap) => {
                self.gaps += 1;
                for ticker in gap.markets.iter() {
                    self.books.entry(ticker.as_str().to_owned()).or_default().1 = false;
                }
            }
            Fact::Unreadable(unreadable) => panic!("{unreadable:?}"),
            _ => {}
        }
    }

    /// Whether every book is trusted and the venue's.
    fn is_true(&self, venue: &Venue) -> bool {
        let world = venue.world.lock().unwrap();
        world.markets.0.iter().enumerate().all(|(index, (book, _))| {
            let held = self.books.get(ticker(index).as_str());
            held.is_some_and(|(held, trusted)| *trusted && held == book)
        })
    }
}

/// Reads while the venue is busy, until every book is the venue's; gives the gaps seen.
async fn follow(venue: &Arc<Venue>, markets: usize, bursts: usize) -> usize {
    let mut session = session(start(venue).await);
    let handle = session.handle();
    let tickers = (0..markets).map(ticker);
    let subscribing = handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(tickers));
    let busy = Arc::clone(venue);
    let publishing = tokio::spawn(async move {
        for burst in 0..bursts {
            {
                let mut world = busy.world.lock().unwrap();
                for step in 0..200 {
                    let side = if step % 2 == 0 { Side::Yes } else { Side::No };
                    world.change((burst * 61 + step * 7) % markets, side, cents(30 + (step % 9) as u8), contracts(1));
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut folded = Folded::default();
    let reading = async {
        while !(publishing.is_finished() && folded.is_true(venue)) {
            // What is left to read may end before the publishing is seen to have.
            let Ok(batch) = tokio::time::timeout(Duration::from_millis(100), session.next()).await else { continue };
            let mut batch = batch.expect("the session goes on");
            while let Some(fact) = batch.next() {
                folded.take(&fact);
            }
        }
    };
    let both = async { tokio::join!(subscribing, reading) };
    let (subscribed, ()) =
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("every book comes to be true");
    subscribed.unwrap();
    folded.gaps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_client_follows_a_thousand_markets_without_a_gap() {
    let venue = Venue::new(1_000);
    assert_eq!(follow(&venue, 1_000, 200).await, 0);
}

/// What sits between the hub and the socket can lose frames, which a client notices by their numbers and repairs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_frames_are_noticed() {
    let venue = Venue::losing(20, Some(501));
    assert!(follow(&venue, 20, 40).await > 0);
}

const PYTHON: &str = r#"
import asyncio, json, sys
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Deflate

async def main(url, offer):
    async with connect(url, extensions=[Deflate(**json.loads(offer))], compression=None) as socket:
        await socket.send(json.dumps({"id": 1, "cmd": "subscribe",
            "params": {"channels": ["orderbook_delta"], "market_tickers": ["M-%d" % i for i in range(500)]}}))
        kinds = {}
        while sum(kinds.values()) < 701:
            frame = json.loads(await socket.recv())
            kinds[frame["type"]] = kinds.get(frame["type"], 0) + 1
            last = frame.get("seq")
            if kinds.get("orderbook_snapshot") == 500 and "poke" not in kinds:
                kinds["poke"] = 0
                await socket.send('{"id":2,"cmd":"list_subscriptions"}')
        await socket.ping()
        print(json.dumps([kinds, last, [str(e) for e in socket.protocol.extensions]]))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"#;

/// Python's `websockets`, which knows nothing of this code, reads and writes compressed frames.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_speaks_compressed() {
    let python = env::var("DAYBOOK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import websockets.asyncio.client"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        return println!("SKIPPED: {python} has no package websockets (set DAYBOOK_PYTHON to one that has)");
    }
    for (offer, agreed) in [
        (json!({}), "PerMessageDeflate(remote_no_context_takeover=False, local_no_context_takeover=False"),
        (
            json!({"server_no_context_takeover": true, "client_no_context_takeover": true}),
            "PerMessageDeflate(remote_no_context_takeover=True, local_no_context_takeover=True",
        ),
        (json!({"server_max_window_bits": 9}), "remote_max_window_bits=9"),
    ] {
        let venue = Venue::new(500);
        let url = format!("ws://{}/trade-api/ws/v2", start(&venue).await);
        let busy = Arc::clone(&venue);
        let publishing = tokio::spawn(async move {
            loop {
                {
                    let mut world = busy.world.lock().unwrap();
                    world.change(3, Side::Yes, cents(40), contracts(1));
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        let (python, offer) = (python.clone(), offer.to_string());
        let run = move || Command::new(python).args(["-c", PYTHON, &url, &offer]).output().unwrap();
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        publishing.abort();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&told[0]["subscribed"], &told[0]["orderbook_snapshot"], &told[0]["ok"]),
            (&json!(1), &json!(500), &json!(1))
        );
        let extension = told[2][0].as_str().unwrap_or_default();
        assert!(extension.contains(agreed), "{extension}");
    }
}
