//! Order groups: orders that are cancelled together once too much of them trades.

use daybook_book::Quantity;

use crate::{
    client::{Call, Client, Error, Operation},
    rest::value::{ExchangeIndex, OrderGroupId, OrderId, Query, Subaccount, body, operations, query, record},
};

operations! {
    GET_ORDER_GROUPS = Get "/portfolio/order_groups" "GetOrderGroups" signed Read;
    CREATE_ORDER_GROUP = Post "/portfolio/order_groups/create" "CreateOrderGroup" signed Write;
    GET_ORDER_GROUP = Get "/portfolio/order_groups/{order_group_id}" "GetOrderGroup" signed Read;
    DELETE_ORDER_GROUP = Delete "/portfolio/order_groups/{order_group_id}" "DeleteOrderGroup" signed Write;
    RESET_ORDER_GROUP = Put "/portfolio/order_groups/{order_group_id}/reset" "ResetOrderGroup" signed Write;
    TRIGGER_ORDER_GROUP = Put "/portfolio/order_groups/{order_group_id}/trigger" "TriggerOrderGroup" signed Write;
    UPDATE_ORDER_GROUP_LIMIT = Put "/portfolio/order_groups/{order_group_id}/limit"
        "UpdateOrderGroupLimit" signed Write;
}

record! {
    /// The groups of one subaccount, or of all. Not paged. Schema `GetOrderGroupsResponse`.
    pub struct OrderGroups {
        /// The groups; absent if there are none.
        pub order_groups: Option<Vec<OrderGroup>>,
    }
}

record! {
    /// A group. Schema `OrderGroup`.
    pub struct OrderGroup {
        /// Its identifier.
        pub id: OrderGroupId,
        /// Contracts that may trade within any 15 seconds.
        pub contracts_limit_fp: Option<Quantity>,
        /// Whether more than that cancels its orders.
        pub is_auto_cancel_enabled: bool,
        /// The shard that it is on.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

record! {
    /// A group with its orders. Schema `GetOrderGroupResponse`.
    pub struct OrderGroupDetail {
        /// Whether more than the limit cancels its orders.
        pub is_auto_cancel_enabled: bool,
        /// Contracts that may trade within any 15 seconds.
        pub contracts_limit_fp: Option<Quantity>,
        /// Its orders.
        pub orders: Vec<OrderId>,
        /// The shard that it is on.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

body! {
    /// A group to create. Needs one of the two limits; if both are given they must agree. Schema
    /// `CreateOrderGroupRequest`.
    pub struct CreateOrderGroup {}
    optional {
        /// The subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// Whole contracts that may trade within any 15 seconds, 1 to 1,000,000.
        pub contracts_limit: Option<u64>,
        /// The same with hundredths.
        pub contracts_limit_fp: Option<Quantity>,
        /// The shard; 0 without.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

record! {
    /// A group was created. Schema `CreateOrderGroupResponse`.
    pub struct OrderGroupCreated {
        /// Its identifier.
        pub order_group_id: OrderGroupId,
        /// Its subaccount.
        pub subaccount: Subaccount,
        /// The shard that it is on.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

body! {
    /// A group's new limit. Needs one of the two; if both are given they must agree. Schema
    /// `UpdateOrderGroupLimitRequest`.
    pub struct OrderGroupLimit {}
    optional {
        /// Whole contracts that may trade within any 15 seconds, 1 to 1,000,000.
        pub contracts_limit: Option<u64>,
        /// The same with hundredths.
        pub contracts_limit_fp: Option<Quantity>,
    }
}

query! {
    /// Whose groups. Query of operation `GetOrderGroups`.
    pub struct OrderGroupsQuery {}
    optional {
        /// Only of this subaccount; all without.
        pub subaccount: Option<Subaccount>,
    }
}

query! {
    /// Whose group. Query of operation `GetOrderGroup`.
    pub struct OrderGroupQuery {}
    optional {
        /// Only if it is of this subaccount; of any without.
        pub subaccount: Option<Subaccount>,
    }
}

query! {
    /// Where a group is. Query of operations `DeleteOrderGroup`, `ResetOrderGroup`, `TriggerOrderGroup`,
    /// `UpdateOrderGroupLimit`.
    pub struct OrderGroupPlace {}
    optional {
        /// Its subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// Its shard; 0 without.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

impl Client {
    /// The groups of one subaccount, or of all. Operation `GetOrderGroups`.
    pub async fn order_groups(&self, query: &OrderGroupsQuery) -> Result<OrderGroups, Error> {
        self.call(query.add_to(Call::new(&GET_ORDER_GROUPS))).await
    }

    /// One group with its orders. Operation `GetOrderGroup`.
    pub async fn order_group(
        &self,
        order_group_id: &OrderGroupId,
        query: &OrderGroupQuery,
    ) -> Result<OrderGroupDetail, Error> {
        self.call(query.add_to(Call::new(&GET_ORDER_GROUP).path("order_group_id", order_group_id))).await
    }

    /// Creates a group. Orders join it when they are placed. Operation `CreateOrderGroup`.
    pub async fn create_order_group(&self, body: &CreateOrderGroup) -> Result<OrderGroupCreated, Error> {
        self.call(Call::new(&CREATE_ORDER_GROUP).body(body).shard(place(body.exchange_index))).await
    }

    /// Deletes a group and cancels its orders. Operation `DeleteOrderGroup`.
    pub async fn delete_order_group(
        &self,
        order_group_id: &OrderGroupId,
        query: &OrderGroupPlace,
    ) -> Result<(), Error> {
        self.done(on_group(&DELETE_ORDER_GROUP, order_group_id, query)).await
    }

    /// Begins to count anew, so that a group that was triggered takes orders again. Operation `ResetOrderGroup`.
    pub async fn reset_order_group(&self, order_group_id: &OrderGroupId, query: &OrderGroupPlace) -> Result<(), Error> {
        self.done(on_group(&RESET_ORDER_GROUP, order_group_id, query)).await
    }

    /// Cancels a group's orders, and takes no more until it is reset. Operation `TriggerOrderGroup`.
    pub async fn trigger_order_group(
        &self,
        order_group_id: &OrderGroupId,
        query: &OrderGroupPlace,
    ) -> Result<(), Error> {
        self.done(on_group(&TRIGGER_ORDER_GROUP, order_group_id, query)).await
    }

    /// Changes a group's limit. A limit below what has just traded triggers the group. Operation
    /// `UpdateOrderGroupLimit`.
    pub async fn set_order_group_limit(
        &self,
        order_group_id: &OrderGroupId,
        query: &OrderGroupPlace,
        body: &OrderGroupLimit,
    ) -> Result<(), Error> {
        self.done(on_group(&UPDATE_ORDER_GROUP_LIMIT, order_group_id, query).body(body)).await
    }
}

/// A write on a group.
fn on_group(operation: &'static Operation, order_group_id: &OrderGroupId, query: &OrderGroupPlace) -> Call {
    let call = Call::new(operation).path("order_group_id", order_group_id).shard(place(query.exchange_index));
    query.add_to(call)
}

/// The shard that a write on a group goes to: 0 unless the caller names another.
fn place(index: Option<ExchangeIndex>) -> Option<i32> {
    Some(index.map_or(0, |index| index.0))
}
