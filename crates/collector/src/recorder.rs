//! The recorder: session, discovery, journal and keeper together, from start to a clean end.

use std::{sync::Arc, time::Instant};

use daybook_archive::{
    Archive, Error as ArchiveError, Writer,
    entry::{Cause, SourceState},
};
use daybook_book::{EventRecord, Ticker};
use daybook_kalshi::{
    Client, ConnectError, Credentials, Environment, Fact, Session, SessionBuilder, SessionHandle, SessionStats,
    WallClock,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Duration, MissedTickBehavior, interval},
};
use tracing::{debug, info};

use crate::{
    discovery::Discovery,
    journal::{Counts, Journal},
    keeper::{Keeper, WrittenCounts},
    selection::Selection,
};

/// How a recording is to be made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which markets.
    pub selection: Selection,
    /// How long facts are gathered before they are handed to the log. 20 ms.
    pub commit: Duration,
    /// How often it is noted how far the subscriptions were heard. 1 s.
    pub hear: Duration,
    /// How often the book of a market is compared with a fresh snapshot. 1 s.
    pub audit: Duration,
    /// How often all markets are listed again. 60 s.
    pub reconcile: Duration,
    /// What everything random comes from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            selection: Selection::default(),
            commit: Duration::from_millis(20),
            hear: Duration::from_secs(1),
            audit: Duration::from_secs(1),
            reconcile: Duration::from_secs(60),
            seed: 0,
        }
    }
}

/// Why a recording ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The archive cannot be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// No session can be opened from this machine.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The operating system refuses a thread.
    #[error("the thread that writes could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The venue refuses the key.
    #[error("the venue refuses the connection for good: {0}")]
    Refused(Arc<str>),
}

/// How a recording stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What was seen.
    pub counts: Counts,
    /// What was written.
    pub written: WrittenCounts,
    /// The connections.
    pub session: SessionStats,
}

/// A recording that is about to begin.
pub struct Recorder {
    client: Client,
    writer: Writer,
    builder: SessionBuilder,
    settings: Settings,
    clock: Arc<dyn WallClock>,
    source: SourceState,
    status: watch::Sender<Status>,
}

/// Facts of one wake-up are handed to the log when they take this much, whatever the time.
const BATCH_BYTES: usize = 1 << 20;

impl Recorder {
    /// A recording of this venue into this archive. What an earlier one left open, because its process ended without a word,
    /// is closed first.
    ///
    /// # Errors
    /// When the archive cannot be read or written.
    pub fn new(
        environment: Environment,
        credentials: Credentials,
        client: Client,
        mut writer: Writer,
        settings: Settings,
        clock: Arc<dyn WallClock>,
    ) -> Result<Recorder, RecordError> {
        let known = writer.archive().sources_imported()?;
        let first = known.iter().map(|state| state.next_connection).max().unwrap_or(1);
        let name = format!("{RECORDED}{}", environment.ws_url());
        let mut journal = Journal::new(name.clone());
        for left in known.iter().filter(|state| state.name.starts_with(RECORDED) && !state.complete) {
            info!(source = left.number, "an earlier recording ended without a word");
            journal.end(left.connection..left.next_connection, Cause::NotRecorded);
            journal.note_source(&SourceState { complete: true, ..left.clone() });
        }
        let source = SourceState {
            number: known.last().map_or(1, |last| last.number + 1),
            name,
            bytes: 0,
            digested: 0,
            digest: String::new(),
            connection: first,
            next_connection: first,
            lines: 0,
            events: 0,
            unparsed: 0,
            duplicates: 0,
            control: 0,
            complete: false,
            truncated: false,
            streams: Vec::new(),
            imported_nanos: clock.unix_nanos(),
        };
        journal.note_source(&source);
        writer.append(journal.finish_into(daybook_archive::Batch::default()))?;
        writer.sync()?;
        let builder = Session::builder(environment, credentials)
            .clock(Arc::clone(&clock))
            .venue_clock(Arc::clone(client.clock()))
            .seed(settings.seed)
            .first_connection(first);
        let status = watch::Sender::new(Status::default());
        Ok(Recorder { client, writer, builder, settings, clock, source, status })
    }

    /// Changes how the session is set up.
    #[must_use]
    pub fn session(mut self, change: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Recorder {
        self.builder = change(self.builder);
        self
    }

    /// How the recording stands, once a second.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The archive, as it is while it is written.
    pub fn archive(&self) -> Archive {
        self.writer.archive().clone()
    }

    /// Records until `stop`; then closes what is open, seals what is left, and gives the archive back. Runs in a tokio
    /// runtime.
    ///
    /// # Errors
    /// When the archive cannot be written any more, and when the venue refuses the key.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<Archive, RecordError> {
        let Recorder { client, writer, builder, settings, clock, source, status } = self;
        let session = builder.open()?;
        let handle = session.handle();
        let keeper = Keeper::start(writer)?;
        let (documents, found) = mpsc::channel(16);
        let (news, told) = mpsc::channel(1_024);
        let discovery = Discovery::new(
            client,
            handle.clone(),
            settings.selection.clone(),
            clock,
            settings.reconcile,
            documents,
            told,
        );
        let discovering = tokio::spawn(discovery.run());
        let journal = Journal::new(source.name.clone());
        let recording =
            Recording { journal, keeper, handle, source, began: None, news, settings, status, refused: None };
        let ended = recording.run(session, found, stop).await;
        discovering.abort();
        ended
    }
}

