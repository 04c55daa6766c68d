//! The buckets against a venue that is simulated exactly, and the queue in front of them under paused time.

use std::{cell::RefCell, rc::Rc};

use proptest::prelude::*;
use tokio::time::{advance, sleep, timeout};

use super::{queue::MOST_OVERTAKEN, *};
use crate::client::{Method, Operation, Priority};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// A bucket exactly as the venue describes it, in billionths of a token.
struct VenueBucket {
    limit: BucketLimit,
    nano_tokens: u64,
    at: u64,
}

impl VenueBucket {
    fn full(limit: BucketLimit) -> VenueBucket {
        VenueBucket { limit, nano_tokens: limit.capacity * SECOND, at: 0 }
    }

    fn takes(&mut self, cost: u64, now: u64) -> bool {
        let refilled = self.nano_tokens + (now - self.at) * self.limit.refill_rate;
        self.nano_tokens = refilled.min(self.limit.capacity * SECOND);
        self.at = now;
        let enough = self.nano_tokens >= cost * SECOND;
        if enough {
            self.nano_tokens -= cost * SECOND;
        }
        enough
    }
}

/// One request of a simulated client: how long after the one before it wants to be sent, what it costs as a share of
/// the capacity, how long it takes to arrive, and to be answered (or never is).
#[derive(Clone, Debug)]
struct Wish {
    after: u64,
    cost_percent: u64,
    latency: u64,
    answer_after: Option<u64>,
}

const SPREAD: u64 = 250 * MS;

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let after = prop_oneof![3 => Just(0), 3 => 0..20 * MS, 1 => 0..5 * SECOND];
    let cost = prop_oneof![4 => 1..=10u64, 1 => 1..=100u64];
    let latency = prop_oneof![0..5 * MS, 0..=SPREAD];
    let answer = proptest::option::weighted(0.8, 0..100 * MS);
    let wish = (after, cost, latency, answer).prop_map(|(after, cost_percent, latency, answer_after)| Wish {
        after,
        cost_percent,
        latency,
        answer_after,
    });
    proptest::collection::vec(wish, 1..120)
}

fn limit() -> impl Strategy<Value = BucketLimit> {
    prop_oneof![
        proptest::sample::select(Tier::ALL.to_vec()).prop_map(|tier| tier.limits().write),
        proptest::sample::select(Tier::ALL.to_vec()).prop_map(|tier| tier.limits().read),
        (1..=1_000u64, 1..=3_000u64).prop_map(|(refill_rate, capacity)| BucketLimit { refill_rate, capacity }),
        Just(Tier::Basic.balance()),
        Just(Tier::Expert.balance()),
    ]
}

/// Sends every wish as early as the bucket lets it; when it was sent, when it arrived, and what it cost.
fn sent_by(bucket: &mut TokenBucket, wishes: &[Wish]) -> Vec<(u64, u64, u64)> {
    let capacity = bucket.limit().capacity;
    let mut now = 0;
    let mut sent = Vec::new();
    let mut answers: Vec<(u64, u64)> = Vec::new();
    for (id, wish) in (0..).zip(wishes) {
        now += wish.after;
        let cost = (capacity * wish.cost_percent / 100).max(1);
        loop {
            answers.retain(|(at, id)| {
                if *at <= now {
                    bucket.answered(*id, true, *at);
                }
                *at > now
            });
            let ready_at = bucket.ready_at(cost);
            if ready_at <= now {
                break;
            }
            let next_answer = answers.iter().map(|(at, _)| *at).min().unwrap_or(u64::MAX);
            now = ready_at.min(next_answer);
        }
        bucket.take(id, cost, now);
        let arrives = now + wish.latency;
        sent.push((now, arrives, cost));
        if let Some(after) = wish.answer_after {
            answers.push((arrives + after, id));
        }
    }
    sent
}

