//! Every command, and what it is answered with.

use daybook_book::Side;
use daybook_exchange::{
    engine::MarketId,
    feed::{CfBenchmarks5Hz, Index, Publication, Pyth, Trade, Uuid},
};
use serde_json::{Value, json};

use crate::world::{ANN, START, World, cents, contracts, id, kinds, ticker};

fn names(frames: &[Value]) -> Vec<(&str, Option<u64>)> {
    frames.iter().map(|frame| (frame["type"].as_str().unwrap(), frame["seq"].as_u64())).collect()
}

#[test]
fn a_subscription_is_confirmed_and_begins_with_the_books() {
    let mut world = World::new(3);
    let ann = world.connect(ANN);
    let frames = world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_tickers": ["M-2", "M-0"]}));
    assert_eq!(
        frames[0],
        json!({"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": 1},
            "sending_ts_ms": START / 1_000 + 2})
    );
    let book = |seq: u64, market: usize| {
        json!({"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": {
            "market_ticker": ticker(market).as_str(), "market_id": id(market).to_string(), "clock": 7,
            "yes_dollars_fp": [["0.4000", "3.00"]], "no_dollars_fp": [["0.5000", "5.00"]]},
            "sending_ts_ms": START / 1_000 + 2})
    };
    assert_eq!(frames[1..], [book(1, 2), book(2, 0)]);
}

#[test]
fn fields_come_in_the_order_of_captured_frames() {
    let mut world = World::new(1);
    let at = world.at();
    let (ann, _) = world.hub.connect(Some(ANN), at);
    let command = r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_ticker":"M-0"}}"#;
    world.say(ann, command);
    world.change(0, Side::No, cents(52), contracts(-0));
    let mut output = daybook_exchange::feed::Output::new();
    world.hub.drain(ann, &mut output);
    let frame = output.frames().next().unwrap();
    assert_eq!(
        str::from_utf8(frame.text).unwrap(),
        r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"M-0","#.to_owned()
            + r#""market_id":"1dee1a13-e9cd-4995-9567-395000000000","clock":8,"price_dollars":"0.5200","#
            + r#""delta_fp":"0.00","side":"no","ts":"2026-08-11T00:30:42.445624Z","ts_ms":1786408242445},"#
            + r#""sending_ts_ms":1786408242448}"#
    );
}

#[test]
fn every_channel_of_one_command_is_confirmed_by_itself() {
    let mut world = World::new(2);
    let ann = world.connect(ANN);
    let channels = ["ticker", "trade", "fill", "market_lifecycle_v2", "communications"];
    let frames = world.subscribe(ann, json!({"channels": channels, "market_ticker": "M-1"}));
    let told: Vec<_> = frames.iter().map(|frame| (&frame["msg"]["channel"], &frame["msg"]["sid"])).collect();
    for (index, channel) in channels.iter().enumerate() {
        assert_eq!(told[index], (&json!(channel), &json!(index + 1)));
    }
    assert!(frames.iter().all(|frame| frame["type"] == "subscribed" && frame["seq"].is_null()));
    let listed = world.say(ann, r#"{"id":9,"cmd":"list_subscriptions"}"#);
    assert_eq!((&listed[0]["type"], &listed[0]["id"]), (&json!("ok"), &json!(9)));
    let list: Vec<_> = channels.iter().zip(1..).map(|(channel, sid)| json!({"channel": channel, "sid": sid})).collect();
    assert_eq!(listed[0]["msg"], json!(list));
    assert_eq!((&listed[0]["sid"], &listed[0]["seq"]), (&Value::Null, &Value::Null));
}

#[test]
fn subscribing_again_adds_and_shows_only_what_is_new() {
    let mut world = World::new(3);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_tickers": ["M-0", "M-1"]}));
    let again = world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_tickers": ["M-1", "M-0"]}));
    assert_eq!(names(&again), [("ok", Some(3))]);
    assert_eq!(again[0]["msg"], json!({"market_tickers": ["M-0", "M-1"]}));
    assert_eq!((&again[0]["sid"], &again[0]["id"]), (&json!(1), &json!(1)));
    let more = world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_tickers": ["M-1", "M-2"]}));
    assert_eq!(names(&more), [("ok", Some(4)), ("orderbook_snapshot", Some(5))]);
    assert_eq!(more[0]["msg"], json!({"market_tickers": ["M-0", "M-1", "M-2"]}));
    assert_eq!(more[1]["msg"]["market_ticker"], "M-2");
}

#[test]
fn unsubscribing_and_subscribing_begins_anew() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    let params = json!({"channels": ["orderbook_delta"], "market_ticker": "M-0"});
    world.subscribe(ann, params.clone());
    let gone = world.ask(ann, 5, "unsubscribe", json!({"sids": [1]}));
    assert_eq!(names(&gone), [("unsubscribed", Some(2))]);
    assert_eq!((&gone[0]["id"], &gone[0]["sid"]), (&json!(5), &json!(1)));
    world.change(0, Side::Yes, cents(40), contracts(1));
    assert_eq!(world.take(ann), Vec::<Value>::new());
    let frames = world.subscribe(ann, params);
    assert_eq!(frames[0]["msg"]["sid"], 2);
    assert_eq!(frames[1]["seq"], 1);
    assert_eq!(frames[1]["msg"]["yes_dollars_fp"], json!([["0.4000", "4.00"]]));
}

