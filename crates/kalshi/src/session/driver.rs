//! The shell around one connection's state machine: opens the socket, moves frames in and commands out, keeps time.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

use daybook_book::{ReceivedTime, Ticker};
use futures_util::{FutureExt, Sink, Stream, StreamExt};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tokio_tungstenite::tungstenite::{self, Message};
use tracing::{debug, info, warn};

use super::{
    Batch, Channel, CommandError, ConnectionStats, DownCause, Fact, FactSink, Subscription,
    backoff::Backoff,
    batch::Pool,
    core::{Action, ConnectionCore, ConnectionSettings, Outcome, RequestId},
    error::ConnectError,
    queue::Producer,
    transport::{Dialer, Socket},
};
use crate::wall_clock::WallClock;

type Reply = oneshot::Sender<Result<Outcome, CommandError>>;

/// What a handle asks of one connection.
pub(super) enum Request {
    Subscribe(Subscription, Reply),
    Remove(Channel, Vec<Ticker>, Reply),
    Narrow(Channel, Vec<String>, Reply),
    Available(Channel, Reply),
    Snapshots(Vec<Ticker>, Reply),
    Unsubscribe(Channel, Reply),
    List(Reply),
    Distrust(Ticker),
    Shutdown(Reply),
}

/// Makes connections.
pub(super) struct Spawner {
    pub(super) dialer: Arc<Dialer>,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) core: ConnectionSettings,
    pub(super) backoff: (Duration, Duration),
    pub(super) seed: u64,
    pub(super) connections: Arc<AtomicU32>,
    pub(super) pool: Arc<Pool>,
}

impl Spawner {
    /// Starts the task of one slot.
    pub(super) fn spawn(
        &self,
        slot: u32,
        queue: Producer,
    ) -> (mpsc::UnboundedSender<Request>, Arc<Mutex<ConnectionStats>>) {
        let (sender, requests) = mpsc::unbounded_channel();
        let stats = Arc::new(Mutex::new(ConnectionStats { slot, ..ConnectionStats::default() }));
        let driver = Driver {
            slot,
            core: ConnectionCore::new(slot, self.core.clone()),
            requests,
            replies: HashMap::new(),
            next_request: 1,
            queue,
            accepting: true,
            dialer: Arc::clone(&self.dialer),
            clock: Arc::clone(&self.clock),
            connections: Arc::clone(&self.connections),
            pool: Arc::clone(&self.pool),
            backoff: Backoff::new(self.seed.wrapping_add(u64::from(slot)), self.backoff.0, self.backoff.1),
            stable_after: self.backoff.1,
            stats: Arc::clone(&stats),
            origin: Instant::now(),
        };
        tokio::spawn(driver.run());
        (sender, stats)
    }
}

/// One slot's task.
struct Driver {
    slot: u32,
    core: ConnectionCore,
    requests: mpsc::UnboundedReceiver<Request>,
    replies: HashMap<RequestId, Reply>,
    next_request: RequestId,
    queue: Producer,
    accepting: bool,
    dialer: Arc<Dialer>,
    clock: Arc<dyn WallClock>,
    connections: Arc<AtomicU32>,
    pool: Arc<Pool>,
    backoff: Backoff,
    /// A connection that held this long lets the backoff begin anew.
    stable_after: Duration,
    stats: Arc<Mutex<ConnectionStats>>,
    origin: Instant,
}

/// Why a connection's loop ended.
enum End {
    Down(DownCause),
    Shutdown(Option<Reply>),
}

/// What woke the loop.
enum Wake {
    Frame(Option<Result<Message, tungstenite::Error>>),
    Request(Option<Request>),
    Timer,
    Room,
    NobodyReads,
}

/// After one wake-up with this many facts, others get a turn.
const BATCH_LIMIT: usize = 4_096;

/// How often in a row a clock that was just corrected may be refused before the usual pauses begin.
const SKEW_ATTEMPTS: u32 = 3;

