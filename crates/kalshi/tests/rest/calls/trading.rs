//! Calls that trade. Every field of every query and body is filled in.

use daybook_kalshi::rest::{
    communications::{
        AcceptBlockTrade, AcceptQuote, AcceptRfqBatch, BatchQuoteEntry, BlockTradeProposalsQuery, CreateBatchQuote,
        CreateQuote, CreateRfq, CreateRfqBatch, MinimumBid, ProposeBlockTrade, QuoteStatus, QuotesQuery, RfqBatchChild,
        RfqBatchStatus, RfqBatchesQuery, RfqStatus, RfqsQuery, UserFilter,
    },
    markets::{BookSide, OutcomeSide},
    multivariate::ComboLegChoice,
    order_groups::{CreateOrderGroup, OrderGroupLimit, OrderGroupPlace, OrderGroupQuery, OrderGroupsQuery},
    orders::{
        AmendOrder, AmendOrderQuery, CancelAllOrdersQuery, CancelOrder, CancelOrderQuery, CancelOrders, CreateOrder,
        CreateOrders, DecreaseOrder, DecreaseOrderQuery, OrderStatus, OrdersQuery, QueuePositionsQuery,
        SelfTradePrevention, TimeInForce,
    },
    value::{CentiCents, CentiCount, ExchangeIndex, Subaccount, UnixSeconds},
};

use super::{Case, case, money, price, quantity, stamp, ticker};

fn order() -> CreateOrder {
    CreateOrder {
        ticker: ticker("KXTEST-26AUG11-T88"),
        side: BookSide::Bid,
        count: quantity("12.50"),
        price: price("0.5625"),
        time_in_force: TimeInForce::FillOrKill,
        self_trade_prevention_type: SelfTradePrevention::TakerAtCross,
        client_order_id: Some("client-order-id/1".into()),
        expiration_time: Some(UnixSeconds(1_790_000_000)),
        post_only: Some(true),
        cancel_order_on_pause: Some(true),
        reduce_only: Some(true),
        subaccount: Some(Subaccount(3)),
        order_group_id: Some("order-group-id/1".into()),
        exchange_index: Some(ExchangeIndex(2)),
    }
}

pub fn orders() -> Vec<Case> {
    vec![
        case!("GetOrders", |client| client.orders(&OrdersQuery {
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            event_ticker: vec!["event-ticker/1".into(), "event-ticker/2".into()],
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            status: Some(OrderStatus::Resting),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            subaccount: Some(Subaccount(3)),
            exchange_index: Some(ExchangeIndex(2)),
        })),
        case!("GetOrder", |client| client.order(&"order-id/1".into())),
        case!("GetOrderQueuePositions", |client| client.queue_positions(&QueuePositionsQuery {
            market_tickers: vec![ticker("KXTEST-26AUG11-T88"), ticker("KXTEST-26AUG11-T89")],
            event_ticker: Some("event-ticker/1".into()),
            subaccount: Some(Subaccount(3)),
        })),
        case!("GetOrderQueuePosition", |client| client.queue_position(&"order-id/1".into())),
        case!("CreateOrderV2", |client| client.create_order(&order())),
        case!("CancelAllOrders", |client| client
            .cancel_all_orders(&CancelAllOrdersQuery { subaccount: Some(Subaccount(3)) })),
        case!("BatchCreateOrdersV2", |client| client.create_orders(&CreateOrders { orders: vec![order()] })),
        case!("BatchCancelOrdersV2", |client| client.cancel_orders(&CancelOrders {
            orders: vec![CancelOrder {
                order_id: "order-id/1".into(),
                subaccount: Some(Subaccount(3)),
                exchange_index: Some(ExchangeIndex(2)),
                market_ticker: Some(ticker("KXTEST-26AUG11-T88")),
            }],
        })),
        case!("CancelOrderV2", |client| client.cancel_order(
            &"order-id/1".into(),
            &CancelOrderQuery {
                subaccount: Some(Subaccount(3)),
                exchange_index: Some(ExchangeIndex(2)),
                market_ticker: Some(ticker("KXTEST-26AUG11-T88")),
            }
        )),
        case!("AmendOrderV2", |client| client.amend_order(
            &"order-id/1".into(),
            &AmendOrderQuery { subaccount: Some(Subaccount(3)) },
            &AmendOrder {
                ticker: ticker("KXTEST-26AUG11-T88"),
                side: BookSide::Bid,
                price: price("0.5625"),
                count: quantity("12.50"),
                client_order_id: Some("client-order-id/1".into()),
                updated_client_order_id: Some("client-order-id/1".into()),
                expiration_time: Some(UnixSeconds(1_790_000_000)),
                exchange_index: Some(ExchangeIndex(2)),
            }
        )),
        case!("DecreaseOrderV2", |client| client.decrease_order(
            &"order-id/1".into(),
            &DecreaseOrderQuery { subaccount: Some(Subaccount(3)) },
            &DecreaseOrder {
                reduce_by: Some(quantity("12.50")),
                reduce_to: Some(quantity("12.50")),
                exchange_index: Some(ExchangeIndex(2)),
                market_ticker: Some(ticker("KXTEST-26AUG11-T88")),
            }
        )),
    ]
}

