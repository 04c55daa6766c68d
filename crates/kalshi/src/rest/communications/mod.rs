//! Requests for quote, quotes, batches of them, and block trades.

mod batch;
mod block_trade;
mod quote;
mod rfq;

pub use batch::{
    AcceptRfqBatch, BatchQuote, BatchQuoteCreated, BatchQuoteEntry, BatchQuoteStatus, BatchQuotes, BestQuote,
    BestQuotes, BestQuotesAnswer, CreateBatchQuote, CreateRfqBatch, MinimumBid, RfqBatch, RfqBatchAccepted,
    RfqBatchAnswer, RfqBatchChild, RfqBatchCreated, RfqBatchStatus, RfqBatchesPage, RfqBatchesQuery,
};
pub use block_trade::{
    AcceptBlockTrade, BlockTradeProposal, BlockTradeProposalsPage, BlockTradeProposalsQuery, BlockTradeProposed,
    ProposeBlockTrade,
};
pub use quote::{AcceptQuote, CreateQuote, Quote, QuoteAnswer, QuoteCreated, QuoteStatus, QuotesPage, QuotesQuery};
pub use rfq::{CreateRfq, Rfq, RfqAnswer, RfqCreated, RfqStatus, RfqsPage, RfqsQuery};

use crate::{
    client::{Call, Client, Error, Operation, RetrySafety},
    rest::{
        names_it,
        paging::{Items, items, pages},
        value::{
            BatchQuoteId, BlockTradeProposalId, CommunicationsId, Query, QuoteId, RfqBatchId, RfqId, open_enum,
            operations, record,
        },
    },
};

operations! {
    GET_COMMUNICATIONS_ID = Get "/communications/id" "GetCommunicationsID" signed Read;
    GET_BLOCK_TRADE_PROPOSALS = Get "/communications/block-trade-proposals" "GetBlockTradeProposals" signed Read;
    PROPOSE_BLOCK_TRADE = Post "/communications/block-trade-proposals" "ProposeBlockTrade" signed Read;
    ACCEPT_BLOCK_TRADE_PROPOSAL = Post "/communications/block-trade-proposals/{block_trade_proposal_id}/accept"
        "AcceptBlockTradeProposal" signed Write;
    GET_RFQS = Get "/communications/rfqs" "GetRFQs" signed Read;
    CREATE_RFQ = Post "/communications/rfqs" "CreateRFQ" signed Write;
    GET_RFQ = Get "/communications/rfqs/{rfq_id}" "GetRFQ" signed Read;
    DELETE_RFQ = Delete "/communications/rfqs/{rfq_id}" "DeleteRFQ" signed Write;
    GET_RFQ_QUOTE = Get "/communications/rfqs/{rfq_id}/quotes/{quote_id}" "GetRFQQuote" signed Read;
    DELETE_RFQ_QUOTE = Delete "/communications/rfqs/{rfq_id}/quotes/{quote_id}" "DeleteRFQQuote" signed Write;
    ACCEPT_RFQ_QUOTE = Put "/communications/rfqs/{rfq_id}/quotes/{quote_id}/accept" "AcceptRFQQuote" signed Write;
    CONFIRM_RFQ_QUOTE = Put "/communications/rfqs/{rfq_id}/quotes/{quote_id}/confirm" "ConfirmRFQQuote" signed Write;
    GET_RFQ_BATCHES = Get "/communications/rfq_batches" "GetRFQBatches" signed Read;
    CREATE_RFQ_BATCH = Post "/communications/rfq_batches" "CreateRFQBatch" signed Write;
    GET_RFQ_BATCH = Get "/communications/rfq_batches/{rfq_batch_id}" "GetRFQBatch" signed Read;
    DELETE_RFQ_BATCH = Delete "/communications/rfq_batches/{rfq_batch_id}" "DeleteRFQBatch" signed Write;
    GET_RFQ_BATCH_BEST_QUOTES = Get "/communications/rfq_batches/{rfq_batch_id}/best_quotes"
        "GetRFQBatchBestQuotes" signed Read;
    ACCEPT_RFQ_BATCH = Put "/communications/rfq_batches/{rfq_batch_id}/accept" "AcceptRFQBatch" signed Write;
    GET_RFQ_BATCH_QUOTES = Get "/communications/rfq_batches/{rfq_batch_id}/quotes" "GetRFQBatchQuotes" signed Read;
    CREATE_RFQ_BATCH_QUOTE = Post "/communications/rfq_batches/{rfq_batch_id}/quotes"
        "CreateRFQBatchQuote" signed Write;
    DELETE_RFQ_BATCH_QUOTE = Delete "/communications/rfq_batches/{rfq_batch_id}/quotes/{batch_quote_id}"
        "DeleteRFQBatchQuote" signed Write;
    CONFIRM_RFQ_BATCH_QUOTE = Put "/communications/rfq_batches/{rfq_batch_id}/quotes/{batch_quote_id}/confirm"
        "ConfirmRFQBatchQuote" signed Write;
    GET_QUOTES = Get "/communications/quotes" "GetQuotes" signed Read;
    CREATE_QUOTE = Post "/communications/quotes" "CreateQuote" signed Write;
    GET_QUOTE = Get "/communications/quotes/{quote_id}" "GetQuote" signed Read;
    DELETE_QUOTE = Delete "/communications/quotes/{quote_id}" "DeleteQuote" signed Write;
    ACCEPT_QUOTE = Put "/communications/quotes/{quote_id}/accept" "AcceptQuote" signed Write;
    CONFIRM_QUOTE = Put "/communications/quotes/{quote_id}/confirm" "ConfirmQuote" signed Write;
}

