//! What the hub asks of the venue when a command wants the present state.

use daybook_book::{Price, Quantity, Side};

use super::Ticker;
use crate::engine::MarketId;

/// The present state of every market that the hub knows. It must be that after everything published so far: whoever
/// applies a command to an engine publishes all that follows from it before the hub is given a command.
pub trait Books {
    /// Whether the market's book is known: that of a replay is not before its record begins, nor in a gap of it. Of a
    /// book that is not known nothing is told before it is.
    fn is_known(&self, market: MarketId) -> bool {
        let _ = market;
        true
    }

    /// The exchange clock of the newest change of a market's book: 0 if there was none, nothing if it is not known.
    fn clock(&self, market: MarketId) -> Option<u64>;

    /// Hands out the levels of one ladder, ascending, in prices of that side.
    fn levels(&self, market: MarketId, side: Side, level: &mut dyn FnMut(Price, Quantity));

    /// A market's summary; none where there is nothing to tell yet.
    fn ticker(&self, market: MarketId) -> Option<Ticker>;
}
