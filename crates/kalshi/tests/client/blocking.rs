//! The client without asynchronous code around it.

use std::time::Duration;

use daybook_kalshi::{Call, RateLimiter, blocking};
use serde_json::Value;

use crate::{calls::venue, operations as op};

#[test]
fn calls_block_and_threads_share_a_client() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (venue, credentials) = runtime.block_on(venue());
    let limiter = RateLimiter::fixed(8, Duration::from_millis(200));
    let client = venue.client(credentials).limiter(limiter).build().unwrap();
    let client = blocking::Client::new(client).unwrap();
    let begun = std::time::Instant::now();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || {
                for _ in 0..4 {
                    let answer: Value = client.call(Call::new(&op::ORDERS)).unwrap();
                    assert_eq!(answer["path"], "/portfolio/orders");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(venue.received().len(), 12);
    assert!(begun.elapsed() >= Duration::from_millis(200), "12 calls at 8 in 200 ms");

    let error = client.call::<Value>(Call::new(&op::MISSING).path("id", 1)).unwrap_err();
    assert!(error.is_not_found());
    let learned = client.block_on(client.asynchronous().learn_limits()).unwrap();
    assert_eq!(learned.usage_tier, "prestige");
    // Dropping it where blocking is not allowed is no panic.
    runtime.block_on(async { drop(client) });
}
