//! The operations that these tests call.

use daybook_kalshi::{Budget, Method, Operation};

const fn operation(id: &'static str, method: Method, path: &'static str, signed: bool, budget: Budget) -> Operation {
    Operation { id, method, path, signed, budget }
}

pub static MARKETS: Operation = operation("GetMarkets", Method::Get, "/markets", false, Budget::Read);
pub static STATUS: Operation = operation("GetExchangeStatus", Method::Get, "/exchange/status", false, Budget::Read);
pub static ORDERS: Operation = operation("GetOrders", Method::Get, "/portfolio/orders", true, Budget::Read);
pub static ORDER: Operation = operation("GetOrder", Method::Get, "/portfolio/orders/{order_id}", true, Budget::Read);
pub static MISSING: Operation = operation("GetMissing", Method::Get, "/missing/{id}", true, Budget::Read);
pub static BALANCE: Operation = operation("GetBalance", Method::Get, "/portfolio/balance", true, Budget::Balance);
pub static CREATE: Operation =
    operation("CreateOrderV2", Method::Post, "/portfolio/events/orders", true, Budget::Write);
pub static BATCH: Operation =
    operation("BatchCreateOrdersV2", Method::Post, "/portfolio/events/orders/batched", true, Budget::Write);
pub static CANCEL: Operation =
    operation("CancelOrderV2", Method::Delete, "/portfolio/events/orders/{order_id}", true, Budget::Write);
pub static CANCEL_ALL: Operation =
    operation("CancelAllOrders", Method::Delete, "/portfolio/events/orders", true, Budget::Write);
pub static RESET: Operation =
    operation("ResetOrderGroup", Method::Put, "/portfolio/order_groups/{order_group_id}/reset", true, Budget::Write);