#[test]
fn unsubscribing_from_several_is_answered_for_each() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["trade", "ticker"]}));
    let gone = world.ask(ann, 2, "unsubscribe", json!({"sids": [1, 2, 3]}));
    assert_eq!(names(&gone), [("unsubscribed", Some(1)), ("unsubscribed", Some(1)), ("error", None)]);
    assert_eq!(gone[2]["msg"], json!({"code": 7, "msg": "Unknown subscription ID"}));
}

#[test]
fn markets_come_and_go_on_the_same_subscription() {
    let mut world = World::new(3);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_tickers": ["M-0"]}));
    let params = |action: &str, tickers: &[&str]| json!({"sid": 1, "action": action, "market_tickers": tickers});
    let added = world.ask(ann, 2, "update_subscription", params("add_markets", &["M-1", "M-0"]));
    assert_eq!(names(&added), [("ok", Some(2)), ("orderbook_snapshot", Some(3))]);
    assert_eq!((&added[1]["msg"]["market_ticker"], &added[1]["id"]), (&json!("M-1"), &Value::Null));
    let removed = world.ask(ann, 3, "update_subscription", params("delete_markets", &["M-0", "M-2"]));
    assert_eq!(removed[0]["msg"], json!({"market_tickers": ["M-1"]}));
    assert_eq!(names(&removed), [("ok", Some(4))]);
    world.change(0, Side::Yes, cents(41), contracts(1));
    world.change(1, Side::Yes, cents(41), contracts(1));
    assert_eq!(kinds(&world.take(ann)), [("orderbook_delta".to_owned(), Some(5))]);
    let back = json!({"sids": [1], "action": "add_markets", "market_ticker": "M-0"});
    let back = world.ask(ann, 4, "update_subscription", back);
    assert_eq!(names(&back), [("ok", Some(6)), ("orderbook_snapshot", Some(7))]);
    assert_eq!(back[1]["msg"]["yes_dollars_fp"], json!([["0.4000", "3.00"], ["0.4100", "1.00"]]));
}

#[test]
fn a_snapshot_that_is_asked_for_carries_the_id_and_changes_nothing() {
    let mut world = World::new(3);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_tickers": ["M-0"]}));
    let params = json!({"sid": 1, "action": "get_snapshot", "market_tickers": ["M-0", "M-2", "NONE"]});
    let frames = world.ask(ann, 77, "update_subscription", params);
    assert_eq!(names(&frames), [("orderbook_snapshot", Some(2)), ("orderbook_snapshot", Some(3))]);
    assert!(frames.iter().all(|frame| frame["id"] == 77));
    world.change(2, Side::Yes, cents(41), contracts(1));
    assert_eq!(world.take(ann), Vec::<Value>::new(), "it is not subscribed to M-2");
}

#[test]
fn no_levels_are_told_as_prices_of_yes_where_that_is_wanted() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    let params = json!({"channels": ["orderbook_delta"], "market_ticker": "M-0", "use_yes_price": true});
    let frames = world.subscribe(ann, params);
    let bob = world.connect(ANN);
    world.subscribe(bob, json!({"channels": ["orderbook_delta"], "market_ticker": "M-0"}));
    assert_eq!(frames[1]["msg"]["no_dollars_fp"], json!([["0.5000", "5.00"]]));
    world.change(0, Side::No, cents(45), contracts(1));
    world.change(0, Side::Yes, cents(45), contracts(1));
    let told = |frames: Vec<Value>| -> Vec<Value> {
        frames.iter().map(|frame| frame["msg"]["price_dollars"].clone()).collect()
    };
    assert_eq!(told(world.take(ann)), ["0.5500", "0.4500"]);
    assert_eq!(told(world.take(bob)), ["0.4500", "0.4500"]);
}

#[test]
fn an_empty_ladder_has_no_key() {
    let mut world = World::new(1);
    world.markets.0[0] = Default::default();
    let ann = world.connect(ANN);
    let frames = world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_ticker": "M-0"}));
    let msg = json!({"market_ticker": "M-0", "market_id": id(0).to_string(), "clock": 0});
    assert_eq!(frames[1]["msg"], msg);
}

