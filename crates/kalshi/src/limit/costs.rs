//! What a call costs: the venue's table of operations that do not cost the default.

use std::collections::HashMap;

use crate::client::{Method, Operation};

/// Where paths of the venue's table may begin, and paths of operations do not.
const API_ROOT: &str = "/trade-api/v2";

/// Costs in tokens, as `GetAccountEndpointCosts` tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    default: u64,
    /// By method and path, with nothing between the braces of placeholders.
    table: HashMap<(String, String), u64>,
}

impl Costs {
    /// A table in which everything costs `default` tokens.
    pub fn flat(default: u64) -> Costs {
        Costs { default, table: HashMap::new() }
    }

    /// The same, with another cost for one endpoint. The path may carry the API root, and its placeholders may have
    /// any name: the venue's routes and the spec need not agree on them.
    pub fn with(mut self, method: &str, path: &str, cost: u64) -> Costs {
        self.table.insert((method.to_ascii_uppercase(), shape(path)), cost);
        self
    }

    /// What one call of `operation` costs; of a batch, what each of its items costs.
    pub fn of(&self, operation: &Operation) -> u64 {
        let key = (operation.method.as_str().to_owned(), shape(operation.path));
        self.table.get(&key).copied().unwrap_or(self.default)
    }
}

/// The costs as published in October 2026.
impl Default for Costs {
    fn default() -> Costs {
        let (get, post, delete) = (Method::Get.as_str(), Method::Post.as_str(), Method::Delete.as_str());
        [
            (delete, "/portfolio/events/orders/{order_id}", 2),
            (delete, "/portfolio/events/orders", 2),
            (delete, "/portfolio/events/orders/batched", 2),
            (get, "/portfolio/orders/{order_id}", 2),
            (post, "/communications/quotes", 2),
            (get, "/communications/quotes/{quote_id}", 2),
            (delete, "/communications/quotes/{quote_id}", 2),
            (get, "/communications/rfqs/{rfq_id}/quotes/{quote_id}", 2),
            (delete, "/communications/rfqs/{rfq_id}/quotes/{quote_id}", 2),
            (post, "/account/api_usage_level/upgrade", 30),
        ]
        .into_iter()
        .fold(Costs::flat(10), |costs, (method, path, cost)| costs.with(method, path, cost))
    }
}

/// A path with its root taken off and its placeholders, `{name}` or `:name`, made equal.
fn shape(path: &str) -> String {
    let path = path.strip_prefix(API_ROOT).unwrap_or(path).trim_matches('/');
    let segments = path.split('/').map(|segment| match segment.as_bytes().first() {
        Some(b'{' | b':') => "{}",
        _ => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Budget;

    const CANCEL: Operation = Operation {
        id: "CancelOrderV2",
        method: Method::Delete,
        path: "/portfolio/events/orders/{order_id}",
        signed: true,
        budget: Budget::Write,
    };

    #[test]
    fn the_venues_spelling_of_a_path_does_not_matter() {
        for path in [
            "/portfolio/events/orders/{order_id}",
            "/trade-api/v2/portfolio/events/orders/:id",
            "portfolio/events/orders/{id}/",
        ] {
            assert_eq!(Costs::flat(10).with("delete", path, 7).of(&CANCEL), 7, "{path}");
        }
        assert_eq!(Costs::flat(10).with("GET", CANCEL.path, 7).of(&CANCEL), 10);
        assert_eq!(Costs::default().of(&CANCEL), 2);
        assert_eq!(Costs::default().of(&Operation { method: Method::Get, ..CANCEL }), 10);
    }
}