pub fn order_groups() -> Vec<Case> {
    vec![
        case!("GetOrderGroups", |client| client.order_groups(&OrderGroupsQuery { subaccount: Some(Subaccount(3)) })),
        case!("CreateOrderGroup", |client| client.create_order_group(&CreateOrderGroup {
            subaccount: Some(Subaccount(3)),
            contracts_limit: Some(5),
            contracts_limit_fp: Some(quantity("12.50")),
            exchange_index: Some(ExchangeIndex(2)),
        })),
        case!("GetOrderGroup", |client| client
            .order_group(&"order-group-id/1".into(), &OrderGroupQuery { subaccount: Some(Subaccount(3)) })),
        case!("DeleteOrderGroup", |client| client.delete_order_group(
            &"order-group-id/1".into(),
            &OrderGroupPlace { subaccount: Some(Subaccount(3)), exchange_index: Some(ExchangeIndex(2)) }
        )),
        case!("ResetOrderGroup", |client| client.reset_order_group(
            &"order-group-id/1".into(),
            &OrderGroupPlace { subaccount: Some(Subaccount(3)), exchange_index: Some(ExchangeIndex(2)) }
        )),
        case!("TriggerOrderGroup", |client| client.trigger_order_group(
            &"order-group-id/1".into(),
            &OrderGroupPlace { subaccount: Some(Subaccount(3)), exchange_index: Some(ExchangeIndex(2)) }
        )),
        case!("UpdateOrderGroupLimit", |client| client.set_order_group_limit(
            &"order-group-id/1".into(),
            &OrderGroupPlace { subaccount: Some(Subaccount(3)), exchange_index: Some(ExchangeIndex(2)) },
            &OrderGroupLimit { contracts_limit: Some(5), contracts_limit_fp: Some(quantity("12.50")) }
        )),
    ]
}

