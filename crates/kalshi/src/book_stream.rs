//! Live books of a set of markets: folded, watched, and never shown while they may be wrong.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use daybook_book::{Book, Event, Ticker};
use tokio::task::JoinHandle;

use crate::{
    credentials::Credentials,
    environment::Environment,
    session::{
        Batch, Channel, CommandError, ConnectError, Fact, GapCause, Session, SessionHandle, SessionStats, Subscription,
    },
};

/// Always-correct live books of a set of markets.
///
/// A book is *live* from its snapshot on, for as long as nothing that concerns it can have been lost; then it is
/// *stale*, and not to be had, until its next snapshot. Losses are noticed and repaired by the session underneath.
///
/// ```no_run
/// use daybook_kalshi::{BookStream, BookUpdate, Credentials, Environment};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials::from_process_env()?.ok_or("set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH")?;
/// let mut books = BookStream::open(Environment::prod(), credentials, ["KXHIGHNY-26AUG11-T88".parse()?])?;
/// while let Some(update) = books.next().await? {
///     match update {
///         BookUpdate::Live { ticker, book } | BookUpdate::Changed { ticker, book } => {
///             println!("{} {:?}", ticker.as_str(), book.best_bid(daybook_book::Side::Yes));
///         }
///         BookUpdate::Stale { ticker, cause } => println!("{} stale: {cause:?}", ticker.as_str()),
///         BookUpdate::Refused { ticker, reason } => println!("{} refused: {reason}", ticker.as_str()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct BookStream {
    session: Session,
    handle: SessionHandle,
    batch: Batch,
    books: Books,
    /// Updates that one fact made more than one of.
    waiting: VecDeque<Waiting>,
    /// What the update that was told last says of a market that may be tracked no more.
    told: (Option<Ticker>, Arc<str>),
    /// The first subscription, on its way.
    subscribing: JoinHandle<Result<(), CommandError>>,
}

/// What happened to one book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookUpdate<'a> {
    /// The book is true, for the first time or again.
    Live {
        /// The market.
        ticker: &'a Ticker,
        /// Its book.
        book: &'a Book,
    },
    /// A live book changed.
    Changed {
        /// The market.
        ticker: &'a Ticker,
        /// Its book after the change.
        book: &'a Book,
    },
    /// The book may be wrong from now on. It is not to be had until it is live again.
    Stale {
        /// The market.
        ticker: &'a Ticker,
        /// Why.
        cause: GapCause,
    },
    /// The venue refuses to subscribe to this market. It will not become live.
    Refused {
        /// The market.
        ticker: &'a Ticker,
        /// The venue's words.
        reason: &'a str,
    },
}

/// Why a stream of books ended that nobody shut down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookStreamError {
    /// The venue refuses the credentials.
    #[error("{0}; check the key id, the private key and the environment they belong to")]
    Unauthorized(Arc<str>),
}

/// What one connection tells of a market's book.
#[derive(Debug, Default)]
struct View {
    /// `None`: a connection that is gone.
    connection: Option<u32>,
    book: Book,
    live: bool,
    /// Its last snapshot was no book.
    broken: bool,
}

/// One market as the facts tell it.
#[derive(Debug)]
struct Tracked {
    ticker: Ticker,
    /// What is shown, and what nearly every fact is about.
    shown: View,
    /// What other connections tell, while the market moves from one to another.
    others: Vec<View>,
}

#[derive(Debug, Default)]
struct Books {
    places: HashMap<Ticker, usize>,
    all: Vec<Tracked>,
}

/// An update by the market's place.
enum Step {
    Live(usize),
    Changed(usize),
}

enum Waiting {
    Changed(Ticker),
    Stale(Ticker, GapCause),
    Refused(Ticker, Arc<str>),
}

