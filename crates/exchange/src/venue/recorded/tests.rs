use daybook_book::{Delta, Money, Price, Quantity, Snapshot, Ticker, Trade};
use proptest::prelude::*;

use super::*;
use crate::{
    engine::{AccountId, Command, CreateOrder, OrderId, OrderReceipt, Receipt, Reject, TimeInForce},
    venue::{MarketChange, NewEvent, series_record},
};

const TICKER: &str = "KXBTC15M-26AUG121045-45";

fn at(micros: i64) -> ExchangeTime {
    ExchangeTime::from_micros(1_786_400_000_000_000 + micros)
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn contracts(text: &str) -> Quantity {
    text.parse().unwrap()
}

/// A replay of one market, and two traders with a thousand dollars each.
struct Scene {
    venue: Venue,
    market: MarketId,
    traders: [Owner; 2],
    now: i64,
}

impl Scene {
    /// Whose book is 0.40 × 10, 0.38 × 20 for YES and 0.50 × 10, 0.45 × 30 for NO: YES is offered at 0.50 and 0.55.
    fn new() -> Scene {
        let mut scene = Scene::unknown();
        scene.snapshot(&[("0.38", "20"), ("0.40", "10")], &[("0.45", "30"), ("0.50", "10")]);
        scene
    }

    fn unknown() -> Scene {
        let mut venue = Venue::of_record(Settings { start: at(0), ..Settings::default() });
        venue.add_series(series_record("KXBTC15M", "Crypto", "fifteen_min")).unwrap();
        let event = NewEvent {
            ticker: "KXBTC15M-26AUG121045".into(),
            series: "KXBTC15M".into(),
            title: "An event".to_owned(),
            sub_title: String::new(),
            collateral_return: None,
            strike_date: None,
        };
        venue.add_event(event, at(0)).unwrap();
        let ticker: Ticker = TICKER.parse().unwrap();
        let market = NewMarket::new(ticker, "KXBTC15M-26AUG121045".into(), at(0), at(900_000_000));
        let market = venue.add_recorded_market(market, RecordContents::default(), at(0)).unwrap();
        let traders = [0, 1].map(|_| {
            let account = venue.open_account(NewAccount::default(), at(0));
            let owner = Owner { account, subaccount: 0 };
            venue.deposit(owner, 0, Money::from_micros(1_000_000_000), at(0)).unwrap();
            owner
        });
        Scene { venue, market, traders, now: 0 }
    }

    fn tick(&mut self) -> ExchangeTime {
        self.now += 1_000_000;
        at(self.now)
    }

    fn replay(&mut self, event: &Event<'_>) -> bool {
        let now = event.ts().unwrap_or(at(self.now));
        self.venue.replay(self.market, event, None, now)
    }

    fn snapshot(&mut self, yes: &[(&str, &str)], no: &[(&str, &str)]) {
        let levels = |levels: &[(&str, &str)]| levels.iter().map(|&(at, size)| (price(at), contracts(size))).collect();
        let ts = Some(self.tick());
        let (yes, no) = (levels(yes), levels(no));
        let book = Snapshot { ticker: TICKER.into(), market_id: "".into(), ts, clock: None, yes, no };
        assert!(self.replay(&Event::Snapshot(book)));
    }

    fn delta(&mut self, side: Side, level: &str, change: &str) {
        self.tick();
        self.delta_now(side, level, change);
    }

    /// At the time of what came last.
    fn delta_now(&mut self, side: Side, level: &str, change: &str) {
        let delta = Delta {
            ticker: TICKER.into(),
            market_id: "".into(),
            ts: Some(at(self.now)),
            clock: None,
            side,
            price: price(level),
            quantity: contracts(change),
        };
        assert!(self.replay(&Event::Delta(delta)), "{side:?} {level} {change}");
    }

    fn trade(&mut self, yes: &str, count: &str, taker: Side) {
        self.tick();
        self.trade_now(yes, count, taker);
    }

    fn trade_now(&mut self, yes: &str, count: &str, taker: Side) {
        let trade = Trade {
            ticker: TICKER.into(),
            trade_id: "".into(),
            ts: Some(at(self.now)),
            yes_price: price(yes),
            no_price: price(yes).complement(),
            count: contracts(count),
            taker_side: Some(taker),
            taker_outcome_side: None,
            taker_book_side: None,
            is_block_trade: None,
        };
        self.replay(&Event::Trade(trade));
    }

    fn order(&self, trader: usize, side: BookSide, limit: &str, count: &str) -> CreateOrder {
        CreateOrder::limit(self.traders[trader], self.market, side, price(limit), contracts(count))
    }

    fn place(&mut self, order: CreateOrder) -> Result<OrderReceipt, Reject> {
        let now = self.tick();
        self.venue.apply_on(0, Command::Create(order), now).map(|receipt| match receipt {
            Receipt::Order(order) => order,
            other => panic!("{other:?}"),
        })
    }

    fn bid(&mut self, limit: &str, count: &str) -> OrderReceipt {
        let order = self.order(0, BookSide::Bid, limit, count);
        self.place(order).unwrap()
    }

    /// What is filled of an order so far.
    fn filled(&self, order: OrderId) -> String {
        let orders = self.traders.iter().filter_map(|owner| self.venue.account(owner.account)?.records.order(order));
        orders.map(|row| row.report.filled.to_string()).next().unwrap()
    }

    fn ahead(&self, order: OrderId) -> String {
        self.venue.queue_position(order).unwrap().to_string()
    }

    fn book(&self) -> Book {
        self.venue.true_book(self.market).unwrap().book
    }

    fn position(&self, trader: usize) -> i64 {
        let owner = self.traders[trader];
        let position = self.venue.engine(0).unwrap().position(owner, MarketId(0));
        position.map_or(0, |position| position.position.hundredths())
    }
}

#[test]
fn a_taker_walks_the_displayed_book_and_history_stays() {
    let mut scene = Scene::new();
    let before = scene.book();
    let bought = scene.bid("0.55", "25");
    // Ten at 0.50 and fifteen at 0.55.
    assert_eq!((bought.filled, bought.value), (contracts("25"), "13.25".parse().unwrap()));
    assert_eq!(scene.book(), before);
    // What was taken is not there a second time, though it is displayed.
    let again = scene.bid("0.55", "25");
    assert_eq!((again.filled, again.remaining), (contracts("15"), contracts("10")));
    assert_eq!(scene.venue.true_book(scene.market).unwrap().book, before);
}

#[test]
fn what_was_taken_is_there_again_when_the_record_brings_more() {
    let mut scene = Scene::new();
    assert_eq!(scene.bid("0.50", "10").filled, contracts("10"));
    scene.delta(Side::No, "0.50", "4");
    assert_eq!(scene.bid("0.50", "10").filled, contracts("4"));
    // The level shrinks below what was taken, and grows again: that is new.
    let mut scene = Scene::new();
    assert_eq!(scene.bid("0.50", "10").filled, contracts("10"));
    scene.delta(Side::No, "0.50", "-10");
    scene.delta(Side::No, "0.50", "6");
    assert_eq!(scene.bid("0.50", "10").filled, contracts("6"));
}

#[test]
fn a_resting_order_waits_for_what_was_displayed_before_it() {
    let mut scene = Scene::new();
    let order = scene.bid("0.40", "5").order;
    assert_eq!(scene.ahead(order), "10.00");
    // Whoever sold YES at 0.40 took six of the ten before it; the level's change says the same once more.
    scene.trade("0.40", "6", Side::No);
    scene.delta_now(Side::Yes, "0.40", "-6");
    assert_eq!((scene.ahead(order), scene.filled(order)), ("4.00".to_owned(), "0.00".to_owned()));
    // Those who came later are behind it.
    scene.delta(Side::Yes, "0.40", "100");
    assert_eq!(scene.ahead(order), "4.00");
    // The change comes before its trade, and counts once.
    scene.delta(Side::Yes, "0.40", "-7");
    scene.trade_now("0.40", "7", Side::No);
    assert_eq!((scene.ahead(order), scene.filled(order)), ("0.00".to_owned(), "3.00".to_owned()));
    scene.trade("0.40", "50", Side::No);
    assert_eq!(scene.filled(order), "5.00");
    assert_eq!(scene.position(0), 500);
}

#[test]
fn a_change_before_its_trade_moves_the_last_in_line_once() {
    let mut scene = Scene::new();
    let order = scene.bid("0.40", "5").order;
    // It is the last: a change of the level moves it up whatever it was.
    scene.delta(Side::Yes, "0.40", "-6");
    assert_eq!(scene.ahead(order), "4.00");
    scene.trade_now("0.40", "6", Side::No);
    assert_eq!((scene.ahead(order), scene.filled(order)), ("4.00".to_owned(), "0.00".to_owned()));
    // A cancellation moved it up; a trade a second later is another happening.
    scene.delta(Side::Yes, "0.40", "-2");
    scene.trade("0.40", "3", Side::No);
    assert_eq!((scene.ahead(order), scene.filled(order)), ("0.00".to_owned(), "1.00".to_owned()));
}

#[test]
fn cancellations_are_behind_it_as_long_as_they_can_be() {
    let mut scene = Scene::new();
    let order = scene.bid("0.40", "5").order;
    scene.delta(Side::Yes, "0.40", "8");
    scene.delta(Side::Yes, "0.40", "-8");
    assert_eq!(scene.ahead(order), "10.00");
    scene.delta(Side::Yes, "0.40", "-9");
    assert_eq!(scene.ahead(order), "1.00");
}

#[test]
fn a_better_price_trades_first_and_a_worse_one_not_at_all() {
    let mut scene = Scene::new();
    let better = scene.bid("0.42", "5").order;
    let worse = scene.bid("0.38", "5").order;
    assert_eq!(scene.ahead(better), "0.00");
    // Before it: ten at 0.40, its own five at 0.42, and twenty at its price.
    assert_eq!(scene.ahead(worse), "35.00");
    scene.trade("0.40", "3", Side::No);
    assert_eq!((scene.filled(better), scene.filled(worse)), ("3.00".to_owned(), "0.00".to_owned()));
    // At its own price, not at that of the record.
    assert_eq!(scene.venue.engine(0).unwrap().cash(scene.traders[0]).total, "998.74".parse().unwrap());
    // A buyer of YES meets bids for NO.
    scene.trade("0.38", "50", Side::Yes);
    assert_eq!((scene.filled(better), scene.filled(worse)), ("3.00".to_owned(), "0.00".to_owned()));
}

#[test]
fn what_arrives_within_reach_fills_at_the_own_price() {
    let mut scene = Scene::new();
    let order = scene.bid("0.45", "10").order;
    // Somebody offers YES at 0.44: bids 0.56 for NO.
    scene.delta(Side::No, "0.56", "4");
    assert_eq!(scene.filled(order), "4.00");
    // That is taken, and not there again for another order.
    let other = scene.order(1, BookSide::Bid, "0.45", "10");
    assert_eq!(scene.place(other).unwrap().filled, contracts("0"));
    // A whole book that is within reach.
    scene.snapshot(&[], &[("0.56", "9")]);
    assert_eq!(scene.filled(order), "9.00");
}

#[test]
fn options_of_orders_see_the_record() {
    let mut scene = Scene::new();
    let post_only = CreateOrder { post_only: true, ..scene.order(0, BookSide::Bid, "0.50", "1") };
    assert_eq!(scene.place(post_only.clone()), Err(Reject::PostOnlyCross));
    let fill_or_kill = |scene: &Scene, count: &str| CreateOrder {
        time_in_force: TimeInForce::FillOrKill,
        ..scene.order(0, BookSide::Bid, "0.50", count)
    };
    let too_much = fill_or_kill(&scene, "11");
    assert_eq!(scene.place(too_much), Err(Reject::NotFillable));
    let enough = fill_or_kill(&scene, "10");
    assert_eq!(scene.place(enough).unwrap().filled, contracts("10"));
    // Though all of the level was taken, it is displayed.
    assert_eq!(scene.place(post_only), Err(Reject::PostOnlyCross));
    let ioc =
        CreateOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..scene.order(0, BookSide::Ask, "0.40", "12") };
    let sold = scene.place(ioc).unwrap();
    assert_eq!((sold.filled, sold.canceled), (contracts("10"), contracts("2")));
}

