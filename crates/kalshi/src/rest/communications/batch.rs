//! Batches: requests for quote on several combos that execute together or not at all.

use daybook_book::{Money, Price, Quantity, Ticker};

use crate::rest::{
    communications::UserFilter,
    communications::quote::Quote,
    communications::rfq::Rfq,
    markets::OutcomeSide,
    multivariate::ComboLegChoice,
    value::{
        BatchQuoteId, ClientBatchId, ClientOrderId, CollectionTicker, CommunicationsId, Cursor, RfqBatchId, RfqId,
        Subaccount, SubtraderId, Timestamp, UserId, body, open_enum, query, record,
    },
};

record! {
    /// A page of batches. Schema `GetRFQBatchesResponse`.
    pub struct RfqBatchesPage {
        /// The batches.
        pub rfq_batches: Vec<RfqBatch>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of an [`RfqBatch`]. Schema `GetRFQBatchResponse`.
    pub struct RfqBatchAnswer {
        /// The batch.
        pub rfq_batch: RfqBatch,
    }
}

record! {
    /// A batch was made. Schema `CreateRFQBatchResponse`.
    pub struct RfqBatchCreated {
        /// The batch.
        pub rfq_batch: RfqBatch,
    }
}

record! {
    /// A batch. Schema `RFQBatch`.
    pub struct RfqBatch {
        /// Its identifier.
        pub id: RfqBatchId,
        /// Who asks: a pseudonym, or a placeholder.
        pub creator_id: CommunicationsId,
        /// How far it is.
        pub status: RfqBatchStatus,
        /// When it was made.
        pub created_ts: Timestamp,
        /// When quotes on it were accepted.
        pub accepted_ts: Option<Timestamp>,
        /// When it was closed.
        pub closed_ts: Option<Timestamp>,
        /// The requests that it consists of, in the order of its creation.
        pub rfqs: Vec<Rfq>,
        /// When it last changed; told to the creator only.
        pub updated_ts: Option<Timestamp>,
        /// Why it was closed.
        pub close_reason: Option<String>,
        /// The creator's own identifier; told to the creator only.
        pub client_batch_id: Option<ClientBatchId>,
        /// The creator's account; told to the creator only.
        pub creator_user_id: Option<UserId>,
        /// The creator's subaccount; told to the creator only.
        pub creator_subaccount: Option<Subaccount>,
    }
}

open_enum! {
    /// How far a batch is.
    pub enum RfqBatchStatus {
        /// Can be quoted on.
        Open = "open",
        /// Waits for its makers, or executes.
        Accepted = "accepted",
        /// Over.
        Closed = "closed",
    }
}

body! {
    /// A batch to make. Schema `CreateRFQBatchRequest`.
    pub struct CreateRfqBatch {
        /// The combos, 2 to 57, no two alike.
        pub children: Vec<RfqBatchChild>,
    }
    optional {
        /// The collection of those that are named by their legs.
        pub mve_collection_ticker: Option<CollectionTicker>,
        /// Contracts of each that names no size of its own.
        pub contracts_fp: Option<Quantity>,
        /// What to spend on each that names no size of its own, to the ten-thousandth of a dollar.
        pub target_cost_dollars: Option<Money>,
        /// Whether fees come on top of that.
        pub target_cost_excludes_fees: Option<bool>,
        /// Must not be true: a batch executes at once or not at all.
        pub rest_remainder: Option<bool>,
        /// Withdraw the creator's oldest batches if there are too many.
        pub replace_existing: Option<bool>,
        /// Hide the creator's pseudonym from others.
        pub obscure_creator_id: Option<bool>,
        /// The caller's own identifier, at most 64 characters. The venue refuses a second batch with it (409).
        pub client_batch_id: Option<ClientBatchId>,
        /// The customer, for a futures commission merchant.
        pub subtrader_id: Option<SubtraderId>,
        /// The subaccount, for a direct member.
        pub subaccount: Option<Subaccount>,
    }
}

body! {
    /// One combo of a batch, named by its market or by its legs. Schema `CreateRFQBatchChild`.
    pub struct RfqBatchChild {}
    optional {
        /// The market, if it exists.
        pub market_ticker: Option<Ticker>,
        /// The legs, at most six.
        pub selected_markets: Option<Vec<ComboLegChoice>>,
        /// Contracts, if not those of the batch.
        pub contracts_fp: Option<Quantity>,
        /// What to spend, if not as in the batch, to the ten-thousandth of a dollar.
        pub target_cost_dollars: Option<Money>,
    }
}

record! {
    /// The envelope of [`BestQuotes`]. Schema `GetRFQBatchBestQuotesResponse`.
    pub struct BestQuotesAnswer {
        /// The quotes.
        pub best_quotes: BestQuotes,
    }
}

record! {
    /// The best quotes on a batch. Schema `RFQBatchBestQuotes`.
    pub struct BestQuotes {
        /// The batch.
        pub rfq_batch_id: RfqBatchId,
        /// How far it is.
        pub status: RfqBatchStatus,
        /// Grows whenever a best bid changes.
        pub version: u64,
        /// When one last did.
        pub updated_ts: Option<Timestamp>,
        /// Whether YES can be accepted: every combo has a bid for it.
        pub yes_complete: bool,
        /// Whether NO can be accepted: every combo has a bid for it.
        pub no_complete: bool,
        /// One per combo.
        pub rfqs: Vec<BestQuote>,
    }
}

record! {
    /// The best quotes on one combo. Schema `RFQBatchBestQuote`.
    pub struct BestQuote {
        /// The request.
        pub rfq_id: RfqId,
        /// The market.
        pub market_ticker: Ticker,
        /// Best bid for YES; absent if there is none.
        pub yes_bid_dollars: Option<Price>,
        /// Best bid for NO; absent if there is none.
        pub no_bid_dollars: Option<Price>,
        /// Contracts of YES that it is for.
        pub yes_contracts_offered_fp: Option<Quantity>,
        /// Contracts of NO that it is for.
        pub no_contracts_offered_fp: Option<Quantity>,
    }
}

body! {
    /// Which side of a batch to accept, and what each combo must bid at least. Schema `AcceptRFQBatchRequest`.
    pub struct AcceptRfqBatch {
        /// The side.
        pub accepted_side: OutcomeSide,
        /// Exactly one per combo.
        pub min_bids: Vec<MinimumBid>,
    }
    optional {
        /// The caller's own identifier. With the same one the venue accepts once and tells again what it did.
        pub client_order_id: Option<ClientOrderId>,
    }
}

body! {
    /// What a combo must bid at least. Schema `RFQBatchAcceptLimit`.
    pub struct MinimumBid {
        /// The request.
        pub rfq_id: RfqId,
        /// The bid on the accepted side.
        pub bid_dollars: Price,
    }
}

record! {
    /// A batch was accepted. Schema `AcceptRFQBatchResponse`.
    pub struct RfqBatchAccepted {
        /// The side.
        pub accepted_side: OutcomeSide,
        /// The quote that was taken for each combo. Their makers have to confirm.
        pub quotes: Vec<Quote>,
    }
}

record! {
    /// The envelope of [`BatchQuote`]s. Schema `GetRFQBatchQuotesResponse`.
    pub struct BatchQuotes {
        /// The quotes.
        pub batch_quotes: Vec<BatchQuote>,
    }
}

record! {
    /// One maker's quote on a whole batch. Schema `RFQBatchQuote`.
    pub struct BatchQuote {
        /// Its identifier.
        pub id: BatchQuoteId,
        /// The batch.
        pub rfq_batch_id: RfqBatchId,
        /// The maker's pseudonym.
        pub creator_id: CommunicationsId,
        /// The pseudonym of who asked, or a placeholder.
        pub rfq_creator_id: CommunicationsId,
        /// How far it is.
        pub status: BatchQuoteStatus,
        /// When it was made.
        pub created_ts: Timestamp,
        /// When it last changed.
        pub updated_ts: Timestamp,
        /// Which side was accepted.
        pub accepted_side: Option<OutcomeSide>,
        /// When.
        pub accepted_ts: Option<Timestamp>,
        /// When it was confirmed.
        pub confirmed_ts: Option<Timestamp>,
        /// One per combo; once accepted, one per combo that this maker won.
        pub quotes: Vec<Quote>,
        /// Whether what is not traded at once is to rest in the book; told to the maker only.
        pub rest_remainder: Option<bool>,
        /// Whether the maker's orders are withdrawn rather than let them take from the book; told to the maker only.
        pub post_only: Option<bool>,
        /// The maker's account; told to the maker only.
        pub creator_user_id: Option<UserId>,
        /// The maker's subaccount; told to the maker only.
        pub creator_subaccount: Option<Subaccount>,
        /// The account of who asked; told to them only.
        pub rfq_creator_user_id: Option<UserId>,
        /// The subaccount of who asked; told to them only.
        pub rfq_creator_subaccount: Option<Subaccount>,
    }
}

open_enum! {
    /// How far a quote on a batch is.
    pub enum BatchQuoteStatus {
        /// Can be accepted.
        Open = "open",
        /// Waits for its maker to confirm.
        Accepted = "accepted",
        /// Waits for its execution.
        Confirmed = "confirmed",
        /// Executed.
        Executed = "executed",
        /// Executed for some combos and failed for others.
        PartiallyExecuted = "partially_executed",
        /// Withdrawn.
        Cancelled = "cancelled",
    }
}

body! {
    /// A quote to make on a whole batch. Schema `CreateRFQBatchQuoteRequest`.
    pub struct CreateBatchQuote {
        /// One per combo.
        pub quotes: Vec<BatchQuoteEntry>,
        /// Whether what is not traded at once is to rest in the book.
        pub rest_remainder: bool,
    }
    optional {
        /// Withdraw orders rather than let them take from the book.
        pub post_only: Option<bool>,
        /// The subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
    }
}

body! {
    /// The bids for one combo. Schema `RFQBatchQuoteEntry`.
    pub struct BatchQuoteEntry {
        /// The request.
        pub rfq_id: RfqId,
        /// The bid for YES; zero for none.
        pub yes_bid: Price,
        /// The bid for NO; zero for none.
        pub no_bid: Price,
    }
}

record! {
    /// A quote on a batch was made. Schema `CreateRFQBatchQuoteResponse`.
    pub struct BatchQuoteCreated {
        /// Its identifier.
        pub id: BatchQuoteId,
    }
}

query! {
    /// Which batches. Query of operation `GetRFQBatches`.
    pub struct RfqBatchesQuery {}
    optional {
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this subaccount.
        pub subaccount: Option<Subaccount>,
        /// Items per page, 1 to 20; 20 without.
        pub limit: Option<u32>,
        /// Only with this status.
        pub status: Option<RfqBatchStatus>,
        /// Only the caller's own.
        pub user_filter: Option<UserFilter>,
    }
}
