//! Money between shards, and how it is to be spread over them.

use daybook_book::Money;

use crate::rest::value::{
    CentiCents, ClientTransferId, Cursor, ExchangeIndex, Subaccount, TransferId, UnixSeconds, body, open_enum, query,
    record,
};

body! {
    /// Money to move from one shard to another. Schema `IntraExchangeInstanceTransferRequest`.
    pub struct ShardTransferRequest {
        /// From which exchange.
        pub source: ExchangeInstance,
        /// To which exchange.
        pub destination: ExchangeInstance,
        /// How much.
        pub amount: CentiCents,
    }
    optional {
        /// The caller's own identifier, a UUID. The venue refuses a second transfer with it (409), and takes none
        /// between numbered subaccounts.
        pub client_transfer_id: Option<ClientTransferId>,
        /// From which shard; 0 without.
        pub source_exchange_shard: Option<ExchangeIndex>,
        /// To which shard; 0 without.
        pub destination_exchange_shard: Option<ExchangeIndex>,
        /// From which subaccount; the primary one without. Between event contracts only.
        pub source_subaccount: Option<Subaccount>,
        /// To which subaccount; the primary one without. Between event contracts only.
        pub destination_subaccount: Option<Subaccount>,
    }
}

record! {
    /// A transfer was created. Schema `IntraExchangeInstanceTransferResponse`.
    pub struct ShardTransferCreated {
        /// Its identifier.
        pub transfer_id: TransferId,
    }
}

record! {
    /// A page of transfers between shards. Schema `GetIntraExchangeInstanceTransfersResponse`.
    pub struct ShardTransfersPage {
        /// The transfers.
        pub transfers: Vec<ShardTransfer>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of a [`ShardTransfer`]. Schema `GetIntraExchangeInstanceTransferResponse`.
    pub struct ShardTransferAnswer {
        /// The transfer.
        pub transfer: ShardTransfer,
    }
}

record! {
    /// Money between shards. Schema `IntraExchangeInstanceTransfer`.
    pub struct ShardTransfer {
        /// Its identifier.
        pub transfer_id: TransferId,
        /// The caller's own identifier, if one was given.
        pub client_transfer_id: Option<ClientTransferId>,
        /// From which exchange.
        pub source: ExchangeInstance,
        /// To which exchange.
        pub destination: ExchangeInstance,
        /// From which shard.
        pub source_exchange_shard: ExchangeIndex,
        /// To which shard.
        pub destination_exchange_shard: ExchangeIndex,
        /// How much.
        pub amount: Money,
        /// How far it is.
        pub status: TransferStatus,
        /// When it was created.
        pub created_ts: UnixSeconds,
    }
}

open_enum! {
    /// One of the venue's exchanges.
    pub enum ExchangeInstance {
        /// Event contracts.
        EventContract = "event_contract",
        /// Margined contracts: perpetual futures.
        Margined = "margined",
    }
}

open_enum! {
    /// How far a transfer is.
    pub enum TransferStatus {
        /// On its way.
        Pending = "pending",
        /// Done.
        Complete = "complete",
    }
}

query! {
    /// Which page of the transfers between shards. Query of operation `GetIntraExchangeInstanceTransfers`.
    pub struct ShardTransfersQuery {}
    optional {
        /// Items per page, 1 to 500; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// How the balance is to be spread over the shards. Schema `GetTargetBalanceAllocationResponse`.
    pub struct TargetAllocation {
        /// The share of each shard.
        pub allocations: Vec<ShardShare>,
        /// What is left behind for resting orders.
        pub resting_margin_reservation: RestingReservation,
    }
}

record! {
    /// A shard's share of the balance. Schema `TargetBalanceAllocation`.
    pub struct ShardShare {
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// Its share in percent.
        pub percent: u32,
    }
}

body! {
    /// The share of the balance that a shard is to have. Schema `TargetBalanceAllocationInput`.
    pub struct TargetShare {
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// Its share in percent.
        pub percent: u32,
    }
}

body! {
    /// How the balance is to be spread over the shards. Schema `SetTargetBalanceAllocationRequest`.
    pub struct TargetAllocationRequest {
        /// The share of each shard, together 100 percent; none to leave the balance where it is.
        pub allocations: Vec<TargetShare>,
    }
    optional {
        /// What is left behind for resting orders; `sum` without.
        pub resting_margin_reservation: Option<RestingReservation>,
    }
}

open_enum! {
    /// What an automatic transfer leaves behind for resting orders.
    pub enum RestingReservation {
        /// Nothing.
        None = "none",
        /// What the costliest side of a market's orders needs.
        Max = "max",
        /// What all of them need together.
        Sum = "sum",
    }
}
