//! A venue whose public side is a record: its books and trades are those that were recorded, whoever trades here.
//!
//! What is recorded is told as it was, and nothing else is. The engine holds own orders only: see [`fills`] for how they
//! meet the record.

mod fills;
mod reveal;
#[cfg(test)]
mod tests;

use daybook_book::{Book, Event, ExchangeTime, Money, Price, Quantity, Side};

use self::fills::{Queued, Taken};
pub use self::reveal::Revealed;
use super::{CatalogueError, Kind, NewAccount, NewMarket, Settings, Venue};
use crate::{
    engine::{BookSide, MarketId, Owner, PublicTrade, TradeId, book_side},
    feed::{self, Publication, Uuid},
};

/// What the counterparty of all own trades has on each shard: more than they can win.
const HOUSE_CASH: Money = Money::from_micros(500_000_000_000_000_000);
/// Numbers of recorded trades are above those that engines give.
const RECORDED: u64 = 1 << 63;

/// The public side of a venue that replays a record.
pub(super) struct Record {
    /// The counterparty of all own trades.
    house: Owner,
    markets: Vec<RecordedMarket>,
    /// The venue's ids of the trades that were told, by number.
    trades: Vec<Uuid>,
}

/// What a market's record has beside books and trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordContents {
    /// The venue's id of the market; one is made where it is not recorded.
    pub id: Option<Uuid>,
    /// Whether its summaries are recorded. Else they are made of its book and trades.
    pub has_tickers: bool,
    /// Whether its life is. Else it is told as the market opens, closes and is settled here.
    pub has_lifecycle: bool,
}

/// A market of a record.
struct RecordedMarket {
    contents: RecordContents,
    book: Book,
    /// Of the newest change, where the record has any.
    clock: Option<u64>,
    /// Whether `book` is what it was at this time.
    is_known: bool,
    /// Whether it ever was.
    was_known: bool,
    /// What own orders took of levels that are displayed still.
    taken: Vec<Taken>,
    /// Own orders that rest, oldest first at each price.
    queue: Vec<Queued>,
}

impl Record {
    /// A market's book, and the clock of its newest change.
    pub(super) fn book(&self, market: MarketId) -> Option<(&Book, Option<u64>)> {
        self.markets.get(market.0 as usize).map(|recorded| (&recorded.book, recorded.clock))
    }

    /// Whether a market's book is what it was at this time.
    pub(super) fn is_known(&self, market: MarketId) -> bool {
        self.markets.get(market.0 as usize).is_some_and(|recorded| recorded.is_known)
    }
}

impl Venue {
    /// A venue without markets that is to replay a record.
    ///
    /// # Panics
    /// Never: the counterparty of own trades is the first account, with a balance that the engine allows.
    pub fn of_record(settings: Settings) -> Venue {
        let mut venue = Venue::new(settings);
        let now = venue.now;
        let account = NewAccount { keeps_history: false, ..NewAccount::default() };
        let house = Owner { account: venue.open_account(account, now), subaccount: 0 };
        for shard in 0..venue.shards.len() {
            venue.deposit(house, shard as u8, HOUSE_CASH, now).expect("an engine takes deposits of this size");
        }
        venue.record = Some(Box::new(Record { house, markets: Vec::new(), trades: Vec::new() }));
        venue
    }

    /// Adds a market of the record, as [`add_market`](Venue::add_market) does. Its book is not known yet.
    ///
    /// # Errors
    /// As there.
    pub fn add_recorded_market(
        &mut self,
        market: NewMarket,
        contents: RecordContents,
        now: ExchangeTime,
    ) -> Result<MarketId, CatalogueError> {
        let record = self.record.as_mut().expect("a venue of a record has one");
        record.markets.push(RecordedMarket {
            contents,
            book: Book::new(),
            clock: None,
            is_known: false,
            was_known: false,
            taken: Vec::new(),
            queue: Vec::new(),
        });
        let added = self.add_market(market, now);
        if added.is_err()
            && let Some(record) = &mut self.record
        {
            record.markets.pop();
        }
        added
    }

    /// Says how a market's book stands before its next event, without telling anyone.
    pub fn begin_book(&mut self, market: MarketId, book: Book, clock: Option<u64>, now: ExchangeTime) {
        if let Some(recorded) = self.recorded_mut(market) {
            (recorded.book, recorded.clock, recorded.is_known) = (book, clock, true);
            self.quotes_begin(market, now);
        }
    }

    /// A market's book is known. If it never was, what stood for its quote until now has no part in candlesticks.
    fn quotes_begin(&mut self, market: MarketId, now: ExchangeTime) {
        let is_first =
            self.recorded_mut(market).is_some_and(|recorded| !std::mem::replace(&mut recorded.was_known, true));
        if !is_first {
            return;
        }
        let quote = self.public_books().quote(market);
        self.candles(market, now);
        let row = self.catalogue.market_mut(market);
        (row.quote, row.quoted) = (quote, now);
        if let Some(candles) = &mut row.candles {
            candles.quotes_begin(now, quote.bid.0, quote.ask.0);
        }
    }