#[test]
fn lists_are_left_out_where_that_is_wanted() {
    let mut world = World::new(2);
    let ann = world.connect(ANN);
    let params = json!({"channels": ["trade"], "market_tickers": ["M-0"], "skip_ticker_ack": true});
    world.subscribe(ann, params);
    let params = json!({"sid": 1, "action": "add_markets", "market_tickers": ["M-1"]});
    let frames = world.ask(ann, 2, "update_subscription", params);
    assert_eq!((names(&frames), &frames[0]["msg"]), (vec![("ok", Some(1))], &json!({})));
}

#[test]
fn a_ticker_begins_with_a_summary_where_that_is_wanted() {
    let mut world = World::new(2);
    let ann = world.connect(ANN);
    let params = json!({"channels": ["ticker"], "market_ids": [id(1).to_string()], "send_initial_snapshot": true});
    let frames = world.subscribe(ann, params);
    assert_eq!(names(&frames), [("subscribed", None), ("ticker", None)]);
    assert_eq!((&frames[1]["msg"]["market_ticker"], &frames[1]["msg"]["price_dollars"]), (&json!("M-1"), &json!("")));
    // `ok` has no number on this channel, and lists markets as they were named.
    let params = json!({"sid": 1, "action": "add_markets", "market_ids": [id(0).to_string()]});
    let frames = world.ask(ann, 2, "update_subscription", params);
    assert_eq!(names(&frames), [("ok", None)]);
    assert_eq!(frames[0]["msg"], json!({"market_ids": [id(0).to_string(), id(1).to_string()]}));
    let params = json!({"sid": 1, "action": "add_markets", "market_ticker": "M-0", "send_initial_snapshot": true});
    let frames = world.ask(ann, 3, "update_subscription", params);
    assert_eq!(names(&frames), [("ok", None)], "it was there already");
    assert_eq!(frames[0]["msg"]["market_tickers"], json!(["M-0", "M-1"]));
    assert_eq!(frames[0]["msg"]["market_ids"].as_array().unwrap().len(), 2);
}

#[test]
fn without_markets_everything_is_told_and_a_wider_subscription_wins() {
    let mut world = World::new(2);
    let (ann, bob) = (world.connect(ANN), world.connect(ANN));
    world.subscribe(ann, json!({"channels": ["trade"]}));
    world.subscribe(bob, json!({"channels": ["trade"], "market_ticker": "M-0"}));
    let trade = |market: u32| {
        let ts = daybook_book::ExchangeTime::from_micros(START);
        let taker = daybook_exchange::engine::BookSide::Ask;
        let (price, count) = (cents(36), contracts(136));
        Publication::Trade(Trade { id: Uuid(1), market: MarketId(market), price, count, taker, is_block: false, ts })
    };
    world.publish(&trade(1));
    assert_eq!((world.take(ann).len(), world.take(bob).len()), (1, 0));
    let frames = world.subscribe(bob, json!({"channels": ["trade"]}));
    assert_eq!((names(&frames), &frames[0]["msg"]), (vec![("ok", Some(1))], &json!({})));
    world.publish(&trade(0));
    world.publish(&trade(1));
    assert_eq!(names(&world.take(bob)), [("trade", Some(2)), ("trade", Some(3))]);
    // Narrowing what is to everything leaves it at everything.
    let params = json!({"sid": 1, "action": "delete_markets", "market_ticker": "M-1"});
    world.ask(bob, 2, "update_subscription", params);
    world.publish(&trade(1));
    assert_eq!(names(&world.take(bob)), [("trade", Some(5))]);
}

#[test]
fn tickers_that_do_not_exist_are_passed_over() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    let frames = world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_tickers": ["NONE", "M-0"]}));
    assert_eq!(names(&frames), [("subscribed", None), ("orderbook_snapshot", Some(1))]);
    let params = json!({"sid": 1, "action": "add_markets", "market_tickers": ["NONE"]});
    let frames = world.ask(ann, 2, "update_subscription", params);
    assert_eq!(frames[0]["msg"], json!({"market_tickers": ["M-0"]}));
}

#[test]
fn an_id_of_zero_is_none() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    for command in [r#"{"id":0,"cmd":"list_subscriptions"}"#, r#"{"cmd":"list_subscriptions","params":{}}"#] {
        assert_eq!(world.say(ann, command)[0]["id"], Value::Null);
    }
}