#[test]
fn a_smaller_order_keeps_its_place_and_a_larger_one_does_not() {
    let mut scene = Scene::new();
    let order = scene.bid("0.40", "5").order;
    scene.delta(Side::Yes, "0.40", "20");
    let amend = |scene: &mut Scene, count: &str| {
        let command = Command::Amend {
            owner: scene.traders[0],
            order,
            market: scene.market,
            side: BookSide::Bid,
            price: price("0.40"),
            count: contracts(count),
            expires: None,
            client_order_id: None,
        };
        let now = scene.tick();
        scene.venue.apply_on(0, command, now).unwrap();
    };
    amend(&mut scene, "3");
    assert_eq!(scene.ahead(order), "10.00");
    amend(&mut scene, "4");
    assert_eq!(scene.ahead(order), "30.00");
}

#[test]
fn own_orders_meet_each_other_and_then_the_record() {
    let mut scene = Scene::new();
    let resting = scene.bid("0.45", "4").order;
    let sell = scene.order(1, BookSide::Ask, "0.40", "10");
    let sold = scene.place(sell).unwrap();
    // Four at 0.45 from the other trader, six at 0.40 from the record.
    assert_eq!((sold.filled, sold.value), (contracts("10"), "4.2".parse().unwrap()));
    assert_eq!(scene.filled(resting), "4.00");
}

