//! Subaccounts: their balances, netting, and transfers between them.

use daybook_book::Money;

use crate::rest::value::{
    Cents, ClientTransferId, Cursor, ExchangeIndex, Subaccount, TransferId, UnixSeconds, body, query, record,
};

body! {
    /// Where to open a subaccount. Schema `CreateSubaccountRequest`.
    pub struct CreateSubaccount {}
    optional {
        /// The shard; 0 without.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

record! {
    /// A subaccount was opened. Schema `CreateSubaccountResponse`.
    pub struct SubaccountCreated {
        /// Its number.
        pub subaccount_number: Subaccount,
    }
}

body! {
    /// Money to move from one subaccount to another. Schema `ApplySubaccountTransferRequest`.
    pub struct SubaccountTransferRequest {
        /// The caller's own identifier, a UUID.
        pub client_transfer_id: ClientTransferId,
        /// From where.
        pub from_subaccount: Subaccount,
        /// To where.
        pub to_subaccount: Subaccount,
        /// How much.
        pub amount_cents: Cents,
    }
    optional {
        /// On which shard; 0 without.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

record! {
    /// The balances of all subaccounts. Schema `GetSubaccountBalancesResponse`.
    pub struct SubaccountBalances {
        /// One per subaccount and shard.
        pub subaccount_balances: Vec<SubaccountBalance>,
    }
}

record! {
    /// What a subaccount has on a shard. Schema `SubaccountBalance`.
    pub struct SubaccountBalance {
        /// The subaccount.
        pub subaccount_number: Subaccount,
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// What is free to trade with.
        pub balance: Money,
        /// When it last changed.
        pub updated_ts: UnixSeconds,
    }
}

record! {
    /// A page of transfers between subaccounts. Schema `GetSubaccountTransfersResponse`.
    pub struct SubaccountTransfersPage {
        /// The transfers.
        pub transfers: Vec<SubaccountTransfer>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// Money that moved from one subaccount to another. Schema `SubaccountTransfer`.
    pub struct SubaccountTransfer {
        /// Its identifier.
        pub transfer_id: TransferId,
        /// From where.
        pub from_subaccount: Subaccount,
        /// To where.
        pub to_subaccount: Subaccount,
        /// How much.
        pub amount_cents: Cents,
        /// When.
        pub created_ts: UnixSeconds,
        /// On which shard.
        pub exchange_index: ExchangeIndex,
    }
}

query! {
    /// Which page of the transfers between subaccounts. Query of operation `GetSubaccountTransfers`.
    pub struct SubaccountTransfersQuery {}
    optional {
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

body! {
    /// Whether a subaccount is to net its positions. Schema `UpdateSubaccountNettingRequest`.
    pub struct SubaccountNettingRequest {
        /// The subaccount.
        pub subaccount_number: Subaccount,
        /// Whether it is to.
        pub enabled: bool,
    }
}

record! {
    /// Which subaccounts net their positions. Schema `GetSubaccountNettingResponse`.
    pub struct SubaccountNettings {
        /// One per subaccount and shard.
        pub netting_configs: Vec<SubaccountNetting>,
    }
}

record! {
    /// Whether a subaccount nets its positions. Schema `SubaccountNettingConfig`.
    pub struct SubaccountNetting {
        /// The subaccount.
        pub subaccount_number: Subaccount,
        /// Whether it does.
        pub enabled: bool,
        /// The shard.
        pub exchange_index: ExchangeIndex,
    }
}
