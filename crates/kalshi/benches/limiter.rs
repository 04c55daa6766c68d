//! Calls per second that get through the limiter when the venue's limits are no obstacle: what it costs by itself.
//!
//! `cargo bench -p daybook-kalshi --bench limiter`

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use daybook_kalshi::{BucketLimit, Budget, Call, Limits, Method, Operation, RateLimiter};

const CALLS: usize = 1_000_000;
const ROUNDS: usize = 5;

static READ: Operation =
    Operation { id: "GetMarkets", method: Method::Get, path: "/markets", signed: false, budget: Budget::Read };
static WRITE: Operation = Operation {
    id: "CreateOrderV2",
    method: Method::Post,
    path: "/portfolio/events/orders",
    signed: true,
    budget: Budget::Write,
};

fn main() {
    let one = || Call::new(&READ);
    let everywhere = || Call::new(&WRITE).shard(None);
    println!("nobody waits, each call answered before the next:");
    measure("1 task, reads", 1, 0, &one);
    measure("1 task, writes charged to four shards", 1, 0, &everywhere);
    measure("8 tasks on 2 threads, reads", 8, 0, &one);
    println!("nobody waits, so many calls unanswered all the time:");
    measure("1 task, 100 unanswered", 1, 100, &one);
    measure("1 task, 1000 unanswered", 1, 1000, &one);
}

/// The best of some rounds, in which so many tasks share `CALLS` calls.
fn measure(name: &str, tasks: usize, unanswered: usize, call: &dyn Fn() -> Call) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started");
    let best = (0..ROUNDS)
        .map(|_| {
            let limiter = endless();
            let begun = Instant::now();
            let running: Vec<_> =
                (0..tasks).map(|_| runtime.spawn(admit(limiter.clone(), call(), CALLS / tasks, unanswered))).collect();
            for task in running {
                runtime.block_on(task).expect("nothing panics");
            }
            begun.elapsed()
        })
        .min()
        .unwrap_or(Duration::MAX);
    let nanos = best.as_nanos() / CALLS as u128;
    println!("  {name:<42} {:>9} calls/s  {nanos:>6} ns each", 1_000_000_000 / nanos.max(1));
}

async fn admit(limiter: RateLimiter, call: Call, times: usize, unanswered: usize) {
    let mut open = std::collections::VecDeque::new();
    for _ in 0..times {
        open.push_back(limiter.admit(&call).await.expect("the call costs less than the bucket holds"));
        if open.len() > unanswered
            && let Some(oldest) = open.pop_front()
        {
            black_box(oldest).answered();
        }
    }
}

/// Limits that nobody reaches.
fn endless() -> RateLimiter {
    let bucket = BucketLimit { refill_rate: 1_000_000_000, capacity: 10_000_000_000 };
    let limits = Limits { read: bucket, write: bucket, balance: bucket };
    RateLimiter::builder().limits(limits).full_at_start().build()
}
