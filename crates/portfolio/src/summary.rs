//! Profit and loss, volume and fees over a period: the fills and settlements replayed, market by market.

use std::collections::BTreeMap;

use daybook_book::{Money, Price, Quantity, Side, Ticker};
use daybook_kalshi::rest::value::{Cents, ExchangeIndex, Subaccount};
use futures_util::TryStreamExt;
use sqlx::{Row, any::AnyRow};

use crate::{
    account::AccountId,
    error::StoreError,
    ledger::{Holding, LedgerOverflow},
    read::microdollars,
    store::Store,
    time::Period,
};

/// A market as an account sees it: an event's markets are on one shard, and every subaccount holds its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketKey {
    /// Whose holding.
    pub subaccount: Subaccount,
    /// The shard.
    pub exchange_index: ExchangeIndex,
    /// The market.
    pub ticker: Ticker,
}

/// The best bids of a market: what its contracts could be sold at. `None` where nobody bids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BestBids {
    /// The best bid for YES.
    pub yes: Option<Price>,
    /// The best bid for NO.
    pub no: Option<Price>,
}

/// Best bids by market.
pub type Marks = BTreeMap<Ticker, BestBids>;

/// What an account made, traded and paid in a period, and what it held at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The period.
    pub period: Period,
    /// Markets with a fill or a settlement in the period, and those held at its end; by subaccount, shard and ticker.
    pub markets: Vec<MarketSummary>,
    /// All of them together.
    pub total: SummaryTotal,
}

/// One market's part of a [`Summary`]. Fees are in no other figure than `fees`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketSummary {
    /// The market.
    pub market: MarketKey,
    /// Contracts held at the end of the period: YES if positive, NO if negative.
    pub position: Quantity,
    /// What they have cost.
    pub cost: Money,
    /// The best bid for the side that is held, if it was given.
    pub mark: Option<Price>,
    /// What they would bring at the mark, less their cost; `None` without a mark. Zero where nothing is held.
    pub unrealised: Option<Money>,
    /// Profit or loss of contracts that were sold, or settled, in the period.
    pub realised: Money,
    /// Fees of the period's fills.
    pub fees: Money,
    /// Contracts traded in the period.
    pub volume: Quantity,
    /// What was paid for them: each at the price of the side that was traded.
    pub turnover: Money,
    /// Fills in the period.
    pub fills: u64,
}

/// The sums over the markets of a [`Summary`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SummaryTotal {
    /// What the contracts held at the end have cost.
    pub cost: Money,
    /// Of the markets that have a mark.
    pub unrealised: Money,
    /// Markets that are held and have no mark: their part is not in `unrealised`.
    pub unmarked: u64,
    /// Profit or loss of what was sold or settled.
    pub realised: Money,
    /// Fees.
    pub fees: Money,
    /// Contracts traded.
    pub volume: Quantity,
    /// What was paid for them.
    pub turnover: Money,
    /// Fills.
    pub fills: u64,
}

/// A market while it is replayed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replayed {
    pub holding: Holding,
    pub realised: Money,
    pub fees: Money,
    pub volume: Quantity,
    pub turnover: Money,
    pub fills: u64,
    /// Fees of all fills up to the end of the period, also of those before it.
    pub fees_ever: Money,
    /// What was held when the market was settled, if it was.
    pub settled: Option<Settled>,
}

/// A market's settlement, and what was held until then by the fills.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub before: Holding,
    pub settlement: StoredSettlement,
}

/// What is needed of a stored settlement.
#[derive(Clone, Debug)]
pub(crate) struct StoredSettlement {
    pub at: i64,
    pub revenue: Cents,
    /// What one YES contract paid, as far as the venue says.
    pub value: Option<Cents>,
    pub result: String,
    pub yes_count: Quantity,
    pub no_count: Quantity,
    pub fees: Money,
}

