//! Every kind of publication: who is told what.

use std::sync::Arc;

use daybook_book::{ExchangeTime, Money, Quantity, Side};
use daybook_exchange::{
    engine::{
        AccountId, BookSide, FillReport, GroupChange, MarketId, OrderId, OrderReport, OrderStatus, Owner,
        PositionReport, SelfTrade, TradeId, UpdateReason,
    },
    feed::{
        Audience, Average, CfBenchmarks, CfBenchmarks5Hz, Communication, CommunicationKind, EventFee, EventLifecycle,
        Fill, Grid, Group, Index, Lifecycle, LifecycleChange, Metadata, MetadataUpdate, Order, Position, Publication,
        Pyth, Snapshot, Strike, Trade, Uuid,
    },
};
use serde_json::{Number, Value, json};

use crate::{
    spec,
    world::{ANN, BOB, START, World, cents, contracts, delta, id, summary},
};

const TS: ExchangeTime = ExchangeTime::from_micros(START);
const ANNS: Owner = Owner { account: ANN, subaccount: 3 };

fn everything(world: &mut World, account: AccountId) -> daybook_exchange::feed::ConnectionId {
    let connection = world.connect(account);
    let channels = daybook_kalshi::Channel::ALL.map(|channel| channel.as_str());
    let params = json!({"channels": channels, "market_tickers": ["M-0"], "index_ids": ["all"],
        "underlying_tickers": ["all"], "send_initial_snapshot": true});
    let frames = world.subscribe(connection, params);
    assert_eq!(frames.len(), channels.len() + 2, "every channel, a book and a summary");
    connection
}

/// What Ann and Bob are told, who are subscribed to everything, and to M-0 where markets can be chosen.
fn told(publication: &Publication<'_>) -> (Vec<Value>, Vec<Value>) {
    let mut world = World::new(2);
    let name = "KXMVE-TEST-M1".parse().unwrap();
    world.hub.add_market(MarketId(2), &name, id(2));
    let (ann, bob) = (everything(&mut world, ANN), everything(&mut world, BOB));
    world.publish(publication);
    // The model knows of no market by another name.
    let take = |world: &mut World, connection| {
        let mut output = daybook_exchange::feed::Output::new();
        world.hub.drain(connection, &mut output);
        let frames = output.frames().map(|frame| serde_json::from_slice(frame.text).unwrap());
        frames.inspect(spec::check).collect::<Vec<Value>>()
    };
    (take(&mut world, ann), take(&mut world, bob))
}

/// The `msg` that both are told, in a frame of this type.
fn both(publication: &Publication<'_>, frame_type: &str) -> Value {
    let (ann, bob) = told(publication);
    assert_eq!((ann.len(), ann.clone()), (1, bob), "{publication:?}");
    assert_eq!(ann[0]["type"], frame_type);
    ann[0]["msg"].clone()
}

/// The `msg` that Ann alone is told.
fn ann_alone(publication: &Publication<'_>, frame_type: &str) -> Value {
    let (ann, bob) = told(publication);
    assert_eq!((ann.len(), bob.len()), (1, 0), "{publication:?}");
    assert_eq!(ann[0]["type"], frame_type);
    ann[0]["msg"].clone()
}

#[test]
fn a_delta_tells_its_owner_more() {
    let mut own = delta(0, Side::No, cents(45), contracts(-54), 9);
    own.owner = Some(ANNS);
    own.client_order_id = Some("my \"own\" order");
    let (ann, bob) = told(&Publication::Delta(own));
    let mut expected = json!({"market_ticker": "M-0", "market_id": id(0).to_string(), "clock": 9,
        "price_dollars": "0.4500", "delta_fp": "-54.00", "side": "no", "ts": "2026-08-11T00:30:42.445624Z",
        "ts_ms": START / 1_000});
    assert_eq!((&bob[0]["msg"], &bob[0]["seq"]), (&expected, &json!(2)));
    expected["client_order_id"] = json!("my \"own\" order");
    expected["subaccount"] = json!(3);
    assert_eq!(ann[0]["msg"], expected);
    assert_eq!(told(&Publication::Delta(delta(1, Side::Yes, cents(45), contracts(1), 9))), (vec![], vec![]));
    let mut undated = delta(0, Side::Yes, cents(45), contracts(1), 9);
    undated.ts = None;
    let msg = both(&Publication::Delta(undated), "orderbook_delta");
    assert!(msg.get("ts").is_none() && msg.get("ts_ms").is_none());
}