pages! {
    GET_RFQS(RfqsQuery) = RfqsPage { rfqs: Rfq };
    GET_QUOTES(QuotesQuery) = QuotesPage { quotes: Quote };
    GET_RFQ_BATCHES(RfqBatchesQuery) = RfqBatchesPage { rfq_batches: RfqBatch };
    GET_BLOCK_TRADE_PROPOSALS(BlockTradeProposalsQuery) =
        BlockTradeProposalsPage { block_trade_proposals: BlockTradeProposal };
}

record! {
    /// The envelope of a pseudonym. Schema `GetCommunicationsIDResponse`.
    pub struct CommunicationsIdAnswer {
        /// The pseudonym.
        pub communications_id: CommunicationsId,
    }
}

open_enum! {
    /// Whose.
    pub enum UserFilter {
        /// The caller's own only.
        Own = "self",
    }
}

impl Client {
    /// The caller's pseudonym. Operation `GetCommunicationsID`.
    pub async fn communications_id(&self) -> Result<CommunicationsId, Error> {
        Ok(self.call::<CommunicationsIdAnswer>(Call::new(&GET_COMMUNICATIONS_ID)).await?.communications_id)
    }

    /// A page of requests for quote. Operation `GetRFQs`.
    pub async fn rfqs(&self, query: &RfqsQuery) -> Result<RfqsPage, Error> {
        self.call(query.add_to(Call::new(&GET_RFQS))).await
    }

    /// All requests for quote that the query names. Pages of [`rfqs`](Client::rfqs), from `query.cursor` on.
    pub fn all_rfqs(&self, query: RfqsQuery) -> Items<Rfq> {
        items(self, query)
    }

    /// One request for quote. Operation `GetRFQ`.
    pub async fn rfq(&self, rfq_id: &RfqId) -> Result<Rfq, Error> {
        Ok(self.call::<RfqAnswer>(Call::new(&GET_RFQ).path("rfq_id", rfq_id)).await?.rfq)
    }

    /// Asks for quotes. A user may have one open request per market (409). Operation `CreateRFQ`.
    pub async fn create_rfq(&self, body: &CreateRfq) -> Result<RfqId, Error> {
        Ok(self.call::<RfqCreated>(Call::new(&CREATE_RFQ).body(body)).await?.id)
    }

    /// Withdraws a request for quote. Operation `DeleteRFQ`.
    pub async fn delete_rfq(&self, rfq_id: &RfqId) -> Result<(), Error> {
        self.done(Call::new(&DELETE_RFQ).path("rfq_id", rfq_id)).await
    }

    /// A page of quotes. Operation `GetQuotes`.
    pub async fn quotes(&self, query: &QuotesQuery) -> Result<QuotesPage, Error> {
        self.call(query.add_to(Call::new(&GET_QUOTES))).await
    }

    /// All quotes that the query names. Pages of [`quotes`](Client::quotes), from `query.cursor` on.
    pub fn all_quotes(&self, query: QuotesQuery) -> Items<Quote> {
        items(self, query)
    }

    /// Quotes on a request. Operation `CreateQuote`.
    pub async fn create_quote(&self, body: &CreateQuote) -> Result<QuoteId, Error> {
        Ok(self.call::<QuoteCreated>(Call::new(&CREATE_QUOTE).body(body)).await?.id)
    }

    /// One quote. Operation `GetRFQQuote`.
    pub async fn rfq_quote(&self, rfq_id: &RfqId, quote_id: &QuoteId) -> Result<Quote, Error> {
        Ok(self.call::<QuoteAnswer>(of_quote(&GET_RFQ_QUOTE, rfq_id, quote_id)).await?.quote)
    }

