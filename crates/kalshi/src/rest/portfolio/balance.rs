//! What the account holds.

use daybook_book::Money;

use crate::rest::value::{Cents, ExchangeIndex, Subaccount, UnixSeconds, query, record};

record! {
    /// What the account holds, over all shards unless the query names one. Schema `GetBalanceResponse`.
    pub struct Balance {
        /// What is free to trade with.
        pub balance: Cents,
        /// The same, to the fraction of a cent.
        pub balance_dollars: Money,
        /// What the positions are worth.
        pub portfolio_value: Cents,
        /// When the balance last changed.
        pub updated_ts: UnixSeconds,
        /// The balance of each shard; absent for a key that is bound to one subaccount.
        pub balance_breakdown: Option<Vec<ShardBalance>>,
    }
}

record! {
    /// A sum on one shard. Schema `IndexedBalance`.
    pub struct ShardBalance {
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// The sum.
        pub balance: Money,
    }
}

record! {
    /// What the resting orders would cost. Schema `GetPortfolioRestingOrderTotalValueResponse`.
    pub struct RestingOrderValue {
        /// Over all shards.
        pub total_resting_order_value: Cents,
        /// On each shard.
        pub resting_order_value_breakdown: Vec<ShardBalance>,
    }
}

query! {
    /// Whose balance. Query of operation `GetBalance`.
    pub struct BalanceQuery {}
    optional {
        /// Of this subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// Of this shard; all of them without.
        pub exchange_index: Option<ExchangeIndex>,
    }
}
