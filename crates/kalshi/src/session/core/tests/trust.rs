//! When a book's trust begins, and when it ends.

use serde_json::{Value, json};

use super::by_hand::*;
use super::*;

fn removed(hand: &Hand, market: &str) -> usize {
    let lists = |fact: &&Fact<'_>| matches!(fact, Fact::MarketsRemoved { markets, .. } if markets.iter().any(|ticker| ticker.as_str() == market));
    hand.folded.facts.iter().filter(lists).count()
}

#[test]
fn a_market_is_asked_for_only_once_its_add_is_confirmed() {
    for lost in [false, true] {
        let mut hand = Hand::live(&["A"]);
        hand.core.subscribe(2, books(&["B"]));
        hand.core.snapshots(3, tickers(&["A", "B"]));
        let sent = hand.sent();
        assert_eq!(sent.iter().map(action).collect::<Vec<_>>(), ["add_markets", "get_snapshot"]);
        assert_eq!(sent[1]["params"]["market_tickers"], json!(["A"]));
        // A snapshot that answers anything proves nothing of a market that is not carried.
        hand.snapshot(1, "B", 50, &sent[1]["id"]);
        assert!(!hand.trusts("B"));
        if !lost {
            hand.error(&sent[0], 18);
        }
        let again = hand.sent_within(25);
        let add = again.iter().rfind(|command| action(command) == "add_markets").unwrap();
        hand.ok(add);
        hand.snapshot(1, "B", 60, &Value::Null);
        assert!(hand.trusts("B"));
        let last = hand.sent();
        let asked = again.iter().chain(&last).rfind(|command| action(command) == "get_snapshot").unwrap();
        assert_eq!(asked["params"]["market_tickers"], json!(["B"]));
    }
}

#[test]
fn an_answer_from_before_a_market_was_added_again_proves_nothing_of_it() {
    let mut hand = Hand::live(&["A", "B"]);
    hand.core.snapshots(2, tickers(&["B"]));
    let get = hand.sent();
    hand.remove(3, &["B"]);
    let delete = hand.sent();
    hand.ok(&delete[0]);
    hand.core.subscribe(4, books(&["B"]));
    let add = hand.sent();
    assert_eq!(action(&add[0]), "add_markets");
    hand.ok(&add[0]);
    hand.snapshot(1, "B", 100, &get[0]["id"]);
    assert!(!hand.trusts("B"));
    hand.snapshot(1, "B", 100, &Value::Null);
    assert!(hand.trusts("B"));
    assert_eq!(hand.done(), [2, 3, 4]);
}

#[test]
fn what_overflowed_before_a_market_was_added_again_is_not_asked_for() {
    let mut hand = Hand::live(&["A", "B"]);
    hand.accept(false);
    hand.delta("B", 101);
    hand.remove(2, &["B"]);
    let delete = hand.sent();
    hand.ok(&delete[0]);
    hand.core.subscribe(3, books(&["B"]));
    let add = hand.sent();
    assert_eq!(action(&add[0]), "add_markets");
    hand.accept(true);
    assert_eq!(hand.sent(), [] as [Value; 0]);
    hand.error(&add[0], 18);
    assert_eq!(action(&hand.sent_within(3)[0]), "add_markets");
}

#[test]
fn a_market_added_again_before_its_delete_is_sent_begins_anew_at_once() {
    let mut hand = Hand::live(&["A"]);
    hand.remove(2, &["A"]);
    hand.core.subscribe(3, books(&["A"]));
    let delete = hand.sent();
    assert_eq!(delete.iter().map(action).collect::<Vec<_>>(), ["delete_markets"]);
    // Nothing can be done until that is answered, and nothing is tried.
    assert!(hand.core.deadline().unwrap() > hand.now);
    hand.ok(&delete[0]);
    let add = hand.sent();
    assert_eq!(add.iter().map(action).collect::<Vec<_>>(), ["add_markets"]);
    hand.ok(&add[0]);
    hand.snapshot(1, "A", 101, &Value::Null);
    assert!(hand.trusts("A"));
    assert_eq!(hand.done(), [2, 3]);
}

#[test]
fn an_ended_subscription_claims_nothing() {
    let mut hand = Hand::live(&["A", "B"]);
    hand.core.unsubscribe(2, Channel::OrderbookDelta);
    let end = hand.sent();
    assert_eq!(end[0]["cmd"], "unsubscribe");
    // The venue may carry nothing from here on, whenever its answer comes.
    assert!(!hand.trusts("A") && !hand.trusts("B"));
    let seq = hand.next();
    hand.frame(json!({"type": "unsubscribed", "id": end[0]["id"], "sid": 1, "seq": seq}));
    assert_eq!(hand.done(), [2]);
    assert_eq!((removed(&hand, "A"), removed(&hand, "B")), (1, 1));
}

#[test]
fn what_is_ended_and_wanted_again_is_two_subscriptions() {
    let mut hand = Hand::live(&["A", "B"]);
    hand.core.unsubscribe(2, Channel::OrderbookDelta);
    hand.core.subscribe(3, books(&["A", "C"]));
    // Until the command is sent, the old one goes on.
    hand.delta("A", 101);
    assert!(hand.trusts("A") && hand.folded.markets["A"].book.len(daybook_book::Side::Yes) == 2);
    let end = hand.sent();
    assert!(!hand.trusts("A") && !hand.trusts("B"));
    hand.delta("A", 102);
    let seq = hand.next();
    hand.frame(json!({"type": "unsubscribed", "id": end[0]["id"], "sid": 1, "seq": seq}));
    assert_eq!(hand.done(), [2]);
    let begin = hand.sent();
    assert_eq!(begin[0]["params"]["market_tickers"], json!(["A", "C"]));
    hand.subscribed(&begin[0], 2);
    hand.seq = 0;
    hand.snapshot(2, "A", 102, &Value::Null);
    assert!(hand.trusts("A") && !hand.trusts("B") && !hand.trusts("C"));
    assert_eq!(hand.done(), [3]);
}

