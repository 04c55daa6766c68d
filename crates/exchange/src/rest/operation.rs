//! All operations of the venue, and what answers each.

use daybook_kalshi::{Budget, Method, Operation, rest};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    account,
    answer::{Answer, Refusal},
    api_keys, candlesticks, events, exchange, historical, markets, order_groups, orders, portfolio, reference_data,
    request::Request,
    series, subaccounts, trading, transfers,
};
use crate::{auth::Permission, limits::Charge, venue::Venue};

/// Answers an operation, with the venue locked.
pub(super) type Handler = fn(&mut Venue, &Request<'_>) -> Result<Answer, Refusal>;

/// An operation, and what answers it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub id: &'static str,
    /// None: it is not implemented, and says so.
    pub handler: Option<Handler>,
    pub shards: Shards,
}

/// Which shards' buckets a write is paid from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shards {
    /// None in particular: the first one's.
    Unscoped,
    /// That of the body's `exchange_index`; all of them if the exchange has to find it by the ticker.
    ByTicker,
    /// The same where the body may have no ticker.
    ByMarketTicker,
    /// The same of a query.
    ByQueryTicker,
    /// The first one's, once for every order of the batch.
    Batch,
    /// That of the body's `exchange_index`, or the first one's.
    Body,
    /// The same of a query.
    Query,
}

/// Whether an operation is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// As the venue answers it.
    Answered,
    /// With 501 and the operation's name.
    NotImplemented,
}

/// Every operation of the venue, and whether this exchange answers it.
pub fn support() -> impl Iterator<Item = (&'static Operation, Support)> {
    rows().map(|(operation, row)| {
        (operation, if row.handler.is_some() { Support::Answered } else { Support::NotImplemented })
    })
}

/// The table with the operations that it names.
pub(super) fn rows() -> impl Iterator<Item = (&'static Operation, &'static Row)> {
    rest::operations().filter_map(|operation| Some((operation, TABLE.iter().find(|row| row.id == operation.id)?)))
}

const fn row(id: &'static str, handler: Option<Handler>) -> Row {
    Row { id, handler, shards: Shards::Unscoped }
}

const fn write(id: &'static str, handler: Handler, shards: Shards) -> Row {
    Row { id, handler: Some(handler), shards }
}

