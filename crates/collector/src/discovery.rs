//! Finding markets: all that there are by pages at the start and from time to time, and what the lifecycle channel tells
//! in between.

use std::{sync::Arc, time::Duration};

use daybook_archive::entry::{Document, DocumentKind};
use daybook_book::{Event, EventRecord, Ticker};
use daybook_kalshi::{
    Call, Channel, Client, CommandError, Error, MetadataDocument, SessionHandle, Subscription, WallClock,
    rest::markets::{GET_MARKET, GET_MARKETS},
};
use hashbrown::{HashMap, HashSet};
use serde_json::value::RawValue;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tracing::{debug, info, warn};

use crate::{documents::documents, selection::Selection};

/// The most markets that one page has.
const PAGE: u32 = 1_000;
/// The most markets that are subscribed to in one go.
const CHUNK: usize = 10_000;
/// How long after news of a market its document is fetched, and how often once it has closed, until it is final.
const AGAIN: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(600),
    Duration::from_secs(3_600),
];

/// An answer of the venue that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] Error),
    /// The answer says nothing about markets.
    #[error("the venue's list of markets cannot be read: {0}")]
    Document(#[from] daybook_kalshi::MetadataError),
}

/// How far a market's life is.
enum Stage {
    /// Its document says all there is to say until there is news.
    Trading,
    /// It is closed, and its settlement is to come.
    Ending,
    /// It is settled, and nothing more will be said.
    Final,
}

/// A page of markets.
struct Page {
    documents: Vec<Document>,
    cursor: Option<String>,
}

/// Finds markets, has their books subscribed to, and tells their documents.
pub(crate) struct Discovery {
    pub(crate) client: Client,
    pub(crate) handle: SessionHandle,
    pub(crate) selection: Selection,
    pub(crate) clock: Arc<dyn WallClock>,
    /// How often all markets are listed again.
    pub(crate) reconcile: Duration,
    /// Documents for the record.
    pub(crate) documents: mpsc::Sender<Vec<Document>>,
    /// What the lifecycle channel told.
    pub(crate) news: mpsc::Receiver<Vec<EventRecord<'static>>>,
    /// By market: the digest of its document as recorded.
    known: HashMap<String, String>,
    subscribed: HashSet<Ticker>,
    /// Documents to fetch again: when, of which market, and for the how many-th time.
    due: Vec<(Instant, Ticker, usize)>,
}

impl Discovery {
    pub(crate) fn new(
        client: Client,
        handle: SessionHandle,
        selection: Selection,
        clock: Arc<dyn WallClock>,
        reconcile: Duration,
        documents: mpsc::Sender<Vec<Document>>,
        news: mpsc::Receiver<Vec<EventRecord<'static>>>,
    ) -> Discovery {
        let (known, subscribed, due) = (HashMap::new(), HashSet::new(), Vec::new());
        Discovery { client, handle, selection, clock, reconcile, documents, news, known, subscribed, due }
    }

    /// Goes on until nobody takes documents any more. What fails is tried again at the next round.
    pub(crate) async fn run(mut self) {
        let everything = self.selection.is_everything();
        let mut channels = vec![Channel::MarketLifecycle];
        if self.selection.combos {
            channels.push(Channel::MultivariateMarketLifecycle);
        }
        if everything {
            channels.push(Channel::Trade);
        }
        for channel in channels {
            self.subscribe(Subscription::new(channel)).await;
        }
        let mut rounds = interval(self.reconcile);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.documents.is_closed() {
            let due = self.due.iter().map(|(at, ..)| *at).min();
            tokio::select! {
                _ = rounds.tick() => {
                    if let Err(error) = self.list().await {
                        warn!(%error, "markets could not be listed");
                    }
                }
                news = self.news.recv() => {
                    let Some(news) = news else { break };
                    self.hear(&news).await;
                }
                () = wait_until(due) => self.fetch_due().await,
            }
        }
    }

    async fn subscribe(&self, subscription: Subscription) {
        match self.handle.subscribe(subscription).await {
            Ok(()) | Err(CommandError::Closed) => {}
            // It is held, and tried again by the session; what the venue refuses is asked for at the next round.
            Err(error) => warn!(%error, "a subscription is not confirmed"),
        }
    }

    /// Lists all markets that are open, or will be, and subscribes to the books of those that are new.
    async fn list(&mut self) -> Result<(), DiscoveryError> {
        let began = Instant::now();
        let mut listed = HashSet::new();
        for filter in self.filters() {
            for status in ["open", "unopened"] {
                let mut cursor = None;
                loop {
                    let page = self.page(&filter, status, cursor.as_deref()).await?;
                    let tickers: Vec<Ticker> = page.documents.iter().filter_map(market_of).collect();
                    let new: Vec<Ticker> =
                        tickers.iter().filter(|ticker| !self.subscribed.contains(*ticker)).cloned().collect();
                    listed.extend(tickers);
                    self.tell(page.documents).await;
                    self.follow(new).await;
                    cursor = page.cursor;
                    if cursor.is_none() {
                        break;
                    }
                }
            }
        }
        info!(markets = listed.len(), elapsed_ms = began.elapsed().as_millis(), "markets listed");
        // What is listed no more has closed, which no frame says; its settlement is to come.
        let gone: Vec<Ticker> = self.subscribed.iter().filter(|ticker| !listed.contains(*ticker)).cloned().collect();
        for ticker in gone {
            self.look_again(ticker);
        }
        Ok(())
    }

