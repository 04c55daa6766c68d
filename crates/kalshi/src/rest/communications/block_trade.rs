//! Block trades: agreed on away from the book.

use daybook_book::Ticker;

use crate::rest::{
    markets::OutcomeSide,
    value::{
        BlockTradeProposalId, CentiCents, CentiCount, Cursor, OrderId, Subaccount, SubtraderId, Timestamp, UserId,
        body, query, record,
    },
};

record! {
    /// A page of proposed block trades. Schema `GetBlockTradeProposalsResponse`.
    pub struct BlockTradeProposalsPage {
        /// The proposals.
        pub block_trade_proposals: Vec<BlockTradeProposal>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// A proposed block trade. Who is on the other side is not told. Schema `BlockTradeProposal`.
    pub struct BlockTradeProposal {
        /// Its identifier.
        pub id: BlockTradeProposalId,
        /// Who proposed it.
        pub proposer_user_id: UserId,
        /// The buyer, if that is the caller.
        pub buyer_user_id: Option<UserId> = "",
        /// The buyer's customer.
        pub buyer_subtrader_id: Option<SubtraderId>,
        /// The seller, if that is the caller.
        pub seller_user_id: Option<UserId> = "",
        /// The seller's customer.
        pub seller_subtrader_id: Option<SubtraderId>,
        /// The market.
        pub market_ticker: Ticker,
        /// The price.
        pub price_centi_cents: CentiCents,
        /// The size.
        pub centicount: CentiCount,
        /// The maker's side.
        pub maker_side: OutcomeSide,
        /// When the proposal ends.
        pub expiration_ts: Timestamp,
        /// How far it is, in the venue's words.
        pub status: String,
        /// When it was made.
        pub created_ts: Timestamp,
        /// When it last changed.
        pub updated_ts: Timestamp,
        /// Whether the buyer has accepted.
        pub buyer_accepted: bool,
        /// Whether the seller has accepted.
        pub seller_accepted: bool,
        /// When the buyer did.
        pub buyer_accepted_ts: Option<Timestamp>,
        /// When the seller did.
        pub seller_accepted_ts: Option<Timestamp>,
        /// When it was executed.
        pub executed_ts: Option<Timestamp>,
        /// The buyer's order, once executed.
        pub buyer_order_id: Option<OrderId>,
        /// The seller's order, once executed.
        pub seller_order_id: Option<OrderId>,
    }
}

body! {
    /// A block trade to propose. Each side is a customer or a subaccount, not both. Schema `ProposeBlockTradeRequest`.
    pub struct ProposeBlockTrade {
        /// The buyer.
        pub buyer_user_id: UserId,
        /// The seller.
        pub seller_user_id: UserId,
        /// The market.
        pub market_ticker: Ticker,
        /// The price.
        pub price_centi_cents: CentiCents,
        /// The size.
        pub centicount: CentiCount,
        /// The maker's side.
        pub maker_side: OutcomeSide,
        /// When the proposal ends.
        pub expiration_ts: Timestamp,
    }
    optional {
        /// The buyer's customer.
        pub buyer_subtrader_id: Option<SubtraderId>,
        /// The buyer's subaccount.
        pub buyer_subaccount: Option<Subaccount>,
        /// The seller's customer.
        pub seller_subtrader_id: Option<SubtraderId>,
        /// The seller's subaccount.
        pub seller_subaccount: Option<Subaccount>,
    }
}

record! {
    /// A block trade was proposed. Schema `ProposeBlockTradeResponse`.
    pub struct BlockTradeProposed {
        /// The proposal's identifier.
        pub block_trade_proposal_id: BlockTradeProposalId,
    }
}

body! {
    /// In whose name to accept a block trade: a customer or a subaccount, not both. Schema
    /// `AcceptBlockTradeProposalRequest`.
    pub struct AcceptBlockTrade {}
    optional {
        /// The customer.
        pub subtrader_id: Option<SubtraderId>,
        /// The subaccount.
        pub subaccount: Option<Subaccount>,
    }
}

query! {
    /// Which proposed block trades. Query of operation `GetBlockTradeProposals`.
    pub struct BlockTradeProposalsQuery {}
    optional {
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only in this market.
        pub market_ticker: Option<Ticker>,
        /// Items per page, 1 to 100; 100 without.
        pub limit: Option<u32>,
        /// Only with this status.
        pub status: Option<String>,
    }
}
