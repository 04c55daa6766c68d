//! How much one connection may ask for.

use daybook_book::ExchangeTime;

/// What a hub allows. The venue publishes the markets and the commands of a session; the rest it keeps to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a subscription may have waiting: when a frame would exceed it, the subscription ends with error 25.
    /// Answers to commands, the snapshots that they ask for included, do not count.
    pub subscription_bytes: usize,
    /// Bytes that a connection may have waiting, answers included: when they exceed it, the connection is closed.
    pub connection_bytes: usize,
    /// Markets of all subscriptions of a connection together (error 26).
    pub connection_markets: usize,
    /// Markets of one subscription (error 26).
    pub subscription_markets: usize,
    /// Commands of one connection in a second; as many may come at once (error 27).
    pub commands_per_second: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            subscription_bytes: 16 << 20,
            connection_bytes: 2 << 30,
            connection_markets: 500_000,
            subscription_markets: 500_000,
            commands_per_second: 10_000,
        }
    }
}

/// What is left of a rate.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// Millionths of a command.
    left: u64,
    since: ExchangeTime,
}

impl Rate {
    pub(super) fn full(per_second: u32, at: ExchangeTime) -> Rate {
        Rate { left: u64::from(per_second) * 1_000_000, since: at }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, per_second: u32, at: ExchangeTime) -> bool {
        let passed = at.micros().saturating_sub(self.since.micros()).max(0).unsigned_abs();
        let most = u64::from(per_second) * 1_000_000;
        self.left = self.left.saturating_add(passed.saturating_mul(u64::from(per_second))).min(most);
        self.since = self.since.max(at);
        let taken = self.left.checked_sub(1_000_000);
        self.left = taken.unwrap_or(self.left);
        taken.is_some()
    }
}
