//! Deposits and withdrawals.

use crate::rest::value::{Cents, Cursor, PaymentId, UnixSeconds, open_enum, query, record};

record! {
    /// A page of deposits. Schema `GetDepositsResponse`.
    pub struct DepositsPage {
        /// The deposits.
        pub deposits: Vec<Payment>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// A page of withdrawals. Schema `GetWithdrawalsResponse`.
    pub struct WithdrawalsPage {
        /// The withdrawals.
        pub withdrawals: Vec<Payment>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// Money on its way to the account or from it. Schema `Deposit` and `Withdrawal`.
    pub struct Payment {
        /// Its identifier.
        pub id: PaymentId,
        /// How far it is.
        pub status: PaymentStatus,
        /// By what means.
        pub kind as "type": PaymentKind,
        /// The amount.
        pub amount_cents: Cents,
        /// The fee for it.
        pub fee_cents: Cents,
        /// When it began.
        pub created_ts: UnixSeconds,
        /// When it ended, whether well or not.
        pub finalized_ts: Option<UnixSeconds>,
    }
}

open_enum! {
    /// How far a payment is.
    pub enum PaymentStatus {
        /// On its way.
        Pending = "pending",
        /// In the balance.
        Applied = "applied",
        /// Failed.
        Failed = "failed",
        /// Sent back.
        Returned = "returned",
    }
}

open_enum! {
    /// Means of payment.
    pub enum PaymentKind {
        /// Bank transfer through ACH.
        Ach = "ach",
        /// Wire transfer.
        Wire = "wire",
        /// Crypto currency.
        Crypto = "crypto",
        /// Debit card.
        Debit = "debit",
        /// Another payment method.
        Apm = "apm",
    }
}

query! {
    /// Which page of the deposits. Query of operation `GetDeposits`.
    pub struct DepositsQuery {}
    optional {
        /// Items per page, 1 to 500; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

query! {
    /// Which page of the withdrawals. Query of operation `GetWithdrawals`.
    pub struct WithdrawalsQuery {}
    optional {
        /// Items per page, 1 to 500; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}