#[test]
fn a_snapshot_that_nobody_asked_for() {
    let empty = Snapshot { market: MarketId(0), clock: 12, yes: &[], no: &[] };
    let msg = both(&Publication::Snapshot(empty), "orderbook_snapshot");
    assert_eq!(msg, json!({"market_ticker": "M-0", "market_id": id(0).to_string(), "clock": 12}));
    let no = [(cents(54), contracts(20)), (cents(56), contracts(146))];
    let msg = both(&Publication::Snapshot(Snapshot { no: &no, ..empty }), "orderbook_snapshot");
    assert_eq!(msg["no_dollars_fp"], json!([["0.5400", "20.00"], ["0.5600", "146.00"]]));
}

#[test]
fn public_data() {
    let trade = Trade {
        id: id(7),
        market: MarketId(0),
        price: cents(36),
        count: Quantity::from_hundredths(13_601),
        taker: BookSide::Ask,
        is_block: false,
        ts: TS,
    };
    let msg = both(&Publication::Trade(trade), "trade");
    let expected = json!({"trade_id": id(7).to_string(), "market_ticker": "M-0", "yes_price_dollars": "0.3600",
        "no_price_dollars": "0.6400", "count_fp": "136.01", "taker_side": "no", "taker_outcome_side": "no",
        "taker_book_side": "ask", "is_block_trade": false, "ts": 1_786_408_242, "ts_ms": 1_786_408_242_445i64});
    assert_eq!(msg, expected);
    let msg = both(&Publication::Trade(Trade { taker: BookSide::Bid, is_block: true, ..trade }), "trade");
    assert_eq!(
        (&msg["taker_side"], &msg["taker_book_side"], &msg["is_block_trade"]),
        (&json!("yes"), &json!("bid"), &json!(true))
    );
    assert_eq!(told(&Publication::Trade(Trade { market: MarketId(1), ..trade })), (vec![], vec![]));
    let mut summary = summary(MarketId(0));
    summary.last = Some(cents(48));
    let expected = json!({"market_id": id(0).to_string(), "market_ticker": "M-0", "price_dollars": "0.4800",
        "yes_bid_dollars": "0.4000", "yes_ask_dollars": "0.5200", "volume_fp": "33896.00",
        "open_interest_fp": "20422.00", "dollar_volume": 16_948, "dollar_open_interest": 10_211,
        "yes_bid_size_fp": "300.00", "yes_ask_size_fp": "150.00", "last_trade_size_fp": "25.00",
        "ts": 1_786_408_242, "ts_ms": 1_786_408_242_445i64, "time": "2026-08-11T00:30:42.445624Z"});
    assert_eq!(both(&Publication::Ticker(summary), "ticker"), expected);
}

