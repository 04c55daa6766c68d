//! What is tried again and what is not, against a venue that misbehaves.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use daybook_kalshi::{BucketLevel, Call, CircuitState, Client, Error, ErrorKind, Observer, Operation, RetrySafety};
use serde_json::{Value, json};

use crate::{
    calls::{pair, venue},
    log::Log,
    operations as op,
    venue::{Fault, TOO_MANY, Venue},
};

fn create(safety: RetrySafety) -> Call {
    let body = json!({"ticker": "T", "client_order_id": "mine", "exchange_index": 0});
    Call::new(&op::CREATE).body(&body).shard(Some(0)).retry(safety)
}

fn status(status: u16) -> Fault {
    Fault::Answer(status, json!({"error": {"code": "internal", "message": "sorry"}}).to_string())
}

/// How often the venue was asked until the client had an answer or gave up.
async fn asked(venue: &Venue, client: &Client, call: Call, faults: Vec<Fault>) -> (usize, Result<Value, Error>) {
    let before = venue.received().len();
    venue.faults(faults);
    let answer = client.call(call).await;
    (venue.received().len() - before, answer)
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_three_times() {
    for fault in [status(500), status(503), Fault::ExecuteAndHangUp, Fault::CutBody] {
        let (venue, client) = pair().await;
        let read = Call::new(&op::ORDERS);
        let (times, answer) = asked(&venue, &client, read.clone(), vec![fault.clone(); 3]).await;
        assert_eq!((times, answer.unwrap()["path"].as_str()), (4, Some("/portfolio/orders")), "{fault:?}");

        let (times, answer) = asked(&venue, &client, read, vec![fault.clone(); 4]).await;
        let error = answer.unwrap_err();
        assert_eq!((times, error.attempt()), (4, 4), "{fault:?}");
        assert!(error.may_have_executed(), "{error}");

        let received = venue.received();
        let mut signatures: Vec<_> = received.iter().map(|request| request.signature.as_ref().unwrap()).collect();
        signatures.dedup();
        assert_eq!(signatures.len(), 8, "each attempt is signed anew: {fault:?}");
    }
}

#[tokio::test]
async fn a_write_that_may_have_been_executed_is_not_repeated() {
    for fault in [status(500), status(503), Fault::ExecuteAndHangUp, Fault::CutBody] {
        let (venue, client) = pair().await;
        let (times, answer) =
            asked(&venue, &client, create(RetrySafety::NotExecutedOnly), vec![fault.clone(); 1]).await;
        let error = answer.unwrap_err();
        assert_eq!((times, error.attempt()), (1, 1), "{fault:?}");
        assert!(error.may_have_executed(), "{error}");
    }
}

#[tokio::test]
async fn a_write_that_was_not_executed_is_repeated() {
    let (venue, client) = pair().await;
    let refused = Fault::Answer(429, TOO_MANY.to_owned());
    let (times, answer) = asked(&venue, &client, create(RetrySafety::NotExecutedOnly), vec![refused; 2]).await;
    assert_eq!((times, answer.unwrap()["order_id"].as_str()), (3, Some("order-1")));
}

#[tokio::test]
async fn other_refusals_are_final() {
    let (venue, client) = pair().await;
    for refused in [400, 401, 403, 404, 409, 410, 422] {
        for call in [Call::new(&op::ORDERS), create(RetrySafety::Deduplicated)] {
            let (times, answer) = asked(&venue, &client, call, vec![status(refused)]).await;
            assert_eq!((times, answer.unwrap_err().status()), (1, Some(refused)));
        }
    }
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_found_to_be_placed() {
    for fault in [Fault::ExecuteAndHangUp, Fault::CutBody] {
        let (venue, client) = pair().await;
        let (times, answer) = asked(&venue, &client, create(RetrySafety::Deduplicated), vec![fault]).await;
        let error = answer.unwrap_err();
        assert_eq!((times, error.attempt()), (2, 2));
        assert!(error.is_executed_earlier() && error.may_have_executed(), "{error}");

        // Somebody else's duplicate is a plain refusal.
        let error = client.call::<Value>(create(RetrySafety::Deduplicated)).await.unwrap_err();
        assert!(error.has_code("order_already_exists") && !error.is_executed_earlier(), "{error}");
    }
    // A failure before anything was done is repeated, and the order is placed once.
    let (venue, client) = pair().await;
    let (times, answer) = asked(&venue, &client, create(RetrySafety::Deduplicated), vec![status(502)]).await;
    assert_eq!((times, answer.unwrap()["order_id"].as_str()), (2, Some("order-1")));
}

#[tokio::test]
async fn a_duplicate_of_somebody_elses_order_is_not_taken_for_our_own() {
    let (venue, client) = pair().await;
    client.call::<Value>(create(RetrySafety::Deduplicated)).await.unwrap();
    // Refused before it could be executed, and then as a duplicate: of the order above.
    let refused = Fault::Answer(429, TOO_MANY.to_owned());
    let (times, answer) = asked(&venue, &client, create(RetrySafety::Deduplicated), vec![refused]).await;
    let error = answer.unwrap_err();
    assert_eq!((times, error.status()), (2, Some(409)));
    assert!(!error.is_executed_earlier() && !error.may_have_executed(), "{error}");
    // A conflict of another kind after a failure is no duplicate.
    let conflict = Fault::Answer(409, json!({"error": {"code": "exchange_paused"}}).to_string());
    let (_, answer) = asked(&venue, &client, create(RetrySafety::Deduplicated), vec![status(500), conflict]).await;
    assert!(!answer.unwrap_err().is_executed_earlier());
}

#[tokio::test]
async fn time_runs_out_once_and_for_all() {
    let (venue, credentials) = venue().await;
    let allowed = Duration::from_millis(100);
    let client = venue.client(credentials).timeout(allowed).build().unwrap();
    let begun = tokio::time::Instant::now();
    let (times, answer) =
        asked(&venue, &client, Call::new(&op::ORDERS), vec![Fault::Slow(Duration::from_secs(3))]).await;
    let error = answer.unwrap_err();
    assert!(error.is_timeout() && error.may_have_executed(), "{error}");
    assert_eq!(times, 1);
    assert!(begun.elapsed() >= allowed);

    // Attempts and pauses share the time; a pause that would outlast it is not begun.
    let client = venue
        .client(client.credentials().cloned().unwrap())
        .timeout(Duration::from_secs(2))
        .retry_pauses([Duration::from_millis(10), Duration::from_secs(10)])
        .build()
        .unwrap();
    let (times, answer) = asked(&venue, &client, Call::new(&op::ORDERS), vec![status(500); 3]).await;
    assert_eq!((times, answer.unwrap_err().status()), (2, Some(500)));
}

#[tokio::test]
async fn a_storm_of_refusals_is_waited_out() {
    let (venue, client) = pair().await;
    let refused = Fault::Answer(429, TOO_MANY.to_owned());
    let (times, answer) = asked(&venue, &client, Call::new(&op::ORDERS), vec![refused; 6]).await;
    assert_eq!((times, answer.unwrap()["path"].as_str()), (7, Some("/portfolio/orders")));
}

#[tokio::test]
async fn retry_after_is_honoured_by_everybody() {
    let (venue, client) = pair().await;
    let second = Duration::from_secs(1);
    venue.faults([Fault::AnswerWith(429, TOO_MANY.to_owned(), "retry-after", "1".into())]);
    let begun = tokio::time::Instant::now();
    let (one, two) = (client.clone(), client.clone());
    let one = tokio::spawn(async move { one.call::<Value>(Call::new(&op::ORDERS)).await });
    while client.limiter().levels()[0].tokens > 100 {
        assert!(begun.elapsed() < 10 * second, "the refusal has not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let two = tokio::spawn(async move { two.call::<Value>(Call::new(&op::ORDERS)).await });
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    assert!(begun.elapsed() >= second, "{:?}", begun.elapsed());

    // Longer than the call may take: it is told at once, rather than after having waited in vain.
    for (call, wait) in [
        (Call::new(&op::CANCEL).path("order_id", 1), "3600".to_owned()),
        (Call::new(&op::CREATE).shard(Some(2)), u64::MAX.to_string()),
        (Call::new(&op::BALANCE), "Fri, 01 Jan 2100 00:00:00 GMT".to_owned()),
    ] {
        venue.faults([Fault::AnswerWith(429, TOO_MANY.to_owned(), "retry-after", wait)]);
        let error = client.call::<Value>(call).await.unwrap_err();
        assert!(error.is_rate_limited() && error.attempt() == 1, "{error}");
        assert_eq!(error.retry_after(), Some(3600 * second), "an hour at most");
    }
}

#[tokio::test]
async fn a_long_silence_is_told_and_not_waited_for() {
    let (venue, client) = pair().await;
    let log = Log::default();
    venue.faults([Fault::AnswerWith(429, TOO_MANY.to_owned(), "retry-after", "600".into())]);
    let read = || Call::new(&op::ORDERS);
    let refused = log.of(client.call::<Value>(read())).await.unwrap_err();
    assert_eq!((refused.attempt(), refused.retry_after()), (1, Some(Duration::from_secs(600))));
    let text = refused.to_string();
    assert!(text.contains("429: too many requests, and asks to be left alone for 600s [call "), "{text}");
    let log = log.text();
    let warned = log.lines().find(|line| line.contains("asked to be left alone")).expect("it is logged");
    assert!(warned.contains("WARN") && warned.contains("bucket=read retry_after_ms=600000"), "{warned}");

    // The next one does not wait either, and is not sent.
    let next = client.call::<Value>(read()).await.unwrap_err();
    assert!(matches!(next.kind(), ErrorKind::Silenced(_)) && next.is_rate_limited(), "{next}");
    assert_eq!((next.attempt(), next.may_have_executed()), (0, false));
    assert!(next.retry_after().unwrap() > Duration::from_secs(500), "{next}");
    assert_eq!(venue.received().len(), 1);
    // Other budgets are not concerned.
    client.call::<Value>(create(RetrySafety::NotExecutedOnly)).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_off_is_set_right() {
    for ahead in [-120_000, 3_600_000] {
        let (venue, client) = pair().await;
        venue.clock_ahead(ahead);
        let (times, answer) = asked(&venue, &client, create(RetrySafety::NotExecutedOnly), vec![]).await;
        assert_eq!((times, answer.unwrap()["order_id"].as_str()), (2, Some("order-1")), "a stale stamp is no order");
        let measured = client.clock().offset_nanos() / 1_000_000;
        assert!((measured - ahead).abs() < 1_500, "{measured} instead of {ahead}");
        let (times, _) = asked(&venue, &client, Call::new(&op::ORDERS), vec![]).await;
        assert_eq!(times, 1, "from then on stamps are right");
    }
    // A venue that never takes the stamp is not asked for ever.
    let (venue, client) = pair().await;
    let expired = json!({"error": {"code": "header_timestamp_expired"}}).to_string();
    let (times, answer) = asked(&venue, &client, Call::new(&op::ORDERS), vec![Fault::Answer(401, expired); 3]).await;
    assert_eq!((times, answer.unwrap_err().status()), (2, Some(401)));
}

#[tokio::test]
async fn a_venue_that_keeps_failing_is_left_alone_and_then_asked_once() {
    let (venue, credentials) = venue().await;
    let cool_down = Duration::from_millis(300);
    let client = venue.client(credentials).circuit_breaker(3, cool_down).retry_pauses([]).build().unwrap();
    let read = || Call::new(&op::ORDERS);
    for _ in 0..3 {
        assert_eq!(client.circuit(), CircuitState::Closed);
        let (times, _) = asked(&venue, &client, read(), vec![status(500)]).await;
        assert_eq!(times, 1);
    }
    assert!(matches!(client.circuit(), CircuitState::Open { .. }));
    let (times, answer) = asked(&venue, &client, read(), vec![]).await;
    assert_eq!(times, 0);
    assert!(matches!(answer.unwrap_err().kind(), ErrorKind::CircuitOpen { .. }));

    tokio::time::sleep(cool_down).await;
    venue.faults([Fault::Slow(Duration::from_millis(100))]);
    let probe = client.clone();
    let probe = tokio::spawn(async move { probe.call::<Value>(Call::new(&op::ORDERS)).await });
    while client.circuit() != CircuitState::HalfOpen {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = client.call::<Value>(read()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CircuitOpen { retry_in: Duration::ZERO }), "{error}");
    probe.await.unwrap().unwrap();
    assert_eq!(client.circuit(), CircuitState::Closed);
    let refused = asked(&venue, &client, read(), vec![status(404); 5]).await;
    assert_eq!((refused.0, client.circuit()), (1, CircuitState::Closed), "a refusal is no failure of the venue");
}

#[tokio::test]
async fn a_burst_of_failures_that_opens_the_circuit_is_survived() {
    let (venue, credentials) = venue().await;
    let client = venue
        .client(credentials)
        .circuit_breaker(5, Duration::from_millis(100))
        .retry_pauses([50, 100, 200].map(Duration::from_millis))
        .build()
        .unwrap();
    venue.faults(vec![status(503); 5]);
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call::<Value>(Call::new(&op::ORDERS)).await })
        })
        .collect();
    let mut answered = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => answered += 1,
            // Who came after it had opened was never sent.
            Err(error) => assert!(matches!(error.kind(), ErrorKind::CircuitOpen { .. }), "{error}"),
        }
    }
    assert!(answered >= 5, "those that failed were repeated: {answered}");
    assert_eq!(client.circuit(), CircuitState::Closed);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_trace() {
    let (venue, credentials) = venue().await;
    let limiter = daybook_kalshi::RateLimiter::fixed(1, Duration::from_millis(400));
    let client = venue.client(credentials).limiter(limiter).build().unwrap();
    client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap();
    // Given up while waiting for its turn: never sent, and the next one has the turn.
    let given_up = tokio::time::timeout(Duration::from_millis(20), client.call::<Value>(Call::new(&op::MARKETS)));
    assert!(given_up.await.is_err());
    assert_eq!(client.limiter().levels()[0].waiting, 0);
    client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap();
    let paths: Vec<_> = venue.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/trade-api/v2/portfolio/orders"; 2]);
}