/// One row for every operation, in the order of the venue's document.
pub(super) const TABLE: &[Row] = &[
    row("GetExchangeStatus", Some(exchange::status)),
    row("GetSeriesFeeChanges", Some(series::fee_changes)),
    row("GetExchangeSchedule", Some(exchange::schedule)),
    row("GetUserDataTimestamp", Some(exchange::user_data_timestamp)),
    row("GetMarketCandlesticks", Some(candlesticks::of_market)),
    row("GetTrades", Some(markets::trades)),
    row("GetMarketOrderbook", Some(markets::orderbook)),
    row("GetMarketOrderbooks", Some(markets::orderbooks)),
    row("GetSeries", Some(series::one)),
    row("GetSeriesList", Some(series::list)),
    row("GetMarkets", Some(markets::list)),
    row("GetMarket", Some(markets::one)),
    row("BatchGetMarketCandlesticks", Some(candlesticks::of_markets)),
    row("GetMarketCandlesticksByEvent", Some(candlesticks::of_event)),
    row("GetEvents", Some(events::list)),
    row("GetMultivariateEvents", Some(events::multivariate)),
    row("GetEventFeeChanges", Some(events::fee_changes)),
    row("GetEvent", Some(events::one)),
    row("GetEventMetadata", Some(events::metadata)),
    row("GetEventForecastPercentilesHistory", Some(events::forecasts)),
    row("GetOrders", Some(orders::list)),
    row("GetOrder", Some(orders::one)),
    row("GetOrderQueuePositions", Some(orders::queue_positions)),
    row("GetOrderQueuePosition", Some(orders::queue_position)),
    write("CreateOrderV2", trading::create, Shards::ByTicker),
    row("CancelAllOrders", Some(trading::cancel_all)),
    write("BatchCreateOrdersV2", trading::create_batch, Shards::Batch),
    write("BatchCancelOrdersV2", trading::cancel_batch, Shards::Batch),
    write("CancelOrderV2", trading::cancel, Shards::ByQueryTicker),
    write("AmendOrderV2", trading::amend, Shards::ByTicker),
    write("DecreaseOrderV2", trading::decrease, Shards::ByMarketTicker),
    row("GetOrderGroups", Some(order_groups::list)),
    write("CreateOrderGroup", order_groups::create, Shards::Body),
    row("GetOrderGroup", Some(order_groups::one)),
    write("DeleteOrderGroup", order_groups::delete, Shards::Query),
    write("ResetOrderGroup", order_groups::reset, Shards::Query),
    write("TriggerOrderGroup", order_groups::trigger, Shards::Query),
    write("UpdateOrderGroupLimit", order_groups::set_limit, Shards::Query),
    row("GetBalance", Some(portfolio::balance)),
    row("IntraExchangeInstanceTransfer", Some(transfers::between_shards)),
    row("GetIntraExchangeInstanceTransfers", Some(transfers::shard_transfers)),
    row("GetIntraExchangeInstanceTransfer", Some(transfers::shard_transfer)),
    row("CreateSubaccount", Some(subaccounts::create)),
    row("ApplySubaccountTransfer", Some(transfers::between_subaccounts)),
    row("GetSubaccountBalances", Some(subaccounts::balances)),
    row("GetSubaccountTransfers", Some(transfers::subaccount_transfers)),
    row("UpdateSubaccountNetting", Some(subaccounts::set_netting)),
    row("GetSubaccountNetting", Some(subaccounts::netting)),
    row("GetPositions", Some(portfolio::positions)),
    row("GetSettlements", Some(portfolio::settlements)),
    row("GetDeposits", Some(portfolio::deposits)),
    row("GetWithdrawals", Some(portfolio::withdrawals)),
    row("GetPortfolioRestingOrderTotalValue", Some(portfolio::resting_order_value)),
    row("GetFills", Some(portfolio::fills)),
    row("GetCommunicationsID", None),
    row("GetBlockTradeProposals", None),
    row("ProposeBlockTrade", None),
    row("AcceptBlockTradeProposal", None),
    row("GetRFQs", None),
    row("CreateRFQ", None),
    row("GetRFQ", None),
    row("DeleteRFQ", None),
    row("GetRFQQuote", None),
    row("DeleteRFQQuote", None),
    row("AcceptRFQQuote", None),
    row("ConfirmRFQQuote", None),
    row("GetRFQBatches", None),
    row("CreateRFQBatch", None),
    row("GetRFQBatch", None),
    row("DeleteRFQBatch", None),
    row("GetRFQBatchBestQuotes", None),
    row("AcceptRFQBatch", None),
    row("GetRFQBatchQuotes", None),
    row("CreateRFQBatchQuote", None),
    row("DeleteRFQBatchQuote", None),
    row("ConfirmRFQBatchQuote", None),
    row("GetQuotes", None),
    row("CreateQuote", None),
    row("GetQuote", None),
    row("DeleteQuote", None),
    row("AcceptQuote", None),
    row("ConfirmQuote", None),
    row("GetApiKeys", Some(api_keys::list)),
    row("CreateApiKey", Some(api_keys::create)),
    row("GenerateApiKey", Some(api_keys::generate)),
    row("DeleteApiKey", Some(api_keys::delete)),
    row("GetAccountApiLimits", Some(account::limits)),
    row("UpgradeAccountApiUsageLevel", Some(account::upgrade)),
    row("GetAccountApiUsageLevelVolumeProgress", Some(account::volume_progress)),
    row("GetAccountEndpointCosts", Some(account::endpoint_costs)),
    row("GetTagsForSeriesCategories", Some(reference_data::tags_by_categories)),
    row("GetFiltersForSports", Some(reference_data::filters_by_sport)),
    row("GetLiveDataByMilestone", Some(reference_data::milestone)),
    row("GetLiveData", Some(reference_data::milestone)),
    row("GetLiveDatas", Some(reference_data::live_datas)),
    row("GetGameStats", Some(reference_data::milestone)),
    row("GetEventLiveData", Some(reference_data::event_live_data)),
    row("GetWeatherIndex", Some(reference_data::weather)),
    row("GetWeatherIndexCalibrations", Some(reference_data::weather)),
    row("GetStructuredTargets", Some(reference_data::structured_targets)),
    row("GetStructuredTarget", Some(reference_data::structured_target)),
    row("GetMilestone", Some(reference_data::milestone)),
    row("GetMilestones", Some(reference_data::milestones)),
    row("GetMultivariateEventCollection", Some(reference_data::collection)),
    row("CreateMarketInMultivariateEventCollection", None),
    row("GetMultivariateEventCollections", Some(reference_data::collections)),
    row("GetIncentivePrograms", Some(reference_data::incentive_programs)),
    row("GetFCMFills", None),
    row("GetFCMOrders", None),
    row("ListFCMSubtraders", None),
    row("CreateFCMSubtrader", None),
    row("GetFCMEventContractDailyCap", None),
    row("UpdateFCMEventContractDailyCap", None),
    row("DeleteFCMEventContractDailyCap", None),
    row("GetFCMSubtraderBlockedCategories", None),
    row("UpdateFCMSubtraderBlockedCategories", None),
    row("GetTargetBalanceAllocation", Some(transfers::allocation)),
    row("SetTargetBalanceAllocation", Some(transfers::set_allocation)),
    row("GetFCMPositions", None),
    row("CreateFCMPositionTransfer", None),
    row("GetHistoricalCutoff", Some(historical::cutoff)),
    row("GetMarketCandlesticksHistorical", Some(historical::candlesticks)),
    row("GetFillsHistorical", Some(historical::fills)),
    row("GetHistoricalOrders", Some(historical::orders)),
    row("GetHistoricalPositions", Some(historical::positions)),
    row("GetTradesHistorical", Some(historical::trades)),
    row("GetHistoricalMarkets", Some(historical::markets)),
    row("GetHistoricalMarket", Some(historical::market)),
];