#[test]
fn a_user_is_told_of_the_own_fills_orders_positions_and_groups() {
    let report = FillReport {
        trade: TradeId(1),
        owner: ANNS,
        order: OrderId(1),
        client_order_id: Some(Arc::from("my-order-1")),
        market: MarketId(0),
        side: BookSide::Ask,
        price: cents(75),
        count: contracts(278),
        is_taker: true,
        fee: Money::from_micros(10_000),
        position: contracts(-500),
    };
    let fill = Fill { report: &report, trade: id(8), order: id(9), exchange_index: 2, ts: TS };
    let expected = json!({"trade_id": id(8).to_string(), "order_id": id(9).to_string(),
        "client_order_id": "my-order-1", "market_ticker": "M-0", "exchange_index": 2, "is_taker": true, "side": "no",
        "yes_price_dollars": "0.7500", "count_fp": "278.00", "fee_cost": "0.010000", "action": "buy",
        "ts": 1_786_408_242, "ts_ms": 1_786_408_242_445i64, "post_position_fp": "-500.00", "purchased_side": "no",
        "outcome_side": "no", "book_side": "ask", "subaccount": 3});
    assert_eq!(ann_alone(&Publication::Fill(fill), "fill"), expected);
    let elsewhere = FillReport { market: MarketId(1), ..report.clone() };
    assert_eq!(told(&Publication::Fill(Fill { report: &elsewhere, ..fill })), (vec![], vec![]));

    let mut report = OrderReport {
        order: OrderId(1),
        owner: ANNS,
        client_order_id: None,
        market: MarketId(0),
        side: BookSide::Bid,
        price: cents(35),
        initial: contracts(10),
        filled: contracts(4),
        remaining: contracts(6),
        status: OrderStatus::Resting,
        reason: UpdateReason::Created,
        taker_cost: Money::from_micros(1_400_000),
        maker_cost: Money::ZERO,
        taker_fees: Money::from_micros(-1),
        maker_fees: Money::ZERO,
        created: TS,
        expires: None,
        self_trade: SelfTrade::TakerAtCross,
        cancel_on_pause: false,
        group: None,
    };
    let order = |report: &OrderReport, group| {
        let order = Order { report, order: id(9), user: id(1), group, exchange_index: 0, ts: TS };
        ann_alone(&Publication::Order(order), "user_order")
    };
    let stamp = "2026-08-11T00:30:42.445624Z";
    let mut expected = json!({"order_id": id(9).to_string(), "user_id": id(1).to_string(), "ticker": "M-0",
        "exchange_index": 0, "status": "resting", "side": "yes", "is_yes": true, "outcome_side": "yes",
        "book_side": "bid", "yes_price_dollars": "0.3500", "fill_count_fp": "4.00", "remaining_count_fp": "6.00",
        "initial_count_fp": "10.00", "taker_fill_cost_dollars": "1.400000", "maker_fill_cost_dollars": "0.000000",
        "taker_fees_dollars": "-0.000001", "maker_fees_dollars": "0.000000", "client_order_id": "",
        "self_trade_prevention_type": "taker_at_cross", "created_time": stamp, "created_ts_ms": START / 1_000,
        "last_update_time": stamp, "last_updated_ts_ms": START / 1_000, "subaccount_number": 3});
    assert_eq!(order(&report, None), expected);
    report.expires = Some(TS);
    report.client_order_id = Some(Arc::from("x"));
    report.status = OrderStatus::Canceled;
    report.self_trade = SelfTrade::Maker;
    for (key, value) in [
        ("client_order_id", json!("x")),
        ("status", json!("canceled")),
        ("expiration_time", json!(stamp)),
        ("expiration_ts_ms", json!(START / 1_000)),
        ("order_group_id", json!(id(4).to_string())),
        ("self_trade_prevention_type", json!("maker")),
    ] {
        expected[key] = value;
    }
    let reasons = [
        (UpdateReason::Decrease, "Decrease"),
        (UpdateReason::Amend, "Amend"),
        (UpdateReason::MarginCancel, "MarginCancel"),
        (UpdateReason::SelfTradeCancel, "SelfTradeCancel"),
        (UpdateReason::ExpiryCancel, "ExpiryCancel"),
        (UpdateReason::CloseCancel, "CloseCancel"),
        (UpdateReason::HaltCancel, "HaltCancel"),
        (UpdateReason::Trade, "Trade"),
        (UpdateReason::PostOnlyCrossCancel, "PostOnlyCrossCancel"),
        (UpdateReason::ReduceOnlyCancel, "ReduceOnlyCancel"),
    ];
    for (reason, text) in reasons {
        report.reason = reason;
        expected["last_update_reason"] = json!(text);
        assert_eq!(order(&report, Some(id(4))), expected);
    }

    let report = PositionReport {
        owner: ANNS,
        market: MarketId(0),
        position: contracts(100),
        cost: Money::from_micros(50_000_000),
        realized: Money::from_micros(-10_000_000),
        fees: Money::from_micros(1_000_000),
        position_fees: Money::from_micros(500_000),
        traded: Money::from_micros(60_000_000),
        volume: contracts(15),
    };
    let position = Position { report: &report, user: id(1) };
    let expected = json!({"user_id": id(1).to_string(), "market_ticker": "M-0", "position_fp": "100.00",
        "position_cost_dollars": "50.000000", "realized_pnl_dollars": "-10.000000", "fees_paid_dollars": "1.000000",
        "position_fee_cost_dollars": "0.500000", "volume_fp": "15.00", "subaccount": 3});
    assert_eq!(ann_alone(&Publication::Position(position), "market_position"), expected);

    for (change, event_type, tells_limit) in [
        (GroupChange::Created, "created", true),
        (GroupChange::LimitUpdated, "limit_updated", true),
        (GroupChange::Triggered, "triggered", false),
        (GroupChange::Reset, "reset", false),
        (GroupChange::Deleted, "deleted", false),
    ] {
        let group = Group { owner: ANNS, group: id(4), change, limit: contracts(150), ts: TS };
        let mut expected =
            json!({"event_type": event_type, "order_group_id": id(4).to_string(), "ts_ms": START / 1_000});
        if tells_limit {
            expected["contracts_limit_fp"] = json!("150.00");
        }
        assert_eq!(ann_alone(&Publication::Group(group), "order_group_updates"), expected);
    }
}

