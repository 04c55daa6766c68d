//! A session with the venue: one or many WebSocket connections, and *facts* about what they bring.

mod answer;
mod backoff;
mod batch;
mod channel;
mod command;
mod core;
mod driver;
mod error;
mod fact;
mod handle;
mod log;
mod placement;
mod queue;
mod stats;
mod transport;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

pub use self::core::{Action, ConnectionCore, ConnectionSettings, Outcome, RequestId};
pub use batch::{Batch, FactSink};
pub use channel::Channel;
pub use command::Subscription;
pub use error::{CommandError, ConnectError};
pub use fact::{DownCause, EndCause, Fact, GapCause, GapClosed, GapOpened, Message, Surplus, Unreadable};
pub use handle::SessionHandle;
pub use placement::{FillInTurn, Placement};
pub use stats::{ConnectionStats, SessionStats};

use self::{batch::Pool, driver::Spawner, handle::Directory, queue::Consumer, transport::Dialer};
use crate::{
    credentials::Credentials,
    environment::Environment,
    further_roots::FurtherRoots,
    wall_clock::{SystemClock, VenueClock, WallClock},
};

/// A session: facts come out of it, in order, until it is shut down.
///
/// # What it does by itself
/// - It subscribes, over as many connections as its [`Placement`] asks for, and subscribes again after every loss.
/// - It follows the sequence numbers of every subscription. Where they show a loss, the books concerned are
///   distrusted, their snapshots asked for, and each is trusted again from its own snapshot on.
/// - It pings a silent connection and replaces a dead one, with growing pauses; it renews a subscription that the venue
///   ended; it corrects its clock by the venue's. Credentials that the venue refuses end the connection for good.
/// - It never waits for the consumer: events for which there is no room are dropped, under a gap like any other.
///
/// # What it logs
/// `tracing` events whose fields' names are stable. `seq` is the last number that came on the subscription; `ticker` is
/// there where one market is concerned, and `markets` says how many are.
///
/// | event | level | fields |
/// | --- | --- | --- |
/// | `gap opened` | warn, debug of each further market of one overflow | `connection`, `sid`, `seq`, `ticker`, `channel`, `cause`, `markets` |
/// | `gap closed` | info of a subscription, debug of a market, trace of a market's first snapshot | `connection`, `sid`, `seq`, `ticker`, `channel` |
/// | `subscription begun` | info | `connection`, `sid`, `channel` |
/// | `subscription ended` | info if asked for, else warn | `connection`, `sid`, `seq`, `channel`, `cause`, `code` |
/// | `command refused` | warn | `connection`, `ticker`, `channel`, `code`, `answer`, `markets` |
/// | `connected`, `disconnected` | info | `slot`, `connection`, `cause` |
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use daybook_kalshi::{Channel, Credentials, Environment, Fact, Session, Subscription};
///
/// let credentials = Credentials::from_process_env()?.ok_or("set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH")?;
/// let mut session = Session::builder(Environment::prod(), credentials).open()?;
/// let handle = session.handle();
/// tokio::spawn(async move { handle.subscribe(Subscription::new(Channel::Trade)).await });
/// while let Some(mut batch) = session.next().await {
///     while let Some(fact) = batch.next() {
///         match fact {
///             Fact::Event(record) => println!("{:?}", record.event),
///             Fact::GapOpened(gap) => println!("{} incomplete: {:?}", gap.channel, gap.cause),
///             _ => {}
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Session {
    facts: Consumer,
    handle: SessionHandle,
}

impl Session {
    /// A session with this venue, to be set up further.
    pub fn builder(environment: Environment, credentials: Credentials) -> SessionBuilder {
        SessionBuilder {
            environment,
            credentials,
            core: ConnectionSettings::default(),
            clock: Arc::new(SystemClock),
            venue_clock: None,
            further_roots: FurtherRoots::default(),
            placement: Box::new(FillInTurn::default()),
            queue: 1 << 20,
            backoff: (Duration::from_millis(250), Duration::from_secs(30)),
            connect_timeout: Duration::from_secs(10),
            command_timeout: Duration::from_secs(60),
            seed: None,
            first_connection: 1,
        }
    }

    /// The next facts; `None` when every connection has ended. Drop the batch before asking for the next: its
    /// buffers are used again.
    pub async fn next(&mut self) -> Option<Batch> {
        self.facts.next().await
    }

    /// What commands go into.
    pub fn handle(&self) -> SessionHandle {
        self.handle.clone()
    }
}

/// Sets a [`Session`] up. Every setting has a default that suits the venue's documented limits.
pub struct SessionBuilder {
    environment: Environment,
    credentials: Credentials,
    core: ConnectionSettings,
    clock: Arc<dyn WallClock>,
    venue_clock: Option<Arc<VenueClock>>,
    further_roots: FurtherRoots,
    placement: Box<dyn Placement>,
    queue: usize,
    backoff: (Duration, Duration),
    connect_timeout: Duration,
    command_timeout: Duration,
    seed: Option<u64>,
    first_connection: u32,
}

