//! Which request an answer belongs to: each is answered once, by what it asked for.

use serde_json::{Value, json};

use super::by_hand::*;
use super::*;

#[test]
fn what_is_subscribed_to_ended_and_subscribed_to_again_before_the_first_answer_is_held_in_the_end() {
    let mut hand = Hand::new(ConnectionSettings::default());
    hand.core.subscribe(1, books(&["A"]));
    let begin = hand.sent();
    hand.core.unsubscribe(2, Channel::OrderbookDelta);
    hand.core.subscribe(3, books(&["A", "B"]));
    assert_eq!((hand.sent(), hand.done()), (vec![], vec![]));
    hand.subscribed(&begin[0], 1);
    let end = hand.sent();
    assert_eq!((end[0]["cmd"].as_str().unwrap(), hand.done()), ("unsubscribe", vec![1]));
    hand.frame(json!({"type": "unsubscribed", "id": end[0]["id"], "sid": 1, "seq": 1}));
    let begin = hand.sent();
    assert_eq!((begin[0]["params"]["market_tickers"].clone(), hand.done()), (json!(["A", "B"]), vec![2]));
    hand.subscribed(&begin[0], 2);
    assert_eq!(hand.done(), [3]);
    assert!(hand.sent_within(5).is_empty());
}

#[test]
fn an_end_that_waited_for_a_refused_subscription_ends_no_later_one() {
    let mut hand = Hand::new(ConnectionSettings::default());
    for channel in [Channel::OrderbookDelta, Channel::OrderGroupUpdates] {
        let wanted = match channel {
            Channel::OrderbookDelta => books(&["A"]),
            _ => Subscription::new(channel),
        };
        hand.core.subscribe(1, wanted.clone());
        let begin = hand.sent();
        hand.core.unsubscribe(2, channel);
        hand.error(&begin[0], 11);
        let outcomes = hand.core.take_outcomes();
        assert!(outcomes.contains(&(2, Outcome::Done)), "{outcomes:?}");
        hand.core.subscribe(3, wanted);
        let begin = hand.sent();
        hand.subscribed(&begin[0], 1);
        assert_eq!(hand.done(), [3]);
        assert!(!hand.sent_within(5).iter().any(|command| command["cmd"] == "unsubscribe"));
    }
}

#[test]
fn snapshots_are_answered_whatever_happens_to_their_markets() {
    let mut hand = Hand::live(&["A", "B"]);
    // One named twice, one not subscribed to, one taken off meanwhile, one taken off before it is asked for.
    hand.core.snapshots(2, tickers(&["A", "A", "C", "B"]));
    let get = hand.sent();
    assert_eq!(get[0]["params"]["market_tickers"], json!(["A", "B"]));
    hand.snapshot(1, "A", 100, &get[0]["id"]);
    assert_eq!(hand.done(), Vec::<RequestId>::new());
    hand.core.snapshots(3, tickers(&["B"]));
    hand.remove(4, &["B"]);
    assert_eq!(hand.done(), [2]);
    let delete = hand.sent();
    hand.ok(&delete[0]);
    assert_eq!(hand.done(), [3, 4]);
}

#[test]
fn snapshots_that_wait_when_the_subscription_dies_are_told_so() {
    let mut hand = Hand::live(&["A"]);
    hand.core.subscribe(2, books(&["B"]));
    hand.core.snapshots(3, tickers(&["B"]));
    hand.sent();
    let seq = hand.next();
    hand.frame(json!({"type": "error", "sid": 1, "seq": seq, "msg": {"code": 25, "msg": "overflow"}}));
    assert_eq!(hand.core.take_outcomes(), [(3, Outcome::Failed(CommandError::Disconnected))]);
}

#[test]
fn a_subscriber_whose_market_is_taken_off_meanwhile_has_what_can_be_had() {
    for lost in [false, true] {
        let mut hand = Hand::live(&["A"]);
        hand.core.subscribe(2, books(&["B"]));
        let add = hand.sent();
        hand.remove(3, &["B"]);
        assert_eq!(hand.done(), [2]);
        if lost {
            hand.core.closed(DownCause::Silent, hand.now, AT, &mut Sink(&mut hand.folded));
            assert_eq!(hand.done(), [3]);
        } else {
            hand.error(&add[0], 27);
            let delete = hand.sent_within(3);
            assert_eq!(delete.iter().map(action).collect::<Vec<_>>(), ["delete_markets"]);
        }
    }
}

#[test]
fn every_subscriber_of_a_market_waits_for_its_own_channels_confirmation() {
    let mut hand = Hand::new(ConnectionSettings::default());
    hand.core.subscribe(1, books(&["A"]));
    hand.core.subscribe(2, Subscription::new(Channel::Trade).markets(tickers(&["A"])));
    assert_eq!(hand.sent().len(), 2);
    hand.core.subscribe(3, books(&["A"]));
    hand.core.closed(DownCause::Silent, hand.now, AT, &mut Sink(&mut hand.folded));
    assert_eq!(hand.done(), Vec::<RequestId>::new());
    hand.core.opened(2, hand.now, AT, &mut Sink(&mut hand.folded));
    let sent = hand.sent();
    let of = |channel: &str| sent.iter().find(|command| command["params"]["channels"][0] == channel).unwrap();
    hand.subscribed(of("orderbook_delta"), 1);
    assert_eq!(hand.done(), [1, 3]);
    hand.subscribed(of("trade"), 2);
    assert_eq!(hand.done(), [2]);
}

