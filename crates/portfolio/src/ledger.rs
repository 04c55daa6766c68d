//! Profit and loss of one market, fill by fill: average cost, in integers.

use daybook_book::{Money, Price, Quantity, Side};

/// What is held in one market, what it cost, and what was made of what is held no longer.
///
/// Contracts are held on one side only, as the venue nets them: whoever holds YES and buys NO sells YES.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    position: Quantity,
    cost: Money,
    realised: Money,
}

/// Sums beyond what 64 bits of contracts or 128 bits of money hold. No account comes near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the position or its cost is too large to be computed with")]
pub struct LedgerOverflow;

impl Holding {
    /// Contracts held: YES if positive, NO if negative.
    pub const fn position(&self) -> Quantity {
        self.position
    }

    /// What the contracts held have cost, fees not included.
    pub const fn cost(&self) -> Money {
        self.cost
    }

    /// Profit or loss of what is held no longer, fees not included.
    pub const fn realised(&self) -> Money {
        self.realised
    }

    /// The account traded `count` contracts towards `side`, with YES at `yes_price`.
    ///
    /// What is held on the other side is sold first, at what its side of the price is; the rest is bought. Sold
    /// contracts take their share of the cost with them, rounded to the nearest millionth of a dollar, a tie to the
    /// even one; the rest of the cost stays with the contracts that stay, so that nothing is lost or made by rounding.
    ///
    /// # Errors
    /// [`LedgerOverflow`]; nothing is changed then.
    pub fn trade(&mut self, side: Side, count: Quantity, yes_price: Price) -> Result<(), LedgerOverflow> {
        let mut next = *self;
        let (direction, price) = match side {
            Side::Yes => (count, yes_price),
            Side::No => (Quantity::ZERO.checked_sub(count).ok_or(LedgerOverflow)?, yes_price.complement()),
        };
        let opposed = next.position.is_negative() != direction.is_negative() && !next.position.is_zero();
        let mut opened = count;
        if opposed {
            let held = next.position.hundredths().unsigned_abs();
            let closed = held.min(count.hundredths().unsigned_abs());
            let closed = Quantity::from_hundredths(i64::try_from(closed).map_err(|_| LedgerOverflow)?);
            let released =
                if closed.hundredths().unsigned_abs() == held { next.cost } else { share(next.cost, closed, held)? };
            next.realised += Money::of(price.complement(), closed) - released;
            next.cost = next.cost - released;
            opened = count.checked_sub(closed).ok_or(LedgerOverflow)?;
        }
        next.position = next.position.checked_add(direction).ok_or(LedgerOverflow)?;
        next.cost += Money::of(price, opened);
        *self = next;
        Ok(())
    }

    /// The market was settled and paid `revenue` for all that was held.
    pub fn settle(&mut self, revenue: Money) {
        self.realised += revenue - self.cost;
        self.cost = Money::ZERO;
        self.position = Quantity::ZERO;
    }

    /// What the contracts held would bring at `bid`, the best bid of their side, less their cost.
    pub fn unrealised(&self, bid: Price) -> Money {
        // A position of i64::MIN hundredths has no opposite; money has room for it.
        Money::from_micros(Money::of(bid, self.position).micros().abs()) - self.cost
    }

    /// Which side is held; `None` if nothing is.
    pub const fn side(&self) -> Option<Side> {
        match self.position.hundredths() {
            0 => None,
            1.. => Some(Side::Yes),
            _ => Some(Side::No),
        }
    }
}

/// `cost` × `part` / `whole`, rounded to the nearest millionth, a tie to the even one.
fn share(cost: Money, part: Quantity, whole: u64) -> Result<Money, LedgerOverflow> {
    let product = cost.micros().checked_mul(i128::from(part.hundredths())).ok_or(LedgerOverflow)?;
    let whole = i128::from(whole);
    let (quotient, rest) = (product.div_euclid(whole), product.rem_euclid(whole));
    let up = match (rest * 2).cmp(&whole) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    Ok(Money::from_micros(quotient + i128::from(up)))
}

#[cfg(test)]
mod tests;
