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
    /// The refusal that was told last.
    refused: Option<(Ticker, Arc<str>)>,
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

/// One market as the facts tell it.
#[derive(Debug)]
struct Tracked {
    ticker: Ticker,
    book: Book,
    live: bool,
    /// Its last snapshot was no book.
    broken: bool,
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
    Stale(usize, GapCause),
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
        let subscriber = handle.clone();
        // What the venue refuses comes out of the session as a fact, and what takes long is retried by it.
        let subscribing = tokio::spawn(async move { subscriber.subscribe(books).await });
        BookStream {
            session,
            handle,
            batch: Batch::new(),
            books: Books::default(),
            waiting: VecDeque::new(),
            refused: None,
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
                Some(Waiting::Stale(place, cause)) => {
                    return Ok(Some(BookUpdate::Stale { ticker: &self.books.all[place].ticker, cause }));
                }
                Some(Waiting::Refused(ticker, reason)) => {
                    let (ticker, reason) = self.refused.insert((ticker, reason));
                    return Ok(Some(BookUpdate::Refused { ticker, reason }));
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
            if let Some(step) = self.books.take(&fact, &mut self.waiting, &self.handle) {
                break step;
            }
        };
        let (Step::Live(place) | Step::Changed(place)) = step;
        let Tracked { ticker, book, .. } = &self.books.all[place];
        Ok(Some(match step {
            Step::Live(_) => BookUpdate::Live { ticker, book },
            Step::Changed(_) => BookUpdate::Changed { ticker, book },
        }))
    }

    /// The market's book as of the last update; `None` while it is not live.
    pub fn book(&self, ticker: &str) -> Option<&Book> {
        let tracked = &self.books.all[*self.books.places.get(ticker)?];
        tracked.live.then_some(&tracked.book)
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

impl Books {
    fn place(&mut self, ticker: &str) -> Option<usize> {
        if let Some(&place) = self.places.get(ticker) {
            return Some(place);
        }
        let ticker = Ticker::new(ticker).ok()?;
        let place = self.all.len();
        self.places.insert(ticker.clone(), place);
        self.all.push(Tracked { ticker, book: Book::new(), live: false, broken: false });
        Some(place)
    }

    /// Takes one fact in.
    fn take(&mut self, fact: &Fact<'_>, waiting: &mut VecDeque<Waiting>, handle: &SessionHandle) -> Option<Step> {
        match fact {
            Fact::Event(record) => match &record.event {
                Event::Delta(delta) => {
                    let place = *self.places.get(&*delta.ticker)?;
                    let tracked = &mut self.all[place];
                    if !tracked.live {
                        return None;
                    }
                    if tracked.book.apply(delta.side, delta.price, delta.quantity).is_err() {
                        tracked.live = false;
                        handle.distrust(&tracked.ticker);
                        waiting.push_back(Waiting::Stale(place, GapCause::Divergence));
                        return None;
                    }
                    Some(Step::Changed(place))
                }
                Event::Snapshot(snapshot) => {
                    let place = self.place(&snapshot.ticker)?;
                    let tracked = &mut self.all[place];
                    let levels = (snapshot.yes.iter().copied(), snapshot.no.iter().copied());
                    tracked.broken = tracked.book.replace(levels.0, levels.1).is_err();
                    if tracked.live && tracked.broken {
                        tracked.live = false;
                        handle.distrust(&tracked.ticker);
                        waiting.push_back(Waiting::Stale(place, GapCause::Divergence));
                    }
                    // A book that is not live becomes so by the fact that follows.
                    tracked.live.then_some(Step::Changed(place))
                }
                Event::Trade(_) | Event::Ticker(_) | Event::Lifecycle(_) => None,
            },
            Fact::GapClosed(closed) => {
                let place = *self.places.get(closed.market.as_ref()?)?;
                let tracked = &mut self.all[place];
                if tracked.broken {
                    handle.distrust(&tracked.ticker);
                    return None;
                }
                tracked.live = true;
                Some(Step::Live(place))
            }
            Fact::GapOpened(gap) => {
                for ticker in gap.markets.iter() {
                    self.end(ticker, gap.cause, waiting);
                }
                None
            }
            Fact::MarketsRemoved { channel: Channel::OrderbookDelta, markets, .. } => {
                for ticker in markets.iter() {
                    self.end(ticker, GapCause::SubscriptionEnded, waiting);
                }
                None
            }
            Fact::CommandRefused { markets, message, .. } => {
                for ticker in markets.iter() {
                    waiting.push_back(Waiting::Refused(ticker.clone(), Arc::clone(message)));
                }
                None
            }
            _ => None,
        }
    }

    /// A book may be wrong from now on.
    fn end(&mut self, ticker: &Ticker, cause: GapCause, waiting: &mut VecDeque<Waiting>) {
        let Some(&place) = self.places.get(ticker) else { return };
        if std::mem::take(&mut self.all[place].live) {
            waiting.push_back(Waiting::Stale(place, cause));
        }
    }
}