#[test]
fn indices_are_chosen_by_name_or_all_at_once() {
    let mut world = World::new(0);
    let ann = world.connect(ANN);
    let value = |world: &mut World, index_id: &str| {
        let (value_usd, data) = ("68000.12000000", r#"{"type":"value","id":"BRTI"}"#);
        let value = CfBenchmarks5Hz { index_id, value_usd, source_ts_ms: 1, received_at: 2, data };
        world.publish(&Publication::Index(Index::CfBenchmarks5Hz(value)));
    };
    world.subscribe(ann, json!({"channels": ["cfbenchmarks_value_5hz"], "index_ids": ["BRTI"]}));
    value(&mut world, "ETHUSD_RTI");
    value(&mut world, "BRTI");
    let frames = world.take(ann);
    assert_eq!(names(&frames), [("cfbenchmarks_value_5hz", Some(1))]);
    assert_eq!(frames[0]["msg"]["data"], r#"{"type":"value","id":"BRTI"}"#);
    let update = |world: &mut World, action: &str, names: Value| {
        let params = json!({"sid": 1, "action": action, "index_ids": names});
        world.ask(ann, 4, "update_subscription", params).remove(0)
    };
    let frame = update(&mut world, "subscribe_indices", json!(["all"]));
    assert_eq!((&frame["type"], &frame["seq"]), (&json!("ok"), &json!(2)));
    assert_eq!(frame["msg"], json!({"index_ids": ["all"]}));
    update(&mut world, "unsubscribe_indices", json!(["BRTI"]));
    value(&mut world, "BRTI");
    assert_eq!(names(&world.take(ann)), [("cfbenchmarks_value_5hz", Some(4))], "all is all");
    let frame = update(&mut world, "unsubscribe_indices", json!(["all"]));
    assert_eq!(frame["msg"], json!({"index_ids": []}));
    value(&mut world, "BRTI");
    assert_eq!(world.take(ann), Vec::<Value>::new());
    let frame = update(&mut world, "indexlist", Value::Null);
    assert_eq!((&frame["type"], &frame["seq"]), (&json!("cfbenchmarks_value_5hz_indexlist"), &json!(6)));
    assert_eq!((&frame["msg"], &frame["id"]), (&json!({"index_ids": ["BRTI", "ETHUSD_RTI"]}), &json!(4)));
}

#[test]
fn underlyings_are_those_of_the_last_two_hours() {
    let mut world = World::new(0);
    let ann = world.connect(ANN);
    let value = |world: &mut World, underlying_ticker: &str| {
        let value = Pyth { underlying_ticker, value_usd: "82.12345000", source_ts_ms: 1, received_at: 2 };
        world.publish(&Publication::Index(Index::Pyth(value)));
    };
    world.subscribe(ann, json!({"channels": ["pyth_value"]}));
    value(&mut world, "Metal.XAU/USD");
    assert_eq!(world.take(ann), Vec::<Value>::new(), "nothing is chosen");
    world.now += 2 * 3_600 * 1_000_000;
    value(&mut world, "Metal.XAG/USD");
    let params = json!({"sid": 1, "action": "underlying_list"});
    let frame = world.ask(ann, 2, "update_subscription", params).remove(0);
    assert_eq!((&frame["type"], &frame["seq"]), (&json!("pyth_value_underlying_list"), &json!(1)));
    assert_eq!(frame["msg"], json!({"underlying_tickers": ["Metal.XAG/USD"]}));
    let params = json!({"sid": 1, "action": "subscribe_underlyings", "underlying_tickers": ["Metal.XAG/USD"]});
    let frame = world.ask(ann, 3, "update_subscription", params).remove(0);
    assert_eq!(frame["msg"], json!({"underlying_tickers": ["Metal.XAG/USD"]}));
    value(&mut world, "Metal.XAG/USD");
    assert_eq!(names(&world.take(ann)), [("pyth_value", Some(3))]);
    let again = world.subscribe(ann, json!({"channels": ["pyth_value"], "underlying_tickers": ["Metal.XAU/USD"]}));
    assert_eq!(again[0]["msg"], json!({"underlying_tickers": ["Metal.XAG/USD", "Metal.XAU/USD"]}));
}

#[test]
fn a_channel_without_a_filter_is_confirmed_again_without_a_list() {
    let mut world = World::new(0);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["market_lifecycle_v2"]}));
    let again = world.subscribe(ann, json!({"channels": ["market_lifecycle_v2"]}));
    assert_eq!((names(&again), &again[0]["msg"]), (vec![("ok", Some(1))], &json!({})));
    assert_eq!(again[0]["sid"], 1);
}

/// Every frame that answers something.
pub fn every_frame_of_commands() {
    a_subscription_is_confirmed_and_begins_with_the_books();
    unsubscribing_from_several_is_answered_for_each();
    subscribing_again_adds_and_shows_only_what_is_new();
    indices_are_chosen_by_name_or_all_at_once();
    underlyings_are_those_of_the_last_two_hours();
    let mut world = World::new(0);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["cfbenchmarks_value"]}));
    world.ask(ann, 2, "update_subscription", json!({"sid": 1, "action": "indexlist"}));
}
