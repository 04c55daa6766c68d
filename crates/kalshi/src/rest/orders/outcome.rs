//! What creating, changing and cancelling orders did.

use daybook_book::{Money, Quantity};

use crate::rest::value::{ClientOrderId, OrderId, UnixMillis, record};

record! {
    /// An order was placed. Schema `CreateOrderV2Response`.
    pub struct OrderCreated {
        /// The venue's identifier.
        pub order_id: OrderId,
        /// The caller's own identifier.
        pub client_order_id: Option<ClientOrderId>,
        /// Contracts filled at once.
        pub fill_count: Quantity,
        /// Contracts that rest; of an immediate-or-cancel order none, once the rest is cancelled.
        pub remaining_count: Quantity,
        /// Mean price of YES over the contracts filled; absent if there are none.
        pub average_fill_price: Option<Money>,
        /// Mean fee per contract filled; absent if there are none.
        pub average_fee_paid: Option<Money>,
        /// When the matching engine did it.
        pub ts_ms: UnixMillis,
    }
}

record! {
    /// An order was cancelled. Schema `CancelOrderV2Response`.
    pub struct OrderCanceled {
        /// The venue's identifier.
        pub order_id: OrderId,
        /// The caller's own identifier.
        pub client_order_id: Option<ClientOrderId>,
        /// Contracts that rested until then.
        pub reduced_by: Quantity,
        /// When the matching engine did it.
        pub ts_ms: UnixMillis,
    }
}

record! {
    /// An order was made smaller. Schema `DecreaseOrderV2Response`.
    pub struct OrderDecreased {
        /// The venue's identifier.
        pub order_id: OrderId,
        /// The caller's own identifier.
        pub client_order_id: Option<ClientOrderId>,
        /// Contracts that rest.
        pub remaining_count: Quantity,
        /// When the matching engine did it.
        pub ts_ms: UnixMillis,
    }
}

record! {
    /// An order was changed. Schema `AmendOrderV2Response`.
    pub struct OrderAmended {
        /// The venue's identifier.
        pub order_id: OrderId,
        /// The caller's own identifier.
        pub client_order_id: Option<ClientOrderId>,
        /// Contracts that rest; absent if neither a fill nor the change touched the size.
        pub remaining_count: Option<Quantity>,
        /// Contracts filled by the change; absent like `remaining_count`.
        pub fill_count: Option<Quantity>,
        /// Mean price of YES over the contracts filled; absent if there are none.
        pub average_fill_price: Option<Money>,
        /// Mean fee per contract filled; absent if there are none.
        pub average_fee_paid: Option<Money>,
        /// When the matching engine did it.
        pub ts_ms: UnixMillis,
    }
}

record! {
    /// What became of each order of a batch. Schema `BatchCreateOrdersV2Response`.
    pub struct OrdersCreated {
        /// In the order of the request.
        pub orders: Vec<BatchCreated>,
    }
}

record! {
    /// What became of one order of a batch: the fields of [`OrderCreated`], or an error. Schema
    /// `BatchCreateOrdersV2Response`, an item of `orders`.
    pub struct BatchCreated {
        /// The venue's identifier.
        pub order_id: Option<OrderId>,
        /// The caller's own identifier.
        pub client_order_id: Option<ClientOrderId>,
        /// Contracts filled at once.
        pub fill_count: Option<Quantity>,
        /// Contracts that rest.
        pub remaining_count: Option<Quantity>,
        /// Mean price of YES over the contracts filled.
        pub average_fill_price: Option<Money>,
        /// Mean fee per contract filled.
        pub average_fee_paid: Option<Money>,
        /// When the matching engine did it.
        pub ts_ms: Option<UnixMillis>,
        /// Why it was refused.
        pub error: Option<ItemError>,
    }
}

record! {
    /// What became of each cancel of a batch. Schema `BatchCancelOrdersV2Response`.
    pub struct OrdersCanceled {
        /// In the order of the request.
        pub orders: Vec<BatchCanceled>,
    }
}

record! {
    /// What became of one cancel of a batch. Schema `BatchCancelOrdersV2Response`, an item of `orders`.
    pub struct BatchCanceled {
        /// The order.
        pub order_id: OrderId,
        /// The caller's own identifier.
        pub client_order_id: Option<ClientOrderId>,
        /// Contracts that rested until then; zero if it was refused.
        pub reduced_by: Quantity,
        /// When the matching engine did it.
        pub ts_ms: Option<UnixMillis>,
        /// Why it was refused.
        pub error: Option<ItemError>,
    }
}

record! {
    /// Why one item of a batch was refused. Schema `ErrorResponse`.
    pub struct ItemError {
        /// The venue's code; may have a particular end, so compare its beginning.
        pub code: Option<String>,
        /// In words.
        pub message: Option<String>,
        /// In more words.
        pub details: Option<String>,
    }
}
