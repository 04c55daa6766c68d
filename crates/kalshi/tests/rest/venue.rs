//! A venue on a real socket that remembers what it was asked and answers what it is told to.

use std::sync::{Arc, Mutex};

use daybook_kalshi::{Client, ClientBuilder, Credentials, Environment, RateLimiter, Tier};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Percent-encoded, as sent.
    pub path: String,
    /// Percent-encoded, as sent; empty without one.
    pub query: String,
    pub body: Option<Value>,
    pub signed: bool,
}

type Script = dyn Fn(&Request) -> (u16, String) + Send + Sync;

pub struct Venue {
    pub client: Client,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Venue {
    /// Listens, and answers every request as `script` says.
    pub async fn start(script: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Venue {
        Venue::start_with(script, |builder| builder.retry_pauses([])).await
    }

    /// The same for a client that is set up further.
    pub async fn start_with(
        script: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static,
        set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Venue {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, seen): (Arc<Script>, _) = (Arc::new(script), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), seen.clone()));
            }
        });
        let environment: Environment = format!("http://{address}/trade-api/v2").parse().unwrap();
        let credentials = Credentials::from_pem("a-key", KEY).unwrap();
        // What is under test is what is sent, not when.
        let limiter = RateLimiter::builder().limits(Tier::Prestige.limits()).full_at_start().build();
        let builder = Client::builder().environment(environment).credentials(credentials).limiter(limiter);
        Venue { client: set_up(builder).build().unwrap(), requests }
    }

    /// What was asked since the last time.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

async fn serve(stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Request>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let (status, body) = script(&request);
        seen.lock().unwrap().push(request);
        let answer = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let mut words = head.first()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let header = |wanted: &str| {
        head[1..]
            .iter()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.to_owned()))
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let signed = ["kalshi-access-key", "kalshi-access-timestamp", "kalshi-access-signature"]
        .map(header)
        .iter()
        .all(Option::is_some);
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        body: (length > 0).then(|| serde_json::from_slice(&body).unwrap()),
        signed,
    })
}

/// The private key of RFC 8032's first test vector: known to everybody, good for nothing.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