#[test]
fn a_subscription_ended_while_the_connection_is_lost_claims_nothing() {
    let mut hand = Hand::live(&["A"]);
    hand.core.unsubscribe(2, Channel::OrderbookDelta);
    hand.core.subscribe(3, books(&["B"]));
    hand.core.closed(DownCause::Silent, hand.now, AT, &mut Sink(&mut hand.folded));
    assert!(!hand.trusts("A"));
    assert_eq!(hand.done(), [2]);
    hand.core.opened(2, hand.now, AT, &mut Sink(&mut hand.folded));
    assert_eq!(hand.sent()[0]["params"]["market_tickers"], json!(["B"]));
}

#[test]
fn a_terminal_error_that_names_no_subscription_ends_all_trust_until_the_venue_has_told_which() {
    for code in [10, 25] {
        let mut hand = Hand::live(&["A"]);
        hand.frame(json!({"type": "error", "msg": {"code": code, "msg": "Subscription buffer overflow"}}));
        assert!(!hand.trusts("A"));
        assert!(matches!(hand.folded.facts.iter().rev().nth(1), Some(Fact::CommandRefused { .. })));
        let sent = hand.sent();
        assert_eq!(
            sent.iter().map(|command| command["cmd"].as_str().unwrap()).collect::<Vec<_>>(),
            ["list_subscriptions"]
        );
        let list = json!([{"channel": "orderbook_delta", "sid": 1}]);
        hand.frame(json!({"type": "ok", "id": sent[0]["id"], "msg": list}));
        let get = hand.sent();
        assert_eq!(action(&get[0]), "get_snapshot");
        hand.snapshot(1, "A", 100, &get[0]["id"]);
        assert!(hand.trusts("A"));
    }
}

#[test]
fn a_snapshot_older_than_what_was_dropped_or_missing_closes_no_gap() {
    // Dropped for want of room.
    let mut hand = Hand::live(&["A"]);
    hand.core.distrust("A", hand.now, AT, &mut Sink(&mut hand.folded));
    let get = hand.sent();
    hand.accept(false);
    hand.delta("A", 101);
    hand.accept(true);
    hand.snapshot(1, "A", 100, &get[0]["id"]);
    assert!(!hand.trusts("A"));
    let again = hand.sent_within(2);
    hand.snapshot(1, "A", 101, &again[0]["id"]);
    assert!(hand.trusts("A"));
    // Missing: the very snapshot shows the hole.
    hand.core.snapshots(9, tickers(&["A"]));
    let get = hand.sent();
    hand.next();
    hand.snapshot(1, "A", 101, &get[0]["id"]);
    assert!(!hand.trusts("A"));
    let again = hand.sent_within(2);
    hand.snapshot(1, "A", 102, &again[0]["id"]);
    assert!(hand.trusts("A"));
}

#[test]
fn a_snapshot_that_deltas_crossed_never_counts_and_a_clock_that_began_anew_does() {
    let mut hand = Hand::live(&["A"]);
    hand.core.distrust("A", hand.now, AT, &mut Sink(&mut hand.folded));
    let mut get = hand.sent();
    for round in 0..10 {
        hand.delta("A", 201 + round);
        hand.snapshot(1, "A", 200 + round, &get[0]["id"]);
        assert!(!hand.trusts("A"));
        get = hand.sent_within(2);
    }
    // Read after all of these, and yet lower.
    for _ in 0..3 {
        hand.snapshot(1, "A", 1, &get[0]["id"]);
        assert!(!hand.trusts("A"));
        get = hand.sent_within(2);
    }
    // By the new clock this one is crossed as well.
    hand.delta("A", 2);
    hand.snapshot(1, "A", 1, &get[0]["id"]);
    assert!(!hand.trusts("A"));
    get = hand.sent_within(2);
    hand.snapshot(1, "A", 2, &get[0]["id"]);
    assert!(hand.trusts("A"));
}

#[test]
fn a_snapshot_that_nobody_asked_for_counts_as_long_as_nothing_is_missing() {
    let mut hand = Hand::live(&["A"]);
    hand.delta("A", 101);
    // As the venue empties a book when its market closes: without a clock, once and again.
    for _ in 0..2 {
        let seq = hand.next();
        let msg = json!({"market_ticker": "A", "market_id": ""});
        hand.frame(json!({"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": msg}));
        assert!(hand.trusts("A") && hand.folded.markets["A"].book.is_empty());
    }
    hand.snapshot(1, "A", 150, &Value::Null);
    assert!(hand.trusts("A") && !hand.folded.markets["A"].book.is_empty());
    // One that is older than the book is not applied, and one of a book that is not trusted closes no gap.
    let before = hand.folded.markets["A"].book.clone();
    hand.delta("A", 151);
    let after = hand.folded.markets["A"].book.clone();
    assert_ne!(before, after);
    hand.snapshot(1, "A", 150, &Value::Null);
    assert!(hand.trusts("A") && hand.folded.markets["A"].book == after);
    hand.core.distrust("A", hand.now, AT, &mut Sink(&mut hand.folded));
    hand.snapshot(1, "A", 200, &Value::Null);
    assert!(!hand.trusts("A"));
}
