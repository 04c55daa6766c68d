//! What is bounded, and what happens beyond.

use daybook_book::Side;
use daybook_exchange::feed::{Limits, Output, Standing};
use serde_json::{Value, json};

use crate::world::{ANN, BOB, World, cents, contracts};

#[test]
fn a_subscription_that_nobody_reads_ends_and_nothing_else_does() {
    let mut world = World::with(2, Limits { subscription_bytes: 2_000, ..Limits::default() });
    let (slow, quick) = (world.connect(ANN), world.connect(BOB));
    for connection in [slow, quick] {
        world.subscribe(connection, json!({"channels": ["orderbook_delta"], "market_tickers": ["M-0", "M-1"]}));
    }
    world.subscribe(slow, json!({"channels": ["ticker"]}));
    for _ in 0..20 {
        world.change(0, Side::Yes, cents(40), contracts(1));
        assert_eq!(world.take(quick).len(), 1);
    }
    let frames = world.take(slow);
    let (last, before) = frames.split_last().unwrap();
    assert!(before.iter().all(|frame| frame["type"] == "orderbook_delta") && (4..10).contains(&before.len()));
    assert_eq!(last["msg"], json!({"code": 25, "msg": "Subscription buffer overflow"}));
    // No number is missing up to the end.
    let seqs: Vec<u64> = frames.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (3..3 + seqs.len() as u64).collect::<Vec<_>>());
    let listed = world.say(slow, r#"{"id":2,"cmd":"list_subscriptions"}"#);
    assert_eq!(listed[0]["msg"], json!([{"channel": "ticker", "sid": 2}]));
    world.change(1, Side::Yes, cents(40), contracts(1));
    assert_eq!(world.take(slow), Vec::<Value>::new());
    // What was taken makes room again.
    world.take(quick);
    for _ in 0..4 {
        for _ in 0..4 {
            world.change(1, Side::Yes, cents(40), contracts(1));
        }
        let frames = world.take(quick);
        assert!(frames.len() == 4 && frames.iter().all(|frame| frame["type"] == "orderbook_delta"));
    }
}

#[test]
fn a_subscription_has_only_so_many_markets() {
    let mut world = World::with(5, Limits { subscription_markets: 3, connection_markets: 4, ..Limits::default() });
    let ann = world.connect(ANN);
    let refused = |frames: Vec<Value>| {
        assert_eq!(frames.len(), 1, "{frames:?}");
        (frames[0]["msg"]["code"].as_u64(), frames[0]["sid"].as_u64(), frames[0]["seq"].as_u64())
    };
    let of = |channel: &str, tickers: &[&str]| json!({"channels": [channel], "market_tickers": tickers});
    let frames = world.subscribe(ann, of("trade", &["M-0", "M-1", "M-2", "M-3"]));
    assert_eq!(refused(frames), (Some(26), None, None));
    assert_eq!(world.subscribe(ann, of("trade", &["M-0", "M-1", "M-2", "M-2"]))[0]["type"], "subscribed");
    let update = json!({"sid": 1, "action": "add_markets", "market_tickers": ["M-2", "M-3"]});
    assert_eq!(refused(world.ask(ann, 2, "update_subscription", update)), (Some(26), Some(1), Some(1)));
    assert_eq!(world.subscribe(ann, of("trade", &["M-1"]))[0]["type"], "ok", "nothing is added");
    // All subscriptions of a connection together.
    assert_eq!(refused(world.subscribe(ann, of("orderbook_delta", &["M-0", "M-1"]))), (Some(26), None, None));
    assert_eq!(world.subscribe(ann, of("orderbook_delta", &["M-4"]))[0]["type"], "subscribed");
    let update = json!({"sid": 1, "action": "delete_markets", "market_tickers": ["M-0"]});
    assert_eq!(world.ask(ann, 3, "update_subscription", update)[0]["type"], "ok");
    let update = json!({"sid": 2, "action": "add_markets", "market_tickers": ["M-0"]});
    assert_eq!(world.ask(ann, 4, "update_subscription", update)[0]["type"], "ok");
}

#[test]
fn commands_are_counted_by_the_second() {
    let mut world = World::with(0, Limits { commands_per_second: 3, ..Limits::default() });
    let ann = world.connect(ANN);
    let ask = |world: &mut World| {
        let frames = world.say(ann, r#"{"id":8,"cmd":"list_subscriptions"}"#);
        assert_eq!((frames.len(), &frames[0]["id"]), (1, &json!(8)));
        frames[0]["msg"]["code"].as_u64()
    };
    let asked: Vec<_> = (0..5).map(|_| ask(&mut world)).collect();
    assert_eq!(asked, [None, None, None, Some(27), Some(27)]);
    world.now += 334_000;
    assert_eq!([ask(&mut world), ask(&mut world)], [None, Some(27)]);
    world.now += 60_000_000;
    let asked: Vec<_> = (0..4).map(|_| ask(&mut world)).collect();
    assert_eq!(asked, [None, None, None, Some(27)], "what was not used is not saved up");
}

#[test]
fn a_connection_that_lets_too_much_wait_is_closed() {
    let mut world = World::with(1, Limits { connection_bytes: 10_000, ..Limits::default() });
    let at = world.at();
    let (ann, _) = world.hub.connect(Some(ANN), at);
    for _ in 0..1_000 {
        let at = world.at();
        world.hub.command(ann, r#"{"id":8,"cmd":"list_subscriptions"}"#, &world.markets, at);
    }
    let mut output = Output::new();
    assert_eq!(world.hub.drain(ann, &mut output), Standing::Closing(1008));
    assert!(output.bytes() < 11_000, "{}", output.bytes());
    world.hub.disconnect(ann);
    assert_eq!(world.hub.drain(ann, &mut output), Standing::Gone);
    assert_eq!(world.hub.connections().count(), 0);
}

#[test]
fn a_connection_that_is_gone_is_forgotten() {
    let mut world = World::new(2);
    let (ann, bob) = (world.connect(ANN), world.connect(BOB));
    for connection in [ann, bob] {
        world.subscribe(connection, json!({"channels": ["orderbook_delta", "fill", "trade"], "market_ticker": "M-0"}));
    }
    world.hub.disconnect(ann);
    world.hub.disconnect(ann);
    world.change(0, Side::Yes, cents(40), contracts(1));
    assert_eq!(world.take(bob).len(), 1);
    // Its place is taken by another, which it does not reach.
    let carl = world.connect(ANN);
    assert_ne!(ann, carl);
    assert_eq!(world.say(ann, r#"{"id":1,"cmd":"list_subscriptions"}"#), Vec::<Value>::new());
    assert_eq!(world.take(carl), Vec::<Value>::new());
    world.change(0, Side::Yes, cents(40), contracts(1));
    assert_eq!(world.take(carl), Vec::<Value>::new());
}

#[test]
fn a_subscription_can_be_forgotten_without_a_word() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_ticker": "M-0"}));
    assert!(world.hub.forget_subscription(ann, 1));
    assert!(!world.hub.forget_subscription(ann, 1));
    world.change(0, Side::Yes, cents(40), contracts(1));
    assert_eq!(world.take(ann), Vec::<Value>::new());
}
