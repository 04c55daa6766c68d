use daybook_book::{Money, Price, Quantity, Ticker};
use daybook_kalshi::rest::series::FeeType;
use proptest::prelude::*;

use super::*;
use crate::{
    engine::{BookSide, CreateOrder, MarketState, TimeInForce},
    feed::Output,
};

const DAY: i64 = 86_400;

fn at(micros: i64) -> ExchangeTime {
    ExchangeTime::from_micros(1_790_000_000_000_000 + micros)
}

fn series(name: &str, shard: i32) -> Series {
    Series {
        fee_type: FeeType::QuadraticWithMakerFees,
        fee_multiplier: "0.5".parse().unwrap(),
        exchange_index: Some(daybook_kalshi::rest::value::ExchangeIndex(shard)),
        ..series_record(name, "Test", "daily")
    }
}

#[test]
fn a_series_whose_fees_cannot_be_charged_is_refused() {
    let mut venue = Venue::new(Settings::default());
    for (fee_type, multiplier) in [("cubic", "1"), ("quadratic", "0.0000001"), ("quadratic", "-1"), ("quadratic", "15")]
    {
        let record = Series {
            fee_type: FeeType::from(fee_type),
            fee_multiplier: multiplier.parse().unwrap(),
            ..series_record("KXA", "Test", "daily")
        };
        let refused = venue.add_series(record);
        assert!(matches!(refused, Err(CatalogueError::NoFees { .. })), "{fee_type} {multiplier}: {refused:?}");
    }
    venue.add_series(series_record("KXA", "Test", "daily")).unwrap();
}

fn event(series: &str) -> NewEvent {
    NewEvent {
        ticker: format!("{series}-1").as_str().into(),
        series: series.into(),
        title: "An event".to_owned(),
        sub_title: String::new(),
        collateral_return: None,
        strike_date: None,
    }
}

fn market(series: &str, number: u32) -> NewMarket {
    let name: Ticker = format!("{series}-1-T{number}").parse().unwrap();
    NewMarket::new(name, format!("{series}-1").as_str().into(), at(0), at(DAY * 1_000_000))
}

/// Two shards with two markets each; two accounts with a thousand dollars on each shard.
fn venue() -> (Venue, [AccountId; 2]) {
    let shards = vec!["One".to_owned(), "Two".to_owned()];
    let mut venue = Venue::new(Settings { seed: 7, shards, start: at(0), ..Settings::default() });
    for (shard, name) in ["KXA", "KXB"].into_iter().enumerate() {
        venue.add_series(series(name, shard as i32)).unwrap();
        venue.add_event(event(name), at(0)).unwrap();
        for number in 0..2 {
            venue.add_market(market(name, number), at(0)).unwrap();
        }
    }
    let accounts = [true, false].map(|keeps_history| {
        let account = venue.open_account(NewAccount { keeps_history, ..NewAccount::default() }, at(0));
        for shard in 0..2 {
            let owner = Owner { account, subaccount: 0 };
            venue.deposit(owner, shard, Money::from_micros(1_000_000_000), at(0)).unwrap();
        }
        account
    });
    (venue, accounts)
}

fn order(account: AccountId, market: u32, side: BookSide, cents: u8, contracts: i64) -> Command {
    Command::Create(CreateOrder::limit(
        Owner { account, subaccount: 0 },
        MarketId(market),
        side,
        Price::from_cents(cents).unwrap(),
        Quantity::from_contracts(contracts).unwrap(),
    ))
}

#[test]
fn who_keeps_no_history_trades_and_leaves_no_records() {
    let (mut venue, [kept, unkept]) = venue();
    // A market of the second shard: the exchange's number 2 is the engine's 0.
    venue.apply(order(kept, 2, BookSide::Bid, 40, 10), at(1)).unwrap();
    let receipt = venue.apply(order(unkept, 2, BookSide::Ask, 40, 4), at(2)).unwrap();
    assert_eq!(receipt.order().unwrap().filled, Quantity::from_contracts(4).unwrap());
    let records = &venue.account(kept).unwrap().records;
    assert_eq!((records.orders.len(), records.fills.len(), records.positions.len()), (1, 1, 1));
    assert_eq!(records.fills[0].report.market, MarketId(2));
    assert_eq!(order_apart(records.orders[0].report.order).0, 1);
    let records = &venue.account(unkept).unwrap().records;
    assert_eq!((records.orders.len(), records.fills.len(), records.positions.len()), (0, 0, 0));
    assert_eq!(venue.catalogue().market(MarketId(2)).open_interest, Quantity::from_contracts(4).unwrap());
    assert_eq!(venue.catalogue().market(MarketId(0)).volume, Quantity::ZERO);
    // On the other shard the order is unknown.
    let order = venue.account(kept).unwrap().records.orders[0].report.order;
    let owner = Owner { account: kept, subaccount: 0 };
    assert_eq!(venue.apply_on(0, Command::Cancel { owner, order }, at(3)), Err(Reject::OrderNotFound));
    venue.apply(Command::Cancel { owner, order }, at(3)).unwrap();
}