#[test]
fn a_list_that_cannot_be_read_ends_nothing() {
    for list in [json!({"subscriptions": []}), json!([{"channel": "new", "sid": null}]), Value::Null] {
        let mut hand = Hand::live(&["A"]);
        hand.core.list(2);
        let sent = hand.sent();
        hand.frame(json!({"type": "ok", "id": sent[0]["id"], "msg": list}));
        assert!(hand.trusts("A"));
        let outcomes = hand.core.take_outcomes();
        assert!(matches!(&outcomes[..], [(2, Outcome::Failed(CommandError::Refused { .. }))]), "{outcomes:?}");
    }
}

#[test]
fn a_refused_request_for_a_snapshot_leaves_its_market_subscribed_to() {
    let mut hand = Hand::live(&["A"]);
    hand.core.distrust("A", hand.now, AT, &mut Sink(&mut hand.folded));
    let get = hand.sent();
    hand.error(&get[0], 1);
    let told = hand.folded.facts.iter().filter_map(|fact| match fact {
        Fact::CommandRefused { markets, .. } => Some(markets.len()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [0]);
    assert!(hand.sent_within(15).iter().any(|command| action(command) == "get_snapshot"));
}

#[test]
fn another_part_of_a_channel_is_no_part_of_what_is_held() {
    for (held, other) in [
        (
            Subscription::new(Channel::Communications).shard(0, 2),
            Subscription::new(Channel::Communications).shard(1, 2),
        ),
        (Subscription::new(Channel::Communications).own_only(), Subscription::new(Channel::Communications)),
    ] {
        let mut hand = Hand::new(ConnectionSettings::default());
        hand.core.subscribe(1, held.clone());
        let begin = hand.sent();
        hand.core.subscribe(2, other);
        let mixed = CommandError::Mixed { channel: Channel::Communications };
        assert_eq!(hand.core.take_outcomes(), [(2, Outcome::Failed(mixed))]);
        hand.subscribed(&begin[0], 1);
        hand.core.subscribe(3, held);
        assert_eq!(hand.done(), [1, 3]);
    }
}

#[test]
fn only_an_error_that_may_be_about_a_market_is_looked_for_market_by_market() {
    let names: Vec<String> = (0..64).map(|index| format!("M-{index}")).collect();
    for (code, fewest, most) in [(9, 1, 1), (11, 7, 200)] {
        let mut hand = Hand::new(ConnectionSettings::default());
        hand.core.subscribe(1, books(&names.iter().map(String::as_str).collect::<Vec<_>>()));
        let (mut commands, mut outcomes) = (0, Vec::new());
        while outcomes.is_empty() && commands < 200 {
            for command in hand.sent_within(1) {
                commands += 1;
                hand.error(&command, code);
            }
            outcomes.append(&mut hand.core.take_outcomes());
        }
        assert!((fewest..=most).contains(&commands), "{code}: {commands}");
        assert!(matches!(&outcomes[..], [(1, Outcome::Failed(_))]), "{outcomes:?}");
    }
}

#[test]
fn a_numbered_message_that_comes_again_is_handed_on_once() {
    let mut hand = Hand::new(ConnectionSettings::default());
    hand.core.subscribe(1, Subscription::new(Channel::OrderGroupUpdates));
    let begin = hand.sent();
    hand.subscribed(&begin[0], 1);
    for _ in 0..2 {
        let msg = json!({"event_type": "triggered", "order_group_id": "g"});
        hand.frame(json!({"type": "order_group_updates", "sid": 1, "seq": 1, "msg": msg}));
    }
    assert_eq!(hand.folded.facts.iter().filter(|fact| matches!(fact, Fact::Message(_))).count(), 1);
}

#[test]
fn without_room_what_is_not_understood_is_a_gap_and_what_is_surplus_is_not_kept() {
    for of_trades in [json!(1), Value::Null] {
        let mut hand = Hand::new(ConnectionSettings::default());
        hand.core.subscribe(1, Subscription::new(Channel::Trade));
        let begin = hand.sent();
        hand.subscribed(&begin[0], 1);
        hand.accept(false);
        hand.frame(json!({"type": "trade", "sid": of_trades, "seq": 1, "msg": {"count_fp": "1.001"}}));
        assert_eq!(hand.folded.gaps, [GapCause::Overflow]);
        let facts = hand.folded.facts.len();
        hand.snapshot(7, "A", 1, &Value::Null);
        assert_eq!(hand.folded.facts.len(), facts);
        hand.accept(true);
        hand.snapshot(7, "A", 1, &Value::Null);
        assert!(matches!(hand.folded.facts.last(), Some(Fact::Surplus(Surplus::Unsubscribed, _))));
    }
}