#[test]
fn positions_are_settled_by_the_result() {
    let mut scene = Scene::new();
    scene.bid("0.50", "10");
    let cash = |scene: &Scene| scene.venue.engine(0).unwrap().cash(scene.traders[0]).total;
    let before = cash(&scene);
    let now = scene.tick();
    scene.venue.change_market(scene.market, MarketChange::Determine(Price::ONE), now).unwrap();
    scene.venue.advance(at(2_000_000_000));
    assert_eq!(cash(&scene) - before, "10".parse().unwrap());
}

#[test]
fn a_book_that_is_not_known_is_neither_shown_nor_taken() {
    let mut scene = Scene::unknown();
    assert!(!scene.venue.true_book(scene.market).unwrap().is_known);
    scene.snapshot(&[("0.40", "10")], &[("0.50", "10")]);
    assert!(scene.venue.is_book_known(scene.market));
    let now = scene.tick();
    scene.venue.lose_book(scene.market, now);
    assert!(!scene.venue.is_book_known(scene.market));
    assert_eq!(scene.venue.best(scene.market), ((Price::ZERO, Quantity::ZERO), (Price::ONE, Quantity::ZERO)));
    assert_eq!(scene.bid("0.60", "5").filled, Quantity::ZERO);
}

#[test]
fn nobody_trades_with_history_while_the_exchange_stands_still() {
    for stops in [true, false] {
        let mut scene = Scene::new();
        let order = scene.bid("0.42", "5").order;
        let now = scene.tick();
        if stops {
            scene.venue.set_active(false, None, now);
        } else {
            scene.venue.set_trading(0, false, now);
        }
        scene.trade("0.40", "3", Side::No);
        assert_eq!(scene.filled(order), "0.00");
        let now = scene.tick();
        scene.venue.set_active(true, None, now);
        scene.venue.set_trading(0, true, now);
        scene.trade("0.40", "3", Side::No);
        assert_eq!(scene.filled(order), "3.00");
    }
}

