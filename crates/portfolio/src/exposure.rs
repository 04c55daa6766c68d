//! What is at stake, as the venue says: in markets, in events, in all.

use daybook_book::{Money, Quantity};
use daybook_kalshi::rest::value::{EventTicker, Subaccount};
use jiff::Timestamp;
use sqlx::Row;

use crate::{
    account::AccountId, error::StoreError, read::microdollars, store::Store, summary::MarketKey, time::micros,
};

/// What is at stake: the cost of what is held, by the venue's own figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Markets that are held and not settled, by subaccount, shard and ticker: `market_exposure_dollars`.
    pub markets: Vec<MarketExposure>,
    /// Events that are held, by subaccount and ticker: `event_exposure_dollars`. The venue may count less than the sum
    /// of an event's markets, where they exclude each other.
    pub events: Vec<EventExposure>,
    /// The sum over the markets.
    pub total: Money,
}

/// What is at stake in a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketExposure {
    /// The market.
    pub market: MarketKey,
    /// Contracts held: YES if positive, NO if negative.
    pub position: Quantity,
    /// What they have cost.
    pub exposure: Money,
}

/// What is at stake in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventExposure {
    /// Whose.
    pub subaccount: Subaccount,
    /// The event.
    pub event_ticker: EventTicker,
    /// What the contracts held in its markets have cost.
    pub exposure: Money,
}

impl Store {
    /// What is at stake now, or was by the versions that were known at `at`. A market whose settlement is mirrored is
    /// no longer at stake from its settlement on, whatever its position still says.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn exposure(&self, account: AccountId, at: Option<Timestamp>) -> Result<Exposure, StoreError> {
        let failed = self.failed("read the positions");
        // The current version is the one that is valid at the end of time.
        let at = at.map_or(i64::MAX - 1, micros);
        let sql = "SELECT subaccount, exchange_index, ticker, position_centicontracts, market_exposure_microdollars
            FROM positions
            WHERE account_id = $1 AND valid_from_us <= $2 AND COALESCE(valid_to_us, 9223372036854775807) > $2
                AND (position_centicontracts <> 0 OR market_exposure_microdollars <> 0)
                AND NOT EXISTS (SELECT 1 FROM settlements AS settled
                    WHERE settled.account_id = positions.account_id AND settled.subaccount = positions.subaccount
                        AND settled.exchange_index = positions.exchange_index
                        AND settled.ticker = positions.ticker AND settled.settled_at_us <= $2)
            ORDER BY subaccount, exchange_index, ticker";
        let rows = sqlx::query(sql).bind(account.0).bind(at).fetch_all(self.pool()).await.map_err(&failed)?;
        let mut markets = Vec::with_capacity(rows.len());
        for row in &rows {
            markets.push(MarketExposure {
                market: self.market_key("positions", row)?,
                position: Quantity::from_hundredths(row.try_get(3).map_err(&failed)?),
                exposure: microdollars(row.try_get(4).map_err(&failed)?),
            });
        }
        let sql = "SELECT subaccount, event_ticker, event_exposure_microdollars FROM event_positions
            WHERE account_id = $1 AND valid_from_us <= $2 AND COALESCE(valid_to_us, 9223372036854775807) > $2
                AND event_exposure_microdollars <> 0
            ORDER BY subaccount, event_ticker";
        let rows = sqlx::query(sql).bind(account.0).bind(at).fetch_all(self.pool()).await.map_err(&failed)?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            events.push(EventExposure {
                subaccount: self.subaccount("event_positions", row.try_get(0).map_err(&failed)?)?,
                event_ticker: row.try_get::<String, _>(1).map_err(&failed)?.into(),
                exposure: microdollars(row.try_get(2).map_err(&failed)?),
            });
        }
        let total = markets.iter().map(|market| market.exposure).sum();
        Ok(Exposure { markets, events, total })
    }
}
