//! For futures commission merchants: their customers' orders, fills, positions and limits.

use crate::{
    client::{Call, Client, Error},
    rest::{
        markets::OutcomeSide,
        orders::{Order, OrderStatus, OrdersPage},
        paging::{Items, items, pages},
        portfolio::{MarketPosition, PositionCount, PositionsPage, SettlementFilter},
        value::{
            CentiCents, CentiCount, ClientOrderId, Cursor, EventTicker, ExchangeIndex, FillId, OrderId,
            PositionTransferId, Query, SubtraderId, Timestamp, UnixSeconds, body, operations, query, record,
        },
    },
};
use daybook_book::{Money, Price, Quantity, Ticker};

operations! {
    GET_FCM_FILLS = Get "/fcm/fills" "GetFCMFills" signed Read;
    GET_FCM_ORDERS = Get "/fcm/orders" "GetFCMOrders" signed Read;
    GET_FCM_POSITIONS = Get "/fcm/positions" "GetFCMPositions" signed Read;
    LIST_FCM_SUBTRADERS = Get "/fcm/subtraders" "ListFCMSubtraders" signed Read;
    CREATE_FCM_SUBTRADER = Post "/fcm/subtraders" "CreateFCMSubtrader" signed Read;
    GET_FCM_EVENT_CONTRACT_DAILY_CAP = Get "/fcm/subtraders/event_contract_daily_cap"
        "GetFCMEventContractDailyCap" signed Read;
    UPDATE_FCM_EVENT_CONTRACT_DAILY_CAP = Put "/fcm/subtraders/event_contract_daily_cap"
        "UpdateFCMEventContractDailyCap" signed Read;
    DELETE_FCM_EVENT_CONTRACT_DAILY_CAP = Delete "/fcm/subtraders/event_contract_daily_cap"
        "DeleteFCMEventContractDailyCap" signed Read;
    GET_FCM_SUBTRADER_BLOCKED_CATEGORIES = Get "/fcm/subtraders/blocked_categories"
        "GetFCMSubtraderBlockedCategories" signed Read;
    UPDATE_FCM_SUBTRADER_BLOCKED_CATEGORIES = Put "/fcm/subtraders/blocked_categories"
        "UpdateFCMSubtraderBlockedCategories" signed Read;
    CREATE_FCM_POSITION_TRANSFER = Post "/fcm/positions/transfers" "CreateFCMPositionTransfer" signed Read;
}

pages! {
    GET_FCM_FILLS(FcmFillsQuery) = FcmFillsPage { fills: FcmFill };
    GET_FCM_ORDERS(FcmOrdersQuery) = OrdersPage { orders: Order };
    GET_FCM_POSITIONS(FcmPositionsQuery) = PositionsPage { market_positions: MarketPosition };
}