/// Three of Ann's connections: one of a key that is bound to nothing, one bound to the subaccount, one to another.
#[test]
fn who_is_bound_to_a_subaccount_hears_of_no_other() {
    let report = PositionReport {
        owner: ANNS,
        market: MarketId(0),
        position: contracts(1),
        cost: Money::ZERO,
        realized: Money::ZERO,
        fees: Money::ZERO,
        position_fees: Money::ZERO,
        traded: Money::ZERO,
        volume: contracts(1),
    };
    let group = Group { owner: ANNS, group: id(4), change: GroupChange::Reset, limit: contracts(1), ts: TS };
    let mut own = delta(0, Side::Yes, cents(40), contracts(1), 9);
    own.owner = Some(ANNS);
    own.client_order_id = Some("own");
    for publication in [
        Publication::Position(Position { report: &report, user: id(1) }),
        Publication::Group(group),
        Publication::Delta(own),
    ] {
        let mut world = World::new(1);
        let [free, bound, elsewhere] = [(); 3].map(|()| everything(&mut world, ANN));
        world.hub.restrict(bound, ANNS.subaccount);
        world.hub.restrict(elsewhere, 0);
        world.publish(&publication);
        let [free, bound, elsewhere] = [free, bound, elsewhere].map(|connection| world.take(connection));
        assert_eq!((free.len(), &free), (1, &bound));
        if let Publication::Delta(_) = publication {
            // Everybody hears of it, and nobody else that it was an own order.
            let (own, public) = (&bound[0]["msg"], &elsewhere[0]["msg"]);
            assert_eq!((own["client_order_id"].as_str(), public.get("client_order_id")), (Some("own"), None));
        } else {
            assert_eq!(elsewhere, Vec::<Value>::new());
        }
    }
}

