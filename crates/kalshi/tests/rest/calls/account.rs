//! Calls about the account. Every field of every query and body is filled in.

use daybook_kalshi::rest::{
    api_keys::{ApiKeysQuery, CreateApiKey, GenerateApiKey, KeyKind, Scope},
    fcm::{
        BlockedCategoriesQuery, BlockedCategoryRequest, CreateSubtrader, DailyCapOwner, DailyCapQuery, DailyCapRequest,
        FcmFillsQuery, FcmOrdersQuery, FcmPositionsQuery, PositionTransferRequest,
    },
    orders::OrderStatus,
    portfolio::{
        BalanceQuery, CreateSubaccount, DepositsQuery, ExchangeInstance, FillsQuery, PositionCount, PositionsQuery,
        RestingReservation, SettlementFilter, SettlementsQuery, ShardTransferRequest, ShardTransfersQuery,
        SubaccountNettingRequest, SubaccountTransferRequest, SubaccountTransfersQuery, TargetAllocationRequest,
        TargetShare, WithdrawalsQuery,
    },
    value::{CentiCents, CentiCount, Cents, ExchangeIndex, Subaccount, UnixSeconds},
};

use super::{Case, case, money, ticker};

pub fn portfolio() -> Vec<Case> {
    vec![
        case!("GetBalance", |client| client
            .balance(&BalanceQuery { subaccount: Some(Subaccount(3)), exchange_index: Some(ExchangeIndex(2)) })),
        case!("IntraExchangeInstanceTransfer", |client| client.transfer_between_shards(&ShardTransferRequest {
            source: ExchangeInstance::EventContract,
            destination: ExchangeInstance::EventContract,
            amount: CentiCents(5_600),
            client_transfer_id: Some("client-transfer-id/1".into()),
            source_exchange_shard: Some(ExchangeIndex(2)),
            destination_exchange_shard: Some(ExchangeIndex(2)),
            source_subaccount: Some(Subaccount(3)),
            destination_subaccount: Some(Subaccount(3)),
        })),
        case!("GetIntraExchangeInstanceTransfers", |client| client
            .shard_transfers(&ShardTransfersQuery { limit: Some(5), cursor: Some("cursor/1".into()) })),
        case!("GetIntraExchangeInstanceTransfer", |client| client.shard_transfer(&"transfer-id/1".into())),
        case!("CreateSubaccount", |client| client
            .create_subaccount(&CreateSubaccount { exchange_index: Some(ExchangeIndex(2)) })),
        case!("ApplySubaccountTransfer", |client| client.transfer_between_subaccounts(&SubaccountTransferRequest {
            client_transfer_id: "client-transfer-id/1".into(),
            from_subaccount: Subaccount(3),
            to_subaccount: Subaccount(3),
            amount_cents: Cents(1_234),
            exchange_index: Some(ExchangeIndex(2)),
        })),
        case!("GetSubaccountBalances", |client| client.subaccount_balances()),
        case!("GetSubaccountTransfers", |client| client
            .subaccount_transfers(&SubaccountTransfersQuery { limit: Some(5), cursor: Some("cursor/1".into()) })),
        case!("UpdateSubaccountNetting", |client| client
            .set_subaccount_netting(&SubaccountNettingRequest { subaccount_number: Subaccount(3), enabled: true })),
        case!("GetSubaccountNetting", |client| client.subaccount_netting()),
        case!("GetPositions", |client| client.positions(&PositionsQuery {
            cursor: Some("cursor/1".into()),
            limit: Some(5),
            count_filter: vec![PositionCount::Position, PositionCount::TotalTraded],
            settlement_status: Some(SettlementFilter::Unsettled),
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            event_ticker: Some("event-ticker/1".into()),
            subaccount: Some(Subaccount(3)),
            exchange_index: Some(ExchangeIndex(2)),
        })),
        case!("GetSettlements", |client| client.settlements(&SettlementsQuery {
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            event_ticker: Some("event-ticker/1".into()),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            subaccount: Some(Subaccount(3)),
        })),
        case!("GetDeposits", |client| client
            .deposits(&DepositsQuery { limit: Some(5), cursor: Some("cursor/1".into()) })),
        case!("GetWithdrawals", |client| client
            .withdrawals(&WithdrawalsQuery { limit: Some(5), cursor: Some("cursor/1".into()) })),
        case!("GetPortfolioRestingOrderTotalValue", |client| client.resting_order_value()),
        case!("GetFills", |client| client.fills(&FillsQuery {
            ticker: vec![ticker("KXTEST-26AUG11-T88"), ticker("KXTEST-26AUG11-T89")],
            order_id: Some("order-id/1".into()),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            subaccount: Some(Subaccount(3)),
            exchange_index: Some(ExchangeIndex(2)),
        })),
        case!("GetTargetBalanceAllocation", |client| client.target_balance_allocation()),
        case!("SetTargetBalanceAllocation", |client| client.set_target_balance_allocation(&TargetAllocationRequest {
            allocations: vec![TargetShare { exchange_index: ExchangeIndex(2), percent: 5 }],
            resting_margin_reservation: Some(RestingReservation::None),
        })),
    ]
}