#[test]
fn who_took_a_level_is_behind_it_all_the_same() {
    let mut scene = Scene::new();
    let sell = scene.order(0, BookSide::Ask, "0.40", "10");
    assert_eq!(scene.place(sell).unwrap().filled, contracts("10"));
    let order = scene.order(1, BookSide::Bid, "0.40", "5");
    let order = scene.place(order).unwrap().order;
    assert_eq!(scene.ahead(order), "10.00");
    scene.trade("0.40", "10", Side::No);
    assert_eq!((scene.ahead(order), scene.filled(order)), ("0.00".to_owned(), "0.00".to_owned()));
}

#[test]
fn candlesticks_know_no_quote_from_before_or_within_a_gap() {
    let mut scene = Scene::unknown();
    scene.trade("0.45", "1", Side::Yes);
    scene.snapshot(&[("0.40", "10")], &[("0.50", "10")]);
    scene.delta(Side::Yes, "0.41", "1");
    let now = scene.tick();
    scene.venue.lose_book(scene.market, now);
    scene.delta(Side::Yes, "0.41", "-1");
    scene.snapshot(&[("0.42", "10")], &[("0.50", "10")]);
    let row = scene.venue.catalogue().market(scene.market);
    let candles = row.candles.as_ref().unwrap().between(crate::venue::Period::Minute, 0, u32::MAX);
    let [candle] = candles[..] else { panic!("{candles:?}") };
    assert_eq!((candle.bid.open, candle.bid.low, candle.bid.close), (price("0.40"), price("0.40"), price("0.42")));
    assert_eq!((candle.ask.low, candle.ask.high), (price("0.50"), price("0.50")));
}