record! {
    /// A page of customers' fills. Schema `GetFcmFillsResponse`.
    pub struct FcmFillsPage {
        /// The fills.
        pub fills: Vec<FcmFill>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// A trade with customers on one side or both. What belongs to a side is absent unless that side is a customer.
    /// Schema `FcmFill`.
    pub struct FcmFill {
        /// Its identifier.
        pub fill_id: FillId,
        /// The shard that it happened on.
        pub exchange_index: ExchangeIndex,
        /// The market.
        pub ticker: Ticker,
        /// Which outcome the taker is for after it.
        pub taker_outcome_side: OutcomeSide,
        /// Contracts.
        pub count_fp: Quantity,
        /// The price of YES.
        pub yes_price_dollars: Price,
        /// When it happened.
        pub created_time: Option<Timestamp>,
        /// The maker's order.
        pub maker_order_id: Option<OrderId>,
        /// The maker.
        pub maker_subtrader_id: Option<SubtraderId>,
        /// The maker's fee.
        pub maker_fee_cost: Option<Money>,
        /// The taker's order.
        pub taker_order_id: Option<OrderId>,
        /// The taker.
        pub taker_subtrader_id: Option<SubtraderId>,
        /// The taker's fee.
        pub taker_fee_cost: Option<Money>,
    }
}

record! {
    /// All customers. Not paged. Schema `ListFCMSubtradersResponse`.
    pub struct Subtraders {
        /// The customers.
        pub subtraders: Vec<Subtrader>,
    }
}

record! {
    /// A customer. Schema `FCMSubtrader`.
    pub struct Subtrader {
        /// Its identifier.
        pub subtrader_id: SubtraderId,
        /// The shards that it has been seen on.
        pub exchange_indices: Vec<ExchangeIndex>,
        /// Whether it may not trade, for whatever reason.
        pub trading_blocked: bool,
        /// Whether the merchant has blocked it.
        pub fcm_trading_blocked: bool,
        /// Whether that block has yet to reach the matching engine.
        pub propagation_pending: bool,
    }
}

body! {
    /// A customer to create. Schema `CreateFCMSubtraderRequest`.
    pub struct CreateSubtrader {
        /// What is to follow the merchant's identifier: 1 to 16 letters and digits.
        pub subtrader_suffix: String,
    }
}

record! {
    /// A customer was created. Schema `CreateFCMSubtraderResponse`.
    pub struct SubtraderCreated {
        /// Its identifier.
        pub subtrader_id: SubtraderId,
    }
}

record! {
    /// What a customer may put into event contracts in a day. Schema `GetFCMEventContractDailyCapResponse`.
    pub struct DailyCap {
        /// The customer.
        pub subtrader_id: SubtraderId,
        /// The limit.
        pub limit: Money,
        /// How much of it trades have used.
        pub executed_utilization: Money,
        /// How much of it resting orders use.
        pub resting_order_utilization: Money,
        /// How much of it orders on their way use.
        pub pending_order_utilization: Money,
        /// The day that trades are counted for, in New York: `2026-10-01`.
        pub cap_date: String,
    }
}

body! {
    /// A customer's new limit. Schema `UpdateFCMEventContractDailyCapRequest`.
    pub struct DailyCapRequest {
        /// The customer.
        pub subtrader_id: SubtraderId,
        /// The limit, to the ten-thousandth of a dollar.
        pub limit: Money,
    }
}

record! {
    /// The categories of events that a customer may not trade. Schema `GetFCMSubtraderBlockedCategoriesResponse` and
    /// `UpdateFCMSubtraderBlockedCategoriesResponse`.
    pub struct BlockedCategories {
        /// The categories, sorted.
        pub categories: Vec<String>,
    }
}

body! {
    /// A category that a customer may or may not trade from now on. Schema
    /// `UpdateFCMSubtraderBlockedCategoriesRequest`.
    pub struct BlockedCategoryRequest {
        /// The customer.
        pub subtrader_id: SubtraderId,
        /// The category.
        pub category: String,
        /// Whether it may not.
        pub blocked: bool,
    }
}

body! {
    /// A position to move from one customer to another. Schema `CreateFCMPositionTransferRequest`.
    pub struct PositionTransferRequest {
        /// From whom.
        pub source_subtrader_id: SubtraderId,
        /// To whom, under the merchant's error account. Created if there is no such customer.
        pub target_subtrader_id: SubtraderId,
        /// The market.
        pub market_ticker: Ticker,
        /// How much: YES if positive, NO if negative, whole contracts only.
        pub position_centicount: CentiCount,
        /// The price of YES, whichever side moves; whole cents only.
        pub price_centicents: CentiCents,
    }
}

record! {
    /// A position was moved. Schema `CreateFCMPositionTransferResponse`.
    pub struct PositionTransferCreated {
        /// The transfer's identifier. No operation tells it again.
        pub position_transfer_id: PositionTransferId,
    }
}

query! {
    /// Which of the customers' fills. Query of operation `GetFCMFills`.
    pub struct FcmFillsQuery {}
    optional {
        /// After this time.
        pub min_ts: Option<UnixSeconds>,
        /// Before this time.
        pub max_ts: Option<UnixSeconds>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

query! {
    /// Which of the customers' orders: at least the customer or the identifiers must be given. Query of operation
    /// `GetFCMOrders`.
    pub struct FcmOrdersQuery {}
    optional {
        /// Only of this customer.
        pub subtrader_id: Option<SubtraderId>,
        /// Only these, at most 100 and of the last 24 hours.
        pub client_order_ids: Vec<ClientOrderId> = comma,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only in this event.
        pub event_ticker: Option<EventTicker>,
        /// Only in this market.
        pub ticker: Option<Ticker>,
        /// Only orders after this time; the venue does not say which of their times it means.
        pub min_ts: Option<UnixSeconds>,
        /// Only orders before this time, likewise.
        pub max_ts: Option<UnixSeconds>,
        /// Only with this status.
        pub status: Option<OrderStatus>,
        /// Items per page, 1 to 1000.
        pub limit: Option<u32>,
    }
}

query! {
    /// Which of the customers' positions. Query of operation `GetFCMPositions`.
    pub struct FcmPositionsQuery {}
    optional {
        /// Only of this customer.
        pub subtrader_id: Option<SubtraderId>,
        /// Only in this market.
        pub ticker: Option<Ticker>,
        /// Only in this event.
        pub event_ticker: Option<EventTicker>,
        /// Only positions of which one of these is not zero.
        pub count_filter: Vec<PositionCount> = comma,
        /// Settled ones, others, or all.
        pub settlement_status: Option<SettlementFilter>,
        /// Items per page, 1 to 1000.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

query! {
    /// Whose limit. Query of operation `GetFCMEventContractDailyCap`.
    pub struct DailyCapQuery {}
    optional {
        /// Of this customer.
        pub subtrader_id: Option<SubtraderId>,
    }
}

query! {
    /// Whose limit to lift. Query of operation `DeleteFCMEventContractDailyCap`.
    pub struct DailyCapOwner {
        /// Of this customer.
        pub subtrader_id: SubtraderId,
    }
}

query! {
    /// Whose blocked categories. Query of operation `GetFCMSubtraderBlockedCategories`.
    pub struct BlockedCategoriesQuery {
        /// Of this customer.
        pub subtrader_id: SubtraderId,
    }
}

impl Client {
    /// A page of customers' fills. Operation `GetFCMFills`.
    pub async fn fcm_fills(&self, query: &FcmFillsQuery) -> Result<FcmFillsPage, Error> {
        self.call(query.add_to(Call::new(&GET_FCM_FILLS))).await
    }

    /// All of the customers' fills that the query names. Pages of [`fcm_fills`](Client::fcm_fills), from `query.cursor`
    /// on.
    pub fn all_fcm_fills(&self, query: FcmFillsQuery) -> Items<FcmFill> {
        items(self, query)
    }

    /// A page of customers' orders. Operation `GetFCMOrders`.
    pub async fn fcm_orders(&self, query: &FcmOrdersQuery) -> Result<OrdersPage, Error> {
        self.call(query.add_to(Call::new(&GET_FCM_ORDERS))).await
    }

    /// All of the customers' orders that the query names. Pages of [`fcm_orders`](Client::fcm_orders), from
    /// `query.cursor` on.
    pub fn all_fcm_orders(&self, query: FcmOrdersQuery) -> Items<Order> {
        items(self, query)
    }

    /// A page of customers' positions. Operation `GetFCMPositions`.
    pub async fn fcm_positions(&self, query: &FcmPositionsQuery) -> Result<PositionsPage, Error> {
        self.call(query.add_to(Call::new(&GET_FCM_POSITIONS))).await
    }

    /// All of the customers' positions in markets that the query names. Pages of
    /// [`fcm_positions`](Client::fcm_positions), from `query.cursor` on.
    pub fn all_fcm_positions(&self, query: FcmPositionsQuery) -> Items<MarketPosition> {
        items(self, query)
    }

    /// All customers. Operation `ListFCMSubtraders`.
    pub async fn subtraders(&self) -> Result<Vec<Subtrader>, Error> {
        Ok(self.call::<Subtraders>(Call::new(&LIST_FCM_SUBTRADERS)).await?.subtraders)
    }

    /// Creates a customer. Operation `CreateFCMSubtrader`.
    pub async fn create_subtrader(&self, body: &CreateSubtrader) -> Result<SubtraderId, Error> {
        Ok(self.call::<SubtraderCreated>(Call::new(&CREATE_FCM_SUBTRADER).body(body)).await?.subtrader_id)
    }

    /// What a customer may put into event contracts in a day, and how much of it is used. Operation
    /// `GetFCMEventContractDailyCap`.
    pub async fn event_contract_daily_cap(&self, query: &DailyCapQuery) -> Result<DailyCap, Error> {
        self.call(query.add_to(Call::new(&GET_FCM_EVENT_CONTRACT_DAILY_CAP))).await
    }

    /// Limits what a customer may put into event contracts in a day. Operation `UpdateFCMEventContractDailyCap`.
    pub async fn set_event_contract_daily_cap(&self, body: &DailyCapRequest) -> Result<(), Error> {
        self.done(Call::new(&UPDATE_FCM_EVENT_CONTRACT_DAILY_CAP).body(body)).await
    }

    /// Lifts that limit. Operation `DeleteFCMEventContractDailyCap`.
    pub async fn delete_event_contract_daily_cap(&self, query: &DailyCapOwner) -> Result<(), Error> {
        self.done(query.add_to(Call::new(&DELETE_FCM_EVENT_CONTRACT_DAILY_CAP))).await
    }

    /// The categories of events that a customer may not trade. Operation `GetFCMSubtraderBlockedCategories`.
    pub async fn blocked_categories(&self, query: &BlockedCategoriesQuery) -> Result<Vec<String>, Error> {
        Ok(self
            .call::<BlockedCategories>(query.add_to(Call::new(&GET_FCM_SUBTRADER_BLOCKED_CATEGORIES)))
            .await?
            .categories)
    }

    /// Blocks or unblocks a category for a customer, and tells all that are blocked then. Operation
    /// `UpdateFCMSubtraderBlockedCategories`.
    pub async fn set_blocked_category(&self, body: &BlockedCategoryRequest) -> Result<Vec<String>, Error> {
        Ok(self
            .call::<BlockedCategories>(Call::new(&UPDATE_FCM_SUBTRADER_BLOCKED_CATEGORIES).body(body))
            .await?
            .categories)
    }

    /// Moves a position from one customer to another. Operation `CreateFCMPositionTransfer`.
    pub async fn transfer_position(&self, body: &PositionTransferRequest) -> Result<PositionTransferId, Error> {
        Ok(self
            .call::<PositionTransferCreated>(Call::new(&CREATE_FCM_POSITION_TRANSFER).body(body))
            .await?
            .position_transfer_id)
    }
}
