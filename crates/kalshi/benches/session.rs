//! What a session costs: frames from bytes to facts on one core, the time from a lost connection to live books, and
//! 100,000 markets subscribed to. The venue of the last two is another process on this machine, over loopback.
//!
//! `cargo bench -p daybook-kalshi --bench session [-- facts | reconnect | subscribe]`

#![allow(clippy::unwrap_used, reason = "the venue is the tests' one")]

#[path = "../tests/session/certificate.rs"]
#[allow(dead_code, reason = "tests use it")]
mod certificate;
#[path = "../tests/client/keys.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod keys;
#[path = "../tests/session/server.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod server;
#[path = "../tests/session/venue.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod venue;

use std::{
    hint::black_box,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use daybook_book::{ReceivedTime, Ticker};
use daybook_kalshi::{
    Batch, Channel, ConnectionCore, ConnectionSettings, Environment, Fact, FillInTurn, Frame, Session, Subscription,
};
use rand::{SeedableRng, rngs::SmallRng};

use self::venue::{Link, Venue};

const SERVE: &str = "--serve-the-venue";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [serve, markets] = &arguments[..]
        && serve == SERVE
    {
        return serve_the_venue(markets.parse().expect("a number of markets"));
    }
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    if wanted("facts") {
        [100, 10_000, 100_000].into_iter().for_each(facts);
    }
    if wanted("reconnect") {
        (0..3).for_each(|_| reconnect(10_000));
    }
    if wanted("subscribe") {
        subscribe(100_000, 100_000);
        subscribe(100_000, 25_000);
    }
}

/// Deltas from bytes in memory through numbering and trust to facts, written and read.
fn facts(markets: usize) {
    let mut random = SmallRng::seed_from_u64(1);
    let mut venue = Venue::new("KXBENCH-26AUG101800", markets, &mut random);
    let mut link = Link::new();
    let mut core = ConnectionCore::new(0, ConnectionSettings { chunk: markets, ..ConnectionSettings::default() });
    let mut batch = Batch::new();
    let (now, at) = (Duration::from_secs(1), ReceivedTime::from_nanos(1));
    let tickers = venue.books.keys().map(|name| name.parse::<Ticker>().expect("a ticker"));
    core.subscribe(1, Subscription::new(Channel::OrderbookDelta).markets(tickers));
    core.opened(1, now, at, &mut batch);
    let command = core.next_command().expect("a subscription is to be sent");
    for frame in link.command(&venue, &command) {
        core.frame(frame.as_bytes(), now, at, &mut batch);
    }
    const FRAMES: usize = 400_000;
    const ROUNDS: usize = 5;
    let mut best = Duration::MAX;
    let mut parsing = Duration::MAX;
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let mut frames = Vec::new();
        while frames.len() < FRAMES {
            frames.extend(venue.act(&mut random).iter().filter_map(|change| link.publish(change)));
        }
        bytes = frames.iter().map(String::len).sum::<usize>() / frames.len();
        let start = Instant::now();
        frames.iter().for_each(|frame| drop(black_box(Frame::parse(frame.as_bytes()))));
        parsing = parsing.min(start.elapsed() * FRAMES as u32 / frames.len() as u32);
        let start = Instant::now();
        let mut events = 0;
        for chunk in frames.chunks(512) {
            batch.clear();
            for frame in chunk {
                core.frame(frame.as_bytes(), now, at, &mut batch);
            }
            while let Some(fact) = batch.next() {
                events += usize::from(matches!(black_box(fact), Fact::Event(_)));
            }
        }
        best = best.min(start.elapsed() * FRAMES as u32 / frames.len() as u32);
        assert_eq!(events, frames.len(), "every delta is an event");
    }
    let rate = |elapsed: Duration| FRAMES as u128 * 100_000 / elapsed.as_nanos().max(1);
    let (facts, parse) = (rate(best), rate(parsing));
    println!(
        "{markets:>7} markets: bytes to facts {:>3}.{:02} M frames/s on one core, parsing alone {:>3}.{:02}, {bytes} bytes a frame",
        facts / 100,
        facts % 100,
        parse / 100,
        parse % 100,
    );
}

/// From the loss of the connection to live books.
fn reconnect(markets: usize) {
    let mut venue = Process::start(markets);
    runtime().block_on(async {
        let mut session = venue.session(markets);
        let handle = session.handle();
        handle.subscribe(books(markets)).await.expect("the venue confirms");
        live(&mut session, markets).await;
        let start = Instant::now();
        venue.cut();
        let mut down = None;
        let mut open = 0;
        while open < markets {
            let mut batch = session.next().await.expect("the session goes on");
            while let Some(fact) = batch.next() {
                match fact {
                    Fact::ConnectionDown { .. } => down = Some(start.elapsed()),
                    Fact::GapClosed(_) if down.is_some() => open += 1,
                    _ => {}
                }
            }
        }
        let down = down.unwrap_or_default();
        println!("{markets:>7} markets: loss noticed after {down:?}, all live again after {:?}", start.elapsed());
    });
}

/// From nothing to live books.
fn subscribe(markets: usize, per_connection: usize) {
    let venue = Process::start(markets);
    runtime().block_on(async {
        let before = resident();
        let start = Instant::now();
        let mut session = venue.session(per_connection);
        let handle = session.handle();
        let subscribing = tokio::spawn(async move { handle.subscribe(books(markets)).await });
        live(&mut session, markets).await;
        subscribing.await.expect("no panic").expect("the venue confirms");
        let elapsed = start.elapsed();
        let connections = session.handle().stats().connections.len();
        println!(
            "{markets:>7} markets on {connections} connections: live after {elapsed:?}, {} MiB more resident",
            (resident() - before) / 1_024,
        );
    });
}

async fn live(session: &mut Session, markets: usize) {
    let mut open = 0;
    while open < markets {
        let mut batch = session.next().await.expect("the session goes on");
        while let Some(fact) = batch.next() {
            match fact {
                Fact::GapClosed(_) => open += 1,
                Fact::GapOpened(gap) => panic!("{gap:?}"),
                _ => {}
            }
        }
    }
}

fn books(markets: usize) -> Subscription {
    let tickers = (0..markets).map(|index| format!("M-{index}").parse().expect("a ticker"));
    Subscription::new(Channel::OrderbookDelta).markets(tickers)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The venue in another process.
struct Process {
    child: Child,
    commands: ChildStdin,
    address: String,
    _answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(markets: usize) -> Process {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([SERVE, &markets.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program again");
        let commands = child.stdin.take().expect("piped");
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut address = String::new();
        answers.read_line(&mut address).expect("the venue's address");
        Process { child, commands, address: address.trim().to_owned(), _answers: answers }
    }

    fn session(&self, per_connection: usize) -> Session {
        let environment: Environment = format!("http://{}", self.address).parse().expect("an address");
        Session::builder(environment, server::credentials())
            .placement(FillInTurn { markets_per_connection: per_connection })
            .open()
            .expect("no TLS to fail")
    }

    fn cut(&mut self) {
        writeln!(self.commands, "cut").expect("the venue listens");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the other process does: serves, and drops its connections when told so.
fn serve_the_venue(markets: usize) {
    runtime().block_on(async {
        let server = server::Server::start(markets).await;
        println!("{}", server.address);
        let lines = tokio::task::spawn_blocking(move || {
            for line in std::io::stdin().lines() {
                match line {
                    Ok(_) => server.cut_all(),
                    Err(_) => return,
                }
            }
        });
        let _ = lines.await;
    });
}
