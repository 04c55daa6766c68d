//! What a whole exchange brings over loopback: `daybook exchange` as it is, a process of its own, and readers that
//! subscribe to every book and count the frames that come.
//!
//! `cargo bench -p daybook --bench exchange [-- MARKETSxRATE…]`, such as `1000x300000`; `SECONDS=10` for how long each is
//! counted. A reader looks at nothing but the frames' headers, and at the last frame's text when nothing more comes. The
//! highest rate that the exchange takes, 10000000, is more than any machine keeps up with: as fast as it goes.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on must fail")]
#![allow(clippy::float_arithmetic, reason = "rates for people")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use daybook_kalshi::Credentials;
use serde_json::Value;

const CASES: [(u32, u32); 8] = [
    (10, 1),
    (1_000, 1_000),
    (1_000, 300_000),
    (100_000, 300_000),
    (1_000, 10_000_000),
    (100_000, 10_000_000),
    (1_000_000, 100_000),
    (1_000_000, 10_000_000),
];
/// The venue lets one connection have so many markets.
const PER_CONNECTION: usize = 500_000;
/// After so long without a frame nothing more is expected.
const SILENCE: Duration = Duration::from_secs(3);
const PATH: &str = "/trade-api/ws/v2";

fn main() {
    let case = |argument: String| {
        let (markets, rate) = argument.split_once('x')?;
        Some((markets.parse().ok()?, rate.parse().ok()?))
    };
    let mut cases: Vec<(u32, u32)> = env::args().skip(1).filter_map(case).collect();
    if cases.is_empty() {
        cases = CASES.to_vec();
    }
    let lasts = env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok()).map_or(5, |seconds: u64| seconds);
    for (markets, rate) in cases {
        run(markets, rate, Duration::from_secs(lasts));
    }
}

fn run(markets: u32, rate: u32, lasts: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let exchange = Exchange::start(folder.path(), markets, rate);
    let up = started.elapsed();
    let memory = exchange.memory();
    let tickers = exchange.tickers();
    let subscribing = Instant::now();
    let mut readers: Vec<Reader> = tickers.chunks(PER_CONNECTION).map(|share| exchange.subscribe(share)).collect();
    // Each share's confirmation and snapshots come before anything else of its subscription.
    for (reader, share) in readers.iter_mut().zip(tickers.chunks(PER_CONNECTION)) {
        reader.count_until(|reader| reader.frames > share.len() as u64);
    }
    let subscribed = subscribing.elapsed();
    let (worked, ran) = (exchange.processor_time(), Instant::now());
    let counts: Vec<Count> = thread::scope(|scope| {
        let counting: Vec<_> = readers.iter_mut().map(|reader| scope.spawn(move || reader.count(lasts))).collect();
        counting.into_iter().map(|counting| counting.join().unwrap()).collect()
    });
    let worked = (exchange.processor_time() - worked) / ran.elapsed().as_secs_f64();
    let (behind, memory_then) = (exchange.behind(), exchange.memory());
    let frames: f64 = counts.iter().map(|count| count.frames as f64 / count.took.as_secs_f64()).sum();
    let bytes: f64 = counts.iter().map(|count| count.bytes as f64 / count.took.as_secs_f64()).sum();
    println!(
        "{markets} markets, {rate} orders/s asked: {frames:.0} frames/s received ({:.0} MB/s), {} connections; up after \
         {:.2} s with {memory} MiB, subscribed after {:.2} s; then {memory_then} MiB, {worked:.2} cores busy, the world \
         {behind:.1} s behind",
        bytes / 1e6,
        counts.len(),
        up.as_secs_f64(),
        subscribed.as_secs_f64(),
    );
    for last in counts.into_iter().filter_map(|count| count.ended) {
        println!("  and then a subscription ended: {last}");
    }
}

/// A running exchange.
struct Exchange {
    process: Child,
    admin: String,
    address: String,
    credentials: Credentials,
}

impl Exchange {
    /// Starts one, and waits for its line.
    fn start(folder: &Path, markets: u32, rate: u32) -> Exchange {
        let file = folder.join("credentials.json");
        let mut process = Command::new(env!("CARGO_BIN_EXE_daybook"))
            .args(["exchange", "--listen", "127.0.0.1:0", "--markets", &markets.to_string(), "--rate"])
            .arg(rate.to_string())
            .arg("--credentials")
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let handed: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let text = |key: &str| handed[key].as_str().unwrap().to_owned();
        let host = |url: String| url.split('/').nth(2).unwrap().to_owned();
        let credentials = Credentials::from_file(text("key_id"), text("private_key_path")).unwrap();
        Exchange { process, admin: host(text("admin_url")), address: host(text("ws_url")), credentials }
    }

