//! Requests for quote and quotes, single and in batches. Channel `communications`; numbered.
//!
//! Requests go to everybody, quotes to their two parties, quotes on batches to their maker.

use daybook_book::{Money, Price, Quantity, Ticker};

use crate::rest::{
    markets::{ComboLeg, OutcomeSide},
    value::{
        BatchQuoteId, ClientBatchId, ClientOrderId, CollectionTicker, CommunicationsId, EventTicker, OrderId, QuoteId,
        RfqBatchId, RfqId, Subaccount, Timestamp, record,
    },
};

record! {
    /// Somebody asks for quotes, for so many contracts or for so much money. Frame `rfq_created`.
    pub struct RfqCreated {
        /// The request.
        pub id: RfqId,
        /// Who asks, by pseudonym; who asks to stay obscure has the same one as all others who do.
        pub creator_id: Option<CommunicationsId> = "",
        /// The market.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: Option<EventTicker>,
        /// Contracts asked for.
        pub contracts_fp: Option<Quantity>,
        /// Money to be spent.
        pub target_cost_dollars: Option<Money>,
        /// When.
        pub created_ts: Timestamp,
        /// Of a combo: where it comes from.
        pub mve_collection_ticker: Option<CollectionTicker>,
        /// Of a combo: its legs.
        pub mve_selected_legs: Option<Vec<ComboLeg>>,
    }
    retired on "2026-03-12" {
        _dollars: target_cost;
        _fp: contracts;
    }
}

record! {
    /// A request for quotes is over. Frame `rfq_deleted`.
    pub struct RfqDeleted {
        /// The request.
        pub id: RfqId,
        /// Who asked, as in [`RfqCreated`].
        pub creator_id: Option<CommunicationsId> = "",
        /// The market.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: Option<EventTicker>,
        /// Contracts asked for.
        pub contracts_fp: Option<Quantity>,
        /// Money to be spent.
        pub target_cost_dollars: Option<Money>,
        /// When it ended.
        pub deleted_ts: Timestamp,
    }
    retired on "2026-03-12" {
        _dollars: target_cost;
        _fp: contracts;
    }
}

record! {
    /// A quote was made. Frame `quote_created`.
    pub struct QuoteCreated {
        /// The quote.
        pub quote_id: QuoteId,
        /// The request that it answers.
        pub rfq_id: RfqId,
        /// Who quotes, by pseudonym.
        pub quote_creator_id: Option<CommunicationsId> = "",
        /// Who asked, as in [`RfqCreated`].
        pub rfq_creator_id: Option<CommunicationsId> = "",
        /// The market.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: Option<EventTicker>,
        /// What is bid for YES; zero declines that side.
        pub yes_bid_dollars: Price,
        /// What is bid for NO; zero declines that side.
        pub no_bid_dollars: Price,
        /// YES contracts offered.
        pub yes_contracts_offered_fp: Option<Quantity>,
        /// NO contracts offered.
        pub no_contracts_offered_fp: Option<Quantity>,
        /// The money that the request is to spend.
        pub rfq_target_cost_dollars: Option<Money>,
        /// When.
        pub created_ts: Timestamp,
        /// One's own subaccount; the other party's is never told.
        pub subaccount: Option<Subaccount>,
    }
    retired on "2026-03-12" {
        _dollars: yes_bid, no_bid, rfq_target_cost;
        _fp: yes_contracts_offered, no_contracts_offered;
    }
}

record! {
    /// A quote was accepted; its maker has to confirm. Frame `quote_accepted`.
    pub struct QuoteAccepted {
        /// The quote.
        pub quote_id: QuoteId,
        /// The request that it answers.
        pub rfq_id: RfqId,
        /// Who quoted, by pseudonym.
        pub quote_creator_id: Option<CommunicationsId> = "",
        /// Who asked, as in [`RfqCreated`].
        pub rfq_creator_id: Option<CommunicationsId> = "",
        /// The market.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: Option<EventTicker>,
        /// What was bid for YES.
        pub yes_bid_dollars: Price,
        /// What was bid for NO.
        pub no_bid_dollars: Price,
        /// The side that was accepted.
        pub accepted_side: Option<OutcomeSide>,
        /// Contracts accepted.
        pub contracts_accepted_fp: Option<Quantity>,
        /// YES contracts offered.
        pub yes_contracts_offered_fp: Option<Quantity>,
        /// NO contracts offered.
        pub no_contracts_offered_fp: Option<Quantity>,
        /// The money that the request is to spend.
        pub rfq_target_cost_dollars: Option<Money>,
        /// One's own subaccount; the other party's is never told.
        pub subaccount: Option<Subaccount>,
    }
    retired on "2026-03-12" {
        _dollars: yes_bid, no_bid, rfq_target_cost;
        _fp: contracts_accepted, yes_contracts_offered, no_contracts_offered;
    }
}