impl Store {
    /// What the account made, traded and paid in `period`, and what it held at its end.
    ///
    /// `marks` are the best bids that holdings are valued at: those at the end of the period, as far as there are any.
    /// Formulas: see the [crate's page](crate). Reads every fill of the account once; memory grows with its markets.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn summary(&self, account: AccountId, period: Period, marks: &Marks) -> Result<Summary, StoreError> {
        let replayed = self.replay(account, period).await?;
        let mut markets = Vec::new();
        let mut total = SummaryTotal::default();
        for (market, replayed) in replayed {
            let settled_in_period = replayed.settled.as_ref().is_some_and(|settled| {
                let (start, end) = period.bounds();
                (start..end).contains(&settled.settlement.at)
            });
            if replayed.fills == 0 && replayed.holding.side().is_none() && !settled_in_period {
                continue;
            }
            let summary = summarise(market, &replayed, marks);
            total.cost += summary.cost;
            match summary.unrealised {
                Some(unrealised) => total.unrealised += unrealised,
                None => total.unmarked += 1,
            }
            total.realised += summary.realised;
            total.fees += summary.fees;
            total.turnover += summary.turnover;
            total.fills += summary.fills;
            let volume = total.volume.checked_add(summary.volume);
            total.volume = volume.ok_or_else(|| self.damaged("fills", LedgerOverflow))?;
            markets.push(summary);
        }
        Ok(Summary { period, markets, total })
    }

    /// All markets with a fill or a settlement before the end of `period`, replayed up to it.
    pub(crate) async fn replay(
        &self,
        account: AccountId,
        period: Period,
    ) -> Result<BTreeMap<MarketKey, Replayed>, StoreError> {
        let (start, end) = period.bounds();
        let mut settlements = self.stored_settlements(account, end).await?;
        let mut markets: BTreeMap<MarketKey, Replayed> = BTreeMap::new();
        let failed = self.failed("read the fills");
        let overflow = |error: LedgerOverflow| self.damaged("fills", error);
        let sql = "SELECT subaccount, exchange_index, ticker, outcome_side, count_centicontracts, yes_price_e4,
                fee_microdollars, executed_at_us
            FROM fills WHERE account_id = $1 AND executed_at_us < $2
            ORDER BY subaccount, exchange_index, ticker, executed_at_us, trade_id, order_id";
        let mut fills = sqlx::query(sql).bind(account.0).bind(end).fetch(self.pool());
        while let Some(row) = fills.try_next().await.map_err(&failed)? {
            let key = self.market_key("fills", &row)?;
            let fill = StoredFill::read(self, &row)?;
            // A fill at the very time of the settlement was before it: a settled market does not trade.
            if settlements.get(&key).is_some_and(|settlement| settlement.at < fill.at)
                && let Some(settlement) = settlements.remove(&key)
            {
                markets.entry(key.clone()).or_default().settle(settlement, start);
            }
            markets.entry(key).or_default().fill(&fill, start).map_err(overflow)?;
        }
        for (key, settlement) in settlements {
            markets.entry(key).or_default().settle(settlement, start);
        }
        Ok(markets)
    }

    async fn stored_settlements(
        &self,
        account: AccountId,
        end: i64,
    ) -> Result<BTreeMap<MarketKey, StoredSettlement>, StoreError> {
        let failed = self.failed("read the settlements");
        let sql = "SELECT subaccount, exchange_index, ticker, settled_at_us, revenue_cents, value_cents, market_result,
                yes_count_centicontracts, no_count_centicontracts, fee_microdollars
            FROM settlements WHERE account_id = $1 AND settled_at_us < $2";
        let rows = sqlx::query(sql).bind(account.0).bind(end).fetch_all(self.pool()).await.map_err(&failed)?;
        let read = |row: &AnyRow| {
            let settlement = StoredSettlement {
                at: row.try_get(3).map_err(&failed)?,
                revenue: Cents(row.try_get(4).map_err(&failed)?),
                value: row.try_get::<Option<i64>, _>(5).map_err(&failed)?.map(Cents),
                result: row.try_get(6).map_err(&failed)?,
                yes_count: Quantity::from_hundredths(row.try_get(7).map_err(&failed)?),
                no_count: Quantity::from_hundredths(row.try_get(8).map_err(&failed)?),
                fees: microdollars(row.try_get(9).map_err(&failed)?),
            };
            Ok((self.market_key("settlements", row)?, settlement))
        };
        rows.iter().map(read).collect()
    }

    /// The first three columns: subaccount, shard, ticker.
    pub(crate) fn market_key(&self, table: &'static str, row: &AnyRow) -> Result<MarketKey, StoreError> {
        let failed = self.failed("read which market a row is of");
        let shard: i64 = row.try_get(1).map_err(&failed)?;
        Ok(MarketKey {
            subaccount: self.subaccount(table, row.try_get(0).map_err(&failed)?)?,
            exchange_index: i32::try_from(shard)
                .map(ExchangeIndex)
                .map_err(|_| self.damaged(table, format!("{shard} is no shard")))?,
            ticker: self.ticker(table, row.try_get(2).map_err(&failed)?)?,
        })
    }
}