#[test]
fn lives_of_markets_and_events() {
    let floor = Number::from(4_487);
    let metadata = Metadata {
        name: "S&P",
        title: "closes up",
        yes_sub_title: "yes",
        no_sub_title: "no",
        rules_primary: "…",
        rules_secondary: "",
        can_close_early: true,
        event_ticker: "INXD-23SEP14",
        expected_expiration_ts: 1_694_721_600,
        strike: Strike { strike_type: Some("greater"), floor_strike: Some(&floor), ..Strike::default() },
    };
    let bands = [(cents(0), cents(100), cents(1))];
    let grid = Grid { structure: "linear_cent", bands: &bands };
    let created = LifecycleChange::Created { exchange_index: 0, open: TS, close: TS, metadata: &metadata, grid };
    let of = |market: u32, change| Publication::Lifecycle(Lifecycle { market: MarketId(market), change });
    let msg = both(&of(1, created), "market_lifecycle_v2");
    assert_eq!((&msg["event_type"], &msg["close_ts"]), (&json!("created"), &json!(1_786_408_242)));
    assert_eq!(msg["additional_metadata"]["floor_strike"], 4_487);
    assert_eq!(msg["price_ranges"], json!([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]));
    let msg = both(&of(2, created), "multivariate_market_lifecycle");
    assert!(msg.get("price_ranges").is_none() && msg["market_ticker"] == "KXMVE-TEST-M1");
    let value = cents(50);
    let update = MetadataUpdate { strike: metadata.strike, yes_sub_title: Some("above") };
    for (change, rest) in [
        (LifecycleChange::Activated, json!({"event_type": "activated", "is_deactivated": false})),
        (LifecycleChange::Deactivated, json!({"event_type": "deactivated", "is_deactivated": true})),
        (
            LifecycleChange::CloseDateUpdated { close: TS },
            json!({"event_type": "close_date_updated", "close_ts": 1_786_408_242}),
        ),
        (
            LifecycleChange::Determined { at: TS, result: "scalar", value },
            json!({"event_type": "determined", "determination_ts": 1_786_408_242, "result": "scalar", "settlement_value": "0.5000"}),
        ),
        (LifecycleChange::Settled { at: TS }, json!({"event_type": "settled", "settled_ts": 1_786_408_242})),
        (
            LifecycleChange::GridUpdated(Grid { structure: "deci_cent", bands: &[] }),
            json!({"event_type": "price_level_structure_updated", "price_level_structure": "deci_cent", "price_ranges": []}),
        ),
        (
            LifecycleChange::MetadataUpdated(&update),
            json!({"event_type": "metadata_updated", "strike_type": "greater", "floor_strike": 4_487, "yes_sub_title": "above"}),
        ),
        (LifecycleChange::MetadataUpdated(&MetadataUpdate::default()), json!({"event_type": "metadata_updated"})),
    ] {
        let mut expected = rest;
        expected["market_ticker"] = json!("M-1");
        assert_eq!(both(&of(1, change), "market_lifecycle_v2"), expected);
    }
    let event = EventLifecycle {
        event_ticker: "KXQ-1",
        exchange_index: 0,
        title: "What?",
        subtitle: "Jan 25",
        collateral_return_type: "MECNET",
        series_ticker: "KXQ",
        strike_date: Some(1),
        strike_period: None,
    };
    assert_eq!(both(&Publication::EventLifecycle(event), "event_lifecycle")["strike_date"], 1);
    let (ann, _) = told(&Publication::EventLifecycle(EventLifecycle { event_ticker: "KXMVE-1", ..event }));
    assert_eq!((&ann[0]["sid"], &ann[0]["seq"]), (&json!(8), &json!(1)), "on the channel for combinations");
    let one = Number::from(1);
    let set =
        EventFee { event_ticker: "KXB-1", fee_type_override: Some("quadratic"), fee_multiplier_override: Some(&one) };
    assert_eq!(both(&Publication::EventFee(set), "event_fee_update")["fee_multiplier_override"], 1);
    let cleared = EventFee { fee_type_override: None, fee_multiplier_override: None, ..set };
    let msg = both(&Publication::EventFee(cleared), "event_fee_update");
    assert_eq!(msg, json!({"event_ticker": "KXB-1", "fee_type_override": null, "fee_multiplier_override": null}));
}

#[test]
fn communications_reach_whom_they_are_for() {
    let mut world = World::new(0);
    let (ann, bob, carl) = (world.connect(ANN), world.connect(BOB), world.connect(AccountId(3)));
    world.subscribe(ann, json!({"channels": ["communications"]}));
    world.subscribe(bob, json!({"channels": ["communications"], "user_filter": "self"}));
    world.subscribe(carl, json!({"channels": ["communications"], "user_filter": ""}));
    let mut reached = |kind, audience| {
        let msg =
            json!({"id": "rfq_1", "creator_id": "c", "market_ticker": "M-0", "created_ts": "2026-01-01T00:00:00Z"});
        let communication = Communication { kind, msg: &msg.to_string(), audience, shard_by: "M-0" };
        world.publish(&Publication::Communication(communication));
        [ann, bob, carl].map(|connection| {
            let mut output = daybook_exchange::feed::Output::new();
            world.hub.drain(connection, &mut output);
            output.len() == 1
        })
    };
    let (created, quoted) = (CommunicationKind::RfqCreated, CommunicationKind::QuoteCreated);
    assert_eq!(reached(created, Audience::Everyone { creator: ANN }), [true, false, true]);
    assert_eq!(reached(created, Audience::Everyone { creator: BOB }), [true, true, true]);
    assert_eq!(reached(created, Audience::Others { creator: ANN }), [false, false, true]);
    assert_eq!(reached(quoted, Audience::Parties(ANN, BOB)), [true, true, false]);
    assert_eq!(reached(quoted, Audience::One(AccountId(3))), [false, false, true]);
}