record! {
    /// A quote was executed: orders were placed for both parties. Frame `quote_executed`.
    pub struct QuoteExecuted {
        /// The quote.
        pub quote_id: QuoteId,
        /// The request that it answered.
        pub rfq_id: RfqId,
        /// Who quoted, by pseudonym.
        pub quote_creator_id: Option<CommunicationsId> = "",
        /// Who asked, as in [`RfqCreated`].
        pub rfq_creator_id: Option<CommunicationsId> = "",
        /// One's own order, as the fills name it.
        pub order_id: OrderId,
        /// One's own id of that order; `""` on the wire where it has none.
        pub client_order_id: Option<ClientOrderId> = "",
        /// The market.
        pub market_ticker: Ticker,
        /// When.
        pub executed_ts: Timestamp,
        /// One's own subaccount; the other party's is never told.
        pub subaccount: Option<Subaccount>,
        /// The batch, where the quote was part of one.
        pub rfq_batch_id: Option<RfqBatchId>,
    }
}

record! {
    /// Somebody asks for quotes on several combos, which execute together or not at all. Frame `rfq_batch_created`.
    pub struct RfqBatchCreated {
        /// The batch.
        pub id: RfqBatchId,
        /// Who asks, as in [`RfqCreated`].
        pub creator_id: Option<CommunicationsId> = "",
        /// When.
        pub created_ts: Timestamp,
        /// The legs of all combos, each once.
        pub legs: Vec<ComboLeg>,
        /// The requests.
        pub rfqs: Vec<BatchRfq>,
    }
}

record! {
    /// One request of a batch.
    pub struct BatchRfq {
        /// The request.
        pub id: RfqId,
        /// The combo.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: Option<EventTicker>,
        /// Contracts asked for.
        pub contracts_fp: Option<Quantity>,
        /// Money to be spent.
        pub target_cost_dollars: Option<Money>,
        /// Where the combo comes from.
        pub mve_collection_ticker: Option<CollectionTicker>,
        /// Its legs, as places in the batch's list, from 0.
        pub leg_indices: Vec<u32>,
    }
}

record! {
    /// A batch of requests is over. Frame `rfq_batch_deleted`.
    pub struct RfqBatchDeleted {
        /// The batch.
        pub id: RfqBatchId,
        /// Who asked, as in [`RfqCreated`].
        pub creator_id: Option<CommunicationsId> = "",
        /// Its requests.
        pub rfq_ids: Vec<RfqId>,
        /// When it ended.
        pub deleted_ts: Timestamp,
    }
}

record! {
    /// The best quotes for an own batch, all of them. Frame `rfq_batch_best_quotes`.
    pub struct RfqBatchBestQuotes {
        /// The batch.
        pub rfq_batch_id: RfqBatchId,
        /// The caller's own id of it.
        pub client_batch_id: Option<ClientBatchId>,
        /// Grows with every such frame of the batch: one that is not above the last is out of date.
        pub version: u64,
        /// When a best bid last changed.
        pub updated_ts: Timestamp,
        /// Whether every request has a bid for YES, so that the batch can be accepted on that side.
        pub yes_complete: bool,
        /// Whether every request has a bid for NO.
        pub no_complete: bool,
        /// The requests, in the order in which they were made.
        pub rfqs: Vec<BestQuoteItem>,
        /// One's own subaccount.
        pub subaccount: Option<Subaccount>,
    }
}

