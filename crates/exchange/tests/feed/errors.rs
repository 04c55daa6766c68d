//! Every error, with its condition.

use daybook_exchange::feed::ErrorCode;
use serde_json::{Value, json};

use crate::world::{ANN, World, id};

/// The one error that a command is answered with: its code, and the subscription and number that it carries.
fn refusal(world: &mut World, connection: daybook_exchange::feed::ConnectionId, text: &str) -> (u64, Value, Value) {
    let frames = world.say(connection, text);
    let [frame] = frames.as_slice() else { panic!("{text} is answered with {frames:?}") };
    assert_eq!(frame["type"], "error", "{text}");
    let code = frame["msg"]["code"].as_u64().unwrap();
    let known = ErrorCode::from_number(code as u8).unwrap();
    assert_eq!(frame["msg"]["msg"], known.text());
    (code, frame["sid"].clone(), frame["seq"].clone())
}

#[test]
fn commands_that_are_none_or_incomplete() {
    let mut world = World::new(2);
    let ann = world.connect(ANN);
    let book = r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"#;
    let quotes = r#"{"id":1,"cmd":"subscribe","params":{"channels":["communications"],"#;
    let both = id(0).to_string();
    for (code, text) in [
        (1, "no json".to_owned()),
        (1, "[1,2]".to_owned()),
        (1, r#"{"id":-4,"cmd":"list_subscriptions"}"#.to_owned()),
        (1, r#"{"id":"seven","cmd":"list_subscriptions"}"#.to_owned()),
        (2, r#"{"id":1,"cmd":"subscribe"}"#.to_owned()),
        (2, r#"{"id":1,"cmd":"unsubscribe","params":null}"#.to_owned()),
        (2, r#"{"id":1,"cmd":"update_subscription"}"#.to_owned()),
        (3, r#"{"id":1,"cmd":"subscribe","params":{}}"#.to_owned()),
        (3, r#"{"id":1,"cmd":"subscribe","params":{"channels":[]}}"#.to_owned()),
        (4, r#"{"id":1,"cmd":"unsubscribe","params":{}}"#.to_owned()),
        (4, r#"{"id":1,"cmd":"unsubscribe","params":{"sids":[]}}"#.to_owned()),
        (5, r#"{"id":1,"cmd":"resubscribe","params":{}}"#.to_owned()),
        (5, r#"{"id":1,"params":{}}"#.to_owned()),
        (7, r#"{"id":1,"cmd":"unsubscribe","params":{"sids":[1]}}"#.to_owned()),
        (7, r#"{"id":1,"cmd":"update_subscription","params":{"sid":1,"action":"add_markets"}}"#.to_owned()),
        (8, r#"{"id":1,"cmd":"subscribe","params":{"channels":["trade","ticker_v2"]}}"#.to_owned()),
        (11, format!("{book}\"market_ticker\":7}}}}")),
        (11, format!("{book}\"market_ticker\":\"M-0\",\"market_tickers\":[\"M-1\"]}}}}")),
        (11, format!("{quotes}\"user_filter\":\"other\"}}}}")),
        (11, format!(r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["trade"],"market_id":"{both}"}}}}"#)),
        (12, r#"{"id":1,"cmd":"update_subscription","params":{"action":"add_markets"}}"#.to_owned()),
        (12, r#"{"id":1,"cmd":"update_subscription","params":{"sids":[1,2],"action":"add_markets"}}"#.to_owned()),
        (12, r#"{"id":1,"cmd":"update_subscription","params":{"sid":1,"sids":[1],"action":"x"}}"#.to_owned()),
        (14, format!("{book}\"use_yes_price\":true}}}}")),
        (14, format!("{book}\"market_tickers\":[]}}}}")),
        (14, format!("{book}\"market_id\":\"{both}\"}}}}")),
        (15, r#"{"id":1,"cmd":"update_subscription","params":{"sid":1}}"#.to_owned()),
        (19, format!("{quotes}\"shard_factor\":0}}}}")),
        (20, format!("{quotes}\"shard_key\":0}}}}")),
        (21, format!("{quotes}\"shard_factor\":4,\"shard_key\":4}}}}")),
        (21, format!("{quotes}\"shard_factor\":4,\"shard_key\":-1}}}}")),
        (22, format!("{quotes}\"shard_factor\":101,\"shard_key\":1}}}}")),
    ] {
        assert_eq!(refusal(&mut world, ann, &text), (code, Value::Null, Value::Null), "{text}");
    }
    assert_eq!(world.hub.subscriptions(ann), [], "nothing was subscribed to by the way");
}

/// What concerns a subscription names it, and uses one of its numbers.
#[test]
fn updates_that_cannot_be() {
    let mut world = World::new(2);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_ticker": "M-0"}));
    world.subscribe(ann, json!({"channels": ["ticker", "market_lifecycle_v2", "cfbenchmarks_value", "pyth_value"]}));
    let mut seqs = [1, 0, 0, 0, 0];
    for (code, sid, rest) in [
        (13, 1, r#""action":"replace_markets""#),
        (13, 1, r#""action":"indexlist""#),
        (13, 2, r#""action":"get_snapshot","market_tickers":["M-0"]"#),
        (13, 3, r#""action":"add_markets","market_tickers":["M-0"]"#),
        (13, 4, r#""action":"subscribe_underlyings","underlying_tickers":["X"]"#),
        (13, 5, r#""action":"subscribe_indices","index_ids":["X"]"#),
        (14, 1, r#""action":"add_markets""#),
        (14, 1, r#""action":"delete_markets","market_ids":["x"]"#),
        (14, 1, r#""action":"get_snapshot""#),
        (14, 1, r#""action":"get_snapshot","market_ticker":"M-0""#),
        (11, 1, r#""action":"get_snapshot","market_tickers":["NONE"]"#),
        (11, 1, r#""action":"add_markets","market_ticker":"M-0","market_tickers":["M-0"]"#),
        (14, 2, r#""action":"add_markets""#),
        (24, 4, r#""action":"subscribe_indices""#),
        (24, 4, r#""action":"unsubscribe_indices","index_ids":[]"#),
        (28, 5, r#""action":"subscribe_underlyings""#),
        (28, 5, r#""action":"unsubscribe_underlyings","underlying_tickers":[]"#),
    ] {
        let text = format!(r#"{{"id":1,"cmd":"update_subscription","params":{{"sid":{sid},{rest}}}}}"#);
        let seq = &mut seqs[sid - 1];
        *seq += 1;
        let seq = if sid == 2 { Value::Null } else { json!(seq) };
        assert_eq!(refusal(&mut world, ann, &text), (code, json!(sid), seq), "{text}");
    }
}

#[test]
fn nobody_sees_no_private_channel() {
    let mut world = World::new(1);
    let at = world.at();
    let (nobody, _) = world.hub.connect(None, at);
    let private = [
        "orderbook_delta",
        "fill",
        "market_positions",
        "user_orders",
        "communications",
        "order_group_updates",
        "cfbenchmarks_value",
        "cfbenchmarks_value_5hz",
        "pyth_value",
    ];
    for channel in private {
        let text = format!(r#"{{"cmd":"subscribe","params":{{"channels":["{channel}"],"market_ticker":"M-0"}}}}"#);
        assert_eq!(refusal(&mut world, nobody, &text).0, 9);
    }
    let public = json!(["ticker", "trade", "market_lifecycle_v2", "multivariate_market_lifecycle"]);
    assert_eq!(world.subscribe(nobody, json!({"channels": public})).len(), 4);
}

#[test]
fn a_failed_subscription_is_over_and_its_connection_goes_on() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    world.subscribe(ann, json!({"channels": ["orderbook_delta", "trade"], "market_ticker": "M-0"}));
    let at = world.at();
    assert!(world.hub.fail_subscription(ann, 1, at));
    assert!(!world.hub.fail_subscription(ann, 1, at), "it is gone");
    let frames = world.take(ann);
    assert_eq!((&frames[0]["sid"], &frames[0]["seq"], &frames[0]["id"]), (&json!(1), &json!(2), &Value::Null));
    assert_eq!(frames[0]["msg"], json!({"code": 10, "msg": "Channel error"}));
    let listed = world.say(ann, r#"{"id":2,"cmd":"list_subscriptions"}"#);
    assert_eq!(listed[0]["msg"], json!([{"channel": "trade", "sid": 2}]));
    let frames = world.subscribe(ann, json!({"channels": ["orderbook_delta"], "market_ticker": "M-0"}));
    assert_eq!((&frames[0]["msg"]["sid"], &frames[1]["seq"]), (&json!(3), &json!(1)));
}

#[test]
fn any_error_can_be_made_to_happen() {
    let mut world = World::new(1);
    let ann = world.connect(ANN);
    for code in ErrorCode::ALL {
        world.hub.refuse_next(ann, code);
        let refused = refusal(&mut world, ann, r#"{"id":3,"cmd":"list_subscriptions"}"#);
        assert_eq!(refused.0, u64::from(code.number()));
        assert_eq!(world.say(ann, r#"{"id":4,"cmd":"list_subscriptions"}"#)[0]["type"], "ok", "only the next");
        assert_eq!(code.is_terminal(), [10, 25].contains(&code.number()));
    }
    assert_eq!([6, 16, 17, 29].map(ErrorCode::from_number), [None; 4]);
}