/// Counts what it is told.
#[derive(Default)]
struct Counted {
    told: Mutex<Vec<String>>,
    levels: AtomicUsize,
}

impl Observer for Counted {
    fn waited(&self, operation: &'static Operation, _: Duration) {
        self.told.lock().unwrap().push(format!("waited {}", operation.id));
    }
    fn bucket_level(&self, level: &BucketLevel) {
        assert!(level.tokens <= level.capacity);
        self.levels.fetch_add(1, Ordering::Relaxed);
    }
    fn sent(&self, _: &'static Operation, attempt: u32) {
        self.told.lock().unwrap().push(format!("sent {attempt}"));
    }
    fn answered(&self, _: &'static Operation, attempt: u32, status: Option<u16>, _: Duration) {
        self.told.lock().unwrap().push(format!("answered {attempt} {status:?}"));
    }
    fn retried(&self, _: &'static Operation, attempt: u32, _: Duration) {
        self.told.lock().unwrap().push(format!("retried {attempt}"));
    }
    fn circuit(&self, host: &str, state: CircuitState) {
        assert!(host.starts_with("127.0.0.1:"));
        let state = if state == CircuitState::Closed { "closed" } else { "open" };
        self.told.lock().unwrap().push(state.to_owned());
    }
}

#[tokio::test]
async fn observers_are_told_everything_in_order() {
    let (venue, credentials) = venue().await;
    let observer = Arc::new(Counted::default());
    let client = venue
        .client(credentials)
        .observer(observer.clone())
        .circuit_breaker(2, Duration::from_millis(1))
        .build()
        .unwrap();
    venue.faults([Fault::ExecuteAndHangUp, status(500)]);
    client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap();
    let told = observer.told.lock().unwrap().clone();
    let attempt = |lines: &[&str]| -> Vec<String> {
        ["waited GetOrders"].iter().chain(lines).map(|line| line.to_string()).collect()
    };
    let expected = [
        attempt(&["sent 1", "answered 1 None", "retried 1"]),
        attempt(&["sent 2", "answered 2 Some(500)", "open", "retried 2"]),
        attempt(&["sent 3", "answered 3 Some(200)", "closed"]),
    ];
    assert_eq!(told, expected.concat());
    assert_eq!(observer.levels.load(Ordering::Relaxed), 3);
}