/// What the name of a source that was recorded begins with.
const RECORDED: &str = "record ";

/// A recording under way.
struct Recording {
    journal: Journal,
    keeper: Keeper,
    handle: SessionHandle,
    source: SourceState,
    /// When the first fact came that is not handed to the log yet.
    began: Option<Instant>,
    news: mpsc::Sender<Vec<EventRecord<'static>>>,
    settings: Settings,
    status: watch::Sender<Status>,
    refused: Option<Arc<str>>,
}

impl Recording {
    async fn run(
        mut self,
        mut session: Session,
        mut found: mpsc::Receiver<Vec<daybook_archive::entry::Document>>,
        stop: impl Future<Output = ()>,
    ) -> Result<Archive, RecordError> {
        let every = |period: Duration| {
            let mut ticks = interval(period.max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut commits, mut hearings, mut audits) =
            (every(self.settings.commit), every(self.settings.hear), every(self.settings.audit));
        let written = self.keeper.written();
        tokio::pin!(stop);
        let mut random = self.settings.seed;
        let mut writes = true;
        while writes && self.refused.is_none() {
            tokio::select! {
                () = &mut stop => break,
                batch = session.next() => {
                    let Some(mut batch) = batch else { break };
                    while let Some(fact) = batch.next() {
                        self.take(fact);
                    }
                    drop(batch);
                    self.pass_on();
                    if self.journal.byte_len() >= BATCH_BYTES {
                        writes = self.write().await;
                    }
                }
                Some(documents) = found.recv() => {
                    self.began.get_or_insert_with(Instant::now);
                    documents.into_iter().for_each(|document| self.journal.document(document));
                }
                _ = commits.tick() => writes = self.write().await,
                _ = hearings.tick() => {
                    self.journal.tell_heard();
                    let (counts, session) = (self.journal.counts(), self.handle.stats());
                    self.status.send_replace(Status { counts, written: written.counts(), session });
                }
                _ = audits.tick() => {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    if let Some(market) = self.journal.trusted_market(random >> 16) {
                        self.audit(market);
                    }
                }
            }
        }
        // What the session still has was received, and goes into the record.
        self.journal.stop();
        self.handle.shutdown().await;
        while let Some(mut batch) = session.next().await {
            while let Some(fact) = batch.next() {
                self.take(fact);
            }
        }
        self.end().await
    }

    /// Takes a fact in.
    fn take(&mut self, fact: Fact<'_>) {
        self.began.get_or_insert_with(Instant::now);
        match &fact {
            // Before anything of the connection is in the log, the log knows that its number is taken.
            Fact::ConnectionUp { connection, .. } => {
                self.source.next_connection = self.source.next_connection.max(connection + 1);
                self.journal.note_source(&self.source);
            }
            Fact::ConnectFailed { error, retry_in: None, .. } => self.refused = Some(Arc::clone(error)),
            _ => {}
        }
        self.journal.take(fact);
    }

    /// Tells the session which books are not right, and discovery what was said of markets.
    fn pass_on(&mut self) {
        for market in self.journal.take_distrusted() {
            self.handle.distrust(&market);
        }
        let news = self.journal.take_lifecycle();
        if !news.is_empty() && self.news.try_send(news).is_err() {
            debug!("news of markets is passed over: the next listing finds them");
        }
    }

    /// Hands what is gathered to the log. False if that cannot be written any more.
    async fn write(&mut self) -> bool {
        if self.journal.is_empty() {
            return true;
        }
        let began = self.began.take().unwrap_or_else(Instant::now);
        let spent = self.keeper.spent();
        let batch = self.journal.finish_into(spent);
        self.keeper.write(batch, began).await
    }

    /// Has a fresh snapshot sent of a market whose book is trusted: the journal compares the two when it comes.
    fn audit(&self, market: Ticker) {
        let handle = self.handle.clone();
        tokio::spawn(async move {
            if let Err(error) = handle.snapshots([market.clone()]).await {
                debug!(ticker = market.as_str(), %error, "an audit has no answer");
            }
        });
    }

    async fn end(mut self) -> Result<Archive, RecordError> {
        self.journal.tell_heard();
        self.journal.end(self.source.connection..self.source.next_connection, Cause::NotRecorded);
        self.source.complete = true;
        self.source.events = self.journal.counts().events;
        self.source.unparsed = self.journal.counts().unparsed;
        self.source.duplicates = self.journal.counts().surplus;
        self.journal.note_source(&self.source);
        self.write().await;
        let archive = self.keeper.end().await?;
        match self.refused {
            Some(error) => Err(RecordError::Refused(error)),
            None => Ok(archive),
        }
    }
}
