//! A client that asks for all it can get, against a venue with the real buckets and a network with jitter: it is
//! never refused, and gets nearly everything that the venue had to give, by the venue's own count.

use std::time::{Duration, Instant};

use daybook_kalshi::{BucketLimit, Call, Client, Limits, RateLimiter};
use serde_json::{Value, json};

use crate::{
    calls::venue,
    log::Log,
    operations as op,
    venue::{Budgets, Venue},
};

/// How long each client asks for all it can get.
const RUN: Duration = Duration::from_millis(1_500);

fn limits(read: (u64, u64), write: (u64, u64), balance: u64) -> Limits {
    let bucket = |(refill_rate, capacity)| BucketLimit { refill_rate, capacity };
    Limits { read: bucket(read), write: bucket(write), balance: bucket((balance, 1)) }
}

/// Asks from so many tasks for so long, as fast as it is let.
async fn saturate(
    client: &Client,
    tasks: usize,
    time: Duration,
    call: impl Fn(usize) -> Call + Clone + Send + 'static,
) {
    let end = Instant::now() + time;
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (client, call) = (client.clone(), call.clone());
            tokio::spawn(async move {
                let mut round = task;
                while Instant::now() < end {
                    client.call::<Value>(call(round)).await.unwrap();
                    round += tasks;
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
}

fn report(name: &str, venue: &Venue, bucket: &str, at_least: u64) {
    let spent = venue.spent(bucket);
    println!(
        "{name}: {} of {} tokens that the {bucket} bucket had to give ({} %), {} refused, up to {} requests at once",
        spent.taken,
        spent.possible,
        spent.percent(),
        spent.refused,
        venue.most_at_once()
    );
    assert_eq!(spent.refused, 0, "{name}");
    assert!(spent.percent() >= at_least, "{name}: {spent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads() {
    let (venue, credentials) = venue().await;
    let (read, write) = ((1_000, 1_000), (500, 500));
    venue.budgets(Budgets::of("basic", read, write, 1));
    venue.latency(Duration::from_millis(30));
    let limiter = RateLimiter::builder().limits(limits(read, write, 1)).build();
    let client = venue.client(credentials).limiter(limiter).build().unwrap();
    // Cheap and dear ones mixed, so that those that fit in wait for those that were there first.
    saturate(&client, 16, RUN, |round| match round % 3 {
        0 => Call::new(&op::ORDER).path("order_id", round),
        _ => Call::new(&op::ORDERS),
    })
    .await;
    report("mixed reads with up to 30 ms of jitter", &venue, "read", 95);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_to_every_shard_and_to_one() {
    let (venue, credentials) = venue().await;
    let (read, write) = ((1_000, 1_000), (400, 800));
    venue.budgets(Budgets::of("basic", read, write, 1));
    venue.latency(Duration::from_millis(20));
    let limiter = RateLimiter::builder().limits(limits(read, write, 1)).build();
    let client = venue.client(credentials).limiter(limiter).build().unwrap();
    saturate(&client, 24, RUN, |round| {
        // Shard 2 is named by every second order and gets the others too, so it is what all wait for.
        let shard = [Some(2), None][round % 2];
        let mut order = json!({"ticker": "T"});
        if let Some(shard) = shard {
            order["exchange_index"] = json!(shard);
        }
        Call::new(&op::CREATE).body(&order).shard(shard)
    })
    .await;
    report("orders to shard 2 and to every shard", &venue, "write 2", 95);
    for bucket in ["write", "write 1", "write 3"] {
        assert_eq!(venue.spent(bucket).refused, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_need_the_whole_bucket() {
    let (venue, credentials) = venue().await;
    let (read, write) = ((1_000, 1_000), (400, 400));
    venue.budgets(Budgets::of("basic", read, write, 1));
    venue.latency(Duration::from_millis(5));
    let limiter = RateLimiter::builder().limits(limits(read, write, 1)).build();
    let client = venue.client(credentials).limiter(limiter).build().unwrap();
    saturate(&client, 3, RUN, |round| match round % 3 {
        0 => Call::new(&op::BATCH).items(40).body(&json!({"orders": vec![0; 40]})),
        1 => Call::new(&op::BATCH).items(7).body(&json!({"orders": vec![0; 7]})),
        _ => Call::new(&op::CANCEL).path("order_id", round).shard(Some(0)),
    })
    .await;
    report("batches, some as large as the bucket", &venue, "write", 95);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_balance() {
    let (venue, credentials) = venue().await;
    let (read, write) = ((1_000, 1_000), (400, 400));
    venue.budgets(Budgets::of("expert", read, write, 5));
    let limiter = RateLimiter::builder().limits(limits(read, write, 5)).build();
    let client = venue.client(credentials).limiter(limiter).build().unwrap();
    saturate(&client, 2, RUN, |_| Call::new(&op::BALANCE)).await;
    // Of a bucket that holds one call, whatever a busy machine delays is lost.
    report("the balance, without burst", &venue, "balance", 80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_and_two_runtimes_share_an_account() {
    let (venue, credentials) = venue().await;
    let (read, write) = ((1_000, 1_000), (400, 400));
    venue.budgets(Budgets::of("basic", read, write, 1));
    let limiter = RateLimiter::builder().limits(limits(read, write, 1)).build();
    let of = || venue.client(credentials.clone()).limiter(limiter.clone()).build().unwrap();
    let (here, elsewhere) = (of(), of());
    let elsewhere = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(saturate(&elsewhere, 4, RUN, |_| Call::new(&op::ORDERS)));
    });
    saturate(&here, 4, RUN, |_| Call::new(&op::ORDERS)).await;
    elsewhere.join().unwrap();
    report("two clients in two runtimes", &venue, "read", 95);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_drained_buckets() {
    let (venue, credentials) = venue().await;
    let (read, write) = ((1_000, 1_000), (400, 400));
    venue.budgets(Budgets::of("basic", read, write, 1));
    venue.latency(Duration::from_millis(10));
    for _ in 0..2 {
        let limiter = RateLimiter::builder().limits(limits(read, write, 1)).build();
        let client = venue.client(credentials.clone()).limiter(limiter).build().unwrap();
        saturate(&client, 16, RUN / 2, |_| Call::new(&op::ORDERS)).await;
    }
    let spent = venue.spent("read");
    println!("two clients, one after the other: {spent:?}, {} %", spent.percent());
    // Each of the sixteen would be refused at least once if they took the bucket for full.
    assert!(spent.refused <= 5, "{spent:?}");
}

#[tokio::test]
async fn limits_and_costs_are_learned() {
    let (venue, credentials) = venue().await;
    venue.budgets(Budgets::of("Expert", (600, 700), (650, 1_950), 5));
    let client = venue.client(credentials).limiter(RateLimiter::default()).build().unwrap();
    let learned = client.learn_limits().await.unwrap();
    assert_eq!(learned.limits, limits((600, 700), (650, 1_950), 5));
    assert_eq!(learned.usage_tier, "Expert");
    assert_eq!(client.limiter().limits(), Some(learned.limits));
    assert_eq!(
        (learned.costs.of(&op::CANCEL), learned.costs.of(&op::ORDER), learned.costs.of(&op::CREATE)),
        (2, 2, 10)
    );
}

#[tokio::test(start_paused = true)]
async fn who_comes_near_a_limit_is_warned_once_in_a_while() {
    let log = Log::default();
    let limiter = RateLimiter::fixed(10, Duration::from_secs(60));
    let warnings = || log.text().lines().filter(|line| line.contains("nearly used up")).count();
    log.of(async {
        for (calls, expected) in [(7, 0), (1, 1), (2, 1)] {
            for _ in 0..calls {
                limiter.admit(&Call::new(&op::ORDERS)).await.unwrap().answered();
            }
            assert_eq!(warnings(), expected, "{}", log.text());
        }
        // The next ones wait for a minute.
        for _ in 0..8 {
            limiter.admit(&Call::new(&op::ORDERS)).await.unwrap().answered();
        }
        assert_eq!(warnings(), 2, "{}", log.text());
    })
    .await;
    assert!(log.text().contains("bucket=fixed used_percent=80"), "{}", log.text());
}