impl BookStream {
    /// Connects, in the background of the present tokio runtime, and subscribes to these markets.
    ///
    /// # Errors
    /// If TLS cannot be set up on this machine.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn open(
        environment: Environment,
        credentials: Credentials,
        tickers: impl IntoIterator<Item = Ticker>,
    ) -> Result<BookStream, ConnectError> {
        Ok(BookStream::over(Session::builder(environment, credentials).open()?, tickers))
    }

    /// The same over a session that was set up specially and of which nothing has been read.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn over(session: Session, tickers: impl IntoIterator<Item = Ticker>) -> BookStream {
        let handle = session.handle();
        let books = Subscription::new(Channel::OrderbookDelta).markets(tickers);
        // It is sent here and now, so that whatever is asked of the stream comes after it. What the venue refuses comes
        // out of the session as a fact, and what takes long is retried by it.
        let subscribing = tokio::spawn(handle.send_subscription(books));
        BookStream {
            session,
            handle,
            batch: Batch::new(),
            books: Books::default(),
            waiting: VecDeque::new(),
            told: (None, Arc::from("")),
            subscribing,
        }
    }

    /// What happens next to any of the books; `None` after [`shutdown`](BookStream::shutdown).
    ///
    /// # Errors
    /// If the venue refuses the credentials: nothing will come any more. A lost connection is no error, it makes books
    /// stale until they are live again.
    pub async fn next(&mut self) -> Result<Option<BookUpdate<'_>>, BookStreamError> {
        let step = loop {
            match self.waiting.pop_front() {
                None => {}
                Some(Waiting::Changed(ticker)) => {
                    // It may have ended again by the same fact.
                    let live = self.books.places.get(&ticker).filter(|&&place| self.books.all[place].shown.live);
                    if let Some(&place) = live {
                        break Step::Changed(place);
                    }
                    continue;
                }
                Some(Waiting::Stale(ticker, cause)) => {
                    let ticker = self.told.0.insert(ticker);
                    return Ok(Some(BookUpdate::Stale { ticker, cause }));
                }
                Some(Waiting::Refused(ticker, reason)) => {
                    self.told = (None, reason);
                    let (told, reason) = (&mut self.told.0, &self.told.1);
                    return Ok(Some(BookUpdate::Refused { ticker: told.insert(ticker), reason }));
                }
            }
            let Some(fact) = self.batch.next() else {
                // The batch that was read goes back before the next one is awaited.
                self.batch = Batch::new();
                match self.session.next().await {
                    Some(batch) => self.batch = batch,
                    None => return Ok(None),
                }
                continue;
            };
            if let Fact::ConnectFailed { error, retry_in: None, .. } = fact {
                return Err(BookStreamError::Unauthorized(error));
            }
            if let Some(step) = self.books.take(&fact, &mut self.waiting, |ticker| self.handle.distrust(ticker)) {
                break step;
            }
        };
        let (Step::Live(place) | Step::Changed(place)) = step;
        let Tracked { ticker, shown: View { book, .. }, .. } = &self.books.all[place];
        Ok(Some(match step {
            Step::Live(_) => BookUpdate::Live { ticker, book },
            Step::Changed(_) => BookUpdate::Changed { ticker, book },
        }))
    }

    /// The market's book as of the last update; `None` while it is not live.
    pub fn book(&self, ticker: &str) -> Option<&Book> {
        let tracked = &self.books.all[*self.books.places.get(ticker)?];
        tracked.shown.live.then_some(&tracked.shown.book)
    }

    /// Adds markets. Returns when the venue has confirmed; they become live as [`next`](BookStream::next) is called.
    ///
    /// # Errors
    /// Those of [`SessionHandle::subscribe`].
    pub async fn add(&self, tickers: impl IntoIterator<Item = Ticker>) -> Result<(), CommandError> {
        self.handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(tickers)).await
    }

    /// Takes markets off. Their books are not to be had from the facts on that follow.
    ///
    /// # Errors
    /// Those of [`SessionHandle::remove`].
    pub async fn remove(&self, tickers: impl IntoIterator<Item = Ticker>) -> Result<(), CommandError> {
        self.handle.remove(Channel::OrderbookDelta, tickers).await
    }

    /// Figures about the session underneath.
    pub fn stats(&self) -> SessionStats {
        self.handle.stats()
    }

    /// Closes the connections. What came before can still be read.
    pub async fn shutdown(&self) {
        self.handle.shutdown().await;
    }
}

impl Drop for BookStream {
    fn drop(&mut self) {
        self.subscribing.abort();
    }
}

impl Tracked {
    /// What this connection tells of it.
    fn view(&mut self, connection: u32) -> Option<&mut View> {
        if self.shown.connection == Some(connection) {
            return Some(&mut self.shown);
        }
        self.others.iter_mut().find(|view| view.connection == Some(connection))
    }

    /// What this connection begins to tell of it.
    fn begin(&mut self, connection: u32) -> &mut View {
        if self.view(connection).is_none() {
            if self.shown.connection.is_none() {
                self.shown.connection = Some(connection);
            } else {
                self.others.push(View { connection: Some(connection), ..View::default() });
            }
        }
        match self.others.iter().position(|view| view.connection == Some(connection)) {
            Some(at) => &mut self.others[at],
            None => &mut self.shown,
        }
    }

    /// What this connection tells may be wrong from now on; the update that this makes, if it was what is shown.
    fn end(&mut self, connection: u32, cause: GapCause) -> Option<Waiting> {
        let was_shown = self.shown.connection == Some(connection);
        let was_live = std::mem::take(&mut self.view(connection)?.live);
        if !was_shown || !was_live {
            return None;
        }
        match self.others.iter().position(|view| view.live) {
            Some(at) => {
                std::mem::swap(&mut self.shown, &mut self.others[at]);
                Some(Waiting::Changed(self.ticker.clone()))
            }
            None => Some(Waiting::Stale(self.ticker.clone(), cause)),
        }
    }

