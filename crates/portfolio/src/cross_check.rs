//! Our figures against the venue's.

use std::{collections::BTreeSet, fmt};

use daybook_book::{Money, Quantity};
use daybook_kalshi::rest::value::Cents;
use sqlx::Row;

use crate::{
    account::AccountId,
    error::StoreError,
    read::microdollars,
    store::Store,
    summary::{MarketKey, Replayed, Settled},
    time::Period,
};

/// A figure that the venue gives and that follows from the fills, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The market.
    pub market: MarketKey,
    /// Which figure, ours and the venue's.
    pub figure: Figure,
}

/// A figure: ours from fills and settlements, and the venue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Contracts held: `position_fp` of the position.
    Position {
        /// By the fills.
        ours: Quantity,
        /// By the venue.
        venue: Quantity,
    },
    /// The cost of what is held: `market_exposure_dollars` of the position.
    Exposure {
        /// By average cost.
        ours: Money,
        /// By the venue.
        venue: Money,
    },
    /// Profit or loss of what was sold or settled: `realized_pnl_dollars` of the position.
    Realised {
        /// By average cost.
        ours: Money,
        /// By the venue.
        venue: Money,
    },
    /// Fees: `fees_paid_dollars` of the position.
    Fees {
        /// The sum over the fills.
        ours: Money,
        /// By the venue.
        venue: Money,
    },
    /// Contracts held when the market was settled: `yes_count_fp` less `no_count_fp` of the settlement.
    SettledPosition {
        /// By the fills.
        ours: Quantity,
        /// By the venue.
        venue: Quantity,
    },
    /// What the settlement paid: `revenue`, in whole cents. Reported where it is a cent or more off.
    Revenue {
        /// What was held by the fills, times what a contract paid.
        ours: Money,
        /// By the venue.
        venue: Money,
    },
    /// Fees: `fee_cost` of the settlement.
    SettledFees {
        /// The sum over the fills.
        ours: Money,
        /// By the venue.
        venue: Money,
    },
}

impl Figure {
    /// The venue's name of it.
    pub const fn name(&self) -> &'static str {
        match self {
            Figure::Position { .. } => "position_fp",
            Figure::Exposure { .. } => "market_exposure_dollars",
            Figure::Realised { .. } => "realized_pnl_dollars",
            Figure::Fees { .. } => "fees_paid_dollars",
            Figure::SettledPosition { .. } => "settlement yes_count_fp - no_count_fp",
            Figure::Revenue { .. } => "settlement revenue",
            Figure::SettledFees { .. } => "settlement fee_cost",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MarketKey { subaccount, exchange_index, ticker } = &self.market;
        write!(f, "{ticker} (subaccount {subaccount}, shard {exchange_index}): {} is ", self.figure.name())?;
        match self.figure {
            Figure::Position { ours, venue } | Figure::SettledPosition { ours, venue } => {
                write!(f, "{venue}, and {ours} by the fills")
            }
            Figure::Exposure { ours, venue }
            | Figure::Realised { ours, venue }
            | Figure::Fees { ours, venue }
            | Figure::Revenue { ours, venue }
            | Figure::SettledFees { ours, venue } => write!(f, "{venue}, and {ours} by the fills"),
        }
    }
}

/// What the venue says of a current position.
struct VenuePosition {
    position: Quantity,
    exposure: Money,
    realised: Money,
    fees: Money,
}

