//! The venue's token buckets, exact to a billionth of a token, and its own count of what was possible.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};

use super::Received;

const UNIT: u128 = 1_000_000_000;

/// The buckets of an account: reads, writes (one more for each shard), balance.
pub struct Budgets {
    read: (u64, u64),
    write: (u64, u64),
    balance: (u64, u64),
    tier: &'static str,
    buckets: BTreeMap<String, Bucket>,
    endless: bool,
}

struct Bucket {
    rate: u64,
    capacity: u64,
    billionths: u128,
    /// What it held when it was first asked.
    began_with: u64,
    first: Instant,
    last: Instant,
    taken: u64,
    refused: u64,
}

/// What was taken from a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    pub taken: u64,
    /// Held at first, and refilled between the first and the last request.
    pub possible: u64,
    pub refused: u64,
}

impl Spent {
    pub fn percent(&self) -> u64 {
        self.taken * 100 / self.possible
    }
}

impl Budgets {
    /// Refill rate and capacity of reads and writes, and the rate of the balance, which has no burst.
    pub fn of(tier: &'static str, read: (u64, u64), write: (u64, u64), balance: u64) -> Budgets {
        Budgets { read, write, balance: (balance, 1), tier, buckets: BTreeMap::new(), endless: false }
    }

    pub fn endless() -> Budgets {
        Budgets { endless: true, ..Budgets::of("prestige", (12_000, 12_000), (9_600, 28_800), 5) }
    }

    pub fn spent(&self, bucket: &str) -> Spent {
        let bucket = &self.buckets[bucket];
        let between = bucket.last.duration_since(bucket.first).as_nanos();
        let refilled = u64::try_from(between * u128::from(bucket.rate) / UNIT).unwrap();
        Spent { taken: bucket.taken, possible: bucket.began_with + refilled, refused: bucket.refused }
    }

    pub fn limits(&self) -> Value {
        let bucket = |(rate, capacity): (u64, u64)| json!({"refill_rate": rate, "bucket_capacity": capacity});
        json!({"usage_tier": self.tier, "read": bucket(self.read), "write": bucket(self.write), "grants": []})
    }

    pub fn costs(&self) -> Value {
        let cost = |method, path, cost| json!({"method": method, "path": path, "cost": cost});
        json!({"default_cost": 10, "endpoint_costs": [
            cost("DELETE", "/trade-api/v2/portfolio/events/orders/:order_id", 2),
            cost("GET", "/trade-api/v2/portfolio/orders/:order_id", 2),
        ]})
    }

    /// Takes what a request costs from every bucket that it is charged to, or from none.
    pub fn take(&mut self, request: &Received) -> bool {
        let (buckets, cost) = self.charge(request);
        let now = Instant::now();
        let limits = [("read", self.read), ("balance", self.balance)];
        for name in &buckets {
            let (rate, capacity) = limits.iter().find(|(own, _)| own == name).map_or(self.write, |(_, limit)| *limit);
            self.buckets.entry(name.clone()).or_insert_with(|| Bucket::full(rate, capacity, now)).refill(now);
        }
        let cost_billionths = u128::from(cost) * UNIT;
        let enough = self.endless || buckets.iter().all(|name| self.buckets[name].billionths >= cost_billionths);
        for name in &buckets {
            let Some(bucket) = self.buckets.get_mut(name) else { continue };
            if enough {
                bucket.billionths = bucket.billionths.saturating_sub(cost_billionths);
                bucket.taken += cost;
            } else {
                bucket.refused += 1;
            }
        }
        enough
    }

    fn charge(&self, request: &Received) -> (Vec<String>, u64) {
        let path = request.path.strip_prefix("/trade-api/v2").unwrap_or_default();
        let orders = "/portfolio/events/orders";
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match (request.method.as_str(), path) {
            ("GET", "/portfolio/balance") => (vec!["balance".to_owned()], 1),
            ("GET", path) if path.starts_with("/portfolio/orders/") => (vec!["read".to_owned()], 2),
            ("GET", _) => (vec!["read".to_owned()], 10),
            ("POST", "/portfolio/events/orders/batched") => {
                let items = body["orders"].as_array().map_or(1, Vec::len) as u64;
                (vec!["write".to_owned()], 10 * items)
            }
            ("DELETE", path) if path.starts_with(orders) => (vec!["write".to_owned()], 2),
            ("POST", path) if path == orders => match body["exchange_index"].as_i64() {
                Some(0) => (vec!["write".to_owned()], 10),
                Some(shard) if shard > 0 => (vec![format!("write {shard}")], 10),
                _ => {
                    let shards = (1..4).map(|shard| format!("write {shard}"));
                    (shards.chain(["write".to_owned()]).collect(), 10)
                }
            },
            _ => (vec!["write".to_owned()], 10),
        }
    }
}

impl Bucket {
    fn full(rate: u64, capacity: u64, now: Instant) -> Bucket {
        let billionths = u128::from(capacity) * UNIT;
        Bucket { rate, capacity, billionths, began_with: capacity, first: now, last: now, taken: 0, refused: 0 }
    }

    fn refill(&mut self, now: Instant) {
        let refilled = now.duration_since(self.last).as_nanos() * u128::from(self.rate);
        self.billionths = (self.billionths + refilled).min(u128::from(self.capacity) * UNIT);
        self.last = now;
    }
}
