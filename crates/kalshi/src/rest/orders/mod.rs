//! Orders: creating, changing, cancelling and reading them.

mod order;
mod outcome;
mod request;

use daybook_book::Quantity;
pub use order::{
    Order, OrderAction, OrderAnswer, OrderKind, OrderStatus, OrdersPage, OrdersQuery, QueuePosition,
    QueuePositionAnswer, QueuePositions, QueuePositionsQuery, SelfTradePrevention,
};
pub use outcome::{
    BatchCanceled, BatchCreated, ItemError, OrderAmended, OrderCanceled, OrderCreated, OrderDecreased, OrdersCanceled,
    OrdersCreated,
};
pub use request::{
    AmendOrder, AmendOrderQuery, CancelAllOrdersQuery, CancelOrder, CancelOrderQuery, CancelOrders, CreateOrder,
    CreateOrders, DecreaseOrder, DecreaseOrderQuery, TimeInForce,
};

use crate::{
    client::{Call, Client, Error, RetrySafety},
    rest::{
        names_it,
        paging::{Items, items, pages},
        value::{ExchangeIndex, OrderId, Query, operations},
    },
};

operations! {
    GET_ORDERS = Get "/portfolio/orders" "GetOrders" signed Read;
    GET_ORDER = Get "/portfolio/orders/{order_id}" "GetOrder" signed Read;
    GET_ORDER_QUEUE_POSITIONS = Get "/portfolio/orders/queue_positions" "GetOrderQueuePositions" signed Read;
    GET_ORDER_QUEUE_POSITION = Get "/portfolio/orders/{order_id}/queue_position" "GetOrderQueuePosition" signed Read;
    CREATE_ORDER_V2 = Post "/portfolio/events/orders" "CreateOrderV2" signed Write;
    CANCEL_ALL_ORDERS = Delete "/portfolio/events/orders" "CancelAllOrders" signed Write;
    BATCH_CREATE_ORDERS_V2 = Post "/portfolio/events/orders/batched" "BatchCreateOrdersV2" signed Write;
    BATCH_CANCEL_ORDERS_V2 = Delete "/portfolio/events/orders/batched" "BatchCancelOrdersV2" signed Write;
    CANCEL_ORDER_V2 = Delete "/portfolio/events/orders/{order_id}" "CancelOrderV2" signed Write;
    AMEND_ORDER_V2 = Post "/portfolio/events/orders/{order_id}/amend" "AmendOrderV2" signed Write;
    DECREASE_ORDER_V2 = Post "/portfolio/events/orders/{order_id}/decrease" "DecreaseOrderV2" signed Write;
}

pages! {
    GET_ORDERS(OrdersQuery) = OrdersPage { orders: Order };
}

impl Client {
    /// A page of orders, of all subaccounts unless the query says which. Older ones are under
    /// [`historical_orders`](Client::historical_orders). Operation `GetOrders`.
    pub async fn orders(&self, query: &OrdersQuery) -> Result<OrdersPage, Error> {
        self.call(query.add_to(Call::new(&GET_ORDERS))).await
    }

    /// All orders that the query names. Pages of [`orders`](Client::orders), from `query.cursor` on.
    pub fn all_orders(&self, query: OrdersQuery) -> Items<Order> {
        items(self, query)
    }

    /// One order. Reads lag writes by a moment: trust what a write answers. Operation `GetOrder`.
    pub async fn order(&self, order_id: &OrderId) -> Result<Order, Error> {
        Ok(self.call::<OrderAnswer>(Call::new(&GET_ORDER).path("order_id", order_id)).await?.order)
    }

    /// How many contracts stand before each resting order. Operation `GetOrderQueuePositions`.
    pub async fn queue_positions(&self, query: &QueuePositionsQuery) -> Result<Vec<QueuePosition>, Error> {
        Ok(self.call::<QueuePositions>(query.add_to(Call::new(&GET_ORDER_QUEUE_POSITIONS))).await?.queue_positions)
    }

    /// How many contracts stand before one resting order. Operation `GetOrderQueuePosition`.
    pub async fn queue_position(&self, order_id: &OrderId) -> Result<Quantity, Error> {
        Ok(self
            .call::<QueuePositionAnswer>(Call::new(&GET_ORDER_QUEUE_POSITION).path("order_id", order_id))
            .await?
            .queue_position_fp)
    }