impl SessionBuilder {
    /// The clock that frames are stamped with on arrival, and, corrected by the venue's, handshakes are signed by. The
    /// operating system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn WallClock>) -> SessionBuilder {
        self.clock = clock;
        self
    }

    /// The corrected clock that handshakes are signed by, instead of one of the session's own. With that of a
    /// [`Client`](crate::Client::clock), or of another session, whoever is refused first for a wrong clock corrects it
    /// for all. Frames are stamped with [`clock`](SessionBuilder::clock), which is never corrected.
    #[must_use]
    pub fn venue_clock(mut self, clock: Arc<VenueClock>) -> SessionBuilder {
        self.venue_clock = Some(clock);
        self
    }

    /// Certificates that are trusted as roots besides the platform's, as PEM text: for a venue of one's own or a proxy
    /// that has a certificate of its own making. Adds to those given before. The host's name is checked all the same.
    /// They hold for the session's connections; a [`Client`](crate::Client) is
    /// [given](crate::ClientBuilder::further_root_certificates) its own.
    #[must_use]
    pub fn further_root_certificates(mut self, pem: impl AsRef<[u8]>) -> SessionBuilder {
        self.further_roots.add(pem.as_ref());
        self
    }

    /// Which connection carries which market. By default [`FillInTurn`].
    #[must_use]
    pub fn placement(mut self, placement: impl Placement + 'static) -> SessionBuilder {
        self.placement = Box::new(placement);
        self
    }

    /// How many facts may wait for the consumer before events are dropped. 2²⁰, which takes 200 to 250 MB.
    #[must_use]
    pub fn queue(mut self, facts: usize) -> SessionBuilder {
        self.queue = facts.max(1);
        self
    }

    /// The most markets in one command. 1,000.
    #[must_use]
    pub fn markets_per_command(mut self, markets: usize) -> SessionBuilder {
        self.core.chunk = markets.max(1);
        self
    }

    /// The most commands that wait for their answers, per connection. 8.
    #[must_use]
    pub fn commands_in_flight(mut self, commands: usize) -> SessionBuilder {
        self.core.in_flight = commands.clamp(1, 10_000);
        self
    }

    /// The most commands per second and connection. 1,000; the venue allows 10,000.
    #[must_use]
    pub fn commands_per_second(mut self, commands: u32) -> SessionBuilder {
        self.core.commands_per_second = commands.clamp(1, 10_000);
        self
    }

    /// How long a connection may be silent before it is pinged, and how long it has to answer that. 30 s and 10 s.
    #[must_use]
    pub fn silence(mut self, silence: Duration, pong: Duration) -> SessionBuilder {
        (self.core.silence, self.core.pong_timeout) = (silence, pong);
        self
    }

    /// How long the venue has to answer a command, and to send a snapshot that was asked for, before the command is
    /// sent again. 10 s.
    #[must_use]
    pub fn answer_timeout(mut self, timeout: Duration) -> SessionBuilder {
        self.core.answer_timeout = timeout;
        self
    }

    /// A market's snapshot is asked for again no sooner than this, however often gaps open. 1 s.
    #[must_use]
    pub fn repair_interval(mut self, interval: Duration) -> SessionBuilder {
        self.core.repair = interval;
        self
    }

    /// How often the venue is asked which subscriptions it holds, so that one that it forgot is noticed. 60 s.
    #[must_use]
    pub fn audit_interval(mut self, interval: Duration) -> SessionBuilder {
        self.core.audit = interval.max(Duration::from_secs(1));
        self
    }

    /// How long a call of the [handle](SessionHandle) waits, whatever is retried meanwhile. 60 s.
    #[must_use]
    pub fn command_timeout(mut self, timeout: Duration) -> SessionBuilder {
        self.command_timeout = timeout;
        self
    }

    /// The first and the longest pause between attempts to connect; between them each is twice the one before, and
    /// half of each is drawn at random. 250 ms and 30 s.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> SessionBuilder {
        self.backoff = (first, longest);
        self
    }

    /// How long an attempt to connect may take. 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> SessionBuilder {
        self.connect_timeout = timeout;
        self
    }

    /// Makes the pauses the same in every run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> SessionBuilder {
        self.seed = Some(seed);
        self
    }

    /// The number of the first connection; each further one has the next. 1.
    #[must_use]
    pub fn first_connection(mut self, number: u32) -> SessionBuilder {
        self.first_connection = number;
        self
    }

    /// Begins to connect, in tasks of the present tokio runtime.
    ///
    /// # Errors
    /// If TLS cannot be set up on this machine, or with the [further root
    /// certificates](SessionBuilder::further_root_certificates). Failing to connect is a [fact](Fact::ConnectFailed),
    /// not an error here.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn open(self) -> Result<Session, ConnectError> {
        let venue_clock = self.venue_clock.unwrap_or_else(|| Arc::new(VenueClock::new(Arc::clone(&self.clock))));
        let url = self.environment.ws_url().clone();
        let dialer = Dialer::new(url, self.credentials, venue_clock, self.connect_timeout, &self.further_roots)?;
        let spawner = Spawner {
            dialer: Arc::new(dialer),
            clock: self.clock,
            core: self.core,
            backoff: self.backoff,
            seed: self.seed.unwrap_or_else(rand::random),
            connections: Arc::new(AtomicU32::new(self.first_connection)),
            pool: Arc::new(Pool::default()),
        };
        let (producer, facts) = queue::bounded(self.queue);
        let directory = Directory {
            spawner,
            placement: self.placement,
            slots: Vec::new(),
            places: HashMap::new(),
            whole: HashSet::new(),
        };
        let handle = SessionHandle::new(directory, producer.downgrade(), self.command_timeout);
        // The first connection is made at once; while it lives, so does the queue.
        if handle.open_slot().is_err() {
            unreachable!("the queue's producer is still here");
        }
        Ok(Session { facts, handle })
    }
}
