//! The truth: every book exactly as the exchange has it, for whoever judges what a recorder claims.

use daybook_book::{Book, ExchangeTime, Price, Quantity, Side};

use super::{Kind, Venue};
use crate::{
    engine::{AccountId, MarketId, MarketState},
    feed::{Books, Uuid},
};

/// A book as it is, and where in its market's history that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueBook<'a> {
    /// Whose.
    pub ticker: &'a str,
    /// The market's state.
    pub state: MarketState,
    /// The exchange clock of its newest change; 0 before the first, and where a replayed record has none.
    pub clock: u64,
    /// When it was so: the venue's time.
    pub at: ExchangeTime,
    /// Whether `book` is what it was: that of a replay is not before its record begins, nor in a gap of it.
    pub is_known: bool,
    /// What it holds.
    pub book: Book,
}

/// A change of a level of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrueChange<'a> {
    /// Whose book.
    pub ticker: &'a str,
    /// When.
    pub at: ExchangeTime,
    /// The market's exchange clock with it.
    pub clock: u64,
    /// Which ladder.
    pub side: Side,
    /// Which level.
    pub price: Price,
    /// By how much.
    pub change: Quantity,
}

/// Who hears of every change.
pub(super) type Witness = Box<dyn FnMut(&TrueChange<'_>) + Send + Sync>;

impl Venue {
    /// Has every change of a book told to `witness` from now on, in order, whatever is told to others. Of the books of a
    /// replay, which are a record's, nothing is told.
    pub fn witness(&mut self, witness: impl FnMut(&TrueChange<'_>) + Send + Sync + 'static) {
        self.witness = Some(Box::new(witness));
    }

    /// The book of a market as it is now.
    pub fn true_book(&self, market: MarketId) -> Option<TrueBook<'_>> {
        if market.0 as usize >= self.catalogue.markets.len() {
            return None;
        }
        let row = self.catalogue.market(market);
        let books = self.public_books();
        Some(TrueBook {
            ticker: row.ticker.as_str(),
            state: row.state,
            clock: books.clock(market).unwrap_or(0),
            at: self.now,
            is_known: books.is_known(market),
            book: books.book(market)?,
        })
    }

    /// The books of all markets, in the order in which these were added.
    pub fn true_books(&self) -> impl Iterator<Item = TrueBook<'_>> {
        (0..self.catalogue.markets.len() as u32).filter_map(|market| self.true_book(MarketId(market)))
    }

    /// How many accounts there are, those of a synthetic world included.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// The account of a user, by the identifier that the venue gives it.
    pub fn account_of(&self, user: &str) -> Option<AccountId> {
        let number = self.ids.parse(Kind::User, user)?;
        let account = AccountId(u32::try_from(number).ok()?);
        self.account(account).map(|_| account)
    }

    /// The identifier of an account's user.
    pub fn user(&self, account: AccountId) -> Option<Uuid> {
        self.account(account).map(|account| account.user)
    }
}
