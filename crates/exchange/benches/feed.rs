//! What the WebSocket side costs: frames that the hub alone encodes on one core, 100,000 markets subscribed to, and
//! frames through a real socket over loopback to a client that reads them, on two cores.
//!
//! `cargo bench -p daybook-exchange --bench feed [-- hub | subscribe | loopback]`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on must fail")]
#![allow(clippy::float_arithmetic, reason = "rates for people")]

use std::{
    hint::black_box,
    io::{BufReader, Read},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use daybook_book::{ExchangeTime, Price, Quantity, Side, Ticker};
use daybook_exchange::{
    engine::{AccountId, BookSide, MarketId},
    feed::{
        self, Books, ConnectionId, Deflate, Delta, Feed, Hub, Limits, Output, Publication, ServeOptions, Standing,
        Trade, Uuid, serve,
    },
};
use futures_util::SinkExt;
use tokio::{net::TcpListener, sync::Notify};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, Utf8Bytes, protocol::Role},
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    if wanted("hub") {
        for (markets, subscribers, activity) in [
            (1_000, 1, Activity::Even),
            (100_000, 1, Activity::Zipf),
            (100_000, 1, Activity::Even),
            (100_000, 8, Activity::Zipf),
        ] {
            hub_alone(markets, subscribers, activity);
        }
        trades_alone();
    }
    if wanted("subscribe") {
        [2, 20].into_iter().for_each(|levels| subscribe(100_000, levels));
    }
    if wanted("loopback") {
        for writing in [Writing::Batched, Writing::Library, Writing::FrameByFrame, Writing::Compressed] {
            loopback(10_000, writing);
        }
    }
}

const START: i64 = 1_786_408_242_445_624;
const ANN: AccountId = AccountId(1);

/// So many levels on either side of every book.
struct Markets {
    levels: u16,
}

impl Books for Markets {
    fn clock(&self, _: MarketId) -> Option<u64> {
        Some(1)
    }

    fn levels(&self, _: MarketId, _: Side, level: &mut dyn FnMut(Price, Quantity)) {
        for step in 0..self.levels {
            let price = Price::from_ten_thousandths((step + 1) * 100).unwrap();
            level(price, Quantity::from_hundredths(i64::from(step) * 5_003 + 100));
        }
    }

    fn ticker(&self, _: MarketId) -> Option<feed::Ticker> {
        None
    }
}

/// A hub of so many markets that bounds nothing.
fn hub(markets: usize) -> Hub {
    let limits = Limits { subscription_bytes: usize::MAX, connection_bytes: usize::MAX, ..Limits::default() };
    let mut hub = Hub::new(limits);
    for index in 0..markets {
        hub.add_market(MarketId(index as u32), &ticker(index), Uuid(index as u128 * 0x9E37_79B9_7F4A_7C15_1234_5678));
    }
    hub
}

fn ticker(index: usize) -> Ticker {
    format!("KXBENCH-26AUG101800-T{index:06}").parse().unwrap()
}

fn all_markets(markets: usize) -> String {
    let tickers: Vec<Ticker> = (0..markets).map(ticker).collect();
    let list: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
    let list = serde_json::to_string(&list).unwrap();
    format!(r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":{list}}}}}"#)
}

/// Another market, level and size with every step; the same every time.
fn delta(markets: usize, step: u64) -> Delta<'static> {
    let mixed = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
    Delta {
        market: MarketId((mixed % markets as u64) as u32),
        side: if mixed & 1 == 0 { Side::Yes } else { Side::No },
        price: Price::from_ten_thousandths((mixed >> 8) as u16 % 9_999 + 1).unwrap(),
        change: Quantity::from_hundredths((mixed >> 20) as i64 % 100_000 - 50_000),
        clock: 4_182_057 + step,
        ts: Some(at(step)),
        owner: None,
        client_order_id: None,
    }
}

fn at(step: u64) -> ExchangeTime {
    ExchangeTime::from_micros(START + step as i64 * 3)
}

fn rate(what: &str, frames: u64, bytes: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "{what}: {:.0} frames/s ({:.0} ns each, {:.0} bytes, {:.0} MB/s)",
        frames as f64 / seconds,
        seconds * 1e9 / frames as f64,
        bytes as f64 / frames as f64,
        bytes as f64 / seconds / 1e6
    );
}

#[derive(Clone, Copy, Debug)]
enum Activity {
    /// Every market is as busy as every other: the worst there is, for nothing about a market is at hand.
    Even,
    /// A market's share is one over its rank, as on a real exchange.
    Zipf,
}