#[test]
fn every_communication_is_on_exactly_one_shard() {
    let mut world = World::new(0);
    let shards: Vec<_> = (0..4).map(|_| world.connect(ANN)).collect();
    for (key, &connection) in shards.iter().enumerate() {
        let params = json!({"channels": ["communications"], "shard_factor": 4, "shard_key": key});
        world.subscribe(connection, params);
    }
    let mut counts = [0; 4];
    for market in 0..64 {
        let ticker = format!("M-{market}");
        let msg =
            json!({"id": "rfq_1", "creator_id": "c", "market_ticker": ticker, "created_ts": "2026-01-01T00:00:00Z"});
        let communication = Communication {
            kind: CommunicationKind::RfqCreated,
            msg: &msg.to_string(),
            audience: Audience::Everyone { creator: BOB },
            shard_by: &ticker,
        };
        world.publish(&Publication::Communication(communication));
        let told: Vec<usize> = shards.iter().map(|&connection| world.take(connection).len()).collect();
        assert_eq!(told.iter().sum::<usize>(), 1);
        told.iter().zip(&mut counts).for_each(|(told, count)| *count += told);
    }
    assert!(counts.iter().all(|&count| count > 4), "{counts:?}");
}

/// With the rest of this file, every type of frame that the document has. Those of quotes are made by whoever publishes
/// them: here they stand for what the document asks of their messages.
#[test]
fn every_frame_of_the_document_can_be_sent() {
    public_data();
    a_user_is_told_of_the_own_fills_orders_positions_and_groups();
    lives_of_markets_and_events();
    a_delta_tells_its_owner_more();
    crate::commands::every_frame_of_commands();
    let average =
        Average { value: "68000.12000000", window_size: 3, window_start_ts_ms: 1, window_end_ts_exclusive: 2 };
    let value = CfBenchmarks {
        index_id: "BRTI",
        received_at: 1,
        data: "{}",
        avg_60s_data: average,
        last_60s_windowed_average_15min: Some(average),
    };
    both(&Publication::Index(Index::CfBenchmarks(value)), "cfbenchmarks_value");
    let value = CfBenchmarks { last_60s_windowed_average_15min: None, ..value };
    let msg = both(&Publication::Index(Index::CfBenchmarks(value)), "cfbenchmarks_value");
    assert!(msg.get("last_60s_windowed_average_15min").is_none());
    let value =
        CfBenchmarks5Hz { index_id: "BRTI", value_usd: "1.00000000", source_ts_ms: 1, received_at: 2, data: "" };
    both(&Publication::Index(Index::CfBenchmarks5Hz(value)), "cfbenchmarks_value_5hz");
    let value = Pyth { underlying_ticker: "Metal.XAU/USD", value_usd: "1.00000000", source_ts_ms: 1, received_at: 2 };
    both(&Publication::Index(Index::Pyth(value)), "pyth_value");
    let Some(unseen) = spec::unseen() else { return };
    let quotes = ["rfq", "quote", "batch"];
    let left: Vec<_> = unseen.into_iter().filter(|name| !quotes.iter().any(|word| name.contains(word))).collect();
    assert_eq!(left, Vec::<String>::new(), "frames of the document that nothing here sends");
    assert_eq!(Uuid(0).to_string(), "00000000-0000-0000-0000-000000000000");
}