#[test]
fn what_a_market_is_about_is_told_when_it_is_known() {
    let mut scene = Scene::unknown();
    let now = scene.tick();
    let (connection, _wake) = scene.venue.hub_mut().connect(Some(scene.traders[0].account), now);
    let subscribe = r#"{"id":1,"cmd":"subscribe","params":{"channels":["market_lifecycle_v2"]}}"#;
    scene.venue.hear(connection, subscribe, now);
    let revealed = Revealed {
        strike: crate::venue::Strike::Greater(44_139_600),
        yes_sub_title: "Above".to_owned(),
        title: "Gold".to_owned(),
        ..Revealed::default()
    };
    scene.venue.reveal(scene.market, &revealed, now);
    let mut output = feed::Output::new();
    scene.venue.hub_mut().drain(connection, &mut output);
    let frames: Vec<_> = output.frames().map(|frame| String::from_utf8_lossy(frame.text).into_owned()).collect();
    let told = frames.last().unwrap();
    assert!(told.contains("metadata_updated") && told.contains("4413.96") && told.contains("Above"), "{frames:?}");
    let market = scene.venue.market_record(scene.market, now);
    assert_eq!((market.yes_sub_title.as_str(), market.title.as_deref()), ("Above", Some("Gold")));
    assert_eq!(market.yes_bid_dollars, None, "of a book that is not known nothing is said");
}