#[allow(deprecated)]
pub fn communications() -> Vec<Case> {
    vec![
        case!("GetCommunicationsID", |client| client.communications_id()),
        case!("GetBlockTradeProposals", |client| client.block_trade_proposals(&BlockTradeProposalsQuery {
            cursor: Some("cursor/1".into()),
            market_ticker: Some(ticker("KXTEST-26AUG11-T88")),
            limit: Some(5),
            status: Some("text & more".to_owned()),
        })),
        case!("ProposeBlockTrade", |client| client.propose_block_trade(&ProposeBlockTrade {
            buyer_user_id: "user-id/1".into(),
            seller_user_id: "user-id/1".into(),
            market_ticker: ticker("KXTEST-26AUG11-T88"),
            price_centi_cents: CentiCents(5_600),
            centicount: CentiCount(1_200),
            maker_side: OutcomeSide::Yes,
            expiration_ts: stamp("2026-10-01T12:00:00.25Z"),
            buyer_subtrader_id: Some("subtrader-id/1".into()),
            buyer_subaccount: Some(Subaccount(3)),
            seller_subtrader_id: Some("subtrader-id/1".into()),
            seller_subaccount: Some(Subaccount(3)),
        })),
        case!("AcceptBlockTradeProposal", |client| client.accept_block_trade(
            &"block-trade-proposal-id/1".into(),
            &AcceptBlockTrade { subtrader_id: Some("subtrader-id/1".into()), subaccount: Some(Subaccount(3)) }
        )),
        case!("GetRFQs", |client| client.rfqs(&RfqsQuery {
            cursor: Some("cursor/1".into()),
            event_ticker: Some("event-ticker/1".into()),
            market_ticker: Some(ticker("KXTEST-26AUG11-T88")),
            subaccount: Some(Subaccount(3)),
            limit: Some(5),
            status: Some(RfqStatus::Open),
            creator_user_id: Some("user-id/1".into()),
            user_filter: Some(UserFilter::Own),
        })),
        case!("CreateRFQ", |client| client.create_rfq(&CreateRfq {
            market_ticker: ticker("KXTEST-26AUG11-T88"),
            rest_remainder: true,
            contracts: Some(5),
            contracts_fp: Some(quantity("12.50")),
            target_cost_centi_cents: Some(CentiCents(5_600)),
            target_cost_dollars: Some(money("12.345600")),
            target_cost_excludes_fees: Some(true),
            obscure_creator_id: Some(true),
            replace_existing: Some(true),
            subtrader_id: Some("subtrader-id/1".into()),
            subaccount: Some(Subaccount(3)),
        })),
        case!("GetRFQ", |client| client.rfq(&"rfq-id/1".into())),
        case!("DeleteRFQ", |client| client.delete_rfq(&"rfq-id/1".into())),
        case!("GetRFQQuote", |client| client.rfq_quote(&"rfq-id/1".into(), &"quote-id/1".into())),
        case!("DeleteRFQQuote", |client| client.delete_rfq_quote(&"rfq-id/1".into(), &"quote-id/1".into())),
        case!("AcceptRFQQuote", |client| client.accept_rfq_quote(
            &"rfq-id/1".into(),
            &"quote-id/1".into(),
            &AcceptQuote { accepted_side: OutcomeSide::Yes }
        )),
        case!("ConfirmRFQQuote", |client| client.confirm_rfq_quote(&"rfq-id/1".into(), &"quote-id/1".into())),
        case!("GetRFQBatches", |client| client.rfq_batches(&RfqBatchesQuery {
            cursor: Some("cursor/1".into()),
            subaccount: Some(Subaccount(3)),
            limit: Some(5),
            status: Some(RfqBatchStatus::Open),
            user_filter: Some(UserFilter::Own),
        })),
        case!("CreateRFQBatch", |client| client.create_rfq_batch(&CreateRfqBatch {
            children: vec![RfqBatchChild {
                market_ticker: Some(ticker("KXTEST-26AUG11-T88")),
                selected_markets: Some(vec![ComboLegChoice {
                    market_ticker: ticker("KXTEST-26AUG11-T88"),
                    event_ticker: "event-ticker/1".into(),
                    side: OutcomeSide::Yes,
                }]),
                contracts_fp: Some(quantity("12.50")),
                target_cost_dollars: Some(money("12.345600")),
            }],
            mve_collection_ticker: Some("collection-ticker/1".into()),
            contracts_fp: Some(quantity("12.50")),
            target_cost_dollars: Some(money("12.345600")),
            target_cost_excludes_fees: Some(true),
            rest_remainder: Some(true),
            replace_existing: Some(true),
            obscure_creator_id: Some(true),
            client_batch_id: Some("client-batch-id/1".into()),
            subtrader_id: Some("subtrader-id/1".into()),
            subaccount: Some(Subaccount(3)),
        })),
        case!("GetRFQBatch", |client| client.rfq_batch(&"rfq-batch-id/1".into())),
        case!("DeleteRFQBatch", |client| client.delete_rfq_batch(&"rfq-batch-id/1".into())),
        case!("GetRFQBatchBestQuotes", |client| client.rfq_batch_best_quotes(&"rfq-batch-id/1".into())),
        case!("AcceptRFQBatch", |client| client.accept_rfq_batch(
            &"rfq-batch-id/1".into(),
            &AcceptRfqBatch {
                accepted_side: OutcomeSide::Yes,
                min_bids: vec![MinimumBid { rfq_id: "rfq-id/1".into(), bid_dollars: price("0.5625") }],
                client_order_id: Some("client-order-id/1".into()),
            }
        )),
        case!("GetRFQBatchQuotes", |client| client.rfq_batch_quotes(&"rfq-batch-id/1".into())),
        case!("CreateRFQBatchQuote", |client| client.create_rfq_batch_quote(
            &"rfq-batch-id/1".into(),
            &CreateBatchQuote {
                quotes: vec![BatchQuoteEntry {
                    rfq_id: "rfq-id/1".into(),
                    yes_bid: price("0.5625"),
                    no_bid: price("0.5625"),
                }],
                rest_remainder: true,
                post_only: Some(true),
                subaccount: Some(Subaccount(3)),
            }
        )),
        case!("DeleteRFQBatchQuote", |client| client
            .delete_rfq_batch_quote(&"rfq-batch-id/1".into(), &"batch-quote-id/1".into())),
        case!("ConfirmRFQBatchQuote", |client| client
            .confirm_rfq_batch_quote(&"rfq-batch-id/1".into(), &"batch-quote-id/1".into())),
        case!("GetQuotes", |client| client.quotes(&QuotesQuery {
            cursor: Some("cursor/1".into()),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            limit: Some(5),
            status: Some(QuoteStatus::Open),
            quote_creator_user_id: Some("user-id/1".into()),
            user_filter: Some(UserFilter::Own),
            rfq_user_filter: Some(UserFilter::Own),
            rfq_creator_user_id: Some("user-id/1".into()),
            rfq_creator_subtrader_id: Some("subtrader-id/1".into()),
            rfq_id: Some("rfq-id/1".into()),
        })),
        case!("CreateQuote", |client| client.create_quote(&CreateQuote {
            rfq_id: "rfq-id/1".into(),
            yes_bid: price("0.5625"),
            no_bid: price("0.5625"),
            rest_remainder: true,
            post_only: Some(true),
            subaccount: Some(Subaccount(3)),
        })),
        case!("GetQuote", |client| client.quote(&"quote-id/1".into())),
        case!("DeleteQuote", |client| client.delete_quote(&"quote-id/1".into())),
        case!("AcceptQuote", |client| client
            .accept_quote(&"quote-id/1".into(), &AcceptQuote { accepted_side: OutcomeSide::Yes })),
        case!("ConfirmQuote", |client| client.confirm_quote(&"quote-id/1".into())),
    ]
}