/// What is needed of a stored fill.
struct StoredFill {
    side: Side,
    count: Quantity,
    yes_price: Price,
    fee: Money,
    at: i64,
}

impl StoredFill {
    fn read(store: &Store, row: &AnyRow) -> Result<StoredFill, StoreError> {
        let failed = store.failed("read a fill");
        let side: &str = row.try_get(3).map_err(&failed)?;
        let price: i64 = row.try_get(5).map_err(&failed)?;
        let yes_price = u16::try_from(price).ok().and_then(Price::from_ten_thousandths);
        Ok(StoredFill {
            side: side.parse().map_err(|error| store.damaged("fills", error))?,
            count: Quantity::from_hundredths(row.try_get(4).map_err(&failed)?),
            yes_price: yes_price.ok_or_else(|| store.damaged("fills", format!("{price} is no price")))?,
            fee: microdollars(row.try_get(6).map_err(&failed)?),
            at: row.try_get(7).map_err(&failed)?,
        })
    }
}

impl Replayed {
    /// What happened before `start` counts for what is held only.
    fn fill(&mut self, fill: &StoredFill, start: i64) -> Result<(), LedgerOverflow> {
        let before = self.holding.realised();
        self.holding.trade(fill.side, fill.count, fill.yes_price)?;
        self.fees_ever += fill.fee;
        if fill.at >= start {
            let price = if fill.side == Side::Yes { fill.yes_price } else { fill.yes_price.complement() };
            self.realised += self.holding.realised() - before;
            self.fees += fill.fee;
            self.volume = self.volume.checked_add(fill.count).ok_or(LedgerOverflow)?;
            self.turnover += Money::of(price, fill.count);
            self.fills += 1;
        }
        Ok(())
    }

    fn settle(&mut self, settlement: StoredSettlement, start: i64) {
        let before = self.holding;
        self.holding.settle(settlement.revenue.into());
        if settlement.at >= start {
            self.realised += self.holding.realised() - before.realised();
        }
        self.settled = Some(Settled { before, settlement });
    }
}

fn summarise(market: MarketKey, replayed: &Replayed, marks: &Marks) -> MarketSummary {
    let bids = marks.get(&market.ticker).copied().unwrap_or_default();
    let holding = &replayed.holding;
    let mark = match holding.side() {
        Some(Side::Yes) => bids.yes,
        Some(Side::No) => bids.no,
        None => None,
    };
    let unrealised = match holding.side() {
        None => Some(Money::ZERO),
        Some(_) => mark.map(|bid| holding.unrealised(bid)),
    };
    MarketSummary {
        market,
        position: holding.position(),
        cost: holding.cost(),
        mark,
        unrealised,
        realised: replayed.realised,
        fees: replayed.fees,
        volume: replayed.volume,
        turnover: replayed.turnover,
        fills: replayed.fills,
    }
}
