//! All that the exchange knows, and everything that happens to it: one deterministic state behind both protocols.
//!
//! A [`Venue`] has a catalogue of what is traded, one engine per shard, accounts with their keys, and records of what
//! the engines reported. Each command comes with its time; the same commands at the same times leave the same state and
//! the same publications. It does no I/O and reads no clock.
//!
//! Numbers here are the exchange's: a [`MarketId`], [`OrderId`] or [`TradeId`](crate::engine::TradeId) that leaves the
//! venue is good for all shards, and identifiers on the wire are made of it.

mod account;
mod apply;
mod candle;
mod catalogue;
mod identifier;
mod lifecycle;
mod number;
mod public;
mod publish;
mod recorded;
mod render;
mod status;
mod successor;
mod trade;
mod transfer;
mod truth;

pub use account::NewAccount;
pub(crate) use account::{
    Account, FillRow, GroupRow, OrderRow, Pocket, PositionRow, SettlementRow, TransferRow, worth,
};
pub(crate) use candle::{Candle, Candles, Period, Range as PriceRange};
pub use catalogue::{CatalogueError, EventId, NewEvent, NewMarket, Particulars, SeriesId, Strike, series_record};
pub(crate) use catalogue::{EventRow, MarketRow, SeriesRow};
pub use identifier::{Identifiers, Kind};
pub use lifecycle::MarketChange;
pub(crate) use number::{group_apart, order_apart};
pub use recorded::{RecordContents, Revealed};
pub(crate) use render::{index, result, timestamp, value_of_result};
pub use status::Status;
pub(crate) use trade::TradeRow;
pub use truth::{TrueBook, TrueChange};

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    sync::Arc,
};

use daybook_book::{ExchangeTime, Money};
use daybook_kalshi::rest::series::Series;

use self::{catalogue::Catalogue, lifecycle::Timer, trade::Trades};
use crate::{
    auth::{ApiKey, Keys, NewKey},
    engine::{AccountId, Command, Effect, Engine, FeeRule, MarketId, MarketRules, OrderId, Owner, Reject},
    feed::{self, Hub},
    limits,
};

/// What a venue is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What identifiers are made with.
    pub seed: u64,
    /// What is traded on each shard, in words; at least one.
    pub shards: Vec<String>,
    /// The time before which nothing happens.
    pub start: ExchangeTime,
    /// The most public trades that are remembered; 48 bytes each.
    pub trades_kept: usize,
    /// How long what is over stays out of the history.
    pub live: LiveWindows,
    /// What one WebSocket may ask for.
    pub feed: feed::Limits,
}

impl Default for Settings {
    /// One shard; two million trades; the venue's own windows.
    fn default() -> Settings {
        Settings {
            seed: 0,
            shards: vec!["Event contracts".to_owned()],
            start: ExchangeTime::from_micros(0),
            trades_kept: 2_000_000,
            live: LiveWindows::default(),
            feed: feed::Limits::default(),
        }
    }
}

/// How long what is over can be read where the present is; then it is under `/historical` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveWindows {
    /// Orders that are cancelled or executed, in seconds.
    pub orders: u32,
    /// Settled markets, trades, fills and settled positions, in seconds.
    pub others: u32,
}

impl Default for LiveWindows {
    /// Two weeks and three months.
    fn default() -> LiveWindows {
        LiveWindows { orders: 14 * 86_400, others: 90 * 86_400 }
    }
}

/// One shard: its engine, and the exchange's numbers of its markets.
#[derive(Default)]
struct Shard {
    engine: Engine,
    markets: Vec<MarketId>,
    trading: bool,
}

/// The state of the exchange.
pub struct Venue {
    settings: Settings,
    ids: Identifiers,
    now: ExchangeTime,
    /// How far time has come for the engines: to the newest command, or the end of the last stop.
    applied: ExchangeTime,
    /// Whether anything may change state.
    active: bool,
    /// Whether money may move between shards.
    transfers: bool,
    /// When it is expected back, if it is not active.
    resumes: Option<ExchangeTime>,
    catalogue: Catalogue,
    shards: Vec<Shard>,
    trades: Trades,
    accounts: Vec<Account>,
    keys: Keys,
    hub: Hub,
    keys_made: u64,
    transfers_made: u64,
    payments_made: u64,
    client_transfers: HashSet<(AccountId, Arc<str>)>,
    timers: BinaryHeap<Reverse<Timer>>,
    /// What the last command had as effects; kept for its memory.
    effects: Vec<Effect>,
    /// The public side, where it is a record's.
    record: Option<Box<recorded::Record>>,
    /// Who hears of every change of a book.
    witness: Option<truth::Witness>,
    /// What came from outside, for who begins again.
    deposits: Vec<(Owner, u8, Money)>,
}