pub fn api_keys() -> Vec<Case> {
    vec![
        case!("GetApiKeys", |client| client
            .api_keys(&ApiKeysQuery { fcm_subtrader_id: Some("subtrader-id/1".into()) })),
        case!("CreateApiKey", |client| client.create_api_key(&CreateApiKey {
            name: "text & more".to_owned(),
            public_key: "text & more".to_owned(),
            scopes: Some(vec![Scope::Read, Scope::Write]),
            subaccount: Some(Subaccount(3)),
            fcm_subtrader_id: Some("subtrader-id/1".into()),
        })),
        case!("GenerateApiKey", |client| client.generate_api_key(&GenerateApiKey {
            name: "text & more".to_owned(),
            key_type: Some(KeyKind::Rsa),
            scopes: Some(vec![Scope::Read, Scope::Write]),
            subaccount: Some(Subaccount(3)),
            fcm_subtrader_id: Some("subtrader-id/1".into()),
        })),
        case!("DeleteApiKey", |client| client.delete_api_key(&"api-key-id/1".into())),
    ]
}

pub fn account() -> Vec<Case> {
    vec![
        case!("GetAccountApiLimits", |client| client.api_limits()),
        case!("UpgradeAccountApiUsageLevel", |client| client.upgrade_api_usage_level()),
        case!("GetAccountApiUsageLevelVolumeProgress", |client| client.usage_volume_progress()),
        case!("GetAccountEndpointCosts", |client| client.endpoint_costs()),
    ]
}

pub fn fcm() -> Vec<Case> {
    vec![
        case!("GetFCMFills", |client| client.fcm_fills(&FcmFillsQuery {
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            cursor: Some("cursor/1".into()),
        })),
        case!("GetFCMOrders", |client| client.fcm_orders(&FcmOrdersQuery {
            subtrader_id: Some("subtrader-id/1".into()),
            client_order_ids: vec!["client-order-id/1".into(), "client-order-id/2".into()],
            cursor: Some("cursor/1".into()),
            event_ticker: Some("event-ticker/1".into()),
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            status: Some(OrderStatus::Resting),
            limit: Some(5),
        })),
        case!("ListFCMSubtraders", |client| client.subtraders()),
        case!("CreateFCMSubtrader", |client| client
            .create_subtrader(&CreateSubtrader { subtrader_suffix: "text & more".to_owned() })),
        case!("GetFCMEventContractDailyCap", |client| client
            .event_contract_daily_cap(&DailyCapQuery { subtrader_id: Some("subtrader-id/1".into()) })),
        case!("UpdateFCMEventContractDailyCap", |client| client.set_event_contract_daily_cap(&DailyCapRequest {
            subtrader_id: "subtrader-id/1".into(),
            limit: money("12.345600"),
        })),
        case!("DeleteFCMEventContractDailyCap", |client| client
            .delete_event_contract_daily_cap(&DailyCapOwner { subtrader_id: "subtrader-id/1".into() })),
        case!("GetFCMSubtraderBlockedCategories", |client| client
            .blocked_categories(&BlockedCategoriesQuery { subtrader_id: "subtrader-id/1".into() })),
        case!("UpdateFCMSubtraderBlockedCategories", |client| client.set_blocked_category(&BlockedCategoryRequest {
            subtrader_id: "subtrader-id/1".into(),
            category: "text & more".to_owned(),
            blocked: true,
        })),
        case!("GetFCMPositions", |client| client.fcm_positions(&FcmPositionsQuery {
            subtrader_id: Some("subtrader-id/1".into()),
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            event_ticker: Some("event-ticker/1".into()),
            count_filter: vec![PositionCount::Position, PositionCount::TotalTraded],
            settlement_status: Some(SettlementFilter::Unsettled),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
        })),
        case!("CreateFCMPositionTransfer", |client| client.transfer_position(&PositionTransferRequest {
            source_subtrader_id: "subtrader-id/1".into(),
            target_subtrader_id: "subtrader-id/1".into(),
            market_ticker: ticker("KXTEST-26AUG11-T88"),
            position_centicount: CentiCount(1_200),
            price_centicents: CentiCents(5_600),
        })),
    ]
}