impl Activity {
    /// The market of each step, for a while.
    fn markets(self, markets: usize) -> Vec<MarketId> {
        (0..1u64 << 20)
            .map(|step| {
                let mixed = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
                let part = mixed as f64 / (1u64 << 53) as f64;
                MarketId(match self {
                    Activity::Even => (part * markets as f64) as u32,
                    Activity::Zipf => ((markets as f64).powf(part) as u32).min(markets as u32) - 1,
                })
            })
            .collect()
    }
}

/// Deltas from publication to bytes in the connections' outputs, taken every so many.
fn hub_alone(markets: usize, subscribers: usize, activity: Activity) {
    const PUBLICATIONS: u64 = 2_000_000;
    const ROUND: u64 = 1_000;
    let mut hub = hub(markets);
    let command = all_markets(markets);
    let mut output = Output::new();
    let connections: Vec<ConnectionId> = (0..subscribers)
        .map(|_| {
            let (connection, _) = hub.connect(Some(ANN), at(0));
            hub.command(connection, &command, &Markets { levels: 2 }, at(0));
            hub.drain(connection, &mut output);
            output.clear(1 << 20);
            connection
        })
        .collect();
    let publications = PUBLICATIONS / subscribers as u64;
    let busy = activity.markets(markets);
    let mut best = Duration::MAX;
    let (mut frames, mut bytes) = (0, 0);
    for _ in 0..3 {
        (frames, bytes) = (0, 0);
        let start = Instant::now();
        for step in 0..publications {
            let delta = Delta { market: busy[step as usize % busy.len()], ..delta(markets, step) };
            hub.publish(&Publication::Delta(delta), at(step));
            if step % ROUND == ROUND - 1 {
                for &connection in &connections {
                    hub.drain(connection, &mut output);
                    frames += output.len() as u64;
                    bytes += output.bytes() as u64;
                    black_box(&output);
                }
            }
        }
        best = best.min(start.elapsed());
    }
    let what = format!("hub alone, deltas, {markets} markets, {activity:?}, {subscribers} subscribers, 1 core");
    rate(&what, frames, bytes, best);
}

/// The same for trades, told to one who hears of all.
fn trades_alone() {
    const FRAMES: u64 = 2_000_000;
    let mut hub = hub(1_000);
    let (connection, _) = hub.connect(Some(ANN), at(0));
    let command = r#"{"id":1,"cmd":"subscribe","params":{"channels":["trade"]}}"#;
    hub.command(connection, command, &Markets { levels: 0 }, at(0));
    let mut output = Output::new();
    hub.drain(connection, &mut output);
    let (mut frames, mut bytes) = (0, 0);
    let start = Instant::now();
    for step in 0..FRAMES {
        let delta = delta(1_000, step);
        let trade = Trade {
            id: Uuid(u128::from(step) << 64 | 0x1234_5678),
            market: delta.market,
            price: delta.price,
            count: delta.change,
            taker: if step % 2 == 0 { BookSide::Bid } else { BookSide::Ask },
            is_block: false,
            ts: at(step),
        };
        hub.publish(&Publication::Trade(trade), at(step));
        if step % 1_000 == 999 {
            hub.drain(connection, &mut output);
            frames += output.len() as u64;
            bytes += output.bytes() as u64;
            black_box(&output);
        }
    }
    rate("hub alone, trades, 1 subscriber to everything, 1 core", frames, bytes, start.elapsed());
}