    /// Withdraws a quote. Operation `DeleteRFQQuote`.
    pub async fn delete_rfq_quote(&self, rfq_id: &RfqId, quote_id: &QuoteId) -> Result<(), Error> {
        self.done(of_quote(&DELETE_RFQ_QUOTE, rfq_id, quote_id)).await
    }

    /// Accepts one side of a quote. Its maker has to confirm: within 30 seconds, and within 3 in a combo or another
    /// market of high volume. Operation `AcceptRFQQuote`.
    pub async fn accept_rfq_quote(&self, rfq_id: &RfqId, quote_id: &QuoteId, body: &AcceptQuote) -> Result<(), Error> {
        self.done(of_quote(&ACCEPT_RFQ_QUOTE, rfq_id, quote_id).body(body)).await
    }

    /// Confirms a quote that was accepted. It executes 15 seconds later, and after one in a combo or another market of
    /// high volume. Operation `ConfirmRFQQuote`.
    pub async fn confirm_rfq_quote(&self, rfq_id: &RfqId, quote_id: &QuoteId) -> Result<(), Error> {
        self.done(of_quote(&CONFIRM_RFQ_QUOTE, rfq_id, quote_id)).await
    }

    /// One quote, by the older path. Operation `GetQuote`.
    #[deprecated(note = "the venue asks for the paths that name the RFQ too")]
    pub async fn quote(&self, quote_id: &QuoteId) -> Result<Quote, Error> {
        Ok(self.call::<QuoteAnswer>(Call::new(&GET_QUOTE).path("quote_id", quote_id)).await?.quote)
    }

    /// Withdraws a quote, by the older path. Operation `DeleteQuote`.
    #[deprecated(note = "the venue asks for the paths that name the RFQ too")]
    pub async fn delete_quote(&self, quote_id: &QuoteId) -> Result<(), Error> {
        self.done(Call::new(&DELETE_QUOTE).path("quote_id", quote_id)).await
    }

    /// Accepts one side of a quote, by the older path. Operation `AcceptQuote`.
    #[deprecated(note = "the venue asks for the paths that name the RFQ too")]
    pub async fn accept_quote(&self, quote_id: &QuoteId, body: &AcceptQuote) -> Result<(), Error> {
        self.done(Call::new(&ACCEPT_QUOTE).path("quote_id", quote_id).body(body)).await
    }

    /// Confirms a quote that was accepted, by the older path. Operation `ConfirmQuote`.
    #[deprecated(note = "the venue asks for the paths that name the RFQ too")]
    pub async fn confirm_quote(&self, quote_id: &QuoteId) -> Result<(), Error> {
        self.done(Call::new(&CONFIRM_QUOTE).path("quote_id", quote_id)).await
    }

    /// A page of batches of requests for quote. Operation `GetRFQBatches`.
    pub async fn rfq_batches(&self, query: &RfqBatchesQuery) -> Result<RfqBatchesPage, Error> {
        self.call(query.add_to(Call::new(&GET_RFQ_BATCHES))).await
    }

    /// All batches that the query names. Pages of [`rfq_batches`](Client::rfq_batches), from `query.cursor` on.
    pub fn all_rfq_batches(&self, query: RfqBatchesQuery) -> Items<RfqBatch> {
        items(self, query)
    }

    /// One batch. Operation `GetRFQBatch`.
    pub async fn rfq_batch(&self, rfq_batch_id: &RfqBatchId) -> Result<RfqBatch, Error> {
        Ok(self.call::<RfqBatchAnswer>(Call::new(&GET_RFQ_BATCH).path("rfq_batch_id", rfq_batch_id)).await?.rfq_batch)
    }

    /// Asks for quotes on several combos that are to execute together or not at all. Operation `CreateRFQBatch`.
    pub async fn create_rfq_batch(&self, body: &CreateRfqBatch) -> Result<RfqBatch, Error> {
        Ok(self.call::<RfqBatchCreated>(Call::new(&CREATE_RFQ_BATCH).body(body)).await?.rfq_batch)
    }

    /// Withdraws a batch. Operation `DeleteRFQBatch`.
    pub async fn delete_rfq_batch(&self, rfq_batch_id: &RfqBatchId) -> Result<(), Error> {
        self.done(Call::new(&DELETE_RFQ_BATCH).path("rfq_batch_id", rfq_batch_id)).await
    }

    /// The best quotes on a batch, over all makers. Operation `GetRFQBatchBestQuotes`.
    pub async fn rfq_batch_best_quotes(&self, rfq_batch_id: &RfqBatchId) -> Result<BestQuotes, Error> {
        Ok(self
            .call::<BestQuotesAnswer>(Call::new(&GET_RFQ_BATCH_BEST_QUOTES).path("rfq_batch_id", rfq_batch_id))
            .await?
            .best_quotes)
    }