#[test]
fn markets_open_close_and_settle_when_it_is_time() {
    let (mut venue, [kept, unkept]) = venue();
    venue.apply(order(kept, 0, BookSide::Bid, 40, 10), at(1)).unwrap();
    venue.apply(order(unkept, 0, BookSide::Ask, 40, 10), at(2)).unwrap();
    venue.apply(order(kept, 0, BookSide::Bid, 30, 10), at(3)).unwrap();
    let close = DAY * 1_000_000;
    assert_eq!(venue.next_event(), Some(at(close)));
    // Nobody looked for a day and an hour: it closed when it was due all the same.
    assert_eq!(venue.apply(order(kept, 0, BookSide::Bid, 30, 1), at(close + 1)), Err(Reject::MarketInactive));
    let last = venue.account(kept).unwrap().records.orders.last().unwrap();
    assert_eq!((last.is_resting(), last.updated), (false, at(close)));
    venue.change_market(MarketId(0), MarketChange::Determine(Price::ONE), at(close + 2)).unwrap();
    assert_eq!(venue.catalogue().market(MarketId(0)).state, MarketState::Determined);
    venue.advance(at(close + 2 + 60_000_000));
    assert_eq!(venue.catalogue().market(MarketId(0)).state, MarketState::Finalized);
    let settled = &venue.account(kept).unwrap().records.settlements;
    assert_eq!(settled.iter().map(|row| row.report.revenue.micros()).collect::<Vec<_>>(), [10_000_000]);
    let twice = venue.change_market(MarketId(0), MarketChange::Determine(Price::ZERO), at(close + 70_000_000));
    assert!(matches!(twice, Err(Reject::MarketState(_))), "{twice:?}");
    assert_eq!(venue.catalogue().market(MarketId(0)).value, Some(Price::ONE));
}

/// With the exchange stopped, an order expires, one market closes, one opens, and staff goes about its work.
#[test]
fn nothing_happens_by_itself_while_the_exchange_is_stopped() {
    let (mut venue, [kept, _]) = venue();
    let owner = Owner { account: kept, subaccount: 0 };
    let next = NewMarket { open: at(300), close: at(400), ..market("KXA", 2) };
    let next = venue.add_market(next, at(0)).unwrap();
    let expiring = |expires| match order(kept, 0, BookSide::Bid, 30, 1) {
        Command::Create(order) => Command::Create(CreateOrder {
            time_in_force: TimeInForce::GoodTillCanceled { expires: Some(at(expires)) },
            ..order
        }),
        other => other,
    };
    venue.apply(expiring(50), at(1)).unwrap();
    venue.apply(expiring(200), at(2)).unwrap();
    venue.apply(order(kept, 1, BookSide::Bid, 40, 1), at(3)).unwrap();
    venue.change_market(MarketId(1), MarketChange::CloseAt(at(250)), at(4)).unwrap();
    let states = |venue: &Venue| {
        let rows = &venue.account(kept).unwrap().records.orders;
        let orders = rows.iter().map(|row| (row.is_resting(), row.updated)).collect::<Vec<_>>();
        (orders, [0, 1, 2, next.0].map(|id| venue.catalogue().market(MarketId(id)).state))
    };
    use MarketState::{Active, Closed, Determined, Finalized, Inactive, Initialized};

    venue.set_active(false, None, at(100));
    let stopped = states(&venue);
    // What was due before the stop has happened when it was due, or at the stop.
    assert_eq!(stopped.0, [(false, at(100)), (true, at(2)), (true, at(3))]);
    assert_eq!(stopped.1, [Active, Active, Active, Initialized]);
    venue.advance(at(500));
    assert_eq!(venue.apply(order(kept, 0, BookSide::Bid, 30, 1), at(501)), Err(Reject::TradingPaused));
    assert_eq!((states(&venue), venue.next_event()), (stopped.clone(), None));

    // Staff pauses, pays in and determines, and nothing expires by it.
    venue.change_market(MarketId(2), MarketChange::Pause, at(510)).unwrap();
    venue.deposit(owner, 0, Money::from_micros(1_000_000), at(520)).unwrap();
    venue.set_active(false, None, at(530));
    assert_eq!(states(&venue), (stopped.0.clone(), [Active, Active, Inactive, Initialized]));
    venue.change_market(MarketId(1), MarketChange::Determine(Price::ONE), at(540)).unwrap();
    let orders = [stopped.0[0], stopped.0[1], (false, at(540))];
    assert_eq!(states(&venue), (orders.to_vec(), [Active, Determined, Inactive, Initialized]));
    // Its settlement is due, and waits.
    let long = 120_000_000;
    venue.advance(at(long));
    assert_eq!(states(&venue).1, [Active, Determined, Inactive, Initialized]);

    venue.set_active(true, None, at(long));
    let orders = [stopped.0[0], (false, at(long)), (false, at(540))];
    assert_eq!(states(&venue), (orders.to_vec(), [Active, Finalized, Inactive, Closed]));
    assert_eq!(venue.catalogue().market(MarketId(1)).settled, Some(at(long)));
    venue.apply(order(kept, 0, BookSide::Bid, 30, 1), at(long + 1)).unwrap();
}