/// One command for every market, its snapshots included; then the connection's end.
fn subscribe(markets: usize, levels: u16) {
    let mut hub = hub(markets);
    let command = all_markets(markets);
    for _ in 0..3 {
        let mut output = Output::new();
        let (connection, _) = hub.connect(Some(ANN), at(0));
        let start = Instant::now();
        hub.command(connection, &command, &Markets { levels }, at(0));
        let subscribed = start.elapsed();
        hub.drain(connection, &mut output);
        let start = Instant::now();
        hub.disconnect(connection);
        println!(
            "subscribe to {markets} markets of 2 x {levels} levels with one command: {subscribed:.1?} for {} frames, \
             {:.0} MB; disconnect: {:.1?}",
            output.len(),
            output.bytes() as f64 / 1e6,
            start.elapsed()
        );
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// The driver: what waits, with one call.
    Batched,
    /// The driver, each frame with a call of its own.
    FrameByFrame,
    /// The driver, compressed.
    Compressed,
    /// tokio-tungstenite's sink in place of the driver: each message fed, a flush where nothing more waits.
    Library,
}

/// The hub, and about how many bytes wait for the socket.
struct Venue {
    hub: Mutex<Hub>,
    waiting: AtomicUsize,
}

impl Feed for Venue {
    fn command(&self, connection: ConnectionId, text: &str) {
        self.hub.lock().unwrap().command(connection, text, &Markets { levels: 2 }, at(0));
    }

    fn drain(&self, connection: ConnectionId, output: &mut Output) -> Standing {
        self.waiting.store(0, Ordering::Relaxed);
        self.hub.lock().unwrap().drain(connection, output)
    }

    fn disconnect(&self, connection: ConnectionId) {
        self.hub.lock().unwrap().disconnect(connection);
    }
}

/// The venue, publisher and driver, is one thread; the client that reads and counts frames is the other. The publisher
/// makes a pause where the client does not keep up: what is measured is what gets through.
fn loopback(markets: usize, writing: Writing) {
    const LASTS: Duration = Duration::from_secs(4);
    let done = Arc::new(AtomicBool::new(false));
    let (sender, addresses) = mpsc::channel::<SocketAddr>();
    let stop = Arc::clone(&done);
    let venue = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run_venue(markets, writing, sender, &stop));
    });
    let stream = TcpStream::connect(addresses.recv().unwrap()).unwrap();
    let mut client = BufReader::with_capacity(256 << 10, stream);
    // The confirmation and the snapshots are not counted.
    for _ in 0..=markets {
        frame(&mut client);
    }
    let start = Instant::now();
    let (mut frames, mut bytes) = (0, 0);
    while frames % 1_024 != 0 || start.elapsed() < LASTS {
        bytes += frame(&mut client);
        frames += 1;
    }
    let took = start.elapsed();
    done.store(true, Ordering::Relaxed);
    rate(&format!("loopback, {markets} markets, {writing:?}, 2 cores"), frames, bytes, took);
    drop(client);
    venue.join().unwrap();
}

async fn run_venue(markets: usize, writing: Writing, address: mpsc::Sender<SocketAddr>, stop: &AtomicBool) {
    const BURST: usize = 256;
    const MOST_WAITING: usize = 4 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    address.send(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut hub = hub(markets);
    let (connection, wake) = hub.connect(Some(ANN), at(0));
    hub.command(connection, &all_markets(markets), &Markets { levels: 2 }, at(0));
    let venue = Arc::new(Venue { hub: Mutex::new(hub), waiting: AtomicUsize::new(0) });
    let deflate = (writing == Writing::Compressed).then(|| Deflate::negotiate(["permessage-deflate"]).unwrap());
    let options = ServeOptions { deflate, batched: writing != Writing::FrameByFrame, ..ServeOptions::default() };
    let driven = Arc::clone(&venue);
    let driving = tokio::spawn(async move {
        if writing == Writing::Library {
            drive_by_library(stream, &driven, connection, &wake).await;
        } else {
            serve(stream, &*driven, connection, wake, options).await;
        }
    });
    let mut step = 0;
    while !stop.load(Ordering::Relaxed) && !driving.is_finished() {
        if venue.waiting.load(Ordering::Relaxed) < MOST_WAITING {
            let mut hub = venue.hub.lock().unwrap();
            for _ in 0..BURST {
                hub.publish(&Publication::Delta(delta(markets, step)), at(step));
                step += 1;
            }
            venue.waiting.fetch_add(BURST * 300, Ordering::Relaxed);
        }
        tokio::task::yield_now().await;
    }
    driving.abort();
}

async fn drive_by_library(stream: tokio::net::TcpStream, feed: &Venue, connection: ConnectionId, wake: &Notify) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let mut output = Output::new();
    loop {
        wake.notified().await;
        feed.drain(connection, &mut output);
        for frame in output.frames() {
            let text = Utf8Bytes::from(str::from_utf8(frame.text).unwrap());
            if socket.feed(Message::Text(text)).await.is_err() {
                return;
            }
        }
        if socket.flush().await.is_err() {
            return;
        }
    }
}

/// Reads a frame and throws it away; gives the length of its payload.
fn frame(stream: &mut impl Read) -> u64 {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            u64::from(u16::from_be_bytes(length))
        }
        127 => {
            let mut length = [0; 8];
            stream.read_exact(&mut length).unwrap();
            u64::from_be_bytes(length)
        }
        length => u64::from(length),
    };
    let mut payload = [0; 1 << 12];
    let mut left = length as usize;
    while left > 0 {
        let piece = left.min(payload.len());
        stream.read_exact(&mut payload[..piece]).unwrap();
        left -= piece;
    }
    black_box(&payload);
    length
}