    /// Accepts one side of all of a batch, from the best maker each. Operation `AcceptRFQBatch`.
    ///
    /// With a `client_order_id` it may be sent again: the venue answers with what the first did.
    pub async fn accept_rfq_batch(
        &self,
        rfq_batch_id: &RfqBatchId,
        body: &AcceptRfqBatch,
    ) -> Result<RfqBatchAccepted, Error> {
        let mut call = Call::new(&ACCEPT_RFQ_BATCH).path("rfq_batch_id", rfq_batch_id).body(body);
        if names_it(body.client_order_id.as_ref()) {
            call = call.retry(RetrySafety::Idempotent);
        }
        self.call(call).await
    }

    /// The quotes on a batch that the caller may see. Operation `GetRFQBatchQuotes`.
    pub async fn rfq_batch_quotes(&self, rfq_batch_id: &RfqBatchId) -> Result<Vec<BatchQuote>, Error> {
        Ok(self
            .call::<BatchQuotes>(Call::new(&GET_RFQ_BATCH_QUOTES).path("rfq_batch_id", rfq_batch_id))
            .await?
            .batch_quotes)
    }

    /// Quotes on all of a batch, in place of the caller's earlier quote on it. Operation `CreateRFQBatchQuote`.
    pub async fn create_rfq_batch_quote(
        &self,
        rfq_batch_id: &RfqBatchId,
        body: &CreateBatchQuote,
    ) -> Result<BatchQuoteId, Error> {
        Ok(self
            .call::<BatchQuoteCreated>(Call::new(&CREATE_RFQ_BATCH_QUOTE).path("rfq_batch_id", rfq_batch_id).body(body))
            .await?
            .id)
    }

    /// Withdraws a quote on a batch. Operation `DeleteRFQBatchQuote`.
    pub async fn delete_rfq_batch_quote(
        &self,
        rfq_batch_id: &RfqBatchId,
        batch_quote_id: &BatchQuoteId,
    ) -> Result<(), Error> {
        self.done(of_batch_quote(&DELETE_RFQ_BATCH_QUOTE, rfq_batch_id, batch_quote_id)).await
    }

    /// Confirms what was accepted of a quote on a batch. Operation `ConfirmRFQBatchQuote`.
    pub async fn confirm_rfq_batch_quote(
        &self,
        rfq_batch_id: &RfqBatchId,
        batch_quote_id: &BatchQuoteId,
    ) -> Result<(), Error> {
        self.done(of_batch_quote(&CONFIRM_RFQ_BATCH_QUOTE, rfq_batch_id, batch_quote_id)).await
    }

    /// A page of proposed block trades. Operation `GetBlockTradeProposals`.
    pub async fn block_trade_proposals(
        &self,
        query: &BlockTradeProposalsQuery,
    ) -> Result<BlockTradeProposalsPage, Error> {
        self.call(query.add_to(Call::new(&GET_BLOCK_TRADE_PROPOSALS))).await
    }

    /// All proposed block trades that the query names. Pages of
    /// [`block_trade_proposals`](Client::block_trade_proposals), from `query.cursor` on.
    pub fn all_block_trade_proposals(&self, query: BlockTradeProposalsQuery) -> Items<BlockTradeProposal> {
        items(self, query)
    }

    /// Proposes a block trade between two users. Operation `ProposeBlockTrade`.
    pub async fn propose_block_trade(&self, body: &ProposeBlockTrade) -> Result<BlockTradeProposalId, Error> {
        Ok(self.call::<BlockTradeProposed>(Call::new(&PROPOSE_BLOCK_TRADE).body(body)).await?.block_trade_proposal_id)
    }

    /// Accepts a proposed block trade in the name of one of its sides. Operation `AcceptBlockTradeProposal`.
    pub async fn accept_block_trade(
        &self,
        block_trade_proposal_id: &BlockTradeProposalId,
        body: &AcceptBlockTrade,
    ) -> Result<(), Error> {
        self.done(
            Call::new(&ACCEPT_BLOCK_TRADE_PROPOSAL).path("block_trade_proposal_id", block_trade_proposal_id).body(body),
        )
        .await
    }
}

/// A call on one quote.
fn of_quote(operation: &'static Operation, rfq_id: &RfqId, quote_id: &QuoteId) -> Call {
    Call::new(operation).path("rfq_id", rfq_id).path("quote_id", quote_id)
}

/// A call on one quote on a batch.
fn of_batch_quote(operation: &'static Operation, rfq_batch_id: &RfqBatchId, batch_quote_id: &BatchQuoteId) -> Call {
    Call::new(operation).path("rfq_batch_id", rfq_batch_id).path("batch_quote_id", batch_quote_id)
}
