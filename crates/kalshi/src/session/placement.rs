//! Which connection carries which market.

use daybook_book::Ticker;

/// Chooses the connection that carries a market. A market stays where it was placed, on every channel and through
/// every reconnect, until it is removed.
pub trait Placement: Send {
    /// The slot for `market`. `loads` has the number of markets of each slot there is; the number after the last one
    /// (or any greater) opens another connection.
    fn place(&mut self, market: &Ticker, loads: &[usize]) -> usize;
}

/// Fills one connection after the other.
#[derive(Clone, Copy, Debug)]
pub struct FillInTurn {
    /// The most markets on one connection.
    pub markets_per_connection: usize,
}

impl Default for FillInTurn {
    /// 25,000 markets per connection: a twentieth of the venue's limit for one session, so that the loss of one
    /// connection is the loss of a part.
    fn default() -> FillInTurn {
        FillInTurn { markets_per_connection: 25_000 }
    }
}

impl Placement for FillInTurn {
    fn place(&mut self, _: &Ticker, loads: &[usize]) -> usize {
        loads.iter().position(|&load| load < self.markets_per_connection).unwrap_or(loads.len())
    }
}

impl<F: FnMut(&Ticker, &[usize]) -> usize + Send> Placement for F {
    fn place(&mut self, market: &Ticker, loads: &[usize]) -> usize {
        self(market, loads)
    }
}