    /// The queries that together select what is to be recorded.
    fn filters(&self) -> Vec<Vec<(&'static str, String)>> {
        let combos = (!self.selection.combos).then(|| ("mve_filter", "exclude".to_owned()));
        let with = |filter: Option<(&'static str, String)>| filter.into_iter().chain(combos.clone()).collect();
        if self.selection.is_everything() {
            return vec![with(None)];
        }
        let series = self.selection.series.iter().map(|name| ("series_ticker", name.clone()));
        let events = self.selection.events.iter().map(|name| ("event_ticker", name.clone()));
        series.chain(events).map(|filter| with(Some(filter))).collect()
    }

    async fn page(
        &self,
        filter: &[(&'static str, String)],
        status: &str,
        cursor: Option<&str>,
    ) -> Result<Page, DiscoveryError> {
        #[derive(serde::Deserialize)]
        struct Cursor {
            cursor: Option<String>,
        }
        let call = Call::new(&GET_MARKETS).query("status", status).query("limit", PAGE).query_opt("cursor", cursor);
        let call = filter.iter().fold(call, |call, (name, value)| call.query(name, value));
        let answer: Box<RawValue> = self.client.call(call).await?;
        let fetched = self.clock.unix_nanos();
        let next: Option<Cursor> = serde_json::from_str(answer.get()).ok();
        let cursor = next.and_then(|next| next.cursor).filter(|cursor| !cursor.is_empty());
        let documents = documents(MetadataDocument::parse(answer.get().as_bytes())?, fetched);
        Ok(Page { documents, cursor })
    }

    /// Tells the documents that are not recorded as they are.
    async fn tell(&mut self, documents: Vec<Document>) {
        let known = &mut self.known;
        let changed = documents.into_iter().filter(|document| {
            let key = format!("{:?} {}", document.kind, document.key);
            known.insert(key, document.digest.clone()).as_ref() != Some(&document.digest)
        });
        let changed: Vec<Document> = changed.collect();
        if !changed.is_empty() {
            // Nobody takes them any more when the recording ends.
            let _ = self.documents.send(changed).await;
        }
    }

    /// Subscribes to the books of markets, and to their trades if not all trades are.
    async fn follow(&mut self, markets: Vec<Ticker>) {
        for chunk in markets.chunks(CHUNK) {
            self.subscribe(Subscription::new(Channel::OrderbookDelta).markets(chunk.iter().cloned())).await;
            if !self.selection.is_everything() {
                self.subscribe(Subscription::new(Channel::Trade).markets(chunk.iter().cloned())).await;
            }
            self.subscribed.extend(chunk.iter().cloned());
        }
    }

    /// Takes in what the lifecycle channel told.
    async fn hear(&mut self, news: &[EventRecord<'static>]) {
        let mut new = Vec::new();
        for record in news {
            let Event::Lifecycle(change) = &record.event else { continue };
            let Some(ticker) = change.ticker.as_deref().filter(|ticker| self.selection.may_hold(ticker)) else {
                continue;
            };
            let Ok(ticker) = ticker.parse::<Ticker>() else { continue };
            debug!(ticker = ticker.as_str(), kind = %change.event_type, "news");
            if change.event_type == "created" && !self.subscribed.contains(&ticker) {
                new.push(ticker.clone());
            }
            self.look_again(ticker);
        }
        self.follow(new).await;
    }

    fn look_again(&mut self, ticker: Ticker) {
        if !self.due.iter().any(|(_, due, times)| *due == ticker && *times == 0) {
            self.due.push((Instant::now() + AGAIN[0], ticker, 0));
        }
    }

    /// Fetches the documents that are due. One that is not final is fetched again later.
    async fn fetch_due(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.due).into_iter().partition(|(at, ..)| *at <= now);
        self.due = later;
        let due: Vec<(Instant, Ticker, usize)> = due;
        for (_, ticker, times) in due {
            let stage = self.fetch(&ticker).await.unwrap_or_else(|error| {
                // A market that was just made may not be found for a moment.
                debug!(ticker = ticker.as_str(), %error, "a market's document cannot be had");
                Stage::Ending
            });
            match (stage, AGAIN.get(times + 1)) {
                (Stage::Final, _) if self.subscribed.remove(&ticker) => {
                    if let Err(error) = self.handle.remove(Channel::OrderbookDelta, [ticker.clone()]).await {
                        debug!(ticker = ticker.as_str(), %error, "a settled market is not taken off");
                    }
                }
                (Stage::Ending, Some(pause)) => self.due.push((Instant::now() + *pause, ticker, times + 1)),
                _ => {}
            }
        }
    }

    /// Fetches a market's document; tells how far its life is.
    async fn fetch(&mut self, ticker: &Ticker) -> Result<Stage, DiscoveryError> {
        let call = Call::new(&GET_MARKET).path("ticker", ticker.as_str());
        let answer: Box<RawValue> = self.client.call(call).await?;
        let fetched = self.clock.unix_nanos();
        let documents = documents(MetadataDocument::parse(answer.get().as_bytes())?, fetched);
        let status = |document: &Document| {
            document.fields.iter().find(|(name, _)| name == "status").and_then(|(_, status)| status.clone())
        };
        let stage = match documents.iter().find_map(status).as_deref() {
            Some("initialized" | "active" | "inactive") => Stage::Trading,
            Some("finalized") => Stage::Final,
            _ => Stage::Ending,
        };
        self.tell(documents).await;
        Ok(stage)
    }
}

fn market_of(document: &Document) -> Option<Ticker> {
    if document.kind == DocumentKind::Market { document.key.parse().ok() } else { None }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
