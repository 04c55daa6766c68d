//! One rule, one test.

use daybook_book::{ExchangeTime, Money, Price, Quantity, Side};

use super::super::*;

const ANN: Owner = Owner { account: AccountId(1), subaccount: 0 };
const ANN_TWO: Owner = Owner { account: AccountId(1), subaccount: 2 };
const BOB: Owner = Owner { account: AccountId(2), subaccount: 0 };
const CAT: Owner = Owner { account: AccountId(3), subaccount: 0 };
const M: MarketId = MarketId(0);

/// An engine with one open market, and what the last command said.
struct Desk {
    engine: Engine,
    now: i64,
    effects: Vec<Effect>,
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn count(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn seconds(seconds: i64) -> ExchangeTime {
    ExchangeTime::from_micros(seconds * 1_000_000)
}

/// An order that rests until it is cancelled, and gives way to nobody.
fn order(owner: Owner, side: BookSide, at: &str, size: &str) -> CreateOrder {
    CreateOrder::limit(owner, M, side, price(at), count(size))
}

fn bid(owner: Owner, at: &str, size: &str) -> CreateOrder {
    order(owner, BookSide::Bid, at, size)
}

fn ask(owner: Owner, at: &str, size: &str) -> CreateOrder {
    order(owner, BookSide::Ask, at, size)
}

fn immediate(order: CreateOrder) -> CreateOrder {
    CreateOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..order }
}

fn all_or_nothing(order: CreateOrder) -> CreateOrder {
    CreateOrder { time_in_force: TimeInForce::FillOrKill, ..order }
}

impl Desk {
    /// Everyone has $100, and nobody pays fees.
    fn new() -> Desk {
        Desk::with(FeeRule::FREE)
    }

    fn with(fees: FeeRule) -> Desk {
        let mut desk = Desk { engine: Engine::new(), now: 0, effects: Vec::new() };
        assert_eq!(desk.engine.add_market(MarketRules { grid: PriceGrid::linear_cent(), fees }), M);
        desk.market(MarketAction::Open).unwrap();
        for owner in [ANN, ANN_TWO, BOB, CAT] {
            desk.transfer(owner, "100").unwrap();
        }
        desk
    }

    fn apply(&mut self, command: Command) -> Result<Receipt, Reject> {
        self.effects.clear();
        self.engine.apply(command, ExchangeTime::from_micros(self.now), &mut self.effects)
    }

    fn create(&mut self, order: CreateOrder) -> Result<OrderReceipt, Reject> {
        self.apply(Command::Create(order)).map(|receipt| *receipt.order().unwrap())
    }

    /// Places an order that rests as a whole.
    fn rest(&mut self, order: CreateOrder) -> OrderId {
        let receipt = self.create(order).unwrap();
        assert!(receipt.filled.is_zero() && receipt.canceled.is_zero());
        receipt.order
    }

    fn market(&mut self, action: MarketAction) -> Result<Receipt, Reject> {
        self.apply(Command::Market { market: M, action })
    }

    fn transfer(&mut self, owner: Owner, amount: &str) -> Result<Receipt, Reject> {
        self.apply(Command::Transfer { owner, amount: money(amount) })
    }

    fn group(&mut self, owner: Owner, group: GroupId, action: GroupAction) -> Result<Receipt, Reject> {
        self.apply(Command::Group { owner, group, action })
    }

    fn new_group(&mut self, owner: Owner, limit: &str) -> GroupId {
        match self.group(owner, GroupId(0), GroupAction::Create { limit: count(limit) }).unwrap() {
            Receipt::Group(group) => group,
            other => panic!("{other:?}"),
        }
    }

    fn amend(&mut self, id: OrderId, at: &str, size: &str) -> Result<OrderReceipt, Reject> {
        let old = self.engine.order(id).ok_or(Reject::OrderNotFound)?;
        let amend = Command::Amend {
            owner: old.owner,
            order: id,
            market: M,
            side: old.side,
            price: price(at),
            count: count(size),
            expires: None,
            client_order_id: None,
        };
        self.apply(amend).map(|receipt| *receipt.order().unwrap())
    }