#[test]
fn trading_that_stops_while_the_exchange_is_stopped_cancels_what_asked_for_it() {
    let (mut venue, [kept, _]) = venue();
    let Command::Create(order) = order(kept, 0, BookSide::Bid, 30, 1) else { unreachable!() };
    venue.apply(Command::Create(CreateOrder { cancel_on_pause: true, ..order }), at(1)).unwrap();
    venue.set_active(false, None, at(2));
    assert!(venue.set_trading(0, false, at(3)));
    let row = &venue.account(kept).unwrap().records.orders[0];
    assert_eq!((row.is_resting(), row.updated), (false, at(3)));
}

/// What the venue does, and all that a subscriber of everything hears of it.
fn heard(commands: &[(u8, u32, bool, u8, i64)]) -> Vec<u8> {
    let (mut venue, accounts) = venue();
    let (connection, _) = venue.hub_mut().connect(Some(accounts[0]), at(0));
    let subscribe = r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta","ticker","trade","fill","user_orders","market_positions","market_lifecycle_v2"],"market_tickers":["KXA-1-T0","KXA-1-T1","KXB-1-T0","KXB-1-T1"]}}"#;
    venue.hear(connection, subscribe, at(0));
    for (place, &(who, market, bid, cents, contracts)) in commands.iter().enumerate() {
        let side = if bid { BookSide::Bid } else { BookSide::Ask };
        let account = accounts[usize::from(who)];
        let _ = venue.apply(order(account, market, side, cents, contracts), at(place as i64 * 1_000));
    }
    let mut output = Output::default();
    venue.hub_mut().drain(connection, &mut output);
    output.frames().flat_map(|frame| frame.text.to_vec()).collect()
}

#[test]
fn a_market_whose_close_was_moved_before_its_opening_closes_as_it_opens() {
    let (mut venue, _) = venue();
    let later = NewMarket { open: at(100), ..market("KXA", 7) };
    let id = venue.add_market(later, at(0)).unwrap();
    venue.change_market(id, MarketChange::CloseAt(at(50)), at(1)).unwrap();
    venue.advance(at(60));
    assert_eq!(venue.catalogue().market(id).state, MarketState::Initialized);
    venue.advance(at(200));
    assert_eq!(venue.catalogue().market(id).state, MarketState::Closed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_same_commands_are_heard_byte_for_byte(
        commands in prop::collection::vec((0..2_u8, 0..4_u32, any::<bool>(), 1..100_u8, 1..50_i64), 1..60),
    ) {
        let first = heard(&commands);
        prop_assert!(!first.is_empty());
        prop_assert_eq!(first, heard(&commands));
    }

    /// Open interest is what all holders of YES hold, whoever keeps a history, and the summary is the book's.
    #[test]
    fn figures_of_a_market_are_those_of_its_engine(
        commands in prop::collection::vec((0..2_u8, 0..4_u32, any::<bool>(), 1..100_u8, 1..50_i64), 1..60),
    ) {
        let (mut venue, accounts) = venue();
        for (place, (who, market, bid, cents, contracts)) in commands.into_iter().enumerate() {
            let side = if bid { BookSide::Bid } else { BookSide::Ask };
            let _ = venue.apply(order(accounts[usize::from(who)], market, side, cents, contracts), at(place as i64));
        }
        for id in (0..4).map(MarketId) {
            let row = venue.catalogue().market(id);
            let engine = venue.engine(row.shard).unwrap();
            prop_assert_eq!(Some(row.open_interest), engine.open_interest(MarketId(row.local)));
            let (bid, ask) = venue.best(id);
            prop_assert_eq!((row.quote.bid, row.quote.ask), (bid, ask));
        }
    }
}