impl Driver {
    async fn run(mut self) {
        let mut skewed = 0;
        loop {
            let dialer = Arc::clone(&self.dialer);
            let Some(dialed) = self.meanwhile(async move { dialer.dial().await }).await else { return };
            match dialed {
                Ok(socket) => {
                    skewed = 0;
                    let began = Instant::now();
                    if self.hold(socket).await.is_none() {
                        return;
                    }
                    if began.elapsed() >= self.stable_after {
                        self.backoff.reset();
                    }
                }
                Err(error) if error.is_unauthorized() => {
                    warn!(slot = self.slot, %error, "the venue refuses these credentials");
                    self.connect_failed(&error, None);
                    return;
                }
                Err(error) if error.is_clock_skew() && skewed < SKEW_ATTEMPTS => {
                    skewed += 1;
                    self.connect_failed(&error, Some(Duration::ZERO));
                    continue;
                }
                Err(error) => {
                    let pause = self.backoff.next();
                    warn!(slot = self.slot, %error, ?pause, "cannot connect");
                    self.connect_failed(&error, Some(pause));
                    if self.meanwhile(tokio::time::sleep(pause)).await.is_none() {
                        return;
                    }
                    continue;
                }
            }
            let pause = self.backoff.next();
            if self.meanwhile(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    fn connect_failed(&mut self, error: &ConnectError, retry_in: Option<Duration>) {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).connect_failures += 1;
        let (slot, error, at) = (self.slot, error.to_string().into(), self.received());
        let mut batch = self.pool.batch();
        batch.push(Fact::ConnectFailed { slot, error, retry_in, at });
        self.queue.push(batch);
    }

    fn received(&self) -> ReceivedTime {
        ReceivedTime::from_nanos(self.clock.unix_nanos())
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Waits for something while there is no connection; requests are taken in meanwhile. `None`: the session ends.
    async fn meanwhile<T>(&mut self, waited_for: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(waited_for);
        loop {
            tokio::select! {
                done = &mut waited_for => return Some(done),
                () = self.queue.closed() => return None,
                request = self.requests.recv() => {
                    let mut batch = self.pool.batch();
                    let end = self.take_in(request, &mut batch);
                    self.settle();
                    if !batch.is_empty() {
                        self.queue.push(batch);
                    }
                    if let Some(end) = end {
                        if let End::Shutdown(Some(reply)) = end {
                            let _ = reply.send(Ok(Outcome::Done));
                        }
                        return None;
                    }
                }
            }
        }
    }

    /// Holds one connection until it ends. `None`: the session ends.
    async fn hold(&mut self, mut socket: Socket) -> Option<()> {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        info!(slot = self.slot, connection, "connected");
        {
            let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
            stats.connects += 1;
            (stats.connection, stats.worst_age_micros) = (Some(connection), None);
        }
        let mut batch = self.pool.batch();
        let (now, at) = (self.now(), self.received());
        self.core.opened(connection, now, at, &mut batch);
        let mut outgoing = None;
        let end = loop {
            if let Some(end) = self.turn(&mut socket, &mut outgoing, &mut batch).await {
                break end;
            }
        };
        let (cause, reply) = match end {
            End::Down(cause) => (cause, None),
            End::Shutdown(reply) => {
                // The venue may take its leave properly, but not for long.
                let closing = async {
                    let _ = socket.close(None).await;
                    while let Some(Ok(_)) = socket.next().await {}
                };
                let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
                (DownCause::Shutdown, Some(reply))
            }
        };
        info!(slot = self.slot, connection, ?cause, "disconnected");
        let (now, at) = (self.now(), self.received());
        self.core.closed(cause, now, at, &mut batch);
        self.settle();
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).connection = None;
        let read = self.queue.push(batch);
        match reply {
            None => read.then_some(()),
            Some(reply) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Ok(Outcome::Done));
                }
                None
            }
        }
    }

    /// One wake-up: sends what is to be sent, waits, takes in all that there is, and hands it on.
    async fn turn(&mut self, socket: &mut Socket, outgoing: &mut Option<Message>, batch: &mut Batch) -> Option<End> {
        if let Some(end) = self.act(outgoing, batch) {
            return Some(end);
        }
        if !batch.is_empty() && !self.queue.push(std::mem::replace(batch, self.pool.batch())) {
            return Some(End::Shutdown(None));
        }
        let deadline = self.core.deadline().map(|deadline| self.origin + deadline);
        let core = &mut self.core;
        let wake = tokio::select! {
            frame = poll_fn(|cx| {
                // Writing must not wait for reading, nor reading for writing.
                let mut socket = std::pin::Pin::new(&mut *socket);
                loop {
                    if outgoing.is_none() {
                        *outgoing = core.next_command().map(|text| Message::Text(text.into()));
                    }
                    if outgoing.is_none() {
                        break;
                    }
                    match socket.as_mut().poll_ready(cx) {
                        Poll::Pending => break,
                        Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                        Poll::Ready(Ok(())) => {
                            if let Some(message) = outgoing.take()
                                && let Err(error) = socket.as_mut().start_send(message)
                            {
                                return Poll::Ready(Some(Err(error)));
                            }
                        }
                    }
                }
                if let Poll::Ready(Err(error)) = socket.as_mut().poll_flush(cx) {
                    return Poll::Ready(Some(Err(error)));
                }
                socket.as_mut().poll_next(cx)
            }) => Wake::Frame(frame),
            request = self.requests.recv() => Wake::Request(request),
            () = wait_until(deadline) => Wake::Timer,
            () = self.queue.room(), if !self.accepting => Wake::Room,
            () = self.queue.closed() => Wake::NobodyReads,
        };
        let end = match wake {
            Wake::Frame(frame) => self.frames(frame, socket, batch),
            Wake::Request(request) => self.take_in(request, batch),
            Wake::Timer | Wake::Room => None,
            Wake::NobodyReads => Some(End::Shutdown(None)),
        };
        self.settle();
        let counts = self.core.take_counts();
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).add(counts);
        end
    }

    /// Lets time and room act, and does what the state machine asks of the transport.
    fn act(&mut self, outgoing: &mut Option<Message>, batch: &mut Batch) -> Option<End> {
        let (now, at) = (self.now(), self.received());
        self.check_room(now, at, batch);
        self.core.tick(now, at, batch);
        match self.core.take_action() {
            None => None,
            Some(Action::Ping) => {
                // If something is still to be written, the peer does not read: a ping would not reach it either.
                outgoing.get_or_insert(Message::Ping(Vec::new().into()));
                None
            }
            Some(Action::Close(cause)) => Some(End::Down(cause)),
        }
    }

    fn check_room(&mut self, now: Duration, at: ReceivedTime, batch: &mut Batch) {
        let accepting = self.queue.accepts(self.accepting);
        if accepting != self.accepting {
            debug!(slot = self.slot, accepting, "the queue");
            self.accepting = accepting;
            self.core.set_accepting(accepting, now, at, batch);
        }
    }

    /// Takes in the frame that woke us, and what else is there already.
    fn frames(
        &mut self,
        first: Option<Result<Message, tungstenite::Error>>,
        socket: &mut Socket,
        batch: &mut Batch,
    ) -> Option<End> {
        let mut next = first;
        let now = self.now();
        loop {
            let at = self.received();
            match next {
                Some(Ok(Message::Text(text))) => self.core.frame(text.as_bytes(), now, at, batch),
                // The venue speaks text; whatever it means by bytes is told as a frame that is not understood.
                Some(Ok(Message::Binary(bytes))) => self.core.frame(&bytes, now, at, batch),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => self.core.heard(now, at),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.as_ref().map(|frame| u16::from(frame.code));
                    let reason = frame.map(|frame| frame.reason.as_str().into()).unwrap_or_default();
                    return Some(End::Down(DownCause::Closed { code, reason }));
                }
                Some(Err(error)) => return Some(End::Down(DownCause::Failed(error.to_string().into()))),
                None => return Some(End::Down(DownCause::Failed("the connection was closed".into()))),
            }
            if batch.len() >= BATCH_LIMIT {
                return None;
            }
            next = socket.next().now_or_never()?;
        }
    }

    /// Takes a request in.
    fn take_in(&mut self, request: Option<Request>, batch: &mut Batch) -> Option<End> {
        let Some(request) = request else { return Some(End::Shutdown(None)) };
        let id = self.next_request;
        self.next_request += 1;
        let (now, at) = (self.now(), self.received());
        let reply = match request {
            Request::Subscribe(subscription, reply) => {
                self.core.subscribe(id, subscription);
                reply
            }
            Request::Remove(channel, markets, reply) => {
                self.core.remove(id, channel, &markets, now, at, batch);
                reply
            }
            Request::Narrow(channel, names, reply) => {
                self.core.narrow(id, channel, &names);
                reply
            }
            Request::Available(channel, reply) => {
                self.core.available(id, channel);
                reply
            }
            Request::Snapshots(markets, reply) => {
                self.core.snapshots(id, markets);
                reply
            }
            Request::Unsubscribe(channel, reply) => {
                self.core.unsubscribe(id, channel);
                reply
            }
            Request::List(reply) => {
                self.core.list(id);
                reply
            }
            Request::Distrust(ticker) => {
                self.core.distrust(ticker.as_str(), now, at, batch);
                return None;
            }
            Request::Shutdown(reply) => return Some(End::Shutdown(Some(reply))),
        };
        self.replies.insert(id, reply);
        None
    }

    /// Answers the requests that are settled.
    fn settle(&mut self) {
        for (id, outcome) in self.core.take_outcomes() {
            let Some(reply) = self.replies.remove(&id) else { continue };
            let result = match outcome {
                Outcome::Failed(error) => Err(error),
                outcome => Ok(outcome),
            };
            // Whoever asked may have given up waiting.
            let _ = reply.send(result);
        }
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