    /// Nothing more comes of this connection; whether another has told of it.
    fn forget(&mut self, connection: u32) -> bool {
        self.others.retain(|view| view.connection != Some(connection));
        if self.shown.connection == Some(connection) {
            match self.others.pop() {
                Some(other) => self.shown = other,
                None => self.shown.connection = None,
            }
        }
        self.shown.connection.is_some()
    }
}

impl Books {
    fn tracked(&mut self, ticker: &str) -> Option<(usize, &mut Tracked)> {
        let place = *self.places.get(ticker)?;
        Some((place, &mut self.all[place]))
    }

    fn place(&mut self, ticker: &str) -> Option<usize> {
        if let Some(&place) = self.places.get(ticker) {
            return Some(place);
        }
        let ticker = Ticker::new(ticker).ok()?;
        let place = self.all.len();
        self.places.insert(ticker.clone(), place);
        self.all.push(Tracked { ticker, shown: View::default(), others: Vec::new() });
        Some(place)
    }

    /// A market is not tracked any more.
    fn remove(&mut self, ticker: &Ticker) {
        let Some(place) = self.places.remove(ticker) else { return };
        self.all.swap_remove(place);
        if let Some(moved) = self.all.get(place) {
            self.places.insert(moved.ticker.clone(), place);
        }
    }

    /// Takes one fact in. `distrust` is told of markets whose books do not fit.
    fn take(&mut self, fact: &Fact<'_>, waiting: &mut VecDeque<Waiting>, distrust: impl Fn(&Ticker)) -> Option<Step> {
        match fact {
            Fact::Event(record) => match &record.event {
                Event::Delta(delta) => {
                    let (place, tracked) = self.tracked(&delta.ticker)?;
                    let view = tracked.view(record.connection).filter(|view| view.live)?;
                    if view.book.apply(delta.side, delta.price, delta.quantity).is_err() {
                        distrust(&tracked.ticker);
                        waiting.extend(tracked.end(record.connection, GapCause::Divergence));
                        return None;
                    }
                    (tracked.shown.connection == Some(record.connection)).then_some(Step::Changed(place))
                }
                Event::Snapshot(snapshot) => {
                    let place = self.place(&snapshot.ticker)?;
                    let tracked = &mut self.all[place];
                    let view = tracked.begin(record.connection);
                    let levels = (snapshot.yes.iter().copied(), snapshot.no.iter().copied());
                    view.broken = view.book.replace(levels.0, levels.1).is_err();
                    if view.live && view.broken {
                        distrust(&tracked.ticker);
                        waiting.extend(tracked.end(record.connection, GapCause::Divergence));
                        return None;
                    }
                    // A book that is not live becomes so by the fact that follows.
                    let changed = view.live && tracked.shown.connection == Some(record.connection);
                    changed.then_some(Step::Changed(place))
                }
                Event::Trade(_) | Event::Ticker(_) | Event::Lifecycle(_) => None,
            },
            Fact::GapClosed(closed) => {
                let (place, tracked) = self.tracked(closed.market.as_ref()?.as_str())?;
                let view = tracked.view(closed.connection)?;
                if view.broken {
                    distrust(&tracked.ticker);
                    return None;
                }
                view.live = true;
                let was_live = tracked.shown.connection != Some(closed.connection) && tracked.shown.live;
                let other = tracked.others.iter().position(|view| view.connection == Some(closed.connection));
                if let Some(at) = other {
                    std::mem::swap(&mut tracked.shown, &mut tracked.others[at]);
                }
                Some(if was_live { Step::Changed(place) } else { Step::Live(place) })
            }
            Fact::GapOpened(gap) => {
                for ticker in gap.markets.iter() {
                    waiting.extend(self.tracked(ticker.as_str()).and_then(|(_, of)| of.end(gap.connection, gap.cause)));
                }
                None
            }
            Fact::MarketsRemoved { channel: Channel::OrderbookDelta, connection, markets, .. } => {
                for ticker in markets.iter() {
                    let Some((_, tracked)) = self.tracked(ticker.as_str()) else { continue };
                    waiting.extend(tracked.end(*connection, GapCause::SubscriptionEnded));
                    if !tracked.forget(*connection) {
                        self.remove(ticker);
                    }
                }
                None
            }
            Fact::ConnectionDown { connection, .. } => {
                for tracked in &mut self.all {
                    tracked.forget(*connection);
                }
                None
            }
            Fact::CommandRefused { channel: Some(Channel::OrderbookDelta), markets, message, .. } => {
                let refused = |ticker: &Ticker| Waiting::Refused(ticker.clone(), Arc::clone(message));
                waiting.extend(markets.iter().map(refused));
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
