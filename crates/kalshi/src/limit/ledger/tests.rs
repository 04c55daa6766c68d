//! Who goes first, and who is in nobody's way, under paused time.

use std::{
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    client::{Call, Priority},
    limit::{
        BucketLimit, Limits, RateLimiter, Tier,
        tests::{CREATE, READ_ONE, basic},
    },
};

/// A bucket for one call of ten tokens, that is refilled in a second.
fn slow() -> RateLimiter {
    let bucket = BucketLimit { refill_rate: 10, capacity: 10 };
    let limits = Limits { read: bucket, write: bucket, balance: bucket };
    RateLimiter::builder().limits(limits).full_at_start().build()
}

/// Polls a call once, and has nobody woken when it is worth polling it again.
fn begins_to_wait(call: &mut Pin<Box<impl Future>>) -> bool {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[tokio::test(start_paused = true)]
async fn calls_that_nobody_polls_hold_up_nobody() {
    for sleepers in [1, 10, 300] {
        let limiter = slow();
        let call = Call::new(&READ_ONE);
        limiter.admit(&call).await.unwrap().answered();
        let mut asleep: Vec<_> = (0..sleepers).map(|_| Box::pin(limiter.admit(&call))).collect();
        for sleeper in &mut asleep {
            assert!(begins_to_wait(sleeper));
        }
        let permit = limiter.admit(&call).await.unwrap();
        let (waited, allowed) = (permit.waited(), Duration::from_millis(1_100 + 5 * sleepers));
        assert!((1_000..allowed.as_millis()).contains(&waited.as_millis()), "{sleepers} asleep, and {waited:?}");
        permit.answered();
        // They are known by now.
        let permit = limiter.admit(&call).await.unwrap();
        assert!((1_000..1_010).contains(&permit.waited().as_millis()), "{:?}", permit.waited());
        permit.answered();
        // Whoever is heard of again has the place that it always had.
        let mut last = Box::pin(limiter.admit(&call));
        assert!(begins_to_wait(&mut last));
        let first = asleep.remove(0);
        let first = tokio::select! { biased; permit = first => permit, _ = &mut last => panic!("it came later") };
        first.unwrap().answered();
        drop(asleep);
        last.await.unwrap();
        assert!(limiter.levels().iter().all(|level| level.waiting == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_side_by_side_and_one_in_the_loop_over_them_all_get_through() {
    use futures_util::{StreamExt, stream};

    let limiter = RateLimiter::default();
    let begun = Instant::now();
    let admit = |_| async { limiter.admit(&Call::new(&READ_ONE)).await.unwrap().answered() };
    let mut pages = stream::iter(0..150).map(admit).buffer_unordered(10);
    while pages.next().await.is_some() {
        limiter.admit(&Call::new(&READ_ONE)).await.unwrap().answered();
    }
    let took = begun.elapsed().as_millis();
    // 300 calls at 20 a second, after those that a full bucket holds.
    assert!((11_900..14_000).contains(&took), "{took} ms");
}

#[test]
fn a_thread_that_is_busy_holds_up_no_other() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limiter = slow();
    let call = Call::new(&READ_ONE);
    runtime().block_on(limiter.admit(&call)).unwrap().answered();
    let (begun, rest) = std::sync::mpsc::channel();
    let (done, until_done) = std::sync::mpsc::channel();
    let busy = limiter.clone();
    let thread = std::thread::spawn(move || {
        runtime().block_on(async {
            let mut first = Box::pin(busy.admit(&call));
            assert!(begins_to_wait(&mut first));
            begun.send(()).unwrap();
            until_done.recv().unwrap();
            first.await.unwrap();
        });
    });
    rest.recv().unwrap();
    // Hangs if the thread is waited for, which waits for this.
    runtime().block_on(limiter.admit(&Call::new(&READ_ONE))).unwrap().answered();
    done.send(()).unwrap();
    thread.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_that_wait_ask_no_more_often_than_they_must() {
    const CALLS: u64 = 10_000;
    let limiter = RateLimiter::for_tier(Tier::Prestige);
    let begun = Instant::now();
    let crowd = tokio::task::LocalSet::new();
    for _ in 0..CALLS {
        let limiter = limiter.clone();
        crowd.spawn_local(async move { limiter.admit(&Call::new(&READ_ONE)).await.unwrap().answered() });
    }
    crowd.await;
    let (asked, took) = (limiter.lock().next_id, begun.elapsed());
    println!("{CALLS} calls asked {asked} times in {took:?}");
    assert!(asked < 20 * CALLS, "{asked} times");
    assert!((7_300..8_600).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_for_every_shard_that_waits_for_a_busy_one_holds_up_no_idle_one() {
    let limiter = basic();
    let spawn = |shard, count: usize| {
        let limiter = limiter.clone();
        (0..count)
            .map(move |_| {
                let limiter = limiter.clone();
                tokio::spawn(async move {
                    let permit = limiter.admit(&Call::new(&CREATE).shard(shard)).await.unwrap();
                    permit.answered();
                    permit.waited()
                })
            })
            .collect::<Vec<_>>()
    };
    // A burst, and ten more a second.
    let busy = spawn(Some(1), 60);
    sleep(Duration::from_millis(1)).await;
    let everywhere = spawn(None, 2);
    sleep(Duration::from_millis(1)).await;
    let late = spawn(Some(1), 20);
    let idle = spawn(Some(0), 9);
    for call in idle {
        assert_eq!(call.await.unwrap(), Duration::ZERO);
    }
    for call in busy {
        call.await.unwrap();
    }
    // They keep their place on the busy shard, and others do not take for ever what they need on the idle one.
    for (number, call) in (0..).zip(everywhere) {
        let waited = call.await.unwrap().as_millis();
        assert!((5_000..5_300 + 100 * number).contains(&waited), "{number}: {waited} ms");
    }
    let late: Vec<_> = futures_util::future::join_all(late).await.into_iter().map(Result::unwrap).collect();
    assert!(late.iter().all(|waited| waited.as_millis() >= 5_200), "{late:?}");
    assert!(late.iter().all(|waited| waited.as_millis() < 7_500), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_shard_is_spent_while_a_call_for_every_shard_waits_for_a_busy_one() {
    let order = |shard| Call::new(&CREATE).shard(shard);
    // Sixty before it on shard 1: it has five seconds to wait, and shard 0 is all the others' until then.
    let limiter = basic();
    let spawn = |shard| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.admit(&order(shard)).await.unwrap().answered() })
    };
    let busy: Vec<_> = (0..60).map(|_| spawn(Some(1))).collect();
    sleep(Duration::from_millis(1)).await;
    let everywhere = spawn(None);
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    for _ in 0..40 {
        limiter.admit(&order(Some(0))).await.unwrap().answered();
    }
    assert!((3_000..3_200).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert!(!everywhere.is_finished());
    futures_util::future::join_all(busy).await;
    everywhere.await.unwrap();

    // Nobody before it, and nothing left on shard 1: it goes when that has its tokens, and shard 0 has enough for both.
    let limiter = basic();
    for _ in 0..10 {
        limiter.admit(&order(Some(1))).await.unwrap().answered();
    }
    let everywhere = limiter.clone();
    let everywhere = tokio::spawn(async move { everywhere.admit(&order(None)).await.unwrap().waited() });
    sleep(Duration::from_millis(1)).await;
    let mut sent_at_once = 0;
    while limiter.admit(&order(Some(0))).await.unwrap().waited().is_zero() {
        sent_at_once += 1;
    }
    // Its own ten tokens are left, and what may be late on its way.
    assert!((5..10).contains(&sent_at_once), "{sent_at_once}");
    let waited = everywhere.await.unwrap();
    assert!((100..105).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_for_every_shard_takes_its_turn_though_each_shard_is_asked_without_end() {
    let limiter = basic();
    for shard in 0..4 {
        for _ in 0..12 {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                loop {
                    limiter.admit(&Call::new(&CREATE).shard(Some(shard))).await.unwrap().answered();
                }
            });
        }
    }
    sleep(Duration::from_secs(3)).await;
    for _ in 0..5 {
        let permit = limiter.admit(&Call::new(&CREATE).shard(None)).await.unwrap();
        permit.answered();
        // Twelve before it on each shard, ten of which are sent in a second.
        assert!(permit.waited() < Duration::from_millis(1_700), "{:?}", permit.waited());
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_less_important_waits_for_so_many_others_and_no_longer() {
    let limiter = RateLimiter::fixed(10, Duration::from_secs(1));
    for _ in 0..30 {
        let limiter = limiter.clone();
        tokio::spawn(async move {
            loop {
                limiter.admit(&Call::new(&CREATE)).await.unwrap().answered();
            }
        });
    }
    let background = limiter.clone();
    let background = tokio::spawn(async move {
        let mut waited = Duration::ZERO;
        for _ in 0..10 {
            let call = Call::new(&READ_ONE).priority(Priority::Background);
            waited = waited.max(background.admit(&call).await.unwrap().waited());
        }
        waited
    });
    sleep(Duration::from_secs(2)).await;
    for _ in 0..10 {
        let waited = limiter.admit(&Call::new(&READ_ONE)).await.unwrap().waited();
        assert!(waited < Duration::from_secs(3), "a read: {waited:?}");
    }
    let waited = background.await.unwrap();
    assert!(waited < Duration::from_secs(4), "background: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_less_important_goes_before_most_of_a_long_queue() {
    let limiter = RateLimiter::fixed(1, Duration::from_secs(1));
    for _ in 0..200 {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.admit(&Call::new(&CREATE)).await.unwrap().answered() });
    }
    sleep(Duration::from_millis(1)).await;
    for _ in 0..3 {
        let waited = limiter.admit(&Call::new(&READ_ONE)).await.unwrap().waited();
        assert!((10..12).contains(&waited.as_secs()), "{waited:?}");
    }
}