    /// From now on the record does not say how a market's book stands. It does again from its next snapshot on.
    pub fn lose_book(&mut self, market: MarketId, now: ExchangeTime) {
        self.advance(now);
        if let Some(recorded) = self.recorded_mut(market) {
            recorded.is_known = false;
        }
    }

    /// Remembers a trade from before the replay's start, without telling anyone.
    pub fn remember_trade(&mut self, market: MarketId, event: &daybook_book::Trade<'_>, at: ExchangeTime) {
        if let Some(trade) = self.recorded_trade(market, event) {
            self.traded(&trade, at);
        }
    }

    /// What was recorded next happens: it is told, and own orders meet it. `extra` is what its frame said beyond the
    /// event, as a JSON object. Says whether the event was possible: a delta that drives a level below zero is not, and
    /// leaves the book without that level.
    pub fn replay(&mut self, market: MarketId, event: &Event<'_>, extra: Option<&str>, now: ExchangeTime) -> bool {
        self.advance(now);
        let now = self.now;
        let Some(recorded) = self.recorded_mut(market) else { return false };
        let is_book = matches!(event, Event::Snapshot(_) | Event::Delta(_));
        let mut is_possible = true;
        if is_book {
            is_possible = recorded.book.apply_event(event).is_ok();
            recorded.clock = event.clock().or(recorded.clock);
            if matches!(event, Event::Snapshot(_)) {
                recorded.is_known = true;
                self.quotes_begin(market, now);
            }
            self.candles(market, now);
        }
        match event {
            Event::Trade(trade) => {
                self.candles(market, now);
                if let Some(trade) = self.recorded_trade(market, trade) {
                    self.traded(&trade, now);
                }
            }
            Event::Ticker(ticker) => {
                let row = self.catalogue.market_mut(market);
                row.volume = ticker.volume.unwrap_or(row.volume);
                row.open_interest = ticker.open_interest.unwrap_or(row.open_interest);
                row.last_price = ticker.price.or(row.last_price);
            }
            _ => {}
        }
        self.hub.publish(&Publication::Recorded(feed::Recorded { market, event, extra }), now);
        match event {
            Event::Snapshot(_) => self.book_replaced(market, now),
            Event::Delta(delta) => self.level_changed(market, delta, now),
            Event::Trade(trade) => self.traded_in_record(market, trade, now),
            Event::Ticker(_) | Event::Lifecycle(_) => {}
        }
        // A quote that is not known has not changed.
        if (is_book || matches!(event, Event::Trade(_))) && self.is_book_known(market) {
            self.quoted(market, now);
        }
        is_possible
    }

    /// A recorded trade as the exchange remembers it; none if nobody can say who took.
    fn recorded_trade(&mut self, market: MarketId, trade: &daybook_book::Trade<'_>) -> Option<PublicTrade> {
        let taker = taker(trade)?;
        let record = self.record.as_mut()?;
        let number = RECORDED | record.trades.len() as u64;
        // The oldest trades have no id, or one that is no UUID.
        let id = Uuid::parse(&trade.trade_id).unwrap_or_else(|| self.ids.of(Kind::Trade, number));
        record.trades.push(id);
        Some(PublicTrade { trade: TradeId(number), market, price: trade.yes_price, count: trade.count, taker })
    }

    /// The identifier of a trade, recorded or not.
    pub(crate) fn trade_id(&self, trade: TradeId) -> Uuid {
        let place = usize::try_from(trade.0 & !RECORDED).ok().filter(|_| trade.0 & RECORDED != 0);
        let recorded = self.record.as_ref().zip(place).and_then(|(record, place)| record.trades.get(place));
        recorded.copied().unwrap_or_else(|| self.ids.of(Kind::Trade, trade.0))
    }

    fn recorded(&self, market: MarketId) -> Option<&RecordedMarket> {
        self.record.as_ref()?.markets.get(market.0 as usize)
    }

    fn recorded_mut(&mut self, market: MarketId) -> Option<&mut RecordedMarket> {
        self.record.as_mut()?.markets.get_mut(market.0 as usize)
    }

    /// What a market's record has, if this is a replay.
    pub(super) fn record_contents(&self, market: MarketId) -> Option<RecordContents> {
        self.recorded(market).map(|recorded| recorded.contents)
    }

    /// Whether public effects of commands are nobody's business: what happens in public is recorded.
    pub(super) fn is_replay(&self) -> bool {
        self.record.is_some()
    }
}

/// Whether the taker of a recorded trade bought or sold YES, in the newest words that it has.
fn taker(trade: &daybook_book::Trade<'_>) -> Option<BookSide> {
    match trade.taker_book_side.as_deref() {
        Some("bid") => Some(BookSide::Bid),
        Some("ask") => Some(BookSide::Ask),
        _ => trade.taker_outcome_side.or(trade.taker_side).map(book_side),
    }
}

/// What is left of a level when so much of it was taken.
fn left(displayed: Quantity, taken: i64) -> i64 {
    (displayed.hundredths() - taken).max(0)
}

/// A level of a book.
type Level = (Side, Price);