    /// Places an order. Operation `CreateOrderV2`.
    ///
    /// With a `client_order_id` it is retried after a failure of which nobody knows whether the venue executed it: the
    /// venue refuses the second order with that id, and [`Error::is_executed_earlier`] tells. Name the market's
    /// `exchange_index`: an order that leaves the shard to the venue is charged to the budget of every shard.
    pub async fn create_order(&self, body: &CreateOrder) -> Result<OrderCreated, Error> {
        let mut call = Call::new(&CREATE_ORDER_V2).body(body).shard(body.exchange_index.map(|index| index.0));
        if names_it(body.client_order_id.as_ref()) {
            call = call.retry(RetrySafety::Deduplicated);
        }
        self.call(call).await
    }

    /// Places several orders in one call, which must fit the write budget as a whole. Operation `BatchCreateOrdersV2`.
    ///
    /// The call succeeds though orders fail: look at every [`BatchCreated::error`]. It is retried after a failure of
    /// which nobody knows whether it was executed only if every order has a `client_order_id`; an order that was
    /// executed earlier then fails with the code `order_already_exists`. [`Client::create_orders_in_batches`] splits.
    pub async fn create_orders(&self, body: &CreateOrders) -> Result<OrdersCreated, Error> {
        let mut call = Call::new(&BATCH_CREATE_ORDERS_V2).body(body).items(count(&body.orders));
        if body.orders.iter().all(|order| names_it(order.client_order_id.as_ref())) {
            call = call.retry(RetrySafety::Deduplicated);
        }
        self.call(call).await
    }

    /// Cancels an order. Operation `CancelOrderV2`.
    ///
    /// An order that is cancelled or executed already is not found (404), as is one that never was.
    pub async fn cancel_order(&self, order_id: &OrderId, query: &CancelOrderQuery) -> Result<OrderCanceled, Error> {
        let shard = shard_by(query.exchange_index, query.market_ticker.is_some());
        let call = Call::new(&CANCEL_ORDER_V2).path("order_id", order_id).shard(shard);
        self.call(query.add_to(call)).await
    }

    /// Cancels several orders in one call, which must fit the write budget as a whole. Operation
    /// `BatchCancelOrdersV2`.
    ///
    /// The call succeeds though cancels fail: look at every [`BatchCanceled::error`].
    /// [`Client::cancel_orders_in_batches`] splits.
    pub async fn cancel_orders(&self, body: &CancelOrders) -> Result<OrdersCanceled, Error> {
        self.call(Call::new(&BATCH_CANCEL_ORDERS_V2).body(body).items(count(&body.orders))).await
    }

    /// Cancels all resting orders on every shard, of every subaccount unless the query names one. Operation
    /// `CancelAllOrders`.
    ///
    /// May take orders with it that are placed within the next minute.
    pub async fn cancel_all_orders(&self, query: &CancelAllOrdersQuery) -> Result<(), Error> {
        self.done(query.add_to(Call::new(&CANCEL_ALL_ORDERS))).await
    }

    /// Changes price, size or expiry of an order. Operation `AmendOrderV2`.
    ///
    /// It keeps its place in the queue if only its size shrinks or its expiry changes, and may trade at once.
    pub async fn amend_order(
        &self,
        order_id: &OrderId,
        query: &AmendOrderQuery,
        body: &AmendOrder,
    ) -> Result<OrderAmended, Error> {
        let shard = body.exchange_index.map(|index| index.0);
        let call = Call::new(&AMEND_ORDER_V2).path("order_id", order_id).body(body).shard(shard);
        self.call(query.add_to(call)).await
    }

    /// Makes an order smaller; it keeps its place in the queue. Operation `DecreaseOrderV2`.
    pub async fn decrease_order(
        &self,
        order_id: &OrderId,
        query: &DecreaseOrderQuery,
        body: &DecreaseOrder,
    ) -> Result<OrderDecreased, Error> {
        let shard = shard_by(body.exchange_index, body.market_ticker.is_some());
        let call = Call::new(&DECREASE_ORDER_V2).path("order_id", order_id).body(body).shard(shard);
        self.call(query.add_to(call)).await
    }
}

/// The shard that a write on an order goes to: without an index the venue looks for the market if it knows the
/// ticker, and takes shard 0 if it does not.
fn shard_by(index: Option<ExchangeIndex>, has_ticker: bool) -> Option<i32> {
    match index {
        Some(index) => Some(index.0),
        None if has_ticker => None,
        None => Some(0),
    }
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
