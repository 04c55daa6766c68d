//! Never asking the venue more often than it allows.

/// A call that costs more than the budget it is paid from can ever hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it costs {cost} tokens and the budget holds {capacity} at most; split the batch")]
pub struct TooCostly {
    /// What the call costs, in the venue's tokens.
    pub cost: u64,
    /// What the budget holds when full.
    pub capacity: u64,
}