#[test]
fn a_record_without_clocks_is_told_without_clocks() {
    let mut scene = Scene::new();
    let now = scene.tick();
    let (connection, _wake) = scene.venue.hub_mut().connect(Some(scene.traders[0].account), now);
    let params = format!(r#"{{"channels":["orderbook_delta"],"market_ticker":"{TICKER}"}}"#);
    scene.venue.hear(connection, &format!(r#"{{"id":1,"cmd":"subscribe","params":{params}}}"#), now);
    scene.delta(Side::Yes, "0.40", "1");
    let mut output = feed::Output::new();
    scene.venue.hub_mut().drain(connection, &mut output);
    let frames: Vec<_> = output.frames().map(|frame| String::from_utf8_lossy(frame.text).into_owned()).collect();
    assert_eq!(frames.len(), 3);
    assert!(frames.iter().all(|frame| !frame.contains("clock")), "{frames:?}");
}

#[test]
fn a_successor_has_the_accounts_with_what_came_from_outside() {
    let mut scene = Scene::new();
    scene.bid("0.50", "10");
    let users = scene.traders.map(|owner| scene.venue.user(owner.account));
    let mut next = Scene::unknown().venue;
    next.accounts.truncate(1);
    next.deposits.truncate(1);
    next.succeed(&mut scene.venue);
    for (owner, user) in scene.traders.into_iter().zip(users) {
        assert_eq!(next.user(owner.account), user);
        assert_eq!(next.engine(0).unwrap().cash(owner).total, "2000".parse().unwrap(), "what the scene gave it, twice");
    }
    assert_eq!(next.accounts(), 3);
    assert_eq!(next.engine(0).unwrap().position(scene.traders[0], MarketId(0)), None);
}

/// What happens in a random replay.
#[derive(Clone, Debug)]
enum Step {
    Delta { side: Side, cents: u8, change: i64 },
    Trade { cents: u8, count: i64, taker: Side },
    Order { trader: usize, side: BookSide, cents: u8, count: i64, rests: bool },
    Cancel { trader: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let side = || prop_oneof![Just(Side::Yes), Just(Side::No)];
    let book_side = prop_oneof![Just(BookSide::Bid), Just(BookSide::Ask)];
    prop_oneof![
        4 => (side(), 30u8..70, -2_000i64..3_000).prop_map(|(side, cents, change)| Step::Delta { side, cents, change }),
        3 => (30u8..70, 1i64..3_000, side()).prop_map(|(cents, count, taker)| Step::Trade { cents, count, taker }),
        3 => (0usize..2, book_side, 30u8..70, 1i64..3_000, any::<bool>()).prop_map(
            |(trader, side, cents, count, rests)| Step::Order { trader, side, cents, count, rests }
        ),
        1 => (0usize..2).prop_map(|trader| Step::Cancel { trader }),
    ]
}

proptest! {
    #[test]
    fn whoever_trades_history_stays_and_nothing_is_made_of_nothing(steps in prop::collection::vec(step(), 1..120)) {
        let mut scene = Scene::new();
        let mut told = scene.book();
        let mut traded: i64 = 0;
        let mut offered: i64 = 30 * 100 + 40 * 100;
        for step in steps {
            match step {
                Step::Delta { side, cents, change } => {
                    let level = Price::from_cents(cents).unwrap();
                    let change = change.max(-told.level(side, level).hundredths());
                    if change != 0 {
                        told.apply(side, level, Quantity::from_hundredths(change)).unwrap();
                        offered += change.max(0);
                        let change = Quantity::from_hundredths(change).to_string();
                        scene.delta(side, &level.to_string(), &change);
                    }
                }
                Step::Trade { cents, count, taker } => {
                    traded += count;
                    let (level, count) = (Price::from_cents(cents).unwrap(), Quantity::from_hundredths(count));
                    scene.trade(&level.to_string(), &count.to_string(), taker);
                }
                Step::Order { trader, side, cents, count, rests } => {
                    let (level, count) = (Price::from_cents(cents).unwrap(), Quantity::from_hundredths(count));
                    let mut order = scene.order(trader, side, &level.to_string(), &count.to_string());
                    if !rests {
                        order.time_in_force = TimeInForce::ImmediateOrCancel;
                    }
                    // The trader may have run out of money.
                    let _ = scene.place(order);
                }
                Step::Cancel { trader } => {
                    let now = scene.tick();
                    let account = scene.traders[trader].account;
                    scene.venue.apply(Command::CancelAll { account, subaccount: None }, now).unwrap();
                }
            }
            // Nobody sees anything but history.
            prop_assert_eq!(&scene.book(), &told);
            let record = scene.venue.record.as_ref().unwrap();
            let market = &record.markets[0];
            for taken in &market.taken {
                prop_assert!(taken_fits(&told, taken));
            }
            // The engine has own orders only, each of which is in the queue.
            let engine = scene.venue.engine(0).unwrap();
            prop_assert_eq!(engine.open_orders(record.house).count(), 0);
            let open: usize = scene.traders.iter().map(|&owner| engine.open_orders(owner).count()).sum();
            prop_assert_eq!(market.queue.len(), open);
            for queued in &market.queue {
                prop_assert!(queued_fits(&told, queued));
            }
        }
        // Own fills come from what was displayed, from what traded, and from each other.
        let volume = |trader: usize| {
            let owner = scene.traders[trader];
            let position = scene.venue.engine(0).unwrap().position(owner, MarketId(0));
            position.map_or(0, |position| position.volume.hundredths())
        };
        let house = scene.venue.record.as_ref().unwrap().house;
        let against = scene.venue.engine(0).unwrap().position(house, MarketId(0));
        let against = against.map_or(0, |position| position.volume.hundredths());
        prop_assert!(against <= offered + traded, "{against} of {offered} and {traded}");
        prop_assert!(volume(0) + volume(1) >= against);
        let held: i64 = (0..2).map(|trader| scene.position(trader)).sum();
        let house = scene.venue.engine(0).unwrap().position(house, MarketId(0));
        prop_assert_eq!(held + house.map_or(0, |position| position.position.hundredths()), 0);
    }
}

fn taken_fits(book: &Book, taken: &Taken) -> bool {
    let (side, price) = taken.level;
    (1..=book.level(side, price).hundredths()).contains(&taken.contracts)
}

fn queued_fits(book: &Book, queued: &Queued) -> bool {
    let (side, price) = queued.level;
    (0..=book.level(side, price).hundredths()).contains(&queued.ahead)
}

#[test]
fn the_counterparty_is_the_first_account() {
    let venue = Venue::of_record(Settings::default());
    assert_eq!(venue.record.unwrap().house.account, AccountId(0));
}
