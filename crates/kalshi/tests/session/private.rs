//! The typed payloads of the frames that are no market data: written by hand, over a socket, and against the venue's document.

use daybook_book::{Money, Price, Quantity, ReceivedTime};
use daybook_kalshi::{
    Channel, Fact, Message, PrivateFrame, PrivateFrameError, Subscription,
    private::{IndexValue, OrderGroupEvent, UpdateReason, UpstreamValue},
    rest::{
        markets::{BookSide, OutcomeSide},
        orders::{OrderAction, OrderStatus, SelfTradePrevention},
        value::{ExchangeIndex, Subaccount, UnixMillis, UnixSeconds},
    },
};
use serde_json::{Map, Value, json};

use crate::{builder, documents, server::Server};

fn decode(frame_type: &str, payload: &Value) -> Result<PrivateFrame, PrivateFrameError> {
    let message = Message {
        recv_ts: ReceivedTime::from_nanos(1),
        connection: 3,
        sid: Some(2),
        seq: None,
        channel: None,
        frame_type: frame_type.to_owned().into(),
        // The payload need not come last.
        frame: format!(r#"{{"msg":{payload},"sending_ts_ms":1,"sid":2,"type":"{frame_type}"}}"#).into(),
    };
    message.decode()
}

/// The payload with one field set; `None` takes it away.
fn with(payload: &Value, field: &str, value: impl Into<Option<Value>>) -> Value {
    let mut payload = payload.clone();
    match value.into() {
        Some(value) => payload[field] = value,
        None => drop(payload.as_object_mut().unwrap().remove(field).unwrap()),
    }
    payload
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn fill() -> Value {
    json!({"trade_id": "t", "order_id": "o", "client_order_id": "mine", "market_ticker": "KXFIXTURE-1",
        "exchange_index": 2, "is_taker": true, "side": "no", "action": "sell", "purchased_side": "yes",
        "outcome_side": "yes", "book_side": "bid", "yes_price_dollars": "0.0125", "count_fp": "0.25",
        "fee_cost": "0.000438", "post_position_fp": "-12.75", "ts": 1790866800, "ts_ms": 1790866800123_i64,
        "subaccount": 7})
}

#[test]
fn a_fill() {
    let read = |payload: &Value| match decode("fill", payload) {
        Ok(PrivateFrame::Fill(fill)) => *fill,
        other => panic!("{other:?}"),
    };
    let all = read(&fill());
    assert_eq!((all.yes_price_dollars, all.count_fp), (price("0.0125"), quantity("0.25")));
    assert_eq!((all.fee_cost, all.post_position_fp.hundredths()), (money("0.000438"), -1_275));
    assert_eq!((all.ts, all.ts_ms), (Some(UnixSeconds(1_790_866_800)), UnixMillis(1_790_866_800_123)));
    assert_eq!((all.outcome_side, all.book_side, all.side), (OutcomeSide::Yes, BookSide::Bid, Some(OutcomeSide::No)));
    assert_eq!((all.subaccount, all.exchange_index), (Some(Subaccount(7)), ExchangeIndex(2)));
    assert_eq!((all.client_order_id, all.extra), (Some("mine".into()), Map::new()));

    // Absent, null and "" are the same.
    for field in ["client_order_id", "side", "action", "purchased_side"] {
        for value in [None, Some(Value::Null), Some(json!(""))] {
            let fill = read(&with(&fill(), field, value));
            let absent = [fill.client_order_id.is_none(), fill.side.is_none(), fill.action.is_none()];
            assert_eq!(
                absent.iter().filter(|absent| **absent).count(),
                usize::from(field != "purchased_side"),
                "{field}"
            );
            assert_eq!(fill.purchased_side.is_none(), field == "purchased_side");
        }
    }
    for field in ["subaccount", "ts"] {
        assert_eq!(read(&with(&fill(), field, None)), read(&with(&fill(), field, Value::Null)), "{field}");
    }
    // What is new survives.
    let newer = with(&with(&fill(), "action", json!("sell_to_close")), "liquidity", json!({"tier": 2}));
    let newer = read(&newer);
    assert_eq!(newer.action, Some(OrderAction::Other("sell_to_close".into())));
    assert_eq!(Value::Object(newer.extra), json!({"liquidity": {"tier": 2}}));
}

#[test]
fn what_a_payload_must_not_be_is_told_with_its_place() {
    let error = |payload: &Value| decode("fill", payload).unwrap_err().to_string();
    for field in ["trade_id", "count_fp", "yes_price_dollars", "fee_cost", "ts_ms"] {
        let text = error(&with(&fill(), field, None));
        assert!(text.contains(&format!("Fill: required field `{field}` is missing")), "{text}");
        assert!(text.contains("`fill` on connection 3, subscription 2"), "{text}");
    }
    for field in ["count_fp", "yes_price_dollars", "fee_cost", "outcome_side"] {
        for value in [Value::Null, json!(""), json!(1), json!(0.5)] {
            assert!(error(&with(&fill(), field, value)).contains(&format!("Fill.{field}")), "{field}");
        }
    }
    for (old, new) in [("yes_price", "yes_price_dollars"), ("count", "count_fp"), ("post_position", "post_position_fp")]
    {
        let text = error(&with(&fill(), old, json!(12)));
        assert!(text.contains(&format!("`{old}`")) && text.contains(&format!("now it is `{new}`")), "{text}");
    }
    // Below a ten-thousandth of a dollar, a hundredth of a contract, a millionth of a dollar.
    for (field, value) in [("yes_price_dollars", "0.01255"), ("count_fp", "0.255"), ("fee_cost", "0.0000001")] {
        assert!(error(&with(&fill(), field, json!(value))).contains(field));
    }
    assert!(error(&json!(null)).contains("Fill"));
    assert!(error(&json!([])).contains("Fill"));
}

#[test]
fn an_order() {
    let payload = json!({"order_id": "o", "user_id": "u", "ticker": "KXFIXTURE-1", "exchange_index": 0,
        "status": "resting", "side": "no", "is_yes": false, "outcome_side": "no", "book_side": "ask",
        "yes_price_dollars": "0.9875", "fill_count_fp": "0.25", "remaining_count_fp": "9.75",
        "initial_count_fp": "10.00", "taker_fill_cost_dollars": "0.003125", "maker_fill_cost_dollars": "0.000000",
        "taker_fees_dollars": "0.000022", "maker_fees_dollars": "0.000000", "client_order_id": "",
        "order_group_id": "g", "self_trade_prevention_type": "maker", "created_time": "2026-10-01T15:00:00.123Z",
        "created_ts_ms": 1790866800123_i64, "last_updated_ts_ms": 1790866800456_i64,
        "expiration_ts_ms": 1790870400000_i64, "last_update_reason": "Trade", "subaccount_number": 0});
    let read = |payload: &Value| match decode("user_order", payload) {
        Ok(PrivateFrame::UserOrder(order)) => *order,
        other => panic!("{other:?}"),
    };
    let order = read(&payload);
    assert_eq!((order.status, order.last_update_reason), (OrderStatus::Resting, Some(UpdateReason::Trade)));
    assert_eq!((order.fill_count_fp, order.remaining_count_fp), (quantity("0.25"), quantity("9.75")));
    assert_eq!((order.taker_fill_cost_dollars, order.taker_fees_dollars), (money("0.003125"), money("0.000022")));
    assert_eq!((order.client_order_id, order.yes_price_dollars), (None, price("0.9875")));
    assert_eq!(order.self_trade_prevention_type, Some(SelfTradePrevention::Maker));
    assert_eq!(order.created_ts_ms.and_then(UnixMillis::timestamp), order.created_time);
    assert_eq!(order.extra, Map::new());
    let other = with(&with(&payload, "status", json!("unknown")), "last_update_reason", json!("Whim"));
    let other = with(&with(&other, "created_ts_ms", Value::Null), "created_time", Value::Null);
    let other = read(&with(&other, "subaccount_number", None));
    assert_eq!(other.status, OrderStatus::Other("unknown".into()));
    assert_eq!(other.last_update_reason, Some(UpdateReason::Other("Whim".into())));
    assert_eq!((other.created_ts_ms, other.created_time, other.subaccount_number), (None, None, None));
    let text = decode("user_order", &with(&payload, "remaining_count", json!(9))).unwrap_err().to_string();
    assert!(text.contains("now it is `remaining_count_fp`"), "{text}");
}

#[test]
fn a_position_and_a_group() {
    let position = json!({"user_id": "u", "market_ticker": "KXFIXTURE-1", "position_fp": "-1000000.25",
        "position_cost_dollars": "12345.678901", "realized_pnl_dollars": "-0.000001", "fees_paid_dollars": "1.750000",
        "position_fee_cost_dollars": "0.500000", "volume_fp": "2000000.50"});
    let PrivateFrame::MarketPosition(read) = decode("market_position", &position).unwrap() else { panic!() };
    assert_eq!((read.position_fp.hundredths(), read.volume_fp.hundredths()), (-100_000_025, 200_000_050));
    assert_eq!((read.position_cost_dollars, read.realized_pnl_dollars), (money("12345.678901"), money("-0.000001")));
    assert_eq!((read.subaccount, read.extra.is_empty()), (None, true));
    let text = decode("market_position", &with(&position, "realized_pnl", json!(1))).unwrap_err().to_string();
    assert!(text.contains("now it is `realized_pnl_dollars`"), "{text}");

    let group = json!({"event_type": "limit_updated", "order_group_id": "g", "contracts_limit_fp": "0.50", "ts_ms": 5});
    let read = |payload: &Value| match decode("order_group_updates", payload) {
        Ok(PrivateFrame::OrderGroupUpdate(group)) => *group,
        other => panic!("{other:?}"),
    };
    let limited = read(&group);
    assert_eq!(
        (limited.event_type, limited.contracts_limit_fp),
        (OrderGroupEvent::LimitUpdated, Some(quantity("0.5")))
    );
    for value in [None, Some(Value::Null), Some(json!(""))] {
        assert_eq!(read(&with(&group, "contracts_limit_fp", value)).contracts_limit_fp, None);
    }
    let other = read(&with(&group, "event_type", json!("merged")));
    assert_eq!((other.event_type, other.ts_ms), (OrderGroupEvent::Other("merged".into()), UnixMillis(5)));
}

#[test]
fn requests_and_quotes() {
    let stamp = "2026-10-01T15:00:00.123456Z";
    let rfq = json!({"id": "r", "creator_id": "", "market_ticker": "KXMVE-1", "contracts_fp": "0.25",
        "target_cost_dollars": "10.500000", "created_ts": stamp, "mve_collection_ticker": "KXMVE",
        "mve_selected_legs": [{"event_ticker": "E", "market_ticker": "E-1", "side": "no",
            "yes_settlement_value_dollars": "0.0050", "weight": 3}]});
    let PrivateFrame::RfqCreated(read) = decode("rfq_created", &rfq).unwrap() else { panic!() };
    assert_eq!((read.creator_id, read.contracts_fp), (None, Some(quantity("0.25"))));
    assert_eq!((read.target_cost_dollars, read.created_ts), (Some(money("10.5")), stamp.parse().unwrap()));
    let leg = &read.mve_selected_legs.unwrap()[0];
    assert_eq!((leg.side.clone(), leg.yes_settlement_value_dollars), (Some(OutcomeSide::No), Some(price("0.0050"))));
    assert_eq!(leg.extra["weight"], 3);
    let deleted = json!({"id": "r", "creator_id": "c", "market_ticker": "KXMVE-1", "deleted_ts": stamp});
    let PrivateFrame::RfqDeleted(read) = decode("rfq_deleted", &deleted).unwrap() else { panic!() };
    assert_eq!((read.creator_id, read.contracts_fp, read.event_ticker), (Some("c".into()), None, None));

    let quote = json!({"quote_id": "q", "rfq_id": "r", "quote_creator_id": "m", "rfq_creator_id": "c",
        "market_ticker": "KXMVE-1", "yes_bid_dollars": "0.0000", "no_bid_dollars": "0.4375",
        "no_contracts_offered_fp": "0.75", "created_ts": stamp});
    let PrivateFrame::QuoteCreated(read) = decode("quote_created", &quote).unwrap() else { panic!() };
    assert_eq!((read.yes_bid_dollars, read.no_bid_dollars), (price("0"), price("0.4375")));
    assert_eq!((read.yes_contracts_offered_fp, read.no_contracts_offered_fp), (None, Some(quantity("0.75"))));
    let accepted = with(&with(&quote, "accepted_side", json!("no")), "created_ts", None);
    let PrivateFrame::QuoteAccepted(read) = decode("quote_accepted", &accepted).unwrap() else { panic!() };
    assert_eq!((read.accepted_side, read.contracts_accepted_fp), (Some(OutcomeSide::No), None));
    let executed = json!({"quote_id": "q", "rfq_id": "r", "quote_creator_id": "m", "rfq_creator_id": "c",
        "order_id": "o", "client_order_id": "", "market_ticker": "KXMVE-1", "executed_ts": stamp, "subaccount": 1});
    let PrivateFrame::QuoteExecuted(read) = decode("quote_executed", &executed).unwrap() else { panic!() };
    assert_eq!((read.client_order_id, read.subaccount, read.rfq_batch_id), (None, Some(Subaccount(1)), None));
}

#[test]
fn batches() {
    let stamp = "2026-10-01T15:00:00Z";
    let created = json!({"id": "b", "creator_id": "c", "created_ts": stamp,
        "legs": [{"event_ticker": "E", "market_ticker": "E-1", "side": "yes"}],
        "rfqs": [{"id": "r", "market_ticker": "KXMVE-1", "target_cost_dollars": "1.000001", "leg_indices": [0]}]});
    let PrivateFrame::RfqBatchCreated(read) = decode("rfq_batch_created", &created).unwrap() else { panic!() };
    assert_eq!((read.rfqs[0].leg_indices[0], read.rfqs[0].contracts_fp), (0, None));
    assert_eq!(read.rfqs[0].target_cost_dollars, Some(money("1.000001")));
    // A list that is null is empty.
    let deleted = json!({"id": "b", "creator_id": "c", "rfq_ids": null, "deleted_ts": stamp});
    let PrivateFrame::RfqBatchDeleted(read) = decode("rfq_batch_deleted", &deleted).unwrap() else { panic!() };
    assert_eq!(read.rfq_ids, []);
    let best = json!({"rfq_batch_id": "b", "client_batch_id": "", "version": 9, "updated_ts": stamp,
        "yes_complete": true, "no_complete": false,
        "rfqs": [{"rfq_id": "r", "market_ticker": "KXMVE-1", "yes_bid_dollars": "0.0005", "no_bid_dollars": "",
            "yes_contracts_offered_fp": "0.01"}]});
    let PrivateFrame::RfqBatchBestQuotes(read) = decode("rfq_batch_best_quotes", &best).unwrap() else { panic!() };
    assert_eq!((read.version, read.client_batch_id, read.no_complete), (9, None, false));
    assert_eq!((read.rfqs[0].yes_bid_dollars, read.rfqs[0].no_bid_dollars), (Some(price("0.0005")), None));
    let item = json!({"quote_id": "q", "rfq_id": "r", "market_ticker": "KXMVE-1", "yes_bid_dollars": "0.0005",
        "no_bid_dollars": "0.9995", "contracts_accepted_fp": "0.01"});
    let quoted = json!({"batch_quote_id": "bq", "rfq_batch_id": "b", "quote_creator_id": "m", "created_ts": stamp,
        "quotes": [item]});
    let PrivateFrame::BatchQuoteCreated(read) = decode("batch_quote_created", &quoted).unwrap() else { panic!() };
    assert_eq!(read.quotes[0].yes_bid_dollars.complement(), read.quotes[0].no_bid_dollars);
    let accepted = json!({"batch_quote_id": "bq", "rfq_batch_id": "b", "quote_creator_id": "m", "rfq_creator_id": "",
        "accepted_side": "maybe", "accepted_ts": stamp, "quotes": [item]});
    let PrivateFrame::BatchQuoteAccepted(read) = decode("batch_quote_accepted", &accepted).unwrap() else { panic!() };
    assert_eq!(read.accepted_side, OutcomeSide::Other("maybe".into()));
    assert_eq!(read.quotes[0].contracts_accepted_fp, Some(quantity("0.01")));
    let executed = json!({"batch_quote_id": "bq", "rfq_batch_id": "b", "rfq_creator_id": "", "executed_ts": stamp,
        "executed_rfq_ids": ["r"], "failed_rfq_ids": [], "close_reason": "executed"});
    let PrivateFrame::BatchQuoteExecuted(read) = decode("batch_quote_executed", &executed).unwrap() else { panic!() };
    assert_eq!((read.executed_rfq_ids[0].as_str(), &*read.close_reason), ("r", "executed"));
    let executed = with(&executed, "batch_quote_id", None);
    let PrivateFrame::RfqBatchExecuted(read) = decode("rfq_batch_executed", &executed).unwrap() else { panic!() };
    assert_eq!((read.rfq_creator_id, read.failed_rfq_ids.len()), (None, 0));
}

#[test]
fn indices() {
    let average = |value: &str, size: u64| {
        json!({"value": value, "window_size": size, "window_start_ts_ms": 1790866740123_i64,
            "window_end_ts_exclusive": 1790866800123_i64})
    };
    let upstream = r#"{"type":"value","id":"BRTI","time":1790866800123,"value":"64999.125","weight":2}"#;
    let value = json!({"index_id": "BRTI", "received_at": 1790866800125_i64, "data": upstream,
        "avg_60s_data": average("64998.50000001", 59), "last_60s_windowed_average_15min": average("-0.00000001", 1)});
    let read = |payload: &Value| match decode("cfbenchmarks_value", payload) {
        Ok(PrivateFrame::CfBenchmarksValue(value)) => *value,
        other => panic!("{other:?}"),
    };
    let all = read(&value);
    assert_eq!((all.index_id, all.received_at), ("BRTI".into(), UnixMillis(1_790_866_800_125)));
    assert_eq!(all.avg_60s_data.value.hundred_millionths(), 6_499_850_000_001);
    assert_eq!((all.avg_60s_data.window_size, all.avg_60s_data.window_start_ts_ms.0), (59, 1_790_866_740_123));
    assert_eq!(all.last_60s_windowed_average_15min.unwrap().value.to_string(), "-0.00000001");
    let upstream: UpstreamValue = all.data.parse().unwrap();
    assert_eq!((upstream.id, upstream.time), ("BRTI".into(), UnixMillis(1_790_866_800_123)));
    assert_eq!(upstream.value.parse::<IndexValue>().unwrap().to_string(), "64999.12500000");
    assert_eq!(upstream.extra["weight"], 2);
    for absent in [None, Some(Value::Null)] {
        let payload = with(&value, "last_60s_windowed_average_15min", absent);
        assert_eq!(read(&payload).last_60s_windowed_average_15min, None);
    }

    let value = json!({"index_id": "ETHUSD_RTI", "value_usd": "0.00001234", "source_ts_ms": 1790866800100_i64,
        "received_at": 1790866800125_i64, "data": "no JSON"});
    let PrivateFrame::CfBenchmarks5HzValue(read) = decode("cfbenchmarks_value_5hz", &value).unwrap() else { panic!() };
    assert_eq!((read.value_usd.hundred_millionths(), read.source_ts_ms.0), (1_234, 1_790_866_800_100));
    assert!(read.data.parse::<UpstreamValue>().is_err());
    for wrong in [json!(0.5), json!(1), json!(""), Value::Null, json!("0.000000001"), json!("1e3")] {
        let text = decode("cfbenchmarks_value_5hz", &with(&value, "value_usd", wrong)).unwrap_err().to_string();
        assert!(text.contains("CfBenchmarks5HzValue.value_usd"), "{text}");
    }
    let value = json!({"underlying_ticker": "InterestRate.US2Y", "value_usd": "4.25000000", "source_ts_ms": 1,
        "received_at": 2, "confidence": "0.1"});
    let PrivateFrame::PythValue(read) = decode("pyth_value", &value).unwrap() else { panic!() };
    assert_eq!((read.underlying_ticker, read.value_usd), ("InterestRate.US2Y".into(), "4.25".parse().unwrap()));
    assert_eq!(read.extra["confidence"], "0.1");

    let list = json!({"index_ids": ["BRTI", "ETHUSD_RTI"]});
    for frame_type in ["cfbenchmarks_value_indexlist", "cfbenchmarks_value_5hz_indexlist"] {
        let (PrivateFrame::CfBenchmarksIndexList(read) | PrivateFrame::CfBenchmarks5HzIndexList(read)) =
            decode(frame_type, &list).unwrap()
        else {
            panic!()
        };
        assert_eq!(read.index_ids, ["BRTI".into(), "ETHUSD_RTI".into()]);
    }
    let list = json!({"underlying_tickers": null});
    let PrivateFrame::PythUnderlyingList(read) = decode("pyth_value_underlying_list", &list).unwrap() else { panic!() };
    assert_eq!(read.underlying_tickers, []);
}

#[test]
fn another_frame_keeps_its_payload_as_it_was_sent() {
    let frame = decode("weather_value", &json!({"data": "{\"value\":\"0.10\"}"})).unwrap();
    let payload = r#"{"data":"{\"value\":\"0.10\"}"}"#.to_owned();
    assert_eq!(frame, PrivateFrame::Other { frame_type: "weather_value".to_owned(), payload });
}

#[tokio::test]
async fn a_session_tells_frames_that_can_be_decoded() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    session.handle().subscribe(Subscription::new(Channel::Fill)).await.unwrap();
    server.say("fill", "fill", &fill().to_string());
    let decoded = loop {
        let mut batch = session.next().await.unwrap();
        let mut decoded = None;
        while let Some(fact) = batch.next() {
            if let Fact::Message(message) = fact {
                decoded = Some(message.decode());
            }
        }
        if let Some(decoded) = decoded {
            break decoded;
        }
    };
    assert_eq!(decoded, decode("fill", &fill()));
}

/// Every payload of these types in the venue's document is understood: with all of its fields none is left over, and
/// with no more than the required ones none is missing.
#[test]
fn the_document_has_no_field_that_is_not_known() {
    let Some(document) = documents::load("asyncapi.yaml") else { return };
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for frame_type in PrivateFrame::TYPES {
        let schema = schemas.values().find(|schema| schema["properties"]["type"]["const"] == **frame_type);
        let payload = &schema.unwrap_or_else(|| panic!("{frame_type} is not in the document"))["properties"]["msg"];
        for full in [true, false] {
            let instance = instance(&document, "msg", payload, full);
            let frame = decode(frame_type, &instance).unwrap_or_else(|error| panic!("{error}: {instance}"));
            assert!(!matches!(frame, PrivateFrame::Other { .. }));
            let text = format!("{frame:?}");
            assert_eq!(text.matches("extra: {").count(), text.matches("extra: {}").count(), "{text}");
        }
    }
}

/// JSON that the schema describes, with every field or with the required ones.
fn instance(document: &Value, name: &str, schema: &Value, full: bool) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return instance(document, name, document.pointer(&reference[1..]).unwrap(), full);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str()).unwrap();
    match kind {
        "object" => {
            let required: Vec<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let fields = schema["properties"].as_object().unwrap().iter();
            let fields = fields.filter(|(name, _)| full || required.contains(&name.as_str()));
            fields.map(|(name, schema)| (name.clone(), instance(document, name, schema, full))).collect()
        }
        "array" => json!([instance(document, name, &schema["items"], full)]),
        "integer" => json!(7),
        "boolean" => json!(true),
        _ if name.ends_with("_fp") => json!("12.50"),
        _ if name.ends_with("_dollars") || name == "fee_cost" => json!("0.5625"),
        _ if name.starts_with("value") => json!("68000.12000000"),
        _ if schema["format"] == "date-time" => json!("2026-10-01T15:00:00.123456Z"),
        _ => json!("X-1"),
    }
}