    /// What the admin surface answers.
    fn ask(&self, path: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin).unwrap();
        let mut answer = BufReader::with_capacity(1 << 20, stream);
        head(&mut answer);
        answer
    }

    fn tickers(&self) -> Vec<String> {
        let ticker = |line: String| Some(line.strip_prefix("{\"ticker\":\"")?.split('"').next()?.to_owned());
        self.ask("/books").lines().filter_map(|line| ticker(line.unwrap())).collect()
    }

    /// How far its time is behind the clock, in seconds.
    fn behind(&self) -> f64 {
        let mut text = String::new();
        self.ask("/status").read_to_string(&mut text).unwrap();
        let status: Value = serde_json::from_str(&text).unwrap();
        (micros() - status["now_us"].as_i64().unwrap()) as f64 / 1e6
    }

    fn subscribe(&self, tickers: &[String]) -> Reader {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {PATH} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\n", self.address).unwrap();
        write!(stream, "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n").unwrap();
        write!(stream, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n").unwrap();
        for (name, value) in self.credentials.headers("GET", PATH, micros() / 1_000).unwrap() {
            write!(stream, "{name}: {value}\r\n").unwrap();
        }
        write!(stream, "\r\n").unwrap();
        let mut answer = BufReader::new(stream);
        assert!(head(&mut answer).starts_with("HTTP/1.1 101 "), "the handshake is refused");
        assert!(answer.buffer().is_empty(), "nothing is sent before something is asked for");
        let mut stream = answer.into_inner();
        let list = serde_json::to_string(tickers).unwrap();
        let command = format!(
            r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":{list}}}}}"#
        );
        // A text frame whose mask is zero, and so no change.
        let mut frame = vec![0x81, 0x80 | 127];
        frame.extend_from_slice(&(command.len() as u64).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(command.as_bytes());
        stream.write_all(&frame).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        Reader { stream, buffer: vec![0; 1 << 20], start: 0, end: 0, frames: 0, bytes: 0, last: 0..0 }
    }

    /// Resident memory in MiB; 0 where the system does not say.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        resident.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
    }

    /// Seconds that its threads have run; 0 where the system does not say.
    fn processor_time(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).into_iter().flatten().flatten();
        let ran = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        ran.sum::<u64>() as f64 / 1e9
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64
}

/// Reads the head of an HTTP answer and gives its first line.
fn head(stream: &mut impl BufRead) -> String {
    let mut first = String::new();
    stream.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap() <= 2 {
            return first;
        }
    }
}

/// One connection's frames, counted.
struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    frames: u64,
    bytes: u64,
    /// Where the text of the last frame of the latest read is.
    last: std::ops::Range<usize>,
}

/// What came within a time.
struct Count {
    frames: u64,
    bytes: u64,
    took: Duration,
    /// The last frame's text, if nothing came after it.
    ended: Option<String>,
}

impl Reader {
    /// Reads once and counts what has come whole. Says whether anything came.
    fn pump(&mut self) -> bool {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        self.last = 0..0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
        match self.stream.read(&mut self.buffer[self.end..]) {
            Ok(0) => return false,
            Ok(read) => {
                self.end += read;
                self.bytes += read as u64;
            }
            Err(_) => return false,
        }
        while let Some(payload) = self.whole() {
            self.start = payload.end;
            self.last = payload;
            self.frames += 1;
        }
        true
    }

    /// The payload of the next frame, if all of it is there.
    fn whole(&self) -> Option<std::ops::Range<usize>> {
        let bytes = &self.buffer[self.start..self.end];
        let (head, length) = match *bytes.get(1)? {
            126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
            length => (2, usize::from(length)),
        };
        (bytes.len() >= head + length).then(|| self.start + head..self.start + head + length)
    }

    fn count_until(&mut self, enough: impl Fn(&Reader) -> bool) {
        while !enough(self) {
            let last = self.last_text();
            assert!(self.pump(), "the exchange sends nothing more: {last}");
        }
    }

    fn last_text(&self) -> String {
        String::from_utf8_lossy(&self.buffer[self.last.clone()]).chars().take(200).collect()
    }

    fn count(&mut self, lasts: Duration) -> Count {
        let (start, frames, bytes) = (Instant::now(), self.frames, self.bytes);
        let (mut took, mut ended) = (Duration::ZERO, None);
        while took < lasts {
            let before = self.last_text_if_error();
            if !self.pump() && before.is_some() {
                ended = before;
                break;
            }
            took = start.elapsed();
        }
        let took = if took.is_zero() { start.elapsed() } else { took };
        Count { frames: self.frames - frames, bytes: self.bytes - bytes, took, ended }
    }

    /// The last frame's text if it says that something is over.
    fn last_text_if_error(&self) -> Option<String> {
        let text = &self.buffer[self.last.clone()];
        text.starts_with(b"{\"type\":\"error\"").then(|| self.last_text())
    }
}