impl Row {
    /// What it asks of a key.
    pub(super) fn permission(&self, operation: &Operation) -> Permission {
        if !operation.signed {
            return Permission::None;
        }
        match self.id {
            "GetBalance" => Permission::ReadBalance,
            "GetBlockTradeProposals" => Permission::ReadBlockTrade,
            "AcceptBlockTradeProposal" => Permission::AcceptBlockTrade,
            "ApplySubaccountTransfer" | "IntraExchangeInstanceTransfer" | "SetTargetBalanceAllocation" => {
                Permission::Transfer
            }
            "UpdateFCMEventContractDailyCap"
            | "DeleteFCMEventContractDailyCap"
            | "UpdateFCMSubtraderBlockedCategories" => Permission::FcmRisk,
            _ => match operation.method {
                Method::Get => Permission::Read,
                _ if operation.budget == Budget::Write => Permission::Trade,
                _ => Permission::Write,
            },
        }
    }

    /// Which budget pays for it.
    pub(super) fn budget(&self, operation: &Operation) -> Budget {
        // The venue's document says so of this one alone among those that are no trading.
        if self.id == "UpgradeAccountApiUsageLevel" { Budget::Write } else { operation.budget }
    }
}

/// What of a body decides about its price.
#[derive(Default, Deserialize)]
struct Routing {
    exchange_index: Option<i32>,
    market_ticker: Option<String>,
    orders: Option<Vec<IgnoredAny>>,
}

impl Routing {
    fn of_body(request: &Request<'_>) -> Routing {
        // A body that cannot be read is refused by the operation itself, for the least price.
        serde_json::from_slice(request.body).unwrap_or_default()
    }

    fn of_query(request: &Request<'_>) -> Routing {
        let value = |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Routing {
            exchange_index: value("exchange_index").and_then(|index| index.parse().ok()),
            market_ticker: value("market_ticker").filter(|ticker| !ticker.is_empty()),
            orders: None,
        }
    }

    /// The named shard; else all if one has to be found, else the first.
    fn charge(&self, has_ticker: bool) -> Charge {
        match self.exchange_index {
            Some(index) if index >= 0 => Charge::Write(u8::try_from(index).unwrap_or(u8::MAX)),
            Some(_) => Charge::WriteEverywhere,
            None if has_ticker => Charge::WriteEverywhere,
            None => Charge::Write(0),
        }
    }
}

impl Shards {
    /// Which buckets pay for a request.
    pub(super) fn charge(self, request: &Request<'_>) -> Charge {
        match self {
            Shards::Unscoped | Shards::Batch => Charge::Write(0),
            Shards::ByTicker => Routing::of_body(request).charge(true),
            Shards::ByMarketTicker => {
                let routing = Routing::of_body(request);
                routing.charge(routing.market_ticker.is_some())
            }
            Shards::ByQueryTicker => {
                let routing = Routing::of_query(request);
                routing.charge(routing.market_ticker.is_some())
            }
            Shards::Body => Routing::of_body(request).charge(false),
            Shards::Query => Routing::of_query(request).charge(false),
        }
    }

    /// For how many items.
    pub(super) fn items(self, request: &Request<'_>) -> u64 {
        match self {
            Shards::Batch => Routing::of_body(request).orders.map_or(1, |orders| orders.len().max(1) as u64),
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_operation_of_the_client_once() {
        let mut listed: Vec<_> = TABLE.iter().map(|row| row.id).collect();
        let mut known: Vec<_> = rest::operations().map(|operation| operation.id).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
        assert_eq!(rows().count(), 128);
    }
}
