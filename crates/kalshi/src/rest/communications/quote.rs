//! Quotes on requests.

use daybook_book::{Money, Price, Quantity, Ticker};

use crate::rest::{
    communications::UserFilter,
    markets::OutcomeSide,
    value::{
        CommunicationsId, Cursor, OrderId, QuoteId, RfqId, Subaccount, SubtraderId, Timestamp, UnixSeconds, UserId,
        body, open_enum, query, record,
    },
};

record! {
    /// A page of quotes. Schema `GetQuotesResponse`.
    pub struct QuotesPage {
        /// The quotes.
        pub quotes: Vec<Quote>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of a [`Quote`]. Schema `GetQuoteResponse`.
    pub struct QuoteAnswer {
        /// The quote.
        pub quote: Quote,
    }
}

record! {
    /// A quote: what its maker bids for each side. Schema `Quote`.
    pub struct Quote {
        /// Its identifier.
        pub id: QuoteId,
        /// The request.
        pub rfq_id: RfqId,
        /// The maker's pseudonym.
        pub creator_id: CommunicationsId,
        /// The pseudonym of who asked, or a placeholder.
        pub rfq_creator_id: CommunicationsId,
        /// The market.
        pub market_ticker: Ticker,
        /// Contracts.
        pub contracts_fp: Quantity,
        /// The bid for YES; zero for none.
        pub yes_bid_dollars: Price,
        /// The bid for NO; zero for none.
        pub no_bid_dollars: Price,
        /// When it was made.
        pub created_ts: Timestamp,
        /// When it last changed.
        pub updated_ts: Timestamp,
        /// How far it is.
        pub status: QuoteStatus,
        /// Which side was accepted.
        pub accepted_side: Option<OutcomeSide>,
        /// When it was accepted.
        pub accepted_ts: Option<Timestamp>,
        /// When it was confirmed.
        pub confirmed_ts: Option<Timestamp>,
        /// When it was executed.
        pub executed_ts: Option<Timestamp>,
        /// When it was withdrawn.
        pub cancelled_ts: Option<Timestamp>,
        /// Whether what is not traded at once is to rest in the book.
        pub rest_remainder: Option<bool>,
        /// Whether the maker's order is withdrawn rather than let it take from the book; told to the maker only.
        pub post_only: Option<bool>,
        /// Why it was withdrawn.
        pub cancellation_reason: Option<String>,
        /// The maker's account; told to the maker only.
        pub creator_user_id: Option<UserId>,
        /// The account of who asked; told to them only.
        pub rfq_creator_user_id: Option<UserId>,
        /// How much is to be spent, if that is what was asked for.
        pub rfq_target_cost_dollars: Option<Money>,
        /// Whether fees come on top of that.
        pub target_cost_excludes_fees: Option<bool>,
        /// The order of who asked; told to them only.
        pub rfq_creator_order_id: Option<OrderId>,
        /// The maker's order; told to the maker only.
        pub creator_order_id: Option<OrderId>,
        /// The maker's subaccount; told to the maker only.
        pub creator_subaccount: Option<Subaccount>,
        /// The subaccount of who asked; told to them only.
        pub rfq_creator_subaccount: Option<Subaccount>,
        /// Contracts of YES that are offered for.
        pub yes_contracts_fp: Option<Quantity>,
        /// Contracts of NO that are offered for.
        pub no_contracts_fp: Option<Quantity>,
    }
}

open_enum! {
    /// How far a quote is.
    pub enum QuoteStatus {
        /// Can be accepted.
        Open = "open",
        /// Waits for its maker to confirm.
        Accepted = "accepted",
        /// Waits for its execution.
        Confirmed = "confirmed",
        /// Executed.
        Executed = "executed",
        /// Withdrawn.
        Cancelled = "cancelled",
    }
}

body! {
    /// A quote to make. The bids lie on the market's grid and sum up to a dollar at most. Schema `CreateQuoteRequest`.
    pub struct CreateQuote {
        /// The request, exactly as it was told.
        pub rfq_id: RfqId,
        /// The bid for YES; zero for none.
        pub yes_bid: Price,
        /// The bid for NO; zero for none.
        pub no_bid: Price,
        /// Whether what is not traded at once is to rest in the book.
        pub rest_remainder: bool,
    }
    optional {
        /// Withdraw the order rather than let it take from the book.
        pub post_only: Option<bool>,
        /// The subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
    }
}

record! {
    /// A quote was made. Schema `CreateQuoteResponse`.
    pub struct QuoteCreated {
        /// Its identifier.
        pub id: QuoteId,
    }
}

body! {
    /// Which side of a quote to accept. Schema `AcceptQuoteRequest`.
    pub struct AcceptQuote {
        /// The side.
        pub accepted_side: OutcomeSide,
    }
}

query! {
    /// Which quotes. Query of operation `GetQuotes`.
    pub struct QuotesQuery {}
    optional {
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Last changed after this time.
        pub min_ts: Option<UnixSeconds>,
        /// Last changed before this time.
        pub max_ts: Option<UnixSeconds>,
        /// Items per page, 1 to 500; 500 without.
        pub limit: Option<u32>,
        /// Only with this status.
        pub status: Option<QuoteStatus>,
        /// Only by this maker.
        pub quote_creator_user_id: Option<UserId>,
        /// Only those that the caller made.
        pub user_filter: Option<UserFilter>,
        /// Only those that the caller asked for.
        pub rfq_user_filter: Option<UserFilter>,
        /// Only those that this user asked for.
        pub rfq_creator_user_id: Option<UserId>,
        /// Only those that this customer asked for.
        pub rfq_creator_subtrader_id: Option<SubtraderId>,
        /// Only on this request.
        pub rfq_id: Option<RfqId>,
    }
}
