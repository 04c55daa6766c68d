//! Requests for quote.

use daybook_book::{Money, Quantity, Ticker};

use crate::rest::{
    communications::UserFilter,
    markets::ComboLeg,
    value::{
        CentiCents, CollectionTicker, CommunicationsId, Cursor, EventTicker, RfqId, Subaccount, SubtraderId, Timestamp,
        UserId, body, open_enum, query, record,
    },
};

record! {
    /// A page of requests for quote. Schema `GetRFQsResponse`.
    pub struct RfqsPage {
        /// The requests.
        pub rfqs: Vec<Rfq>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of an [`Rfq`]. Schema `GetRFQResponse`.
    pub struct RfqAnswer {
        /// The request.
        pub rfq: Rfq,
    }
}

record! {
    /// A request for quote. Schema `RFQ`.
    pub struct Rfq {
        /// Its identifier.
        pub id: RfqId,
        /// Who asks: a pseudonym, or a placeholder for whoever does not want to be known.
        pub creator_id: CommunicationsId,
        /// The market.
        pub market_ticker: Ticker,
        /// How many contracts are wanted.
        pub contracts_fp: Quantity,
        /// How much is to be spent, if that is what was said.
        pub target_cost_dollars: Option<Money>,
        /// Whether fees come on top of that.
        pub target_cost_excludes_fees: Option<bool>,
        /// Whether it is open.
        pub status: RfqStatus,
        /// When it was made.
        pub created_ts: Timestamp,
        /// The collection of a combo.
        pub mve_collection_ticker: Option<CollectionTicker>,
        /// The legs of a combo.
        pub mve_selected_legs: Option<Vec<ComboLeg>>,
        /// Whether what is not traded at once is to rest in the book.
        pub rest_remainder: Option<bool>,
        /// Why it was withdrawn.
        pub cancellation_reason: Option<String>,
        /// The creator's account; told to the creator only.
        pub creator_user_id: Option<UserId>,
        /// The creator's subaccount; told to the creator only.
        pub creator_subaccount: Option<Subaccount>,
        /// When it was withdrawn.
        pub cancelled_ts: Option<Timestamp>,
        /// When it last changed.
        pub updated_ts: Option<Timestamp>,
    }
}

open_enum! {
    /// Whether a request for quote is open.
    pub enum RfqStatus {
        /// Open.
        Open = "open",
        /// Closed; kept for seven days.
        Closed = "closed",
    }
}

body! {
    /// A request for quote to make. Its size is a number of contracts or a sum to spend. Schema `CreateRFQRequest`.
    pub struct CreateRfq {
        /// The market.
        pub market_ticker: Ticker,
        /// Whether what is not traded at once is to rest in the book.
        pub rest_remainder: bool,
    }
    optional {
        /// Whole contracts.
        pub contracts: Option<u64>,
        /// Contracts, with hundredths.
        pub contracts_fp: Option<Quantity>,
        /// Deprecated by the venue in favour of `target_cost_dollars`.
        pub target_cost_centi_cents: Option<CentiCents>,
        /// How much to spend, to the ten-thousandth of a dollar.
        pub target_cost_dollars: Option<Money>,
        /// Whether fees come on top of that.
        pub target_cost_excludes_fees: Option<bool>,
        /// Hide the creator's pseudonym from others.
        pub obscure_creator_id: Option<bool>,
        /// Withdraw the creator's earlier requests.
        pub replace_existing: Option<bool>,
        /// The customer, for a futures commission merchant.
        pub subtrader_id: Option<SubtraderId>,
        /// The subaccount, for a direct member.
        pub subaccount: Option<Subaccount>,
    }
}

record! {
    /// A request for quote was made. Schema `CreateRFQResponse`.
    pub struct RfqCreated {
        /// Its identifier.
        pub id: RfqId,
    }
}

query! {
    /// Which requests for quote. Query of operation `GetRFQs`.
    pub struct RfqsQuery {}
    optional {
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only in this event.
        pub event_ticker: Option<EventTicker>,
        /// Only in this market.
        pub market_ticker: Option<Ticker>,
        /// Only of this subaccount.
        pub subaccount: Option<Subaccount>,
        /// Items per page, 1 to 100; 100 without.
        pub limit: Option<u32>,
        /// Only open or only closed ones.
        pub status: Option<RfqStatus>,
        /// Only by this user.
        pub creator_user_id: Option<UserId>,
        /// Only the caller's own.
        pub user_filter: Option<UserFilter>,
    }
}