/// Sends every wish as early as the bucket lets it to a venue that may refuse. Whoever is refused is not sent again.
/// How often that is, and how often somebody passed who had to be tried.
fn tried(bucket: &mut TokenBucket, venue: &mut VenueBucket, wishes: &[Wish]) -> (usize, usize) {
    let capacity = bucket.limit().capacity;
    let (mut now, mut refused, mut passed) = (0, 0, 0);
    let mut tries = std::collections::HashSet::new();
    // What happens next at the venue, and with its answers: when, and to which request.
    let mut arrivals: Vec<(u64, u64, u64, Option<u64>)> = Vec::new();
    let mut answers: Vec<(u64, u64, bool)> = Vec::new();
    for (id, wish) in (0..).zip(wishes) {
        let wanted = now + wish.after;
        let cost = (capacity * wish.cost_percent / 100).max(1);
        loop {
            let arrival = arrivals.iter().copied().min().filter(|(at, ..)| *at <= now);
            if let Some(arrival @ (at, id, cost, answer_after)) = arrival {
                arrivals.retain(|other| *other != arrival);
                let taken = venue.takes(cost, at);
                refused += usize::from(!taken);
                passed += usize::from(taken && tries.contains(&id));
                answers.extend(answer_after.map(|after| (at + after, id, taken)));
                continue;
            }
            let answer = answers.iter().copied().min().filter(|(at, ..)| *at <= now);
            if let Some(answer @ (at, id, taken)) = answer {
                answers.retain(|other| *other != answer);
                match taken {
                    true => bucket.answered(id, true, at),
                    false => bucket.exhausted(at),
                }
                continue;
            }
            let ready_at = bucket.ready_at(cost).max(wanted);
            if ready_at <= now {
                break;
            }
            let next = arrivals.iter().map(|(at, ..)| *at).chain(answers.iter().map(|(at, ..)| *at)).min();
            now = ready_at.min(next.unwrap_or(u64::MAX));
        }
        if bucket.surely_ready_at(cost) > now {
            tries.insert(id);
        }
        bucket.take(id, cost, now);
        arrivals.push((now + wish.latency, id, cost, wish.answer_after));
    }
    arrivals.sort_unstable();
    refused += arrivals.into_iter().filter(|(at, _, cost, _)| !venue.takes(*cost, *at)).count();
    (refused, passed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_venue_that_is_late_by_up_to_the_spread_never_refuses(
        limit in limit(),
        wishes in wishes(),
        fast in 0..5u64,
        start in proptest::sample::select(vec![Start::Full, Start::Unknown, Start::Empty]),
    ) {
        let mut bucket = TokenBucket::new(limit, SPREAD, start, 0);
        let mut arrivals = sent_by(&mut bucket, &wishes);
        arrivals.sort_by_key(|(_, arrives, _)| *arrives);
        let mut venue = VenueBucket::full(limit);
        for (_, arrives, cost) in arrivals {
            // Our clock may run faster than the venue's by so many thousandths.
            let theirs = arrives - arrives * fast / 1000;
            prop_assert!(venue.takes(cost, theirs), "refused {cost} of {limit:?} at {arrives}");
        }
    }

    #[test]
    fn no_window_holds_more_than_refill_and_capacity(limit in limit(), wishes in wishes()) {
        let sent = sent_by(&mut TokenBucket::new(limit, SPREAD, Start::Full, 0), &wishes);
        for first in 0..sent.len() {
            let mut total = 0;
            for (at, _, cost) in &sent[first..] {
                total += cost;
                let refilled = u128::from(at - sent[first].0) * u128::from(limit.refill_rate);
                let allowed = u128::from(limit.capacity) * u128::from(SECOND) + refilled;
                prop_assert!(u128::from(total) * u128::from(SECOND) <= allowed);
            }
        }
    }

    #[test]
    fn a_bucket_that_begins_empty_is_no_faster(limit in limit(), wishes in wishes()) {
        let empty = sent_by(&mut TokenBucket::new(limit, SPREAD, Start::Empty, 0), &wishes);
        let mut venue = VenueBucket { nano_tokens: 0, ..VenueBucket::full(limit) };
        let mut arrivals = empty;
        arrivals.sort_by_key(|(_, arrives, _)| *arrives);
        for (_, arrives, cost) in arrivals {
            prop_assert!(venue.takes(cost, arrives));
        }
    }

    #[test]
    fn a_venue_that_others_have_used_seldom_refuses(
        limit in limit(),
        wishes in wishes(),
        latency in 0..=SPREAD,
        left_percent in 0..100u64,
    ) {
        // None overtakes another: what is tried might else take the tokens of what was sure.
        let wishes: Vec<_> = wishes.into_iter().map(|wish| Wish { latency, ..wish }).collect();
        let mut bucket = TokenBucket::new(limit, SPREAD, Start::Unknown, 0);
        let left = limit.capacity * SECOND / 100 * left_percent;
        let mut venue = VenueBucket { nano_tokens: left, ..VenueBucket::full(limit) };
        let (refused, passed) = tried(&mut bucket, &mut venue, &wishes);
        prop_assert!(refused <= 1 + passed.isqrt(), "{refused} refusals, and {passed} passed");
    }

    #[test]
    fn a_plain_limit_holds_in_every_period(allowed in 1..20u32, wishes in wishes()) {
        let period = SECOND;
        let mut window = Window::new(allowed, period, SPREAD);
        let (mut now, mut arrivals) = (0, Vec::new());
        for (id, wish) in (0..).zip(&wishes) {
            now = (now + wish.after).max(window.ready_at());
            window.take(id, now);
            arrivals.push(now + wish.latency);
            if let Some(after) = wish.answer_after {
                window.answered(id, now + wish.latency + after);
            }
        }
        arrivals.sort_unstable();
        for pair in arrivals.windows(allowed as usize + 1) {
            prop_assert!(pair[allowed as usize] - pair[0] >= period);
        }
    }

    #[test]
    fn another_limit_makes_no_tokens(limit in limit(), other in limit(), wishes in wishes()) {
        let mut bucket = TokenBucket::new(limit, SPREAD, Start::Full, 0);
        let now = sent_by(&mut bucket, &wishes).last().map_or(0, |(sent, ..)| *sent);
        let before = bucket.tokens(now);
        bucket.change(other, now);
        prop_assert!(bucket.tokens(now) <= before.min(other.capacity));
        prop_assert!(bucket.tokens(now) + 1 >= before.min(other.capacity));
    }
}

#[test]
fn who_saturates_a_bucket_gets_nearly_all_of_it() {
    for (limit, latency) in [
        (Tier::Basic.limits().write, 50 * MS),
        (Tier::Basic.limits().read, 200 * MS),
        (Tier::Prestige.limits().read, 20 * MS),
        (Tier::Basic.balance(), 10 * MS),
        (Tier::Expert.balance(), 5 * MS),
    ] {
        let cost = limit.capacity.min(10);
        let count = usize::try_from(20 * limit.refill_rate / cost).unwrap();
        let wish = Wish { after: 0, cost_percent: cost * 100 / limit.capacity, latency, answer_after: Some(latency) };
        let wish = Wish { cost_percent: wish.cost_percent.max(1), ..wish };
        let sent = sent_by(&mut TokenBucket::new(limit, SPREAD, Start::Empty, 0), &vec![wish; count]);
        let taken: u64 = sent.iter().map(|(.., cost)| cost).sum();
        let offered = u128::from(sent[count - 1].0) * u128::from(limit.refill_rate) / u128::from(SECOND);
        let percent = u128::from(taken) * 100 / offered;
        println!("{limit:?} at a latency of {} ms: {percent} % of what is refilled", latency / MS);
        assert!(percent >= 95, "{limit:?}: {percent} %");
    }
}

#[test]
fn a_whole_bucket_may_be_spent_at_once() {
    let limit = Tier::Advanced.limits().write;
    let mut bucket = TokenBucket::new(limit, SPREAD, Start::Full, 0);
    assert_eq!(bucket.ready_at(limit.capacity), 0);
    bucket.take(1, limit.capacity, SECOND);
    assert_eq!(bucket.tokens(SECOND), 0);
    assert!(bucket.ready_at(limit.capacity) >= 4 * SECOND);
}

#[test]
fn a_refusal_empties_the_bucket() {
    let limit = Tier::Basic.limits().write;
    let mut bucket = TokenBucket::new(limit, SPREAD, Start::Full, 0);
    bucket.exhausted(SECOND);
    assert_eq!(bucket.tokens(SECOND), 0);
    let wait = bucket.ready_at(10) - SECOND;
    assert!((100 * MS..102 * MS).contains(&wait), "{wait}");
}

const fn operation(id: &'static str, method: Method, path: &'static str, budget: Budget) -> Operation {
    Operation { id, method, path, signed: true, budget }
}

pub(super) static READ_ONE: Operation = operation("GetMarkets", Method::Get, "/markets", Budget::Read);
pub(super) static CREATE: Operation =
    operation("CreateOrderV2", Method::Post, "/portfolio/events/orders", Budget::Write);
static BATCH: Operation =
    operation("BatchCreateOrdersV2", Method::Post, "/portfolio/events/orders/batched", Budget::Write);
static QUOTE: Operation = operation("CreateQuote", Method::Post, "/communications/quotes", Budget::Write);
static BALANCE_CALL: Operation = operation("GetBalance", Method::Get, "/portfolio/balance", Budget::Balance);

pub(super) fn basic() -> RateLimiter {
    RateLimiter::builder().full_at_start().build()
}

/// What a call has taken from each bucket.
fn taken(limiter: &RateLimiter) -> Vec<(BucketName, u64)> {
    let levels = limiter.levels().into_iter();
    levels.map(|level| (level.bucket, level.capacity - level.tokens)).filter(|(_, taken)| *taken > 0).collect()
}

async fn taken_by(call: Call) -> Vec<(BucketName, u64)> {
    let limiter = basic();
    // Answered at once, so that its latency is not reckoned with.
    limiter.admit(&call).await.unwrap().answered();
    taken(&limiter)
}

#[tokio::test(start_paused = true)]
async fn calls_are_paid_from_the_buckets_that_the_venue_charges() {
    use BucketName::*;

    let create = || Call::new(&CREATE);
    assert_eq!(taken_by(Call::new(&READ_ONE)).await, [(Read, 10)]);
    assert_eq!(taken_by(Call::new(&BALANCE_CALL)).await, [(Balance, 1)]);
    assert_eq!(taken_by(create()).await, [(Write, 10)]);
    assert_eq!(taken_by(create().shard(Some(0))).await, [(Write, 10)]);
    assert_eq!(taken_by(create().shard(Some(3))).await, [(ShardWrite(3), 10)]);
    assert_eq!(taken_by(create().shard(Some(6))).await, [(ShardWrite(6), 10)]);
    let everywhere = [(Write, 10), (ShardWrite(1), 10), (ShardWrite(2), 10), (ShardWrite(3), 10)];
    assert_eq!(taken_by(create().shard(None)).await, everywhere);
    assert_eq!(taken_by(create().shard(Some(-1))).await, everywhere);
    assert_eq!(taken_by(Call::new(&BATCH).items(4).shard(Some(2))).await, [(Write, 40)]);
    assert_eq!(taken_by(Call::new(&QUOTE)).await, [(ShardWrite(1), 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_paid_is_refused_at_once_and_says_so() {
    let limiter = RateLimiter::default();
    let error = limiter.admit(&Call::new(&BATCH).items(11)).await.unwrap_err();
    assert_eq!(error, TooCostly { bucket: BucketName::Write, cost: 110, capacity: 100 });
    assert!(error.to_string().contains("costs 110 tokens and the write bucket holds 100"), "{error}");
    limiter.admit(&Call::new(&BATCH).items(10)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_there_is_tried_by_one_at_first() {
    let limiter = RateLimiter::default();
    let call = Call::new(&CREATE);
    let create = || limiter.admit(&call);
    let first = create().await.unwrap();
    assert_eq!(first.waited(), Duration::ZERO);
    // As long as the first is not answered, only what is refilled is sure, and the first has taken that.
    let second = create().await.unwrap();
    assert!((200..210).contains(&second.waited().as_millis()), "{:?}", second.waited());
    first.answered();
    // It passed, so two may be tried.
    for _ in 0..2 {
        assert_eq!(create().await.unwrap().waited(), Duration::ZERO);
    }
    assert!(create().await.unwrap().waited() > Duration::ZERO);

    let limiter = RateLimiter::builder().empty_at_start().build();
    let permit = limiter.admit(&Call::new(&CREATE)).await.unwrap();
    assert!((100..105).contains(&permit.waited().as_millis()), "{:?}", permit.waited());
}

#[tokio::test(start_paused = true)]
async fn orders_go_first_and_each_kind_in_its_order() {
    let limiter = RateLimiter::fixed(1, Duration::from_secs(1));
    limiter.admit(&Call::new(&READ_ONE)).await.unwrap();
    let order = Rc::new(RefCell::new(Vec::new()));
    let local = tokio::task::LocalSet::new();
    for round in 0..3 {
        for (name, call) in [
            ("background", Call::new(&READ_ONE).priority(Priority::Background)),
            ("read", Call::new(&READ_ONE)),
            ("order", Call::new(&CREATE)),
        ] {
            let (limiter, order) = (limiter.clone(), Rc::clone(&order));
            local.spawn_local(async move {
                limiter.admit(&call).await.unwrap().answered();
                order.borrow_mut().push(format!("{name} {round}"));
            });
        }
    }
    local.await;
    let kinds = ["order", "read", "background"];
    let expected: Vec<_> = kinds.iter().flat_map(|kind| (0..3).map(move |round| format!("{kind} {round}"))).collect();
    assert_eq!(*order.borrow(), expected);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_place_to_the_next() {
    let limiter = RateLimiter::default();
    let give_up = Duration::from_millis(20);
    let all = limiter.admit(&Call::new(&BATCH).items(10)).await.unwrap();
    all.answered();
    let big = limiter.clone();
    // Wants the whole bucket, and waits in front of the small one until it gives up.
    let first = tokio::spawn(async move { timeout(give_up, big.admit(&Call::new(&BATCH).items(10))).await.is_err() });
    tokio::task::yield_now().await;
    let second = limiter.admit(&Call::new(&CREATE)).await.unwrap();
    assert!(first.await.unwrap());
    assert!((100..105).contains(&second.waited().as_millis()), "{:?}", second.waited());
    assert!(limiter.levels().iter().all(|level| level.waiting == 0));
    second.answered();
    let ten_taken = limiter.levels().iter().map(|level| level.tokens).nth(WRITE).unwrap();
    assert_eq!(ten_taken, 0, "what was given up was not paid for, and 10 tokens were refilled and taken");
}

#[tokio::test(start_paused = true)]
async fn a_call_for_every_shard_waits_for_the_emptiest_and_starves_nobody() {
    let limiter = basic();
    for _ in 0..9 {
        limiter.admit(&Call::new(&CREATE).shard(Some(2))).await.unwrap().answered();
    }
    let everywhere = limiter.clone();
    let everywhere = tokio::spawn(async move {
        let call = Call::new(&BATCH).shard(None);
        everywhere.admit(&call).await.unwrap().answered();
        everywhere.admit(&call).await.unwrap().waited()
    });
    tokio::task::yield_now().await;
    let waited = everywhere.await.unwrap();
    assert!((100..105).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn setting_limits_takes_no_tokens_however_often() {
    // The same ones again, and two that take turns.
    for rates in [[10, 10], [10, 11]] {
        let bucket = |refill_rate| BucketLimit { refill_rate, capacity: 10 };
        let limits = move |rate| Limits { read: bucket(rate), write: bucket(rate), balance: bucket(rate) };
        let limiter = RateLimiter::builder().limits(limits(10)).empty_at_start().build();
        let set = limiter.clone();
        tokio::spawn(async move {
            for rate in rates.into_iter().cycle() {
                sleep(Duration::from_millis(90)).await;
                set.set_limits(limits(rate));
            }
        });
        let begun = Instant::now();
        let mut calls = 0;
        while begun.elapsed() < Duration::from_secs(60) {
            limiter.admit(&Call::new(&READ_ONE)).await.unwrap().answered();
            calls += 1;
        }
        assert!((58..=66).contains(&calls), "{calls} calls in a minute at {rates:?} tokens a second");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_everybody_waits() {
    let limiter = basic();
    let permit = limiter.admit(&Call::new(&CREATE)).await.unwrap();
    permit.refused(Duration::from_secs(3));
    let (one, two) = (limiter.clone(), limiter.clone());
    let one = tokio::spawn(async move { one.admit(&Call::new(&CREATE)).await.unwrap().waited() });
    let two = tokio::spawn(async move { two.admit(&Call::new(&CREATE)).await.unwrap().waited() });
    for waited in [one.await.unwrap(), two.await.unwrap()] {
        assert!(waited >= Duration::from_secs(3), "{waited:?}");
    }
    let read = limiter.admit(&Call::new(&READ_ONE)).await.unwrap();
    assert_eq!(read.waited(), Duration::ZERO, "another bucket is not concerned");
}

#[tokio::test(start_paused = true)]
async fn who_has_no_time_for_a_silence_is_told_how_long_it_lasts() {
    let seconds = Duration::from_secs;
    let limiter = basic();
    // All that the bucket holds, so that the next ones have to wait.
    let permit = limiter.admit(&Call::new(&BATCH).items(10)).await.unwrap();
    let wait = |patience| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.admit_at(&Call::new(&CREATE), limiter.ticket(), patience).await })
    };
    let [patient, hasty, late] = [seconds(3_600), seconds(30), seconds(599)].map(wait);
    tokio::task::yield_now().await;
    assert!(!patient.is_finished() && !hasty.is_finished());
    permit.refused(seconds(600));
    // Those that waited already, though another one is before them; and whoever comes later.
    for (waiting, left) in [(hasty, seconds(600)), (late, seconds(600))] {
        let Err(NotAdmitted::Silenced(silenced)) = waiting.await.unwrap() else { panic!("it has no time") };
        assert_eq!(silenced, Silenced { bucket: BucketName::Write, left });
    }
    advance(seconds(500)).await;
    let Err(NotAdmitted::Silenced(silenced)) = wait(seconds(99)).await.unwrap() else { panic!("it has no time") };
    let left = silenced.left;
    assert!(left <= seconds(100) && left > seconds(99), "{left:?}");
    assert_eq!(
        silenced.to_string(),
        "the venue asked to be left alone, for another 100s as far as the write bucket is concerned"
    );
    // Who has the time waits for all of it, and no longer than the bucket asks for.
    let Ok(permit) = wait(seconds(100)).await.unwrap() else { panic!("it has the time") };
    assert!((99..102).contains(&permit.waited().as_secs()), "{:?}", permit.waited());
    let Ok(permit) = patient.await.unwrap() else { panic!("it has the time") };
    assert!((600..602).contains(&permit.waited().as_secs()), "{:?}", permit.waited());
    // A silence that nobody named does not count: its tokens are waited for with any patience.
    let limiter = RateLimiter::fixed(2, seconds(1));
    limiter.admit(&Call::new(&CREATE)).await.unwrap().refused(Duration::ZERO);
    assert!(limiter.admit_at(&Call::new(&CREATE), limiter.ticket(), Duration::ZERO).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn better_limits_help_those_who_wait() {
    let limiter = RateLimiter::default();
    limiter.admit(&Call::new(&BATCH).items(10)).await.unwrap().answered();
    let waiting = limiter.clone();
    let waiting = tokio::spawn(async move { waiting.admit(&Call::new(&BATCH).items(10)).await.unwrap().waited() });
    sleep(Duration::from_millis(10)).await;
    limiter.set_limits(Tier::Prestige.limits());
    let waited = waiting.await.unwrap();
    assert!(waited < Duration::from_millis(50), "{waited:?}");
    assert_eq!(limiter.limits(), Some(Tier::Prestige.limits()));
}

#[tokio::test(start_paused = true)]
async fn learned_costs_count() {
    let limiter = basic();
    limiter.admit(&Call::new(&CREATE)).await.unwrap().answered();
    limiter.set_costs(Costs::flat(10).with("POST", "/trade-api/v2/portfolio/events/orders", 30));
    limiter.admit(&Call::new(&CREATE)).await.unwrap().answered();
    assert_eq!(taken(&limiter), [(BucketName::Write, 40)]);
}

#[tokio::test(start_paused = true)]
async fn the_fixed_mode_counts_requests() {
    let limiter = RateLimiter::fixed(100, Duration::from_secs(60));
    let begun = Instant::now();
    for _ in 0..100 {
        limiter.admit(&Call::new(&BATCH).items(50)).await.unwrap().answered();
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    limiter.admit(&Call::new(&READ_ONE)).await.unwrap();
    assert!((60_000..61_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn use_is_told_in_percent() {
    let limiter = RateLimiter::default();
    advance(Duration::from_secs(5)).await;
    let used = || limiter.levels().iter().find(|level| level.bucket == BucketName::Write).unwrap().used_percent;
    assert_eq!(used(), 0, "to begin empty is not to be used");
    limiter.admit(&Call::new(&BATCH).items(8)).await.unwrap().answered();
    assert_eq!(used(), 80);
}

/// A call of a simulated crowd.
#[derive(Clone, Debug)]
struct Visitor {
    comes_at: Duration,
    dear: bool,
    priority: Priority,
    answered_after: Duration,
    gives_up_after: Option<Duration>,
}

/// What became of a visitor.
#[derive(Clone, Copy, Debug)]
struct Visit {
    asked: Instant,
    order: usize,
    priority: Priority,
    cost: u64,
    /// When it was let in, and as which.
    entered: Option<(Instant, usize)>,
}

fn visitors() -> impl Strategy<Value = Vec<Visitor>> {
    let priority = proptest::sample::select(vec![Priority::Orders, Priority::Reads, Priority::Background]);
    let millis = |range| prop::strategy::Strategy::prop_map(range, Duration::from_millis);
    let gives_up = proptest::option::weighted(0.2, millis(1..800u64));
    let visitor = (millis(0..1_500u64), any::<bool>(), priority, millis(0..100u64), gives_up);
    let visitor = visitor.prop_map(|(comes_at, dear, priority, answered_after, gives_up_after)| Visitor {
        comes_at,
        dear,
        priority,
        answered_after,
        gives_up_after,
    });
    proptest::collection::vec(visitor, 1..60)
}

/// Lets a crowd go through a limiter, in simulated time.
fn visits(limiter: &RateLimiter, visitors: Vec<Visitor>) -> Vec<Visit> {
    let visits: Rc<RefCell<Vec<Visit>>> = Rc::default();
    let entered = Rc::new(std::cell::Cell::new(0));
    let crowd = tokio::task::LocalSet::new();
    for visitor in visitors {
        let (limiter, visits, entered) = (limiter.clone(), Rc::clone(&visits), Rc::clone(&entered));
        crowd.spawn_local(async move {
            sleep(visitor.comes_at).await;
            let call = if visitor.dear { Call::new(&BATCH).items(4) } else { Call::new(&CREATE) };
            let order = visits.borrow().len();
            let (asked, priority, cost) = (Instant::now(), visitor.priority, if visitor.dear { 40 } else { 10 });
            visits.borrow_mut().push(Visit { asked, order, priority, cost, entered: None });
            let call = call.priority(priority);
            let admitted = limiter.admit(&call);
            let permit = match visitor.gives_up_after {
                Some(patience) => timeout(patience, admitted).await.ok(),
                None => Some(admitted.await),
            };
            let Some(permit) = permit else { return };
            visits.borrow_mut()[order].entered = Some((Instant::now(), entered.get()));
            entered.set(entered.get() + 1);
            sleep(visitor.answered_after).await;
            permit.unwrap().answered();
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(crowd);
    visits.borrow().clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_crowd_is_let_in_in_order_and_no_faster_than_allowed(visitors in visitors(), fixed in any::<bool>()) {
        let limiter = match fixed {
            true => RateLimiter::fixed(5, Duration::from_millis(400)),
            false => basic(),
        };
        let patient = visitors.iter().filter(|visitor| visitor.gives_up_after.is_none()).count();
        let visits = visits(&limiter, visitors);
        prop_assert!(limiter.levels().iter().all(|level| level.waiting == 0), "nobody is left behind");

        let mut entered: Vec<_> = visits.iter().filter_map(|visit| visit.entered.map(|entry| (entry, visit))).collect();
        prop_assert!(entered.len() >= patient, "who is patient gets in");
        entered.sort_by_key(|((_, number), _)| *number);
        for (at, ((when, _), visit)) in entered.iter().enumerate() {
            for ((_, _), later) in &entered[at + 1..] {
                let same_kind = later.priority == visit.priority;
                prop_assert!(!same_kind || visit.order < later.order, "{visit:?} before {later:?}");
                let more_important = later.priority < visit.priority && later.asked < *when;
                // Unless so many more important ones went since the last one of its kind.
                let since = entered[..at].iter().rev().take_while(|(_, other)| other.priority != visit.priority);
                let overtaken = since.filter(|(_, other)| other.priority < visit.priority).count();
                let is_due = overtaken >= MOST_OVERTAKEN as usize;
                prop_assert!(!more_important || is_due, "{visit:?} before {later:?}");
            }
            let (mut total, mut count) = (0, 0);
            for ((other, _), visit) in &entered[at..] {
                total += visit.cost;
                count += 1;
                let between = other.duration_since(*when);
                if fixed {
                    prop_assert!(count <= 5 || between >= Duration::from_millis(400));
                } else {
                    let refilled = between.as_nanos() * 100;
                    prop_assert!((total - 100.min(total)) as u128 * 1_000_000_000 <= refilled, "{total} in {between:?}");
                }
            }
        }
    }
}