    /// Price, size, and who rested, of the trades of the last command.
    fn trades(&self) -> Vec<(String, String, Owner)> {
        let fills = self.effects.iter().filter_map(|effect| match effect {
            Effect::Fill(fill) if !fill.is_taker => Some((fill.price.to_string(), fill.count.to_string(), fill.owner)),
            _ => None,
        });
        fills.collect()
    }

    /// Orders that the last command reported, with why.
    fn reasons(&self) -> Vec<(OrderId, OrderStatus, UpdateReason)> {
        let orders = self.effects.iter().filter_map(|effect| match effect {
            Effect::Order(order) => Some((order.order, order.status, order.reason)),
            _ => None,
        });
        orders.collect()
    }

    fn levels(&self, side: Side) -> Vec<(String, String)> {
        self.engine.levels(M, side).map(|(price, size)| (price.to_string(), size.to_string())).collect()
    }

    fn cash(&self, owner: Owner) -> (String, String) {
        let cash = self.engine.cash(owner);
        (cash.total.to_string(), cash.reserved.to_string())
    }

    fn position(&self, owner: Owner) -> PositionReport {
        self.engine.position(owner, M).unwrap()
    }
}

fn trade(at: &str, size: &str, maker: Owner) -> (String, String, Owner) {
    (at.to_owned(), size.to_owned(), maker)
}

fn texts(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn the_better_price_trades_first_then_the_earlier_order() {
    let mut desk = Desk::new();
    desk.rest(ask(BOB, "0.53", "1"));
    desk.rest(ask(BOB, "0.52", "2"));
    desk.rest(ask(CAT, "0.52", "3"));
    desk.rest(ask(CAT, "0.55", "1"));
    // A YES bid at p meets NO bids at 1 − p, and trades at what rested.
    assert_eq!(desk.levels(Side::No), [texts("0.4800", "5.00"), texts("0.4700", "1.00"), texts("0.4500", "1.00")]);
    let receipt = desk.create(bid(ANN, "0.54", "7")).unwrap();
    assert_eq!(
        desk.trades(),
        [trade("0.5200", "2.00", BOB), trade("0.5200", "3.00", CAT), trade("0.5300", "1.00", BOB)]
    );
    assert_eq!((receipt.filled, receipt.remaining, receipt.value), (count("6"), count("1"), money("3.13")));
    assert_eq!(desk.levels(Side::Yes), [texts("0.5400", "1.00")]);
    assert_eq!(desk.levels(Side::No), [texts("0.4500", "1.00")]);
}

#[test]
fn a_taker_stops_at_its_own_user_s_order() {
    let mut desk = Desk::new();
    desk.rest(ask(BOB, "0.50", "1"));
    let own = desk.rest(ask(ANN_TWO, "0.51", "1"));
    desk.rest(ask(BOB, "0.52", "1"));
    let receipt = desk.create(bid(ANN, "0.60", "3")).unwrap();
    assert_eq!(desk.trades(), [trade("0.5000", "1.00", BOB)]);
    assert_eq!((receipt.filled, receipt.remaining, receipt.canceled), (count("1"), count("0"), count("2")));
    let last = *desk.reasons().last().unwrap();
    assert_eq!(last, (receipt.order, OrderStatus::Canceled, UpdateReason::SelfTradeCancel));
    assert!(desk.engine.order(own).is_some());
}

#[test]
fn a_maker_gives_way_to_its_own_user_s_order() {
    let mut desk = Desk::new();
    let own = desk.rest(ask(ANN_TWO, "0.51", "1"));
    desk.rest(ask(BOB, "0.52", "1"));
    let receipt = desk.create(CreateOrder { self_trade: SelfTrade::Maker, ..bid(ANN, "0.60", "3") }).unwrap();
    assert_eq!(desk.reasons()[0], (own, OrderStatus::Canceled, UpdateReason::SelfTradeCancel));
    assert_eq!(desk.trades(), [trade("0.5200", "1.00", BOB)]);
    assert_eq!(receipt.remaining, count("2"));
}

#[test]
fn fill_or_kill_is_all_or_nothing_unless_it_meets_itself() {
    let mut desk = Desk::new();
    desk.rest(ask(BOB, "0.50", "1"));
    desk.rest(ask(CAT, "0.51", "1"));
    assert_eq!(desk.create(all_or_nothing(bid(ANN, "0.51", "2.01"))), Err(Reject::NotFillable));
    assert_eq!(desk.create(all_or_nothing(bid(ANN, "0.50", "2"))), Err(Reject::NotFillable));
    assert!(desk.effects.is_empty());
    assert_eq!(desk.create(all_or_nothing(bid(ANN, "0.51", "2"))).unwrap().filled, count("2"));
    desk.rest(ask(BOB, "0.50", "1"));
    desk.rest(ask(ANN_TWO, "0.51", "1"));
    let receipt = desk.create(all_or_nothing(bid(ANN, "0.51", "2"))).unwrap();
    assert_eq!((receipt.filled, receipt.canceled), (count("1"), count("1")));
}

#[test]
fn immediate_or_cancel_leaves_nothing() {
    let mut desk = Desk::new();
    desk.rest(ask(BOB, "0.50", "1"));
    let receipt = desk.create(immediate(bid(ANN, "0.50", "5"))).unwrap();
    assert_eq!((receipt.filled, receipt.remaining, receipt.canceled), (count("1"), count("0"), count("4")));
    assert_eq!(*desk.reasons().last().unwrap(), (receipt.order, OrderStatus::Canceled, UpdateReason::Cancel));
    assert!(desk.engine.book(M).unwrap().is_empty());
    let nothing = desk.create(immediate(bid(ANN, "0.50", "5"))).unwrap();
    assert_eq!((nothing.filled, nothing.canceled), (count("0"), count("5")));
    assert_eq!(desk.effects.len(), 1, "an order that did nothing is reported, and nothing else");
}

#[test]
fn post_only_never_takes() {
    let mut desk = Desk::new();
    desk.rest(ask(BOB, "0.50", "1"));
    let post = |at| CreateOrder { post_only: true, ..bid(ANN, at, "1") };
    assert_eq!(desk.create(post("0.50")), Err(Reject::PostOnlyCross));
    let id = desk.rest(post("0.49"));
    assert_eq!(desk.amend(id, "0.50", "1"), Err(Reject::PostOnlyCross));
    assert!(desk.effects.is_empty());
    assert!(matches!(desk.create(immediate(post("0.49"))), Err(Reject::InvalidOrder(_))));
}

#[test]
fn reduce_only_closes_no_more_than_the_position() {
    let mut desk = Desk::new();
    let reduce = |order| immediate(CreateOrder { reduce_only: true, ..order });
    assert_eq!(desk.create(reduce(ask(ANN, "0.50", "5"))), Err(Reject::NothingToReduce));
    desk.rest(ask(BOB, "0.50", "3"));
    desk.create(bid(ANN, "0.50", "3")).unwrap();
    desk.rest(bid(BOB, "0.49", "10"));
    assert_eq!(desk.create(reduce(bid(ANN, "0.50", "5"))), Err(Reject::NothingToReduce));
    let receipt = desk.create(reduce(ask(ANN, "0.40", "5"))).unwrap();
    assert_eq!((receipt.filled, receipt.canceled), (count("3"), count("2")));
    assert_eq!(*desk.reasons().last().unwrap(), (receipt.order, OrderStatus::Canceled, UpdateReason::ReduceOnlyCancel));
    assert!(desk.position(ANN).position.is_zero());
    let resting = CreateOrder { reduce_only: true, ..ask(ANN, "0.40", "5") };
    assert!(matches!(desk.create(resting), Err(Reject::InvalidOrder(_))));
}

#[test]
fn orders_expire_in_time_whatever_the_command() {
    let mut desk = Desk::new();
    let until = |at| TimeInForce::GoodTillCanceled { expires: Some(seconds(at)) };
    let late = desk.rest(CreateOrder { time_in_force: until(20), ..bid(ANN, "0.40", "1") });
    let soon = desk.rest(CreateOrder { time_in_force: until(10), ..bid(ANN, "0.41", "1") });
    assert_eq!(desk.engine.next_expiry(), Some(seconds(10)));
    desk.now = 9_999_999;
    desk.apply(Command::Advance).unwrap();
    assert!(desk.effects.is_empty());
    desk.now += 1;
    assert_eq!(desk.apply(Command::Cancel { owner: ANN, order: soon }), Err(Reject::OrderNotFound));
    assert_eq!(desk.reasons(), [(soon, OrderStatus::Canceled, UpdateReason::ExpiryCancel)]);
    assert_eq!(desk.engine.next_expiry(), Some(seconds(20)));
    desk.apply(Command::Cancel { owner: ANN, order: late }).unwrap();
    assert_eq!(desk.engine.next_expiry(), None);
    assert_eq!(
        desk.create(CreateOrder { time_in_force: until(10), ..bid(ANN, "0.41", "1") }),
        Err(Reject::InvalidOrder("an order cannot expire before it is placed"))
    );
    desk.now -= 1;
    assert_eq!(desk.apply(Command::Advance), Err(Reject::TimeWentBack));
}

#[test]
fn an_amendment_keeps_its_place_only_if_it_shrinks_in_place() {
    let mut desk = Desk::new();
    let first = desk.rest(bid(ANN, "0.50", "10"));
    let second = desk.rest(bid(BOB, "0.50", "10"));
    let ahead = |desk: &Desk, order| desk.engine.queue_position(order).unwrap().to_string();
    desk.amend(first, "0.50", "4").unwrap();
    assert_eq!((ahead(&desk, first).as_str(), ahead(&desk, second).as_str()), ("0.00", "4.00"));
    desk.amend(first, "0.50", "5").unwrap();
    assert_eq!((ahead(&desk, first).as_str(), ahead(&desk, second).as_str()), ("10.00", "0.00"));
    desk.amend(second, "0.49", "10").unwrap();
    assert_eq!((ahead(&desk, first).as_str(), ahead(&desk, second).as_str()), ("0.00", "5.00"));
    // The count is what is filled already and what is to rest.
    desk.create(ask(CAT, "0.50", "3")).unwrap();
    let receipt = desk.amend(first, "0.50", "4").unwrap();
    assert_eq!((receipt.remaining, receipt.canceled), (count("1"), count("1")));
    assert_eq!(desk.amend(first, "0.50", "3"), Err(Reject::InvalidSize(count("3"))));
    // Another price may trade at once.
    desk.rest(ask(CAT, "0.55", "1"));
    let receipt = desk.amend(first, "0.55", "5").unwrap();
    assert_eq!((receipt.filled, receipt.remaining), (count("1"), count("1")));
    assert_eq!(desk.levels(Side::Yes)[0], texts("0.5500", "1.00"));
}

#[test]
fn an_amendment_of_something_else_is_refused() {
    let mut desk = Desk::new();
    let other = desk.engine.add_market(MarketRules { grid: PriceGrid::linear_cent(), fees: FeeRule::FREE });
    desk.apply(Command::Market { market: other, action: MarketAction::Open }).unwrap();
    let id = desk.rest(bid(ANN, "0.50", "10"));
    let mut amend = |owner, market, side, at: &str| {
        desk.apply(Command::Amend {
            owner,
            order: id,
            market,
            side,
            price: price(at),
            count: count("10"),
            expires: None,
            client_order_id: None,
        })
    };
    assert_eq!(amend(ANN, other, BookSide::Bid, "0.50"), Err(Reject::TickerMismatch));
    assert_eq!(amend(ANN, M, BookSide::Ask, "0.50"), Err(Reject::SideMismatch));
    assert_eq!(amend(ANN_TWO, M, BookSide::Bid, "0.50"), Err(Reject::OrderNotFound));
    assert_eq!(amend(ANN, M, BookSide::Bid, "0.505"), Err(Reject::InvalidPrice(price("0.505"))));
    assert_eq!(amend(ANN, MarketId(9), BookSide::Bid, "0.50"), Err(Reject::UnknownMarket));
}

#[test]
fn decreasing_and_cancelling() {
    let mut desk = Desk::new();
    let id = desk.rest(bid(ANN, "0.50", "10"));
    let behind = desk.rest(bid(BOB, "0.50", "1"));
    let mut decrease = |to| desk.apply(Command::Decrease { owner: ANN, order: id, to });
    let receipt = *decrease(DecreaseTo::By(count("2.5"))).unwrap().order().unwrap();
    assert_eq!((receipt.remaining, receipt.canceled), (count("7.5"), count("2.5")));
    assert_eq!(decrease(DecreaseTo::By(count("8"))), Err(Reject::InvalidSize(count("8"))));
    assert_eq!(decrease(DecreaseTo::Remaining(count("8"))), Err(Reject::InvalidSize(count("8"))));
    assert_eq!(decrease(DecreaseTo::By(count("0"))), Err(Reject::InvalidSize(count("0"))));
    decrease(DecreaseTo::Remaining(count("1"))).unwrap();
    assert_eq!(desk.engine.queue_position(behind), Some(count("1")));
    assert_eq!(desk.cash(ANN), texts("100.000000", "0.500000"));
    let zero = DecreaseTo::Remaining(count("0"));
    desk.apply(Command::Decrease { owner: ANN, order: id, to: zero }).unwrap();
    assert_eq!(desk.reasons(), [(id, OrderStatus::Canceled, UpdateReason::Cancel)]);
    assert_eq!(desk.apply(Command::Cancel { owner: ANN, order: id }), Err(Reject::OrderNotFound));
    assert_eq!(desk.apply(Command::Cancel { owner: ANN, order: behind }), Err(Reject::OrderNotFound));
    let receipt = desk.apply(Command::Cancel { owner: BOB, order: behind }).unwrap();
    assert_eq!(receipt.order().unwrap().canceled, count("1"));
    assert_eq!(desk.cash(ANN), texts("100.000000", "0.000000"));
}

#[test]
fn cancelling_everything_of_a_user_or_of_a_subaccount() {
    let mut desk = Desk::new();
    for owner in [ANN, ANN_TWO, ANN, BOB] {
        desk.rest(bid(owner, "0.10", "1"));
    }
    let all = |subaccount| Command::CancelAll { account: AccountId(1), subaccount };
    assert_eq!(desk.apply(all(Some(2))), Ok(Receipt::Canceled(1)));
    assert_eq!(desk.apply(all(None)), Ok(Receipt::Canceled(2)));
    assert_eq!(desk.engine.open_orders(BOB).count(), 1);
}

#[test]
fn a_name_is_of_one_open_order_of_a_user() {
    let mut desk = Desk::new();
    let named = |owner, name: &str| CreateOrder { client_order_id: Some(name.into()), ..bid(owner, "0.10", "1") };
    let id = desk.rest(named(ANN, "a"));
    assert_eq!(desk.create(named(ANN_TWO, "a")), Err(Reject::DuplicateClientOrderId));
    desk.rest(named(BOB, "a"));
    desk.apply(Command::Cancel { owner: ANN, order: id }).unwrap();
    desk.rest(named(ANN, "a"));
}

#[test]
fn a_group_is_triggered_by_what_fills_within_fifteen_seconds() {
    let mut desk = Desk::new();
    let group = desk.new_group(ANN, "10");
    let grouped = |at, size| CreateOrder { group: Some(group), ..bid(ANN, at, size) };
    let first = desk.rest(grouped("0.50", "20"));
    let second = desk.rest(grouped("0.40", "5"));
    desk.create(immediate(ask(BOB, "0.50", "6"))).unwrap();
    // A fill counts for less than fifteen seconds.
    desk.now = 15_000_000;
    desk.create(immediate(ask(BOB, "0.50", "6"))).unwrap();
    assert!(!desk.engine.order_group(ANN, group).unwrap().is_triggered);
    desk.now = 29_999_999;
    let taker = desk.create(ask(BOB, "0.40", "4")).unwrap();
    assert_eq!(
        desk.reasons(),
        [
            (first, OrderStatus::Resting, UpdateReason::Trade),
            (first, OrderStatus::Canceled, UpdateReason::Cancel),
            (second, OrderStatus::Canceled, UpdateReason::Cancel),
            (taker.order, OrderStatus::Executed, UpdateReason::Trade),
        ]
    );
    assert_eq!(desk.create(grouped("0.40", "1")), Err(Reject::GroupTriggered));
    desk.group(ANN, group, GroupAction::Reset).unwrap();
    desk.rest(grouped("0.40", "1"));
    assert_eq!(desk.create(CreateOrder { owner: BOB, ..grouped("0.40", "1") }), Err(Reject::GroupNotFound));
}

#[test]
fn a_triggered_group_ends_its_taker_too() {
    let mut desk = Desk::new();
    desk.rest(ask(BOB, "0.50", "6"));
    desk.rest(ask(CAT, "0.50", "6"));
    let group = desk.new_group(ANN, "5");
    let receipt = desk.create(CreateOrder { group: Some(group), ..bid(ANN, "0.50", "12") }).unwrap();
    assert_eq!((receipt.filled, receipt.canceled), (count("6"), count("6")));
    // And a fill-or-kill order is not taken for fillable where the group would stop it.
    desk.group(ANN, group, GroupAction::Reset).unwrap();
    desk.rest(ask(BOB, "0.50", "6"));
    let whole = all_or_nothing(CreateOrder { group: Some(group), ..bid(ANN, "0.50", "12") });
    assert_eq!(desk.create(whole), Err(Reject::NotFillable));
}

#[test]
fn limits_and_deletion_of_groups() {
    let mut desk = Desk::new();
    let group = desk.new_group(ANN, "10");
    let grouped = |at, size| CreateOrder { group: Some(group), ..bid(ANN, at, size) };
    desk.rest(grouped("0.50", "20"));
    desk.create(immediate(ask(BOB, "0.50", "6"))).unwrap();
    assert_eq!(desk.group(ANN, group, GroupAction::Limit { limit: count("0") }), Err(Reject::InvalidSize(count("0"))));
    desk.group(ANN, group, GroupAction::Limit { limit: count("7") }).unwrap();
    assert!(!desk.engine.order_group(ANN, group).unwrap().is_triggered);
    desk.group(ANN, group, GroupAction::Limit { limit: count("6") }).unwrap();
    let view = desk.engine.order_group(ANN, group).unwrap();
    assert!(view.is_triggered && view.orders.is_empty());
    desk.group(ANN, group, GroupAction::Reset).unwrap();
    let id = desk.rest(grouped("0.50", "1"));
    assert_eq!(desk.group(BOB, group, GroupAction::Delete), Err(Reject::GroupNotFound));
    desk.group(ANN, group, GroupAction::Delete).unwrap();
    assert_eq!(desk.reasons(), [(id, OrderStatus::Canceled, UpdateReason::Cancel)]);
    assert_eq!(desk.create(grouped("0.50", "1")), Err(Reject::GroupNotFound));
    assert_eq!(desk.engine.order_group(ANN, group), None);
}

#[test]
fn resting_orders_are_covered_by_cash_to_the_cent() {
    let mut desk = Desk::new();
    desk.rest(bid(ANN, "0.50", "100"));
    desk.rest(ask(ANN, "0.60", "100"));
    assert_eq!(desk.cash(ANN), texts("100.000000", "90.000000"));
    let refused = desk.create(bid(ANN, "0.11", "100"));
    assert_eq!(refused, Err(Reject::InsufficientBalance { needed: money("11"), available: money("10") }));
    desk.rest(bid(ANN, "0.10", "100"));
    assert_eq!(desk.cash(ANN), texts("100.000000", "100.000000"));
    assert!(matches!(desk.transfer(ANN, "-0.01"), Err(Reject::InsufficientBalance { .. })));
    assert!(matches!(desk.transfer(ANN, "1000000000001"), Err(Reject::InvalidAmount(_))));
}

#[test]
fn fees_are_covered_too() {
    let fees = FeeRule::of_type("quadratic_with_maker_fees", 1_000_000).unwrap().unwrap();
    let mut desk = Desk::with(fees);
    // 100 × 0.50 × 0.50 × 0.0175.
    let id = desk.rest(ask(BOB, "0.50", "100"));
    assert_eq!(desk.cash(BOB), texts("100.000000", "50.440000"));
    desk.transfer(ANN, "-48.26").unwrap();
    let refused = desk.create(bid(ANN, "0.50", "100"));
    assert_eq!(refused, Err(Reject::InsufficientBalance { needed: money("51.75"), available: money("51.74") }));
    desk.transfer(ANN, "0.01").unwrap();
    let receipt = desk.create(bid(ANN, "0.50", "100")).unwrap();
    assert_eq!(receipt.fees, money("1.75"));
    assert_eq!(desk.cash(ANN), texts("0.000000", "0.000000"));
    assert_eq!(desk.cash(BOB), texts("49.560000", "0.000000"));
    assert_eq!(desk.engine.fees_collected(), money("2.19"));
    assert!(desk.engine.order(id).is_none());
}

#[test]
fn closing_needs_no_cash_and_pairs_pay_a_dollar() {
    let mut desk = Desk::with(FeeRule::of_type("quadratic", 1_000_000).unwrap().unwrap());
    desk.rest(ask(BOB, "0.50", "100"));
    desk.transfer(ANN, "-48.25").unwrap();
    desk.create(bid(ANN, "0.50", "100")).unwrap();
    assert_eq!(desk.cash(ANN), texts("0.000000", "0.000000"));
    // All that is held can be offered.
    desk.rest(ask(ANN, "0.60", "60"));
    // 251 NO at $0.40 cost $100.40, and 100 pairs pay $100 back.
    let more = desk.create(ask(ANN, "0.60", "191"));
    assert_eq!(more, Err(Reject::InsufficientBalance { needed: money("0.40"), available: money("0") }));
    desk.rest(ask(ANN, "0.60", "40"));
    desk.create(bid(CAT, "0.60", "100")).unwrap();
    assert_eq!(desk.cash(ANN), texts("60.000000", "0.000000"));
    let ann = desk.position(ANN);
    assert_eq!((ann.position, ann.cost, ann.realized), (count("0"), money("0"), money("10")));
    assert_eq!((ann.volume, ann.traded, ann.fees), (count("200"), money("90"), money("1.75")));
    assert_eq!(desk.engine.open_interest(M), Some(count("100")));
}

#[test]
fn a_position_is_closed_at_its_average_cost_before_one_opens() {
    let mut desk = Desk::new();
    desk.rest(ask(BOB, "0.40", "10"));
    desk.rest(ask(BOB, "0.60", "10"));
    desk.create(bid(ANN, "0.60", "20")).unwrap();
    let ann = desk.position(ANN);
    assert_eq!((ann.position, ann.cost, ann.realized), (count("20"), money("10"), money("0")));
    desk.rest(bid(CAT, "0.70", "30"));
    desk.create(ask(ANN, "0.70", "30")).unwrap();
    let ann = desk.position(ANN);
    // 20 sold for $14 that cost $10; then 10 NO at $0.30.
    assert_eq!((ann.position, ann.cost, ann.realized), (count("-10"), money("3"), money("4")));
}

#[test]
fn settlement_pays_each_side_its_part() {
    for (value, ann, bob) in
        [("1", "150.000000", "50.000000"), ("0", "50.000000", "150.000000"), ("0.25", "75.000000", "125.000000")]
    {
        let mut desk = Desk::new();
        desk.rest(ask(BOB, "0.50", "100"));
        desk.create(bid(ANN, "0.50", "100")).unwrap();
        let resting = desk.rest(bid(CAT, "0.10", "1"));
        desk.market(MarketAction::Close).unwrap();
        assert_eq!(desk.reasons(), [(resting, OrderStatus::Canceled, UpdateReason::CloseCancel)]);
        assert_eq!(desk.create(bid(CAT, "0.10", "1")), Err(Reject::MarketInactive));
        assert_eq!(desk.market(MarketAction::Settle), Err(Reject::MarketState("closed")));
        desk.market(MarketAction::Determine { value: price(value) }).unwrap();
        desk.market(MarketAction::Dispute).unwrap();
        assert_eq!(desk.market(MarketAction::Settle), Err(Reject::MarketState("disputed")));
        desk.market(MarketAction::Determine { value: price(value) }).unwrap();
        assert_eq!(desk.engine.market_state(M), Some(MarketState::Amended));
        desk.market(MarketAction::Settle).unwrap();
        assert_eq!((desk.cash(ANN).0.as_str(), desk.cash(BOB).0.as_str()), (ann, bob));
        assert_eq!(desk.engine.open_interest(M), Some(count("0")));
        assert_eq!(desk.engine.position(ANN, M), None);
        let settled = desk.effects.iter().filter(|effect| matches!(effect, Effect::Settled(_))).count();
        assert_eq!(settled, 2);
    }
}

#[test]
fn a_pause_keeps_what_did_not_ask_and_a_resumption_nothing() {
    let mut desk = Desk::new();
    let stays = desk.rest(bid(ANN, "0.50", "2"));
    let goes = desk.rest(CreateOrder { cancel_on_pause: true, ..bid(BOB, "0.50", "1") });
    desk.market(MarketAction::Pause).unwrap();
    assert_eq!(desk.reasons(), [(goes, OrderStatus::Canceled, UpdateReason::HaltCancel)]);
    assert_eq!(desk.create(bid(CAT, "0.10", "1")), Err(Reject::TradingPaused));
    assert_eq!(desk.amend(stays, "0.50", "1"), Err(Reject::TradingPaused));
    let cancelled = desk.rest_while_paused(stays);
    assert_eq!(cancelled.remaining, count("1"));
    desk.market(MarketAction::Resume).unwrap();
    assert_eq!(desk.reasons(), [(stays, OrderStatus::Canceled, UpdateReason::HaltCancel)]);
    desk.rest(bid(CAT, "0.10", "1"));
    assert_eq!(desk.market(MarketAction::Resume), Err(Reject::MarketState("active")));
}

impl Desk {
    fn rest_while_paused(&mut self, order: OrderId) -> OrderReceipt {
        let by = DecreaseTo::By(count("1"));
        *self.apply(Command::Decrease { owner: ANN, order, to: by }).unwrap().order().unwrap()
    }
}

#[test]
fn higher_fees_cancel_what_they_leave_uncovered() {
    let mut desk = Desk::new();
    let best = desk.rest(bid(ANN, "0.50", "100"));
    let worst = desk.rest(bid(ANN, "0.10", "490"));
    let other = desk.rest(bid(BOB, "0.10", "10"));
    assert_eq!(desk.cash(ANN), texts("100.000000", "99.000000"));
    let fees = FeeRule::new(Fee::Free, Fee::Quadratic { rate: 17_500 }).unwrap();
    desk.market(MarketAction::Fees(fees)).unwrap();
    assert_eq!(desk.reasons(), [(worst, OrderStatus::Canceled, UpdateReason::MarginCancel)]);
    assert_eq!(desk.cash(ANN), texts("100.000000", "50.440000"));
    assert!(desk.engine.order(best).is_some() && desk.engine.order(other).is_some());
}

#[test]
fn another_grid_keeps_what_rests() {
    let mut desk = Desk::new();
    assert_eq!(desk.create(bid(ANN, "0.505", "1")), Err(Reject::InvalidPrice(price("0.505"))));
    desk.market(MarketAction::PriceGrid(PriceGrid::of_structure("deci_cent").unwrap())).unwrap();
    let id = desk.rest(bid(ANN, "0.505", "2"));
    desk.market(MarketAction::PriceGrid(PriceGrid::linear_cent())).unwrap();
    desk.amend(id, "0.505", "1").unwrap();
    assert_eq!(desk.levels(Side::Yes), [texts("0.5050", "1.00")]);
}

#[test]
fn sizes_that_no_order_can_have() {
    let mut desk = Desk::new();
    for size in ["0", "-1", "1000000000.01"] {
        assert_eq!(desk.create(bid(ANN, "0.50", size)), Err(Reject::InvalidSize(count(size))));
    }
    assert_eq!(desk.create(CreateOrder { market: MarketId(7), ..bid(ANN, "0.5", "1") }), Err(Reject::UnknownMarket));
    let nobody = Owner { account: AccountId(77), subaccount: 0 };
    assert!(matches!(desk.create(bid(nobody, "0.01", "0.01")), Err(Reject::InsufficientBalance { .. })));
}
