//! Resting orders of one market, in time priority. A book is what they add up to, so no level can go negative.

/// Which bid ladder an order rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Bids for YES.
    Yes,
    /// Bids for NO.
    No,
}

impl Side {
    /// The word on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Yes => "yes",
            Side::No => "no",
        }
    }

    /// The other ladder.
    pub(crate) fn opposite(self) -> Side {
        match self {
            Side::Yes => Side::No,
            Side::No => Side::Yes,
        }
    }
}

/// A price level: ten-thousandths of a dollar, hundredths of a contract.
pub(crate) type Level = (u16, i64);

/// One resting order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// The ladder it rests on.
    pub(crate) side: Side,
    /// Ten-thousandths of a dollar.
    pub(crate) price: u16,
    /// Hundredths of a contract, positive.
    pub(crate) quantity: u32,
}

/// The resting orders of one market, oldest first.
#[derive(Default)]
pub(crate) struct RestingOrders(Vec<Order>);

impl RestingOrders {
    /// How many orders rest.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The order at a place in time priority.
    pub(crate) fn get(&self, index: usize) -> Order {
        self.0[index]
    }

    /// Best bid of a side.
    pub(crate) fn best(&self, side: Side) -> Option<u16> {
        self.0.iter().filter(|order| order.side == side).map(|order| order.price).max()
    }

    /// Whether anything rests at this level.
    pub(crate) fn has_level(&self, side: Side, price: u16) -> bool {
        self.0.iter().any(|order| order.side == side && order.price == price)
    }

    /// Adds an order behind all others.
    pub(crate) fn add(&mut self, order: Order) {
        self.0.push(order);
    }

    /// Takes an order out.
    pub(crate) fn remove(&mut self, index: usize) -> Order {
        self.0.remove(index)
    }

    /// Removes everything: the market closed.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// Fills the oldest order at the best price of `side` with at most `quantity`: its price, and how much.
    pub(crate) fn fill_best(&mut self, side: Side, quantity: u32) -> Option<(u16, u32)> {
        let best = self.best(side)?;
        let index = self.0.iter().position(|order| order.side == side && order.price == best)?;
        let filled = self.0[index].quantity.min(quantity);
        self.0[index].quantity -= filled;
        if self.0[index].quantity == 0 {
            self.0.remove(index);
        }
        Some((best, filled))
    }

    /// The levels of one side, worst first, into `levels`.
    pub(crate) fn levels(&self, side: Side, levels: &mut Vec<Level>) {
        levels.clear();
        levels.extend(self.0.iter().filter(|o| o.side == side).map(|o| (o.price, i64::from(o.quantity))));
        levels.sort_unstable_by_key(|&(price, _)| price);
        levels.dedup_by(|next, level| {
            let same = next.0 == level.0;
            if same {
                level.1 += next.1;
            }
            same
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(side: Side, price: u16, quantity: u32) -> Order {
        Order { side, price, quantity }
    }

    #[test]
    fn levels_add_up_orders_in_ascending_price() {
        let mut orders = RestingOrders::default();
        for (side, price, quantity) in
            [(Side::Yes, 4_800, 100), (Side::No, 5_000, 7), (Side::Yes, 4_700, 5), (Side::Yes, 4_800, 20)]
        {
            orders.add(order(side, price, quantity));
        }
        let mut levels = Vec::new();
        orders.levels(Side::Yes, &mut levels);
        assert_eq!(levels, [(4_700, 5), (4_800, 120)]);
        assert_eq!(orders.best(Side::No), Some(5_000));
        assert!(orders.has_level(Side::No, 5_000) && !orders.has_level(Side::Yes, 5_000));
    }

    #[test]
    fn fills_respect_price_then_time() {
        let mut orders = RestingOrders::default();
        for (price, quantity) in [(4_700, 5), (4_800, 100), (4_800, 20)] {
            orders.add(order(Side::Yes, price, quantity));
        }
        assert_eq!(orders.fill_best(Side::Yes, 60), Some((4_800, 60)));
        assert_eq!(orders.fill_best(Side::Yes, 60), Some((4_800, 40)));
        assert_eq!(orders.fill_best(Side::Yes, 60), Some((4_800, 20)));
        assert_eq!(orders.fill_best(Side::Yes, 60), Some((4_700, 5)));
        assert_eq!(orders.fill_best(Side::Yes, 60), None);
    }
}