impl Store {
    /// Where the venue's figures and ours differ by more than `tolerance` (contracts: at all), by market.
    ///
    /// Ours come from all mirrored fills and settlements, the venue's from the current positions and the settlements.
    /// They differ where a fill is not mirrored, where the venue rounds a partial close otherwise, and where a trade
    /// came between reading the positions and the fills.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn cross_check(&self, account: AccountId, tolerance: Money) -> Result<Vec<Difference>, StoreError> {
        let replayed = self.replay(account, Period::ALL).await?;
        let venue = self.venue_positions(account).await?;
        let mut differences = Vec::new();
        let nothing = Replayed::default();
        let mut checked = BTreeSet::new();
        for (market, venue) in &venue {
            let ours = replayed.get(market).unwrap_or(&nothing);
            let holding = &ours.holding;
            let figures = [
                Figure::Position { ours: holding.position(), venue: venue.position },
                Figure::Exposure { ours: holding.cost(), venue: venue.exposure },
                Figure::Realised { ours: holding.realised(), venue: venue.realised },
                Figure::Fees { ours: ours.fees_ever, venue: venue.fees },
            ];
            differences.extend(beyond(tolerance, market, figures));
            checked.insert(market);
        }
        for (market, ours) in &replayed {
            if !checked.contains(market) && ours.holding.side().is_some() {
                // Held by the fills, and the venue has no position.
                let figure = Figure::Position { ours: ours.holding.position(), venue: Quantity::ZERO };
                differences.push(Difference { market: market.clone(), figure });
            }
            if let Some(settled) = &ours.settled {
                differences.extend(beyond(tolerance, market, settled_figures(settled, ours.fees_ever)));
            }
        }
        differences.sort_by(|a, b| a.market.cmp(&b.market));
        Ok(differences)
    }

    async fn venue_positions(&self, account: AccountId) -> Result<Vec<(MarketKey, VenuePosition)>, StoreError> {
        let failed = self.failed("read the positions");
        let sql = "SELECT subaccount, exchange_index, ticker, position_centicontracts, market_exposure_microdollars,
                realized_pnl_microdollars, fees_paid_microdollars
            FROM positions WHERE account_id = $1 AND valid_to_us IS NULL";
        let rows = sqlx::query(sql).bind(account.0).fetch_all(self.pool()).await.map_err(&failed)?;
        let mut positions = Vec::with_capacity(rows.len());
        for row in &rows {
            let position = VenuePosition {
                position: Quantity::from_hundredths(row.try_get(3).map_err(&failed)?),
                exposure: microdollars(row.try_get(4).map_err(&failed)?),
                realised: microdollars(row.try_get(5).map_err(&failed)?),
                fees: microdollars(row.try_get(6).map_err(&failed)?),
            };
            positions.push((self.market_key("positions", row)?, position));
        }
        Ok(positions)
    }
}

/// A settled market's figures. What it should have paid is known only where the settlement says what a contract paid.
fn settled_figures(settled: &Settled, fees: Money) -> Vec<Figure> {
    let settlement = &settled.settlement;
    let ours = settled.before.position();
    let mut figures = vec![Figure::SettledFees { ours: fees, venue: settlement.fees }];
    if let Some(venue) = settlement.yes_count.checked_sub(settlement.no_count) {
        figures.push(Figure::SettledPosition { ours, venue });
    }
    let yes_value = match settlement.result.as_str() {
        "yes" => Some(Cents(100)),
        "no" => Some(Cents(0)),
        _ => settlement.value,
    };
    if let Some(Cents(yes_value)) = yes_value {
        let paid = if ours.is_negative() { 100 - yes_value } else { yes_value };
        // A cent is 10 000 millionths, a contract 100 hundredths.
        let ours = Money::from_micros(i128::from(ours.hundredths()).abs() * i128::from(paid) * 100);
        let venue = Money::from(settlement.revenue);
        if (ours - venue).micros().abs() >= 10_000 {
            figures.push(Figure::Revenue { ours, venue });
        }
    }
    figures
}

fn beyond(
    tolerance: Money,
    market: &MarketKey,
    figures: impl IntoIterator<Item = Figure>,
) -> impl Iterator<Item = Difference> {
    let differs = move |figure: &Figure| match *figure {
        Figure::Position { ours, venue } | Figure::SettledPosition { ours, venue } => ours != venue,
        Figure::Exposure { ours, venue }
        | Figure::Realised { ours, venue }
        | Figure::Fees { ours, venue }
        | Figure::Revenue { ours, venue }
        | Figure::SettledFees { ours, venue } => (ours - venue).micros().abs() > tolerance.micros(),
    };
    figures.into_iter().filter(differs).map(|figure| Difference { market: market.clone(), figure })
}