record! {
    /// The best quotes for one request of a batch; no bid, no price.
    pub struct BestQuoteItem {
        /// The request.
        pub rfq_id: RfqId,
        /// The combo.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: Option<EventTicker>,
        /// The best bid for YES.
        pub yes_bid_dollars: Option<Price>,
        /// The best bid for NO.
        pub no_bid_dollars: Option<Price>,
        /// Contracts asked for.
        pub contracts_fp: Option<Quantity>,
        /// Contracts that the best bid for YES offers.
        pub yes_contracts_offered_fp: Option<Quantity>,
        /// Contracts that the best bid for NO offers.
        pub no_contracts_offered_fp: Option<Quantity>,
        /// The money that the request is to spend.
        pub rfq_target_cost_dollars: Option<Money>,
    }
}

record! {
    /// An own quote on a batch was made. Frame `batch_quote_created`.
    pub struct BatchQuoteCreated {
        /// The quote.
        pub batch_quote_id: BatchQuoteId,
        /// The batch.
        pub rfq_batch_id: RfqBatchId,
        /// One's own pseudonym.
        pub quote_creator_id: Option<CommunicationsId> = "",
        /// When.
        pub created_ts: Timestamp,
        /// The quotes for the single requests.
        pub quotes: Vec<BatchQuoteItem>,
        /// One's own subaccount.
        pub subaccount: Option<Subaccount>,
    }
}

record! {
    /// An own quote for one request of a batch.
    pub struct BatchQuoteItem {
        /// The quote.
        pub quote_id: QuoteId,
        /// The request.
        pub rfq_id: RfqId,
        /// The combo.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: Option<EventTicker>,
        /// What is bid for YES.
        pub yes_bid_dollars: Price,
        /// What is bid for NO.
        pub no_bid_dollars: Price,
        /// Of an accepted quote: contracts accepted.
        pub contracts_accepted_fp: Option<Quantity>,
        /// YES contracts offered.
        pub yes_contracts_offered_fp: Option<Quantity>,
        /// NO contracts offered.
        pub no_contracts_offered_fp: Option<Quantity>,
        /// The money that the request is to spend.
        pub rfq_target_cost_dollars: Option<Money>,
    }
}

record! {
    /// An own quote on a batch was accepted; it has to be confirmed. Frame `batch_quote_accepted`.
    pub struct BatchQuoteAccepted {
        /// The quote, by which it is confirmed.
        pub batch_quote_id: BatchQuoteId,
        /// The batch.
        pub rfq_batch_id: RfqBatchId,
        /// One's own pseudonym.
        pub quote_creator_id: Option<CommunicationsId> = "",
        /// Who asked, as in [`RfqCreated`].
        pub rfq_creator_id: Option<CommunicationsId> = "",
        /// The side that was accepted on every request.
        pub accepted_side: OutcomeSide,
        /// When.
        pub accepted_ts: Timestamp,
        /// The quotes that won; other requests went to other makers.
        pub quotes: Vec<BatchQuoteItem>,
        /// One's own subaccount.
        pub subaccount: Option<Subaccount>,
    }
}

record! {
    /// How an own batch ended. Frame `rfq_batch_executed`.
    pub struct RfqBatchExecuted {
        /// The batch.
        pub rfq_batch_id: RfqBatchId,
        /// The caller's own id of it.
        pub client_batch_id: Option<ClientBatchId>,
        /// One's own pseudonym.
        pub rfq_creator_id: Option<CommunicationsId> = "",
        /// Requests that traded.
        pub executed_rfq_ids: Vec<RfqId>,
        /// Requests that did not.
        pub failed_rfq_ids: Vec<RfqId>,
        /// When the last one was done.
        pub executed_ts: Timestamp,
        /// The venue's words for it.
        pub close_reason: String,
        /// One's own subaccount.
        pub subaccount: Option<Subaccount>,
    }
}

record! {
    /// How an own quote on a batch ended. Frame `batch_quote_executed`.
    pub struct BatchQuoteExecuted {
        /// The quote.
        pub batch_quote_id: BatchQuoteId,
        /// The batch.
        pub rfq_batch_id: RfqBatchId,
        /// Who asked; of somebody obscure only once a request traded.
        pub rfq_creator_id: Option<CommunicationsId> = "",
        /// Own requests' quotes that traded.
        pub executed_rfq_ids: Vec<RfqId>,
        /// Those that did not.
        pub failed_rfq_ids: Vec<RfqId>,
        /// When the last one was done.
        pub executed_ts: Timestamp,
        /// The venue's words for it.
        pub close_reason: String,
        /// One's own subaccount.
        pub subaccount: Option<Subaccount>,
    }
}