impl Venue {
    /// An exchange without markets and accounts, which trades.
    pub fn new(settings: Settings) -> Venue {
        let shards = settings.shards.len().clamp(1, number::MAX_SHARDS);
        Venue {
            ids: Identifiers::new(settings.seed),
            now: settings.start,
            applied: settings.start,
            active: true,
            transfers: true,
            resumes: None,
            catalogue: Catalogue::default(),
            shards: (0..shards).map(|_| Shard { trading: true, ..Shard::default() }).collect(),
            trades: Trades::new(settings.trades_kept),
            accounts: Vec::new(),
            witness: None,
            keys: Keys::default(),
            hub: Hub::new(settings.feed),
            keys_made: 0,
            transfers_made: 0,
            payments_made: 0,
            client_transfers: HashSet::new(),
            timers: BinaryHeap::new(),
            effects: Vec::new(),
            record: None,
            deposits: Vec::new(),
            settings,
        }
    }

    /// The time of the newest command.
    pub fn now(&self) -> ExchangeTime {
        self.now
    }

    /// What makes identifiers of the exchange's numbers.
    pub fn ids(&self) -> Identifiers {
        self.ids
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// How many markets there are.
    pub fn markets(&self) -> usize {
        self.catalogue.markets.len()
    }

    /// The market of this name.
    pub fn market_id(&self, ticker: &str) -> Option<MarketId> {
        self.catalogue.market_id(ticker)
    }

    /// The engine of a shard, to look at: its numbers of markets, orders and trades are its own.
    pub fn engine(&self, shard: u8) -> Option<&Engine> {
        self.shards.get(usize::from(shard)).map(|shard| &shard.engine)
    }

    /// Adds a series. Its record's `exchange_index` says on which shard its markets are, the first one without.
    ///
    /// # Errors
    /// If the name is taken, the shard does not exist, or no fees can be made of what the record says of them.
    pub fn add_series(&mut self, record: Series) -> Result<SeriesId, CatalogueError> {
        let asked = record.exchange_index.map_or(0, |index| index.0);
        let shard = u8::try_from(asked).ok().filter(|&shard| usize::from(shard) < self.shards.len());
        let shard = shard.ok_or_else(|| CatalogueError::NoShard {
            ticker: record.ticker.to_string(),
            shard: asked,
            shards: self.shards.len(),
        })?;
        let fees = fee_rule(&record).ok_or_else(|| CatalogueError::NoFees {
            ticker: record.ticker.to_string(),
            fee_type: record.fee_type.as_str().to_owned(),
            multiplier: record.fee_multiplier.to_string(),
        })?;
        let multivariate = record.ticker.as_str().starts_with("KXMVE");
        self.catalogue.add_series(SeriesRow { record, fees, events: Vec::new(), shard, multivariate })
    }

    /// Adds an event.
    ///
    /// # Errors
    /// If the name is taken, or its series is not there.
    pub fn add_event(&mut self, event: NewEvent, now: ExchangeTime) -> Result<EventId, CatalogueError> {
        let now = self.reach(now);
        let series = self.catalogue.series_id(event.series.as_str()).ok_or_else(|| CatalogueError::NoParent {
            child: event.ticker.to_string(),
            parent: event.series.to_string(),
        })?;
        let id = self.catalogue.add_event(EventRow {
            ticker: event.ticker,
            series,
            title: event.title.into(),
            sub_title: event.sub_title.into(),
            collateral_return: event.collateral_return,
            strike_date: event.strike_date,
            updated: now,
            markets: Vec::new(),
        })?;
        self.announce_event(id, now);
        Ok(id)
    }

    /// Adds a market; it opens and closes by itself when its times have come and [`advance`](Venue::advance) is called.
    ///
    /// # Errors
    /// If the name is taken, its event is not there, its price grid is not known, or its times are in no order.
    pub fn add_market(&mut self, market: NewMarket, now: ExchangeTime) -> Result<MarketId, CatalogueError> {
        let now = self.reach(now);
        let ticker = || market.ticker.as_str().to_owned();
        let event = self
            .catalogue
            .event_id(market.event.as_str())
            .ok_or_else(|| CatalogueError::NoParent { child: ticker(), parent: market.event.to_string() })?;
        if self.catalogue.market_id(market.ticker.as_str()).is_some() {
            return Err(CatalogueError::Duplicate(ticker()));
        }
        if market.close < market.open {
            return Err(CatalogueError::Times { ticker: ticker() });
        }
        let grid = market.particulars.as_ref().and_then(|particulars| particulars.grid.clone());
        let grid = grid.or_else(|| crate::engine::PriceGrid::of_structure(market.structure));
        let grid = grid.ok_or_else(|| CatalogueError::NoGrid { ticker: ticker(), structure: market.structure })?;
        let series = self.catalogue.series(self.catalogue.event(event).series);
        let (shard, fees) = (series.shard, series.fees);
        let local = self.shards[usize::from(shard)].engine.add_market(MarketRules { grid, fees });
        let (open, close) = (market.open, market.close);
        let id = self.catalogue.add_market(MarketRow::new(market, (event, shard, local.0), now))?;
        self.shards[usize::from(shard)].markets.push(id);
        self.announce(id, now);
        self.timers.push(Reverse(Timer { at: open, market: id, what: lifecycle::Due::Open }));
        self.timers.push(Reverse(Timer { at: close, market: id, what: lifecycle::Due::Close }));
        self.run_timers(now);
        Ok(id)
    }

    /// Opens an account. It has a primary subaccount on every shard, and nothing in them.
    pub fn open_account(&mut self, account: NewAccount, now: ExchangeTime) -> AccountId {
        let now = self.reach(now);
        let id = AccountId(u32::try_from(self.accounts.len()).expect("memory ends before numbers of accounts do"));
        for shard in &mut self.shards {
            shard.engine.set_precision(id, account.precision);
        }
        self.accounts.push(Account {
            opened: account,
            user: self.ids.of(Kind::User, id.0.into()),
            keeps_history: account.keeps_history,
            limits: limits::Account::new(account.tier, self.shards.len(), now),
            netting: vec![false],
            records: Default::default(),
        });
        id
    }

    /// Puts money from outside into a subaccount on a shard. It is among the deposits then.
    ///
    /// # Errors
    /// What the engine says.
    pub fn deposit(&mut self, owner: Owner, shard: u8, amount: Money, now: ExchangeTime) -> Result<(), Reject> {
        self.apply_by(apply::By::Staff, shard, Command::Transfer { owner, amount }, now)?;
        self.deposits.push((owner, shard, amount));
        self.payments_made += 1;
        let id = self.ids.of(Kind::Payment, self.payments_made);
        let at = self.now;
        if let Some(account) = self.accounts.get_mut(owner.account.0 as usize).filter(|account| account.keeps_history) {
            account.records.payments.push(account::PaymentRow { id, amount, at });
        }
        Ok(())
    }

    /// Registers a key of an account, and says what it is called.
    pub fn add_key(&mut self, account: AccountId, key: NewKey) -> Arc<str> {
        self.keys_made += 1;
        let id: Arc<str> = self.ids.of(Kind::Key, self.keys_made).to_string().into();
        let NewKey { name, scopes, subaccount, public } = key;
        self.keys.insert(ApiKey { id: Arc::clone(&id), account, name, scopes, subaccount, public });
        id
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The keys, to change them.
    pub fn keys_mut(&mut self) -> &mut Keys {
        &mut self.keys
    }

    /// An account's budgets, to spend or change them.
    pub fn limits_mut(&mut self, account: AccountId) -> Option<&mut limits::Account> {
        self.accounts.get_mut(account.0 as usize).map(|account| &mut account.limits)
    }

    pub(crate) fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(account.0 as usize)
    }

    pub(crate) fn account_mut(&mut self, account: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(account.0 as usize)
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) fn trades(&self) -> &Trades {
        &self.trades
    }

    pub(crate) fn live_windows(&self) -> LiveWindows {
        self.settings.live
    }

    pub(crate) fn shard_words(&self, shard: usize) -> &str {
        self.settings.shards.get(shard).map_or("", String::as_str)
    }

    /// The order as it now is, if it is an open one.
    pub(crate) fn open_order(&self, order: OrderId) -> Option<crate::engine::OrderReport> {
        let (shard, local) = number::order_apart(order);
        let shard_of = self.shards.get(usize::from(shard))?;
        let mut report = shard_of.engine.order(local)?;
        number::make_global_order(&mut report, shard, &shard_of.markets);
        Some(report)
    }

    /// Time goes on, never back.
    fn reach(&mut self, now: ExchangeTime) -> ExchangeTime {
        self.now = self.now.max(now);
        self.now
    }
}

/// What a series' markets charge; none if the type is not known, or the multiplier is finer or larger than fees can be.
fn fee_rule(series: &Series) -> Option<FeeRule> {
    // Six decimals, as money has.
    let multiplier = series.fee_multiplier.as_str().parse::<Money>().ok()?;
    let multiplier = u32::try_from(multiplier.micros()).ok()?;
    FeeRule::of_type(series.fee_type.as_str(), multiplier)?.ok()
}

#[cfg(test)]
mod tests;
